//! Measures of when something comes, of rows of which some went out of sight before it did.

use crate::training_set::check_length;
use crate::{Error, Result, setting};

/// A row followed until something came, or until it went out of sight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Followed {
    /// Days until then.
    pub days: f64,
    /// What came; `None` when the row went out of sight.
    pub cause: Option<u32>,
}

impl Followed {
    fn is(&self, cause: Option<u32>) -> bool {
        self.cause.is_some() && (cause.is_none() || self.cause == cause)
    }
}

/// How long rows stay in sight (Kaplan and Meier 1958, of going out of sight): what rows that did must stand in for.
#[derive(Debug, Clone, PartialEq)]
pub struct InSight {
    /// Days on which rows went out of sight, rising, with the share still in sight after each.
    steps: Vec<(f64, f64)>,
}

impl InSight {
    /// Of rows as they were followed; what comes on a day comes before rows go out of sight on it.
    ///
    /// # Errors
    /// - there is no row, or a number of days is negative or not finite
    pub fn of(rows: &[Followed]) -> Result<InSight> {
        check(rows)?;
        let mut sorted = rows.to_vec();
        sorted.sort_by(|a, b| a.days.total_cmp(&b.days));
        let (mut steps, mut share, mut n_left) = (Vec::new(), 1.0, rows.len());
        for of_day in sorted.chunk_by(|a, b| a.days == b.days) {
            let n_gone = of_day.iter().filter(|row| row.cause.is_none()).count();
            if n_gone > 0 {
                let n_at_risk = n_left - (of_day.len() - n_gone);
                share *= 1.0 - n_gone as f64 / n_at_risk as f64;
                steps.push((of_day[0].days, share));
            }
            n_left -= of_day.len();
        }
        Ok(InSight { steps })
    }

    /// The share still in sight after `days`.
    fn after(&self, days: f64) -> f64 {
        self.share(self.steps.partition_point(|(day, _)| *day <= days))
    }

    /// The share still in sight just before `days`.
    fn before(&self, days: f64) -> f64 {
        self.share(self.steps.partition_point(|(day, _)| *day < days))
    }

    fn share(&self, n_steps: usize) -> f64 {
        n_steps.checked_sub(1).map_or(1.0, |last| self.steps[last].1)
    }
}

/// The mean squared distance between the probability `p` that a cause has come by `days` and whether it had, rows that
/// were seen standing in for those out of sight (Graf et al. 1999; of competing causes Schoop et al. 2011).
///
/// Without a cause, `p` is that anything has come. Lower is better; who is told 0 or 1 rightly adds nothing.
///
/// # Errors
/// - there is no row, the lengths differ, or a probability is not from 0 to 1
/// - nobody is in sight after `days`
pub fn brier_by(p: &[f64], rows: &[Followed], cause: Option<u32>, days: f64, in_sight: &InSight) -> Result<f64> {
    check(rows)?;
    check_length("probabilities, one for each row", rows.len(), p.len())?;
    let after = in_sight.after(days);
    setting::check(
        "the share in sight",
        after > 0.0,
        "above 0 after the days asked about",
        after,
    )?;
    let mut sum = 0.0;
    for (p, row) in p.iter().zip(rows) {
        setting::check("a probability", (0.0..=1.0).contains(p), "from 0 to 1", *p)?;
        let weight = match row.cause {
            _ if row.days > days => 1.0 / after,
            Some(_) => 1.0 / in_sight.before(row.days),
            None => continue,
        };
        let came = f64::from(u8::from(row.days <= days && row.is(cause)));
        sum += weight * (p - came) * (p - came);
    }
    Ok(sum / rows.len() as f64)
}

