//! Who is told of an event, and when. Data to data.

use std::time::Duration;

use lotse_core::event::Event;
use lotse_core::id::DeliveryId;
use lotse_core::time::{SignedDuration, Timestamp};

/// Which events go where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule {
    /// Patterns of topics; `*` stands for any text.
    pub topics: Vec<String>,
    /// The channels, by name.
    pub channels: Vec<String>,
    /// Repetitions within this time are gathered into one message at its end; zero for never.
    pub at_most_every: Duration,
    /// Whether everything that the rule selects counts as a repetition, and not only the same topic
    /// about the same thing.
    pub together: bool,
}

/// A way that an event is to go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Way {
    /// The channel, by name.
    pub channel: String,
    /// What it repeats.
    pub repeats: String,
    /// How often at most the same may be told.
    pub at_most_every: Duration,
}

/// The ways of an event, at most one for each channel: the first rule that names it decides.
pub fn route(event: &Event, rules: &[Rule]) -> Vec<Way> {
    let mut ways: Vec<Way> = Vec::new();
    for rule in rules.iter().filter(|rule| rule.selects(&event.topic)) {
        for channel in &rule.channels {
            if ways.iter().all(|way| way.channel != *channel) {
                ways.push(Way {
                    channel: channel.clone(),
                    repeats: rule.repeats(event),
                    at_most_every: rule.at_most_every,
                });
            }
        }
    }
    ways
}

impl Rule {
    fn selects(&self, topic: &str) -> bool {
        self.topics.iter().any(|pattern| matches(pattern, topic))
    }

    fn repeats(&self, event: &Event) -> String {
        if self.together {
            format!("rule {}", self.topics.join(" "))
        } else {
            format!("{} {}", event.topic, event.subject)
        }
    }
}

/// Whether a text fits a pattern in which `*` stands for any text, also for none.
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = text.split_once(part) else { return false };
        text = after;
    }
    text.ends_with(end)
}

/// The newest delivery of the same repetition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Newest {
    /// Its id.
    pub id: DeliveryId,
    /// When it was or is to be sent for the first time.
    pub opened: Timestamp,
    /// Whether nobody has begun to send it.
    pub untouched: bool,
}

/// Where a notice goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// Into a delivery of its own, to be sent at this time.
    Own(Timestamp),
    /// Into this one, which is still gathering.
    With(DeliveryId),
}

/// Where a notice goes that repeats what `newest` says: the first one at once, those that follow
/// within the interval together at its end.
pub fn place(newest: Option<Newest>, at_most_every: Duration, now: Timestamp) -> Place {
    let Some(newest) = newest.filter(|_| !at_most_every.is_zero()) else { return Place::Own(now) };
    if newest.untouched && newest.opened > now {
        return Place::With(newest.id);
    }
    let interval = SignedDuration::try_from(at_most_every).unwrap_or(SignedDuration::MAX);
    let free = newest.opened.saturating_add(interval).unwrap_or(Timestamp::MAX);
    Place::Own(free.max(now))
}

#[cfg(test)]
mod tests {
    use lotse_core::id::EventId;
    use proptest::prelude::*;

    use super::*;

    fn event(topic: &str) -> Event {
        Event {
            id: EventId::generate(),
            topic: topic.to_owned(),
            subject: "prod/images".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            body: serde_json::Value::Null,
        }
    }

    fn rule(topics: &[&str], channels: &[&str]) -> Rule {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Rule {
            topics: owned(topics),
            channels: owned(channels),
            at_most_every: Duration::ZERO,
            together: false,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_star_stands_for_any_text() {
        let cases = [
            ("change.*", "change.proposed", true),
            ("change.*", "changes.proposed", false),
            ("*", "", true),
            ("*.failed", "task.failed", true),
            ("*.failed", "task.failed.twice", false),
            ("task.failed", "task.failed", true),
            ("task.failed", "task.failed ", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("ab*ba", "aba", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }

    proptest! {
        /// The oracle tries every way to cut the text.
        #[test]
        fn patterns_mean_what_the_slow_definition_says(pattern in "[ab*]{0,6}", text in "[ab]{0,8}") {
            fn slow(pattern: &[u8], text: &[u8]) -> bool {
                match pattern.split_first() {
                    None => text.is_empty(),
                    Some((b'*', rest)) => (0..=text.len()).any(|cut| slow(rest, &text[cut..])),
                    Some((byte, rest)) => text.first() == Some(byte) && slow(rest, &text[1..]),
                }
            }
            prop_assert_eq!(matches(&pattern, &text), slow(pattern.as_bytes(), text.as_bytes()));
        }
    }

    #[test]
    fn a_channel_is_told_once_by_the_first_rule_that_names_it() {
        let calm = Rule { at_most_every: Duration::from_mins(5), ..rule(&["*"], &["a", "b"]) };
        let rules = [rule(&["change.*"], &["b", "b"]), calm, rule(&["task.*"], &["c"])];
        let ways = route(&event("change.failed"), &rules);
        let told: Vec<_> = ways.iter().map(|way| (&*way.channel, way.at_most_every)).collect();
        assert_eq!(told, [("b", Duration::ZERO), ("a", Duration::from_mins(5))]);
        assert!(route(&event("other"), &rules[..1]).is_empty());
    }

    #[test]
    fn a_rule_for_all_together_makes_different_facts_repetitions() {
        let alone = rule(&["*"], &["a"]);
        let together = Rule { together: true, ..alone.clone() };
        let repeats = |rule: &Rule, topic: &str| {
            route(&event(topic), std::slice::from_ref(rule)).remove(0).repeats
        };
        assert_ne!(repeats(&alone, "x"), repeats(&alone, "y"));
        assert_eq!(repeats(&together, "x"), repeats(&together, "y"));
    }

    #[test]
    fn the_first_goes_at_once_and_repetitions_gather_until_the_interval_ends() {
        let minute = Duration::from_mins(1);
        let id = DeliveryId::generate();
        let newest = |opened, untouched| Some(Newest { id, opened: at(opened), untouched });
        assert_eq!(place(None, minute, at(0)), Place::Own(at(0)));
        assert_eq!(place(newest(0, false), minute, at(10)), Place::Own(at(60)));
        assert_eq!(place(newest(60, true), minute, at(20)), Place::With(id));
        assert_eq!(place(newest(60, false), minute, at(70)), Place::Own(at(120)));
        assert_eq!(place(newest(60, true), minute, at(500)), Place::Own(at(500)));
        assert_eq!(place(newest(0, true), Duration::ZERO, at(1)), Place::Own(at(1)));
    }
}
