//! An identity provider of our own that conforms (discovery, code flow with PKCE, keys, userinfo) and
//! can be told to misbehave.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Form, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use lotse_core::time::{Clock, ManualClock};
use lotse_web::access::Role;
use lotse_web::config::OidcConfig;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::world::{base64, rand_bytes};

/// The secret of the client; `:` and `%` have to be encoded on the way.
pub(crate) const SECRET: &str = "top:secret%25/ä";

/// How the provider misbehaves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conduct {
    /// Claims that are put over the right ones; null removes one.
    pub(crate) claims: BTreeMap<&'static str, Value>,
    /// What userinfo says, beside `sub`.
    pub(crate) userinfo: Value,
    /// The status of every answer.
    pub(crate) status: Option<u16>,
    /// Answers to this path never end.
    pub(crate) silent: Option<&'static str>,
    /// The issuer in the discovery document.
    pub(crate) issuer: Option<String>,
    /// The header of the tokens.
    pub(crate) header: Option<Value>,
    /// The tokens are signed with a key that the key set does not have.
    pub(crate) foreign_key: bool,
    /// The key set has so many keys beside the right one, all unusable.
    pub(crate) odd_keys: bool,
}

struct Key {
    id: String,
    pair: EcdsaKeyPair,
}

impl Key {
    fn generate(number: u32) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        Self { id: format!("key-{number}"), pair }
    }

    fn public(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": base64(&point[1..33]), "y": base64(&point[33..]),
        })
    }
}

/// What was asked for with a code.
#[derive(Clone, Default)]
struct Asked {
    nonce: String,
    challenge: String,
    redirect: String,
}

pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) conduct: Mutex<Conduct>,
    pub(crate) asked: Mutex<BTreeMap<String, u32>>,
    key: Mutex<Key>,
    codes: Mutex<BTreeMap<String, Asked>>,
    keys_made: AtomicU32,
    clock: Arc<ManualClock>,
    // Answers that never end are let go with the provider.
    gone: watch::Sender<bool>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.gone.send_replace(true);
    }
}

impl Provider {
    pub(crate) async fn start(clock: Arc<ManualClock>) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}/realms/ops", listener.local_addr().unwrap());
        let provider = Arc::new(Self {
            issuer,
            conduct: Mutex::default(),
            asked: Mutex::default(),
            key: Mutex::new(Key::generate(1)),
            codes: Mutex::default(),
            keys_made: AtomicU32::new(1),
            clock,
            gone: watch::Sender::new(false),
        });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/keys", get(keys))
            .route("/userinfo", get(userinfo));
        let router = Router::new()
            .nest("/realms/ops", routes)
            .layer(axum::middleware::from_fn_with_state(provider.clone(), misbehave))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    /// How Lotse is told of it.
    pub(crate) fn config(&self) -> OidcConfig {
        OidcConfig {
            issuer: self.issuer.clone(),
            client_id: "lotse".to_owned(),
            client_secret: None,
            scopes: vec!["profile".to_owned()],
            name_claim: "preferred_username".to_owned(),
            roles_claim: "realm_access.roles".to_owned(),
            grants: BTreeMap::from([
                ("ops".to_owned(), vec![Role::Operator]),
                ("root".to_owned(), vec![Role::Admin]),
            ]),
            ca_file: None,
            leeway_seconds: 30,
            timeout_seconds: 1,
        }
    }

    pub(crate) fn conduct(&self, change: impl FnOnce(&mut Conduct)) {
        change(&mut self.conduct.lock().unwrap());
    }

    /// Makes a new key and forgets the old one.
    pub(crate) fn rotate(&self) {
        let number = self.keys_made.fetch_add(1, Ordering::SeqCst) + 1;
        *self.key.lock().unwrap() = Key::generate(number);
    }

    /// How often a path was asked for.
    pub(crate) fn count(&self, path: &str) -> u32 {
        self.asked.lock().unwrap().get(path).copied().unwrap_or(0)
    }

    fn id_token(&self, nonce: &str) -> String {
        let conduct = self.conduct.lock().unwrap().clone();
        let now = self.clock.now().as_second();
        let mut claims = json!({
            "iss": self.issuer, "aud": "lotse", "sub": "sub-1", "iat": now, "exp": now + 60,
            "nonce": nonce, "preferred_username": "ada", "realm_access": { "roles": ["ops"] },
        });
        let object = claims.as_object_mut().unwrap();
        for (name, value) in conduct.claims {
            if value.is_null() {
                object.remove(name);
            } else {
                object.insert(name.to_owned(), value);
            }
        }
        let foreign = Key::generate(0);
        let own = self.key.lock().unwrap();
        let key = if conduct.foreign_key { &foreign } else { &*own };
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": own.id });
        let header = conduct.header.unwrap_or(header);
        let signed = format!(
            "{}.{}",
            base64(header.to_string().as_bytes()),
            base64(claims.to_string().as_bytes())
        );
        let signature = key.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", base64(signature.as_ref()))
    }
}

