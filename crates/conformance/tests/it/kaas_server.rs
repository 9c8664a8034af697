//! A server that speaks the lists of the Kubernetes API, with answers of the published forms.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) authorization: String,
}

impl Asked {
    /// The value of a word of the query.
    pub(crate) fn word(&self, key: &str) -> Option<String> {
        let pairs = reqwest::Url::parse(&format!("http://x/?{}", self.query)).unwrap();
        pairs.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
    }
}

type Answers = Arc<dyn Fn(&Asked) -> (u16, Value) + Send + Sync>;

/// A cluster on loopback; it ends with the value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(
        answers: impl Fn(&Asked) -> (u16, Value) + Send + Sync + 'static,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (answers, noted): (Answers, _) = (Arc::new(answers), Arc::clone(&log));
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (answers, log, tls) = (Arc::clone(&answers), Arc::clone(&noted), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, answers, log).await;
                            }
                        }
                        None => serve(stream, answers, log).await,
                    }
                });
            }
        });
        Self { address, log, task }
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }

    /// A `kubeconfig` that leads here; `cluster` and `user` are put into it.
    pub(crate) fn kubeconfig(
        &self,
        folder: &Path,
        cluster: &str,
        user: &str,
    ) -> std::path::PathBuf {
        let scheme = if cluster.is_empty() { "http" } else { "https" };
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\ncontexts:\n- name: test\n  context:\n    \
             cluster: c\n    user: u\nclusters:\n- name: c\n  cluster:\n    server: {scheme}://{}\n{cluster}\n\
             users:\n- name: u\n  user:\n{user}\n",
            self.address
        );
        let path = folder.join("kubeconfig.yaml");
        std::fs::write(&path, text).unwrap();
        path
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    answers: Answers,
    log: Arc<Mutex<Vec<Asked>>>,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let header = request.headers().get("authorization");
        let asked = Asked {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            authorization: header.map_or("", |value| value.to_str().unwrap()).to_owned(),
        };
        let (status, body) = answers(&asked);
        log.lock().unwrap().push(asked);
        async move {
            let answer = Response::builder()
                .status(status)
                .header("content-type", "application/json")
                .header("audit-id", "an-audit-id")
                .body(Full::new(Bytes::from(body.to_string())));
            Ok::<_, Infallible>(answer.unwrap())
        }
    });
    // A client that goes away is no concern of the server.
    drop(
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await,
    );
}

/// A failure as the API writes it.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> (u16, Value) {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    (code, body)
}

/// A list as the API writes it.
pub(crate) fn list(kind: &str, items: &Value) -> (u16, Value) {
    let metadata = json!({ "resourceVersion": "4711" });
    (200, json!({ "kind": kind, "apiVersion": "v1", "metadata": metadata, "items": items }))
}

pub(crate) fn node(name: &str, plane: bool, zone: &str, host: &str) -> Value {
    let mut labels = json!({
        "kubernetes.io/hostname": name,
        "beta.kubernetes.io/os": "linux",
        "topology.kubernetes.io/region": "eu",
        "topology.kubernetes.io/zone": zone,
        "topology.scs.community/host-id": host,
    });
    if plane {
        labels["node-role.kubernetes.io/control-plane"] = json!("");
    }
    json!({
        "metadata": { "name": name, "uid": format!("uid-{name}"), "labels": labels,
            "annotations": { "secret.example/token": "never-to-be-kept" } },
        "spec": { "podCIDR": "10.244.0.0/24" },
        "status": { "conditions": [
            { "type": "MemoryPressure", "status": "False" },
            { "type": "Ready", "status": "True" },
        ], "addresses": [{ "type": "InternalIP", "address": "192.0.2.17" }] },
    })
}

/// A cluster that keeps all rules.
pub(crate) fn well(asked: &Asked) -> (u16, Value) {
    match asked.path.as_str() {
        "/version" => (200, json!({ "major": "1", "minor": "35", "gitVersion": "v1.35.1" })),
        "/api/v1/nodes" => list(
            "NodeList",
            &json!([
                node("a", true, "1", "x"),
                node("b", true, "2", "y"),
                node("w", false, "1", "z")
            ]),
        ),
        "/apis/storage.k8s.io/v1/storageclasses" => list(
            "StorageClassList",
            &json!([{ "metadata": { "name": "ssd", "uid": "1", "annotations": {
                "storageclass.kubernetes.io/is-default-class": "true",
            }}, "provisioner": "cinder.csi.openstack.org", "volumeBindingMode": "Immediate" }]),
        ),
        "/api/v1/namespaces/kube-system/pods" => list(
            "PodList",
            &json!([{ "metadata": { "name": "kube-apiserver-a", "uid": "2" }, "spec": { "containers": [
                { "name": "kube-apiserver", "command": [
                    "kube-apiserver", "--authorization-mode=Node,RBAC", "--etcd-servers=https://[::1]:2379",
                ]},
            ]}}]),
        ),
        "/api/v1/namespaces" => list(
            "NamespaceList",
            &json!([
                { "metadata": { "name": "default", "uid": "3", "labels": {
                    "pod-security.kubernetes.io/enforce": "baseline",
                }}},
                { "metadata": { "name": "kube-system", "uid": "4" } },
            ]),
        ),
        path if path.ends_with("/proxy/configz") => (
            200,
            json!({ "kubeletconfig": {
                "readOnlyPort": 0,
                "authentication": { "anonymous": { "enabled": false }, "x509": { "clientCAFile": "/x" } },
                "authorization": { "mode": "Webhook" },
            }}),
        ),
        _ => status(404, "NotFound", "the server could not find the requested resource"),
    }
}
