//! One daemon per state directory.

use lotse_core::error::{ErrorKind, Explain};
use lotse_store::{Error, Store};

use crate::child::{self, Running};
use crate::home::{Home, within};

#[tokio::test]
async fn a_second_daemon_on_one_directory_is_told_who_is_there() {
    let home = Home::sqlite();
    let first = home.open().await;
    let second = home.open().await;
    let lock = first.lock_instance("harbour, process 4711").await.unwrap();

    let error = second.lock_instance("harbour, process 4712").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("another instance (harbour, process 4711) is using {}", home.file().display())
    );
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(matches!(error, Error::InstanceRunning { .. }));

    drop(lock);
    let _lock = second.lock_instance("short").await.unwrap();
    let error = first.lock_instance("x").await.unwrap_err();
    assert!(error.to_string().contains("(short)"), "{error}");
}

/// Whoever is killed gives nothing back himself.
#[tokio::test]
async fn the_lock_of_a_killed_daemon_is_free() {
    const TEST: &str = "instance::the_lock_of_a_killed_daemon_is_free";
    if let Some(url) = child::job() {
        let store = Store::open(&url.parse().unwrap()).await.unwrap();
        let _lock = store.lock_instance("the child").await.unwrap();
        child::tell("locked");
        while child::told_to_go_on() {}
        return;
    }
    let home = Home::sqlite();
    let mut child = Running::start(&[], TEST, &home.full_url);
    assert_eq!(child.next().unwrap(), "locked");
    let store = home.open().await;
    let error = store.lock_instance("the parent").await.unwrap_err();
    assert!(error.to_string().contains("(the child)"), "{error}");
    child.kill();
    store.lock_instance("the parent").await.unwrap();
}

#[tokio::test]
async fn commands_work_beside_the_daemon() {
    let home = Home::sqlite();
    let daemon = home.open().await;
    let _lock = daemon.lock_instance("daemon").await.unwrap();
    Store::open(&home.url).await.unwrap().check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "real: postgresql"]
async fn several_daemons_share_a_server() {
    within(Home::postgres().await, async |home| {
        let (one, two) = (home.open().await, home.open().await);
        assert!(one.is_shared());
        let _one = one.lock_instance("one").await.unwrap();
        let _two = two.lock_instance("two").await.unwrap();
    })
    .await;
}
