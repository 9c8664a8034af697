//! The API of a cluster: few lists, page by page, and what goes wrong with them.
//!
//! The protocol is that of the Kubernetes API concepts: lists come in pages (`limit`, `continue`), a
//! page that is asked for too late answers 410 and the list begins anew, failures are objects of kind
//! `Status`.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lotse_core::error::chain;
use lotse_core::jitter::Jitter;
use lotse_core::retry::Backoff;
use lotse_openstack::tls;
use reqwest::{Client, Method, Response, StatusCode, Url, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::access::Access;
use crate::error::Error;
use crate::model::Reason;
use crate::snapshot::{Item, Trouble};

/// How many objects a page of a list has.
const PAGE: &str = "250";
/// A list of more pages than this is one that never ends.
const MOST_PAGES: usize = 2000;
/// No page is larger, in bytes.
const LARGEST: usize = 64 << 20;
/// No answer takes longer.
const DEADLINE: Duration = Duration::from_mins(1);
/// No longer pause is made because a server wishes it.
const MOST_PATIENCE: u64 = 10;

/// The API of one cluster.
pub struct Api {
    name: String,
    server: Url,
    http: Client,
    token: Option<SecretString>,
    backoff: Backoff,
    jitter: Jitter,
    requests: AtomicU32,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How patient requests are: the API server sheds load with 429 and comes back soon.
pub const PATIENCE: Backoff =
    Backoff { first: Duration::from_millis(200), most: Duration::from_secs(5), attempts: 4 };

impl Api {
    /// The API to which this way leads; `seed` spreads pauses.
    pub fn new(access: Access, backoff: Backoff, seed: u64) -> Result<Self, Error> {
        let failed = |reason: String| Error::Client { cluster: access.name.clone(), reason };
        let tls = tls::client(access.roots, access.identity)
            .map_err(|error| failed(format!("its certificate: {error}")))?;
        let http = crate::http::client(tls, DEADLINE)
            .no_proxy()
            .build()
            .map_err(|error| failed(chain(&error)))?;
        Ok(Self {
            name: access.name,
            server: access.server,
            http,
            token: access.token,
            backoff,
            jitter: Jitter::new(seed),
            requests: AtomicU32::new(0),
        })
    }

    /// What we call the cluster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The host on which the API answers, and its port.
    pub fn host(&self) -> Option<(&str, u16)> {
        Some((self.server.host_str()?, self.server.port_or_known_default()?))
    }

    /// How many requests were sent.
    pub fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Asks for an object. The path has no `/` before it.
    pub async fn get(&self, path: &str) -> Result<Value, Trouble> {
        self.ask(&Question::get(path)).await.map_err(|failed| failed.trouble)
    }

    /// Makes an object.
    pub(super) async fn create(&self, path: &str, body: &Value) -> Result<Value, Trouble> {
        let question = Question { method: Method::POST, body: Some(body), ..Question::get(path) };
        self.ask(&question).await.map_err(|failed| failed.trouble)
    }

    /// Deletes an object; one that is not there any more is deleted.
    pub(super) async fn delete(&self, path: &str) -> Result<(), Trouble> {
        let question = Question { method: Method::DELETE, ..Question::get(path) };
        match self.ask(&question).await {
            Err(failed) if failed.status == Some(StatusCode::NOT_FOUND) => Ok(()),
            Err(failed) => Err(failed.trouble),
            Ok(_) => Ok(()),
        }
    }

    /// All objects of a list, cut down; what is no object is left out.
    pub async fn list(
        &self,
        path: &str,
        selector: Option<&str>,
        keep: impl Fn(&Value) -> Option<Item>,
    ) -> Result<Vec<Item>, Trouble> {
        let mut all = Vec::new();
        let mut next: Option<String> = None;
        let mut begun_anew = false;
        for _ in 0..MOST_PAGES {
            let mut question = Question::get(path);
            question.query.push(("limit", PAGE));
            question.query.extend(selector.map(|selector| ("labelSelector", selector)));
            question.query.extend(next.as_deref().map(|next| ("continue", next)));
            let page = match self.ask(&question).await {
                // The rest of the list was forgotten meanwhile.
                Err(failed) if failed.status == Some(StatusCode::GONE) && next.is_some() => {
                    if begun_anew {
                        return Err(failed.trouble);
                    }
                    begun_anew = true;
                    all.clear();
                    next = None;
                    continue;
                }
                page => page.map_err(|failed| failed.trouble)?,
            };
            let wrong = |message: &str| failed(path, message);
            // An empty list is null to a server written in Go.
            match page.get("items") {
                Some(Value::Array(items)) => all.extend(items.iter().filter_map(&keep)),
                Some(Value::Null) => {}
                _ => return Err(wrong("the answer is no list")),
            }
            let token = page.pointer("/metadata/continue").and_then(Value::as_str);
            match token.filter(|token| !token.is_empty()) {
                None => return Ok(all),
                Some(token) if next.as_deref() == Some(token) => {
                    return Err(wrong("the list does not go on: the same page comes again"));
                }
                Some(token) => next = Some(token.to_owned()),
            }
        }
        Err(failed(path, &format!("the list has more than {MOST_PAGES} pages")))
    }

    /// Sends it, and again where that may help.
    async fn ask(&self, question: &Question<'_>) -> Result<Value, Failed> {
        let mut tries = 0;
        loop {
            tries += 1;
            let failed = match self.ask_once(question).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let idempotent = question.method != Method::POST;
            let again = match failed.status {
                Some(StatusCode::TOO_MANY_REQUESTS) => true,
                Some(
                    StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT,
                ) => idempotent,
                Some(_) => false,
                None => idempotent && failed.transient,
            };
            let pause = self.backoff.pause(tries, self.jitter.next()).filter(|_| again);
            let Some(pause) = pause else { return Err(failed) };
            tokio::time::sleep(failed.after.map_or(pause, |after| pause.max(after))).await;
        }
    }

    async fn ask_once(&self, question: &Question<'_>) -> Result<Value, Failed> {
        let path = question.path;
        let lost = |error: &reqwest::Error| Failed {
            trouble: Trouble {
                reason: Reason::Unreachable,
                message: format!("{path}: {}", chain(error)),
                status: None,
                request_id: None,
            },
            status: None,
            transient: !error.is_builder(),
            after: None,
        };
        let url =
            self.server.join(path).map_err(|error| Failed::wrong(path, &error.to_string()))?;
        let mut request = self
            .http
            .request(question.method.clone(), url)
            .header(header::ACCEPT, "application/json")
            .query(&question.query);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = question.body {
            request = request.json(body);
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        let response = request.send().await.map_err(|error| lost(&error))?;
        let status = response.status();
        let request_id = text_of(&response, "audit-id");
        let after = text_of(&response, "retry-after")
            .and_then(|seconds| seconds.parse::<u64>().ok())
            .map(|seconds| Duration::from_secs(seconds.min(MOST_PATIENCE)));
        let body = body(response, LARGEST).await.map_err(|error| match error {
            Body::Lost(error) => lost(&error),
            Body::TooLarge => Failed::wrong(path, &format!("more than {LARGEST} bytes")),
        })?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|error| Failed::wrong(path, &format!("the answer is no JSON: {error}")));
        }
        let message = match said(&body) {
            Some(said) => format!("{path}: {status}: {said}"),
            None => format!("{path}: {status}"),
        };
        let reason = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Reason::Forbidden,
            StatusCode::NOT_FOUND => Reason::NoService,
            _ => Reason::ApiFailed,
        };
        let trouble = Trouble { reason, message, status: Some(status.as_u16()), request_id };
        Err(Failed { trouble, status: Some(status), transient: false, after })
    }
}

