//! `percorso benchmark uplift`: who responds because of a treatment, on any randomised table?

use std::path::PathBuf;

use clap::Args;
use percorso_pipeline::{ArmFound, PolicyFound, UpliftBenchmark, UpliftFound, write_private_text};
use serde_json::{Value, json};

use crate::commands::Machine;
use crate::failure::Outcome;

#[derive(Args)]
pub(super) struct UpliftFlags {
    /// The table, Parquet or CSV, a row for each customer
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// The column that says which arm a row was given, by chance alone
    #[arg(long, value_name = "COLUMN")]
    treatment: String,
    /// An arm to judge; may be given several times
    #[arg(long = "arm", value_name = "VALUE", required = true)]
    arms: Vec<String>,
    /// The arm that the others are compared with; rows of arms not named are left out
    #[arg(long, value_name = "VALUE")]
    control: String,
    /// The column of what came of it, numbers
    #[arg(long, value_name = "COLUMN")]
    outcome: String,
    /// Columns to learn from, with commas between [default: all that can have been known before]
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    features: Vec<String>,
    /// A table with a column of 0 and 1 for each split: rows of 1 teach, the others are asked about [default: five folds]
    #[arg(long, value_name = "FILE")]
    splits: Option<PathBuf>,
    /// A CSV for what was said of each row asked about (split, arm, row from 0, uplift)
    #[arg(long, value_name = "FILE")]
    predictions: Option<PathBuf>,
    /// The seed of every random choice
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

impl UpliftFlags {
    pub(super) fn run(&self, machine: &Machine) -> Outcome {
        machine.use_threads();
        let benchmark = UpliftBenchmark {
            data: &self.data,
            treatment: &self.treatment,
            arms: &self.arms,
            control: &self.control,
            outcome: &self.outcome,
            features: &self.features,
            splits: self.splits.as_deref(),
            seed: self.seed,
        };
        let found = percorso_pipeline::uplift(&benchmark, &*machine.progress())?;
        if let Some(path) = &self.predictions {
            let mut text = "split,arm,row,uplift\n".to_owned();
            for (split, arm, row, uplift) in &found.said {
                text += &format!("{split},\"{}\",{row},{uplift}\n", arm.replace('"', "\"\""));
            }
            write_private_text(path, &text)?;
        }
        if machine.wants_json() {
            lines(&found).iter().for_each(|line| println!("{line}"));
        } else {
            print(&found, &self.arms);
        }
        Ok(())
    }
}

/// A line for each split and arm, one for each split and policy, and one with the means for each arm.
fn lines(found: &UpliftFound) -> Vec<Value> {
    let arm = |found: &ArmFound| {
        let [low, high] = &found.ends;
        let m = &found.measures;
        let decile = |decile: &percorso_pipeline::Decile| json!({ "n": decile.n_rows, "predicted": decile.predicted, "observed": decile.observed });
        let standing = |standing: &percorso_pipeline::Standing| {
            json!({
                "learner": standing.learner, "gain": standing.gain, "slope": standing.slope, "chosen": standing.is_chosen,
            })
        };
        json!({
            "split": found.split, "arm": found.arm, "n": found.n_rows,
            "qini": m.qini, "qini_low": low.qini, "qini_high": high.qini,
            "auuc": m.auuc, "auuc_low": low.auuc, "auuc_high": high.auuc,
            "average": m.average, "average_low": low.average, "average_high": high.average,
            "calibration_slope": m.calibration_slope,
            "calibration_slope_low": low.calibration_slope, "calibration_slope_high": high.calibration_slope,
            "deciles": found.deciles.iter().map(decile).collect::<Vec<_>>(),
            "persuadable": found.quadrants.persuadable, "sure_thing": found.quadrants.sure_thing,
            "lost_cause": found.quadrants.lost_cause, "do_not_disturb": found.quadrants.do_not_disturb,
            "learners": found.standings.iter().map(standing).collect::<Vec<_>>(),
        })
    };
    let policy = |found: &PolicyFound| {
        let less = found.best_for_each_less_this;
        json!({
            "split": found.split, "policy": found.policy,
            "value": found.value.value, "low": found.value.low, "high": found.value.high,
            "best_for_each_less_this": less.value, "less_low": less.low, "less_high": less.high,
        })
    };
    let arms = found.arms.iter().map(arm);
    arms.chain(found.policies.iter().map(policy))
        .chain(means(found))
        .collect()
}

/// The means over splits, an object for each arm.
fn means(found: &UpliftFound) -> Vec<Value> {
    let mut arms: Vec<&str> = Vec::new();
    for of in &found.arms {
        if !arms.contains(&of.arm.as_str()) {
            arms.push(&of.arm);
        }
    }
    arms.into_iter().map(|arm| mean_of(found, arm).1).collect()
}

/// The mean of a measure over splits, and its standard deviation.
fn mean_and_spread(numbers: &[f64]) -> [f64; 2] {
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let squares: f64 = numbers.iter().map(|number| (number - mean) * (number - mean)).sum();
    [mean, (squares / n).sqrt()]
}

/// Means over splits in words and as an object; the tenths of customers are added up over the splits.
fn mean_of(found: &UpliftFound, arm: &str) -> (String, Value) {
    let of: Vec<&ArmFound> = found.arms.iter().filter(|found| found.arm == arm).collect();
    let over =
        |measure: fn(&ArmFound) -> f64| mean_and_spread(&of.iter().map(|found| measure(found)).collect::<Vec<_>>());
    let [qini, qini_sd] = over(|found| found.measures.qini);
    let [auuc, auuc_sd] = over(|found| found.measures.auuc);
    let [average, _] = over(|found| found.measures.average);
    let [low, _] = over(|found| found.ends[0].qini);
    let [high, _] = over(|found| found.ends[1].qini);
    let n_deciles = of.iter().map(|found| found.deciles.len()).min().unwrap_or(0);
    let decile = |at: usize| {
        let mean = |tell: fn(&percorso_pipeline::Decile) -> f64| {
            of.iter().map(|found| tell(&found.deciles[at])).sum::<f64>() / of.len() as f64
        };
        (mean(|decile| decile.predicted), mean(|decile| decile.observed))
    };
    let deciles: Vec<(f64, f64)> = (0..n_deciles).map(decile).collect();
    let slope = percorso_pipeline::calibration_slope(&deciles);
    let words = format!(
        "{arm}: Qini {qini:.4} ± {qini_sd:.4} over {} splits (mean interval {low:.4} to {high:.4}), AUUC {auuc:.4}, \
         mean uplift {average:.4}, calibration slope {slope:.2}",
        of.len()
    );
    let object = json!({
        "summary": arm, "splits": of.len(), "qini": qini, "qini_sd": qini_sd, "qini_low": low, "qini_high": high,
        "auuc": auuc, "auuc_sd": auuc_sd, "average": average, "calibration_slope": slope,
        "deciles": deciles.iter().map(|(predicted, observed)| json!({ "predicted": predicted, "observed": observed }))
            .collect::<Vec<_>>(),
        "features": found.features,
        "left_out": found.left_out.iter().map(|(column, why)| json!({ "column": column, "why": why })).collect::<Vec<_>>(),
    });
    (words, object)
}

fn print(found: &UpliftFound, arms: &[String]) {
    println!("learnt from {}", found.features.join(", "));
    for (column, why) in &found.left_out {
        println!("left out {column}: {why}");
    }
    println!(
        "\n{:<12}{:<18}{:>9}{:>20}{:>9}{:>9}{:>7}  chosen",
        "split", "arm", "qini", "interval", "auuc", "average", "slope"
    );
    for of in &found.arms {
        let chosen = of.standings.iter().find(|standing| standing.is_chosen);
        println!(
            "{:<12}{:<18}{:>9.4}{:>20}{:>9.4}{:>9.4}{:>7.2}  {}",
            of.split,
            of.arm,
            of.measures.qini,
            format!("{:.4} to {:.4}", of.ends[0].qini, of.ends[1].qini),
            of.measures.auuc,
            of.measures.average,
            of.measures.calibration_slope,
            chosen.map_or("the same for all", |standing| standing.learner.as_str()),
        );
    }
    for arm in arms {
        println!("\n{}", mean_of(found, arm).0);
    }
    println!(
        "\n{:<12}{:<22}{:>9}{:>20}{:>28}",
        "split", "policy", "value", "interval", "best for each less this"
    );
    for of in &found.policies {
        let less = of.best_for_each_less_this;
        println!(
            "{:<12}{:<22}{:>9.4}{:>20}{:>28}",
            of.split,
            of.policy,
            of.value.value,
            format!("{:.4} to {:.4}", of.value.low, of.value.high),
            format!("{:.4} ({:.4} to {:.4})", less.value, less.low, less.high),
        );
    }
}
