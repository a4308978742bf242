//! Counts of what followed which steps: they grow event by event and can predict at any moment.

use std::collections::{BTreeSet, VecDeque};

use super::smoothing::{CountsOfCounts, Rule, Split};
use super::{FittedNgram, MAX_ORDER, Ngram, Smoothing, Weights};
use crate::odds::floor_and_normalise;
use crate::{Error, Result, setting};

/// What followed a customer's last steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observed<'a> {
    /// The steps, most recent first; those beyond the order do not count.
    pub steps: &'a [u32],
    /// The class that came.
    pub class: u32,
    /// The customer.
    pub customer: u64,
    /// How many times it counts, 0 or more.
    pub weight: f64,
}

/// The counts of an n-gram.
///
/// Whatever the order in which predictions and observations come, the counts are those of all that was observed so far,
/// and they predict the same bits as their [`NgramCounts::freeze`].
/// A context of too few customers keeps what it was shown and says nothing; with the customer that makes it enough it
/// speaks, and what it kept goes on to the longer contexts.
/// So each observation costs, on average over all, one step for each step looked back.
#[derive(Debug, Clone, PartialEq)]
pub struct NgramCounts {
    n_classes: usize,
    columns: Vec<u32>,
    min_customers: usize,
    smoothing: Smoothing,
    contexts: Vec<Context>,
    orders: Vec<Order>,
    n_observed: usize,
}

/// How many counts of an order are small, in the contexts that speak.
#[derive(Debug, Clone, Default, PartialEq)]
struct Order {
    weights: CountsOfCounts,
    extensions: CountsOfCounts,
}

#[derive(Debug, Clone, PartialEq)]
struct Context {
    depth: usize,
    /// By rising class.
    seen: Vec<Seen>,
    voice: Voice,
}

/// A class seen after a context.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    class: u32,
    /// Different steps further back before which it came; the beginning of a sequence is one.
    extensions: u32,
    came_first: bool,
    weight: f64,
}

/// Whether a context speaks.
#[derive(Debug, Clone, PartialEq)]
enum Voice {
    Waiting(Vec<Kept>, BTreeSet<u64>),
    /// With the contexts one step longer, by rising step.
    Speaking(Vec<(u32, u32)>),
}

#[derive(Debug, Clone, PartialEq)]
struct Kept {
    steps: Box<[u32]>,
    class: u32,
    customer: u64,
    weight: f64,
}

/// Which counts a context speaks from.
#[derive(Debug, Clone, Copy)]
enum Counted {
    Weights,
    Extensions,
}

impl NgramCounts {
    /// No counts yet.
    ///
    /// # Errors
    /// - `max_order` is above [`MAX_ORDER`], or there are fewer than two classes
    pub fn new(ngram: &Ngram, n_classes: usize) -> Result<NgramCounts> {
        let order = ngram.max_order;
        setting::check("max_order", order <= MAX_ORDER, "0 to 8", order as f64)?;
        if n_classes < 2 {
            return Err(Error::TooFewClasses { found: n_classes });
        }
        let columns: Vec<u32> = ngram
            .columns
            .iter()
            .take(ngram.max_order)
            .map(|column| *column as u32)
            .collect();
        Ok(NgramCounts {
            n_classes,
            min_customers: ngram.min_customers,
            smoothing: ngram.smoothing,
            contexts: vec![Context::speaking(0)],
            orders: vec![Order::default(); columns.len() + 1],
            columns,
            n_observed: 0,
        })
    }

    /// Counts what followed; an observation of weight 0 changes nothing.
    ///
    /// # Errors
    /// - the class is not declared, or the weight is negative or not finite; `row` is then the number of observations
    ///   before it
    pub fn observe(&mut self, observed: &Observed<'_>) -> Result<()> {
        let row = self.n_observed;
        if observed.class as usize >= self.n_classes {
            return Err(Error::Class {
                row,
                found: observed.class,
                n_classes: self.n_classes,
            });
        }
        if !(observed.weight >= 0.0 && observed.weight.is_finite()) {
            let found = observed.weight as f32;
            return Err(Error::Weight { row, found });
        }
        self.n_observed += 1;
        if observed.weight > 0.0 {
            let steps = &observed.steps[..observed.steps.len().min(self.columns.len())];
            self.count(0, &Observed { steps, ..*observed });
        }
        Ok(())
    }

