//! Rules of security groups.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::access::Change;
use super::address::Cidr;
use super::attribute::Otherwise::{Empty, Null, Required, Text, Unset};
use super::attribute::{Attribute, Check, Kind, attribute, python};
use super::model::{Network, SecurityGroup, SecurityGroupRule, Standard, Traffic};
use super::refusal::Refusal;
use super::resource::{Resource, find, owns, rename, sees, stored, text, text_or_null};
use crate::keystone::caller::Caller;

/// Protocols by name, with their numbers where they matter here.
const PROTOCOLS: &[(&str, u8)] = &[
    ("ah", 51),
    ("dccp", 33),
    ("egp", 8),
    ("esp", 50),
    ("gre", 47),
    ("hopopt", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ip", 0),
    ("ipip", 4),
    ("ipv6-encap", 41),
    ("ipv6-frag", 44),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("ipv6-route", 43),
    ("ospf", 89),
    ("pgm", 113),
    ("rsvp", 46),
    ("sctp", 132),
    ("tcp", 6),
    ("udp", 17),
    ("udplite", 136),
    ("vrrp", 112),
];

/// Protocols with ports.
const WITH_PORTS: &[u8] = &[33, 132, 6, 17, 136];

impl Resource for SecurityGroupRule {
    const KIND: Kind = Kind { one: "security_group_rule", many: "security_group_rules" };
    const PATH: &'static str = "security-group-rules";
    const ATTRIBUTES: &'static [Attribute] = &[
        attribute("security_group_id", "PFS", Required, Check::Text(36)),
        attribute("remote_group_id", "PFS", Null, Check::Any),
        attribute("remote_address_group_id", "PFS", Null, Check::Any),
        attribute("direction", "PFS", Required, Check::Words(&["ingress", "egress"])),
        attribute("protocol", "PFS", Null, Check::Any),
        attribute("port_range_min", "PFS", Null, Check::Any),
        attribute("port_range_max", "PFS", Null, Check::Any),
        attribute("ethertype", "PFS", Text("IPv4"), Check::Any),
        attribute("remote_ip_prefix", "PFS", Null, Check::Any),
        attribute("normalized_cidr", "FS", Unset, Check::Any),
        attribute("description", "PUF", Empty, Check::Text(255)),
    ];
    const FIELDS: (&'static [&'static str], &'static [&'static str]) = (
        &[
            "id",
            "tenant_id",
            "security_group_id",
            "ethertype",
            "direction",
            "protocol",
            "port_range_min",
            "port_range_max",
            "remote_ip_prefix",
            "remote_address_group_id",
            "normalized_cidr",
            "remote_group_id",
            "description",
            "created_at",
            "updated_at",
            "revision_number",
            "project_id",
        ],
        &[],
    );
    const QUOTA: Option<&'static str> = Some("security_group_rule");

    stored!(security_group_rules);

    fn before(state: &mut Network, change: &Change<'_>) {
        SecurityGroup::before(state, change);
    }

    fn is_open(&self, state: &Network, caller: &Caller) -> bool {
        let group = state.security_groups.get(&self.security_group_id);
        group.is_some_and(|group| caller.project() == Some(group.standard.project_id.as_str()))
    }

    fn is_kept_by(&self, state: &Network, caller: &Caller) -> bool {
        let group = state.security_groups.get(&self.security_group_id);
        group.is_some_and(|group| owns(caller, &group.standard.project_id))
    }

    fn show(&self, _state: &Network, _caller: &Caller, name: &str) -> Value {
        let traffic = &self.traffic;
        match name {
            "security_group_id" => json!(self.security_group_id),
            "ethertype" => json!(traffic.ethertype),
            "direction" => json!(traffic.direction),
            "protocol" => json!(traffic.protocol),
            "port_range_min" => json!(traffic.port_range_min),
            "port_range_max" => json!(traffic.port_range_max),
            "remote_ip_prefix" => json!(traffic.remote_ip_prefix),
            "normalized_cidr" => {
                let cidr: Option<Cidr> =
                    traffic.remote_ip_prefix.as_ref().and_then(|it| it.parse().ok());
                json!(cidr)
            }
            "remote_group_id" => json!(traffic.remote_group_id),
            _ => Value::Null,
        }
    }

    fn missing(id: &str) -> Refusal {
        let text = format!("Security group rule {id} does not exist");
        Refusal::missing("SecurityGroupRuleNotFound", text)
    }

    fn hidden(_id: &str) -> Refusal {
        Refusal::nowhere()
    }

    fn together(items: &[Map<String, Value>]) -> Result<(), Refusal> {
        let mut seen = Vec::new();
        for item in items {
            let rule = (text(item, "security_group_id"), key(&read(item)?));
            if seen.contains(&rule) {
                let text = "Duplicate Security Group Rule in POST.";
                return Err(Refusal::conflict("DuplicateSecurityGroupRuleInPost", text));
            }
            seen.push(rule);
        }
        Ok(())
    }

    fn create(
        state: &mut Network,
        change: &mut Change<'_>,
        item: Map<String, Value>,
    ) -> Result<String, Refusal> {
        let traffic = read(&item)?;
        let caller = change.caller();
        for id in traffic.remote_group_id.iter().chain([&text(&item, "security_group_id")]) {
            let known = state.security_groups.get(id).is_some_and(|it| sees(state, caller, it));
            if !known {
                return Err(SecurityGroup::missing(id));
            }
        }
        let group = find::<SecurityGroup>(state, caller, &text(&item, "security_group_id"))?;
        if !owns(caller, &group.standard.project_id) {
            return Err(SecurityGroup::missing(&group.standard.id));
        }
        let group = group.standard.id.clone();
        let wanted = key(&traffic);
        if let Some(other) = state.rules_of(&group).find(|rule| key(&rule.traffic) == wanted) {
            return Err(Refusal::conflict(
                "SecurityGroupRuleExists",
                format!("Security group rule already exists. Rule id is {}.", other.standard.id),
            ));
        }
        let mut rule = Self {
            standard: change.standard(&text(&item, "project_id")),
            security_group_id: group.clone(),
            traffic,
        };
        rename(&mut rule.standard, &item);
        let id = rule.standard.id.clone();
        state.put_rule(rule);
        if let Some(group) = state.security_groups.get_mut(&group) {
            group.standard.touch(change.now);
        }
        Ok(id)
    }

    fn update(
        _state: &mut Network,
        _change: &mut Change<'_>,
        _id: &str,
        _item: Map<String, Value>,
    ) -> Result<(), Refusal> {
        // Neutron offers this and stumbles over it.
        Err(Refusal::internal())
    }

    fn delete(state: &mut Network, change: &mut Change<'_>, id: &str) -> Result<(), Refusal> {
        let rule = state.take_rule(id).ok_or_else(|| Self::missing(id))?;
        if let Some(group) = state.security_groups.get_mut(&rule.security_group_id) {
            group.standard.touch(change.now);
        }
        Ok(())
    }
}

