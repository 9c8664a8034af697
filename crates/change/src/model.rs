//! A change and its states.

use std::collections::BTreeMap;

use lotse_core::change::{Document, Policy};
use lotse_core::id::ChangeId;
use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Where a change is on its way.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for people.
    Proposed,
    /// It is to be made good.
    Approved,
    /// It is being made good.
    Applying,
    /// The last attempt failed; the next activation tries again.
    Failed,
    /// It is in place.
    Applied,
    /// A person said no.
    Rejected,
    /// Other steps are needed; another change took its place.
    Superseded,
    /// The difference went away by itself.
    Withdrawn,
}

impl State {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Proposed,
        Self::Approved,
        Self::Applying,
        Self::Failed,
        Self::Applied,
        Self::Rejected,
        Self::Superseded,
        Self::Withdrawn,
    ];

    /// The word in JSON, in the database and on pages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Applying => "applying",
            Self::Failed => "failed",
            Self::Applied => "applied",
            Self::Rejected => "rejected",
            Self::Superseded => "superseded",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Whether the change can still come about.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Proposed | Self::Approved | Self::Applying | Self::Failed)
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl std::str::FromStr for State {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|state| state.word() == word);
        found.ok_or_else(|| format!("\"{word}\" is no state of a change"))
    }
}

/// A person's agreement.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub person: String,
    /// When.
    pub at: Timestamp,
    /// What they wrote to it; may be empty.
    pub note: String,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Its id.
    pub id: ChangeId,
    /// The capability, for example `images`.
    pub capability: String,
    /// The cloud, by its name in `clouds.yaml`.
    pub cloud: String,
    /// The task that makes it good.
    pub task: String,
    /// Where it is on its way.
    pub state: State,
    /// The policy under which it was found.
    pub policy: Policy,
    /// Why a person must consent whatever the policy, if so.
    pub consent: Option<String>,
    /// What is to be done.
    pub document: Document,
    /// Names exactly these steps; who approves says which ones they saw.
    pub digest: String,
    /// How many people must approve.
    pub approvals_needed: u32,
    /// Who approved.
    pub approvals: Vec<Approval>,
    /// When it was proposed.
    pub proposed: Timestamp,
    /// Who proposed it.
    pub proposed_by: String,
    /// How often it was attempted.
    pub attempts: u32,
    /// When it came to its end, or the last attempt did.
    pub ended: Option<Timestamp>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// What became of it, one line.
    pub outcome: Option<String>,
    /// Ids under which the APIs logged its requests.
    pub request_ids: Vec<String>,
    /// The report of the last attempt.
    pub report: Option<Value>,
}

/// A change in short, for lists: without its steps and its report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Its id.
    pub id: ChangeId,
    /// The capability, for example `images`.
    pub capability: String,
    /// The cloud, by its name in `clouds.yaml`.
    pub cloud: String,
    /// The task that makes it good.
    pub task: String,
    /// Where it is on its way.
    pub state: State,
    /// Why a person must consent whatever the policy, if so.
    pub consent: Option<String>,
    /// How many steps of which action.
    pub counts: BTreeMap<String, u32>,
    /// How many people must approve.
    pub approvals_needed: u32,
    /// How many have.
    pub approvals: u32,
    /// When it was proposed.
    pub proposed: Timestamp,
    /// Who proposed it.
    pub proposed_by: String,
    /// When it came to its end, or the last attempt did.
    pub ended: Option<Timestamp>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// What became of it, one line.
    pub outcome: Option<String>,
}

/// How many steps of which action a document has.
pub fn counts(document: &Document) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for step in &document.steps {
        *counts.entry(step.action.clone()).or_insert(0) += 1;
    }
    counts
}

/// The counts as people read them, for example `2 create, 1 update`.
pub fn in_words(counts: &BTreeMap<String, u32>) -> String {
    let words: Vec<_> = counts.iter().map(|(action, count)| format!("{count} {action}")).collect();
    if words.is_empty() { "no steps".to_owned() } else { words.join(", ") }
}

impl Change {
    /// Whether a person has consented to what the plan needs consent for.
    pub fn has_consent(&self) -> bool {
        self.consent.is_some() && self.has_enough_approvals()
    }

    /// Whether enough people have approved.
    pub fn has_enough_approvals(&self) -> bool {
        self.approvals.len() >= self.approvals_needed as usize
    }

    /// What its events and deeds are about, for example `prod/images`.
    pub fn subject(&self) -> String {
        format!("{}/{}", self.cloud, self.capability)
    }
}

/// The digest of a document: SHA-256 (hexadecimal) over the JSON of what its steps do, in their
/// order. Reasons and notes are not part of it.
pub fn digest(document: &Document) -> String {
    let mut hash = Sha256::new();
    for step in &document.steps {
        let what = (&step.id, &step.action, &step.kind, &step.name, &step.changes);
        let text = serde_json::to_vec(&what).unwrap_or_default();
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use lotse_core::change::DocumentStep;

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
    fn the_digest_follows_what_is_done_and_not_why() {
        let step = |name: &str, reason: &str| DocumentStep {
            id: name.to_owned(),
            action: "create".to_owned(),
            kind: "image".to_owned(),
            name: name.to_owned(),
            changes: Vec::new(),
            reason: reason.to_owned(),
        };
        let of = |steps: &[DocumentStep]| {
            digest(&Document { steps: steps.to_vec(), notes: vec!["note".to_owned()] })
        };
        assert_eq!(of(&[step("a", "x")]), of(&[step("a", "y")]));
        assert_ne!(of(&[step("a", "x")]), of(&[step("b", "x")]));
        assert_ne!(of(&[step("a", "x"), step("b", "x")]), of(&[step("b", "x"), step("a", "x")]));
        assert_ne!(of(&[]), of(&[step("a", "x")]));
    }
}
