//! What an attempt means for a delivery. Data to data.

use std::time::Duration;

use lotse_core::id::DeliveryId;
use lotse_core::retry::Backoff;
use lotse_core::time::{SignedDuration, Timestamp};

/// What the one who tried to send says about trying again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reaction {
    /// It may work later.
    Again,
    /// It may work after this time; until then nothing is to be sent on this channel.
    After(Duration),
    /// This delivery will never be taken.
    Never,
    /// Nothing will ever be taken here any more.
    Gone,
}

/// How long it is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience {
    /// Pauses and number of attempts (30 s doubling to 1 h, 120 attempts, more than fit into the age).
    pub backoff: Backoff,
    /// How long after its first due time a delivery is given up (2 days).
    pub age: Duration,
    /// The longest pause that the other side may ask for (1 day).
    pub longest_wish: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            backoff: Backoff {
                first: Duration::from_secs(30),
                most: Duration::from_hours(1),
                attempts: 120,
            },
            age: Duration::from_hours(48),
            longest_wish: Duration::from_hours(24),
        }
    }
}

/// What becomes of a delivery after a failed attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// It is tried again then.
    Later(Timestamp),
    /// The same, and nothing is sent on its channel before.
    Pause(Timestamp),
    /// It is given up.
    Dead,
    /// It is given up, and its channel is disabled.
    Disabled,
}

/// An attempt that failed.
#[derive(Clone, Copy, Debug)]
pub struct Failed {
    /// Of which delivery.
    pub id: DeliveryId,
    /// How many attempts there were, this one included.
    pub attempts: u32,
    /// When the delivery was due for the first time.
    pub opened: Timestamp,
    /// What is said about trying again.
    pub reaction: Reaction,
}

/// What becomes of a delivery after a failed attempt.
pub fn settle(failed: Failed, patience: &Patience, now: Timestamp) -> Fate {
    let wish = match failed.reaction {
        Reaction::Never => return Fate::Dead,
        Reaction::Gone => return Fate::Disabled,
        Reaction::Again => None,
        Reaction::After(wish) => Some(wish.min(patience.longest_wish)),
    };
    let Some(pause) = patience.backoff.pause(failed.attempts, chance(failed)) else {
        return Fate::Dead;
    };
    let next = after(now, wish.map_or(pause, |wish| wish.max(pause)));
    match wish {
        _ if next > after(failed.opened, patience.age) => Fate::Dead,
        Some(_) => Fate::Pause(next),
        None => Fate::Later(next),
    }
}

fn after(start: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    start.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// In 0..1, different for each delivery and attempt: the ids are spread well enough, so that the
/// pauses of many deliveries are, too, and every pause can be computed again.
fn chance(failed: Failed) -> f64 {
    let mixed = failed.id.as_uuid().as_u64_pair().1 ^ u64::from(failed.attempts);
    let mixed = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    f64::from(u32::try_from(mixed).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failed(attempts: u32, reaction: Reaction) -> Failed {
        let opened = Timestamp::UNIX_EPOCH;
        Failed { id: DeliveryId::generate(), attempts, opened, reaction }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_the_other_side_refuses_for_good_is_dead_at_once() {
        let patience = Patience::default();
        assert_eq!(settle(failed(1, Reaction::Never), &patience, at(0)), Fate::Dead);
        assert_eq!(settle(failed(1, Reaction::Gone), &patience, at(0)), Fate::Disabled);
    }

    #[test]
    fn the_last_attempt_and_the_last_hour_end_the_patience() {
        let patience = Patience::default();
        let again = |attempts, now| settle(failed(attempts, Reaction::Again), &patience, at(now));
        assert!(matches!(again(119, 0), Fate::Later(_)));
        assert_eq!(again(120, 0), Fate::Dead);
        assert!(matches!(again(1, 47 * 3600), Fate::Later(_)));
        assert_eq!(again(1, 48 * 3600), Fate::Dead);
    }

    #[test]
    fn a_wish_for_a_pause_holds_the_channel_and_has_a_limit() {
        let patience = Patience::default();
        let minutes = |n| Reaction::After(Duration::from_mins(n));
        assert_eq!(settle(failed(1, minutes(5)), &patience, at(0)), Fate::Pause(at(300)));
        let century = settle(failed(1, minutes(60 * 24 * 36_500)), &patience, at(0));
        assert_eq!(century, Fate::Pause(at(24 * 3600)));
        let Fate::Pause(soon) = settle(failed(1, minutes(0)), &patience, at(0)) else { panic!() };
        assert!(soon >= at(15), "no faster than our own pause: {soon}");
    }

    proptest! {
        #[test]
        fn pauses_lie_in_the_upper_half_of_what_doubling_gives(attempts in 1_u32..30) {
            let patience = Patience::default();
            let Fate::Later(next) = settle(failed(attempts, Reaction::Again), &patience, at(0)) else {
                panic!("too early to give up")
            };
            let doubled = (30_i64 << attempts.min(8).saturating_sub(1)).min(3600);
            prop_assert!(next >= at(doubled / 2) && next <= at(doubled), "{} {}", attempts, next);
        }

        #[test]
        fn deliveries_that_failed_together_do_not_come_back_together(seed in any::<u64>()) {
            let of = |value: u64| Failed {
                id: DeliveryId::from_uuid(uuid::Uuid::from_u64_pair(seed, value.wrapping_mul(0x1234_5678_9abc_def1))),
                ..failed(5, Reaction::Again)
            };
            let chances: Vec<f64> = (0..100).map(|value| chance(of(value))).collect();
            let low = chances.iter().filter(|&&chance| chance < 0.5).count();
            prop_assert!((20..=80).contains(&low), "{}", low);
            prop_assert!(chances.iter().all(|chance| (0.0..=1.0).contains(chance)));
        }
    }
}
