//! The boot test in a plan: a step between the import of an image and everything that follows from
//! it. Nothing becomes visible, and nothing gives its name away, before that step succeeded.

use lotse_plan::{Action, Change, NoteKind, Step, StepId};

use super::Planner;
use super::desired::Desired;
use crate::model::{BootNetwork, BootState, BootTest, Definition, Image, server_name};
use crate::operation::{Boot, Operation, Target};
use crate::{BOOT, KIND};

impl Planner<'_> {
    /// Why the image of a version cannot be had, as far as its boot test is concerned.
    pub(super) fn boot_obstacle(
        &mut self,
        definition: &Definition,
        holder: Option<&Image>,
    ) -> Option<(NoteKind, String)> {
        let test = self.options.boot_test.as_ref();
        let retried = test.is_some_and(|test| test.retry);
        if let Some(image) = holder
            && let BootState::Failed(reason) = BootState::of(image)
            && !retried
        {
            return Some((NoteKind::Warning, failed(image, reason)));
        }
        if test.is_none() {
            self.cut_off_note(definition, holder);
        }
        let test = test.filter(|_| self.must_boot(holder))?;
        let reason = self.not_bootable(definition, test)?;
        Some((NoteKind::NotHandled, format!("it cannot be tried out: {reason}")))
    }

    /// Why no server can be made of a definition's images, if that is known.
    fn not_bootable(&self, definition: &Definition, test: &BootTest) -> Option<String> {
        let staging = self.observed.staging.as_ref()?;
        let flavor = match (&staging.flavor, &staging.network) {
            (Err(reason), _) | (_, Err(reason)) => return Some(reason.clone()),
            (Ok(flavor), Ok(_)) => flavor,
        };
        let disk = definition.min_disk.unwrap_or(0);
        let ram = definition.min_ram.unwrap_or(0);
        let name = &test.flavor;
        if flavor.disk > 0 && disk > flavor.disk {
            let has = flavor.disk;
            return Some(format!(
                "the flavor {name} has a disk of {has} GiB, the image needs {disk} GiB; take a larger one"
            ));
        }
        let has = flavor.ram;
        (ram > has).then(|| {
            format!("the flavor {name} has {has} MiB of memory, the image needs {ram} MiB; take a larger one")
        })
    }

    /// Whether the image of a version that is not complete has to pass a test.
    pub(super) fn must_boot(&self, holder: Option<&Image>) -> bool {
        let passed = |image: &Image| BootState::of(image) == BootState::Passed;
        self.options.boot_test.is_some() && !holder.is_some_and(passed)
    }

    /// Plans the test of an image that the step `import` brings to its end, and returns the step
    /// after which the image is good.
    pub(super) fn tried_out(
        &mut self,
        desired: &Desired<'_>,
        holder: Option<&Image>,
        import: StepId,
    ) -> StepId {
        let Some(test) = self.options.boot_test.as_ref().filter(|_| self.must_boot(holder)) else {
            return import;
        };
        let staging = self.observed.staging.as_ref();
        let flavor = staging.and_then(|staging| staging.flavor.clone().ok());
        let network = staging.and_then(|staging| staging.network.clone().ok());
        let (id, disk, ram) = match flavor {
            Some(flavor) => (flavor.id, flavor.disk, flavor.ram),
            None => (test.flavor.clone(), 0, 0),
        };
        let operation = Operation::BootTest(Boot {
            target: Target::ImportedBy(import.clone()),
            tag: self.options.tag.clone(),
            flavor: id,
            disk,
            ram,
            network: network.unwrap_or_else(|| test.network.clone()),
            console: test.console.clone(),
            timeout: test.timeout,
        });
        let mut changes = vec![
            Change::new(
                format!("properties.{BOOT}"),
                holder.and_then(|image| image.property(BOOT)),
                BootState::passed(self.options.today),
            ),
            Change::new("flavor", serde_json::Value::Null, test.flavor.as_str()),
        ];
        if let BootNetwork::Named(name) = &test.network {
            changes.push(Change::new("network", serde_json::Value::Null, name.as_str()));
        }
        let id = StepId::of(KIND, &desired.working_name, "boot");
        let step = Step::new(id.clone(), Action::Update, KIND, &desired.working_name, operation)
            .because("a server of it must come up before it becomes visible")
            .changing(changes)
            .after(import)
            .on_service("compute");
        self.plan.step(step);
        id
    }

    /// Somebody began a test and nobody wants one now.
    fn cut_off_note(&mut self, definition: &Definition, holder: Option<&Image>) {
        let begun = holder.filter(|image| BootState::of(image) == BootState::Begun);
        let Some(image) = begun else { return };
        let text = format!(
            "a boot test of it was cut off and is not repeated now; look whether the staging project still has a \
             server {}",
            server_name(&image.id)
        );
        self.note(NoteKind::Warning, &definition.name, text);
    }
}

fn failed(image: &Image, reason: &str) -> String {
    format!(
        "the image {} of it failed its boot test and stays invisible ({reason}). Declare another version; or test it \
         again with --boot-retry; or remove its property {BOOT} and apply without a boot test",
        image.id
    )
}
