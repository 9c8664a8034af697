//! The HTTP client that fetches.

use std::sync::Arc;

use lotse_core::error::chain;
use reqwest::Client;
use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::error::Error;
use crate::limits::Limits;

/// How to talk HTTP.
#[derive(Clone, Debug, Default)]
pub struct HttpOptions {
    /// More certificate authorities than those of the machine, as PEM.
    pub authorities: Option<Vec<u8>>,
    /// Spreads the pauses between attempts, so that many who fail at once do not come back at once.
    pub seed: u64,
}

/// A client for files of any size: no total time-out, no decompression, few redirects, none from
/// HTTPS to HTTP.
pub(crate) fn client(options: &HttpOptions, limits: &Limits) -> Result<Client, Error> {
    let most = limits.redirects;
    let builder = Client::builder()
        .tls_backend_preconfigured(tls(options.authorities.as_deref())?)
        .redirect(Policy::custom(move |attempt| {
            let downgrade = attempt.url().scheme() != "https"
                && attempt.previous().last().is_some_and(|from| from.scheme() == "https");
            if downgrade || attempt.previous().len() > most {
                attempt.stop()
            } else {
                attempt.follow()
            }
        }))
        .retry(reqwest::retry::never())
        .connect_timeout(limits.connect)
        .user_agent(concat!("lotse/", env!("CARGO_PKG_VERSION")));
    builder.build().map_err(|error| Error::Client { reason: chain(&error) })
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
