use std::collections::{BTreeMap, BTreeSet};

use lotse_core::declared::SourceFile;
use lotse_plan::{Action, Step};

use super::*;
use crate::model::{ImageStatus, Visibility};
use crate::{DEFAULT_TAG, IMPORT_STATE, MARKER};

/// A catalogue of one definition, `Ubuntu`, multi, with these versions.
pub(super) fn catalog(versions: &[&str]) -> Catalog {
    declared("multi: true", versions, "")
}

pub(super) fn declared(multi: &str, versions: &[&str], more: &str) -> Catalog {
    declared_as(multi, versions, more, "")
}

/// The same with more properties.
pub(super) fn declared_with(multi: &str, versions: &[&str], meta: &str) -> Catalog {
    declared_as(multi, versions, "", meta)
}

fn declared_as(multi: &str, versions: &[&str], more: &str, meta: &str) -> Catalog {
    let mut text = format!(
        "images:\n- name: Ubuntu\n  format: qcow2\n  login: ubuntu\n  min_disk: 8\n  min_ram: 512\n  status: active\n  \
         visibility: public\n  {multi}\n  tags: [lts]\n  meta: {{os_distro: ubuntu, os_version: '24.04', \
         os_purpose: generic, architecture: x86_64, hw_qemu_guest_agent: yes{meta}}}\n{more}  versions:\n"
    );
    for version in versions {
        text = format!("{text}  - version: '{version}'\n    url: https://example.org/{version}\n");
    }
    load(&text)
}

fn load(text: &str) -> Catalog {
    Catalog::from_sources(&[SourceFile::new("ubuntu.yml", text)])
        .unwrap_or_else(|error| panic!("{}", error.report()))
}

/// An image as the Python tool leaves it for this version.
pub(super) fn existing(catalog: &Catalog, version: &str) -> Image {
    let definition = &catalog.definitions[0];
    let version = definition.versions.iter().find(|one| one.version == version).unwrap();
    let desired = Desired::of(definition, version, None, &Options::default());
    Image {
        id: format!("id-{}", version.version),
        name: desired.name.clone(),
        status: ImageStatus::Active,
        visibility: desired.visibility,
        owner: Some("ours".into()),
        tags: desired.tags.clone(),
        disk_format: Some("qcow2".into()),
        min_disk: 8,
        min_ram: 512,
        size: Some(1 << 20),
        virtual_size: Some(3 << 30),
        checksum: None,
        os_hash_algo: Some("sha512".into()),
        os_hash_value: Some("00".into()),
        os_hidden: false,
        protected: false,
        stores: BTreeSet::new(),
        created_at: "2024-08-19T01:02:03Z".into(),
        properties: desired.properties.clone(),
    }
}

pub(super) fn observed(images: Vec<Image>) -> Observed {
    Observed { cloud: "sim".into(), images, ..Observed::default() }
}

/// The steps as lines: `action name: field before -> after; … [after …]`.
fn steps(catalog: &Catalog, observed: &Observed) -> Vec<String> {
    let plan = plan(catalog, observed, &Options::default()).unwrap();
    plan.steps().iter().map(line).collect()
}

pub(super) fn line(step: &Step<Operation>) -> String {
    let changes: Vec<String> = step
        .changes
        .iter()
        .map(|change| format!("{} {} -> {}", change.field, change.before, change.after))
        .collect();
    let mut line = format!("{} {}", step.action.as_str(), step.name);
    if step.action == Action::Update {
        line = format!("{line}: {}", changes.join("; "));
    }
    if !step.depends_on.is_empty() {
        let after: Vec<&str> = step.depends_on.iter().map(StepId::as_str).collect();
        line = format!("{line} [{}]", after.join(", "));
    }
    line
}

fn notes(catalog: &Catalog, observed: &Observed) -> Vec<String> {
    let plan = plan(catalog, observed, &Options::default()).unwrap();
    plan.notes()
        .iter()
        .map(|note| format!("{:?} {}: {}", note.kind, note.subject, note.text))
        .collect()
}

