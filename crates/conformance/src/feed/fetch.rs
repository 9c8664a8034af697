//! Reading what was published, over HTTPS.
//!
//! Each of the three publications that cannot be read is a failure in its place; only the ends of
//! support have something that stands in for them ([`built_in_support`]).

use std::time::Duration;

use futures::StreamExt as _;
use lotse_core::error::chain;
use lotse_core::jitter::Jitter;
use lotse_core::retry::Backoff;
use lotse_core::time::Timestamp;
use lotse_openstack::tls::{self, Roots};
use reqwest::{Client, StatusCode, Url};
use serde_json::Value;

use super::file::built_in_support;
use super::{Cve, Cves, Feed, Feeds, Release, Support, Unread, parse};
use crate::error::Error;
use crate::kaas::api::{Body, body};
use crate::model::Reason;
use crate::snapshot::{Answer, Trouble};

/// No publication is larger, in bytes.
const LARGEST: usize = 32 << 20;
const DEADLINE: Duration = Duration::from_secs(30);
/// How many records of CVEs are asked for at once.
const AT_ONCE: usize = 5;

/// Where it is published.
#[derive(Clone, Debug)]
pub struct Publications {
    /// Releases, in the form of GitHub.
    pub releases: Url,
    /// Ends of support, in the form of `endoflife.date`.
    pub support: Url,
    /// The list of CVEs, as a JSON Feed.
    pub cves: Url,
    /// The records of CVEs are at this address and their id.
    pub records: Url,
}

impl Publications {
    /// Those that everybody reads.
    pub fn of_the_world() -> Result<Self, Error> {
        let url = |written: &str| {
            Url::parse(written).map_err(|error| Error::Client {
                cluster: written.to_owned(),
                reason: error.to_string(),
            })
        };
        Ok(Self {
            releases: url(
                "https://api.github.com/repos/kubernetes/kubernetes/releases?per_page=100",
            )?,
            support: url("https://endoflife.date/api/kubernetes.json")?,
            cves: url(
                "https://kubernetes.io/docs/reference/issues-security/official-cve-feed/index.json",
            )?,
            records: url("https://cveawg.mitre.org/api/cve/")?,
        })
    }

    /// The same paths at another address: a mirror, for those who may not call the world. `releases`,
    /// `support`, `cves` and `records/ID` are at it.
    pub fn at(mirror: &Url) -> Result<Self, Error> {
        let mut base = mirror.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let url = |path: &str| {
            base.join(path).map_err(|error| Error::Client {
                cluster: mirror.to_string(),
                reason: error.to_string(),
            })
        };
        Ok(Self {
            releases: url("releases")?,
            support: url("support")?,
            cves: url("cves")?,
            records: url("records/")?,
        })
    }
}

/// Reads all publications.
pub async fn fetch(
    publications: &Publications,
    now: Timestamp,
    backoff: Backoff,
) -> Result<Feeds, Error> {
    let failed = |reason: String| Error::Client { cluster: "publications".to_owned(), reason };
    let tls = tls::client(Roots::Machine, None).map_err(|error| failed(error.to_string()))?;
    // GitHub refuses those who do not say who they are, as all clients of this crate do.
    let http = crate::http::client(tls, DEADLINE)
        .redirect(reqwest::redirect::Policy::limited(3))
        .build()
        .map_err(|error| failed(chain(&error)))?;
    let reader = Reader { http, publications, now, backoff, jitter: Jitter::new(1) };
    let (releases, support, cves) =
        tokio::join!(reader.releases(), reader.support(), reader.cves());
    let support = match support {
        Ok(support) => Answer::Given(support),
        Err(_) => built_in_support(),
    };
    Ok(Feeds { releases: answer(releases), support, cves: answer(cves) })
}

fn answer<T>(found: Result<T, Trouble>) -> Answer<T> {
    match found {
        Ok(found) => Answer::Given(found),
        Err(trouble) => Answer::Failed(trouble),
    }
}

struct Reader<'a> {
    http: Client,
    publications: &'a Publications,
    now: Timestamp,
    backoff: Backoff,
    jitter: Jitter,
}

impl Reader<'_> {
    async fn releases(&self) -> Result<Feed<Vec<Release>>, Trouble> {
        let url = &self.publications.releases;
        let page = self.read(url).await?;
        self.feed(url, parse::releases(&page))
    }

    async fn support(&self) -> Result<Feed<Vec<Support>>, Trouble> {
        let url = &self.publications.support;
        let page = self.read(url).await?;
        // A table without branches would make every cluster an old one.
        self.feed(url, parse::support(&page).filter(|found| !found.is_empty()))
    }

    async fn cves(&self) -> Result<Feed<Cves>, Trouble> {
        let url = &self.publications.cves;
        let page = self.read(url).await?;
        let ids = parse::cves(&page).ok_or_else(|| other(url))?;
        let mut cves = Cves::default();
        let mut records =
            futures::stream::iter(ids.iter().map(|id| self.record(id))).buffered(AT_ONCE);
        while let Some(record) = records.next().await {
            match record {
                Ok(cve) => cves.known.push(cve),
                Err(unread) => cves.unread.push(unread),
            }
        }
        self.feed(url, Some(cves))
    }

    async fn record(&self, id: &str) -> Result<Cve, Unread> {
        let unread = |why: String| Unread { id: id.to_owned(), why };
        let url = self.publications.records.join(id).map_err(|error| unread(error.to_string()))?;
        let record = self.read(&url).await.map_err(|trouble| unread(trouble.message))?;
        Cve::from_record(&record).ok_or_else(|| unread("it is no record of a CVE".to_owned()))
    }

    fn feed<T>(&self, url: &Url, entries: Option<T>) -> Result<Feed<T>, Trouble> {
        let entries = entries.ok_or_else(|| other(url))?;
        Ok(Feed { source: url.to_string(), read_at: self.now, entries })
    }

    async fn read(&self, url: &Url) -> Result<Value, Trouble> {
        let mut tries = 0;
        loop {
            tries += 1;
            let (trouble, again) = match self.read_once(url).await {
                Ok(page) => return Ok(page),
                Err(failed) => failed,
            };
            let pause = self.backoff.pause(tries, self.jitter.next()).filter(|_| again);
            let Some(pause) = pause else { return Err(trouble) };
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads it; of a failure, whether the next attempt may come to something.
    async fn read_once(&self, url: &Url) -> Result<Value, (Trouble, bool)> {
        let lost = |error: &reqwest::Error| {
            let message = format!("{url}: {}", chain(error));
            let reason = Reason::Unreachable;
            (Trouble { reason, message, status: None, request_id: None }, !error.is_builder())
        };
        let response = self.http.get(url.clone()).send().await.map_err(|error| lost(&error))?;
        let status = response.status();
        if !status.is_success() {
            let again = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
            return Err((failed(url, Some(status.as_u16()), &status.to_string()), again));
        }
        let body = body(response, LARGEST).await.map_err(|error| match error {
            Body::Lost(error) => lost(&error),
            Body::TooLarge => (failed(url, None, "it is too large"), false),
        })?;
        serde_json::from_slice(&body)
            .map_err(|error| (failed(url, None, &format!("it is no JSON: {error}")), false))
    }
}

fn failed(url: &Url, status: Option<u16>, why: &str) -> Trouble {
    let message = format!("{url}: {why}");
    Trouble { reason: Reason::ApiFailed, message, status, request_id: None }
}

fn other(url: &Url) -> Trouble {
    failed(url, None, "it has another form than was expected")
}