async fn misbehave(
    State(provider): State<Arc<Provider>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().trim_start_matches("/realms/ops").to_owned();
    *provider.asked.lock().unwrap().entry(path.clone()).or_default() += 1;
    let conduct = provider.conduct.lock().unwrap().clone();
    if conduct.silent.is_some_and(|silent| path.starts_with(silent)) {
        let mut gone = provider.gone.subscribe();
        drop(provider);
        gone.changed().await.ok();
    }
    match conduct.status {
        Some(status) => StatusCode::from_u16(status).unwrap().into_response(),
        None => next.run(request).await,
    }
}

async fn discovery(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let issuer = &provider.issuer;
    let said = provider.conduct.lock().unwrap().issuer.clone();
    Json(json!({
        "issuer": said.as_ref().unwrap_or(issuer),
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "response_types_supported": ["code"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }))
}

async fn keys(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let mut keys = vec![provider.key.lock().unwrap().public()];
    if provider.conduct.lock().unwrap().odd_keys {
        keys.insert(0, json!({ "kty": "EC", "crv": "P-256", "x": "?", "y": "", "kid": "key-1" }));
        keys.insert(0, json!({ "kty": "quantum", "kid": 7 }));
    }
    Json(json!({ "keys": keys }))
}

/// Whoever comes is signed in as the one person there is.
async fn authorize(
    State(provider): State<Arc<Provider>>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let word = |name: &str| query.get(name).cloned().unwrap_or_default();
    let good = word("response_type") == "code"
        && word("client_id") == "lotse"
        && word("code_challenge_method") == "S256"
        && word("scope").split(' ').any(|scope| scope == "openid")
        && word("state").len() == 43
        && word("nonce").len() == 43;
    if !good {
        return (StatusCode::BAD_REQUEST, format!("{query:?}")).into_response();
    }
    let code = base64(&rand_bytes());
    let asked = Asked {
        nonce: word("nonce"),
        challenge: word("code_challenge"),
        redirect: word("redirect_uri"),
    };
    provider.codes.lock().unwrap().insert(code.clone(), asked);
    let mut back: url::Url = word("redirect_uri").parse().unwrap();
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", &word("state"));
    Redirect::to(back.as_str()).into_response()
}

async fn token(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let word = |name: &str| form.get(name).cloned().unwrap_or_default();
    let refuse = |error: &str| {
        (
            StatusCode::BAD_REQUEST,
            Json(json!({ "error": error, "error_description": "no <b>way</b>" })),
        )
            .into_response()
    };
    let expected = {
        use base64::Engine;
        let encode = |word: &str| {
            percent_encoding::utf8_percent_encode(word, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        };
        let pair = format!("{}:{}", encode("lotse"), encode(SECRET));
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    };
    let authorization = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap());
    if authorization != Some(&expected) || word("grant_type") != "authorization_code" {
        return refuse("invalid_client");
    }
    // A code is good once.
    let Some(asked) = provider.codes.lock().unwrap().remove(&word("code")) else {
        return refuse("invalid_grant");
    };
    let challenge = {
        use sha2::Digest;
        base64(&sha2::Sha256::digest(word("code_verifier")))
    };
    if challenge != asked.challenge || word("redirect_uri") != asked.redirect {
        return refuse("invalid_grant");
    }
    let id_token = provider.id_token(&asked.nonce);
    let answer =
        json!({ "token_type": "Bearer", "access_token": "at-secret", "id_token": id_token });
    Json(answer).into_response()
}

async fn userinfo(State(provider): State<Arc<Provider>>, headers: HeaderMap) -> Response {
    if headers.get(header::AUTHORIZATION).is_none_or(|value| value != "Bearer at-secret") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut answer = json!({ "sub": "sub-1" });
    if let Value::Object(more) = provider.conduct.lock().unwrap().userinfo.clone() {
        answer.as_object_mut().unwrap().extend(more);
    }
    Json(answer).into_response()
}
