//! A session on a cloud.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use secrecy::ExposeSecret as _;
use tokio::sync::OnceCell;
use url::Url;

use crate::auth::{Keeper, SignIn, Token};
use crate::config::CloudConfig;
use crate::discovery::{self, ApiVersion};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::exchange::{Exchange, Question, Received, Want};
use crate::metrics::Metrics;
use crate::options::CloudOptions;
use crate::request::RequestBuilder;
use crate::service;

/// Header in which tokens go.
const AUTH_TOKEN: &str = "x-auth-token";

/// A session on a cloud; clones share it.
///
/// Nothing is sent before the first request. The token is got then, kept until shortly before its
/// end, and replaced once when a service refuses it.
#[derive(Clone)]
pub struct Cloud {
    inner: Arc<Inner>,
}

/// What a service says of itself, shared.
type Versions = Arc<[ApiVersion]>;

struct Inner {
    config: Arc<CloudConfig>,
    exchange: Arc<Exchange>,
    keeper: Keeper,
    versions: Mutex<HashMap<String, Arc<OnceCell<Versions>>>>,
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud").field("name", &self.inner.config.name).finish_non_exhaustive()
    }
}

impl Cloud {
    /// A session on the cloud of this configuration. Files it names (certificates, keys) are read
    /// here; nothing is sent yet.
    pub fn connect(config: CloudConfig, options: &CloudOptions) -> Result<Self, Error> {
        let config = Arc::new(config);
        let exchange = Arc::new(Exchange::new(&config, options)?);
        let sign_in = SignIn::new(Arc::clone(&config), Arc::clone(&exchange));
        let keeper = Keeper::new(sign_in, options.clock.clone());
        Ok(Self { inner: Arc::new(Inner { config, exchange, keeper, versions: Mutex::default() }) })
    }

    /// The name of the cloud.
    pub fn name(&self) -> &str {
        &self.inner.config.name
    }

    /// What the session was made from.
    pub fn config(&self) -> &CloudConfig {
        &self.inner.config
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.exchange.metrics
    }

    /// The token, with the catalogue and what else it says; signs in if need be.
    pub async fn token(&self) -> Result<Arc<Token>, Error> {
        self.inner.keeper.token().await
    }

    /// The id of the project that the token is for.
    pub async fn project_id(&self) -> Result<String, Error> {
        let token = self.token().await?;
        token.project.as_ref().map(|project| project.id.clone()).ok_or_else(|| Error::NoProject {
            cloud: self.name().to_owned(),
            scope: token.scope(),
            need: "this".to_owned(),
        })
    }

