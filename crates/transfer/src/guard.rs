//! Keeps requests that strangers cause away from internal addresses.
//!
//! Whoever may give an address that Lotse then calls (a subscriber's webhook, a picture's URL) could
//! make it call what only Lotse reaches: the cloud's metadata service, a database on loopback, the
//! routers of the management network. A [`Guard`] looks names up itself, refuses a name when *any* of
//! its addresses is internal, and hands exactly the checked addresses to the connection. There is no
//! second look-up between check and use that could answer differently (DNS rebinding); a name that
//! answers differently the next time is checked the next time.
//!
//! A URL with a literal address is checked before the request ([`Guard::check_url`]), because literals
//! are never looked up. Who sends what strangers gave follows no redirects and uses no proxy of the
//! environment. Downloads follow redirects, and a publisher on the internet does not lead them inside
//! (`internal_redirects` of [`crate::HttpOptions`]).
//!
//! What the operator declares in `lotse.yaml` may be internal: see [`Reach`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Where requests may go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// Everywhere: the operator chose the address.
    Everywhere,
    /// To public addresses only: a stranger chose it.
    Public,
}

/// Why a request is not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The address is not one of the public internet.
    #[error("{host} is {address}, {class}, where requests of strangers do not go")]
    Internal {
        /// What was asked for.
        host: String,
        /// One of its addresses.
        address: IpAddr,
        /// What that address is.
        class: Class,
    },
    /// The scheme is another one than `http` or `https`.
    #[error("\"{scheme}\" is no scheme of a webhook; write http or https")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// There is no host in the URL.
    #[error("the address names no host")]
    NoHost,
    /// The name has no address.
    #[error("{host} has no address")]
    NoAddress {
        /// The name.
        host: String,
    },
    /// The name could not be looked up.
    #[error("{host} cannot be looked up")]
    Unknown {
        /// The name.
        host: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Refused {
    /// Whether asking again cannot help: the address was understood and is not allowed.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Internal { .. } | Self::Scheme { .. } | Self::NoHost)
    }
}

/// What an address is, by the registries of special-purpose addresses (IANA, RFC 6890 and what
/// updates it).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// Of the public internet.
    Public,
    /// Of this host.
    Loopback,
    /// Of a private network (RFC 1918, RFC 4193).
    Private,
    /// Of one link only; cloud metadata services are there.
    LinkLocal,
    /// A metadata service at an address that looks public.
    Metadata,
    /// Shared by a carrier's customers (RFC 6598).
    CarrierGrade,
    /// Of a group of hosts.
    Multicast,
    /// For examples, measurements, protocols or the future.
    Reserved,
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Public => "a public address",
            Self::Loopback => "an address of this host",
            Self::Private => "an address of a private network",
            Self::LinkLocal => "an address of one link",
            Self::Metadata => "a metadata service",
            Self::CarrierGrade => "an address within a carrier's network",
            Self::Multicast => "an address of a group",
            Self::Reserved => "a reserved address",
        })
    }
}

/// What this address is. Addresses that carry one of version 4 are what that one is.
pub fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

fn class_v4(address: Ipv4Addr) -> Class {
    match address.octets() {
        [127, ..] => Class::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::Private,
        [169, 254, ..] => Class::LinkLocal,
        // The host service of Azure (`WireServer`).
        [168, 63, 129, 16] => Class::Metadata,
        [100, 64..=127, ..] => Class::CarrierGrade,
        [224..=239, ..] => Class::Multicast,
        // This network; protocols; examples; 6to4 relays; benchmarks; the future and broadcast.
        [0 | 240..=255, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Class::Reserved,
        _ => Class::Public,
    }
}

fn class_v6(address: Ipv6Addr) -> Class {
    if address == Ipv6Addr::LOCALHOST {
        return Class::Loopback;
    }
    match address.segments() {
        // Mapped (RFC 4291) and translated (NAT64, RFC 6052) addresses of version 4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
            class_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Old site-local ones are private, too.
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Class::Private,
        [0xfe80..=0xfebf, ..] => Class::LinkLocal,
        [0xff00..=0xffff, ..] => Class::Multicast,
        // Protocols (Teredo and ORCHID among them), examples, 6to4, which can lead anywhere.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => Class::Reserved,
        [0x2000..=0x3fff, ..] => Class::Public,
        // Nothing else has been given to anybody.
        _ => Class::Reserved,
    }
}

/// Looks names up.
#[async_trait]
pub trait Names: Send + Sync + std::fmt::Debug {
    /// All addresses of a name.
    async fn addresses(&self, host: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// The resolver of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn addresses(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Looks names up and says which addresses may be called. Clones share the resolver.
#[derive(Clone, Debug)]
pub struct Guard {
    names: Arc<dyn Names>,
    reach: Reach,
    classify: Classify,
}

/// Says what an address is: [`class`], but in tests, where all addresses are those of this host.
pub type Classify = fn(IpAddr) -> Class;

impl Guard {
    /// A guard with the resolver of the machine.
    pub fn new(reach: Reach) -> Self {
        Self::with_names(reach, Arc::new(SystemNames))
    }

    /// A guard with another resolver.
    pub const fn with_names(reach: Reach, names: Arc<dyn Names>) -> Self {
        Self { names, reach, classify: class }
    }

    /// The same, with another opinion on addresses.
    #[must_use]
    pub const fn classifying(mut self, classify: Classify) -> Self {
        self.classify = classify;
        self
    }

    /// Whether an address is one of the public internet.
    pub fn is_public(&self, address: IpAddr) -> bool {
        (self.classify)(address) == Class::Public
    }

    /// Checks what a URL says by itself: its scheme, and its host where that is an address.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn check_url(&self, url: &Url) -> Result<(), Refused> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Scheme { scheme: url.scheme().to_owned() });
        }
        match url.host() {
            None => Err(Refused::NoHost),
            Some(Host::Ipv4(address)) => self.check(&address.to_string(), address.into()),
            Some(Host::Ipv6(address)) => self.check(&address.to_string(), address.into()),
            Some(Host::Domain(_)) => Ok(()),
        }
    }

    /// The addresses of a name, all of them checked.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Refused> {
        let found = self.names.addresses(host).await;
        let found = found.map_err(|source| Refused::Unknown { host: host.to_owned(), source })?;
        for &address in &found {
            self.check(host, address)?;
        }
        if found.is_empty() {
            return Err(Refused::NoAddress { host: host.to_owned() });
        }
        Ok(found)
    }

    fn check(&self, host: &str, address: IpAddr) -> Result<(), Refused> {
        match (self.reach, (self.classify)(address)) {
            (Reach::Everywhere, _) | (Reach::Public, Class::Public) => Ok(()),
            (Reach::Public, class) => {
                Err(Refused::Internal { host: host.to_owned(), address, class })
            }
        }
    }
}

/// The connection is made to what this returns and to nothing else.
impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses = guard.addresses(name.as_str()).await?;
            // Port 0 stands for the one of the URL.
            let addresses: Addrs =
                Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests;
