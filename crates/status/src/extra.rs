//! What a page has beyond the words of the compatible API: templates, recurring maintenance, audiences,
//! and what happens at the providers that the cloud stands on.
//!
//! Each is one document under a name (or an id) that is written as a whole. Export and import carry
//! all of them.

use std::collections::BTreeSet;

use lotse_core::id::{ComponentId, ImpactTypeId, IncidentId};
use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::book::Book;
use crate::command::{IncidentFields, UpdateFields};
use crate::error::Error;
use crate::model::Impact;

/// The longest name of a document.
const LONGEST_NAME: usize = 64;

/// What somebody can begin an incident, maintenance or an update with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its name: small letters, digits, hyphens.
    pub name: String,
    /// The headline. `{components}` and `{regions}` stand for what is touched, `{began}` and `{ended}`
    /// for the times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The text, with the same words in braces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What is touched, unless somebody says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ComponentId>,
    /// In which way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ImpactTypeId>,
    /// How badly, 0 (planned) to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<u8>,
}

impl Template {
    /// The one of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn named<'a>(book: &'a Book, name: &str) -> Result<&'a Self, Error> {
        let found = book.templates.get(name).map(AsRef::as_ref);
        found.ok_or_else(|| Error::unknown("template", name))
    }

    /// What was said of an incident, and where nothing was said what the template says.
    pub fn incident(&self, book: &Book, fields: &IncidentFields) -> IncidentFields {
        let impact = |component: &ComponentId| Impact {
            component: *component,
            kind: self.kind,
            severity: self.severity,
        };
        let declared = || self.components.iter().map(impact).collect();
        let affects = fields.affects.clone().unwrap_or_else(declared);
        let filled = |text: &Option<String>| {
            let text = text.as_deref()?;
            Some(fill(text, book, &affects, (fields.began, fields.ended.flatten())))
        };
        IncidentFields {
            name: fields.name.clone().or_else(|| filled(&self.title)),
            description: fields.description.clone().or_else(|| filled(&self.text)),
            affects: Some(affects),
            ..fields.clone()
        }
    }

    /// The same for an update of an incident.
    pub fn update(&self, book: &Book, id: IncidentId, fields: &UpdateFields) -> UpdateFields {
        let incident = book.cases.get(&id).map(|case| &case.incident);
        let affects = incident.map(|incident| incident.affects.as_slice()).unwrap_or_default();
        let times = incident.map_or((None, None), |one| (one.began, one.ended));
        let filled = |text: &Option<String>| Some(fill(text.as_deref()?, book, affects, times));
        UpdateFields {
            name: fields.name.clone().or_else(|| filled(&self.title)),
            description: fields.description.clone().or_else(|| filled(&self.text)),
            ..fields.clone()
        }
    }
}

/// The text with what its words in braces stand for; other braces stay.
fn fill(
    text: &str,
    book: &Book,
    affects: &[Impact],
    (began, ended): (Option<Timestamp>, Option<Timestamp>),
) -> String {
    let touched = || affects.iter().filter_map(|impact| book.components.get(&impact.component));
    let joined = |mut words: Vec<String>| {
        let mut seen = BTreeSet::new();
        words.retain(|word| seen.insert(word.clone()));
        words.join(", ")
    };
    let time = |at: Option<Timestamp>| at.map(crate::pages::clock).unwrap_or_default();
    text.replace("{components}", &joined(touched().map(|one| one.title()).collect()))
        .replace(
            "{regions}",
            &joined(touched().filter_map(|one| one.label("region").map(str::to_owned)).collect()),
        )
        .replace("{began}", &time(began))
        .replace("{ended}", &time(ended))
}

/// Maintenance that comes again. Its occurrences are planned as maintenance of its own each, with ids
/// that follow from the name and the time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Its name: small letters, digits, hyphens.
    pub name: String,
    /// The headline of each occurrence.
    pub title: String,
    /// What each is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What each touches.
    pub components: Vec<ComponentId>,
    /// When the first one begins. All of them begin at this time of the day in `zone`.
    pub start: Timestamp,
    /// The time zone (IANA) whose clocks count; UTC when nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// How long each takes, in minutes.
    pub minutes: u32,
    /// When it comes again: a recurrence rule of iCalendar (RFC 5545, section 3.3.10), see
    /// [`crate::recur`].
    pub rule: String,
    /// Beginnings that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Timestamp>,
    /// Up to when occurrences were planned. Set by the page itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Timestamp>,
}

/// Readers who see more than everybody: components that name the audience are shown to it only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audience {
    /// Its name: small letters, digits, hyphens.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The SHA-256 of the secret in the address of its page, 64 hexadecimal digits; without one there
    /// is no such address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The groups at the identity provider whose people see its page after signing in.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
}

/// Something at a provider that the cloud stands on: shown beside our own incidents, never counted
/// with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Identity.
    pub id: IncidentId,
    /// Whose it is.
    pub provider: String,
    /// Its headline.
    pub title: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Where the provider tells more (`https:` or `http:`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<url::Url>,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What of ours may be touched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ComponentId>,
}

impl Upstream {
    /// Whether it is going on at this time.
    pub fn is_active(&self, at: Timestamp) -> bool {
        self.began <= at && self.ended.is_none_or(|ended| at < ended)
    }
}

/// One of these documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extra {
    /// A template.
    Template(Template),
    /// Recurring maintenance.
    Schedule(Schedule),
    /// An audience.
    Audience(Audience),
    /// Something at a provider.
    Upstream(Upstream),
}

/// Which of these documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtraKey {
    /// A template.
    Template(String),
    /// Recurring maintenance.
    Schedule(String),
    /// An audience.
    Audience(String),
    /// Something at a provider.
    Upstream(IncidentId),
}

impl Extra {
    /// Which one it is.
    pub fn key(&self) -> ExtraKey {
        match self {
            Self::Template(one) => ExtraKey::Template(one.name.clone()),
            Self::Schedule(one) => ExtraKey::Schedule(one.name.clone()),
            Self::Audience(one) => ExtraKey::Audience(one.name.clone()),
            Self::Upstream(one) => ExtraKey::Upstream(one.id),
        }
    }
}

impl ExtraKey {
    /// Its kind, in one word: in the store and in the audit log.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Template(_) => "template",
            Self::Schedule(_) => "schedule",
            Self::Audience(_) => "audience",
            Self::Upstream(_) => "upstream",
        }
    }

    /// Its name within the kind.
    pub fn name(&self) -> String {
        match self {
            Self::Template(name) | Self::Schedule(name) | Self::Audience(name) => name.clone(),
            Self::Upstream(id) => id.to_string(),
        }
    }

    /// Whether there is such a document in the book.
    pub fn is_in(&self, book: &Book) -> bool {
        match self {
            Self::Template(name) => book.templates.contains_key(name),
            Self::Schedule(name) => book.schedules.contains_key(name),
            Self::Audience(name) => book.audiences.contains_key(name),
            Self::Upstream(id) => book.upstream.contains_key(id),
        }
    }
}

/// Refuses a name that cannot stand in an address.
///
/// # Errors
/// It is empty, longer than 64 characters, or has others than small letters, digits and hyphens.
pub fn check_name(name: &str) -> Result<(), Error> {
    let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_fine) {
        let reason = "a name has 1 to 64 small letters, digits and hyphens";
        return Err(Error::invalid("name", reason));
    }
    Ok(())
}
