//! What goes wrong besides: publishers that fail, imports that do not end, and two programs at one
//! work.

use std::time::Duration;

use lotse_images::ImportPreference;
use lotse_sim::Fault;

use crate::mirror::Trouble;
use crate::stage::{Stage, file};

#[tokio::test]
async fn an_import_that_does_not_end_is_told_and_the_next_run_goes_on_with_it() {
    let mut stage = Stage::simulated().await;
    let name = file("Debian 13", "1");
    let held = stage.mirror.hold(&name);
    stage.options.import_timeout = Duration::from_millis(200);
    let catalog = Stage::catalog(&[stage.definition("Debian 13", &["1"], "")]);
    let failures = stage.failures(&catalog).await;
    assert!(failures[0].contains("importing"), "{failures:?}");
    let begun = stage.images().await;
    assert_eq!((begun.len(), begun[0].visibility.is_open()), (1, false));
    held.release();
    stage.options.import_timeout = Duration::from_mins(2);
    stage.converge(&catalog).await;
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
    assert_eq!(stage.images().await[0].id, begun[0].id, "nothing is imported twice");
}

#[tokio::test]
async fn an_import_that_is_accepted_and_never_begun_is_told_and_asked_for_again() {
    let mut stage = Stage::simulated().await;
    stage.options.import_timeout = Duration::from_millis(200);
    let faults = stage.sim.as_ref().unwrap().faults();
    faults.add(Fault::status(202).on("image", "POST", "/v2/images/*/import").times(1));
    let catalog = Stage::catalog(&[stage.definition("Debian 13", &["1"], "")]);
    let failures = stage.failures(&catalog).await;
    assert!(failures[0].contains("has not begun it (status queued)"), "{failures:?}");
    let begun = stage.images().await;
    assert_eq!((begun.len(), begun[0].visibility.is_open()), (1, false));
    stage.options.import_timeout = Duration::from_mins(2);
    stage.converge(&catalog).await;
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
    assert_eq!(stage.images().await[0].id, begun[0].id, "the image that is there is taken");
}

#[tokio::test]
async fn two_programs_without_a_common_state_make_one_image() {
    let stage = Stage::simulated().await;
    let name = file("Debian 13", "1");
    let held = stage.mirror.hold(&name);
    let catalog = Stage::catalog(&[stage.definition("Debian 13", &["1"], "")]);
    let first = stage.converge(&catalog);
    let second = async {
        held.asked().await;
        // It finds the image that the first one is importing, and waits for it as well.
        let plan = stage.plan(&catalog).await;
        held.release();
        stage.make(&plan).await;
    };
    tokio::join!(first, second);
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
    assert!(stage.plan(&catalog).await.is_empty());
}

/// A cloud to which all content passes through us, from a publisher of whom little is awaited.
async fn impatient() -> Stage {
    let mut stage = Stage::simulated().await;
    stage.options.import = ImportPreference::Stream;
    stage.limits.stall = Duration::from_millis(100);
    stage.limits.backoff.first = Duration::from_millis(1);
    stage.limits.backoff.most = Duration::from_millis(5);
    stage.limits.backoff.attempts = 2;
    stage
}

#[tokio::test]
async fn a_publisher_that_recovers_is_asked_again_and_what_came_is_kept() {
    let stage = impatient().await;
    for (version, trouble) in [("1", Trouble::Status(500)), ("2", Trouble::Truncated)] {
        let name = file("Debian 13", version);
        stage.mirror.fail(&name, &[trouble]);
        let catalog = Stage::catalog(&[stage.definition("Debian 13", &[version], "")]);
        stage.converge(&catalog).await;
        let images = stage.images().await;
        let lead = images.iter().find(|image| image.name == stage.name("Debian 13")).unwrap();
        assert_eq!(lead.os_hash_value, Some(crate::mirror::sha512(&name)), "{trouble:?}");
    }
}

#[tokio::test]
async fn a_publisher_that_does_not_recover_is_told_and_leaves_nothing() {
    let broken = [Trouble::Status(503); 40];
    let cut = [Trouble::Truncated; 40];
    for (troubles, said) in [(&broken, "503"), (&cut, "Debian-13-1")] {
        let stage = impatient().await;
        let name = file("Debian 13", "1");
        stage.mirror.fail(&name, troubles);
        let catalog = Stage::catalog(&[stage.definition("Debian 13", &["1"], "")]);
        let failures = stage.failures(&catalog).await;
        assert!(failures[0].contains(said), "{failures:?}");
        assert_eq!(stage.images().await.len(), 0, "it costs no request of the cloud");
        stage.mirror.fail(&name, &[]);
        stage.converge(&catalog).await;
        assert_eq!(stage.shown().await, ["Debian 13: public active"]);
    }
}

#[tokio::test]
async fn a_publisher_that_stalls_is_not_waited_for_without_end() {
    let stage = impatient().await;
    let name = file("Debian 13", "1");
    let held = stage.mirror.hold(&name);
    let catalog = Stage::catalog(&[stage.definition("Debian 13", &["1"], "")]);
    let failures = stage.failures(&catalog).await;
    assert!(failures[0].contains("sent nothing for 0.1 s"), "{failures:?}");
    assert_eq!(stage.images().await.len(), 0);
    held.release();
    stage.converge(&catalog).await;
    assert_eq!(stage.shown().await, ["Debian 13: public active"]);
}