/// One request.
struct Question<'a> {
    method: Method,
    path: &'a str,
    query: Vec<(&'static str, &'a str)>,
    body: Option<&'a Value>,
}

impl<'a> Question<'a> {
    const fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, query: Vec::new(), body: None }
    }
}

/// A request that came to nothing.
struct Failed {
    trouble: Trouble,
    status: Option<StatusCode>,
    /// Whether the next one may come to something.
    transient: bool,
    /// When the server wants to be asked again.
    after: Option<Duration>,
}

impl Failed {
    fn wrong(path: &str, why: &str) -> Self {
        let trouble = failed(path, why);
        Self { trouble, status: None, transient: false, after: None }
    }
}

fn failed(path: &str, why: &str) -> Trouble {
    let message = format!("{path}: {why}");
    Trouble { reason: Reason::ApiFailed, message, status: None, request_id: None }
}

/// Why a body could not be read.
pub(crate) enum Body {
    /// The connection ended.
    Lost(reqwest::Error),
    /// There is more than is read.
    TooLarge,
}

/// The body of an answer, if it has at most so many bytes.
pub(crate) async fn body(mut response: Response, largest: usize) -> Result<Vec<u8>, Body> {
    let mut all = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Body::Lost)? {
        if all.len() + chunk.len() > largest {
            return Err(Body::TooLarge);
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}

fn text_of(response: &Response, name: &str) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    Some(value.chars().take(100).collect())
}

/// What a failure says of itself, cut to what people read.
fn said(body: &[u8]) -> Option<String> {
    let status: Value = serde_json::from_slice(body).ok()?;
    let message = status.get("message")?.as_str()?;
    let plain: String = message.chars().filter(|letter| !letter.is_control()).take(300).collect();
    (!plain.is_empty()).then_some(plain)
}
