//! What is wrong with a request is told; nothing ends as an error of the server.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::stage::{NOON, Stage};

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
    assert_eq!(stage.post("/incidents", phase).await.0, 409);
    let update = format!("/incidents/{unknown}/updates");
    assert_eq!(stage.post(&update, json!({ "displayName": "x" })).await.0, 404);
}

#[tokio::test]
async fn fields_of_wrong_types_and_dates_that_are_none_are_named() {
    let (stage, [_, compute, _]) = Stage::furnished().await;
    let id = stage.make("/incidents", json!({ "displayName": "x", "beganAt": NOON })).await;
    let incident = format!("/incidents/{id}");
    for (field, value) in [
        ("displayName", json!(7)),
        ("description", json!([])),
        ("beganAt", json!("yesterday")),
        ("beganAt", json!("2026-02-30T00:00:00Z")),
        ("beganAt", json!(1_700_000_000)),
        ("endedAt", json!("2026-11-21")),
        ("endedAt", json!("2020-01-01T00:00:00Z")),
        ("affects", json!({})),
        ("affects", json!([7])),
        ("affects[0].reference", json!([{ "severity": 1 }])),
        ("affects[0].reference", json!([{ "reference": "x" }])),
        ("affects[0].type", json!([{ "reference": compute, "type": 7 }])),
        ("affects[0].severity", json!([{ "reference": compute, "severity": 101 }])),
        ("affects[0].severity", json!([{ "reference": compute, "severity": -1 }])),
        ("affects[0].severity", json!([{ "reference": compute, "severity": 1.5 }])),
        ("affects[0].severity", json!([{ "reference": compute, "severity": "1" }])),
        ("phase.order", json!({ "generation": 1 })),
        ("phase.generation", json!({ "generation": "1", "order": 0 })),
    ] {
        let key = field.split(['[', '.']).next().unwrap();
        for (method, path) in [(Method::POST, "/incidents"), (Method::PATCH, incident.as_str())] {
            let mut body = json!({ "beganAt": NOON });
            body[key] = value.clone();
            let (status, said) = stage.ask(method, path, Some(&body)).await;
            assert_eq!(status, 400, "{field} {value}: {said}");
            let message = said["message"].as_str().unwrap();
            assert!(message.starts_with(field), "{field}: {message}");
        }
    }
    for query in [
        "/incidents",
        "/incidents?start=2026-11-21",
        "/incidents?start=x&end=2026-11-21",
        "/incidents?start=2026-11-22&end=2026-11-21",
        "/incidents?start=2026-13-01&end=2026-13-02",
        "/components?at=noon",
        "/components?at=2026-11-21",
        "/phases?generation=-1",
        "/phases?generation=one",
    ] {
        assert_eq!(stage.ask(Method::GET, query, None).await.0, 400, "{query}");
    }
    assert_eq!(stage.ask(Method::GET, "/phases?generation=99999999999", None).await.0, 404);
}

#[tokio::test]
async fn our_own_api_refuses_what_cannot_be_meant_as_the_compatible_one_does() {
    let (stage, [_, compute, _]) = Stage::furnished().await;
    let id = stage.make("/incidents", json!({ "displayName": "x" })).await;
    let long = format!("{{\"title\":\"{}\"}}", "x".repeat(2 << 20));
    let paths = [
        "/api/v1/templates/x".to_owned(),
        "/api/v1/schedules/x".to_owned(),
        "/api/v1/audiences/x".to_owned(),
        format!("/api/v1/components/{compute}/audiences"),
        format!("/api/v1/incidents/{id}/postmortem"),
    ];
    for path in &paths {
        for (kind, body, wanted) in [
            ("application/json", "{", 400),
            ("application/json", "", 400),
            ("application/json", "[]", 400),
            ("application/json", "null", 400),
            ("application/json", "{\"title\":7,\"text\":7}", 400),
            ("text/plain", "{\"title\":\"x\"}", 415),
            ("application/json", &long, 413),
        ] {
            let request = stage.http.put(format!("{}{path}", stage.base));
            let request = request.header(CONTENT_TYPE, kind).body(body.to_owned());
            let response = request.send().await.unwrap();
            assert_eq!(
                response.status(),
                wanted,
                "{path} {kind} {}",
                body.get(..40).unwrap_or(body)
            );
            let said: Value = response.json().await.unwrap();
            assert!(!said["message"].as_str().unwrap().is_empty());
        }
    }
    let unknown = "01985a3c-0000-7000-8000-000000000000";
    for (method, path, body, wanted) in [
        (
            Method::PUT,
            format!("/api/v1/incidents/{unknown}/postmortem"),
            json!({ "text": "x" }),
            404,
        ),
        (Method::PUT, "/api/v1/incidents/x/postmortem".to_owned(), json!({ "text": "x" }), 400),
        (Method::PATCH, format!("/api/v1/incidents/{unknown}"), json!({ "displayName": "x" }), 404),
        (
            Method::POST,
            format!("/api/v1/incidents/{unknown}/updates"),
            json!({ "description": "x" }),
            404,
        ),
        (Method::POST, "/api/v1/incidents".to_owned(), json!({ "template": "none" }), 409),
        (Method::POST, "/api/v1/incidents".to_owned(), json!({ "template": 7 }), 400),
        (Method::PATCH, format!("/api/v1/incidents/{id}"), json!({ "template": true }), 400),
        (Method::PATCH, format!("/api/v1/incidents/{id}"), json!({ "template": "none" }), 400),
        (
            Method::PUT,
            "/api/v1/audiences/crowd".to_owned(),
            json!({ "title": "Crowd", "groups": vec!["same"; 101] }),
            400,
        ),
        (Method::PUT, "/api/v1/templates/a%2Fb".to_owned(), json!({ "title": "x" }), 400),
        (Method::PUT, "/api/v1/templates/%FF".to_owned(), json!({ "title": "x" }), 400),
        (
            Method::PUT,
            format!("/api/v1/templates/{}", "x".repeat(65)),
            json!({ "title": "x" }),
            400,
        ),
    ] {
        let (status, said) = stage.ask(method, &path, Some(&body)).await;
        assert_eq!(status, wanted, "{path}: {said}");
    }
    for kind in ["templates", "schedules", "audiences"] {
        assert_eq!(stage.delete(&format!("/api/v1/{kind}/none")).await, 404, "{kind}");
        assert_eq!(stage.ask(Method::POST, &format!("/api/v1/{kind}"), None).await.0, 405);
    }
    assert_eq!(stage.delete(&format!("/api/v1/upstream/{unknown}")).await, 404);
    assert_eq!(stage.delete("/api/v1/upstream/x").await, 400);
}

