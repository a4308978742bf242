//! How sure a share is.

/// The 95 % interval of a share, of so many of `n` independent rows (Wilson 1927); `n` is above 0.
pub fn share_interval(n_with: f64, n: f64) -> [f64; 2] {
    let (share, z2) = (n_with / n, 1.959_964_f64 * 1.959_964);
    let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = (z2 * (share * (1.0 - share) / n + z2 / (4.0 * n * n))).sqrt() / (1.0 + z2 / n);
    [(middle - half).max(0.0), (middle + half).min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_share_is_the_published_one() {
        // Newcombe 1998, table I: 81 of 263, and 0 of 20.
        let near = |[low, high]: [f64; 2], expected: [f64; 2]| {
            (low - expected[0]).abs() < 1e-4 && (high - expected[1]).abs() < 1e-4
        };
        assert!(near(share_interval(81.0, 263.0), [0.2553, 0.3662]));
        assert!(near(share_interval(0.0, 20.0), [0.0, 0.1611]));
    }
}
