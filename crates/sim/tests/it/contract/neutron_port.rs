//! Ports.

use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::neutron::{NOWHERE, delete, get, made, name_parts, post, put};
use super::script::Script;
use crate::client::Session;

/// A network with one subnet, `10.50.0.0/24`.
pub(crate) async fn network(
    bed: &Bed,
    script: &mut Script,
    who: &Session,
    name: &str,
) -> (String, String) {
    let network = made(bed, script, who, ("networks", name), json!({})).await;
    let extra = json!({"network_id": network, "ip_version": 4, "cidr": "10.50.0.0/24"});
    let subnet = made(bed, script, who, ("subnets", &format!("{name} subnet")), extra).await;
    (network, subnet)
}

/// The group `default` of a session's project.
pub(crate) async fn default_group(script: &mut Script, who: &Session) -> String {
    let path = format!(
        "/security-groups?name=default&project_id={}",
        who.project.as_deref().expect("a project")
    );
    let found = super::neutron::quietly(who, "GET", &path, None).await.json();
    let id = text(&found["security_groups"][0], "id").to_owned();
    script.name(&id, "<default group>");
    id
}

pub(crate) async fn create(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let group = default_group(script, member).await;
    let (network, subnet) = network(bed, script, member, "network").await;
    script.part("created");
    for (name, port) in [
        ("fixed", json!({"fixed_ips": [{"ip_address": "10.50.0.50"}]})),
        ("in subnet", json!({"fixed_ips": [{"subnet_id": subnet, "ip_address": "10.50.0.51"}]})),
        ("none", json!({"fixed_ips": []})),
        (
            "full",
            json!({
                "fixed_ips": [{"ip_address": "10.50.0.52"}, {"ip_address": "10.50.0.53"}],
                "description": "all", "admin_state_up": false, "device_id": "a device",
                "device_owner": "somebody", "mac_address": "02:00:00:0a:0b:0c",
                "security_groups": [group], "dns_name": "host",
                "allowed_address_pairs": [{"ip_address": "10.50.0.99"},
                    {"ip_address": "10.51.0.0/24", "mac_address": "02:00:00:0a:0b:0d"}],
                "extra_dhcp_opts": [{"opt_name": "mtu", "opt_value": "1400"}],
            }),
        ),
        (
            "open",
            json!({
                "fixed_ips": [{"ip_address": "10.50.0.54"}], "port_security_enabled": false,
            }),
        ),
        (
            "groupless",
            json!({
                "fixed_ips": [{"ip_address": "10.50.0.55"}], "security_groups": [],
            }),
        ),
    ] {
        let mut body = json!({"network_id": network, "name": bed.name(name)});
        body.as_object_mut().expect("fields").extend(port.as_object().expect("fields").clone());
        let made = post(script, member, "/ports", json!({"port": body})).await.json();
        if let Some(id) = made["port"]["id"].as_str() {
            script.name(id, &format!("<{name}>"));
        }
    }
    script.part("by itself");
    let body = json!({"port": {"network_id": network, "name": bed.name("free")}});
    let made = super::neutron::quietly(member, "POST", "/ports", Some(&body)).await.json();
    name_parts(script, &made["port"], "free");
    get(script, member, &format!("/ports/{}", text(&made["port"], "id"))).await;
    get(script, &bed.admin, &format!("/ports/{}", text(&made["port"], "id"))).await;
    script.part("refused");
    for port in refused(&network, &subnet, bed) {
        post(script, member, "/ports", json!({"port": port})).await;
    }
}