/// What makes two rules the same: everything means the same as nothing, names as numbers.
fn key(traffic: &Traffic) -> Traffic {
    let mut key = traffic.clone();
    key.remote_ip_prefix =
        key.remote_ip_prefix.filter(|it| !["0.0.0.0/0", "::/0"].contains(&it.as_str()));
    key.protocol = key.protocol.map(|it| number(&it).map_or(it, |number| number.to_string()));
    key
}

/// The number of a protocol.
fn number(protocol: &str) -> Option<u8> {
    let known = PROTOCOLS.iter().find(|(name, _)| *name == protocol).map(|(_, number)| *number);
    known.or_else(|| protocol.parse().ok())
}

fn read_protocol(value: &Value) -> Result<Option<String>, Refusal> {
    if value.is_null() {
        return Ok(None);
    }
    let shown = python(value);
    let lower = shown.to_lowercase();
    let named = value.is_string() && PROTOCOLS.iter().any(|(name, _)| *name == lower);
    if named || shown.parse::<u8>().is_ok() {
        return Ok(Some(lower));
    }
    let names: Vec<String> = std::iter::once("None".to_owned())
        .chain(PROTOCOLS.iter().map(|(name, _)| format!("'{name}'")))
        .collect();
    Err(Refusal::wrong(
        "SecurityGroupRuleInvalidProtocol",
        format!(
            "Security group rule protocol {shown} not supported. Only protocol values [{}] and \
             integer representations [0 to 255] are supported.",
            names.join(", ")
        ),
    ))
}

fn read_port(value: &Value) -> Result<Option<i64>, Refusal> {
    if value.is_null() {
        return Ok(None);
    }
    let shown = python(value);
    let port = shown.parse::<i64>().ok().filter(|port| (0..=65_535).contains(port));
    let wrong = || {
        let text = format!("Invalid value for port {shown}");
        Refusal::wrong("SecurityGroupInvalidPortValue", text)
    };
    port.map(Some).ok_or_else(wrong)
}

fn read_prefix(value: &Value) -> Result<Option<String>, Refusal> {
    if value.is_null() {
        return Ok(None);
    }
    let shown = python(value);
    if let Ok(address) = shown.parse::<IpAddr>() {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        return Ok(Some(format!("{address}/{bits}")));
    }
    if shown.parse::<Cidr>().is_ok() {
        return Ok(Some(shown));
    }
    let text = format!("Invalid CIDR {shown} given as IP prefix.");
    Err(Refusal::wrong("InvalidCIDR", text))
}

