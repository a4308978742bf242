//! The least of a smooth function of few numbers, without its slopes.

/// No number leaves this range: they are logarithms, and a likelihood may rise for ever.
const BOUND: f64 = 20.0;
const MAX_STEPS: usize = 1_000;
/// A simplex whose losses differ by less is done: a likelihood of 100,000 customers is then known to a millionth.
const TOLERANCE: f64 = 1e-11;

/// The numbers of least loss near `start`, by the simplex of Nelder and Mead (1965), begun anew from its answer until
/// that brings nothing.
pub(super) fn least(loss: impl Fn(&[f64]) -> f64, start: &[f64]) -> Vec<f64> {
    const MAX_RUNS: usize = 10;
    let mut best = run(&loss, start);
    for _ in 1..MAX_RUNS {
        let next = run(&loss, &best.at);
        let gain = best.loss - next.loss;
        best = next;
        if gain < 1e-9 {
            break;
        }
    }
    best.at
}

#[derive(Debug, Clone)]
struct Corner {
    at: Vec<f64>,
    loss: f64,
}

fn run(loss: &impl Fn(&[f64]) -> f64, start: &[f64]) -> Corner {
    const FIRST_STEP: f64 = 0.5;
    let n = start.len();
    let corner = |at: Vec<f64>| {
        let at: Vec<f64> = at.into_iter().map(|number| number.clamp(-BOUND, BOUND)).collect();
        let found = loss(&at);
        let loss = if found.is_nan() { f64::INFINITY } else { found };
        Corner { at, loss }
    };
    let mut corners = vec![corner(start.to_vec())];
    for place in 0..n {
        let mut at = start.to_vec();
        at[place] += if at[place] > 0.0 { -FIRST_STEP } else { FIRST_STEP };
        corners.push(corner(at));
    }
    for _ in 0..MAX_STEPS {
        corners.sort_by(|a, b| a.loss.total_cmp(&b.loss));
        if corners[n].loss - corners[0].loss < TOLERANCE {
            break;
        }
        let middle: Vec<f64> = (0..n)
            .map(|place| corners[..n].iter().map(|corner| corner.at[place]).sum::<f64>() / n as f64)
            .collect();
        // 0 is the middle of the other corners, 1 the worst corner.
        let along = |share: f64, worst: &Corner| {
            let at = middle.iter().zip(&worst.at);
            corner(at.map(|(middle, worst)| middle + share * (worst - middle)).collect())
        };
        let mirrored = along(-1.0, &corners[n]);
        if mirrored.loss < corners[0].loss {
            let further = along(-2.0, &corners[n]);
            corners[n] = if further.loss < mirrored.loss {
                further
            } else {
                mirrored
            };
            continue;
        }
        if mirrored.loss < corners[n - 1].loss {
            corners[n] = mirrored;
            continue;
        }
        let nearer = along(if mirrored.loss < corners[n].loss { -0.5 } else { 0.5 }, &corners[n]);
        if nearer.loss < mirrored.loss.min(corners[n].loss) {
            corners[n] = nearer;
            continue;
        }
        let best = corners[0].at.clone();
        for shrunk in &mut corners[1..] {
            let at = best.iter().zip(&shrunk.at);
            *shrunk = corner(at.map(|(best, at)| best + 0.5 * (at - best)).collect());
        }
    }
    corners.sort_by(|a, b| a.loss.total_cmp(&b.loss));
    corners.swap_remove(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's valley (1960), least at (1, 1), as usual for such searches.
    #[test]
    fn the_end_of_a_bent_valley_is_found() {
        let valley = |at: &[f64]| 100.0 * (at[1] - at[0] * at[0]).powi(2) + (1.0 - at[0]).powi(2);
        let found = least(valley, &[-1.2, 1.0]);
        assert!(found.iter().all(|number| (number - 1.0).abs() < 1e-5), "{found:?}");
    }

    #[test]
    fn a_loss_that_falls_for_ever_ends_at_the_bound() {
        let found = least(|at| at[0] + at[1] * at[1], &[0.0, 3.0]);
        assert!((found[0] + BOUND).abs() < 1e-6 && found[1].abs() < 1e-5, "{found:?}");
    }
}
