//! What customers themselves said of their journey, in scores.

use percorso_journey::state::Slot;

use super::activity::counted;
use super::{Described, Entries, NEVER};
use crate::{Things, Told};

const NO_SCORE: &str = "no score given yet";

pub(super) fn enter(entries: &mut Entries<'_>) {
    let described = |meaning, told| Described {
        unit: "score",
        meaning,
        missing: NO_SCORE,
        told,
    };
    entries.number(
        "feedback_last",
        described("the last score given", Told::ScoreLast),
        |view| view.state.feedback().last(),
    );
    entries.number(
        "feedback_mean",
        described("mean of the scores given", Told::ScoreMean),
        |view| view.state.feedback().scores().mean(),
    );
    entries.number(
        "feedback_least",
        described("the least score given", Told::ScoreLeast),
        |view| view.state.feedback().least(),
    );
    entries.number(
        "feedback_last_less_mean",
        described("the last score less the mean of all", Told::ScoreLastLessMean),
        |view| view.state.feedback().last() - view.state.feedback().scores().mean(),
    );
    entries.number(
        "feedback_since_days",
        Described {
            unit: "days",
            meaning: "days since the last score",
            missing: NO_SCORE,
            told: Told::Since(Things::Scores),
        },
        |view| view.days_since(view.state.feedback().last_at()),
    );
    entries.number(
        "feedback_texts_n",
        Described {
            unit: "",
            meaning: "number of answers in words",
            missing: NEVER,
            told: Told::Count(Things::Texts),
        },
        |view| f64::from(view.state.feedback().n_texts()),
    );
    counted(
        entries,
        "feedback",
        "answers in score or words",
        Things::Answers,
        Slot::Feedback,
    );
}
