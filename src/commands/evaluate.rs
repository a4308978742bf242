//! `percorso evaluate`: how good is a model, out of time?

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use percorso_pipeline::{
    ActionsEvaluation, Evaluation, IncidenceEvaluation, PurchaseEvaluation, StayEvaluation, StayPoint, TrustEvaluation,
};

use super::{Machine, Run};
use crate::failure::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Evaluate {
    #[command(flatten)]
    run: Run,
    /// A version, or champion [default: the last training]
    #[arg(long)]
    model: Option<String>,
    /// Also write it as a page, with plots
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl Evaluate {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let run = self.run.folder();
        let evaluation = percorso_pipeline::evaluation(&run, self.model.as_deref())?;
        if let Some(path) = &self.report {
            let page = percorso_pipeline::report(&evaluation, run.spec()?.name());
            std::fs::write(path, page)
                .with_context(|| format!("cannot write {}", path.display()))
                .map_err(Failure::environment)?;
        }
        print_evaluation(&evaluation, machine.wants_json());
        Ok(())
    }
}

const COLUMNS: [&str; 10] = [
    "auc",
    "average_precision",
    "log_loss",
    "brier",
    "ece",
    "lift_10",
    "mean_gap",
    "accuracy",
    "top_3",
    "rate",
];

pub(super) fn print_evaluation(evaluation: &Evaluation, json: bool) {
    if json {
        println!(
            "{}",
            serde_json::to_string(evaluation).expect("our own types turn into JSON")
        );
        return;
    }
    println!("{}", evaluation.protocol);
    for question in &evaluation.questions {
        println!(
            "\n{} · {} rows at {}",
            question.question, question.n_test, evaluation.test_at
        );
        if question.shipped.is_empty() {
            println!("  too few outcomes to learn from: not answered");
            continue;
        }
        println!("  ships {} with calibration {}", question.shipped, question.calibrator);
        for (learner, found) in &question.found {
            let found: Vec<String> = found
                .iter()
                .map(|(name, value)| format!("{name} {}", short(*value)))
                .collect();
            println!("  found for {learner}: {}", found.join(", "));
        }
        let columns: Vec<&str> = COLUMNS
            .into_iter()
            .filter(|column| {
                question
                    .learners
                    .iter()
                    .any(|learner| learner.measures.contains_key(*column))
            })
            .collect();
        println!(
            "  {:<12}{}",
            "learner",
            columns.iter().map(|column| format!("{column:>22}")).collect::<String>()
        );
        for learner in &question.learners {
            let cell = |column: &&str| {
                let measured = learner
                    .measures
                    .get(*column)
                    .map_or_else(String::new, |n| format!("{n:.4}"));
                let interval = learner
                    .intervals
                    .get(*column)
                    .map_or_else(String::new, |[low, high]| format!(" {low:.3}–{high:.3}"));
                format!("{:>22}", measured + &interval)
            };
            println!(
                "  {:<12}{}",
                learner.learner,
                columns.iter().map(cell).collect::<String>()
            );
        }
        if let Some(incidence) = &question.incidence {
            print_incidence(incidence);
        }
        if let Some(trust) = &question.trust {
            print_trust(trust);
        }
        let rates: Vec<String> = question
            .rates
            .iter()
            .map(|rate| format!("{} {:.3}", &rate.as_of[..10], rate.rate))
            .collect();
        println!("  rate by cut-off: {}", rates.join(", "));
    }
    for stays in &evaluation.stays {
        print_stays(stays, &evaluation.test_at);
    }
    if let Some(purchases) = &evaluation.purchases {
        print_purchases(purchases, &evaluation.test_at);
    }
    if let Some(actions) = &evaluation.actions {
        print_actions(actions, &evaluation.test_at);
    }
}

/// What each action does, and what policies would have earned on decisions that taught nothing.
fn print_actions(actions: &ActionsEvaluation, test_at: &str) {
    println!(
        "\nactions · {} decisions before {test_at} taught, {} from then on are judged",
        actions.n_taught, actions.n_judged
    );
    for action in &actions.actions {
        let [value, low, high] = action.effect.map(number);
        let chosen = action.learners.iter().find(|standing| standing.is_chosen);
        let learner = chosen.map_or("the same for all", |standing| standing.learner.as_str());
        println!(
            "  {} brings in {value} ({low} to {high}) more than nothing on average, {} times; told apart by {learner}",
            action.action, action.n
        );
        if let Some([qini, low, high]) = action.qini.map(|ends| ends.map(number)) {
            let slope = number(action.calibration_slope);
            println!("    Qini {qini} ({low} to {high}), slope of observed on told {slope}");
        }
    }
    for policy in &actions.policies {
        let [value, low, high] = policy.value.map(number);
        println!("  {:<24}{value:>8}{:>20}", policy.policy, format!("{low} to {high}"));
    }
    if !actions.policies.is_empty() {
        println!(
            "  a decision earns so much in its window, costs taken off, rules and caps left out; {:.0} decisions tell of the \
             best action for each",
            actions.ess
        );
    }
    for thin in &actions.thin {
        println!("  too thin to tell: {thin}");
    }
    if let Some(programme) = &actions.programme {
        let [gain, low, high] = programme.gain.map(number);
        println!(
            "  since {} a decision earned {gain} ({low} to {high}) more about {} customers than about {} held out",
            &programme.since[..10],
            programme.n_others,
            programme.n_held_out
        );
    }
}

