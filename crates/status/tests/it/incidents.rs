//! Incidents, their windows, their updates.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{NOON, Stage, noon_and};

#[tokio::test]
async fn an_incident_with_a_phase_is_made_on_a_fresh_page() {
    let (stage, [slow, compute, _]) = Stage::furnished().await;
    let affects = json!([{ "reference": compute, "type": slow, "severity": 66 }]);
    let phase = json!({ "generation": 1, "order": 1 });
    let body = json!({ "displayName": "Slow disks", "description": "We look into it.",
        "beganAt": "2026-11-21T13:00:00+01:00", "endedAt": null,
        "affects": affects, "phase": phase, "id": "ignored", "updates": [7] });
    let id = stage.make("/incidents", body).await;
    let wanted = json!({ "id": id, "displayName": "Slow disks", "description": "We look into it.",
        "affects": affects, "beganAt": NOON, "endedAt": null, "phase": phase, "updates": [] });
    assert_eq!(stage.get(&format!("/incidents/{id}")).await, wanted);
}

#[tokio::test]
async fn an_incident_without_a_phase_breaks_no_list() {
    let (stage, _) = Stage::furnished().await;
    let id = stage.make("/incidents", json!({ "beganAt": NOON })).await;
    let window = format!("/incidents?start={}&end={}", noon_and(-1), noon_and(1));
    let list = stage.get(&window).await;
    assert_eq!(list[0]["id"], id.as_str());
    assert_eq!(list[0]["phase"], json!({ "generation": 1, "order": 0 }));
    // Without any phases there is none to give.
    let bare = Stage::new().await;
    let id = bare.make("/incidents", json!({ "beganAt": NOON })).await;
    assert_eq!(bare.get(&format!("/incidents/{id}")).await.get("phase"), None);
}

#[tokio::test]
async fn an_incident_is_opened_again_by_the_null_of_its_end() {
    let (stage, _) = Stage::furnished().await;
    let id = stage.make("/incidents", json!({ "beganAt": NOON, "endedAt": noon_and(1) })).await;
    let path = format!("/incidents/{id}");
    // The web client sends the whole object, the server's own fields included.
    let mut whole = stage.get(&path).await;
    whole["endedAt"] = Value::Null;
    whole["beganAt"] = Value::Null;
    assert_eq!(stage.patch(&path, whole).await, 204);
    let after = stage.get(&path).await;
    assert_eq!((&after["endedAt"], &after["beganAt"]), (&Value::Null, &json!(NOON)));
}

#[tokio::test]
async fn impossible_times_and_phases_are_refused_and_change_nothing() {
    let (stage, [_, compute, _]) = Stage::furnished().await;
    let id = stage.make("/incidents", json!({ "beganAt": NOON })).await;
    let path = format!("/incidents/{id}");
    let before = stage.get(&path).await;
    let maintenance = json!([{ "reference": compute, "severity": 0 }]);
    let unknown = "01985a3c-0000-7000-8000-000000000000";
    for (wrong, status) in [
        (json!({ "endedAt": noon_and(-1) }), 400),
        (json!({ "phase": { "generation": 2, "order": 0 } }), 409),
        (json!({ "phase": { "generation": 1, "order": 3 } }), 409),
        (json!({ "phase": { "generation": 1 } }), 400),
        (json!({ "affects": maintenance }), 400),
        (json!({ "affects": [{ "severity": 1 }] }), 400),
        (json!({ "affects": [{ "reference": compute, "severity": 101 }] }), 400),
        (json!({ "affects": [{ "reference": unknown }] }), 409),
        (json!({ "affects": [{ "reference": compute, "type": unknown }] }), 409),
        (json!({ "affects": [{ "reference": compute }, { "reference": compute }] }), 409),
        (json!({ "beganAt": "yesterday" }), 400),
        (json!({}), 400),
    ] {
        assert_eq!(stage.patch(&path, wrong.clone()).await, status, "{wrong}");
    }
    assert_eq!(stage.get(&path).await, before);
    assert_eq!(stage.get("/phases").await["generation"], 1);
    // With an end it is maintenance.
    let planned = json!({ "affects": maintenance, "endedAt": noon_and(2) });
    assert_eq!(stage.patch(&path, planned).await, 204);
    assert_eq!(stage.patch(&path, json!({ "endedAt": null })).await, 400);
}

