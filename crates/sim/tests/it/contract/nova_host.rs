//! Nova's part of the contract: hosts, aggregates, zones, services, limits, usage.
//!
//! What hosts there are differs from cloud to cloud: of what is listed only the fields are compared.

use serde_json::{Value, json};

use super::bed::Bed;
use super::nova::{ask, names, quietly};
use super::script::Script;

scenarios! {
    aggregates_hold_hosts = aggregates;
    hosts_and_services_are_for_administrators = hosts;
    limits_and_usage_are_told = usage;
}

async fn aggregates(bed: &Bed, script: &mut Script) {
    names(script);
    let (admin, member) = (&bed.admin, &bed.member);
    script.part("created");
    let body = |name: &str, zone: Value| {
        let mut fields = json!({"name": bed.name(name)});
        if !zone.is_null() {
            fields["availability_zone"] = zone;
        }
        json!({ "aggregate": fields })
    };
    let zone = bed.name("zone");
    let made =
        quietly(admin, "2.90", ("POST", "/os-aggregates"), Some(&body("a", json!(zone)))).await;
    let id = made.json()["aggregate"]["id"].to_string();
    let path = format!("/os-aggregates/{id}");
    // The number of an aggregate counts all that ever were.
    let shown = |answer: &Value| {
        let mut shown = answer["aggregate"].clone();
        shown["id"] = json!(0);
        sorted(&shown)
    };
    script.note(&format!("{} {}", made.status, shown(&made.json())));
    script.part("refused");
    for more in [
        body("a", Value::Null),
        body("", json!("")),
        json!({"aggregate": {"name": ""}}),
        json!({"aggregate": {"name": bed.name("x"), "colour": "red"}}),
        json!({"aggregate": {"name": bed.name("x"), "availability_zone": "a:b"}}),
        json!({"aggregate": {}}),
        json!({}),
    ] {
        ask(script, admin, "2.90", ("POST", "/os-aggregates"), Some(&more)).await;
    }
    let more = body("x", Value::Null);
    ask(script, member, "2.90", ("POST", "/os-aggregates"), Some(&more)).await;
    ask(script, member, "2.90", ("GET", "/os-aggregates"), None).await;
    for id in ["99999999", "nonsense"] {
        ask(script, admin, "2.90", ("GET", &format!("/os-aggregates/{id}")), None).await;
    }
    script.part("changed");
    for (suffix, method, change) in [
        ("", "PUT", json!({"aggregate": {"name": bed.name("b")}})),
        ("/action", "POST", json!({"set_metadata": {"metadata": {"a": "b", "c": "d"}}})),
        ("/action", "POST", json!({"set_metadata": {"metadata": {"c": null}}})),
    ] {
        let path = format!("{path}{suffix}");
        let answer = quietly(admin, "2.90", (method, &path), Some(&change)).await;
        script.note(&format!("{change} → {} {}", answer.status, shown(&answer.json())));
    }
    for (suffix, method, change) in [
        ("", "PUT", json!({"aggregate": {}})),
        ("", "PUT", json!({"aggregate": {"colour": "red"}})),
        ("/action", "POST", json!({"add_host": {"host": "nonsense"}})),
        ("/action", "POST", json!({"remove_host": {"host": "nonsense"}})),
        ("/action", "POST", json!({"add_host": {}})),
        ("/action", "POST", json!({"set_metadata": {}})),
        ("/action", "POST", json!({"nonsense": {}})),
    ] {
        let path = format!("{path}{suffix}");
        let answer = quietly(admin, "2.90", (method, &path), Some(&change)).await;
        let text = sorted(&answer.json()).to_string();
        let text = text.replace(&format!("ggregate {id}"), "ggregate <number>");
        script.note(&format!("{change} → {} {text}", answer.status));
    }
    script.part("deleted");
    ask(script, member, "2.90", ("DELETE", "/os-aggregates/99999999"), None).await;
    ask(script, admin, "2.90", ("DELETE", "/os-aggregates/99999999"), None).await;
    let gone = quietly(admin, "2.90", ("DELETE", &path), None).await;
    script.note(&format!("{}", gone.status));
}

/// The same with its keys in order.
fn sorted(value: &Value) -> Value {
    let Value::Object(fields) = value else { return value.clone() };
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_by_key(|(name, _)| *name);
    Value::Object(fields.into_iter().map(|(name, one)| (name.clone(), sorted(one))).collect())
}

/// The fields of the first entry of a list.
fn fields(answer: &Value, list: &str) -> String {
    let first = answer[list].get(0).and_then(Value::as_object);
    let mut fields: Vec<&String> = first.into_iter().flat_map(|one| one.keys()).collect();
    fields.sort();
    format!("{fields:?}")
}

