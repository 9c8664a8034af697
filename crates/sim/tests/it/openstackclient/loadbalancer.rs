//! Load balancers down to their members.

use lotse_sim::{SimCloud, SimOptions};

use super::{Client, names};

#[tokio::test]
#[ignore = "real: openstackclient"]
async fn the_load_balancer_life_cycle_works_with_the_openstack_command() {
    let sim = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let client = Client::new(&sim, "sim-member");
    client.run(&["network", "create", "net"]).await;
    let range = "10.77.0.0/24";
    client.run(&["subnet", "create", "--network", "net", "--subnet-range", range, "sub"]).await;
    let json =
        async |arguments: &[&str]| client.json(&[&["loadbalancer"], arguments].concat()).await;
    let run = async |arguments: &[&str]| client.run(&[&["loadbalancer"], arguments].concat()).await;
    let providers = json(&["provider", "list"]).await;
    assert_eq!(providers[0]["name"], "ovn");
    let create = ["create", "--name", "front", "--vip-subnet-id", "sub"];
    let made = json(&[&create[..], &["--vip-address", "10.77.0.9", "--wait"]].concat()).await;
    assert_eq!(made["provisioning_status"], "ACTIVE");
    assert_eq!(made["vip_address"], "10.77.0.9");
    let listener = ["listener", "create", "--name", "web", "--protocol", "TCP"];
    run(&[&listener[..], &["--protocol-port", "80", "--wait", "front"]].concat()).await;
    let pool = ["pool", "create", "--name", "back", "--lb-algorithm", "SOURCE_IP_PORT"];
    run(&[&pool[..], &["--listener", "web", "--protocol", "TCP", "--wait"]].concat()).await;
    let member = ["member", "create", "--name", "one", "--address", "10.77.0.50"];
    run(&[&member[..], &["--protocol-port", "80", "--subnet-id", "sub", "--wait", "back"]].concat())
        .await;
    let members = json(&["member", "list", "back"]).await;
    assert_eq!(members[0]["address"], "10.77.0.50");
    assert_eq!(members[0]["operating_status"], "NO_MONITOR");
    run(&["member", "set", "--weight", "7", "--wait", "back", "one"]).await;
    assert_eq!(json(&["member", "show", "back", "one"]).await["weight"], 7);
    let monitor = ["healthmonitor", "create", "--name", "watch", "--delay", "5", "--type", "TCP"];
    run(&[&monitor[..], &["--timeout", "3", "--max-retries", "2", "back"]].concat()).await;
    assert_eq!(json(&["healthmonitor", "list"]).await[0]["name"], "watch");
    run(&["healthmonitor", "delete", "watch"]).await;
    run(&["set", "--description", "said", "--wait", "front"]).await;
    assert_eq!(json(&["show", "front"]).await["description"], "said");
    // This one knows no formats: it writes JSON by itself.
    let tree = run(&["status", "show", "front"]).await;
    let tree: serde_json::Value = serde_json::from_str(&tree).expect("JSON");
    assert_eq!(tree["loadbalancer"]["listeners"][0]["pools"][0]["members"][0]["name"], "one");
    assert_eq!(json(&["stats", "show", "front"]).await["bytes_in"], 0);
    let token = client.json(&["token", "issue"]).await;
    let quota = json(&["quota", "show", token["project_id"].as_str().expect("an id")]).await;
    assert_eq!(quota["load_balancer"], -1, "{quota}");
    let refused = client.try_run(&["loadbalancer", "failover", "front"]).await;
    let refused = refused.expect_err("a member may not");
    assert!(refused.contains("403"), "{refused}");
    let refused = client.try_run(&["loadbalancer", "delete", "front"]).await;
    let refused = refused.expect_err("it has children");
    assert!(refused.contains("it has children"), "{refused}");
    run(&["delete", "--cascade", "--wait", "front"]).await;
    let left = json(&["list"]).await;
    assert!(left.as_array().is_some_and(Vec::is_empty), "{left}");
    let ports = client.json(&["port", "list"]).await;
    assert!(!names(&ports).iter().any(|name| name.starts_with("ovn-lb-vip")), "{ports}");
}
