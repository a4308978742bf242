//! Measures of probabilities of one event.

use super::{WithInterval, resampled_ends};
use crate::bootstrap::Bootstrap;
use crate::odds::FLOOR;
use crate::training_set::check_length;
use crate::{Error, Result};

/// The share of rows that the lift looks at.
const TOP_SHARE: f64 = 0.1;
/// The number of equally wide bins of the calibration error.
const N_BINS: usize = 10;

/// Measures of probabilities `p` of the event against what came, `y`; NaN where a measure is not defined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BinaryMetrics {
    /// The share of rows with the event.
    pub rate: f64,
    /// The chance that a row with the event has the higher probability, ties counting half; NaN with one class.
    pub auc: f64,
    /// The area under precision by recall, as steps (scikit-learn's `average_precision_score`); NaN without an event.
    pub average_precision: f64,
    /// The mean of `−ln` of what was said of what came, with probabilities held within 1e-6 of 0 and 1.
    pub log_loss: f64,
    /// The mean squared difference between probability and what came (Brier 1950).
    pub brier: f64,
    /// The mean gap between probability and rate over ten equally wide bins (Naeini, Cooper and Hauskrecht 2015).
    pub calibration_error: f64,
    /// The rate among the tenth of rows with the highest probability over the rate of all, a tie at the edge counting
    /// by its share; NaN without an event.
    pub lift_at_10: f64,
    /// The mean probability less the rate: calibration in the large.
    pub mean_gap: f64,
}

impl BinaryMetrics {
    const N: usize = 8;

    fn to_array(self) -> [f64; Self::N] {
        let Self {
            rate,
            auc,
            average_precision,
            log_loss,
            brier,
            calibration_error,
            lift_at_10,
            mean_gap,
        } = self;
        [
            rate,
            auc,
            average_precision,
            log_loss,
            brier,
            calibration_error,
            lift_at_10,
            mean_gap,
        ]
    }

    fn from_array(array: [f64; Self::N]) -> Self {
        let [
            rate,
            auc,
            average_precision,
            log_loss,
            brier,
            calibration_error,
            lift_at_10,
            mean_gap,
        ] = array;
        Self {
            rate,
            auc,
            average_precision,
            log_loss,
            brier,
            calibration_error,
            lift_at_10,
            mean_gap,
        }
    }
}

/// The measures of probabilities `p` of class 1 against classes `y` (0 or 1).
///
/// # Errors
/// - there is no row, or the lengths differ
/// - a probability is not from 0 to 1, or a class is neither 0 nor 1
pub fn binary(p: &[f64], y: &[u32]) -> Result<BinaryMetrics> {
    Ok(Ranked::new(p, y)?.measure(&vec![1.0; p.len()]))
}

/// The measures with the ends of their intervals from resampled customers.
///
/// # Errors
/// - as [`binary`], or `customers` has another length
/// - a setting is outside its range
pub fn binary_with_intervals(
    p: &[f64],
    y: &[u32],
    customers: &[u64],
    bootstrap: &Bootstrap,
) -> Result<WithInterval<BinaryMetrics>> {
    bootstrap.check()?;
    check_length("customers, one for each row", p.len(), customers.len())?;
    let ranked = Ranked::new(p, y)?;
    let value = ranked.measure(&vec![1.0; p.len()]);
    let (low, high) = resampled_ends(customers, bootstrap, |weights| ranked.measure(weights).to_array());
    Ok(WithInterval {
        value,
        low: BinaryMetrics::from_array(low),
        high: BinaryMetrics::from_array(high),
    })
}

/// The log loss of each row, for paired comparison; probabilities are held within 1e-6 of 0 and 1.
///
/// # Errors
/// - as [`binary`]
pub fn binary_losses(p: &[f64], y: &[u32]) -> Result<Vec<f64>> {
    check(p, y)?;
    Ok(p.iter().zip(y).map(|(p, y)| loss(*p, *y)).collect())
}

fn loss(p: f64, y: u32) -> f64 {
    let p = p.clamp(FLOOR, 1.0 - FLOOR);
    if y == 1 { -libm::log(p) } else { -libm::log1p(-p) }
}

