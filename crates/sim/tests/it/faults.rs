//! Faults, the request log and the admin endpoints.

use std::time::Duration;

use lotse_core::error::Explain;
use lotse_sim::{Effect, Fault, SimCloud, SimOptions};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{Answer, Session, http, person};

async fn cloud() -> (SimCloud, Session) {
    let cloud = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let session = Session::sign_in(&person(&cloud, "admin", Some("admin"))).await;
    (cloud, session)
}

/// Sends one request by hand and says how the connection ended.
async fn raw(cloud: &SimCloud, request: String) -> std::io::Result<Vec<u8>> {
    let address = cloud.url().strip_prefix("http://").expect("an address");
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

fn create_by_hand(session: &Session, name: &str) -> String {
    let body = json!({"name": name}).to_string();
    format!(
        "POST /image/v2/images HTTP/1.1\r\nHost: sim\r\nX-Auth-Token: {}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        session.token,
        body.len(),
    )
}

async fn count_of(session: &Session, name: &str) -> usize {
    let list = session.get(&format!("/v2/images?name={name}")).await.json();
    list["images"].as_array().expect("images").len()
}

#[tokio::test]
async fn a_reset_before_the_effect_leaves_no_image_and_resets_the_connection() {
    let (cloud, session) = cloud().await;
    cloud.faults().add(Fault::new(Effect::ResetBefore).on("image", "POST", "/v2/images"));
    let ended = raw(&cloud, create_by_hand(&session, "before")).await;
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(count_of(&session, "before").await, 0);
}

#[tokio::test]
async fn a_reset_after_the_effect_leaves_the_image_and_resets_the_connection() {
    let (cloud, session) = cloud().await;
    cloud.faults().add(Fault::new(Effect::ResetAfter).on("image", "POST", "/v2/images").times(1));
    let ended = raw(&cloud, create_by_hand(&session, "after")).await;
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(count_of(&session, "after").await, 1);
    assert!(raw(&cloud, create_by_hand(&session, "after")).await.is_ok());
    assert_eq!(count_of(&session, "after").await, 2);
}

#[tokio::test]
async fn a_truncated_answer_ends_in_the_middle_of_its_body() {
    let (cloud, session) = cloud().await;
    cloud.faults().add(Fault::new(Effect::Truncate).on("image", "GET", "/v2/images"));
    let request = session.image(Method::GET, "/v2/images");
    let error = Answer::attempt(request).await.expect_err("half an answer");
    assert!(error.is_body() || error.is_decode(), "{error:?}");
}

#[tokio::test]
async fn throttling_names_the_time_to_wait_and_has_no_effect() {
    let (cloud, session) = cloud().await;
    let fault = Fault::new(Effect::TooManyRequests { retry_after: 3 });
    cloud.faults().add(fault.on("image", "POST", "/v2/images").nth(1));
    let first = session.post("/v2/images", &json!({"name": "busy"})).await;
    assert_eq!((first.status, first.header("retry-after")), (429, Some("3")));
    let second = session.post("/v2/images", &json!({"name": "busy"})).await;
    assert_eq!(second.status, 201);
    assert_eq!(count_of(&session, "busy").await, 1);
}

#[tokio::test]
async fn an_ended_token_is_refused_by_every_service_with_a_challenge() {
    let (cloud, session) = cloud().await;
    cloud.faults().add(Fault::new(Effect::ExpireToken).on("image", "GET", "/v2/images").times(1));
    let image = session.get("/v2/images").await;
    assert_eq!(image.status, 401);
    let challenge = image.header("www-authenticate").expect("a challenge").to_owned();
    assert!(challenge.starts_with("Keystone uri="), "{challenge}");
    let identity = Answer::of(session.identity(Method::GET, "/projects")).await;
    assert_eq!(identity.status, 401);
    assert!(identity.header("www-authenticate").is_some());
}

#[tokio::test]
async fn a_wrong_content_type_comes_with_the_right_body() {
    let (cloud, session) = cloud().await;
    let effect = Effect::ContentType { media_type: "text/plain".to_owned() };
    cloud.faults().add(Fault::new(effect));
    let answer = session.get("/v2/images").await;
    assert_eq!(answer.media_type(), "text/plain");
    assert!(answer.json()["images"].is_array());
}

#[tokio::test]
async fn a_status_fault_answers_with_the_body_that_was_given() {
    let (cloud, session) = cloud().await;
    let body = Some("<h1>proxy</h1>".to_owned());
    cloud.faults().add(Fault::new(Effect::Status { status: 503, body }).every(2));
    assert_eq!(session.get("/v2/images").await.status, 200);
    let second = session.get("/v2/images").await;
    assert_eq!((second.status, second.text.as_str()), (503, "<h1>proxy</h1>"));
}

#[tokio::test]
async fn a_slow_body_comes_whole_in_small_pieces() {
    let (cloud, session) = cloud().await;
    let whole = session.get("/v2/schemas/image").await.text;
    let effect = Effect::SlowBody { bytes: 512, milliseconds: 1 };
    cloud.faults().add(Fault::new(effect).on("image", "GET", "/v2/schemas/image"));
    let start = std::time::Instant::now();
    let slow = session.get("/v2/schemas/image").await;
    assert_eq!(slow.text, whole);
    assert_eq!(slow.header("content-length"), Some(whole.len().to_string().as_str()));
    let pieces = u64::try_from(whole.len().div_ceil(512)).expect("few");
    assert!(pieces > 2 && start.elapsed() >= Duration::from_millis(pieces), "{pieces} pieces");
}

/// Which of a hundred requests are hit.
async fn hits(probability: f64, seed: u64) -> Vec<u16> {
    let (cloud, session) = cloud().await;
    let rule = json!({
        "service": "image", "method": "GET", "path": "/v2/**", "probability": probability,
        "seed": seed, "effect": {"kind": "status", "status": 503},
    });
    let added = http().post(format!("{}/_sim/faults", cloud.url())).json(&rule);
    assert_eq!(Answer::of(added).await.status, 201);
    let mut seen = Vec::new();
    for _ in 0..100 {
        seen.push(session.get("/v2/images").await.status);
    }
    seen
}

#[tokio::test]
async fn chance_hits_the_same_requests_again_with_the_same_seed() {
    let first = hits(0.3, 7).await;
    let hit = first.iter().filter(|&&status| status == 503).count();
    assert!((10..60).contains(&hit), "{hit} of 100");
    assert_eq!(first, hits(0.3, 7).await);
    assert_ne!(first, hits(0.3, 8).await);
    assert!(hits(0.0, 7).await.iter().all(|&status| status == 200));
    assert!(hits(1.0, 7).await.iter().all(|&status| status == 503));
}

#[tokio::test]
async fn a_status_fault_speaks_the_language_of_each_service() {
    let (cloud, session) = cloud().await;
    for (status, effect) in [
        (500, Effect::Status { status: 500, body: None }),
        (503, Effect::Status { status: 503, body: None }),
        (429, Effect::TooManyRequests { retry_after: 7 }),
    ] {
        cloud.faults().clear();
        cloud.faults().add(Fault::new(effect));
        for (service, message, words) in LANGUAGES {
            let answer = Answer::of(session.to(service, Method::GET, "/")).await;
            assert_eq!(answer.status, status, "{service}");
            let retry = (status == 429).then_some("7");
            assert_eq!(answer.header("retry-after"), retry, "{service}");
            let body = answer.json();
            let outer = body.as_object().and_then(|it| it.keys().next()).expect("a key");
            let shown = body.pointer(&message.replace("{}", outer));
            assert!(shown.is_some_and(serde_json::Value::is_string), "{service}: {body}");
            let (place, of_500, of_503, of_429) = *words;
            let word = match status {
                500 => of_500,
                503 => of_503,
                _ => of_429,
            };
            let said = body.pointer(&place.replace("{}", outer)).cloned().unwrap_or_default();
            assert_eq!(said.as_str().map_or(said.to_string(), str::to_owned), word, "{service}");
        }
        // Glance answers with WebOb's page to those who take one, Swift with its own to everybody.
        let image = Answer::of(session.image(Method::GET, "/")).await;
        let object = Answer::of(session.to("object-store", Method::GET, "/")).await;
        assert_eq!((image.status, object.status), (status, status));
        assert!(image.text.contains("<h1>"), "{}", image.text);
        let page = match status {
            500 => {
                "<html><h1>Internal Error</h1><p>The server has either erred or is incapable of \
                 performing the requested operation.</p></html>"
            }
            503 => {
                "<html><h1>Service Unavailable</h1><p>The server is currently unavailable. Please \
                 try again at a later time.</p></html>"
            }
            _ => "A fault rule of the simulated cloud made this answer.",
        };
        assert_eq!((object.media_type(), object.text.as_str()), ("text/html", page));
    }
}

/// Where a service says what kind of error it is, and what it says there for 500, 503 and 429.
type Words = (&'static str, &'static str, &'static str, &'static str);

/// Where each service puts its message, and its words; `{}` stands for the one key of the body.
const LANGUAGES: &[(&str, &str, Words)] = &[
    ("identity", "/error/message", ("/error/code", "500", "503", "429")),
    ("compute", "/{}/message", ("/{}/code", "500", "503", "429")),
    ("placement", "/errors/0/detail", ("/errors/0/status", "500", "503", "429")),
    ("volumev3", "/{}/message", ("/{}/code", "500", "503", "429")),
    (
        "network",
        "/NeutronError/message",
        (
            "/NeutronError/type",
            "HTTPInternalServerError",
            "ServiceUnavailable",
            "HTTPTooManyRequests",
        ),
    ),
    ("load-balancer", "/faultstring", ("/faultcode", "Server", "Server", "Client")),
    (
        "key-manager",
        "/description",
        ("/title", "Internal Server Error", "Service Unavailable", "Too Many Requests"),
    ),
];

#[tokio::test]
async fn rules_concern_their_service_method_and_path_only_and_the_first_wins() {
    let (cloud, session) = cloud().await;
    cloud.faults().add(Fault::status(500).on("image", "GET", "/v2/images/*"));
    cloud.faults().add(Fault::status(502).on("image", "GET", "/v2/**"));
    cloud.faults().add(Fault::status(504).on("identity", "DELETE", "**"));
    assert_eq!(session.get("/v2/images/1").await.status, 500);
    assert_eq!(session.get("/v2/images").await.status, 502);
    assert_eq!(session.delete("/v2/images/1").await.status, 404);
    assert_eq!(Answer::of(session.identity(Method::GET, "/projects")).await.status, 200);
    assert_eq!(Answer::of(session.identity(Method::DELETE, "/projects/1")).await.status, 504);
    let hits: Vec<_> = cloud.faults().list().iter().map(|rule| rule.hit).collect();
    assert_eq!(hits, [1, 1, 1]);
}

#[test]
fn a_file_of_rules_is_read_from_yaml_and_json() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("faults");
    let wanted = [
        Fault::new(Effect::TooManyRequests { retry_after: 2 }).on("image", "POST", "/v2/images"),
        Fault::status(503).with_probability(0.05, 3),
    ];
    let yaml = "- service: image\n  method: POST\n  path: /v2/images\n  \
                effect: {kind: too-many-requests, retry_after: 2}\n\
                - probability: 0.05\n  seed: 3\n  effect: {kind: status, status: 503}\n";
    let json = serde_json::to_string_pretty(&wanted).expect("JSON");
    for text in [yaml, &json] {
        std::fs::write(&path, text).expect("a file");
        assert_eq!(Fault::read(&path).expect(text), wanted, "{text}");
    }
}

