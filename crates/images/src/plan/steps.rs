//! The steps: how a change of one image stands in a plan.

use lotse_plan::{Action, Change, Step, StepId};
use serde_json::Value;

use super::Planner;
use super::assign::retired_name;
use super::compare::{Difference, compare, retired};
use super::delivery::stream;
use super::desired::{Desired, is_same_generic};
use super::retention::Fate;
use crate::model::{DeclaredStatus, Image, Version};
use crate::operation::{Delete, Delivery, Import, Operation, Patch, StatusChange, Target, Update};
use crate::{IMPORT_STATE, KIND, RETAINED};

/// How an image ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending<'a> {
    /// The name it has then.
    pub(super) name: &'a str,
    /// Why it goes.
    pub(super) reason: &'a str,
    /// The declared version that it holds, if it holds one.
    pub(super) declared: Option<&'a Version>,
}

impl Planner<'_> {
    /// Plans the import of an image, or the end of one that was begun.
    pub(super) fn obtain(
        &mut self,
        desired: &Desired<'_>,
        pending: Option<&Image>,
        publish_at_once: bool,
    ) -> StepId {
        // What cannot come at all was left out before.
        let delivery =
            self.delivery(desired.definition, desired.version).unwrap_or(Delivery::WebDownload);
        self.signer_note(desired);
        let mirror = self.mirrored(desired.version).map(str::to_owned);
        // What is nearest first: our own mirror, another cloud of ours, upstream.
        let from = if mirror.is_some() { None } else { self.elsewhere(desired) };
        let delivery = match from {
            Some(_) => stream(self.observed.abilities),
            None => delivery,
        };
        if delivery == Delivery::WebDownload {
            self.import_notes(desired);
        }
        let stores = self.stores(desired.definition).unwrap_or_default();
        let whence = match (&mirror, &from) {
            (Some(_), _) => "the mirror".to_owned(),
            (None, Some(from)) => format!("the cloud {}", from.cloud),
            (None, None) => desired.version.source().host().to_owned(),
        };
        let import = Import { from, ..desired.import(delivery, stores, mirror, publish_at_once) };
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
        // Downloads count against a limit per upstream host, not against that of the Image API.
        self.plan.step(step.on_service(format!("downloads from {whence}")));
        id
    }

    /// Plans the fields of an image that is there.
    pub(super) fn update(
        &mut self,
        desired: &Desired<'_>,
        image: &Image,
        after: &[StepId],
    ) -> Option<StepId> {
        self.content_note(desired, image);
        self.copy(desired, image);
        let difference = compare(desired, image);
        if difference.is_empty() {
            return None;
        }
        let reason = if image.name == desired.name {
            format!("declared in {}", desired.version.origin)
        } else {
            format!("the version {} bears this name", desired.version.version)
        };
        let target = Target::Image(image.id.clone());
        let id = update_step(&desired.name);
        let step = self.update_of(id.clone(), &desired.name, target, difference);
        self.plan.step(waiting(step.because(reason), after));
        Some(id)
    }

    /// Plans that an image leaves a name before it takes another one.
    pub(super) fn step_aside(&mut self, desired: &Desired<'_>, image: &Image) -> StepId {
        let (name, _) = retired_name(desired.definition, image, &self.names);
        self.names.insert(name.clone());
        let mut difference = Difference::default();
        difference.field("name", image.name.as_str(), name.as_str());
        let id = StepId::of(KIND, &format!("{name} {}", image.id), "aside");
        let target = Target::Image(image.id.clone());
        let step = self.update_of(id.clone(), &name, target, difference);
        self.plan.step(step.because("another version takes its name before it gets its own"));
        id
    }

    /// Plans that a superseded image gives its name away.
    pub(super) fn retire(
        &mut self,
        desired: &Desired<'_>,
        image: &Image,
        fate: Option<&Fate>,
        after: Option<&StepId>,
    ) -> (StepId, String) {
        let (name, relabel) = retired_name(desired.definition, image, &self.names);
        self.names.insert(name.clone());
        let mut difference = Difference::default();
        difference.field("name", image.name.as_str(), name.as_str());
        if let Some(label) = relabel {
            difference.property(image, "internal_version", &label);
        }
        let visible = desired.visibility.is_open() && desired.hidden != Some(true);
        if visible && is_same_generic(&image.properties, &desired.properties) {
            difference.property(image, "os_purpose", "oldgeneric");
        }
        if let Some(fate) = fate {
            retired(&mut difference, image, fate, self.options);
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
        (id, name)
    }

    /// Plans that an image that this plan imports takes its final name and becomes visible.
    pub(super) fn publish(
        &mut self,
        desired: &Desired<'_>,
        target: Target,
        after: &[StepId],
    ) -> StepId {
        let id = update_step(&desired.name);
        let step = self
            .update_of(id.clone(), &desired.name, target, published(desired))
            .because(published_because(desired));
        self.plan.step(waiting(step, after));
        id
    }

    /// Plans that a superseded image that gives no name away is hidden or deactivated.
    pub(super) fn dim(&mut self, image: &Image, fate: &Fate) {
        let mut difference = Difference::default();
        retired(&mut difference, image, fate, self.options);
        if difference.is_empty() {
            return;
        }
        let id = StepId::of(KIND, &format!("{} {}", image.name, image.id), "dim");
        let target = Target::Image(image.id.clone());
        let step = self.update_of(id, &image.name, target, difference);
        self.plan.step(step.because("superseded, so fewer people shall find it"));
    }

    /// Plans that an image is deleted; if it is in use after all, it is hidden, unless its version
    /// says itself who sees it.
    pub(super) fn delete(&mut self, image: &Image, end: &Ending<'_>, after: &[StepId]) {
        let Ending { name, reason, declared } = *end;
        let mut hidden = Difference::default();
        let shown = |version: &Version| version.visibility.is_some() || version.hidden.is_some();
        let hiding = Fate { hide: !declared.is_some_and(shown), ..Fate::default() };
        retired(&mut hidden, image, &hiding, self.options);
        let mut refused = hidden.patch.clone();
        refused.push(Patch::set(RETAINED, self.options.today.to_string()));
        let operation = Operation::Delete(Delete {
            id: image.id.clone(),
            tag: self.options.tag.clone(),
            when_used: hidden.patch,
            when_refused: refused,
        });
        let version = image.internal_version();
        let changes = vec![
            Change::new("name", name, Value::Null),
            Change::new("id", image.id.as_str(), Value::Null),
            Change::new("internal_version", version, Value::Null),
            Change::new("visibility", image.visibility.as_str(), Value::Null),
        ];
        let id = StepId::of(KIND, &format!("{name} {}", image.id), "delete");
        let step = Step::new(id, Action::Destroy, KIND, name, operation);
        self.plan.step(waiting(step.because(reason).changing(changes), after));
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
}

fn published_because(desired: &Desired<'_>) -> String {
    let version = &desired.version.version;
    match desired.definition.lead() {
        Some(lead) if lead.version == *version => {
            format!("the version {version} is the newest one")
        }
        _ => format!("the version {version} is declared"),
    }
}

/// The step with what it waits for.
fn waiting(step: Step<Operation>, after: &[StepId]) -> Step<Operation> {
    after.iter().cloned().fold(step, Step::after)
}

/// The step that brings the image of this final name up to date.
pub(super) fn update_step(name: &str) -> StepId {
    StepId::of(KIND, name, "update")
}

const fn desired_status(desired: &Desired<'_>) -> &'static str {
    match desired.status {
        DeclaredStatus::Active => "active",
        DeclaredStatus::Deactivated => "deactivated",
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
    if let Some(copy) = &import.mirror {
        field("mirror".to_owned(), copy.as_str().into());
    }
    if let Some(from) = &import.from {
        field("copied_from".to_owned(), from.cloud.as_str().into());
    }
    field("import".to_owned(), import.delivery.as_str().into());
    if !import.stores.is_empty() {
        field("stores".to_owned(), import.stores.join(",").into());
    }
    field("disk_format".to_owned(), import.disk_format.as_str().into());
    if import.published_format != import.disk_format {
        field("converted_from".to_owned(), import.published_format.as_str().into());
    }
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
    if desired.status == DeclaredStatus::Deactivated {
        difference.status = Some(StatusChange::Deactivate);
        difference.changes.push(Change::new("status", "active", "deactivated"));
    }
    difference
}
