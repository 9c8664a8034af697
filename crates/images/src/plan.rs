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
//! Where images are tried out first, the boot test stands behind the import, and all that followed from
//! the import follows from the test; what nobody has to give way for then needs a publishing step, too.
//!
//! Superseded images are ranked and kept, hidden, deactivated or deleted by what their
//! `uuid_validity` promises (`plan/retention.rs`); deleting waits until the successor has the name.
//!
//! Every step leaves a state from which the next plan goes on. What is declared and cannot be done
//! stands in the plan as a note, and of a definition whose present version cannot be had nothing is
//! retired.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use lotse_plan::{NoteKind, Plan, PlanBuilder, PlanError, StepId};

use crate::KIND;
use crate::declare::Catalog;
use crate::model::{Definition, Image, Version, natural_order};
use crate::observe::Observed;
use crate::operation::{Operation, Target};
use crate::options::Options;

mod assign;
mod boot;
mod compare;
mod delivery;
mod desired;
mod effective;
mod elsewhere;
mod notes;
mod retention;
mod rollback;
mod signed;
mod steps;
mod stores;

pub use rollback::{Rollback, RollbackError, roll_back};

use assign::{Families, Family, busy, families};
use desired::Desired;
use effective::{Turn, effective};
use retention::{Fate, Retention, retention};
use steps::{Ending, update_step};

pub(crate) use signed::{distrust, to_be_signed};

/// Plans one cloud.
///
/// # Errors
/// Only for a defect of the planner: two steps of one name, or a cycle.
pub fn plan(
    catalog: &Catalog,
    observed: &Observed,
    options: &Options,
) -> Result<Plan<Operation>, PlanError> {
    planned(catalog, observed, options, None)
}

/// The same; of the definition of this name a rollback is wanted, and of the others nothing.
fn planned(
    catalog: &Catalog,
    observed: &Observed,
    options: &Options,
    turn: Option<(&str, &Turn)>,
) -> Result<Plan<Operation>, PlanError> {
    let Families { families, strays } = families(catalog, &observed.images);
    let declared = catalog.definitions.iter().flat_map(|definition| {
        definition.versions.iter().map(|version| definition.final_name(&version.version))
    });
    let mut planner = Planner {
        options,
        observed,
        names: observed.images.iter().map(|image| image.name.clone()).chain(declared).collect(),
        unverified: BTreeMap::new(),
        hidden: None,
        plan: Plan::builder(observed.cloud.clone()),
    };
    planner.plan.observed(KIND, observed.images.len());
    for (definition, family) in catalog.definitions.iter().zip(&families) {
        let turn = match turn {
            Some((name, _)) if name != definition.name => continue,
            Some((_, turn)) => Some(turn),
            None => None,
        };
        if !definition.enabled {
            continue;
        }
        match effective(definition, family, observed, options, turn) {
            Ok(definition) => planner.definition(&definition, family, turn),
            Err((kind, text)) => planner.note(kind, &definition.name, text),
        }
    }
    planner.unverified();
    planner.mirror_note();
    planner.beside_note();
    if turn.is_none() {
        planner.strays(&strays);
    }
    planner.plan.build()
}

struct Planner<'a> {
    options: &'a Options,
    observed: &'a Observed,
    /// Names that our images bear, or are to bear.
    names: HashSet<String>,
    /// Imports whose content Glance cannot verify, by the kind of checksum that is declared.
    unverified: BTreeMap<Option<&'static str>, Vec<String>>,
    /// The image that a rollback takes out of sight.
    hidden: Option<String>,
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
    /// The import, or the boot test of what it brought, after which the plain name may be given away.
    gate: Option<StepId>,
    /// Positions of versions: the first waits for the second.
    edges: Vec<(usize, usize)>,
    /// What must be done before anything is deleted: imports, and the steps of the one in the lead.
    before_end: Vec<StepId>,
    /// The steps that take a name from images that hold no declared version, with the names that
    /// these get.
    retired: HashMap<String, (StepId, String)>,
    /// Whether the image of a wanted version can be neither had nor made.
    stuck: bool,
}

impl Rotation {
    /// Whether the version at `one` waits for that at `other`, directly or not. There are no
    /// circles, so this ends.
    fn waits(&self, one: usize, other: usize) -> bool {
        one == other || self.edges.iter().any(|&(from, to)| from == one && self.waits(to, other))
    }
}

