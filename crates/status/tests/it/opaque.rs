//! Opaque access tokens of an identity provider: whom they let write, and how often it is asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use lotse_core::secret::SecretString;
use lotse_core::time::{Clock as _, SignedDuration};
use lotse_status::session::SignIn;
use lotse_status::site::{Options, Site};
use lotse_web::access::Role;
use lotse_web::bearer::AccessTokens;
use lotse_web::config::OidcConfig;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::stage::Stage;

/// Of the client that asks.
const SECRET: &str = "of lotse";

/// An identity provider that gives opaque tokens.
struct Provider {
    issuer: Mutex<String>,
    /// What it says of each token.
    tokens: Mutex<BTreeMap<String, Value>>,
    /// Whether it says that it can be asked.
    says_where: bool,
    is_gone: Mutex<bool>,
    /// How often it was asked about tokens, at once and at most at once.
    asked: AtomicU32,
    under_way: AtomicU32,
    most: AtomicU32,
    /// Questions that have come, and how many may be answered.
    came: Semaphore,
    may_go: Semaphore,
}

async fn discovery(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let issuer = provider.issuer.lock().unwrap().clone();
    let mut said = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/auth"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "userinfo_endpoint": format!("{issuer}/me"),
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    });
    if provider.says_where {
        said["introspection_endpoint"] = format!("{issuer}/introspection").into();
    }
    Json(said)
}

async fn introspection(
    State(provider): State<Arc<Provider>>,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    provider.asked.fetch_add(1, Ordering::SeqCst);
    let now = provider.under_way.fetch_add(1, Ordering::SeqCst) + 1;
    provider.most.fetch_max(now, Ordering::SeqCst);
    provider.came.add_permits(1);
    provider.may_go.acquire().await.unwrap().forget();
    provider.under_way.fetch_sub(1, Ordering::SeqCst);
    if *provider.is_gone.lock().unwrap() {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let word = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if (word("client_id"), word("client_secret")) != ("lotse", SECRET) {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "invalid_client" })))
            .into_response();
    }
    assert_eq!(word("token_type_hint"), "access_token");
    let known = provider.tokens.lock().unwrap().get(word("token")).cloned();
    Json(known.unwrap_or_else(|| json!({ "active": false }))).into_response()
}

async fn userinfo(State(provider): State<Arc<Provider>>, headers: HeaderMap) -> Response {
    let token = headers[AUTHORIZATION.as_str()].to_str().unwrap().replace("Bearer ", "");
    match provider.tokens.lock().unwrap().get(&token) {
        Some(known) if known["scope"] != "nothing" => {
            Json(json!({ "sub": known["sub"], "groups": ["staff"] })).into_response()
        }
        _ => StatusCode::FORBIDDEN.into_response(),
    }
}

/// A page whose writers get their tokens there.
struct Quay {
    stage: Stage,
    provider: Arc<Provider>,
    base: String,
    component: String,
}

