//! Components, and what touches them at which moment.

use reqwest::Method;
use serde_json::json;

use crate::stage::{Stage, noon_and};

#[tokio::test]
async fn a_component_is_made_changed_and_removed() {
    let stage = Stage::new().await;
    let id =
        stage.make("/components", json!({ "displayName": "DNS", "labels": { "a": "1" } })).await;
    let path = format!("/components/{id}");
    let wanted =
        json!({ "id": id, "displayName": "DNS", "labels": { "a": "1" }, "activelyAffectedBy": [] });
    assert_eq!(stage.get(&path).await, wanted);
    // Labels are replaced as a whole, an empty name is stored, what only the server sets is ignored.
    let change = json!({ "labels": { "b": "2" }, "displayName": "", "activelyAffectedBy": [{}] });
    assert_eq!(stage.patch(&path, change).await, 204);
    let wanted =
        json!({ "id": id, "displayName": "", "labels": { "b": "2" }, "activelyAffectedBy": [] });
    assert_eq!(stage.get("/components").await, json!([wanted]));
    assert_eq!(stage.delete(&path).await, 204);
    assert_eq!(stage.delete(&path).await, 404);
    assert_eq!(stage.get("/components").await, json!([]));
}

#[tokio::test]
async fn the_present_shows_running_maintenance_and_nothing_of_tomorrow() {
    let (stage, [_, compute, storage]) = Stage::furnished().await;
    let planned = json!({ "displayName": "Disks", "beganAt": noon_and(1), "endedAt": noon_and(3),
        "affects": [{ "reference": compute, "severity": 0 }] });
    let planned = stage.make("/incidents", planned).await;
    let tomorrow = json!({ "beganAt": noon_and(24),
        "affects": [{ "reference": storage, "severity": 50 }] });
    stage.make("/incidents", tomorrow).await;
    let path = format!("/components/{compute}");
    assert_eq!(stage.get(&path).await["activelyAffectedBy"], json!([]));
    assert_eq!(stage.get("/components").await[0]["activelyAffectedBy"], json!([]));
    stage.hours_later(1);
    let touched = json!([{ "reference": planned, "severity": 0 }]);
    assert_eq!(stage.get(&path).await["activelyAffectedBy"], touched);
    // The list was rendered before, and what it says of the present has changed since.
    let list = stage.get("/components").await;
    assert_eq!(list[0]["activelyAffectedBy"], touched);
    assert_eq!(list[1]["activelyAffectedBy"], json!([]));
    stage.hours_later(2);
    assert_eq!(stage.get("/components").await[0]["activelyAffectedBy"], json!([]));
    assert_eq!(stage.get(&path).await["activelyAffectedBy"], json!([]));
}

#[tokio::test]
async fn a_named_moment_lies_strictly_between_beginning_and_end_whatever_else_is_open() {
    let (stage, [slow, compute, storage]) = Stage::furnished().await;
    let ended = json!({ "beganAt": noon_and(-4), "endedAt": noon_and(-2),
        "affects": [{ "reference": compute, "type": slow, "severity": 70 }] });
    let id = stage.make("/incidents", ended).await;
    // Another component has an open incident at that time.
    let open =
        json!({ "beganAt": noon_and(-5), "affects": [{ "reference": storage, "severity": 9 }] });
    stage.make("/incidents", open).await;
    let touched = json!([{ "reference": id, "type": slow, "severity": 70 }]);
    for (hours, wanted) in [(-4, json!([])), (-3, touched), (-2, json!([]))] {
        let path = format!("/components/{compute}?at={}", noon_and(hours));
        assert_eq!(stage.get(&path).await["activelyAffectedBy"], wanted, "{path}");
        let list = stage.get(&format!("/components?at={}", noon_and(hours))).await;
        assert_eq!(list[0]["activelyAffectedBy"], wanted);
        assert_eq!(list[1]["activelyAffectedBy"].as_array().unwrap().len(), 1);
    }
    assert_eq!(stage.status_of(Method::GET, "/components?at=noon", None).await, 400);
}

#[tokio::test]
async fn what_an_incident_names_cannot_be_removed() {
    let (stage, [slow, compute, _]) = Stage::furnished().await;
    let affects = json!([{ "reference": compute, "type": slow, "severity": 40 }]);
    let id = stage.make("/incidents", json!({ "affects": affects })).await;
    assert_eq!(stage.delete(&format!("/components/{compute}")).await, 409);
    assert_eq!(stage.delete(&format!("/impacttypes/{slow}")).await, 409);
    assert_eq!(stage.patch(&format!("/incidents/{id}"), json!({ "affects": [] })).await, 204);
    assert_eq!(stage.delete(&format!("/components/{compute}")).await, 204);
    assert_eq!(stage.delete(&format!("/impacttypes/{slow}")).await, 204);
}
