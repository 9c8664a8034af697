//! From what a monitor sends to an incident on the page, over real HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lotse_core::event::health::{Condition, Health};
use lotse_core::id::EventId;
use lotse_core::secret::{SecretSource, SecretString};
use lotse_core::signature::webhook::Key;
use lotse_core::task::Task as _;
use lotse_core::time::{Clock, SignedDuration};
use lotse_status::Error;
use lotse_status::archive::Archive;
use lotse_status::command::Command;
use lotse_status::detect::config::{Detection, Heartbeat, Mode, Rule, Webhook};
use lotse_status::detect::{self, Change, Detector, ProposalId, Secrets, State, Watching};
use lotse_store::token::TokenRecord;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::Digest as _;
use tokio_util::sync::CancellationToken;

use crate::stage::{NOON, Stage, noon_and};

const SECRET: &str = "a secret of more than 24 bytes";
const HEART: &str = "0123456789abcdef";

fn detection(mode: Mode) -> Detection {
    let secret = || SecretSource::Env("X".to_owned());
    let rule = Rule { mode, hold: SignedDuration::ZERO, close: true, ..Rule::default() };
    let heartbeat = Heartbeat {
        secret: secret(),
        every: SignedDuration::from_mins(1),
        grace: SignedDuration::from_secs(30),
        components: [("region", "west")].into(),
        severity: 70,
    };
    Detection {
        rules: vec![rule],
        heartbeats: [("backup".to_owned(), heartbeat)].into(),
        webhooks: [("probe".to_owned(), Webhook { secret: secret() })].into(),
        ..Detection::default()
    }
}

fn detector(stage: &Stage, mode: Mode) -> Arc<Detector> {
    let detection = detection(mode);
    let secrets = Secrets::configured::<Error>(&detection, &|what, _| {
        Ok(SecretString::from(if what == "a heartbeat" { HEART } else { SECRET }))
    });
    Arc::new(Detector::new(stage.desk.clone(), detection, secrets.unwrap()))
}

/// A page with a component in the west, and the address of what monitors call.
async fn harbour(mode: Mode) -> (Stage, Arc<Detector>, String, String) {
    let (stage, [_, compute, _]) = Stage::furnished().await;
    let detector = detector(&stage, mode);
    let base = stage.serve(detect::router(&detector)).await;
    (stage, detector, base, compute)
}

fn message(condition: &str) -> String {
    json!({ "signals": [{ "key": "vm-boot", "components": { "region": "west" },
        "condition": condition, "evidence": { "host": "cn-17.internal" } }] })
    .to_string()
}

/// Sends a message that was signed so many seconds ago.
async fn signed(stage: &Stage, base: &str, id: &str, age: i64, body: &str) -> Response {
    let second = stage.clock.now().as_second() - age;
    let key = Key::new(&SecretString::from(SECRET)).unwrap();
    let request = stage
        .http
        .post(format!("{base}/detect/webhook/probe"))
        .header("webhook-id", id)
        .header("webhook-timestamp", second)
        .header("webhook-signature", key.sign(id, second, body.as_bytes()))
        .body(body.to_owned());
    request.send().await.unwrap()
}

/// The secret of a token that carries this permission.
pub(crate) async fn token_with(stage: &Stage, scope: &str) -> String {
    let secret = sha2::Sha256::digest(scope.as_bytes());
    let now = stage.clock.now();
    let record = TokenRecord {
        id: uuid::Uuid::now_v7().to_string(),
        name: scope.to_owned(),
        owner: "anna".to_owned(),
        scopes: vec![scope.to_owned()],
        created: now,
        until: now + SignedDuration::from_hours(24),
        used: None,
        revoked: None,
    };
    let mut transaction = stage.store.begin("make a token").await.unwrap();
    let hash = hex::encode(sha2::Sha256::digest(secret));
    transaction.token_create(&record, &hash).await.unwrap();
    transaction.commit().await.unwrap();
    format!("lotse_{}", URL_SAFE_NO_PAD.encode(secret))
}

async fn incidents(stage: &Stage) -> Vec<Value> {
    let list = stage.get("/incidents?start=2026-11-01&end=2026-12-01").await;
    list.as_array().unwrap().clone()
}

