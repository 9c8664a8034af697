//! The HTTP clients of this crate: whom they trust and how long they wait differ, the rest does not.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};
use rustls::ClientConfig;

const CONNECT: Duration = Duration::from_secs(10);

/// A client that trusts whom `tls` says and waits `deadline` for a whole answer; it follows no
/// redirects and tries nothing again by itself.
pub(crate) fn client(tls: ClientConfig, deadline: Duration) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT)
        .timeout(deadline)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .user_agent(concat!("lotse/", env!("CARGO_PKG_VERSION")))
}