#[tokio::test]
async fn tokens_of_others_and_old_ones_change_nothing_for_readers() {
    let (stage, [_, compute, _]) = Stage::furnished().await;
    let id = stage.make("/incidents", json!({ "displayName": "x", "beganAt": NOON })).await;
    let mut paths: Vec<String> = [
        "/",
        "/en/",
        "/en/history",
        "/en/index",
        "/en/search?q=x",
        "/en/widget",
        "/feed.atom",
        "/feed.rss",
        "/calendar.ics",
        "/badge.svg",
        "/api/v2/summary.json",
        "/api/v1/upstream",
        "/sla/2026-11.json",
        "/components",
        "/phases",
        "/severities",
        "/impacttypes",
        "/incidents?start=2026-11-01&end=2026-11-30",
        "/openapi.json",
    ]
    .map(str::to_owned)
    .into();
    paths.extend([format!("/incidents/{id}"), format!("/incidents/{id}/updates")]);
    paths.extend([format!("/components/{compute}"), format!("/en/component/{compute}")]);
    for path in paths {
        let read = async |token: Option<&str>| {
            let request = stage.http.get(format!("{}{path}", stage.base));
            let request = token.map_or_else(
                || request.try_clone().unwrap(),
                |token| request.try_clone().unwrap().header("authorization", token),
            );
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.bytes().await.unwrap())
        };
        let anonymous = read(None).await;
        assert_eq!(anonymous.0, 200, "{path}");
        for token in
            ["Bearer lotse_old", "Bearer eyJhbGciOi.J9.x", "Basic eDp5", "nonsense", "\u{7f}"]
        {
            let Ok(_) = reqwest::header::HeaderValue::from_str(token) else { continue };
            assert_eq!(read(Some(token)).await, anonymous, "{path} {token}");
        }
    }
}

#[tokio::test]
async fn objects_in_use_stay_and_names_are_there_once() {
    let (stage, [slow, compute, _]) = Stage::furnished().await;
    let affects = json!([{ "reference": compute, "type": slow, "severity": 5 }]);
    let id = stage.make("/incidents", json!({ "beganAt": NOON, "affects": affects })).await;
    for path in [format!("/components/{compute}"), format!("/impacttypes/{slow}")] {
        let (status, said) = stage.ask(Method::DELETE, &path, None).await;
        assert_eq!(status, 409, "{path}");
        assert!(said["message"].as_str().unwrap().contains(&id), "{said}");
    }
    let fine = json!({ "displayName": "fine", "value": 33 });
    assert_eq!(stage.post("/severities", fine.clone()).await.0, 204);
    assert_eq!(stage.post("/severities", fine).await.0, 409);
    let other = json!({ "displayName": "other", "value": 66 });
    assert_eq!(stage.post("/severities", other).await.0, 204);
    assert_eq!(stage.patch("/severities/other", json!({ "displayName": "fine" })).await, 409);
    // Once nothing names them any more, they go.
    assert_eq!(stage.delete(&format!("/incidents/{id}")).await, 204);
    assert_eq!(stage.delete(&format!("/components/{compute}")).await, 204);
    assert_eq!(stage.delete(&format!("/impacttypes/{slow}")).await, 204);
}
