//! The HTTP side of an identity provider: discovery, keys, the exchange of a code, userinfo, questions
//! about access tokens.
//!
//! Everything the provider says is bounded in time and size, redirects are not followed, and its
//! endpoints must be as protected as its issuer. Configuration and keys are cached for an hour; a
//! token signed with a key we have not seen makes us look again, at most every few seconds. A
//! provider that is down does not invalidate what is cached, so that the next sign-in fails where it
//! must, and not earlier.

use std::sync::Arc;

use lotse_core::secret::{ExposeSecret, SecretString};
use lotse_core::time::{SharedClock, SignedDuration, Timestamp};
use reqwest::header::AUTHORIZATION;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::Url;

use super::connection::client;
use super::jws::{KeySet, Token};
use super::{OidcError, claims, id_token};
use crate::config::{OidcConfig, is_protected};
use crate::credential::Credential;
use crate::error::Error;
use crate::text::{encoded, shown};

/// No answer of a provider is larger.
const LARGEST: usize = 1 << 20;
/// How long configuration and keys are believed.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
/// How often unknown keys make us ask again at most.
const PAUSE: SignedDuration = SignedDuration::from_secs(5);

/// The secrets of one sign-in, all of them derived from the one in the browser's cookie.
#[derive(Clone, Debug)]
pub(crate) struct Flow(pub(crate) Credential);

impl Flow {
    /// Comes back with the browser.
    pub(crate) fn state(&self) -> Credential {
        self.0.derive("state")
    }

    /// Comes back in the token.
    pub(crate) fn nonce(&self) -> Credential {
        self.0.derive("nonce")
    }

    /// Proves to the provider that who exchanges the code began the sign-in (RFC 7636).
    fn verifier(&self) -> String {
        self.0.derive("verifier").encode()
    }

    fn challenge(&self) -> String {
        use base64::Engine as _;
        use sha2::Digest as _;
        let sum = sha2::Sha256::digest(self.verifier());
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sum)
    }
}

/// What the provider says of itself (OpenID Connect Discovery 1.0, section 3).
#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    #[serde(default)]
    userinfo_endpoint: Option<Url>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Where it is asked about access tokens (RFC 8414, section 2).
    #[serde(default)]
    introspection_endpoint: Option<Url>,
    #[serde(default)]
    introspection_endpoint_auth_methods_supported: Option<Vec<String>>,
}

#[derive(Clone, Debug)]
struct Known {
    metadata: Arc<Metadata>,
    keys: KeySet,
    at: Timestamp,
    keys_at: Timestamp,
}

/// Somebody whom the provider vouches for.
#[derive(Clone, Debug)]
pub(crate) struct Vouched {
    /// The provider's name for them.
    pub(crate) subject: String,
    /// Everything it says of them.
    pub(crate) claims: Map<String, Value>,
}

/// An identity provider.
pub(crate) struct Provider {
    config: OidcConfig,
    secret: Option<SecretString>,
    http: reqwest::Client,
    clock: SharedClock,
    known: Mutex<Option<Known>>,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.config.issuer).finish_non_exhaustive()
    }
}

impl Provider {
    /// The provider of the configuration; nothing is asked of it yet.
    pub(crate) fn new(
        config: OidcConfig,
        secret: Option<SecretString>,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        let http = client(&config)?;
        Ok(Self { config, secret, http, clock, known: Mutex::new(None) })
    }

    /// The configuration it was made from.
    pub(crate) fn config(&self) -> &OidcConfig {
        &self.config
    }

