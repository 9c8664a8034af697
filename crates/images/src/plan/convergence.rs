//! Plans carried out on a model of the cloud, interrupted anywhere.

use lotse_plan::Step;
use proptest::prelude::*;

use super::tests::{catalog, declared, declared_with, existing, line, observed};
use super::*;
use crate::model::{BootState, BootTest, ImageStatus, Visibility};
use crate::observe::Use;
use crate::operation::{Import, StatusChange, Update};
use crate::options::Retirement;
use crate::{BOOT, IMPORT_STATE, MARKER};

/// How boot tests end in the model.
#[derive(Clone, Copy, Debug)]
struct Boots {
    /// Whether there are any.
    wanted: bool,
    /// The version that never comes up.
    bad: Option<&'static str>,
}

/// Carries a plan out on a model of the cloud, stopping after `most` steps.
fn carry_out(plan: &Plan<Operation>, images: &mut Vec<Image>, most: usize, boots: Boots) {
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
            Operation::Share(share) => share.id.clone(),
            Operation::Copy(copy) => copy.id.clone(),
            Operation::Delete(delete) => {
                images.retain(|image| image.id != delete.id);
                delete.id.clone()
            }
            Operation::BootTest(boot) => {
                let Target::ImportedBy(import) = &boot.target else { panic!() };
                let id = done[import].clone();
                let image = images.iter_mut().find(|image| image.id == id).unwrap();
                assert!(image.status.is_complete(), "nothing boots of {image:#?}");
                image.status = ImageStatus::Active;
                assert!(image.is_pending(), "tested too late: {image:#?}");
                let fails = boots.bad.is_some_and(|bad| image.internal_version() == Some(bad));
                let today = jiff::civil::Date::MIN;
                let failed = BootState::failed(today, "no login");
                let said = if fails { failed } else { BootState::passed(today) };
                image.properties.insert(BOOT.into(), said);
                image.visibility = Visibility::Private;
                if fails {
                    // What waits for it does not begin.
                    let mut lost = vec![step.id.clone()];
                    while let Some(next) = open
                        .iter()
                        .position(|step| step.depends_on.iter().any(|id| lost.contains(id)))
                    {
                        lost.push(open.remove(next).id.clone());
                    }
                }
                id
            }
            Operation::Import(import) => {
                let free = |id: &String| images.iter().all(|image| image.id != *id);
                let id = (0..100).map(|n| format!("new-{n:02}")).find(free).unwrap();
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
                    protected: false,
                    stores: std::collections::BTreeSet::new(),
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
        // Never a visible image that came from us and was not tried out.
        let untried = images.iter().find(|image| {
            let ours = image.visibility == Visibility::Public && image.property(MARKER).is_some();
            boots.wanted && ours && BootState::of(image) != BootState::Passed
        });
        assert!(untried.is_none(), "visible and not tried out: {untried:#?}");
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

/// Any way of keeping the catalogue.
fn any_options() -> impl Strategy<Value = Options> {
    let hidden = prop::sample::select(vec![
        None,
        Some(Visibility::Private),
        Some(Visibility::Community),
        Some(Visibility::Shared),
    ]);
    prop::array::uniform6(prop::bool::ANY).prop_flat_map(move |flags| {
        let [delete, hide, deactivate, use_os_hidden, latest, retire_expired] = flags;
        hidden.clone().prop_map(move |hidden_visibility| Options {
            today: jiff::civil::date(2026, 3, 1),
            latest,
            retirement: Retirement {
                delete,
                hide,
                deactivate,
                use_os_hidden,
                hidden_visibility,
                retire_expired,
            },
            ..Options::default()
        })
    })
}

/// With and without boot tests; images of some version may never come up.
fn any_boots() -> impl Strategy<Value = Boots> {
    let bad = prop::option::of(prop::sample::select(vec!["1", "2", "3"]));
    (prop::bool::ANY, bad).prop_map(|(wanted, bad)| Boots { wanted, bad })
}

/// What images may say of their boot test.
const MARKS: [&str; 3] = ["begun 2026-02-01", "passed 2026-02-01", "failed 2026-02-01: no login"];

/// What people were promised, and until when images were to be provided.
const PROMISES: [&str; 6] = ["none", "last-1", "last-2", "last-3", "notice", "2026-02-28"];

/// How many superseded images an image of this promise stays beside, written down once more.
fn stays_beside(promise: Option<&str>) -> usize {
    match promise {
        Some("none" | "last-1" | "2026-02-28") => 0,
        Some("last-2") => 1,
        Some("last-3") => 2,
        _ => usize::MAX,
    }
}

/// The superseded images of the model's one `multi` definition that is not over, the newest first.
fn superseded<'a>(catalog: &Catalog, images: &'a [Image], newest: &str) -> Vec<&'a Image> {
    let complete = |image: &&Image| image.status.is_complete() && !image.is_pending();
    let members = families(catalog, images).families.remove(0).members;
    let mut complete: Vec<&Image> = members.into_iter().filter(complete).collect();
    let lead = complete
        .iter()
        .position(|image| image.name == "Ubuntu" && image.internal_version() == Some(newest));
    complete.remove(lead.expect("the newest version has the plain name"));
    let age = |image: &Image| (natural(image), image.created_at.clone(), image.id.clone());
    complete.sort_by_key(|image| std::cmp::Reverse(age(image)));
    complete
}

