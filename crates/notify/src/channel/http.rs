//! One HTTP request to somebody who is not trusted: bounded in time and size, without redirects and
//! proxies, with an address that the guard has checked.

use std::time::Duration;

use httpdate::parse_http_date;
use lotse_core::error::chain;
use lotse_core::time::Timestamp;
use reqwest::{Client, Request, Response, StatusCode, header};
use rustls::ClientConfig;
use url::Url;

use super::Trouble;
use crate::guard::{Guard, Refused};
use crate::text::clean;

/// How long the whole exchange may take.
const DEADLINE: Duration = Duration::from_secs(15);
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// How much of an answer is read, in bytes.
const MOST_READ: usize = 4096;
/// How much of it is kept, in characters.
const MOST_KEPT: usize = 200;

/// Sends requests.
#[derive(Clone, Debug)]
pub struct Sender {
    client: Client,
    guard: Guard,
}

impl Sender {
    /// A sender whose requests go where the guard lets them.
    ///
    /// # Errors
    /// What the TLS side cannot be made of.
    pub fn new(guard: Guard, tls: ClientConfig) -> Result<Self, String> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(guard.clone())
            .timeout(DEADLINE)
            .connect_timeout(CONNECT)
            // A connection that is kept would outlive the check of its address.
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .user_agent(concat!("lotse/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| chain(&error))?;
        Ok(Self { client, guard })
    }

    /// The client to build requests with.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Sends the request. Returns the status as text when it was taken (2xx).
    ///
    /// # Errors
    /// [`Trouble`]; the address of the request is in none of it.
    pub async fn send(&self, request: Request, now: Timestamp) -> Result<String, Trouble> {
        self.guard.check_url(request.url()).map_err(|source| Trouble::Address { source })?;
        let peer = peer(request.url());
        let response = match self.client.execute(request).await {
            Ok(response) => response,
            Err(error) => return Err(broken(peer, error)),
        };
        let status = response.status();
        let after = pause_wished(&response, now);
        if status.is_success() {
            return Ok(status.to_string());
        }
        let excerpt = excerpt(response).await;
        let answer =
            if excerpt.is_empty() { status.to_string() } else { format!("{status}: {excerpt}") };
        Err(match status {
            StatusCode::GONE => Trouble::Gone { peer, answer },
            // About this message and not about the moment.
            StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY => Trouble::Refused { peer, answer },
            _ => Trouble::NotNow { peer, answer, after },
        })
    }
}

/// Whom a request goes to, for people. Paths and queries of webhooks are secrets.
pub fn peer(url: &Url) -> String {
    let host = url.host_str().unwrap_or("nowhere");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// What a failed exchange was, without the address.
fn broken(peer: String, error: reqwest::Error) -> Trouble {
    let error = error.without_url();
    if error.is_timeout() {
        return Trouble::Late { peer, seconds: DEADLINE.as_secs() };
    }
    if let Some(class) = refused(&error) {
        return Trouble::Address { source: class };
    }
    Trouble::Unreachable { peer, source: Box::new(error) }
}

/// What the guard said, if it was the guard who ended the exchange.
fn refused(error: &reqwest::Error) -> Option<Refused> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(Refused::Internal { host, address, class }) = error.downcast_ref() {
            return Some(Refused::Internal {
                host: host.clone(),
                address: *address,
                class: *class,
            });
        }
        cause = error.source();
    }
    None
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds or a date.
fn pause_wished(response: &Response, now: Timestamp) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = parse_http_date(value).ok()?;
    let date = Timestamp::try_from(date).ok()?;
    Duration::try_from(date.duration_since(now)).ok()
}

/// The beginning of what the other side said.
async fn excerpt(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < MOST_READ
        && let Ok(Some(chunk)) = response.chunk().await
    {
        let room = MOST_READ - bytes.len();
        bytes.extend(chunk.iter().take(room));
    }
    clean(&String::from_utf8_lossy(&bytes), MOST_KEPT)
}
