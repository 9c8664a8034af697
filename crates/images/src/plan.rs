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

use std::collections::{BTreeMap, HashMap, HashSet};

use lotse_plan::{NoteKind, Plan, PlanBuilder, PlanError, StepId};

use crate::KIND;
use crate::declare::{Catalog, LATEST};
use crate::model::{Definition, Image};
use crate::observe::Observed;
use crate::operation::{Operation, Target};
use crate::options::Options;

mod assign;
mod compare;
mod delivery;
mod desired;
mod notes;
mod steps;

use assign::{Family, busy, families};
use desired::Desired;
use steps::update_step;

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
        unverified: BTreeMap::new(),
        plan: Plan::builder(observed.cloud.clone()),
    };
    planner.plan.observed(KIND, observed.images.len());
    for (definition, family) in catalog.definitions.iter().zip(&families.families) {
        if definition.enabled {
            planner.definition(definition, family);
        }
    }
    planner.unverified();
    planner.strays(&families.strays);
    planner.plan.build()
}

struct Planner<'a> {
    options: &'a Options,
    observed: &'a Observed,
    /// Names that our images bear, or are to bear.
    names: HashSet<String>,
    /// Imports whose content Glance cannot verify, by the kind of checksum that is declared.
    unverified: BTreeMap<Option<&'static str>, Vec<String>>,
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

/// Who waits for whom within a definition.
#[derive(Default)]
struct Rotation {
    /// The import after which the plain name may be given away.
    gate: Option<StepId>,
    /// Positions of versions: the first waits for the second.
    edges: Vec<(usize, usize)>,
}

impl Rotation {
    /// Whether the version at `one` waits for that at `other`, directly or not. There are no
    /// circles, so this ends.
    fn waits(&self, one: usize, other: usize) -> bool {
        one == other || self.edges.iter().any(|&(from, to)| from == one && self.waits(to, other))
    }
}

impl Planner<'_> {
    fn definition(&mut self, definition: &Definition, family: &Family<'_>) {
        let mut slots = Vec::new();
        for version in &definition.versions {
            let name = definition.final_name(&version.version);
            if let Some(reason) = self.not_handled(version) {
                self.note(NoteKind::NotHandled, &name, reason);
                // Whoever follows upstream keeps the plain name; nothing of it is touched.
                if version.version == LATEST {
                    return;
                }
                continue;
            }
            let desired = Desired::of(definition, version, self.options);
            let (holder, surplus) = family.holders(&desired);
            self.surplus(&desired, &surplus);
            if !self.is_blocked(&desired, holder) {
                slots.push(Slot { desired, holder });
            }
        }
        self.leftovers(definition, family, &slots);
        // The newest first: whoever gives the plain name away waits for its import.
        let mut rotation = Rotation::default();
        for position in (0..slots.len()).rev() {
            self.version(&slots, position, family, &mut rotation);
        }
    }

    /// Plans one version.
    fn version(
        &mut self,
        slots: &[Slot<'_>],
        position: usize,
        family: &Family<'_>,
        rotation: &mut Rotation,
    ) {
        let Some(slot) = slots.get(position) else { return };
        let Slot { desired, holder } = slot;
        let complete = holder.filter(|image| !image.is_pending());
        if let Some(reason) = complete.and_then(busy) {
            return self.note(NoteKind::Waiting, &desired.name, format!("its image {reason}"));
        }
        let mut bearers = family.bearing(&desired.name);
        bearers.retain(|image| !slot.is_held_by(image));
        // Whoever gives the plain name away does so when its successor is complete.
        let gives_away = complete.is_some_and(|image| {
            image.name == desired.definition.name && image.name != desired.name
        });
        let mut ways: Vec<StepId> = rotation.gate.iter().filter(|_| gives_away).cloned().collect();
        if bearers.is_empty() {
            match complete {
                Some(image) => self.update(desired, image, &ways),
                None => drop(self.obtain(desired, *holder, true)),
            }
            return;
        }
        let target = if complete.is_some() {
            None
        } else {
            let import = self.obtain(desired, *holder, false);
            ways.push(import.clone());
            rotation.gate.get_or_insert_with(|| import.clone());
            Some(import)
        };
        for bearer in bearers {
            let way = self.way(slots, position, bearer, target.as_ref(), rotation);
            ways.extend(way);
        }
        match (holder, target) {
            (Some(image), _) => self.update(desired, image, &ways),
            (None, Some(import)) => self.publish(desired, Target::ImportedBy(import), &ways),
            (None, None) => {}
        }
    }

    /// The step after which an image no longer bears the name that the version at `position` takes.
    fn way(
        &mut self,
        slots: &[Slot<'_>],
        position: usize,
        bearer: &Image,
        import: Option<&StepId>,
        rotation: &mut Rotation,
    ) -> Option<StepId> {
        let Slot { desired, .. } = slots.get(position)?;
        let Some(other) = slots.iter().position(|other| other.is_held_by(bearer)) else {
            return Some(self.retire(desired, bearer, import));
        };
        if bearer.is_pending() {
            return None;
        }
        let held = &slots.get(other)?.desired;
        if rotation.waits(other, position) {
            // Both want the other's name: one of them steps aside first.
            return Some(self.step_aside(held, bearer));
        }
        // Its own step renames it, among its other changes.
        rotation.edges.push((position, other));
        Some(update_step(&held.name))
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
            if version.version != LATEST && !borne.contains_key(name.as_str()) {
                names.push(name);
            }
        }
    }
    names.sort_unstable();
    names
}

#[cfg(test)]
mod convergence;
#[cfg(test)]
mod tests;
