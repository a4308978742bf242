//! What comes next and when, as one answer: cumulative incidence of every cause, and survival.

use percorso_journey::{Timestamp, Wait};

/// For each cause the probability that it comes first, by any day up to a horizon; and that nothing has come yet.
///
/// Causes compete: the first that comes ends the waiting.
/// At every moment the incidences and the survival together are 1, incidences only rise, survival only falls; so no two
/// numbers read off one answer can contradict each other.
/// Between two knots the hazard of each cause is constant.
#[derive(Clone, Debug, PartialEq)]
pub struct Incidence {
    n_causes: usize,
    knots: Vec<Knot>,
    /// For each knot the incidence of every cause.
    incidence: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Knot {
    days: f64,
    survival: f64,
}

impl Incidence {
    /// Nothing has come, and nothing is known of what will.
    pub fn new(n_causes: usize) -> Self {
        let now = Knot {
            days: 0.0,
            survival: 1.0,
        };
        Self {
            n_causes,
            knots: vec![now],
            incidence: vec![0.0; n_causes],
        }
    }

    /// Goes on to `until_days` from the cut-off, through the last part of an interval.
    ///
    /// `classes` holds the probability that each cause comes first in the whole interval, then that nothing does;
    /// `exposed` is the part of the interval that is gone through, above 0 and at most 1.
    ///
    /// # Panics
    /// When there is not one class for each cause and one for none, or the days do not rise.
    pub fn go_on(&mut self, until_days: f64, exposed: f64, classes: &[f64]) {
        let (none, causes) = classes.split_last().expect("one class is that nothing comes");
        assert_eq!(causes.len(), self.n_causes, "one class for each cause");
        let from = self.knots[self.knots.len() - 1];
        assert!(until_days > from.days, "time goes on");
        let stays = if exposed == 1.0 {
            *none
        } else {
            libm::pow(*none, exposed)
        };
        let comes: f64 = causes.iter().sum();
        let came = if comes > 0.0 {
            from.survival * (1.0 - stays)
        } else {
            0.0
        };
        let before = self.incidence.len() - self.n_causes;
        for (cause, p) in causes.iter().enumerate() {
            let more = if comes > 0.0 { came * p / comes } else { 0.0 };
            self.incidence.push(self.incidence[before + cause] + more);
        }
        self.knots.push(Knot {
            days: until_days,
            survival: from.survival - came,
        });
    }

    /// Goes on through an interval of waiting, or what is left of it at the cut-off.
    ///
    /// # Panics
    /// As [`Self::go_on`].
    pub fn wait(&mut self, wait: &Wait, as_of: Timestamp, classes: &[f64]) {
        self.go_on(wait.ends_after_days(as_of), wait.part_after(as_of), classes);
    }

    /// How many causes compete.
    pub const fn n_causes(&self) -> usize {
        self.n_causes
    }

    /// The last day that is told of, from the cut-off.
    pub fn horizon_days(&self) -> f64 {
        self.knots[self.knots.len() - 1].days
    }

    /// Puts the incidence of every cause by `days`, then the survival, in `classes`: together 1.
    ///
    /// Beyond the horizon nothing more is told to come.
    ///
    /// # Panics
    /// When `classes` has not one place for each cause and one for survival.
    pub fn at(&self, days: f64, classes: &mut [f64]) {
        let (survival, causes) = classes.split_last_mut().expect("a place for survival");
        assert_eq!(causes.len(), self.n_causes, "a place for each cause");
        let (after, share) = self.place(days);
        let (to, came) = (self.of_knot(after), self.came(after, share));
        let from = self.of_knot(after.saturating_sub(1));
        for (cause, place) in causes.iter_mut().enumerate() {
            *place = from[cause] + came * (to[cause] - from[cause]);
        }
        *survival = self.survival_between(after, share);
    }

