//! Webhooks in the forms that servers send, forged ones, and floods.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use lotse_core::secret::SecretString;
use lotse_core::time::{ManualClock, SignedDuration, Timestamp};
use lotse_source::SourceMetrics;
use lotse_source::config::Target;
use lotse_source::webhook::{LARGEST_BODY, PATH, Requests, Secret, Webhook};
use ring::hmac;
use tower::ServiceExt as _;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PUSH: &str =
    r#"{"ref":"refs/heads/main","after":"1111111111111111111111111111111111111111"}"#;

struct Hooks {
    router: Router,
    requests: Arc<Requests>,
    clock: Arc<ManualClock>,
}

fn hooks() -> Hooks {
    let clock = Arc::new(ManualClock::starting_at(Timestamp::from_second(1_790_000_000).unwrap()));
    let requests = Arc::new(Requests::default());
    let secret = Secret::new(SecretString::from(SECRET)).unwrap();
    let metrics = SourceMetrics::default();
    let webhook =
        Webhook::new(secret, Target::branch("main"), requests.clone(), metrics, clock.clone());
    Hooks { router: webhook.router(), requests, clock }
}

fn mac(secret: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex::encode(hmac::sign(&key, body.as_bytes()))
}

impl Hooks {
    async fn send(&self, body: &str, headers: &[(&str, &str)]) -> Response<Body> {
        let mut request = Request::post(PATH);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn status(&self, body: &str, headers: &[(&str, &str)]) -> u16 {
        self.send(body, headers).await.status().as_u16()
    }

    /// A look begins, as the task says when it is activated.
    async fn look(&self) {
        self.requests.asked().await;
        begin(&self.requests).await;
    }
}

/// The only public way to begin a look is a task that does.
async fn begin(requests: &Arc<Requests>) {
    use lotse_core::task::Task as _;
    let directory = tempfile::tempdir().unwrap();
    let folder = lotse_source::Folder { path: directory.path().to_owned() };
    let clock = lotse_core::time::system_clock();
    let source = Arc::new(lotse_source::Source::folder(folder, clock));
    let period = Duration::from_mins(1);
    let validate: Arc<lotse_source::Validate> = Arc::new(|_| Ok(()));
    lotse_source::SourceTask::new("estate".to_owned(), source, validate, period, requests.clone())
        .activate(&tokio_util::sync::CancellationToken::new())
        .await
        .unwrap();
}

#[tokio::test]
async fn each_form_of_proof_asks_for_a_look() {
    let hex = mac(SECRET, PUSH);
    let github = format!("sha256={hex}");
    for (name, value) in [
        ("x-hub-signature-256", &*github),
        ("x-gitea-signature", &hex),
        ("x-forgejo-signature", &hex),
        ("x-gogs-signature", &hex),
        ("x-gitlab-token", SECRET),
    ] {
        let hooks = hooks();
        assert_eq!(hooks.status(PUSH, &[(name, value)]).await, 202, "{name}");
        hooks.requests.asked().await;
    }
}

#[tokio::test]
async fn forged_requests_are_refused_and_ask_for_nothing() {
    let hooks = hooks();
    let right = mac(SECRET, PUSH);
    let of_other_body = format!("sha256={}", mac(SECRET, "{}"));
    let of_other_secret = format!("sha256={}", mac("ffffffffffffffffffffffffffffffff", PUSH));
    let cut = format!("sha256={}", &right[..62]);
    for headers in [
        &[][..],
        &[("x-hub-signature-256", &*of_other_body)],
        &[("x-hub-signature-256", &of_other_secret)],
        &[("x-hub-signature-256", &cut)],
        &[("x-hub-signature-256", "sha256=")],
        &[("x-hub-signature-256", &right)],
        &[("x-hub-signature-256", "sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709")],
        &[("x-gitea-signature", "zz")],
        &[("x-gitlab-token", "0123456789abcdef0123456789abcdeg")],
        &[("x-gitlab-token", "0123456789abcdef")],
        &[("x-gitlab-token", "")],
        // A wrong signature is not made good by another header.
        &[("x-hub-signature-256", &of_other_secret), ("x-gitlab-token", SECRET)],
    ] {
        let response = hooks.send(PUSH, headers).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{headers:?}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let body = to_bytes(response.into_body(), 4096).await.unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (&problem["status"], &problem["title"]),
            (&401.into(), &"signature wrong or missing".into())
        );
        assert!(!String::from_utf8_lossy(&body).contains(SECRET));
    }
    let nothing = tokio::time::timeout(Duration::ZERO, hooks.requests.asked()).await;
    assert!(nothing.is_err());
}

#[tokio::test]
async fn other_branches_and_greetings_ask_for_nothing() {
    let hooks = hooks();
    let proof = &[("x-gitlab-token", SECRET)][..];
    for body in [r#"{"ref":"refs/heads/dev"}"#, r#"{"ref":"refs/tags/main"}"#, r#"{"zen":"hi"}"#] {
        assert_eq!(hooks.status(body, proof).await, 204, "{body}");
    }
    assert_eq!(hooks.status("payload=1", proof).await, 400);
    assert!(tokio::time::timeout(Duration::ZERO, hooks.requests.asked()).await.is_err());
}

#[tokio::test]
async fn a_flood_costs_a_few_looks_a_minute() {
    let hooks = hooks();
    let proof = &[("x-gitlab-token", SECRET)][..];
    // Many before a look are one.
    for _ in 0..100 {
        assert_eq!(hooks.status(PUSH, proof).await, 202);
    }
    hooks.look().await;
    // Each look makes room for another request, but not without end.
    let mut looks = 1;
    let refused = loop {
        let response = hooks.send(PUSH, proof).await;
        if response.status() != StatusCode::ACCEPTED {
            break response;
        }
        hooks.look().await;
        looks += 1;
        assert!(looks < 10);
    };
    assert_eq!((looks, refused.status()), (4, StatusCode::TOO_MANY_REQUESTS));
    assert_eq!(refused.headers()["retry-after"], "10");
    hooks.clock.advance(SignedDuration::from_secs(10));
    assert_eq!(hooks.status(PUSH, proof).await, 202);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read_to_its_end() {
    let hooks = hooks();
    let large = "x".repeat(LARGEST_BODY + 1);
    assert_eq!(hooks.status(&large, &[("x-gitlab-token", SECRET)]).await, 413);
    let get = Request::get(PATH).body(Body::empty()).unwrap();
    let response = hooks.router.clone().oneshot(get).await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn a_short_secret_is_not_taken() {
    let error = Secret::new(SecretString::from("short")).unwrap_err().to_string();
    assert!(error.contains("openssl rand") && !error.contains("short\""), "{error}");
}
