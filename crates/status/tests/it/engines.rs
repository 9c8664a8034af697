//! The same on SQLite and on PostgreSQL: many writers at once, and what comes back.

use std::collections::BTreeSet;
use std::sync::Arc;

use lotse_status::archive::Archive;
use lotse_status::command::Command;
use lotse_status::{Desk, PART};
use lotse_store::audit::AuditFilter;
use lotse_store::on_both;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::{NOON, Stage, noon_and};

/// One writer: an update, a generation of phases, an incident; what they were numbered with.
async fn write(
    (http, base, updates): (reqwest::Client, String, String),
    number: usize,
) -> (u64, u64, String) {
    let send = async |path: &str, body: Value| {
        let answer = http.post(format!("{base}{path}")).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        answer.json::<Value>().await.unwrap()
    };
    let said = send(&updates, json!({ "displayName": format!("{number}") })).await;
    let phases = send("/phases", json!({ "phases": [format!("{number}")] })).await;
    let made = send("/incidents", json!({ "displayName": format!("{number}") })).await;
    let id = made["id"].as_str().unwrap().to_owned();
    (said["order"].as_u64().unwrap(), phases["generation"].as_u64().unwrap(), id)
}

on_both! { &[PART];
    async fn sixty_four_writers_all_succeed_and_numbers_have_no_gaps(store) {
        let (stage, _) = Stage::furnished_on(store).await;
        let id = stage.make("/incidents", json!({ "beganAt": NOON })).await;
        let updates = format!("/incidents/{id}/updates");
        // Half of them write through another process.
        let other = stage.second_page().await;
        let mut writers = tokio::task::JoinSet::new();
        for number in 0..64 {
            let base = if number % 2 == 0 { &stage.base } else { &other };
            writers.spawn(write((stage.http.clone(), base.clone(), updates.clone()), number));
        }
        let all = writers.join_all().await;
        let orders: BTreeSet<_> = all.iter().map(|(order, ..)| *order).collect();
        let generations: BTreeSet<_> = all.iter().map(|(_, generation, _)| *generation).collect();
        let ids: BTreeSet<_> = all.iter().map(|(.., id)| id).collect();
        assert_eq!(orders, (0..64).collect());
        assert_eq!(generations, (2..66).collect());
        assert_eq!(ids.len(), 64);
        stage.desk.look().await.unwrap();
        assert_eq!(stage.get(&updates).await.as_array().unwrap().len(), 64);
        assert_eq!(stage.neighbour().await.snapshot().book(), stage.desk.snapshot().book());
    }

    async fn everything_that_is_written_is_read_again_as_it_was(store) {
        let (stage, [slow, compute, storage]) = Stage::furnished_on(store).await;
        for (name, value) in [("fine", 33), ("a/\u{0}ä'\"", 66)] {
            let body = json!({ "displayName": name, "value": value });
            assert_eq!(stage.post("/severities", body).await.0, 204);
        }
        let affects = json!([{ "reference": compute, "type": slow, "severity": 90 }]);
        let body = json!({ "displayName": "nul \u{0} and 🛰", "description": "x".repeat(100_000),
            "beganAt": NOON, "affects": affects });
        let id = stage.make("/incidents", body).await;
        let updates = format!("/incidents/{id}/updates");
        for _ in 0..12 {
            stage.post(&updates, json!({ "description": "said" })).await;
        }
        assert_eq!(stage.delete(&format!("{updates}/11")).await, 204);
        stage.patch(&format!("{updates}/3"), json!({ "displayName": "corrected" })).await;
        stage.patch(&format!("/incidents/{id}"), json!({ "endedAt": noon_and(1) })).await;
        let gone = stage.make("/incidents", json!({ "displayName": "gone" })).await;
        stage.post(&format!("/incidents/{gone}/updates"), json!({ "description": "said" })).await;
        assert_eq!(stage.delete(&format!("/incidents/{gone}")).await, 204);
        for (path, body) in [
            (format!("incidents/{id}/postmortem"), json!({ "text": "learned" })),
            ("templates/one".to_owned(), json!({ "title": "t", "components": [storage] })),
            ("audiences/few".to_owned(),
                json!({ "title": "Few", "link": true, "groups": ["staff", "Ops \u{0} 🛰"] })),
            ("schedules/weekly".to_owned(), json!({ "title": "w", "components": [storage],
                "start": NOON, "minutes": 5, "rule": "FREQ=WEEKLY" })),
            (format!("components/{storage}/audiences"), json!({ "audiences": ["few"] })),
        ] {
            let path = format!("/api/v1/{path}");
            let (status, said) = stage.ask(Method::PUT, &path, Some(&body)).await;
            assert!(matches!(status, 201 | 204), "{path}: {said}");
        }
        let upstream = json!({ "provider": "p", "title": "t", "began": NOON });
        stage.make("/api/v1/upstream", upstream).await;
        let text = Archive::of(stage.desk.whole().book()).to_json();
        let again = stage.neighbour().await;
        assert_eq!(again.whole().book(), stage.desk.whole().book());
        assert_eq!(Archive::of(again.whole().book()).to_json(), text);
        // Numbers go on where they were.
        let said = Command::AddUpdate(id.parse().unwrap(), lotse_status::command::UpdateFields::default());
        let outcome = again.perform("test", &said).await.unwrap();
        assert_eq!(outcome, lotse_status::command::Outcome::Order(12));
    }

    async fn an_import_is_equal_to_its_export_and_goes_on_an_empty_page_only(store) {
        let (source, [_, compute, _]) = Stage::furnished().await;
        let few = json!({ "title": "Few", "groups": ["staff", "helpdesk"] });
        let put = source.status_of(Method::PUT, "/api/v1/audiences/few", Some(&few));
        assert_eq!(put.await, 204);
        let affects = json!([{ "reference": compute, "severity": 90 }]);
        let id = source.make("/incidents", json!({ "beganAt": NOON, "affects": affects })).await;
        source.post(&format!("/incidents/{id}/updates"), json!({ "description": "said" })).await;
        let text = Archive::of(source.desk.whole().book()).to_json();
        let stage = Stage::on(store, lotse_status::site::Options::default()).await;
        let restore = Command::Restore(Box::new(Archive::read(text.as_bytes()).unwrap()));
        stage.desk.perform("test", &restore).await.unwrap();
        assert_eq!(Archive::of(stage.neighbour().await.whole().book()).to_json(), text);
        assert!(stage.desk.perform("test", &restore).await.is_err());
    }

    async fn what_is_done_stands_in_the_audit_log_and_the_outbox(store) {
        let (stage, [_, compute, _]) = Stage::furnished_on(store).await;
        let reader =
            stage.store.outbox_reader("test", lotse_store::outbox::Begin::Oldest).await.unwrap();
        let affects = json!([{ "reference": compute, "severity": 100 }]);
        let body = json!({ "displayName": "Down", "beganAt": NOON, "affects": affects });
        let id = stage.make("/incidents", body).await;
        stage.post(&format!("/incidents/{id}/updates"), json!({ "description": "soon" })).await;
        stage.patch(&format!("/incidents/{id}"), json!({ "endedAt": NOON })).await;
        stage.delete(&format!("/incidents/{id}")).await;
        let topics: Vec<_> =
            reader.read(100).await.unwrap().into_iter().map(|one| one.event.topic).collect();
        let wanted = ["opened", "updated", "ended", "removed"];
        assert_eq!(topics, wanted.map(|verb| format!("status.incident.{verb}")));
        let object = Some(format!("status/incident/{id}"));
        let filter = AuditFilter { object, ..AuditFilter::default() };
        let deeds = stage.store.audit_search(&filter, None, 10).await.unwrap();
        let actions: Vec<_> = deeds.iter().map(|entry| entry.deed.action.as_str()).collect();
        let wanted = [
            "status.incident.remove",
            "status.incident.change",
            "status.update.add",
            "status.incident.add",
        ];
        assert_eq!(actions, wanted);
        assert!(deeds.iter().all(|entry| entry.deed.actor == "local"));
    }

    async fn two_processes_that_write_in_turn_see_each_other(store) {
        let (stage, _) = Stage::furnished_on(store.clone()).await;
        let other: Arc<Desk> = Arc::new(stage.neighbour().await);
        for generation in 2..8_u32 {
            let command = Command::AddPhases(vec!["x".to_owned()]);
            let desk = if generation % 2 == 0 { &other } else { &stage.desk };
            let outcome = desk.perform("test", &command).await.unwrap();
            assert_eq!(outcome, lotse_status::command::Outcome::Generation(generation));
        }
    }
}
