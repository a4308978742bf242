//! A comparison in sentences.

use super::{Better, Comparison, QuestionCompared, Side};

/// The day of a moment.
pub(super) fn day(moment: &str) -> &str {
    moment.get(..10).unwrap_or(moment)
}

/// Which is better at a question, and whether that is sure.
pub(super) fn of_question(compared: &QuestionCompared) -> String {
    let because = compared.not_paired_because.as_deref().unwrap_or_default();
    if let Some(paired) = &compared.paired {
        let [mean, low, high] = paired.difference;
        let which = match compared.better {
            Better::First => "the first is surely better",
            Better::Second => "the second is surely better",
            Better::CannotTell | Better::NotPaired => "they cannot be told apart",
        };
        let difference = match mean {
            0.0 => "the same for both".to_owned(),
            _ => format!(
                "the second's by {:.4} {} ({low:+.4} to {high:+.4})",
                mean.abs(),
                if mean < 0.0 { "less" } else { "more" }
            ),
        };
        let mut told = format!(
            "{which}: on the same {} customers log loss is {difference}",
            paired.n_customers
        );
        if paired.n_told_differently > 0 {
            told += &format!(
                "; {} customers are left out, of whom the two tell different answers",
                paired.n_told_differently
            );
        }
        return told;
    }
    let [Some(first), Some(second)] = &compared.sides else {
        return format!("not compared: {because}");
    };
    let loss = |side: &Side| side.measures.get("log_loss").copied();
    let (Some(first), Some(second)) = (loss(first), loss(second)) else {
        return format!("not compared: {because}");
    };
    let lower = if second.value < first.value {
        "second's"
    } else {
        "first's"
    };
    let apart = match (first.interval, second.interval) {
        (Some([low, high]), Some([other_low, other_high])) if high < other_low || other_high < low => {
            "their intervals do not meet, which may be the customers or the day as well as the model"
        }
        _ => "their intervals meet, so that may be chance",
    };
    format!("the {lower} log loss is lower, but the difference is not paired, because {because}; {apart}")
}

/// What to make of all of it.
pub(super) fn verdict(comparison: &Comparison) -> Vec<String> {
    let n_that_are = |better: Better| {
        comparison
            .questions
            .iter()
            .filter(|question| question.better == better)
            .count()
    };
    let [first, second, untold, unpaired] =
        [Better::First, Better::Second, Better::CannotTell, Better::NotPaired].map(n_that_are);
    let mut said = Vec::new();
    if first + second + untold > 0 {
        said.push(match (first, second) {
            (0, 0) => format!("None is surely better: {} cannot be told apart.", questions(untold)),
            (0, _) => format!(
                "The second is better: surely at {}, and nowhere surely worse; {untold} cannot be told apart.",
                questions(second)
            ),
            (_, 0) => format!(
                "The first is better: surely at {}, and nowhere surely worse; {untold} cannot be told apart.",
                questions(first)
            ),
            _ => format!(
                "Each is better at something: the first surely at {}, the second at {second}; {untold} cannot be told apart.",
                questions(first)
            ),
        });
    }
    if unpaired > 0 {
        let reason = comparison.not_paired_because.as_deref().unwrap_or("see each");
        said.push(format!(
            "{} not compared customer by customer: {reason}.",
            if unpaired == 1 {
                "1 question is".to_owned()
            } else {
                format!("{unpaired} questions are")
            }
        ));
    }
    let [one, other] = &comparison.runs;
    if one.spec_digest != other.spec_digest {
        said.push(
            "Their journey.toml declare different things, so a question of one name may mean something else."
                .to_owned(),
        );
    }
    if one.data_digest != other.data_digest {
        said.push("They read different files.".to_owned());
    }
    said
}

fn questions(n: usize) -> String {
    if n == 1 {
        "1 question".to_owned()
    } else {
        format!("{n} questions")
    }
}
