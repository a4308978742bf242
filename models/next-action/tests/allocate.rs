//! Who gets what, held against every allocation there is and against a solver of linear programs.
#![allow(missing_docs, clippy::unwrap_used)]

use good_lp::{Expression, ProblemVariables, Solution, SolverModel, clarabel, constraint, variable};
use percorso_learners::Random;
use percorso_next_action::allocate::{Allocation, Limit, Limits, Offer, allocate};

/// A made-up business.
struct Business {
    offers: Vec<Vec<Offer>>,
    limits: Vec<Limit>,
    budget: Option<f64>,
}

impl Business {
    /// So many customers and actions, each offered by a chance, some limits left out by a chance.
    fn drawn(n_customers: usize, n_actions: usize, seed: u64) -> Business {
        let mut random = Random::new(seed);
        // Few different numbers make many ties.
        let n_levels = [3, 10, 1_000][random.below(3)];
        let offers = (0..n_customers).map(|_| {
            let mut offers = Vec::new();
            for action in 0..n_actions as u16 {
                if random.uniform() < 0.7 {
                    let priority = (random.below(n_levels) as f64 - 1.0) / n_levels as f64;
                    offers.push(Offer { action, priority });
                }
            }
            offers
        });
        let offers = offers.collect();
        let limits = (0..n_actions).map(|_| Limit {
            cost: random.below(4) as f64 / 2.0,
            capacity: (random.uniform() < 0.7).then(|| random.below(n_customers.div_ceil(2)) as u64),
            budget: (random.uniform() < 0.3).then(|| random.below(n_customers) as f64 / 3.0),
        });
        let limits = limits.collect();
        let budget = (random.uniform() < 0.7).then(|| random.below(n_customers) as f64 / 2.0);
        Business { offers, limits, budget }
    }

    fn limits(&self) -> Limits<'_> {
        Limits {
            actions: &self.limits,
            budget: self.budget,
        }
    }

    fn allocate(&self) -> Allocation {
        allocate(&self.offers, &self.limits())
    }

    /// Checks that an allocation keeps all limits and tells its own numbers.
    #[track_caller]
    fn assert_keeps(&self, found: &Allocation) {
        let mut times = vec![0_u64; self.limits.len()];
        let mut priority = 0.0;
        for (offers, chosen) in self.offers.iter().zip(&found.chosen) {
            let Some(action) = *chosen else { continue };
            times[usize::from(action)] += 1;
            let offer = offers.iter().find(|offer| offer.action == action);
            let offer = offer.expect("only what is offered is done");
            assert!(offer.priority > 0.0, "what counts nothing is not done");
            priority += offer.priority;
        }
        let spent = |action: usize| times[action] as f64 * self.limits[action].cost;
        for (action, limit) in self.limits.iter().enumerate() {
            assert!(limit.capacity.is_none_or(|capacity| times[action] <= capacity));
            assert!(limit.budget.is_none_or(|budget| spent(action) <= budget + 1e-9));
        }
        let all: f64 = (0..times.len()).map(spent).sum();
        assert!(self.budget.is_none_or(|budget| all <= budget + 1e-9));
        assert!((all - found.spent).abs() < 1e-9);
        assert!((priority - found.priority).abs() < 1e-9);
        assert!(found.bound >= found.priority);
    }

    /// What the best of all allocations counts.
    fn best(&self) -> f64 {
        let left: Vec<u64> = self
            .limits
            .iter()
            .map(|limit| limit.capacity.unwrap_or(u64::MAX))
            .collect();
        let own: Vec<f64> = self
            .limits
            .iter()
            .map(|limit| limit.budget.unwrap_or(f64::INFINITY))
            .collect();
        self.best_from(0, &left, &own, self.budget.unwrap_or(f64::INFINITY))
    }

    fn best_from(&self, customer: usize, left: &[u64], own: &[f64], money: f64) -> f64 {
        let Some(offers) = self.offers.get(customer) else {
            return 0.0;
        };
        let mut best = self.best_from(customer + 1, left, own, money);
        for offer in offers {
            let action = usize::from(offer.action);
            let cost = self.limits[action].cost;
            if left[action] == 0 || cost > own[action] + 1e-9 || cost > money + 1e-9 {
                continue;
            }
            let (mut left, mut own) = (left.to_vec(), own.to_vec());
            left[action] -= 1;
            own[action] -= cost;
            best = best.max(offer.priority + self.best_from(customer + 1, &left, &own, money - cost));
        }
        best
    }

    /// The bound of the linear program; an action's own budget is a number of times, which is what it allows.
    fn linear_bound(&self) -> f64 {
        let mut variables = ProblemVariables::new();
        let mut total = Expression::default();
        let mut money = Expression::default();
        let mut of_action = vec![Expression::default(); self.limits.len()];
        let mut of_customer = Vec::new();
        for offers in &self.offers {
            let mut one = Expression::default();
            for offer in offers {
                let limit = &self.limits[usize::from(offer.action)];
                if self.budget.is_some_and(|budget| limit.cost > budget) {
                    continue;
                }
                let share = variables.add(variable().min(0));
                total += offer.priority * share;
                money += limit.cost * share;
                of_action[usize::from(offer.action)] += share;
                one += share;
            }
            of_customer.push(one);
        }
        let mut program = variables.maximise(total.clone()).using(clarabel);
        for one in of_customer {
            program = program.with(constraint!(one <= 1));
        }
        for (times, limit) in of_action.into_iter().zip(&self.limits) {
            let own = limit
                .budget
                .filter(|_| limit.cost > 0.0)
                .map(|budget| (budget / limit.cost + 1e-9).floor());
            let most = limit.capacity.map_or(f64::INFINITY, |capacity| capacity as f64);
            let most = most.min(own.unwrap_or(f64::INFINITY));
            if most.is_finite() {
                program = program.with(constraint!(times <= most));
            }
        }
        if let Some(budget) = self.budget {
            program = program.with(constraint!(money <= budget));
        }
        program.solve().unwrap().eval(total)
    }
}

