//! Subnets and the pools they are cut from.

use serde_json::json;

use super::bed::{Bed, text};
use super::neutron::{NOWHERE, delete, get, made, name_parts, post, put, quietly};
use super::script::Script;

pub(crate) async fn create(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let network = made(bed, script, member, ("networks", "network"), json!({})).await;
    script.part("created");
    for (name, subnet) in [
        ("plain", json!({"cidr": "10.20.0.0/24"})),
        ("bare", json!({"cidr": "10.20.1.0/24", "gateway_ip": null, "enable_dhcp": false})),
        (
            "full",
            json!({
                "cidr": "10.20.2.0/24", "gateway_ip": "10.20.2.254", "description": "all",
                "allocation_pools": [{"start": "10.20.2.10", "end": "10.20.2.20"},
                    {"start": "10.20.2.30", "end": "10.20.2.40"}],
                "dns_nameservers": ["192.0.2.1", "192.0.2.2"],
                "host_routes": [{"destination": "10.99.0.0/16", "nexthop": "10.20.2.1"}],
            }),
        ),
        ("middle", json!({"cidr": "10.20.3.0/24", "gateway_ip": "10.20.3.100"})),
        ("small", json!({"cidr": "10.20.4.0/30"})),
        ("outside", json!({"cidr": "10.20.5.0/24", "gateway_ip": "10.20.6.1"})),
        ("inexact", json!({"cidr": "10.20.7.7/24"})),
        ("tiny", json!({"cidr": "10.20.8.0/31", "enable_dhcp": false})),
    ] {
        let mut body = json!({"network_id": network, "ip_version": 4, "name": bed.name(name)});
        body.as_object_mut().expect("fields").extend(subnet.as_object().expect("fields").clone());
        let made = post(script, member, "/subnets", json!({"subnet": body})).await.json();
        name_parts(script, &made["subnet"], name);
    }
    get(
        script,
        member,
        &format!("/networks/{network}?fields=id&fields=name&fields=revision_number"),
    )
    .await;
    script.part("refused");
    for subnet in [
        json!({}),
        json!({"network_id": network}),
        json!({"network_id": network, "ip_version": 4}),
        json!({"network_id": network, "ip_version": 5, "cidr": "10.30.0.0/24"}),
        json!({"network_id": network, "ip_version": "four", "cidr": "10.30.0.0/24"}),
        json!({"network_id": NOWHERE, "ip_version": 4, "cidr": "10.30.0.0/24"}),
        json!({"network_id": "nonsense", "ip_version": 4, "cidr": "10.30.0.0/24"}),
        json!({"network_id": network, "ip_version": 6, "cidr": "10.30.0.0/24"}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.20.0.0/25"}),
        json!({"network_id": network, "ip_version": 4, "cidr": "nonsense"}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/33"}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24",
            "gateway_ip": "nonsense"}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24",
            "gateway_ip": "10.30.0.0"}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24",
            "gateway_ip": "2001:db8::1"}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24",
            "allocation_pools": [{"start": "10.30.0.1", "end": "10.30.0.9"}]}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24",
            "allocation_pools": [{"start": "10.30.0.9", "end": "10.30.0.2"}]}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24",
            "allocation_pools": [{"start": "10.31.0.2", "end": "10.31.0.9"}]}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24",
            "allocation_pools": [{"start": "10.30.0.2", "end": "10.30.0.9"},
                {"start": "10.30.0.5", "end": "10.30.0.12"}]}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24",
            "allocation_pools": [{"start": "10.30.0.2"}]}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24",
            "dns_nameservers": ["nonsense"]}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24",
            "dns_nameservers": ["192.0.2.1", "192.0.2.1"]}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24",
            "host_routes": [{"destination": "nonsense", "nexthop": "10.30.0.1"}]}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24",
            "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24",
            "service_types": ["x"]}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/31"}),
        json!({"network_id": network, "ip_version": 4, "cidr": 5}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24",
            "allocation_pools": "x"}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24",
            "allocation_pools": ["x"]}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24",
            "allocation_pools": [{"start": "x", "end": "10.30.0.9"}]}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24",
            "segment_id": NOWHERE}),
        json!({"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24", "colour": "red"}),
    ] {
        post(script, member, "/subnets", json!({"subnet": subnet})).await;
    }
    script.part("on another's network");
    let subnet = json!({"network_id": network, "ip_version": 4, "cidr": "10.40.0.0/24"});
    post(script, &bed.other, "/subnets", json!({"subnet": subnet})).await;
}

