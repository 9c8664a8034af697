//! Who may write, and many who write at once.

use std::collections::BTreeSet;

use lotse_status::site::Options;
use lotse_store::audit::AuditFilter;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::stage::{NOON, Stage};

#[tokio::test]
async fn pages_of_others_machines_of_others_and_false_tokens_may_read_and_not_write() {
    let stage = Stage::new().await;
    let ask = |method, headers: &[(&'static str, &'static str)]| {
        let mut request = stage.http.request(method, format!("{}/components", stage.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.json(&json!({ "displayName": "x" })).send()
    };
    for (headers, wanted) in [
        (&[][..], 201),
        (&[("authorization", "Bearer of.somebody.else")], 201),
        (&[("authorization", "Bearer lotse_false")], 401),
        (&[("origin", "https://evil.example")], 403),
        (&[("origin", "null")], 403),
        (&[("host", "status.example.org")], 401),
        (&[("x-forwarded-for", "192.0.2.1")], 401),
    ] {
        let status = ask(Method::POST, headers).await.unwrap().status();
        assert_eq!(status.as_u16(), wanted, "{headers:?}");
        assert_eq!(ask(Method::GET, headers).await.unwrap().status(), 200, "{headers:?}");
    }
    let strict = Stage::with(Options { local_writes: false, ..Options::default() }).await;
    let (status, _) = strict.post("/components", json!({ "displayName": "x" })).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn pages_of_named_origins_may_use_the_api_with_credentials() {
    let origins = vec!["https://status.example.org".to_owned()];
    let stage = Stage::with(Options { origins, ..Options::default() }).await;
    let ask = |method, origin: &'static str| {
        stage
            .http
            .request(method, format!("{}/components", stage.base))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .json(&json!({ "displayName": "x" }))
            .send()
    };
    let preflight = ask(Method::OPTIONS, "https://status.example.org").await.unwrap();
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    let made = ask(Method::POST, "https://status.example.org").await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    for response in [preflight, made] {
        let headers = response.headers();
        assert_eq!(headers["access-control-allow-origin"], "https://status.example.org");
        assert_eq!(headers["access-control-allow-credentials"], "true");
    }
    let other = ask(Method::OPTIONS, "https://evil.example").await.unwrap();
    assert!(!other.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_writers_all_succeed_and_numbers_have_no_gaps() {
    let (stage, _) = Stage::furnished().await;
    let id = stage.make("/incidents", json!({ "beganAt": NOON })).await;
    let updates = format!("/incidents/{id}/updates");
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..64 {
        let (http, base, updates) = (stage.http.clone(), stage.base.clone(), updates.clone());
        writers.spawn(async move {
            let send = async |path: &str, body| {
                let answer = http.post(format!("{base}{path}")).json(&body).send().await.unwrap();
                assert_eq!(answer.status(), StatusCode::CREATED);
                answer.json::<serde_json::Value>().await.unwrap()
            };
            let said = send(&updates, json!({ "displayName": format!("{number}") })).await;
            let phases = send("/phases", json!({ "phases": [format!("{number}")] })).await;
            let made = send("/incidents", json!({ "displayName": format!("{number}") })).await;
            let id = made["id"].as_str().unwrap().to_owned();
            (said["order"].as_u64().unwrap(), phases["generation"].as_u64().unwrap(), id)
        });
    }
    let all = writers.join_all().await;
    let orders: BTreeSet<_> = all.iter().map(|(order, ..)| *order).collect();
    let generations: BTreeSet<_> = all.iter().map(|(_, generation, _)| *generation).collect();
    let ids: BTreeSet<_> = all.iter().map(|(.., id)| id).collect();
    assert_eq!(orders, (0..64).collect());
    assert_eq!(generations, (2..66).collect());
    assert_eq!(ids.len(), 64);
    assert_eq!(stage.get(&updates).await.as_array().unwrap().len(), 64);
    assert_eq!(stage.neighbour().await.snapshot().book(), stage.desk.snapshot().book());
}

#[tokio::test]
async fn two_processes_that_write_in_turn_see_each_other() {
    let (stage, _) = Stage::furnished().await;
    let other = stage.neighbour().await;
    for generation in 2..8_u32 {
        let command = lotse_status::command::Command::AddPhases(vec!["x".to_owned()]);
        let desk = if generation % 2 == 0 { &other } else { stage.desk.as_ref() };
        let outcome = desk.perform("test", &command).await.unwrap();
        assert_eq!(outcome, lotse_status::command::Outcome::Generation(generation));
    }
}

#[tokio::test]
async fn what_is_done_stands_in_the_audit_log_and_the_outbox() {
    let (stage, [_, compute, _]) = Stage::furnished().await;
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

#[tokio::test]
async fn a_write_says_whether_subscribers_are_told() {
    let (stage, _) = Stage::furnished().await;
    let reader =
        stage.store.outbox_reader("test", lotse_store::outbox::Begin::Oldest).await.unwrap();
    let body = json!({ "displayName": "Down", "beganAt": NOON, "notify": false });
    let id = stage.make("/api/v1/incidents", body).await;
    let path = format!("/api/v1/incidents/{id}");
    let updates = format!("{path}/updates");
    assert_eq!(stage.post(&updates, json!({ "description": "soon" })).await.0, 201);
    assert_eq!(stage.patch(&path, json!({ "displayName": "Down!", "notify": true })).await, 204);
    assert_eq!(stage.patch(&path, json!({ "endedAt": NOON, "notify": false })).await, 204);
    assert_eq!(stage.patch(&path, json!({ "endedAt": NOON, "notify": "no" })).await, 400);
    assert_eq!(stage.patch(&format!("{updates}/0"), json!({ "description": "x" })).await, 204);
    assert_eq!(stage.delete(&format!("{updates}/0?notify=perhaps")).await, 400);
    assert_eq!(stage.delete(&format!("{path}?notify=false")).await, 204);
    // The compatible API has no word for it: its writes are told.
    stage.make("/incidents", json!({ "displayName": "Slow", "notify": false })).await;
    let told: Vec<_> = reader
        .read(100)
        .await
        .unwrap()
        .into_iter()
        .map(|one| (one.event.topic.rsplit('.').next().unwrap().to_owned(), one.event.body))
        .map(|(verb, body)| (verb, body["notify"].as_bool().unwrap()))
        .collect();
    let wanted = [
        ("opened", false),
        ("updated", true),
        ("changed", true),
        ("ended", false),
        ("updated", true),
        ("removed", false),
        ("opened", true),
    ];
    assert_eq!(told, wanted.map(|(verb, notify)| (verb.to_owned(), notify)));
}
