//! Sessions of people who write through a web client beside the API.
//!
//! ```text
//! write ─► bearer token of the identity provider ─► person ─► done ─► cookie of a session
//! write ─► cookie, from a page of this very origin ─► person ─► done
//! ```
//!
//! The identity provider vouches for people with access tokens; clients that lose theirs after the
//! first write go on with the session that it began. A session is kept like those of the console, by
//! a hash, but never opens the console: the hash is another one.

use std::fmt;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lotse_core::error::chain;
use lotse_core::time::{SignedDuration, Timestamp};
use lotse_store::session::SessionRecord;
use lotse_web::access::Role;
use lotse_web::bearer::{AccessTokens, BearerError, Person};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::site::Site;

/// How long a session lasts when it is not used.
const IDLE: SignedDuration = SignedDuration::from_hours(1);
/// How long it lasts at most.
const LONGEST: SignedDuration = SignedDuration::from_hours(12);
/// How exactly it is known when it was last used.
const EXACTNESS: SignedDuration = SignedDuration::from_secs(60);

/// Who may write with tokens of the identity provider.
#[derive(Clone)]
pub struct SignIn {
    tokens: Arc<AccessTokens>,
    /// Whether browsers come over TLS.
    secure: bool,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn").field("issuer", &self.tokens.issuer()).finish_non_exhaustive()
    }
}

/// Who sent a request; the layer has put it there.
#[derive(Clone, Debug)]
pub(crate) struct Known(pub(crate) Person);

impl SignIn {
    /// With the tokens of this client; `secure` when browsers come over TLS.
    pub fn new(tokens: AccessTokens, secure: bool) -> Self {
        Self { tokens: Arc::new(tokens), secure }
    }

    /// Where people sign in, and the client's name there.
    pub fn provider(&self) -> (&str, &str) {
        (self.tokens.issuer(), self.tokens.client_id())
    }

    const fn name(&self) -> &'static str {
        if self.secure { "__Host-lotse-status" } else { "lotse-status" }
    }

    fn set(&self, value: &str, seconds: Option<i64>) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let name = self.name();
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
        HeaderValue::from_str(&text).ok().map(|mut header| {
            header.set_sensitive(true);
            header
        })
    }

    /// The hash of the session in the cookie.
    fn hash(&self, headers: &HeaderMap) -> Option<String> {
        let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = pairs.flat_map(|value| value.split(';'));
        let own = |pair: &str| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == self.name()).then(|| URL_SAFE_NO_PAD.decode(value).ok()).flatten()
        };
        pairs.find_map(own).map(|secret| hash_of(&secret))
    }
}

/// A purpose of its own, so that this secret is none of the console.
fn hash_of(secret: &[u8]) -> String {
    let mut sum = Sha256::new_with_prefix(b"lotse status session v1\n");
    sum.update(secret);
    hex::encode(sum.finalize())
}

/// The token of somebody else's making in a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.starts_with("lotse_")).then_some(token)
}

/// Finds who writes, and begins a session with a write that was done with a token. Readers are not
/// asked who they are, whatever they carry.
pub(crate) async fn recognise(
    State(site): State<Arc<Site>>,
    mut request: Request,
    next: Next,
) -> Response {
    let writes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let Some(sign_in) = site.options().sign_in.clone().filter(|_| writes) else {
        return next.run(request).await;
    };
    let headers = request.headers();
    let token = bearer(headers).map(str::to_owned);
    let found = match &token {
        Some(token) => {
            sign_in.tokens.person(token).await.map(Some).map_err(|error| refused(&error))
        }
        None => session(&site, &sign_in, headers).await,
    };
    let person = match found {
        Ok(person) => person,
        Err(error) => return error.into_response(),
    };
    if let Some(person) = &person {
        request.extensions_mut().insert(Known(person.clone()));
    }
    let mut response = next.run(request).await;
    if token.is_some()
        && response.status().is_success()
        && let Some(person) = person
    {
        match begin(&site, &sign_in, person).await {
            Ok(cookie) => {
                response.headers_mut().extend(cookie.map(|one| (header::SET_COOKIE, one)));
            }
            // What was written stays written; the next write takes a token again.
            Err(error) => tracing::warn!(error = chain(&error), "a session did not begin"),
        }
    }
    response
}

