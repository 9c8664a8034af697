//! Networks beyond the contract: notifications, many ports, all or nothing.

use std::collections::BTreeSet;

use lotse_sim::{SimCloud, SimOptions};
use serde_json::{Value, json};

use crate::client::{Answer, Session, person};

/// Asks Neutron; the body of the answer.
async fn ask(who: &Session, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let request = who.to("network", method.parse().expect("a method"), &format!("/v2.0{path}"));
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let answer = Answer::of(request).await;
    let body = if answer.text.is_empty() { Value::Null } else { answer.json() };
    (answer.status, body)
}

/// Creates one thing; what the answer says of it.
async fn create(who: &Session, path: &str, body: Value) -> Value {
    let (status, body) = ask(who, "POST", path, Some(body)).await;
    assert_eq!(status, 201, "{body}");
    let mut fields = body.as_object().expect("an object").clone();
    let first = fields.keys().next().expect("a field").clone();
    fields.remove(&first).expect("the object")
}

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap_or_else(|| panic!("no id in {object}"))
}

async fn member_of(sim: &SimCloud) -> Session {
    Session::sign_in(&person(sim, "demo", Some("demo"))).await
}

/// A router between the external network and a network with one port; the three ids.
async fn behind_a_router(member: &Session) -> (String, String, String) {
    let (_, public) = ask(member, "GET", "/networks?name=public", None).await;
    let public = id(&public["networks"][0]).to_owned();
    let net = create(member, "/networks", json!({"network": {"name": "net"}})).await;
    let subnet = json!({"network_id": net["id"], "ip_version": 4, "cidr": "10.0.0.0/16"});
    let subnet = create(member, "/subnets", json!({"subnet": subnet})).await;
    let router = json!({"router": {"external_gateway_info": {"network_id": public}}});
    let router = create(member, "/routers", router).await;
    let path = format!("/routers/{}/add_router_interface", id(&router));
    let (status, added) = ask(member, "PUT", &path, Some(json!({"subnet_id": subnet["id"]}))).await;
    assert_eq!(status, 200, "{added}");
    (public, id(&net).to_owned(), id(&router).to_owned())
}

#[tokio::test]
async fn life_cycles_are_told_as_the_notifications_of_neutron() {
    let sim = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let member = member_of(&sim).await;
    let (public, net, _) = behind_a_router(&member).await;
    let start = sim.events().last();
    let port = create(&member, "/ports", json!({"port": {"network_id": net}})).await;
    let wanted = json!({"floatingip": {"floating_network_id": public}});
    let floating = create(&member, "/floatingips", wanted).await;
    let path = format!("/floatingips/{}", id(&floating));
    for leads in [json!(port["id"]), Value::Null] {
        let body = json!({"floatingip": {"port_id": leads}});
        assert_eq!(ask(&member, "PUT", &path, Some(body)).await.0, 200);
    }
    assert_eq!(ask(&member, "DELETE", &path, None).await.0, 204);
    assert_eq!(ask(&member, "DELETE", &path, None).await.0, 404);
    assert_eq!(ask(&member, "DELETE", &format!("/ports/{}", id(&port)), None).await.0, 204);
    let events = sim.events().since(start);
    let told: Vec<&str> = events.iter().map(|it| it.event_type.as_str()).collect();
    let expected = [
        "port.create.end",
        "floatingip.create.end",
        "floatingip.update.end",
        "floatingip.update.end",
        "floatingip.delete.end",
        "port.delete.end",
    ];
    assert_eq!(told, expected, "a refused request tells nobody");
    let led = &events[2];
    assert_eq!(led.payload["floatingip"]["port_id"], port["id"]);
    assert_eq!(led.project_id.as_deref(), member.project.as_deref());
    assert!(led.request_id.as_deref().is_some_and(|it| it.starts_with("req-")), "{led:?}");
    assert_eq!(events[4].payload["floatingip_id"], floating["id"]);
    assert_eq!(
        events[4].payload["floatingip"]["floating_ip_address"],
        floating["floating_ip_address"]
    );
}

