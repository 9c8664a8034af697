//! A monitor at work on a port of its own, and those who report to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lotse_conformance::Mode;
use lotse_conformance::monitor::account::Account;
use lotse_conformance::monitor::{Config, Monitor, site};
use lotse_conformance::profile;
use lotse_conformance::report::sshsig::{SigningKey, sign_report};
use lotse_core::secret::SecretString;
use lotse_core::time::{Clock as _, ManualClock, Timestamp};
use lotse_store::Store;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The parts of the schema.
pub(crate) const PARTS: &[lotse_store::migrate::Part] = &[lotse_conformance::monitor::PART];

/// The scope that everybody reports about.
pub(crate) const SCOPE: &str = "50393e6f-2ae1-4c5c-a62c-3b75f2abef3f";

const PASSWORD: &str = "correct horse battery";

// Made for these tests with `ssh-keygen -t ed25519`; it opens nothing.
const KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\n\
    b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n\
    QyNTUxOQAAACDcSFmOhWQoQsQUBcLRiML73SdsKTfxeZSee4EbTlbpqwAAAJD5bhgM+W4Y\n\
    DAAAAAtzc2gtZWQyNTUxOQAAACDcSFmOhWQoQsQUBcLRiML73SdsKTfxeZSee4EbTlbpqw\n\
    AAAECrbcSBXKzedrTOqd9UUTuxl98WA/9dhggV2xT3vZpz+9xIWY6FZChCxBQFwtGIwvvd\n\
    J2wpN/F5lJ57gRtOVumrAAAAB2V4YW1wbGUBAgMEBQY=\n\
    -----END OPENSSH PRIVATE KEY-----\n";

pub(crate) fn key() -> SigningKey {
    SigningKey::parse(KEY).unwrap()
}

pub(crate) struct Stage {
    pub(crate) monitor: Monitor,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<Store>,
    address: SocketAddr,
    client: reqwest::Client,
    _stop: DropGuard,
}

/// The accounts of every stage.
fn accounts() -> Vec<Account> {
    let key = key().public_line();
    let configs = json!([
        {"subject": "my-cloud", "group": "mine", "keys": [key], "delegates": ["zuul"]},
        {"subject": "other", "group": "mine", "keys": [key]},
        {"subject": "zuul", "keys": [key], "roles": ["append_any"]},
        {"subject": "keyless"},
        {"subject": "judge", "roles": ["read_any", "approve"]},
    ]);
    let configs: Vec<_> = serde_json::from_value(configs).unwrap();
    let password = SecretString::from(PASSWORD);
    configs.iter().map(|config| Account::declared(config, Some(&password)).unwrap()).collect()
}

impl Stage {
    pub(crate) async fn new(store: Arc<Store>) -> Self {
        Self::with(store, Config::default()).await
    }

    pub(crate) async fn with(store: Arc<Store>, config: Config) -> Self {
        let start: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::starting_at(start));
        let scopes = vec![profile::named("scs-iaas", Mode::Standard).unwrap()];
        let monitor = Monitor::new(store.clone(), clock.clone(), &config, (scopes, accounts()));
        let listener = lotse_web::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(lotse_web::serve(
            listener,
            site::router(&monitor),
            stop.clone().cancelled_owned(),
            Duration::from_secs(1),
        ));
        // reqwest wants to be told which cryptography to use, even for plain HTTP.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { monitor, clock, store, address, client, _stop: stop.drop_guard() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    /// What a path answers to nobody in particular.
    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    /// What a path answers to an account.
    pub(crate) async fn get_as(&self, account: &str, path: &str) -> Response {
        as_account(self.request(Method::GET, path), account).send().await.unwrap()
    }

    /// Sends a report as an account, signed with its key.
    pub(crate) async fn send(&self, account: &str, report: &Value) -> u16 {
        self.send_text(account, "json", &sign_report(&key(), &report.to_string())).await
    }

    /// Sends any text as an account.
    pub(crate) async fn send_text(&self, account: &str, media: &str, text: &str) -> u16 {
        let request = as_account(self.request(Method::POST, "/reports"), account)
            .header("content-type", format!("application/x-signed-{media}"))
            .body(text.to_owned());
        request.send().await.unwrap().status().as_u16()
    }

    pub(crate) async fn post_results(&self, account: &str, body: &Value) -> u16 {
        let request = as_account(self.request(Method::POST, "/results"), account)
            .header("content-type", "application/json")
            .body(body.to_string());
        request.send().await.unwrap().status().as_u16()
    }

    /// A report of the present form about these results, checked now.
    pub(crate) fn report(&self, subject: &str, results: &Value) -> Value {
        json!({
            "spec": {"uuid": SCOPE, "name": "SCS-compatible IaaS"},
            "checked_at": self.clock.now().strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            "subject": subject,
            "run": {
                "uuid": uuid::Uuid::new_v4().to_string(),
                "invocations": {"a": {"results": results}},
            },
        })
    }

    /// All testcases of the version that counts, with this result.
    pub(crate) fn all(result: i8) -> Value {
        let spec = profile::named("scs-iaas", Mode::Standard).unwrap();
        let version = spec.version("v5.1").unwrap();
        version
            .testcases()
            .into_iter()
            .map(|id| (id.to_owned(), json!(result)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// How many reports there are.
    pub(crate) async fn count(&self) -> usize {
        let response = self.get_as("judge", "/reports?limit=100").await;
        response.json::<Vec<Value>>().await.unwrap().len()
    }
}

pub(crate) fn as_account(request: RequestBuilder, account: &str) -> RequestBuilder {
    let plain = STANDARD.encode(format!("{account}:{PASSWORD}"));
    request.header("authorization", format!("Basic {plain}"))
}