pub(crate) async fn change(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let network = made(bed, script, member, ("networks", "network"), json!({})).await;
    let extra = json!({"network_id": network, "ip_version": 4, "cidr": "10.21.0.0/24"});
    let subnet = made(bed, script, member, ("subnets", "subnet"), extra).await;
    let path = format!("/subnets/{subnet}");
    script.part("shown");
    get(script, member, &path).await;
    get(script, &bed.admin, &path).await;
    get(script, &bed.other, &path).await;
    get(script, member, &format!("/subnets/{NOWHERE}")).await;
    get(script, member, &format!("/subnets?network_id={network}&fields=name")).await;
    get(script, member, &format!("/subnets?network_id={network}&cidr=10.21.0.0/24&fields=cidr"))
        .await;
    script.part("changed");
    for change in [
        json!({"name": bed.name("renamed"), "description": "new"}),
        json!({"dns_nameservers": ["192.0.2.9"]}),
        json!({"host_routes": [{"destination": "10.98.0.0/16", "nexthop": "10.21.0.7"}]}),
        json!({"enable_dhcp": false}),
        json!({"allocation_pools": [{"start": "10.21.0.10", "end": "10.21.0.20"}]}),
        json!({"gateway_ip": "10.21.0.254"}),
        json!({"gateway_ip": null}),
    ] {
        put(script, member, &path, json!({"subnet": change})).await;
    }
    script.part("refused");
    for change in [
        json!({"cidr": "10.22.0.0/24"}),
        json!({"ip_version": 6}),
        json!({"network_id": NOWHERE}),
        json!({"gateway_ip": "10.21.0.15"}),
        json!({"allocation_pools": [{"start": "10.22.0.10", "end": "10.22.0.20"}]}),
    ] {
        put(script, member, &path, json!({"subnet": change})).await;
    }
    put(script, &bed.other, &path, json!({"subnet": {"name": "theirs"}})).await;
    script.part("deleted");
    let port = json!({"network_id": network});
    let port = made(bed, script, member, ("ports", "port"), port).await;
    delete(script, &bed.other, &path).await;
    delete(script, member, &path).await;
    let gone = quietly(member, "DELETE", &format!("/ports/{port}"), None).await;
    assert_eq!(gone.status, 204);
    delete(script, member, &path).await;
    delete(script, member, &path).await;
    get(
        script,
        member,
        &format!("/networks/{network}?fields=id&fields=subnets&fields=revision_number"),
    )
    .await;
}

