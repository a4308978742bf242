//! Limited-memory BFGS (Nocedal 1980) for smooth convex functions of many numbers.

use std::collections::VecDeque;

/// Steps remembered.
const MEMORY: usize = 10;
/// The share of the promised decrease that a step must bring (Armijo's rule).
const DECREASE: f64 = 1e-4;
/// Halvings of a step before no way down is left.
const MOST_HALVINGS: usize = 30;

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    /// The most steps.
    pub(super) max_steps: usize,
    /// The largest part of the gradient that counts as none.
    pub(super) gradient: f64,
}

/// Walks from `at` to where the function is least; `value_and_gradient` fills in the gradient and returns the value.
///
/// The function is about as curved in every direction as `|x|² / (2 · first_step)`.
pub(super) fn minimise(
    mut at: Vec<f64>,
    first_step: f64,
    stop: Stop,
    mut value_and_gradient: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Vec<f64> {
    let mut gradient = vec![0.0; at.len()];
    let mut value = value_and_gradient(&at, &mut gradient);
    let mut memory: VecDeque<Step> = VecDeque::with_capacity(MEMORY);
    let mut next_gradient = gradient.clone();
    for _ in 0..stop.max_steps {
        if gradient.iter().all(|part| part.abs() <= stop.gradient) {
            break;
        }
        let direction = downwards(&gradient, &memory, first_step);
        let slope = dot(&gradient, &direction);
        let mut length = 1.0;
        let mut found = None;
        for _ in 0..MOST_HALVINGS {
            let next: Vec<f64> = at.iter().zip(&direction).map(|(at, way)| at + length * way).collect();
            let next_value = value_and_gradient(&next, &mut next_gradient);
            if next_value <= value + DECREASE * length * slope {
                found = Some((next, next_value));
                break;
            }
            length *= 0.5;
        }
        let Some((next, next_value)) = found else { break };
        let moved: Vec<f64> = next.iter().zip(&at).map(|(next, at)| next - at).collect();
        let turned: Vec<f64> = next_gradient
            .iter()
            .zip(&gradient)
            .map(|(next, at)| next - at)
            .collect();
        let curvature = dot(&moved, &turned);
        if curvature > 0.0 {
            memory.truncate(MEMORY - 1);
            memory.push_front(Step {
                moved,
                turned,
                curvature,
            });
        }
        (at, value) = (next, next_value);
        std::mem::swap(&mut gradient, &mut next_gradient);
    }
    at
}

/// One step taken: how far it went and how the gradient turned.
struct Step {
    moved: Vec<f64>,
    turned: Vec<f64>,
    curvature: f64,
}

/// The quasi-Newton direction, by the two loops over remembered steps.
fn downwards(gradient: &[f64], memory: &VecDeque<Step>, first_step: f64) -> Vec<f64> {
    let mut way: Vec<f64> = gradient.iter().map(|part| -part).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for step in memory {
        let share = dot(&step.moved, &way) / step.curvature;
        add(&mut way, -share, &step.turned);
        shares.push(share);
    }
    let scale = memory
        .front()
        .map_or(first_step, |last| last.curvature / dot(&last.turned, &last.turned));
    way.iter_mut().for_each(|part| *part *= scale);
    for (step, share) in memory.iter().zip(shares).rev() {
        let back = dot(&step.turned, &way) / step.curvature;
        add(&mut way, share - back, &step.moved);
    }
    way
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

fn add(to: &mut [f64], factor: f64, of: &[f64]) {
    for (to, of) in to.iter_mut().zip(of) {
        *to += factor * of;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_of_a_stretched_bowl_is_found() {
        let centre = [3.0, -1.0, 0.5, 10.0];
        let curves = [1.0, 100.0, 0.1, 7.0];
        let mut n_asked = 0;
        let bowl = |at: &[f64], gradient: &mut [f64]| {
            n_asked += 1;
            let mut value = 0.0;
            for i in 0..4 {
                let away = at[i] - centre[i];
                value += curves[i] * (away * away + away.powi(4) / 4.0);
                gradient[i] = curves[i] * (2.0 * away + away.powi(3));
            }
            value
        };
        let stop = Stop {
            max_steps: 200,
            gradient: 1e-9,
        };
        let found = minimise(vec![0.0; 4], 1.0, stop, bowl);
        for (found, centre) in found.iter().zip(centre) {
            assert!((found - centre).abs() < 1e-8, "{found} for {centre}");
        }
        assert!(n_asked < 120, "asked {n_asked} times");
    }

    #[test]
    fn the_most_steps_are_kept() {
        let stop = Stop {
            max_steps: 0,
            gradient: 1e-9,
        };
        let line = |at: &[f64], gradient: &mut [f64]| {
            gradient[0] = 2.0 * at[0];
            at[0] * at[0]
        };
        assert_eq!(minimise(vec![4.0], 1.0, stop, line), [4.0]);
    }
}
