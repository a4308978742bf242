//! How often intervals hold the truth: policy values, the mean effect and the uplift of a group named beforehand.
//!
//! `cargo bench -p percorso-bench --bench coverage -- [--seeds 1000] [--first 1] [--sizes 225,450] [--laws even,rare]`
//!
//! Sizes are effective sample sizes under the target policy; the group has half of a log, so its own is about the least
//! that is asked for in the second size, as the whole log's is in the first.
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use std::time::Instant;

use ndarray::Array2;
use percorso_bench::logged::{GROUP, Law, N_PLACES, Rewards, Row, TARGET};
use percorso_learners::{Column, Random};
use percorso_next_action::off_policy::{Estimator, Logged, MIN_ESS, Round, values};
use percorso_next_action::uplift::Uplift;
use percorso_next_action::{Estimate, Given, Interval, OutcomeModel, Trial, mean};
use rayon::prelude::*;

/// How often an interval should hold the truth.
const LEVEL: f64 = 0.95;
/// The chance that all decisions together may have of naming an interval that does not undercover.
const FAMILY_ERROR: f64 = 0.05;
/// The 97.5 % quantile of the normal distribution.
const NORMAL_QUANTILE: f64 = 1.959_964;
/// What is asked of each log.
const ASKED: [&str; 5] = ["value ipw", "value snipw", "value dr", "mean effect", "group uplift"];

/// The action is done as often as not.
const EVEN: Law = Law {
    name: "even",
    propensity: [0.5; N_PLACES],
    rewards: Rewards::YesNo { times: 1.0 },
    max_rows: 1,
    is_outcome_model_wrong: false,
};

static LAWS: [Law; 6] = [
    EVEN,
    Law {
        name: "clustered",
        rewards: Rewards::AlikeByCustomer,
        max_rows: 10,
        ..EVEN
    },
    Law {
        name: "rare",
        rewards: Rewards::YesNo { times: 0.04 },
        ..EVEN
    },
    Law {
        name: "heavy",
        rewards: Rewards::Spend { log_spread: 1.5 },
        ..EVEN
    },
    Law {
        name: "wrong q",
        is_outcome_model_wrong: true,
        ..EVEN
    },
    Law {
        name: "skewed",
        propensity: [0.02, 0.1, 0.5, 0.9],
        ..EVEN
    },
];

fn main() {
    let (mut n_seeds, mut first, mut sizes) = (1_000, 1, vec![225.0, 450.0]);
    let mut laws: Vec<&Law> = LAWS.iter().collect();
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let value = words.next().unwrap_or_else(|| panic!("{word} needs a value"));
        match word.as_str() {
            "--seeds" => n_seeds = value.parse().expect("a number of seeds"),
            "--first" => first = value.parse().expect("the first seed"),
            "--sizes" => sizes = value.split(',').map(|size| size.parse().expect("a size")).collect(),
            "--laws" => laws = value.split(',').map(law_named).collect(),
            _ => panic!("{word}: expected --seeds, --first, --sizes or --laws"),
        }
    }
    println!(
        "{:<10}{:>6}{:>7}  {:<13}{:>6}{:>6}{:>8}{:>7}{:>7}{:>10}{:>9}{:>10}{:>10}{:>10}",
        "law",
        "ESS",
        "rows",
        "asked",
        "told",
        "left",
        "held %",
        "below",
        "above",
        "p",
        "endless",
        "length",
        "normal %",
        "length"
    );
    let mut cells = Vec::new();
    for ess in sizes {
        for law in &laws {
            let began = Instant::now();
            let n_customers = law.n_customers(ess);
            Log::of(law, n_customers, first).check_as_shipped(law);
            let told: Vec<(usize, [Option<Told>; ASKED.len()])> = (first..first + n_seeds)
                .into_par_iter()
                .map(|seed| {
                    let log = Log::of(law, n_customers, seed);
                    (log.rows.len(), log.told(law))
                })
                .collect();
            let n_rows = told.iter().map(|(n_rows, _)| n_rows).sum::<usize>() / told.len();
            for (at, asked) in ASKED.into_iter().enumerate() {
                let cell = Cell::of(told.iter().map(|(_, told)| told[at]));
                println!("{:<10}{ess:>6}{n_rows:>7}  {asked:<13}{}", law.name, cell.line());
                cells.push((format!("{} {ess} {asked}", law.name), cell));
            }
            println!("{:<10}{ess:>6} took {:.0} s", law.name, began.elapsed().as_secs_f64());
        }
    }
    decide(&cells);
}

