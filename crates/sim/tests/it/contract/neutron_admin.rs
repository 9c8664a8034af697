//! What Neutron says of itself, quotas, sharing, and what only administrators may.

use reqwest::Method;
use serde_json::json;

use super::bed::{Bed, text};
use super::neutron::{NOWHERE, delete, get, made, post, put, quietly};
use super::script::Script;
use crate::client::http;

pub(crate) async fn info(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    script.part("versions");
    script.call(member, "network", ("GET", "/"), None).await;
    let base = member.catalog.get("network").expect("a network service");
    let anonymous = http().get(format!("{base}/")).header("Accept", "application/json");
    script.ask("GET", "/ without token", None, anonymous).await;
    script.call(member, "network", ("GET", "/v2.0/"), None).await;
    script.part("extensions");
    for alias in ["router", "security-group", "quota_details", "standard-attr-tag", "nothing"] {
        let found = quietly(member, "GET", &format!("/extensions/{alias}"), None).await;
        script.note(&format!("{alias}: {} {}", found.status, found.media_type()));
        if found.status == 200 {
            // Names and descriptions are for people.
            script.note(&found.json()["extension"]["alias"].to_string());
        }
    }
    script.part("without a valid token");
    for path in ["/v2.0/networks", "/v2.0/nothing"] {
        let request = http().get(format!("{base}{path}"));
        script.ask("GET", path, None, request).await;
        let request = http().get(format!("{base}{path}")).header("X-Auth-Token", "nonsense");
        script.ask("GET", &format!("{path} as nobody"), None, request).await;
    }
    script.part("nowhere");
    get(script, member, "/nothing").await;
    get(script, member, "/networks/x/nothing").await;
    script.part("wrong method");
    for (method, path) in [
        (Method::PATCH, "/networks"),
        (Method::DELETE, "/networks"),
        (Method::PUT, "/networks"),
        (Method::PATCH, "/networks/x"),
        (Method::POST, "/networks/x"),
    ] {
        let request = member.to("network", method.clone(), &format!("/v2.0{path}"));
        let answer = crate::client::Answer::of(request).await;
        script.note(&format!("{method} {path}: {}", answer.status));
    }
    script.part("lists of nothing");
    get(script, member, "/service-providers").await;
    get(script, member, "/availability_zones").await;
}

pub(crate) async fn quotas(bed: &Bed, script: &mut Script) {
    let (admin, other) = (&bed.admin, &bed.other);
    let project = other.project.as_deref().expect("a project").to_owned();
    let path = format!("/quotas/{project}");
    quietly(admin, "DELETE", &path, None).await;
    script.part("seen");
    get(script, other, &path).await;
    get(script, other, &format!("{path}/default")).await;
    get(script, &bed.member, &path).await;
    get(script, &bed.member, &format!("{path}/default")).await;
    get(script, &bed.member, &format!("{path}/details.json")).await;
    get(script, &bed.member, "/quotas").await;
    let details = quietly(other, "GET", &format!("{path}/details.json"), None).await.json();
    script.note(&format!("{}", details["quota"]["router"]["limit"]));
    script.part("changed");
    let used = details["quota"]["network"]["used"].as_u64().expect("a number");
    put(script, other, &path, json!({"quota": {"network": 500}})).await;
    for quota in [
        json!({"router": 0}),
        json!({"security_group": -1}),
        json!({"colour": 5}),
        json!({"router": "many"}),
        json!({"router": -2}),
        json!({"router": null}),
        json!({}),
    ] {
        put(script, admin, &path, json!({"quota": quota})).await;
    }
    put(script, admin, &path, json!({})).await;
    script.part("held");
    let limit = json!({"quota": {"network": used + 1}});
    assert_eq!(quietly(admin, "PUT", &path, Some(&limit)).await.status, 200);
    let first = json!({"network": {"name": bed.name("first")}});
    assert_eq!(quietly(other, "POST", "/networks", Some(&first)).await.status, 201);
    post(script, other, "/networks", json!({"network": {"name": bed.name("second")}})).await;
    let several = json!({"networks": [{"name": bed.name("third")}, {"name": bed.name("fourth")}]});
    post(script, other, "/networks", several).await;
    post(script, other, "/routers", json!({"router": {"name": bed.name("router")}})).await;
    let listed =
        quietly(other, "GET", &format!("/networks?name={}", bed.name("third")), None).await;
    script.note(&format!("{}", listed.json()["networks"]));
    script.part("reset");
    delete(script, other, &path).await;
    delete(script, admin, &path).await;
    delete(script, admin, &path).await;
    get(script, admin, &path).await;
}

