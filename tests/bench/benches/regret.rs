//! How far decisions are from the best ones on the made-up market, by how many customers taught them.
//!
//! `cargo bench -p percorso-bench --bench regret -- --seeds 30 --sizes 5000,20000,80000 [--first 1] [--export DIR]`
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ndarray::Array2;
use percorso_bench::decided::{Decided, cells, decisions, encoder};
use percorso_bench::market;
use percorso_features::Catalogue;
use percorso_journey::{Came, N_REWARD_PARTS, Spec, Timestamp};
use percorso_kit::{ARMS, Market, MarketSettings, micros_of_day};
use percorso_learners::{Column, ColumnKind};
use percorso_next_action::uplift::{Learnt, Uplift};
use percorso_next_action::{Given, Part, Trial};

/// What was known by this day taught; decisions from it on are judged.
const CUTOFF_DAY: i32 = 640;
/// Decisions that are judged, of the customers that every size has.
const JUDGED: usize = 3_000;
/// Futures that say which action is best, and as many others that say what each is worth.
const DRAWS: u32 = 128;

struct Asked {
    seeds: std::ops::Range<u64>,
    sizes: Vec<u32>,
    export: Option<PathBuf>,
}

fn main() {
    let asked = Asked::from_words(std::env::args().skip(1));
    println!(
        "{:>5} {:>9} {:>9}  mean regret, euros a decision",
        "seed", "customers", "decisions"
    );
    let mut found = Vec::new();
    for seed in asked.seeds.clone() {
        of_seed(seed, &asked, &mut found);
    }
    if let Some(folder) = &asked.export {
        let path = folder.join("regret.csv");
        let mut file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .expect("a folder to write to");
        for found in &found {
            let Found {
                seed,
                customers,
                policy,
                regret,
            } = found;
            writeln!(file, "{seed},{customers},{policy},{regret}").expect("room on the disk");
        }
    }
    summary(&found, &asked.sizes);
}

impl Asked {
    fn from_words(words: impl Iterator<Item = String>) -> Asked {
        let (mut n_seeds, mut first, mut sizes, mut export) = (30, 1, vec![5_000, 20_000, 80_000], None);
        let mut words = words.filter(|word| word != "--bench");
        while let Some(word) = words.next() {
            let value = words.next().unwrap_or_else(|| panic!("{word} needs a value"));
            match word.as_str() {
                "--seeds" => n_seeds = value.parse().expect("a number of seeds"),
                "--first" => first = value.parse().expect("the first seed"),
                "--sizes" => sizes = value.split(',').map(|size| size.parse().expect("a size")).collect(),
                "--export" => export = Some(PathBuf::from(value)),
                _ => panic!("{word}: expected --seeds, --first, --sizes or --export"),
            }
        }
        let seeds = first..first + n_seeds;
        sizes.sort_unstable();
        Asked { seeds, sizes, export }
    }
}

/// The mean regret of a policy in one market.
struct Found {
    seed: u64,
    customers: u32,
    policy: &'static str,
    regret: f64,
}

/// What every policy is held to: the decisions that are judged and what each arm is worth there, its cost taken off.
struct Judged<'a> {
    decided: Vec<&'a Decided>,
    worth: Vec<[f64; ARMS.len()]>,
    /// What the arm is worth that is best by other futures.
    best: f64,
}

fn of_seed(seed: u64, asked: &Asked, found: &mut Vec<Found>) {
    let spec = market::spec();
    let catalogue = Catalogue::of(&spec);
    let (fewest, most) = (asked.sizes[0], asked.sizes[asked.sizes.len() - 1]);
    let market = Market::new(MarketSettings { customers: most, seed });
    let cutoff = Timestamp::from_micros(micros_of_day(CUTOFF_DAY));
    let window = i64::from(spec.decisions().window_days);
    let is_taught = |decided: &Decided| decided.at.plus_days(window) <= cutoff;
    let is_judged = |decided: &Decided| decided.at >= cutoff && decided.customer_index < fewest;
    let mut all = Vec::new();
    for customer_index in 0..most {
        let of_customer = decisions(&spec, &catalogue, &market, customer_index);
        all.extend(
            of_customer
                .into_iter()
                .filter(|decided| is_taught(decided) || is_judged(decided)),
        );
    }
    let judged = Judged::of(
        &spec,
        &market,
        all.iter().filter(|decided| is_judged(decided)).collect(),
    );
    for &customers in &asked.sizes {
        let began = Instant::now();
        let taught: Vec<&Decided> = all
            .iter()
            .filter(|decided| is_taught(decided) && decided.customer_index < customers)
            .collect();
        let (encoder, columns) = encoder(&spec, &catalogue, &taught);
        let rows = Rows::of(&spec, cells(&encoder, &taught), columns, &taught);
        let asked_of = cells(&encoder, &judged.decided);
        let parts = rows.parts(&spec);
        let trial = rows.trial().with_parts(&parts).expect("parts of the same rows");
        let learnt = Uplift::fit(&trial, seed).expect("a market of every arm");
        let ours = choices(&spec, &learnt.uplift, &asked_of);
        let same = rows.best_constant(&spec);
        let regrets = [
            ("ours", judged.regret(|at| ours[at])),
            ("best for all", judged.regret(|_| same)),
            ("nothing", judged.regret(|_| 0)),
            ("as logged", judged.regret(|at| judged.decided[at].arm as usize)),
        ];
        let n_rows = rows.arm.len();
        let told: Vec<String> = regrets
            .iter()
            .map(|(policy, regret)| format!("{policy} {regret:.3}"))
            .collect();
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{seed:>5} {customers:>9} {n_rows:>9}  {}; {}; {seconds:.1} s",
            told.join(", "),
            learners(&learnt)
        );
        found.extend(regrets.map(|(policy, regret)| Found {
            seed,
            customers,
            policy,
            regret,
        }));
        if let Some(folder) = &asked.export {
            export(&folder.join(format!("{seed}-{customers}")), &rows, &asked_of, &judged);
        }
    }
}

