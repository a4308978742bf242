//! How sure a probability is: a 90 % band for the true rate among rows with the same score.

use percorso_artefact::{Artefact, Sealer};

use crate::bootstrap::{Bootstrap, Groups};
use crate::odds::{FLOOR, log_odds, probability};
use crate::platt::{self, Line, Point, Pull};
use crate::random::Random;
use crate::training_set::check_length;
use crate::{Error, Result};

/// The log-odds of the grid: from −14 to 14, where probabilities are held within 1e-6 of 0 and 1, in steps of a half.
const GRID_FROM: f64 = -14.0;
const GRID_STEP: f64 = 0.5;
const N_GRID: usize = 57;

/// The scores are put into at most this many bins of equally many rows before lines are fitted.
const N_BINS: usize = 512;

/// An interval wider than this is of no use.
const WIDEST: f64 = 0.3;

/// What is believed before any row is seen, as standard deviations: of the slope around 1, and of the level around the
/// score's own, in log-odds. A handful of events outweighs it.
const SLOPE_SPREAD: f64 = 0.5;
const LEVEL_SPREAD: f64 = 1.0;

/// The fewest origins that can themselves be resampled.
const MIN_ORIGINS: usize = 3;

/// A band around calibrated probabilities, kept as log-odds on a fixed grid.
///
/// It speaks of E\[true probability | score\], the rate among many rows with this score, not of one customer's fate.
/// It knows what a straight line through log-odds can tell: the uncertainty of level and slope, from customers and
/// (with three or more) origins; a bend in the calibration curve it does not see.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    low: Vec<f64>,
    high: Vec<f64>,
}

/// Out-of-fold predictions pooled over all origins; one element for each row.
#[derive(Debug, Clone, Copy)]
pub struct OutOfFold<'a> {
    /// The calibrated probability of class 1.
    pub p: &'a [f64],
    /// The class that came, 0 or 1.
    pub y: &'a [u32],
    /// The customer.
    pub customers: &'a [u64],
    /// The origin, any numbers.
    pub origins: &'a [u64],
}

impl Band {
    /// The band of these predictions: in each resample customers, and with three or more origins those too, are drawn
    /// with replacement (a row counts as often as both are drawn: Owen 2007, "The pigeonhole bootstrap"), and a line
    /// through log-odds is fitted; the band lies between quantiles of the lines.
    ///
    /// Each line is also pulled to one drawn from what is believed of scores (normal around the score itself), so that
    /// few events leave it as wide as that.
    ///
    /// Use `Bootstrap { level: 0.9, ..Bootstrap::seeded(seed) }` for the usual 90 %.
    ///
    /// # Errors
    /// - there is no row, or the lengths differ
    /// - a probability is not from 0 to 1, or a class is neither 0 nor 1
    /// - a setting is outside its range
    pub fn fit(rows: &OutOfFold<'_>, bootstrap: &Bootstrap) -> Result<Band> {
        bootstrap.check()?;
        crate::metrics::binary(rows.p, rows.y)?;
        check_length("customers, one for each row", rows.p.len(), rows.customers.len())?;
        check_length("origins, one for each row", rows.p.len(), rows.origins.len())?;
        let customers = Groups::new(rows.customers);
        let origins = Groups::new(rows.origins);
        let binned = Binned::new(rows.p);
        let centre = binned.centre();
        let points = |times: &dyn Fn(usize) -> f64| binned.points(rows.y, centre, times);
        let believed = |slope: f64, level: f64| Pull {
            to: Line {
                slope,
                intercept: level,
            },
            slope: 1.0 / (SLOPE_SPREAD * SLOPE_SPREAD),
            intercept: 1.0 / (LEVEL_SPREAD * LEVEL_SPREAD),
        };
        let itself = Line {
            slope: 1.0,
            intercept: centre,
        };
        let whole = platt::fit_pulled(&points(&|_| 1.0), itself, &believed(1.0, centre));

        let mut curves: Vec<Vec<f64>> = vec![Vec::new(); N_GRID];
        for sample in 0..bootstrap.n_samples as u64 {
            let mut random = Random::stream(bootstrap.seed, sample);
            let customer_times = customers.draw(&mut random);
            let origin_times = if origins.n >= MIN_ORIGINS {
                origins.draw(&mut random)
            } else {
                vec![1.0; origins.n]
            };
            let times = |row: usize| {
                customer_times[customers.of_row[row] as usize] * origin_times[origins.of_row[row] as usize]
            };
            let drawn = normals(&mut random);
            let pull = believed(1.0 + SLOPE_SPREAD * drawn[0], centre + LEVEL_SPREAD * drawn[1]);
            let line = platt::fit_pulled(&points(&times), whole, &pull);
            for (grid, curve) in curves.iter_mut().enumerate() {
                curve.push(line.at(grid_at(grid) - centre).clamp(GRID_FROM, -GRID_FROM));
            }
        }
        // No line falls, so neither does a quantile of lines: the band is monotone as it is.
        let (low, high) = curves.into_iter().map(|curve| bootstrap.ends(curve)).unzip();
        Ok(Band { low, high })
    }

