//! From verdicts to changes: what would make a cloud conform, as a plan for the engine.
//!
//! Planned is only what follows from the standards and the snapshot: flavors of the standard with
//! their extra specs, properties of images that their names and sizes tell, the order of aspects in
//! descriptions of volume types, default rules. What has to be decided by people (how often images are
//! replaced, what roles may do, services that are missing) becomes a note of the plan.

mod apply;
mod export;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use lotse_plan::model::{Action, Change, Note, NoteKind, PlanBuilder, Step, StepId};
use lotse_plan::{Plan, PlanError};
use lotse_scs::Mode;
use lotse_scs::standard_flavors::{REQUIRED, StandardFlavor};
use serde_json::{Map, Value, json};

pub use apply::Executor;
pub use export::{Tool, export};

use crate::check;
use crate::check::{Case, number, text};
use crate::draft::Draft;
use crate::judge::{Choice, Outcome};
use crate::model::{Judgement, Verdict};
use crate::snapshot::{Item, RulesWay, Snapshot};
use crate::testcase::{Property, Testcase};

/// The kinds of objects that are changed.
pub const KINDS: [&str; 4] = ["flavor", "image", "volume type", "default rule"];

/// One change, specific enough to be made without decisions.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// A new flavor.
    CreateFlavor {
        /// Its name.
        name: String,
        /// Virtual CPUs.
        vcpus: u32,
        /// Memory in MiB.
        ram: u64,
        /// Disk in GB.
        disk: u32,
        /// Its extra specs.
        specs: Map<String, Value>,
    },
    /// Extra specs of a flavor.
    SetSpecs {
        /// The flavor.
        id: String,
        /// The extra specs that are set; others stay.
        specs: Map<String, Value>,
    },
    /// Properties of an image.
    SetProperties {
        /// The image.
        id: String,
        /// Those that are there already.
        replaced: Map<String, Value>,
        /// Those that are new.
        added: Map<String, Value>,
    },
    /// The description of a volume type.
    Describe {
        /// The volume type.
        id: String,
        /// Its new description.
        description: String,
    },
    /// A new default rule that lets everything out.
    CreateRule {
        /// `IPv4` or `IPv6`.
        ethertype: &'static str,
    },
    /// A default rule that goes away.
    DeleteRule {
        /// The rule.
        id: String,
    },
}

/// Plans what makes testcases pass that did not.
pub fn plan(
    outcome: &Outcome,
    snapshot: &Snapshot,
    choice: &Choice,
) -> Result<Plan<Operation>, PlanError> {
    let mut planner = Planner {
        snapshot,
        builder: Plan::builder(snapshot.cloud.clone()),
        images: Vec::new(),
        rules: BTreeSet::new(),
    };
    let case = Case { snapshot, at: choice.at, mode: Mode::Standard };
    for (id, testcase) in &outcome.testcases {
        if testcase.judgement.verdict == Verdict::Pass || !choice.wants(id) {
            continue;
        }
        match Testcase::find(id) {
            Some(Testcase::Flavor(flavor)) => planner.flavor(flavor, &testcase.judgement),
            Some(Testcase::ImageProperty(property)) => planner.property(&case, id, property),
            Some(Testcase::VolumeTypeSyntax) => planner.volume_types(),
            Some(Testcase::DefaultRules) => planner.default_rules(&testcase.judgement),
            Some(Testcase::Draft(Draft::Mark(flavor))) => planner.mark(flavor, &testcase.judgement),
            known => planner.advise(id, known.as_ref(), &testcase.judgement),
        }
    }
    planner.finish()
}

/// Properties of one image that are to be set.
struct ImageChange<'a> {
    image: &'a Item,
    properties: Map<String, Value>,
}

struct Planner<'a> {
    snapshot: &'a Snapshot,
    builder: PlanBuilder<Operation>,
    images: Vec<ImageChange<'a>>,
    rules: BTreeSet<StepId>,
}

fn owned(item: &Item, key: &str) -> String {
    text(item, key).unwrap_or_default().to_owned()
}

impl<'a> Planner<'a> {
    fn note(&mut self, subject: &str, text: impl Into<String>) {
        self.builder.note(Note::new(NoteKind::NotHandled, subject, text));
    }

