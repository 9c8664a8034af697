//! Reports on their way to a compliance monitor: signed, with the account's name and password, once.
//!
//! The body is what [`super::sshsig`] makes; the monitor knows its kind by the content type, and the
//! account by HTTP Basic. It takes a report once and refuses it the second time, so that an upload whose
//! answer was lost can be repeated.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use lotse_openstack::tls::{self, Roots};
use reqwest::{Client, Url, header};
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::Error;

/// How often an upload is tried.
const ATTEMPTS: u32 = 3;
/// The pause after a try without answer.
const PAUSE: Duration = Duration::from_millis(500);
/// No try takes longer.
const DEADLINE: Duration = Duration::from_mins(1);

/// How the report in a signed body is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Writing {
    /// One or several documents of YAML.
    Yaml,
    /// One object of JSON.
    Json,
}

impl Writing {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Yaml => "application/x-signed-yaml",
            Self::Json => "application/x-signed-json",
        }
    }
}

/// A monitor, and an account there.
#[derive(Debug)]
pub struct Monitor {
    reports: Url,
    authorization: SecretString,
    http: Client,
}

impl Monitor {
    /// The monitor at an address, with a token: `ACCOUNT:PASSWORD`, or that in base64 as monitors hand
    /// it out.
    ///
    /// # Errors
    /// [`Error::Monitor`]: the address or the token cannot be used. A password travels only encrypted,
    /// or within this machine.
    pub fn new(address: &str, token: &SecretString) -> Result<Self, Error> {
        let unusable =
            |reason: &'static str| Error::Monitor { monitor: address.to_owned(), reason };
        let mut reports = Url::parse(address).map_err(|_| unusable("it is no address"))?;
        match (reports.scheme(), is_here(&reports)) {
            ("https", _) | ("http", true) => {}
            ("http", false) => return Err(unusable("a password is not sent unencrypted")),
            _ => return Err(unusable("it is no address of HTTP")),
        }
        // Who reports stands in the token; nothing else of the address is shown or sent.
        reports.set_username("").ok();
        reports.set_password(None).ok();
        if !reports.path().ends_with("/reports") {
            let path = format!("{}/reports", reports.path().trim_end_matches('/'));
            reports.set_path(&path);
        }
        let authorization = authorization(token)
            .ok_or_else(|| unusable("the token is neither ACCOUNT:PASSWORD nor that in base64"))?;
        let tls =
            tls::client(Roots::Machine, None).map_err(|_| unusable("no TLS can be set up"))?;
        let http = crate::http::client(tls, DEADLINE)
            .build()
            .map_err(|_| unusable("no client can be set up"))?;
        Ok(Self { reports, authorization, http })
    }

    /// The address to which reports go.
    pub fn address(&self) -> String {
        self.reports.to_string()
    }

    /// Hands over a signed report.
    ///
    /// # Errors
    /// [`Error::NotTaken`] with what the status means there, [`Error::MonitorSilent`].
    pub async fn upload(&self, signed: &str, writing: Writing) -> Result<(), Error> {
        let mut attempt = 1;
        loop {
            let request = self
                .http
                .post(self.reports.clone())
                .header(header::CONTENT_TYPE, writing.content_type())
                .header(header::AUTHORIZATION, self.authorization.expose_secret())
                .body(signed.to_owned());
            let last = attempt == ATTEMPTS;
            match request.send().await {
                Ok(answer) => match taken(answer.status(), attempt) {
                    Taken::Yes => return Ok(()),
                    Taken::Later if !last => {}
                    Taken::Later | Taken::No => return Err(self.refused(answer.status())),
                },
                Err(source) if last => {
                    let (monitor, source) = (self.address(), Box::new(source.without_url()));
                    return Err(Error::MonitorSilent { monitor, source });
                }
                Err(_) => {}
            }
            tokio::time::sleep(PAUSE * attempt).await;
            attempt += 1;
        }
    }

    fn refused(&self, status: StatusCode) -> Error {
        let reason = match status.as_u16() {
            401 => {
                "it does not know the account, the password or the key of the signature, or the \
                 account may not speak for the subject"
            }
            403 => "the account may not do this",
            409 => "it has a report with this id already",
            413 => "the report is too large",
            415 => "it does not take this kind of content",
            422 | 400 => "it cannot read the report",
            _ => "it could not take it now",
        };
        Error::NotTaken { monitor: self.address(), status: status.as_u16(), reason }
    }
}

/// What an answer means.
enum Taken {
    Yes,
    No,
    Later,
}

fn taken(status: StatusCode, attempt: u32) -> Taken {
    match status.as_u16() {
        200..=299 => Taken::Yes,
        // The answer to the first try was lost, not the report.
        409 if attempt > 1 => Taken::Yes,
        429 | 502..=504 => Taken::Later,
        _ => Taken::No,
    }
}

/// Whether an address leads to this machine.
fn is_here(address: &Url) -> bool {
    let host = address.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The header for a token in either form.
fn authorization(token: &SecretString) -> Option<SecretString> {
    let token = token.expose_secret().trim();
    let encoded = if token.contains(':') {
        STANDARD.encode(token)
    } else {
        let plain = STANDARD.decode(token).ok()?;
        if !plain.contains(&b':') {
            return None;
        }
        token.to_owned()
    };
    Some(SecretString::from(format!("Basic {encoded}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monitor(address: &str, token: &str) -> Result<Monitor, Error> {
        Monitor::new(address, &SecretString::from(token))
    }

    #[test]
    fn reports_go_to_their_place_wherever_the_address_points() {
        for address in ["https://m.example", "https://m.example/", "https://m.example/reports"] {
            let monitor = monitor(address, "me:secret").unwrap();
            assert_eq!(monitor.address(), "https://m.example/reports");
        }
        let below = monitor("https://user:pw@m.example/scs/", "me:secret").unwrap();
        assert_eq!(below.address(), "https://m.example/scs/reports");
    }

    #[test]
    fn a_password_does_not_travel_unencrypted() {
        assert!(monitor("http://127.0.0.1:8080", "me:secret").is_ok());
        assert!(monitor("http://[::1]:8080", "me:secret").is_ok());
        for address in ["http://m.example", "http://127.0.0.1.example", "ftp://m.example", "m"] {
            assert!(
                matches!(monitor(address, "me:secret"), Err(Error::Monitor { .. })),
                "{address}"
            );
        }
    }

    #[test]
    fn a_token_is_taken_in_both_forms_and_never_shown() {
        let wanted = format!("Basic {}", STANDARD.encode("me:secret"));
        for token in ["me:secret".to_owned(), STANDARD.encode("me:secret") + "\n"] {
            let header = authorization(&SecretString::from(token)).unwrap();
            assert_eq!(header.expose_secret(), wanted);
        }
        assert!(authorization(&SecretString::from("secret")).is_none());
        assert!(authorization(&SecretString::from(STANDARD.encode("secret"))).is_none());
        let shown = format!("{:?}", monitor("https://m.example", "me:secret").unwrap());
        assert!(!shown.contains("secret\"") && !shown.contains(&STANDARD.encode("me:secret")));
    }
}
