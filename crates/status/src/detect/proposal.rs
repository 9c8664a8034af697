//! Proposals: drafts of incidents that machines suggest.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use lotse_core::id::{ComponentId, IncidentId};
use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::measure::Measure;

/// The id of a proposal, which becomes the id of its incident.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProposalId(IncidentId);

impl ProposalId {
    /// A fresh id.
    pub fn generate() -> Self {
        Self(IncidentId::generate())
    }

    /// An id with this value.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(IncidentId::from_uuid(uuid))
    }

    /// The incident that it becomes.
    pub const fn incident(self) -> IncidentId {
        self.0
    }
}

impl fmt::Display for ProposalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ProposalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProposalId({})", self.0)
    }
}

impl FromStr for ProposalId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Where a proposal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits for a person, or for its veto time to pass.
    Open,
    /// A person confirmed it: there is an incident.
    Confirmed,
    /// Nobody dismissed it in time: there is an incident.
    Published,
    /// A person dismissed it; the same trouble is not proposed again until it was over.
    Dismissed,
    /// The trouble was over before anybody decided.
    Withdrawn,
    /// A wider proposal, or an incident that a person opened, has what it said.
    Absorbed,
}

impl State {
    /// Its name in pages, documents and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Confirmed => "confirmed",
            Self::Published => "published",
            Self::Dismissed => "dismissed",
            Self::Withdrawn => "withdrawn",
            Self::Absorbed => "absorbed",
        }
    }
}

/// What the public would read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The headline.
    pub name: String,
    /// The text.
    pub text: String,
    /// What is touched, and how badly.
    pub affects: BTreeMap<ComponentId, u8>,
}

/// What speaks for a proposal. Never for the public.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Which monitor.
    pub source: String,
    /// About what.
    pub key: String,
    /// In one line.
    pub title: String,
    /// How bad.
    pub severity: u8,
    /// Since when.
    pub since: Timestamp,
    /// What led to it.
    pub detail: Value,
}

impl Evidence {
    /// What a measure says.
    pub(super) fn of(measure: &Measure) -> Self {
        Self {
            source: measure.source.clone(),
            key: measure.key.clone(),
            title: measure.title.clone(),
            severity: measure.severity,
            since: measure.since,
            detail: measure.evidence.clone(),
        }
    }
}

/// Who decided, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Who; `rule` when nobody did.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they wrote to it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A draft of an incident that a machine suggests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Identity.
    pub id: ProposalId,
    /// What it is about: `component=ID`, or a label like `region=west`.
    pub scope: String,
    /// Where it stands.
    pub state: State,
    /// What is measured to be touched, and how badly at worst.
    pub measured: BTreeMap<ComponentId, u8>,
    /// What the public would read.
    pub draft: Draft,
    /// Whether a person wrote the draft; machines leave it alone then.
    #[serde(default)]
    pub is_edited: bool,
    /// When the trouble began.
    pub began: Timestamp,
    /// When it was proposed.
    pub opened: Timestamp,
    /// When it is published unless somebody dismisses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_at: Option<Timestamp>,
    /// What speaks for it.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// When the trouble was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Timestamp>,
    /// Whether the incident ends by itself when the trouble is over.
    #[serde(default)]
    pub closes: bool,
    /// Whether there is something to do on the page that was not done yet.
    #[serde(default)]
    pub is_pending: bool,
}

impl Proposal {
    /// Whether its trouble goes on.
    pub const fn is_live(&self) -> bool {
        self.over.is_none()
    }

    /// Whether somebody, or a rule, has decided.
    pub const fn is_decided(&self) -> bool {
        matches!(self.state, State::Confirmed | State::Published | State::Dismissed)
    }

    /// Whether there is, or will be, an incident of it.
    pub const fn is_declared(&self) -> bool {
        matches!(self.state, State::Confirmed | State::Published)
    }
}
