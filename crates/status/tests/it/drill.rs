//! The outage drill, and break-glass posts: database, sign-in and main process are stopped in turn;
//! the page still answers, an operator still reaches its readers, and afterwards all is one page.

use std::sync::Arc;

use lotse_core::id::{ComponentId, IncidentId};
use lotse_core::signature::ssh::SigningKey;
use lotse_core::time::{Clock, SignedDuration};
use lotse_status::Error;
use lotse_status::bundle::edge::Edge;
use lotse_status::bundle::glass::{NAMESPACE, Operators, Post, Signed};
use lotse_status::bundle::key::SigningKey as PublisherKey;
use lotse_status::bundle::merge::{Merged, merge, merged};
use lotse_status::bundle::{Bundle, Preset, folder};
use lotse_status::command::{Command, ComponentFields};
use lotse_status::site::{Options, Site};
use reqwest::Method;
use ring::signature::Ed25519KeyPair;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stage::{NOON, Stage};

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
}

fn operators() -> Operators {
    Operators::parse(&format!("# on call\n\n{} anna\n", key(1).public_line())).unwrap()
}

pub(crate) fn post(stage: &Stage, incident: IncidentId, text: &str) -> Post {
    Post {
        id: Uuid::now_v7(),
        incident,
        at: stage.clock.now(),
        name: Some("Power failure".to_owned()),
        text: text.to_owned(),
        affects: [("Compute".to_owned(), 90), ("No such thing".to_owned(), 10)].into(),
        ends: false,
    }
}

pub(crate) fn signed(by: &SigningKey, post: &Post) -> Signed {
    let document = serde_json::to_string(post).unwrap();
    Signed { signature: by.sign(NAMESPACE, document.as_bytes()), document }
}

pub(crate) async fn publish(stage: &Stage, site: &Site) {
    let key = PublisherKey::open(&stage.path("key")).unwrap();
    let mut bundle = Bundle::render(site, "https://status.example.org");
    bundle.merged = merged(site.desk().store()).await.unwrap();
    bundle.preset = Some(Preset {
        after_seconds: 1800,
        name: "No contact with the <cloud>".to_owned(),
        text: "We are on our way.".to_owned(),
    });
    let valid = SignedDuration::from_mins(5);
    folder::publish(&stage.path("out"), &bundle, &key, stage.clock.now(), valid).unwrap();
}

pub(crate) fn edge(stage: &Stage) -> Arc<Edge> {
    let edge =
        Edge::open(&stage.path("out"), &stage.path("memory.json"), None, stage.clock.clone());
    Arc::new(edge.unwrap().believing(operators()))
}

async fn read(stage: &Stage, url: &str) -> String {
    let answer = stage.http.get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{url}");
    answer.text().await.unwrap()
}

