//! Streams of chance: one per customer, purpose and draw, so that no stream depends on another.
//!
//! xoshiro256++ (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021), seeded by folding the stream's parts with the SplitMix64 finaliser.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};

/// One reproducible stream.
pub(crate) struct Chance {
    generator: Xoshiro256PlusPlus,
}

/// What a stream is for; part of its seed.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// Who a customer is.
    Traits = 1,
    /// What a customer does.
    Life = 2,
    /// What only decorates an event: channel, value, feedback, what is missing.
    Detail = 3,
    /// One imagined future.
    Branch = 4,
    /// One day of an imagined future, whatever we do in it.
    BranchDay = 5,
}

impl Chance {
    /// The stream of a seed, customer, purpose and two further parts.
    pub(crate) fn stream(seed: u64, customer_index: u32, purpose: Purpose, parts: [u64; 2]) -> Self {
        let key = [u64::from(customer_index), purpose as u64, parts[0], parts[1]]
            .into_iter()
            .fold(mixed(seed), |key, part| mixed(key ^ mixed(part)));
        let mut bytes = [0_u8; 32];
        let mut word = key;
        for chunk in bytes.chunks_exact_mut(8) {
            word = mixed(word);
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        Self {
            generator: Xoshiro256PlusPlus::from_seed(bytes),
        }
    }

    /// Uniform on [0, 1), 53 bits.
    #[inline]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.generator.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// True with probability `p`.
    pub(crate) fn happens(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Standard normal (Box and Muller 1958, the cosine half).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.unit())).sqrt();
        radius * libm::cos(2.0 * std::f64::consts::PI * self.unit())
    }

    /// Poisson by inversion, never above `most`; `mean` small.
    #[inline]
    pub(crate) fn poisson(&mut self, mean: f64, most: usize) -> usize {
        let u = self.unit();
        // e^-m >= 1 - m, so most days need no exponential.
        if u < 1.0 - mean {
            return 0;
        }
        let mut term = libm::exp(-mean);
        let mut below = term;
        let mut n = 0;
        while u >= below && n < most {
            n += 1;
            term *= mean / n as f64;
            below += term;
        }
        n
    }

    /// An index with probability proportional to its weight; weights are not negative, one is positive.
    pub(crate) fn pick(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        let mut last = 0;
        for (index, &weight) in weights.iter().enumerate() {
            if weight > 0.0 {
                last = index;
                if left < weight {
                    return index;
                }
                left -= weight;
            }
        }
        last
    }
}

/// SplitMix64's step and finaliser (Steele, Lea and Flood 2014).
fn mixed(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix_gives_the_published_first_word_of_seed_zero() {
        assert_eq!(mixed(0), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn a_poisson_stream_has_the_asked_mean_and_variance() {
        let mut chance = Chance::stream(1, 0, Purpose::Life, [0, 0]);
        let draws: Vec<f64> = (0..200_000).map(|_| chance.poisson(0.7, 12) as f64).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        // Standard error of the mean is 0.0019, of the variance about 0.0034.
        assert!((mean - 0.7).abs() < 0.01, "mean {mean}");
        assert!((variance - 0.7).abs() < 0.02, "variance {variance}");
    }

    #[test]
    fn streams_of_neighbours_share_nothing() {
        let first = |customer, purpose, draw| Chance::stream(5, customer, purpose, [draw, 0]).unit();
        let words = [
            first(0, Purpose::Life, 0),
            first(1, Purpose::Life, 0),
            first(0, Purpose::Branch, 0),
            first(0, Purpose::Life, 1),
        ];
        for (i, a) in words.iter().enumerate() {
            assert!(words[i + 1..].iter().all(|b| a != b));
        }
    }
}