fn check(p: &[f64], y: &[u32]) -> Result<()> {
    if p.is_empty() {
        return Err(Error::NoRows);
    }
    check_length("classes, one for each row", p.len(), y.len())?;
    if let Some(row) = p.iter().position(|p| !(0.0..=1.0).contains(p)) {
        return Err(Error::Probability { row, found: p[row] });
    }
    if let Some(row) = y.iter().position(|y| *y > 1) {
        return Err(Error::Class {
            row,
            found: y[row],
            n_classes: 2,
        });
    }
    Ok(())
}

/// One row, ready to be measured in one pass.
struct Scored {
    row: u32,
    p: f64,
    y: f64,
    loss: f64,
    bin: u32,
    /// Whether it is the last of its probability.
    ends_tie: bool,
}

/// Rows by falling probability, so that each resample costs one pass and no sort.
struct Ranked {
    rows: Vec<Scored>,
}

impl Ranked {
    fn new(p: &[f64], y: &[u32]) -> Result<Ranked> {
        check(p, y)?;
        let mut order: Vec<u32> = (0..p.len() as u32).collect();
        order.sort_by(|a, b| p[*b as usize].total_cmp(&p[*a as usize]));
        let mut rows = Vec::with_capacity(p.len());
        for (position, row) in order.iter().enumerate() {
            let (p_row, y_row) = (p[*row as usize], y[*row as usize]);
            let next = order.get(position + 1).map(|row| p[*row as usize]);
            rows.push(Scored {
                row: *row,
                p: p_row,
                y: f64::from(y_row),
                loss: loss(p_row, y_row),
                bin: ((p_row * N_BINS as f64) as u32).min(N_BINS as u32 - 1),
                ends_tie: next != Some(p_row),
            });
        }
        Ok(Ranked { rows })
    }

