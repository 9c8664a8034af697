//! One question, one answer: sending with retries, limits, deadlines, measurements and logs.
//!
//! This layer knows HTTP but neither tokens nor catalogues; [`crate::Cloud`] stands on it, and so
//! does signing in.

mod attempt;
mod connect;
mod payload;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use lotse_core::jitter::Jitter;
use lotse_core::retry::{Backoff, RetryClass};
use lotse_core::time::SharedClock;
use url::Url;

use crate::config::CloudConfig;
use crate::error::{ApiError, Call, Error};
use crate::limit::Limits;
use crate::metrics::Metrics;
use crate::options::{CloudOptions, Deadlines};

pub(crate) use attempt::{Live, Received, Want};
pub(crate) use payload::{Payload, Source};
pub use payload::{UploadError, UploadStream};

/// Header in which services tell under which id they logged a request.
const REQUEST_ID: &str = "x-openstack-request-id";
/// The same in older services.
const COMPUTE_REQUEST_ID: &str = "x-compute-request-id";
/// Header in which we tell ours.
const GLOBAL_REQUEST_ID: &str = "x-openstack-request-id";
/// Header with which the identity service demands further factors.
const RECEIPT: &str = "openstack-auth-receipt";

/// How long things took.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Timing {
    /// Name, TCP and TLS, when a new connection was made for the request.
    pub connect: Option<Duration>,
    /// From the beginning of the last attempt to the head of the answer.
    pub first_byte: Duration,
    /// From the beginning of the last attempt to the end of the answer.
    pub total: Duration,
    /// How many attempts it took.
    pub attempts: u32,
}

/// What is to be sent.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) service: String,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Payload,
    /// Whether sending it twice is as good as once.
    pub(crate) idempotent: bool,
    /// Whether a conflict is known to pass.
    pub(crate) conflict_passes: bool,
    /// Whether the caller repeats by itself.
    pub(crate) once: bool,
    /// Whether it goes without the token.
    pub(crate) anonymous: bool,
    /// The name of the operation in measurements; made from method and path if not given.
    pub(crate) operation: Option<String>,
    /// How long to wait for the head of the answer, if not as usual.
    pub(crate) deadline: Option<Duration>,
    /// The largest answer that is taken (bytes).
    pub(crate) limit: u64,
    /// The id we send along; made if not given.
    pub(crate) global_request_id: Option<String>,
}

impl Question {
    pub(crate) fn get(service: &str, url: Url) -> Self {
        Self {
            service: service.to_owned(),
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Payload::Empty,
            idempotent: true,
            conflict_passes: false,
            once: false,
            anonymous: false,
            operation: None,
            deadline: None,
            limit: DEFAULT_LIMIT,
            global_request_id: None,
        }
    }
}

/// The largest answer that is taken unless the caller says otherwise (bytes).
pub(crate) const DEFAULT_LIMIT: u64 = 64 * 1024 * 1024;

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) call: Arc<Call>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) timing: Timing,
}

impl Answer {
    pub(crate) fn request_id(&self) -> Option<String> {
        request_id(&self.headers)
    }

    /// Whether the identity service demands further factors.
    pub(crate) fn has_receipt(&self) -> bool {
        self.headers.contains_key(RECEIPT)
    }

    /// The answer as the refusal it is.
    pub(crate) fn into_refusal(self, conflict_passes: bool, clock: &SharedClock) -> Error {
        Error::Api(Box::new(ApiError {
            message: crate::fault::message(&self.headers, &self.body),
            request_id: self.request_id(),
            retry_after: retry_after(&self.headers, clock),
            call: self.call,
            status: self.status,
            conflict_passes,
        }))
    }
}

pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    [REQUEST_ID, COMPUTE_REQUEST_ID]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok().map(ToOwned::to_owned))
}

fn retry_after(headers: &HeaderMap, clock: &SharedClock) -> Option<Duration> {
    let value = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    crate::retry_after::parse(value, clock.now())
}

