//! That what `/api/v1/openapi.json` describes is there, and what is there is described.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::Stage;

/// Where the routes of `/api/v1` are written.
const SOURCES: [&str; 2] =
    [include_str!("../../src/api/own.rs"), include_str!("../../src/api/extras.rs")];

/// A path whose variable parts are all called the same.
fn plain(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// A path with something in its variable parts that can be meant, and is not there.
fn filled(path: &str) -> String {
    let part = |part: &str| match part {
        "{updateOrder}" => "7".to_owned(),
        "{month}" => "2026-10".to_owned(),
        "{name}" => "nothing".to_owned(),
        part if part.starts_with('{') => uuid::Uuid::nil().to_string(),
        part => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Everything that is referred to.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(all) => {
            if let Some(Value::String(one)) = all.get("$ref") {
                found.insert(one.clone());
            }
            all.values().for_each(|one| references(one, found));
        }
        Value::Array(all) => all.iter().for_each(|one| references(one, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_operation_of_our_own_is_described_and_answers_as_described() {
    let stage = Stage::new().await;
    let (status, document) = stage.ask(Method::GET, "/api/v1/openapi.json", None).await;
    assert_eq!((status, &document["openapi"]), (200, &"3.0.3".into()));
    let mut referred = BTreeSet::new();
    references(&document, &mut referred);
    for one in &referred {
        assert!(document.pointer(one.trim_start_matches('#')).is_some(), "{one} is nowhere");
    }
    let paths = document["paths"].as_object().unwrap();
    for (path, operations) in paths {
        for method in ["get", "post", "put", "patch", "delete"] {
            let sent = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let body = json!({});
            let body = matches!(method, "post" | "put" | "patch").then_some(&body);
            let (status, answer) = stage.ask(sent, &filled(path), body).await;
            let described = &operations[method]["responses"];
            if described.is_null() {
                assert_eq!(status, 405, "{method} {path} is there and not described: {answer}");
                continue;
            }
            assert_ne!(status, 405, "{method} {path} is described and not there");
            assert!(!answer.to_string().contains("page or operation"), "{path}: {answer}");
            assert!(described.get(status.to_string()).is_some(), "{method} {path}: {status}");
        }
    }
    let written = SOURCES.iter().flat_map(|source| source.split(".route(").skip(1));
    let written = written.filter_map(|route| route.split('"').nth(1)).map(plain);
    let written: BTreeSet<_> = written.filter(|path| !path.ends_with("openapi.json")).collect();
    assert_eq!(written, paths.keys().map(|path| plain(path)).collect());
}
