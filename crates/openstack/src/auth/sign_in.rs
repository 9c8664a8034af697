//! The conversation with the identity service that ends in a token.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;

use super::{Token, scope_of, token_identity, token_request, who};
use crate::config::{CloudConfig, Credentials, Scope};
use crate::discovery;
use crate::error::{ApiError, Call, Error, Refusal};
use crate::exchange::{Answer, Exchange, Question};

/// Header in which tokens come.
const SUBJECT_TOKEN: &str = "x-subject-token";

/// Signs in to one cloud.
pub(crate) struct SignIn {
    config: Arc<CloudConfig>,
    exchange: Arc<Exchange>,
    /// The address of the version 3 API, once it is known.
    base: OnceCell<Url>,
}

impl SignIn {
    pub(crate) fn new(config: Arc<CloudConfig>, exchange: Arc<Exchange>) -> Self {
        Self { config, exchange, base: OnceCell::new() }
    }

    /// A fresh token.
    pub(crate) async fn token(&self) -> Result<Token, Error> {
        let base = self.base.get_or_try_init(|| self.find_base()).await?;
        let Credentials::OidcAccessToken { identity_provider, protocol, access_token } =
            &self.config.credentials
        else {
            let body = token_request(&self.config.credentials, &self.config.scope);
            return self.request(base, body).await;
        };
        let federated = self.federated(base, identity_provider, protocol, access_token).await?;
        match scope_of(&self.config.scope) {
            None => Ok(federated),
            Some(scope) => {
                let identity = token_identity(&federated.secret);
                self.request(base, json!({ "auth": { "identity": identity, "scope": scope } }))
                    .await
            }
        }
    }

    /// The address of the version 3 API: `auth_url` if it names it, else what the service says.
    async fn find_base(&self) -> Result<Url, Error> {
        let written = &self.config.auth_url;
        let mut segments: Vec<&str> =
            written.path_segments().into_iter().flatten().filter(|part| !part.is_empty()).collect();
        if segments.last() == Some(&"v3") {
            return Ok(with_segments(written, &segments));
        }
        if segments.last() == Some(&"v2.0") {
            segments.pop();
        }
        let root = with_segments(written, &segments);
        let answer = self.ask(Question::get("identity", root.clone())).await?;
        if answer.status.is_redirection() && answer.status != StatusCode::MULTIPLE_CHOICES {
            return Err(redirected(&answer));
        }
        let versions = discovery::parse(&answer.body).map_err(|reason| Error::NotIdentity {
            call: Arc::clone(&answer.call),
            reason: format!(
                "it answers {} with {}",
                answer.status.as_u16(),
                crate::fault::nature(&answer.headers, &answer.body).unwrap_or(reason)
            ),
        })?;
        let newest = versions
            .iter()
            .filter(|version| version.id.major == 3)
            .max_by_key(|version| version.id);
        if newest.is_none() {
            return Err(Error::NoVersion {
                cloud: self.config.name.clone(),
                service: "identity".to_owned(),
                wanted: "v3".to_owned(),
                known: versions.iter().map(|version| version.id.to_string()).collect(),
            });
        }
        segments.push("v3");
        Ok(with_segments(written, &segments))
    }

