//! Over HTTP: one request for the capabilities, one for each command (gitprotocol-http(5)).

use std::path::PathBuf;

use futures::TryStreamExt as _;
use lotse_core::secret::ExposeSecret as _;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio_util::io::StreamReader;

use super::Answer;
use crate::config::HttpRemote;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::limits::Limits;
use crate::model::shown;

/// Redirects in a row that are followed.
const MOST_REDIRECTS: usize = 4;

/// What the address of the capabilities ends with.
const ADVERTISEMENT: &str = "/info/refs?service=git-upload-pack";

/// Asks for version 2 of the protocol.
const PROTOCOL: (HeaderName, HeaderValue) =
    (HeaderName::from_static("git-protocol"), HeaderValue::from_static("version=2"));

/// The name that goes with a token when none is configured; servers look at the token only.
const ANY_USER: &str = "git";

/// A repository over HTTP.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    url: String,
    credentials: Credentials,
}

impl Http {
    pub(super) fn new(
        remote: &HttpRemote,
        credentials: Credentials,
        ca_file: Option<&PathBuf>,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let url = remote.base().to_owned();
        let failed = |reason: String| Error::Client { url: url.clone(), reason };
        let tls = tls(ca_file).map_err(failed)?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::custom(|attempt| {
                let from = attempt.previous().last();
                let stays = from.is_some_and(|from| stays(from, attempt.url()));
                if stays && attempt.previous().len() <= MOST_REDIRECTS {
                    attempt.follow()
                } else {
                    attempt.stop()
                }
            }))
            .connect_timeout(limits.idle)
            .read_timeout(limits.idle)
            .user_agent(concat!("git/2 lotse/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| failed(lotse_core::error::chain(&error)))?;
        Ok(Self { client, url, credentials })
    }

    /// Asks for the capabilities. Also says where the repository is after redirects.
    pub(super) async fn advertisement(&self) -> Result<(String, Answer<'static>), Error> {
        let response = self.send(self.client.get(format!("{}{ADVERTISEMENT}", self.url))).await?;
        let response = self.success(response)?;
        let base = response.url().as_str().strip_suffix(ADVERTISEMENT).unwrap_or(&self.url);
        Ok((base.to_owned(), body(response)))
    }

    /// Sends a command to the repository at `base`.
    pub(super) async fn command(
        &self,
        base: &str,
        command: Vec<u8>,
    ) -> Result<Answer<'static>, Error> {
        let request = self
            .client
            .post(format!("{base}/git-upload-pack"))
            .header(CONTENT_TYPE, "application/x-git-upload-pack-request")
            .header(ACCEPT, "application/x-git-upload-pack-result")
            .body(command);
        let response = self.send(request).await?;
        Ok(body(self.success(response)?))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let mut request = request.header(PROTOCOL.0, PROTOCOL.1);
        if let Some(token) = &self.credentials.token {
            let user = self.credentials.user.as_deref().unwrap_or(ANY_USER);
            request = request.basic_auth(user, Some(token.expose_secret()));
        }
        let sent = request.send().await;
        sent.map_err(|source| Error::Request {
            url: self.url.clone(),
            source: source.without_url(),
        })
    }

    fn success(&self, response: Response) -> Result<Response, Error> {
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        let location = response.headers().get(LOCATION).map(HeaderValue::as_bytes);
        Err(Error::Status {
            url: self.url.clone(),
            status: response.status().as_u16(),
            location: location.map(|bytes| shown(&String::from_utf8_lossy(bytes), 200)),
        })
    }
}

/// Whether a redirect stays with the server that was named: the same host and port, or from HTTP to
/// HTTPS on their usual ports. What we send along (a token) goes nowhere else.
fn stays(from: &Url, to: &Url) -> bool {
    let same =
        from.scheme() == to.scheme() && from.port_or_known_default() == to.port_or_known_default();
    let upgrade = from.scheme() == "http"
        && to.scheme() == "https"
        && from.port().is_none()
        && to.port().is_none();
    from.host_str() == to.host_str() && (same || upgrade)
}

fn body(response: Response) -> Answer<'static> {
    Box::new(StreamReader::new(Box::pin(response.bytes_stream().map_err(std::io::Error::other))))
}

fn tls(ca_file: Option<&PathBuf>) -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    match ca_file {
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Some(path) => {
            let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
            let certificates =
                CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| wrong(&error))?;
                roots.add(certificate).map_err(|error| wrong(&error))?;
            }
            if roots.is_empty() {
                return Err(wrong(&"it holds no certificate"));
            }
        }
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_stays_with_the_server_that_was_named() {
        let url = |text: &str| Url::parse(text).unwrap();
        for (from, to, expected) in [
            ("https://a/x", "https://a/y", true),
            ("http://a/x", "https://a/x", true),
            ("https://a/x", "http://a/x", false),
            ("https://a/x", "https://b/x", false),
            ("https://a/x", "https://a.evil.example/x", false),
            ("http://127.0.0.1:80/x", "http://127.0.0.1:8774/x", false),
            ("http://a:8080/x", "https://a/x", false),
        ] {
            assert_eq!(stays(&url(from), &url(to)), expected, "{from} {to}");
        }
    }
}
