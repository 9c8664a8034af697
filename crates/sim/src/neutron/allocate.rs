//! Which addresses a port gets.
//!
//! Without wishes a port gets one IPv4 address, one IPv6 address if the network hands those out, and
//! one in every subnet whose hosts make their addresses themselves. Neutron picks any free address
//! from the pools; the simulation takes the lowest.

use std::net::IpAddr;

use super::model::{FixedIp, Network, Subnet};

/// An address as a port wants it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Wish {
    pub(crate) subnet: Option<String>,
    pub(crate) address: Option<IpAddr>,
}

/// Why a port does not get its addresses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum NoAddress {
    /// All addresses of the network are taken.
    Exhausted,
    /// Somebody has this one.
    Taken { address: IpAddr, subnet: String },
    /// No host of the subnet can have this one.
    NotInSubnet(IpAddr),
    /// It is in no subnet of the network.
    NotInNetwork(IpAddr),
    /// The subnet is of another network.
    WrongSubnet(String),
    /// There is no such subnet.
    NoSubnet(String),
}

/// For whom addresses are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tenant<'a> {
    pub(crate) network: &'a str,
    pub(crate) mac: &'a str,
    pub(crate) device_owner: &'a str,
}

impl Tenant<'_> {
    fn is_router(&self) -> bool {
        self.device_owner.starts_with("network:router")
    }
}

impl Network {
    /// Takes the addresses that a new port of a network wants, or those it gets without wishes.
    pub(crate) fn allocate(
        &mut self,
        tenant: Tenant<'_>,
        wishes: Option<&[Wish]>,
    ) -> Result<Vec<FixedIp>, NoAddress> {
        let mut got = Vec::new();
        let result = match wishes {
            Some(wishes) => wishes.iter().try_for_each(|wish| {
                self.grant(tenant, wish).map(|fixed| {
                    if !got.contains(&fixed) {
                        got.push(fixed);
                    }
                })
            }),
            None => self.allocate_freely(tenant, &mut got),
        };
        if let Err(error) = result {
            self.release(&got);
            return Err(error);
        }
        Ok(got)
    }

    /// Gives addresses back.
    pub(crate) fn release(&mut self, addresses: &[FixedIp]) {
        for fixed in addresses {
            self.index.taken(&fixed.subnet_id).release(fixed.ip_address);
        }
    }

    fn allocate_freely(
        &mut self,
        tenant: Tenant<'_>,
        got: &mut Vec<FixedIp>,
    ) -> Result<(), NoAddress> {
        let subnets: Vec<Subnet> = self
            .subnets_of(tenant.network)
            .filter(|subnet| {
                subnet.service_types.is_empty()
                    || subnet.service_types.iter().any(|it| it == tenant.device_owner)
            })
            .cloned()
            .collect();
        let (automatic, managed): (Vec<_>, Vec<_>) =
            subnets.iter().partition(|subnet| subnet.is_auto_addressed());
        for version in [4, 6] {
            let mut candidates =
                managed.iter().filter(|it| it.cidr.version() == version).peekable();
            if candidates.peek().is_none() {
                continue;
            }
            let found = candidates.find_map(|subnet| self.take_from(subnet));
            got.push(found.ok_or(NoAddress::Exhausted)?);
        }
        if !tenant.is_router() {
            for subnet in automatic {
                got.extend(self.take_automatic(subnet, tenant.mac));
            }
        }
        Ok(())
    }

    fn take_from(&mut self, subnet: &Subnet) -> Option<FixedIp> {
        let id = &subnet.standard.id;
        let address = self.index.taken(id).take_next(&subnet.allocation_pools)?;
        Some(FixedIp { subnet_id: id.clone(), ip_address: address })
    }

    fn take_automatic(&mut self, subnet: &Subnet, mac: &str) -> Option<FixedIp> {
        let address = subnet.cidr.eui64(mac)?;
        let id = &subnet.standard.id;
        self.index
            .taken(id)
            .take(address)
            .then(|| FixedIp { subnet_id: id.clone(), ip_address: address })
    }

    /// Takes one address that was asked for.
    fn grant(&mut self, tenant: Tenant<'_>, wish: &Wish) -> Result<FixedIp, NoAddress> {
        let subnet = match (&wish.subnet, wish.address) {
            (Some(id), _) => {
                let found = self.subnets.get(id);
                let found = found.ok_or_else(|| NoAddress::NoSubnet(id.clone()))?;
                let same = found.network_id == tenant.network;
                same.then(|| found.clone()).ok_or_else(|| NoAddress::WrongSubnet(id.clone()))?
            }
            (None, Some(address)) => {
                let mut subnets = self.subnets_of(tenant.network);
                let found = subnets.find(|subnet| subnet.cidr.is_usable(address));
                found.ok_or(NoAddress::NotInNetwork(address))?.clone()
            }
            (None, None) => return Err(NoAddress::WrongSubnet(String::new())),
        };
        let id = subnet.standard.id.clone();
        // Routers, and whatever may still become one, may have the anycast address of routers.
        let may_route = tenant.is_router() || tenant.device_owner.is_empty();
        let usable = |address: IpAddr| {
            subnet.cidr.is_usable(address)
                || may_route && address.is_ipv6() && address == subnet.cidr.base
        };
        match wish.address {
            Some(address) if !usable(address) => Err(NoAddress::NotInSubnet(address)),
            Some(address) => {
                if self.index.taken(&id).take(address) {
                    Ok(FixedIp { subnet_id: id, ip_address: address })
                } else {
                    Err(NoAddress::Taken { address, subnet: id })
                }
            }
            None if subnet.is_auto_addressed() && !tenant.is_router() => {
                self.take_automatic(&subnet, tenant.mac).ok_or(NoAddress::Exhausted)
            }
            None => self.take_from(&subnet).ok_or(NoAddress::Exhausted),
        }
    }
}