#[test]
fn everything_wrong_in_a_file_of_rules_is_named_with_line_and_column() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("faults.yaml");
    let complaints = |text: &str| -> Vec<(u32, u32, String)> {
        std::fs::write(&path, text).expect("a file");
        let error = Fault::read(&path).expect_err(text);
        let shown = error.diagnostics().iter();
        shown.map(|it| (it.span.line, it.span.column, it.message.clone())).collect()
    };
    let place = |found: &[(u32, u32, String)]| -> Vec<(u32, u32)> {
        found.iter().map(|(line, column, _)| (*line, *column)).collect()
    };
    let broken = complaints("- effect: {kind: status,\n  status: 503\n- nth: 1\n");
    assert!(!broken.is_empty() && broken[0].0 >= 2, "{broken:?}");
    let misspelt = complaints(
        "- servce: image\n  effect: {kind: status, status: 503}\n- effect:\n    kind: stats\n",
    );
    assert_eq!(place(&misspelt), [(1, 3), (4, 11)], "{misspelt:?}");
    assert!(misspelt[0].2.contains("servce"), "{misspelt:?}");
    let senseless = complaints(
        "- service: imge\n  path: v2\n  probability: 1.5\n  nth: 0\n  \
         effect: {kind: status, status: 199}\n",
    );
    let lines: Vec<u32> = senseless.iter().map(|(line, _, _)| *line).collect();
    assert_eq!(lines, [1, 2, 3, 4, 5], "{senseless:?}");
    assert!(senseless[0].2.contains("imge") && senseless[0].2.contains("load-balancer"));
}

