//! Plans carried out on a model of the cloud, interrupted anywhere.

use lotse_plan::Step;
use proptest::prelude::*;

use super::tests::{catalog, declared, existing, line, observed};
use super::*;
use crate::model::{ImageStatus, Visibility};
use crate::operation::{Import, StatusChange, Update};
use crate::{IMPORT_STATE, MARKER};

/// Carries a plan out on a model of the cloud, stopping after `most` steps.
fn carry_out(plan: &Plan<Operation>, images: &mut Vec<Image>, most: usize) {
    let mut done: HashMap<StepId, String> = HashMap::new();
    let mut open: Vec<&Step<Operation>> = plan.steps().iter().collect();
    for _ in 0..most {
        let Some(next) =
            open.iter().position(|step| step.depends_on.iter().all(|id| done.contains_key(id)))
        else {
            assert!(open.is_empty(), "the plan cannot go on");
            return;
        };
        let step = open.remove(next);
        let id = match &step.operation {
            Operation::Import(import) => {
                let id = format!("new-{}", images.len());
                let mut properties = import.properties.clone();
                properties.insert(MARKER.into(), id.clone());
                properties.insert(IMPORT_STATE.into(), "pending".into());
                images.push(Image {
                    id: id.clone(),
                    name: import.name.clone(),
                    status: ImageStatus::Active,
                    visibility: Visibility::Private,
                    owner: Some("ours".into()),
                    tags: import.tags.clone(),
                    disk_format: Some(import.disk_format.clone()),
                    min_disk: import.min_disk.unwrap_or(0).max(1),
                    min_ram: import.min_ram,
                    size: Some(1),
                    virtual_size: None,
                    checksum: None,
                    os_hash_algo: None,
                    os_hash_value: None,
                    os_hidden: false,
                    created_at: format!("2024-01-{:02}T00:00:00Z", images.len()),
                    properties,
                });
                finish(images, &id, import);
                id
            }
            Operation::Resume { id, import } => {
                finish(images, id, import);
                id.clone()
            }
            Operation::Update(update) => {
                let id = match &update.target {
                    Target::Image(id) => id.clone(),
                    Target::ImportedBy(step) => done[step].clone(),
                };
                patch(images, &id, update);
                id
            }
        };
        // Never two visible images of one name.
        let mut visible: Vec<&str> = images
            .iter()
            .filter(|image| image.visibility == Visibility::Public && image.status.is_complete())
            .map(|image| image.name.as_str())
            .collect();
        visible.sort_unstable();
        let count = visible.len();
        visible.dedup();
        assert_eq!(visible.len(), count, "two visible images of one name: {images:#?}");
        done.insert(step.id.clone(), id);
    }
}

fn finish(images: &mut [Image], id: &str, import: &Import) {
    let image = images.iter_mut().find(|image| image.id == id).unwrap();
    image.status = ImageStatus::Active;
    image.size = Some(1);
    image.properties.extend(import.properties.clone());
    image.tags.clone_from(&import.tags);
    image.min_ram = import.min_ram;
    image.min_disk = import.min_disk.unwrap_or(0).max(1);
    if let Some(publish) = &import.publish {
        image.name.clone_from(&publish.name);
        image.visibility = publish.visibility;
        image.properties.insert(IMPORT_STATE.into(), "done".into());
    }
}

fn patch(images: &mut [Image], id: &str, update: &Update) {
    let image = images.iter_mut().find(|image| image.id == id).unwrap();
    for patch in &update.patch {
        let text = || patch.value.as_str().unwrap().to_owned();
        match patch.path.as_str() {
            "/name" => image.name = text(),
            "/visibility" => {
                image.visibility = serde_json::from_value(patch.value.clone()).unwrap();
            }
            "/tags" => image.tags = serde_json::from_value(patch.value.clone()).unwrap(),
            "/min_disk" => image.min_disk = patch.value.as_u64().unwrap(),
            "/min_ram" => image.min_ram = patch.value.as_u64().unwrap(),
            "/os_hidden" => image.os_hidden = patch.value.as_bool().unwrap(),
            property => {
                image.properties.insert(property[1..].to_owned(), text());
            }
        }
    }
    image.status = match update.status {
        Some(StatusChange::Deactivate) => ImageStatus::Deactivated,
        Some(StatusChange::Reactivate) => ImageStatus::Active,
        None => image.status,
    };
}

/// Images of any state, some of them tampered with.
fn any_images(catalog: &Catalog) -> impl Strategy<Value = Vec<Image>> + use<> {
    let versions = ["0", "1", "2", "3"];
    let names =
        ["Ubuntu", "Ubuntu (0)", "Ubuntu (1)", "Ubuntu (2)", "Ubuntu (3)", "Other", "Ubuntu 1"];
    let base = existing(catalog, "1");
    let one = (
        prop::option::of(prop::sample::select(versions.to_vec())),
        prop::sample::select(names.to_vec()),
        prop::sample::select(vec![
            ImageStatus::Active,
            ImageStatus::Deactivated,
            ImageStatus::Queued,
            ImageStatus::Killed,
        ]),
        prop::bool::ANY,
        prop::bool::ANY,
    );
    prop::collection::vec(one, 0..5).prop_map(move |all| {
        let mut images = Vec::new();
        for (index, (version, name, status, pending, described)) in all.into_iter().enumerate() {
            let mut image =
                Image { id: format!("old-{index}"), name: name.into(), status, ..base.clone() };
            match version {
                Some(version) => image.properties.insert("internal_version".into(), version.into()),
                None => image.properties.remove("internal_version"),
            };
            if !described {
                image.properties.remove("image_description");
            }
            // Two visible images of one name at the start are not the planner's doing.
            if pending || images.iter().any(|other: &Image| other.name == image.name) {
                image.visibility = Visibility::Private;
            }
            if pending {
                image.properties.insert(MARKER.into(), "m".into());
                image.properties.insert(IMPORT_STATE.into(), "pending".into());
            }
            images.push(image);
        }
        images
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// Plans, interrupted anywhere and made anew, end with an empty plan and no image too many.
    #[test]
    fn plans_converge_from_any_state_even_when_interrupted(
        images in any_images(&catalog(&["1"])),
        declared_versions in prop::sample::subsequence(vec!["1", "2", "3"], 1..=3),
        multi in prop::bool::ANY,
        stops in prop::collection::vec(1_usize..4, 0..4),
    ) {
        let catalog = declared(if multi { "multi: true" } else { "multi: false" }, &declared_versions, "");
        let mut images = images;
        let before = images.len();
        for stop in stops.into_iter().chain([usize::MAX; 4]) {
            let plan = plan(&catalog, &observed(images.clone()), &Options::default()).unwrap();
            prop_assert!(plan.steps().iter().all(|step| !step.action.destroys()));
            carry_out(&plan, &mut images, stop.min(100));
        }
        let last = plan(&catalog, &observed(images.clone()), &Options::default()).unwrap();
        let rest: Vec<String> = last.steps().iter().map(line).collect();
        prop_assert!(rest.is_empty(), "{rest:#?}\n{images:#?}");
        prop_assert!(images.len() <= before + declared_versions.len());
    }
}
