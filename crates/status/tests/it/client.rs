//! The SCS web client beside the API: what it loads, how it signs in, and how it goes on writing after
//! it has lost its token.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lotse_core::time::{Clock as _, SignedDuration};
use lotse_status::client::Client;
use lotse_status::session::SignIn;
use lotse_status::site::Options;
use lotse_web::access::Role;
use lotse_web::bearer::AccessTokens;
use lotse_web::config::OidcConfig;
use reqwest::header::{AUTHORIZATION, COOKIE, ORIGIN, SET_COOKIE};
use reqwest::{Method, RequestBuilder};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::stage::Stage;

/// An identity provider: what it says of itself, its key, whether it is there.
pub(crate) struct Provider {
    key: EcdsaKeyPair,
    pub(crate) issuer: Mutex<String>,
    pub(crate) is_gone: Mutex<bool>,
}

pub(crate) async fn answer(
    State(provider): State<Arc<Provider>>,
    uri: axum::http::Uri,
) -> Response {
    if *provider.is_gone.lock().unwrap() {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let issuer = provider.issuer.lock().unwrap().clone();
    if uri.path().ends_with("/keys") {
        let point = provider.key.public_key().as_ref();
        let key = json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "k",
            "x": encode(&point[1..33]), "y": encode(&point[33..]) });
        return Json(json!({ "keys": [key] })).into_response();
    }
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/auth"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
    }))
    .into_response()
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Provider {
    pub(crate) fn new() -> Arc<Self> {
        let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        Arc::new(Self { key, issuer: Mutex::default(), is_gone: Mutex::default() })
    }

    /// An access token with these claims over the usual ones; null removes one.
    pub(crate) fn token(&self, stage: &Stage, change: &Value) -> String {
        let now = stage.clock.now().as_second();
        let issuer = self.issuer.lock().unwrap().clone();
        let mut claims = json!({ "iss": issuer, "aud": "status-page", "sub": "sub-1", "iat": now,
            "exp": now + 300, "preferred_username": "anna", "groups": ["staff"] });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "k" });
        let text = |value: &Value| encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", text(&header), text(&claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", encode(signature.as_ref()))
    }
}

/// A page with a client beside its API.
struct Harbour {
    stage: Stage,
    provider: Arc<Provider>,
    /// Where client and API are.
    base: String,
    ids: [String; 3],
}

impl Harbour {
    async fn new() -> Self {
        let (stage, ids) = Stage::furnished().await;
        let provider = Provider::new();
        let routes = axum::Router::new().fallback(get(answer)).with_state(provider.clone());
        let issuer = format!("{}/dex", stage.serve(routes).await);
        provider.issuer.lock().unwrap().clone_from(&issuer);
        let config = OidcConfig {
            issuer: issuer.clone(),
            client_id: "lotse".to_owned(),
            client_secret: None,
            scopes: Vec::new(),
            name_claim: "preferred_username".to_owned(),
            roles_claim: "groups".to_owned(),
            grants: BTreeMap::from([
                ("staff".to_owned(), vec![Role::Reporter]),
                ("root".to_owned(), vec![Role::Operator]),
            ]),
            ca_file: None,
            leeway_seconds: 30,
            timeout_seconds: 60,
        };
        let client_id = "status-page".to_owned();
        let tokens = AccessTokens::new(config, None, client_id, stage.clock.clone()).unwrap();
        let files = stage.path("client");
        std::fs::create_dir_all(files.join("assets")).unwrap();
        std::fs::write(files.join("index.html"), "<app-root></app-root>").unwrap();
        std::fs::write(files.join("main.4f2.js"), "boot();").unwrap();
        let configuration = json!({ "apiServerUrl": "https://api.example.org", "dexUrl": "x",
            "dexId": "y", "noOfDays": 90, "redirectUrl": "/login" });
        std::fs::write(files.join("assets/config.json"), configuration.to_string()).unwrap();
        std::fs::write(stage.path("secret"), "of the machine").unwrap();
        std::os::unix::fs::symlink(stage.path("secret"), files.join("linked.txt")).unwrap();
        let sign_in = SignIn::new(tokens, false);
        let client = Client::read(&files, Some((&issuer, "status-page"))).unwrap();
        let options = Options {
            local_writes: false,
            client: Some(Arc::new(client)),
            sign_in: Some(sign_in),
            ..Options::default()
        };
        let look = lotse_status::pages::look::Look::default();
        let site = lotse_status::site::Site::new(stage.desk.clone(), look, options);
        let base = stage.serve(site.api()).await;
        Self { stage, provider, base, ids }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        // What a browser says of a page of this origin.
        let request = self.stage.http.request(method, format!("{}{path}", self.base));
        request.header(ORIGIN, &self.base)
    }

