//! Object containers and objects.

use lotse_sim::{SimCloud, SimOptions};

use super::{Client, names};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "real: openstackclient"]
async fn the_object_life_cycle_works_with_the_openstack_command() {
    let sim = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let client = Client::new(&sim, "sim-member");
    client.run(&["container", "create", "box"]).await;
    assert_eq!(names(&client.json(&["container", "list"]).await), ["box"]);
    client.run(&["container", "set", "--property", "color=red", "box"]).await;
    let shown = client.json(&["container", "show", "box"]).await;
    assert_eq!(shown["properties"]["color"], "red", "{shown}");
    std::fs::write(client.directory.path().join("notes.txt"), b"hello").expect("a file");
    client.run(&["object", "create", "box", "notes.txt"]).await;
    client.run(&["object", "create", "--name", "deep/copy", "box", "notes.txt"]).await;
    assert_eq!(names(&client.json(&["object", "list", "box"]).await), ["deep/copy", "notes.txt"]);
    let list = client.json(&["object", "list", "--prefix", "deep/", "box"]).await;
    assert_eq!(names(&list), ["deep/copy"]);
    client.run(&["object", "set", "--property", "kind=text", "box", "notes.txt"]).await;
    let shown = client.json(&["object", "show", "box", "notes.txt"]).await;
    assert_eq!(shown["etag"], "5d41402abc4b2a76b9719d911017c592", "{shown}");
    assert_eq!(shown["content-length"], "5", "{shown}");
    assert_eq!(shown["properties"]["kind"], "text", "{shown}");
    client.run(&["object", "save", "--file", "back.txt", "box", "notes.txt"]).await;
    let back = std::fs::read(client.directory.path().join("back.txt")).expect("a file");
    assert_eq!(back, b"hello");
    let account = client.json(&["object", "store", "account", "show"]).await;
    assert_eq!(account["Objects"], "2", "{account}");
    let refused = client.try_run(&["container", "delete", "box"]).await;
    assert!(refused.expect_err("it is not empty").contains("409"));
    client.run(&["object", "delete", "box", "notes.txt"]).await;
    client.run(&["container", "delete", "--recursive", "box"]).await;
    assert!(names(&client.json(&["container", "list"]).await).is_empty());
}
