//! Security groups, and what administrators keep of the network.

use lotse_sim::{SimCloud, SimOptions};
use serde_json::Value;

use super::{Client, names};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "real: openstackclient"]
async fn the_security_group_life_cycle_works_with_the_openstack_command() {
    let sim = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let client = Client::new(&sim, "sim-member");
    let group = ["security", "group"];
    let run = async |more: &[&str]| client.json(&[&group, more].concat()).await;
    assert_eq!(names(&run(&["list"]).await), ["default"]);
    let created = run(&["create", "--description", "for the web", "web"]).await;
    assert_eq!(created["rules"].as_array().map(Vec::len), Some(2), "{created}");
    let web = ["--protocol", "tcp", "--dst-port", "80:90", "--remote-ip", "192.0.2.0/24", "web"];
    let rule = run(&[&["rule", "create"][..], &web].concat()).await;
    assert_eq!(rule["port_range_max"], 90);
    let ping = ["rule", "create", "--protocol", "icmp", "--icmp-type", "8", "web"];
    assert_eq!(run(&ping).await["port_range_min"], 8);
    let own = ["rule", "create", "--egress", "--protocol", "udp", "--remote-group", "web", "web"];
    assert_eq!(run(&own).await["direction"], "egress");
    let rules = run(&["rule", "list", "web"]).await;
    assert_eq!(rules.as_array().map(Vec::len), Some(5), "{rules}");
    let twice = [&group[..], &["rule", "create"], &web].concat();
    let refused = client.try_run(&twice).await.expect_err("there is one like it");
    assert!(refused.contains("Security group rule already exists"), "{refused}");
    let id = rule["id"].as_str().expect("an id");
    client.run(&[&group[..], &["rule", "delete", id]].concat()).await;
    let gone = [&group[..], &["rule", "show", id]].concat();
    assert!(client.try_run(&gone).await.expect_err("it is gone").contains("No SecurityGroupRule"));
    client.run(&[&group[..], &["set", "--name", "renamed", "--stateless", "web"]].concat()).await;
    let shown = run(&["show", "renamed"]).await;
    assert_eq!(shown["stateful"], false);
    assert_eq!(shown["description"], "for the web");
    let default = [&group[..], &["delete", "default"]].concat();
    let refused = client.try_run(&default).await.expect_err("every project has it");
    assert!(refused.contains("Insufficient rights for removing default"), "{refused}");
    client.run(&[&group[..], &["delete", "renamed"]].concat()).await;
    assert_eq!(names(&run(&["list"]).await), ["default"]);
}

/// The row of a list whose column says this.
fn row<'a>(list: &'a Value, column: &str, says: &str) -> &'a Value {
    let rows = list.as_array().expect("a list");
    rows.iter().find(|it| it[column] == says).unwrap_or_else(|| panic!("no {says} in {list}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "real: openstackclient"]
async fn operators_keep_the_network_with_the_openstack_command() {
    let sim = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let admin = Client::new(&sim, "sim");
    let agents = admin.json(&["network", "agent", "list"]).await;
    assert_eq!(agents.as_array().map(Vec::len), Some(3), "{agents}");
    assert_eq!(agents[0]["Alive"], true);
    admin.run(&["network", "create", "--project", "demo", "net"]).await;
    let share = ["--type", "network", "--action", "access_as_shared", "--target-project", "alt"];
    let shared = [&["network", "rbac", "create"], &share[..], &["net"]].concat();
    let policy = admin.json(&shared).await;
    let policy = policy["id"].as_str().expect("an id");
    let guest = Client::new(&sim, "sim-alt");
    assert!(names(&guest.json(&["network", "list"]).await).contains(&"net"));
    admin.run(&["network", "rbac", "delete", policy]).await;
    assert!(!names(&guest.json(&["network", "list"]).await).contains(&"net"));
    admin.run(&["quota", "set", "--networks", "1", "demo"]).await;
    assert_eq!(admin.json(&["quota", "show", "demo"]).await["networks"], 1);
    let member = Client::new(&sim, "sim-member");
    let refused = member.try_run(&["network", "create", "more"]).await.expect_err("too many");
    assert!(refused.contains("Quota exceeded for resources: ['network']"), "{refused}");
    let qos = ["network", "qos"];
    admin.run(&[&qos[..], &["policy", "create", "slow"]].concat()).await;
    let limit = ["rule", "create", "--type", "bandwidth-limit", "--max-kbps", "1000", "slow"];
    let rule = admin.json(&[&qos[..], &limit].concat()).await;
    assert_eq!(rule["max_kbps"], 1000);
    admin.run(&["network", "set", "--qos-policy", "slow", "net"]).await;
    let refused = admin.try_run(&[&qos[..], &["policy", "delete", "slow"]].concat()).await;
    assert!(refused.expect_err("a network has it").contains("is used by network"));
    admin.run(&["network", "delete", "net"]).await;
    admin.run(&[&qos[..], &["policy", "delete", "slow"]].concat()).await;
    let free = admin.json(&["ip", "availability", "list"]).await;
    assert_eq!(row(&free, "Network Name", "public")["Total IPs"], 241);
}
