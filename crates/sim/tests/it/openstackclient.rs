//! Debian's `openstack` command drives the simulated cloud, as it drives a real one.
//!
//! Here is what all of it needs; the life cycles of each service are in a module of their own.

mod identity;
mod image;
mod loadbalancer;
mod network;
mod network_security;
mod object;
mod secret;
mod server;
mod volume;

use lotse_sim::SimCloud;
use serde_json::Value;

/// The command in a directory with a `clouds.yaml` of its own.
pub(crate) struct Client {
    pub(crate) directory: tempfile::TempDir,
    cloud: String,
}

impl Client {
    /// The command as a person of [`SimCloud::clouds_yaml`].
    pub(crate) fn new(sim: &SimCloud, cloud: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("clouds.yaml"), sim.clouds_yaml()).expect("a file");
        Self { directory, cloud: cloud.to_owned() }
    }

    /// Runs `openstack ARGUMENTS`; its output, or what it complained about.
    pub(crate) async fn try_run(&self, arguments: &[&str]) -> Result<String, String> {
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

    /// Runs `openstack ARGUMENTS`, which must succeed; its output.
    pub(crate) async fn run(&self, arguments: &[&str]) -> String {
        let result = self.try_run(arguments).await;
        result.unwrap_or_else(|complaint| panic!("openstack {arguments:?}: {complaint}"))
    }

    /// The same with `-f json`; what it shows.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["-f", "json"]].concat()).await;
        serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}"))
    }
}

/// The column `Name` of a list.
pub(crate) fn names(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().filter_map(|row| row["Name"].as_str()).collect()
}
