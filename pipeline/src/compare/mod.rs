//! Two run folders side by side: which training is better at what, and is that sure?
//!
//! Where both judged the same customers at the same cut-off, losses are compared customer by customer, with a bootstrap over
//! customers; anything else is two numbers with an interval each, and the comparison says so.

mod common;
mod judged;
mod words;

use std::collections::BTreeMap;
use std::path::Path;

use percorso_learners::metrics::{binary_losses, multiclass_losses};
use percorso_learners::{Bootstrap, paired_difference};
use serde::Serialize;

use self::common::{Common, common};
use self::judged::Judged;
use crate::run::RunFolder;
use crate::training::{Evaluation, LearnerEvaluation, QuestionEvaluation, evaluation};
use crate::{Error, Result};

/// Two trainings, question by question.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The two run folders, in the order given.
    pub runs: [RunCompared; 2],
    /// Why no question can be compared customer by customer; `None` where some may be.
    pub not_paired_because: Option<String>,
    /// Every question that either was asked.
    pub questions: Vec<QuestionCompared>,
    /// What to make of it, a sentence each.
    pub verdict: Vec<String>,
}

/// One of the two run folders.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunCompared {
    /// The folder.
    pub run: String,
    /// The business, as its `journey.toml` calls it.
    pub business: String,
    /// Digest of what its `journey.toml` declares.
    pub spec_digest: String,
    /// Digest of the identities of the files read.
    pub data_digest: String,
    /// The test cut-off, RFC 3339.
    pub test_at: String,
    /// Customers ingested.
    pub n_customers: u64,
    /// Events kept.
    pub n_events: u64,
}

/// One question, as both answered it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuestionCompared {
    /// `churn/<definition>_<horizon>d` or `next-stage`.
    pub question: String,
    /// What either ships; `None` where it was not asked or not answered.
    pub sides: [Option<Side>; 2],
    /// Loss less loss on the same customers; `None` where there are none.
    pub paired: Option<Paired>,
    /// Why it was not compared customer by customer.
    pub not_paired_because: Option<String>,
    /// Which is better by log loss.
    pub better: Better,
    /// That in a sentence.
    pub verdict: String,
}

/// What one of them ships, and how good it is at its own test.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// The learner.
    pub shipped: String,
    /// Its calibration.
    pub calibrator: String,
    /// Rows at the test cut-off.
    pub n_test: usize,
    /// Measure by name.
    pub measures: BTreeMap<String, Measured>,
    /// Base rates of the last cut-offs, by cut-off.
    pub rates: BTreeMap<String, f64>,
}

/// A measure, with its 95 % interval over resampled customers where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// On the test rows.
    pub value: f64,
    /// The interval's ends.
    pub interval: Option<[f64; 2]>,
}

/// Losses of the second less losses of the first on the same customers: below 0 the second is better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Paired {
    /// Customers both were asked about, and whose answer is the same in both.
    pub n_customers: usize,
    /// Customers both were asked about whose answer differs, left out.
    pub n_told_differently: usize,
    /// Mean log loss of each on them.
    pub log_loss: [f64; 2],
    /// Mean difference of log losses, with its 95 % interval.
    pub difference: [f64; 3],
    /// Mean difference of Brier scores, with its 95 % interval.
    pub brier_difference: [f64; 3],
}

/// Which is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// The first, surely.
    First,
    /// The second, surely.
    Second,
    /// The interval of their difference holds 0.
    CannotTell,
    /// They were not judged on the same customers.
    NotPaired,
}

/// Base rates are told of so many last cut-offs.
const RATES: usize = 4;

/// Resamples, seeded, so that the same folders make the same comparison.
const BOOTSTRAP: Bootstrap = Bootstrap {
    n_samples: 1_000,
    level: 0.95,
    seed: 42,
};

/// Compares the last trainings of two run folders.
///
/// # Errors
/// - one of them was not trained, or its files cannot be read.
pub fn compare(first: &Path, second: &Path) -> Result<Comparison> {
    let folders = [first, second].map(RunFolder::at);
    let evaluations = [evaluation(&folders[0], None)?, evaluation(&folders[1], None)?];
    let runs = [told(&folders[0], &evaluations[0])?, told(&folders[1], &evaluations[1])?];
    let common = if evaluations[0].test_at == evaluations[1].test_at {
        common([
            (&folders[0], Judged::read(&folders[0])?),
            (&folders[1], Judged::read(&folders[1])?),
        ])
    } else {
        Err(format!(
            "they were tested at different cut-offs, {} and {}",
            words::day(&evaluations[0].test_at),
            words::day(&evaluations[1].test_at)
        ))
    };
    let mut questions = Vec::new();
    for name in names(&evaluations) {
        questions.push(question(name, &evaluations, common.as_ref())?);
    }
    let mut comparison = Comparison {
        runs,
        not_paired_because: common.err(),
        questions,
        verdict: Vec::new(),
    };
    comparison.verdict = words::verdict(&comparison);
    Ok(comparison)
}

