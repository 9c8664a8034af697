//! Opening: files, permissions, upgrades.

use std::os::unix::fs::PermissionsExt;

use lotse_core::error::{ErrorKind, Explain};
use lotse_core::journal::Journal;
use lotse_store::{Error, Store, StoreUrl, sqlx};

use sqlx::Row;

use crate::home::{Home, intent, on_both, second, tamper};

#[tokio::test]
async fn files_and_directory_are_for_their_owner_only() {
    let home = Home::sqlite();
    let directory = home.directory().join("new/state dir?#%41");
    let store = Store::open_in_directory(&directory).await.unwrap();
    store.intend(&intent("c", "n", second(1))).await.unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    for file in ["lotse.db", "lotse.db-wal", "lotse.db-shm"] {
        assert_eq!(mode(&directory.join(file)), 0o600, "{file}");
    }
    assert_eq!(store.name(), directory.join("lotse.db").to_str().unwrap());
}

#[tokio::test]
async fn a_state_path_below_a_file_names_the_path() {
    let home = Home::sqlite();
    std::fs::write(home.directory().join("file"), "").unwrap();
    let error = Store::open_in_directory(&home.directory().join("file/state")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().contains("file/state for the state"), "{error}");
}

on_both! {
    async fn a_second_opening_finds_what_the_first_wrote(home: Home) {
        let store = home.open().await;
        let written = intent("c", "n", second(1));
        store.intend(&written).await.unwrap();
        store.close().await;
        let store = home.open().await;
        assert_eq!(store.journal_unfinished().await.unwrap(), [written]);
    }
}

on_both! {
    async fn many_can_open_a_new_state_at_once(home: Home) {
        let mut openings = tokio::task::JoinSet::new();
        for number in 0..8 {
            let url = home.url.clone();
            openings.spawn(async move {
                let store = Store::open(&url).await?;
                store.intend(&intent("c", "n", second(number))).await.unwrap();
                Ok::<_, Error>(())
            });
        }
        for opened in openings.join_all().await {
            opened.unwrap();
        }
        assert_eq!(home.open().await.journal_unfinished().await.unwrap().len(), 8);
    }
}

on_both! {
    async fn a_state_of_a_newer_version_is_refused_and_left_alone(home: Home) {
        home.open().await.close().await;
        tamper(&home, "INSERT INTO schema_step (part, number) VALUES ('foundation', 99)").await;
        let error = Store::open(&home.url).await.unwrap_err();
        assert!(matches!(error, Error::TooNew { found: 99, .. }), "{error:?}");
        assert!(error.to_string().contains("was written by a newer version"), "{error}");
        assert!(error.hints()[0].contains("backup"));

        tamper(&home, "DELETE FROM schema_step WHERE number = 99").await;
        home.open().await;
    }
}

#[tokio::test]
async fn nobody_listening_is_said_at_once() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url: StoreUrl = format!("postgres://lotse:hush@127.0.0.1:{port}/state").parse().unwrap();
    let error = Store::open(&url).await.unwrap_err();
    let message = lotse_core::error::chain(&error);
    assert!(
        message.starts_with(&format!(
            "cannot open the state: no connection to postgres://lotse@127.0.0.1:{port}/state: "
        )),
        "{message}"
    );
    assert!(message.contains("refused"), "{message}");
    assert!(!format!("{error:?}").contains("hush"));
}

on_both! {
    /// Whatever the administrator has set.
    async fn writers_wait_for_the_disk(home: Home) {
        if home.url.is_shared() {
            tamper(&home, "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() \
                           || ' SET synchronous_commit = off'; END $$").await;
        }
        let store = home.open().await;
        let mut transaction = store.begin("look").await.unwrap();
        let settings: &[_] = if home.url.is_shared() {
            &[("SELECT current_setting('synchronous_commit')", "on")]
        } else {
            &[("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous", "2"), ("PRAGMA journal_mode", "wal")]
        };
        for (query, expected) in settings {
            let rows = transaction.fetch(sqlx::query(*query)).await.unwrap();
            assert_eq!(rows[0].get::<String, _>(0), *expected);
        }
    }
}
