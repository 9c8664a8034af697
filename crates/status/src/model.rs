//! The words of a status page as data: components, incidents with their updates, impact types,
//! severities, generations of phases.
//!
//! These types are also the documents that the store keeps and that an export contains; fields are
//! added with a default and never change their meaning.

use std::collections::{BTreeMap, BTreeSet};

use lotse_core::id::{ComponentId, ImpactTypeId, IncidentId};
use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The severity of planned work.
pub const MAINTENANCE: u8 = 0;
/// The worst severity.
pub const WORST: u8 = 100;

/// Something that users of the cloud use, for example the compute API of a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Identity.
    pub id: ComponentId,
    /// What people call it; may be missing in what other programs made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Free words about it; `region`, `group` and `order` order the page.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The audiences that see it; everybody when it names none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub audiences: BTreeSet<String>,
}

impl Component {
    /// A component for everybody without labels.
    pub const fn new(id: ComponentId, name: Option<String>) -> Self {
        Self { id, name, labels: BTreeMap::new(), audiences: BTreeSet::new() }
    }

    /// What people call it, or the id.
    pub fn title(&self) -> String {
        self.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| self.id.to_string())
    }

    /// Where it stands on the page: its region and its group.
    pub fn place(&self) -> String {
        let parts: Vec<_> = ["region", "group"].iter().filter_map(|key| self.label(key)).collect();
        parts.join(" · ")
    }

    /// Its number among the others: the label `order`, and after all of these who has none.
    pub fn order(&self) -> u32 {
        self.label("order").and_then(|number| number.parse().ok()).unwrap_or(u32::MAX)
    }

    /// A label, if it says something.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// How an incident touches a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impact {
    /// The component.
    pub component: ComponentId,
    /// In which way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ImpactTypeId>,
    /// How badly, 0 ([`MAINTENANCE`]) to 100 ([`WORST`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<u8>,
}

/// A phase of an incident: a place in a generation of the list of phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseRef {
    /// The generation, from 1.
    pub generation: u32,
    /// The place in its list, from 0.
    pub order: u32,
}

/// Something that touched components for some time: trouble, or planned work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Identity; its permalink never changes.
    pub id: IncidentId,
    /// Its headline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it touches.
    #[serde(default)]
    pub affects: Vec<Impact>,
    /// When it began; unknown in what some other programs made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Timestamp>,
    /// When it ended, or is planned to end; open without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Where its handling stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<PhaseRef>,
    /// What was learned from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postmortem: Option<Postmortem>,
    /// Which recurring maintenance it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<Occurrence>,
    /// The number of its next update. Numbers are never used twice.
    #[serde(default)]
    pub next_update: u32,
    /// How often it changed, its updates included: the sequence number of calendars.
    #[serde(default)]
    pub sequence: u32,
    /// When it was written down.
    pub created: Timestamp,
    /// When it, or one of its updates, was changed last.
    pub changed: Timestamp,
}

impl Incident {
    /// An incident of which nothing is said yet, written down at this time.
    pub const fn new(id: IncidentId, now: Timestamp) -> Self {
        Self {
            id,
            name: None,
            description: None,
            affects: Vec::new(),
            began: None,
            ended: None,
            phase: None,
            postmortem: None,
            occurrence: None,
            next_update: 0,
            sequence: 0,
            created: now,
            changed: now,
        }
    }

    /// Whether it is planned work: one of its impacts has the severity of maintenance.
    pub fn is_maintenance(&self) -> bool {
        self.affects.iter().any(|impact| impact.severity == Some(MAINTENANCE))
    }

    /// The worst severity among its impacts; 0 for planned work, nothing when nobody said.
    pub fn severity(&self) -> Option<u8> {
        self.affects.iter().filter_map(|impact| impact.severity).max()
    }

    /// Whether it is going on at this time: from its beginning (since ever, when nobody knows it) to
    /// right before its end.
    pub fn is_active(&self, at: Timestamp) -> bool {
        self.began.is_none_or(|began| began <= at) && self.ended.is_none_or(|ended| at < ended)
    }

    /// Whether it lies in the closed window, touching counts. Without a beginning, its end has to.
    pub fn overlaps(&self, start: Timestamp, end: Timestamp) -> bool {
        match (self.began, self.ended) {
            (Some(began), ended) => began <= end && ended.is_none_or(|ended| ended >= start),
            (None, Some(ended)) => start <= ended && ended <= end,
            (None, None) => false,
        }
    }

    /// What people call it.
    pub fn title(&self) -> &str {
        self.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(if self.is_maintenance() {
            "Maintenance"
        } else {
            "Incident"
        })
    }
}

/// What was learned from an incident, published on its page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Postmortem {
    /// What there is to read.
    pub text: String,
    /// When it was published first.
    pub published: Timestamp,
}

/// One time of a recurring maintenance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// The name of the [`crate::extra::Schedule`].
    pub schedule: String,
    /// When its rule says it begins; somebody may have moved it since.
    pub at: Timestamp,
}

/// A message about an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Its number within the incident, from 0.
    pub order: u32,
    /// Its headline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was, or is said to have been, written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// A way in which incidents touch components, for example "slow" or "data at risk".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImpactType {
    /// Identity.
    pub id: ImpactTypeId,
    /// What people call it.
    pub name: String,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A month that was closed: billing was told how available everything was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// `YYYY-MM`.
    pub month: String,
    /// How planned work was counted.
    pub policy: crate::sla::Policy,
    /// When it was closed.
    pub at: Timestamp,
}

/// A name for severities: all up to its value, above the next smaller one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// Its name, which is its identity.
    pub name: String,
    /// The highest severity in it, 1 to 100.
    pub value: u8,
}
