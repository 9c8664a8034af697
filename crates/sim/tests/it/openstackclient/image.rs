//! Images.

use lotse_sim::{SimCloud, SimOptions};

use super::{Client, names};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "real: openstackclient"]
async fn the_image_life_cycle_works_with_the_openstack_command() {
    let sim = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let client = Client::new(&sim, "sim");
    assert!(client.json(&["token", "issue"]).await["id"].is_string());
    let catalog = client.json(&["catalog", "list"]).await;
    // A catalogue has no order, neither here nor at the real Keystone.
    let services = names(&catalog);
    assert!(services.contains(&"keystone") && services.contains(&"glance"), "{catalog}");
    std::fs::write(client.directory.path().join("disk.raw"), b"hello").expect("a file");
    let created = client
        .json(&[
            "image",
            "create",
            "--disk-format",
            "raw",
            "--container-format",
            "bare",
            "--file",
            "disk.raw",
            "--property",
            "os_distro=debian",
            "--tag",
            "lotse",
            "--public",
            "disk",
        ])
        .await;
    let uploaded = client.json(&["image", "show", "disk"]).await;
    assert_eq!(uploaded["status"], "active");
    assert_eq!(uploaded["checksum"], "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(names(&client.json(&["image", "list"]).await), ["disk"]);
    client.run(&["image", "set", "--property", "os_version=13", "--min-disk", "5", "disk"]).await;
    client.run(&["image", "set", "--protected", "--hidden", "disk"]).await;
    assert!(names(&client.json(&["image", "list"]).await).is_empty());
    assert_eq!(names(&client.json(&["image", "list", "--hidden"]).await), ["disk"]);
    let id = created["id"].as_str().expect("an id");
    let shown = client.json(&["image", "show", id]).await;
    assert_eq!(shown["properties"]["os_version"], "13");
    assert_eq!(shown["min_disk"], 5);
    let refused = client.try_run(&["image", "delete", id]).await.expect_err("it is protected");
    assert!(refused.contains("is protected and cannot be deleted"), "{refused}");
    client.run(&["image", "save", "--file", "copy.raw", id]).await;
    let copy = std::fs::read(client.directory.path().join("copy.raw")).expect("a copy");
    assert_eq!(copy, b"hello");
    client.run(&["image", "set", "--unprotected", id]).await;
    client.run(&["image", "unset", "--property", "os_version", id]).await;
    client.run(&["image", "delete", id]).await;
    assert!(names(&client.json(&["image", "list", "--hidden"]).await).is_empty());
}
