//! Octavia's part of the contract.
//!
//! Every change is written down as it is answered, and the states of the whole tree once the work is
//! done; in between the testbed and the simulation are equally silent. What can only be seen while work
//! is pending is asked of the provider `amphora`, which takes its time on the testbed too.

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::script::Script;
use crate::client::{Answer, Session};

scenarios! {
    octavia_tells_what_it_is = about;
    load_balancers_are_refused = refused;
    load_balancers_are_seen_by_those_who_may = visibility;
    load_balancer_quotas_are_kept = quotas;
    load_balancer_flavors_and_zones_are_offered = offers;
}

/// Asks Octavia below its root.
pub(crate) async fn ask(
    script: &mut Script,
    who: &Session,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Answer {
    script.call(who, "load-balancer", (method, path), body.as_ref()).await
}

async fn about(bed: &Bed, script: &mut Script) {
    let (member, admin) = (&bed.member, &bed.admin);
    script.part("versions");
    ask(script, member, "GET", "/", None).await;
    for path in ["/v2", "/v2.0", "/v2/lbaas", "/v3", "/v2/nothing"] {
        ask(script, member, "GET", path, None).await;
    }
    let root = member.catalog["load-balancer"].clone();
    let bare = member.http.get(format!("{root}/v2/lbaas/loadbalancers"));
    script.ask("GET", "/v2/lbaas/loadbalancers", None, bare).await;

    script.part("providers");
    for path in [
        "/v2/lbaas/providers",
        "/v2/lbaas/providers?fields=name",
        "/v2/lbaas/providers/amphora/flavor_capabilities",
    ] {
        ask(script, member, "GET", path, None).await;
    }
    for provider in ["ovn", "amphora", "noop_driver", "nothing"] {
        for what in ["flavor_capabilities", "availability_zone_capabilities"] {
            let path = format!("/v2/lbaas/providers/{provider}/{what}");
            ask(script, admin, "GET", &path, None).await;
        }
    }

    script.part("methods");
    for (method, path) in [
        ("PATCH", "/v2/lbaas/loadbalancers/x"),
        ("DELETE", "/v2/lbaas/loadbalancers"),
        ("PATCH", "/v2/lbaas/loadbalancers/x/status"),
        ("PATCH", "/v2/lbaas/quotas"),
        ("DELETE", "/v2/lbaas/providers"),
        ("GET", "/v2/octavia/amphorae"),
        ("GET", "/v2/octavia/amphorae/x"),
    ] {
        ask(script, member, method, path, None).await;
    }
    ask(script, admin, "GET", "/v2/octavia/amphorae/x", None).await;
    ask(script, admin, "PUT", "/v2/octavia/amphorae/x/failover", None).await;
    ask(script, admin, "GET", "/v2/octavia/amphorae/x/stats", None).await;
}

/// What nobody has.
const NOBODY: &str = "00000000-0000-0000-0000-000000000001";

async fn refused(bed: &Bed, script: &mut Script) {
    bodies(bed, script).await;
    missing(bed, script).await;
    parents(bed, script).await;
}

async fn bodies(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let balancers = "/v2/lbaas/loadbalancers";
    script.part("bodies");
    for body in [
        json!({}),
        json!([]),
        json!("x"),
        json!({"nothing": {}}),
        json!({"loadbalancer": null}),
        json!({"loadbalancer": []}),
        json!({"loadbalancer": {}}),
        json!({"loadbalancer": {"colour": "red"}}),
        json!({"loadbalancer": {"name": 5}}),
        json!({"loadbalancer": {"name": "x".repeat(256)}}),
        json!({"loadbalancer": {"admin_state_up": "x"}}),
        json!({"loadbalancer": {"tags": "x"}}),
        json!({"loadbalancer": {"tags": [5]}}),
        json!({"loadbalancer": {"vip_address": "x"}}),
        json!({"loadbalancer": {"vip_subnet_id": "x"}}),
        json!({"loadbalancer": {"vip_subnet_id": NOBODY}}),
        json!({"loadbalancer": {"vip_network_id": NOBODY}}),
        json!({"loadbalancer": {"vip_port_id": NOBODY}}),
        json!({"loadbalancer": {"vip_subnet_id": NOBODY, "project_id": NOBODY}}),
        json!({"loadbalancer": {"vip_subnet_id": NOBODY, "listeners": [{"protocol": "TCP"}]}}),
        json!({"loadbalancer": {"listeners": [{"loadbalancer_id": NOBODY}]}}),
    ] {
        ask(script, member, "POST", balancers, Some(body)).await;
    }
    for (body, shown) in [("", ""), ("no JSON", "no JSON")] {
        let request = member.to("load-balancer", Method::POST, balancers).body(body);
        let request = request.header("Content-Type", "application/json");
        script.ask("POST", balancers, Some(shown), request).await;
    }
}

async fn missing(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let balancers = "/v2/lbaas/loadbalancers";
    script.part("missing");
    for (method, path, body) in [
        ("GET", "/loadbalancers", None),
        ("PUT", "/loadbalancers", Some(json!({"loadbalancer": {}}))),
        ("DELETE", "/loadbalancers", None),
        ("GET", "/listeners", None),
        ("PUT", "/listeners", Some(json!({"listener": {}}))),
        ("DELETE", "/listeners", None),
        ("GET", "/pools", None),
        ("PUT", "/pools", Some(json!({"pool": {}}))),
        ("DELETE", "/pools", None),
        ("GET", "/healthmonitors", None),
        ("PUT", "/healthmonitors", Some(json!({"healthmonitor": {}}))),
        ("DELETE", "/healthmonitors", None),
        ("GET", "/l7policies", None),
        ("PUT", "/l7policies", Some(json!({"l7policy": {"name": "x"}}))),
        ("DELETE", "/l7policies", None),
    ] {
        ask(script, member, method, &format!("/v2/lbaas{path}/{NOBODY}"), body).await;
    }
    for path in ["status", "stats", "failover"] {
        let method = if path == "failover" { "PUT" } else { "GET" };
        ask(script, member, method, &format!("{balancers}/{NOBODY}/{path}"), None).await;
    }
    ask(script, member, "GET", &format!("/v2/lbaas/listeners/{NOBODY}/stats"), None).await;
    ask(script, member, "GET", &format!("/v2/lbaas/pools/{NOBODY}/members"), None).await;
    ask(script, member, "GET", &format!("/v2/lbaas/pools/{NOBODY}/members/{NOBODY}"), None).await;
    ask(script, member, "GET", &format!("/v2/lbaas/l7policies/{NOBODY}/rules"), None).await;
}

async fn parents(bed: &Bed, script: &mut Script) {
    script.part("parents");
    for (path, body) in [
        ("listeners", json!({"listener": {}})),
        ("listeners", json!({"listener": {"loadbalancer_id": NOBODY, "protocol": "TCP"}})),
        (
            "listeners",
            json!({"listener": {
                "loadbalancer_id": NOBODY, "protocol": "TCP", "protocol_port": 80,
            }}),
        ),
        (
            "listeners",
            json!({"listener": {
                "loadbalancer_id": NOBODY, "protocol": "TCP", "protocol_port": 70000,
            }}),
        ),
        ("listeners", json!({"listener": {"protocol": "TCP", "protocol_port": "x"}})),
        ("pools", json!({"pool": {}})),
        ("pools", json!({"pool": {"protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"}})),
        (
            "pools",
            json!({"pool": {
                "loadbalancer_id": NOBODY, "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN",
            }}),
        ),
        (
            "pools",
            json!({"pool": {
                "listener_id": NOBODY, "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN",
            }}),
        ),
        ("healthmonitors", json!({"healthmonitor": {}})),
        (
            "healthmonitors",
            json!({"healthmonitor": {
                "pool_id": NOBODY, "type": "TCP", "delay": 5, "timeout": 3, "max_retries": 2,
            }}),
        ),
        (
            "healthmonitors",
            json!({"healthmonitor": {
                "pool_id": NOBODY, "type": "TCP", "delay": 5, "timeout": 3, "max_retries": 11,
            }}),
        ),
        ("l7policies", json!({"l7policy": {}})),
        ("l7policies", json!({"l7policy": {"listener_id": NOBODY, "action": "REJECT"}})),
        (
            "l7policies",
            json!({"l7policy": {
                "listener_id": NOBODY, "action": "REDIRECT_TO_URL", "redirect_url": "x",
            }}),
        ),
    ] {
        ask(script, &bed.member, "POST", &format!("/v2/lbaas/{path}"), Some(body)).await;
    }
}

async fn visibility(bed: &Bed, script: &mut Script) {
    let (member, admin) = (&bed.member, &bed.admin);
    script.part("lists are asked for wrongly");
    for query in [
        "colour=red",
        "limit=x",
        "limit=",
        "sort=colour",
        "sort=name:up",
        "sort=a:b:c",
        "sort_key=colour",
        "sort_key=name&sort_dir=up",
        "marker=nothing",
    ] {
        ask(script, member, "GET", &format!("/v2/lbaas/loadbalancers?{query}"), None).await;
    }

    script.part("of nobody");
    for kind in ["loadbalancers", "listeners", "pools", "healthmonitors", "l7policies"] {
        let path = format!("/v2/lbaas/{kind}?name={}", bed.name("nothing"));
        ask(script, member, "GET", &path, None).await;
        ask(script, admin, "GET", &path, None).await;
        ask(script, member, "GET", &format!("{path}&project_id={NOBODY}"), None).await;
    }
}

async fn quotas(bed: &Bed, script: &mut Script) {
    let (member, admin) = (&bed.member, &bed.admin);
    let project = json!({"project": {"name": bed.name("quota")}});
    let made = Answer::of(admin.identity(Method::POST, "/projects").json(&project)).await.json();
    let id = text(&made["project"], "id").to_owned();
    script.name(&id, "<project>");
    let path = format!("/v2/lbaas/quotas/{id}");
    script.part("limits");
    ask(script, admin, "GET", &path, None).await;
    ask(script, admin, "GET", &format!("{path}/default"), None).await;
    ask(script, admin, "DELETE", &path, None).await;
    for quota in [
        json!({"loadbalancer": 5, "listener": 6}),
        json!({"load_balancer": 7, "health_monitor": 8, "l7rule": null}),
        json!({}),
    ] {
        ask(script, admin, "PUT", &path, Some(json!({"quota": quota}))).await;
    }
    ask(script, admin, "GET", &format!("/v2/lbaas/quotas?project_id={id}"), None).await;
    ask(script, admin, "DELETE", &path, None).await;
    ask(script, admin, "GET", &path, None).await;

    script.part("refused");
    for quota in [json!({"loadbalancer": -2}), json!({"loadbalancer": "x"}), json!({"colour": 1})] {
        ask(script, admin, "PUT", &path, Some(json!({"quota": quota}))).await;
    }
    ask(script, member, "GET", &path, None).await;
    ask(script, member, "PUT", &path, Some(json!({"quota": {"pool": 5}}))).await;
    ask(script, member, "DELETE", &path, None).await;
    ask(script, member, "GET", &format!("/v2/lbaas/quotas?project_id={id}"), None).await;
    ask(script, member, "GET", "/v2/lbaas/quotas/default", None).await;

    script.part("of one's own");
    let own = format!("/v2/lbaas/quotas/{}", member.project.as_deref().expect("a project"));
    ask(script, member, "GET", &own, None).await;
    ask(script, member, "GET", &format!("{own}/default"), None).await;
    ask(script, member, "PUT", &own, Some(json!({"quota": {"pool": 5}}))).await;
}

async fn offers(bed: &Bed, script: &mut Script) {
    let (member, admin) = (&bed.member, &bed.admin);
    for (one, profile, data, paths) in [
        (
            "flavor",
            "flavorprofile",
            ("flavor_data", "{\"loadbalancer_topology\": \"SINGLE\"}"),
            ("/v2/lbaas/flavors", "/v2/lbaas/flavorprofiles"),
        ),
        (
            "availability_zone",
            "availability_zone_profile",
            ("availability_zone_data", "{\"compute_zone\": \"az1\"}"),
            ("/v2/lbaas/availabilityzones", "/v2/lbaas/availabilityzoneprofiles"),
        ),
    ] {
        script.part(profile);
        let (field, good) = data;
        let name = bed.name(one);
        for (provider, says) in [
            ("amphora", "no JSON"),
            ("amphora", "{\"colour\": \"red\"}"),
            ("ovn", "{}"),
            ("nothing", "{}"),
        ] {
            let body = json!({profile: {"name": name, "provider_name": provider, field: says}});
            ask(script, admin, "POST", paths.1, Some(body)).await;
        }
        ask(script, admin, "POST", paths.1, Some(json!({profile: {"name": name}}))).await;
        let body = json!({profile: {"name": name, "provider_name": "amphora", field: good}});
        ask(script, member, "POST", paths.1, Some(body.clone())).await;
        let made = ask(script, admin, "POST", paths.1, Some(body)).await.json();
        let profile_id = text(&made[profile], "id").to_owned();
        script.name(&profile_id, &format!("<{profile}>"));
        let profile_path = format!("{}/{profile_id}", paths.1);
        ask(script, admin, "GET", &profile_path, None).await;
        ask(script, member, "GET", &profile_path, None).await;

        script.part(one);
        let body = json!({one: {"name": name, format!("{profile}_id"): "x"}});
        ask(script, admin, "POST", paths.0, Some(body)).await;
        let id_of_profile =
            if one == "flavor" { "flavor_profile_id" } else { "availability_zone_profile_id" };
        let body = json!({one: {"name": name, "description": "d", id_of_profile: profile_id}});
        ask(script, member, "POST", paths.0, Some(body.clone())).await;
        let made = ask(script, admin, "POST", paths.0, Some(body.clone())).await.json();
        let id = made[one]["id"].as_str().unwrap_or(&name).to_owned();
        if id != name {
            script.name(&id, &format!("<{one}>"));
        }
        ask(script, admin, "POST", paths.0, Some(body)).await;
        let path = format!("{}/{id}", paths.0);
        ask(script, member, "GET", &path, None).await;
        ask(script, member, "GET", &format!("{path}?fields=name"), None).await;
        ask(script, admin, "PUT", &path, Some(json!({one: {"enabled": false}}))).await;
        ask(script, member, "PUT", &path, Some(json!({one: {"enabled": true}}))).await;
        let change = json!({profile: {"provider_name": "amphora"}});
        ask(script, admin, "PUT", &profile_path, Some(change)).await;
        ask(script, admin, "PUT", &profile_path, Some(json!({profile: {"name": null}}))).await;
        ask(script, admin, "DELETE", &profile_path, None).await;
        ask(script, member, "DELETE", &path, None).await;
        for path in [&path, &profile_path] {
            ask(script, admin, "DELETE", path, None).await;
            ask(script, admin, "DELETE", path, None).await;
            ask(script, admin, "GET", path, None).await;
        }
    }
}