    /// A band that says nothing: between its ends lies every probability.
    pub fn anything() -> Band {
        Band {
            low: vec![GRID_FROM; N_GRID],
            high: vec![-GRID_FROM; N_GRID],
        }
    }

    /// False when an interval is so wide that the honest answer is "not enough data".
    pub fn is_enough_data(low: f64, high: f64) -> bool {
        high - low <= WIDEST
    }

    /// The lower and upper end around a calibrated probability, which always lies between them.
    pub fn around(&self, p: f64) -> (f64, f64) {
        let position = (log_odds(p.clamp(FLOOR, 1.0 - FLOOR)) - GRID_FROM) / GRID_STEP;
        let before = (position as usize).min(N_GRID - 2);
        let share = position - before as f64;
        let end = |ends: &[f64]| probability(ends[before] + share * (ends[before + 1] - ends[before]));
        (end(&self.low).min(p), end(&self.high).max(p))
    }

    /// Puts the band under the prefix.
    ///
    /// # Errors
    /// - the prefix is not allowed in names, or was used before
    pub fn seal(&self, prefix: &str, sealer: &mut Sealer) -> Result<()> {
        sealer.put_vector(&format!("{prefix}/band_low"), &self.low)?;
        Ok(sealer.put_vector(&format!("{prefix}/band_high"), &self.high)?)
    }

    /// What was sealed under the prefix.
    ///
    /// # Errors
    /// - an array is missing or of another length, or an end falls or lies on the wrong side
    pub fn open(prefix: &str, artefact: &Artefact) -> Result<Band> {
        let low = artefact
            .array::<f64>(&format!("{prefix}/band_low"), &[N_GRID])?
            .to_vec();
        let high = artefact
            .array::<f64>(&format!("{prefix}/band_high"), &[N_GRID])?
            .to_vec();
        if !low.is_sorted() || !high.is_sorted() || low.iter().zip(&high).any(|(low, high)| low > high) {
            return Err(Error::Malformed {
                prefix: prefix.to_owned(),
                what: "band",
                why: "its ends fall or cross",
            });
        }
        Ok(Band { low, high })
    }
}

/// Two independent standard normal numbers (Box and Muller 1958).
fn normals(random: &mut Random) -> [f64; 2] {
    let radius = libm::sqrt(-2.0 * libm::log(1.0 - random.uniform()));
    let angle = std::f64::consts::TAU * random.uniform();
    [radius * libm::cos(angle), radius * libm::sin(angle)]
}

fn grid_at(position: usize) -> f64 {
    GRID_FROM + GRID_STEP * position as f64
}

/// Rows in bins of equally many by score, so that each resample fits a line to a few hundred points.
struct Binned {
    of_row: Vec<u32>,
    log_odds: Vec<f64>,
}

impl Binned {
    fn new(p: &[f64]) -> Binned {
        let log_odds: Vec<f64> = p.iter().map(|p| log_odds(p.clamp(FLOOR, 1.0 - FLOOR))).collect();
        let mut order: Vec<usize> = (0..p.len()).collect();
        order.sort_by(|a, b| log_odds[*a].total_cmp(&log_odds[*b]));
        let n_bins = N_BINS.min(p.len());
        let mut of_row = vec![0; p.len()];
        let mut sums = vec![(0.0, 0.0); n_bins];
        for (position, row) in order.into_iter().enumerate() {
            let bin = position * n_bins / p.len();
            of_row[row] = bin as u32;
            sums[bin].0 += log_odds[row];
            sums[bin].1 += 1.0;
        }
        Binned {
            of_row,
            log_odds: sums.into_iter().map(|(sum, n)| sum / n).collect(),
        }
    }

    /// The mean log-odds of all rows.
    fn centre(&self) -> f64 {
        let of_rows = self.of_row.iter().map(|bin| self.log_odds[*bin as usize]);
        of_rows.sum::<f64>() / self.of_row.len() as f64
    }

