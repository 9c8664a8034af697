//! Mail by SMTP (RFC 5321), through a server that the operator names.
//!
//! One mail goes to one recipient. The connection is made for it and closed after it: notifications
//! are rare, and an idle connection is one more thing that breaks.

pub mod compose;

use std::time::Duration;

use async_trait::async_trait;
use lettre::address::Envelope;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, address};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::compose::Mailbox;
use super::{Channel, Parcel, Trouble, fingerprint};
use crate::text::clean;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long it is waited for the good-bye of a server that has taken the mail.
const GOOD_BYE: Duration = Duration::from_secs(1);
/// How much of an answer is kept, in characters.
const MOST_KEPT: usize = 200;

/// How the way to the mail server is encrypted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// `STARTTLS` right after the greeting; a server that does not offer it gets no mail.
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// None; only for a server on this host.
    None,
}

impl Encryption {
    /// The port it usually has.
    pub const fn port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

/// Where mail is handed over.
pub struct Server {
    /// Name or address of the host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How the way there is encrypted.
    pub encryption: Encryption,
    /// An authority beside those of the machine (PEM).
    pub authority: Option<Vec<u8>>,
    /// Who we are there.
    pub credentials: Option<Credentials>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({}:{})", self.host, self.port)
    }
}

/// Mail to some recipients through one server.
pub struct Mail {
    server: Server,
    tls: Option<TlsParameters>,
    hello: ClientId,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("target", &self.target()).finish_non_exhaustive()
    }
}

impl Mail {
    /// Mail from one sender to recipients.
    ///
    /// # Errors
    /// What is wrong with the server, for people.
    pub fn new(server: Server, from: Mailbox, to: Vec<Mailbox>) -> Result<Self, String> {
        if to.is_empty() {
            return Err("it has nobody to write to".to_owned());
        }
        let tls = match server.encryption {
            Encryption::None if !is_this_host(&server.host) => {
                return Err(format!(
                    "\"tls: none\" is only for a server on this host, and {} is not",
                    server.host
                ));
            }
            Encryption::None => None,
            Encryption::Starttls | Encryption::Implicit => Some(tls(&server)?),
        };
        let hello = ClientId::Domain(from.domain().to_owned());
        Ok(Self { server, tls, hello, from, to })
    }

    fn peer(&self) -> String {
        format!("{}:{}", self.server.host, self.server.port)
    }

    /// Hands a mail over. It is taken when the answer to its last line is good; what the server does
    /// after that does not matter.
    async fn hand_over(&self, envelope: &Envelope, mail: &[u8]) -> Result<String, SmtpError> {
        let Server { host, port, encryption, credentials, .. } = &self.server;
        let implicit = self.tls.clone().filter(|_| *encryption == Encryption::Implicit);
        let server = (host.as_str(), *port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT), &self.hello, implicit, None)
                .await?;
        if let Some(tls) = self.tls.clone().filter(|_| *encryption == Encryption::Starttls) {
            connection.starttls(tls, &self.hello).await?;
        }
        if let Some(credentials) = credentials {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await?;
        }
        let response = connection.send(envelope, mail).await?;
        if tokio::time::timeout(GOOD_BYE, connection.quit()).await.is_err() {
            tracing::debug!(server = self.peer(), "the mail server says no good-bye");
        }
        let lines: Vec<&str> = response.message().collect();
        Ok(clean(&format!("{} {}", response.code(), lines.join(" ")), MOST_KEPT))
    }
}

fn is_this_host(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn tls(server: &Server) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(server.host.clone());
    if let Some(pem) = &server.authority {
        let certificate = Certificate::from_pem(pem).map_err(|error| error.to_string())?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(|error| error.to_string())
}

/// An address as SMTP sees it.
fn smtp_address(mailbox: &Mailbox) -> Result<Address, address::AddressError> {
    mailbox.address().parse()
}

#[async_trait]
impl Channel for Mail {
    fn recipients(&self) -> Vec<String> {
        self.to.iter().map(|mailbox| mailbox.address().to_owned()).collect()
    }

    fn target(&self) -> String {
        format!("mail to {} through {}", self.recipients().join(", "), self.peer())
    }

    fn fingerprint(&self) -> String {
        fingerprint(&["mail", &self.peer(), self.from.address()])
    }

    async fn send(&self, parcel: Parcel<'_>) -> Result<String, Trouble> {
        let refused = |answer: String| Trouble::Refused { peer: self.peer(), answer };
        let recipient = &parcel.delivery.recipient;
        let to = match self.to.iter().find(|mailbox| mailbox.address() == recipient) {
            Some(to) => to.clone(),
            None => recipient.parse().map_err(refused)?,
        };
        let addresses = smtp_address(&self.from).and_then(|from| Ok((from, smtp_address(&to)?)));
        let (from, to_address) = addresses.map_err(|error| refused(error.to_string()))?;
        let envelope = Envelope::new(Some(from), vec![to_address])
            .map_err(|error| refused(error.to_string()))?;
        let mail = compose::mail(parcel, &self.from, &to);
        self.hand_over(&envelope, &mail).await.map_err(|error| trouble(self.peer(), error))
    }
}

/// What a failed conversation means.
fn trouble(peer: String, error: SmtpError) -> Trouble {
    let Some(code) = error.status() else {
        return Trouble::Unreachable { peer, source: Box::new(error) };
    };
    let answer = clean(&error.to_string(), MOST_KEPT);
    // Who we are (RFC 4954) is the operator's to put right; it says nothing of the mail.
    let is_about_us = matches!(code.to_string().as_str(), "530" | "534" | "535" | "538");
    if error.is_permanent() && !is_about_us {
        Trouble::Refused { peer, answer }
    } else {
        Trouble::NotNow { peer, answer, after: None }
    }
}
