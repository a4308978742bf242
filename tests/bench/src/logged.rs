//! A made-up log of decisions whose truth is known exactly: what a policy is worth on it, and what the action does.
//!
//! A decision is about a customer of one of two kinds at one of four places, all equally likely; the action is done or
//! not with a known chance, and what comes of it has a known mean. So truths are sums over places and kinds.

use percorso_learners::Random;

/// Where decisions are made.
pub const N_PLACES: usize = 4;
/// The kinds of customers.
pub const N_KINDS: usize = 2;
/// The kind whose uplift is asked for before the log is seen.
pub const GROUP: usize = 1;
/// The target policy: at which places the action is done, as it is where it helps.
pub const TARGET: [usize; N_PLACES] = [1, 0, 1, 0];

/// How likely something good is by place without the action, and how much likelier with it; kind 1 gets more of both.
const WITHOUT: [f64; N_PLACES] = [0.20, 0.28, 0.36, 0.44];
const EFFECT: [f64; N_PLACES] = [0.15, -0.10, 0.10, -0.05];
const OF_KIND: f64 = 0.10;
const EFFECT_OF_KIND: f64 = 0.05;

/// The mean of the logarithm of what a buyer spends.
const LOG_SPEND: f64 = 3.0;
/// How far customers differ in what they give, how far in what the action does to them, and rows of one customer.
const SPREAD_OF_CUSTOMERS: f64 = 0.5;
const SPREAD_OF_EFFECTS: f64 = 0.3;
const SPREAD_OF_ROWS: f64 = 0.5;

/// The law of a log.
#[derive(Clone, Copy, Debug)]
pub struct Law {
    /// What it is called in tables.
    pub name: &'static str,
    /// How likely the action is at each place.
    pub propensity: [f64; N_PLACES],
    /// What comes of decisions.
    pub rewards: Rewards,
    /// The most rows of a customer; every number from 1 on is equally likely.
    pub max_rows: usize,
    /// Whether the outcome model is spoilt: it takes each arm for the other, and its level is off.
    pub is_outcome_model_wrong: bool,
}

/// What comes of decisions.
#[derive(Clone, Copy, Debug)]
pub enum Rewards {
    /// 1 or 0; what is good is so many times as likely as in the other laws.
    YesNo {
        /// How many times.
        times: f64,
    },
    /// Amounts that are alike for one customer, with and without the action.
    AlikeByCustomer,
    /// Mostly nothing, else a log-normal amount.
    Spend {
        /// The standard deviation of its logarithm.
        log_spread: f64,
    },
}

/// A logged decision.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// About whom.
    pub customer: u64,
    /// What kind of customer.
    pub kind: usize,
    /// Where.
    pub place: usize,
    /// 1 when the action was done.
    pub arm: usize,
    /// How likely that was.
    pub propensity: f64,
    /// What came of it.
    pub reward: f64,
}

impl Law {
    /// The log of so many customers.
    pub fn log(&self, n_customers: usize, random: &mut Random) -> Vec<Row> {
        let mut rows = Vec::new();
        for customer in 0..n_customers {
            let kind = random.below(N_KINDS);
            let taste = [SPREAD_OF_CUSTOMERS * normal(random), SPREAD_OF_EFFECTS * normal(random)];
            for _ in 0..1 + random.below(self.max_rows) {
                let place = random.below(N_PLACES);
                let arm = usize::from(random.uniform() < self.propensity[place]);
                rows.push(Row {
                    customer: customer as u64,
                    kind,
                    place,
                    arm,
                    propensity: self.chance(place, arm),
                    reward: self.reward(good(place, kind, arm), arm, taste, random),
                });
            }
        }
        rows
    }

    /// How many customers a log needs so that its effective sample size under the target is `ess`, but for chance.
    pub fn n_customers(&self, ess: f64) -> usize {
        let squares: f64 = (0..N_PLACES).map(|place| 1.0 / self.chance(place, TARGET[place])).sum();
        let rows_of_one = 0.5 * (1 + self.max_rows) as f64;
        libm::round(ess * squares / N_PLACES as f64 / rows_of_one) as usize
    }

