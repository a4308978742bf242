//! What deciding brings in, against customers to whom nothing is ever done.

use percorso_journey::{Spec, Timestamp};
use percorso_next_action::{Interval, mean};
use serde::{Deserialize, Serialize};

use super::actions::{Ends, ends};
use crate::decided::DecidedRows;

/// The fewest customers on either side.
const MIN_CUSTOMERS: usize = 50;

/// What the programme as a whole brings in, by the customers that chance has held out of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgrammeEvaluation {
    /// Customers held out.
    pub n_held_out: usize,
    /// The others.
    pub n_others: usize,
    /// The first decision that counts: none after it did anything to a customer who was held out.
    pub since: String,
    /// How much more a decision about the others earned in its window, costs taken off, with an interval of 95 %.
    pub gain: Ends,
}

/// What deciding has brought in since nothing was done to held-out customers any more; `None` where there are too few
/// customers on either side.
pub(super) fn programme(spec: &Spec, rows: &DecidedRows, seed: u64) -> Option<ProgrammeEvaluation> {
    let done_to_held_out = (0..rows.at.len()).filter(|row| rows.is_held_out[*row] && rows.arm[*row] != 0);
    let last: Option<Timestamp> = done_to_held_out.map(|row| rows.at[row]).max();
    let counted: Vec<usize> = (0..rows.at.len())
        .filter(|row| last.is_none_or(|last| rows.at[*row] > last))
        .collect();
    let since = counted.iter().map(|row| rows.at[*row]).min()?;
    let side = |is_held_out: bool| -> Vec<usize> {
        let is_of = |row: &&usize| rows.is_held_out[**row] == is_held_out;
        counted.iter().filter(is_of).copied().collect()
    };
    let (held_out, others) = (side(true), side(false));
    let n_customers = |of: &[usize]| {
        let mut customers: Vec<u64> = of.iter().map(|row| rows.customers[*row]).collect();
        customers.sort_unstable();
        customers.dedup();
        customers.len()
    };
    let (n_held_out, n_others) = (n_customers(&held_out), n_customers(&others));
    if n_held_out < MIN_CUSTOMERS || n_others < MIN_CUSTOMERS {
        return None;
    }
    let worth = spec.decisions().reward;
    let earned = |row: usize| {
        let cost = match rows.arm[row] {
            0 => 0.0,
            action => spec.actions()[action as usize - 1].cost,
        };
        worth.of(&rows.came[row]) - cost
    };
    let mean_of = |of: &[usize]| of.iter().map(|row| earned(*row)).sum::<f64>() / of.len() as f64;
    let (of_held_out, of_others) = (mean_of(&held_out), mean_of(&others));
    // The mean of these is the difference of the two means, and they differ from it by what each row adds to it.
    let share = |of: &[usize]| of.len() as f64 / counted.len() as f64;
    let (share_held_out, share_others) = (share(&held_out), share(&others));
    let told = |row: &usize| {
        let beyond = if rows.is_held_out[*row] {
            (of_held_out - earned(*row)) / share_held_out
        } else {
            (earned(*row) - of_others) / share_others
        };
        of_others - of_held_out + beyond
    };
    let numbers: Vec<f64> = counted.iter().map(told).collect();
    let customers: Vec<u64> = counted.iter().map(|row| rows.customers[*row]).collect();
    Some(ProgrammeEvaluation {
        n_held_out,
        n_others,
        since: since.to_string(),
        gain: ends(&mean(&numbers, &customers, &Interval::seeded(seed))),
    })
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use percorso_journey::{Came, text};
    use percorso_learners::Random;

    use super::*;

    const DECISIONS: &str = r#"
[decisions]
holdout = 0.2

[decisions.reward]
spend = 1.0

[[action]]
name = "call"
channel = "shop"
cost = 2.0
"#;

    /// A decision a day about each of `n` customers: a fifth is held out, the others are called and spend 5 more.
    fn rows(n: usize) -> DecidedRows {
        let mut random = Random::new(9);
        let (mut arm, mut came, mut customers, mut at, mut is_held_out) = (vec![], vec![], vec![], vec![], vec![]);
        for customer in 0..n {
            for day in 0..4 {
                let held_out = customer % 5 == 0;
                // On the first day nobody had said yet who is held out.
                let called = !held_out || day == 0;
                arm.push(u32::from(called));
                came.push(Came {
                    spent: 10.0 * random.uniform() + 5.0 * f64::from(u8::from(called)),
                    ..Came::default()
                });
                customers.push(customer as u64);
                at.push(Timestamp::from_micros(day * 86_400_000_000 + 1));
                is_held_out.push(held_out);
            }
        }
        DecidedRows {
            cells: Array2::zeros((arm.len(), 0)),
            columns: Vec::new(),
            propensity: vec![Some(1.0); arm.len()],
            silence_days: vec![0.0; arm.len()],
            arm,
            came,
            customers,
            at,
            is_held_out,
        }
    }

    #[test]
    fn what_the_programme_brings_in_is_told_against_who_is_held_out() {
        let spec = Spec::parse(&format!("{}{DECISIONS}", text::SMALL_SPEC)).unwrap();
        let found = programme(&spec, &rows(600), 1).unwrap();
        assert_eq!((found.n_held_out, found.n_others), (120, 480));
        assert_eq!(found.since, "1970-01-02T00:00:00.000001Z");
        let [gain, low, high] = found.gain.map(Option::unwrap);
        // 5 spent more at a cost of 2.
        assert!(low < 3.0 && 3.0 < high && high - low < 1.2, "{gain} {low} {high}");
        assert_eq!(programme(&spec, &rows(200), 1), None);
    }
}
