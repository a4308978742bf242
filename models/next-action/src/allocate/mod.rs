//! Who gets which action, when there is not enough of everything for everyone?
//!
//! [`allocate`] gives each customer one action or none, so that what is done counts most in all: within how often each
//! action may be done, what each may cost, and what all may cost.
//! Without a budget over all actions that is a transportation problem, and what is found is the best there is.
//! A budget over all actions is charged by a price on money (Lagrangian relaxation; Fisher 1981, "The Lagrangian
//! relaxation method for solving integer programming problems"); no allocation counts more than the bound that comes with
//! it, and since customers and capacities alone make a problem with whole solutions, it is also the bound of the linear
//! program (Geoffrion 1974).
//!
//! ```
//! use percorso_next_action::allocate::{Limit, Limits, Offer, allocate};
//!
//! let one_call = Limit { cost: 2.0, capacity: Some(1), budget: None };
//! let call = |priority| vec![Offer { action: 0, priority }];
//! let found = allocate(&[call(3.0), call(5.0)], &Limits { actions: &[one_call], budget: None });
//! assert_eq!(found.chosen, [None, Some(0)]);
//! assert_eq!((found.priority, found.bound, found.spent), (5.0, 5.0, 2.0));
//! ```

mod budget;
mod exchange;
mod problem;
mod transport;

use self::problem::{Problem, in_money, in_priority};

/// An action that may be done for a customer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    /// Position in [`Limits::actions`].
    pub action: u16,
    /// How much it counts if it is done, such as [`crate::decide::Ranked::priority`]; one that counts nothing or less is
    /// never done.
    pub priority: f64,
}

/// How an action is limited over all customers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// What doing it once costs, 0 or more; money is counted in millionths.
    pub cost: f64,
    /// The most times it may be done.
    pub capacity: Option<u64>,
    /// The most that it may cost in all.
    pub budget: Option<f64>,
}

/// What there is to give.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits<'a> {
    /// Of each action.
    pub actions: &'a [Limit],
    /// The most that all actions together may cost.
    pub budget: Option<f64>,
}

/// Who gets what.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// For each customer the action, or nothing.
    pub chosen: Vec<Option<u16>>,
    /// The sum of the priorities of what is done.
    pub priority: f64,
    /// What no allocation within the limits counts more than.
    pub bound: f64,
    /// What it costs.
    pub spent: f64,
    /// What being able to do each action once more would add, at the most (its shadow price); 0 where there is enough of it.
    pub once_more: Vec<f64>,
    /// What one more unit of money would add, at the most (its shadow price); 0 where there is enough of it.
    pub unit_of_money: f64,
}

impl Allocation {
    /// The duality gap: how far from the bound it is, as a share of the bound.
    pub fn gap(&self) -> f64 {
        if self.bound > 0.0 {
            (self.bound - self.priority) / self.bound
        } else {
            0.0
        }
    }
}

/// Gives each customer one of the actions offered to them, or none.
///
/// Who of customers with the same offers gets something is told by their order; nothing else is.
///
/// # Panics
/// When an offer is of an action that has no limit, or a priority is not finite.
pub fn allocate(offers: &[Vec<Offer>], limits: &Limits<'_>) -> Allocation {
    let problem = Problem::new(offers, limits);
    let solved = budget::solve(&problem);
    let mut chosen = vec![None; offers.len()];
    for (customer, action) in problem.customers.iter().zip(&solved.at) {
        chosen[*customer as usize] = (usize::from(*action) < limits.actions.len()).then_some(*action);
    }
    let once_more: Vec<f64> = solved
        .price
        .iter()
        .map(|price| in_priority(*price as f64, &problem))
        .collect();
    // The price of money is of a quantum of priority for a millionth.
    let unit_of_money = in_priority(solved.money * problem::UNIT, &problem);
    // In the order of the problem, so that the order of customers does not change a bit of the sums.
    let mut priority = 0.0;
    let mut bound = 0.0;
    for customer in &problem.customers {
        let customer = *customer as usize;
        let mut most = 0.0_f64;
        for offer in &offers[customer] {
            let action = usize::from(offer.action);
            if chosen[customer] == Some(offer.action) {
                priority += offer.priority;
            }
            if problem.capacity[action] > 0 {
                let charged = limits.actions[action].cost * unit_of_money + once_more[action];
                most = most.max(offer.priority - charged);
            }
        }
        bound += most;
    }
    for (capacity, price) in problem.capacity.iter().zip(&once_more) {
        bound += *capacity as f64 * price;
    }
    bound += limits.budget.unwrap_or(0.0) * unit_of_money;
    Allocation {
        chosen,
        priority,
        // The last bits of two sums in different orders.
        bound: bound.max(priority),
        spent: in_money(problem.spent(&solved.at)),
        once_more,
        unit_of_money,
    }
}