    fn flavor(&mut self, wanted: &StandardFlavor, judgement: &Judgement) {
        let (Ok(promise), Ok(specs)) = (wanted.promise(), wanted.extra_specs()) else { return };
        let Some(flavors) = self.snapshot.flavors.given() else {
            return self.note(wanted.name, judgement.summary.clone());
        };
        let specs: Map<_, _> = specs
            .into_iter()
            .map(|(key, value)| (key.into_owned(), Value::String(value.into_owned())))
            .collect();
        let (ram, disk) = (promise.ram.mib(), promise.disk_gb());
        let Some(found) = check::matching(flavors, wanted.name) else {
            let changes = vec![
                Change::new("vcpus", Value::Null, promise.cpus),
                Change::new("ram", Value::Null, ram),
                Change::new("disk", Value::Null, disk),
                Change::new("extra_specs", Value::Null, specs.clone()),
            ];
            let name = wanted.name.to_owned();
            let vcpus = promise.cpus;
            let operation = Operation::CreateFlavor { name, vcpus, ram, disk, specs };
            let id = StepId::of("flavor", wanted.name, "create");
            let step = Step::new(id, Action::Create, "flavor", wanted.name, operation);
            let step = step.because("the standard demands it").changing(changes);
            self.builder.step(step.on_service("compute"));
            return;
        };
        let sizes = [
            ("vcpus", i64::from(promise.cpus)),
            ("ram", i64::try_from(ram).unwrap_or(0)),
            ("disk", i64::from(disk)),
        ];
        if sizes.iter().any(|(key, size)| number(found, key) != Some(*size)) {
            let text = "it has another size, and flavors cannot be resized: give this one another \
                        name and another scs:name-v2, then plan again";
            return self.note(wanted.name, text);
        }
        let present = found.get("extra_specs").and_then(Value::as_object);
        let of = |key: &str| present.and_then(|specs| specs.get(key)).cloned();
        let missing: Map<_, _> =
            specs.into_iter().filter(|(key, value)| of(key).as_ref() != Some(value)).collect();
        let changes = missing.iter().map(|(key, value)| {
            let before = of(key).unwrap_or_default();
            Change::new(format!("extra_specs.{key}"), before, value.clone())
        });
        let changes = changes.collect();
        let id = StepId::of("flavor", wanted.name, "set-specs");
        let operation = Operation::SetSpecs { id: owned(found, "id"), specs: missing };
        let step = Step::new(id, Action::Update, "flavor", wanted.name, operation);
        let step = step.because("users find flavors by these extra specs").changing(changes);
        self.builder.step(step.on_service("compute"));
    }

    fn mark(&mut self, wanted: &StandardFlavor, judgement: &Judgement) {
        let flavors = self.snapshot.flavors.given();
        let found = flavors.and_then(|flavors| check::matching(flavors, wanted.name));
        let Some(found) = found else {
            return self.note(wanted.name, judgement.summary.clone());
        };
        let mark = wanted.demand.mark();
        let specs = Map::from_iter([(REQUIRED.to_owned(), Value::from(mark))]);
        let present = found.get("extra_specs").and_then(|specs| specs.get(REQUIRED)).cloned();
        let before = present.unwrap_or_default();
        let change = Change::new(format!("extra_specs.{REQUIRED}"), before, mark);
        let id = StepId::of("flavor", wanted.name, "mark");
        let operation = Operation::SetSpecs { id: owned(found, "id"), specs };
        let step = Step::new(id, Action::Update, "flavor", wanted.name, operation);
        let step = step.because("users see which flavors every cloud has").changing(vec![change]);
        self.builder.step(step.on_service("compute"));
    }

    fn property(&mut self, case: &Case<'a>, id: &str, property: Property) {
        let broken = check::images_breaking(case, property);
        if broken.is_empty() {
            self.note(
                id,
                "images could not be looked at, or there are none; see `lotse image plan`",
            );
        }
        for image in broken {
            let name = owned(image, "name");
            let Some(value) = told(property, image) else {
                let text = format!("{} has to be decided by who builds the image", property.name());
                self.note(&name, text);
                continue;
            };
            let same = |change: &ImageChange<'_>| change.image.get("id") == image.get("id");
            let known = self.images.iter().position(same);
            let position = known.unwrap_or_else(|| {
                self.images.push(ImageChange { image, properties: Map::new() });
                self.images.len() - 1
            });
            if let Some(change) = self.images.get_mut(position) {
                change.properties.insert(property.name().to_owned(), value);
            }
        }
    }

    fn volume_types(&mut self) {
        for volume_type in self.snapshot.volume_types.given().into_iter().flatten() {
            let (name, before) = (owned(volume_type, "name"), owned(volume_type, "description"));
            let Some(description) = check::described_rightly(&before) else { continue };
            if description == before {
                continue;
            }
            let id = StepId::of("volume-type", &name, "describe");
            let change = Change::new("description", before, description.clone());
            let operation = Operation::Describe { id: owned(volume_type, "id"), description };
            let step = Step::new(id, Action::Update, "volume type", name, operation);
            let step =
                step.because("aspects are sorted and stand there once").changing(vec![change]);
            self.builder.step(step.on_service("block-storage"));
        }
    }

