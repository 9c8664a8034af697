//! The connection to an identity provider: its certificates, and how long an answer may take.

use std::sync::Arc;
use std::time::Duration;

use crate::config::OidcConfig;
use crate::error::Error;

/// A client for this provider alone.
pub(super) fn client(config: &OidcConfig) -> Result<reqwest::Client, Error> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let setup = |reason: String| Error::ProviderSetup { issuer: config.issuer.clone(), reason };
    let mut roots = rustls::RootCertStore::empty();
    match &config.ca_file {
        None => {
            let (_, _) =
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Some(path) => {
            let unusable = |reason: String| setup(format!("ca_file {}: {reason}", path.display()));
            let certificates = CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| unusable(error.to_string()))?;
            if roots.add_parsable_certificates(certificates).0 == 0 {
                return Err(unusable("it holds no certificate in PEM form".to_owned()));
            }
        }
    }
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .map_err(|error| setup(error.to_string()))?
    .with_root_certificates(roots)
    .with_no_client_auth();
    let timeout = Duration::from_secs(config.timeout_seconds.into());
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .timeout(timeout)
        .connect_timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .user_agent(concat!("lotse/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| setup(lotse_core::error::chain(&error)))
}
