//! Not a database, or no longer.

use std::fs;

use lotse_core::error::{ErrorKind, Explain, chain};
use lotse_core::journal::Journal;
use lotse_store::audit::{Deed, DeedOutcome};
use lotse_store::{Error, Store, StoreUrl};

use crate::home::{Home, intent, second};

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() {
    let home = Home::sqlite();
    let text = "these are my notes\n".repeat(100);
    fs::write(home.file(), &text).unwrap();
    let error = Store::open(&home.url).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{} is not a database", home.file().display()));
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert_eq!(fs::read_to_string(home.file()).unwrap(), text);
}

/// Every page in turn is overwritten, and the file is cut at every page: reading and writing must
/// end with an answer or with the right complaint.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_said_to_be_damaged() {
    const PAGE: usize = 4096;
    let home = Home::sqlite();
    let store = home.open().await;
    let mut transaction = store.begin("fill").await.unwrap();
    for number in 0..60 {
        transaction.record(deed(number));
    }
    transaction.commit().await.unwrap();
    for number in 0..30 {
        store.intend(&intent("c", &"n".repeat(500), second(number))).await.unwrap();
    }
    store.close().await;
    let sound = fs::read(home.file()).unwrap();
    let pages = sound.len() / PAGE;
    assert!(pages > 20, "{pages}");

    let mut complaints = 0;
    for page in 0..pages {
        let mut overwritten = sound.clone();
        overwritten[page * PAGE..][..PAGE].fill(0xa5);
        for damaged in [&overwritten[..], &sound[..page * PAGE + 100]] {
            for file in ["lotse.db-wal", "lotse.db-shm"] {
                fs::remove_file(home.directory().join(file)).ok();
            }
            fs::write(home.file(), damaged).unwrap();
            if let Err(error) = use_everything(&home.url).await {
                assert_eq!(error.kind(), ErrorKind::Integrity, "page {page}: {}", chain(&error));
                complaints += 1;
            }
        }
    }
    assert!(complaints > pages, "{complaints} complaints of {pages} pages");
}

/// Something somebody did.
pub(crate) fn deed(number: i64) -> Deed {
    Deed {
        at: second(number),
        actor: "ada".to_owned(),
        action: "act".to_owned(),
        object: "o".repeat(300),
        outcome: DeedOutcome::Done,
        request_ids: Vec::new(),
        detail: serde_json::Value::Null,
    }
}

async fn use_everything(url: &StoreUrl) -> Result<(), Error> {
    let store = Store::open(url).await?;
    let used = async {
        store.journal_unfinished().await?;
        store.audit_verify(None).await?;
        store.record(deed(1)).await?;
        store.task_list().await.map(drop)
    };
    let used = used.await;
    store.close().await;
    used
}
