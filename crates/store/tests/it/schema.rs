//! Bringing the schema up to date.

use std::collections::BTreeSet;

use lotse_core::error::{Explain, chain};
use lotse_store::migrate::{FOUNDATION, Part, Step};
use lotse_store::{Error, Store, StoreOptions, sqlx};
use sqlx::{AnyConnection, Row};

use crate::home::{Home, on_both, tamper, within};

/// Tables, columns, keys and indexes, one line each, and the rows that every new state has.
async fn description(home: &Home) -> BTreeSet<String> {
    let queries: &[&str] = if home.url.is_shared() {
        &[
            "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable \
             FROM information_schema.columns WHERE table_schema = current_schema()",
            "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()",
            "SELECT part || number FROM schema_step",
            "SELECT id || ',' || outbox_seq || ',' || audit_seq || ',' || audit_hash FROM log_end",
        ]
    } else {
        &[
            "SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || c.pk \
             FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'",
            "SELECT tbl_name || ' ' || sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL",
            "SELECT part || number FROM schema_step",
            "SELECT id || ',' || outbox_seq || ',' || audit_seq || ',' || audit_hash FROM log_end",
        ]
    };
    let mut beside = home.connect().await;
    let mut lines = BTreeSet::new();
    for query in queries {
        lines.extend(texts(&mut beside, query).await);
    }
    lines
}

async fn texts(connection: &mut AnyConnection, query: &'static str) -> Vec<String> {
    let rows = sqlx::query(query).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

on_both! {
    async fn replaying_all_steps_gives_the_schema_that_is_written_down(home: Home) {
        let written = if home.url.is_shared() { Home::postgres().await } else { Home::sqlite() };
        within(written, async move |written| {
            tamper(&written, include_str!("../../schema.sql")).await;
            home.open().await.close().await;
            let (replayed, written) = (description(&home).await, description(&written).await);
            assert!(replayed.len() > 40, "{replayed:#?}");
            assert_eq!(replayed, written);
        })
        .await;
    }
}

on_both! {
    async fn a_step_taken_a_second_time_changes_nothing(home: Home) {
        let store = home.open().await;
        let mut transaction = store.begin("number something").await.unwrap();
        transaction.emit(crate::outbox::event("e"));
        transaction.commit().await.unwrap();
        let before = description(&home).await;
        for step in FOUNDATION.steps {
            tamper(&home, step.sql).await;
        }
        assert_eq!(description(&home).await, before);
    }
}

#[test]
fn steps_are_numbered_from_one_without_gaps() {
    let numbers: Vec<_> = FOUNDATION.steps.iter().map(|step| step.number).collect();
    let expected: Vec<_> = (1..).take(numbers.len()).collect();
    assert_eq!(numbers, expected);
}

const GOOD: Step = Step { number: 1, sql: "CREATE TABLE IF NOT EXISTS song (title TEXT NOT NULL)" };
const BAD: Step =
    Step { number: 2, sql: "ALTER TABLE song ADD COLUMN year BIGINT; SELECT nonsense" };
const FIXED: Step = Step { number: 2, sql: "ALTER TABLE song ADD COLUMN year BIGINT" };

fn with(steps: &'static [Step]) -> StoreOptions {
    StoreOptions { parts: vec![Part { name: "song", steps }], ..StoreOptions::default() }
}

on_both! {
    async fn a_step_that_fails_leaves_the_schema_as_it_was(home: Home) {
        Store::open_with(&home.url, with(&[GOOD])).await.unwrap().close().await;
        let before = description(&home).await;
        let error = Store::open_with(&home.url, with(&[GOOD, BAD])).await.unwrap_err();
        assert!(matches!(error, Error::Migration { step: 2, .. }), "{error:?}");
        assert!(chain(&error).contains("nonsense"), "{}", chain(&error));
        assert!(error.hints()[0].starts_with("nothing was changed"));
        assert_eq!(description(&home).await, before);

        Store::open_with(&home.url, with(&[GOOD, FIXED])).await.unwrap();
        let after = description(&home).await;
        assert!(after.iter().any(|line| line.starts_with("song.year")), "{after:#?}");
    }
}

on_both! {
    /// A part that this version does not have was made by a newer one.
    async fn an_unknown_part_is_refused(home: Home) {
        Store::open_with(&home.url, with(&[GOOD])).await.unwrap().close().await;
        let error = Store::open(&home.url).await.unwrap_err();
        assert!(
            matches!(&error, Error::TooNew { part, found: 1, known: 0, .. } if part == "song"),
            "{error:?}"
        );
    }
}
