//! Security groups and rules.

use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::neutron::{NOWHERE, delete, get, made, post, put};
use super::neutron_port::default_group;
use super::script::Script;

pub(crate) async fn groups(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    default_group(script, member).await;
    script.part("created");
    let body = json!({"security_group": {
        "name": bed.name("group"), "description": "a group", "stateful": true,
    }});
    let made_group = post(script, member, "/security-groups", body).await.json();
    let id = text(&made_group["security_group"], "id").to_owned();
    script.name(&id, "<group>");
    let path = format!("/security-groups/{id}");
    script.part("refused");
    for group in [
        json!({}),
        json!({"name": "default"}),
        json!({"name": 5}),
        json!({"name": "n".repeat(256)}),
        json!({"colour": "red"}),
        json!({"shared": true}),
        json!({"security_group_rules": []}),
        json!({"stateful": "perhaps"}),
        json!({"project_id": bed.other.project}),
    ] {
        let answer =
            post(script, member, "/security-groups", json!({"security_group": group})).await;
        if answer.status == 201 {
            let body = answer.json();
            let path = format!("/security-groups/{}", text(&body["security_group"], "id"));
            script.name(text(&body["security_group"], "id"), "<nameless>");
            delete(script, member, &path).await;
        }
    }
    script.part("changed");
    put(script, member, &path, json!({"security_group": {"name": bed.name("renamed")}})).await;
    put(script, member, &path, json!({"security_group": {"description": "new"}})).await;
    put(script, member, &path, json!({"security_group": {"name": "default"}})).await;
    put(script, member, &path, json!({"security_group": {"colour": "red"}})).await;
    script.part("the default one");
    let default = default_group(script, member).await;
    let default = format!("/security-groups/{default}");
    put(script, member, &default, json!({"security_group": {"name": bed.name("x")}})).await;
    put(script, member, &default, json!({"security_group": {"name": "default"}})).await;
    script.part("seen");
    get(script, member, &path).await;
    get(script, &bed.admin, &format!("{path}?fields=name")).await;
    get(script, &bed.other, &path).await;
    put(script, &bed.other, &path, json!({"security_group": {"name": "theirs"}})).await;
    delete(script, &bed.other, &path).await;
    get(script, member, &format!("/security-groups?name={}&fields=name", bed.name("renamed")))
        .await;
    get(script, member, "/security-groups?colour=red").await;
    script.part("in use");
    let network = made(bed, script, member, ("networks", "network"), json!({})).await;
    let port = json!({"network_id": network, "security_groups": [id]});
    let port = made(bed, script, member, ("ports", "port"), port).await;
    delete(script, member, &path).await;
    put(script, member, &path, json!({"security_group": {"stateful": false}})).await;
    let gone = super::neutron::quietly(member, "DELETE", &format!("/ports/{port}"), None).await;
    assert_eq!(gone.status, 204);
    put(script, member, &path, json!({"security_group": {"stateful": false}})).await;
    script.part("deleted");
    delete(script, member, &path).await;
    delete(script, member, &path).await;
    get(script, member, &path).await;
}