#[test]
fn of_few_customers_the_best_allocation_is_found_where_no_budget_is_shared() {
    for seed in 0..300 {
        let mut business = Business::drawn(1 + seed as usize % 6, 1 + seed as usize % 4, seed);
        business.budget = None;
        let found = business.allocate();
        business.assert_keeps(&found);
        assert!((found.priority - business.best()).abs() < 1e-9, "seed {seed}");
        assert!(found.gap() < 1e-9, "seed {seed}: the bound proves it");
    }
}

#[test]
fn of_few_customers_the_best_allocation_lies_between_what_is_found_and_the_bound() {
    let mut lost = 0.0;
    let mut in_all = 0.0;
    for seed in 0..300 {
        let business = Business::drawn(1 + seed as usize % 7, 1 + seed as usize % 4, seed);
        let found = business.allocate();
        business.assert_keeps(&found);
        let best = business.best();
        assert!(
            found.priority <= best + 1e-9 && best <= found.bound + 1e-9,
            "seed {seed}"
        );
        lost += best - found.priority;
        in_all += best;
    }
    // One customer of six is a sixth; with a thousand it is nothing.
    assert!(lost < 0.03 * in_all, "{lost} of {in_all}");
}

#[test]
fn the_bound_is_that_of_the_linear_program() {
    for seed in 0..60 {
        let business = Business::drawn(20 + seed as usize, 2 + seed as usize % 6, seed);
        let found = business.allocate();
        business.assert_keeps(&found);
        let linear = business.linear_bound();
        let tolerance = 1e-5 * (1.0 + linear);
        assert!(
            (found.bound - linear).abs() < tolerance,
            "seed {seed}: {} and {linear}",
            found.bound
        );
    }
}

#[test]
fn a_thousand_customers_are_within_a_thousandth_of_the_bound() {
    for seed in 0..20 {
        let business = Business::drawn(1_000, 12, seed);
        let found = business.allocate();
        business.assert_keeps(&found);
        assert!(found.gap() < 1e-3, "seed {seed}: {}", found.gap());
    }
}

