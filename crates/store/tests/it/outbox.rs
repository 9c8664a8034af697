//! Events on their way.

use lotse_core::event::Event;
use lotse_core::id::EventId;
use lotse_store::outbox::{Begin, Delivery};
use lotse_store::sqlx;

use crate::home::{on_both, second};

/// An event about this subject.
pub(crate) fn event(subject: &str) -> Event {
    Event {
        id: EventId::generate(),
        topic: "image.converged".to_owned(),
        subject: subject.to_owned(),
        at: second(100),
        body: serde_json::json!({"b": [1, 2.5, null], "a": "\u{0}ü"}),
    }
}

fn subjects(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.event.subject.as_str()).collect()
}

on_both! {
    async fn a_reader_gets_events_in_order_until_it_acknowledges_them(home: Home) {
        let store = home.open().await;
        let reader = store.outbox_reader("status", Begin::Oldest).await.unwrap();
        let events: Vec<_> = ["a", "b", "c"].into_iter().map(event).collect();
        for event in &events {
            store.emit(event.clone()).await.unwrap();
        }
        let first = reader.read(2).await.unwrap();
        assert_eq!(first.iter().map(|d| d.event.clone()).collect::<Vec<_>>(), events[..2]);
        assert_eq!(reader.read(2).await.unwrap(), first, "not acknowledged, so again");

        reader.acknowledge(first[1].seq).await.unwrap();
        assert_eq!(subjects(&reader.read(2).await.unwrap()), ["c"]);
        reader.acknowledge(first[0].seq).await.unwrap();
        assert_eq!(subjects(&reader.read(2).await.unwrap()), ["c"], "a cursor never goes back");

        let again = home.open().await.outbox_reader("status", Begin::Now).await.unwrap();
        assert_eq!(subjects(&again.read(9).await.unwrap()), ["c"], "a known reader goes on");
    }
}

on_both! {
    async fn a_new_reader_begins_where_it_says(home: Home) {
        let store = home.open().await;
        store.emit(event("before")).await.unwrap();
        let now = store.outbox_reader("now", Begin::Now).await.unwrap();
        let oldest = store.outbox_reader("oldest", Begin::Oldest).await.unwrap();
        store.emit(event("after")).await.unwrap();
        assert_eq!(subjects(&now.read(9).await.unwrap()), ["after"]);
        assert_eq!(subjects(&oldest.read(9).await.unwrap()), ["before", "after"]);
        let behind: Vec<_> = store
            .outbox_readers()
            .await
            .unwrap()
            .into_iter()
            .map(|reader| (reader.name, reader.behind))
            .collect();
        assert_eq!(behind, [("now".to_owned(), 1), ("oldest".to_owned(), 2)]);
    }
}

on_both! {
    /// The fact and its event stand or fall together.
    async fn an_event_exists_exactly_when_its_transaction_was_committed(home: Home) {
        let store = home.open().await;
        let reader = store.outbox_reader("r", Begin::Oldest).await.unwrap();
        for (name, committed) in [("kept", true), ("dropped", false)] {
            let mut transaction = store.begin("try").await.unwrap();
            let insert = "INSERT INTO run (id, cloud, kind, started_us) VALUES ($1, 'c', 'k', 1)";
            transaction.execute(sqlx::query(insert).bind(name)).await.unwrap();
            transaction.emit(event(name));
            if committed {
                transaction.commit().await.unwrap();
            }
        }
        assert_eq!(subjects(&reader.read(9).await.unwrap()), ["kept"]);
        let mut beside = home.connect().await;
        let facts: Vec<String> =
            sqlx::query_scalar("SELECT id FROM run").fetch_all(&mut beside).await.unwrap();
        assert_eq!(facts, ["kept"]);
    }
}