    /// Puts the probability of each class after these steps (most recent first) in `out`.
    ///
    /// # Panics
    /// When `out` is not as long as there are classes.
    pub fn predict_into(&self, steps: &[u32], out: &mut [f64]) {
        assert_eq!(out.len(), self.n_classes, "one probability for each class");
        out.fill(1.0 / self.n_classes as f64);
        let mut context = 0;
        for step in steps.iter().take(self.columns.len()) {
            let Some(child) = self.speaking_child(context, *step) else {
                break;
            };
            self.interpolate(context, self.shorter(), out);
            context = child;
        }
        self.interpolate(context, Counted::Weights, out);
        floor_and_normalise(out);
    }

    /// What has been counted so far as a fitted n-gram.
    pub fn freeze(&self) -> FittedNgram {
        let mut fitted = FittedNgram {
            n_classes: self.n_classes,
            columns: self.columns.clone(),
            steps: vec![0],
            first_child: Vec::new(),
            first_seen: vec![0],
            seen_class: Vec::new(),
            longest: Weights::default(),
            shorter: (self.smoothing == Smoothing::KneserNey).then(Weights::default),
        };
        let mut contexts = VecDeque::from([0]);
        while let Some(context) = contexts.pop_front() {
            let seen = &self.contexts[context].seen;
            fitted.seen_class.extend(seen.iter().map(|seen| seen.class));
            fitted.first_seen.push(fitted.seen_class.len() as u32);
            self.put_weights(context, Counted::Weights, &mut fitted.longest);
            if let Some(shorter) = &mut fitted.shorter {
                self.put_weights(context, Counted::Extensions, shorter);
            }
            fitted.first_child.push(fitted.steps.len() as u32);
            for (step, child) in self.speaking_children(context) {
                fitted.steps.push(step);
                contexts.push_back(child);
            }
        }
        fitted.first_child.push(fitted.steps.len() as u32);
        fitted
    }

    /// Adds to a context, and to the longer ones as far as they speak.
    fn count(&mut self, context: usize, observed: &Observed<'_>) {
        let here = &mut self.contexts[context];
        let seen = here.seen_mut(observed.class);
        let before = seen.weight;
        seen.weight += observed.weight;
        let after = seen.weight;
        match &mut here.voice {
            Voice::Waiting(kept, customers) => {
                kept.push(Kept {
                    steps: observed.steps.into(),
                    class: observed.class,
                    customer: observed.customer,
                    weight: observed.weight,
                });
                customers.insert(observed.customer);
                if customers.len() >= self.min_customers {
                    self.let_speak(context);
                }
            }
            Voice::Speaking(_) => {
                self.orders[here.depth].weights.change(before, after);
                self.pass_on(context, observed);
            }
        }
    }

    /// What the context kept while it waited is counted as if it had always spoken.
    fn let_speak(&mut self, context: usize) {
        let here = &mut self.contexts[context];
        let Voice::Waiting(kept, _) = std::mem::replace(&mut here.voice, Voice::Speaking(Vec::new())) else {
            return;
        };
        for seen in &here.seen {
            self.orders[here.depth].weights.change(0.0, seen.weight);
        }
        for kept in kept {
            let observed = Observed {
                steps: &kept.steps,
                class: kept.class,
                customer: kept.customer,
                weight: kept.weight,
            };
            self.pass_on(context, &observed);
        }
    }

    /// Counts in the context one step longer, where there is one.
    fn pass_on(&mut self, context: usize, observed: &Observed<'_>) {
        let depth = self.contexts[context].depth;
        if depth == self.columns.len() {
            return;
        }
        let Some(step) = observed.steps.get(depth) else {
            let seen = self.contexts[context].seen_mut(observed.class);
            if !std::mem::replace(&mut seen.came_first, true) {
                self.extend(context, observed.class);
            }
            return;
        };
        let child = self.child_of(context, *step);
        if self.contexts[child].position(observed.class).is_err() {
            self.extend(context, observed.class);
        }
        self.count(child, observed);
    }

