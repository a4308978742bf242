//! What comes next, and when: cause-specific hazards over a grid of time, and the one answer they make.
//!
//! A [`NextStageHead`] is asked at the beginning of each interval of its [`percorso_journey::TimeGrid`] whether anything
//! comes in it, and if so, of which stage; the product of both is the hazard of the stage. It knows only encoded cells.
//! The cells are those of the customer as they will be at that moment if nothing comes: so the answer a day later, with
//! nothing new, is exactly today's answer for one who has waited a day ([`Incidence::after_waiting`]).

mod head;
mod incidence;
mod trust;

pub use head::{Calibrated, NextStageHead, competing};
pub use incidence::Incidence;
pub use trust::{Likeliest, Trust, likeliest};