#[tokio::test]
async fn a_window_holds_what_touches_it() {
    let (stage, [_, compute, _]) = Stage::furnished().await;
    let mut made = Vec::new();
    for (began, ended) in
        [(Some(-3), Some(-1)), (Some(-2), None), (Some(48), Some(49)), (None, Some(0))]
    {
        let affects = json!([{ "reference": compute, "severity": 50 }]);
        let body = json!({ "beganAt": began.map(noon_and), "endedAt": ended.map(noon_and),
            "affects": affects });
        made.push(stage.make("/incidents", body).await);
    }
    for (start, end, wanted) in [
        (-1, 1, vec![3, 0, 1]),
        (-9, -3, vec![0]),
        (-9, -4, vec![]),
        (49, 60, vec![1, 2]),
        (50, 60, vec![1]),
        (0, 0, vec![3, 1]),
    ] {
        let path = format!("/incidents?start={}&end={}", noon_and(start), noon_and(end));
        let list = stage.get(&path).await;
        let ids: Vec<_> = list.as_array().unwrap().iter().map(|one| &one["id"]).collect();
        let wanted: Vec<_> = wanted.iter().map(|place: &usize| json!(made[*place])).collect();
        assert_eq!(ids, wanted.iter().collect::<Vec<_>>(), "{path}");
    }
    assert_eq!(stage.get("/incidents?start=2026-11-21&end=2026-11-22").await[0]["id"], made[3]);
    for wrong in ["", "?start=2026-11-21", "?start=2026-11-22&end=2026-11-21", "?start=x&end=y"] {
        let path = format!("/incidents{wrong}");
        assert_eq!(stage.status_of(Method::GET, &path, None).await, 400, "{path}");
    }
}

#[tokio::test]
async fn updates_are_numbered_listed_in_order_and_never_reuse_a_number() {
    let (stage, _) = Stage::furnished().await;
    let id = stage.make("/incidents", json!({ "beganAt": NOON })).await;
    let updates = format!("/incidents/{id}/updates");
    assert_eq!(stage.get(&updates).await, json!([]));
    for order in 0..3 {
        let body = json!({ "displayName": format!("step {order}"), "order": 99 });
        assert_eq!(stage.post(&updates, body).await, (201, json!({ "order": order })));
    }
    let second = format!("{updates}/1");
    let wanted = json!({ "order": 1, "displayName": "step 1", "createdAt": NOON });
    assert_eq!(stage.get(&second).await, wanted);
    let change = json!({ "description": "more", "createdAt": noon_and(-1), "order": 5 });
    assert_eq!(stage.patch(&second, change).await, 204);
    let wanted = json!({ "order": 1, "displayName": "step 1", "description": "more",
        "createdAt": noon_and(-1) });
    assert_eq!(stage.get(&updates).await[1], wanted);
    assert_eq!(stage.delete(&format!("{updates}/2")).await, 204);
    assert_eq!(stage.post(&updates, json!({ "displayName": "last" })).await.1["order"], 3);
    assert_eq!(stage.get(&format!("/incidents/{id}")).await["updates"], json!([0, 1, 3]));
    assert_eq!(stage.delete(&format!("/incidents/{id}")).await, 204);
    assert_eq!(stage.status_of(Method::GET, &updates, None).await, 404);
    assert_eq!(stage.status_of(Method::GET, &second, None).await, 404);
}

#[tokio::test]
async fn everything_is_there_again_after_a_restart_and_for_another_process() {
    let (stage, [_, compute, _]) = Stage::furnished().await;
    let affects = json!([{ "reference": compute, "severity": 30 }]);
    let id = stage.make("/incidents", json!({ "beganAt": NOON, "affects": affects })).await;
    let updates = format!("/incidents/{id}/updates");
    stage.post(&updates, json!({ "description": "we\u{0} know" })).await;
    stage.post("/severities", json!({ "displayName": "b\u{0}roken/ä", "value": 100 })).await;
    let again = stage.neighbour().await;
    assert_eq!(again.snapshot().book(), stage.desk.snapshot().book());
    // What the other process writes is seen at the next look.
    let incident = id.parse().unwrap();
    let command = lotse_status::command::Command::RemoveIncident(incident);
    again.perform("neighbour", &command).await.unwrap();
    stage.desk.look().await.unwrap();
    assert_eq!(stage.status_of(Method::GET, &updates, None).await, 404);
    assert_eq!(stage.neighbour().await.snapshot().book(), again.snapshot().book());
}
