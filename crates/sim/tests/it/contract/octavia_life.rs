//! The lives of load balancers: what changes do to them, and what is refused meanwhile.

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::octavia::ask;
use super::script::Script;
use crate::client::{Answer, Session};

scenarios! {
    load_balancers_live_with_ovn = ovn;
    load_balancers_are_made_and_listed = creation;
}

mod slow {
    use crate::contract::{bed::Bed, play};

    /// Work takes its time, so that others see it pending.
    #[tokio::test]
    async fn load_balancers_are_immutable_while_pending() {
        play(Bed::slow().await, "load_balancers_are_immutable_while_pending", |bed, script| {
            Box::pin(super::pending(bed, script))
        })
        .await;
    }

    /// The same of the testbed.
    #[tokio::test]
    #[ignore = "real: testbed"]
    async fn load_balancers_are_really_immutable_while_pending() {
        play(Bed::real().await, "load_balancers_are_immutable_while_pending", |bed, script| {
            Box::pin(super::pending(bed, script))
        })
        .await;
    }
}

/// A network of the member with one subnet; their ids.
async fn network(bed: &Bed, script: &mut Script) -> (String, String) {
    let member = &bed.member;
    let body = json!({"network": {"name": bed.name("net")}});
    let made = Answer::of(member.to("network", Method::POST, "/v2.0/networks").json(&body)).await;
    let network = text(&made.json()["network"], "id").to_owned();
    let body = json!({"subnet": {
        "name": bed.name("subnet"), "network_id": network, "ip_version": 4, "cidr": "10.77.0.0/24",
    }});
    let made = Answer::of(member.to("network", Method::POST, "/v2.0/subnets").json(&body)).await;
    let subnet = text(&made.json()["subnet"], "id").to_owned();
    script.name(&network, "<network>");
    script.name(&subnet, "<subnet>");
    (network, subnet)
}

/// Waits until nothing below a load balancer is pending but what stays so; its states, if it is there.
async fn settled(bed: &Bed, id: &str) -> Option<Value> {
    let path = format!("/v2/lbaas/loadbalancers/{id}/status");
    let mut last = Value::Null;
    for _ in 0..2400 {
        let answer = Answer::of(bed.member.to("load-balancer", Method::GET, &path)).await;
        if answer.status == 404 {
            return None;
        }
        let tree = answer.json()["statuses"]["loadbalancer"].clone();
        let pending = |value: &Value| {
            value["provisioning_status"].as_str().is_some_and(|it| it.starts_with("PENDING"))
        };
        let created = tree.to_string().contains("PENDING_CREATE");
        if !pending(&tree) && !created {
            return Some(tree);
        }
        last = tree;
        bed.pass_time().await;
    }
    panic!("{id} does not come to rest: {last}");
}

/// Writes the states of a tree down, one part a line.
fn note_states(script: &mut Script, tree: &Value, depth: usize) {
    let text = |key: &str| tree[key].as_str().unwrap_or("-").to_owned();
    let line = format!(
        "{}{} {} {}",
        "  ".repeat(depth),
        text("id"),
        text("provisioning_status"),
        text("operating_status"),
    );
    script.note(&line);
    for below in ["listeners", "pools", "members"] {
        for part in tree[below].as_array().into_iter().flatten() {
            note_states(script, part, depth + 1);
        }
    }
    if tree["health_monitor"].is_object() {
        note_states(script, &tree["health_monitor"], depth + 1);
    }
}

/// Waits for the end of the work on a load balancer and writes its states down.
async fn settle(bed: &Bed, script: &mut Script, id: &str) {
    match settled(bed, id).await {
        Some(tree) => note_states(script, &tree, 0),
        None => script.note("gone"),
    }
}

/// Creates something and gives its id a name.
async fn made(
    script: &mut Script,
    who: &Session,
    (path, kind): (&str, &str),
    body: Value,
) -> String {
    let answer = ask(script, who, "POST", path, Some(json!({kind: body}))).await.json();
    let id =
        answer[kind]["id"].as_str().unwrap_or_else(|| panic!("no {kind}: {answer}")).to_owned();
    script.name(&id, &format!("<{kind}>"));
    if let Some(port) = answer[kind]["vip_port_id"].as_str() {
        script.name(port, "<vip port>");
    }
    if let Some(address) = answer[kind]["vip_address"].as_str() {
        script.name(address, "<vip>");
    }
    id
}

