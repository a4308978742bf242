//! Chance from a seed: the same numbers on every machine, for ever.

/// SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", OOPSLA), with Lemire's bounded draw.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    /// The stream of a seed and a stream number: streams of one seed do not overlap in practice.
    pub fn stream(seed: u64, stream: u64) -> Random {
        let mut mixer = Random::new(seed);
        let mixed = mixer.next_u64() ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03);
        Random::new(Random::new(mixed).next_u64())
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `n`, each (nearly) equally likely: the bias is below `n / 2^64`.
    ///
    /// # Panics
    /// When `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "a draw needs something to draw from");
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }

    /// A number from 0 up to 1, with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// `k` distinct numbers below `n`, in rising order; all of them when `k` is `n` or more.
    pub fn sample(&mut self, n: usize, k: usize) -> Vec<usize> {
        let mut numbers: Vec<usize> = (0..n).collect();
        if k >= n {
            return numbers;
        }
        for position in 0..k {
            let other = position + self.below(n - position);
            numbers.swap(position, other);
        }
        numbers.truncate(k);
        numbers.sort_unstable();
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First outputs for seed 1234567 of the reference implementation (Vigna, prng.di.unimi.it/splitmix64.c).
    #[test]
    fn the_stream_is_the_published_one() {
        let mut random = Random::new(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| random.next_u64()).collect();
        assert_eq!(
            drawn,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn a_sample_is_distinct_sorted_and_in_range() {
        let sample = Random::new(1).sample(100, 30);
        assert_eq!(sample.len(), 30);
        assert!(sample.windows(2).all(|pair| pair[0] < pair[1]) && sample[29] < 100);
        assert_eq!(Random::new(1).sample(3, 9), [0, 1, 2]);
    }

    #[test]
    fn draws_below_n_reach_every_number_about_equally() {
        let mut random = Random::new(3);
        let mut counts = [0; 5];
        for _ in 0..50_000 {
            counts[random.below(5)] += 1;
        }
        assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
    }
}
