//! Which stores hold the content: those of a new image are said to the import, and content that is
//! there is copied to further ones. Content is never taken out of a store.

use lotse_plan::{Action, Change, NoteKind, Step, StepId};

use super::Planner;
use super::desired::Desired;
use crate::KIND;
use crate::model::{Definition, Image, ImageStatus};
use crate::operation::{Copy, Operation};

impl Planner<'_> {
    /// The stores that a definition's images shall be in; none where the cloud decides.
    ///
    /// # Errors
    /// What to say where the cloud does not have them.
    pub(super) fn stores(&self, definition: &Definition) -> Result<Vec<String>, String> {
        let wanted = definition.stores.or(&self.options.stores);
        wanted.of(&self.observed.stores).map_err(|unknown| {
            let known = match self.observed.stores.as_slice() {
                [] => "has only one, without a name".to_owned(),
                known => format!("has {}", known.join(", ")),
            };
            format!("no store of the cloud is called {}; it {known}", unknown.join(", "))
        })
    }

    /// Plans that content is copied to the stores in which it is missing.
    pub(super) fn copy(&mut self, desired: &Desired<'_>, image: &Image) {
        let wanted = match self.stores(desired.definition) {
            Ok(wanted) => wanted,
            Err(text) => return self.note(NoteKind::NotHandled, &desired.name, text),
        };
        let there = &image.stores;
        let missing: Vec<String> =
            wanted.into_iter().filter(|store| !there.contains(store)).collect();
        if missing.is_empty() {
            return;
        }
        let obstacle = match image.status {
            ImageStatus::Active if self.observed.abilities.copy_image => None,
            ImageStatus::Active => Some("the cloud does not offer the import method copy-image"),
            _ => Some("only images that are active can be copied"),
        };
        if let Some(obstacle) = obstacle {
            let text = format!("it is not in the store {}: {obstacle}", missing.join(", "));
            return self.note(NoteKind::NotHandled, &desired.name, text);
        }
        let before: Vec<&str> = there.iter().map(String::as_str).collect();
        let after: Vec<&str> =
            before.iter().copied().chain(missing.iter().map(String::as_str)).collect();
        let change = Change::new("stores", before.join(","), after.join(","));
        let operation = Operation::Copy(Copy {
            id: image.id.clone(),
            tag: self.options.tag.clone(),
            stores: missing,
        });
        let id = StepId::of(KIND, &desired.name, "copy");
        let step = Step::new(id, Action::Update, KIND, &desired.name, operation);
        self.plan
            .step(step.because("its content is to be in further stores").changing(vec![change]));
    }
}
