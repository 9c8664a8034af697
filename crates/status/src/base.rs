//! The address of a site, for links in what leaves it: feeds, calendars, documents for programs.

use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use lotse_core::time::Timestamp;

use crate::kept::Present;
use crate::site::Site;

/// What stands for a host that cannot be one.
const NOWHERE: &str = "localhost";
/// No name of a host with its port is longer.
const LONGEST: usize = 262;

/// Where readers reach a site, without a slash at the end.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    url: String,
    /// Whether readers said so, and not the operator.
    by_reader: bool,
}

impl Base {
    /// The declared address, or that of the request.
    pub(crate) fn of(site: &Site, headers: &HeaderMap) -> Self {
        if let Some(url) = &site.options().public_url {
            return Self::declared(&format!(
                "{}{}",
                url.as_str().trim_end_matches('/'),
                site.root()
            ));
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let is_host = |host: &&str| host.len() <= LONGEST && host.parse::<Authority>().is_ok();
        let host = host.filter(is_host).unwrap_or(NOWHERE);
        Self { url: format!("http://{host}{}", site.root()), by_reader: true }
    }

    /// This address, which the operator said.
    pub(crate) fn declared(url: &str) -> Self {
        Self { url: url.to_owned(), by_reader: false }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What an answer with links to this address is called.
    pub(crate) fn present(&self, name: &str, now: Timestamp) -> Present {
        let by_reader = self.by_reader;
        Present { by_reader, ..Present::new(format!("{name} {}", self.url), now) }
    }
}
