//! What the report's columns and names mean.

use maud::{Markup, html};

/// What the columns and names mean.
const WORDS: [(&str, &str); 15] = [
    ("rate", "the share of customers for whom it happened"),
    (
        "auc",
        "how often, of two customers, the one for whom it happened has the higher score; one half by chance",
    ),
    (
        "average precision",
        "mean share of hits from the highest score down; the rate by chance",
    ),
    (
        "log loss",
        "mean of −ln of the probability given to what happened; less is better",
    ),
    (
        "brier",
        "mean squared distance between probability and outcome; less is better",
    ),
    (
        "ece",
        "mean distance between probability and observed share over ten bins of scores",
    ),
    (
        "lift 10",
        "rate among the tenth with the highest scores, over the rate of all",
    ),
    (
        "mean gap",
        "mean probability less the rate; below 0 too little was predicted",
    ),
    (
        "accuracy, top 3",
        "how often the likeliest class, or one of the three likeliest, came",
    ),
    (
        "prevalence, recency",
        "baselines: the share of all, and the share of those whose last event is as old",
    ),
    ("ngram", "shares by the last touchpoints, backing off to shorter ways"),
    (
        "linear, logistic",
        "two logistic regressions: a library's, and our own on transformed columns",
    ),
    (
        "trees, forest, blend",
        "boosted trees, a random forest, and a weighted mean of the learners' log-odds",
    ),
    ("bg_nbd", "a model of purchase rates and dropout, from purchases alone"),
    (
        "shipped",
        "the learner that was chosen, after calibration, joined with what ships of the shorter time: what scores are made with",
    ),
];

pub(super) fn words() -> Markup {
    html! {
        section {
            h2 { "What the words mean" }
            table.words {
                tbody { @for (word, meaning) in WORDS { tr { th { (word) } td { (meaning) } } } }
            }
        }
    }
}
