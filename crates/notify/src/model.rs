//! Notices, deliveries and their states.

use std::fmt;
use std::str::FromStr;

use lotse_core::event::Event;
use lotse_core::id::{DeliveryId, EventId};
use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many notices one delivery gathers; of more than that only the number is kept.
pub const MOST_ITEMS: usize = 50;

/// How a notice is meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// Good to know.
    Information,
    /// Somebody is asked to do something.
    Request,
    /// Something does not work.
    Trouble,
    /// Something works again.
    Relief,
}

/// One event in words. All texts are free of control characters and of bounded length.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// How it is meant.
    pub tone: Tone,
    /// One line: what happened, and to what.
    pub title: String,
    /// What there is to know, one paragraph each.
    pub paragraphs: Vec<String>,
    /// The objects it is about, a line each.
    pub list: Vec<String>,
    /// Where more of it is to be seen.
    pub link: Option<String>,
}

/// A notice and the event that it puts into words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// The words.
    pub notice: Notice,
    /// The fact, for programs.
    pub event: Event,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is yet to be sent.
    Waiting,
    /// The other side has confirmed it.
    Sent,
    /// It was given up.
    Dead,
}

impl State {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Sent, Self::Dead];

    /// The word for it, as it is kept.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Dead => "dead",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let state = Self::ALL.into_iter().find(|state| state.word() == word);
        state.ok_or_else(|| format!("\"{word}\" is no state of a delivery"))
    }
}

/// What one recipient is to be told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Delivery {
    /// Its id, which the other side sees with every attempt.
    pub id: DeliveryId,
    /// The channel, by its name in `lotse.yaml`.
    pub channel: String,
    /// Who in that channel, for example a mail address; empty where there is only one.
    pub recipient: String,
    /// What it repeats: deliveries with the same text here count as repetitions.
    pub repeats: String,
    /// The notices, oldest first.
    pub items: Vec<Item>,
    /// How many more there were than are kept.
    pub omitted: u32,
    /// Where it stands.
    pub state: State,
    /// How often it was tried, the present attempt included.
    pub attempts: u32,
    /// When it was written.
    pub created: Timestamp,
    /// When it was to be sent for the first time.
    pub opened: Timestamp,
    /// When it is to be tried next; while it is claimed, the end of the claim.
    pub due: Timestamp,
    /// When it was sent or given up.
    pub ended: Option<Timestamp>,
    /// What the other side said, or why the last attempt failed.
    pub said: Option<String>,
}

/// The id of the delivery that an event causes: the same event, channel and recipient always give the
/// same one (UUID version 5, RFC 9562).
pub fn delivery_id(event: EventId, channel: &str, recipient: &str) -> DeliveryId {
    // Lengths keep ("a", "bc") and ("ab", "c") apart.
    let name = format!("{}:{channel}{}:{recipient}", channel.len(), recipient.len());
    DeliveryId::from_uuid(Uuid::new_v5(event.as_uuid(), name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_states_are_read_back() {
        for state in State::ALL {
            assert_eq!(state.word().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.word());
        }
        assert!("nonsense".parse::<State>().is_err());
    }

    #[test]
    fn the_same_event_gives_the_same_delivery_and_nothing_else_does() {
        let (event, other) = (EventId::generate(), EventId::generate());
        let id = delivery_id(event, "ops", "a@example.org");
        assert_eq!(id, delivery_id(event, "ops", "a@example.org"));
        for another in [
            delivery_id(other, "ops", "a@example.org"),
            delivery_id(event, "op", "sa@example.org"),
            delivery_id(event, "ops", "b@example.org"),
        ] {
            assert_ne!(id, another);
        }
    }
}
