//! What monitors say, and what is kept of it.

use std::collections::BTreeMap;

use lotse_core::time::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::{Heartbeat, Rule};
use crate::model::Component;

/// Within this time changes to bad are counted.
const FLAPPING: SignedDuration = SignedDuration::from_hours(1);
/// So many of them are remembered.
const FALLS: usize = 64;

/// Labels that a component must have, all of them; `component` stands for its id or name.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Selector(pub BTreeMap<String, String>);

impl Selector {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it means this component. A selector that says nothing means none.
    pub fn fits(&self, component: &Component) -> bool {
        let has = |(label, value): (&String, &String)| match label.as_str() {
            "component" => {
                component.name.as_ref() == Some(value) || component.id.to_string() == *value
            }
            other => component.label(other) == Some(value),
        };
        !self.is_empty() && self.0.iter().all(has)
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Selector {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }
}

/// What a monitor says at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// Who says it, for example `alertmanager`.
    pub source: String,
    /// What it is about, in the monitor's own words; with the source the identity of the measure.
    pub key: String,
    /// The components it is about.
    pub components: Selector,
    /// How bad it is, 1 to 100; nothing when it is well.
    pub severity: Option<u8>,
    /// Since when it is like this.
    pub since: Timestamp,
    /// What operators are shown: one line.
    pub title: String,
    /// What led to it. Never for the public.
    pub evidence: Value,
}

/// What one monitor thinks of one thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Who thinks so.
    pub source: String,
    /// Of what.
    pub key: String,
    /// The components it is about.
    pub components: Selector,
    /// How bad it is, or was when it was bad last.
    pub severity: u8,
    /// Whether it is bad.
    pub is_bad: bool,
    /// Since when it is like this.
    pub since: Timestamp,
    /// When it became bad, the last times.
    pub falls: Vec<Timestamp>,
    /// What operators are shown.
    pub title: String,
    /// What led to it. Never for the public.
    pub evidence: Value,
}

/// What a measure means once short changes are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opinion {
    /// Bad for long enough, or too often.
    Bad,
    /// Neither for long enough.
    Unsettled,
    /// Well for long enough.
    Well,
}

impl Measure {
    /// The measure after a signal; `None` when the signal says nothing new: it is older than what is
    /// known, or it says that all is well of something that was never bad.
    pub fn after(before: Option<&Self>, signal: &Signal, now: Timestamp) -> Option<Self> {
        let since = signal.since.min(now);
        let is_bad = signal.severity.is_some();
        let Some(before) = before else {
            let severity = signal.severity?.clamp(1, 100);
            let falls = vec![since];
            return Some(Self::of(signal, severity, since, falls));
        };
        if is_bad != before.is_bad && since < before.since {
            return None;
        }
        let severity = signal.severity.map_or(before.severity, |severity| severity.clamp(1, 100));
        let since = if is_bad == before.is_bad { before.since } else { since };
        let mut falls = before.falls.clone();
        if is_bad && !before.is_bad {
            falls.push(since);
            let oldest = now.saturating_sub(FLAPPING).unwrap_or(Timestamp::MIN);
            falls.retain(|fall| *fall >= oldest);
            falls.drain(..falls.len().saturating_sub(FALLS));
        }
        let after = Self::of(signal, severity, since, falls);
        (after != *before).then_some(after)
    }

    fn of(signal: &Signal, severity: u8, since: Timestamp, falls: Vec<Timestamp>) -> Self {
        Self {
            source: signal.source.clone(),
            key: signal.key.clone(),
            components: signal.components.clone(),
            severity,
            is_bad: signal.severity.is_some(),
            since,
            falls,
            title: signal.title.clone(),
            evidence: signal.evidence.clone(),
        }
    }

    /// What its name in the store is.
    pub(super) fn name(source: &str, key: &str) -> String {
        format!("{source}\n{key}")
    }

    /// What it means under a rule. A change exactly as old as demanded counts.
    pub(super) fn opinion(&self, rule: &Rule, now: Timestamp) -> Opinion {
        let age = now.duration_since(self.since);
        let oldest = now.saturating_sub(FLAPPING).unwrap_or(Timestamp::MIN);
        let falls = self.falls.iter().filter(|fall| **fall >= oldest && **fall <= now).count();
        let flaps = usize::try_from(rule.flaps).unwrap_or(usize::MAX);
        match self.is_bad {
            true if age >= rule.hold => Opinion::Bad,
            _ if flaps > 0 && falls >= flaps && (self.is_bad || age < rule.calm) => Opinion::Bad,
            false if age >= rule.calm => Opinion::Well,
            _ => Opinion::Unsettled,
        }
    }
}

/// What is known of a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Beat {
    /// When it was heard last, or when it was declared.
    pub(super) last: Timestamp,
    /// Since when it comes as it should.
    pub(super) steady: Timestamp,
    /// When it failed to come, the last times.
    #[serde(default)]
    pub(super) falls: Vec<Timestamp>,
}

impl Beat {
    /// A heart that is listened to from now on.
    pub(super) const fn new(now: Timestamp) -> Self {
        Self { last: now, steady: now, falls: Vec::new() }
    }

    /// After a beat.
    pub(super) fn heard(&self, heartbeat: &Heartbeat, now: Timestamp) -> Self {
        let missing = missing_from(self.last, heartbeat);
        let mut after = Self { last: now.max(self.last), ..self.clone() };
        if now >= missing {
            after.steady = now;
            after.falls.push(missing);
            after.falls.drain(..after.falls.len().saturating_sub(FALLS));
        }
        after
    }

    /// The measure that it is at this time.
    pub(super) fn measure(&self, name: &str, heartbeat: &Heartbeat, now: Timestamp) -> Measure {
        let missing = missing_from(self.last, heartbeat);
        let is_bad = now >= missing;
        let mut falls = self.falls.clone();
        falls.extend(is_bad.then_some(missing));
        Measure {
            source: "heartbeat".to_owned(),
            key: name.to_owned(),
            components: heartbeat.components.clone(),
            severity: heartbeat.severity.clamp(1, 100),
            is_bad,
            since: if is_bad { missing } else { self.steady },
            falls,
            title: format!("heartbeat {name}"),
            evidence: serde_json::json!({ "last": self.last }),
        }
    }
}

fn missing_from(last: Timestamp, heartbeat: &Heartbeat) -> Timestamp {
    let allowed = heartbeat.every.saturating_add(heartbeat.grace);
    last.saturating_add(allowed).unwrap_or(Timestamp::MAX)
}
