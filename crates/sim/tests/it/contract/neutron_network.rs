//! Networks.

use serde_json::json;

use super::bed::{Bed, text};
use super::neutron::{NOWHERE, delete, get, made, post, public, put};
use super::script::Script;

pub(crate) async fn create(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    script.part("created");
    post(script, member, "/networks", json!({"network": {"name": bed.name("plain")}})).await;
    let full = json!({"network": {
        "name": bed.name("full"), "description": "all that may be said", "admin_state_up": false,
        "port_security_enabled": false, "mtu": 1400, "dns_domain": "example.org.",
    }});
    post(script, member, "/networks", full).await;
    post(
        script,
        member,
        "/networks",
        json!({"network": {
            "name": bed.name("mine"), "project_id": member.project,
        }}),
    )
    .await;
    script.part("several at once");
    let two = json!({"networks": [{"name": bed.name("one")}, {"name": bed.name("two")}]});
    let made = post(script, member, "/networks", two).await;
    assert_eq!(made.json()["networks"].as_array().map(Vec::len), Some(2));
    let half = json!({"networks": [{"name": bed.name("half")}, {"name": 5}]});
    post(script, member, "/networks", half).await;
    let half = json!({"networks": [{"name": bed.name("half")}, {"mtu": 9000}]});
    post(script, member, "/networks", half).await;
    get(script, member, &format!("/networks?name={}", bed.name("half"))).await;

    script.part("refused");
    for network in [
        json!({"colour": "red"}),
        json!({"id": NOWHERE}),
        json!({"status": "ACTIVE"}),
        json!({"subnets": []}),
        json!({"name": "n".repeat(256)}),
        json!({"name": 5}),
        json!({"name": null}),
        json!({"admin_state_up": "perhaps"}),
        json!({"mtu": "large"}),
        json!({"mtu": -1}),
        json!({"mtu": 9000}),
        json!({"shared": true}),
        json!({"shared": true, "router:external": true, "mtu": 1400}),
        json!({"provider:network_type": "flat", "provider:physical_network": "physnet1"}),
        json!({"is_default": true}),
        json!({"project_id": bed.other.project}),
        json!({"tenant_id": bed.other.project}),
        json!({"availability_zone_hints": ["nowhere"]}),
        json!({"availability_zone_hints": "nowhere"}),
        json!({"qos_policy_id": NOWHERE}),
        json!({"qos_policy_id": "nonsense"}),
        json!({"port_security_enabled": "perhaps"}),
    ] {
        post(script, member, "/networks", json!({"network": network})).await;
    }
    for body in [json!({}), json!({"net": {}}), json!({"network": 5}), json!({"networks": []})] {
        post(script, member, "/networks", body).await;
    }
    for body in ["{bad", "", "[]"] {
        let request = member.to("network", reqwest::Method::POST, "/v2.0/networks");
        let request = request.header("Content-Type", "application/json").body(body);
        script.ask("POST", "/v2.0/networks", Some(body), request).await;
    }
}

pub(crate) async fn change(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let id = made(bed, script, member, ("networks", "network"), json!({})).await;
    let path = format!("/networks/{id}");
    script.part("changed");
    for network in [
        json!({"name": bed.name("renamed")}),
        json!({"description": "new", "admin_state_up": false}),
        json!({"mtu": 1300, "dns_domain": "Example.ORG."}),
        json!({"port_security_enabled": false}),
        json!({}),
    ] {
        put(script, member, &path, json!({"network": network})).await;
    }
    script.part("refused");
    for network in [
        json!({"colour": "red"}),
        json!({"id": NOWHERE}),
        json!({"status": "DOWN"}),
        json!({"project_id": member.project}),
        json!({"shared": true}),
        json!({"router:external": true}),
        json!({"mtu": 9000}),
        json!({"provider:segmentation_id": 7}),
    ] {
        put(script, member, &path, json!({"network": network})).await;
    }
    put(script, member, &path, json!({})).await;
    put(script, member, &path, json!({"networks": [{}]})).await;
    put(script, member, &format!("/networks/{NOWHERE}"), json!({"network": {"name": "x"}})).await;
    script.part("by revision");
    let now = get(script, member, &path).await.json()["network"]["revision_number"].clone();
    let now = now.as_u64().expect("a number");
    for (revision, named) in [(now + 5, "if later"), (now, "if still so")] {
        let request = member.to("network", reqwest::Method::PUT, &format!("/v2.0{path}"));
        let request = request.header("If-Match", format!("revision_number={revision}"));
        let body = json!({"network": {"name": bed.name("again")}});
        script.ask("PUT", named, None, request.json(&body)).await;
    }
    let request = member.to("network", reqwest::Method::DELETE, &format!("/v2.0{path}"));
    let request = request.header("If-Match", "revision_number=1");
    script.ask("DELETE", "if 1", None, request).await;
    script.part("tagged");
    let tags = format!("{path}/tags");
    put(script, member, &tags, json!({"tags": ["b", "a"]})).await;
    script.call(member, "network", ("PUT", &format!("/v2.0{tags}/c")), None).await;
    script.call(member, "network", ("PUT", &format!("/v2.0{tags}/c")), None).await;
    get(script, member, &tags).await;
    get(script, member, &format!("{tags}/c")).await;
    get(script, member, &format!("{tags}/z")).await;
    delete(script, member, &format!("{tags}/c")).await;
    delete(script, member, &format!("{tags}/c")).await;
    put(script, member, &tags, json!({"labels": []})).await;
    put(script, member, &tags, json!({"tags": "a"})).await;
    put(script, member, &tags, json!({"tags": ["t".repeat(256)]})).await;
    get(script, &bed.other, &tags).await;
    put(script, &bed.other, &tags, json!({"tags": ["mine"]})).await;
    get(script, member, &path).await;
    delete(script, member, &tags).await;
    get(script, member, &tags).await;
    script.part("deleted");
    delete(script, &bed.other, &path).await;
    delete(script, member, &path).await;
    delete(script, member, &path).await;
    get(script, member, &path).await;
    let nonsense = "/networks/nonsense";
    get(script, member, nonsense).await;
    delete(script, member, nonsense).await;
}