    /// What the target policy is worth, a decision.
    pub fn value(&self) -> f64 {
        let of_kind = |kind| mean_of_places(|place| self.mean(place, kind, TARGET[place]));
        (0..N_KINDS).map(of_kind).sum::<f64>() / N_KINDS as f64
    }

    /// How much the action adds, a decision.
    pub fn effect(&self) -> f64 {
        (0..N_KINDS).map(|kind| self.effect_on(kind)).sum::<f64>() / N_KINDS as f64
    }

    /// How much the action adds, a decision about one kind of customers.
    pub fn effect_on(&self, kind: usize) -> f64 {
        mean_of_places(|place| self.mean(place, kind, 1) - self.mean(place, kind, 0))
    }

    fn chance(&self, place: usize, arm: usize) -> f64 {
        if arm == 1 {
            self.propensity[place]
        } else {
            1.0 - self.propensity[place]
        }
    }

    fn mean(&self, place: usize, kind: usize, arm: usize) -> f64 {
        let good = good(place, kind, arm);
        match self.rewards {
            Rewards::YesNo { times } => times * good,
            Rewards::AlikeByCustomer => good,
            Rewards::Spend { log_spread } => good * libm::exp(LOG_SPEND + 0.5 * log_spread * log_spread),
        }
    }

    fn reward(&self, good: f64, arm: usize, taste: [f64; 2], random: &mut Random) -> f64 {
        match self.rewards {
            Rewards::YesNo { times } => f64::from(u8::from(random.uniform() < times * good)),
            Rewards::AlikeByCustomer => good + taste[0] + taste[1] * arm as f64 + SPREAD_OF_ROWS * normal(random),
            Rewards::Spend { log_spread } if random.uniform() < good => {
                libm::exp(LOG_SPEND + log_spread * normal(random))
            }
            Rewards::Spend { .. } => 0.0,
        }
    }
}

fn good(place: usize, kind: usize, arm: usize) -> f64 {
    let kind = kind as f64;
    WITHOUT[place] + OF_KIND * kind + arm as f64 * (EFFECT[place] + EFFECT_OF_KIND * kind)
}

fn mean_of_places(of_place: impl Fn(usize) -> f64) -> f64 {
    (0..N_PLACES).map(of_place).sum::<f64>() / N_PLACES as f64
}

/// A standard normal number (Box and Muller 1958).
fn normal(random: &mut Random) -> f64 {
    let radius = libm::sqrt(-2.0 * libm::log(1.0 - random.uniform()));
    radius * libm::cos(std::f64::consts::TAU * random.uniform())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_tells_the_truth() {
        let all = [
            Rewards::YesNo { times: 1.0 },
            Rewards::AlikeByCustomer,
            Rewards::Spend { log_spread: 0.5 },
        ];
        for rewards in all {
            let law = Law {
                name: "a test",
                propensity: [0.3, 0.4, 0.5, 0.6],
                rewards,
                max_rows: 3,
                is_outcome_model_wrong: false,
            };
            let rows = law.log(100_000, &mut Random::new(1));
            let (mut value, mut effect) = (0.0, 0.0);
            for row in &rows {
                let weighed = row.reward / row.propensity;
                value += if row.arm == TARGET[row.place] { weighed } else { 0.0 };
                effect += if row.arm == 1 { weighed } else { -weighed };
            }
            let n_rows = rows.len() as f64;
            // Some four standard errors of 200,000 rows.
            assert!((value / n_rows / law.value() - 1.0).abs() < 0.02, "{rewards:?}");
            assert!(
                (effect / n_rows - law.effect()).abs() < 0.03 * law.value(),
                "{rewards:?}"
            );
        }
    }
}