pub(crate) async fn ipv6(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let network = made(bed, script, member, ("networks", "network"), json!({})).await;
    script.part("created");
    for (name, subnet) in [
        (
            "slaac",
            json!({"cidr": "2001:db8:1::/64", "ipv6_ra_mode": "slaac",
            "ipv6_address_mode": "slaac"}),
        ),
        (
            "stateful",
            json!({"cidr": "2001:db8:2::/64", "ipv6_ra_mode": "dhcpv6-stateful",
            "ipv6_address_mode": "dhcpv6-stateful"}),
        ),
        ("plain", json!({"cidr": "2001:db8:3::/64"})),
        ("anycast", json!({"cidr": "2001:db8:5::/64", "gateway_ip": "2001:db8:5::"})),
        ("given", json!({"cidr": "2001:db8:6::6/64", "gateway_ip": "2001:db8:6::1"})),
    ] {
        let mut body = json!({"network_id": network, "ip_version": 6, "name": bed.name(name)});
        body.as_object_mut().expect("fields").extend(subnet.as_object().expect("fields").clone());
        let made = post(script, member, "/subnets", json!({"subnet": body})).await.json();
        name_parts(script, &made["subnet"], name);
    }
    script.part("refused");
    for subnet in [
        json!({"cidr": "2001:db8:4::/64", "ipv6_ra_mode": "slaac",
            "ipv6_address_mode": "dhcpv6-stateful"}),
        json!({"cidr": "2001:db8:4::/80", "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}),
        json!({"cidr": "2001:db8:4::/64", "ipv6_ra_mode": "magic"}),
        json!({"cidr": "10.0.0.0/24"}),
        json!({"cidr": "2001:db8:4::/64", "gateway_ip": "10.0.0.1"}),
    ] {
        let mut body = json!({"network_id": network, "ip_version": 6});
        body.as_object_mut().expect("fields").extend(subnet.as_object().expect("fields").clone());
        post(script, member, "/subnets", json!({"subnet": body})).await;
    }
    script.part("a port by itself");
    let body = json!({"port": {
        "network_id": network, "name": bed.name("port"), "mac_address": "fa:16:3e:01:02:03",
    }});
    let port = quietly(member, "POST", "/ports", Some(&body)).await.json();
    let list = port["port"]["fixed_ips"].as_array().expect("addresses");
    let mut shown: Vec<String> = list
        .iter()
        .map(|it| {
            let address = text(it, "ip_address");
            let automatic = address.ends_with("f816:3eff:fe01:203");
            let prefix = address.split("::").next().unwrap_or_default();
            let prefix = prefix.split(':').take(3).collect::<Vec<_>>().join(":");
            // Which of the other subnets it comes from is Neutron's choice.
            if automatic { format!("{prefix} from its MAC") } else { "from a pool".to_owned() }
        })
        .collect();
    shown.sort();
    script.note(&shown.join(", "));
}

pub(crate) async fn pools(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    script.part("created");
    let scope = json!({"address_scope": {"name": bed.name("scope"), "ip_version": 4}});
    let made_scope = post(script, member, "/address-scopes", scope).await.json();
    let scope = text(&made_scope["address_scope"], "id").to_owned();
    script.name(&scope, "<scope>");
    let pool = json!({"subnetpool": {
        "name": bed.name("pool"), "prefixes": ["10.60.0.0/16"], "default_prefixlen": 26,
        "min_prefixlen": 24, "max_prefixlen": 28, "address_scope_id": scope,
    }});
    let made_pool = post(script, member, "/subnetpools", pool).await.json();
    let pool = text(&made_pool["subnetpool"], "id").to_owned();
    script.name(&pool, "<pool>");
    script.part("refused");
    for body in [
        json!({"name": "x"}),
        json!({"name": "x", "prefixes": []}),
        json!({"name": "x", "prefixes": ["nonsense"]}),
        json!({"name": "x", "prefixes": ["10.0.0.0/8", "2001:db8::/32"]}),
        json!({"name": "x", "prefixes": ["10.0.0.0/8"], "shared": true}),
        json!({"name": "x", "prefixes": ["10.0.0.0/8"], "is_default": true}),
        json!({"name": "x", "prefixes": ["10.0.0.0/8"], "address_scope_id": NOWHERE}),
    ] {
        post(script, member, "/subnetpools", json!({"subnetpool": body})).await;
    }
    script.part("cut");
    let network = made(bed, script, member, ("networks", "network"), json!({})).await;
    for (name, extra) in [("first", json!({})), ("second", json!({"prefixlen": 28}))] {
        let mut body = json!({
            "network_id": network, "ip_version": 4, "subnetpool_id": pool, "name": bed.name(name),
        });
        body.as_object_mut().expect("fields").extend(extra.as_object().expect("fields").clone());
        let made = post(script, member, "/subnets", json!({"subnet": body})).await.json();
        name_parts(script, &made["subnet"], name);
    }
    for extra in
        [json!({"prefixlen": 20}), json!({"prefixlen": 30}), json!({"cidr": "10.61.0.0/24"})]
    {
        let mut body = json!({"network_id": network, "ip_version": 4, "subnetpool_id": pool});
        body.as_object_mut().expect("fields").extend(extra.as_object().expect("fields").clone());
        post(script, member, "/subnets", json!({"subnet": body})).await;
    }
    get(script, member, &format!("/networks/{network}?fields=ipv4_address_scope")).await;
    script.part("changed and deleted");
    let path = format!("/subnetpools/{pool}");
    put(script, member, &path, json!({"subnetpool": {"name": bed.name("renamed")}})).await;
    put(script, member, &path, json!({"subnetpool": {"prefixes": ["10.62.0.0/16"]}})).await;
    get(script, &bed.other, &path).await;
    delete(script, member, &path).await;
    delete(script, member, &format!("/address-scopes/{scope}")).await;
    get(script, member, &format!("/address-scopes?name={}", bed.name("scope"))).await;
    get(script, member, &format!("/subnetpools/{NOWHERE}")).await;
    get(script, member, &format!("/address-scopes/{NOWHERE}")).await;
}