#[tokio::test]
async fn a_signed_message_becomes_a_proposal_and_a_confirmation_one_incident() {
    let (stage, detector, base, compute) = harbour(Mode::Confirm).await;
    let answer = signed(&stage, &base, "m1", 0, &message("down")).await;
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "taken": 1, "unknown": 0 }));
    let proposal = detector.live().await.unwrap().remove(0);
    assert_eq!(proposal.state, State::Open);
    assert!(incidents(&stage).await.is_empty(), "nobody has confirmed it");
    let done = detector.speak("anna", proposal.id, &Change::Confirm, "seen it").await.unwrap();
    assert!(!done.is_pending && done.state == State::Confirmed);
    let list = incidents(&stage).await;
    assert_eq!(list[0]["id"], proposal.id.to_string());
    assert_eq!(list[0]["displayName"], "Trouble with Compute");
    assert_eq!(list[0]["affects"], json!([{ "reference": compute, "severity": 90 }]));
    assert_eq!(list[0]["beganAt"], NOON);
    assert!(!list[0].to_string().contains("cn-17"), "evidence is not for the public");
    let again = detector.speak("bert", proposal.id, &Change::Confirm, "").await;
    assert!(matches!(again, Err(Error::Conflict { .. })));
    stage.hours_later(1);
    detector.tick().await.unwrap();
    assert_eq!(incidents(&stage).await.len(), 1);
}

#[tokio::test]
async fn messages_that_are_repeated_old_changed_or_of_strangers_have_no_effect() {
    let (stage, detector, base, _) = harbour(Mode::Confirm).await;
    for (age, status) in [(301, 401), (-301, 401)] {
        let answer = signed(&stage, &base, "m0", age, &message("down")).await;
        assert_eq!(answer.status(), status, "{age}");
    }
    let key = Key::new(&SecretString::from(SECRET)).unwrap();
    let second = stage.clock.now().as_second();
    let body = message("down");
    let good = key.sign("m1", second, body.as_bytes());
    for (name, id, signature, body) in [
        ("probe", "m1", good.as_str(), "{\"signals\":[]}"),
        ("probe", "m2", &good, &body),
        ("other", "m1", &good, &body),
        ("probe", "m1", "v1,AAAA", &body),
    ] {
        let request = stage.http.post(format!("{base}/detect/webhook/{name}"));
        let request = request.header("webhook-id", id).header("webhook-timestamp", second);
        let request = request.header("webhook-signature", signature).body(body.to_owned());
        assert_eq!(request.send().await.unwrap().status(), 401, "{name} {id}");
    }
    assert!(detector.latest(9).await.unwrap().is_empty());
    assert_eq!(signed(&stage, &base, "m1", 0, &body).await.status(), 202);
    let well = message("well");
    assert_eq!(signed(&stage, &base, "m2", 0, &well).await.status(), 202);
    let replayed = signed(&stage, &base, "m1", 0, &body).await.json::<Value>().await.unwrap();
    assert_eq!(replayed["taken"], 0, "the first message is not taken again");
    assert!(!detector.measures().await.unwrap().iter().any(|one| one.is_bad));
    assert_eq!(signed(&stage, &base, "m3", 0, "{}").await.status(), 400);
}

#[tokio::test]
async fn an_alert_needs_a_token_that_may_signal() {
    let (stage, detector, base, _) = harbour(Mode::Confirm).await;
    let alert = json!({ "version": "4", "alerts": [{ "status": "firing", "startsAt": NOON,
        "labels": { "alertname": "Slow", "severity": "warning", "component": "Storage" } }] });
    let send = |token: Option<&str>| {
        let request = stage.http.post(format!("{base}/detect/alertmanager")).json(&alert);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        async move { request.send().await.unwrap().status().as_u16() }
    };
    let token = token_with(&stage, "status.signal").await;
    let other = token_with(&stage, "status.report").await;
    assert_eq!(send(None).await, 401);
    assert_eq!(send(Some("lotse_x")).await, 401);
    assert_eq!(send(Some(&other)).await, 403);
    assert!(detector.latest(9).await.unwrap().is_empty());
    assert_eq!(send(Some(&token)).await, 202);
    let proposal = detector.live().await.unwrap().remove(0);
    assert_eq!(proposal.draft.name, "Trouble with Storage");
    assert_eq!(proposal.evidence[0].detail["labels"]["alertname"], "Slow");
}

