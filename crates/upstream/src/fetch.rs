//! Asking upstream, over HTTP, within bounds.
//!
//! Whoever answers is not trusted: what is read is limited, a server that stalls is left, an answer
//! that was cut off is an error, and a redirect leads neither from HTTPS to HTTP nor from the internet inside. What may pass (no
//! connection, 429, 5xx) is tried again; what was refused is told with the address.

use std::time::Duration;

use futures::StreamExt as _;
use lotse_core::error::chain;
use lotse_core::time::Timestamp;
use lotse_transfer::{Algorithm, Checksum, Hashers, HttpOptions, Publisher};
use reqwest::header::{HeaderMap, LAST_MODIFIED};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use crate::error::Error;
use crate::model::{Answer, FetchError, Request};

/// Bounds of requests.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a connection may take to come about.
    pub connect: Duration,
    /// How long nothing may come.
    pub idle: Duration,
    /// How long the answer to one attempt may take in all; files that are hashed may take longer.
    pub total: Duration,
    /// How large a listing may be, in bytes.
    pub listing_bytes: u64,
    /// How large a file that is hashed may be, in bytes.
    pub file_bytes: u64,
    /// How often a request is sent at most.
    pub attempts: u32,
    /// How long to wait before the second attempt; doubled each time.
    pub pause: Duration,
    /// Requests under way at once.
    pub concurrency: usize,
    /// Whether the proxies that the environment names are used.
    pub system_proxy: bool,
    /// Whether a publisher on the public internet may lead to an internal address.
    pub internal_redirects: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(20),
            total: Duration::from_mins(2),
            listing_bytes: 16 << 20,
            file_bytes: 16 << 30,
            attempts: 3,
            pause: Duration::from_millis(500),
            concurrency: 8,
            system_proxy: true,
            internal_redirects: false,
        }
    }
}

/// Redirects in a row that are followed.
const MOST_REDIRECTS: usize = 10;

/// Asks upstream.
#[derive(Clone, Debug)]
pub struct Client {
    publisher: Publisher,
    limits: Limits,
}

/// What ended one attempt.
enum Trouble {
    /// It may go better next time.
    Passing(String),
    Lasting(FetchError),
}

impl Client {
    /// A client within these bounds.
    ///
    /// # Errors
    /// [`Error::Client`]
    pub fn new(limits: Limits) -> Result<Self, Error> {
        let options = HttpOptions {
            internal_redirects: limits.internal_redirects,
            ignore_proxies: !limits.system_proxy,
            ..HttpOptions::default()
        };
        let bounds = lotse_transfer::Limits {
            connect: limits.connect,
            stall: limits.idle,
            redirects: MOST_REDIRECTS,
            ..lotse_transfer::Limits::default()
        };
        let failed = |error| Error::Client { reason: chain(&error) };
        let publisher = Publisher::new(&options, bounds).map_err(failed)?;
        Ok(Self { publisher, limits })
    }

    /// Requests under way at once.
    pub(crate) const fn concurrency(&self) -> usize {
        self.limits.concurrency
    }

