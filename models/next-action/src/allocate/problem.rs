//! The allocation in whole numbers, so that ties are ties and no rounding makes a circle of moves look worth its while.

use super::{Limits, Offer};

/// The largest priority has so many bits in quanta: twenty actions and their sums fit, and no priority of a trillionth of
/// the largest is lost.
const BITS: i32 = 40;
/// More than any worth.
pub(super) const OUT_OF_REACH: i64 = 1 << (BITS + 1);
/// Money is counted in millionths.
pub(super) const UNIT: f64 = 1e6;
/// The worth of what is not offered.
pub(super) const NOT_OFFERED: i64 = 0;

/// Customers with an offer, in an order that depends on their offers alone, and the limits.
pub(super) struct Problem {
    pub(super) n_actions: usize,
    /// Where each row's customer was.
    pub(super) customers: Vec<u32>,
    /// Row by row the worth of each action in quanta; [`NOT_OFFERED`] of one that cannot be done.
    worth: Vec<i64>,
    /// How many quanta a priority of 1 is.
    scale: f64,
    /// How often each action may be done, its own budget counted.
    pub(super) capacity: Vec<usize>,
    /// In millionths.
    pub(super) cost: Vec<i64>,
    /// In millionths.
    pub(super) budget: Option<i128>,
}

impl Problem {
    pub(super) fn new(offers: &[Vec<Offer>], limits: &Limits<'_>) -> Problem {
        let n_actions = limits.actions.len();
        let budget = limits.budget.map(|budget| i128::from(millionths(budget)));
        let cost: Vec<i64> = limits.actions.iter().map(|limit| millionths(limit.cost)).collect();
        let capacity = limits.actions.iter().zip(&cost).map(|(limit, &cost)| {
            let declared = limit.capacity.map_or(offers.len(), |most| {
                usize::try_from(most).map_or(offers.len(), |most| most.min(offers.len()))
            });
            let within = |budget: i128| match cost {
                0 => declared,
                _ => usize::try_from(budget / i128::from(cost)).map_or(declared, |times| times.min(declared)),
            };
            let own = limit.budget.map_or(declared, |own| within(i128::from(millionths(own))));
            let is_too_dear = budget.is_some_and(|budget| i128::from(cost) > budget);
            if is_too_dear { 0 } else { own }
        });
        let capacity: Vec<usize> = capacity.collect();
        let can_be_done = |offer: &&Offer| {
            assert!(offer.priority.is_finite(), "a priority is finite");
            offer.priority > 0.0 && capacity[usize::from(offer.action)] > 0
        };
        let largest = offers.iter().flatten().filter(can_be_done).map(|offer| offer.priority);
        // A power of two changes no digit of a priority.
        let (_, largest_bits) = libm::frexp(largest.fold(0.0, f64::max));
        let scale = libm::ldexp(1.0, BITS - largest_bits);
        let mut rows: Vec<(u32, Vec<i64>)> = Vec::with_capacity(offers.len());
        for (customer, offers) in (0..).zip(offers) {
            let mut worth = vec![NOT_OFFERED; n_actions];
            for offer in offers.iter().filter(can_be_done) {
                worth[usize::from(offer.action)] = (offer.priority * scale).round() as i64;
            }
            if worth.iter().any(|worth| *worth != NOT_OFFERED) {
                rows.push((customer, worth));
            }
        }
        // Who has most to gain comes first: then few have to make room again.
        rows.sort_by(|(_, a), (_, b)| b.iter().max().cmp(&a.iter().max()).then_with(|| b.cmp(a)));
        Problem {
            n_actions,
            customers: rows.iter().map(|(customer, _)| *customer).collect(),
            worth: rows.into_iter().flat_map(|(_, worth)| worth).collect(),
            scale,
            capacity,
            cost,
            budget,
        }
    }

    pub(super) fn n_rows(&self) -> usize {
        self.customers.len()
    }

    /// The worth of each action to a row.
    pub(super) fn row(&self, row: usize) -> &[i64] {
        &self.worth[row * self.n_actions..][..self.n_actions]
    }

    /// The worth of an action to a row; nothing of doing nothing.
    pub(super) fn worth(&self, row: usize, action: u16) -> i64 {
        self.row(row).get(usize::from(action)).copied().unwrap_or(0)
    }

    /// What an action costs once; nothing of doing nothing.
    pub(super) fn cost(&self, action: u16) -> i64 {
        self.cost.get(usize::from(action)).copied().unwrap_or(0)
    }

    /// What all rows cost.
    pub(super) fn spent(&self, at: &[u16]) -> i128 {
        at.iter().map(|action| i128::from(self.cost(*action))).sum()
    }

    /// What all rows are worth.
    pub(super) fn total(&self, at: &[u16]) -> i128 {
        at.iter()
            .enumerate()
            .map(|(row, action)| i128::from(self.worth(row, *action)))
            .sum()
    }
}

/// Quanta as a priority.
pub(super) fn in_priority(quanta: f64, problem: &Problem) -> f64 {
    quanta / problem.scale
}

/// Millionths as money.
pub(super) fn in_money(millionths: i128) -> f64 {
    millionths as f64 / UNIT
}

fn millionths(money: f64) -> i64 {
    (money * UNIT).round() as i64
}