#[tokio::test]
async fn a_heart_that_stops_is_published_after_the_veto_time_and_ends_with_its_return() {
    let (stage, detector, base, _) = harbour(Mode::Auto).await;
    let beat = |secret: &str| {
        let request = stage.http.request(Method::POST, format!("{base}/beat/{secret}"));
        async move { request.send().await.unwrap().status().as_u16() }
    };
    let later = |seconds| stage.clock.advance(SignedDuration::from_secs(seconds));
    assert_eq!(beat("nobody").await, 404);
    assert_eq!(beat(HEART).await, 204);
    later(89);
    assert_eq!(detector.tick().await.unwrap(), 0);
    later(1);
    assert_eq!(detector.tick().await.unwrap(), 1);
    assert_eq!(detector.live().await.unwrap()[0].state, State::Open);
    later(599);
    detector.tick().await.unwrap();
    assert!(incidents(&stage).await.is_empty());
    later(1);
    detector.tick().await.unwrap();
    assert_eq!(incidents(&stage).await[0]["endedAt"], Value::Null);
    assert_eq!(beat(HEART).await, 204);
    for _ in 0..6 {
        later(60);
        assert_eq!(beat(HEART).await, 204);
    }
    detector.tick().await.unwrap();
    let ended = &incidents(&stage).await[0];
    assert_ne!(ended["endedAt"], Value::Null, "{ended}");
    assert_eq!(ended["updates"], json!([0]));
    assert!(detector.live().await.unwrap().is_empty());
}

#[tokio::test]
async fn health_events_are_taken_from_the_outbox_once() {
    let (stage, detector, _, _) = harbour(Mode::Confirm).await;
    let task = Watching::new(detector.clone());
    let stop = CancellationToken::new();
    task.activate(&stop).await.map_err(|_| ()).unwrap();
    let said = Health {
        watcher: "scenario/boot".to_owned(),
        labels: [("region".to_owned(), "west".to_owned())].into(),
        condition: Condition::Down,
        since: stage.clock.now(),
        evidence: json!({ "request": "req-1" }),
    };
    let event = said.event(EventId::generate(), stage.clock.now());
    stage.store.emit(event).await.unwrap();
    let report = task.activate(&stop).await.map_err(|_| ()).unwrap();
    assert_eq!(report.detail["signals"], 1);
    assert_eq!(detector.live().await.unwrap()[0].evidence[0].source, "health/scenario/boot");
    let report = task.activate(&stop).await.map_err(|_| ()).unwrap();
    assert_eq!(report.detail, json!({ "signals": 0, "changed": 0 }));
}

#[tokio::test]
async fn a_decision_that_was_not_carried_out_is_carried_out_by_the_next_look() {
    let (stage, detector, base, _) = harbour(Mode::Confirm).await;
    signed(&stage, &base, "m1", 0, &message("down")).await;
    let id: ProposalId = detector.live().await.unwrap()[0].id;
    detector.speak("anna", id, &Change::Confirm, "").await.unwrap();
    // As if the process had been killed between the decision and the incident.
    stage.delete(&format!("/incidents/{id}")).await;
    let document = detector.get(id).await.unwrap();
    let mut document = serde_json::to_value(document).unwrap();
    document["is_pending"] = json!(true);
    let statement = "UPDATE status_detection_proposal SET document = $1, live = 1";
    let query = lotse_store::sqlx::query(statement).bind(document.to_string());
    stage.store.execute("undo a deed", query).await.unwrap();
    detector.tick().await.unwrap();
    assert_eq!(incidents(&stage).await.len(), 1);
    detector.tick().await.unwrap();
    assert!(!detector.get(id).await.unwrap().is_pending);
}

#[tokio::test]
async fn a_draft_is_edited_and_checked() {
    let (stage, detector, base, compute) = harbour(Mode::Confirm).await;
    signed(&stage, &base, "m1", 0, &message("degraded")).await;
    let id = detector.live().await.unwrap()[0].id;
    let edit = |name: Option<&str>, affects: Option<(&str, u8)>| Change::Edit {
        name: name.map(str::to_owned),
        text: None,
        affects: affects.map(|(id, severity)| [(id.parse().unwrap(), severity)].into()),
    };
    let unknown = "00000000-0000-0000-0000-000000000000";
    for wrong in
        [edit(Some(" "), None), edit(None, Some((&compute, 0))), edit(None, Some((unknown, 5)))]
    {
        assert!(detector.speak("anna", id, &wrong, "").await.is_err(), "{wrong:?}");
    }
    let good = edit(Some("Servers start slowly"), Some((&compute, 20)));
    detector.speak("anna", id, &good, "").await.unwrap();
    detector.tick().await.unwrap();
    detector.speak("anna", id, &Change::Confirm, "").await.unwrap();
    let list = incidents(&stage).await;
    assert_eq!(list[0]["displayName"], "Servers start slowly");
    assert_eq!(list[0]["affects"][0]["severity"], 20);
}

