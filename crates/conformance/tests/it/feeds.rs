//! What is published about versions, read over HTTP from a mirror.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use lotse_conformance::feed::{Feeds, Publications, built_in_support, fetch};
use lotse_conformance::{Mode, Reason};
use lotse_core::retry::Backoff;
use lotse_core::time::Timestamp;
use reqwest::Url;
use serde_json::{Value, json};

use crate::kaas_server::{Asked, Server};

const QUICK: Backoff =
    Backoff { first: Duration::from_millis(1), most: Duration::from_millis(2), attempts: 3 };

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn record(id: &str, version: &str) -> Value {
    json!({
        "cveMetadata": { "cveId": id, "datePublished": "2026-10-01T00:00:00Z" },
        "containers": { "cna": {
            "metrics": [{ "cvssV3_1": { "baseScore": 9.8 } }],
            "affected": [{ "product": "Kubernetes", "versions": [
                { "version": version, "status": "affected" },
            ]}],
        }},
    })
}

/// A mirror on which everything is as it should be.
fn well(path: &str) -> (u16, Value) {
    match path {
        "/m/releases" => (
            200,
            json!([
                { "tag_name": "v1.35.2", "published_at": "2026-10-20T00:00:00Z" },
                { "tag_name": "v1.36.0-rc.1", "published_at": "2026-11-01T00:00:00Z" },
            ]),
        ),
        "/m/support" => (200, json!([{ "cycle": "1.35", "eol": "2027-02-28" }])),
        "/m/cves" => (
            200,
            json!({ "items": [{ "id": "CVE-2026-1" }, { "id": "CVE-2026-2" }, { "id": "../x" }] }),
        ),
        "/m/records/CVE-2026-1" => (200, record("CVE-2026-1", "1.35.1")),
        "/m/records/CVE-2026-2" => (200, record("CVE-2026-2", "1.30.0")),
        _ => (404, json!({ "message": "Not Found" })),
    }
}

async fn read(server: &Server) -> Feeds {
    let mirror = Url::parse(&format!("http://{}/m", server.address)).unwrap();
    fetch(&Publications::at(&mirror).unwrap(), now(), QUICK).await.unwrap()
}

#[tokio::test]
async fn all_publications_are_read_with_their_places_and_days() {
    let server = Server::start(|asked: &Asked| well(&asked.path), None).await;
    let feeds = read(&server).await;
    let releases = feeds.releases.given().unwrap();
    let versions: Vec<_> = releases.entries.iter().map(|one| one.version.to_string()).collect();
    assert_eq!(versions, ["1.35.2"]);
    assert_eq!(releases.source, format!("http://{}/m/releases", server.address));
    assert_eq!(releases.read_at, now());
    let support = feeds.support.given().unwrap();
    assert_eq!(support.entries[0].end, jiff::civil::date(2027, 2, 28));
    let cves = &feeds.cves.given().unwrap().entries;
    assert!(cves.unread.is_empty(), "{cves:#?}");
    let affected = "1.35.1".parse().unwrap();
    let known: Vec<_> =
        cves.known.iter().map(|cve| (&*cve.id, cve.affects(affected, Mode::Standard))).collect();
    assert_eq!(known, [("CVE-2026-1", true), ("CVE-2026-2", false)]);
    // An id that is none leads to no address, and everything is asked for once.
    let mut asked: Vec<_> = server.asked().iter().map(|one| one.path.clone()).collect();
    asked.sort_unstable();
    assert_eq!(
        asked,
        ["/m/cves", "/m/records/CVE-2026-1", "/m/records/CVE-2026-2", "/m/releases", "/m/support"]
    );
    // What was written for later is read the same.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feeds.json");
    std::fs::write(&path, feeds.to_text()).unwrap();
    assert_eq!(Feeds::read(&path).unwrap(), feeds);
}

#[tokio::test]
async fn what_fails_for_a_moment_is_asked_for_again_and_what_fails_for_good_is_named() {
    let seen: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let server = Server::start(
        move |asked: &Asked| {
            let mut seen = seen.lock().unwrap();
            let times = seen.entry(asked.path.clone()).or_default();
            *times += 1;
            match (asked.path.as_str(), *times) {
                ("/m/releases", 1) => (503, json!({})),
                ("/m/cves", 1) => (429, json!({})),
                ("/m/records/CVE-2026-1", _) => (500, json!({})),
                ("/m/records/CVE-2026-2", _) => (200, json!({ "error": "moved" })),
                ("/m/support", _) => (200, json!([])),
                (path, _) => well(path),
            }
        },
        None,
    )
    .await;
    let feeds = read(&server).await;
    assert!(feeds.releases.given().is_some(), "{feeds:#?}");
    // A table without branches would make every cluster an old one.
    assert_eq!(feeds.support, built_in_support());
    let cves = &feeds.cves.given().unwrap().entries;
    let unread: Vec<_> = cves.unread.iter().map(|one| (&*one.id, &*one.why)).collect();
    assert_eq!(unread.len(), 2, "{unread:#?}");
    assert!(unread[0].1.contains("500"), "{unread:#?}");
    assert!(unread[1].1.contains("no record of a CVE"), "{unread:#?}");
    let tries = |path: &str| server.asked().iter().filter(|one| one.path == path).count();
    assert_eq!(tries("/m/records/CVE-2026-1"), 3);
    assert_eq!(tries("/m/records/CVE-2026-2"), 1);
}

#[tokio::test]
async fn what_is_refused_or_has_another_form_is_no_feed() {
    let server = Server::start(
        |asked: &Asked| match asked.path.as_str() {
            "/m/releases" => (403, json!({ "message": "API rate limit exceeded" })),
            "/m/cves" => (200, json!([])),
            path => well(path),
        },
        None,
    )
    .await;
    let feeds = read(&server).await;
    let refused = feeds.releases.failure().unwrap();
    assert_eq!((refused.reason, refused.status), (Reason::ApiFailed, Some(403)));
    assert!(feeds.cves.failure().unwrap().message.contains("another form"), "{feeds:#?}");
    // Nobody answers at all.
    let address = server.address;
    drop(server);
    let mirror = Url::parse(&format!("http://{address}/m/")).unwrap();
    tokio::task::yield_now().await;
    let none = fetch(&Publications::at(&mirror).unwrap(), now(), QUICK).await.unwrap();
    assert!(none.releases.failure().is_some() && none.cves.failure().is_some(), "{none:#?}");
    assert_eq!(none.support, built_in_support());
}