/// The share of comparable pairs in which the row with the greater risk met the cause first (Harrell et al. 1982); equal
/// risks count half.
///
/// A pair is comparable when one met it while the other was still in sight; who met another cause first never meets it
/// (Wolbers et al. 2009).
///
/// # Errors
/// - there is no row, the lengths differ, a risk is NaN, or no pair is comparable
pub fn concordance(risk: &[f64], rows: &[Followed], cause: Option<u32>) -> Result<f64> {
    check(rows)?;
    check_length("risks, one for each row", rows.len(), risk.len())?;
    for risk in risk {
        setting::check("a risk", !risk.is_nan(), "a number", *risk)?;
    }
    let mut ranks: Vec<f64> = risk.to_vec();
    ranks.sort_by(f64::total_cmp);
    ranks.dedup();
    let days = |row: usize| match rows[row].cause {
        Some(_) if !rows[row].is(cause) => f64::INFINITY,
        _ => rows[row].days,
    };
    let mut later: Vec<usize> = (0..rows.len()).collect();
    later.sort_by(|a, b| days(*b).total_cmp(&days(*a)));
    let mut seen = Counts(vec![0; ranks.len() + 1]);
    let (mut n_concordant, mut n_tied, mut n_pairs) = (0u64, 0u64, 0u64);
    for of_day in later.chunk_by(|a, b| days(*a) == days(*b)) {
        let rank = |row: usize| ranks.partition_point(|other| *other < risk[row]);
        let (met, others): (Vec<usize>, Vec<usize>) = of_day.iter().partition(|row| rows[**row].is(cause));
        others.iter().for_each(|row| seen.add(rank(*row)));
        for row in &met {
            let (below, not_above) = (seen.below(rank(*row)), seen.below(rank(*row) + 1));
            n_concordant += below;
            n_tied += not_above - below;
            n_pairs += seen.below(ranks.len());
        }
        met.iter().for_each(|row| seen.add(rank(*row)));
    }
    setting::check("comparable pairs", n_pairs > 0, "at least one", 0.0)?;
    Ok((n_concordant as f64 + 0.5 * n_tied as f64) / n_pairs as f64)
}

/// The share of rows for which each cause came first by each of `days`, of all rows as if none had gone out of sight
/// (Aalen and Johansen 1978): one list a cause.
///
/// # Errors
/// - there is no row, a row's number of days is negative or not finite, or one asked about is NaN
/// - a cause is not below `n_causes`
pub fn aalen_johansen(rows: &[Followed], n_causes: usize, days: &[f64]) -> Result<Vec<Vec<f64>>> {
    check(rows)?;
    for days in days {
        setting::check("days asked about", !days.is_nan(), "a number", *days)?;
    }
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| a.days.total_cmp(&b.days));
    for cause in sorted.iter().filter_map(|row| row.cause) {
        let found = f64::from(cause);
        setting::check("a cause", (cause as usize) < n_causes, "one of those declared", found)?;
    }
    let (mut survival, mut incidence, mut n_left) = (1.0, vec![0.0; n_causes], rows.len());
    let mut steps: Vec<(f64, Vec<f64>)> = vec![(f64::NEG_INFINITY, incidence.clone())];
    for of_day in sorted.chunk_by(|a, b| a.days == b.days) {
        let mut counts = vec![0usize; n_causes];
        for cause in of_day.iter().filter_map(|row| row.cause) {
            counts[cause as usize] += 1;
        }
        let n_came: usize = counts.iter().sum();
        if n_came > 0 {
            for (incidence, count) in incidence.iter_mut().zip(&counts) {
                *incidence += survival * *count as f64 / n_left as f64;
            }
            survival *= 1.0 - n_came as f64 / n_left as f64;
            steps.push((of_day[0].days, incidence.clone()));
        }
        n_left -= of_day.len();
    }
    let at = |days: f64| &steps[steps.partition_point(|(day, _)| *day <= days) - 1].1;
    let of_cause = |cause: usize| days.iter().map(|days| at(*days)[cause]).collect();
    Ok((0..n_causes).map(of_cause).collect())
}

fn check(rows: &[Followed]) -> Result<()> {
    if rows.is_empty() {
        return Err(Error::NoRows);
    }
    let wrong = rows.iter().find(|row| !(row.days >= 0.0 && row.days.is_finite()));
    wrong.map_or(Ok(()), |row| {
        setting::check("days followed", false, "a number from 0 on", row.days)
    })
}

/// How many of each rank, with sums in logarithmic time (Fenwick 1994).
struct Counts(Vec<u64>);

impl Counts {
    fn add(&mut self, rank: usize) {
        let mut at = rank + 1;
        while at < self.0.len() {
            self.0[at] += 1;
            at += at & at.wrapping_neg();
        }
    }

    /// How many have a lower rank.
    fn below(&self, rank: usize) -> u64 {
        let (mut at, mut sum) = (rank, 0);
        while at > 0 {
            sum += self.0[at];
            at &= at - 1;
        }
        sum
    }
}