fn law_named(name: &str) -> &'static Law {
    let found = LAWS.iter().find(|law| law.name == name);
    found.unwrap_or_else(|| panic!("--laws: {name} is none of {:?}", LAWS.map(|law| law.name)))
}

/// Which intervals hold the truth less often than they should, by Holm 1979, "A simple sequentially rejective multiple
/// test procedure".
fn decide(cells: &[(String, Cell)]) {
    let mut tested: Vec<&(String, Cell)> = cells.iter().filter(|(_, cell)| cell.n_told > 0).collect();
    tested.sort_by(|(_, a), (_, b)| a.p.total_cmp(&b.p));
    let is_rejected = |(at, (_, cell)): (usize, &&(String, Cell))| cell.p <= FAMILY_ERROR / (tested.len() - at) as f64;
    let n_rejected = tested.iter().enumerate().take_while(|cell| is_rejected(*cell)).count();
    println!(
        "\n{n_rejected} of {} intervals hold the truth in fewer than {LEVEL} of logs (Holm, {FAMILY_ERROR} for all together)",
        tested.len()
    );
    for (name, cell) in &tested[..n_rejected] {
        println!(
            "{name}: {:.1} % (normal {:.1} %)",
            cell.percent(cell.n_held),
            cell.percent(cell.n_held_normal)
        );
    }
}

/// A log, and what is expected of each arm by models that have not seen the row's customer.
struct Log {
    seed: u64,
    rows: Vec<Row>,
    expected: Array2<f64>,
}

/// What a log tells beside the truth.
#[derive(Clone, Copy)]
struct Told {
    truth: f64,
    estimate: Estimate,
    /// Half the length of the normal interval.
    normal: f64,
}

impl Log {
    fn of(law: &Law, n_customers: usize, seed: u64) -> Log {
        let rows = law.log(n_customers, &mut Random::stream(seed, n_customers as u64));
        let of_models =
            |trial: &Trial<'_>| OutcomeModel::cross_fitted(trial, seed).expect("customers enough for folds");
        let mut expected = with_trial(&rows, of_models);
        if law.is_outcome_model_wrong {
            expected.outer_iter_mut().for_each(|mut arms| arms.swap(0, 1));
            expected.mapv_inplace(|reward| 1.0 - 2.0 * reward);
        }
        Log { seed, rows, expected }
    }

    /// The mean effect here is the one that training tells, to the bit.
    fn check_as_shipped(&self, law: &Law) {
        if law.is_outcome_model_wrong {
            return;
        }
        let refit = |trial: &Trial<'_>| Uplift::refit(trial, &[Vec::new()], self.seed).expect("rows of both arms");
        let shipped = with_trial(&self.rows, refit).arms()[0].average;
        assert_eq!(self.effect(|_| true).1, shipped, "not what ships");
    }