    async fn write(&self, with: (&str, &str), method: Method, path: &str, body: &Value) -> u16 {
        let request = self.request(method, path).header(with.0, with.1).json(body);
        request.send().await.unwrap().status().as_u16()
    }

    fn incident(&self) -> Value {
        json!({ "displayName": "Disks", "description": "We look.", "beganAt": null,
            "endedAt": null, "phase": { "generation": 1, "order": 0 },
            "affects": [{ "reference": self.ids[1], "type": self.ids[0], "severity": 66 }] })
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.stage.http.get(format!("{}{path}", self.base)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }
}

#[tokio::test]
async fn the_client_loads_signs_in_and_goes_on_writing_without_its_token() {
    let harbour = Harbour::new().await;
    let config = harbour.json("/assets/config.json").await;
    let issuer = harbour.provider.issuer.lock().unwrap().clone();
    assert_eq!((&config["apiServerUrl"], &config["dexUrl"]), (&"".into(), &issuer.into()));
    assert_eq!((&config["dexId"], &config["noOfDays"]), (&"status-page".into(), &90.into()));
    // Whatever address of the client somebody opens, the client comes; the API stays what it is.
    for path in ["/", "/login?code=1&state=2", "/incident/0197-x", "/manage"] {
        let page = harbour.stage.http.get(format!("{}{path}", harbour.base)).send().await.unwrap();
        assert_eq!(page.status(), 200, "{path}");
        let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("connect-src 'self' http://127.0.0.1"), "{policy}");
        assert_eq!(page.text().await.unwrap(), "<app-root></app-root>", "{path}");
    }
    for path in ["/phases", "/severities", "/impacttypes", "/components"] {
        assert!(harbour.json(path).await["data"].is_object() || path != "/phases", "{path}");
    }
    for window in [("2026-08-23", "2026-11-21"), ("2026-11-21", "2026-12-21")] {
        let (start, end) = window;
        let path = format!("/incidents?start={start}T00:00:00.000Z&end={end}T23:59:59.999Z");
        assert_eq!(harbour.json(&path).await["data"], json!([]));
    }

    let token = harbour.provider.token(&harbour.stage, &json!({}));
    let bearer = format!("Bearer {token}");
    let request = harbour.request(Method::POST, "/incidents").header(AUTHORIZATION, &bearer);
    let made = request.json(&harbour.incident()).send().await.unwrap();
    assert_eq!(made.status(), 201);
    let cookie = made.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let id = made.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("/incidents/{id}");

    // The token is gone, and later it would have ended: the cookie carries on.
    harbour.stage.clock.advance(SignedDuration::from_mins(30));
    let with = (COOKIE.as_str(), &*cookie);
    let updates = format!("{path}/updates");
    let update = json!({ "order": 7, "displayName": "Found", "description": "A cable." });
    let (one, two) = tokio::join!(
        harbour.write(with, Method::POST, &updates, &update),
        harbour.write(with, Method::POST, &updates, &update),
    );
    assert_eq!((one, two), (201, 201), "updates are posted at once");
    let mut whole = harbour.json(&path).await["data"].take();
    whole["endedAt"] = "2026-11-21T12:20:00Z".into();
    assert_eq!(harbour.write(with, Method::PATCH, &path, &whole).await, 204);
    whole["endedAt"] = Value::Null;
    assert_eq!(harbour.write(with, Method::PATCH, &path, &whole).await, 204);
    assert_eq!(harbour.json(&path).await["data"]["endedAt"], Value::Null, "open again");
    assert_eq!(harbour.write(with, Method::DELETE, &format!("{updates}/1"), &json!({})).await, 204);
    let deeds = harbour.stage.store.audit_list(None, 4).await.unwrap();
    assert!(deeds.iter().all(|one| one.deed.actor == "user:sub-1"), "{deeds:?}");

