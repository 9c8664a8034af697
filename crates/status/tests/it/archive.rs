//! Export and import, what other status pages know, and reports.

use lotse_status::archive::Archive;
use lotse_status::command::Command;
use lotse_status::level::Level;
use lotse_status::sla::{Measured, Span};
use lotse_status::{Error, foreign};
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{NOON, Stage, noon_and};

async fn restore(stage: &Stage, archive: Archive) -> Result<(), Error> {
    stage.desk.perform("test", &Command::Restore(Box::new(archive))).await.map(drop)
}

#[tokio::test]
async fn an_export_of_an_import_is_equal_byte_for_byte() {
    let (stage, [slow, compute, storage]) = Stage::furnished().await;
    stage.post("/phases", json!({ "phases": ["Other"] })).await;
    stage.post("/severities", json!({ "displayName": "a/\u{0}ä", "value": 66 })).await;
    for (component, severity) in [(&compute, 90), (&storage, 0)] {
        let affects = json!([{ "reference": component, "type": slow, "severity": severity }]);
        let body = json!({ "displayName": "x", "beganAt": NOON, "endedAt": noon_and(2),
            "affects": affects });
        let id = stage.make("/incidents", body).await;
        let updates = format!("/incidents/{id}/updates");
        for _ in 0..3 {
            stage.post(&updates, json!({ "description": "said" })).await;
        }
        stage.delete(&format!("{updates}/2")).await;
    }
    let text = Archive::of(stage.desk.snapshot().book()).to_json();
    let other = Stage::new().await;
    restore(&other, Archive::read(text.as_bytes()).unwrap()).await.unwrap();
    assert_eq!(Archive::of(other.desk.snapshot().book()).to_json(), text);
    assert_eq!(Archive::of(other.neighbour().await.snapshot().book()).to_json(), text);
    // Numbers go on where they were, and a page that has something is not overwritten.
    let incident = other.get(&format!("/incidents?start={NOON}&end={NOON}")).await[0]["id"].clone();
    let updates = format!("/incidents/{}/updates", incident.as_str().unwrap());
    assert_eq!(other.post(&updates, json!({ "description": "next" })).await.1["order"], 3);
    let again = restore(&other, Archive::read(text.as_bytes()).unwrap()).await;
    assert!(matches!(again, Err(Error::Conflict { .. })));
}

#[tokio::test]
async fn an_archive_that_does_not_fit_together_is_refused_as_a_whole() {
    let (stage, [_, compute, _]) = Stage::furnished().await;
    let body = json!({ "beganAt": NOON, "affects": [{ "reference": compute, "severity": 5 }] });
    let id = stage.make("/incidents", body).await;
    stage.post(&format!("/incidents/{id}/updates"), json!({ "description": "x" })).await;
    let whole: Value =
        serde_json::from_str(&Archive::of(stage.desk.snapshot().book()).to_json()).unwrap();
    let without = |change: fn(&mut Value)| {
        let mut changed = whole.clone();
        change(&mut changed);
        Archive::read(changed.to_string().as_bytes())
    };
    let empty = Stage::new().await;
    for change in [
        (|a| a["components"] = json!([])) as fn(&mut Value),
        |a| a["phases"] = json!([]),
        |a| a["incidents"][0]["incident"]["next_update"] = json!(0),
        |a| {
            let twice = a["incidents"][0].clone();
            a["incidents"].as_array_mut().unwrap().push(twice);
        },
    ] {
        assert!(restore(&empty, without(change).unwrap()).await.is_err());
    }
    assert!(without(|a| a["format"] = json!("lotse-status/2")).is_err());
    assert!(without(|a| a["more"] = json!(1)).is_err());
    assert_eq!(empty.desk.snapshot().revision(), 0);
}

