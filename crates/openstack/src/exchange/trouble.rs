//! What a failed attempt was, found out from the chain of its causes.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use super::connect::UnknownHost;
use super::payload::UploadError;
use crate::error::{Call, CertificateProblem, Error, Unreachable};

/// Turns an error of the HTTP client into ours.
pub(super) fn trouble(error: reqwest::Error, call: &Arc<Call>) -> Error {
    let call = Arc::clone(call);
    // The address is in the call already.
    let error = error.without_url();
    let causes = Causes::of(&error);
    if causes.upload {
        return Error::Upload { call, source: Arc::new(error) };
    }
    if let Some(tls) = causes.tls {
        let source: Arc<dyn StdError + Send + Sync> = Arc::new(tls.clone());
        return match certificate(&tls) {
            Some(problem) => Error::Certificate { call, problem, source },
            None => Error::Handshake { call, source },
        };
    }
    if error.is_builder() {
        return Error::Setup {
            cloud: call.cloud.clone(),
            reason: lotse_core::error::chain(&error),
        };
    }
    if !error.is_connect() {
        return Error::Lost { call, source: Arc::new(error) };
    }
    let reason = if causes.unknown_host {
        Unreachable::UnknownHost
    } else if error.is_timeout() {
        Unreachable::TimedOut
    } else {
        match causes.io {
            Some(io::ErrorKind::ConnectionRefused) => Unreachable::Refused,
            Some(io::ErrorKind::TimedOut) => Unreachable::TimedOut,
            Some(io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable) => {
                Unreachable::NoRoute
            }
            _ if causes.proxy => Unreachable::Proxy,
            _ => Unreachable::Other,
        }
    };
    // What the reason says in full needs no cause behind it.
    let told = matches!(reason, Unreachable::Refused | Unreachable::TimedOut);
    let source = (!told).then(|| Arc::new(error) as Arc<dyn StdError + Send + Sync>);
    Error::Unreachable { call, reason, source }
}

#[derive(Default)]
struct Causes {
    io: Option<io::ErrorKind>,
    tls: Option<rustls::Error>,
    unknown_host: bool,
    upload: bool,
    proxy: bool,
}

impl Causes {
    fn of(error: &reqwest::Error) -> Self {
        let mut causes = Self::default();
        let mut next = error.source();
        while let Some(cause) = next {
            causes.look_at(cause);
            next = cause.source();
        }
        causes
    }

    fn look_at(&mut self, cause: &(dyn StdError + 'static)) {
        self.unknown_host |= cause.is::<UnknownHost>();
        self.upload |= cause.is::<UploadError>();
        self.proxy |= cause.to_string().contains("tunnel");
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            self.tls = Some(tls.clone());
        }
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            self.io = Some(error.kind());
            // The source of an I/O error skips the error it wraps.
            if let Some(inner) = error.get_ref() {
                self.look_at(inner);
            }
        }
    }
}

/// What is wrong with the certificate, if it is the certificate.
fn certificate(error: &rustls::Error) -> Option<CertificateProblem> {
    use rustls::CertificateError as C;
    let rustls::Error::InvalidCertificate(problem) = error else { return None };
    Some(match problem {
        C::UnknownIssuer => CertificateProblem::UnknownIssuer,
        C::NotValidForName => CertificateProblem::WrongName { names: Vec::new() },
        C::NotValidForNameContext { presented, .. } => CertificateProblem::WrongName {
            names: presented.iter().map(|name| plain(name)).collect(),
        },
        C::Expired | C::ExpiredContext { .. } => CertificateProblem::Expired,
        C::NotValidYet | C::NotValidYetContext { .. } => CertificateProblem::NotYetValid,
        C::Revoked => CertificateProblem::Revoked,
        _ if crate::tls::is_authority(error) => CertificateProblem::AuthorityAsServer,
        _ => CertificateProblem::Other,
    })
}

/// `DnsName("a.example")` without the wrapping.
fn plain(name: &str) -> String {
    name.split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .unwrap_or(name)
        .trim_matches('"')
        .to_owned()
}
