//! Load balancers as only the simulated cloud can show them: on a clock that stands still.

use std::sync::Arc;
use std::time::Duration;

use lotse_core::time::ManualClock;
use lotse_sim::{Delays, SimCloud, SimOptions};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Session, person};

/// How long the work on a load balancer takes here.
const WORK: Duration = Duration::from_secs(30);
const ALMOST: Duration = Duration::from_secs(29);
const REST: Duration = Duration::from_secs(1);

/// A cloud in which the project `demo` has a network, and the id of its subnet.
async fn cloud() -> (SimCloud, String) {
    let clock = ManualClock::starting_at("2026-01-01T00:00:00Z".parse().expect("a time"));
    let seed = json!({"network": {"generate": {"networks": 1}}});
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("seed.json");
    std::fs::write(&path, seed.to_string()).expect("a file");
    let options = SimOptions {
        seed: Some(path),
        clock: Arc::new(clock),
        delays: Delays { load_balancer: WORK, ..Delays::default() },
        ..SimOptions::default()
    };
    let cloud = SimCloud::start(options).await.expect("a cloud");
    let state = cloud.state().to_json();
    let subnets = state["network"]["subnets"].as_array().expect("subnets").iter();
    let mut mine = subnets.filter(|subnet| subnet["name"] == "generated-00000");
    let id = mine.next().expect("a subnet")["id"].as_str().expect("an id").to_owned();
    (cloud, id)
}