    /// The bins' rows, their log-odds counted from the centre.
    fn points(&self, y: &[u32], centre: f64, times: impl Fn(usize) -> f64) -> Vec<Point> {
        let point = |log_odds: &f64| Point {
            log_odds: *log_odds - centre,
            events: 0.0,
            others: 0.0,
        };
        let mut points: Vec<Point> = self.log_odds.iter().map(point).collect();
        for (row, (bin, class)) in self.of_row.iter().zip(y).enumerate() {
            let point = &mut points[*bin as usize];
            if *class == 1 {
                point.events += times(row);
            } else {
                point.others += times(row);
            }
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use percorso_artefact::Header;

    use super::*;

    struct Rows {
        p: Vec<f64>,
        y: Vec<u32>,
        customers: Vec<u64>,
        origins: Vec<u64>,
    }

    /// Rows whose true log-odds are the score's plus a shift of their origin.
    fn rows(n_rows: usize, shifts: &[f64], seed: u64) -> Rows {
        let mut random = Random::new(seed);
        let mut rows = Rows {
            p: vec![],
            y: vec![],
            customers: vec![],
            origins: vec![],
        };
        for row in 0..n_rows {
            let origin = row % shifts.len();
            let z = 4.0 * random.uniform() - 3.0;
            rows.p.push(probability(z));
            rows.y
                .push(u32::from(random.uniform() < probability(z + shifts[origin])));
            rows.customers.push((row / (2 * shifts.len())) as u64);
            rows.origins.push(origin as u64);
        }
        rows
    }

    fn band(rows: &Rows) -> Band {
        let rows = OutOfFold {
            p: &rows.p,
            y: &rows.y,
            customers: &rows.customers,
            origins: &rows.origins,
        };
        Band::fit(
            &rows,
            &Bootstrap {
                level: 0.9,
                ..Bootstrap::seeded(1)
            },
        )
        .unwrap()
    }

    fn width(band: &Band, p: f64) -> f64 {
        let (low, high) = band.around(p);
        high - low
    }

    #[test]
    fn the_band_contains_its_probability_and_rises() {
        let band = band(&rows(600, &[0.8], 3));
        let mut last = (0.0, 0.0);
        for step in 0..=1000 {
            let p = f64::from(step) / 1000.0;
            let (low, high) = band.around(p);
            assert!(
                low <= p && p <= high && low >= last.0 && high >= last.1,
                "{p}: {low} {high}"
            );
            last = (low, high);
        }
    }

    #[test]
    fn it_covers_the_true_rate_about_nine_times_in_ten() {
        let n_markets = 200;
        let covered = (0..n_markets)
            .filter(|seed| {
                let (low, high) = band(&rows(400, &[0.0], *seed)).around(0.3);
                low <= 0.3 && 0.3 <= high
            })
            .count();
        // The score is right here, so clamping to it covers always; what the lines alone cover is asked instead.
        assert_eq!(covered, n_markets as usize);
        let alone = (0..n_markets)
            .filter(|seed| {
                let band = band(&rows(400, &[0.0], *seed));
                let at = |ends: &[f64]| probability(ends[26]);
                let p = probability(grid_at(26));
                at(&band.low) <= p && p <= at(&band.high)
            })
            .count();
        assert!((168..=192).contains(&alone), "{alone} of {n_markets}");
    }

    #[test]
    fn it_covers_a_rate_that_few_events_tell_of() {
        // Forty customers of whom one in twenty leaves, scored by the share among forty others.
        let n_markets = 300;
        let covered = (0..n_markets).filter(|seed| {
            let mut random = Random::new(1_000 + seed);
            let mut leave = || u32::from(random.uniform() < 0.05);
            let n_others: u32 = (0..40).map(|_| leave()).sum();
            let told = (f64::from(n_others) + 0.5) / 41.0;
            let rows = Rows {
                p: vec![told; 40],
                y: (0..40).map(|_| leave()).collect(),
                customers: (0..40).collect(),
                origins: vec![0; 40],
            };
            let (low, high) = band(&rows).around(told);
            low <= 0.05 && 0.05 <= high
        });
        let covered = covered.count();
        assert!((255..=290).contains(&covered), "{covered} of {n_markets}");
    }

    #[test]
    fn more_rows_narrow_it_and_restless_origins_widen_it() {
        let calm = band(&rows(4_000, &[0.0; 4], 5));
        assert!(width(&calm, 0.3) < 0.6 * width(&band(&rows(400, &[0.0; 4], 5)), 0.3));
        let restless = band(&rows(4_000, &[-1.0, 1.0, -0.5, 0.5], 5));
        assert!(width(&restless, 0.3) > 2.0 * width(&calm, 0.3));
    }

    #[test]
    fn it_repeats_with_its_seed_and_survives_the_file() {
        let rows = rows(300, &[0.2, 0.0, 0.1], 6);
        let band = band(&rows);
        assert_eq!(band, self::band(&rows));
        let mut sealer = Sealer::new();
        band.seal("churn", &mut sealer).unwrap();
        let artefact = Artefact::open(&sealer.seal(&Header::default()).unwrap()).unwrap();
        assert_eq!(Band::open("churn", &artefact).unwrap(), band);
    }

    #[test]
    fn one_class_gives_a_band_and_no_row_gives_an_error() {
        let mut rows = rows(50, &[0.0], 7);
        rows.y.fill(0);
        let (low, high) = band(&rows).around(0.2);
        assert!(low <= 0.2 && 0.2 <= high && low > 0.0);
        let empty = OutOfFold {
            p: &[],
            y: &[],
            customers: &[],
            origins: &[],
        };
        assert!(Band::fit(&empty, &Bootstrap::seeded(1)).is_err());
    }
}
