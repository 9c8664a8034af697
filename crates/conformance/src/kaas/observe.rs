//! What a cluster shows: few questions, all at once.
//!
//! | question | for |
//! | --- | --- |
//! | `version` | 0210, 0201 |
//! | nodes | 0214, and whose kubelets to look at |
//! | storage classes | 0211 |
//! | connections to ports of the API's host | 0217 |
//! | `configz` of kubelets, pods of the API server, namespaces | 0217 |
//!
//! A claim for a volume changes the cluster for a moment and is made only with [`Reach::Active`].

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt as _;
use lotse_core::time::Timestamp;
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;

use super::api::Api;
use super::claim;
use super::cluster::{Cluster, Port};
use super::registry::Part;
use crate::model::Reason;
use crate::observe::Reach;
use crate::snapshot::{Answer, Item, Snapshot, Trouble};

/// How a cluster is observed.
#[derive(Clone, Debug)]
pub struct Options {
    /// How far it may go.
    pub reach: Reach,
    /// What has to be observed.
    pub parts: BTreeSet<Part>,
    /// When it begins.
    pub now: Timestamp,
    /// Names what it makes: unlike any other run, so that only its own objects are touched.
    pub run: uuid::Uuid,
    /// The ports at which somebody is called.
    pub ports: Vec<u16>,
    /// How long a claim for a volume may take, and a port to answer.
    pub patience: Duration,
}

/// The ports that a cluster should not show to strangers: etcd, kubelet (and its older port that asks
/// nobody anything), controller manager, scheduler.
pub const INNER_PORTS: [u16; 6] = [2379, 2380, 10250, 10255, 10257, 10259];

/// How long a claim may take according to the standard.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// At most this many kubelets are asked at once.
const AT_ONCE: usize = 8;

/// Observes a cluster. All trouble is in the snapshot.
pub async fn observe(api: &Api, options: &Options) -> Snapshot {
    let observer = Observer { api, options };
    let (version, nodes, storage_classes, ports, api_servers, namespaces, claim) = tokio::join!(
        observer.version(),
        observer.nodes(),
        observer.storage_classes(),
        observer.ports(),
        observer.api_servers(),
        observer.namespaces(),
        observer.claim(),
    );
    // Whose they are is known only now.
    let kubelets = observer.kubelets(&nodes).await;
    Snapshot {
        requests: api.requests(),
        cluster: Cluster {
            version,
            nodes,
            storage_classes,
            claim,
            ports,
            kubelets,
            api_servers,
            namespaces,
            ..Cluster::default()
        },
        ..Snapshot::empty(api.name(), options.now)
    }
}

struct Observer<'a> {
    api: &'a Api,
    options: &'a Options,
}

impl Observer<'_> {
    fn wants(&self, part: Part) -> bool {
        self.options.parts.contains(&part)
    }

    async fn version(&self) -> Answer<String> {
        // Both rest on it: how new it is, and whether results are of this cluster.
        if ![Part::Version, Part::Feeds, Part::Results].into_iter().any(|part| self.wants(part)) {
            return Answer::NotAsked;
        }
        let found = self.api.get("version").await.and_then(|answer| {
            let version = answer.get("gitVersion").and_then(Value::as_str);
            let version = version.filter(|version| version.len() < 100);
            version.map(ToOwned::to_owned).ok_or_else(|| Trouble {
                reason: Reason::ApiFailed,
                message: "version: the answer holds no gitVersion".to_owned(),
                status: None,
                request_id: None,
            })
        });
        answer(found)
    }

    async fn nodes(&self) -> Answer<Vec<Item>> {
        if !self.wants(Part::Nodes) && !self.wants(Part::Kubelets) {
            return Answer::NotAsked;
        }
        answer(self.api.list("api/v1/nodes", None, node).await)
    }

    async fn storage_classes(&self) -> Answer<Vec<Item>> {
        if !self.wants(Part::StorageClasses) && !self.wants(Part::Claim) {
            return Answer::NotAsked;
        }
        answer(self.api.list("apis/storage.k8s.io/v1/storageclasses", None, storage_class).await)
    }

    async fn api_servers(&self) -> Answer<Vec<Item>> {
        if !self.wants(Part::ApiServer) {
            return Answer::NotAsked;
        }
        let path = "api/v1/namespaces/kube-system/pods";
        answer(self.api.list(path, Some("component=kube-apiserver"), api_server).await)
    }

    async fn namespaces(&self) -> Answer<Vec<Item>> {
        if !self.wants(Part::Namespaces) {
            return Answer::NotAsked;
        }
        answer(self.api.list("api/v1/namespaces", None, namespace).await)
    }

    async fn claim(&self) -> Answer<crate::snapshot::Proof> {
        if !self.wants(Part::Claim) {
            return Answer::NotAsked;
        }
        match self.options.reach {
            Reach::ReadOnly => Answer::Failed(claim::not_allowed()),
            Reach::Active => claim::prove(self.api, self.options).await,
        }
    }

    /// Calls the ports of the host on which the API answers. Whoever answers there is not asked
    /// anything.
    async fn ports(&self) -> Answer<Vec<Port>> {
        if !self.wants(Part::Ports) {
            return Answer::NotAsked;
        }
        let Some((host, own)) = self.api.host() else { return Answer::NotAsked };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        // A host that does not answer at the API's own port tells nothing about the others.
        if !answers(host, own, self.options.patience).await {
            return Answer::Failed(Trouble {
                reason: Reason::Unreachable,
                message: format!("port {own}: nobody answers"),
                status: None,
                request_id: None,
            });
        }
        let calls = self.options.ports.iter().filter(|port| **port != own).map(|port| async move {
            Port { number: *port, open: answers(host, *port, self.options.patience).await }
        });
        Answer::Given(futures::future::join_all(calls).await)
    }

    async fn kubelets(&self, nodes: &Answer<Vec<Item>>) -> Answer<Vec<Item>> {
        if !self.wants(Part::Kubelets) {
            return Answer::NotAsked;
        }
        let nodes = match nodes {
            Answer::Given(nodes) => nodes,
            Answer::Failed(trouble) => return Answer::Failed(trouble.clone()),
            Answer::NotAsked => return Answer::NotAsked,
        };
        let calls = nodes.iter().filter_map(|node| {
            let name = node.get("name")?.as_str()?;
            // The name becomes part of a path; one that the API would not have given is left out.
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
            (!name.is_empty() && name.bytes().all(plain)).then(|| self.kubelet(name))
        });
        Answer::Given(futures::stream::iter(calls).buffered(AT_ONCE).collect().await)
    }

    async fn kubelet(&self, name: &str) -> Item {
        let mut item = Map::new();
        item.insert("name".to_owned(), name.into());
        match self.api.get(&format!("api/v1/nodes/{name}/proxy/configz")).await {
            Ok(answer) => {
                let config =
                    |pointer: &str| answer.pointer(&format!("/kubeletconfig/{pointer}")).cloned();
                for (key, pointer) in [
                    ("anonymous", "authentication/anonymous/enabled"),
                    ("mode", "authorization/mode"),
                    ("readOnlyPort", "readOnlyPort"),
                ] {
                    item.extend(config(pointer).map(|value| (key.to_owned(), value)));
                }
            }
            Err(trouble) => {
                item.insert("trouble".to_owned(), json!(trouble));
            }
        }
        item
    }
}