pub(crate) async fn rules(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let group = made(bed, script, member, ("security-groups", "group"), json!({})).await;
    let other = made(bed, script, member, ("security-groups", "other group"), json!({})).await;
    let revision = format!("/security-groups/{group}?fields=id&fields=revision_number");
    get(script, member, &revision).await;
    let rule = |extra: &Value| {
        let mut rule = json!({"security_group_id": group, "direction": "ingress"});
        rule.as_object_mut().expect("fields").extend(extra.as_object().expect("fields").clone());
        json!({"security_group_rule": rule})
    };
    script.part("created");
    let mut ids = Vec::new();
    for (number, extra) in [
        json!({"protocol": "tcp", "port_range_min": 22, "port_range_max": 22}),
        json!({"protocol": "TCP", "port_range_min": "80", "port_range_max": "90",
            "remote_ip_prefix": "192.0.2.7", "description": "web"}),
        json!({"protocol": "udp", "ethertype": "ipv6", "remote_ip_prefix": "2001:db8::/32"}),
        json!({"protocol": "icmp", "port_range_min": 8, "port_range_max": 0}),
        json!({"protocol": "icmp", "ethertype": "IPv6"}),
        json!({"protocol": 112, "remote_group_id": other}),
        json!({"protocol": "any"}),
        json!({"protocol": "tcp", "port_range_min": 1, "port_range_max": 65535}),
        json!({"direction": "egress", "protocol": "sctp", "port_range_min": 5, "port_range_max": 6}),
        json!({"remote_ip_prefix": "10.1.2.3/16"}),
    ]
    .iter()
    .enumerate()
    {
        let made = post(script, member, "/security-group-rules", rule(extra)).await;
        if made.status == 201 {
            let id = text(&made.json()["security_group_rule"], "id").to_owned();
            script.name(&id, &format!("<rule {number}>"));
            ids.push(id);
        }
    }
    script.part("several at once");
    let one = |port: u16| {
        rule(&json!({"protocol": "tcp", "port_range_min": port, "port_range_max": port}))
    };
    let several = |ports: &[u16]| {
        let rules: Vec<Value> =
            ports.iter().map(|port| one(*port)["security_group_rule"].clone()).collect();
        json!({"security_group_rules": rules})
    };
    post(script, member, "/security-group-rules", several(&[1001, 1002])).await;
    post(script, member, "/security-group-rules", several(&[1003, 1001])).await;
    post(script, member, "/security-group-rules", several(&[1004, 1004])).await;
    script.part("refused");
    for extra in refused(&other) {
        post(script, member, "/security-group-rules", rule(&extra)).await;
    }
    post(script, member, "/security-group-rules", json!({"security_group_rule": {}})).await;
    post(script, &bed.other, "/security-group-rules", rule(&json!({"protocol": "gre"}))).await;
    script.part("seen");
    let first = format!("/security-group-rules/{}", ids[0]);
    get(script, member, &first).await;
    get(script, &bed.other, &first).await;
    get(script, member, &format!("/security-group-rules/{NOWHERE}")).await;
    get(script, member, &format!("/security-group-rules?security_group_id={group}&protocol=icmp&fields=protocol&fields=ethertype"))
        .await;
    get(
        script,
        member,
        &format!(
            "/security-group-rules?security_group_id={group}&port_range_min=22&fields=protocol"
        ),
    )
    .await;
    get(script, member, &format!("/security-group-rules?security_group_id={group}&direction=egress&sort_key=ethertype&sort_dir=asc&fields=ethertype"))
        .await;
    script.part("changed");
    put(script, member, &first, json!({"security_group_rule": {"description": "new"}})).await;
    put(script, member, &first, json!({"security_group_rule": {"protocol": "udp"}})).await;
    script.part("deleted");
    delete(script, &bed.other, &first).await;
    delete(script, member, &first).await;
    delete(script, member, &first).await;
    script.part("gone with its remote group");
    delete(script, member, &format!("/security-groups/{other}")).await;
    get(script, member, &format!("/security-group-rules?remote_group_id={other}")).await;
    get(script, member, &revision).await;
}

/// What no rule may say.
fn refused(other: &str) -> Vec<Value> {
    vec![
        json!({"protocol": "tcp", "port_range_min": 22, "port_range_max": 22}),
        json!({"protocol": "6", "port_range_min": 22, "port_range_max": 22,
            "remote_ip_prefix": "0.0.0.0/0"}),
        json!({"protocol": "carrier-pigeon"}),
        json!({"protocol": 256}),
        json!({"protocol": "tcp", "port_range_min": 90, "port_range_max": 80}),
        json!({"protocol": "tcp", "port_range_min": 90}),
        json!({"protocol": "tcp", "port_range_min": 0, "port_range_max": 80}),
        json!({"protocol": "tcp", "port_range_min": 1, "port_range_max": 65536}),
        json!({"protocol": "tcp", "port_range_min": "x", "port_range_max": 80}),
        json!({"port_range_min": 80, "port_range_max": 80}),
        json!({"protocol": "icmp", "port_range_max": 0}),
        json!({"protocol": "icmp", "port_range_min": 300}),
        json!({"protocol": "vrrp", "port_range_min": 80, "port_range_max": 80}),
        json!({"protocol": "ipv6-icmp", "ethertype": "IPv4"}),
        json!({"ethertype": "IPv5"}),
        json!({"remote_ip_prefix": "nonsense"}),
        json!({"remote_ip_prefix": "10.0.0.0/8", "ethertype": "IPv6"}),
        json!({"remote_ip_prefix": "10.0.0.0/8", "remote_group_id": other}),
        json!({"remote_group_id": NOWHERE}),
        json!({"security_group_id": NOWHERE}),
        json!({"direction": "sideways"}),
        json!({"direction": null}),
        json!({"colour": "red"}),
        json!({"normalized_cidr": "10.0.0.0/8"}),
    ]
}