#[test]
fn the_order_of_customers_does_not_matter() {
    for seed in 0..50 {
        let mut business = Business::drawn(200, 5, seed);
        let found = business.allocate();
        business.offers.reverse();
        let turned = business.allocate();
        let bits = |found: &Allocation| [found.priority, found.bound, found.spent].map(f64::to_bits);
        assert_eq!(bits(&found), bits(&turned), "seed {seed}");
        let sorted = |found: &Allocation| {
            let mut chosen = found.chosen.clone();
            chosen.sort_unstable();
            chosen
        };
        assert_eq!(sorted(&found), sorted(&turned), "seed {seed}: as often each action");
    }
}

#[test]
fn everyone_alike_gets_as_much_as_the_money_buys() {
    let offers = vec![
        vec![Offer {
            action: 0,
            priority: 2.0
        }];
        1_000
    ];
    let limit = Limit {
        cost: 0.1,
        capacity: None,
        budget: None,
    };
    let limits = Limits {
        actions: &[limit],
        budget: Some(0.3),
    };
    let found = allocate(&offers, &limits);
    assert_eq!(found.chosen.iter().flatten().count(), 3, "three times .1 is .3");
    assert!(found.chosen[..3].iter().all(Option::is_some), "the first of equals");
    assert!((found.unit_of_money - 20.0).abs() < 1e-6);
    assert!(found.gap() < 1e-9);
}

#[test]
fn without_capacity_money_or_customers_nothing_is_done() {
    let limit = |cost, capacity, budget| Limit { cost, capacity, budget };
    let offers = vec![
        vec![Offer {
            action: 0,
            priority: 2.0
        }];
        10
    ];
    for (limit, budget) in [
        (limit(0.0, Some(0), None), None),
        (limit(1.0, None, Some(0.0)), None),
        (limit(1.0, None, None), Some(0.0)),
        (limit(1.0, None, None), Some(0.5)),
    ] {
        let actions = [limit];
        let limits = Limits {
            actions: &actions,
            budget,
        };
        let found = allocate(&offers, &limits);
        assert!(found.chosen.iter().all(Option::is_none));
        assert_eq!((found.priority, found.bound, found.gap()), (0.0, 0.0, 0.0));
    }
    let none = allocate(
        &[],
        &Limits {
            actions: &[],
            budget: None,
        },
    );
    assert!(none.chosen.is_empty() && none.bound == 0.0);
}

#[test]
fn what_costs_nothing_is_done_when_no_money_is_there() {
    let limit = |cost| Limit {
        cost,
        capacity: None,
        budget: None,
    };
    let offers = vec![
        [(0, 1.0), (1, 5.0)]
            .map(|(action, priority)| Offer { action, priority })
            .to_vec();
        4
    ];
    let limits = Limits {
        actions: &[limit(0.0), limit(3.0)],
        budget: Some(7.0),
    };
    let found = allocate(&offers, &limits);
    let times = |action| found.chosen.iter().filter(|chosen| **chosen == Some(action)).count();
    assert_eq!(
        (times(0), times(1)),
        (2, 2),
        "two are paid for, the others get what is free"
    );
    assert!(found.bound >= found.priority && found.priority == 12.0);
}

#[test]
fn one_more_place_is_worth_what_the_next_customer_would_gain() {
    let offers: Vec<Vec<Offer>> = [5.0, 4.0, 1.0]
        .map(|priority| vec![Offer { action: 0, priority }])
        .to_vec();
    let limit = Limit {
        cost: 1.0,
        capacity: Some(2),
        budget: None,
    };
    let found = allocate(
        &offers,
        &Limits {
            actions: &[limit],
            budget: None,
        },
    );
    assert_eq!(found.chosen, [Some(0), Some(0), None]);
    assert!(found.once_more[0] >= 1.0 && found.once_more[0] <= 4.0);
    assert!((found.bound - 9.0).abs() < 1e-9);
}
