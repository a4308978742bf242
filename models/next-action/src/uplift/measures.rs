//! How well predicted uplift puts customers in order, and how near it is to what was observed.

use percorso_learners::Bootstrap;
use percorso_learners::metrics::resampled_ends;

use crate::Result;
use crate::error::check_length;

/// Rows of a test with what was predicted, what was given and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The predicted uplift.
    pub uplift: &'a [f64],
    /// Whether the row was treated; the others are its control.
    pub is_treated: &'a [bool],
    /// What came of it.
    pub outcome: &'a [f64],
    /// How likely what was given was.
    pub propensity: &'a [f64],
    /// Whose row it is; intervals resample customers.
    pub customers: &'a [u64],
}

/// How good predicted uplift is.
///
/// Rows count by the inverse of their propensity among those of their arm, so that logs of uneven chances are read as a
/// test with one chance for all would be; where an arm's propensities are alike every row counts once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpliftMeasures {
    /// The mean gain over treating as many at random, for each treated row (Radcliffe 2007, "Using control groups to
    /// target on predicted lift"): with rows in order of predicted uplift and outcomes Y and counts N of treated (t) and
    /// control (c) rows added up, `q(k) = Y_t − Y_c N_t / N_c`, linear across rows of equal uplift; the mean of q less
    /// half of its last value, over all treated.
    pub qini: f64,
    /// The mean, over shares of customers from the best on, of the share times the uplift observed in it
    /// (the area under the uplift curve of Rzepakowski and Jaroszewicz 2012).
    pub auuc: f64,
    /// The difference of the mean outcomes of treated and control.
    pub average: f64,
    /// The slope of observed on predicted uplift over tenths of customers; 1 is calibrated, NaN where all predictions are
    /// equal.
    pub calibration_slope: f64,
}

/// A tenth of the customers by predicted uplift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decile {
    /// How many rows.
    pub n_rows: usize,
    /// The mean uplift predicted.
    pub predicted: f64,
    /// The difference of the mean outcomes of treated and control; NaN where one of them is missing.
    pub observed: f64,
}

/// The shares of customers of each kind, by whether the outcome would be above its mean with and without the treatment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quadrants {
    /// Above only when treated.
    pub persuadable: f64,
    /// Above either way.
    pub sure_thing: f64,
    /// Below either way.
    pub lost_cause: f64,
    /// Above only when left alone.
    pub do_not_disturb: f64,
}

const N_DECILES: usize = 10;

impl Judged<'_> {
    fn check(&self) -> Result<()> {
        let n_rows = self.uplift.len();
        check_length("treatments, one for each row", n_rows, self.is_treated.len())?;
        check_length("outcomes, one for each row", n_rows, self.outcome.len())?;
        check_length("propensities, one for each row", n_rows, self.propensity.len())?;
        check_length("customers, one for each row", n_rows, self.customers.len())
    }

    /// Rows from the highest predicted uplift on; equal ones in the order given.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.uplift.len()).collect();
        order.sort_by(|a, b| self.uplift[*b].total_cmp(&self.uplift[*a]));
        order
    }

    /// How much each row counts: by the inverse of its propensity, 1 where an arm's are all alike.
    fn weights(&self) -> Vec<f64> {
        let of_arm = |is_treated: bool| {
            let rows = (0..self.uplift.len()).filter(|row| self.is_treated[*row] == is_treated);
            let (sum, n) = rows.fold((0.0, 0.0), |(sum, n), row| (sum + 1.0 / self.propensity[row], n + 1.0));
            sum / n
        };
        let means = [of_arm(false), of_arm(true)];
        let weight = |row: usize| 1.0 / (self.propensity[row] * means[usize::from(self.is_treated[row])]);
        (0..self.uplift.len()).map(weight).collect()
    }

    /// The measures with row `i` counted `times[i]` times.
    fn measured(&self, order: &[usize], times: &[f64]) -> UpliftMeasures {
        let mut sums = Sums::default();
        let (mut area, mut gain_area, mut gain, mut rows) = (0.0, 0.0, 0.0, 0.0);
        let all: f64 = times.iter().sum();
        for block in order.chunk_by(|a, b| self.uplift[*a] == self.uplift[*b]) {
            let before = (gain, sums.gain_each());
            let mut in_block = 0.0;
            for &row in block {
                sums.add(self, row, times[row]);
                in_block += times[row];
            }
            if in_block == 0.0 {
                continue;
            }
            gain = sums.gain();
            // The mean of a line over the block's rows, from the first to the last.
            let over_block = (in_block + 1.0) / (2.0 * in_block);
            area += in_block * (before.0 + (gain - before.0) * over_block);
            let [from, to] = [rows / all * before.1, (rows + in_block) / all * sums.gain_each()];
            gain_area += in_block * (from + (to - from) * over_block);
            rows += in_block;
        }
        UpliftMeasures {
            qini: (area / all - gain / 2.0) / sums.n_treated,
            auuc: gain_area / all,
            average: sums.uplift(),
            calibration_slope: slope(&self.deciles(order, times)),
        }
    }

    fn deciles(&self, order: &[usize], times: &[f64]) -> Vec<Decile> {
        let all: f64 = times.iter().sum();
        let mut deciles = Vec::with_capacity(N_DECILES);
        let (mut sums, mut n_rows, mut predicted, mut n_before) = (Sums::default(), 0.0, 0.0, 0.0);
        for (at, &row) in order.iter().enumerate() {
            sums.add(self, row, times[row]);
            predicted += times[row] * self.uplift[row];
            n_rows += times[row];
            let is_full = (n_before + n_rows) * N_DECILES as f64 >= all * (deciles.len() + 1) as f64;
            if (is_full || at + 1 == order.len()) && n_rows > 0.0 {
                deciles.push(Decile {
                    n_rows: libm::round(n_rows) as usize,
                    predicted: predicted / n_rows,
                    observed: sums.uplift(),
                });
                n_before += n_rows;
                (sums, n_rows, predicted) = (Sums::default(), 0.0, 0.0);
            }
        }
        deciles
    }
}

