//! Which failures may be tried again, and when.
//!
//! The class of a failure is decided where it is understood (an HTTP client knows whether the
//! request left the machine); the decision to try again is made in one place by [`RetryClass`] and
//! [`Backoff`]. Randomness is a parameter.

use std::time::Duration;

/// Whether and how a failed attempt may be repeated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RetryClass {
    /// Trying again cannot help.
    Never,
    /// The attempt certainly had no effect (the connection was refused, the request was rejected
    /// for load): anything may be tried again.
    NoEffect,
    /// The attempt may or may not have had an effect (connection lost, 502, 503, 504): only what is
    /// idempotent may be tried again.
    Ambiguous,
    /// The other side said when to come back.
    After(Duration),
    /// A conflict that the API documents as passing (409 while another operation ends).
    Busy,
    /// The token ended; a new one is needed, once.
    Reauthenticate,
}

/// Exponential backoff with full jitter in its upper half.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// Delay before the second attempt.
    pub first: Duration,
    /// No delay is longer.
    pub most: Duration,
    /// How many attempts in all, the first included.
    pub attempts: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(100), most: Duration::from_secs(10), attempts: 5 }
    }
}

impl Backoff {
    /// The pause after `failed` attempts (1 for the first), or `None` when they are used up.
    ///
    /// `random` in 0..1 spreads the pause over the upper half of the exponential value.
    pub fn pause(&self, failed: u32, random: f64) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        let doubled = self
            .first
            .saturating_mul(1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX));
        let ceiling = doubled.min(self.most);
        Some(ceiling.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_ceiling_and_end_with_the_attempts() {
        let backoff = Backoff {
            first: Duration::from_millis(100),
            most: Duration::from_millis(350),
            attempts: 4,
        };
        let pauses: Vec<_> = (1..=4).map(|failed| backoff.pause(failed, 1.0)).collect();
        assert_eq!(
            pauses,
            [Some(100), Some(200), Some(350), None].map(|ms| ms.map(Duration::from_millis))
        );
        assert_eq!(backoff.pause(1, 0.0), Some(Duration::from_millis(50)));
    }
}