#[tokio::test]
async fn a_page_of_statuspage_is_taken_over() {
    let document = json!({
        "components": [
            { "id": "grp", "name": "Europe", "group": true, "group_id": null },
            { "id": "abc", "name": "API", "group": false, "group_id": "grp", "status": "operational" },
        ],
        "incidents": [{
            "id": "inc1", "name": "Outage", "impact": "major", "status": "resolved",
            "created_at": "2026-11-01T10:00:00.000Z", "resolved_at": "2026-11-01T11:00:00+00:00",
            "components": [{ "id": "abc", "name": "API" }, { "id": "gone", "name": "Old" }],
            "incident_updates": [
                { "status": "resolved", "body": "Done.", "created_at": "2026-11-01T11:00:00Z" },
                { "status": "investigating", "body": "Hm.", "created_at": "2026-11-01T10:00:00Z" },
            ],
        }],
        "scheduled_maintenances": [{
            "id": "m1", "name": "Work", "impact": "maintenance", "created_at": "2026-11-01T10:00:00Z",
            "scheduled_for": "2026-12-01T10:00:00Z", "scheduled_until": "2026-12-01T12:00:00Z",
            "components": [{ "id": "abc", "name": "API" }],
        }],
    });
    let text = document.to_string().into_bytes();
    let archive = foreign::statuspage(&[text.clone(), text]).unwrap();
    let stage = Stage::new().await;
    restore(&stage, archive).await.unwrap();
    let components = stage.get("/components").await;
    assert_eq!(components.as_array().unwrap().len(), 2, "a group is no component");
    let api =
        components.as_array().unwrap().iter().find(|one| one["displayName"] == "API").unwrap();
    assert_eq!(api["labels"], json!({ "group": "Europe" }));
    let list = stage.get("/incidents?start=2026-11-01&end=2026-12-31").await;
    assert_eq!(
        (&list[0]["displayName"], &list[1]["displayName"]),
        (&json!("Outage"), &json!("Work"))
    );
    assert_eq!(list[0]["affects"].as_array().unwrap().len(), 2);
    assert_eq!(list[0]["affects"][0]["severity"], 50);
    assert_eq!(list[1]["affects"][0]["severity"], 0);
    let id = list[0]["id"].as_str().unwrap();
    assert_eq!(stage.get(&format!("/incidents/{id}/updates")).await[0]["description"], "Hm.");
    assert!(foreign::statuspage(&[b"{\"incidents\":[{}]}".to_vec()]).is_err());
}

#[tokio::test]
async fn a_month_is_reported_to_the_second() {
    let (stage, [_, compute, storage]) = Stage::furnished().await;
    for (began, ended, component, severity) in [
        ("2026-10-31T23:00:00Z", Some("2026-11-01T01:00:00Z"), &compute, 90),
        ("2026-11-01T00:30:00Z", Some("2026-11-01T01:30:00Z"), &compute, 50),
        ("2026-11-01T01:15:00Z", Some("2026-11-01T02:00:00Z"), &compute, 0),
        ("2026-11-02T00:00:00Z", Some("2026-11-03T00:00:00Z"), &storage, 33),
        ("2026-11-21T11:59:59Z", None, &storage, 100),
    ] {
        let affects = json!([{ "reference": component, "severity": severity }]);
        stage
            .make("/incidents", json!({ "beganAt": began, "endedAt": ended, "affects": affects }))
            .await;
    }
    let report =
        stage.send(Method::GET, "/sla/2026-11.json", None).await.json::<Value>().await.unwrap();
    let month = 20 * 86_400 + 43_200;
    // 00:00 to 01:15 is down, 01:15 to 02:00 is planned and counts for nothing.
    let wanted = json!({ "counted": month - 2700, "down": 4500, "maintenance": 2700 });
    for (key, value) in wanted.as_object().unwrap() {
        assert_eq!(&report["components"][0][key], value, "{key}: {report}");
    }
    assert_eq!(report["components"][1]["down"], 1);
    assert_eq!(report["components"][1]["available"], "99.999");
    let csv = stage.send(Method::GET, "/sla/2026-11.csv", None).await.text().await.unwrap();
    assert!(csv.contains(",\"Compute\",\"west\",99.7"), "{csv}");
    let before =
        stage.send(Method::GET, "/sla/2026-10.json", None).await.json::<Value>().await.unwrap();
    assert_eq!(before["components"][0]["counted"], 31 * 86_400);
    assert_eq!(before["components"][0]["down"], 3600);
    assert_eq!(report["regions"][1]["region"], "west");
    assert_eq!(report["regions"][1]["down"], 4500);
    let counting = stage.send(Method::GET, "/sla/2026-11.json?maintenance=count", None).await;
    let counting = counting.json::<Value>().await.unwrap();
    assert_eq!(
        (&counting["components"][0]["counted"], &counting["components"][0]["down"]),
        (&json!(month), &json!(7200))
    );
    let wrong = stage.send(Method::GET, "/sla/2026-11.json?maintenance=maybe", None).await;
    assert_eq!(wrong.status(), 400);
    for missing in ["/sla/2026-12.json", "/sla/2026-11", "/sla/2026-11.pdf", "/sla/x.csv"] {
        assert_eq!(stage.send(Method::GET, missing, None).await.status(), 404, "{missing}");
    }
}