    // Who it is, and the end of it.
    let who = harbour.request(Method::GET, "/api/v1/session").header(COOKIE, &cookie);
    let who: Value = who.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&who["data"]["name"], &who["data"]["roles"]),
        (&"anna".into(), &json!(["reporter"]))
    );
    let ended = harbour.request(Method::DELETE, "/api/v1/session").header(COOKIE, &cookie);
    let ended = ended.send().await.unwrap();
    assert!(ended.headers()[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(harbour.write(with, Method::PATCH, &path, &whole).await, 401);
}

#[tokio::test]
async fn tokens_and_cookies_that_do_not_count_change_nothing() {
    let harbour = Harbour::new().await;
    let now = harbour.stage.clock.now().as_second();
    let bearer =
        |change: Value| format!("Bearer {}", harbour.provider.token(&harbour.stage, &change));
    let body = harbour.incident();
    let post = async |value: &str| {
        harbour.write((AUTHORIZATION.as_str(), value), Method::POST, "/incidents", &body).await
    };
    for (change, wanted) in [
        (json!({}), 201),
        (json!({ "aud": "account", "azp": "status-page" }), 201),
        (json!({ "aud": "account", "client_id": "status-page" }), 201),
        (json!({ "aud": "lotse" }), 401),
        (json!({ "aud": "account", "azp": "lotse" }), 401),
        (json!({ "iss": "https://elsewhere.example.org" }), 401),
        (json!({ "exp": now - 31 }), 401),
        (json!({ "nbf": now + 300 }), 401),
        (json!({ "groups": ["visitors"] }), 403),
        (json!({ "groups": [] }), 403),
        (json!({ "sub": "" }), 401),
    ] {
        assert_eq!(post(&bearer(change.clone())).await, wanted, "{change}");
    }
    let good = bearer(json!({}));
    for bad in ["Bearer x", "Bearer a.b.c", &good[..good.len() - 8], "Bearer lotse_x", "Basic eA=="]
    {
        assert_eq!(post(bad).await, 401, "{bad}");
    }
    // A reporter declares nothing; an operator does.
    let shape = json!({ "displayName": "Registry" });
    let with = |value: String| async {
        let value = value;
        harbour.write((AUTHORIZATION.as_str(), &value), Method::POST, "/components", &shape).await
    };
    assert_eq!(with(good.clone()).await, 403);
    assert_eq!(with(bearer(json!({ "groups": ["root"] }))).await, 201);
    // Readers may carry what they like.
    let read = harbour.request(Method::GET, "/components").header(AUTHORIZATION, "Bearer x");
    assert_eq!(read.send().await.unwrap().status(), 200);

    // A cookie counts from pages of this origin only, for an hour without use.
    let request = harbour.request(Method::POST, "/incidents").header(AUTHORIZATION, &good);
    let made = request.json(&body).send().await.unwrap();
    let cookie = made.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let sent = async |origin: Option<&str>| {
        let request = harbour.stage.http.post(format!("{}/incidents", harbour.base));
        let request = request.header(COOKIE, &cookie).json(&body);
        let request = origin.iter().fold(request, |request, one| request.header(ORIGIN, *one));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(sent(Some(&harbour.base)).await, 201);
    assert_eq!(sent(Some("https://evil.example")).await, 403);
    assert_eq!(sent(None).await, 403);
    harbour.stage.clock.advance(SignedDuration::from_mins(61));
    assert_eq!(sent(Some(&harbour.base)).await, 401);
    // While the provider is away nobody is taken for a stranger; its keys are still known.
    *harbour.provider.is_gone.lock().unwrap() = true;
    let fresh = harbour.provider.token(&harbour.stage, &json!({}));
    assert_eq!(post(&format!("Bearer {fresh}")).await, 201);
}

#[tokio::test]
async fn only_files_of_the_build_are_served_and_a_provider_that_is_away_is_told() {
    let harbour = Harbour::new().await;
    let status = async |path: &str| {
        let answer = harbour.stage.http.get(format!("{}{path}", harbour.base)).send().await;
        let answer = answer.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(status("/main.4f2.js").await, (200, "boot();".to_owned()));
    for path in ["/linked.txt", "/missing.js", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt"]
    {
        let (status, text) = status(path).await;
        assert_eq!(status, 404, "{path}: {text}");
    }
    assert_eq!(
        harbour.stage.http.post(format!("{}/manage", harbour.base)).send().await.unwrap().status(),
        404
    );
    *harbour.provider.is_gone.lock().unwrap() = true;
    let token = format!("Bearer {}", harbour.provider.token(&harbour.stage, &json!({})));
    let with = (AUTHORIZATION.as_str(), &*token);
    let body = harbour.incident();
    assert_eq!(harbour.write(with, Method::POST, "/incidents", &body).await, 503);
    let empty = harbour.stage.path("empty");
    std::fs::create_dir_all(&empty).unwrap();
    assert!(Client::read(&empty, None).is_err());
    assert!(Client::read(&harbour.stage.path("nowhere"), None).is_err());
}
