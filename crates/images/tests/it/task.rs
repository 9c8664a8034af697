//! The task of the daemon: files, cloud, journal, all together.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lotse_core::declared::{self, SourceFile};
use lotse_core::error::{ErrorKind, Explain as _};
use lotse_core::task::Task as _;
use lotse_core::time::{Clock as _, ManualClock, SignedDuration, SystemClock, system_clock};
use lotse_images::inventory::Standing;
use lotse_images::store::Select;
use lotse_images::{Config, Error, ImagesTask, Shelf, Tools};
use lotse_plan::random::SystemRandomness;
use lotse_plan::testing::MemoryDesk;
use lotse_plan::{ApplyOptions, Engine, NoteKind};
use lotse_sim::{DownloadMode, Fault, RequestRecord, SimCloud, SimOptions};
use lotse_store::{Store, StoreOptions, StoreUrl};
use tokio_util::sync::CancellationToken;

use crate::kills::until;
use crate::stage::Stage;

/// The task for definition files in a directory.
async fn task(stage: &Stage, path: &Path, policy: &str) -> ImagesTask {
    task_at(stage, path, policy, Arc::default()).await
}

/// The shelf of tasks whose estate is in this directory.
async fn shelf(path: &Path) -> Shelf {
    let options = StoreOptions { parts: vec![lotse_images::PART], ..StoreOptions::default() };
    let url = StoreUrl::in_directory(&path.join("state"));
    Shelf::new(Arc::new(Store::open_with(&url, options).await.unwrap()))
}

/// The same with a desk that others have a hand on.
async fn task_at(stage: &Stage, path: &Path, policy: &str, desk: Arc<MemoryDesk>) -> ImagesTask {
    let text = format!("clouds: [sim]\npolicy: {policy}\ntag: {}\n", stage.options.tag);
    let mut config = declared::load::<Config>(&SourceFile::new("lotse.yaml", text)).unwrap().value;
    config.rebase(path);
    let journal = Arc::clone(&stage.journal);
    let engine = Engine::new(journal, system_clock(), Arc::new(SystemRandomness));
    let tools = Tools {
        beside: None,
        metrics: lotse_images::Metrics::default(),
        downloads: stage.downloads(),
        staging: None,
        engine,
        desk,
        clock: system_clock(),
        apply: ApplyOptions::default(),
        shelf: shelf(path).await,
    };
    ImagesTask::new(&config, stage.cloud.clone(), tools)
}

/// A directory that holds `images/debian.yml`.
fn estate(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("images")).unwrap();
    std::fs::write(dir.path().join("images/debian.yml"), text).unwrap();
    dir
}

fn debian(stage: &Stage) -> String {
    format!("images:\n{}", stage.definition("Debian 13", &["1"], ""))
}

#[tokio::test]
async fn a_converged_cloud_costs_two_requests_and_no_write() {
    let stage = Stage::simulated().await;
    let dir = estate(&debian(&stage));
    let task = task(&stage, dir.path(), "apply").await;
    let stop = CancellationToken::new();
    let report = task.activate(&stop).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.summary, "1 image definition, 1 change made");
    let requests = stage.sim.as_ref().unwrap().requests();
    let mark = requests.mark();
    let report = task.activate(&stop).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.summary, "1 image definition, all converged");
    let asked: Vec<_> =
        requests.since(mark).into_iter().map(|one| (one.method, one.path)).collect();
    assert_eq!(asked, vec![("GET".to_owned(), "/v2/images".to_owned()); 2]);
    assert_eq!((task.name(), task.period()), ("images/sim", Duration::from_hours(1)));
}

#[tokio::test]
async fn what_is_proposed_is_made_once_somebody_approves() {
    let stage = Stage::simulated().await;
    let dir = estate(&debian(&stage));
    let desk = Arc::<MemoryDesk>::default();
    let task = task_at(&stage, dir.path(), "propose", desk.clone()).await;
    let stop = CancellationToken::new();
    let report = task.activate(&stop).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.summary, "1 image definition, 1 change waiting for approval");
    assert!(report.detail["change"].is_string(), "{}", report.detail);
    assert!(stage.images().await.is_empty());
    desk.approve();
    let report = task.activate(&stop).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.summary, "1 image definition, 1 change made");
    assert_eq!(stage.images().await.len(), 1);
    let conclusion = desk.conclusions().remove(0);
    assert!(conclusion.succeeded && !conclusion.request_ids.is_empty(), "{conclusion:?}");
}

#[tokio::test]
async fn by_default_differences_are_only_reported() {
    let stage = Stage::simulated().await;
    let dir = estate(&debian(&stage));
    let status =
        task(&stage, dir.path(), "observe").await.run(&CancellationToken::new()).await.unwrap();
    assert_eq!(status.summary(), "1 image definition, 1 change needed");
    assert_eq!((status.needed.create, status.applied.is_none()), (1, true));
    assert!(status.notes.iter().all(|note| note.kind == NoteKind::Warning));
    let requests = stage.sim.as_ref().unwrap().requests();
    assert!(requests.writes_since(lotse_sim::Mark::default()).is_empty());
}