/// The traffic that a body is about.
pub(crate) fn read(item: &Map<String, Value>) -> Result<Traffic, Refusal> {
    let get = |name: &str| item.get(name).cloned().unwrap_or_default();
    let shown = python(&get("ethertype"));
    let ethertype = ["IPv4", "IPv6"].into_iter().find(|it| it.eq_ignore_ascii_case(&shown));
    let ethertype = ethertype.ok_or_else(|| {
        Refusal::wrong(
            "SecurityGroupRuleInvalidEtherType",
            format!(
                "Security group rule for ethertype '{shown}' not supported. Allowed values are \
                 ['IPv4', 'IPv6']."
            ),
        )
    })?;
    let mut traffic = Traffic {
        direction: text(item, "direction"),
        ethertype: ethertype.to_owned(),
        protocol: read_protocol(&get("protocol"))?,
        port_range_min: read_port(&get("port_range_min"))?,
        port_range_max: read_port(&get("port_range_max"))?,
        remote_ip_prefix: read_prefix(&get("remote_ip_prefix"))?,
        remote_group_id: text_or_null(item, "remote_group_id"),
    };
    if ethertype == "IPv6" {
        match traffic.protocol.as_deref() {
            Some("icmp" | "icmpv6") => traffic.protocol = Some("ipv6-icmp".to_owned()),
            Some("1") => traffic.protocol = Some("58".to_owned()),
            _ => {}
        }
    }
    if (traffic.port_range_min, traffic.port_range_max) == (Some(1), Some(65_535)) {
        (traffic.port_range_min, traffic.port_range_max) = (None, None);
    }
    check_ports(&traffic)?;
    check_family(&traffic)?;
    if traffic.remote_ip_prefix.is_some() && traffic.remote_group_id.is_some() {
        let text = "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may \
                    be provided.";
        return Err(Refusal::wrong("SecurityGroupMultipleRemoteEntites", text));
    }
    Ok(traffic)
}

fn check_ports(traffic: &Traffic) -> Result<(), Refusal> {
    let (low, high) = (traffic.port_range_min, traffic.port_range_max);
    if low.is_none() && high.is_none() {
        return Ok(());
    }
    let Some(protocol) = &traffic.protocol else {
        let text = "Must also specify protocol if port range is given.";
        return Err(Refusal::wrong("SecurityGroupProtocolRequiredWithPorts", text));
    };
    let number = number(protocol).unwrap_or_default();
    if WITH_PORTS.contains(&number) {
        if low == Some(0) || high == Some(0) {
            return Err(Refusal::wrong(
                "SecurityGroupInvalidPortValue",
                "Invalid value for port 0",
            ));
        }
        return match (low, high) {
            (Some(low), Some(high)) if low <= high => Ok(()),
            _ => {
                let text = "For TCP/UDP protocols, port_range_min must be <= port_range_max";
                Err(Refusal::wrong("SecurityGroupInvalidPortRange", text))
            }
        };
    }
    if number != 1 && number != 58 {
        return Err(Refusal::wrong(
            "SecurityGroupInvalidProtocolForPort",
            format!(
                "Ports cannot be specified for protocol {number}. Ports are only supported for \
                 DCCP, SCTP, TCP, UDP, UDPLITE."
            ),
        ));
    }
    for (attr, field, value) in [("port_range_min", "type", low), ("port_range_max", "code", high)]
    {
        if let Some(value) = value.filter(|it| *it > 255) {
            return Err(Refusal::wrong(
                "SecurityGroupInvalidIcmpValue",
                format!("Invalid value for ICMP {field} ({attr}) {value}. It must be 0 to 255."),
            ));
        }
    }
    match (low, high) {
        (None, Some(code)) => Err(Refusal::wrong(
            "SecurityGroupMissingIcmpType",
            format!(
                "ICMP code (port-range-max) {code} is provided but ICMP type (port-range-min) is \
                 missing."
            ),
        )),
        _ => Ok(()),
    }
}

fn check_family(traffic: &Traffic) -> Result<(), Refusal> {
    let prefix = traffic.remote_ip_prefix.as_deref().unwrap_or_default();
    if let Ok(cidr) = prefix.parse::<Cidr>()
        && traffic.ethertype != format!("IPv{}", cidr.version())
    {
        return Err(Refusal::wrong(
            "SecurityGroupRuleParameterConflict",
            format!("Conflicting value ethertype {} for CIDR {prefix}", traffic.ethertype),
        ));
    }
    let protocol = traffic.protocol.as_deref().unwrap_or_default();
    let of_ipv6 = protocol.starts_with("ipv6-")
        || protocol == "icmpv6"
        || ["41", "43", "44", "58", "59", "60"].contains(&protocol);
    if of_ipv6 && traffic.ethertype == "IPv4" {
        return Err(Refusal::wrong(
            "SecurityGroupEthertypeConflictWithProtocol",
            format!("Invalid ethertype IPv4 for protocol {protocol}."),
        ));
    }
    Ok(())
}