#[tokio::test]
async fn several_at_once_are_made_all_or_not_at_all() {
    let sim = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let member = member_of(&sim).await;
    let (_, net, router) = behind_a_router(&member).await;
    let before = ask(&member, "GET", &format!("/networks/{net}"), None).await;
    let ports = async || ask(&member, "GET", &format!("/ports?network_id={net}"), None).await;
    let there = ports().await;
    let start = sim.events().last();
    let impostor = json!({"network_id": net, "device_id": router,
        "device_owner": "network:router_interface"});
    let wrong = json!({"network_id": net, "fixed_ips": [{"ip_address": "192.0.2.1"}]});
    let several = json!({"ports": [{"network_id": net}, impostor, wrong]});
    let (status, refused) = ask(&member, "POST", "/ports", Some(several)).await;
    assert_eq!((status, &refused["NeutronError"]["type"]), (400, &json!("InvalidIpForNetwork")));
    assert_eq!(ports().await, there);
    let subnets = ["10.9.0.0/24", "10.9.1.0/24", "10.0.1.0/24"]
        .map(|cidr| json!({"network_id": net, "ip_version": 4, "cidr": cidr}));
    let (status, refused) =
        ask(&member, "POST", "/subnets", Some(json!({"subnets": subnets}))).await;
    assert_eq!(status, 400, "{refused}");
    assert_eq!(ask(&member, "GET", &format!("/networks/{net}"), None).await, before);
    assert_eq!(sim.events().last(), start, "nothing happened");
    let two = json!({"ports": [{"network_id": net}, {"network_id": net}]});
    let (status, made) = ask(&member, "POST", "/ports", Some(two)).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(
        made["ports"][1]["fixed_ips"][0]["ip_address"], "10.0.0.4",
        "the metadata service has 10.0.0.2"
    );
}

/// The ids of a list, page by page as its links say.
async fn pages(who: &Session, query: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut path = Some(format!("/ports?{query}&fields=id&limit=1000"));
    while let Some(next) = path {
        let (status, page) = ask(who, "GET", &next, None).await;
        assert_eq!(status, 200, "{page}");
        all.extend(page["ports"].as_array().expect("ports").iter().map(|it| id(it).to_owned()));
        let mut links = page["ports_links"].as_array().into_iter().flatten();
        let next = links.find(|it| it["rel"] == "next").and_then(|it| it["href"].as_str());
        path = next.and_then(|it| it.split_once("/v2.0")).map(|it| it.1.to_owned());
    }
    all
}

#[tokio::test]
async fn ten_thousand_ports_are_listed_counted_joined_and_left() {
    const PORTS: usize = 10_000;
    let seed = json!({"network": {
        "generate": {"networks": 1, "ports_per_network": PORTS},
    }});
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("seed.json");
    std::fs::write(&path, seed.to_string()).expect("a file");
    let options = SimOptions { seed: Some(path), ..SimOptions::default() };
    let sim = SimCloud::start(options).await.expect("a cloud");
    let member = member_of(&sim).await;
    let admin = Session::sign_in(&person(&sim, "admin", Some("admin"))).await;
    let project = member.project.as_deref().expect("a project");
    let (_, nets) = ask(&member, "GET", "/networks?name=generated-00000", None).await;
    let net = id(&nets["networks"][0]).to_owned();

    let by_id = pages(&member, "").await;
    let by_name = pages(&member, "sort_key=mac_address&sort_dir=desc").await;
    assert_eq!(by_id.len(), PORTS, "all of the project's");
    assert!(by_id.is_sorted());
    let all: BTreeSet<&String> = by_id.iter().collect();
    assert_eq!(all.len(), PORTS);
    assert_eq!(by_name.iter().collect::<BTreeSet<_>>(), all);

    let quota = format!("/quotas/{project}");
    let more = json!({"port": {"network_id": net}});
    let (status, refused) = ask(&member, "POST", "/ports", Some(more.clone())).await;
    assert_eq!((status, &refused["NeutronError"]["type"]), (409, &json!("OverQuota")));
    let wide = json!({"quota": {"port": -1}});
    assert_eq!(ask(&admin, "PUT", &quota, Some(wide)).await.0, 200);
    let one = create(&member, "/ports", more).await;
    assert_eq!(one["fixed_ips"][0]["ip_address"], "10.0.39.18", "the lowest that is free");
    let hundred: Vec<Value> = (0..100).map(|_| json!({"network_id": net})).collect();
    let (status, made) = ask(&member, "POST", "/ports", Some(json!({"ports": hundred}))).await;
    assert_eq!(status, 201);
    let addresses: BTreeSet<&str> = made["ports"]
        .as_array()
        .expect("ports")
        .iter()
        .filter_map(|it| it["fixed_ips"][0]["ip_address"].as_str())
        .collect();
    assert_eq!(addresses.len(), 100);

    let used = async || {
        let (_, details) = ask(&member, "GET", &format!("{quota}/details.json"), None).await;
        details["quota"]["port"]["used"].as_u64()
    };
    assert_eq!(used().await, Some(10_101));
    for port in by_id.iter().take(100) {
        assert_eq!(ask(&member, "DELETE", &format!("/ports/{port}"), None).await.0, 204);
    }
    assert_eq!(used().await, Some(10_001));
    assert_eq!(pages(&member, "").await.len(), 10_001);
}