fn refused(error: &BearerError) -> Error {
    if let BearerError::Unavailable { .. } = error {
        tracing::warn!(error = chain(error), "an access token could not be checked");
        return Error::SignIn;
    }
    tracing::info!(error = chain(error), "an access token was refused");
    Error::Unauthorized { reason: "this access token does not count here; sign in again" }
}

/// The person behind a request that reads, where reading is not for everybody.
pub(crate) async fn person(site: &Site, headers: &HeaderMap) -> Result<Option<Person>, Error> {
    let Some(sign_in) = &site.options().sign_in else { return Ok(None) };
    match bearer(headers) {
        Some(token) => {
            sign_in.tokens.person(token).await.map(Some).map_err(|error| refused(&error))
        }
        None if site.is_own_origin(headers) => session(site, sign_in, headers).await,
        None => Ok(None),
    }
}

/// The person of the session in the cookie. A cookie counts only from a page of this origin.
async fn session(
    site: &Site,
    sign_in: &SignIn,
    headers: &HeaderMap,
) -> Result<Option<Person>, Error> {
    let Some(hash) = sign_in.hash(headers) else { return Ok(None) };
    let (store, now) = (site.desk().store(), site.desk().clock().now());
    let found = store.session_find(&hash).await?;
    let lasts =
        |record: &SessionRecord| record.until > now && now.duration_since(record.seen) < IDLE;
    let Some(record) = found.filter(lasts) else { return Ok(None) };
    if !site.is_own_origin(headers) {
        return Err(Error::Forbidden { reason: "a page of another origin may not write here" });
    }
    if now.duration_since(record.seen) >= EXACTNESS {
        store.session_seen(&hash, now).await?;
    }
    let roles = record.roles.iter().filter_map(|word| Role::of_word(word)).collect();
    let SessionRecord { subject, name, until, .. } = record;
    Ok(Some(Person { subject, name, roles, until }))
}

/// Begins a session; its cookie.
async fn begin(
    site: &Site,
    sign_in: &SignIn,
    person: Person,
) -> Result<Option<HeaderValue>, Error> {
    let mut secret = [0; 32];
    SystemRandom::new().fill(&mut secret).map_err(|_| Error::SignIn)?;
    let now = site.desk().clock().now();
    let record = SessionRecord {
        hash: hash_of(&secret),
        subject: person.subject,
        name: person.name,
        roles: person.roles.iter().map(|role| role.word().to_owned()).collect(),
        created: now,
        seen: now,
        until: now.saturating_add(LONGEST).unwrap_or(Timestamp::MAX),
    };
    site.desk().store().session_begin(&record).await?;
    Ok(sign_in.set(&URL_SAFE_NO_PAD.encode(secret), None))
}

/// The routes of a session: who it is, and its end.
pub(crate) fn routes() -> axum::Router<Arc<Site>> {
    axum::Router::new().route("/api/v1/session", get(show).delete(end))
}

async fn show(State(site): State<Arc<Site>>, headers: HeaderMap) -> Result<Response, Error> {
    let none = || Error::Unauthorized { reason: "nobody is signed in" };
    let sign_in = site.options().sign_in.as_ref().ok_or_else(none)?;
    let found = match bearer(&headers) {
        Some(token) => Some(sign_in.tokens.person(token).await.map_err(|error| refused(&error))?),
        None => session(&site, sign_in, &headers).await?,
    };
    let Person { subject, name, roles, until } = found.ok_or_else(none)?;
    let who = json!({ "subject": subject, "name": name, "roles": roles, "until": until });
    let mut response = Json(json!({ "data": who })).into_response();
    let private = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, private);
    Ok(response)
}

async fn end(State(site): State<Arc<Site>>, headers: HeaderMap) -> Result<Response, Error> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let Some(sign_in) = &site.options().sign_in else { return Ok(response) };
    if let Some(hash) = sign_in.hash(&headers) {
        if !site.is_own_origin(&headers) {
            return Err(Error::Forbidden { reason: "a page of another origin may not do this" });
        }
        site.desk().store().session_end(&hash).await?;
    }
    let gone = sign_in.set("", Some(0));
    response.headers_mut().extend(gone.map(|one| (header::SET_COOKIE, one)));
    Ok(response)
}
