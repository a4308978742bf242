//! What comes next, and when: cause-specific hazards over a grid of time, and the one answer they make.
//!
//! A [`NextStageHead`] is a learner over every stage and "none", asked at the beginning of each interval of its
//! [`percorso_journey::TimeGrid`] what comes first in it; it knows only encoded cells.
//! The cells are those of the customer as they will be at that moment if nothing comes: so the answer a day later, with
//! nothing new, is exactly today's answer for one who has waited a day ([`Incidence::after_waiting`]).

mod head;
mod incidence;

pub use head::NextStageHead;
pub use incidence::Incidence;
