//! The page elsewhere: bundles that are believed, and bundles that are not.

use std::path::PathBuf;
use std::sync::Arc;

use lotse_core::time::{Clock, SignedDuration};
use lotse_status::Error;
use lotse_status::bundle::edge::Edge;
use lotse_status::bundle::key::SigningKey;
use lotse_status::bundle::{Bundle, Manifest, folder};
use serde_json::{Value, json};

use crate::stage::{NOON, Stage};

/// The folder, and a publisher for it.
fn publish(stage: &Stage, key: &str) -> Manifest {
    let key = SigningKey::open(&stage.path(key)).unwrap();
    let bundle = Bundle::render(&stage.site, "https://status.example.org");
    let valid = SignedDuration::from_mins(5);
    folder::publish(&stage.path("out"), &bundle, &key, stage.clock.now(), valid).unwrap()
}

fn open(stage: &Stage, key: Option<&str>) -> Result<Arc<Edge>, Error> {
    let key = key.map(|key| SigningKey::open(&stage.path(key)).unwrap().public());
    let edge = Edge::open(&stage.path("out"), &stage.path("memory"), key, stage.clock.clone());
    edge.map(Arc::new)
}

/// A page with one incident, published once; the id.
async fn published() -> (Stage, String) {
    let (stage, [_, compute, _]) = Stage::furnished().await;
    let body = json!({ "displayName": "Disks vanish", "beganAt": NOON,
        "affects": [{ "reference": compute, "severity": 90 }] });
    let id = stage.make("/incidents", body).await;
    publish(&stage, "key");
    (stage, id)
}

