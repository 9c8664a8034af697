//! Randomness as a parameter: identifiers and the jitter of pauses.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use lotse_core::id::{IntentId, Marker, RunId};
use lotse_core::time::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

/// A source of random bits.
pub trait Randomness: Send + Sync + fmt::Debug {
    /// The next 128 bits.
    fn bits(&self) -> u128;
}

/// The randomness of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn bits(&self) -> u128 {
        rand::random()
    }
}

/// The same bits for the same seed, to replay a course of events.
#[derive(Debug)]
pub struct SeededRandomness(Mutex<StdRng>);

impl SeededRandomness {
    /// A source that this seed determines.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Randomness for SeededRandomness {
    fn bits(&self) -> u128 {
        let mut source = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (u128::from(source.next_u64()) << 64) | u128::from(source.next_u64())
    }
}

/// An even spread over 0..1.
pub(crate) fn fraction(source: &dyn Randomness) -> f64 {
    // 32 bits are exact in an f64 and plenty for jitter.
    let bits = u32::try_from(source.bits() >> 96).unwrap_or(u32::MAX);
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

/// A UUID of version 7 (RFC 9562) for this instant.
fn uuid(source: &dyn Randomness, now: Timestamp) -> Uuid {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let mut random = [0; 10];
    for (to, from) in random.iter_mut().zip(source.bits().to_be_bytes()) {
        *to = from;
    }
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

pub(crate) fn run_id(source: &dyn Randomness, now: Timestamp) -> RunId {
    RunId::from_uuid(uuid(source, now))
}

pub(crate) fn intent_id(source: &dyn Randomness, now: Timestamp) -> IntentId {
    IntentId::from_uuid(uuid(source, now))
}

pub(crate) fn marker(source: &dyn Randomness, now: Timestamp) -> Marker {
    Marker::from_uuid(uuid(source, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_course_and_another_seed_another_one() {
        let draw = |seed| {
            let source = SeededRandomness::new(seed);
            [source.bits(), source.bits()]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let [first, second] = draw(1);
        assert_ne!(first, second);
    }

    #[test]
    fn identifiers_sort_by_time_and_fractions_stay_below_one() {
        let source = SeededRandomness::new(7);
        let early = run_id(&source, Timestamp::UNIX_EPOCH);
        let late = run_id(&source, Timestamp::from_second(1_800_000_000).unwrap());
        assert!(early < late);
        assert_eq!(late.as_uuid().get_version_num(), 7);
        assert!((0..1000).map(|_| fraction(&source)).all(|x| (0.0..1.0).contains(&x)));
    }
}