pub(crate) async fn rbac(bed: &Bed, script: &mut Script) {
    let (member, other) = (&bed.member, &bed.other);
    let network = made(bed, script, member, ("networks", "network"), json!({})).await;
    let path = format!("/networks/{network}");
    let policy = |target: &str, action: &str| {
        json!({"rbac_policy": {
            "object_type": "network", "object_id": network, "action": action,
            "target_tenant": target,
        }})
    };
    let guest = other.project.as_deref().expect("a project");
    script.part("refused");
    post(script, member, "/rbac-policies", policy("*", "access_as_shared")).await;
    post(script, member, "/rbac-policies", policy(guest, "access_as_nonsense")).await;
    post(script, other, "/rbac-policies", policy(guest, "access_as_shared")).await;
    for body in [
        json!({}),
        json!({"object_type": "server", "object_id": network, "action": "access_as_shared",
            "target_tenant": guest}),
        json!({"object_type": "network", "object_id": NOWHERE, "action": "access_as_shared",
            "target_tenant": guest}),
        json!({"object_type": "network", "object_id": "nonsense", "action": "access_as_shared",
            "target_tenant": guest}),
    ] {
        post(script, member, "/rbac-policies", json!({"rbac_policy": body})).await;
    }
    script.part("shared");
    get(script, other, &path).await;
    let made_policy =
        post(script, member, "/rbac-policies", policy(guest, "access_as_shared")).await.json();
    let id = text(&made_policy["rbac_policy"], "id").to_owned();
    script.name(&id, "<policy>");
    post(script, member, "/rbac-policies", policy(guest, "access_as_shared")).await;
    get(script, other, &format!("{path}?fields=name&fields=shared")).await;
    get(script, member, &format!("{path}?fields=name&fields=shared")).await;
    get(script, member, &format!("/rbac-policies?object_id={network}")).await;
    get(script, other, &format!("/rbac-policies/{id}")).await;
    get(script, other, &format!("/rbac-policies?object_id={network}")).await;
    put(
        script,
        member,
        &format!("/rbac-policies/{id}"),
        json!({"rbac_policy": {"target_tenant": "*"}}),
    )
    .await;
    put(script, member, &format!("/rbac-policies/{id}"), json!({"rbac_policy": {"action": "x"}}))
        .await;
    script.part("in use");
    let body = json!({"port": {"network_id": network, "name": bed.name("guest")}});
    let port = quietly(other, "POST", "/ports", Some(&body)).await;
    assert_eq!(port.status, 201, "{}", port.text);
    let port = text(&port.json()["port"], "id").to_owned();
    script.name(&port, "<guest>");
    delete(script, member, &format!("/rbac-policies/{id}")).await;
    assert_eq!(quietly(other, "DELETE", &format!("/ports/{port}"), None).await.status, 204);
    script.part("taken back");
    delete(script, other, &format!("/rbac-policies/{id}")).await;
    delete(script, member, &format!("/rbac-policies/{id}")).await;
    delete(script, member, &format!("/rbac-policies/{id}")).await;
    get(script, member, &format!("/rbac-policies/{id}")).await;
    get(script, other, &path).await;
}

