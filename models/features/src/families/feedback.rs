//! What customers themselves said of their journey, in scores.

use percorso_journey::state::Slot;

use super::activity::counted;
use super::{Described, Entries, NEVER};

const NO_SCORE: &str = "no score given yet";

pub(super) fn enter(entries: &mut Entries<'_>) {
    let described = |meaning, missing| Described {
        unit: "score",
        meaning,
        missing,
    };
    entries.number("feedback_last", described("the last score given", NO_SCORE), |view| {
        view.state.feedback().last()
    });
    entries.number(
        "feedback_mean",
        described("mean of the scores given", NO_SCORE),
        |view| view.state.feedback().scores().mean(),
    );
    entries.number("feedback_least", described("the least score given", NO_SCORE), |view| {
        view.state.feedback().least()
    });
    entries.number(
        "feedback_last_less_mean",
        described("the last score less the mean of all", NO_SCORE),
        |view| view.state.feedback().last() - view.state.feedback().scores().mean(),
    );
    entries.number(
        "feedback_since_days",
        Described {
            unit: "days",
            meaning: "days since the last score",
            missing: NO_SCORE,
        },
        |view| view.days_since(view.state.feedback().last_at()),
    );
    entries.number(
        "feedback_texts_n",
        Described {
            unit: "",
            meaning: "number of answers in words",
            missing: NEVER,
        },
        |view| f64::from(view.state.feedback().n_texts()),
    );
    counted(entries, "feedback", "answers in score or words", Slot::Feedback);
}
