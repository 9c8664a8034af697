//! Everything on the page as one JSON document, to keep it or to move it.
//!
//! An export of what an import made is equal to what was imported, byte for byte: objects come in the
//! order of their ids, and nothing is made up on the way.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::book::{Book, Fact};
use crate::decide::check_incident;
use crate::desk::Desk;
use crate::detect::{self, History, Proposal};
use crate::error::Error;
use crate::extra::{Audience, Extra, Schedule, Template, Upstream};
use crate::model::{Band, Closed, Component, ImpactType, Incident, Update};

/// The format that this version writes and reads.
pub const FORMAT: &str = "lotse-status/1";

/// Everything on a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// [`FORMAT`].
    pub format: String,
    /// Components by id.
    pub components: Vec<Component>,
    /// Impact types by id.
    pub impact_types: Vec<ImpactType>,
    /// Names of severities by name.
    pub severities: Vec<Band>,
    /// The generations of phases, the first one first.
    pub phases: Vec<Vec<String>>,
    /// Incidents by id.
    pub incidents: Vec<Archived>,
    /// Templates by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<Template>,
    /// Recurring maintenance by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<Schedule>,
    /// Audiences by name, with the sums of their secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<Audience>,
    /// What happens at providers, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstream: Vec<Upstream>,
    /// Closed months.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<Closed>,
    /// What monitors led to, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<Proposal>,
    /// What was measured.
    #[serde(default, skip_serializing_if = "History::is_empty")]
    pub measured: History,
}

/// An incident with its updates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archived {
    /// The incident.
    pub incident: Incident,
    /// Its updates by number.
    pub updates: Vec<Update>,
}

impl Default for Archive {
    fn default() -> Self {
        Self::of(&Book::default())
    }
}

impl Archive {
    /// Everything in a book; nothing of detection.
    pub fn of(book: &Book) -> Self {
        let archived = |case: &std::sync::Arc<crate::book::Case>| Archived {
            incident: case.incident.clone(),
            updates: case.updates.values().cloned().collect(),
        };
        Self {
            format: FORMAT.to_owned(),
            components: book.components.values().map(|one| one.as_ref().clone()).collect(),
            impact_types: book.impact_types.values().map(|one| one.as_ref().clone()).collect(),
            severities: book.bands.values().cloned().collect(),
            phases: book.phases.values().map(|names| names.as_ref().clone()).collect(),
            incidents: book.cases.values().map(archived).collect(),
            templates: copied(&book.templates),
            schedules: copied(&book.schedules),
            audiences: copied(&book.audiences),
            upstream: copied(&book.upstream),
            closed: book.closed.values().cloned().collect(),
            proposals: Vec::new(),
            measured: History::default(),
        }
    }

    /// Everything on a page, and what detection knows.
    ///
    /// # Errors
    /// The state cannot be read.
    pub async fn whole(desk: &Desk) -> Result<Self, Error> {
        let (proposals, measured) = detect::recall(desk.store()).await?;
        Ok(Self { proposals, measured, ..Self::of(desk.whole().book()) })
    }

    /// Whether there is nothing of detection in it.
    pub(crate) fn is_without_detection(&self) -> bool {
        self.proposals.is_empty() && self.measured.is_empty()
    }

    /// Reads an export.
    ///
    /// # Errors
    /// It is none, or one of a later version.
    pub fn read(text: &[u8]) -> Result<Self, Error> {
        let archive: Self = serde_json::from_slice(text)
            .map_err(|error| Error::invalid("archive", error.to_string()))?;
        if archive.format != FORMAT {
            let reason = format!("the format {:?} is not known", archive.format);
            return Err(Error::invalid("archive", reason));
        }
        Ok(archive)
    }

    /// The document.
    pub fn to_json(&self) -> String {
        // All keys are texts, so this cannot fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Audiences come first: what else there is may name them.
    fn extras(&self) -> Vec<Extra> {
        let audiences = self.audiences.iter().cloned().map(Extra::Audience);
        let templates = self.templates.iter().cloned().map(Extra::Template);
        let schedules = self.schedules.iter().cloned().map(Extra::Schedule);
        let upstream = self.upstream.iter().cloned().map(Extra::Upstream);
        audiences.chain(templates).chain(schedules).chain(upstream).collect()
    }

    /// Its facts, once they make a page that could have come about.
    pub(crate) fn facts(&self) -> Result<Vec<Fact>, Error> {
        let mut facts: Vec<Fact> = Vec::new();
        facts.extend(self.components.iter().cloned().map(Fact::Component));
        facts.extend(self.impact_types.iter().cloned().map(Fact::ImpactType));
        facts.extend(self.severities.iter().cloned().map(Fact::Band));
        let generations = (1..).zip(self.phases.iter().cloned());
        facts.extend(generations.map(|(number, names)| Fact::Phases(number, names)));
        facts.extend(self.closed.iter().cloned().map(Fact::Closed));
        let extras = self.extras();
        let mut book = Book::default();
        for fact in &facts {
            book.apply(fact);
        }
        for extra in extras {
            crate::decide::check_extra(&book, &extra)?;
            if extra.key().is_in(&book) {
                return Err(Error::invalid("archive", "something is in it twice"));
            }
            facts.push(Fact::Extra(extra.clone()));
            book.apply(&Fact::Extra(extra));
        }
        for component in book.components.values() {
            crate::decide::check_audiences(&book, component)?;
        }
        let is_twice = book.components.len() != self.components.len()
            || book.impact_types.len() != self.impact_types.len()
            || book.bands.len() != self.severities.len()
            || book.closed.len() != self.closed.len();
        if is_twice {
            return Err(Error::invalid("archive", "something is in it twice"));
        }
        let mut seen = BTreeSet::new();
        for Archived { incident, updates } in &self.incidents {
            check_incident(&book, incident)?;
            let orders: BTreeSet<_> = updates.iter().map(|update| update.order).collect();
            let is_ahead = orders.last().is_some_and(|last| *last >= incident.next_update);
            if !seen.insert(incident.id) || orders.len() != updates.len() || is_ahead {
                let reason = format!("incident {} or one of its updates is wrong", incident.id);
                return Err(Error::invalid("archive", reason));
            }
            facts.push(Fact::Incident(incident.clone()));
            let told = updates.iter().cloned().map(|update| Fact::Update(incident.id, update));
            facts.extend(told);
        }
        Ok(facts)
    }
}

fn copied<K, T: Clone>(all: &std::collections::BTreeMap<K, std::sync::Arc<T>>) -> Vec<T> {
    all.values().map(|one| one.as_ref().clone()).collect()
}
