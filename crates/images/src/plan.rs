//! The pure heart: what is declared and what is there become a plan.
//!
//! For each version of each definition the image that holds it is found by what the image itself
//! records. It is there: the fields that differ become one step. It is not there: it is imported
//! under its working name (`Name (version)`), invisible to others. Where nobody bears the final name,
//! the import itself makes it visible. Otherwise the definition *rotates*, in three steps, so that
//! there are never two visible images of one name, and none only between two requests:
//!
//! ```text
//! import (long; the old image serves)  →  retire: the old one is renamed  →  publish: the new one gets the name
//! ```
//!
//! Every step leaves a state from which the next plan goes on. What is declared and not handled yet
//! stands in the plan as a note. Nothing is destroyed.

use std::collections::{HashMap, HashSet};

use lotse_plan::{Action, Change, Note, NoteKind, Plan, PlanBuilder, PlanError, Step, StepId};
use serde_json::Value;

use crate::declare::{Catalog, LATEST};
use crate::model::{Definition, HashAlgorithm, Image, Scheme, Version};
use crate::observe::Observed;
use crate::operation::{Import, Operation, Patch, StatusChange, Target, Update};
use crate::options::Options;
use crate::{IMPORT_STATE, KIND};

mod assign;
mod compare;
mod desired;

use assign::{Family, busy, families, retired_name};
use compare::{Difference, compare};
use desired::{Desired, is_same_generic};

/// Plans one cloud.
///
/// # Errors
/// Only for a defect of the planner: two steps of one name, or a cycle.
pub fn plan(
    catalog: &Catalog,
    observed: &Observed,
    options: &Options,
) -> Result<Plan<Operation>, PlanError> {
    let families = families(catalog, &observed.images);
    let declared = catalog.definitions.iter().flat_map(|definition| {
        definition.versions.iter().map(|version| definition.final_name(&version.version))
    });
    let mut planner = Planner {
        options,
        observed,
        names: observed.images.iter().map(|image| image.name.clone()).chain(declared).collect(),
        plan: Plan::builder(observed.cloud.clone()),
    };
    planner.plan.observed(KIND, observed.images.len());
    for (definition, family) in catalog.definitions.iter().zip(&families.families) {
        if definition.enabled {
            planner.definition(definition, family);
        }
    }
    planner.strays(&families.strays);
    planner.plan.build()
}

struct Planner<'a> {
    options: &'a Options,
    observed: &'a Observed,
    /// Names that our images bear, or are to bear.
    names: HashSet<String>,
    plan: PlanBuilder<Operation>,
}

/// A declared version with the image that holds it.
struct Slot<'a> {
    desired: Desired<'a>,
    holder: Option<&'a Image>,
}

impl Slot<'_> {
    fn is_held_by(&self, image: &Image) -> bool {
        self.holder.is_some_and(|holder| holder.id == image.id)
    }
}

