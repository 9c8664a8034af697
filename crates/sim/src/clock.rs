//! The clock of the cloud: the one it was given, which can be moved on and stopped.

use std::sync::{Mutex, MutexGuard, PoisonError};

use lotse_core::time::{SharedClock, SignedDuration, Timestamp};

/// The clock of a cloud.
#[derive(Debug)]
pub(crate) struct CloudClock {
    base: SharedClock,
    hands: Mutex<Hands>,
}

/// What was done to the clock by hand.
#[derive(Debug, Default)]
struct Hands {
    /// How far it is ahead of its base.
    ahead: SignedDuration,
    /// Where it stands, while it is stopped.
    stopped: Option<Timestamp>,
}

impl CloudClock {
    pub(crate) fn new(base: SharedClock) -> Self {
        Self { base, hands: Mutex::default() }
    }

    /// The time of the cloud.
    pub(crate) fn now(&self) -> Timestamp {
        let hands = self.hands();
        hands.stopped.unwrap_or_else(|| later(self.base.now(), hands.ahead))
    }

    /// Moves the clock, running or stopped, forward (or back); saturates at the ends of time.
    pub(crate) fn advance(&self, by: SignedDuration) {
        let mut hands = self.hands();
        if let Some(stopped) = hands.stopped {
            hands.stopped = Some(later(stopped, by));
        } else {
            hands.ahead = hands.ahead.saturating_add(by);
        }
    }

    /// Stops the clock, or lets it go on from where it stands.
    pub(crate) fn freeze(&self, frozen: bool) {
        let now = self.now();
        let mut hands = self.hands();
        match (frozen, hands.stopped) {
            (true, None) => hands.stopped = Some(now),
            (false, Some(stopped)) => {
                hands.ahead = stopped.duration_since(self.base.now());
                hands.stopped = None;
            }
            _ => {}
        }
    }

    /// Whether the clock is stopped by hand.
    pub(crate) fn frozen(&self) -> bool {
        self.hands().stopped.is_some()
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lotse_core::time::ManualClock;

    use super::*;

    #[test]
    fn a_stopped_clock_moves_by_hand_only_and_goes_on_from_where_it_stands() {
        let base = Arc::new(ManualClock::starting_at(Timestamp::UNIX_EPOCH));
        let clock = CloudClock::new(base.clone());
        let seconds = |clock: &CloudClock| clock.now().as_second();
        clock.advance(SignedDuration::from_secs(5));
        base.advance(SignedDuration::from_secs(1));
        assert_eq!(seconds(&clock), 6);
        clock.freeze(true);
        base.advance(SignedDuration::from_secs(100));
        assert_eq!((seconds(&clock), clock.frozen()), (6, true));
        clock.advance(SignedDuration::from_secs(4));
        assert_eq!(seconds(&clock), 10);
        clock.freeze(false);
        assert_eq!((seconds(&clock), clock.frozen()), (10, false));
        base.advance(SignedDuration::from_secs(1));
        assert_eq!(seconds(&clock), 11);
    }
}