/// The states of a load balancer's parts are told by their names from here on.
async fn ovn(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let (_, subnet) = network(bed, script).await;
    script.part("a load balancer");
    let body = json!({"name": bed.name("lb"), "vip_subnet_id": subnet, "vip_address": "10.77.0.9"});
    let balancer = made(script, member, ("/v2/lbaas/loadbalancers", "loadbalancer"), body).await;
    settle(bed, script, &balancer).await;
    let path = format!("/v2/lbaas/loadbalancers/{balancer}");
    ask(script, member, "PUT", &path, Some(json!({"loadbalancer": {"tags": ["b", "a"]}}))).await;
    settle(bed, script, &balancer).await;

    script.part("a listener");
    let listener = json!({
        "loadbalancer_id": balancer, "protocol": "TCP", "protocol_port": 80, "name": "l",
    });
    let listener = made(script, member, ("/v2/lbaas/listeners", "listener"), listener).await;
    settle(bed, script, &balancer).await;
    for (protocol, port) in [("TCP", 80), ("HTTP", 81), ("TERMINATED_HTTPS", 82)] {
        let body = json!({"listener": {
            "loadbalancer_id": balancer, "protocol": protocol, "protocol_port": port,
        }});
        ask(script, member, "POST", "/v2/lbaas/listeners", Some(body)).await;
    }

    script.part("a pool");
    let pool =
        json!({"listener_id": listener, "protocol": "TCP", "lb_algorithm": "SOURCE_IP_PORT"});
    let again = json!({"pool": pool});
    let pool = made(script, member, ("/v2/lbaas/pools", "pool"), pool).await;
    settle(bed, script, &balancer).await;
    ask(script, member, "POST", "/v2/lbaas/pools", Some(again)).await;
    let robin = json!({"pool": {
        "loadbalancer_id": balancer, "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN",
    }});
    ask(script, member, "POST", "/v2/lbaas/pools", Some(robin)).await;

    script.part("members");
    let members = format!("/v2/lbaas/pools/{pool}/members");
    let one = json!({"address": "10.77.0.50", "protocol_port": 80, "subnet_id": subnet});
    let again = json!({"member": one});
    let id = made(script, member, (&members, "member"), one).await;
    settle(bed, script, &balancer).await;
    ask(script, member, "POST", &members, Some(again)).await;
    for wrong in [
        json!({"address": "fe80::1", "protocol_port": 80, "subnet_id": subnet}),
        json!({"address": "10.80.0.1", "protocol_port": 80}),
        json!({"address": "169.254.169.254", "protocol_port": 80}),
        json!({"address": "10.77.0.51", "protocol_port": 80, "weight": 257}),
    ] {
        ask(script, member, "POST", &members, Some(json!({"member": wrong}))).await;
    }
    for change in [json!({"admin_state_up": false}), json!({"admin_state_up": true, "weight": 3})] {
        let path = format!("{members}/{id}");
        ask(script, member, "PUT", &path, Some(json!({"member": change}))).await;
        settle(bed, script, &balancer).await;
    }
    ask(script, member, "DELETE", &format!("{members}/{id}"), None).await;
    settle(bed, script, &balancer).await;

    script.part("the end");
    ask(script, member, "GET", &format!("{path}/stats"), None).await;
    ask(script, member, "GET", &format!("/v2/lbaas/listeners/{listener}/stats"), None).await;
    ask(script, member, "PUT", &format!("{path}/failover"), None).await;
    ask(script, &bed.admin, "PUT", &format!("{path}/failover"), None).await;
    for (method, path) in [
        ("GET", path.clone()),
        ("PUT", path.clone()),
        ("DELETE", path.clone()),
        ("GET", format!("/v2/lbaas/pools/{pool}")),
    ] {
        let body = (method == "PUT").then(|| json!({"loadbalancer": {"name": "mine"}}));
        ask(script, &bed.other, method, &path, body).await;
    }
    ask(script, member, "DELETE", &path, None).await;
    ask(script, member, "DELETE", &format!("/v2/lbaas/pools/{pool}"), None).await;
    settle(bed, script, &balancer).await;
    ask(script, member, "DELETE", &format!("/v2/lbaas/listeners/{listener}"), None).await;
    settle(bed, script, &balancer).await;
    ask(script, member, "DELETE", &path, None).await;
    settle(bed, script, &balancer).await;
    ask(script, member, "GET", &path, None).await;
}

