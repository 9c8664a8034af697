//! Who is behind a request: sessions, tokens, the link for a laptop, and what protects them.
//!
//! ```text
//! request ─► identify: bearer token │ session cookie │ nobody
//!         ─► forged? (other origin, missing CSRF token)        403
//!         ─► too many?                                         429
//!         ─► may they? (what the route demands)                401, 403
//!         ─► handler
//! ```
//!
//! The gate stands before every route (`guard::enter`); no handler does any of this itself. Nothing
//! is remembered in the process: sessions and tokens are read from the state with each request, so
//! that a sign-out at one instance counts at all of them.

pub(crate) mod cookie;
pub(crate) mod guard;
pub mod limit;
pub(crate) mod session;
pub(crate) mod sign_in;
pub(crate) mod token;

pub use token::identify as identify_token;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use lotse_core::secret::SecretString;
use lotse_core::time::SharedClock;
use lotse_store::Store;
use url::Url;

use crate::access::{Identity, Permission, Role};
use crate::auth::cookie::Cookies;
use crate::auth::limit::Limit;
use crate::config::{AccessConfig, Anonymous};
use crate::error::Error;
use crate::oidc::Provider;
use crate::problem::Problem;

/// Decides who comes in.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) store: Arc<Store>,
    pub(crate) clock: SharedClock,
    pub(crate) config: AccessConfig,
    pub(crate) cookies: Cookies,
    /// The address of browsers, without path.
    pub(crate) public: Url,
    pub(crate) provider: Option<Provider>,
    pub(crate) permissions: Vec<&'static Permission>,
    sign_ins: Limit,
    requests: Limit,
    anonymous: Option<Role>,
}

impl Gate {
    /// The gate of a daemon that listens there.
    pub(crate) fn new(
        store: Arc<Store>,
        clock: SharedClock,
        config: AccessConfig,
        oidc_secret: Option<SecretString>,
        address: SocketAddr,
    ) -> Result<Self, Error> {
        let provider = match &config.oidc {
            Some(oidc) => Some(Provider::new(oidc.clone(), oidc_secret, clock.clone())?),
            None => None,
        };
        let public = match &config.public_url {
            Some(url) => url.clone(),
            None => local_url(address)?,
        };
        // On a laptop everything stays as simple as it was: who reaches loopback may look.
        let alone = address.ip().is_loopback() && provider.is_none();
        let default = if alone { Anonymous::Viewer } else { Anonymous::None };
        Ok(Self {
            anonymous: config.anonymous.unwrap_or(default).role(),
            cookies: Cookies::new(&public),
            sign_ins: Limit::per_minute(config.sign_ins_per_minute),
            requests: Limit::per_minute(config.requests_per_minute),
            permissions: crate::access::OWN.to_vec(),
            provider,
            public,
            store,
            clock,
            config,
        })
    }

    /// Who is behind these headers. A credential that is presented and not good is an error, so that
    /// a script with a revoked token is not taken for a stranger.
    pub(crate) async fn identify(&self, headers: &HeaderMap) -> Result<Identity, Problem> {
        if let Some(authorization) = headers.get(header::AUTHORIZATION) {
            return self.bearer(authorization).await;
        }
        let session = self.session(headers).await?;
        Ok(session.unwrap_or_else(|| Identity::stranger(self.anonymous)))
    }
}

fn local_url(address: SocketAddr) -> Result<Url, Error> {
    // Browsers cannot go to "any address".
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let url = format!("http://{}/", SocketAddr::new(ip, address.port()));
    Url::parse(&url).map_err(|error| Error::ProviderSetup {
        issuer: url,
        reason: format!("our own address is no URL: {error}"),
    })
}