fn told(run: &RunFolder, evaluation: &Evaluation) -> Result<RunCompared> {
    let (spec, manifest) = (run.spec()?, run.manifest()?);
    Ok(RunCompared {
        run: run.path().display().to_string(),
        business: spec.name().to_owned(),
        spec_digest: manifest.spec_digest,
        data_digest: manifest.data_digest,
        test_at: evaluation.test_at.clone(),
        n_customers: manifest.n_customers,
        n_events: manifest.n_events,
    })
}

/// The questions of either, in the order of the first.
fn names(evaluations: &[Evaluation; 2]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for question in evaluations.iter().flat_map(|evaluation| &evaluation.questions) {
        if !names.contains(&question.question.as_str()) {
            names.push(&question.question);
        }
    }
    names
}

fn question(
    name: &str,
    evaluations: &[Evaluation; 2],
    common: std::result::Result<&Common, &String>,
) -> Result<QuestionCompared> {
    let sides = [0, 1].map(|at| {
        let asked = evaluations[at]
            .questions
            .iter()
            .find(|question| question.question == name);
        asked.and_then(side)
    });
    let (paired, because) = match (&sides, common) {
        ([None, None], _) => (None, Some("neither answers it".to_owned())),
        ([None, _] | [_, None], _) => (None, Some("only one of them answers it".to_owned())),
        (_, Err(because)) => (None, Some(because.clone())),
        (_, Ok(common)) => match paired(name, common)? {
            Ok(paired) => (Some(paired), None),
            Err(because) => (None, Some(because)),
        },
    };
    let better = match paired.map(|paired| paired.difference) {
        None => Better::NotPaired,
        Some([_, _, high]) if high < 0.0 => Better::Second,
        Some([_, low, _]) if low > 0.0 => Better::First,
        Some(_) => Better::CannotTell,
    };
    let mut compared = QuestionCompared {
        question: name.to_owned(),
        sides,
        paired,
        not_paired_because: because,
        better,
        verdict: String::new(),
    };
    compared.verdict = words::of_question(&compared);
    Ok(compared)
}

/// What ships, where it was answered.
fn side(question: &QuestionEvaluation) -> Option<Side> {
    let shipped: &LearnerEvaluation = question.learners.last().filter(|_| !question.shipped.is_empty())?;
    let measured = |(name, value): (&String, &f64)| {
        let interval = shipped.intervals.get(name).copied();
        (
            name.clone(),
            Measured {
                value: *value,
                interval,
            },
        )
    };
    let rates = question.rates.iter().rev().take(RATES);
    Some(Side {
        shipped: question.shipped.clone(),
        calibrator: question.calibrator.clone(),
        n_test: question.n_test,
        measures: shipped.measures.iter().map(measured).collect(),
        rates: rates.map(|rate| (rate.as_of.clone(), rate.rate)).collect(),
    })
}

/// Differences on the customers that both were asked about, or why there are none.
fn paired(name: &str, common: &Common) -> Result<std::result::Result<Paired, String>> {
    let rows = match common.rows(name) {
        Ok(rows) => rows,
        Err(because) => return Ok(Err(because)),
    };
    let failed = |source| Error::Fit {
        what: format!("the comparison of {name}"),
        source,
    };
    let losses = |at: usize| {
        let p = &rows.probabilities[at];
        if p.ncols() == 2 {
            binary_losses(&p.column(1).to_vec(), &rows.labels)
        } else {
            multiclass_losses(p.view(), &rows.labels)
        }
    };
    let squares = |at: usize| -> Vec<f64> {
        let p = &rows.probabilities[at];
        let of_row = |(row, label): (usize, &u32)| {
            let came = |class: usize| f64::from(u8::from(class == *label as usize));
            let classes = if p.ncols() == 2 { 1..2 } else { 0..p.ncols() };
            classes.map(|class| (p[[row, class]] - came(class)).powi(2)).sum()
        };
        rows.labels.iter().enumerate().map(of_row).collect()
    };
    let (first, second) = (losses(0).map_err(failed)?, losses(1).map_err(failed)?);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let difference = |second: &[f64], first: &[f64]| {
        let found = paired_difference(second, first, &rows.customers, &BOOTSTRAP).map_err(failed)?;
        Ok::<_, Error>([found.mean, found.low, found.high])
    };
    Ok(Ok(Paired {
        n_customers: rows.labels.len(),
        n_told_differently: rows.n_told_differently,
        log_loss: [mean(&first), mean(&second)],
        difference: difference(&second, &first)?,
        brier_difference: difference(&squares(1), &squares(0))?,
    }))
}
