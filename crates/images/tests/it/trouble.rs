//! What goes wrong besides: imports that do not end, and two programs at one work.

use std::time::Duration;

use crate::stage::Stage;

#[tokio::test]
async fn an_import_that_does_not_end_is_told_and_the_next_run_goes_on_with_it() {
    let mut stage = Stage::simulated().await;
    let name = crate::stage::file("Debian 13", "1");
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
async fn two_programs_without_a_common_state_make_one_image() {
    let stage = Stage::simulated().await;
    let name = crate::stage::file("Debian 13", "1");
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
