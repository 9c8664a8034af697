//! New commits, broken ones, and what stays in use meanwhile.

use std::sync::Arc;

use lotse_core::task::Task as _;
use lotse_source::config::{Remote, Target};
use lotse_source::webhook::Requests;
use lotse_source::{Folder, Git, Outcome, Source, SourceTask, Verdict};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::server::Server;
use crate::world::{World, advanced, broken, catalog, look, unreachable, validate};

#[tokio::test]
async fn the_first_look_takes_the_head_and_the_next_one_leaves_it() {
    let world = World::new();
    let server = Server::start(&world.directory.path().join("repos")).await;
    let source = world.source(&server.url("estate/.git"));
    assert_eq!((source.status().verdict, source.checkout().is_none()), (Verdict::Starting, true));
    let head = world.repository.git(&["rev-parse", "HEAD"]);
    let outcome = look(&source).await;
    assert_eq!(advanced(&outcome), head);
    assert_eq!(catalog(&source), "one");
    assert_eq!(source.changes().borrow().as_ref().unwrap().as_str(), head);
    assert_eq!(look(&source).await, Outcome::Unchanged);
    let status = source.status();
    let good = status.good.as_ref().unwrap();
    assert_eq!((status.verdict, &*good.subject, &*good.author), (Verdict::Good, "first", "Ada"));
    assert_eq!(good.committed.unwrap().to_string(), "2026-01-02T03:00:01Z");
    let file = world.status_file();
    assert_eq!((&file["verdict"], &file["good"]["commit"]), (&"good".into(), &head.into()));
}

#[tokio::test]
async fn a_repository_on_this_machine_is_followed_without_a_server() {
    let world = World::new();
    let source = world.source(world.repository.path.to_str().unwrap());
    advanced(&look(&source).await);
    world.repository.write("images/catalog.yml", "two");
    let second = world.repository.commit("second");
    assert_eq!(advanced(&look(&source).await), second);
    assert_eq!(catalog(&source), "two");
}

