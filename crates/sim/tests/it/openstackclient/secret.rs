//! Secrets and containers of them.

use lotse_sim::{SimCloud, SimOptions};

use super::Client;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "real: openstackclient"]
async fn the_secret_life_cycle_works_with_the_openstack_command() {
    let sim = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let client = Client::new(&sim, "sim");
    let stored = client
        .json(&[
            "secret",
            "store",
            "--name",
            "key",
            "--payload",
            "hush",
            "--payload-content-type",
            "text/plain",
        ])
        .await;
    let href = stored["Secret href"].as_str().expect("a reference");
    let shown = client.json(&["secret", "get", href]).await;
    assert_eq!(shown["Name"], "key");
    assert_eq!(shown["Status"], "ACTIVE");
    let payload = client.json(&["secret", "get", "--payload", href]).await;
    assert_eq!(payload["Payload"], "hush");
    let empty = client.json(&["secret", "store", "--name", "later"]).await;
    let empty = empty["Secret href"].as_str().expect("a reference");
    client.run(&["secret", "update", empty, "now"]).await;
    assert_eq!(client.json(&["secret", "get", "--payload", empty]).await["Payload"], "now");
    let list = client.json(&["secret", "list", "--name", "key"]).await;
    assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
    let held = format!("one={href}");
    let container =
        client.json(&["secret", "container", "create", "--name", "box", "--secret", &held]).await;
    let container = container["Container href"].as_str().expect("a reference");
    let shown = client.json(&["secret", "container", "get", container]).await;
    assert_eq!(shown["Name"], "box");
    client.run(&["acl", "submit", "--no-project-access", "--user", "somebody", href]).await;
    let shown = client.run(&["acl", "get", href]).await;
    assert!(shown.contains("somebody"), "{shown}");
    client.run(&["acl", "delete", href]).await;
    client.run(&["secret", "container", "delete", container]).await;
    client.run(&["secret", "delete", href]).await;
    client.run(&["secret", "delete", empty]).await;
    assert_eq!(client.json(&["secret", "list"]).await.as_array().map(Vec::len), Some(0));
    let refused = Client::new(&sim, "sim-member").try_run(&["secret", "list"]).await;
    assert!(refused.expect_err("a member may not").contains("not allowed"));
}