    fn default_rules(&mut self, judgement: &Judgement) {
        let listed = self.snapshot.default_rules.given();
        if listed.is_none_or(|given| given.way != RulesWay::Listed) {
            let text = "this Neutron does not let default rules be changed (2023.2 does); change the \
                        security groups of each project";
            return self.note("default rules", text);
        }
        let reason = "the standard lets nothing in and everything out";
        for finding in &judgement.findings {
            let step = if let Some(rule) = &finding.object {
                let id = StepId::of("default-rule", &rule.id, "delete");
                let change = Change::new("rule", rule.name.clone(), Value::Null);
                let operation = Operation::DeleteRule { id: rule.id.clone() };
                Step::new(id, Action::Destroy, "default rule", rule.name.clone(), operation)
                    .changing(vec![change])
            } else {
                let ethertype = if finding.evidence.contains("IPv6") { "IPv6" } else { "IPv4" };
                let name = format!("egress {ethertype}");
                let id = StepId::of("default-rule", &name, "create");
                let change = Change::new("rule", Value::Null, name.clone());
                Step::new(
                    id,
                    Action::Create,
                    "default rule",
                    name,
                    Operation::CreateRule { ethertype },
                )
                .changing(vec![change])
            };
            // Two findings may ask for the same rule: for the default group and for others.
            if self.rules.insert(step.id.clone()) {
                self.builder.step(step.because(reason).on_service("network"));
            }
        }
    }

    fn advise(&mut self, id: &str, testcase: Option<&Testcase>, judgement: &Judgement) {
        let advice = match testcase {
            Some(Testcase::KeyManagerPermissions) => {
                "let the role member create secrets: map it to creator in Barbican's policy"
            }
            Some(
                Testcase::Service(_)
                | Testcase::BlockStorage
                | Testcase::SwiftS3
                | Testcase::KeyManager,
            ) => "install the service, or register it in the catalogue under this type",
            Some(Testcase::Image(_) | Testcase::ImageSource(_) | Testcase::ImageRecency) => {
                "declare the image and let `lotse image apply` keep it"
            }
            Some(Testcase::VolumeTypeAspect(_)) => {
                "only where it is true: begin the description of such a volume type with the aspect"
            }
            Some(Testcase::FlavorSyntax | Testcase::FlavorSemantics) => {
                "rename the flavor (make a new one, then delete this one); `lotse flavor make` helps"
            }
            _ => "this cannot be changed from here",
        };
        self.note(id, format!("{}: {advice}", judgement.summary));
    }

    fn finish(mut self) -> Result<Plan<Operation>, PlanError> {
        for ImageChange { image, properties } in std::mem::take(&mut self.images) {
            let (id, name) = (owned(image, "id"), owned(image, "name"));
            let changes = properties.iter().map(|(key, value)| {
                Change::new(key.clone(), image.get(key).cloned().unwrap_or_default(), value.clone())
            });
            let changes = changes.collect();
            let (replaced, added) =
                properties.into_iter().partition(|(key, _)| image.contains_key(key));
            // Names of images are not unique; ids are.
            let step_id = StepId::of("image", &format!("{name} {id}"), "set-properties");
            let operation = Operation::SetProperties { id, replaced, added };
            let step = Step::new(step_id, Action::Update, "image", name, operation);
            let step = step.because("what its name and size tell, it should say").changing(changes);
            self.builder.step(step.on_service("image"));
        }
        self.builder.build()
    }
}

/// What a property must be, where the image itself tells it.
fn told(property: Property, image: &Item) -> Option<Value> {
    let name = text(image, "name")?;
    let (distro, version) = distribution(name).unzip();
    match property {
        Property::MinDisk => {
            let size = number(image, "size")?;
            let gib = size.checked_add((1 << 30) - 1)? >> 30;
            Some(json!(gib.max(1)))
        }
        Property::OsDistro => distro.map(Value::from),
        Property::OsVersion => version.map(Value::from),
        // The distributions call their first user as themselves.
        Property::ImageOriginalUser => text(image, "os_distro").or(distro).map(Value::from),
        Property::ImageDescription => Some(json!(name)),
        // Who promises nothing says so.
        Property::ProvidedUntil | Property::UuidValidity => Some(json!("none")),
        _ => None,
    }
}

/// Distribution and version in names such as `Debian 12`.
fn distribution(name: &str) -> Option<(&'static str, &str)> {
    let (distro, version) = name.split_once(' ')?;
    let known = match distro {
        "Debian" => "debian",
        "Ubuntu" => "ubuntu",
        _ => return None,
    };
    let numeric = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    (numeric && !version.is_empty()).then_some((known, version))
}
