//! The one source of chance of a system: the same seed gives the same draws, for ever.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// A seeded generator whose sequence is part of the public contract.
///
/// xoshiro256++ (Blackman and Vigna, 2018), seeded through `SplitMix64` as its authors advise. Not for secrets.
///
/// ```
/// use keelson::core::random::Random;
///
/// let draws = |seed| -> Vec<f64> { let mut r = Random::new(seed); (0..3).map(|_| r.unit()).collect() };
/// assert_eq!(draws(7), draws(7));
/// assert_ne!(draws(7), draws(8));
/// ```
#[derive(Debug, Clone)]
pub struct Random {
    generator: Xoshiro256PlusPlus,
}

impl Random {
    /// Creates a generator that repeats for the same seed.
    pub fn new(seed: u64) -> Self {
        Self { generator: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    /// Returns a number that is uniform in `[0, 1)` with 53 bits, as `Math.random` promises.
    pub fn unit(&mut self) -> f64 {
        (self.generator.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    /// Returns a number that is uniform in `0..bound` without bias (Lemire, "Fast random integer generation in an
    /// interval", 2019); 0 for a bound of 0.
    #[expect(clippy::cast_possible_truncation, reason = "the halves of a 128-bit product")]
    pub fn below(&mut self, bound: u64) -> u64 {
        let mut product = u128::from(self.generator.next_u64()) * u128::from(bound);
        if (product as u64) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (product as u64) < threshold {
                product = u128::from(self.generator.next_u64()) * u128::from(bound);
            }
        }
        (product >> 64) as u64
    }

    /// Creates a generator for a part of the system, independent of later draws from this one.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::new(self.generator.next_u64())
    }

    /// Returns 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.generator.next_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_sequence_of_a_seed_never_changes() {
        let mut random = Random::new(1);
        let draws: Vec<u64> = (0..3).map(|_| random.bits()).collect();
        assert_eq!(draws, [0xcfc5_d07f_6f03_c29b, 0xbf42_4132_963f_e08d, 0x19a3_7d57_57aa_f520]);
    }

    proptest! {
        #[test]
        fn draws_stay_in_range(seed: u64, bound in 1_u64..) {
            let mut random = Random::new(seed);
            prop_assert!((0.0..1.0).contains(&random.unit()));
            prop_assert!(random.below(bound) < bound);
        }
    }

    #[test]
    fn below_is_uniform() {
        let mut random = Random::new(3);
        let mut counts = [0_u32; 6];
        for _ in 0..60_000 {
            counts[usize::try_from(random.below(6)).expect("small")] += 1;
        }
        assert!(counts.iter().all(|&count| (9_600..10_400).contains(&count)), "{counts:?}");
    }
}