/// Versions of the model are small numbers, and days.
fn natural(image: &Image) -> u64 {
    image.label().parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// Plans, interrupted anywhere and made anew, end with an empty plan and no image too many,
    /// whatever is wanted of superseded images; and what stays is what was promised.
    #[test]
    fn plans_converge_from_any_state_even_when_interrupted(
        images in any_images(&catalog(&["1"])),
        promises in prop::collection::vec(prop::option::of(prop::sample::select(PROMISES.to_vec())), 5),
        used in prop::sample::subsequence(vec!["old-0", "old-1", "old-2", "old-3"], 0..=2),
        declared_versions in prop::sample::subsequence(vec!["1", "2", "3"], 1..=3),
        (multi, keep, over) in prop::array::uniform3(prop::bool::ANY).prop_map(|[a, b, c]| (a, b, c)),
        options in any_options(),
        boots in any_boots(),
        marks in prop::collection::vec(prop::option::weighted(0.3, prop::sample::select(MARKS.to_vec())), 4),
        stops in prop::collection::vec(1_usize..4, 0..4),
    ) {
        let fields = format!(
            "{}\n  keep: {keep}",
            if multi { "multi: true" } else { "multi: false" }
        );
        let until = if over { "2026-02-28" } else { "none" };
        let promised = promises[4].map(|text| format!(", uuid_validity: '{text}'")).unwrap_or_default();
        let catalog = declared_with(&fields, &declared_versions, &format!(", provided_until: '{until}'{promised}"));
        let over = over && options.retirement.retire_expired;
        let mut images = images;
        for (image, promise) in images.iter_mut().zip(&promises) {
            image.properties.remove("uuid_validity");
            image.properties.extend(promise.map(|text| ("uuid_validity".into(), text.into())));
        }
        for (image, mark) in images.iter_mut().zip(&marks) {
            if image.is_pending() && image.status.is_complete() {
                image.properties.extend(mark.map(|text| (BOOT.into(), text.into())));
            }
        }
        let boot_test = boots.wanted.then(|| BootTest::with_flavor("m1.tiny"));
        let options = Options { boot_test, ..options };
        let newest = *declared_versions.last().unwrap();
        let led = images.iter().any(|image| {
            image.status.is_complete() && !image.is_pending() && image.internal_version() == Some(newest)
        });
        let serving = |image: &&Image| {
            image.name == "Ubuntu" && image.visibility == Visibility::Public && image.status.is_complete()
        };
        let served = images.iter().find(serving).map(|image| image.id.clone());
        let before = images.len();
        // An import that nobody finished has no data to make a server from.
        let unfinished = |image: &&Image| !image.status.is_complete() || image.is_pending();
        let pending: Vec<String> = images.iter().filter(unfinished).map(|image| image.id.clone()).collect();
        let there: Vec<String> = images.iter().map(|image| image.id.clone()).collect();
        let see = |images: &[Image]| Observed {
            used: used.iter().map(|id| ((*id).to_owned(), Use::Servers(1))).collect(),
            ..observed(images.to_vec())
        };
        for stop in stops.into_iter().chain([usize::MAX; 4]) {
            let plan = plan(&catalog, &see(&images), &options).unwrap();
            let destroys = plan.steps().iter().any(|step| step.action.destroys());
            prop_assert!(!destroys || (options.retirement.delete));
            carry_out(&plan, &mut images, stop.min(100), boots);
        }
        let last = plan(&catalog, &see(&images), &options).unwrap();
        let rest: Vec<String> = last.steps().iter().map(line).collect();
        prop_assert!(rest.is_empty(), "{rest:#?}\n{images:#?}");
        prop_assert!(images.len() <= before + declared_versions.len());
        let gone = |id: &&&str| there.iter().any(|one| one == **id) && !images.iter().any(|image| image.id == ***id);
        let lost: Vec<_> = used.iter().filter(gone).filter(|id| !pending.contains(&id.to_string())).collect();
        prop_assert!(lost.is_empty(), "used and gone: {lost:?}");
        let failed = last.notes().iter().any(|note| note.text.contains("failed its boot test"));
        // An image that did not come up takes nobody's name.
        let lost = multi && !over && !led && boots.wanted && boots.bad == Some(newest);
        if lost && served.is_some() {
            prop_assert_eq!(served, images.iter().find(serving).map(|image| image.id.clone()));
        }
        // While somebody else fills an image, the definition waits.
        let waits = last.notes().iter().any(|note| note.text.starts_with("its image "));
        if !multi || over || waits || failed {
            return Ok(());
        }
        for (rank, image) in superseded(&catalog, &images, declared_versions.last().unwrap()).iter().enumerate() {
            if options.retirement.hide {
                prop_assert!(image.visibility != Visibility::Public || options.retirement.use_os_hidden && image.os_hidden, "{image:#?}");
            }
            let promise = image.property("uuid_validity");
            if options.retirement.delete && !keep && !used.contains(&image.id.as_str()) {
                prop_assert!(rank < stays_beside(promise), "{rank} {image:#?}");
            }
        }
    }

    /// Nothing is deleted that was promised to stay, from the first plan on.
    #[test]
    fn what_was_promised_is_never_deleted(
        promises in prop::collection::vec(prop::sample::select(PROMISES.to_vec()), 4),
        newest in prop::sample::select(vec!["4", "5"]),
        hide in prop::bool::ANY,
    ) {
        let old = declared("multi: true", &["1", "2", "3", "4"], "");
        let catalog = declared("multi: true", &[newest], "");
        let options = Options {
            today: jiff::civil::date(2026, 3, 1),
            retirement: Retirement { delete: true, hide, ..Retirement::default() },
            ..Options::default()
        };
        let mut images = Vec::new();
        for (version, promise) in ["1", "2", "3", "4"].into_iter().zip(&promises) {
            let mut image = existing(&old, version);
            image.properties.insert("uuid_validity".into(), (*promise).into());
            images.push(image);
        }
        // The oracle: from the newest to the oldest, with those before it in hand.
        let mut expected = Vec::new();
        let superseded: Vec<&Image> =
            images.iter().rev().filter(|image| image.internal_version() != Some(newest)).collect();
        for (rank, image) in superseded.into_iter().enumerate() {
            if rank >= stays_beside(image.property("uuid_validity")) {
                expected.push(image.id.clone());
            }
        }
        expected.sort();
        let plan = plan(&catalog, &observed(images), &options).unwrap();
        let mut deleted: Vec<String> = plan
            .steps()
            .iter()
            .filter_map(|step| match &step.operation {
                Operation::Delete(delete) => Some(delete.id.clone()),
                _ => None,
            })
            .collect();
        deleted.sort();
        prop_assert_eq!(deleted, expected);
        prop_assert_eq!(plan.steps().iter().filter(|step| step.action.destroys()).count(), plan.summary().destroy);
    }
}
