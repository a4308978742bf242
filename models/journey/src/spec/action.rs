//! What the business may do for a customer, and how what it did is judged.

use sha2::{Digest, Sha256};

use super::Spec;
use crate::CategoryId;

/// How decisions are logged, judged and limited.
#[derive(Clone, Debug, PartialEq)]
pub struct Decisions {
    /// Files of what was decided before, Parquet or CSV, relative to the `journey.toml`.
    pub logs: Vec<String>,
    /// What comes within so many days of a decision counts as what came of it.
    pub window_days: u32,
    /// What an outcome is worth.
    pub reward: Reward,
    /// How much of what an action gives to the customer counts beside what it brings in.
    pub customer_benefit: f64,
    /// The most contacts of a customer, over all actions and channels.
    pub contacts: Option<Cap>,
    /// The share of decisions that try any action that may be tried, by chance; 0 to 1.
    pub exploration: f64,
    /// The most that all actions of one day may cost.
    pub daily_budget: Option<f64>,
    /// The share of customers to whom nothing is ever done, so that what the programme brings in can be told; 0 to 1.
    pub holdout: f64,
    /// Position in [`super::Spec::actions`] of what is done where nothing can be told of a customer; `None` for nothing.
    pub fallback: Option<u16>,
}

impl Decisions {
    /// What rewards mean: effects learnt under one text are no effects under another.
    pub fn rewarded(&self) -> String {
        format!("{:?}", (self.window_days, self.reward))
    }
}

/// What came of a decision in money, as the business declares it; the sum over the window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reward {
    /// Of each unit of money that events are worth.
    pub spend: f64,
    /// Of a customer who leaves; below 0.
    pub leaving: f64,
    /// Of an offer taken.
    pub accepted: f64,
    /// Of each stage further than the one that the customer was in.
    pub stage_forward: f64,
}

/// So many times in so many days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// The most times.
    pub times: u32,
    /// In any span of so many days.
    pub days: u32,
}

/// One offer on one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Its name, as `action_id` in events and logs of decisions.
    pub name: String,
    /// The name as events hold it.
    pub id: CategoryId,
    /// The key of its text, for whoever words it.
    pub text: String,
    /// Position in [`super::Spec::channels`].
    pub channel: u16,
    /// What doing it costs.
    pub cost: f64,
    /// What it gives to the customer.
    pub benefit: f64,
    /// Who may be offered it.
    pub eligible: Eligible,
    /// Position of the flag that says whether the customer agreed to it; nobody is asked where there is none.
    pub consent: Option<u16>,
    /// When it must not reach anyone.
    pub quiet: Quiet,
    /// Days after it in which it is not done again.
    pub cool_down_days: u32,
    /// The most times that a customer gets it.
    pub cap: Option<Cap>,
    /// How it is limited over all customers.
    pub daily: Daily,
    /// What it is believed to bring in beyond doing nothing, where no decision tells; where few do, what they tell is pulled
    /// towards it.
    pub prior: Option<Prior>,
    /// How much more it counts than what it brings in says; 1 changes nothing.
    pub lever: f64,
    /// Whether it may be tried by chance.
    pub explore: bool,
    /// What else has to hold.
    pub rules: Vec<Rule>,
}

/// Who may be offered an action; an empty list is everyone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Eligible {
    /// Positions of the stages a customer has to be in.
    pub stages: Vec<u16>,
    /// Audiences, by name.
    pub audiences: Vec<String>,
    /// Products, by name.
    pub products: Vec<String>,
}

/// Hours and days in the business's time zone at which nobody is contacted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quiet {
    /// Minutes of the day from which and until which it is quiet; may go over midnight.
    pub minutes: Option<(u16, u16)>,
    /// Days of the week, 0 for Monday.
    pub weekdays: Vec<u8>,
}

impl Quiet {
    /// Whether it is quiet at a minute of the day.
    pub fn has_minute(&self, minute: u16) -> bool {
        self.spans().any(|(from, until)| (from..until).contains(&minute))
    }

    /// Whether it is quiet in some part of an hour of the day.
    pub fn has_part_of(&self, hour: u8) -> bool {
        let begins = 60 * u16::from(hour);
        self.spans().any(|(from, until)| from < begins + 60 && until > begins)
    }

    /// What goes over midnight is two spans.
    fn spans(&self) -> impl Iterator<Item = (u16, u16)> {
        let spans = self.minutes.map(|(from, until)| match from <= until {
            true => [(from, until), (0, 0)],
            false => [(from, 24 * 60), (0, until)],
        });
        spans.into_iter().flatten()
    }
}

/// What may be done in one day of the business's time zone, over all customers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Daily {
    /// The most times.
    pub capacity: Option<u32>,
    /// The most that it may cost.
    pub budget: Option<f64>,
}

/// A belief before anything was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// What an action is believed to bring in.
    pub gain: f64,
}

/// A condition on an action, with the name that is told when it does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What has to hold, as an expression.
    pub when: String,
}

impl Spec {
    /// The first 16 bytes of SHA-256 of what a decision depends on: actions, limits and chance, not where logs lie.
    pub fn actions_digest(&self) -> [u8; 16] {
        let decisions = self.decisions();
        let text = format!(
            "{:?}",
            (
                1,
                decisions.window_days,
                decisions.customer_benefit,
                decisions.contacts,
                decisions.exploration,
                decisions.daily_budget,
                decisions.holdout,
                decisions.fallback,
                self.actions(),
            )
        );
        let mut digest = [0; 16];
        digest.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
        digest
    }
}