fn refused(network: &str, subnet: &str, bed: &Bed) -> Vec<Value> {
    let with = |extra: Value| {
        let mut body = json!({"network_id": network});
        body.as_object_mut().expect("fields").extend(extra.as_object().expect("fields").clone());
        body
    };
    vec![
        json!({}),
        json!({"network_id": NOWHERE}),
        json!({"network_id": "nonsense"}),
        with(json!({"fixed_ips": [{"ip_address": "10.50.0.50"}]})),
        with(json!({"fixed_ips": [{"subnet_id": subnet, "ip_address": "10.50.0.50"}]})),
        with(json!({"fixed_ips": [{"ip_address": "10.77.0.1"}]})),
        with(json!({"fixed_ips": [{"subnet_id": subnet, "ip_address": "10.77.0.1"}]})),
        with(json!({"fixed_ips": [{"ip_address": "10.50.0.255"}]})),
        with(json!({"fixed_ips": [{"ip_address": "nonsense"}]})),
        with(json!({"fixed_ips": [{"subnet_id": NOWHERE}]})),
        with(json!({"fixed_ips": [{"subnet_id": "nonsense"}]})),
        with(json!({"fixed_ips": [{}]})),
        with(json!({"fixed_ips": "10.50.0.60"})),
        with(json!({"fixed_ips": [{"ip_address": "10.50.0.61"}, {"ip_address": "10.50.0.61"}]})),
        with(json!({"mac_address": "02:00:00:0a:0b:0c"})),
        with(json!({"mac_address": "nonsense"})),
        with(json!({"security_groups": [NOWHERE]})),
        with(json!({"security_groups": ["nonsense"]})),
        with(json!({"security_groups": "nonsense"})),
        with(json!({"port_security_enabled": false, "security_groups": [NOWHERE]})),
        with(json!({"port_security_enabled": false,
            "allowed_address_pairs": [{"ip_address": "10.0.0.1"}]})),
        with(json!({"allowed_address_pairs": [{"mac_address": "02:00:00:0a:0b:0d"}]})),
        with(json!({"allowed_address_pairs": [{"ip_address": "nonsense"}]})),
        with(json!({"allowed_address_pairs": "nonsense"})),
        with(json!({"allowed_address_pairs": [{"ip_address": "10.0.0.1"},
            {"ip_address": "10.0.0.1"}]})),
        with(json!({"binding:host_id": "somewhere"})),
        with(json!({"binding:profile": {"a": "b"}})),
        with(json!({"binding:vnic_type": "magic"})),
        with(json!({"status": "ACTIVE"})),
        with(json!({"admin_state_up": "perhaps"})),
        with(json!({"device_id": "d".repeat(256)})),
        with(json!({"qos_policy_id": NOWHERE})),
        with(json!({"extra_dhcp_opts": [{"opt_name": "mtu"}]})),
        with(json!({"project_id": bed.other.project})),
        with(json!({"colour": "red"})),
    ]
}

pub(crate) async fn change(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let group = default_group(script, member).await;
    let (network, subnet) = network(bed, script, member, "network").await;
    let extra = json!({"network_id": network, "fixed_ips": [{"ip_address": "10.50.0.50"}]});
    let port = made(bed, script, member, ("ports", "port"), extra).await;
    let extra = json!({"network_id": network, "fixed_ips": [{"ip_address": "10.50.0.60"}]});
    made(bed, script, member, ("ports", "neighbour"), extra).await;
    let path = format!("/ports/{port}");
    script.part("changed");
    for change in [
        json!({"name": bed.name("renamed"), "description": "new"}),
        json!({"admin_state_up": false}),
        json!({"fixed_ips": [{"ip_address": "10.50.0.50"}, {"ip_address": "10.50.0.51"}]}),
        json!({"fixed_ips": [{"subnet_id": subnet, "ip_address": "10.50.0.52"}]}),
        json!({"device_id": "a device", "device_owner": "compute:nova"}),
        json!({"device_id": "", "device_owner": ""}),
        json!({"allowed_address_pairs": [{"ip_address": "10.0.0.9"}]}),
        json!({"allowed_address_pairs": []}),
        json!({"extra_dhcp_opts": [{"opt_name": "mtu", "opt_value": "1300"}]}),
        json!({"extra_dhcp_opts": [{"opt_name": "mtu", "opt_value": null}]}),
        json!({"security_groups": []}),
        json!({"port_security_enabled": false}),
        json!({"port_security_enabled": true, "security_groups": [group]}),
        json!({"dns_name": "host"}),
        json!({"binding:vnic_type": "direct"}),
    ] {
        put(script, member, &path, json!({"port": change})).await;
    }
    script.part("refused");
    for change in [
        json!({"network_id": network}),
        json!({"fixed_ips": [{"ip_address": "10.50.0.60"}]}),
        json!({"fixed_ips": [{"ip_address": "10.99.0.60"}]}),
        json!({"port_security_enabled": false}),
        json!({"mac_address": "02:00:00:0a:0b:0c"}),
        json!({"binding:host_id": "somewhere"}),
        json!({"security_groups": [NOWHERE]}),
        json!({"status": "ACTIVE"}),
        json!({"tenant_id": bed.other.project}),
    ] {
        put(script, member, &path, json!({"port": change})).await;
    }
    script.part("by an administrator");
    put(script, &bed.admin, &path, json!({"port": {"mac_address": "02:00:00:0a:0b:0e"}})).await;
    put(script, &bed.admin, &path, json!({"port": {"binding:profile": {"a": "b"}}})).await;
    script.part("lists");
    for query in [
        "fixed_ips=ip_address%3D10.50.0.52",
        "fixed_ips=ip_address%3D10.50.0.60",
        "fixed_ips=ip_address_substr%3D.60",
        "device_id=nothing",
        "mac_address=02:00:00:0a:0b:0e",
        "status=ACTIVE",
        "binding:host_id=nowhere",
        "colour=red",
    ] {
        get(script, member, &format!("/ports?network_id={network}&fields=name&{query}")).await;
    }
    let path_of_subnet = format!("/ports?network_id={network}&fixed_ips=subnet_id%3D{subnet}");
    get(script, member, &format!("{path_of_subnet}&fields=name&sort_key=name&sort_dir=asc")).await;
    script.part("deleted");
    get(script, &bed.other, &path).await;
    delete(script, &bed.other, &path).await;
    delete(script, member, &path).await;
    delete(script, member, &path).await;
    get(script, member, &path).await;
    put(script, member, &path, json!({"port": {"name": "x"}})).await;
}

