//! Who asks when a proxy passes requests on.
//!
//! Behind a proxy every connection comes from the proxy, which says in `X-Forwarded-For` for whom it
//! asks. Anybody can write that field, so it is believed only from proxies that the operator named,
//! and only what they added: the addresses are read from the right, and the first one that is no
//! proxy of ours is the reader.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Addresses with the same beginning: `10.0.0.0/8`, `2001:db8::/32`, or a single one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// How many bits of the address count.
    length: u32,
}

impl Network {
    /// Whether the address is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.length
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.length
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no address and no network such as 10.0.0.0/8");
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(longest), |length| length.parse().map_err(|_| wrong()))?;
        if length > longest {
            return Err(wrong());
        }
        Ok(Self { address, length })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Network {
    fn schema_name() -> Cow<'static, str> {
        "Network".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// Who asks: whoever is connected, or for whom a proxy of ours asks.
pub(crate) fn reader(trusted: &[Network], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let is_ours = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut reader = peer;
    let said = headers.get_all(FORWARDED_FOR);
    // What was added last stands last; what cannot be read ends what is believed.
    let mut said: Vec<_> =
        said.iter().flat_map(|value| value.to_str().unwrap_or("?").split(',')).collect();
    while is_ours(reader) {
        match said.pop().and_then(|text| text.trim().parse().ok()) {
            Some(before) => reader = before,
            None => break,
        }
    }
    reader
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn reads(peer: &str, said: &[&'static str]) -> String {
        let trusted: Vec<Network> =
            ["10.0.0.0/8", "127.0.0.1", "2001:db8::/32"].map(|one| one.parse().unwrap()).into();
        let mut headers = HeaderMap::new();
        for one in said {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(one));
        }
        reader(&trusted, peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn strangers_say_nothing_about_themselves() {
        assert_eq!(reads("192.0.2.7", &["198.51.100.1"]), "192.0.2.7");
        assert_eq!(reads("11.0.0.1", &["198.51.100.1"]), "11.0.0.1");
        assert_eq!(reads("2001:db9::1", &["198.51.100.1"]), "2001:db9::1");
    }

    #[test]
    fn a_proxy_says_for_whom_it_asks_and_what_was_there_before_is_not_believed() {
        assert_eq!(reads("10.1.2.3", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(reads("::ffff:10.1.2.3", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(reads("2001:db8::1", &["1.1.1.1, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(reads("127.0.0.1", &["1.1.1.1", "198.51.100.1, 10.0.0.9"]), "198.51.100.1");
        assert_eq!(reads("10.0.0.1", &["198.51.100.1, nonsense"]), "10.0.0.1");
        assert_eq!(reads("10.0.0.1", &["1.1.1.1, nonsense, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(reads("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn networks_are_read_strictly_and_written_as_they_were() {
        for good in ["10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0", "192.0.2.1/32"] {
            assert_eq!(good.parse::<Network>().unwrap().to_string(), good);
        }
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "x", "::/129", "10.0.0.0/-1", "10.0.0.0/"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