/// Sends a post to the edge.
pub(crate) async fn send(stage: &Stage, base: &str, signed: &Signed) -> u16 {
    let request = stage.http.post(format!("{base}/break-glass")).body(signed.to_text());
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn the_page_outlives_database_sign_in_and_main_process_and_becomes_one_again() {
    let stage = Stage::with(Options { local_writes: false, ..Options::default() }).await;
    let names = json!({ "displayName": "Compute" });
    let named = ComponentFields { name: Some("Compute".to_owned()), ..ComponentFields::default() };
    let compute = Command::AddComponent(ComponentId::generate(), named);
    stage.desk.perform("anna", &compute).await.unwrap();
    publish(&stage, &stage.site).await;
    let edge_one = edge(&stage);
    let base = stage.serve(edge_one.router()).await;

    // The database goes: readers of the main page notice nothing, writers are told.
    stage.store.close().await;
    assert_eq!(stage.get("/components").await[0]["displayName"], "Compute");
    let write = Command::AddComponent(ComponentId::generate(), ComponentFields::default());
    assert!(matches!(stage.desk.perform("anna", &write).await, Err(Error::Store { .. })));

    // Sign-in is gone with it: nobody can write, everybody can read.
    let refused = stage.status_of(Method::POST, "/components", Some(&names)).await;
    assert_eq!(refused, 401);
    assert!(read(&stage, &format!("{}/en/", stage.base)).await.contains("Compute"));

    // The main process goes: the edge answers, and says so in time.
    stage.stop_main().await;
    assert!(!read(&stage, &format!("{base}/en/")).await.contains("no contact"));
    stage.clock.advance(SignedDuration::from_mins(6));
    assert!(read(&stage, &format!("{base}/en/")).await.contains("no contact with the cloud since"));

    // An operator says what is going on, and later that it is over.
    let incident = IncidentId::generate();
    let first = signed(&key(1), &post(&stage, incident, "Both feeds are down."));
    assert_eq!(send(&stage, &base, &first).await, 201);
    stage.clock.advance(SignedDuration::from_mins(10));
    let last = Post { ends: true, name: None, ..post(&stage, incident, "Power is back.") };
    let last = signed(&key(1), &last);
    assert_eq!(send(&stage, &base, &last).await, 201);
    let page = read(&stage, &format!("{base}/de/")).await;
    assert!(page.contains("Power failure") && page.contains("Both feeds are down."), "{page}");
    assert!(page.contains("kein Kontakt") && page.contains("Power is back."));

    // The edge is started again: it has forgotten nothing.
    let again = edge(&stage);
    assert_eq!(again.posts(), [first, last]);
    drop(again);

    // All comes back. Merging twice is merging once.
    let desk = Arc::new(stage.successor().await);
    let posts: Vec<Signed> =
        serde_json::from_str(&read(&stage, &format!("{base}/break-glass/posts.json")).await)
            .unwrap();
    let done = merge(&desk, &operators(), &posts).await.unwrap();
    assert_eq!(done, Merged { merged: 2, known: 0, refused: 0 });
    let revision = desk.snapshot().revision();
    let done = merge(&desk, &operators(), &posts).await.unwrap();
    assert_eq!(done, Merged { merged: 0, known: 2, refused: 0 });
    assert_eq!(desk.snapshot().revision(), revision);
    let snapshot = desk.snapshot();
    let case = &snapshot.book().cases[&incident];
    assert_eq!(case.incident.name.as_deref(), Some("Power failure"));
    assert_eq!(case.incident.affects.len(), 1, "what is no component is not touched");
    assert_eq!(case.incident.began.unwrap().to_string(), "2026-11-21T12:06:00Z");
    assert_eq!(case.incident.ended.unwrap().to_string(), "2026-11-21T12:16:00Z");
    assert_eq!(case.updates[&0].description.as_deref(), Some("Power is back."));

    // The next bundle has it, and the edge shows it once.
    let site = Site::new(desk, lotse_status::pages::look::Look::default(), Options::default());
    publish(&stage, &site).await;
    edge_one.look().unwrap();
    let page = read(&stage, &format!("{base}/en/incident/{incident}")).await;
    assert!(page.contains("Both feeds are down."));
    assert_eq!(page.matches("Power is back.").count(), 1, "{page}");
    assert!(!page.contains("no contact") && edge_one.posts().is_empty());
}

#[tokio::test]
async fn only_known_operators_are_heard_and_only_now() {
    let (stage, [..]) = Stage::furnished().await;
    publish(&stage, &stage.site).await;
    let edge = edge(&stage);
    let base = stage.serve(edge.router()).await;
    let incident = IncidentId::generate();
    let good = post(&stage, incident, "<b>said</b>");
    let of = |change: fn(&mut Post)| {
        let mut one = Post { id: Uuid::now_v7(), ..good.clone() };
        change(&mut one);
        one
    };
    let mut forged = signed(&key(1), &good);
    forged.document = forged.document.replace("said", "SAID");
    let other = "lotse";
    let elsewhere = {
        let document = serde_json::to_string(&good).unwrap();
        Signed { signature: key(1).sign(other, document.as_bytes()), document }
    };
    for (what, status) in [
        (signed(&key(2), &good), 401),
        (forged, 401),
        (elsewhere, 401),
        (signed(&key(1), &of(|one| one.at += SignedDuration::from_hours(1))), 400),
        (signed(&key(1), &of(|one| one.at -= SignedDuration::from_hours(25))), 400),
        (signed(&key(1), &of(|one| one.name = None)), 400),
        (signed(&key(1), &of(|one| one.affects = [("Compute".to_owned(), 0)].into())), 400),
        (signed(&key(1), &of(|one| one.text = "x".repeat(10_001))), 400),
    ] {
        assert_eq!(send(&stage, &base, &what).await, status, "{}", what.document);
    }
    let empty = stage.http.post(format!("{base}/break-glass")).body("x").send().await.unwrap();
    assert_eq!(empty.status(), 400);
    assert!(!stage.path("memory.posts").exists());
    let good = signed(&key(1), &good);
    assert_eq!(send(&stage, &base, &good).await, 201);
    assert_eq!(send(&stage, &base, &good).await, 200, "the same again is no news");
    let page = read(&stage, &format!("{base}/en/")).await;
    assert!(page.contains("&#60;b&#62;said") || page.contains("&lt;b&gt;said"), "{page}");
    assert_eq!(edge.posts().len(), 1);
    // A page that does not know the operator believes nothing of it.
    let nobody = Operators::default();
    let done = merge(&stage.desk, &nobody, &edge.posts()).await.unwrap();
    assert_eq!(done, Merged { merged: 0, known: 0, refused: 1 });
    assert!(stage.get("/incidents?start=2026-11-01&end=2026-12-01").await == json!([]));
}

#[tokio::test]
async fn an_edge_opens_the_preset_incident_after_the_declared_silence() {
    let (stage, [..]) = Stage::furnished().await;
    publish(&stage, &stage.site).await;
    let edge = edge(&stage);
    let base = stage.serve(edge.router()).await;
    stage.clock.advance(SignedDuration::from_secs(1799));
    assert!(!read(&stage, &format!("{base}/en/")).await.contains("on our way"));
    stage.clock.advance(SignedDuration::from_secs(1));
    let page = read(&stage, &format!("{base}/en/")).await;
    assert!(page.contains("We are on our way."), "{page}");
    assert!(page.contains(NOON) && !page.contains("<cloud>"));
    publish(&stage, &stage.site).await;
    edge.look().unwrap();
    assert!(!read(&stage, &format!("{base}/en/")).await.contains("on our way"));
}

#[tokio::test]
async fn a_crash_between_the_deed_and_the_memory_makes_nothing_twice() {
    let (stage, [..]) = Stage::furnished().await;
    let incident = IncidentId::generate();
    let mut posts = Vec::new();
    for text in ["first", "second"] {
        posts.push(signed(&key(1), &post(&stage, incident, text)));
        stage.clock.advance(SignedDuration::from_secs(1));
    }
    merge(&stage.desk, &operators(), &posts).await.unwrap();
    let before: Value = stage.get(&format!("/incidents/{incident}")).await;
    // As if it had been killed before it could remember.
    let forget =
        lotse_store::sqlx::query("DELETE FROM status_detection_note WHERE kind = 'merged'");
    stage.store.execute("forget", forget).await.unwrap();
    let done = merge(&stage.desk, &operators(), &posts).await.unwrap();
    assert_eq!(done.merged, 2);
    assert_eq!(stage.get(&format!("/incidents/{incident}")).await, before);
    assert_eq!(before["updates"], json!([0]));
}