#[tokio::test]
async fn a_broken_commit_leaves_the_last_good_one_in_use_and_says_so_everywhere() {
    let world = World::new();
    let source = Arc::new(world.source(&world.url()));
    let first = advanced(&look(&source).await).to_owned();
    world.repository.write("images/catalog.yml", "broken");
    let second = world.repository.commit("second");
    world.later(60);
    let outcome = look(&source).await;
    // The place is told from the top of the estate, not from our state directory.
    assert_eq!(broken(&outcome), "images/catalog.yml is wrong");
    assert_eq!(catalog(&source), "one");
    let file = world.status_file();
    assert_eq!(
        (&file["verdict"], &file["broken"]["commit"]),
        (&"broken".into(), &second.clone().into())
    );
    assert_eq!(file["good"]["commit"], first);
    assert_eq!(file["broken"]["fault"]["hints"][0], "write something else");
    let mut registry = Registry::default();
    source.register(&mut registry);
    let mut metrics = String::new();
    encode(&mut metrics, &registry).unwrap();
    for line in [
        "lotse_estate_broken 1.0".to_owned(),
        "lotse_estate_unreachable 0.0".to_owned(),
        format!("lotse_estate_revision{{commit=\"{first}\"}} 1.0"),
        "lotse_estate_looks_total{outcome=\"broken\"} 1".to_owned(),
        "lotse_estate_revision_since_time_seconds 1790000000.0".to_owned(),
    ] {
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
    assert_eq!(world.revisions().len(), 1, "what is broken is not kept");

    let since = source.status().broken.unwrap().since;
    world.later(60);
    assert!(matches!(look(&source).await, Outcome::Broken { .. }));
    assert_eq!(source.status().broken.unwrap().since, since);

    world.repository.write("images/catalog.yml", "three");
    let third = world.repository.commit("third");
    assert_eq!(advanced(&look(&source).await), third);
    assert_eq!((catalog(&source), source.status().broken), ("three".to_owned(), None));
}

#[tokio::test]
async fn a_broken_commit_is_fetched_once() {
    let world = World::new();
    let server = Server::start(&world.directory.path().join("repos")).await;
    world.repository.write("images/catalog.yml", "broken");
    world.repository.commit("second");
    let source = world.source(&server.url("estate/.git"));
    broken(&look(&source).await);
    assert_eq!(server.requests().len(), 4);
    broken(&look(&source).await);
    assert_eq!(server.requests().len(), 2, "capabilities and references, no fetch");
    // Another version of Lotse may judge otherwise.
    drop(source);
    let source = world.source(&server.url("estate/.git"));
    broken(&look(&source).await);
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn the_branch_may_be_rewritten_and_deleted() {
    let world = World::new();
    let source = world.source(&world.url());
    let first = advanced(&look(&source).await).to_owned();
    world.repository.write("images/catalog.yml", "two");
    world.repository.commit("second");
    advanced(&look(&source).await);
    world.repository.git(&["reset", "-q", "--hard", &first]);
    assert_eq!(advanced(&look(&source).await), first);
    assert_eq!(catalog(&source), "one");
    world.repository.git(&["checkout", "-q", "--orphan", "other"]);
    world.repository.git(&["branch", "-q", "-D", "main"]);
    let message = unreachable(&look(&source).await);
    assert!(message.ends_with("has no refs/heads/main"), "{message}");
    assert_eq!(source.status().verdict, Verdict::Unreachable);
    assert_eq!(catalog(&source), "one");
}

#[tokio::test]
async fn a_restart_goes_on_from_the_last_good_revision_without_any_network() {
    let world = World::new();
    let url = world.url();
    let first = {
        let source = world.source(&url);
        advanced(&look(&source).await).to_owned()
    };
    std::fs::rename(&world.repository.path, world.directory.path().join("elsewhere")).unwrap();
    let source = world.source(&url);
    assert_eq!(source.status().good.unwrap().commit.as_str(), first);
    assert_eq!(source.checkout().unwrap().commit().as_str(), first);
    let message = unreachable(&look(&source).await);
    assert!(message.contains("not appear to be a git repository"), "{message}");
    assert_eq!(catalog(&source), "one");
}

#[tokio::test]
async fn another_source_does_not_inherit_the_revision() {
    let mut world = World::new();
    let url = world.url();
    advanced(&look(&world.source(&url)).await);
    world.target = Target::branch("production");
    let source = world.source(&url);
    assert!(source.status().good.is_none() && source.checkout().is_none());
    assert!(!source.root().exists());
}

#[tokio::test]
async fn two_processes_do_not_follow_into_one_directory() {
    let world = World::new();
    let _first = world.source(&world.url());
    let second = Source::git(world.settings(&world.url()), world.shared_clock());
    let error = second.unwrap_err().to_string();
    assert!(error.contains("another process follows this source"), "{error}");
}

#[tokio::test]
async fn what_somebody_reads_is_kept_and_the_rest_is_removed() {
    let world = World::new();
    let source = world.source(&world.url());
    advanced(&look(&source).await);
    let held = source.checkout().unwrap();
    for number in 0..4 {
        world.repository.write("images/catalog.yml", &format!("number {number}"));
        world.repository.commit("next");
        advanced(&look(&source).await);
    }
    let text = std::fs::read_to_string(held.path().join("images/catalog.yml")).unwrap();
    assert_eq!((&*text, world.revisions().len()), ("one", 3));
    drop(held);
    world.repository.write("images/catalog.yml", "last");
    world.repository.commit("last");
    advanced(&look(&source).await);
    assert_eq!(world.revisions().len(), 2);
}

#[tokio::test]
async fn a_path_a_tag_and_a_commit_can_be_followed() {
    let mut world = World::new();
    world.repository.write("clouds/north/images/catalog.yml", "north");
    let second = world.repository.commit("second");
    world.repository.git(&["tag", "-a", "v1", "-m", "release"]);
    world.repository.write("clouds/north/images/catalog.yml", "later");
    world.repository.commit("third");
    world.inside = "clouds/north".to_owned();
    for target in
        [Target::Reference("refs/tags/v1".to_owned()), Target::Commit(second.parse().unwrap())]
    {
        world.target = target;
        let source = world.source(&world.url());
        assert_eq!(advanced(&look(&source).await), second);
        assert_eq!(catalog(&source), "north");
    }
    world.inside = "clouds/south".to_owned();
    let source = world.source(&world.url());
    assert_eq!(broken(&look(&source).await), "the revision has no directory \"clouds/south\"");
}

#[tokio::test]
async fn the_task_reports_what_is_in_use_and_fails_while_the_head_is_broken() {
    let world = World::new();
    let source = Arc::new(world.source(&world.url()));
    let task = SourceTask::new(
        "estate".to_owned(),
        source.clone(),
        validate(),
        std::time::Duration::from_mins(1),
        Arc::new(Requests::default()),
    );
    let report = task.activate(&CancellationToken::new()).await.unwrap();
    assert!(report.summary.ends_with("\"first\" in use"), "{}", report.summary);
    assert_eq!(report.detail["verdict"], "good");
    world.repository.write("images/catalog.yml", "broken");
    let second = world.repository.commit("second");
    let error = task.activate(&CancellationToken::new()).await.unwrap_err();
    let expected = format!("revision {} is broken: images/catalog.yml is wrong", &second[..12]);
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.hints(), ["write something else"]);
    let stopped = CancellationToken::new();
    stopped.cancel();
    let before = source.status();
    let error = task.activate(&stopped).await.unwrap_err();
    assert!(error.to_string().contains("interrupted"), "{error}");
    assert_eq!(source.status(), before);
}

#[tokio::test]
async fn a_folder_is_read_in_place_and_its_mistakes_are_told() {
    let world = World::new();
    let path = world.repository.path.clone();
    let source = Source::folder(Folder { path: path.clone() }, world.shared_clock());
    assert_eq!(look(&source).await, Outcome::Unchanged);
    assert_eq!((source.root(), source.status().verdict), (path, Verdict::Good));
    world.repository.write("images/catalog.yml", "broken");
    let outcome = look(&source).await;
    let Outcome::Invalid { fault } = outcome else { panic!("{outcome:?}") };
    assert_eq!(fault.message, "images/catalog.yml is wrong");
    assert_eq!(source.status().verdict, Verdict::Broken);
}

#[tokio::test]
async fn ssh_is_run_with_the_repository_as_one_word() {
    let world = World::new();
    // Stands for ssh: runs the last argument as the host would.
    let stand_in = world.directory.path().join("ssh");
    let log = world.directory.path().join("arguments");
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" > {}\nfor last; do :; done\nexec sh -c \"$last\"\n",
        log.display()
    );
    std::fs::write(&stand_in, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&stand_in, mode).unwrap();
    let url = format!("ssh://ops@git.example.org:2222{}", world.repository.path.display());
    let mut settings: Git = world.settings(&url);
    assert!(matches!(settings.remote, Remote::Ssh(_)));
    settings.programs.ssh = stand_in;
    let source = Source::git(settings, world.shared_clock()).unwrap();
    advanced(&look(&source).await);
    let arguments = std::fs::read_to_string(log).unwrap();
    assert!(arguments.contains("-p\n2222\n-l\nops\n--\ngit.example.org\n"), "{arguments}");
}
