//! Networks, subnets, ports, routers, floating IPs.

use lotse_sim::{SimCloud, SimOptions};

use super::{Client, names};

/// A network `net` with the subnet `sub`, as a member of a project makes them.
async fn with_subnet(client: &Client) {
    client.run(&["network", "create", "net"]).await;
    let range = ["--network", "net", "--subnet-range", "10.10.0.0/24", "sub"];
    client.run(&[&["subnet", "create"][..], &range].concat()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "real: openstackclient"]
async fn the_network_life_cycle_works_with_the_openstack_command() {
    let sim = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let client = Client::new(&sim, "sim-member");
    let created =
        client.json(&["network", "create", "--description", "one", "--mtu", "1400", "net"]).await;
    assert_eq!(created["status"], "ACTIVE");
    assert_eq!(created["mtu"], 1400);
    client.run(&["network", "set", "--name", "renamed", "--tag", "blue", "net"]).await;
    let shown = client.json(&["network", "show", "renamed"]).await;
    assert_eq!(shown["tags"], serde_json::json!(["blue"]));
    assert_eq!(shown["description"], "one");
    let listed = client.json(&["network", "list", "--tags", "blue"]).await;
    assert_eq!(names(&listed), ["renamed"]);
    let listed = client.json(&["network", "list", "--external"]).await;
    assert_eq!(names(&listed), ["public"]);
    client.run(&["network", "unset", "--all-tag", "renamed"]).await;
    assert!(names(&client.json(&["network", "list", "--tags", "blue"]).await).is_empty());
    let refused = client.try_run(&["network", "set", "--share", "renamed"]).await;
    let refused = refused.expect_err("a member may not share with everybody");
    assert!(refused.contains("disallowed by policy"), "{refused}");
    let admin = Client::new(&sim, "sim");
    let vlan = ["--provider-network-type", "vlan", "--provider-physical-network", "physnet1"];
    let vlan = [&["network", "create"], &vlan[..], &["--provider-segment", "77", "vlan"]].concat();
    assert_eq!(admin.json(&vlan).await["provider:segmentation_id"], 77);
    client.run(&["network", "delete", "renamed"]).await;
    let gone = client.try_run(&["network", "show", "renamed"]).await.expect_err("it is gone");
    assert!(gone.contains("No Network found for renamed"), "{gone}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "real: openstackclient"]
async fn the_subnet_life_cycle_works_with_the_openstack_command() {
    let sim = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let client = Client::new(&sim, "sim-member");
    client.run(&["network", "create", "net"]).await;
    let range = ["--network", "net", "--subnet-range", "10.10.0.0/24", "--gateway", "10.10.0.254"];
    let pool = ["--allocation-pool", "start=10.10.0.10,end=10.10.0.20"];
    let more = ["--dns-nameserver", "192.0.2.1", "sub"];
    let created = [&["subnet", "create"], &range[..], &pool, &more].concat();
    let created = client.json(&created).await;
    assert_eq!(created["gateway_ip"], "10.10.0.254");
    assert_eq!(created["allocation_pools"][0]["start"], "10.10.0.10");
    let route = ["--host-route", "destination=10.99.0.0/16,gateway=10.10.0.1", "--no-dhcp"];
    client
        .run(&[&["subnet", "set", "--dns-nameserver", "192.0.2.2"], &route[..], &["sub"]].concat())
        .await;
    let shown = client.json(&["subnet", "show", "sub"]).await;
    assert_eq!(shown["dns_nameservers"], serde_json::json!(["192.0.2.2", "192.0.2.1"]));
    assert_eq!(shown["enable_dhcp"], false);
    assert_eq!(shown["host_routes"][0]["nexthop"], "10.10.0.1");
    client.run(&["subnet", "unset", "--dns-nameserver", "192.0.2.1", "sub"]).await;
    let listed = client.json(&["subnet", "list", "--network", "net", "--long"]).await;
    assert_eq!(listed[0]["Name Servers"], serde_json::json!(["192.0.2.2"]));
    let overlap = ["subnet", "create", "--network", "net", "--subnet-range", "10.10.0.0/25", "x"];
    let refused = client.try_run(&overlap).await.expect_err("they overlap");
    assert!(refused.contains("overlaps with another subnet"), "{refused}");
    let pool = ["--pool-prefix", "10.60.0.0/16", "--default-prefix-length", "26", "pool"];
    client.run(&[&["subnet", "pool", "create"][..], &pool].concat()).await;
    let cut = ["subnet", "create", "--network", "net", "--subnet-pool", "pool", "cut"];
    assert_eq!(client.json(&cut).await["cidr"], "10.60.0.0/26");
    client.run(&["port", "create", "--network", "net", "port"]).await;
    client.run(&["port", "create", "--network", "net", "--fixed-ip", "subnet=sub", "mine"]).await;
    let refused = client.try_run(&["subnet", "delete", "sub"]).await.expect_err("it is in use");
    assert!(refused.contains("One or more ports have an IP allocation"), "{refused}");
    client.run(&["port", "delete", "port", "mine"]).await;
    client.run(&["subnet", "delete", "sub", "cut"]).await;
    client.run(&["subnet", "pool", "delete", "pool"]).await;
    assert!(names(&client.json(&["subnet", "list", "--network", "net"]).await).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "real: openstackclient"]
async fn the_port_life_cycle_works_with_the_openstack_command() {
    let sim = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let client = Client::new(&sim, "sim-member");
    with_subnet(&client).await;
    client.run(&["security", "group", "create", "group"]).await;
    let fixed = ["--fixed-ip", "subnet=sub,ip-address=10.10.0.50", "--security-group", "group"];
    let created = [&["port", "create", "--network", "net"], &fixed[..], &["port"]].concat();
    let created = client.json(&created).await;
    assert_eq!(created["fixed_ips"][0]["ip_address"], "10.10.0.50");
    assert_eq!(created["status"], "DOWN");
    let pair = ["--allowed-address", "ip-address=10.10.0.99", "--disable", "port"];
    client.run(&[&["port", "set", "--name", "renamed"][..], &pair].concat()).await;
    let shown = client.json(&["port", "show", "renamed"]).await;
    assert_eq!(shown["allowed_address_pairs"][0]["ip_address"], "10.10.0.99");
    assert_eq!(shown["admin_state_up"], false);
    let found = ["port", "list", "--fixed-ip", "ip-address=10.10.0.50"];
    assert_eq!(names(&client.json(&found).await), ["renamed"]);
    let unset = ["port", "unset", "--fixed-ip", "subnet=sub,ip-address=10.10.0.50", "renamed"];
    client.run(&unset).await;
    assert!(names(&client.json(&found).await).is_empty());
    let taken = ["port", "create", "--network", "net", "--fixed-ip", "ip-address=10.10.0.9", "a"];
    client.run(&taken).await;
    let refused = client.try_run(&taken).await.expect_err("somebody has the address");
    assert!(refused.contains("already allocated in subnet"), "{refused}");
    let refused = client.try_run(&["network", "delete", "net"]).await.expect_err("it is in use");
    assert!(refused.contains("ports still in use on the network"), "{refused}");
    client.run(&["port", "delete", "renamed", "a"]).await;
    client.run(&["network", "delete", "net"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "real: openstackclient"]
async fn the_router_life_cycle_works_with_the_openstack_command() {
    let sim = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let client = Client::new(&sim, "sim-member");
    with_subnet(&client).await;
    let created = client.json(&["router", "create", "router"]).await;
    assert_eq!(created["status"], "ACTIVE");
    client.run(&["router", "set", "--external-gateway", "public", "router"]).await;
    client.run(&["router", "add", "subnet", "router", "sub"]).await;
    let shown = client.json(&["router", "show", "router"]).await;
    assert_eq!(shown["interfaces_info"][0]["ip_address"], "10.10.0.1");
    let outside = &shown["external_gateway_info"]["external_fixed_ips"][0]["ip_address"];
    assert!(outside.as_str().is_some_and(|it| it.starts_with("172.24.4.")), "{shown}");
    let ports = client.json(&["port", "list", "--router", "router"]).await;
    assert_eq!(ports.as_array().map(Vec::len), Some(1), "the gateway's belongs to nobody");
    let route = ["--route", "destination=10.90.0.0/16,gateway=10.10.0.9", "router"];
    client.run(&[&["router", "add", "route"][..], &route].concat()).await;
    let shown = client.json(&["router", "show", "router"]).await;
    assert_eq!(shown["routes"][0]["nexthop"], "10.10.0.9");
    client.run(&[&["router", "remove", "route"][..], &route].concat()).await;
    let refused = client.try_run(&["router", "delete", "router"]).await.expect_err("it is in use");
    assert!(refused.contains("has ports still attached"), "{refused}");
    client.run(&["router", "set", "--disable", "--name", "renamed", "router"]).await;
    client.run(&["router", "remove", "subnet", "renamed", "sub"]).await;
    client.run(&["router", "unset", "--external-gateway", "renamed"]).await;
    client.run(&["router", "delete", "renamed"]).await;
    assert!(names(&client.json(&["router", "list"]).await).is_empty());
    client.run(&["subnet", "delete", "sub"]).await;
    client.run(&["network", "delete", "net"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "real: openstackclient"]
async fn the_floating_ip_life_cycle_works_with_the_openstack_command() {
    let sim = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let client = Client::new(&sim, "sim-member");
    with_subnet(&client).await;
    client.run(&["port", "create", "--network", "net", "port"]).await;
    let created = client.json(&["floating", "ip", "create", "public"]).await;
    assert_eq!(created["status"], "DOWN");
    let address = created["floating_ip_address"].as_str().expect("an address");
    let lead = ["floating", "ip", "set", "--port", "port", address];
    let refused = client.try_run(&lead).await.expect_err("no router leads there");
    assert!(refused.contains("is not reachable from subnet"), "{refused}");
    client.run(&["router", "create", "--external-gateway", "public", "router"]).await;
    client.run(&["router", "add", "subnet", "router", "sub"]).await;
    client.run(&lead).await;
    let shown = client.json(&["floating", "ip", "show", address]).await;
    assert_eq!(shown["status"], "ACTIVE");
    assert_eq!(shown["fixed_ip_address"], "10.10.0.3", "the metadata service has the first");
    let listed = client.json(&["floating", "ip", "list", "--port", "port"]).await;
    assert_eq!(listed[0]["Floating IP Address"], address);
    let unset = ["router", "unset", "--external-gateway", "router"];
    let refused = client.try_run(&unset).await.expect_err("the floating IP needs it");
    assert!(refused.contains("required by one or more floating IPs"), "{refused}");
    client.run(&["floating", "ip", "unset", "--port", address]).await;
    let shown = client.json(&["floating", "ip", "show", address]).await;
    assert_eq!(shown["status"], "DOWN");
    forwards_ports(&client, address).await;
    client.run(&["floating", "ip", "delete", address]).await;
    let left = client.json(&["floating", "ip", "list"]).await;
    assert_eq!(left.as_array().map(Vec::len), Some(0));
}

/// A port of a floating IP leads to one of a server.
async fn forwards_ports(client: &Client, address: &str) {
    let forwarding = ["floating", "ip", "port", "forwarding"];
    let inside = ["--internal-ip-address", "10.10.0.3", "--port", "port"];
    let ports = ["--internal-protocol-port", "22", "--external-protocol-port", "2222"];
    let created = [&forwarding[..], &["create"], &inside, &ports, &["--protocol", "tcp", address]];
    let created = client.json(&created.concat()).await;
    assert_eq!(created["external_port"], 2222);
    let listed = client.json(&[&forwarding[..], &["list", address]].concat()).await;
    assert_eq!(listed[0]["Internal Port"], 22);
    let id = created["id"].as_str().expect("an id");
    client.run(&[&forwarding[..], &["delete", address, id]].concat()).await;
}
