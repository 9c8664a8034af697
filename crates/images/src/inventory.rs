//! Desired and actual side by side, image by image, as the console shows them.
//!
//! One entry for each image of ours that is there, and one for each version that is declared and
//! missing. What a plan would do to an image says in which state it is.

use std::collections::HashMap;

use jiff::civil::Date;
use lotse_plan::{Change, Plan, Step};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::declare::Catalog;
use crate::model::{Definition, Image, Version};
use crate::observe::Observed;
use crate::operation::{Operation, Target};

/// How an image stands to what is declared.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is as declared.
    Converged,
    /// It is declared and not there.
    Missing,
    /// Its import has begun and is not finished.
    Importing,
    /// Fields of it differ.
    Differs,
    /// It is ours and no longer declared.
    Undeclared,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Converged, Self::Missing, Self::Importing, Self::Differs, Self::Undeclared];

    /// The word in JSON, in the database and on pages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::Missing => "missing",
            Self::Importing => "importing",
            Self::Differs => "differs",
            Self::Undeclared => "undeclared",
        }
    }
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl std::str::FromStr for Standing {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|standing| standing.word() == word);
        found.ok_or_else(|| format!("\"{word}\" is no standing of an image"))
    }
}

/// One image, there or declared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The name it bears, or is to bear.
    pub name: String,
    /// Its id; `None` while it is missing.
    pub image: Option<String>,
    /// How it stands to what is declared.
    pub standing: Standing,
    /// Where it is declared (`file:line`).
    pub declared: Option<String>,
    /// What the plan would do to it: `field`, `before`, `after`.
    pub changes: Vec<Value>,
    /// Why, one sentence.
    pub reason: String,
    /// What is there: status, visibility, size and so on; empty while it is missing.
    pub actual: serde_json::Map<String, Value>,
}

/// The images of one cloud beside what is declared, by name.
pub fn inventory<'a>(
    catalog: &'a Catalog,
    observed: &'a Observed,
    plan: &'a Plan<Operation>,
) -> Vec<Entry> {
    let declared = declared(catalog);
    let steps = by_image(plan);
    let there = observed.images.iter().map(|image| entry(image, &declared, &steps));
    let missing = plan.steps().iter().filter_map(|step| missing(step, &declared));
    let mut entries: Vec<Entry> = there.chain(missing).collect();
    entries.sort_by(|a, b| (&a.name, &a.image).cmp(&(&b.name, &b.image)));
    entries
}

type Declared<'a> = HashMap<String, (&'a Definition, &'a Version)>;

/// Every name that a declared version may bear.
fn declared(catalog: &Catalog) -> Declared<'_> {
    let versions = catalog.enabled().flat_map(|definition| {
        definition.versions.iter().map(move |version| (definition, version))
    });
    let names = versions.flat_map(|(definition, version)| {
        let names =
            [definition.working_name(&version.version), definition.final_name(&version.version)];
        names.map(|name| (name, (definition, version)))
    });
    names.collect()
}

type Steps<'a> = HashMap<&'a str, Vec<&'a Step<Operation>>>;

/// The steps that concern images that are there, by the image's id.
fn by_image(plan: &Plan<Operation>) -> Steps<'_> {
    let mut steps = Steps::new();
    for step in plan.steps() {
        let id = match &step.operation {
            Operation::Resume { id, .. } => id,
            Operation::Update(update) => match &update.target {
                Target::Image(id) => id,
                Target::ImportedBy(_) => continue,
            },
            Operation::Delete(delete) => &delete.id,
            Operation::Copy(copy) => &copy.id,
            Operation::Share(share) => &share.id,
            // What is tried out was imported, or resumed, by a step before.
            Operation::Import(_) | Operation::BootTest(_) => continue,
        };
        steps.entry(id).or_default().push(step);
    }
    steps
}

fn entry(image: &Image, declared: &Declared<'_>, steps: &Steps<'_>) -> Entry {
    let steps = steps.get(image.id.as_str()).map_or(&[][..], Vec::as_slice);
    let known = declared.get(&image.name);
    let resumed = steps.iter().any(|step| matches!(step.operation, Operation::Resume { .. }));
    let standing = match (steps.is_empty(), known) {
        _ if resumed || image.is_pending() => Standing::Importing,
        (false, _) => Standing::Differs,
        (true, Some(_)) => Standing::Converged,
        (true, None) => Standing::Undeclared,
    };
    Entry {
        name: image.name.clone(),
        image: Some(image.id.clone()),
        standing,
        declared: known.map(|(_, version)| version.origin.to_string()),
        changes: steps.iter().flat_map(|step| &step.changes).map(shown).collect(),
        reason: steps.first().map(|step| step.reason.clone()).unwrap_or_default(),
        actual: actual(image),
    }
}

/// The entry of a version that no image holds.
fn missing(step: &Step<Operation>, declared: &Declared<'_>) -> Option<Entry> {
    let Operation::Import(import) = &step.operation else { return None };
    let known = declared.get(&step.name).or_else(|| declared.get(&import.name));
    Some(Entry {
        name: step.name.clone(),
        image: None,
        standing: Standing::Missing,
        declared: known.map(|(_, version)| version.origin.to_string()),
        changes: step.changes.iter().map(shown).collect(),
        reason: step.reason.clone(),
        actual: serde_json::Map::new(),
    })
}

impl Entry {
    /// How many days ago upstream built it, or where it does not say that, it was created. `None`
    /// while it is missing.
    pub fn age_in_days(&self, today: Date) -> Option<i32> {
        today.since(self.born()?).ok().map(|age| age.get_days())
    }

    /// The day on which upstream built it, or where it does not say that, it was created.
    pub(crate) fn born(&self) -> Option<Date> {
        let build = self.actual.get("properties").and_then(|all| all.get("image_build_date"));
        let build = build.and_then(Value::as_str).and_then(|date| date.parse::<Date>().ok());
        let created = || {
            let at = self.actual.get("created_at")?.as_str()?;
            at.split('T').next()?.parse::<Date>().ok()
        };
        build.or_else(created)
    }
}

fn shown(change: &Change) -> Value {
    json!({"field": change.field, "before": change.before, "after": change.after})
}

fn actual(image: &Image) -> serde_json::Map<String, Value> {
    let facts = json!({
        "status": image.status.as_str(),
        "visibility": image.visibility.as_str(),
        "hidden": image.os_hidden,
        "owner": image.owner,
        "disk_format": image.disk_format,
        "min_disk": image.min_disk,
        "min_ram": image.min_ram,
        "size": image.size,
        "hash": image.os_hash_value,
        "created_at": image.created_at,
        "version": image.internal_version(),
        "properties": image.properties,
    });
    match facts {
        Value::Object(facts) => facts,
        _ => serde_json::Map::new(),
    }
}
