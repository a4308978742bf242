//! Measures of probabilities of several classes.

use ndarray::ArrayView2;

use super::{WithInterval, resampled_ends};
use crate::bootstrap::Bootstrap;
use crate::odds::FLOOR;
use crate::training_set::check_length;
use crate::{Error, Result};

/// Measures of the probabilities of several classes against the one that came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MulticlassMetrics {
    /// The mean of `−ln` of the probability of the class that came, which is held at 1e-6 or more.
    pub log_loss: f64,
    /// The share of rows whose most likely class came; of equally likely ones the lowest counts.
    pub accuracy: f64,
    /// The share of rows where the class that came is among the three most likely.
    pub top_3_accuracy: f64,
    /// The mean over rows of the summed squared differences between probabilities and what came (Brier 1950).
    pub brier: f64,
}

/// The measures of probabilities (a row each, classes as columns) against classes `y`.
///
/// # Errors
/// - there is no row, or the lengths differ
/// - a probability is not from 0 to 1, or a class has no column
pub fn multiclass(p: ArrayView2<'_, f64>, y: &[u32]) -> Result<MulticlassMetrics> {
    let measured = measured_rows(p, y)?;
    Ok(from_array(mean(&measured, &vec![1.0; measured.len()])))
}

/// The measures with the ends of their intervals from resampled customers.
///
/// # Errors
/// - as [`multiclass`], or `customers` has another length
/// - a setting is outside its range
pub fn multiclass_with_intervals(
    p: ArrayView2<'_, f64>,
    y: &[u32],
    customers: &[u64],
    bootstrap: &Bootstrap,
) -> Result<WithInterval<MulticlassMetrics>> {
    bootstrap.check()?;
    check_length("customers, one for each row", p.nrows(), customers.len())?;
    let measured = measured_rows(p, y)?;
    let value = from_array(mean(&measured, &vec![1.0; measured.len()]));
    let (low, high) = resampled_ends(customers, bootstrap, |weights| mean(&measured, weights));
    Ok(WithInterval {
        value,
        low: from_array(low),
        high: from_array(high),
    })
}

/// The log loss of each row, for paired comparison; probabilities are held at 1e-6 or more.
///
/// # Errors
/// - as [`multiclass`]
pub fn multiclass_losses(p: ArrayView2<'_, f64>, y: &[u32]) -> Result<Vec<f64>> {
    Ok(measured_rows(p, y)?.into_iter().map(|[loss, ..]| loss).collect())
}

fn from_array([log_loss, accuracy, top_3_accuracy, brier]: [f64; 4]) -> MulticlassMetrics {
    MulticlassMetrics {
        log_loss,
        accuracy,
        top_3_accuracy,
        brier,
    }
}

/// What each row adds to the four measures, in the order of the struct.
fn measured_rows(p: ArrayView2<'_, f64>, y: &[u32]) -> Result<Vec<[f64; 4]>> {
    if p.nrows() == 0 {
        return Err(Error::NoRows);
    }
    check_length("classes, one for each row", p.nrows(), y.len())?;
    let mut measured = Vec::with_capacity(y.len());
    for (row, (p, class)) in p.outer_iter().zip(y).enumerate() {
        if let Some(found) = p.iter().find(|p| !(0.0..=1.0).contains(*p)) {
            return Err(Error::Probability { row, found: *found });
        }
        let came = *class as usize;
        let said = *p.get(came).ok_or(Error::Class {
            row,
            found: *class,
            n_classes: p.len(),
        })?;
        let before = |(other, q): (usize, &f64)| *q > said || (*q == said && other < came);
        let rank = p.iter().enumerate().filter(|item| before(*item)).count();
        let squares: f64 = p.iter().map(|q| q * q).sum();
        measured.push([
            -libm::log(said.max(FLOOR)),
            f64::from(u8::from(rank == 0)),
            f64::from(u8::from(rank < 3)),
            squares - 2.0 * said + 1.0,
        ]);
    }
    Ok(measured)
}

fn mean(measured: &[[f64; 4]], weights: &[f64]) -> [f64; 4] {
    let mut sums = [0.0; 4];
    let mut total = 0.0;
    for (measured, weight) in measured.iter().zip(weights) {
        total += weight;
        for (sum, value) in sums.iter_mut().zip(measured) {
            *sum += weight * value;
        }
    }
    sums.map(|sum| sum / total)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// References: scikit-learn 1.9.1 `log_loss`, `accuracy_score`, `top_k_accuracy_score(k=3)` and NumPy on these arrays.
    #[test]
    fn the_measures_are_those_of_scikit_learn() {
        let p = array![
            [0.5, 0.2, 0.2, 0.1],
            [0.1, 0.6, 0.2, 0.1],
            [0.3, 0.3, 0.15, 0.25],
            [0.05, 0.15, 0.35, 0.45],
            [0.4, 0.1, 0.3, 0.2]
        ];
        let metrics = multiclass(p.view(), &[0, 1, 1, 0, 2]).unwrap();
        let expected = [1.3215301373063597, 0.4, 0.8, 0.635];
        assert!((metrics.log_loss - expected[0]).abs() < 1e-12, "{metrics:?}");
        assert!((metrics.accuracy - expected[1]).abs() < 1e-12, "{metrics:?}");
        assert!((metrics.top_3_accuracy - expected[2]).abs() < 1e-12, "{metrics:?}");
        assert!((metrics.brier - expected[3]).abs() < 1e-12, "{metrics:?}");
    }

    #[test]
    fn intervals_hold_the_value() {
        let p = ndarray::Array2::from_shape_fn((300, 3), |(row, class)| if row % 3 == class { 0.6 } else { 0.2 });
        let y: Vec<u32> = (0..300).map(|row| if row % 5 == 0 { 0 } else { row % 3 }).collect();
        let customers: Vec<u64> = (0..300).collect();
        let measured = multiclass_with_intervals(p.view(), &y, &customers, &Bootstrap::seeded(1)).unwrap();
        assert!(measured.low.log_loss < measured.value.log_loss && measured.value.log_loss < measured.high.log_loss);
        assert!(measured.low.accuracy < measured.value.accuracy && measured.value.accuracy < measured.high.accuracy);
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        assert!(multiclass(ndarray::Array2::zeros((0, 2)).view(), &[]).is_err());
        assert!(multiclass(array![[0.5, 0.5]].view(), &[2]).is_err());
        assert!(multiclass(array![[0.5, f64::NAN]].view(), &[0]).is_err());
        assert!(multiclass(array![[0.5, 0.5]].view(), &[0, 1]).is_err());
    }
}
