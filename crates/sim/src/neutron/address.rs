//! Addresses: subnets in CIDR notation, allocation pools, and who gets which address next.
//!
//! Addresses are handled as numbers of 128 bits beside their family, so that IPv4 and IPv6 go the same
//! way. Nothing here knows a port or a network.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The number of an address.
pub(crate) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// The address of this number, in the family of another one.
fn like(other: IpAddr, number: u128) -> IpAddr {
    match other {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX))),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(number)),
    }
}

/// 4 or 6.
pub(crate) const fn version(address: IpAddr) -> u8 {
    if address.is_ipv4() { 4 } else { 6 }
}

/// A range of addresses that share their first bits, for example `10.0.0.0/24`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Cidr {
    /// The lowest address.
    pub(crate) base: IpAddr,
    /// How many bits are shared.
    pub(crate) prefix: u8,
}

impl Cidr {
    /// The range that an address is in.
    pub(crate) fn around(address: IpAddr, prefix: u8) -> Option<Self> {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let host = u32::checked_sub(bits, u32::from(prefix))?;
        let base = if host >= 128 { 0 } else { number(address) >> host << host };
        Some(Self { base: like(address, base), prefix })
    }

    /// How many bits tell the addresses apart.
    pub(crate) fn host_bits(self) -> u32 {
        (if self.base.is_ipv4() { 32 } else { 128 }) - u32::from(self.prefix)
    }

    /// The highest address.
    pub(crate) fn last(self) -> IpAddr {
        let span = if self.host_bits() >= 128 { u128::MAX } else { (1 << self.host_bits()) - 1 };
        like(self.base, number(self.base) | span)
    }

    pub(crate) const fn version(self) -> u8 {
        version(self.base)
    }

