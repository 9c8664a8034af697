//! One image, desired and observed: the fields that differ.

use std::collections::BTreeSet;

use lotse_plan::Change;
use serde_json::Value;

use super::desired::{Desired, Exposure};
use super::retention::Fate;
use crate::model::{DeclaredStatus, Image, ImageStatus};
use crate::operation::{Patch, StatusChange};
use crate::options::Options;
use crate::{IMPORT_STATE, PINNED};

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

    /// The end of a rollback.
    pub(super) fn unpin(&mut self, image: &Image) {
        if image.property(PINNED).is_some_and(|from| !from.is_empty()) {
            self.property(image, PINNED, "");
        }
    }

    /// A change of the status.
    pub(super) fn status(&mut self, image: &Image, change: StatusChange) {
        let after = match change {
            StatusChange::Deactivate => "deactivated",
            StatusChange::Reactivate => "active",
        };
        self.changes.push(Change::new("status", image.status.as_str(), after));
        self.status = Some(change);
    }
}

/// Everything in which a complete image differs from what it shall be. Undeclared properties are
/// left alone.
pub(super) fn compare(desired: &Desired<'_>, image: &Image) -> Difference {
    let mut difference = Difference::default();
    difference.field("name", image.name.as_str(), desired.name.as_str());
    if !desired.version.restored {
        let needed = image.needed_disk().unwrap_or(0);
        if image.needed_disk().is_some() || desired.definition.min_disk.is_some() {
            let min_disk = desired.definition.min_disk.unwrap_or(0).max(needed);
            difference.field("min_disk", image.min_disk, min_disk);
        }
        if let Some(min_ram) = desired.definition.min_ram {
            difference.field("min_ram", image.min_ram, min_ram);
        }
        difference.field("tags", list(&image.tags), list(&desired.tags));
    }
    for (key, value) in &desired.properties {
        difference.property(image, key, value);
    }
    if !desired.properties.contains_key(PINNED) {
        difference.unpin(image);
    }
    if image.is_pending() {
        difference.patch.push(Patch::set(IMPORT_STATE, "done"));
    }
    exposure(&mut difference, desired, image);
    if let Some(hidden) = desired.hidden {
        difference.field("os_hidden", image.os_hidden, hidden);
    }
    difference
}

/// Who sees the image, and whether it can be used.
fn exposure(difference: &mut Difference, desired: &Desired<'_>, image: &Image) {
    let exact = desired.exposure == Exposure::Held || image.is_pending();
    let lower = desired.exposure == Exposure::Capped
        && desired.visibility.openness() < image.visibility.openness();
    if image.is_pending() && image.visibility == desired.visibility {
        // A boot test ends with a private image, whatever it was when this was planned.
        difference.patch.push(Patch::replace("visibility", desired.visibility.as_str()));
    }
    if exact || lower {
        difference.field("visibility", image.visibility.as_str(), desired.visibility.as_str());
    }
    match (desired.status, image.status) {
        (DeclaredStatus::Deactivated, ImageStatus::Active) => {
            difference.status(image, StatusChange::Deactivate);
        }
        (DeclaredStatus::Active, ImageStatus::Deactivated) if exact => {
            difference.status(image, StatusChange::Reactivate);
        }
        _ => {}
    }
}

/// What differs in a superseded image that no declared version is: what becomes of it, and nothing
/// else.
pub(super) fn retired(difference: &mut Difference, image: &Image, fate: &Fate, options: &Options) {
    difference.unpin(image);
    if fate.hide {
        let hidden = options.retirement.hidden(image.visibility);
        difference.field("visibility", image.visibility.as_str(), hidden.as_str());
        if options.retirement.use_os_hidden {
            difference.field("os_hidden", image.os_hidden, true);
        }
    }
    if fate.deactivate && image.status == ImageStatus::Active {
        difference.status(image, StatusChange::Deactivate);
    }
}

fn list(tags: &BTreeSet<String>) -> Value {
    tags.iter().cloned().map(Value::String).collect()
}
