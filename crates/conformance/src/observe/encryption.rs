//! How the addresses of a cloud are encrypted: a greeting for each thing that a server might take.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use lotse_openstack::config::Interface;
use lotse_openstack::tls::{self as client, Roots};
use reqwest::Url;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Observer;
use crate::model::Reason;
use crate::snapshot::{Answer, Trouble};
use crate::testcase::Need;
use crate::tls::hello::{Choice, Hello, Said, said};
use crate::tls::{
    Address, FOREIGN_GROUPS, FOREIGN_SUITES_12, FOREIGN_SUITES_13, GROUPS, Greeted, Lifespan,
    SUITES_12, SUITES_13, TLS_12, TLS_13, VERSIONS, certificate,
};

/// How long a server may take to answer a greeting.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many addresses are looked at at once.
const AT_ONCE: usize = 8;
/// So many foreign suites show well enough what a server is like.
const MOST_SUITES: usize = 8;

impl Observer<'_> {
    /// How the public addresses of the cloud are encrypted.
    pub(super) async fn encryption(&self) -> Answer<Vec<Address>> {
        if !self.needs(Need::Encryption) {
            return Answer::NotAsked;
        }
        let token = match self.cloud.token().await {
            Ok(token) => token,
            Err(error) => return Answer::Failed(super::trouble(&error)),
        };
        let config = self.cloud.config();
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut add = |url: &Url, service: &str| {
            if let Some(origin) = origin(url) {
                found.entry(origin).or_default().insert(service.to_owned());
            }
        };
        add(&config.auth_url, "identity");
        for service in &token.catalog.services {
            for endpoint in &service.endpoints {
                let here =
                    config.region.as_deref().is_none_or(|wanted| endpoint.region() == Some(wanted));
                let public = Interface::parse(&endpoint.interface) == Some(Interface::Public);
                if let (true, Ok(url)) = (here && public, Url::parse(&endpoint.url)) {
                    add(&url, &service.service_type);
                }
            }
        }
        let addresses = found.into_iter().map(|(origin, services)| self.address(origin, services));
        let mut addresses: Vec<Address> =
            futures::stream::iter(addresses).buffer_unordered(AT_ONCE).collect().await;
        addresses.sort_unstable_by(|one, other| one.origin.cmp(&other.origin));
        Answer::Given(addresses)
    }

    async fn address(&self, origin: String, services: BTreeSet<String>) -> Address {
        let greeted = if origin.starts_with("https:") {
            let mut random = [0; 32];
            let (first, second) = random.split_at_mut(16);
            first.copy_from_slice(self.options.run.as_bytes());
            second.copy_from_slice(self.options.run.as_bytes());
            match Greeter::to(&origin, random) {
                Some(greeter) => answer(Box::pin(greeter.greet()).await),
                None => Answer::Failed(unreachable(&origin, "it has no host")),
            }
        } else {
            Answer::NotAsked
        };
        Address { origin, services: services.into_iter().collect(), greeted }
    }
}

fn answer<T>(found: Result<T, Trouble>) -> Answer<T> {
    match found {
        Ok(found) => Answer::Given(found),
        Err(trouble) => Answer::Failed(trouble),
    }
}

fn unreachable(origin: &str, why: impl std::fmt::Display) -> Trouble {
    let message = format!("{origin}: {why}");
    Trouble { reason: Reason::Unreachable, message, status: None, request_id: None }
}

/// Protocol, host and port.
fn origin(url: &Url) -> Option<String> {
    let (host, port) = (url.host_str()?, url.port_or_known_default()?);
    Some(format!("{}://{host}:{port}", url.scheme()))
}

/// Greets one server.
struct Greeter<'a> {
    origin: &'a str,
    /// The host, without the brackets of an IPv6 address.
    host: String,
    port: u16,
    random: [u8; 32],
}

impl<'a> Greeter<'a> {
    fn to(origin: &'a str, random: [u8; 32]) -> Option<Self> {
        let url = Url::parse(origin).ok()?;
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        Some(Self { origin, host, port: url.port_or_known_default()?, random })
    }