fn learners(learnt: &Learnt) -> String {
    let of_arm = learnt.standings.iter().map(|standings| {
        let chosen = standings.iter().find(|standing| standing.is_chosen);
        chosen.map_or_else(
            || "mean".to_owned(),
            |chosen| format!("{} × {:.2}", chosen.learner, chosen.slope),
        )
    });
    of_arm.collect::<Vec<_>>().join(", ")
}

/// The arm that gains most for each row.
fn choices(spec: &Spec, uplift: &Uplift, cells: &Array2<f32>) -> Vec<usize> {
    let mut uplifts = vec![0.0; uplift.arms().len()];
    let choice = |row: ndarray::ArrayView1<'_, f32>| {
        uplift.uplift_into(row.as_slice().expect("rows are whole"), &mut uplifts);
        let gains = uplifts
            .iter()
            .zip(spec.actions())
            .map(|(uplift, action)| uplift - action.cost);
        best_of(std::iter::once(0.0).chain(gains))
    };
    cells.outer_iter().map(choice).collect()
}

/// The position of the largest, the first among equals.
fn best_of(gains: impl Iterator<Item = f64>) -> usize {
    let of = |best: (usize, f64), (arm, gain): (usize, f64)| if gain > best.1 { (arm, gain) } else { best };
    gains.enumerate().fold((0, f64::NEG_INFINITY), of).0
}

impl<'a> Judged<'a> {
    fn of(spec: &Spec, market: &Market, mut decided: Vec<&'a Decided>) -> Judged<'a> {
        let step = decided.len().div_ceil(JUDGED).max(1);
        decided = decided.into_iter().step_by(step).collect();
        let instants: Vec<(u32, i64)> = decided.iter().map(|of| (of.customer_index, of.at.micros())).collect();
        let worth = |draws| -> Vec<[f64; ARMS.len()]> {
            let truths = market.decision_truths(&instants, spec.decisions().window_days, draws);
            let worth = spec.decisions().reward;
            let of_truth = |truth: Option<percorso_kit::ActionTruth>| {
                let truth = truth.expect("who is decided about is there");
                truth.arms.map(|arm| {
                    let named = spec
                        .actions()
                        .iter()
                        .find(|action| Some(action.name.as_str()) == arm.action_id);
                    let cost = named.map_or(0.0, |action| action.cost);
                    worth.spend * arm.spend + worth.leaving * arm.p_leave + worth.accepted * arm.accepted - cost
                })
            };
            truths.into_iter().map(of_truth).collect()
        };
        let (chooses, worth) = (worth(0..DRAWS), worth(DRAWS..2 * DRAWS));
        let best = chooses
            .iter()
            .zip(&worth)
            .map(|(by, worth)| worth[best_of(by.iter().copied())]);
        let best = best.sum::<f64>() / worth.len() as f64;
        Judged { decided, worth, best }
    }

    /// How much less than the best a policy is worth, a decision.
    fn regret(&self, choice: impl Fn(usize) -> usize) -> f64 {
        let worth: f64 = self.worth.iter().enumerate().map(|(at, worth)| worth[choice(at)]).sum();
        self.best - worth / self.worth.len() as f64
    }
}

/// What taught.
struct Rows {
    cells: Array2<f32>,
    columns: Vec<Column>,
    arm: Vec<u32>,
    propensity: Vec<f64>,
    reward: Vec<f64>,
    /// For each part of the reward what came of it.
    came: [Vec<f64>; N_REWARD_PARTS],
    customers: Vec<u64>,
}

impl Rows {
    fn of(spec: &Spec, cells: Array2<f32>, columns: Vec<Column>, taught: &[&Decided]) -> Rows {
        let worth = spec.decisions().reward;
        let came: Vec<Came> = taught
            .iter()
            .map(|decided| decided.came.expect("its window is over"))
            .collect();
        Rows {
            cells,
            columns,
            arm: taught.iter().map(|decided| decided.arm).collect(),
            propensity: taught.iter().map(|decided| decided.propensity).collect(),
            reward: came.iter().map(|came| worth.of(came)).collect(),
            came: std::array::from_fn(|part| came.iter().map(|came| came.parts()[part]).collect()),
            customers: taught.iter().map(|decided| u64::from(decided.customer_index)).collect(),
        }
    }