    /// For each cause, and last for survival, what [`Self::at`] tells of each of these days.
    pub fn by_class(&self, days: &[f64]) -> Vec<Vec<f64>> {
        let mut classes = vec![0.0; self.n_causes + 1];
        let mut told = vec![Vec::with_capacity(days.len()); classes.len()];
        for days in days {
            self.at(*days, &mut classes);
            told.iter_mut().zip(&classes).for_each(|(told, p)| told.push(*p));
        }
        told
    }

    /// The probability that nothing has come by `days`.
    pub fn survival(&self, days: f64) -> f64 {
        let (after, share) = self.place(days);
        self.survival_between(after, share)
    }

    /// The answer for one who has waited `days` more and nothing came; `None` when something was sure to come.
    pub fn after_waiting(&self, days: f64) -> Option<Incidence> {
        let mut before = vec![0.0; self.n_causes + 1];
        self.at(days, &mut before);
        let (survival, incidence) = before.split_last().expect("a place for survival");
        if *survival <= 0.0 {
            return None;
        }
        let mut left = Incidence::new(self.n_causes);
        for (at, knot) in self.knots.iter().enumerate().filter(|(_, knot)| knot.days > days) {
            let rest = self.of_knot(at).iter().zip(incidence);
            left.incidence
                .extend(rest.map(|(later, sooner)| ((later - sooner) / survival).max(0.0)));
            left.knots.push(Knot {
                days: knot.days - days,
                survival: knot.survival / survival,
            });
        }
        Some(left)
    }

    /// Days until something has come with probability `share`; `None` when the horizon is not long enough.
    pub fn days_until(&self, share: f64) -> Option<f64> {
        self.day_when(share, |knot| 1.0 - self.knots[knot].survival)
    }

    /// Days until a cause has come with probability `share`; `None` when the horizon is not long enough.
    pub fn days_until_cause(&self, cause: usize, share: f64) -> Option<f64> {
        self.day_when(share, |knot| self.of_knot(knot)[cause])
    }

    /// The day on which a number that rises with the knots reaches `wanted`; in between as the hazard says.
    fn day_when(&self, wanted: f64, risen: impl Fn(usize) -> f64) -> Option<f64> {
        let after = (1..self.knots.len()).find(|&knot| risen(knot) >= wanted)?;
        let (from, to) = (self.knots[after - 1], self.knots[after]);
        let (low, high) = (risen(after - 1), risen(after));
        if wanted <= low || high <= low {
            return Some(from.days);
        }
        let came = (wanted - low) / (high - low);
        let stays = to.survival / from.survival;
        let share = if stays <= 0.0 {
            0.0
        } else if 1.0 - stays < 1e-12 {
            came
        } else {
            libm::log1p(-came * (1.0 - stays)) / libm::log(stays)
        };
        Some(from.days + share * (to.days - from.days))
    }

    fn of_knot(&self, knot: usize) -> &[f64] {
        &self.incidence[knot * self.n_causes..][..self.n_causes]
    }

    /// The knot at or after `days`, and which part of the way to it from the one before has gone.
    fn place(&self, days: f64) -> (usize, f64) {
        let after = self.knots.partition_point(|knot| knot.days < days);
        match self.knots.get(after) {
            None => (self.knots.len() - 1, 1.0),
            Some(_) if after == 0 => (0, 1.0),
            Some(to) => {
                let from = self.knots[after - 1];
                (after, (days - from.days) / (to.days - from.days))
            }
        }
    }

    fn survival_between(&self, after: usize, share: f64) -> f64 {
        let to = self.knots[after].survival;
        if share == 1.0 || after == 0 {
            return to;
        }
        let from = self.knots[after - 1].survival;
        from - self.came(after, share) * (from - to)
    }

    /// Which part of what comes between the knot before and this one has come when `share` of the time has gone.
    fn came(&self, after: usize, share: f64) -> f64 {
        if share == 1.0 || after == 0 {
            return 1.0;
        }
        let (from, to) = (self.knots[after - 1].survival, self.knots[after].survival);
        let stays = if from > 0.0 { to / from } else { 1.0 };
        let all = 1.0 - stays;
        if all < 1e-12 {
            share
        } else {
            (1.0 - libm::pow(stays, share)) / all
        }
    }
}