async fn answers(host: &str, port: u16, patience: Duration) -> bool {
    // What does not answer for long is as closed as what refuses.
    let patience = patience.min(Duration::from_secs(5));
    matches!(tokio::time::timeout(patience, TcpStream::connect((host, port))).await, Ok(Ok(_)))
}

fn answer<T>(found: Result<T, Trouble>) -> Answer<T> {
    match found {
        Ok(found) => Answer::Given(found),
        Err(trouble) => Answer::Failed(trouble),
    }
}

/// What all objects have.
fn named(object: &Value) -> Option<Item> {
    let metadata = object.get("metadata")?.as_object()?;
    let mut item = Map::new();
    for (key, field) in [("id", "uid"), ("name", "name")] {
        item.extend(metadata.get(field).map(|value| (key.to_owned(), value.clone())));
    }
    Some(item)
}

/// Labels or annotations whose keys begin with one of these.
fn words(object: &Value, field: &str, prefixes: &[&str]) -> Value {
    let all = object.pointer(&format!("/metadata/{field}")).and_then(Value::as_object);
    let kept = all
        .into_iter()
        .flatten()
        .filter(|(key, _)| prefixes.iter().any(|prefix| key.starts_with(prefix)));
    Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
}

fn node(object: &Value) -> Option<Item> {
    let mut item = named(object)?;
    let prefixes = ["topology.kubernetes.io/", "topology.scs.", "node-role.kubernetes.io/"];
    item.insert("labels".to_owned(), words(object, "labels", &prefixes));
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let ready = conditions.into_iter().flatten().find(|one| one["type"] == "Ready");
    item.extend(ready.map(|one| ("ready".to_owned(), one["status"].clone())));
    Some(item)
}

fn storage_class(object: &Value) -> Option<Item> {
    let mut item = named(object)?;
    // Of before 1.6; both mean the same, and old classes carry the old one.
    let default =
        ["storageclass.kubernetes.io", "storageclass.beta.kubernetes.io"].iter().any(|host| {
            let annotations = object.pointer("/metadata/annotations");
            annotations.and_then(|all| all.get(format!("{host}/is-default-class")))
                == Some(&json!("true"))
        });
    item.insert("default".to_owned(), default.into());
    for key in ["provisioner", "volumeBindingMode"] {
        item.extend(object.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    Some(item)
}

fn namespace(object: &Value) -> Option<Item> {
    let mut item = named(object)?;
    for field in ["labels", "annotations"] {
        item.insert(field.to_owned(), words(object, field, &["pod-security.kubernetes.io/"]));
    }
    Some(item)
}

/// Flags that speak of identity and permission, as they were given to the API server.
const FLAGS: [&str; 5] = [
    "--anonymous-auth",
    "--authorization-mode",
    "--authorization-config",
    "--token-auth-file",
    "--enable-admission-plugins",
];

fn api_server(object: &Value) -> Option<Item> {
    let mut item = named(object)?;
    let mut flags = Map::new();
    let containers = object.pointer("/spec/containers").and_then(Value::as_array);
    for container in containers.into_iter().flatten() {
        let words = ["command", "args"].iter().filter_map(|key| container.get(*key)?.as_array());
        for word in words.flatten().filter_map(Value::as_str) {
            let (flag, value) = word.split_once('=').unwrap_or((word, "true"));
            if FLAGS.contains(&flag) {
                // Paths of files are nobody's business.
                let value = if flag.ends_with("-file") || flag.ends_with("-config") {
                    "set"
                } else {
                    value
                };
                flags.insert(flag.to_owned(), value.into());
            }
        }
    }
    item.insert("flags".to_owned(), Value::Object(flags));
    Some(item)
}
