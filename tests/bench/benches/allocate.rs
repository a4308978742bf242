//! How near the bound, and how long: 100,000 customers and 20 actions, from loose to tight.

#![allow(clippy::print_stdout, reason = "a bench prints")]

use std::time::Instant;

use percorso_learners::Random;
use percorso_next_action::allocate::{Limit, Limits, Offer, allocate};

const N_CUSTOMERS: usize = 100_000;
const N_ACTIONS: usize = 20;

/// How gains are spread over customers and actions.
#[derive(Clone, Copy)]
enum Gains {
    /// Each customer has a taste of their own for each action.
    Own,
    /// Everyone likes the same actions best, some customers more than others.
    Alike,
    /// Gains are one of five numbers, so that most customers are as good as many others.
    Tied,
}

/// How much there is: the share of customers that all capacities together reach, and of what serving them all would cost.
struct Tightness {
    capacity: f64,
    budget: Option<f64>,
}

fn main() {
    println!("{N_CUSTOMERS} customers, {N_ACTIONS} actions");
    println!(
        "{:<8}{:>10}{:>10}{:>6}{:>10}{:>14}{:>14}{:>12}{:>10}",
        "gains", "capacity", "budget", "seed", "served", "priority", "bound", "gap", "seconds"
    );
    let tight = |capacity, budget| Tightness { capacity, budget };
    let all = [
        tight(2.0, None),
        tight(0.3, None),
        tight(2.0, Some(0.1)),
        tight(0.9, Some(0.5)),
        tight(0.3, Some(0.1)),
        tight(0.02, Some(0.01)),
    ];
    for (name, gains) in [("own", Gains::Own), ("alike", Gains::Alike), ("tied", Gains::Tied)] {
        for tightness in &all {
            for seed in [1, 2, 3] {
                run(name, gains, tightness, seed);
            }
        }
    }
}

fn run(name: &str, gains: Gains, tightness: &Tightness, seed: u64) {
    let mut random = Random::new(seed);
    let costs: Vec<f64> = (0..N_ACTIONS).map(|_| 0.1 + 10.0 * random.uniform()).collect();
    let likes: Vec<f64> = (0..N_ACTIONS).map(|_| 20.0 * random.uniform()).collect();
    let limits: Vec<Limit> = (0..N_ACTIONS)
        .map(|action| {
            let times = tightness.capacity * (N_CUSTOMERS / N_ACTIONS) as f64 * (0.5 + random.uniform());
            Limit {
                cost: costs[action],
                capacity: (action % 2 == 0).then_some(times as u64),
                budget: (action % 2 == 1).then_some(times * costs[action]),
            }
        })
        .collect();
    let offers: Vec<Vec<Offer>> = (0..N_CUSTOMERS)
        .map(|_| {
            let of_customer = 2.0 * random.uniform();
            let offer = |action: usize| {
                let taste = random.uniform();
                let reward = match gains {
                    Gains::Own => of_customer * likes[action] * taste * 2.0,
                    Gains::Alike => of_customer * likes[action] + taste,
                    Gains::Tied => likes[action] + (5.0 * taste).floor(),
                };
                let is_offered = random.uniform() < 0.8;
                is_offered.then_some(Offer {
                    action: action as u16,
                    priority: reward - costs[action],
                })
            };
            (0..N_ACTIONS).filter_map(offer).collect()
        })
        .collect();
    let mean_cost = costs.iter().sum::<f64>() / N_ACTIONS as f64;
    let limits = Limits {
        actions: &limits,
        budget: tightness.budget.map(|share| share * mean_cost * N_CUSTOMERS as f64),
    };
    let started = Instant::now();
    let found = allocate(&offers, &limits);
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{name:<8}{:>10}{:>10}{seed:>6}{:>10}{:>14.2}{:>14.2}{:>10.6} %{seconds:>10.2}",
        tightness.capacity,
        tightness.budget.map_or("none".to_owned(), |share| share.to_string()),
        found.chosen.iter().flatten().count(),
        found.priority,
        found.bound,
        100.0 * found.gap(),
    );
}
