//! Broken and oversized requests, slow answers, clients that go away.

use std::time::{Duration, Instant};

use lotse_sim::{Effect, Fault, SimCloud, SimOptions};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Answer, Session, http, person};

async fn start(options: SimOptions) -> (SimCloud, Session) {
    let cloud = SimCloud::start(options).await.expect("a cloud");
    let session = Session::sign_in(&person(&cloud, "demo", Some("demo"))).await;
    (cloud, session)
}

async fn raw_image(session: &Session) -> String {
    let body = json!({"name": "raw", "disk_format": "raw", "container_format": "bare"});
    let id = session.post("/v2/images", &body).await.json()["id"].clone();
    format!("/v2/images/{}", id.as_str().expect("an id"))
}

fn upload(session: &Session, path: &str, bytes: &'static [u8]) -> reqwest::RequestBuilder {
    let request = session.image(Method::PUT, &format!("{path}/file"));
    request.header("Content-Type", "application/octet-stream").body(bytes)
}

#[tokio::test]
async fn an_upload_beyond_the_cap_is_refused_and_leaves_the_image_queued() {
    let (_cloud, session) = start(SimOptions { image_size_cap: 4, ..SimOptions::default() }).await;
    let path = raw_image(&session).await;
    let refused = Answer::of(upload(&session, &path, b"12345")).await;
    assert_eq!(refused.status, 413);
    let shown = session.get(&path).await.json();
    assert_eq!((&shown["status"], &shown["size"]), (&json!("queued"), &json!(null)));
    assert_eq!(Answer::of(upload(&session, &path, b"1234")).await.status, 204);
}

#[tokio::test]
async fn bytes_that_are_not_kept_are_hashed_and_cannot_be_downloaded() {
    let (_cloud, session) = start(SimOptions { keep_bytes: 4, ..SimOptions::default() }).await;
    let path = raw_image(&session).await;
    assert_eq!(Answer::of(upload(&session, &path, b"hello")).await.status, 204);
    let shown = session.get(&path).await.json();
    assert_eq!(shown["checksum"], "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(session.get(&format!("{path}/file")).await.status, 503);
}

#[tokio::test]
async fn bodies_that_are_too_large_are_refused_by_both_services() {
    let (cloud, session) = start(SimOptions::default()).await;
    let long = "x".repeat(200_000);
    let tokens = http().post(format!("{}/auth/tokens", cloud.auth_url()));
    let answer = Answer::of(tokens.json(&json!({"auth": {"long": long}}))).await;
    assert_eq!((answer.status, answer.media_type()), (413, "text/html"));
    let limit = "Larger than max_request_body_size (114688).";
    assert!(answer.text.contains(limit), "{}", answer.text);
    assert_eq!(session.post("/v2/images", &json!({"long": "x".repeat(2 << 20)})).await.status, 413);
}

/// Opens an upload by hand and sends part of it; the image is `saving` then.
async fn half_an_upload(cloud: &SimCloud, session: &Session, path: &str) -> TcpStream {
    let address = cloud.url().strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "PUT /image{path}/file HTTP/1.1\r\nHost: sim\r\nX-Auth-Token: {}\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: 10\r\n\r\nhalf",
        session.token,
    );
    stream.write_all(head.as_bytes()).await.expect("half a request");
    while session.get(path).await.json()["status"] != "saving" {
        tokio::task::yield_now().await;
    }
    stream
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_the_image_queued() {
    let (cloud, session) = start(SimOptions::default()).await;
    let path = raw_image(&session).await;
    let stream = half_an_upload(&cloud, &session, &path).await;
    drop(stream);
    while session.get(&path).await.json()["status"] == "saving" {
        tokio::task::yield_now().await;
    }
    assert_eq!(session.get(&path).await.json()["status"], "queued");
}

#[tokio::test]
async fn an_image_deleted_during_its_upload_is_gone() {
    let (cloud, session) = start(SimOptions::default()).await;
    let path = raw_image(&session).await;
    let mut stream = half_an_upload(&cloud, &session, &path).await;
    assert_eq!(session.delete(&path).await.status, 204);
    stream.write_all(b" whole").await.expect("the other half");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 410");
}

#[tokio::test]
async fn what_is_no_http_is_refused_and_the_cloud_goes_on() {
    let (cloud, session) = start(SimOptions::default()).await;
    let address = cloud.url().strip_prefix("http://").expect("an address");
    for nonsense in [&b"\x16\x03\x01 hello tls\r\n\r\n"[..], b"GET\r\n\r\n", b"\0\0\0\0"] {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(nonsense).await.expect("nonsense");
        stream.shutdown().await.expect("an end");
        let mut answer = Vec::new();
        // A reset instead of an answer is as good.
        if stream.read_to_end(&mut answer).await.is_ok() {
            assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
        }
    }
    assert_eq!(session.get("/v2/images").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_make_the_same_thing_one_does_and_the_others_are_told() {
    let cloud = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let admin = Session::sign_in(&person(&cloud, "admin", Some("admin"))).await;
    for (service, path, body, made) in [
        ("identity", "/projects", json!({"project": {"name": "one"}}), 201),
        ("identity", "/users", json!({"user": {"name": "one"}}), 201),
        ("identity", "/roles", json!({"role": {"name": "one"}}), 201),
        ("identity", "/domains", json!({"domain": {"name": "one"}}), 201),
        ("image", "/v2/images", json!({"id": "0f4c1a8e-0000-4000-8000-000000000001"}), 201),
        ("compute", "/os-keypairs", json!({"keypair": {"name": "one"}}), 200),
        (
            "compute",
            "/flavors",
            json!({"flavor": {"name": "one", "ram": 1, "vcpus": 1, "disk": 1}}),
            200,
        ),
    ] {
        let rivals: Vec<_> = (0..16)
            .map(|_| tokio::spawn(Answer::of(admin.to(service, Method::POST, path).json(&body))))
            .collect();
        let mut statuses = Vec::new();
        for rival in rivals {
            statuses.push(rival.await.expect("an answer").status);
        }
        statuses.sort_unstable();
        assert_eq!(statuses[0], made, "{service}{path}: {statuses:?}");
        assert!(statuses[1..].iter().all(|&status| status == 409), "{service}{path}: {statuses:?}");
    }
}

#[tokio::test]
async fn answers_take_at_least_the_latency_and_the_delay_of_a_fault() {
    let latency = Duration::from_millis(20);
    let (cloud, session) = start(SimOptions { latency, ..SimOptions::default() }).await;
    let start = Instant::now();
    session.get("/v2/images").await;
    assert!(start.elapsed() >= latency);
    cloud.faults().add(Fault::new(Effect::Delay { milliseconds: 50 }).on("image", "GET", "/v2/**"));
    let start = Instant::now();
    session.get("/v2/images").await;
    assert!(start.elapsed() >= Duration::from_millis(70));
}

#[tokio::test]
async fn paths_of_no_service_say_which_services_there_are() {
    let (cloud, _) = start(SimOptions::default()).await;
    for path in ["", "/", "/imagery/v2", "/v3"] {
        let answer = Answer::of(http().get(format!("{}{path}", cloud.url()))).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["services"][1]["type"], "image", "{path}");
    }
}