    /// The time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Where the browser is sent to sign in.
    pub(crate) async fn authorization_url(
        &self,
        flow: &Flow,
        redirect: &Url,
    ) -> Result<Url, OidcError> {
        let known = self.known().await?;
        let mut url = known.metadata.authorization_endpoint.clone();
        let mut scope = "openid".to_owned();
        for word in self.config.scopes.iter().filter(|scope| *scope != "openid") {
            scope.push(' ');
            scope.push_str(word);
        }
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.config.client_id)
            .append_pair("redirect_uri", redirect.as_str())
            .append_pair("scope", &scope)
            .append_pair("state", &flow.state().encode())
            .append_pair("nonce", &flow.nonce().encode())
            .append_pair("code_challenge", &flow.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Exchanges the code that the browser brought back for what the provider says of the person.
    pub(crate) async fn finish(
        &self,
        code: &str,
        flow: &Flow,
        redirect: &Url,
    ) -> Result<Vouched, OidcError> {
        let known = self.known().await?;
        let answer = self.exchange(&known.metadata, code, flow, redirect).await?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        let Some(id_token) = text("id_token") else {
            let reason = "it has no ID token".to_owned();
            return Err(OidcError::Answer { what: "answer to the code", reason });
        };
        let token = Token::parse(id_token)?;
        let payload = self.keys_for(known, &token).await?.verify(&token)?;
        let claims = object(&payload)?;
        let nonce = flow.nonce();
        let expected = id_token::Expected {
            issuer: &self.config.issuer,
            client_id: &self.config.client_id,
            nonce: &nonce,
            leeway_seconds: self.config.leeway_seconds,
        };
        let subject = id_token::check(&claims, expected, self.clock.now())?;
        let mut vouched = Vouched { subject, claims };
        if claims::find(&vouched.claims, &self.config.roles_claim).is_none()
            && let Some(access_token) = text("access_token")
        {
            self.add_userinfo(access_token, &mut vouched).await?;
        }
        Ok(vouched)
    }

    /// Who is behind a signed access token that this client was given, and when the token ends.
    pub(crate) async fn vouch(
        &self,
        access_token: &str,
        client_id: &str,
    ) -> Result<(Vouched, Timestamp), OidcError> {
        let token = Token::parse(access_token)?;
        let known = self.known().await?;
        let claims = object(&self.keys_for(known, &token).await?.verify(&token)?)?;
        let names = (self.config.issuer.as_str(), client_id);
        let leeway = self.config.leeway_seconds;
        let (subject, until) = id_token::access(&claims, names, leeway, self.clock.now())?;
        let mut vouched = Vouched { subject, claims };
        if claims::find(&vouched.claims, &self.config.roles_claim).is_none() {
            self.add_userinfo(access_token, &mut vouched).await?;
        }
        Ok((vouched, until))
    }

    /// What the provider says of itself, asked for again when it is old.
    async fn known(&self) -> Result<Known, OidcError> {
        let mut cached = self.known.lock().await;
        let now = self.clock.now();
        if let Some(known) = cached.as_ref().filter(|known| now.duration_since(known.at) < FRESH) {
            return Ok(known.clone());
        }
        match (self.discover(now).await, cached.as_ref()) {
            (Ok(known), _) => Ok(cached.insert(known).clone()),
            (Err(error), Some(old)) => {
                tracing::warn!(%error, "the identity provider's configuration is not renewed");
                Ok(old.clone())
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn discover(&self, now: Timestamp) -> Result<Known, OidcError> {
        const WHAT: &str = "configuration";
        let unusable = |reason: String| OidcError::Answer { what: WHAT, reason };
        let issuer = self.config.issuer.trim_end_matches('/');
        let url = format!("{issuer}/.well-known/openid-configuration");
        let json = self.json(WHAT, self.http.get(url)).await?;
        let metadata: Metadata =
            serde_json::from_value(json).map_err(|error| unusable(error.to_string()))?;
        if metadata.issuer != self.config.issuer {
            let found = shown(&metadata.issuer, 200);
            return Err(unusable(format!(
                "it calls itself {found:?}, the configuration calls it {:?}",
                self.config.issuer
            )));
        }
        let Metadata { authorization_endpoint, token_endpoint, jwks_uri, .. } = &metadata;
        for url in [authorization_endpoint, token_endpoint, jwks_uri] {
            if !is_protected(url) {
                return Err(unusable(format!("{} is not https", shown(url.as_str(), 200))));
            }
        }
        let keys = self.keys(&metadata).await?;
        Ok(Known { metadata: Arc::new(metadata), keys, at: now, keys_at: now })
    }

    async fn keys(&self, metadata: &Metadata) -> Result<KeySet, OidcError> {
        const WHAT: &str = "keys";
        let json = self.json(WHAT, self.http.get(metadata.jwks_uri.clone())).await?;
        KeySet::parse(&json)
            .ok_or_else(|| OidcError::Answer { what: WHAT, reason: "it is no key set".to_owned() })
    }

    /// The keys, asked for again when the token is signed with one that we have not seen.
    async fn keys_for(&self, known: Known, token: &Token<'_>) -> Result<KeySet, OidcError> {
        if known.keys.has_key_for(token) {
            return Ok(known.keys);
        }
        let mut cached = self.known.lock().await;
        let now = self.clock.now();
        let Some(newest) = cached.as_mut() else { return Ok(known.keys) };
        let asked_lately = now.duration_since(newest.keys_at) < PAUSE;
        let seen_meanwhile = newest.keys.has_key_for(token);
        // A first look right after discovery is allowed: the keys may have turned in between.
        if !seen_meanwhile && (!asked_lately || newest.keys_at == newest.at) {
            newest.keys = self.keys(&newest.metadata).await?;
            newest.keys_at = now.max(newest.at + SignedDuration::from_nanos(1));
        }
        Ok(newest.keys.clone())
    }

    async fn exchange(
        &self,
        metadata: &Metadata,
        code: &str,
        flow: &Flow,
        redirect: &Url,
    ) -> Result<Value, OidcError> {
        const WHAT: &str = "answer to the code";
        let verifier = flow.verifier();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect.as_str()),
            ("code_verifier", verifier.as_str()),
        ];
        let request = self.http.post(metadata.token_endpoint.clone());
        let methods = metadata.token_endpoint_auth_methods_supported.as_deref();
        let request = self.authenticated(request, &mut form, methods);
        let (status, body) = self.send(WHAT, request.form(&form)).await?;
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        if let Some(error) = json.get("error").and_then(Value::as_str) {
            let about = json.get("error_description").and_then(Value::as_str).unwrap_or_default();
            let reason = shown(format!("{error} {about}").trim(), 200);
            return Err(OidcError::Refused { reason });
        }
        if !(200..300).contains(&status) {
            return Err(OidcError::Status { what: WHAT, status });
        }
        Ok(json)
    }

    /// The request from us as a client of the provider, in one of the ways that it takes.
    fn authenticated<'a>(
        &'a self,
        request: reqwest::RequestBuilder,
        form: &mut Vec<(&'a str, &'a str)>,
        methods: Option<&[String]>,
    ) -> reqwest::RequestBuilder {
        let client_id = self.config.client_id.as_str();
        let basic = methods.is_none_or(|all| all.iter().any(|one| one == "client_secret_basic"));
        match &self.secret {
            Some(secret) if basic => {
                // RFC 6749 section 2.3.1: both words are encoded before they are joined.
                let (id, secret) = (encoded(client_id), encoded(secret.expose_secret()));
                return request.basic_auth(id, Some(secret));
            }
            Some(secret) => {
                form.push(("client_id", client_id));
                form.push(("client_secret", secret.expose_secret()));
            }
            None => form.push(("client_id", client_id)),
        }
        request
    }

    /// What the provider says of an opaque access token (RFC 7662, section 2).
    pub(super) async fn introspect(
        &self,
        access_token: &str,
    ) -> Result<Map<String, Value>, OidcError> {
        const WHAT: &str = "word on an access token";
        let unasked = |reason: &str| OidcError::Unasked { reason: reason.to_owned() };
        if self.secret.is_none() {
            return Err(unasked(
                "set access.oidc.client_secret: the provider tells only clients with a secret",
            ));
        }
        let known = self.known().await?;
        let metadata = &known.metadata;
        let Some(url) = metadata.introspection_endpoint.clone().filter(is_protected) else {
            return Err(unasked(
                "the provider has no introspection endpoint with https; have it issue signed access \
                 tokens (JWT, RFC 9068) to the web client",
            ));
        };
        let mut form = vec![("token", access_token), ("token_type_hint", "access_token")];
        let methods = &metadata.introspection_endpoint_auth_methods_supported;
        let methods = methods.as_ref().or(metadata.token_endpoint_auth_methods_supported.as_ref());
        let request =
            self.authenticated(self.http.post(url), &mut form, methods.map(Vec::as_slice));
        match self.json(WHAT, request.form(&form)).await? {
            Value::Object(answer) => Ok(answer),
            _ => Err(OidcError::Answer { what: WHAT, reason: "it is no object".to_owned() }),
        }
    }

    /// Adds what the userinfo endpoint says of the same person (section 5.3).
    pub(super) async fn add_userinfo(
        &self,
        access_token: &str,
        vouched: &mut Vouched,
    ) -> Result<(), OidcError> {
        const WHAT: &str = "userinfo";
        let known = self.known().await?;
        let Some(url) = known.metadata.userinfo_endpoint.clone().filter(is_protected) else {
            return Ok(());
        };
        let bearer = format!("Bearer {access_token}");
        let json = self.json(WHAT, self.http.get(url).header(AUTHORIZATION, bearer)).await?;
        let Value::Object(more) = json else { return Ok(()) };
        if more.get("sub").and_then(Value::as_str) != Some(&vouched.subject) {
            let reason = "it is about somebody else".to_owned();
            return Err(OidcError::Answer { what: WHAT, reason });
        }
        for (name, value) in more {
            vouched.claims.entry(name).or_insert(value);
        }
        Ok(())
    }

    async fn json(
        &self,
        what: &'static str,
        request: reqwest::RequestBuilder,
    ) -> Result<Value, OidcError> {
        let (status, body) = self.send(what, request).await?;
        if !(200..300).contains(&status) {
            return Err(OidcError::Status { what, status });
        }
        serde_json::from_slice(&body).map_err(|error| {
            let reason = format!("it is no JSON: {error}");
            OidcError::Answer { what, reason }
        })
    }

    async fn send(
        &self,
        what: &'static str,
        request: reqwest::RequestBuilder,
    ) -> Result<(u16, Vec<u8>), OidcError> {
        let failed = |source: reqwest::Error| {
            if source.is_timeout() {
                OidcError::Slow { what }
            } else {
                OidcError::Unreachable { what, source: source.without_url() }
            }
        };
        let request = request.header(reqwest::header::ACCEPT, "application/json");
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST {
                let reason = format!("it is larger than {LARGEST} bytes");
                return Err(OidcError::Answer { what, reason });
            }
        }
        Ok((status, body))
    }
}

/// The claims in what was signed.
fn object(payload: &[u8]) -> Result<Map<String, Value>, OidcError> {
    serde_json::from_slice(payload)
        .map_err(|error| OidcError::Forged { reason: format!("it holds no JSON: {error}") })
}