async fn creation(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let (network, subnet) = network(bed, script).await;
    let balancers = "/v2/lbaas/loadbalancers";
    script.part("where there is no place");
    for body in [
        json!({"vip_subnet_id": subnet, "provider": "nothing"}),
        json!({"vip_subnet_id": subnet, "flavor_id": "00000000-0000-0000-0000-000000000001"}),
        json!({"vip_subnet_id": subnet, "availability_zone": "nowhere"}),
        json!({"vip_network_id": network, "vip_address": "10.99.0.1"}),
        json!({"vip_subnet_id": subnet, "vip_address": "10.99.0.1"}),
        json!({"vip_subnet_id": subnet, "listeners": [{
            "protocol": "TCP", "protocol_port": 80, "default_pool": {"name": "p"},
        }]}),
    ] {
        ask(script, member, "POST", balancers, Some(json!({"loadbalancer": body}))).await;
    }

    script.part("three");
    let mut ids = Vec::new();
    for name in ["c", "a", "b"] {
        let body = json!({"loadbalancer": {
            "name": bed.name(name), "vip_network_id": network, "tags": [bed.run],
        }});
        let answer =
            Answer::of(member.to("load-balancer", Method::POST, balancers).json(&body)).await;
        let id = text(&answer.json()["loadbalancer"], "id").to_owned();
        script.name(&id, &format!("<{name}>"));
        settled(bed, &id).await;
        ids.push(id);
    }

    script.part("pages");
    // Other scenarios have load balancers in the project too.
    let mine = format!("fields=name&fields=id&tags={}", bed.run);
    for query in [
        format!("sort=name:asc&limit=2&{mine}"),
        format!("sort=name:asc&limit=2&marker={}&{mine}", ids[2]),
        format!("sort=name:desc&limit=1&marker={}&page_reverse=True&{mine}", ids[1]),
        format!("sort_key=name&sort_dir=desc&limit=5&{mine}"),
        format!("name={}&{mine}", bed.name("a")),
        format!("id={}&fields=vip_network_id", ids[0]),
        format!("provisioning_status=ERROR&{mine}"),
        format!("admin_state_up=false&{mine}"),
        format!("limit=0&{mine}"),
    ] {
        ask(script, member, "GET", &format!("{balancers}?{query}"), None).await;
    }
    for id in &ids {
        Answer::of(member.to("load-balancer", Method::DELETE, &format!("{balancers}/{id}"))).await;
        settled(bed, id).await;
    }
}

/// Makes a load balancer and asks for changes while it is being made. Nobody can say how long that
/// takes: where one of the questions comes too late, another load balancer is made.
async fn caught(bed: &Bed, script: &mut Script, subnet: &str) -> String {
    let balancers = "/v2/lbaas/loadbalancers";
    let new = json!({"loadbalancer": {
        "name": bed.name("lb"), "vip_subnet_id": subnet, "provider": "amphora",
    }});
    for _ in 0..20 {
        let answer = quietly(bed, "POST", balancers, Some(&new)).await;
        let balancer = answer.json()["loadbalancer"].clone();
        let id = text(&balancer, "id").to_owned();
        let path = format!("{balancers}/{id}");
        let listener = json!({"listener": {
            "loadbalancer_id": id, "protocol": "HTTP", "protocol_port": 80, "name": "l",
        }});
        let rename = json!({"loadbalancer": {"name": bed.name("x")}});
        let mut asked = vec![(format!("POST {balancers}"), Some(new.clone()), answer)];
        let status = format!("{path}/status");
        for (method, path, body) in [
            ("POST", "/v2/lbaas/listeners", Some(&listener)),
            ("PUT", &path, Some(&rename)),
            ("DELETE", &path, None),
            ("GET", &status, None),
        ] {
            let answer = quietly(bed, method, path, body).await;
            asked.push((format!("{method} {path}"), body.cloned(), answer));
        }
        let on_time = asked.last().is_some_and(|(_, _, answer)| {
            answer.json()["statuses"]["loadbalancer"]["provisioning_status"] == "PENDING_CREATE"
        });
        if on_time {
            script.name(&id, "<loadbalancer>");
            script.name(text(&balancer, "vip_port_id"), "<vip port>");
            script.name(text(&balancer, "vip_address"), "<vip>");
            for (asked, body, answer) in &asked {
                script.part_of(asked, body.as_ref(), answer);
            }
            return id;
        }
        settled(bed, &id).await;
        quietly(bed, "DELETE", &format!("{path}?cascade=true"), None).await;
        settled(bed, &id).await;
    }
    panic!("load balancers are made faster than one can ask");
}

