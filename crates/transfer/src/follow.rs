//! Following redirects, but not inside.
//!
//! An operator may declare internal addresses. Who publishes on the internet may lead to other public
//! addresses, and neither inside nor from HTTPS to HTTP. So redirects are followed here and not by the
//! HTTP client, which does not know who led.

use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Client, RequestBuilder, Response};
use tokio::time::timeout;
use url::{Host, Url};

use crate::client::Clients;
use crate::error::Error;
use crate::guard::Refused;
use crate::source::shown_url;

/// An address that is called.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) url: Url,
    /// Whether somebody on the public internet led there.
    pub(crate) led: bool,
}

impl Place {
    /// What the operator chose.
    pub(crate) const fn chosen(url: Url) -> Self {
        Self { url, led: false }
    }
}

/// How to follow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way<'a> {
    /// The address for people, in errors.
    pub(crate) shown: &'a str,
    /// Redirects in a row that are followed; the one after is the answer.
    pub(crate) redirects: usize,
    /// How long the first byte of each answer may take.
    pub(crate) stall: Duration,
}

impl Clients {
    /// Asks, and follows redirects; the last answer, and whether somebody on the internet led to it.
    ///
    /// # Errors
    /// [`Error::Request`], [`Error::Stalled`], [`Error::Inward`].
    pub(crate) async fn follow(
        &self,
        mut place: Place,
        way: Way<'_>,
        request: impl Fn(&Client, Url) -> RequestBuilder,
    ) -> Result<(Response, bool), Error> {
        let stalled = |_| Error::Stalled { url: way.shown.to_owned(), limit: way.stall };
        let mut followed = 0;
        loop {
            let client = if place.led { &self.public } else { &self.open };
            let sent = timeout(way.stall, request(client, place.url.clone()).send()).await;
            let response = sent.map_err(stalled)?.map_err(|source| Error::Request {
                url: way.shown.to_owned(),
                source: source.without_url(),
            })?;
            let next = next(&response, &place.url).filter(|_| followed < way.redirects);
            let Some(next) = next else { return Ok((response, place.led)) };
            followed += 1;
            let led = place.led || self.is_public(&response);
            if led {
                self.check(&next, way.shown).await?;
            }
            place = Place { url: next, led };
        }
    }

    /// Whether an answer came from the public internet, and matters.
    fn is_public(&self, response: &Response) -> bool {
        let peer = response.remote_addr();
        let guard = self.guard.as_ref();
        guard.zip(peer).is_some_and(|(guard, peer)| guard.is_public(peer.ip()))
    }

    /// Refuses what is internal. The connection, too, is made to public addresses only.
    async fn check(&self, next: &Url, shown: &str) -> Result<(), Error> {
        let Some(guard) = &self.guard else { return Ok(()) };
        let checked = match next.host() {
            Some(Host::Domain(name)) => match guard.addresses(name).await {
                // The request says in its own words that the name is not known.
                Err(Refused::Unknown { .. } | Refused::NoAddress { .. }) | Ok(_) => Ok(()),
                Err(refused) => Err(refused),
            },
            _ => guard.check_url(next),
        };
        let inward = |source| Error::Inward { url: shown.to_owned(), to: shown_url(next), source };
        checked.map_err(inward)
    }
}

/// Where an answer leads, if it is a redirect that may be followed: none from HTTPS to HTTP.
fn next(response: &Response, from: &Url) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let next = from.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()?;
    let downgrade = from.scheme() == "https" && next.scheme() != "https";
    (matches!(next.scheme(), "http" | "https") && !downgrade).then_some(next)
}
