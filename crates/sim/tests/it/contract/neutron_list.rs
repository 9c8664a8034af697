//! Lists of networks: filters, sorting, pages.

use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::neutron::{get, made, quietly};
use super::script::Script;
use crate::client::Answer;

/// The names in a list, without what belongs to the run.
fn names(answer: &Answer, bed: &Bed) -> String {
    let body = answer.json();
    let list = body["networks"].as_array().unwrap_or_else(|| panic!("no list: {}", answer.text));
    let names = list.iter().map(|it| text(it, "name").replace(&format!("{}-", bed.run), ""));
    names.collect::<Vec<_>>().join(" ")
}

/// The relations of the links of a page.
fn links(answer: &Answer) -> String {
    let body = answer.json();
    let links = body["networks_links"].as_array().cloned().unwrap_or_default();
    links.iter().map(|it| text(it, "rel").to_owned()).collect::<Vec<_>>().join(" ")
}

pub(crate) async fn list(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let tag = &bed.run;
    for (name, up) in [("a", true), ("b", false), ("c", true), ("d", true), ("e", false)] {
        let extra = json!({"admin_state_up": up, "description": format!("number {name}")});
        let id = made(bed, script, member, ("networks", name), extra).await;
        let tags: Value = match name {
            "a" => json!({"tags": [tag, bed.name("red")]}),
            "b" => json!({"tags": [tag, bed.name("red"), bed.name("blue")]}),
            _ => json!({"tags": [tag]}),
        };
        let set = quietly(member, "PUT", &format!("/networks/{id}/tags"), Some(&tags)).await;
        assert_eq!(set.status, 200, "{}", set.text);
    }
    let mine = format!("/networks?tags={tag}&sort_key=name&sort_dir=asc");
    script.part("filters");
    for query in [
        String::new(),
        "&admin_state_up=true".to_owned(),
        "&admin_state_up=False".to_owned(),
        "&admin_state_up=1".to_owned(),
        format!("&name={}", bed.name("b")),
        format!("&name={}&name={}", bed.name("b"), bed.name("d")),
        "&name=nothing".to_owned(),
        "&description=number%20c".to_owned(),
        "&shared=true".to_owned(),
        "&router%3Aexternal=false".to_owned(),
        "&status=ACTIVE".to_owned(),
        "&status=DOWN".to_owned(),
        "&mtu=1442".to_owned(),
        format!("&project_id={}", member.project.as_deref().expect("a project")),
        format!("&tenant_id={}", bed.other.project.as_deref().expect("a project")),
        format!("&not-tags={}", bed.name("red")),
        format!("&not-tags={},{}", bed.name("red"), bed.name("blue")),
        format!("&not-tags-any={},{}", bed.name("red"), bed.name("blue")),
        "&revision_number=2".to_owned(),
    ] {
        let listed = quietly(member, "GET", &format!("{mine}{query}"), None).await;
        script.note(&format!("{query}: {}", names(&listed, bed)));
    }
    let (red, blue) = (bed.name("red"), bed.name("blue"));
    for query in [
        format!("tags={red}"),
        format!("tags={red},{blue}"),
        format!("tags-any={red},{blue}"),
        format!("tags-any={red},{blue}&name={}", bed.name("a")),
        format!("tags={red}&not-tags={blue}"),
    ] {
        let path = format!("/networks?{query}&sort_key=name&sort_dir=asc");
        let listed = quietly(member, "GET", &path, None).await;
        script.note(&format!("{query}: {}", names(&listed, bed)));
    }
    script.part("refused");
    for query in [
        "tags=x&tags-any=y",
        "sort_key=description&sort_dir=asc",
        "colour=red",
        "colour=red&size=5",
        "admin_state_up=perhaps",
        "limit=x",
        "limit=-1",
        "sort_key=name",
        "sort_key=colour&sort_dir=asc",
        "sort_key=name&sort_dir=up",
        "limit=2&marker=nonsense",
        "changed_since=yesterday",
    ] {
        get(script, member, &format!("/networks?{query}")).await;
    }
    script.part("fields");
    for fields in
        ["fields=name", "fields=name&fields=tenant_id", "fields=colour", "fields=name&fields=id"]
    {
        get(script, member, &format!("/networks?name={}&{fields}", bed.name("a"))).await;
    }
    script.part("sorted");
    for sort in [
        "sort_key=name&sort_dir=desc",
        "sort_key=admin_state_up&sort_dir=asc&sort_key=name&sort_dir=desc",
        "sort_key=name&sort_dir=asc&sort_key=id&sort_dir=asc",
    ] {
        let listed = quietly(member, "GET", &format!("/networks?tags={tag}&{sort}"), None).await;
        script.note(&format!("{sort}: {}", names(&listed, bed)));
    }
    pages(bed, script, &mine).await;
    script.part("links");
    get(
        script,
        member,
        &format!("/networks?tags={tag}&sort_key=name&sort_dir=asc&limit=1&fields=name&fields=id"),
    )
    .await;
    get(
        script,
        member,
        &format!("/networks?tags={tag}&limit=0&name={}&fields=name", bed.name("a")),
    )
    .await;
}