pub(crate) async fn shared(bed: &Bed, script: &mut Script) {
    let admin = &bed.admin;
    let guest = &bed.other;
    default_group(script, guest).await;
    let shared = json!({"shared": true});
    let network = made(bed, script, admin, ("networks", "network"), shared).await;
    let extra = json!({"network_id": network, "ip_version": 4, "cidr": "10.52.0.0/24"});
    let subnet = made(bed, script, admin, ("subnets", "subnet"), extra).await;
    script.part("guests");
    get(script, guest, &format!("/subnets/{subnet}?fields=name&fields=cidr")).await;
    for port in [
        json!({"fixed_ips": [{"ip_address": "10.52.0.50"}]}),
        json!({"mac_address": "02:00:00:0a:0b:0c"}),
        json!({"port_security_enabled": false}),
        json!({"device_owner": "network:router_interface"}),
        json!({"allowed_address_pairs": [{"ip_address": "10.0.0.1"}]}),
        json!({"name": bed.name("both"), "fixed_ips": [{"ip_address": "10.52.0.50"}],
            "mac_address": "02:00:00:0a:0b:0c"}),
    ] {
        let mut body = json!({"network_id": network});
        body.as_object_mut().expect("fields").extend(port.as_object().expect("fields").clone());
        post(script, guest, "/ports", json!({"port": body})).await;
    }
    let body = json!({"network_id": network, "fixed_ips": [{"subnet_id": subnet}]});
    let port = made(bed, script, guest, ("ports", "guest"), body).await;
    let path = format!("/ports/{port}");
    get(script, guest, &path).await;
    put(script, guest, &path, json!({"port": {"fixed_ips": [{"ip_address": "10.52.0.9"}]}})).await;
    put(script, guest, &path, json!({"port": {"name": bed.name("renamed")}})).await;
    get(script, &bed.member, &path).await;
    script.part("subnets of guests");
    let body = json!({"network_id": network, "ip_version": 4, "cidr": "10.53.0.0/24"});
    post(script, guest, "/subnets", json!({"subnet": body})).await;
    delete(script, guest, &format!("/subnets/{subnet}")).await;
    script.part("in use");
    delete(script, admin, &format!("/networks/{network}")).await;
    delete(script, guest, &path).await;
    delete(script, admin, &format!("/networks/{network}")).await;
}