#[tokio::test]
async fn from_files_that_do_not_parse_nothing_is_applied_and_nothing_asked() {
    let stage = Stage::simulated().await;
    let dir = estate(&debian(&stage));
    std::fs::write(dir.path().join("images/wrong.yaml"), "images:\n- nmae: x\n").unwrap();
    let error =
        task(&stage, dir.path(), "apply").await.run(&CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Declaration);
    assert!(error.diagnostics()[0].file.ends_with("images/wrong.yaml"));
    assert!(stage.sim.as_ref().unwrap().requests().all().is_empty());
}

fn is_import(request: &RequestRecord) -> bool {
    request.method == "POST" && request.path.ends_with("/import")
}

#[tokio::test]
async fn a_refused_import_fails_at_once_with_the_words_of_the_api() {
    let stage = Stage::simulated().await;
    let dir = estate(&debian(&stage));
    let sim = stage.sim.as_ref().unwrap();
    sim.faults().add(Fault::status(400).on("image", "POST", "/v2/images/*/import"));
    let error =
        task(&stage, dir.path(), "apply").await.run(&CancellationToken::new()).await.unwrap_err();
    let Error::Incomplete { failed: 1, steps: 1, first_failure: Some((_, step)), .. } = &error
    else {
        panic!("{error}")
    };
    assert!(step.message.contains("400") && error.request_id().is_some(), "{error}");
    let imports = sim.requests().all();
    let imports = imports.iter().filter(|request| is_import(request)).count();
    assert_eq!((imports, stage.images().await.len()), (1, 0));
}

#[tokio::test]
async fn an_import_that_is_under_way_when_the_daemon_ends_is_adopted_by_the_next_one() {
    let clock = Arc::new(ManualClock::starting_at(SystemClock.now()));
    let delay = Duration::from_mins(10);
    let options = SimOptions {
        download: DownloadMode::Fetch,
        import_delay: delay,
        clock: Arc::clone(&clock) as _,
        ..SimOptions::default()
    };
    let stage = Stage::on_this(SimCloud::start(options).await.unwrap()).await;
    let sim = stage.sim.as_ref().unwrap();
    let dir = estate(&debian(&stage));
    let images = task(&stage, dir.path(), "apply").await;
    let stop = CancellationToken::new();
    let importing = || sim.requests().all().iter().any(is_import);
    let (ended, ()) = tokio::join!(images.run(&stop), async {
        until(importing).await;
        stop.cancel();
    });
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Cancelled);
    clock.advance(SignedDuration::try_from(delay).unwrap());
    let again = images.run(&CancellationToken::new()).await.unwrap();
    assert_eq!((again.needed.create, again.needed.update), (0, 1));
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
    let creations = sim.requests().all();
    let creations = creations.iter().filter(|one| one.method == "POST" && one.path == "/v2/images");
    assert_eq!(creations.count(), 1);
}

#[tokio::test]
async fn what_was_seen_and_done_is_on_the_shelf() {
    let stage = Stage::simulated().await;
    let dir = estate(&debian(&stage));
    let desk = Arc::<MemoryDesk>::default();
    let task = task_at(&stage, dir.path(), "propose", desk.clone()).await;
    let shelf = shelf(dir.path()).await;
    let stop = CancellationToken::new();
    let page = Select { limit: 10, ..Select::default() };
    task.run(&stop).await.unwrap();
    let seen = shelf.entries("sim", page.clone()).await.unwrap();
    let (place, missing) = &seen[0];
    assert_eq!((*place, missing.name.as_str()), (1, &*stage.name("Debian 13")));
    assert_eq!((missing.standing, missing.image.is_none()), (Standing::Missing, true));
    assert!(missing.declared.as_deref().unwrap().ends_with("debian.yml:12"), "{missing:?}");

    desk.approve();
    task.run(&stop).await.unwrap();
    let seen = shelf.entries("sim", page.clone()).await.unwrap();
    assert_eq!(seen.len(), 1);
    let (_, there) = &seen[0];
    assert_eq!((there.standing, &there.actual["status"]), (Standing::Converged, &"active".into()));
    let deeds = shelf.deeds("sim", &there.name, 10).await.unwrap();
    assert_eq!((deeds.len(), &*deeds[0].action, &*deeds[0].outcome), (1, "create", "done"));
    assert!(deeds[0].request_id.is_some());
    let looks = shelf.looks().await.unwrap();
    assert_eq!(looks[0].counts, [("converged".to_owned(), 1)].into());

    let other = format!("images:\n{}", stage.definition("Debian 12", &["1"], ""));
    std::fs::write(dir.path().join("images/debian.yml"), other).unwrap();
    task.run(&stop).await.unwrap();
    let undeclared = Select { standing: Some(Standing::Undeclared), ..page.clone() };
    assert_eq!(shelf.entries("sim", undeclared).await.unwrap().len(), 1);
}