    /// Where a service is, by the configuration or else by the catalogue.
    pub async fn endpoint(&self, service: &str) -> Result<Endpoint, Error> {
        let config = &self.inner.config;
        let written = config
            .service_setting(service, "endpoint_override")
            .or_else(|| config.service_setting(service, "endpoint"))
            .map(ToOwned::to_owned);
        let written = match written {
            // An address without placeholders needs no token.
            Some(written) if !written.contains("_id)") => written,
            written => {
                let token = self.token().await?;
                match written {
                    Some(written) => filled(&written, &token),
                    None => self.catalogued(service, &token)?,
                }
            }
        };
        let unusable = |reason: String| Error::BadEndpoint {
            cloud: config.name.clone(),
            service: service::official(service).to_owned(),
            url: written.clone(),
            reason,
        };
        let url = Url::parse(&written).map_err(|error| unusable(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(unusable("it begins neither with http:// nor with https://".to_owned()));
        }
        Ok(Endpoint::new(url))
    }

    fn catalogued(&self, service: &str, token: &Token) -> Result<String, Error> {
        match token.catalog.address(&self.inner.config, service, &token.scope()) {
            Ok(address) => Ok(address.to_owned()),
            // Without a scope there is no catalogue, but who is asked about scopes is known.
            Err(Error::NoProject { .. }) if service == "identity" => {
                Ok(self.inner.config.auth_url.to_string())
            }
            Err(error) => Err(error),
        }
    }

    /// The versions of a service, as it describes itself; asked once.
    pub async fn versions(&self, service: &str) -> Result<Arc<[ApiVersion]>, Error> {
        let cell = {
            let mut versions = self.inner.versions.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(versions.entry(service::official(service).to_owned()).or_default())
        };
        cell.get_or_try_init(|| self.discover(service)).await.map(Arc::clone)
    }

    async fn discover(&self, service: &str) -> Result<Versions, Error> {
        let endpoint = self.endpoint(service).await?;
        let mut question = Question::get(service::official(service), endpoint.root());
        let Received::Whole(answer) = self.send(&mut question, Want::Whole).await? else {
            return Ok(Arc::new([]));
        };
        if !answer.status.is_success() && answer.status != http::StatusCode::MULTIPLE_CHOICES {
            return Err(self.refusal(answer, false));
        }
        discovery::parse(&answer.body).map(Arc::from).map_err(|reason| Error::Answer {
            reason,
            request_id: answer.request_id(),
            call: answer.call,
        })
    }

    /// The address of a path at a service.
    pub(crate) async fn address(&self, service: &str, path: &str) -> Result<Url, Error> {
        let endpoint = self.endpoint(service).await?;
        if let Some(url) = endpoint.resolve(path) {
            return Ok(url);
        }
        let versions = self.versions(service).await?;
        let configured = self.inner.config.service_setting(service, "api_version");
        let major = configured.and_then(discovery::Version::parse).map(|version| version.major);
        let best = discovery::best(&versions, major).ok_or_else(|| Error::NoVersion {
            cloud: self.name().to_owned(),
            service: service::official(service).to_owned(),
            wanted: configured.unwrap_or("any").to_owned(),
            known: versions.iter().map(|version| version.id.to_string()).collect(),
        })?;
        Ok(endpoint.under(best.segment.as_deref(), path))
    }

    /// Sends with the token, and once more with a new one if the service refuses it.
    pub(crate) async fn send(
        &self,
        question: &mut Question,
        want: Want,
    ) -> Result<Received, Error> {
        if question.anonymous {
            return self.inner.exchange.run(question, want).await;
        }
        let token = self.token().await?;
        let received = self.send_as(&token, question, want).await?;
        let Received::Whole(answer) = &received else { return Ok(received) };
        if answer.status != http::StatusCode::UNAUTHORIZED || !question.body.repeatable() {
            return Ok(received);
        }
        self.metrics().signed_in_again(self.name());
        let token = self.inner.keeper.replace(&token).await?;
        self.send_as(&token, question, want).await
    }

    async fn send_as(
        &self,
        token: &Token,
        question: &mut Question,
        want: Want,
    ) -> Result<Received, Error> {
        let header = crate::auth::secret_header(token.secret.expose_secret());
        if let Some(header) = header {
            question.headers.insert(AUTH_TOKEN, header);
        }
        self.inner.exchange.run(question, want).await
    }

    pub(crate) fn refusal(&self, answer: crate::exchange::Answer, conflict_passes: bool) -> Error {
        answer.into_refusal(conflict_passes, &self.inner.exchange.clock)
    }

    /// A request to a service, by official type or older name.
    ///
    /// The path may begin with a version (`/v2/images`); without one, the version of the catalogue
    /// or the best the service has is used.
    pub fn request(&self, method: Method, service: &str, path: &str) -> RequestBuilder {
        RequestBuilder::new(self.clone(), method, service, path)
    }

    /// A request that reads.
    pub fn get(&self, service: &str, path: &str) -> RequestBuilder {
        self.request(Method::GET, service, path)
    }

    /// A request that reads the head only.
    pub fn head(&self, service: &str, path: &str) -> RequestBuilder {
        self.request(Method::HEAD, service, path)
    }

    /// A request that creates or acts; not repeated when its effect is uncertain.
    pub fn post(&self, service: &str, path: &str) -> RequestBuilder {
        self.request(Method::POST, service, path)
    }

    /// A request that sets.
    pub fn put(&self, service: &str, path: &str) -> RequestBuilder {
        self.request(Method::PUT, service, path)
    }

    /// A request that changes; not repeated when its effect is uncertain.
    pub fn patch(&self, service: &str, path: &str) -> RequestBuilder {
        self.request(Method::PATCH, service, path)
    }

    /// A request that removes.
    pub fn delete(&self, service: &str, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, service, path)
    }
}

/// `%(project_id)s` and `$(project_id)s` stand for the project.
fn filled(written: &str, token: &Token) -> String {
    let project = token.project.as_ref().map_or("", |project| project.id.as_str());
    let user = token.user.as_ref().map_or("", |user| user.id.as_str());
    let mut filled = written.to_owned();
    for (key, value) in [("project_id", project), ("tenant_id", project), ("user_id", user)] {
        for mark in ['%', '$'] {
            filled = filled.replace(&format!("{mark}({key})s"), value);
        }
    }
    filled
}
