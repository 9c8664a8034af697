//! Who may write, and many who write at once.

use lotse_status::site::Options;
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