#[test]
fn an_absent_image_is_imported_and_published_in_one_step() {
    let catalog = catalog(&["20240819"]);
    let plan = plan(&catalog, &observed(vec![]), &Options::default()).unwrap();
    assert_eq!(plan.steps().iter().map(line).collect::<Vec<_>>(), ["create Ubuntu"]);
    let Operation::Import(import) = &plan.steps()[0].operation else { panic!() };
    assert_eq!(import.name, "Ubuntu (20240819)");
    let publish = import.publish.as_ref().unwrap();
    assert_eq!((publish.name.as_str(), publish.visibility), ("Ubuntu", Visibility::Public));
    assert_eq!(import.tags.iter().collect::<Vec<_>>(), ["lts", DEFAULT_TAG, "os:ubuntu"]);
}

#[test]
fn what_the_python_tool_left_is_converged() {
    for multi in ["multi: true", "multi: false"] {
        let catalog = declared(multi, &["20240819"], "");
        assert_eq!(steps(&catalog, &observed(vec![existing(&catalog, "20240819")])), [""; 0]);
    }
}

#[test]
fn each_kind_of_drift_is_one_field_and_all_of_them_one_step() {
    let catalog = catalog(&["20240819"]);
    let mut image = existing(&catalog, "20240819");
    image.name = "Ubuntu renamed".into();
    image.min_disk = 2;
    image.min_ram = 0;
    image.tags = BTreeSet::from([DEFAULT_TAG.into(), "stray".into()]);
    image.visibility = Visibility::Private;
    image.status = ImageStatus::Deactivated;
    image.properties.insert("hw_qemu_guest_agent".into(), "yes".into());
    image.properties.remove("os_distro");
    image.properties.insert("foreign".into(), "stays".into());
    assert_eq!(
        steps(&catalog, &observed(vec![image])),
        [
            "update Ubuntu: name \"Ubuntu renamed\" -> \"Ubuntu\"; min_disk 2 -> 8; min_ram 0 -> 512; \
             tags [\"managed_by_osism\",\"stray\"] -> [\"lts\",\"managed_by_osism\",\"os:ubuntu\"]; \
             properties.hw_qemu_guest_agent \"yes\" -> \"True\"; properties.os_distro null -> \"ubuntu\"; \
             visibility \"private\" -> \"public\"; status \"deactivated\" -> \"active\""
        ]
    );
}

#[test]
fn min_disk_is_what_is_declared_but_never_less_than_the_content_needs() {
    let catalog = catalog(&["1"]);
    let mut image = existing(&catalog, "1");
    image.virtual_size = Some((9 << 30) + 1);
    assert_eq!(steps(&catalog, &observed(vec![image])), ["update Ubuntu: min_disk 8 -> 10"]);
}

#[test]
fn a_new_version_is_imported_before_the_old_image_gives_its_name_away() {
    let (old, new) = (catalog(&["20240819"]), catalog(&["20240901"]));
    let mut image = existing(&old, "20240819");
    // Nothing of the old image is relabelled, whatever the definition says now.
    image.properties.insert("hw_qemu_guest_agent".into(), "False".into());
    let seen = observed(vec![image]);
    assert_eq!(
        steps(&new, &seen),
        [
            "create Ubuntu (20240901)",
            "update Ubuntu (20240819): name \"Ubuntu\" -> \"Ubuntu (20240819)\"; \
             properties.os_purpose \"generic\" -> \"oldgeneric\" [image/Ubuntu (20240901)/import]",
            "update Ubuntu: name \"Ubuntu (20240901)\" -> \"Ubuntu\"; visibility \"private\" -> \"public\" \
             [image/Ubuntu (20240901)/import, image/Ubuntu (20240819) id-20240819/retire]",
        ]
    );
}

