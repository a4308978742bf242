//! The best allocation at given charges: a transportation problem, solved by letting customers in one by one.
//!
//! A customer who comes in takes a place, or makes room for it by the chain of moves that loses least: the shortest
//! augmenting path (Jonker and Volgenant 1987) over actions instead of customers, of which there are few.
//! What the chain from an action loses is the action's price, and the prices prove the allocation to be the best.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::problem::Problem;

/// More than any chain of moves loses.
const NEVER: i64 = i64::MAX / 4;

/// Who gets what at given charges, and the price of one more place of each action.
pub(super) struct Assigned {
    /// The action of each row; the number of actions for nothing.
    pub(super) at: Vec<u16>,
    /// In quanta; 0 where places are left.
    pub(super) price: Vec<i64>,
}

/// The best allocation within capacities alone when each action is charged so many quanta.
pub(super) fn assign(problem: &Problem, charge: &[i64]) -> Assigned {
    let mut places = Places::new(problem, charge);
    for row in 0..problem.n_rows() {
        places.let_in(row);
    }
    Assigned {
        at: places.at,
        price: places.price,
    }
}

/// What each row would lose by moving, and the row; the least on top.
type Movers = BinaryHeap<Reverse<(i64, u32)>>;

/// The places of each action while customers come in.
struct Places<'a> {
    problem: &'a Problem,
    charge: &'a [i64],
    at: Vec<u16>,
    taken: Vec<usize>,
    /// Of each full action and each other, or nothing: who would lose how much by moving there, the least first. Who has left
    /// since is passed over.
    movers: Vec<Vec<Movers>>,
    /// The least of each.
    loss: Vec<Vec<i64>>,
    price: Vec<i64>,
    /// Where the chain from each full action leads.
    next: Vec<usize>,
}

impl<'a> Places<'a> {
    fn new(problem: &'a Problem, charge: &'a [i64]) -> Self {
        let n = problem.n_actions;
        Self {
            problem,
            charge,
            at: vec![n as u16; problem.n_rows()],
            taken: vec![0; n],
            movers: vec![vec![Movers::new(); n + 1]; n],
            loss: vec![vec![NEVER; n + 1]; n],
            price: vec![0; n],
            next: vec![n; n],
        }
    }

    fn nothing(&self) -> usize {
        self.problem.n_actions
    }

    /// What an action is worth to a row less its charge; 0 of doing nothing.
    fn net(&self, row: usize, action: usize) -> i64 {
        if action == self.nothing() {
            return 0;
        }
        self.problem.row(row)[action] - self.charge[action]
    }

    fn is_full(&self, action: usize) -> bool {
        action < self.nothing() && self.taken[action] == self.problem.capacity[action]
    }

    fn let_in(&mut self, row: usize) {
        let mut best = (0, self.nothing());
        for action in 0..self.nothing() {
            let left = self.net(row, action) - self.price[action];
            if left > best.0 {
                best = (left, action);
            }
        }
        let mut to = best.1;
        if to == self.nothing() {
            return;
        }
        let mut moves = vec![(row, to)];
        while self.is_full(to) {
            let on = self.next[to];
            let Reverse((_, mover)) = *self.movers[to][on]
                .peek()
                .expect("a full action has someone who can go");
            moves.push((mover as usize, on));
            to = on;
        }
        for &(row, action) in &moves {
            self.at[row] = action as u16;
        }
        let was_full = moves.len() > 1;
        if to < self.nothing() {
            self.taken[to] += 1;
        }
        for &(row, action) in &moves {
            if self.is_full(action) {
                self.enter(row, action);
            }
        }
        let becomes_full = self.is_full(to);
        if becomes_full {
            self.fill(to);
        }
        if was_full || becomes_full {
            for &(_, action) in &moves {
                self.look_again(action);
            }
            self.reprice();
        }
    }

    /// Adds a row to those who may move on from a full action.
    fn enter(&mut self, row: usize, action: usize) {
        let stays = self.net(row, action);
        for other in 0..=self.nothing() {
            let goes = self.net(row, other);
            if other != action && (goes > 0 || other == self.nothing()) {
                self.movers[action][other].push(Reverse((stays - goes, row as u32)));
            }
        }
    }

    /// Gathers who may move on from an action whose last place was taken.
    fn fill(&mut self, action: usize) {
        self.movers[action].iter_mut().for_each(Movers::clear);
        for row in 0..self.at.len() {
            if usize::from(self.at[row]) == action {
                self.enter(row, action);
            }
        }
    }

    /// Finds who would lose least by moving on from an action.
    fn look_again(&mut self, action: usize) {
        if !self.is_full(action) {
            return;
        }
        for (movers, loss) in self.movers[action].iter_mut().zip(&mut self.loss[action]) {
            while let Some(Reverse((_, row))) = movers.peek()
                && usize::from(self.at[*row as usize]) != action
            {
                movers.pop();
            }
            *loss = movers.peek().map_or(NEVER, |Reverse((loss, _))| *loss);
        }
    }

    /// Finds the chain from each full action that loses least (Bellman and Ford): to nothing, or to a place left.
    fn reprice(&mut self) {
        let nothing = self.nothing();
        for action in 0..nothing {
            (self.price[action], self.next[action]) = if self.is_full(action) {
                (self.loss[action][nothing], nothing)
            } else {
                (0, nothing)
            };
        }
        let full: Vec<usize> = (0..nothing).filter(|action| self.is_full(*action)).collect();
        let mut has_changed = true;
        while has_changed {
            has_changed = false;
            for &action in &full {
                for on in 0..nothing {
                    let by_way_of = self.loss[action][on] + self.price[on];
                    if by_way_of < self.price[action] {
                        (self.price[action], self.next[action]) = (by_way_of, on);
                        has_changed = true;
                    }
                }
            }
        }
    }
}