/// Sends questions to one cloud.
pub(crate) struct Exchange {
    cloud: String,
    client: reqwest::Client,
    deadlines: Deadlines,
    backoff: Backoff,
    longest_wait: Duration,
    limits: Limits,
    pub(crate) metrics: Metrics,
    pub(crate) clock: SharedClock,
    jitter: Jitter,
    global_request_id: Option<String>,
}

impl Exchange {
    pub(crate) fn new(config: &CloudConfig, options: &CloudOptions) -> Result<Self, Error> {
        Ok(Self {
            cloud: config.name.clone(),
            client: connect::client(config, options)?,
            deadlines: options.deadlines,
            backoff: options.backoff,
            longest_wait: options.longest_wait,
            limits: Limits::new(options.limits.clone()),
            metrics: options.metrics.clone(),
            clock: options.clock.clone(),
            jitter: Jitter::new(options.seed),
            global_request_id: options.global_request_id.clone(),
        })
    }

    /// Sends a question and takes the whole answer, whatever its status.
    pub(crate) async fn ask(&self, mut question: Question) -> Result<Answer, Error> {
        match self.run(&mut question, Want::Whole).await? {
            Received::Whole(answer) => Ok(answer),
            Received::Live(live) => live.whole().await,
        }
    }

    /// Sends a question until an attempt counts.
    pub(crate) async fn run(&self, question: &mut Question, want: Want) -> Result<Received, Error> {
        let call = self.call(question);
        let operation = question
            .operation
            .clone()
            .unwrap_or_else(|| crate::operation::template(&question.method, question.url.path()));
        let mut attempt = 1;
        loop {
            let result = self.attempt(question, &call, &operation, attempt, want).await;
            let class = self.class(&result, question);
            let pause = self.pause(class, question, attempt);
            let Some(pause) = pause else { return result };
            tracing::debug!(
                cloud = %self.cloud,
                service = %question.service,
                %operation,
                attempt,
                pause_ms = millis(pause),
                reason = %Reason(&result),
                "trying again"
            );
            self.metrics.retried(&self.cloud, &question.service);
            drop(result);
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    fn call(&self, question: &Question) -> Arc<Call> {
        let global_request_id = question
            .global_request_id
            .clone()
            .or_else(|| self.global_request_id.clone())
            .unwrap_or_else(|| format!("req-{}", uuid::Uuid::new_v4()));
        Arc::new(Call {
            cloud: self.cloud.clone(),
            service: question.service.clone(),
            method: question.method.clone(),
            url: shown(&question.url),
            global_request_id,
        })
    }

    fn class(&self, result: &Result<Received, Error>, question: &Question) -> RetryClass {
        let (status, headers) = match result {
            Err(error) => return error.retry_class(),
            Ok(Received::Live(_)) => return RetryClass::Never,
            Ok(Received::Whole(answer)) => (answer.status, &answer.headers),
        };
        crate::error::class_of(status, retry_after(headers, &self.clock), question.conflict_passes)
    }

    /// How long to wait before the next attempt, if there is to be one.
    fn pause(&self, class: RetryClass, question: &Question, failed: u32) -> Option<Duration> {
        if question.once || !question.body.repeatable() {
            return None;
        }
        let usual = self.backoff.pause(failed, self.jitter.next())?;
        match class {
            RetryClass::Never | RetryClass::Reauthenticate => None,
            RetryClass::NoEffect | RetryClass::Busy => Some(usual),
            RetryClass::Ambiguous => question.idempotent.then_some(usual),
            RetryClass::After(pause) => (pause <= self.longest_wait).then_some(pause),
        }
    }
}

/// The address without user information, which would be secret.
fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}://{host}{port}{}{query}", url.scheme(), url.path())
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Why an attempt does not count, for logs.
struct Reason<'a>(&'a Result<Received, Error>);

impl std::fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Ok(Received::Whole(answer)) => write!(f, "status {}", answer.status.as_u16()),
            Ok(Received::Live(_)) => f.write_str("no reason"),
            Err(error) => f.write_str(&lotse_core::error::chain(error)),
        }
    }
}
