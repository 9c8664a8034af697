//! Imports: what the simulated internet promises, and transitions on the clock.

use std::sync::Arc;
use std::time::Duration;

use lotse_core::time::{ManualClock, SharedClock, SignedDuration};
use lotse_sim::{DownloadMode, SimCloud, SimOptions, UpstreamFile};
use serde_json::{Value, json};
use sha2::{Digest, Sha512};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{Session, person};

/// A queued image of the member `demo`; its path.
async fn queued(session: &Session) -> String {
    let body = json!({"name": "imported", "disk_format": "qcow2", "container_format": "bare"});
    let created = session.post("/v2/images", &body).await;
    assert_eq!(created.status, 201, "{}", created.text);
    format!("/v2/images/{}", created.json()["id"].as_str().expect("an id"))
}

async fn import(session: &Session, image: &str, url: &str) {
    let body = json!({"method": {"name": "web-download", "uri": url}});
    let answer = session.post(&format!("{image}/import"), &body).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
}

async fn start(options: SimOptions) -> (SimCloud, Session) {
    let cloud = SimCloud::start(options).await.expect("a cloud");
    let session = Session::sign_in(&person(&cloud, "demo", Some("demo"))).await;
    (cloud, session)
}

#[tokio::test]
async fn a_declared_url_yields_the_declared_checksum_and_size() {
    let (cloud, session) = start(SimOptions::default()).await;
    let digest = "ab".repeat(64);
    let file = UpstreamFile::with_checksum(&format!("sha512:{digest}")).sized(3 << 30);
    cloud.upstream().declare("https://images.example/debian.qcow2", file);
    let image = queued(&session).await;
    import(&session, &image, "https://images.example/debian.qcow2").await;
    let shown = session.get(&image).await.json();
    assert_eq!(shown["status"], "active");
    assert_eq!(shown["os_hash_value"], json!(digest));
    assert_eq!(shown["size"], json!(3_u64 << 30));
    let download = session.get(&format!("{image}/file")).await;
    assert_eq!(download.status, 503, "no bytes were promised");
}

#[tokio::test]
async fn an_undeclared_url_yields_the_same_bytes_every_time_and_they_match_their_hash() {
    let (_cloud, session) = start(SimOptions::default()).await;
    let mut hashes = Vec::new();
    for url in ["http://a.example/x.qcow2", "http://a.example/x.qcow2", "http://a.example/y.qcow2"]
    {
        let image = queued(&session).await;
        import(&session, &image, url).await;
        let shown = session.get(&image).await.json();
        let size = shown["size"].as_u64().expect("a size");
        assert!(shown["virtual_size"].as_u64() > Some(size), "{shown}");
        let file = session.image(reqwest::Method::GET, &format!("{image}/file"));
        let bytes = file.send().await.expect("an answer").bytes().await.expect("bytes");
        assert_eq!(shown["os_hash_value"], hex::encode(Sha512::digest(&bytes)));
        hashes.push(shown["os_hash_value"].clone());
    }
    assert_eq!(hashes[0], hashes[1]);
    assert_ne!(hashes[1], hashes[2]);
}

#[tokio::test]
async fn an_unreachable_url_leaves_the_image_queued_and_a_failed_task() {
    let (cloud, session) = start(SimOptions::default()).await;
    cloud.upstream().unreachable("http://gone.example/x.qcow2");
    let image = queued(&session).await;
    import(&session, &image, "http://gone.example/x.qcow2").await;
    let shown = session.get(&image).await.json();
    assert_eq!(shown["status"], "queued");
    assert_eq!(shown["os_glance_failed_import"], "fast");
    let tasks = session.get(&format!("{image}/tasks")).await.json();
    assert_eq!(tasks["tasks"][0]["status"], "failure");
}

#[tokio::test]
async fn an_import_is_under_way_until_its_delay_has_passed_on_the_clock() {
    let clock = Arc::new(ManualClock::starting_at("2026-01-01T00:00:00Z".parse().expect("time")));
    let shared: SharedClock = clock.clone();
    let (_cloud, session) = start(SimOptions {
        clock: shared,
        import_delay: Duration::from_mins(1),
        ..SimOptions::default()
    })
    .await;
    let image = queued(&session).await;
    import(&session, &image, "http://a.example/x.qcow2").await;
    clock.advance(SignedDuration::from_secs(59));
    let shown = session.get(&image).await.json();
    assert_eq!(shown["status"], "importing");
    assert_eq!(shown["os_glance_importing_to_stores"], "fast");
    assert!(shown["os_glance_import_task"].is_string());
    let again = json!({"method": {"name": "web-download", "uri": "http://a.example/x.qcow2"}});
    assert_eq!(session.post(&format!("{image}/import"), &again).await.status, 409);
    clock.advance(SignedDuration::from_secs(1));
    let shown = session.get(&image).await.json();
    assert_eq!(shown["status"], "active");
    assert_eq!(shown["os_glance_importing_to_stores"], "");
    assert_eq!(shown.get("os_glance_import_task"), None::<&Value>);
    assert_eq!(shown["updated_at"], "2026-01-01T00:01:00Z");
}

/// Serves the same file to everybody; its address.
async fn mirror(content: &'static [u8]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 4096];
            let read = stream.read(&mut asked).await.expect("a request");
            assert!(asked[..read].starts_with(b"GET /image.raw "));
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len());
            stream.write_all(head.as_bytes()).await.expect("head");
            stream.write_all(content).await.expect("content");
        }
    });
    format!("http://{address}/image.raw")
}

#[tokio::test]
async fn a_real_download_takes_the_bytes_of_a_local_mirror_and_of_nowhere_else() {
    let options = SimOptions { download: DownloadMode::Fetch, ..SimOptions::default() };
    let (_cloud, session) = start(options).await;
    let image = queued(&session).await;
    import(&session, &image, &mirror(b"hello").await).await;
    let mut shown = session.get(&image).await.json();
    while shown["status"] == "importing" {
        tokio::task::yield_now().await;
        shown = session.get(&image).await.json();
    }
    assert_eq!(shown["status"], "active", "{shown}");
    assert_eq!(shown["checksum"], "5d41402abc4b2a76b9719d911017c592");
    let other = queued(&session).await;
    let body = json!({"method": {"name": "web-download", "uri": "http://192.0.2.1/x"}});
    let answer = session.post(&format!("{other}/import"), &body).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("does not pass filtering"), "{}", answer.text);
}
