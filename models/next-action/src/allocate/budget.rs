//! The price of money at which what is worth its price costs what there is, and the allocation there.

use super::exchange;
use super::problem::{OUT_OF_REACH, Problem};
use super::transport::{Assigned, assign};

/// The search ends when no price can lower the bound by more than such a share of it.
const TOLERANCE: f64 = 1e-6;
/// The search ends after so many prices at the latest.
const MOST_PRICES: usize = 60;

/// An allocation within all limits, and prices whose bound is the lowest found.
pub(super) struct Solved {
    /// The action of each row; the number of actions for nothing.
    pub(super) at: Vec<u16>,
    /// Of one more place of each action, in quanta.
    pub(super) price: Vec<i64>,
    /// Of a millionth of money, in quanta.
    pub(super) money: f64,
}

/// The best at one price of money: a tangent of the bound as a function of that price.
struct Tangent {
    money: f64,
    assigned: Assigned,
    total: i128,
    spent: i128,
}

impl Tangent {
    fn at(problem: &Problem, money: f64) -> Tangent {
        // Beyond the largest worth a charge says no, however large it is.
        let charge = |cost: &i64| ((money * *cost as f64).round() as i64).min(OUT_OF_REACH);
        let charges: Vec<i64> = problem.cost.iter().map(charge).collect();
        let assigned = assign(problem, &charges);
        Tangent {
            money,
            total: problem.total(&assigned.at),
            spent: problem.spent(&assigned.at),
            assigned,
        }
    }

    /// The bound at a price, as far as this tangent tells.
    fn bound(&self, money: f64, budget: i128) -> f64 {
        self.total as f64 + money * (budget - self.spent) as f64
    }
}

/// Solves a problem.
pub(super) fn solve(problem: &Problem) -> Solved {
    let free = Tangent::at(problem, 0.0);
    let Some(budget) = problem.budget.filter(|budget| free.spent > *budget) else {
        return Solved {
            at: free.assigned.at,
            price: free.assigned.price,
            money: 0.0,
        };
    };
    let mut over = free;
    let mut under = Tangent::at(problem, highest_price(problem));
    let mut price = under.assigned.price.clone();
    let (mut money, mut lowest) = (under.money, under.bound(under.money, budget));
    for _ in 0..MOST_PRICES {
        // Where the tangents of too much and of too little meet.
        let meet = (over.total - under.total).max(0) as f64 / (over.spent - under.spent) as f64;
        let least = under.bound(meet, budget);
        let found = Tangent::at(problem, meet);
        let bound = found.bound(meet, budget);
        if bound < lowest {
            (lowest, money) = (bound, meet);
            price.clone_from(&found.assigned.price);
        }
        if found.spent > budget {
            over = found;
        } else {
            under = found;
        }
        if bound - least <= TOLERANCE * bound {
            break;
        }
    }
    let at = exchange::between(problem, &under.assigned.at, &over.assigned.at, budget);
    Solved { at, price, money }
}

/// A price of money at which nothing is worth what it costs.
fn highest_price(problem: &Problem) -> f64 {
    let mut highest = 0.0_f64;
    for row in 0..problem.n_rows() {
        for (worth, cost) in problem.row(row).iter().zip(&problem.cost) {
            if *cost > 0 {
                highest = highest.max(*worth as f64 / *cost as f64);
            }
        }
    }
    highest
}