pub(crate) async fn operators(bed: &Bed, script: &mut Script) {
    let (member, admin) = (&bed.member, &bed.admin);
    script.part("agents");
    get(script, member, "/agents").await;
    get(script, member, &format!("/agents/{NOWHERE}")).await;
    get(script, admin, &format!("/agents/{NOWHERE}")).await;
    get(script, admin, "/agents?host=nowhere").await;
    let agents = quietly(admin, "GET", "/agents?binary=ovn-controller", None).await.json();
    let agents = agents["agents"].as_array().expect("agents").clone();
    let agent = agents.first().expect("an agent");
    let mut names: Vec<&String> = agent.as_object().expect("fields").keys().collect();
    names.sort();
    script.note(&format!("{names:?}"));
    script.note(&format!("{} {}", agent["binary"], agent["admin_state_up"]));
    script.part("free addresses");
    let network = made(bed, script, member, ("networks", "network"), json!({})).await;
    let extra = json!({"network_id": network, "ip_version": 4, "cidr": "10.55.0.0/24"});
    made(bed, script, member, ("subnets", "subnet"), extra).await;
    let extra = json!({"network_id": network, "fixed_ips": [{"ip_address": "10.55.0.77"}]});
    made(bed, script, member, ("ports", "port"), extra).await;
    get(script, admin, &format!("/network-ip-availabilities/{network}")).await;
    get(script, admin, &format!("/network-ip-availabilities?network_id={network}")).await;
    get(script, member, &format!("/network-ip-availabilities/{network}")).await;
    get(script, member, &format!("/network-ip-availabilities?network_id={network}")).await;
    get(script, admin, &format!("/network-ip-availabilities/{NOWHERE}")).await;
    script.part("bound ports");
    let found = format!("/ports?network_id={network}&name={}", bed.name("port"));
    let port = quietly(admin, "GET", &found, None).await;
    let port = text(&port.json()["ports"][0], "id").to_owned();
    let path = format!("/ports/{port}");
    put(script, admin, &path, json!({"port": {"binding:host_id": "nowhere"}})).await;
    put(script, admin, &path, json!({"port": {"binding:host_id": ""}})).await;
}

pub(crate) async fn qos(bed: &Bed, script: &mut Script) {
    let (member, admin) = (&bed.member, &bed.admin);
    script.part("created");
    let body = json!({"policy": {"name": bed.name("policy"), "description": "slow"}});
    post(script, member, "/qos/policies", body.clone()).await;
    let policy = post(script, admin, "/qos/policies", body).await.json();
    let id = text(&policy["policy"], "id").to_owned();
    script.name(&id, "<policy>");
    let path = format!("/qos/policies/{id}");
    let rules = format!("{path}/bandwidth_limit_rules");
    let rule = json!({"bandwidth_limit_rule": {"max_kbps": 1000, "max_burst_kbps": 100}});
    post(script, member, &rules, rule.clone()).await;
    let rule = post(script, admin, &rules, rule).await.json();
    let rule = text(&rule["bandwidth_limit_rule"], "id").to_owned();
    script.name(&rule, "<rule>");
    get(script, admin, &path).await;
    get(script, admin, &rules).await;
    get(script, admin, &format!("{rules}/{rule}")).await;
    script.part("refused");
    get(script, member, &path).await;
    get(script, admin, &format!("/qos/policies/{NOWHERE}")).await;
    get(script, admin, &format!("{rules}/{NOWHERE}")).await;
    post(script, admin, &rules, json!({"bandwidth_limit_rule": {}})).await;
    script.part("used");
    let extra = json!({"qos_policy_id": id});
    let network = made(bed, script, admin, ("networks", "network"), extra).await;
    delete(script, admin, &path).await;
    let gone = quietly(admin, "DELETE", &format!("/networks/{network}"), None).await;
    assert_eq!(gone.status, 204);
    script.part("changed and deleted");
    put(script, admin, &path, json!({"policy": {"name": bed.name("renamed"), "shared": false}}))
        .await;
    put(
        script,
        admin,
        &format!("{rules}/{rule}"),
        json!({"bandwidth_limit_rule": {"max_kbps": 5}}),
    )
    .await;
    delete(script, admin, &format!("{rules}/{rule}")).await;
    delete(script, admin, &path).await;
    delete(script, admin, &path).await;
}