/// A number to two digits, or a dash where it cannot be told.
fn number(number: Option<f64>) -> String {
    number.map_or_else(|| "–".to_owned(), |number| format!("{number:.2}"))
}

/// By day: how far off the probability that anything has come was, and each stage as told and as it came.
fn print_incidence(incidence: &IncidenceEvaluation) {
    let stages: BTreeSet<&String> = incidence.points.iter().flat_map(|point| point.told.keys()).collect();
    let names: String = stages.iter().map(|stage| format!("{stage:>17}")).collect();
    println!("  what came first by day, of {} customers: told, came", incidence.n);
    println!("  {:>8}{:>9}{:>15}{names}", "days", "brier", "of the share");
    for point in &incidence.points {
        let of_stage = |stage: &&String| {
            let [told, came] = [&point.told, &point.came].map(|shares| shares.get(*stage).copied().unwrap_or(0.0));
            format!("{:>17}", format!("{:.1} % {:.1} %", 100.0 * told, 100.0 * came))
        };
        let shares: String = stages.iter().map(of_stage).collect();
        println!(
            "  {:>8.2}{:>9.4}{:>15.4}{shares}",
            point.days, point.brier, point.brier_of_share
        );
    }
}

/// What the sets of possible stages, and the interval of the likeliest, were worth.
fn print_trust(trust: &TrustEvaluation) {
    let [low, high] = trust.realised_interval.map(|end| 100.0 * end);
    println!(
        "  sets of possible stages: said to hold what comes {:.0} times of 100, did {:.1} ({low:.1}–{high:.1}); {:.1} in a set on \
         average, told from {} answers at {} earlier cut-offs",
        100.0 * trust.stated,
        100.0 * trust.realised,
        trust.mean_size,
        trust.n_told_from,
        trust.origins.len()
    );
    println!(
        "  enough data to tell the likeliest: {:.0} % of customers",
        100.0 * trust.enough_data
    );
}

fn print_stays(stays: &StayEvaluation, test_at: &str) {
    println!("\nstays · {} rows at {test_at} until {}", stays.n, stays.definition);
    if let Some(concordance) = stays.concordance {
        println!("  concordance {concordance:.4}");
    }
    print_stay_points(&stays.points);
}

/// By horizon: how far off the probability of having left was, beside that of the stage's share; and told beside come.
pub(super) fn print_stay_points(points: &[StayPoint]) {
    println!(
        "  {:>8}{:>9}{:>15}{:>17}",
        "days", "brier", "of the stage", "told, came"
    );
    for StayPoint {
        days,
        brier,
        brier_of_stage,
        all,
    } in points
    {
        let shares = format!("{:.1} % {:.1} %", 100.0 * all.told, 100.0 * all.came);
        println!("  {days:>8}{brier:>9.4}{brier_of_stage:>15.4}{shares:>17}");
    }
}

/// A whole number as it is, a fraction to two digits.
fn short(number: f64) -> String {
    if number.fract() == 0.0 {
        format!("{number}")
    } else {
        format!("{number:.2}")
    }
}

fn print_purchases(purchases: &PurchaseEvaluation, test_at: &str) {
    println!("\npurchases · {} customers", purchases.n_customers);
    if let Some(why) = &purchases.none_because {
        println!("  no value at risk: {why}");
        return;
    }
    let parameters: Vec<String> = ["r", "alpha", "a", "b", "p", "q", "v"]
        .into_iter()
        .filter_map(|name| Some(format!("{name} {:.3}", purchases.parameters.get(name)?)))
        .collect();
    println!("  BG/NBD (weeks) and Gamma-Gamma: {}", parameters.join(", "));
    if let Some(test) = &purchases.test {
        println!(
            "  in {} days from {test_at} the {} customers of then were expected to buy on {:.0} days for {:.0}; \
             they bought on {:.0} for {:.0}",
            test.horizon_days,
            test.n_customers,
            test.expected_purchase_days,
            test.expected_value,
            test.purchase_days,
            test.value
        );
    }
}