#[tokio::test]
async fn what_was_measured_stands_beside_what_was_declared_in_reports() {
    let (stage, [_, compute, _]) = Stage::furnished().await;
    let detection = Detection { heartbeats: BTreeMap::new(), ..detection(Mode::Manual) };
    let secrets = Secrets::configured::<Error>(&detection, &|_, _| Ok(SECRET.into())).unwrap();
    let detector = Arc::new(Detector::new(stage.desk.clone(), detection.clone(), secrets));
    let base = stage.serve(detect::router(&detector)).await;
    let report = async || {
        let report = stage.ask(Method::GET, "/sla/2026-11.json", None).await.1;
        let rows = report["components"].as_array().unwrap_or_else(|| panic!("{report}")).clone();
        let of = |id: &str| rows.iter().find(|row| row["id"] == id).unwrap().clone();
        let other = rows.iter().find(|row| row["id"] != *compute).unwrap();
        assert_eq!(other["measured"], Value::Null, "nobody measures it");
        of(&compute)
    };
    assert_eq!(report().await["measured"], Value::Null);
    // A monitor that has only good to say measures, too.
    signed(&stage, &base, "m1", 0, &message("well")).await;
    assert_eq!(report().await["measured"]["available"], "100.000");
    stage.hours_later(1);
    signed(&stage, &base, "m2", 0, &message("down")).await;
    stage.hours_later(2);
    signed(&stage, &base, "m3", 0, &message("well")).await;
    stage.hours_later(1);
    detector.tick().await.unwrap();
    let row = report().await;
    assert_eq!((&row["measured"]["down"], &row["down"]), (&7200.into(), &0.into()), "{row}");
    assert!(incidents(&stage).await.is_empty(), "nothing was declared");
    // Maintenance is known from what was declared: trouble within it is not held against anybody.
    let affects = json!([{ "reference": compute, "severity": 0 }]);
    let work = json!({ "displayName": "Work", "beganAt": noon_and(1), "endedAt": noon_and(2),
        "affects": affects });
    stage.make("/incidents", work).await;
    assert_eq!(report().await["measured"]["down"], 3600);
    // An archive keeps it, and the proposals; what is imported is exported equally.
    let (calm, trouble) = (message("well"), message("down").replace("vm-boot", "disks"));
    signed(&stage, &base, "m4", 0, &trouble).await;
    let kept = Archive::whole(&stage.desk).await.unwrap().to_json();
    let elsewhere = Stage::new().await;
    let archive = Archive::read(kept.as_bytes()).unwrap();
    assert_eq!(archive.proposals.len(), detector.latest(10).await.unwrap().len());
    let restore = Command::Restore(Box::new(archive));
    elsewhere.desk.perform("test", &restore).await.unwrap();
    assert_eq!(Archive::whole(&elsewhere.desk).await.unwrap().to_json(), kept);
    let moved = detect::remembered(&elsewhere.store, stage.clock.now()).await.unwrap();
    assert_eq!(moved, detect::remembered(&stage.store, stage.clock.now()).await.unwrap());
    signed(&stage, &base, "m5", 0, &calm).await;
    // Another process, and the command line, know the same.
    let now = stage.clock.now();
    let known = detect::remembered(&stage.store, now).await.unwrap();
    assert_eq!(known, *stage.desk.measured());
    let other = Arc::new(stage.neighbour().await);
    let second = Detector::new(other.clone(), detection, Secrets::default());
    assert!(other.measured().is_empty());
    second.refresh().await.unwrap();
    assert_eq!(*other.measured(), known);
}

#[tokio::test]
async fn proposals_move_with_the_page_and_are_decided_there() {
    let (stage, detector, base, _) = harbour(Mode::Confirm).await;
    signed(&stage, &base, "m1", 0, &message("down")).await;
    let open = detector.live().await.unwrap().remove(0);
    let kept = Archive::whole(&stage.desk).await.unwrap();
    assert_eq!(kept.proposals, std::slice::from_ref(&open));
    let text = kept.to_json();
    let other = Stage::new().await;
    let archive = Archive::read(text.as_bytes()).unwrap();
    other.desk.perform("test", &Command::Restore(Box::new(archive))).await.unwrap();
    assert_eq!(Archive::whole(&other.desk).await.unwrap().to_json(), text);
    let second = Detector::new(other.desk.clone(), detection(Mode::Confirm), Secrets::default());
    let done = second.speak("bert", open.id, &Change::Confirm, "moved").await.unwrap();
    assert_eq!(done.state, State::Confirmed);
    assert_eq!(incidents(&other).await[0]["id"], open.id.to_string());
}