    /// The measures when each row counts as often as its weight says.
    fn measure(&self, weights: &[f64]) -> BinaryMetrics {
        let (mut total, mut events) = (0.0, 0.0);
        for scored in &self.rows {
            let weight = weights[scored.row as usize];
            total += weight;
            events += weight * scored.y;
        }
        let top = TOP_SHARE * total;
        let (mut loss, mut brier, mut p_sum) = (0.0, 0.0, 0.0);
        let (mut pairs, mut precision_sum, mut top_events) = (0.0, 0.0, 0.0);
        let mut gaps = [0.0; N_BINS];
        let (mut seen, mut seen_events) = (0.0, 0.0);
        let (mut tied, mut tied_events) = (0.0, 0.0);
        for scored in &self.rows {
            let weight = weights[scored.row as usize];
            let event = weight * scored.y;
            loss += weight * scored.loss;
            brier += weight * (scored.p - scored.y) * (scored.p - scored.y);
            p_sum += weight * scored.p;
            gaps[scored.bin as usize] += weight * (scored.p - scored.y);
            tied += weight;
            tied_events += event;
            if scored.ends_tie && tied > 0.0 {
                // Each event of the tie beats what comes later without the event, and half of its own tie.
                let tied_others = tied - tied_events;
                let later_others = total - events - (seen - seen_events) - tied_others;
                pairs += tied_events * (later_others + 0.5 * tied_others);
                let room = (top - seen).clamp(0.0, tied);
                top_events += tied_events * room / tied;
                seen += tied;
                seen_events += tied_events;
                precision_sum += tied_events * seen_events / seen;
                (tied, tied_events) = (0.0, 0.0);
            }
        }
        let defined = |condition: bool, value: f64| if condition { value } else { f64::NAN };
        BinaryMetrics {
            rate: events / total,
            auc: defined(events > 0.0 && events < total, pairs / (events * (total - events))),
            average_precision: defined(events > 0.0, precision_sum / events),
            log_loss: loss / total,
            brier: brier / total,
            calibration_error: gaps.iter().map(|gap| gap.abs()).sum::<f64>() / total,
            lift_at_10: defined(events > 0.0, top_events / top / (events / total)),
            mean_gap: (p_sum - events) / total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const P: [f64; 12] = [0.9, 0.8, 0.8, 0.7, 0.55, 0.5, 0.5, 0.35, 0.3, 0.2, 0.1, 0.05];
    const Y: [u32; 12] = [1, 1, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0];

    /// References: scikit-learn 1.9.1 `roc_auc_score`, `average_precision_score`, `log_loss`, `brier_score_loss` on these
    /// arrays; calibration error by NumPy with `floor(10 p)` bins.
    #[test]
    fn the_measures_are_those_of_scikit_learn() {
        let metrics = binary(&P, &Y).unwrap();
        let expected = [
            0.7714285714285715,
            0.7087301587301587,
            0.5411643385383756,
            0.18729166666666663,
            0.18750000000000003,
            0.06249999999999989,
        ];
        for (name, found, expected) in [
            ("auc", metrics.auc, expected[0]),
            ("average precision", metrics.average_precision, expected[1]),
            ("log loss", metrics.log_loss, expected[2]),
            ("brier", metrics.brier, expected[3]),
            ("calibration error", metrics.calibration_error, expected[4]),
            ("mean gap", metrics.mean_gap, expected[5]),
        ] {
            assert!((found - expected).abs() < 1e-12, "{name}: {found}, expected {expected}");
        }
    }

    #[test]
    fn weights_count_like_repeated_rows() {
        let weights: Vec<f64> = (0..12).map(|row| f64::from(row % 3)).collect();
        let (mut p, mut y) = (Vec::new(), Vec::new());
        for row in 0..12 {
            for _ in 0..row % 3 {
                p.push(P[row]);
                y.push(Y[row]);
            }
        }
        let weighted = Ranked::new(&P, &Y).unwrap().measure(&weights).to_array();
        let repeated = binary(&p, &y).unwrap().to_array();
        for (weighted, repeated) in weighted.iter().zip(repeated) {
            assert!((weighted - repeated).abs() < 1e-12);
        }
    }

    #[test]
    fn the_lift_shares_a_tie_at_the_edge() {
        // Ten rows, one in the top tenth, two tied there and one of them with the event: half an event against 0.2.
        let p = [0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1];
        let y = [1, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        assert!((binary(&p, &y).unwrap().lift_at_10 - 0.5 / 0.2).abs() < 1e-12);
    }

    #[test]
    fn one_class_leaves_the_ranking_measures_undefined() {
        let metrics = binary(&[0.2, 0.4], &[0, 0]).unwrap();
        assert!(metrics.auc.is_nan() && metrics.average_precision.is_nan() && metrics.lift_at_10.is_nan());
        assert!((metrics.mean_gap - 0.3).abs() < 1e-15 && metrics.log_loss.is_finite());
        assert!(binary(&[0.0, 1.0], &[1, 0]).unwrap().log_loss < 14.0);
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        assert!(binary(&[], &[]).is_err());
        assert!(binary(&[0.5], &[0, 1]).is_err());
        assert!(binary(&[f64::NAN], &[0]).is_err());
        assert!(binary(&[1.1], &[0]).is_err());
        assert!(binary(&[0.5], &[2]).is_err());
    }

    #[test]
    fn intervals_hold_the_value_shrink_with_data_and_repeat_with_the_seed() {
        let measured = |n: u64| {
            let mut random = Random::new(n);
            let p: Vec<f64> = (0..n).map(|_| random.uniform()).collect();
            let y: Vec<u32> = p.iter().map(|p| u32::from(random.uniform() < *p)).collect();
            let customers: Vec<u64> = (0..n).map(|row| row / 2).collect();
            binary_with_intervals(&p, &y, &customers, &Bootstrap::seeded(1)).unwrap()
        };
        let (few, many) = (measured(200), measured(5_000));
        assert_eq!(many, measured(5_000));
        for position in 0..BinaryMetrics::N {
            let ends = |measured: &WithInterval<BinaryMetrics>| {
                (measured.low.to_array()[position], measured.high.to_array()[position])
            };
            let width = |measured| {
                let (low, high) = ends(measured);
                high - low
            };
            assert!(width(&many) < 0.5 * width(&few));
            // The calibration error is never below 0, so resampling moves it upwards.
            if position != 5 {
                let value = many.value.to_array()[position];
                assert!(ends(&many).0 < value && value < ends(&many).1);
            }
        }
    }
}
