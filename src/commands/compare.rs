//! `percorso compare`: two run folders side by side.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use percorso_pipeline::{Comparison, Measured, QuestionCompared, Side};

use super::Machine;
use crate::failure::Outcome;

#[derive(Args)]
pub(crate) struct Compare {
    /// A run folder
    #[arg(value_name = "RUN")]
    first: PathBuf,
    /// The run folder it is compared with
    #[arg(value_name = "RUN")]
    second: PathBuf,
}

impl Compare {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let comparison = percorso_pipeline::compare(&self.first, &self.second)?;
        if machine.wants_json() {
            println!(
                "{}",
                serde_json::to_string(&comparison).expect("our own types turn into JSON")
            );
        } else {
            print_comparison(&comparison);
        }
        Ok(())
    }
}

fn print_comparison(comparison: &Comparison) {
    for (which, run) in ["first", "second"].into_iter().zip(&comparison.runs) {
        println!(
            "{which:<7} {} · {}, {} customers, {} events, tested at {}",
            run.run,
            run.business,
            run.n_customers,
            run.n_events,
            day(&run.test_at)
        );
    }
    for question in &comparison.questions {
        print_question(question);
    }
    println!();
    for sentence in &comparison.verdict {
        println!("{sentence}");
    }
}

fn print_question(question: &QuestionCompared) {
    println!("\n{}", question.question);
    let told = |tell: &dyn Fn(&Side) -> String| {
        let [first, second] = [0, 1].map(|at| question.sides[at].as_ref().map_or_else(|| "–".to_owned(), tell));
        format!("{first:>26}{second:>26}")
    };
    for (which, side) in ["first", "second"].into_iter().zip(&question.sides) {
        if let Some(side) = side {
            println!(
                "  {which:<7} ships {} with calibration {}",
                side.shipped, side.calibrator
            );
        }
    }
    if question.sides.iter().all(Option::is_none) {
        println!("  {}", question.verdict);
        return;
    }
    println!("  {:<18}{:>26}{:>26}", "", "first", "second");
    println!("  {:<18}{}", "rows at the test", told(&|side| side.n_test.to_string()));
    let sides = || question.sides.iter().flatten();
    let names: BTreeSet<&String> = sides().flat_map(|side| side.measures.keys()).collect();
    for name in names {
        println!(
            "  {name:<18}{}",
            told(&|side| side.measures.get(name).map_or_else(String::new, measured))
        );
    }
    let days: BTreeSet<&String> = sides().flat_map(|side| side.rates.keys()).collect();
    for as_of in days {
        let rate = told(&|side| {
            side.rates
                .get(as_of)
                .map_or_else(String::new, |rate| format!("{rate:.4}"))
        });
        println!("  {:<18}{rate}", format!("rate {}", day(as_of)));
    }
    if let Some(paired) = &question.paired {
        let [mean, low, high] = paired.brier_difference;
        println!("  {}", question.verdict);
        println!("  Brier score, second less first: {mean:+.4} ({low:+.4} to {high:+.4})");
    } else {
        println!("  {}", question.verdict);
    }
}

fn measured(measured: &Measured) -> String {
    let interval = measured.interval;
    let interval = interval.map_or_else(String::new, |[low, high]| format!(" {low:.3}–{high:.3}"));
    format!("{:.4}{interval}", measured.value)
}

fn day(moment: &str) -> &str {
    moment.get(..10).unwrap_or(moment)
}