    /// Asks, at the address where it is reached; errors name the upstream's own.
    ///
    /// # Errors
    /// [`FetchError`]
    pub async fn ask(&self, request: &Request, reached: &str) -> Result<Answer, FetchError> {
        let mut pause = self.limits.pause;
        let mut attempt = 1;
        loop {
            match self.once(request, reached).await {
                Ok(answer) => return Ok(answer),
                Err(Trouble::Lasting(error)) => return Err(error),
                Err(Trouble::Passing(why)) => {
                    if attempt >= self.limits.attempts {
                        let times = if attempt == 1 { "attempt" } else { "attempts" };
                        let why = format!("{why} ({attempt} {times})");
                        return Err(FetchError::Failed { url: request.url().to_owned(), why });
                    }
                    tracing::debug!(url = reached, attempt, why, "asking upstream again");
                }
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            attempt += 1;
        }
    }

    async fn once(&self, request: &Request, reached: &str) -> Result<Answer, Trouble> {
        let method = if matches!(request, Request::File(_)) { Method::HEAD } else { Method::GET };
        let url = Url::parse(reached).map_err(|error| lasting(request, error.to_string()))?;
        let sent = self.publisher.ask(&method, url);
        let response = match tokio::time::timeout(self.limits.total, sent).await {
            Ok(sent) => sent.map_err(|error| refused(request, error))?,
            Err(_) => return Err(late()),
        };
        Self::check(request, &response)?;
        match request {
            Request::File(_) => Ok(Answer::File(last_modified(response.headers()))),
            Request::Text(_) => {
                let read = self.text(request, response);
                let text = tokio::time::timeout(self.limits.total, read).await;
                let late = |_| Trouble::Passing("the answer did not end in time".to_owned());
                Ok(Answer::Text(text.map_err(late)??))
            }
            Request::Hash(_, algorithm) => {
                Ok(Answer::Hash(self.hash(request, response, *algorithm).await?))
            }
        }
    }

    fn check(request: &Request, response: &Response) -> Result<(), Trouble> {
        let status = response.status();
        let said = format!("upstream answers {status}");
        match status {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                let url = request.url().to_owned();
                Err(Trouble::Lasting(FetchError::NotFound { url, status: status.as_u16() }))
            }
            // The server does not tell about files; whoever downloads this one will see.
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED
                if matches!(request, Request::File(_)) =>
            {
                Ok(())
            }
            StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS if is_rationed(response) => {
                let why = format!("{said}: the requests it grants are used up; try again later");
                Err(lasting(request, why))
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(Trouble::Passing(said))
            }
            _ => Err(lasting(request, said)),
        }
    }

    async fn text(&self, request: &Request, response: Response) -> Result<String, Trouble> {
        let mut bytes = Vec::new();
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(cut_off)?;
            if (bytes.len() + chunk.len()) as u64 > self.limits.listing_bytes {
                let most = self.limits.listing_bytes;
                return Err(lasting(request, format!("the answer has more than {most} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn hash(
        &self,
        request: &Request,
        response: Response,
        algorithm: Algorithm,
    ) -> Result<Checksum, Trouble> {
        let mut hashers = Hashers::new([algorithm]);
        let mut read = 0;
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(cut_off)?;
            read += chunk.len() as u64;
            if read > self.limits.file_bytes {
                let most = self.limits.file_bytes;
                return Err(lasting(request, format!("the file has more than {most} bytes")));
            }
            hashers.update(&chunk);
        }
        let computed = hashers.finish().get(algorithm).cloned();
        computed.ok_or_else(|| lasting(request, "no checksum was computed"))
    }
}

fn lasting(request: &Request, why: impl Into<String>) -> Trouble {
    Trouble::Lasting(FetchError::Failed { url: request.url().to_owned(), why: why.into() })
}

fn refused(request: &Request, error: lotse_transfer::Error) -> Trouble {
    use lotse_transfer::Error::{Inward, Request as Failed, Stalled, Status};
    match error {
        Failed { source, .. } => Trouble::Passing(chain(&source)),
        Stalled { .. } => late(),
        Inward { to, source, .. } => {
            lasting(request, format!("it redirects to {to}, which is not followed: {source}"))
        }
        Status { status, location: Some(to), .. } => {
            let why = format!("upstream answers {status}, a redirect to {to} that is not followed");
            lasting(request, why)
        }
        other => lasting(request, chain(&other)),
    }
}

fn late() -> Trouble {
    Trouble::Passing("no answer in time".to_owned())
}

fn cut_off(error: reqwest::Error) -> Trouble {
    let late = error.is_timeout();
    let why = chain(&error.without_url());
    Trouble::Passing(if late {
        "upstream stopped sending in the middle of the answer".to_owned()
    } else {
        format!("the answer was cut off: {why}")
    })
}

/// Whether an API says that its requests are counted and used up.
fn is_rationed(response: &Response) -> bool {
    let left = response.headers().get("x-ratelimit-remaining");
    left.is_some_and(|left| left.as_bytes() == b"0")
}

fn last_modified(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(LAST_MODIFIED)?.to_str().ok()?;
    Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()
}
