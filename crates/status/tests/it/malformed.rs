//! What is wrong with a request is told; nothing ends as an error of the server.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::stage::Stage;

#[tokio::test]
async fn bodies_that_cannot_be_meant_get_a_4xx_that_says_why() {
    let (stage, [slow, compute, _]) = Stage::furnished().await;
    let id = stage.make("/incidents", json!({ "displayName": "x" })).await;
    stage.post(&format!("/incidents/{id}/updates"), json!({ "displayName": "u" })).await;
    let targets = [
        (Method::POST, "/components".to_owned()),
        (Method::PATCH, format!("/components/{compute}")),
        (Method::POST, "/incidents".to_owned()),
        (Method::PATCH, format!("/incidents/{id}")),
        (Method::POST, format!("/incidents/{id}/updates")),
        (Method::PATCH, format!("/incidents/{id}/updates/0")),
        (Method::POST, "/impacttypes".to_owned()),
        (Method::PATCH, format!("/impacttypes/{slow}")),
        (Method::POST, "/severities".to_owned()),
        (Method::POST, "/phases".to_owned()),
    ];
    let long = format!("{{\"displayName\":\"{}\"}}", "x".repeat(2 << 20));
    for (method, path) in &targets {
        for (kind, body, wanted) in [
            ("application/json", "{", 400),
            ("application/json", "", 400),
            ("application/json", "{}", 400),
            ("application/json", "[]", 400),
            ("application/json", "null", 400),
            ("application/json", "{\"displayName\":7,\"phases\":7}", 400),
            ("application/json", "{\"displayName\":\"\\ud800\"}", 400),
            ("text/plain", "{\"displayName\":\"x\"}", 415),
            ("", "{\"displayName\":\"x\"}", 415),
            ("application/json", &long, 413),
        ] {
            let request = stage.http.request(method.clone(), format!("{}{path}", stage.base));
            let request =
                if kind.is_empty() { request } else { request.header(CONTENT_TYPE, kind) };
            let response = request.body(body.to_owned()).send().await.unwrap();
            let what = body.get(..40).unwrap_or(body);
            assert_eq!(response.status(), wanted, "{method} {path} {kind} {what}");
            let said: Value = response.json().await.unwrap();
            assert!(!said["message"].as_str().unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn unknown_and_impossible_addresses_are_404_and_400() {
    let (stage, _) = Stage::furnished().await;
    let unknown = "01985a3c-0000-7000-8000-000000000000";
    for (path, status) in [
        (format!("/components/{unknown}"), 404),
        (format!("/incidents/{unknown}"), 404),
        (format!("/incidents/{unknown}/updates"), 404),
        (format!("/incidents/{unknown}/updates/0"), 404),
        (format!("/impacttypes/{unknown}"), 404),
        ("/severities/unknown".to_owned(), 404),
        ("/components/seven".to_owned(), 400),
        ("/components/01985a3c000070008000000000000000".to_owned(), 400),
        ("/incidents/%FF".to_owned(), 400),
        (format!("/incidents/{unknown}/updates/-1"), 400),
        (format!("/incidents/{unknown}/updates/one"), 400),
        ("/nothing".to_owned(), 404),
    ] {
        for method in [Method::GET, Method::DELETE] {
            if method == Method::DELETE && path.ends_with("/updates") {
                continue;
            }
            let (got, body) = stage.ask(method, &path, None).await;
            assert_eq!(got, status, "{path}: {body}");
        }
    }
    let phase = json!({ "phase": { "generation": 9, "order": 0 } });
    assert_eq!(stage.post("/incidents", phase).await.0, 404);
    let update = format!("/incidents/{unknown}/updates");
    assert_eq!(stage.post(&update, json!({ "displayName": "x" })).await.0, 404);
}
