//! What the upstream monitor knows, taken over from its database.

use std::sync::Arc;

use lotse_conformance::monitor::Imported;
use lotse_core::time::SignedDuration;
use lotse_store::outbox::Begin;
use lotse_store::{Store, sqlx};
use serde_json::{Value, json};

use crate::monitor_stage::{PARTS, SCOPE, Stage};

/// The tables of its schema, as far as they matter. Here they are in the database of the test beside
/// ours, so that it is removed with them.
const TABLES: [&str; 2] = [
    "CREATE TABLE report (reportid serial PRIMARY KEY, reportuuid uuid UNIQUE, checked_at timestamp, \
     subject text, data jsonb)",
    "CREATE TABLE result2 (resultid serial PRIMARY KEY, checked_at timestamp, subject text, \
     scopeuuid uuid, version text, testcase text, result int, approval boolean, reportid integer)",
];

const GOOD: &str = "00000000-0000-4000-8000-000000000001";
const BAD: &str = "00000000-0000-4000-8000-000000000002";

/// A report of the other monitor with these results: testcase, result, approval.
async fn reported(store: &Store, uuid: &str, at: &str, scope: &str, results: &[(&str, i64, bool)]) {
    let data = json!({
        "subject": "old-cloud", "checked_at": at, "spec": { "uuid": scope },
        "run": { "uuid": uuid, "invocations": { "a": { "stderr": ["ERROR: it was so"] } } },
    });
    let insert = sqlx::query(
        "INSERT INTO report (reportuuid, checked_at, subject, data) \
         VALUES ($1::uuid, $2::timestamp, 'old-cloud', $3::jsonb) RETURNING reportid::bigint AS id",
    );
    let insert = insert.bind(uuid.to_owned()).bind(at.to_owned()).bind(data.to_string());
    let rows = store.write("fill the test", insert).await.unwrap();
    let id = lotse_store::row::Columns(&rows[0]).integer("id").unwrap();
    for (testcase, result, approved) in results {
        let insert = sqlx::query(
            "INSERT INTO result2 (checked_at, subject, scopeuuid, version, testcase, result, approval, \
             reportid) VALUES ($1::timestamp, 'old-cloud', $2::uuid, '*', $3, $4, $5 = 1, $6)",
        );
        let insert = insert.bind(at.to_owned()).bind(scope.to_owned()).bind((*testcase).to_owned());
        let insert = insert.bind(*result).bind(i64::from(*approved)).bind(id);
        store.execute("fill the test", insert).await.unwrap();
    }
}

async fn body(store: Arc<Store>) {
    for table in TABLES {
        store.execute("fill the test", sqlx::query(table)).await.unwrap();
    }
    let all = Stage::all(1);
    let all: Vec<_> = all.as_object().unwrap().keys().map(|id| (id.as_str(), 1, true)).collect();
    reported(&store, GOOD, "2026-11-20 10:00:00", SCOPE, &all).await;
    let bad = [("scs-0103-flavor-1v-2", -1, false), ("scs-0103-flavor-1v-4", -1, true)];
    reported(&store, BAD, "2026-11-21 10:00:00.5", SCOPE, &bad).await;
    let stranger = "00000000-0000-4000-8000-00000000000f";
    let (old, foreign) = (GOOD.replace('1', "3"), GOOD.replace('1', "4"));
    reported(&store, &old, "2020-01-01 10:00:00", SCOPE, &bad).await;
    reported(&store, &foreign, "2026-11-21 11:00:00", stranger, &bad).await;
    reported(&store, &GOOD.replace('1', "5"), "2026-11-21 12:00:00", SCOPE, &[]).await;
    let config = serde_json::from_value(json!({"publish": "approved"})).unwrap();
    let url = store.name().to_owned();
    let stage = Stage::with(store, config).await;

    let imported = stage.monitor.import(&url, "ada").await.unwrap();
    let skipped = [
        ("older than reports are kept here", 1),
        ("without results of a scope that is known here", 2),
    ];
    assert_eq!(imported, Imported { reports: 2, known: 0, skipped: skipped.into() });
    // Approved failures count at once, the others wait, as they did there.
    let status = stage.json("/status").await;
    let results = &status["old-cloud"][SCOPE]["results"];
    let of = |testcase: &str| {
        let held = &results[testcase];
        (held["result"].clone(), held["report"].clone(), held["checked_at"].clone())
    };
    let good = json!("2026-11-20T10:00:00");
    assert_eq!(of("scs-0103-flavor-1v-2"), (json!(1), json!(GOOD), good.clone()));
    assert_eq!(of("scs-0103-flavor-2v-8"), (json!(1), json!(GOOD), good));
    let (result, report, checked) = of("scs-0103-flavor-1v-4");
    assert_eq!((result, report), (json!(-1), json!(BAD)));
    assert!(checked.as_str().unwrap().starts_with("2026-11-21T10:00:00"), "{checked}");
    assert_eq!(status["old-cloud"][SCOPE]["result"], -1);
    // Links of the other monitor go on working, with their evidence.
    let page = stage.text(&format!("/page/report/{BAD}")).await;
    assert!(page.contains("ERROR: it was so") && page.contains("not approved"), "{page}");
    let kept: Value = stage.get_as("judge", &format!("/reports/{BAD}")).await.json().await.unwrap();
    assert_eq!(kept["run"]["uuid"], BAD);
    let reader = stage.store.outbox_reader("test", Begin::Oldest).await.unwrap();
    assert!(reader.read(10).await.unwrap().is_empty(), "what was so before is no news");

    // Again, with one report more: only that one is new.
    let fresh = GOOD.replace('1', "6");
    let bad = [("scs-0103-flavor-2v-8", -1, true)];
    reported(&stage.store, &fresh, "2026-11-22 05:00:00", SCOPE, &bad).await;
    let again = stage.monitor.import(&url, "ada").await.unwrap();
    assert_eq!((again.reports, again.known), (1, 2));
    let status = stage.json("/status?subject=old-cloud").await;
    assert_eq!(status["old-cloud"][SCOPE]["results"]["scs-0103-flavor-2v-8"]["result"], -1);
    // What comes after it by the usual way is told as ever.
    stage.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(stage.send("my-cloud", &stage.report("my-cloud", &Stage::all(1))).await, 200);
    assert_eq!(reader.read(10).await.unwrap().len(), 1);
    let deeds = stage.store.audit_list(None, 10).await.unwrap();
    assert!(deeds.iter().all(|entry| entry.deed.action == "conformance.import"), "{deeds:?}");
    assert_eq!(deeds.len(), 2);

    // A database of another program is refused, and leaves nothing.
    for table in ["DROP TABLE result2", "DROP TABLE report"] {
        stage.store.execute("fill the test", sqlx::query(table)).await.unwrap();
    }
    let refused = stage.monitor.import(&url, "ada").await.unwrap_err();
    assert!(refused.to_string().contains("the other program"), "{refused}");
    assert!(stage.monitor.import("postgres://127.0.0.1:1/none", "ada").await.is_err());
    assert_eq!(stage.store.audit_list(None, 10).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "real: postgresql"]
#[expect(clippy::disallowed_methods, reason = "where real tests are told their server")]
async fn the_database_of_the_upstream_monitor_is_taken_over_and_can_be_again() {
    let admin = std::env::var("LOTSE_TEST_POSTGRES").expect("LOTSE_TEST_POSTGRES must name a URL");
    lotse_store::testing::on_postgres(PARTS, &admin, body).await.unwrap();
}
