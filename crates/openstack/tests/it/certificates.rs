//! Certificates of servers: which are accepted, and what is said about the others.

use std::path::PathBuf;
use std::sync::Arc;

use lotse_core::error::{Explain as _, chain};
use lotse_openstack::error::{CertificateProblem, Error};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::fake::{connect, options};

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server's certificate and key, changed by the test.
fn server(
    issuer: &Issuer,
    change: impl FnOnce(&mut CertificateParams),
) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.signed_by(&key, issuer).unwrap();
    (certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())
}

/// A TLS server that answers every request with 401; gives its port.
async fn serve(
    (certificate, key): (CertificateDer<'static>, PrivateKeyDer<'static>),
    clients: Option<&Issuer>,
) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(issuer) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(issuer.der().clone()).unwrap();
            let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
                Arc::new(roots),
                provider,
            );
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let config = builder.with_single_cert(vec![certificate], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust us hangs up; that is what the tests look at.
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut request = [0; 4096];
                    if stream.read(&mut request).await.is_ok() {
                        let answer = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\n{}";
                        stream.write_all(answer.as_bytes()).await.unwrap();
                        stream.shutdown().await.ok();
                    }
                }
            });
        }
    });
    port
}

struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

async fn token_error(address: &str, more: &str) -> Error {
    let yaml = format!(
        "clouds:\n  fake:\n    auth: {{auth_url: \"{address}/v3\", user_id: u, password: p, \
         project_id: p1}}\n{more}"
    );
    match connect(&yaml, &options()) {
        Ok(cloud) => cloud.token().await.unwrap_err(),
        Err(error) => error,
    }
}

/// The server is reached and refuses the password: so its certificate was accepted.
fn accepted(error: &Error) -> bool {
    matches!(error, Error::Credentials { .. })
}

