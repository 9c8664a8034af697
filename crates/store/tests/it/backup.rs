//! Copies of a state, and going back to them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use lotse_core::error::{ErrorKind, Explain};
use lotse_core::journal::Journal;
use lotse_store::audit::Verdict;
use lotse_store::backup::{backup, restore};
use lotse_store::{Error, Store, StoreUrl};

use crate::child::{self, Running};
use crate::home::{Home, intent, second, statement, tamper};

/// The ids of the open intents in the state at this address.
async fn intents(url: &StoreUrl) -> BTreeSet<String> {
    let store = Store::open(url).await.unwrap();
    let verdict = store.audit_verify(None).await.unwrap();
    assert!(matches!(verdict, Verdict::Intact { .. }), "{verdict:?}");
    let found = store.journal_unfinished().await.unwrap();
    store.close().await;
    found.iter().map(|intent| intent.id.to_string()).collect()
}

fn names_in(directory: &std::path::Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        names.map(|one| one.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_copy_is_private_complete_and_can_be_gone_back_to() {
    let home = Home::sqlite();
    let store = home.open().await;
    store.intend(&intent("c", "n", second(1))).await.unwrap();
    let away = tempfile::tempdir().unwrap();
    let file = away.path().join("copy.db");
    // The daemon goes on: its connections and its lock stay as they are.
    let _lock = store.lock_instance("the daemon").await.unwrap();
    let copied = backup(&home.url, &file).await.unwrap();
    assert_eq!(copied.file, file);
    assert_eq!(copied.bytes, fs::metadata(&file).unwrap().len());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(names_in(away.path()), ["copy.db"]);

    let elsewhere = Home::sqlite();
    restore(&elsewhere.url, &file, &[], "a test").await.unwrap();
    assert_eq!(intents(&elsewhere.url).await, intents(&home.url).await);
    assert_eq!(fs::metadata(elsewhere.file()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let home = Home::sqlite();
    home.open().await.close().await;
    let file = home.directory().join("copy.db");
    fs::write(&file, "my notes").unwrap();
    let error = backup(&home.url, &file).await.unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "my notes");

    fs::remove_file(&file).unwrap();
    backup(&home.url, &file).await.unwrap();
    let error = restore(&home.url, &file, &[], "a test").await.unwrap_err();
    assert!(matches!(&error, Error::Exists { path } if *path == home.file()), "{error}");
    // What SQLite left beside a database that is gone would be read as a part of the new one.
    fs::remove_file(home.file()).unwrap();
    fs::write(home.directory().join("lotse.db-wal"), "").unwrap();
    let error = restore(&home.url, &file, &[], "a test").await.unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
    assert!(!home.file().exists());
}

#[tokio::test]
async fn a_state_that_a_daemon_works_with_is_not_gone_back_on() {
    let home = Home::sqlite();
    let store = home.open().await;
    let file = home.directory().join("copy.db");
    backup(&home.url, &file).await.unwrap();
    let _lock = store.lock_instance("the daemon").await.unwrap();
    let error = restore(&home.url, &file, &[], "a test").await.unwrap_err();
    assert!(error.to_string().contains("(the daemon)"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Busy);
}

#[tokio::test]
async fn what_is_no_copy_of_ours_is_not_gone_back_to() {
    let home = Home::sqlite();
    let target = Home::sqlite();
    let file = home.directory().join("other.db");
    let refuse = async |file: &std::path::Path| {
        let error = restore(&target.url, file, &[], "a test").await.unwrap_err();
        assert_eq!(names_in(target.directory()), ["lotse.db.lock"], "{error}");
        error
    };
    assert!(matches!(refuse(&file).await, Error::Absent { .. }));
    fs::write(&file, "").unwrap();
    assert!(matches!(refuse(&file).await, Error::Absent { .. }));
    fs::write(&file, "these are my notes\n".repeat(100)).unwrap();
    assert!(matches!(refuse(&file).await, Error::NotADatabase { .. }));
    fs::remove_file(&file).unwrap();
    let url = format!("sqlite://{}?mode=rwc", file.display());
    statement(&mut crate::home::connect(&url).await, "CREATE TABLE lease (x INTEGER)").await;
    assert!(matches!(refuse(&file).await, Error::NotOurs { .. }));

    home.open().await.close().await;
    tamper(&home, "INSERT INTO schema_step (part, number) VALUES ('foundation', 999)").await;
    let newer = home.directory().join("newer.db");
    backup(&home.url, &newer).await.unwrap();
    assert!(matches!(refuse(&newer).await, Error::TooNew { found: 999, .. }));
}

#[tokio::test]
async fn a_damaged_state_gives_no_copy() {
    const PAGE: usize = 4096;
    let home = Home::sqlite();
    let store = home.open().await;
    for number in 0..40 {
        store.intend(&intent("c", &"n".repeat(900), second(number))).await.unwrap();
    }
    store.close().await;
    let mut bytes = fs::read(home.file()).unwrap();
    let last = bytes.len() - PAGE;
    bytes[last..].fill(0xa5);
    fs::write(home.file(), &bytes).unwrap();
    let away = tempfile::tempdir().unwrap();
    let error = backup(&home.url, &away.path().join("copy.db")).await.unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert!(names_in(away.path()).is_empty(), "{:?}", names_in(away.path()));
}

#[tokio::test]
async fn a_server_is_copied_with_its_own_tools() {
    let url: StoreUrl = "postgres://lotse:hush@db.example/state".parse().unwrap();
    let error = backup(&url, std::path::Path::new("copy.db")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.hints()[0].contains("pg_dump"), "{error}");
    assert!(!error.to_string().contains("hush"), "{error}");
}

/// Several writers in another process, copies in a row: each copy has what was acknowledged before
/// it began, is whole, and has no more than what came before it ended. In the end the writer is
/// killed, and the state it left in the middle of its work is copied, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_under_load_have_all_that_was_acknowledged_before() {
    const TEST: &str = "backup::copies_under_load_have_all_that_was_acknowledged_before";
    if let Some(url) = child::job() {
        let store = Store::open(&url.parse().unwrap()).await.unwrap();
        for number in 0.. {
            let intent = intent("c", &"n".repeat(2000), second(number));
            store.intend(&intent).await.unwrap();
            child::tell(&intent.id.to_string());
        }
        return;
    }
    let home = Home::sqlite();
    let away = tempfile::tempdir().unwrap();
    let mut child = Running::start(&[], TEST, &home.full_url);
    let mut acknowledged = BTreeSet::new();
    for round in 0..5 {
        for _ in 0..30 {
            acknowledged.insert(child.next().expect("the child writes until it is killed"));
        }
        let file = away.path().join(format!("{round}.db"));
        backup(&home.url, &file).await.unwrap();
        let copy = intents(&StoreUrl::sqlite(&file)).await;
        assert!(acknowledged.is_subset(&copy), "round {round}");
    }
    acknowledged.extend(child.kill());
    let file = away.path().join("killed.db");
    backup(&home.url, &file).await.unwrap();
    let copy = intents(&StoreUrl::sqlite(&file)).await;
    assert!(acknowledged.is_subset(&copy));
    assert_eq!(copy, intents(&home.url).await);
}

/// Whoever is killed while copying leaves nothing under the name of the copy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_there_as_a_whole_or_not_at_all() {
    const TEST: &str = "backup::a_copy_is_there_as_a_whole_or_not_at_all";
    if let Some(url) = child::job() {
        let url: StoreUrl = url.parse().unwrap();
        for number in 0.. {
            let file = format!("{}.{number}.copy", url.to_string().trim_start_matches("sqlite:"));
            child::tell(&file);
            backup(&url, std::path::Path::new(&file)).await.unwrap();
        }
        return;
    }
    let home = Home::sqlite();
    let store = home.open().await;
    for number in 0..200 {
        store.intend(&intent("c", &"n".repeat(2000), second(number))).await.unwrap();
    }
    store.close().await;
    let expected = intents(&home.url).await;
    let mut killed_in_between = 0;
    for round in 0..12 {
        let mut child = Running::start(&[], TEST, &home.full_url);
        let mut file = child.next().unwrap();
        let moment = std::time::Instant::now() + std::time::Duration::from_millis(round);
        while std::time::Instant::now() < moment {
            std::hint::spin_loop();
        }
        if let Some(last) = child.kill().pop() {
            file = last;
        }
        if fs::exists(&file).unwrap() {
            assert_eq!(intents(&StoreUrl::sqlite(&file)).await, expected, "round {round}");
        } else {
            killed_in_between += 1;
        }
        for name in names_in(home.directory()) {
            if name.contains(".copy") {
                fs::remove_file(home.directory().join(name)).unwrap();
            }
        }
    }
    assert!(killed_in_between > 0, "no kill came while a copy was made");
}