impl Planner<'_> {
    fn definition(&mut self, definition: &Definition, family: &Family<'_>, turn: Option<&Turn>) {
        let mut holders = HashMap::new();
        let mut surplus = Vec::new();
        for version in &definition.versions {
            let (holder, more) = family.holders(definition, &version.version);
            holders.extend(holder.map(|holder| (version.version.as_str(), holder)));
            surplus.push(more);
        }
        let mut retention = retention(definition, family, &holders, self.observed, self.options);
        self.hidden = match turn {
            Some(Turn::Back { .. }) => {
                family.bearing(&definition.name).first().map(|image| image.id.clone())
            }
            _ => None,
        };
        retention.hide(self.hidden.as_deref());
        let mut rotation = Rotation::default();
        let mut slots: Vec<Slot<'_>> = Vec::new();
        for (version, surplus) in definition.versions.iter().zip(surplus) {
            let holder = holders.get(version.version.as_str()).copied();
            match self.slot(definition, version, holder, &retention) {
                Place::Slot(desired) => {
                    self.surplus(&desired, &surplus);
                    slots.push(Slot { desired, holder });
                }
                Place::Nothing => {}
                Place::Stuck => rotation.stuck = true,
            }
        }
        self.pinned(definition);
        // The plain name stays where it is until its successor can be had.
        let lead = definition.lead().map(|lead| lead.version.as_str());
        let led = slots.iter().any(|slot| Some(slot.desired.version.version.as_str()) == lead);
        if definition.multi && !led {
            let bears = |image: &Image| image.name == definition.name;
            slots.retain(|slot| !slot.holder.is_some_and(bears));
        }
        // The newest first: whoever gives the plain name away waits for its import.
        for position in (0..slots.len()).rev() {
            self.version(&slots, position, family, &retention, &mut rotation);
        }
        if rotation.stuck {
            return;
        }
        self.endings(definition, family, &slots, &retention, &rotation);
    }

    /// What is to be planned for a version.
    fn slot<'a>(
        &mut self,
        definition: &'a Definition,
        version: &'a Version,
        holder: Option<&Image>,
        retention: &Retention,
    ) -> Place<'a> {
        let complete = holder.filter(|image| image.status.is_complete() && !image.is_pending());
        let name = definition.final_name(&version.version);
        let fate = match complete {
            Some(image) => retention.of(image),
            None => retention.of_version(version),
        };
        if fate.is_some_and(|fate| fate.delete.is_some()) {
            return Place::Nothing;
        }
        if complete.is_none() {
            let held_back = definition
                .pinned
                .as_deref()
                .is_some_and(|pinned| natural_order(&version.version, pinned) == Ordering::Greater);
            if held_back || retention.unwanted.contains(&version.version) {
                return Place::Nothing;
            }
            if let Some((kind, reason)) = distrust(definition, version, self.observed) {
                self.note(kind, &name, reason);
                return Place::Stuck;
            }
            let missing = self.stores(definition).err();
            let reason = self.not_handled(definition, version).map(str::to_owned).or(missing);
            if let Some(reason) = reason {
                self.note(NoteKind::NotHandled, &name, reason);
                return Place::Stuck;
            }
            if let Some((kind, reason)) = self.boot_obstacle(definition, holder) {
                self.note(kind, &name, reason);
                return Place::Stuck;
            }
        }
        let desired = Desired::of(definition, version, fate, self.options);
        if self.is_blocked(&desired, holder) { Place::Stuck } else { Place::Slot(desired) }
    }

    /// Plans one version.
    fn version(
        &mut self,
        slots: &[Slot<'_>],
        position: usize,
        family: &Family<'_>,
        retention: &Retention,
        rotation: &mut Rotation,
    ) {
        let Some(slot) = slots.get(position) else { return };
        let Slot { desired, holder } = slot;
        let complete = holder.filter(|image| !image.is_pending());
        if let Some(reason) = complete.and_then(busy) {
            rotation.stuck = true;
            return self.note(NoteKind::Waiting, &desired.name, format!("its image {reason}"));
        }
        let mut bearers = family.bearing(&desired.name);
        bearers.retain(|image| !slot.is_held_by(image));
        // Whoever gives the plain name away does so when its successor is complete.
        let gives_away = complete.is_some_and(|image| {
            image.name == desired.definition.name && image.name != desired.name
        });
        let mut ways: Vec<StepId> = rotation.gate.iter().filter(|_| gives_away).cloned().collect();
        // What is to be tried out cannot be published by its import.
        let boots = complete.is_none() && self.must_boot(*holder);
        if bearers.is_empty() && !boots {
            let step = match complete {
                Some(image) => self.update(desired, image, &ways),
                None => Some(self.obtain(desired, *holder, true)),
            };
            rotation.before_end.extend(step);
            return;
        }
        let (target, ready) = if complete.is_some() {
            (None, None)
        } else {
            let import = self.obtain(desired, *holder, false);
            let ready = self.tried_out(desired, *holder, import.clone());
            ways.push(ready.clone());
            if !bearers.is_empty() {
                rotation.gate.get_or_insert_with(|| ready.clone());
            }
            (Some(import), Some(ready))
        };
        for bearer in bearers {
            let way = self.way(slots, position, bearer, ready.as_ref(), (retention, rotation));
            ways.extend(way);
        }
        let step = match (holder, target) {
            (Some(image), _) => self.update(desired, image, &ways),
            (None, Some(import)) => Some(self.publish(desired, Target::ImportedBy(import), &ways)),
            (None, None) => None,
        };
        rotation.before_end.extend(step);
    }

    /// The step after which an image no longer bears the name that the version at `position` takes.
    fn way(
        &mut self,
        slots: &[Slot<'_>],
        position: usize,
        bearer: &Image,
        ready: Option<&StepId>,
        (retention, rotation): (&Retention, &mut Rotation),
    ) -> Option<StepId> {
        let Slot { desired, .. } = slots.get(position)?;
        let Some(other) = slots.iter().position(|other| other.is_held_by(bearer)) else {
            let (step, name) = self.retire(desired, bearer, retention.of(bearer), ready);
            rotation.retired.insert(bearer.id.clone(), (step.clone(), name));
            return Some(step);
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

    /// What becomes of the images that hold no version that is to stay.
    fn endings(
        &mut self,
        definition: &Definition,
        family: &Family<'_>,
        slots: &[Slot<'_>],
        retention: &Retention,
        rotation: &Rotation,
    ) {
        self.retention_notes(family, retention);
        let mut unfinished = Vec::new();
        for image in &family.members {
            if slots.iter().any(|slot| slot.is_held_by(image)) {
                continue;
            }
            let declared = definition
                .versions
                .iter()
                .find(|version| image.internal_version() == Some(version.version.as_str()));
            let fate = retention.of(image);
            let retired = rotation.retired.get(&image.id);
            let name = retired.map_or(&*image.name, |(_, name)| name);
            let after = || -> Vec<StepId> {
                let own = retired.iter().map(|(step, _)| step);
                rotation.before_end.iter().chain(own).cloned().collect()
            };
            match fate {
                Some(Fate { delete: Some(reason), .. }) => {
                    self.delete(image, &Ending { name, reason, declared }, &after());
                }
                Some(fate) if retired.is_none() => self.dim(image, fate),
                Some(_) => {}
                None if image.is_pending() && self.options.retirement.delete => {
                    let reason = "an import that was begun, of a version that is no longer wanted";
                    self.delete(image, &Ending { name, reason, declared }, &after());
                }
                None => unfinished.push(image.name.as_str()),
            }
        }
        self.unfinished(definition, &unfinished);
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

/// The images of each definition, in the order of the definitions.
pub(crate) fn members<'a>(catalog: &Catalog, images: &'a [Image]) -> Vec<Vec<&'a Image>> {
    families(catalog, images).families.into_iter().map(|family| family.members).collect()
}

/// The enabled definitions as they would be planned for a cloud without images: what follows upstream
/// is an ordinary version, and signed checksums are in their places. Of the others, why not.
pub(crate) fn resolved(
    catalog: &Catalog,
    observed: &Observed,
    options: &Options,
) -> Vec<Result<Definition, lotse_plan::Note>> {
    let nobody = Family::default();
    let each = catalog.enabled().map(|definition| {
        effective(definition, &nobody, observed, options, None).map_err(|(kind, text)| {
            lotse_plan::Note::new(kind, format!("{KIND}/{}", definition.name), text)
        })
    });
    each.collect()
}

/// What a plan would want to do, as far as more must be found out before.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Whether content is to be brought to the cloud.
    pub(crate) imports: bool,
    /// Whether content is to be copied to further stores.
    pub(crate) copies: bool,
    /// Whether images are to be tried out.
    pub(crate) boots: bool,
    /// Images that would be deleted if nobody uses them.
    pub(crate) deletes: Vec<String>,
}

pub(crate) fn wanted(catalog: &Catalog, observed: &Observed, options: &Options) -> Wanted {
    let mut wanted = Wanted::default();
    // A plan that cannot be made is reported when it is made.
    let Ok(plan) = plan(catalog, observed, options) else { return wanted };
    for step in plan.steps() {
        match &step.operation {
            Operation::Import(_) | Operation::Resume { .. } => wanted.imports = true,
            Operation::Delete(delete) => wanted.deletes.push(delete.id.clone()),
            Operation::Copy(_) => wanted.copies = true,
            Operation::BootTest(_) => wanted.boots = true,
            Operation::Update(_) | Operation::Share(_) => {}
        }
    }
    wanted
}

/// What is to be planned for a version.
enum Place<'a> {
    /// Its image.
    Slot(Desired<'a>),
    /// Nothing: it is not there, and nobody wants it.
    Nothing,
    /// Nothing for now: what stands in the way is in a note.
    Stuck,
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
            if !borne.contains_key(name.as_str()) {
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