#[track_caller]
fn problem(error: &Error) -> CertificateProblem {
    match error {
        Error::Certificate { problem, .. } => problem.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_of_the_configured_authority_is_accepted() {
    let (files, issuer) = (Files::new(), authority());
    let port = serve(server(&issuer, |_| {}), None).await;
    let cacert = files.write("ca.pem", &issuer.pem());
    let error = token_error(
        &format!("https://localhost:{port}"),
        &format!("    cacert: {}\n", cacert.display()),
    )
    .await;
    assert!(accepted(&error), "{error:?}");
}

#[tokio::test]
async fn a_certificate_of_nobody_we_trust_is_refused_with_the_way_to_trust_it() {
    let port = serve(server(&authority(), |_| {}), None).await;
    let error = token_error(&format!("https://localhost:{port}"), "").await;
    assert_eq!(problem(&error), CertificateProblem::UnknownIssuer);
    let sentence = chain(&error);
    assert!(
        sentence.starts_with(&format!(
            "the certificate of the identity service of cloud \"fake\" at https://localhost:{port} was \
             not accepted: it is signed by nobody this machine trusts"
        )),
        "{sentence}"
    );
    assert!(error.hints().concat().contains("cacert"), "{:?}", error.hints());
}

#[tokio::test]
async fn verification_that_is_switched_off_accepts_any_certificate() {
    let port = serve(server(&authority(), |_| {}), None).await;
    for off in ["verify: false", "insecure: true"] {
        let error =
            token_error(&format!("https://localhost:{port}"), &format!("    {off}\n")).await;
        assert!(accepted(&error), "{off}: {error:?}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_with_its_names() {
    let (files, issuer) = (Files::new(), authority());
    let other = |params: &mut CertificateParams| {
        *params = CertificateParams::new(vec!["cloud.example".to_owned()]).unwrap();
    };
    let port = serve(server(&issuer, other), None).await;
    let cacert = files.write("ca.pem", &issuer.pem());
    let error = token_error(
        &format!("https://localhost:{port}"),
        &format!("    cacert: {}\n", cacert.display()),
    )
    .await;
    assert_eq!(
        problem(&error),
        CertificateProblem::WrongName { names: vec!["cloud.example".to_owned()] }
    );
    assert!(chain(&error).contains("it is for cloud.example"), "{}", chain(&error));
}

#[tokio::test]
async fn an_expired_and_a_future_certificate_are_refused_with_the_reason() {
    let (files, issuer) = (Files::new(), authority());
    let cacert = files.write("ca.pem", &issuer.pem());
    let more = format!("    cacert: {}\n", cacert.display());
    let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2020, 1, 1);
    let port = serve(server(&issuer, expired), None).await;
    let error = token_error(&format!("https://localhost:{port}"), &more).await;
    assert_eq!(problem(&error), CertificateProblem::Expired);
    assert!(error.hints().concat().contains("renew"), "{:?}", error.hints());

    let future = |params: &mut CertificateParams| params.not_before = date_time_ymd(2200, 1, 1);
    let port = serve(server(&issuer, future), None).await;
    let error = token_error(&format!("https://localhost:{port}"), &more).await;
    assert_eq!(problem(&error), CertificateProblem::NotYetValid);
}

/// A certificate that is its own authority, as `openssl req -x509` makes them, and its server.
async fn self_signed(files: &Files, change: impl FnOnce(&mut CertificateParams)) -> (PathBuf, u16) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(&mut params);
    let certificate = params.self_signed(&key).unwrap();
    let file = files.write("self.pem", &certificate.pem());
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    (file, serve((certificate.der().clone(), key), None).await)
}

#[tokio::test]
async fn a_self_signed_certificate_is_accepted_only_when_it_is_itself_the_configured_one() {
    let files = Files::new();
    let (file, port) = self_signed(&files, |_| {}).await;
    let address = format!("https://localhost:{port}");
    let error = token_error(&address, &format!("    cacert: {}\n", file.display())).await;
    assert!(accepted(&error), "{error:?}");

    let other = files.write("other.pem", &authority().pem());
    let error = token_error(&address, &format!("    cacert: {}\n", other.display())).await;
    assert_eq!(problem(&error), CertificateProblem::AuthorityAsServer);
    assert!(error.hints().concat().contains("CA:FALSE"), "{:?}", error.hints());
}

#[tokio::test]
async fn a_self_signed_certificate_must_still_be_valid_and_for_the_name() {
    let files = Files::new();
    let (file, port) =
        self_signed(&files, |params| params.not_after = date_time_ymd(2020, 1, 1)).await;
    let more = format!("    cacert: {}\n", file.display());
    let error = token_error(&format!("https://localhost:{port}"), &more).await;
    assert_eq!(problem(&error), CertificateProblem::Expired);

    let (file, port) = self_signed(&files, |_| {}).await;
    let more = format!("    cacert: {}\n", file.display());
    let error = token_error(&format!("https://127.0.0.1:{port}"), &more).await;
    assert!(!accepted(&error), "{error:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_told_so() {
    let fake = crate::fake::Fake::start(|_| None).await;
    let error = token_error(&fake.url.replace("http://", "https://"), "").await;
    assert!(matches!(error, Error::Handshake { .. }), "{error:?}");
    assert!(error.hints().concat().contains("http://"), "{:?}", error.hints());
}

#[tokio::test]
async fn a_client_certificate_is_shown_when_it_is_configured() {
    let (files, issuer) = (Files::new(), authority());
    let cacert = files.write("ca.pem", &issuer.pem());
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["client".to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let both = files.write("both.pem", &(certificate.pem() + &key.serialize_pem()));
    let cert = files.write("cert.pem", &certificate.pem());
    let key = files.write("key.pem", &key.serialize_pem());
    let port = serve(server(&issuer, |_| {}), Some(&issuer)).await;
    let address = format!("https://localhost:{port}");
    let ca = format!("    cacert: {}\n", cacert.display());

    let apart = format!("{ca}    cert: {}\n    key: {}\n", cert.display(), key.display());
    assert!(accepted(&token_error(&address, &apart).await));
    let together = format!("{ca}    cert: {}\n", both.display());
    assert!(accepted(&token_error(&address, &together).await));
    let without = token_error(&address, &ca).await;
    assert!(!accepted(&without), "{without:?}");
}

#[tokio::test]
async fn files_that_are_missing_or_hold_no_certificate_are_named_before_anything_is_sent() {
    let files = Files::new();
    let empty = files.write("empty.pem", "no certificate\n");
    for (key, path) in
        [("cacert", "/nowhere/ca.pem".into()), ("cacert", empty.clone()), ("cert", empty)]
    {
        let more = format!("    {key}: {}\n", path.display());
        let error = token_error("https://localhost:1", &more).await;
        let sentence = chain(&error);
        let beginning = format!("the {key} {} of cloud \"fake\" is not usable", path.display());
        assert!(sentence.starts_with(&beginning), "{sentence}");
    }
}