async fn ask(who: &Session, method: Method, path: &str, body: Option<Value>) -> Answer {
    let request = who.to("load-balancer", method, &format!("/v2/lbaas{path}"));
    Answer::of(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

fn id(answer: &Answer, kind: &str) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()[kind]["id"].as_str().expect("an id").to_owned()
}

/// A load balancer of `demo`.
async fn balancer(demo: &Session, subnet: &str) -> String {
    let body = json!({"loadbalancer": {"name": "front", "vip_subnet_id": subnet}});
    id(&ask(demo, Method::POST, "/loadbalancers", Some(body)).await, "loadbalancer")
}

async fn states(demo: &Session, id: &str) -> (String, String) {
    let answer = ask(demo, Method::GET, &format!("/loadbalancers/{id}"), None).await.json();
    let text = |key: &str| answer["loadbalancer"][key].as_str().unwrap_or_default().to_owned();
    (text("provisioning_status"), text("operating_status"))
}

#[tokio::test]
async fn a_load_balancer_cannot_be_changed_until_its_work_is_done() {
    let (cloud, subnet) = cloud().await;
    let demo = Session::sign_in(&person(&cloud, "demo", Some("demo"))).await;
    let id = balancer(&demo, &subnet).await;
    let path = format!("/loadbalancers/{id}");
    let rename = Some(json!({"loadbalancer": {"name": "other"}}));
    let listener =
        json!({"listener": {"loadbalancer_id": id, "protocol": "TCP", "protocol_port": 80}});
    assert_eq!(ask(&demo, Method::PUT, &path, rename.clone()).await.status, 409);
    assert_eq!(ask(&demo, Method::POST, "/listeners", Some(listener.clone())).await.status, 409);
    assert_eq!(ask(&demo, Method::DELETE, &path, None).await.status, 409);
    cloud.advance(ALMOST);
    assert_eq!(states(&demo, &id).await, ("PENDING_CREATE".into(), "OFFLINE".into()));
    cloud.advance(REST);
    assert_eq!(states(&demo, &id).await, ("ACTIVE".into(), "ONLINE".into()));
    assert_eq!(ask(&demo, Method::POST, "/listeners", Some(listener)).await.status, 201);
    assert_eq!(states(&demo, &id).await, ("PENDING_UPDATE".into(), "ONLINE".into()));
    assert_eq!(ask(&demo, Method::PUT, &path, rename.clone()).await.status, 409);
    cloud.advance(WORK);
    assert_eq!(ask(&demo, Method::PUT, &path, rename).await.status, 200);
    cloud.advance(WORK);
    assert_eq!(ask(&demo, Method::DELETE, &path, None).await.status, 400, "it has children");
    let all = format!("{path}?cascade=true");
    assert_eq!(ask(&demo, Method::DELETE, &all, None).await.status, 204);
    assert_eq!(states(&demo, &id).await.0, "PENDING_DELETE");
    cloud.advance(WORK);
    assert_eq!(ask(&demo, Method::GET, &path, None).await.status, 404);
}

#[tokio::test]
async fn an_address_belongs_to_a_load_balancer_as_long_as_it_lives() {
    let (cloud, subnet) = cloud().await;
    let demo = Session::sign_in(&person(&cloud, "demo", Some("demo"))).await;
    let ports = || {
        let state = cloud.state().to_json();
        let ports = state["network"]["ports"].as_array().expect("ports").clone();
        let name = |port: &Value| port["name"].as_str().unwrap_or_default().to_owned();
        let names = ports.iter().map(name).filter(|name| name.starts_with("ovn-lb-vip-"));
        names.collect::<Vec<String>>()
    };
    let id = balancer(&demo, &subnet).await;
    assert_eq!(ports(), [format!("ovn-lb-vip-{id}")]);
    let shown = ask(&demo, Method::GET, &format!("/loadbalancers/{id}"), None).await.json();
    let address = shown["loadbalancer"]["vip_address"].clone();
    let same = json!({"loadbalancer": {"vip_subnet_id": subnet, "vip_address": address}});
    let refused = ask(&demo, Method::POST, "/loadbalancers", Some(same.clone())).await;
    assert_eq!(refused.status, 500);
    assert!(refused.text.contains("already allocated"), "{}", refused.text);
    cloud.advance(WORK);
    ask(&demo, Method::DELETE, &format!("/loadbalancers/{id}"), None).await;
    assert_eq!(ports().len(), 1, "it is not gone yet");
    cloud.advance(WORK);
    assert!(ports().is_empty());
    assert_eq!(ask(&demo, Method::POST, "/loadbalancers", Some(same)).await.status, 201);
}

#[tokio::test]
async fn what_becomes_of_load_balancers_is_told() {
    let (cloud, subnet) = cloud().await;
    let demo = Session::sign_in(&person(&cloud, "demo", Some("demo"))).await;
    let before = cloud.events().last();
    let id = balancer(&demo, &subnet).await;
    assert_eq!(cloud.events().last(), before, "nothing has happened yet");
    cloud.advance(WORK);
    let path = format!("/loadbalancers/{id}");
    ask(&demo, Method::PUT, &path, Some(json!({"loadbalancer": {"name": "x"}}))).await;
    cloud.advance(WORK);
    ask(&demo, Method::DELETE, &path, None).await;
    cloud.advance(WORK);
    let told = cloud.events().since(before);
    let types: Vec<&str> = told.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(
        types,
        ["create", "update", "delete"].map(|it| { format!("octavia.loadbalancer.{it}.end") })
    );
    assert!(told.iter().all(|event| event.payload["loadbalancer_id"] == id.as_str()));
    assert!(told.iter().all(|event| event.project_id == demo.project));
    assert_eq!(told[0].payload["name"], "front");
    assert_eq!(told[1].payload["name"], "x");
}

#[tokio::test]
async fn work_under_way_is_part_of_a_dump_and_goes_on_elsewhere() {
    let (first, subnet) = cloud().await;
    let demo = Session::sign_in(&person(&first, "demo", Some("demo"))).await;
    let id = balancer(&demo, &subnet).await;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("seed.json");
    std::fs::write(&path, first.state().to_json().to_string()).expect("a file");
    let options = SimOptions { seed: Some(path), ..SimOptions::default() };
    let second = SimCloud::start(options).await.expect("a second cloud");
    let demo = Session::sign_in(&person(&second, "demo", Some("demo"))).await;
    assert_eq!(states(&demo, &id).await.0, "ACTIVE", "it was due long ago on this clock");
    let listener =
        json!({"listener": {"loadbalancer_id": id, "protocol": "UDP", "protocol_port": 53}});
    assert_eq!(ask(&demo, Method::POST, "/listeners", Some(listener)).await.status, 201);
    let listed = ask(&demo, Method::GET, "/listeners", None).await.json();
    assert_eq!(listed["listeners"][0]["loadbalancers"][0]["id"], id.as_str());
}

#[tokio::test]
async fn an_observer_looks_and_a_person_without_such_a_role_does_not() {
    let (cloud, subnet) = cloud().await;
    let demo = Session::sign_in(&person(&cloud, "demo", Some("demo"))).await;
    let reader = Session::sign_in(&person(&cloud, "reader", Some("demo"))).await;
    let admin = Session::sign_in(&person(&cloud, "admin", Some("admin"))).await;
    let id = balancer(&demo, &subnet).await;
    cloud.advance(WORK);
    let path = format!("/loadbalancers/{id}");
    assert_eq!(ask(&reader, Method::GET, &path, None).await.status, 200);
    assert_eq!(ask(&reader, Method::GET, "/loadbalancers", None).await.status, 200);
    assert_eq!(ask(&reader, Method::DELETE, &path, None).await.status, 403);
    let user = Answer::of(admin.identity(Method::GET, "/users?name=reader")).await.json();
    let role = Answer::of(admin.identity(Method::GET, "/roles?name=load-balancer_observer")).await;
    let text = |value: &Value| value["id"].as_str().expect("an id").to_owned();
    let (user, role) = (text(&user["users"][0]), text(&role.json()["roles"][0]));
    let project = demo.project.clone().expect("a project");
    let grant = format!("/projects/{project}/users/{user}/roles/{role}");
    assert_eq!(Answer::of(admin.identity(Method::DELETE, &grant)).await.status, 204);
    let reader = Session::sign_in(&person(&cloud, "reader", Some("demo"))).await;
    assert_eq!(ask(&reader, Method::GET, &path, None).await.status, 403);
    assert_eq!(ask(&reader, Method::GET, "/loadbalancers", None).await.status, 403);
}

#[tokio::test]
async fn concurrent_changes_of_one_load_balancer_win_once() {
    let (cloud, subnet) = cloud().await;
    let demo = Session::sign_in(&person(&cloud, "demo", Some("demo"))).await;
    let id = balancer(&demo, &subnet).await;
    cloud.advance(WORK);
    let path = format!("/loadbalancers/{id}");
    let change = |name: usize| {
        let body = json!({"loadbalancer": {"name": name.to_string()}});
        ask(&demo, Method::PUT, &path, Some(body))
    };
    let answers = futures::future::join_all((0..8).map(change)).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
}