on_both! {
    async fn an_event_that_is_written_twice_arrives_once(home: Home) {
        let store = home.open().await;
        let reader = store.outbox_reader("r", Begin::Oldest).await.unwrap();
        let repeated = event("once");
        store.emit(repeated.clone()).await.unwrap();
        store.emit(repeated).await.unwrap();
        assert_eq!(subjects(&reader.read(9).await.unwrap()), ["once"]);
    }
}

on_both! {
    async fn pruning_keeps_what_is_recent_or_unread(home: Home) {
        let store = home.open().await;
        let fast = store.outbox_reader("fast", Begin::Oldest).await.unwrap();
        let slow = store.outbox_reader("slow", Begin::Oldest).await.unwrap();
        for subject in ["a", "b", "c"] {
            store.emit(event(subject)).await.unwrap();
        }
        let all = fast.read(9).await.unwrap();
        fast.acknowledge(all[2].seq).await.unwrap();
        slow.acknowledge(all[0].seq).await.unwrap();

        assert_eq!(store.outbox_prune(second(100)).await.unwrap(), 0, "too recent");
        assert_eq!(store.outbox_prune(second(101)).await.unwrap(), 1, "one was read by both");
        assert_eq!(subjects(&slow.read(9).await.unwrap()), ["b", "c"]);
        store.outbox_forget_reader("slow").await.unwrap();
        assert_eq!(store.outbox_prune(second(101)).await.unwrap(), 2);
    }
}

on_both! {
    /// Two stores write at once; a reader that always goes to the end must not step over an event
    /// that is committed later with a lower number.
    async fn a_reader_that_keeps_up_with_concurrent_writers_misses_nothing(home: Home) {
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..3 {
            let store = home.open().await;
            writers.spawn(async move {
                for number in 0..30 {
                    store.emit(event(&format!("{writer}/{number}"))).await.unwrap();
                }
            });
        }
        let reader = home.open().await.outbox_reader("r", Begin::Oldest).await.unwrap();
        let mut seen = Vec::new();
        while seen.len() < 90 {
            let read = reader.read(7).await.unwrap();
            assert!(
                !read.is_empty() || !writers.is_empty(),
                "all is written, but only {} of 90 were read",
                seen.len()
            );
            if let Some(last) = read.last() {
                reader.acknowledge(last.seq).await.unwrap();
            } else {
                writers.join_next().await.unwrap().unwrap();
            }
            seen.extend(read.into_iter().map(|delivery| delivery.event.subject));
        }
        for writer in 0..3 {
            let of_writer: Vec<_> =
                seen.iter().filter(|s| s.starts_with(&format!("{writer}/"))).cloned().collect();
            let expected: Vec<_> = (0..30).map(|number| format!("{writer}/{number}")).collect();
            assert_eq!(of_writer, expected);
        }
    }
}

on_both! {
    async fn who_waits_for_changes_is_woken_by_a_commit(home: Home) {
        let store = home.open().await;
        let mut changes = store.outbox_changes();
        store.begin("nothing").await.unwrap().commit().await.unwrap();
        assert!(!changes.has_changed().unwrap());
        store.emit(event("a")).await.unwrap();
        changes.changed().await.unwrap();
    }
}

on_both! {
    /// PostgreSQL would answer the commit with a quiet rollback, SQLite would commit the rest.
    async fn a_transaction_in_which_a_statement_failed_cannot_be_committed(home: Home) {
        let store = home.open().await;
        let reader = store.outbox_reader("r", Begin::Oldest).await.unwrap();
        let mut transaction = store.begin("try").await.unwrap();
        let insert = "INSERT INTO run (id, cloud, kind, started_us) VALUES ('i', 'c', 'k', 1)";
        transaction.execute(sqlx::query(insert)).await.unwrap();
        transaction.execute(sqlx::query(insert)).await.unwrap_err();
        transaction.emit(event("e"));
        let error = transaction.commit().await.unwrap_err();
        assert_eq!(error.to_string(), "cannot try: a statement before it failed");
        assert!(reader.read(9).await.unwrap().is_empty());
        assert!(store.run_list(None, 9).await.unwrap().is_empty());
    }
}
