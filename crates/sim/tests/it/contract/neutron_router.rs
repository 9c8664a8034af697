//! Routers and floating IPs.

use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::neutron::{NOWHERE, delete, get, made, name_parts, post, public, put, quietly};
use super::neutron_port::network;
use super::script::Script;
use crate::client::Session;

/// Names the port of an interface.
fn name_interface(script: &mut Script, interface: &Value, name: &str) {
    if let Some(port) = interface["port_id"].as_str() {
        script.name(port, &format!("<{name}>"));
    }
}

pub(crate) async fn interfaces(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let (first, subnet) = network(bed, script, member, "first").await;
    let (_, twin) = network(bed, script, member, "twin").await;
    let extra = json!({
        "network_id": first, "ip_version": 4, "cidr": "10.54.0.0/24", "gateway_ip": null,
    });
    let bare = made(bed, script, member, ("subnets", "bare"), extra).await;
    script.part("created");
    let body = json!({"router": {
        "name": bed.name("router"), "description": "a router", "admin_state_up": false,
    }});
    let router = post(script, member, "/routers", body).await.json();
    name_parts(script, &router["router"], "router");
    let id = text(&router["router"], "id").to_owned();
    let path = format!("/routers/{id}");
    for router in [
        json!({"colour": "red"}),
        json!({"status": "ACTIVE"}),
        json!({"routes": []}),
        json!({"ha": true}),
        json!({"distributed": true}),
        json!({"name": "n".repeat(256)}),
        json!({"availability_zone_hints": ["nowhere"]}),
        json!({"project_id": bed.other.project}),
    ] {
        post(script, member, "/routers", json!({"router": router})).await;
    }
    script.part("changed");
    put(script, member, &path, json!({"router": {"name": bed.name("renamed")}})).await;
    put(script, member, &path, json!({"router": {"admin_state_up": true}})).await;
    put(script, member, &path, json!({"router": {"colour": "red"}})).await;
    put(script, &bed.other, &path, json!({"router": {"name": "theirs"}})).await;
    put(script, member, &format!("/routers/{NOWHERE}"), json!({"router": {}})).await;
    script.part("interfaces");
    let add = format!("{path}/add_router_interface");
    let added = put(script, member, &add, json!({"subnet_id": subnet})).await.json();
    name_interface(script, &added, "interface");
    let port =
        json!({"network_id": first, "fixed_ips": [{"subnet_id": bare, "ip_address": "10.54.0.7"}]});
    let port = made(bed, script, member, ("ports", "port"), port).await;
    put(script, member, &add, json!({"port_id": port})).await;
    for body in [
        json!({}),
        json!({"subnet_id": subnet}),
        json!({"subnet_id": twin}),
        json!({"subnet_id": bare}),
        json!({"subnet_id": NOWHERE}),
        json!({"port_id": NOWHERE}),
        json!({"port_id": port}),
        json!({"subnet_id": subnet, "port_id": port}),
    ] {
        put(script, member, &add, body).await;
    }
    put(script, &bed.other, &add, json!({"subnet_id": subnet})).await;
    let interface = format!("/ports/{}", text(&added, "port_id"));
    for _ in 0..200 {
        let port = quietly(member, "GET", &interface, None).await.json();
        if port["port"]["status"] == "ACTIVE" {
            break;
        }
        bed.pass_time().await;
    }
    get(script, member, &interface).await;
    get(
        script,
        member,
        &format!(
            "/ports?device_id={id}&sort_key=name&sort_dir=asc&fields=device_owner&fields=name"
        ),
    )
    .await;
    script.part("in use");
    delete(script, member, &format!("/ports/{}", text(&added, "port_id"))).await;
    delete(script, member, &format!("/subnets/{subnet}")).await;
    put(
        script,
        member,
        &format!("/subnets/{subnet}"),
        json!({"subnet": {"gateway_ip": "10.50.0.9"}}),
    )
    .await;
    leave(bed, script, &path, (&port, &subnet, &twin)).await;
}

/// Takes a router out of its networks and deletes it.
async fn leave(
    bed: &Bed,
    script: &mut Script,
    path: &str,
    (port, subnet, twin): (&str, &str, &str),
) {
    let member = &bed.member;
    let remove = format!("{path}/remove_router_interface");
    script.part("removed");
    for body in [
        json!({}),
        json!({"subnet_id": twin}),
        json!({"port_id": NOWHERE}),
        json!({"subnet_id": NOWHERE}),
        json!({"port_id": port, "subnet_id": subnet}),
        json!({"subnet_id": subnet}),
        json!({"port_id": port}),
        json!({"port_id": port}),
    ] {
        put(script, member, &remove, body).await;
    }
    get(script, member, path).await;
    delete(script, &bed.other, path).await;
    delete(script, member, path).await;
    delete(script, member, path).await;
    get(script, member, path).await;
}

