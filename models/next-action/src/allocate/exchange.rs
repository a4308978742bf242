//! From an allocation that leaves money over to one that costs too much, as far as the money goes.
//!
//! The two differ by exchanges: chains and circles of customers who each take the place of the next.
//! Any of them can be done alone without going over a capacity; at the price of money where both allocations are the best,
//! each is worth exactly what it costs, so what is lost is what the money left over would have bought.

use super::problem::Problem;

/// Customers who move together.
struct Exchange {
    moves: Vec<(usize, u16)>,
    worth: i64,
    cost: i64,
}

/// What `from` becomes by exchanges towards `to`, and moves of single customers, within the budget.
pub(super) fn between(problem: &Problem, from: &[u16], to: &[u16], budget: i128) -> Vec<u16> {
    let mut at = from.to_vec();
    let mut left = budget - problem.spent(from);
    let mut exchanges = exchanges(problem, from, to);
    exchanges.retain(|exchange| exchange.worth > 0);
    // Those that save money first, then those that are worth most for what they cost, the dearer of equals.
    let rate = |exchange: &Exchange| match exchange.cost {
        ..=0 => f64::INFINITY,
        cost => exchange.worth as f64 / cost as f64,
    };
    exchanges.sort_by(|a, b| rate(b).total_cmp(&rate(a)).then(b.cost.cmp(&a.cost)));
    for exchange in exchanges {
        if i128::from(exchange.cost) <= left {
            left -= i128::from(exchange.cost);
            for (row, action) in exchange.moves {
                at[row] = action;
            }
        }
    }
    spend(problem, &mut at, left);
    at
}

/// Spends what is left on single customers, those who gain most by it first.
fn spend(problem: &Problem, at: &mut [u16], mut left: i128) {
    let mut places = problem.capacity.clone();
    for action in at.iter() {
        if let Some(places) = places.get_mut(usize::from(*action)) {
            *places -= 1;
        }
    }
    let gains = |at: &[u16], row: usize, action: u16| {
        let cost = i128::from(problem.cost(action) - problem.cost(at[row]));
        (problem.worth(row, action) - problem.worth(row, at[row]), cost)
    };
    let mut moves = Vec::new();
    for row in 0..at.len() {
        for action in 0..problem.n_actions as u16 {
            let (worth, cost) = gains(at, row, action);
            if worth > 0 && cost <= left && places[usize::from(action)] > 0 {
                moves.push((worth, row, action));
            }
        }
    }
    moves.sort_by_key(|(worth, ..)| std::cmp::Reverse(*worth));
    for (_, row, action) in moves {
        let (worth, cost) = gains(at, row, action);
        if worth > 0 && cost <= left && places[usize::from(action)] > 0 {
            if let Some(places) = places.get_mut(usize::from(at[row])) {
                *places += 1;
            }
            places[usize::from(action)] -= 1;
            left -= cost;
            at[row] = action;
        }
    }
}

/// Everything in which two allocations differ, taken apart.
fn exchanges(problem: &Problem, from: &[u16], to: &[u16]) -> Vec<Exchange> {
    let n_nodes = problem.n_actions + 1;
    let mut moves = Moves {
        problem,
        from,
        leaving: vec![Vec::new(); n_nodes],
        found: Vec::new(),
    };
    let mut more_leave = vec![0_i64; n_nodes];
    // The last first, so that the first are taken first.
    for (row, (a, b)) in from.iter().zip(to).enumerate().rev().filter(|(_, (a, b))| a != b) {
        moves.leaving[usize::from(*a)].push((row, *b));
        more_leave[usize::from(*a)] += 1;
        more_leave[usize::from(*b)] -= 1;
    }
    // Chains begin where more leave than come, and so end where more come than leave; what remains is circles.
    for (node, n) in more_leave.into_iter().enumerate() {
        (0..n).for_each(|_| moves.walk(node));
    }
    for node in 0..n_nodes {
        while !moves.leaving[node].is_empty() {
            moves.walk(node);
        }
    }
    moves.found
}

/// The moves that are in no exchange yet.
struct Moves<'a> {
    problem: &'a Problem,
    from: &'a [u16],
    /// Who leaves each action, or nothing, and where to.
    leaving: Vec<Vec<(usize, u16)>>,
    found: Vec<Exchange>,
}

impl Moves<'_> {
    /// Follows moves from an action on, until nobody leaves; every circle on the way is an exchange of its own.
    fn walk(&mut self, start: usize) {
        let mut way: Vec<(usize, u16)> = Vec::new();
        let mut node = start;
        while let Some((row, to)) = self.leaving[node].pop() {
            way.push((row, to));
            node = usize::from(to);
            let began = way.iter().position(|(row, _)| usize::from(self.from[*row]) == node);
            if let Some(began) = began {
                let circle = way.split_off(began);
                self.keep(circle);
            }
        }
        if !way.is_empty() {
            self.keep(way);
        }
    }

    fn keep(&mut self, moves: Vec<(usize, u16)>) {
        let change = |of: &dyn Fn(usize, u16) -> i64| -> i64 {
            moves
                .iter()
                .map(|&(row, to)| of(row, to) - of(row, self.from[row]))
                .sum()
        };
        let (worth, cost) = (
            change(&|row, action| self.problem.worth(row, action)),
            change(&|_, action| self.problem.cost(action)),
        );
        self.found.push(Exchange { moves, worth, cost });
    }
}
