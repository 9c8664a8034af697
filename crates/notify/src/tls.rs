//! How the other sides prove who they are.

use lotse_core::error::chain;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// The TLS side of HTTP clients: the authorities of the machine, and those in `more` (PEM).
///
/// # Errors
/// What is wrong with `more`, for people.
pub fn client_config(more: Option<&[u8]>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    // Some of what a machine trusts may be unreadable; the rest still counts.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = more {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| error.to_string())?;
            roots.add(certificate).map_err(|error| chain(&error))?;
        }
    }
    let builder = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| chain(&error))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
