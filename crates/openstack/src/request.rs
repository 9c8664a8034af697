//! A request in the making.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Serialize;

use crate::cloud::Cloud;
use crate::discovery::Version;
use crate::error::Error;
use crate::exchange::{DEFAULT_LIMIT, Payload, Question, Received, UploadStream, Want};
use crate::response::{Response, StreamedResponse};
use crate::service;

/// A request in the making; [`send`](Self::send) or [`stream`](Self::stream) ends it.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    pub(crate) cloud: Cloud,
    pub(crate) service: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Payload,
    idempotent: bool,
    conflict_passes: bool,
    once: bool,
    at_origin: bool,
    microversion: Option<Microversion>,
    operation: Option<String>,
    accepted: Vec<StatusCode>,
    deadline: Option<Duration>,
    limit: u64,
    global_request_id: Option<String>,
    /// What the caller did wrong first.
    wrong: Option<String>,
}

#[derive(Clone, Copy, Debug)]
struct Microversion {
    least: Version,
    most: Version,
}

impl RequestBuilder {
    pub(crate) fn new(cloud: Cloud, method: Method, service: &str, path: &str) -> Self {
        Self {
            idempotent: !matches!(method, Method::POST | Method::PATCH),
            cloud,
            service: service.to_owned(),
            method,
            path: path.to_owned(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Payload::Empty,
            conflict_passes: false,
            once: false,
            at_origin: false,
            microversion: None,
            operation: None,
            accepted: Vec::new(),
            deadline: None,
            limit: DEFAULT_LIMIT,
            global_request_id: None,
            wrong: None,
        }
    }

    /// Adds a parameter to the query.
    pub fn query(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.query.push((name.to_owned(), format!("{value}")));
        self
    }

    /// Sets a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            _ => self.fault(format!("the header {name} has characters that headers cannot carry")),
        }
        self
    }

    /// Sends this as JSON, with the usual content type unless a header set another one.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => {
                self.body = Payload::Bytes(bytes.into());
                self.headers
                    .entry(http::header::CONTENT_TYPE)
                    .or_insert(HeaderValue::from_static("application/json"));
            }
            Err(error) => self.fault(format!("its body cannot be written as JSON: {error}")),
        }
        self
    }

    /// Sends these bytes.
    pub fn body(mut self, bytes: impl Into<Bytes>) -> Self {
        self.body = Payload::Bytes(bytes.into());
        self
    }

    /// Sends a stream that exists once, of this length in bytes if it is known. Such a request is
    /// attempted once.
    pub fn stream_body(mut self, length: Option<u64>, stream: UploadStream) -> Self {
        let source = crate::exchange::Source::Once(Mutex::new(Some(stream)));
        self.body = Payload::Stream { length, source };
        self
    }

    /// Sends a stream that can be begun anew, of this length in bytes if it is known.
    pub fn repeatable_stream_body(
        mut self,
        length: Option<u64>,
        begin: impl Fn() -> UploadStream + Send + Sync + 'static,
    ) -> Self {
        let source = crate::exchange::Source::Again(Box::new(begin));
        self.body = Payload::Stream { length, source };
        self
    }

    /// Says whether sending it twice is as good as once; if not said, only POST and PATCH are not.
    pub const fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = idempotent;
        self
    }

    /// Says that a conflict (409) here passes by itself, so that it is worth trying again.
    pub const fn conflict_passes(mut self) -> Self {
        self.conflict_passes = true;
        self
    }

    /// Attempts it once (a refused token is still replaced); for callers that repeat by themselves.
    pub const fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// Sends it without the token, and to this path from the root of the service's host: for APIs
    /// that live beside the one of the catalogue and have credentials of their own, such as S3.
    pub const fn at_origin(mut self) -> Self {
        self.at_origin = true;
        self
    }

    /// Demands this microversion (for example `2.79`).
    pub fn microversion(self, version: &str) -> Self {
        self.microversion_within(version, version)
    }

    /// Demands a microversion: the newest the service has from `least` to `most`.
    pub fn microversion_within(mut self, least: &str, most: &str) -> Self {
        match (Version::parse(least), Version::parse(most)) {
            (Some(least), Some(most)) => self.microversion = Some(Microversion { least, most }),
            _ => self.fault(format!("\"{least}\" or \"{most}\" is not a microversion")),
        }
        self
    }

    /// Names the operation in measurements; if not named, it is made from method and path.
    pub fn operation(mut self, name: &str) -> Self {
        self.operation = Some(name.to_owned());
        self
    }

    /// Takes an answer with this status as good.
    pub fn accept(mut self, status: StatusCode) -> Self {
        self.accepted.push(status);
        self
    }

    /// Waits this long for the head of the answer, instead of as long as usual.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Takes an answer of at most this many bytes, instead of 64 MiB. Streams are not limited.
    pub const fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Sends this id (`req-` and a UUID) along, so that the request can be found in all logs.
    pub fn global_request_id(mut self, id: &str) -> Self {
        self.global_request_id = Some(id.to_owned());
        self
    }

    /// Sends it and takes the whole answer.
    pub async fn send(self) -> Result<Response, Error> {
        let (cloud, mut question, accepted) = self.question().await?;
        match cloud.send(&mut question, Want::Whole).await? {
            Received::Whole(answer)
                if answer.status.is_success() || accepted.contains(&answer.status) =>
            {
                Ok(Response::new(answer))
            }
            Received::Whole(answer) => Err(cloud.refusal(answer, question.conflict_passes)),
            Received::Live(live) => Ok(Response::new(live.whole().await?)),
        }
    }

    /// Sends it and takes the answer piece by piece.
    pub async fn stream(self) -> Result<StreamedResponse, Error> {
        let (cloud, mut question, _) = self.question().await?;
        match cloud.send(&mut question, Want::Live).await? {
            Received::Live(live) => Ok(StreamedResponse::new(live)),
            Received::Whole(answer) => Err(cloud.refusal(answer, question.conflict_passes)),
        }
    }

    async fn question(self) -> Result<(Cloud, Question, Vec<StatusCode>), Error> {
        if let Some(reason) = self.wrong {
            return Err(Error::Request {
                service: self.service,
                method: self.method,
                path: self.path,
                reason,
            });
        }
        let mut url = if self.at_origin {
            self.cloud.endpoint(&self.service).await?.at_origin(&self.path)
        } else {
            self.cloud.address(&self.service, &self.path).await?
        };
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let mut headers = self.headers;
        headers.entry(http::header::ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        if let Some(wanted) = self.microversion {
            let version = self.cloud.negotiate(&self.service, wanted.least, wanted.most).await?;
            let name = service::microversion_name(&self.service);
            if let Ok(value) = HeaderValue::try_from(format!("{name} {version}")) {
                headers.insert("openstack-api-version", value);
            }
        }
        // The path as the caller wrote it: where a service happens to live is not its operation.
        let operation =
            self.operation.or_else(|| Some(crate::operation::template(&self.method, &self.path)));
        let question = Question {
            service: service::official(&self.service).to_owned(),
            method: self.method,
            url,
            headers,
            body: self.body,
            idempotent: self.idempotent,
            conflict_passes: self.conflict_passes,
            once: self.once,
            anonymous: self.at_origin,
            operation,
            deadline: self.deadline,
            limit: self.limit,
            global_request_id: self.global_request_id,
        };
        Ok((self.cloud, question, self.accepted))
    }

    fn fault(&mut self, reason: String) {
        self.wrong.get_or_insert(reason);
    }
}