    async fn greet(&self) -> Result<Greeted, Trouble> {
        let every_12: Vec<u16> = [&SUITES_12[..], &FOREIGN_SUITES_12].concat();
        let every_13: Vec<u16> = [&SUITES_13[..], &FOREIGN_SUITES_13].concat();
        let groups: Vec<u16> = [&GROUPS[..], &FOREIGN_GROUPS].concat();
        let mut greeted = Greeted::default();
        for version in VERSIONS {
            let suites = if version == TLS_13 { &every_13 } else { &every_12 };
            let chosen = self.choice(version, suites, &groups).await?;
            if chosen.is_some_and(|chosen| chosen.version == version) {
                greeted.versions.push(version);
            }
        }
        if greeted.versions.contains(&TLS_12) {
            self.foreign_suites(&mut greeted, TLS_12, &FOREIGN_SUITES_12, &groups).await?;
            // With finite fields the groups would not matter.
            let elliptic: Vec<u16> =
                SUITES_12.into_iter().filter(|suite| suite >> 8 >= 0xc0).collect();
            self.foreign_groups(&mut greeted, TLS_12, &elliptic).await?;
        }
        if greeted.versions.contains(&TLS_13) {
            self.foreign_suites(&mut greeted, TLS_13, &FOREIGN_SUITES_13, &groups).await?;
            self.foreign_groups(&mut greeted, TLS_13, &SUITES_13).await?;
        }
        greeted.certificate = answer(self.certificate().await);
        Ok(greeted)
    }

    /// Offers what the standard does not name, and again without what the server has chosen.
    async fn foreign_suites(
        &self,
        greeted: &mut Greeted,
        version: u16,
        foreign: &[u16],
        groups: &[u16],
    ) -> Result<(), Trouble> {
        let mut left = foreign.to_vec();
        while !left.is_empty() {
            let Some(chosen) = self.choice(version, &left, groups).await? else { break };
            let before = left.len();
            left.retain(|suite| *suite != chosen.suite);
            // Who chooses what nobody has offered would never come to an end.
            if left.len() == before || chosen.version != version {
                break;
            }
            greeted.foreign_suites.push(chosen.suite);
            if greeted.foreign_suites.len() >= MOST_SUITES {
                greeted.more_suites = true;
                break;
            }
        }
        Ok(())
    }

    /// Offers each of the groups that the standard does not name alone: TLS 1.2 does not say here which
    /// one it has chosen.
    async fn foreign_groups(
        &self,
        greeted: &mut Greeted,
        version: u16,
        suites: &[u16],
    ) -> Result<(), Trouble> {
        // Mostly none is taken, and one greeting shows it.
        if self.choice(version, suites, &FOREIGN_GROUPS).await?.is_none() {
            return Ok(());
        }
        for group in FOREIGN_GROUPS {
            let chosen = self.choice(version, suites, &[group]).await?;
            if chosen.is_some() && !greeted.foreign_groups.contains(&group) {
                greeted.foreign_groups.push(group);
            }
        }
        Ok(())
    }

    /// What the server chooses of this offer, if it takes anything of it.
    async fn choice(
        &self,
        version: u16,
        suites: &[u16],
        groups: &[u16],
    ) -> Result<Option<Choice>, Trouble> {
        let named = ServerName::try_from(self.host.as_str());
        let name = matches!(named, Ok(ServerName::DnsName(_))).then_some(self.host.as_str());
        let hello = Hello { version, suites, groups, name, random: self.random };
        match timeout(PATIENCE, self.exchange(&hello.to_bytes())).await {
            Ok(Ok(Said::Chosen(choice))) => Ok(Some(choice)),
            Ok(Ok(Said::Refused | Said::NotYet)) => Ok(None),
            Ok(Ok(Said::Foreign)) => Err(Trouble {
                reason: Reason::ApiFailed,
                ..unreachable(self.origin, "what answers there does not speak TLS")
            }),
            Ok(Err(error)) => Err(unreachable(self.origin, error)),
            Err(_late) => Err(unreachable(self.origin, "it does not answer a greeting of TLS")),
        }
    }

    async fn exchange(&self, hello: &[u8]) -> std::io::Result<Said> {
        let mut stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let mut heard = Vec::new();
        // Who refuses may hang up so quickly that not even the greeting arrives.
        if stream.write_all(hello).await.is_err() {
            return Ok(Said::Refused);
        }
        loop {
            let ended = match stream.read_buf(&mut heard).await {
                Ok(count) => count == 0,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => true,
                Err(error) => return Err(error),
            };
            match said(&heard, ended) {
                Said::NotYet => {}
                said => return Ok(said),
            }
        }
    }

    /// The lifespan of the certificate that usual clients are shown. Whether it can be trusted shows at
    /// every other request.
    async fn certificate(&self) -> Result<Lifespan, Trouble> {
        let failed = |why: &dyn std::fmt::Display| unreachable(self.origin, why);
        let config = client::client(Roots::Nobody, None).map_err(|error| failed(&error))?;
        let name = ServerName::try_from(self.host.clone()).map_err(|error| failed(&error))?;
        let shaken = timeout(PATIENCE, async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
            TlsConnector::from(Arc::new(config)).connect(name, stream).await
        });
        let stream = shaken
            .await
            .map_err(|_late| failed(&"the handshake of TLS does not end"))?
            .map_err(|error| failed(&error))?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let found = shown.and_then(|shown| certificate::lifespan(shown));
        found.ok_or_else(|| failed(&"its certificate does not say how long it is good"))
    }
}
