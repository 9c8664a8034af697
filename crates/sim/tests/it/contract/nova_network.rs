//! Nova's part of the contract: servers and the addresses that lead to them.

use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::neutron;
use super::nova::{ask, becomes, flavor, image, names, quietly};
use super::script::{Script, sorted};

scenarios! {
    servers_show_their_addresses = addresses;
}

/// Waits until a server shows so many addresses, and writes them down.
async fn settles(bed: &Bed, script: &mut Script, id: &str, count: usize) {
    let mut last = Value::Null;
    for _ in 0..2400 {
        let path = format!("/servers/{id}");
        let shown = quietly(&bed.member, "2.90", ("GET", &path), None).await.json();
        let addresses = shown["server"]["addresses"].clone();
        let rows = addresses.as_object().into_iter().flat_map(|networks| networks.values());
        if rows.filter_map(Value::as_array).map(Vec::len).sum::<usize>() == count {
            script.note(&sorted(addresses).to_string());
            return;
        }
        last = addresses;
        bed.pass_time().await;
    }
    panic!("{id} does not show {count} addresses: {last}");
}

/// A network of the member with a subnet; the id of the subnet.
async fn net(bed: &Bed, script: &mut Script, name: &str, cidr: &str) -> (String, String) {
    let body = json!({"network": {"name": bed.name(name)}});
    let made = neutron::quietly(&bed.member, "POST", "/networks", Some(&body)).await.json();
    let network = text(&made["network"], "id").to_owned();
    script.name(&network, &format!("<{name}>"));
    let body = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": cidr}});
    let made = neutron::quietly(&bed.member, "POST", "/subnets", Some(&body)).await.json();
    let subnet = text(&made["subnet"], "id").to_owned();
    script.name(&subnet, &format!("<subnet {name}>"));
    (network, subnet)
}

/// A router of the member between a subnet and the world.
async fn router(bed: &Bed, public: &str, subnet: &str) {
    let body = json!({"router": {
        "name": bed.name("router"), "external_gateway_info": {"network_id": public},
    }});
    let made = neutron::quietly(&bed.member, "POST", "/routers", Some(&body)).await.json();
    let path = format!("/routers/{}/add_router_interface", text(&made["router"], "id"));
    let body = json!({"subnet_id": subnet});
    let added = neutron::quietly(&bed.member, "PUT", &path, Some(&body)).await;
    assert_eq!(added.status, 200, "{}", added.text);
}

async fn addresses(bed: &Bed, script: &mut Script) {
    names(script);
    let member = &bed.member;
    let image = image(bed, script).await;
    let flavor = flavor(bed, script, "small", 64).await;
    let public = neutron::public(script, member).await;
    let (inner, subnet) = net(bed, script, "inner", "10.78.0.0/24").await;
    let (side, _) = net(bed, script, "side", "10.79.0.0/24").await;
    router(bed, &public, &subnet).await;

    script.part("a network");
    let body = json!({"server": {
        "name": bed.name("a"), "flavorRef": flavor, "imageRef": image,
        "networks": [{"uuid": inner, "fixed_ip": "10.78.0.10"}],
    }});
    let made = quietly(member, "2.90", ("POST", "/servers"), Some(&body)).await;
    assert_eq!(made.status, 202, "{}", made.text);
    let id = text(&made.json()["server"], "id").to_owned();
    script.name(&id, "<a>");
    becomes(bed, &id, "ACTIVE").await;
    settles(bed, script, &id, 1).await;

    script.part("a floating IP");
    let ports = neutron::quietly(member, "GET", &format!("/ports?device_id={id}"), None).await;
    let port = text(&ports.json()["ports"][0], "id").to_owned();
    script.name(&port, "<port>");
    let body = json!({"floatingip": {
        "floating_network_id": public, "port_id": port, "description": bed.name("floating"),
    }});
    let made = neutron::quietly(member, "POST", "/floatingips", Some(&body)).await.json();
    let floating = text(&made["floatingip"], "id").to_owned();
    script.name(text(&made["floatingip"], "floating_ip_address"), "<floating>");
    settles(bed, script, &id, 2).await;
    for path in ["ips".to_owned(), format!("ips/{}", bed.name("inner"))] {
        ask(script, member, "2.90", ("GET", &format!("/servers/{id}/{path}")), None).await;
    }

    script.part("another network");
    let path = format!("/servers/{id}/os-interface");
    let fixed = json!([{"ip_address": "10.79.0.10"}]);
    let body = json!({"interfaceAttachment": {"net_id": side, "fixed_ips": fixed}});
    let added = quietly(member, "2.90", ("POST", &path), Some(&body)).await;
    assert_eq!(added.status, 200, "{}", added.text);
    settles(bed, script, &id, 3).await;
    let other = text(&added.json()["interfaceAttachment"], "port_id").to_owned();
    let removed = quietly(member, "2.90", ("DELETE", &format!("{path}/{other}")), None).await;
    script.note(&format!("removed → {}", removed.status));
    settles(bed, script, &id, 2).await;
    let again = quietly(member, "2.90", ("POST", &path), Some(&body)).await;
    settles(bed, script, &id, 3).await;
    let other = text(&again.json()["interfaceAttachment"], "port_id").to_owned();
    let gone = neutron::quietly(member, "DELETE", &format!("/ports/{other}"), None).await;
    script.note(&format!("deleted → {}", gone.status));
    settles(bed, script, &id, 2).await;

    script.part("without it");
    let nowhere = json!({"floatingip": {"port_id": null}});
    let path = format!("/floatingips/{floating}");
    let led = neutron::quietly(member, "PUT", &path, Some(&nowhere)).await;
    assert_eq!(led.status, 200, "{}", led.text);
    settles(bed, script, &id, 1).await;
    let back = json!({"floatingip": {"port_id": port}});
    neutron::quietly(member, "PUT", &path, Some(&back)).await;
    settles(bed, script, &id, 2).await;
    neutron::quietly(member, "DELETE", &path, None).await;
    settles(bed, script, &id, 1).await;
    quietly(member, "2.90", ("DELETE", &format!("/servers/{id}")), None).await;
    becomes(bed, &id, "gone").await;
}