    /// What is asked, each nothing where the log tells as much as fewer rows than are asked for.
    fn told(&self, law: &Law) -> [Option<Told>; ASKED.len()] {
        let rounds = self.rounds();
        let estimators = [Estimator::Ipw, Estimator::SelfNormalisedIpw, Estimator::DoublyRobust];
        let told = values(&rounds, &estimators, &Interval::seeded(self.seed));
        let weights = || rounds.iter().map(Round::weight);
        let customers: Vec<u64> = self.rows.iter().map(|row| row.customer).collect();
        let is_enough = ess(weights()) >= MIN_ESS;
        let value = |at: usize, normal: f64| {
            is_enough.then_some(Told {
                truth: law.value(),
                estimate: told[at].estimate,
                normal,
            })
        };
        let weighed: Vec<f64> = weights()
            .zip(&self.rows)
            .map(|(weight, row)| weight * row.reward)
            .collect();
        let corrected: Vec<f64> = weights()
            .enumerate()
            .map(|(at, weight)| {
                let row = self.rows[at];
                self.expected[[at, TARGET[row.place]]] + weight * (row.reward - self.expected[[at, row.arm]])
            })
            .collect();
        let once = vec![1.0; self.rows.len()];
        let weights: Vec<f64> = weights().collect();
        let effect = |truth: f64, of: fn(&Row) -> bool| {
            let least = (0..2)
                .map(|arm| {
                    let rows = self.rows.iter().filter(|row| of(row) && row.arm == arm);
                    ess(rows.map(|row| 1.0 / row.propensity))
                })
                .fold(f64::INFINITY, f64::min);
            let is_enough = least >= MIN_ESS;
            is_enough.then(|| {
                let (normal, estimate) = self.effect(of);
                Told {
                    truth,
                    estimate,
                    normal,
                }
            })
        };
        [
            value(0, normal(&weighed, &once, &customers)),
            value(1, normal(&weighed, &weights, &customers)),
            value(2, normal(&corrected, &once, &customers)),
            effect(law.effect(), |_| true),
            effect(law.effect_on(GROUP), |row| row.kind == GROUP),
        ]
    }

    fn rounds(&self) -> Vec<Round> {
        let round = |(row, q): (&Row, ndarray::ArrayView1<'_, f64>)| {
            let logged = Logged {
                cluster: row.customer,
                action: row.arm,
                reward: row.reward,
                propensity: row.propensity,
            };
            let mut pi = [0.0; 2];
            pi[TARGET[row.place]] = 1.0;
            Round::new(&logged, &pi, &[q[0], q[1]]).expect("a decision under a policy")
        };
        self.rows.iter().zip(self.expected.outer_iter()).map(round).collect()
    }

    /// The mean effect on some rows, by what each outcome tells of it (as [`Uplift::fit`] takes it), after half the length
    /// of its normal interval.
    fn effect(&self, of: impl Fn(&Row) -> bool) -> (f64, Estimate) {
        let (mut effects, mut customers) = (Vec::new(), Vec::new());
        for (row, expected) in self.rows.iter().zip(self.expected.outer_iter()) {
            if of(row) {
                let missed = (row.reward - expected[row.arm]) / row.propensity;
                let correction = if row.arm == 1 { missed } else { -missed };
                effects.push(expected[1] - expected[0] + correction);
                customers.push(row.customer);
            }
        }
        let once = vec![1.0; effects.len()];
        let told = mean(&effects, &customers, &Interval::seeded(self.seed));
        (normal(&effects, &once, &customers), told)
    }
}