async fn read(stage: &Stage, url: String) -> (u16, String) {
    let answer = stage.http.get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn current(stage: &Stage, file: &str) -> PathBuf {
    std::fs::canonicalize(stage.path("out").join("current")).unwrap().join(file)
}

#[tokio::test]
async fn an_edge_shows_what_was_published_and_follows() {
    let (stage, id) = published().await;
    let edge = open(&stage, None).unwrap();
    let base = stage.serve(edge.router()).await;
    for path in ["/", "/en/", "/en/history", "/de/history/2026-11", "/feed.atom"] {
        let (status, text) = read(&stage, format!("{base}{path}")).await;
        assert_eq!(status, 200, "{path}");
        assert!(text.contains("Disks vanish"), "{path}");
        assert!(!text.contains("/en/search"), "nobody can search there");
    }
    let (_, text) = read(&stage, format!("{base}/incident/{id}")).await;
    assert!(text.contains("Investigating"));
    let (_, summary) = read(&stage, format!("{base}/api/v2/summary.json")).await;
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(summary["status"]["indicator"], "critical");
    for (path, field) in
        [("components", "activelyAffectedBy"), ("incidents", "beganAt"), ("phases", "generation")]
    {
        let (status, text) = read(&stage, format!("{base}/compatible/{path}.json")).await;
        assert!(status == 200 && text.contains(field), "{path}: {text}");
    }
    let widget = stage.http.get(format!("{base}/de/widget")).send().await.unwrap();
    let policy = widget.headers()["content-security-policy"].to_str().unwrap();
    assert!(!policy.contains("frame-ancestors"), "pages of others show it: {policy}");
    assert!(widget.text().await.unwrap().contains("Einige Komponenten"));
    assert_eq!(read(&stage, format!("{base}/../memory")).await.0, 404);
    assert!(!edge.look().unwrap());
    stage.patch(&format!("/incidents/{id}"), json!({ "displayName": "Disks are back" })).await;
    publish(&stage, "key");
    assert!(edge.look().unwrap());
    assert!(read(&stage, format!("{base}/en/")).await.1.contains("Disks are back"));
}

#[tokio::test]
async fn an_edge_says_since_when_the_cloud_was_not_heard_of_and_forgets_it_afterwards() {
    let (stage, _) = published().await;
    let edge = open(&stage, None).unwrap();
    let base = stage.serve(edge.router()).await;
    stage.clock.advance(SignedDuration::from_mins(5));
    assert!(!read(&stage, format!("{base}/en/")).await.1.contains("no contact"));
    stage.clock.advance(SignedDuration::from_mins(1));
    let (_, text) = read(&stage, format!("{base}/en/")).await;
    assert!(
        text.contains("no contact with the cloud since <time datetime=\"2026-11-21T12:00:00Z\">")
    );
    for path in ["/de/history", "/de/widget"] {
        let (_, text) = read(&stage, format!("{base}{path}")).await;
        assert!(text.contains("kein Kontakt zur Cloud seit"), "{path}");
    }
    let answer = stage.http.get(format!("{base}/api/v2/status.json")).send().await.unwrap();
    assert_eq!(answer.headers()["x-status-no-contact-since"], NOON);
    publish(&stage, "key");
    edge.look().unwrap();
    assert!(!read(&stage, format!("{base}/en/")).await.1.contains("no contact"));
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_refused_and_what_was_shown_stays() {
    let (stage, _) = published().await;
    let edge = open(&stage, None).unwrap();
    let base = stage.serve(edge.router()).await;
    for file in ["en/index.html", "manifest.json", "manifest.sig", "api/v2/status.json"] {
        publish(&stage, "key");
        let path = current(&stage, file);
        let mut bytes = std::fs::read(&path).unwrap();
        let place = bytes.len() / 2;
        bytes[place] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(edge.look(), Err(Error::Untrusted { .. })), "{file}");
        assert!(matches!(open(&stage, None), Err(Error::Untrusted { .. })), "{file}");
        assert_eq!(read(&stage, format!("{base}/en/")).await.0, 200);
    }
    publish(&stage, "key");
    assert!(edge.look().unwrap());
}

#[tokio::test]
async fn an_older_bundle_is_refused_also_by_an_edge_that_was_started_again() {
    let (stage, _) = published().await;
    let old = std::fs::read_link(stage.path("out").join("current")).unwrap();
    publish(&stage, "key");
    let edge = open(&stage, None).unwrap();
    let newest = edge.sequence();
    let pointer = stage.path("out").join("current");
    std::fs::remove_file(&pointer).unwrap();
    std::os::unix::fs::symlink(old, &pointer).unwrap();
    assert!(matches!(edge.look(), Err(Error::Untrusted { .. })));
    assert!(matches!(open(&stage, None), Err(Error::Untrusted { .. })));
    assert_eq!(edge.sequence(), newest);
    // The publisher goes on from what it finds, and the clock is never below.
    stage.hours_later(1);
    publish(&stage, "key");
    assert!(edge.look().unwrap());
}

#[tokio::test]
async fn a_bundle_of_another_publisher_is_refused() {
    let (stage, _) = published().await;
    let edge = open(&stage, None).unwrap();
    publish(&stage, "other-key");
    assert!(matches!(edge.look(), Err(Error::Untrusted { .. })));
    assert!(matches!(open(&stage, None), Err(Error::Untrusted { .. })), "the first key is kept");
    assert!(open(&stage, Some("other-key")).is_ok(), "unless another one is given");
    assert!(matches!(open(&stage, Some("key")), Err(Error::Untrusted { .. })));
}

#[tokio::test]
async fn a_folder_keeps_the_last_three_bundles_and_the_key_is_its_owners() {
    use std::os::unix::fs::PermissionsExt as _;
    let (stage, _) = published().await;
    let numbers: Vec<_> = (0..5).map(|_| publish(&stage, "key").sequence).collect();
    assert!(numbers.windows(2).all(|two| two[0] < two[1]));
    let mut names: Vec<_> = std::fs::read_dir(stage.path("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("current"))
        .collect();
    names.sort();
    assert_eq!(names, numbers[2..].iter().map(u64::to_string).collect::<Vec<_>>());
    let mode = std::fs::metadata(stage.path("key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