    /// One more extension before which the class came.
    fn extend(&mut self, context: usize, class: u32) {
        let here = &mut self.contexts[context];
        let seen = here.seen_mut(class);
        seen.extensions += 1;
        let after = f64::from(seen.extensions);
        self.orders[here.depth].extensions.change(after - 1.0, after);
    }

    /// The context one step longer, new if need be.
    fn child_of(&mut self, context: usize, step: u32) -> usize {
        let n_contexts = self.contexts.len();
        let depth = self.contexts[context].depth + 1;
        let Voice::Speaking(children) = &mut self.contexts[context].voice else {
            unreachable!("only a context that speaks passes on");
        };
        match children.binary_search_by_key(&step, |(step, _)| *step) {
            Ok(position) => children[position].1 as usize,
            Err(position) => {
                children.insert(position, (step, n_contexts as u32));
                self.contexts.push(if self.min_customers <= 1 {
                    Context::speaking(depth)
                } else {
                    Context::waiting(depth)
                });
                n_contexts
            }
        }
    }

    fn speaking_child(&self, context: usize, step: u32) -> Option<usize> {
        let Voice::Speaking(children) = &self.contexts[context].voice else {
            return None;
        };
        let position = children.binary_search_by_key(&step, |(step, _)| *step).ok()?;
        let child = children[position].1 as usize;
        self.contexts[child].speaks().then_some(child)
    }

    fn speaking_children(&self, context: usize) -> impl Iterator<Item = (u32, usize)> {
        let children = match &self.contexts[context].voice {
            Voice::Waiting(..) => &[],
            Voice::Speaking(children) => children.as_slice(),
        };
        children
            .iter()
            .map(|(step, child)| (*step, *child as usize))
            .filter(|(_, child)| self.contexts[*child].speaks())
    }

    /// What contexts speak from when a longer one speaks too.
    fn shorter(&self) -> Counted {
        match self.smoothing {
            Smoothing::WittenBell => Counted::Weights,
            Smoothing::KneserNey => Counted::Extensions,
        }
    }

    fn rule(&self, context: usize, counted: Counted) -> (Rule, Split) {
        let here = &self.contexts[context];
        let order = &self.orders[here.depth];
        let counts = match counted {
            Counted::Weights => &order.weights,
            Counted::Extensions => &order.extensions,
        };
        let rule = Rule::of(self.smoothing, counts);
        let split = rule.split(here.seen.iter().map(|seen| seen.count(counted)));
        (rule, split)
    }

    fn interpolate(&self, context: usize, counted: Counted, out: &mut [f64]) {
        let (rule, split) = self.rule(context, counted);
        out.iter_mut().for_each(|probability| *probability *= split.back_off);
        for seen in &self.contexts[context].seen {
            out[seen.class as usize] += rule.weight(seen.count(counted), &split);
        }
    }

    fn put_weights(&self, context: usize, counted: Counted, weights: &mut Weights) {
        let (rule, split) = self.rule(context, counted);
        weights.back_off.push(split.back_off);
        let seen = self.contexts[context].seen.iter();
        weights
            .seen
            .extend(seen.map(|seen| rule.weight(seen.count(counted), &split)));
    }
}

impl Context {
    fn speaking(depth: usize) -> Context {
        Context {
            depth,
            seen: Vec::new(),
            voice: Voice::Speaking(Vec::new()),
        }
    }

    fn waiting(depth: usize) -> Context {
        Context {
            voice: Voice::Waiting(Vec::new(), BTreeSet::new()),
            ..Context::speaking(depth)
        }
    }

    fn speaks(&self) -> bool {
        matches!(self.voice, Voice::Speaking(_))
    }

    fn position(&self, class: u32) -> std::result::Result<usize, usize> {
        self.seen.binary_search_by_key(&class, |seen| seen.class)
    }

    fn seen_mut(&mut self, class: u32) -> &mut Seen {
        let position = self.position(class).unwrap_or_else(|position| {
            let new = Seen {
                class,
                extensions: 0,
                came_first: false,
                weight: 0.0,
            };
            self.seen.insert(position, new);
            position
        });
        &mut self.seen[position]
    }
}

impl Seen {
    fn count(&self, counted: Counted) -> f64 {
        match counted {
            Counted::Weights => self.weight,
            Counted::Extensions => f64::from(self.extensions),
        }
    }
}
