//! A mirror of one's own: filled from a catalogue, and clouds filled from it.

use std::sync::Arc;

use lotse_core::time::system_clock;
use lotse_images::copies::{Event, Keeper, Needs, Outcome, Watcher, needs};
use lotse_images::observe::published;
use lotse_images::{Catalog, Operation, mirrored, observe};
use lotse_plan::{NoteKind, Plan};
use lotse_transfer::{Error, HttpOptions, Limits, Mirror};

use crate::bucket::Bucket;
use crate::mirror::sha512;
use crate::stage::Stage;

fn silent() -> Watcher {
    Arc::new(|_: Event<'_>| {})
}

fn in_folder(stage: &Stage) -> Arc<Mirror> {
    Arc::new(Mirror::folder(stage.directory.path().join("mirror"), system_clock()))
}

fn at(url: &str, bucket: &Bucket) -> Arc<Mirror> {
    let variable = |name: &str| bucket.variable(name);
    let (options, limits) = (HttpOptions::default(), Limits::default());
    Arc::new(Mirror::at(url, variable, &options, limits, system_clock()).unwrap())
}

async fn needed(stage: &Stage, catalog: &Catalog) -> Needs {
    let observed = published(catalog, &stage.options).await;
    needs(catalog, &observed, &stage.options)
}

fn keeper(stage: &Stage, mirror: &Arc<Mirror>) -> Keeper {
    Keeper { mirror: mirror.clone(), downloads: stage.downloads(), parallel: 3, per_host: 2 }
}

/// Fills the mirror; what became of each file, in a word.
async fn fill(
    stage: &Stage,
    mirror: &Arc<Mirror>,
    catalog: &Catalog,
) -> Result<Vec<String>, Error> {
    let needs = needed(stage, catalog).await;
    let ended = keeper(stage, mirror).keep(&needs.files, &silent()).await?;
    let word = |outcome: &Outcome| match outcome {
        Outcome::Kept { .. } => "kept".to_owned(),
        Outcome::There => "there".to_owned(),
        Outcome::Failed { reason } => reason.clone(),
    };
    Ok(ended.iter().map(|(_, outcome)| word(outcome)).collect())
}

/// The plan of a cloud whose images come from this mirror.
async fn plan_with(stage: &Stage, mirror: &Mirror, catalog: &Catalog) -> Plan<Operation> {
    let mut observed = observe(&stage.cloud, catalog, &stage.options).await.unwrap();
    observed.mirror = Some(mirrored(mirror).await);
    lotse_images::plan(catalog, &observed, &stage.options).unwrap()
}

async fn filled_and_used(mirror: &Arc<Mirror>) {
    let stage = Stage::simulated().await;
    let text = [
        stage.definition("Debian 13", &["1", "2"], ""),
        crate::streamed::with_sha256(&stage, "Debian 12", "1"),
    ];
    let catalog = Stage::catalog(&text);
    assert_eq!(fill(&stage, mirror, &catalog).await.unwrap(), ["kept", "kept", "kept"]);
    let fetched = stage.mirror.requests();
    assert_eq!(fill(&stage, mirror, &catalog).await.unwrap(), ["there", "there", "there"]);
    assert_eq!(stage.mirror.requests(), fetched, "nothing is fetched twice");
    let index = mirror.index().await.unwrap();
    let name = format!("{}/1/Debian-13-1.qcow2", stage.name("Debian 13"));
    let copy = &index.copies[&name];
    assert_eq!(
        copy.verified.as_ref().map(ToString::to_string),
        Some(format!("sha512:{}", sha512("Debian-13-1")))
    );
    assert_eq!(copy.source, stage.mirror.url("Debian-13-1"));
    // The cloud gets everything from there, and says where it was published.
    let plan = plan_with(&stage, mirror, &catalog).await;
    assert!(plan.notes().is_empty(), "{:#?}", plan.notes());
    let shown = |field: &str| -> Vec<String> {
        let changes = plan.steps().iter().flat_map(|step| &step.changes);
        let told = changes.filter(|change| change.field == field);
        told.map(|change| change.after.as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(shown("import"), ["glance-direct"; 3]);
    assert!(shown("mirror").len() == 3 && shown("mirror").contains(&name), "{:#?}", plan.steps());
    let downloads = stage.downloads().with_mirror(Some(mirror.clone()));
    let report = stage.apply_from(&plan, downloads).await;
    assert!(report.succeeded(), "{report:#?}");
    assert_eq!(stage.mirror.requests(), fetched, "upstream is left alone");
    let images = stage.images().await;
    assert_eq!(images.len(), 3);
    for image in images {
        let source = image.property("image_source").unwrap();
        assert!(source.starts_with(&stage.mirror.url("")[..16]), "{source}");
    }
    assert!(plan_with(&stage, mirror, &catalog).await.is_empty());
}

#[tokio::test]
async fn a_folder_is_filled_once_and_clouds_are_filled_from_it() {
    let directory = tempfile::tempdir().unwrap();
    let mirror = Mirror::folder(directory.path().join("mirror"), system_clock());
    filled_and_used(&Arc::new(mirror)).await;
}

#[tokio::test]
async fn a_bucket_is_filled_once_and_clouds_are_filled_from_it() {
    let bucket = Bucket::start(|_| None).await;
    filled_and_used(&at("s3://images/mirror", &bucket)).await;
    assert!(bucket.contents.lock().unwrap().objects.contains_key("/images/mirror/index.json"));
}

#[tokio::test]
async fn what_is_not_what_was_declared_is_not_kept_and_stops_nothing_else() {
    let stage = Stage::simulated().await;
    let mirror = in_folder(&stage);
    let wrong = stage.definition("Debian 13", &["1"], "");
    let wrong = wrong.replace(&sha512("Debian-13-1"), &"0".repeat(128));
    let gone = stage.definition("Debian 12", &["1"], "");
    let gone = gone.replace(&stage.mirror.url("Debian-12-1"), &stage.mirror.missing());
    let good = stage.definition("Debian 11", &["1"], "");
    let catalog = Stage::catalog(&[wrong.clone(), gone, good]);
    let ended = fill(&stage, &mirror, &catalog).await.unwrap();
    assert!(ended[0].contains(&sha512("Debian-13-1")), "{ended:?}");
    assert!(ended[1].contains("404"), "{ended:?}");
    assert_eq!(ended[2], "kept");
    assert_eq!(mirror.index().await.unwrap().copies.len(), 1);
    // Put right, the next run brings what is missing.
    let right = wrong.replace(&"0".repeat(128), &sha512("Debian-13-1"));
    assert_eq!(fill(&stage, &mirror, &Stage::catalog(&[right])).await.unwrap(), ["kept"]);
}

#[tokio::test]
async fn what_has_no_checksum_is_kept_as_such_and_never_taken_for_something_else() {
    let stage = Stage::simulated().await;
    let mirror = in_folder(&stage);
    let text = stage.definition("Debian 13", &["1"], "");
    let line = format!("    checksum: sha512:{}\n", sha512("Debian-13-1"));
    let catalog = Stage::catalog(&[text.replace(&line, "")]);
    assert_eq!(fill(&stage, &mirror, &catalog).await.unwrap(), ["kept"]);
    assert_eq!(fill(&stage, &mirror, &catalog).await.unwrap(), ["there"]);
    let index = mirror.index().await.unwrap();
    assert!(index.copies.values().all(|copy| copy.verified.is_none()));
    // Without a checksum nobody knows that the copy is what upstream publishes now.
    let plan = plan_with(&stage, &mirror, &catalog).await;
    assert!(plan.steps()[0].changes.iter().all(|change| change.field != "mirror"));
}

#[tokio::test]
async fn only_what_no_definition_needs_is_superfluous() {
    let stage = Stage::simulated().await;
    let mirror = in_folder(&stage);
    let both = stage.definition("Debian 13", &["1", "2"], "");
    let other = stage.definition("Debian 12", &["1"], "");
    fill(&stage, &mirror, &Stage::catalog(&[both, other.clone()])).await.unwrap();
    let index = mirror.index().await.unwrap();
    let name = |version| format!("{}/{version}/Debian-13-{version}.qcow2", stage.name("Debian 13"));
    let newest = stage.definition("Debian 13", &["2"], "");
    let superfluous = needed(&stage, &Stage::catalog(&[newest, other.clone()])).await;
    assert_eq!(superfluous.superfluous(&index), [name(1)]);
    // A definition that is switched off, or whose upstream does not answer, loses nothing.
    let disabled = stage.definition("Debian 13", &["2"], "  enable: false\n");
    let needs = needed(&stage, &Stage::catalog(&[disabled, other.clone()])).await;
    assert_eq!(needs.superfluous(&index), [""; 0]);
    let text = stage.definition("Debian 13", &[], "");
    let (url, sums) = (stage.mirror.url("rolling"), stage.mirror.missing());
    let silent = format!("{text}  - {{version: latest, url: '{url}', checksums_url: '{sums}'}}\n");
    let needs = needed(&stage, &Stage::catalog(&[silent, other])).await;
    assert_eq!(needs.notes[0].kind, NoteKind::Waiting);
    assert_eq!(needs.superfluous(&index), [""; 0]);
}

#[tokio::test]
async fn a_mirror_that_cannot_be_read_is_done_without() {
    let stage = Stage::simulated().await;
    let bucket = Bucket::start(|_| Some((403, "<Code>AccessDenied</Code>"))).await;
    let catalog = Stage::catalog(&[stage.definition("Debian 13", &["1"], "")]);
    let plan = plan_with(&stage, &at("s3://images/mirror", &bucket), &catalog).await;
    let [note] = plan.notes() else { panic!("{:#?}", plan.notes()) };
    assert!(note.kind == NoteKind::Warning && note.text.contains("AccessDenied"), "{note:?}");
    assert_eq!(plan.steps().len(), 1);
}