/// Goes through the list in pages, forwards and backwards.
async fn pages(bed: &Bed, script: &mut Script, mine: &str) {
    let member = &bed.member;
    script.part("pages");
    let mut path = format!("{mine}&limit=2");
    for _ in 0..4 {
        let page = quietly(member, "GET", &path, None).await;
        script.note(&format!("{}: {}", names(&page, bed), links(&page)));
        let body = page.json();
        let Some(last) = body["networks"].as_array().and_then(|it| it.last()) else { break };
        path = format!("{mine}&limit=2&marker={}", text(last, "id"));
    }
    script.part("pages backwards");
    let mut path = format!("{mine}&limit=2&page_reverse=true");
    for _ in 0..4 {
        let page = quietly(member, "GET", &path, None).await;
        script.note(&format!("{}: {}", names(&page, bed), links(&page)));
        let body = page.json();
        let Some(first) = body["networks"].as_array().and_then(|it| it.first()) else { break };
        path = format!("{mine}&limit=2&page_reverse=True&marker={}", text(first, "id"));
    }
}

/// Every name that some collection may be filtered or sorted by, and one that none may.
const NAMES: &[&str] = &[
    "action",
    "address_scope_id",
    "admin_state_up",
    "allocation_pools",
    "allowed_address_pairs",
    "availability_zone_hints",
    "availability_zones",
    "binding:host_id",
    "binding:profile",
    "binding:vif_details",
    "binding:vif_type",
    "binding:vnic_type",
    "cidr",
    "colour",
    "created_at",
    "default_prefixlen",
    "default_quota",
    "description",
    "device_id",
    "device_owner",
    "direction",
    "distributed",
    "dns_assignment",
    "dns_domain",
    "dns_name",
    "dns_nameservers",
    "enable_dhcp",
    "ethertype",
    "external_gateway_info",
    "extra_dhcp_opts",
    "fixed_ip_address",
    "fixed_ips",
    "flavor_id",
    "floating_ip_address",
    "floating_network_id",
    "gateway_ip",
    "ha",
    "host_routes",
    "id",
    "ip_allocation",
    "ip_version",
    "ipv4_address_scope",
    "ipv6_address_mode",
    "ipv6_address_scope",
    "ipv6_ra_mode",
    "is_default",
    "l2_adjacency",
    "mac_address",
    "max_prefixlen",
    "min_prefixlen",
    "mtu",
    "name",
    "network_id",
    "normalized_cidr",
    "object_id",
    "object_type",
    "port_details",
    "port_forwardings",
    "port_id",
    "port_range_max",
    "port_range_min",
    "port_security_enabled",
    "prefixes",
    "prefixlen",
    "project_id",
    "protocol",
    "provider:network_type",
    "provider:physical_network",
    "provider:segmentation_id",
    "qos_network_policy_id",
    "qos_policy_id",
    "remote_address_group_id",
    "remote_group_id",
    "remote_ip_prefix",
    "resource_request",
    "revision_number",
    "router:external",
    "router_id",
    "routes",
    "rules",
    "security_group_id",
    "security_group_rules",
    "security_groups",
    "segment_id",
    "service_types",
    "shared",
    "stateful",
    "status",
    "subnet_id",
    "subnetpool_id",
    "subnets",
    "tags",
    "target_tenant",
    "tenant_id",
    "updated_at",
    "use_default_subnetpool",
    "vlan_transparent",
];

/// A value that does not get in the way: names are judged after values are read.
fn sample(name: &str) -> &'static str {
    match name {
        "ethertype" => "IPv4",
        "fixed_ips" => "ip_address=10.0.0.1",
        "object_type" => "network",
        "remote_ip_prefix" | "normalized_cidr" => "10.0.0.0/8",
        _ => "1",
    }
}

/// The names that a refusal does not complain of.
fn accepted(answer: &Answer) -> String {
    let body = answer.json();
    let refused = text(&body["NeutronError"], "message").to_owned();
    assert!(refused.contains("'colour'"), "this is about something else: {refused}");
    let names = NAMES.iter().filter(|name| !refused.contains(&format!("'{name}'")));
    names.copied().collect::<Vec<_>>().join(" ")
}

/// What each collection may be filtered and sorted by.
pub(crate) async fn names_of_attributes(bed: &Bed, script: &mut Script) {
    for collection in [
        "networks",
        "subnets",
        "ports",
        "routers",
        "floatingips",
        "security-groups",
        "security-group-rules",
        "rbac-policies",
        "subnetpools",
        "address-scopes",
        "qos/policies",
    ] {
        script.part(collection);
        let filters: Vec<String> =
            NAMES.iter().map(|name| format!("{name}={}", sample(name))).collect();
        let path = format!("/{collection}?{}", filters.join("&"));
        let refused = quietly(&bed.admin, "GET", &path, None).await;
        script.note(&format!("filters: {} {}", refused.status, accepted(&refused)));
        let sorts: Vec<String> =
            NAMES.iter().map(|name| format!("sort_key={name}&sort_dir=asc")).collect();
        let path = format!("/{collection}?{}", sorts.join("&"));
        let refused = quietly(&bed.admin, "GET", &path, None).await;
        script.note(&format!("sorts: {} {}", refused.status, accepted(&refused)));
    }
}