#[tokio::test]
async fn what_was_measured_stands_beside_what_was_declared_and_months_are_closed_once() {
    let (stage, [_, compute, _]) = Stage::furnished().await;
    let affects = json!([{ "reference": compute, "severity": 90 }]);
    let body = json!({ "beganAt": "2026-10-01T00:00:00Z", "endedAt": "2026-10-01T01:00:00Z",
        "affects": affects });
    stage.make("/incidents", body).await;
    let affects = json!([{ "reference": compute, "severity": 0 }]);
    let body = json!({ "beganAt": "2026-10-02T00:00:00Z", "endedAt": "2026-10-02T01:00:00Z",
        "affects": affects });
    stage.make("/incidents", body).await;
    let at = |text: &str| text.parse::<lotse_core::time::Timestamp>().unwrap();
    let measured = |from: &str, to: &str, level| Measured {
        component: compute.parse().unwrap(),
        span: Span::between(at(from), at(to)),
        level,
    };
    stage.desk.set_measured(vec![
        measured("2026-09-30T23:00:00Z", "2026-10-01T00:10:00Z", Level::Broken),
        measured("2026-10-01T00:05:00Z", "2026-10-01T00:15:00Z", Level::Limited),
        measured("2026-10-02T00:30:00Z", "2026-10-02T01:30:00Z", Level::Broken),
        measured("2026-10-05T00:00:00Z", "2026-10-06T00:00:00Z", Level::Slight),
    ]);
    let report = stage.send(Method::GET, "/sla/2026-10.json", None).await;
    let report = report.json::<Value>().await.unwrap();
    assert_eq!(report["components"][0]["down"], 3600);
    assert_eq!(report["components"][0]["measured"]["down"], 900 + 1800);
    assert!(report["components"][1].get("measured").is_none());
    let csv = stage.send(Method::GET, "/sla/2026-10.csv", None).await.text().await.unwrap();
    assert!(csv.contains(",3600,3600,99.899,2700\r\n"), "{csv}");
    let page = stage.send(Method::GET, "/en/sla/2026-10", None).await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    for wanted in ["Availability 2026-10", "Measured", "99.899 %", "Maintenance is left out."] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    let counted = stage.send(Method::GET, "/de/sla/2026-10?maintenance=count", None).await;
    assert!(counted.text().await.unwrap().contains("Wartung zählt als Ausfall."));
    let reader =
        stage.store.outbox_reader("test", lotse_store::outbox::Begin::Oldest).await.unwrap();
    for (month, body, status) in [
        ("2026-10", json!({ "policy": "sometimes" }), 400),
        ("october", json!({ "policy": "exclude-maintenance" }), 400),
        ("2026-11", json!({ "policy": "exclude-maintenance" }), 409),
        ("2026-10", json!({ "policy": "exclude-maintenance" }), 204),
        ("2026-10", json!({ "policy": "count-maintenance" }), 409),
    ] {
        let (got, said) = stage.post(&format!("/api/v1/sla/{month}"), body).await;
        assert_eq!(got, status, "{month}: {said}");
    }
    let events = reader.read(100).await.unwrap();
    let closed: Vec<_> =
        events.iter().filter(|one| one.event.topic == "status.sla.closed").collect();
    assert_eq!(closed.len(), 1);
    let body = &closed[0].event.body;
    assert_eq!((&body["month"], &body["components"][0]["down"]), (&json!("2026-10"), &json!(3600)));
    assert_eq!(stage.neighbour().await.whole().book(), stage.desk.whole().book());
}