pub(crate) async fn visibility(bed: &Bed, script: &mut Script) {
    public(script, &bed.member).await;
    let own = made(bed, script, &bed.member, ("networks", "own"), json!({})).await;
    let shared = json!({"shared": true});
    let shared = made(bed, script, &bed.admin, ("networks", "shared"), shared).await;
    let external = json!({
        "router:external": true, "provider:network_type": "vlan",
        "provider:physical_network": "physnet1",
    });
    let external = made(bed, script, &bed.admin, ("networks", "external"), external).await;
    for (title, who) in [("owner", &bed.member), ("other", &bed.other), ("admin", &bed.admin)] {
        script.part(title);
        for id in [&own, &shared, &external] {
            get(script, who, &format!("/networks/{id}?fields=name&fields=shared&fields=subnets"))
                .await;
            if title == "other" {
                let rename = json!({"network": {"name": "theirs"}});
                put(script, who, &format!("/networks/{id}"), rename).await;
                delete(script, who, &format!("/networks/{id}")).await;
            }
        }
    }
    script.part("as others see it");
    get(script, &bed.other, &format!("/networks/{shared}")).await;
    get(script, &bed.other, &format!("/networks/{external}")).await;
    script.part("taken back");
    let path = format!("/networks/{shared}");
    put(script, &bed.admin, &path, json!({"network": {"shared": false}})).await;
    get(script, &bed.other, &path).await;
    put(script, &bed.admin, &path, json!({"network": {"shared": true}})).await;
    let port = json!({"port": {"network_id": shared, "name": bed.name("guest")}});
    let port = super::neutron::quietly(&bed.other, "POST", "/ports", Some(&port)).await;
    assert_eq!(port.status, 201);
    put(script, &bed.admin, &path, json!({"network": {"shared": false}})).await;
}

pub(crate) async fn provider(bed: &Bed, script: &mut Script) {
    let admin = &bed.admin;
    script.part("created");
    let vlan = |segment: u32, name: &str| {
        json!({"network": {
            "name": bed.name(name), "provider:network_type": "vlan",
            "provider:physical_network": "physnet1", "provider:segmentation_id": segment,
        }})
    };
    // One that another run at the same time hardly uses.
    let segment = 3000 + u32::try_from(uuid::Uuid::new_v4().as_u128() % 1000).expect("small");
    script.name(&segment.to_string(), "<segment>");
    let made = post(script, admin, "/networks", vlan(segment, "vlan")).await;
    let id = text(&made.json()["network"], "id").to_owned();
    script.name(&id, "<vlan>");
    post(script, admin, "/networks", vlan(segment, "again")).await;
    post(
        script,
        admin,
        "/networks",
        json!({"network": {
            "name": bed.name("local"), "provider:network_type": "local", "description": "here",
        }}),
    )
    .await;
    script.part("refused");
    for network in [
        json!({"provider:network_type": "carrier-pigeon"}),
        json!({"provider:physical_network": "physnet1"}),
        json!({"provider:segmentation_id": 5}),
        json!({"provider:network_type": "flat"}),
        json!({"provider:network_type": "flat", "provider:physical_network": "physnet1"}),
        json!({"provider:network_type": "flat", "provider:physical_network": "physnet1",
            "provider:segmentation_id": 5}),
        json!({"provider:network_type": "vlan", "provider:physical_network": "nowhere",
            "provider:segmentation_id": 5}),
        json!({"provider:network_type": "vlan", "provider:physical_network": "physnet1",
            "provider:segmentation_id": 5000}),
        json!({"provider:network_type": "vlan", "provider:physical_network": "physnet1",
            "provider:segmentation_id": "x"}),
        json!({"mtu": 9000}),
    ] {
        post(script, admin, "/networks", json!({"network": network})).await;
    }
    script.part("changed");
    let path = format!("/networks/{id}");
    for network in [
        json!({"router:external": true}),
        json!({"is_default": false}),
        json!({"router:external": false}),
        json!({"provider:segmentation_id": 5001}),
    ] {
        put(script, admin, &path, json!({"network": network})).await;
    }
    script.part("for another project");
    let body = json!({"network": {
        "name": bed.name("theirs"), "project_id": bed.member.project, "mtu": 1400,
    }});
    let made = post(script, admin, "/networks", body).await;
    let path = format!("/networks/{}", text(&made.json()["network"], "id"));
    get(script, &bed.member, &path).await;
}
