//! No permission, or somebody else has it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use lotse_core::error::{ErrorKind, Explain, chain};
use lotse_core::journal::Journal;
use lotse_store::{Error, Store, StoreUrl, sqlx};

use crate::child::{self, Running};
use crate::home::{Home, impatient, intent, on_both, second, statement, tamper};

/// Runs as a user to whom the files of the test do not belong; root may write everywhere.
#[tokio::test]
async fn a_state_that_may_not_be_written_is_said() {
    const TEST: &str = "access::a_state_that_may_not_be_written_is_said";
    if let Some(url) = child::job() {
        let error = Store::open(&url.parse().unwrap()).await.unwrap_err();
        return child::tell(&format!("{:?} {}; {}", error.kind(), chain(&error), error.hints()[0]));
    }
    let home = Home::sqlite();
    home.open().await.close().await;
    let wrapper = if rustix::process::geteuid().is_root() {
        // Another user may not be able to reach the program where it is.
        let program = home.directory().join("it");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let identity = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c"];
        let again = format!("exec {} \"$@\"", program.display());
        identity.into_iter().map(str::to_owned).chain([again]).collect()
    } else {
        Vec::new()
    };
    let wrapper: Vec<_> = wrapper.iter().map(String::as_str).collect();
    for file in ["lotse.db", "lotse.db-wal", "lotse.db-shm"] {
        let file = home.directory().join(file);
        if file.exists() {
            fs::set_permissions(file, fs::Permissions::from_mode(0o444)).unwrap();
        }
    }
    fs::set_permissions(home.directory(), fs::Permissions::from_mode(0o555)).unwrap();

    let there = Running::start(&wrapper, TEST, &home.full_url).next().unwrap();
    let expected = format!(
        "Storage cannot open the state: this user cannot write {}: ",
        home.file().display()
    );
    assert!(there.starts_with(&expected), "{there}");
    assert!(there.contains("let this user write"), "{there}");

    let missing = home.directory().join("other.db");
    let url = StoreUrl::sqlite(&missing).to_string();
    let new = Running::start(&wrapper, TEST, &url).next().unwrap();
    let expected =
        format!("Storage cannot use {} for the state: Permission denied", missing.display());
    assert!(new.starts_with(&expected), "{new}");

    fs::set_permissions(home.directory(), fs::Permissions::from_mode(0o755)).unwrap();
}

on_both! {
    async fn a_lock_of_another_process_is_said_and_waited_out(home: Home) {
        home.open().await.close().await;
        let store = Store::open_with(&home.url, impatient()).await.unwrap();
        let mut other = home.connect().await;
        let lock = if home.url.is_shared() {
            "BEGIN; LOCK TABLE intent IN ACCESS EXCLUSIVE MODE"
        } else {
            "BEGIN IMMEDIATE"
        };
        statement(&mut other, lock).await;
        let intent = intent("c", "n", second(1));
        let error = store.intend(&intent).await.unwrap_err();
        let error = Error::find(&error).unwrap();
        assert_eq!(
            error.to_string(),
            format!("cannot write the journal: {} is locked by another process", store.name())
        );
        assert_eq!(error.kind(), ErrorKind::Busy);

        statement(&mut other, "ROLLBACK").await;
        store.intend(&intent).await.unwrap();
        assert_eq!(store.journal_unfinished().await.unwrap(), [intent]);
    }
}

on_both! {
    async fn a_writer_that_never_ends_does_not_block_others_for_ever(home: Home) {
        let store = Store::open_with(&home.url, impatient()).await.unwrap();
        let mut held = Vec::new();
        let error = loop {
            match store.begin("write").await {
                Ok(transaction) => held.push(transaction),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::Slow { .. } | Error::Locked { .. }), "{error:?}");
        drop(held);
        store.begin("write").await.unwrap().commit().await.unwrap();
    }
}

on_both! {
    async fn a_database_of_another_program_is_left_alone(home: Home) {
        tamper(&home, "CREATE TABLE run (song TEXT)").await;
        let error = Store::open(&home.url).await.unwrap_err();
        assert!(matches!(error, Error::NotOurs { .. }), "{error:?}");
        let mut beside = home.connect().await;
        let columns = sqlx::query("SELECT * FROM run").fetch_all(&mut beside).await.unwrap();
        assert!(columns.is_empty());
        tamper(&home, "DROP TABLE run").await;
        home.open().await;
    }
}