/// How good predicted uplift is, with the ends of its interval from resampled customers, and its tenths.
///
/// # Errors
/// - there is not one of everything for each row
pub fn measures(
    judged: &Judged<'_>,
    bootstrap: &Bootstrap,
) -> Result<(UpliftMeasures, [UpliftMeasures; 2], Vec<Decile>)> {
    judged.check()?;
    let order = judged.order();
    let once = judged.weights();
    let whole = judged.measured(&order, &once);
    let ends = resampled_ends(judged.customers, bootstrap, |times| {
        let times: Vec<f64> = times.iter().zip(&once).map(|(times, weight)| times * weight).collect();
        let UpliftMeasures {
            qini,
            auuc,
            average,
            calibration_slope,
        } = judged.measured(&order, &times);
        [qini, auuc, average, calibration_slope]
    });
    let of = |[qini, auuc, average, calibration_slope]: [f64; 4]| UpliftMeasures {
        qini,
        auuc,
        average,
        calibration_slope,
    };
    Ok((whole, [of(ends.0), of(ends.1)], judged.deciles(&order, &once)))
}

/// The shares of customers of each kind: `without` is the outcome expected of each when left alone, `mean` the mean of
/// outcomes that are told apart.
///
/// # Panics
/// When there is not one of both for each customer.
pub fn quadrants(without: &[f64], uplift: &[f64], mean: f64) -> Quadrants {
    assert_eq!(without.len(), uplift.len(), "one of both for each customer");
    let share = |wanted: (bool, bool)| {
        let is_it = |(without, uplift): &(&f64, &f64)| (**without >= mean, **without + **uplift >= mean) == wanted;
        without.iter().zip(uplift).filter(is_it).count() as f64 / without.len() as f64
    };
    Quadrants {
        persuadable: share((false, true)),
        sure_thing: share((true, true)),
        lost_cause: share((false, false)),
        do_not_disturb: share((true, false)),
    }
}

/// Outcomes and counts of treated and control rows.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    treated: f64,
    control: f64,
    n_treated: f64,
    n_control: f64,
}

impl Sums {
    fn add(&mut self, judged: &Judged<'_>, row: usize, times: f64) {
        if judged.is_treated[row] {
            self.n_treated += times;
            self.treated += times * judged.outcome[row];
        } else {
            self.n_control += times;
            self.control += times * judged.outcome[row];
        }
    }

    /// What the treated did more than as many of the control.
    fn gain(&self) -> f64 {
        if self.n_control == 0.0 {
            return self.treated;
        }
        self.treated - self.control * self.n_treated / self.n_control
    }

    /// The gain for each treated row; 0 before the first.
    fn gain_each(&self) -> f64 {
        if self.n_treated == 0.0 {
            0.0
        } else {
            self.gain() / self.n_treated
        }
    }

    /// The difference of the means; NaN where one of them is missing.
    fn uplift(&self) -> f64 {
        self.treated / self.n_treated - self.control / self.n_control
    }
}

fn slope(deciles: &[Decile]) -> f64 {
    let points: Vec<(f64, f64)> = deciles
        .iter()
        .map(|decile| (decile.predicted, decile.observed))
        .collect();
    calibration_slope(&points)
}

/// The slope of observed on predicted uplift, each pair counted alike; NaN where all predictions are equal.
pub fn calibration_slope(points: &[(f64, f64)]) -> f64 {
    let lowest = points.iter().map(|point| point.0).fold(f64::INFINITY, f64::min);
    let highest = points.iter().map(|point| point.0).fold(f64::NEG_INFINITY, f64::max);
    // Means of equal numbers may differ by a rounding, which is no spread.
    if highest - lowest <= 1e-12 * (lowest.abs() + highest.abs()) {
        return f64::NAN;
    }
    let n = points.len() as f64;
    let predicted = points.iter().map(|(predicted, _)| predicted).sum::<f64>() / n;
    let observed = points.iter().map(|(_, observed)| observed).sum::<f64>() / n;
    let (mut together, mut spread) = (0.0, 0.0);
    for point in points {
        together += (point.0 - predicted) * (point.1 - observed);
        spread += (point.0 - predicted) * (point.0 - predicted);
    }
    together / spread
}
