//! Debian's `openstack` command drives the simulated cloud, as it drives a real one.

use lotse_sim::{SimCloud, SimOptions};
use serde_json::Value;

/// The command in a directory with a `clouds.yaml` of its own.
struct Client {
    directory: tempfile::TempDir,
    cloud: String,
}

impl Client {
    fn new(sim: &SimCloud, cloud: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("clouds.yaml"), sim.clouds_yaml()).expect("a file");
        Self { directory, cloud: cloud.to_owned() }
    }

    /// Runs `openstack ARGUMENTS`; its output, or what it complained about.
    async fn try_run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = tokio::process::Command::new("openstack")
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.directory.path())
            .env("OS_CLIENT_CONFIG_FILE", self.directory.path().join("clouds.yaml"))
            .env("OS_CLOUD", &self.cloud)
            .current_dir(self.directory.path())
            .output()
            .await
            .expect("the command python3-openstackclient installs");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    async fn run(&self, arguments: &[&str]) -> String {
        let result = self.try_run(arguments).await;
        result.unwrap_or_else(|complaint| panic!("openstack {arguments:?}: {complaint}"))
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["-f", "json"]].concat()).await;
        serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}"))
    }
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().filter_map(|row| row["Name"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "real: openstackclient"]
async fn the_image_life_cycle_works_with_the_openstack_command() {
    let sim = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let client = Client::new(&sim, "sim");
    assert!(client.json(&["token", "issue"]).await["id"].is_string());
    assert_eq!(names(&client.json(&["catalog", "list"]).await), ["keystone", "glance"]);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "real: openstackclient"]
async fn identity_works_with_the_openstack_command() {
    let sim = SimCloud::start(SimOptions::default()).await.expect("a cloud");
    let admin = Client::new(&sim, "sim");
    let projects = admin.json(&["project", "list"]).await;
    assert!(names(&projects).contains(&"demo"), "{projects}");
    admin.run(&["project", "create", "--description", "made by a test", "made"]).await;
    let shown = admin.json(&["project", "show", "made"]).await;
    assert_eq!(shown["description"], "made by a test");
    admin.run(&["user", "create", "--password", "secret", "--project", "made", "maker"]).await;
    admin.run(&["role", "add", "--project", "made", "--user", "maker", "member"]).await;
    let given = admin.json(&["role", "assignment", "list", "--names", "--project", "made"]).await;
    assert_eq!(given[0]["User"], "maker@Default");
    admin.run(&["user", "delete", "maker"]).await;
    admin.run(&["project", "delete", "made"]).await;
    assert!(!names(&admin.json(&["project", "list"]).await).contains(&"made"));
    assert!(
        names(&Client::new(&sim, "sim-system").json(&["domain", "list"]).await)
            .contains(&"Default")
    );
    let member = Client::new(&sim, "sim-member");
    let refused = member.try_run(&["user", "list"]).await.expect_err("a member may not");
    assert!(refused.contains("403"), "{refused}");
    assert!(member.json(&["application", "credential", "list"]).await[0]["Name"] == "sim-app");
    assert!(Client::new(&sim, "sim-oidc").json(&["image", "list"]).await.is_array());
    assert!(Client::new(&sim, "sim-app").json(&["image", "list"]).await.is_array());
    assert!(admin.json(&["endpoint", "list"]).await.as_array().is_some_and(|list| list.len() == 6));
}