impl Quay {
    async fn new(says_where: bool, secret: Option<&str>) -> Self {
        let (stage, ids) = Stage::furnished().await;
        let provider = Arc::new(Provider {
            issuer: Mutex::default(),
            tokens: Mutex::default(),
            says_where,
            is_gone: Mutex::default(),
            asked: AtomicU32::new(0),
            under_way: AtomicU32::new(0),
            most: AtomicU32::new(0),
            came: Semaphore::new(0),
            may_go: Semaphore::new(1000),
        });
        let routes = axum::Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(async || Json(json!({ "keys": [] }))))
            .route("/introspection", post(introspection))
            .route("/me", get(userinfo));
        let issuer = stage.serve(routes.with_state(provider.clone())).await;
        provider.issuer.lock().unwrap().clone_from(&issuer);
        let config = OidcConfig {
            issuer,
            client_id: "lotse".to_owned(),
            client_secret: None,
            scopes: Vec::new(),
            name_claim: "username".to_owned(),
            roles_claim: "groups".to_owned(),
            grants: BTreeMap::from([("staff".to_owned(), vec![Role::Reporter])]),
            ca_file: None,
            leeway_seconds: 30,
            timeout_seconds: 60,
        };
        let secret = secret.map(SecretString::from);
        let tokens =
            AccessTokens::new(config, secret, "status-page".to_owned(), stage.clock.clone());
        let options = Options {
            local_writes: false,
            sign_in: Some(SignIn::new(tokens.unwrap(), false)),
            ..Options::default()
        };
        let site =
            Site::new(stage.desk.clone(), lotse_status::pages::look::Look::default(), options);
        let base = stage.serve(site.api()).await;
        Self { stage, provider, base, component: ids[1].clone() }
    }

    /// A token of which the provider says this over the usual; null takes a word away.
    fn token(&self, name: &str, change: &Value) -> String {
        let mut said = json!({ "active": true, "client_id": "status-page", "sub": "sub-1",
            "exp": self.stage.clock.now().as_second() + 300, "token_type": "Bearer",
            "username": "anna", "groups": ["staff"] });
        for (name, value) in change.as_object().unwrap() {
            said[name] = value.clone();
        }
        said.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.provider.tokens.lock().unwrap().insert(name.to_owned(), said);
        name.to_owned()
    }

    async fn report(&self, token: &str) -> u16 {
        let body = json!({ "displayName": "Disks", "affects": [{ "reference": self.component }] });
        let request = self.stage.http.post(format!("{}/incidents", self.base));
        let request = request.header(AUTHORIZATION, format!("Bearer {token}")).json(&body);
        request.send().await.unwrap().status().as_u16()
    }

    fn asked(&self) -> u32 {
        self.provider.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn an_opaque_token_writes_when_the_provider_says_that_it_is_of_the_client_and_of_now() {
    let quay = Quay::new(true, Some(SECRET)).await;
    let now = quay.stage.clock.now().as_second();
    for (number, (change, wanted)) in [
        (json!({}), 201),
        (json!({ "client_id": null, "aud": "status-page" }), 201),
        (json!({ "aud": ["account"], "token_type": null }), 201),
        (json!({ "groups": null }), 201),
        (json!({ "groups": null, "scope": "nothing" }), 401),
        (json!({ "groups": ["visitors"] }), 403),
        (json!({ "active": false }), 401),
        (json!({ "client_id": "lotse" }), 401),
        (json!({ "client_id": null, "aud": "lotse" }), 401),
        (json!({ "client_id": null }), 401),
        (json!({ "iss": "https://elsewhere.example.org" }), 401),
        (json!({ "exp": now - 31 }), 401),
        (json!({ "exp": null }), 401),
        (json!({ "nbf": now + 300 }), 401),
        (json!({ "sub": null }), 401),
        (json!({ "token_type": "DPoP" }), 401),
    ]
    .into_iter()
    .enumerate()
    {
        let token = quay.token(&format!("token-{number}"), &change);
        assert_eq!(quay.report(&token).await, wanted, "{change}");
    }
    assert_eq!(quay.report("unknown").await, 401);
    let deeds = quay.stage.store.audit_list(None, 1).await.unwrap();
    assert_eq!(deeds[0].deed.actor, "user:sub-1");
    // What cannot be a token is not asked about.
    let asked = quay.asked();
    for bad in ["a b", "x=y", "\"", &"x".repeat(5000)] {
        assert_eq!(quay.report(bad).await, 401, "{bad}");
    }
    assert_eq!(quay.asked(), asked);
}

#[tokio::test]
async fn a_token_is_asked_about_once_in_a_while_and_not_believed_beyond_its_end() {
    let quay = Quay::new(true, Some(SECRET)).await;
    let now = quay.stage.clock.now().as_second();
    let long = quay.token("long", &json!({}));
    let short = quay.token("short", &json!({ "exp": now + 10 }));
    for _ in 0..3 {
        assert_eq!((quay.report(&long).await, quay.report("wrong").await), (201, 401));
    }
    assert_eq!(quay.report(&short).await, 201);
    assert_eq!(quay.asked(), 3, "one question for each token");
    quay.stage.clock.advance(SignedDuration::from_secs(10));
    quay.token("short", &json!({ "active": false }));
    quay.token("long", &json!({ "active": false }));
    assert_eq!(quay.report(&short).await, 401, "its end came");
    assert_eq!(quay.report(&long).await, 201, "believed for half a minute");
    quay.stage.clock.advance(SignedDuration::from_secs(20));
    assert_eq!((quay.report(&long).await, quay.report("wrong").await), (401, 401));
    assert_eq!(quay.asked(), 6);

    // Who cannot be asked says nothing: the writer tries again.
    let fresh = quay.token("fresh", &json!({}));
    *quay.provider.is_gone.lock().unwrap() = true;
    assert_eq!(quay.report(&fresh).await, 503);
    *quay.provider.is_gone.lock().unwrap() = false;
    assert_eq!(quay.report(&fresh).await, 201);
}

#[tokio::test]
async fn strangers_cannot_have_the_provider_asked_about_many_tokens_at_once() {
    let quay = Quay::new(true, Some(SECRET)).await;
    let provider = &quay.provider;
    provider.may_go.forget_permits(1000);
    let names: Vec<_> = (0..20).map(|number| format!("wrong-{number}")).collect();
    let strangers = futures::future::join_all(names.iter().map(|name| quay.report(name)));
    let provider_at_work = async {
        // A question is answered when one more has come.
        for _ in 0..4 {
            provider.came.acquire().await.unwrap().forget();
        }
        for _ in 4..20 {
            provider.may_go.add_permits(1);
            provider.came.acquire().await.unwrap().forget();
        }
        provider.may_go.add_permits(4);
    };
    let (answers, ()) = tokio::join!(strangers, provider_at_work);
    assert!(answers.iter().all(|status| *status == 401), "{answers:?}");
    assert_eq!((quay.asked(), provider.most.load(Ordering::SeqCst)), (20, 4));
}

#[tokio::test]
async fn without_a_secret_or_a_place_to_ask_opaque_tokens_are_refused() {
    for (says_where, secret, wanted) in
        [(true, None, 401), (false, Some(SECRET), 401), (true, Some("wrong"), 503)]
    {
        let quay = Quay::new(says_where, secret).await;
        let token = quay.token("good", &json!({}));
        assert_eq!(quay.report(&token).await, wanted, "{says_where} {secret:?}");
    }
}
