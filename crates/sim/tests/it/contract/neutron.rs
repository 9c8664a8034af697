//! Neutron's part of the contract: what the scenarios share, and the list of them.
//!
//! What differs from run to run and why: ids and MAC addresses (random), addresses that nobody asked
//! for (Neutron takes any of the pool), `standard_attr_id` (the number of a database row), the order of
//! the rules within a group (that of their random ids).

use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::script::Script;
use crate::client::{Answer, Session};
use crate::contract::{
    neutron_admin, neutron_list, neutron_network, neutron_port, neutron_router, neutron_security,
    neutron_subnet,
};

scenarios! {
    neutron_tells_what_it_is = neutron_admin::info;
    networks_are_created_or_refused = neutron_network::create;
    networks_are_changed_by_revision_and_tagged = neutron_network::change;
    networks_are_seen_by_those_who_may = neutron_network::visibility;
    networks_of_administrators_have_providers = neutron_network::provider;
    network_lists_are_filtered_sorted_and_paged = neutron_list::list;
    network_lists_know_names_to_filter_and_sort_by = neutron_list::names_of_attributes;
    subnets_are_created_or_refused = neutron_subnet::create;
    subnets_are_changed_and_deleted = neutron_subnet::change;
    subnets_of_ipv6_address_their_hosts = neutron_subnet::ipv6;
    subnet_pools_hand_out_prefixes = neutron_subnet::pools;
    ports_are_created_or_refused = neutron_port::create;
    ports_are_changed_and_deleted = neutron_port::change;
    ports_on_shared_networks_obey_their_owner = neutron_port::shared;
    routers_join_networks = neutron_router::interfaces;
    routers_have_gateways_and_routes = neutron_router::gateway;
    floating_ips_lead_to_ports = neutron_router::floating;
    floating_ips_forward_ports = neutron_router::forwarding;
    security_groups_are_kept = neutron_security::groups;
    security_group_rules_are_checked = neutron_security::rules;
    network_quotas_hold = neutron_admin::quotas;
    networks_are_shared_by_policy = neutron_admin::rbac;
    agents_and_addresses_are_for_administrators = neutron_admin::operators;
    qos_policies_are_kept_by_administrators = neutron_admin::qos;
}

/// A service of the catalogue.
const SERVICE: &str = "network";

/// An id that nothing has.
pub(crate) const NOWHERE: &str = "00000000-0000-4000-8000-000000000000";

/// Asks and writes down.
pub(crate) async fn get(script: &mut Script, who: &Session, path: &str) -> Answer {
    script.call(who, SERVICE, ("GET", &format!("/v2.0{path}")), None).await
}

/// Posts and writes down.
pub(crate) async fn post(script: &mut Script, who: &Session, path: &str, body: Value) -> Answer {
    script.call(who, SERVICE, ("POST", &format!("/v2.0{path}")), Some(&body)).await
}

/// Puts and writes down.
pub(crate) async fn put(script: &mut Script, who: &Session, path: &str, body: Value) -> Answer {
    script.call(who, SERVICE, ("PUT", &format!("/v2.0{path}")), Some(&body)).await
}

/// Deletes and writes down.
pub(crate) async fn delete(script: &mut Script, who: &Session, path: &str) -> Answer {
    script.call(who, SERVICE, ("DELETE", &format!("/v2.0{path}")), None).await
}