pub(crate) async fn gateway(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let public = public(script, member).await;
    let (inside, subnet) = network(bed, script, member, "inside").await;
    script.part("created");
    let body = json!({"router": {
        "name": bed.name("router"), "external_gateway_info": {"network_id": public},
    }});
    // Its address is Neutron's choice and is not in the answer's way of being written down yet.
    let router = quietly(member, "POST", "/routers", Some(&body)).await.json();
    let router = &router["router"];
    name_parts(script, router, "router");
    name_gateway(script, router, "router");
    let id = text(router, "id").to_owned();
    let path = format!("/routers/{id}");
    get(script, member, &path).await;
    get(script, &bed.admin, &path).await;
    script.part("refused");
    for info in [
        json!({"network_id": inside}),
        json!({"network_id": NOWHERE}),
        json!({"network_id": "nonsense"}),
        json!({"enable_snat": true}),
        json!({"network_id": public, "enable_snat": false}),
        json!({"network_id": public, "external_fixed_ips": [{"ip_address": "172.24.4.99"}]}),
        json!({"network_id": public, "colour": "red"}),
        json!("nonsense"),
    ] {
        let body = json!({"router": {"name": bed.name("x"), "external_gateway_info": info}});
        post(script, member, "/routers", body.clone()).await;
        put(script, member, &path, body).await;
    }
    script.part("by an administrator");
    let snat = json!({"network_id": public, "enable_snat": false});
    put(script, &bed.admin, &path, json!({"router": {"external_gateway_info": snat}})).await;
    script.part("routes");
    let add = json!({"subnet_id": subnet});
    let added = quietly(member, "PUT", &format!("{path}/add_router_interface"), Some(&add)).await;
    assert_eq!(added.status, 200, "{}", added.text);
    for routes in [
        json!([{"destination": "10.90.0.0/16", "nexthop": "10.50.0.9"}]),
        json!([{"destination": "10.90.0.0/16", "nexthop": "10.77.0.9"}]),
        json!([{"destination": "nonsense", "nexthop": "10.50.0.9"}]),
        json!([{"destination": "10.90.0.0/16"}]),
        json!("nonsense"),
    ] {
        put(script, member, &path, json!({"router": {"routes": routes}})).await;
    }
    let more =
        json!({"router": {"routes": [{"destination": "10.91.0.0/16", "nexthop": "10.50.0.8"}]}});
    put(script, member, &format!("{path}/add_extraroutes"), more.clone()).await;
    put(script, member, &format!("{path}/remove_extraroutes"), more).await;
    put(script, member, &path, json!({"router": {"routes": []}})).await;
    script.part("without");
    put(script, member, &path, json!({"router": {"external_gateway_info": {}}})).await;
    let back = json!({"router": {"external_gateway_info": {"network_id": public}}});
    let back = quietly(member, "PUT", &path, Some(&back)).await.json();
    name_gateway(script, &back["router"], "router again");
    put(script, member, &path, json!({"router": {"external_gateway_info": null}})).await;
    delete(script, member, &path).await;
}

/// Names the addresses of a router in its external network.
fn name_gateway(script: &mut Script, router: &Value, name: &str) {
    let fixed = router["external_gateway_info"]["external_fixed_ips"].as_array();
    for (number, fixed) in fixed.into_iter().flatten().enumerate() {
        if let Some(address) = fixed["ip_address"].as_str() {
            script.name(address, &format!("<gateway {number} of {name}>"));
        }
    }
}

/// A network behind a router to the external one, and a port in it.
async fn reachable(
    bed: &Bed,
    script: &mut Script,
    who: &Session,
    public: &str,
) -> (String, String, String) {
    let (inside, subnet) = network(bed, script, who, "inside").await;
    let gateway = json!({"external_gateway_info": {"network_id": public}});
    let router = made(bed, script, who, ("routers", "router"), gateway).await;
    let add = json!({"subnet_id": subnet});
    let path = format!("/routers/{router}/add_router_interface");
    let added = quietly(who, "PUT", &path, Some(&add)).await;
    assert_eq!(added.status, 200, "{}", added.text);
    let extra = json!({"network_id": inside, "fixed_ips": [{"ip_address": "10.50.0.50"}]});
    let port = made(bed, script, who, ("ports", "port"), extra).await;
    (router, subnet, port)
}

/// The states a floating IP goes through until one of them is final.
async fn states(bed: &Bed, path: &str, last: &str) -> String {
    let who = &bed.member;
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..200 {
        let body = quietly(who, "GET", path, None).await.json();
        let state = text(&body["floatingip"], "status").to_owned();
        if seen.last() != Some(&state) {
            seen.push(state);
        }
        if seen.last().is_some_and(|state| state == last) {
            break;
        }
        bed.pass_time().await;
    }
    // Whoever looks late misses the first ones; the last one counts.
    seen.pop().unwrap_or_default()
}