    /// The parts that count.
    fn parts(&self, spec: &Spec) -> Vec<Part<'_>> {
        let weights = spec.decisions().reward.weights();
        let parts = weights.into_iter().zip(&self.came).filter(|(weight, _)| *weight != 0.0);
        parts.map(|(weight, outcome)| Part { weight, outcome }).collect()
    }

    fn trial(&self) -> Trial<'_> {
        let given = Given {
            arm: &self.arm,
            n_arms: ARMS.len(),
            outcome: &self.reward,
            propensity: &self.propensity,
            customers: &self.customers,
        };
        Trial::new(self.cells.view(), &self.columns, given).expect("rows of one length")
    }

    /// The arm that was worth most where it was taken, a row counting for as many as were as unlikely.
    fn best_constant(&self, spec: &Spec) -> usize {
        let costs = std::iter::once(0.0).chain(spec.actions().iter().map(|action| action.cost));
        best_of(costs.enumerate().map(|(arm, cost)| {
            let (mut sum, mut weights) = (0.0, 0.0);
            let of_arm = (0..self.arm.len()).filter(|row| self.arm[*row] as usize == arm);
            for row in of_arm {
                sum += self.reward[row] / self.propensity[row];
                weights += 1.0 / self.propensity[row];
            }
            sum / weights - cost
        }))
    }
}

/// What a peer needs to be judged beside us: see `peers/regret.py`.
fn export(folder: &Path, rows: &Rows, asked_of: &Array2<f32>, judged: &Judged<'_>) {
    fs::create_dir_all(folder).expect("a folder to write to");
    let write = |name: &str, bytes: Vec<u8>| fs::write(folder.join(name), bytes).expect("room on the disk");
    let bytes = |cells: &Array2<f32>| cells.iter().flat_map(|cell| cell.to_le_bytes()).collect();
    write("taught_x.f32", bytes(&rows.cells));
    write("judged_x.f32", bytes(asked_of));
    let column = |column: &Column| match column.kind {
        ColumnKind::Number => format!("{}\tnumber\n", column.name),
        ColumnKind::Category { cardinality } => format!("{}\tcategory {cardinality}\n", column.name),
    };
    write(
        "columns.txt",
        rows.columns.iter().map(column).collect::<String>().into_bytes(),
    );
    let mut taught = "arm,propensity,reward,spend,leaving,accepted,customer\n".to_owned();
    for row in 0..rows.arm.len() {
        let [spend, leaving, accepted] = [0, 1, 2].map(|part| rows.came[part][row]);
        let (arm, propensity, reward, customer) = (
            rows.arm[row],
            rows.propensity[row],
            rows.reward[row],
            rows.customers[row],
        );
        taught += &format!("{arm},{propensity},{reward},{spend},{leaving},{accepted},{customer}\n");
    }
    write("taught.csv", taught.into_bytes());
    let mut worth = "nothing,discount,advice,best\n".to_owned();
    for [nothing, discount, advice] in &judged.worth {
        worth += &format!("{nothing},{discount},{advice},{}\n", judged.best);
    }
    write("worth.csv", worth.into_bytes());
}

/// Means over seeds, and what each step of size takes away, by pairs of the same seed.
fn summary(found: &[Found], sizes: &[u32]) {
    let of = |policy: &str, customers: u32| -> Vec<f64> {
        let is_of = |found: &&Found| found.policy == policy && found.customers == customers;
        found.iter().filter(is_of).map(|found| found.regret).collect()
    };
    println!(
        "\n{:>14} {:>9}  mean regret ± half of an interval of 95 %",
        "policy", "customers"
    );
    for policy in ["ours", "best for all", "nothing", "as logged"] {
        for &customers in sizes {
            println!("{policy:>14} {customers:>9}  {}", told(&of(policy, customers)));
        }
    }
    for pair in sizes.windows(2) {
        let pairs = of("ours", pair[0]).into_iter().zip(of("ours", pair[1]));
        let falls: Vec<f64> = pairs.map(|(before, after)| before - after).collect();
        println!(
            "from {} to {} customers ours falls by {}",
            pair[0],
            pair[1],
            told(&falls)
        );
    }
}

/// The mean over seeds with half of its interval of 95 %, by Student's t as of many.
fn told(numbers: &[f64]) -> String {
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let variance = numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / (n - 1.0);
    // Cornish and Fisher's first terms of the 97.5 % quantile of Student's t: within .3 % from 5 seeds on.
    let z: f64 = 1.959_964;
    let freedom = n - 1.0;
    let quantile = z
        + (z.powi(3) + z) / (4.0 * freedom)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * freedom * freedom);
    format!("{mean:.3} ± {:.3} ({n} seeds)", quantile * (variance / n).sqrt())
}