impl Planner<'_> {
    fn note(&mut self, kind: NoteKind, name: &str, text: impl Into<String>) {
        self.plan.note(Note::new(kind, format!("{KIND}/{name}"), text));
    }

    fn definition(&mut self, definition: &Definition, family: &Family<'_>) {
        let mut slots = Vec::new();
        for version in &definition.versions {
            let name = definition.final_name(&version.version);
            if let Some(reason) = not_handled(version) {
                self.note(NoteKind::NotHandled, &name, reason);
                // Whoever follows upstream keeps the plain name; nothing of it is touched.
                if version.version == LATEST {
                    return;
                }
                continue;
            }
            let desired = Desired::of(definition, version, self.options);
            let (holder, surplus) = family.holders(&desired);
            for image in surplus {
                let text = format!(
                    "the image {} holds the version {}, too; it is left alone",
                    image.id, version.version
                );
                self.note(NoteKind::Warning, &name, text);
            }
            if !self.is_blocked(&desired, holder) {
                slots.push(Slot { desired, holder });
            }
        }
        self.leftovers(definition, family, &slots);
        // The newest first: whoever gives the plain name away waits for its import.
        let mut gate = None;
        for position in (0..slots.len()).rev() {
            gate = self.version(&slots, position, family, gate.as_ref()).or(gate);
        }
    }

    /// Plans one version. Returns its import, if it takes the name of another image.
    fn version(
        &mut self,
        slots: &[Slot<'_>],
        position: usize,
        family: &Family<'_>,
        gate: Option<&StepId>,
    ) -> Option<StepId> {
        let slot = slots.get(position)?;
        let Slot { desired, holder } = slot;
        let bearers = family.bearing(&desired.name);
        let bearers: Vec<&Image> =
            bearers.into_iter().filter(|image| !slot.is_held_by(image)).collect();
        let complete = holder.filter(|image| !image.is_pending());
        if let Some(reason) = complete.and_then(busy) {
            self.note(NoteKind::Waiting, &desired.name, format!("its image {reason}"));
            return None;
        }
        if let Some(image) =
            complete.filter(|image| bearers.is_empty() || image.name == desired.name)
        {
            self.duplicates(desired, &bearers);
            let gives_away = image.name == desired.definition.name && image.name != desired.name;
            self.update(desired, image, gate.filter(|_| gives_away));
            return None;
        }
        if bearers.is_empty() {
            self.obtain(desired, *holder, true);
            return None;
        }
        let import = complete.is_none().then(|| self.obtain(desired, *holder, false));
        let target = match (holder, &import) {
            (None, Some(import)) => Target::ImportedBy(import.clone()),
            (Some(image), _) => Target::Image(image.id.clone()),
            (None, None) => return None,
        };
        let mut ways = import.clone().into_iter().collect::<Vec<_>>();
        for bearer in bearers {
            match slots.iter().position(|other| other.is_held_by(bearer)) {
                // Its own step renames it, among its other changes. Only newer ones wait for older
                // ones: so there is no circle.
                Some(other) if other < position && !bearer.is_pending() => {
                    ways.push(update_step(&slots[other].desired.name));
                }
                Some(_) => {}
                None => ways.push(self.retire(desired, bearer, import.as_ref())),
            }
        }
        self.publish(desired, *holder, target, &ways);
        import
    }

    /// Whether somebody else's image bears a name that we would have to take.
    fn is_blocked(&mut self, desired: &Desired<'_>, holder: Option<&Image>) -> bool {
        if holder.is_some_and(|image| image.name == desired.name) {
            return false;
        }
        let Some(foreign) = self.observed.foreign.iter().find(|image| image.name == desired.name)
        else {
            return false;
        };
        let text = format!(
            "an image of this name, {}, does not carry the tag \"{}\" and so is not ours; it is left alone, \
             and ours waits until the name is free",
            foreign.id, self.options.tag
        );
        self.note(NoteKind::Warning, &desired.name, text);
        true
    }

    fn duplicates(&mut self, desired: &Desired<'_>, bearers: &[&Image]) {
        for image in bearers {
            let text = format!("the image {} bears the same name; it is left alone", image.id);
            self.note(NoteKind::Warning, &desired.name, text);
        }
    }

    /// Plans the import of an image, or the end of one that was begun.
    fn obtain(
        &mut self,
        desired: &Desired<'_>,
        pending: Option<&Image>,
        publish_at_once: bool,
    ) -> StepId {
        self.import_notes(desired);
        let import = desired.import(publish_at_once);
        let id = StepId::of(KIND, &desired.working_name, "import");
        let step = if let Some(image) = pending {
            let mut changes =
                vec![Change::new("status", image.status.as_str(), desired_status(desired))];
            if publish_at_once && image.name != desired.name {
                changes.push(Change::new("name", image.name.as_str(), desired.name.as_str()));
            }
            let operation = Operation::Resume { id: image.id.clone(), import };
            Step::new(id.clone(), Action::Update, KIND, &desired.name, operation)
                .because("an import that was begun is not finished")
                .changing(changes)
        } else {
            let changes = created(&import, desired);
            let name = import.publish.as_ref().map_or(&desired.working_name, |_| &desired.name);
            let reason = format!("no image holds the version {}", desired.version.version);
            Step::new(id.clone(), Action::Create, KIND, name, Operation::Import(import))
                .because(reason)
                .changing(changes)
        };
        self.plan.step(step);
        id
    }

    /// Plans the fields of a complete image.
    fn update(&mut self, desired: &Desired<'_>, image: &Image, after: Option<&StepId>) {
        self.content_note(desired, image);
        let difference = compare(desired, image);
        if difference.is_empty() {
            return;
        }
        let reason = format!("declared in {}", desired.version.origin);
        let mut step = self.update_of(
            update_step(&desired.name),
            &desired.name,
            Target::Image(image.id.clone()),
            difference,
        );
        step = step.because(reason);
        if let Some(gate) = after {
            step = step.after(gate.clone());
        }
        self.plan.step(step);
    }

    /// Plans that a superseded image gives its name away.
    fn retire(&mut self, desired: &Desired<'_>, image: &Image, after: Option<&StepId>) -> StepId {
        let (name, relabel) = retired_name(desired.definition, image, &self.names);
        let mut difference = Difference::default();
        difference.field("name", image.name.as_str(), name.as_str());
        if let Some(label) = relabel {
            difference.property(image, "internal_version", &label);
        }
        let visible = desired.visibility.is_open() && desired.hidden != Some(true);
        if visible && is_same_generic(&image.properties, &desired.properties) {
            difference.property(image, "os_purpose", "oldgeneric");
        }
        // The id tells two retired images of one name apart.
        let id = StepId::of(KIND, &format!("{name} {}", image.id), "retire");
        let mut step = self
            .update_of(id.clone(), &name, Target::Image(image.id.clone()), difference)
            .because(format!("the version {} takes its name", desired.version.version));
        if let Some(after) = after {
            step = step.after(after.clone());
        }
        self.plan.step(step);
        id
    }

    /// Plans that a complete image takes its final name and becomes visible.
    fn publish(
        &mut self,
        desired: &Desired<'_>,
        holder: Option<&Image>,
        target: Target,
        after: &[StepId],
    ) {
        let difference = match holder {
            Some(image) => compare(desired, image),
            None => published(desired),
        };
        let id = update_step(&desired.name);
        let mut step = self
            .update_of(id, &desired.name, target, difference)
            .because(format!("the version {} is the newest one", desired.version.version));
        for way in after {
            step = step.after(way.clone());
        }
        self.plan.step(step);
    }

    fn update_of(
        &self,
        id: StepId,
        name: &str,
        target: Target,
        difference: Difference,
    ) -> Step<Operation> {
        let Difference { changes, patch, status } = difference;
        let update = Update { target, tag: self.options.tag.clone(), patch, status };
        Step::new(id, Action::Update, KIND, name, Operation::Update(update)).changing(changes)
    }

    /// What should be known before an import.
    fn import_notes(&mut self, desired: &Desired<'_>) {
        let source = desired.version.source();
        if let Some(ending) = source.compression() {
            let text = format!(
                "the content is compressed ({ending}), and Glance stores it as it is; \
                 give a mirror_url with the plain image"
            );
            self.note(NoteKind::Warning, &desired.name, text);
        }
        let text = match desired.version.checksum.as_ref().map(|checksum| checksum.algorithm) {
            Some(HashAlgorithm::Sha512 | HashAlgorithm::Md5) => return,
            Some(algorithm) => format!(
                "Glance downloads the content and knows no {} of it, so the checksum is not verified; declare a sha512",
                algorithm.as_str()
            ),
            None => "no checksum is declared, so the content is not verified".to_owned(),
        };
        self.note(NoteKind::Warning, &desired.name, text);
    }

    /// Content that contradicts its label: nothing is relabelled, and nobody is kept in the dark.
    fn content_note(&mut self, desired: &Desired<'_>, image: &Image) {
        let Some(checksum) = &desired.version.checksum else { return };
        let converted = image.disk_format.as_ref() != Some(&desired.definition.format);
        let found = match checksum.algorithm {
            HashAlgorithm::Sha512 if image.os_hash_algo.as_deref() == Some("sha512") => {
                image.os_hash_value.as_deref()
            }
            HashAlgorithm::Md5 => image.checksum.as_deref(),
            _ => None,
        };
        if let Some(found) = found.filter(|found| *found != checksum.digest && !converted) {
            let text = format!(
                "the image {} says that it is version {}, but its {} is {found}, not the declared {}; \
                 declare another version to replace it",
                image.id,
                desired.version.version,
                checksum.algorithm.as_str(),
                checksum.digest
            );
            self.note(NoteKind::Warning, &desired.name, text);
        }
    }

    /// Images of the definition that hold no declared version.
    fn leftovers(&mut self, definition: &Definition, family: &Family<'_>, slots: &[Slot<'_>]) {
        let held = |image: &Image| slots.iter().any(|slot| slot.is_held_by(image));
        // Who bears a name that a version takes is retired, and so spoken of already.
        let retired = |image: &Image| slots.iter().any(|slot| slot.desired.name == image.name);
        let left: Vec<&str> = family
            .members
            .iter()
            .filter(|image| !(held(image) || (image.status.is_complete() && retired(image))))
            .map(|image| image.name.as_str())
            .collect();
        if left.is_empty() {
            return;
        }
        let text = format!(
            "{} hold no declared version; retention (uuid_validity) is not handled yet, they are left alone",
            quoted(&left)
        );
        self.note(NoteKind::NotHandled, &definition.name, text);
    }

    fn strays(&mut self, strays: &[&Image]) {
        if strays.is_empty() {
            return;
        }
        let mut names: Vec<&str> = strays.iter().map(|image| image.name.as_str()).collect();
        names.sort_unstable();
        let text = format!(
            "{} carry our tag and are declared nowhere; they are left alone",
            quoted(&names)
        );
        self.note(NoteKind::NotHandled, "*", text);
    }
}