async fn hosts(bed: &Bed, script: &mut Script) {
    names(script);
    let (admin, member) = (&bed.admin, &bed.member);
    script.part("listed");
    for (path, list) in [
        ("/os-services", "services"),
        ("/os-services?binary=nova-compute", "services"),
        ("/os-hypervisors", "hypervisors"),
        ("/os-hypervisors/detail", "hypervisors"),
        ("/os-availability-zone/detail", "availabilityZoneInfo"),
        ("/os-availability-zone", "availabilityZoneInfo"),
    ] {
        for version in ["2.1", "2.53", "2.90"] {
            let answer = quietly(admin, version, ("GET", path), None).await;
            let fields = fields(&answer.json(), list);
            script.note(&format!("{version} {path} → {} {fields}", answer.status));
        }
        let answer = quietly(member, "2.90", ("GET", path), None).await;
        script.note(&format!("{path} for a member → {}", answer.status));
    }
    let zones = quietly(member, "2.90", ("GET", "/os-availability-zone"), None).await.json();
    script.note(&format!("for a member: {}", zones["availabilityZoneInfo"][0]["hosts"]));
    script.part("refused");
    for path in ["/os-services", "/os-hypervisors", "/os-hypervisors/statistics"] {
        ask(script, member, "2.90", ("GET", path), None).await;
    }
    for (version, path) in [
        ("2.90", "/os-hypervisors/nonsense"),
        ("2.90", "/os-hypervisors/11111111-2222-4333-8444-555555555555"),
        ("2.87", "/os-hypervisors/11111111-2222-4333-8444-555555555555/uptime"),
        ("2.90", "/os-hypervisors?hypervisor_hostname_pattern=nonsense"),
        ("2.90", "/os-hypervisors?limit=x"),
        ("2.90", "/os-hypervisors?marker=nonsense"),
        ("2.90", "/os-services?colour=red"),
    ] {
        ask(script, admin, version, ("GET", path), None).await;
    }
    let gone = "/os-services/11111111-2222-4333-8444-555555555555";
    for body in [
        json!({"status": "disabled", "disabled_reason": "because"}),
        json!({"status": "perhaps"}),
        json!({"forced_down": "perhaps"}),
        json!({}),
    ] {
        ask(script, admin, "2.90", ("PUT", gone), Some(&body)).await;
    }
    let body = json!({"status": "disabled"});
    ask(script, member, "2.90", ("PUT", gone), Some(&body)).await;
    ask(script, admin, "2.90", ("DELETE", gone), None).await;
    ask(script, admin, "2.90", ("PUT", "/os-services/nonsense"), Some(&body)).await;
}

async fn usage(bed: &Bed, script: &mut Script) {
    names(script);
    let (admin, member) = (&bed.admin, &bed.member);
    script.part("limits");
    for version in ["2.1", "2.36", "2.57", "2.90"] {
        let answer = quietly(member, version, ("GET", "/limits"), None).await.json();
        let absolute = answer["limits"]["absolute"].as_object().cloned().unwrap_or_default();
        let mut names: Vec<String> = absolute.keys().cloned().collect();
        names.sort();
        script.note(&format!("{version}: {names:?} {}", answer["limits"]["rate"]));
    }
    ask(script, member, "2.90", ("GET", "/limits?colour=red"), None).await;
    let other = bed.other.project.clone().expect("a project");
    ask(script, member, "2.90", ("GET", &format!("/limits?tenant_id={other}")), None).await;
    script.part("usage");
    let start = "start=2026-01-01T00:00:00&end=2026-01-01T01:00:00";
    let path = format!("/os-simple-tenant-usage/{other}?{start}");
    ask(script, member, "2.90", ("GET", &path), None).await;
    ask(script, admin, "2.90", ("GET", &path), None).await;
    ask(script, member, "2.90", ("GET", "/os-simple-tenant-usage"), None).await;
    ask(script, admin, "2.90", ("GET", &format!("/os-simple-tenant-usage?{start}")), None).await;
    for query in ["start=nonsense", "end=nonsense", "limit=x", "start=2026-01-02&end=2026-01-01"] {
        let path = format!("/os-simple-tenant-usage?{query}");
        ask(script, admin, "2.90", ("GET", &path), None).await;
    }
    script.part("migrations");
    ask(script, member, "2.90", ("GET", "/os-migrations"), None).await;
    for query in ["colour=red", "limit=x", "marker=nonsense", "instance_uuid=nonsense"] {
        ask(script, admin, "2.90", ("GET", &format!("/os-migrations?{query}")), None).await;
    }
    script.part("what is gone");
    for path in ["/os-networks", "/os-floating-ips", "/os-security-groups", "/images", "/os-hosts"]
    {
        ask(script, member, "2.90", ("GET", path), None).await;
    }
    ask(script, member, "2.90", ("GET", "/extensions/nonsense"), None).await;
}