#[tokio::test]
async fn the_log_counts_requests_and_writes_since_a_mark() {
    let (cloud, session) = cloud().await;
    let mark = cloud.requests().mark();
    session.get("/v2/images").await;
    session.post("/v2/images", &json!({"name": "one"})).await;
    let since = cloud.requests().since(mark);
    let seen: Vec<_> = since.iter().map(|it| (it.method.as_str(), it.path.as_str())).collect();
    assert_eq!(seen, [("GET", "/v2/images"), ("POST", "/v2/images")]);
    assert_eq!(since[1].status, Some(201));
    assert_eq!(cloud.requests().writes_since(mark).len(), 1);
}

#[tokio::test]
async fn faults_and_the_log_are_in_reach_over_http() {
    let (cloud, session) = cloud().await;
    let base = cloud.url();
    let rule = json!({"service": "image", "effect": {"kind": "status", "status": 500}});
    let added = Answer::of(http().post(format!("{base}/_sim/faults")).json(&rule)).await;
    assert_eq!(added.status, 201, "{}", added.text);
    assert_eq!(session.get("/v2/images").await.status, 500);
    let id = added.json()["id"].clone();
    let removed = Answer::of(http().delete(format!("{base}/_sim/faults/{id}"))).await;
    assert_eq!(removed.status, 204);
    assert_eq!(session.get("/v2/images").await.status, 200);
    let log = Answer::of(http().get(format!("{base}/_sim/requests"))).await.json();
    assert_eq!((&log["count"], &log["writes"]), (&json!(3), &json!(0)), "{log}");
    let wrong = json!({"servce": "image", "effect": {"kind": "status", "status": 500}});
    let wrong = Answer::of(http().post(format!("{base}/_sim/faults")).json(&wrong)).await;
    assert_eq!(wrong.status, 422);
}

#[tokio::test]
async fn shutting_down_frees_the_port_and_does_not_wait_for_idle_connections() {
    let (cloud, session) = cloud().await;
    let address: std::net::SocketAddr =
        cloud.url().strip_prefix("http://").expect("address").parse().expect("address");
    let idle = tokio::net::TcpStream::connect(address).await.expect("a connection");
    session.get("/v2/images").await;
    tokio::time::timeout(Duration::from_secs(20), cloud.shutdown()).await.expect("an end");
    drop(idle);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn two_clouds_in_one_process_know_nothing_of_each_other() {
    let (first, mine) = cloud().await;
    let options = SimOptions { random: 2, ..SimOptions::default() };
    let second = SimCloud::start(options).await.expect("a second cloud");
    assert_ne!(first.url(), second.url());
    let foreign = http().get(format!("{}/image/v2/images", second.url()));
    let answer = Answer::of(foreign.header("X-Auth-Token", &mine.token)).await;
    assert_eq!(answer.status, 401);
}
