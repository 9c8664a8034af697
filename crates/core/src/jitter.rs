//! Chance, for spreading pauses; from a seed, so that a run can be repeated.

use std::sync::atomic::{AtomicU64, Ordering};

/// A stream of numbers that look random (`SplitMix64`).
#[derive(Debug)]
pub struct Jitter(AtomicU64);

impl Jitter {
    /// The stream of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number, from 0 to 1.
    pub fn next(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let top = u32::try_from(mixed >> 32).unwrap_or(u32::MAX);
        f64::from(top) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_spread_over_the_range() {
        let (one, other) = (Jitter::new(7), Jitter::new(7));
        let numbers: Vec<f64> = (0..1000).map(|_| one.next()).collect();
        assert!(numbers.iter().all(|number| (0.0..=1.0).contains(number)));
        assert!(numbers.iter().all(|number| (number - other.next()).abs() < f64::EPSILON));
        let mean = numbers.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers_between_nought_and_one() {
        let (one, other) = (Jitter::new(7), Jitter::new(7));
        for _ in 0..1000 {
            let number = one.next();
            assert!((0.0..=1.0).contains(&number));
            assert!((number - other.next()).abs() < f64::EPSILON);
        }
    }
}