#[test]
fn with_several_versions_the_former_newest_becomes_an_older_one() {
    let (old, new) = (catalog(&["1", "2"]), catalog(&["1", "2", "3"]));
    let seen = observed(vec![existing(&old, "1"), existing(&old, "2")]);
    assert_eq!(steps(&old, &seen), [""; 0]);
    assert_eq!(
        steps(&new, &seen),
        [
            "create Ubuntu (3)",
            "update Ubuntu: name \"Ubuntu (3)\" -> \"Ubuntu\"; visibility \"private\" -> \"public\" \
             [image/Ubuntu (3)/import, image/Ubuntu (2)/update]",
            "update Ubuntu (2): name \"Ubuntu\" -> \"Ubuntu (2)\"; properties.os_purpose \"generic\" -> \"oldgeneric\" \
             [image/Ubuntu (3)/import]",
        ]
    );
}

#[test]
fn of_several_first_imports_only_the_newest_is_generic() {
    let catalog = catalog(&["1", "2"]);
    let plan = plan(&catalog, &observed(vec![]), &Options::default()).unwrap();
    let purposes: BTreeMap<&str, &str> = plan
        .steps()
        .iter()
        .map(|step| match &step.operation {
            Operation::Import(import) => (step.name.as_str(), &*import.properties["os_purpose"]),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(purposes, BTreeMap::from([("Ubuntu", "generic"), ("Ubuntu (1)", "oldgeneric")]));
}

#[test]
fn superseded_versions_that_were_hidden_stay_hidden() {
    let catalog = catalog(&["1", "2"]);
    let mut old = existing(&catalog, "1");
    old.visibility = Visibility::Community;
    old.status = ImageStatus::Deactivated;
    old.os_hidden = true;
    assert_eq!(steps(&catalog, &observed(vec![old, existing(&catalog, "2")])), [""; 0]);
}

#[test]
fn an_unfinished_import_is_resumed_and_not_repeated() {
    let (old, new) = (catalog(&["1"]), catalog(&["2"]));
    let mut half = existing(&new, "2");
    half.name = "Ubuntu (2)".into();
    half.visibility = Visibility::Private;
    half.status = ImageStatus::Queued;
    half.size = None;
    half.virtual_size = None;
    half.properties.insert(MARKER.into(), "m".into());
    half.properties.insert(IMPORT_STATE.into(), "pending".into());
    let alone = steps(&new, &observed(vec![half.clone()]));
    assert_eq!(
        alone,
        ["update Ubuntu: status \"queued\" -> \"active\"; name \"Ubuntu (2)\" -> \"Ubuntu\""]
    );
    let rotating = steps(&new, &observed(vec![existing(&old, "1"), half]));
    assert_eq!(rotating.len(), 3);
    assert_eq!(rotating[0], "update Ubuntu: status \"queued\" -> \"active\"");
    assert!(
        rotating[2].ends_with("[image/Ubuntu (2)/import, image/Ubuntu (1) id-1/retire]"),
        "{rotating:?}"
    );
}

#[test]
fn a_rotation_that_was_interrupted_goes_on_where_it_stopped() {
    let (old, new) = (catalog(&["1"]), catalog(&["2"]));
    let mut imported = existing(&new, "2");
    imported.name = "Ubuntu (2)".into();
    imported.visibility = Visibility::Private;
    let mut retired = existing(&old, "1");
    retired.name = "Ubuntu (1)".into();
    let publish =
        "update Ubuntu: name \"Ubuntu (2)\" -> \"Ubuntu\"; visibility \"private\" -> \"public\"";
    assert_eq!(steps(&new, &observed(vec![imported.clone(), retired])), [publish]);
    let before = steps(&new, &observed(vec![imported, existing(&old, "1")]));
    assert_eq!(before.len(), 2);
    assert_eq!(before[1], format!("{publish} [image/Ubuntu (1) id-1/retire]"));
}

#[test]
fn an_image_that_does_not_say_what_it_holds_is_not_relabelled() {
    let catalog = catalog(&["2"]);
    let mut unknown = existing(&catalog, "2");
    unknown.properties.remove("internal_version");
    unknown.properties.remove("os_purpose");
    let found = steps(&catalog, &observed(vec![unknown]));
    assert_eq!(found[0], "create Ubuntu (2)");
    assert_eq!(
        found[1],
        "update Ubuntu (20240819): name \"Ubuntu\" -> \"Ubuntu (20240819)\"; \
         properties.internal_version null -> \"20240819\" [image/Ubuntu (2)/import]"
    );
}

#[test]
fn content_that_contradicts_its_label_is_reported_and_left_alone() {
    let text = "images:\n- name: A\n  format: qcow2\n  login: x\n  status: active\n  visibility: public\n  multi: true\n  \
                versions:\n  - {version: '1', url: 'https://h/1', checksum: 'sha512:SUM'}\n";
    let catalog = load(&text.replace("SUM", &"a".repeat(128)));
    let mut image = existing(&catalog, "1");
    image.min_disk = 3;
    image.min_ram = 0;
    let seen = observed(vec![image]);
    assert_eq!(steps(&catalog, &seen), [""; 0]);
    assert!(notes(&catalog, &seen)[0].contains("its sha512 is 00, not the declared aaa"));
}

#[test]
fn foreign_images_of_a_name_we_want_block_the_step_with_a_note() {
    let catalog = catalog(&["1"]);
    let mut foreign = existing(&catalog, "1");
    foreign.tags.clear();
    let seen = Observed { foreign: vec![foreign], ..observed(vec![]) };
    assert_eq!(steps(&catalog, &seen), [""; 0]);
    assert!(notes(&catalog, &seen)[0].contains("does not carry the tag \"managed_by_osism\""));
    // Once we bear the name, somebody else's image of it changes nothing.
    let seen = Observed { images: vec![existing(&catalog, "1")], ..seen };
    assert_eq!((steps(&catalog, &seen).len(), notes(&catalog, &seen).len()), (0, 0));
}

#[test]
fn imports_that_cannot_be_verified_are_listed_together() {
    let found = notes(&catalog(&["1", "2"]), &observed(vec![]));
    assert_eq!(
        found,
        [
            "Warning image/*: no checksum is declared, so the content is not verified: \"Ubuntu\", \"Ubuntu (1)\""
        ]
    );
}

#[test]
fn disabled_definitions_are_left_alone() {
    let catalog = declared("multi: true", &["1"], "  enable: false\n");
    let mut image = existing(&catalog, "1");
    image.min_ram = 1;
    let seen = observed(vec![image]);
    assert_eq!((steps(&catalog, &seen).len(), notes(&catalog, &seen).len()), (0, 0));
}

#[test]
fn what_is_declared_and_cannot_be_done_is_said() {
    let text = "images:\n- name: A\n  format: raw\n  login: x\n  status: active\n  visibility: public\n  versions:\n  \
                - {version: '2', url: 'ftp://h/a'}\n  \
                - {version: '3', url: 'https://h/a.xz', checksum: 'sha256:SUM'}\n\
                - name: B\n  format: raw\n  login: x\n  status: active\n  visibility: public\n  versions:\n  \
                - {version: latest, url: 'https://h/b', checksum_url: 'https://h/c'}\n";
    let catalog = load(&text.replace("SUM", &"a".repeat(64)));
    let old = Image { name: "A 0".into(), ..existing(&catalog, "2") };
    let old =
        Image { properties: BTreeMap::from([("internal_version".into(), "0".into())]), ..old };
    let stray = Image { name: "Z".into(), ..old.clone() };
    let found = notes(&catalog, &observed(vec![old, stray]));
    let expected = [
        "NotHandled image/A 2: content is downloaded by http and https only; give a mirror_url",
        "Waiting image/B: nothing of this image is changed: upstream was not asked for its checksum",
        "NotHandled image/*: \"Z\" carry our tag and are declared nowhere; they are left alone",
    ];
    assert_eq!(found, expected);
}
