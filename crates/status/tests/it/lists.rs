//! Impact types, severities, phases, and what all answers share.

use reqwest::Method;
use serde_json::json;

use crate::stage::{NOON, Stage, noon_and};

#[tokio::test]
async fn phases_come_in_generations_that_stay() {
    let stage = Stage::new().await;
    assert_eq!(stage.get("/phases").await, json!({ "generation": 0, "phases": [] }));
    for (generation, phases) in [(1, json!(["a", "b"])), (2, json!(["c"]))] {
        let made = stage.post("/phases", json!({ "phases": phases })).await;
        assert_eq!(made, (201, json!({ "generation": generation })));
    }
    assert_eq!(stage.get("/phases").await, json!({ "generation": 2, "phases": ["c"] }));
    let first = json!({ "generation": 1, "phases": ["a", "b"] });
    assert_eq!(stage.get("/phases?generation=1").await, first);
    for (wrong, status) in
        [("0", 404), ("3", 404), ("99999999999999", 404), ("-1", 400), ("x", 400)]
    {
        let path = format!("/phases?generation={wrong}");
        assert_eq!(stage.status_of(Method::GET, &path, None).await, status, "{path}");
    }
    for method in [Method::PATCH, Method::DELETE] {
        let response = stage.send(method, "/phases", None).await;
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "GET,HEAD,POST");
    }
}

#[tokio::test]
async fn severities_are_told_apart_by_name_and_value() {
    let stage = Stage::new().await;
    let severity = |name: &str, value: u32| json!({ "displayName": name, "value": value });
    for (name, value) in [("broken", 100), ("operational", 33), ("a/b ä", 66)] {
        let (status, body) = stage.post("/severities", severity(name, value)).await;
        assert_eq!((status, body), (204, serde_json::Value::Null));
    }
    let list = stage.get("/severities").await;
    let values: Vec<_> = list.as_array().unwrap().iter().map(|one| &one["value"]).collect();
    assert_eq!(values, [33, 66, 100]);
    assert_eq!(stage.get("/severities/a%2Fb%20%C3%A4").await, severity("a/b ä", 66));
    for (wrong, status) in [
        (severity("broken", 50), 409),
        (severity("other", 33), 409),
        (severity("none", 0), 400),
        (severity("much", 101), 400),
        (severity("", 5), 400),
        (json!({ "value": 5 }), 400),
        (json!({ "displayName": "x" }), 400),
    ] {
        assert_eq!(stage.post("/severities", wrong.clone()).await.0, status, "{wrong}");
    }
    assert_eq!(stage.patch("/severities/broken", json!({ "value": 33 })).await, 409);
    assert_eq!(stage.patch("/severities/broken", json!({ "value": 99 })).await, 204);
    let path = "/severities/a%2Fb%20%C3%A4";
    assert_eq!(stage.patch(path, json!({ "displayName": "limited" })).await, 204);
    assert_eq!(stage.delete(path).await, 404);
    assert_eq!(stage.delete("/severities/limited").await, 204);
    assert_eq!(stage.get("/severities").await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn impact_types_have_a_name() {
    let stage = Stage::new().await;
    assert_eq!(stage.post("/impacttypes", json!({ "description": "x" })).await.0, 400);
    let id = stage.make("/impacttypes", json!({ "displayName": "Slow" })).await;
    let path = format!("/impacttypes/{id}");
    assert_eq!(stage.patch(&path, json!({ "description": "takes longer" })).await, 204);
    let wanted = json!({ "id": id, "displayName": "Slow", "description": "takes longer" });
    assert_eq!(stage.get("/impacttypes").await, json!([wanted]));
    assert_eq!(stage.patch(&path, json!({ "displayName": "" })).await, 400);
    assert_eq!(stage.delete(&path).await, 204);
    assert_eq!(stage.status_of(Method::GET, &path, None).await, 404);
}

#[tokio::test]
async fn answers_carry_tags_that_change_with_what_they_say() {
    let (stage, [_, compute, _]) = Stage::furnished().await;
    let window = format!("/incidents?start={}&end={}", noon_and(-1), noon_and(1));
    let component = format!("/components/{compute}");
    for path in ["/phases", "/components", &component, &window, "/openapi.json"] {
        let first = stage.send(Method::GET, path, None).await;
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        assert_eq!(first.headers()["content-type"], "application/json");
        let again =
            || stage.http.get(format!("{}{path}", stage.base)).header("if-none-match", &tag);
        assert_eq!(again().send().await.unwrap().status(), 304, "{path}");
        if path == window {
            stage.make("/incidents", json!({ "beganAt": NOON })).await;
            assert_eq!(again().send().await.unwrap().status(), 200, "{path}");
        }
    }
}

#[tokio::test]
async fn the_served_document_names_every_operation_of_the_upstream_one() {
    let stage = Stage::new().await;
    let text = stage.send(Method::GET, "/openapi.json", None).await.text().await.unwrap();
    let ours: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut operations = 0;
    for (path, item) in ours["paths"].as_object().unwrap() {
        for method in ["get", "post", "patch", "delete"] {
            let Some(operation) = item.get(method) else { continue };
            operations += 1;
            // Each one is routed: an unknown path would be 404 with the words of the fallback.
            let id = "01985a3c-0000-7000-8000-000000000000";
            let path = path
                .replace("{severityName}", "x")
                .replace("{updateOrder}", "0")
                .replace("{componentId}", id)
                .replace("{incidentId}", id)
                .replace("{impactTypeId}", id);
            let method = method.to_uppercase().parse().unwrap();
            let (status, body) = stage.ask(method, &path, None).await;
            assert_ne!(status, 405, "{path}");
            assert_ne!(body["message"], "there is no page or operation here", "{path}");
            let documented = operation["responses"].get(status.to_string());
            assert!(documented.is_some(), "{path}: {status} is not documented");
        }
    }
    assert_eq!(operations, 27);
}
