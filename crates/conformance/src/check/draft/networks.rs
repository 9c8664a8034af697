//! Provider networks (scs-0126) and names (scs-0127), as a project sees them.

use serde_json::Value;

use crate::check::{Case, all_keep, breaks, number, object, unanswered, worth_knowing};
use crate::model::{Judgement, Reason, Verdict};
use crate::snapshot::{Item, Networks};

const NETWORK: &str = "network";
const POOL: &str = "subnet pool";

fn seen<'a>(case: &Case<'a>) -> Result<&'a Networks, Box<Judgement>> {
    let answer = &case.snapshot.networks;
    answer.given().ok_or_else(|| Box::new(unanswered(answer, "the provider networks")))
}

fn is(item: &Item, key: &str) -> bool {
    item.get(key).and_then(Value::as_bool) == Some(true)
}

/// Exactly one provider network is the default, and it is external.
pub(super) fn standard(case: &Case<'_>) -> Judgement {
    let networks = match seen(case) {
        Ok(networks) => &networks.provider,
        Err(judgement) => return *judgement,
    };
    let marked: Vec<_> = networks.iter().filter(|network| is(network, "is_default")).collect();
    if marked.is_empty() {
        let summary = format!("none of {} provider networks has is_default", networks.len());
        let judgement = Judgement::new(Verdict::Fail, Reason::Absent, summary);
        return Judgement { examined: networks.len(), ..judgement };
    }
    let mut findings = Vec::new();
    for network in &marked {
        if marked.len() > 1 {
            let evidence = format!("{} provider networks have is_default", marked.len());
            findings.push(breaks(object(NETWORK, network), evidence));
        }
        if !is(network, "router:external") {
            let evidence = "has is_default and is not external";
            findings.push(breaks(object(NETWORK, network), evidence));
        }
    }
    let others = networks.iter().filter(|network| !is(network, "is_default"));
    findings.extend(others.map(|network| {
        worth_knowing(
            object(NETWORK, network),
            "is another provider network, and there should be one",
        )
    }));
    all_keep(networks.len(), findings, "provider networks")
}

/// Servers in shared networks cannot pretend to be others.
pub(super) fn port_security(case: &Case<'_>) -> Judgement {
    let networks = match seen(case) {
        Ok(networks) => &networks.provider,
        Err(judgement) => return *judgement,
    };
    let shared: Vec<_> = networks.iter().filter(|network| is(network, "shared")).collect();
    if shared.is_empty() {
        let summary = "servers are plugged into no provider network";
        return Judgement::new(Verdict::Pass, Reason::NotApplicable, summary);
    }
    let open = shared.iter().filter(|network| !is(network, "port_security_enabled"));
    let findings = open.map(|network| breaks(object(NETWORK, network), "has no port security"));
    all_keep(shared.len(), findings.collect(), "shared networks")
}

fn pools(networks: &Networks, version: i64) -> Vec<&Item> {
    let pools = networks.pools.iter();
    pools.filter(|pool| is(pool, "shared") && number(pool, "ip_version") == Some(version)).collect()
}

/// Exactly one of the pools of a version is the default.
fn one_default(pools: &[&Item], version: i64) -> Judgement {
    let marked: Vec<_> = pools.iter().filter(|pool| is(pool, "is_default")).collect();
    if marked.is_empty() {
        let count = pools.len();
        let summary = format!("none of {count} shared subnet pools of IPv{version} has is_default");
        let judgement = Judgement::new(Verdict::Fail, Reason::Absent, summary);
        return Judgement { examined: count, ..judgement };
    }
    let mut findings = Vec::new();
    for pool in &marked {
        if marked.len() > 1 {
            let evidence = format!("{} pools of IPv{version} have is_default", marked.len());
            findings.push(breaks(object(POOL, pool), evidence));
        }
        if version == 6 && number(pool, "min_prefixlen").is_some_and(|length| length > 64) {
            findings.push(breaks(object(POOL, pool), "gives no prefix as large as /64"));
        }
    }
    all_keep(pools.len(), findings, "subnet pools")
}

/// Exactly one shared pool gives IPv6 prefixes by default.
pub(super) fn ipv6_pool(case: &Case<'_>) -> Judgement {
    match seen(case) {
        Ok(networks) => one_default(&pools(networks, 6), 6),
        Err(judgement) => *judgement,
    }
}

/// If there are shared pools of IPv4 prefixes, exactly one is the default.
pub(super) fn ipv4_pool(case: &Case<'_>) -> Judgement {
    let pools = match seen(case) {
        Ok(networks) => pools(networks, 4),
        Err(judgement) => return *judgement,
    };
    if pools.is_empty() {
        let summary = "there is no shared subnet pool of IPv4, and none is demanded";
        return Judgement::new(Verdict::Pass, Reason::NotApplicable, summary);
    }
    one_default(&pools, 4)
}

/// Extensions that contain another one's functions.
const DNS_EXTENSIONS: [&str; 4] = [
    "dns-integration",
    "dns-domain-ports",
    "subnet-dns-publish-fixed-ip",
    "dns-integration-domain-keywords",
];

/// An extension is there, or one that contains it.
fn extension(networks: &Networks, least: usize) -> Judgement {
    let known = DNS_EXTENSIONS.get(least..).unwrap_or_default();
    let found = known.iter().find(|name| networks.extensions.iter().any(|alias| alias == *name));
    let judgement = if let Some(name) = found {
        let summary = format!("the network service has the extension {name}");
        Judgement::new(Verdict::Pass, Reason::Kept, summary)
    } else {
        let names = known.join(", ");
        let summary = format!("the network service has none of the extensions {names}");
        Judgement::new(Verdict::Fail, Reason::Absent, summary)
    };
    Judgement { examined: networks.extensions.len(), ..judgement }
}

/// Servers have names in their networks.
pub(super) fn dns_integration(case: &Case<'_>) -> Judgement {
    seen(case).map_or_else(|judgement| *judgement, |networks| extension(networks, 0))
}

/// Where DNS is a service, ports have domains.
pub(super) fn dns_domain_ports(case: &Case<'_>) -> Judgement {
    if !case.snapshot.has_service("dns") {
        let summary = "there is no dns in the catalogue, so nothing is demanded of it";
        return Judgement::new(Verdict::Pass, Reason::NotApplicable, summary);
    }
    seen(case).map_or_else(|judgement| *judgement, |networks| extension(networks, 1))
}