    /// Shows the access token and gets a token without scope for it.
    async fn federated(
        &self,
        base: &Url,
        identity_provider: &str,
        protocol: &str,
        access_token: &SecretString,
    ) -> Result<Token, Error> {
        let mut url = base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend([
                "OS-FEDERATION",
                "identity_providers",
                identity_provider,
                "protocols",
                protocol,
                "auth",
            ]);
        }
        let mut headers = HeaderMap::new();
        headers.insert(
            http::header::AUTHORIZATION,
            secret_header(&format!("Bearer {}", access_token.expose_secret()))
                .ok_or_else(|| self.unsendable("access_token"))?,
        );
        let operation = Some("POST /v3/OS-FEDERATION".to_owned());
        let question =
            Question { method: Method::POST, headers, operation, ..Question::get("identity", url) };
        self.read(self.ask(question).await?)
    }

    async fn request(&self, base: &Url, body: Value) -> Result<Token, Error> {
        let mut url = base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(["auth", "tokens"]);
        }
        let operation = Some("POST /v3/auth/tokens".to_owned());
        let mut question =
            Question { method: Method::POST, operation, ..Question::get("identity", url) };
        question
            .headers
            .insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        question.body = body.to_string().into();
        self.read(self.ask(question).await?)
    }

    /// Getting a token has no effect that matters, so it may be repeated like a read.
    async fn ask(&self, question: Question) -> Result<Answer, Error> {
        self.exchange.ask(question).await
    }

    fn read(&self, answer: Answer) -> Result<Token, Error> {
        if answer.status.is_redirection() {
            return Err(redirected(&answer));
        }
        let nature = crate::fault::nature(&answer.headers, &answer.body);
        if !answer.status.is_success() {
            return Err(self.refused(answer, nature));
        }
        let secret = answer.headers.get(SUBJECT_TOKEN).and_then(|value| value.to_str().ok());
        let Some(secret) = secret else {
            return Err(Error::NotIdentity {
                reason: nature.unwrap_or_else(|| "its answer brings no token".to_owned()),
                call: answer.call,
            });
        };
        Token::parse(SecretString::from(secret), &answer.body).map_err(|error| Error::Answer {
            reason: error.to_string(),
            request_id: answer.request_id(),
            call: answer.call,
        })
    }

    fn refused(&self, answer: Answer, nature: Option<String>) -> Error {
        let status = answer.status;
        let message = crate::fault::message(&answer.headers, &answer.body);
        let request_id = answer.request_id();
        // Of application credentials and identity providers that do not exist, it says 404.
        let may_be_missing = matches!(
            self.config.credentials,
            Credentials::ApplicationCredential { .. } | Credentials::OidcAccessToken { .. }
        );
        let refused = status == StatusCode::UNAUTHORIZED
            || (status == StatusCode::NOT_FOUND && may_be_missing);
        if refused && (nature.is_none() || answer.has_receipt()) {
            return Error::Credentials {
                reason: self.reason(&answer, &message),
                who: self.who_for_what(),
                call: answer.call,
                message,
                request_id,
            };
        }
        let elsewhere = matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED);
        if elsewhere || (nature.is_some() && !status.is_server_error()) {
            let nature = nature.unwrap_or(message);
            return Error::NotIdentity {
                reason: format!("it answers {} with {nature}", status.as_u16()),
                call: answer.call,
            };
        }
        Error::Api(Box::new(ApiError {
            call: answer.call,
            status,
            message,
            request_id,
            retry_after: None,
            conflict_passes: false,
        }))
    }

    fn reason(&self, answer: &Answer, message: &str) -> Refusal {
        let message = message.to_lowercase();
        if answer.has_receipt() {
            return Refusal::Factors;
        }
        if message.contains("password") && message.contains("expired") {
            return Refusal::PasswordExpired;
        }
        // The service hides what is wrong unless it runs in debug mode; a scope, it does mention.
        if message.contains("scope") || message.contains("has no access to") {
            return Refusal::Scope;
        }
        match &self.config.credentials {
            Credentials::Password { .. } => Refusal::Password,
            Credentials::ApplicationCredential { .. } => Refusal::ApplicationCredential,
            Credentials::Token { .. } => Refusal::Token,
            Credentials::OidcAccessToken { .. } => Refusal::AccessToken,
        }
    }

    fn who_for_what(&self) -> String {
        let who = who(&self.config);
        match &self.config.scope {
            _ if matches!(self.config.credentials, Credentials::ApplicationCredential { .. }) => {
                who
            }
            Scope::Unscoped => who,
            scope => format!("{who} for {scope}"),
        }
    }

    fn unsendable(&self, key: &str) -> Error {
        Error::Request {
            service: "identity".to_owned(),
            method: Method::POST,
            path: "/v3/auth/tokens".to_owned(),
            reason: format!(
                "{key} of cloud \"{}\" has characters that no header can carry",
                self.config.name
            ),
        }
    }
}

/// A header value that is not shown in logs.
pub(crate) fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn with_segments(url: &Url, segments: &[&str]) -> Url {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.set_path(&segments.join("/"));
    url
}

fn redirected(answer: &Answer) -> Error {
    Error::Redirected {
        call: Arc::<Call>::clone(&answer.call),
        to: answer.headers.get(http::header::LOCATION).map_or_else(
            || "nowhere".to_owned(),
            |to| String::from_utf8_lossy(to.as_bytes()).into(),
        ),
    }
}
