//! The HTTP client that fetches.

use std::sync::Arc;

use lotse_core::error::chain;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::error::Error;
use crate::guard::{Classify, Guard, Reach, class};
use crate::limits::Limits;

/// How to talk HTTP.
#[derive(Clone, Debug, Default)]
pub struct HttpOptions {
    /// More certificate authorities than those of the machine, as PEM.
    pub authorities: Option<Vec<u8>>,
    /// Whether a publisher on the public internet may lead a download to an internal address.
    pub internal_redirects: bool,
    /// Another opinion on which addresses are internal, for tests on loopback.
    pub classify: Option<Classify>,
    /// Whether the proxies that the environment names are left aside.
    pub ignore_proxies: bool,
    /// Spreads the pauses between attempts, so that many who fail at once do not come back at once.
    pub seed: u64,
}

/// A client for files of any size: no total time-out, no decompression, few redirects, none from
/// HTTPS to HTTP.
pub fn client(options: &HttpOptions, limits: &Limits) -> Result<Client, Error> {
    let most = limits.redirects;
    let builder = builder(options, limits)?.redirect(Policy::custom(move |attempt| {
        let downgrade = attempt.url().scheme() != "https"
            && attempt.previous().last().is_some_and(|from| from.scheme() == "https");
        if downgrade || attempt.previous().len() > most { attempt.stop() } else { attempt.follow() }
    }));
    built(builder)
}

fn builder(options: &HttpOptions, limits: &Limits) -> Result<ClientBuilder, Error> {
    let builder =
        if options.ignore_proxies { Client::builder().no_proxy() } else { Client::builder() };
    Ok(builder
        .tls_backend_preconfigured(tls(options.authorities.as_deref())?)
        .retry(reqwest::retry::never())
        .connect_timeout(limits.connect)
        .user_agent(concat!("lotse/", env!("CARGO_PKG_VERSION"))))
}

fn built(builder: ClientBuilder) -> Result<Client, Error> {
    builder.build().map_err(|error| Error::Client { reason: chain(&error) })
}

/// Clients of those who follow redirects themselves.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    /// Calls what the operator chose.
    pub(crate) open: Client,
    /// Calls public addresses only: those to which strangers lead.
    pub(crate) public: Client,
    /// Says which those are; none where strangers may lead anywhere.
    pub(crate) guard: Option<Guard>,
}

impl Clients {
    pub(crate) fn new(options: &HttpOptions, limits: &Limits) -> Result<Self, Error> {
        Self::with(options, limits, |builder| builder)
    }

    /// The same, with what else shall hold for their requests.
    pub(crate) fn with(
        options: &HttpOptions,
        limits: &Limits,
        more: impl Fn(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, Error> {
        let guard = Guard::new(Reach::Public).classifying(options.classify.unwrap_or(class));
        let client = || Ok::<_, Error>(more(builder(options, limits)?.redirect(Policy::none())));
        Ok(Self {
            open: built(client()?)?,
            public: built(client()?.dns_resolver(guard.clone()))?,
            guard: (!options.internal_redirects).then_some(guard),
        })
    }
}

fn tls(more: Option<&[u8]>) -> Result<ClientConfig, Error> {
    let failed = |reason: String| Error::Client { reason };
    let mut roots = RootCertStore::empty();
    // Some of what a machine trusts may be unreadable; the rest still counts.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = more {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| failed(error.to_string()))?;
            roots.add(certificate).map_err(|error| failed(chain(&error)))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(chain(&error)))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