fn update_step(name: &str) -> StepId {
    StepId::of(KIND, name, "update")
}

const fn desired_status(desired: &Desired<'_>) -> &'static str {
    match desired.status {
        crate::model::DeclaredStatus::Active => "active",
        crate::model::DeclaredStatus::Deactivated => "deactivated",
    }
}

/// At most so many names are listed in a note.
const MOST_NAMES: usize = 10;

fn quoted(names: &[&str]) -> String {
    let shown: Vec<String> =
        names.iter().take(MOST_NAMES).map(|name| format!("\"{name}\"")).collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Why a version is not handled yet, if it is not.
fn not_handled(version: &Version) -> Option<&'static str> {
    if version.version == LATEST {
        return Some("the version \"latest\" is not handled yet; nothing of this image is changed");
    }
    match version.source().scheme() {
        Scheme::Http => None,
        Scheme::File => Some("files of this machine are not uploaded yet; give a URL"),
        Scheme::Ftp => Some("Glance downloads by http and https only; give a mirror_url"),
    }
}

/// The fields of an image that is created.
fn created(import: &Import, desired: &Desired<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut field =
        |field: String, value: Value| changes.push(Change::new(field, Value::Null, value));
    let publish = import.publish.as_ref();
    let name = publish.map_or(&import.name, |publish| &publish.name);
    field("name".to_owned(), name.as_str().into());
    let visibility = publish.map_or("private", |publish| publish.visibility.as_str());
    field("visibility".to_owned(), visibility.into());
    field("source".to_owned(), import.source.as_str().into());
    field("disk_format".to_owned(), import.disk_format.as_str().into());
    if let Some(min_disk) = import.min_disk {
        field("min_disk".to_owned(), min_disk.into());
    }
    field("min_ram".to_owned(), import.min_ram.into());
    if publish.is_some_and(|publish| publish.deactivate) {
        field("status".to_owned(), desired_status(desired).into());
    }
    if publish.is_some_and(|publish| publish.hidden) {
        field("os_hidden".to_owned(), true.into());
    }
    field("tags".to_owned(), import.tags.iter().cloned().collect());
    for (key, value) in &import.properties {
        field(format!("properties.{key}"), value.as_str().into());
    }
    changes
}

/// The changes that make an image visible that an earlier step of the same plan imports.
fn published(desired: &Desired<'_>) -> Difference {
    let mut difference = Difference::default();
    difference.field("name", desired.working_name.as_str(), desired.name.as_str());
    difference.field("visibility", "private", desired.visibility.as_str());
    difference.field("os_hidden", false, desired.hidden.unwrap_or(false));
    difference.patch.push(Patch::set(IMPORT_STATE, "done"));
    if desired.status == crate::model::DeclaredStatus::Deactivated {
        difference.status = Some(StatusChange::Deactivate);
        difference.changes.push(Change::new("status", "active", "deactivated"));
    }
    difference
}

/// The names that a plan for this catalogue might take and that none of our images bears: foreign
/// images may stand in the way there.
pub(crate) fn names_to_take(catalog: &Catalog, images: &[Image]) -> Vec<String> {
    let borne: HashMap<&str, &Image> =
        images.iter().map(|image| (image.name.as_str(), image)).collect();
    let mut names = Vec::new();
    for definition in catalog.enabled() {
        for version in &definition.versions {
            let name = definition.final_name(&version.version);
            if not_handled(version).is_none() && !borne.contains_key(name.as_str()) {
                names.push(name);
            }
        }
    }
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests;