/// Asks Octavia for the member and writes nothing down.
async fn quietly(bed: &Bed, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let request = bed.member.to("load-balancer", method.parse().expect("a method"), path);
    Answer::of(match body {
        Some(body) => request.json(body),
        None => request,
    })
    .await
}

async fn pending(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let (_, subnet) = network(bed, script).await;
    script.part("being made");
    let balancer = caught(bed, script, &subnet).await;
    let path = format!("/v2/lbaas/loadbalancers/{balancer}");
    settle(bed, script, &balancer).await;

    script.part("policies");
    let listener = json!({
        "loadbalancer_id": balancer, "protocol": "HTTP", "protocol_port": 80, "name": "l",
    });
    let listener = made(script, member, ("/v2/lbaas/listeners", "listener"), listener).await;
    settle(bed, script, &balancer).await;
    let policy = json!({
        "listener_id": listener, "action": "REDIRECT_TO_URL", "redirect_url": "http://a.example/",
    });
    let policy = made(script, member, ("/v2/lbaas/l7policies", "l7policy"), policy).await;
    settle(bed, script, &balancer).await;
    let rules = format!("/v2/lbaas/l7policies/{policy}/rules");
    let rule = json!({"type": "PATH", "compare_type": "STARTS_WITH", "value": "/x"});
    let rule = made(script, member, (&rules, "rule"), rule).await;
    settle(bed, script, &balancer).await;
    ask(script, member, "GET", &format!("/v2/lbaas/l7policies/{policy}"), None).await;
    ask(script, member, "GET", &rules, None).await;
    for wrong in [
        json!({"type": "PATH", "compare_type": "EQUAL_TO"}),
        json!({"type": "HEADER", "compare_type": "EQUAL_TO", "value": "x"}),
        json!({"type": "FILE_TYPE", "compare_type": "CONTAINS", "value": "x"}),
        json!({"type": "PATH", "compare_type": "EQUAL_TO", "value": "a b"}),
    ] {
        ask(script, member, "POST", &rules, Some(json!({"rule": wrong}))).await;
    }
    let change = json!({"l7policy": {"action": "REJECT"}});
    ask(script, member, "PUT", &format!("/v2/lbaas/l7policies/{policy}"), Some(change)).await;
    settle(bed, script, &balancer).await;
    ask(script, member, "DELETE", &format!("{rules}/{rule}"), None).await;
    settle(bed, script, &balancer).await;

    script.part("all of it goes");
    ask(script, &bed.admin, "PUT", &format!("{path}/failover"), None).await;
    settle(bed, script, &balancer).await;
    ask(script, member, "DELETE", &path, None).await;
    ask(script, member, "DELETE", &format!("{path}?cascade=true"), None).await;
    settle(bed, script, &balancer).await;
}

/// Removes the load balancers of a run, so that its networks can go.
pub(crate) async fn clean_up(bed: &Bed) {
    let admin = Session::sign_in(&bed.people.admin).await;
    let listed = admin.to("load-balancer", Method::GET, "/v2/lbaas/loadbalancers");
    let listed = Answer::of(listed).await.json();
    let all = listed["loadbalancers"].as_array().cloned().unwrap_or_default();
    for balancer in all.iter().filter(|it| text(it, "name").contains(&bed.run)) {
        let id = text(balancer, "id");
        settled(bed, id).await;
        let path = format!("/v2/lbaas/loadbalancers/{id}?cascade=true");
        Answer::of(admin.to("load-balancer", Method::DELETE, &path)).await;
        let left = settled(bed, id).await;
        assert!(left.is_none(), "{id} stays: {left:?}");
    }
}