/// What is made of a log as the trial that learners get: place and kind are what they see.
fn with_trial<T>(rows: &[Row], of: impl Fn(&Trial<'_>) -> T) -> T {
    let cells: Vec<f32> = rows
        .iter()
        .flat_map(|row| [row.place as f32, row.kind as f32])
        .collect();
    let cells = Array2::from_shape_vec((rows.len(), 2), cells).expect("two cells a row");
    let columns = [Column::number("place"), Column::number("kind")];
    let numbers = |of: fn(&Row) -> f64| -> Vec<f64> { rows.iter().map(of).collect() };
    let given = Given {
        arm: &rows.iter().map(|row| row.arm as u32).collect::<Vec<_>>(),
        n_arms: 2,
        outcome: &numbers(|row| row.reward),
        propensity: &numbers(|row| row.propensity),
        customers: &rows.iter().map(|row| row.customer).collect::<Vec<_>>(),
    };
    of(&Trial::new(cells.view(), &columns, given).expect("rows of one length"))
}

/// How many rows of equal weight tell as much (Kish 1965).
fn ess(weights: impl Iterator<Item = f64>) -> f64 {
    let (sum, squares) = weights.fold((0.0, 0.0), |(sum, squares), weight| {
        (sum + weight, squares + weight * weight)
    });
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

/// Half the length of the normal interval of a ratio of sums, by the delta method over customers, whose rows follow each
/// other.
fn normal(above: &[f64], below: &[f64], customers: &[u64]) -> f64 {
    let whole: f64 = below.iter().sum();
    let ratio = above.iter().sum::<f64>() / whole;
    let (mut squares, mut n_customers, mut from) = (0.0, 0.0, 0);
    for rows in customers.chunk_by(|a, b| a == b) {
        let rows = from..from + rows.len();
        from = rows.end;
        let residual: f64 = rows.map(|row| above[row] - ratio * below[row]).sum();
        squares += residual * residual;
        n_customers += 1.0;
    }
    NORMAL_QUANTILE * (squares * n_customers / (n_customers - 1.0)).sqrt() / whole
}

/// How an interval fared over logs of one law and size.
struct Cell {
    n_told: usize,
    n_left_out: usize,
    n_held: usize,
    /// Logs whose interval lies below the truth, and above it.
    n_below: usize,
    n_above: usize,
    /// Logs whose interval has an infinite end.
    n_endless: usize,
    /// How likely as few or fewer would hold the truth if each did so with a chance of [`LEVEL`].
    p: f64,
    length: f64,
    n_held_normal: usize,
    length_normal: f64,
}

impl Cell {
    fn of(all: impl Iterator<Item = Option<Told>> + Clone) -> Cell {
        let n_left_out = all.clone().filter(Option::is_none).count();
        let told: Vec<Told> = all.flatten().collect();
        let count = |is: fn(&Told) -> bool| told.iter().filter(|told| is(told)).count();
        let median = |length: fn(&Told) -> f64| {
            let mut lengths: Vec<f64> = told.iter().map(length).collect();
            lengths.sort_unstable_by(f64::total_cmp);
            lengths.get(lengths.len() / 2).copied().unwrap_or(f64::NAN)
        };
        let n_held = count(|told| told.estimate.low <= told.truth && told.truth <= told.estimate.high);
        Cell {
            n_told: told.len(),
            n_left_out,
            n_held,
            n_below: count(|told| told.estimate.high < told.truth),
            n_above: count(|told| told.estimate.low > told.truth),
            n_endless: count(|told| told.estimate.low.is_infinite() || told.estimate.high.is_infinite()),
            p: at_least_as_many_misses(told.len(), told.len() - n_held),
            length: median(|told| told.estimate.high - told.estimate.low),
            n_held_normal: count(|told| (told.estimate.value - told.truth).abs() <= told.normal),
            length_normal: median(|told| 2.0 * told.normal),
        }
    }

    fn percent(&self, n: usize) -> f64 {
        100.0 * n as f64 / self.n_told as f64
    }

    fn line(&self) -> String {
        if self.n_told == 0 {
            return format!("{:>6}{:>6}", 0, self.n_left_out);
        }
        format!(
            "{:>6}{:>6}{:>8.1}{:>7}{:>7}{:>10.1e}{:>9}{:>10.4}{:>10.1}{:>10.4}",
            self.n_told,
            self.n_left_out,
            self.percent(self.n_held),
            self.n_below,
            self.n_above,
            self.p,
            self.n_endless,
            self.length,
            self.percent(self.n_held_normal),
            self.length_normal
        )
    }
}

/// The chance of so many misses or more among `n`, each missing with a chance of 1 − [`LEVEL`].
fn at_least_as_many_misses(n: usize, misses: usize) -> f64 {
    let (mut chance, mut log_term) = (0.0, n as f64 * LEVEL.ln());
    for at in 0..=n {
        if at >= misses {
            chance += log_term.exp();
        }
        log_term += ((n - at) as f64 / (at + 1) as f64 * (1.0 - LEVEL) / LEVEL).ln();
    }
    chance.min(1.0)
}