/// Asks without writing down.
pub(crate) async fn quietly(
    who: &Session,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Answer {
    let request = who.to(SERVICE, method.parse().expect("a method"), &format!("/v2.0{path}"));
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    Answer::of(request).await
}

/// The singular of a collection.
fn one(collection: &str) -> String {
    match collection {
        "qos/policies" => "policy".to_owned(),
        "rbac-policies" => "rbac_policy".to_owned(),
        other => other.trim_end_matches('s').replace('-', "_"),
    }
}

/// Names everything in an answer that Neutron chose.
pub(crate) fn name_parts(script: &mut Script, object: &Value, name: &str) {
    if let Some(id) = object["id"].as_str() {
        script.name(id, &format!("<{name}>"));
    }
    for (number, fixed) in object["fixed_ips"].as_array().into_iter().flatten().enumerate() {
        if let Some(address) = fixed["ip_address"].as_str() {
            script.name(address, &format!("<address {number} of {name}>"));
            script.name(&address.replace(['.', ':'], "-"), &format!("<host {number} of {name}>"));
        }
    }
    if let Some(address) = object["floating_ip_address"].as_str() {
        script.name(address, &format!("<address of {name}>"));
    }
}

/// Creates something of this run, without writing it down; its id.
pub(crate) async fn made(
    bed: &Bed,
    script: &mut Script,
    who: &Session,
    (collection, name): (&str, &str),
    extra: Value,
) -> String {
    let mut object = json!({"name": bed.name(name)});
    if ["floatingips", "rbac-policies", "security-group-rules"].contains(&collection) {
        object = json!({});
    }
    if collection == "floatingips" {
        object["description"] = json!(bed.name(name));
    }
    if let (Some(object), Value::Object(extra)) = (object.as_object_mut(), extra) {
        object.extend(extra);
    }
    let one = one(collection);
    let body = json!({one.clone(): object});
    let made = quietly(who, "POST", &format!("/{collection}"), Some(&body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    name_parts(script, &made[&one], name);
    text(&made[&one], "id").to_owned()
}

/// The external network that everybody may use.
pub(crate) async fn public(script: &mut Script, who: &Session) -> String {
    let found = quietly(who, "GET", "/networks?name=public", None).await.json();
    let network = &found["networks"][0];
    let id = text(network, "id").to_owned();
    script.name(&id, "<public>");
    if let Some(subnet) = network["subnets"][0].as_str() {
        script.name(subnet, "<public subnet>");
    }
    id
}

async fn all(who: &Session, collection: &str, query: &str) -> Vec<Value> {
    let path = format!("/{collection}?{query}");
    let body = quietly(who, "GET", &path, None).await.json();
    let fields = body.as_object().expect("an object");
    let list = fields.iter().find(|(name, _)| !name.ends_with("_links")).map(|it| it.1.clone());
    list.and_then(|it| it.as_array().cloned()).unwrap_or_default()
}

/// Removes everything whose name belongs to this run.
pub(crate) async fn clean_up(bed: &Bed) {
    let admin = Session::sign_in(&bed.people.admin).await;
    let admin = &admin;
    let is_ours = |it: &Value| {
        ["name", "description"]
            .iter()
            .any(|key| it[*key].as_str().is_some_and(|it| it.contains(&bed.run)))
    };
    let remove = async |path: String| {
        let gone = quietly(admin, "DELETE", &path, None).await;
        assert!(matches!(gone.status, 204 | 404), "{path} stays: {}", gone.text);
    };
    for floating in all(admin, "floatingips", "").await.iter().filter(|it| is_ours(it)) {
        remove(format!("/floatingips/{}", text(floating, "id"))).await;
    }
    for router in all(admin, "routers", "").await.iter().filter(|it| is_ours(it)) {
        let id = text(router, "id");
        let bare = json!({"router": {"external_gateway_info": {}, "routes": []}});
        quietly(admin, "PUT", &format!("/routers/{id}"), Some(&bare)).await;
        for port in all(admin, "ports", &format!("device_id={id}")).await {
            let body = json!({"port_id": port["id"]});
            let path = format!("/routers/{id}/remove_router_interface");
            quietly(admin, "PUT", &path, Some(&body)).await;
        }
        remove(format!("/routers/{id}")).await;
    }
    for network in all(admin, "networks", "").await.iter().filter(|it| is_ours(it)) {
        let id = text(network, "id");
        for port in all(admin, "ports", &format!("network_id={id}")).await {
            if port["device_owner"] != "network:distributed" {
                remove(format!("/ports/{}", text(&port, "id"))).await;
            }
        }
        remove(format!("/networks/{id}")).await;
    }
    for collection in ["security-groups", "subnetpools", "address-scopes", "qos/policies"] {
        for object in all(admin, collection, "").await.iter().filter(|it| is_ours(it)) {
            remove(format!("/{collection}/{}", text(object, "id"))).await;
        }
    }
    for project in [&bed.member, &bed.other] {
        let id = project.project.as_deref().expect("a project");
        drop(quietly(admin, "DELETE", &format!("/quotas/{id}"), None).await);
    }
}
