//! The evaluation beside the truth that only a made-up market has.

use std::collections::HashMap;

use percorso_journey::{CustomerKey, Timestamp};
use percorso_kit::{CustomerTruth, Market};
use percorso_pipeline::{Evaluation, RunFolder, secret, test_predictions};

use crate::failure::Outcome;

/// Futures drawn per customer to tell the true probability.
const DRAWS: u32 = 64;
/// The churn definition that is compared.
const HORIZON_DAYS: u32 = 30;

/// Prints how far the shipped scores are from the true probabilities, and from the best there is.
pub(super) fn compare(market: &Market, run: &RunFolder, evaluation: &Evaluation) -> Outcome {
    let test_at = Timestamp::parse(&evaluation.test_at).expect("we wrote the time ourselves");
    let secret = secret(&run.key_file())?;
    let truths: HashMap<CustomerKey, CustomerTruth> = market
        .truth_at(test_at.micros(), HORIZON_DAYS, DRAWS)
        .into_iter()
        .map(|truth| (secret.key_of(&truth.customer_id), truth))
        .collect();
    println!("true probabilities at {test_at} from {DRAWS} futures drawn for each customer");

    let mut leaving = Compared::default();
    for said in test_predictions(run, &format!("churn/left_{HORIZON_DAYS}d"))? {
        if let Some(truth) = truths.get(&said.customer) {
            leaving.add(
                &[1.0 - truth.p_leave, truth.p_leave],
                &said.probabilities,
                usize::from(said.label == "leaves"),
            );
        }
    }
    leaving.print(&format!("leaves within {HORIZON_DAYS} days"));

    let mut next_stage = Compared::default();
    let classes = run.spec()?.next_stage_classes();
    for said in test_predictions(run, "next-stage")? {
        let came = classes.iter().position(|class| *class == said.label);
        if let (Some(truth), Some(came)) = (truths.get(&said.customer), came) {
            next_stage.add(&truth.p_next_stage, &said.probabilities, came);
        }
    }
    next_stage.print("next stage within 30 days");
    Ok(())
}

#[derive(Default)]
struct Compared {
    n: f64,
    distance: f64,
    loss: f64,
    loss_of_truth: f64,
    counts: Vec<f64>,
}

impl Compared {
    fn add(&mut self, truth: &[f64], said: &[f64], came: usize) {
        // Drawn frequencies are never quite 0 or 1: one more draw of each class (Laplace).
        let classes = truth.len() as f64;
        let smooth = |p: f64| (p * f64::from(DRAWS) + 1.0 / classes) / (f64::from(DRAWS) + 1.0);
        self.n += 1.0;
        self.distance += truth
            .iter()
            .zip(said)
            .map(|(truth, said)| (truth - said).abs())
            .sum::<f64>()
            / 2.0;
        self.loss -= said[came].ln();
        self.loss_of_truth -= smooth(truth[came]).ln();
        self.counts.resize(truth.len(), 0.0);
        self.counts[came] += 1.0;
    }

    fn print(&self, what: &str) {
        let shares = self
            .counts
            .iter()
            .filter(|count| **count > 0.0)
            .map(|count| count / self.n);
        let loss_of_rates: f64 = shares.map(|share| -share * share.ln()).sum();
        let (loss, loss_of_truth) = (self.loss / self.n, self.loss_of_truth / self.n);
        let closed = 100.0 * (loss_of_rates - loss) / (loss_of_rates - loss_of_truth);
        println!(
            "{what}: {} customers, mean distance {:.4}; log loss {loss:.4}, of the truth {loss_of_truth:.4}, \
             of the rates {loss_of_rates:.4}: {closed:.0} % of the way",
            self.n,
            self.distance / self.n
        );
    }
}
