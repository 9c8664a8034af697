//! One image, desired and observed: the fields that differ.

use std::collections::BTreeSet;

use lotse_plan::Change;
use serde_json::Value;

use super::desired::Desired;
use crate::IMPORT_STATE;
use crate::model::{DeclaredStatus, Image, ImageStatus};
use crate::operation::{Patch, StatusChange};

/// What differs.
#[derive(Clone, Debug, Default)]
pub(super) struct Difference {
    pub(super) changes: Vec<Change>,
    pub(super) patch: Vec<Patch>,
    pub(super) status: Option<StatusChange>,
}

impl Difference {
    pub(super) fn is_empty(&self) -> bool {
        self.patch.is_empty() && self.status.is_none()
    }

    /// A field of the image.
    pub(super) fn field(&mut self, field: &str, before: impl Into<Value>, after: impl Into<Value>) {
        let (before, after) = (before.into(), after.into());
        if before != after {
            self.patch.push(Patch::replace(field, after.clone()));
            self.changes.push(Change::new(field, before, after));
        }
    }

    /// A property of the image.
    pub(super) fn property(&mut self, image: &Image, key: &str, after: &str) {
        let before = image.property(key);
        if before != Some(after) {
            self.patch.push(Patch::set(key, after));
            self.changes.push(Change::new(format!("properties.{key}"), before, after));
        }
    }
}

/// Everything in which a complete image differs from what it shall be. Undeclared properties are
/// left alone.
pub(super) fn compare(desired: &Desired<'_>, image: &Image) -> Difference {
    let mut difference = Difference::default();
    difference.field("name", image.name.as_str(), desired.name.as_str());
    let needed = image.needed_disk().unwrap_or(0);
    if image.needed_disk().is_some() || desired.definition.min_disk.is_some() {
        let min_disk = desired.definition.min_disk.unwrap_or(0).max(needed);
        difference.field("min_disk", image.min_disk, min_disk);
    }
    if let Some(min_ram) = desired.definition.min_ram {
        difference.field("min_ram", image.min_ram, min_ram);
    }
    difference.field("tags", list(&image.tags), list(&desired.tags));
    for (key, value) in &desired.properties {
        difference.property(image, key, value);
    }
    if image.is_pending() {
        difference.patch.push(Patch::set(IMPORT_STATE, "done"));
    }
    if desired.exposure_held || image.is_pending() {
        difference.field("visibility", image.visibility.as_str(), desired.visibility.as_str());
        difference.status = match (desired.status, image.status) {
            (DeclaredStatus::Deactivated, ImageStatus::Active) => Some(StatusChange::Deactivate),
            (DeclaredStatus::Active, ImageStatus::Deactivated) => Some(StatusChange::Reactivate),
            _ => None,
        };
    }
    if let Some(change) = difference.status {
        let after = match change {
            StatusChange::Deactivate => "deactivated",
            StatusChange::Reactivate => "active",
        };
        difference.changes.push(Change::new("status", image.status.as_str(), after));
    }
    if let Some(hidden) = desired.hidden {
        difference.field("os_hidden", image.os_hidden, hidden);
    }
    difference
}

fn list(tags: &BTreeSet<String>) -> Value {
    tags.iter().cloned().map(Value::String).collect()
}