    pub(crate) fn contains(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.base.is_ipv4() && (self.base..=self.last()).contains(&address)
    }

    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.contains(other.base) || other.contains(self.base)
    }

    /// The address this far from the lowest.
    pub(crate) fn nth(self, offset: u128) -> IpAddr {
        like(self.base, number(self.base).saturating_add(offset))
    }

    /// Whether a host can have the address: IPv4 keeps the lowest and the highest for itself, except
    /// where there are only two or one; IPv6 keeps the lowest.
    pub(crate) fn is_usable(self, address: IpAddr) -> bool {
        if !self.contains(address) {
            return false;
        }
        match (self.version(), self.host_bits()) {
            (_, 0 | 1) => true,
            (4, _) => address != self.base && address != self.last(),
            _ => address != self.base,
        }
    }

    /// Whether a router can have the address: any outside of the range (it is reached some other
    /// way), any IPv6 address, and what an IPv4 host can have, except where there are only two.
    pub(crate) fn may_route(self, address: IpAddr) -> bool {
        !self.contains(address)
            || address.is_ipv6()
            || address != self.base && address != self.last()
    }

    /// The pools that a subnet has when none are given: every usable address but the gateway's.
    pub(crate) fn default_pools(self, gateway: Option<IpAddr>) -> Vec<Pool> {
        let (mut low, mut high) = (number(self.base), number(self.last()));
        match (self.version(), self.host_bits()) {
            (4, 2..) => {
                low += 1;
                high -= 1;
            }
            (6, 1..) => low += 1,
            _ => {}
        }
        let whole = |low, high| Pool { start: like(self.base, low), end: like(self.base, high) };
        let Some(gateway) = gateway.filter(|it| self.contains(*it)).map(number) else {
            return vec![whole(low, high)];
        };
        if gateway < low || gateway > high {
            return vec![whole(low, high)];
        }
        let mut pools = Vec::new();
        if gateway > low {
            pools.push(whole(low, gateway - 1));
        }
        if gateway < high {
            pools.push(whole(gateway + 1, high));
        }
        pools
    }

    /// The address that a host with this MAC gives itself (modified EUI-64, RFC 4291).
    pub(crate) fn eui64(self, mac: &str) -> Option<IpAddr> {
        let bytes = mac.split(':').map(|byte| u8::from_str_radix(byte, 16).map(u64::from));
        let bytes: Vec<u64> = bytes.collect::<Result<_, _>>().ok()?;
        let join = |part: &[u64]| part.iter().fold(0, |joined, byte| joined << 8 | byte);
        let (vendor, serial) = bytes.split_at_checked(3).filter(|_| bytes.len() == 6)?;
        let host = (join(vendor) ^ 0x02_0000) << 40 | 0xff_fe00_0000 | join(serial);
        Some(like(self.base, number(self.base) | u128::from(host)))
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

/// The text is no CIDR.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this is no range of addresses in CIDR notation")]
pub(crate) struct NotCidr;

impl FromStr for Cidr {
    type Err = NotCidr;

    fn from_str(text: &str) -> Result<Self, NotCidr> {
        let (address, prefix) = text.split_once('/').ok_or(NotCidr)?;
        let address: IpAddr = address.parse().map_err(|_| NotCidr)?;
        let prefix: u8 = prefix.parse().map_err(|_| NotCidr)?;
        Self::around(address, prefix).ok_or(NotCidr)
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Addresses that may be given to ports, both ends included.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub(crate) struct Pool {
    pub(crate) start: IpAddr,
    pub(crate) end: IpAddr,
}

impl Pool {
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.start.is_ipv4() && (self.start..=self.end).contains(&address)
    }

    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// How many addresses it holds.
    pub(crate) fn size(&self) -> u128 {
        number(self.end).saturating_sub(number(self.start)).saturating_add(1)
    }
}

/// Which addresses of a subnet are taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken {
    addresses: BTreeSet<IpAddr>,
    /// Every address of the pools below this one is taken, so that none is looked at twice.
    full_below: Option<IpAddr>,
}

impl Taken {
    /// Takes an address; false when somebody has it already.
    pub(crate) fn take(&mut self, address: IpAddr) -> bool {
        self.addresses.insert(address)
    }

    /// Gives an address back.
    pub(crate) fn release(&mut self, address: IpAddr) {
        self.addresses.remove(&address);
        self.full_below = self.full_below.map(|it| it.min(address));
    }

    /// The pools have changed.
    pub(crate) fn forget_hint(&mut self) {
        self.full_below = None;
    }

    pub(crate) fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Takes the lowest free address of the pools.
    pub(crate) fn take_next(&mut self, pools: &[Pool]) -> Option<IpAddr> {
        let mut pools = pools.to_vec();
        pools.sort_unstable();
        let start = self.full_below;
        for pool in &pools {
            let low = start.map_or(pool.start, |start| pool.start.max(start));
            if low > pool.end {
                continue;
            }
            let mut candidate = number(low);
            for taken in self.addresses.range(low..=pool.end) {
                if number(*taken) != candidate {
                    break;
                }
                candidate += 1;
            }
            if candidate <= number(pool.end) {
                let address = like(pool.start, candidate);
                self.addresses.insert(address);
                self.full_below = Some(address);
                return Some(address);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().expect("a range")
    }

    fn pool(start: &str, end: &str) -> Pool {
        Pool { start: start.parse().expect("start"), end: end.parse().expect("end") }
    }

    #[test]
    fn a_range_is_read_with_its_host_bits_cleared() {
        assert_eq!(cidr("10.1.2.3/24").to_string(), "10.1.2.0/24");
        assert_eq!(cidr("2001:db8::7/64").to_string(), "2001:db8::/64");
        assert_eq!(cidr("0.0.0.0/0").last().to_string(), "255.255.255.255");
        assert_eq!(
            cidr("::/0").last(),
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse::<IpAddr>().expect("ip")
        );
        for text in ["10.0.0.0", "10.0.0.0/33", "x/24", "2001:db8::/129", "10.0.0.0/-1", ""] {
            assert_eq!(text.parse::<Cidr>(), Err(NotCidr), "{text}");
        }
    }

    #[test]
    fn pools_by_default_leave_out_the_gateway_and_what_no_host_can_have() {
        let pools = |range: &str, gateway: &str| cidr(range).default_pools(gateway.parse().ok());
        assert_eq!(pools("10.0.0.0/24", "10.0.0.1"), [pool("10.0.0.2", "10.0.0.254")]);
        assert_eq!(pools("10.0.0.0/24", "10.0.0.254"), [pool("10.0.0.1", "10.0.0.253")]);
        assert_eq!(
            pools("10.0.0.0/24", "10.0.0.9"),
            [pool("10.0.0.1", "10.0.0.8"), pool("10.0.0.10", "10.0.0.254")]
        );
        assert_eq!(pools("10.0.0.0/30", "none"), [pool("10.0.0.1", "10.0.0.2")]);
        assert_eq!(
            pools("2001:db8::/64", "2001:db8::1"),
            [pool("2001:db8::2", "2001:db8::ffff:ffff:ffff:ffff")]
        );
    }

    #[test]
    fn a_host_makes_its_own_address_from_its_mac() {
        let made = cidr("2001:db8:1::/64").eui64("fa:16:3e:00:01:02");
        assert_eq!(made, "2001:db8:1::f816:3eff:fe00:102".parse().ok());
        assert_eq!(cidr("2001:db8:1::/64").eui64("fa:16:3e:00:01"), None);
    }

    proptest! {
        #[test]
        fn no_address_is_given_twice_or_from_outside_the_pools(
            steps in proptest::collection::vec((any::<bool>(), 0_usize..60), 1..200),
            split in 2_u8..40,
        ) {
            let pools = [
                pool("10.0.0.2", &format!("10.0.0.{split}")),
                pool("10.0.0.50", "10.0.0.60"),
            ];
            let mut taken = Taken::default();
            let mut held: Vec<IpAddr> = Vec::new();
            let total: u128 = pools.iter().map(Pool::size).sum();
            for (give_back, index) in steps {
                if give_back && !held.is_empty() {
                    let address = held.swap_remove(index % held.len());
                    taken.release(address);
                    continue;
                }
                if let Some(address) = taken.take_next(&pools) {
                    prop_assert!(!held.contains(&address), "{address} was given twice");
                    prop_assert!(pools.iter().any(|pool| pool.contains(address)));
                    held.push(address);
                } else {
                    prop_assert_eq!(held.len() as u128, total, "refused while some are free");
                }
                prop_assert_eq!(taken.len(), held.len());
            }
        }
    }
}
