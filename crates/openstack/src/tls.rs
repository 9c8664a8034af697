//! How servers prove who they are.
//!
//! The authorities of the machine are read at the first handshake, not before: reading them takes
//! longer than everything else about a client, and a cloud without TLS never needs them.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::config::CloudConfig;
use crate::error::Error;

/// The TLS side of the client of a cloud.
pub(crate) fn client_config(config: &CloudConfig) -> Result<ClientConfig, Error> {
    let setup = Setup { config };
    let roots = match &config.tls.cacert {
        _ if !config.tls.verify => Roots::Nobody,
        Some(path) => Roots::These(setup.certificates("cacert", path)?),
        None => Roots::Machine,
    };
    let failed = |error: rustls::Error| Error::Setup {
        cloud: config.name.clone(),
        reason: error.to_string(),
    };
    let Some(cert) = &config.tls.cert else { return client(roots, None).map_err(failed) };
    let chain = setup.certificates("cert", cert)?;
    let key_path = config.tls.key.as_ref().unwrap_or(cert);
    let key = PrivateKeyDer::from_pem_file(key_path)
        .map_err(|error| setup.unusable("key", key_path, error.to_string()))?;
    client(roots, Some((chain, key)))
        .map_err(|error| setup.unusable("key", key_path, error.to_string()))
}

/// The TLS side of a client that believes these authorities and shows this certificate, chain and key.
///
/// # Errors
/// A key that does not belong to the certificate, or is of a kind that nobody knows.
pub fn client(
    roots: Roots,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier { roots, provider: Arc::clone(&provider), inner: OnceLock::new() };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    match identity {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key),
        None => Ok(builder.with_no_client_auth()),
    }
}

struct Setup<'a> {
    config: &'a CloudConfig,
}

impl Setup<'_> {
    fn unusable(&self, key: &str, path: &Path, reason: String) -> Error {
        Error::TlsSetup {
            cloud: self.config.name.clone(),
            what: format!("{key} {}", path.display()),
            reason,
        }
    }

    fn certificates(&self, key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
        let found: Vec<_> = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| self.unusable(key, path, error.to_string()))?;
        if found.is_empty() {
            return Err(self.unusable(key, path, "it holds no certificate in PEM form".to_owned()));
        }
        Ok(found)
    }
}

/// Whose word counts.
#[derive(Clone, Debug)]
pub enum Roots {
    /// That of the authorities of the machine.
    Machine,
    /// That of these.
    These(Vec<CertificateDer<'static>>),
    /// Nobody's: certificates are not checked, as the configuration demands.
    Nobody,
}

/// Whether the certificate of a server was refused for being an authority's.
pub(crate) fn is_authority(error: &rustls::Error) -> bool {
    // rustls has no variant of its own for it and hands on webpki's error.
    matches!(
        error,
        rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other))
            if other.to_string().contains("CaUsedAsEndEntity")
    )
}

struct Verifier {
    roots: Roots,
    provider: Arc<CryptoProvider>,
    inner: OnceLock<Result<Arc<WebPkiServerVerifier>, rustls::Error>>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

impl Verifier {
    fn load(&self) -> Result<Arc<WebPkiServerVerifier>, rustls::Error> {
        let certificates = match &self.roots {
            Roots::These(certificates) => certificates.clone(),
            Roots::Machine | Roots::Nobody => rustls_native_certs::load_native_certs().certs,
        };
        let mut roots = RootCertStore::empty();
        // Some of what a machine trusts may be unreadable; the rest still counts.
        roots.add_parsable_certificates(certificates);
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))
    }

    /// Whether this is a certificate that the configuration trusts by itself, for this name.
    ///
    /// `openssl req -x509` makes certificates that are their own authority, and many a cloud serves
    /// one. The rules of the web (RFC 5280, webpki) forbid an authority to be a server; OpenSSL, and
    /// with it the Python client, accepts the very certificate that `cacert` holds, and so do we.
    /// Only called when everything else about it, its time included, was found in order.
    fn trusted_by_itself(&self, certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
        let Roots::These(trusted) = &self.roots else { return false };
        trusted.iter().any(|one| one == certificate)
            && ParsedCertificate::try_from(certificate)
                .is_ok_and(|parsed| verify_server_name(&parsed, name).is_ok())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if matches!(self.roots, Roots::Nobody) {
            return Ok(ServerCertVerified::assertion());
        }
        let inner = self.inner.get_or_init(|| self.load()).as_ref().map_err(Clone::clone)?;
        inner
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .or_else(|error| {
                // Of an authority as server, webpki speaks only after it has looked at the time.
                if is_authority(&error) && self.trusted_by_itself(end_entity, server_name) {
                    Ok(ServerCertVerified::assertion())
                } else {
                    Err(error)
                }
            })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