pub(crate) async fn floating(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let public = public(script, member).await;
    let (router, subnet, port) = reachable(bed, script, member, &public).await;
    let inside = quietly(member, "GET", &format!("/subnets/{subnet}"), None).await.json();
    let inside = text(&inside["subnet"], "network_id").to_owned();
    let extra = json!({"network_id": inside, "fixed_ips": []});
    let bare = made(bed, script, member, ("ports", "bare"), extra).await;
    let two = json!([{"ip_address": "10.50.0.60"}, {"ip_address": "10.50.0.61"}]);
    let extra = json!({"network_id": inside, "fixed_ips": two});
    let double = made(bed, script, member, ("ports", "double"), extra).await;
    let (far, _) = network(bed, script, member, "far").await;
    let extra = json!({"network_id": far, "fixed_ips": [{"ip_address": "10.50.0.50"}]});
    let unreachable = made(bed, script, member, ("ports", "unreachable"), extra).await;

    script.part("refused");
    for floating in [
        json!({}),
        json!({"floating_network_id": NOWHERE}),
        json!({"floating_network_id": "nonsense"}),
        json!({"floating_network_id": inside}),
        json!({"floating_network_id": public, "port_id": NOWHERE}),
        json!({"floating_network_id": public, "port_id": bare}),
        json!({"floating_network_id": public, "port_id": double}),
        json!({"floating_network_id": public, "port_id": double,
            "fixed_ip_address": "10.50.0.77"}),
        json!({"floating_network_id": public, "fixed_ip_address": "10.50.0.50"}),
        json!({"floating_network_id": public, "port_id": unreachable}),
        json!({"floating_network_id": public, "floating_ip_address": "172.24.4.99"}),
        json!({"floating_network_id": public, "subnet_id": NOWHERE}),
        json!({"floating_network_id": public, "status": "ACTIVE"}),
        json!({"floating_network_id": public, "colour": "red"}),
        json!({"floating_network_id": public, "project_id": bed.other.project}),
    ] {
        post(script, member, "/floatingips", json!({"floatingip": floating})).await;
    }
    script.part("associated");
    let extra = json!({"floating_network_id": public});
    let first = made(bed, script, member, ("floatingips", "first"), extra.clone()).await;
    let second = made(bed, script, member, ("floatingips", "second"), extra).await;
    let path = format!("/floatingips/{first}");
    get(script, member, &path).await;
    put(script, member, &path, json!({"floatingip": {"port_id": port}})).await;
    script.note(&states(bed, &path, "ACTIVE").await);
    get(script, member, &path).await;
    let other = format!("/floatingips/{second}");
    put(script, member, &other, json!({"floatingip": {"port_id": port}})).await;
    let chosen = json!({"port_id": double, "fixed_ip_address": "10.50.0.61"});
    put(script, member, &other, json!({"floatingip": chosen})).await;
    put(script, member, &other, json!({"floatingip": {"description": bed.name("new")}})).await;
    put(script, member, &other, json!({"floatingip": {"floating_ip_address": "172.24.4.9"}})).await;
    script.part("what it holds");
    put(
        script,
        member,
        &format!("/routers/{router}"),
        json!({"router": {"external_gateway_info": {}}}),
    )
    .await;
    let remove = format!("/routers/{router}/remove_router_interface");
    put(script, member, &remove, json!({"subnet_id": subnet})).await;
    get(
        script,
        member,
        &format!("/floatingips?port_id={port}&fields=fixed_ip_address&fields=status"),
    )
    .await;
    get(script, member, &format!("/floatingips?router_id={router}&sort_key=fixed_ip_address&sort_dir=asc&fields=fixed_ip_address"))
        .await;
    get(script, &bed.other, &path).await;
    put(script, &bed.other, &path, json!({"floatingip": {"port_id": null}})).await;
    delete(script, &bed.other, &path).await;
    script.part("disassociated");
    put(script, member, &path, json!({"floatingip": {"port_id": null}})).await;
    script.note(&states(bed, &path, "DOWN").await);
    let gone = quietly(member, "DELETE", &format!("/ports/{double}"), None).await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    script.note(&states(bed, &other, "DOWN").await);
    get(script, member, &other).await;
    script.part("deleted");
    delete(script, member, &path).await;
    delete(script, member, &path).await;
    get(script, member, &path).await;
}

pub(crate) async fn forwarding(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let public = public(script, member).await;
    let (_, _, port) = reachable(bed, script, member, &public).await;
    let extra = json!({"floating_network_id": public});
    let floating = made(bed, script, member, ("floatingips", "floating"), extra).await;
    let all = format!("/floatingips/{floating}/port_forwardings");
    let body = json!({"port_forwarding": {
        "protocol": "tcp", "external_port": 2222, "internal_port": 22,
        "internal_port_id": port, "internal_ip_address": "10.50.0.50",
    }});
    script.part("created");
    let made = post(script, member, &all, body.clone()).await.json();
    let id = text(&made["port_forwarding"], "id").to_owned();
    script.name(&id, "<forwarding>");
    get(script, member, &all).await;
    get(script, member, &format!("{all}/{id}")).await;
    put(
        script,
        member,
        &format!("{all}/{id}"),
        json!({"port_forwarding": {"external_port": 2223}}),
    )
    .await;
    script.part("refused");
    get(script, member, &format!("{all}/{NOWHERE}")).await;
    post(script, member, &all, json!({"port_forwarding": {"protocol": "tcp"}})).await;
    get(script, &bed.other, &all).await;
    script.part("deleted");
    delete(script, member, &format!("{all}/{id}")).await;
    delete(script, member, &format!("{all}/{id}")).await;
}
