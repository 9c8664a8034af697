//! Clusters, read over HTTP and HTTPS.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lotse_conformance::kaas::observe::{Options, observe};
use lotse_conformance::kaas::{Access, Api, Check, Part};
use lotse_conformance::observe::Reach;
use lotse_conformance::snapshot::Answer;
use lotse_conformance::{Mode, Outcome, Reason, Snapshot, Verdict, judge, profile};
use lotse_core::retry::Backoff;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::kaas_server::{Asked, Server, list, node, status, well};
use crate::stage::of;

const FEW: Backoff =
    Backoff { first: Duration::from_millis(1), most: Duration::from_millis(5), attempts: 3 };
const TOKEN: &str = "    token: a-secret-token";

fn options(reach: Reach, ports: &[u16]) -> Options {
    Options {
        reach,
        parts: Part::ALL.into(),
        now: "2026-11-01T12:00:00Z".parse().unwrap(),
        run: Uuid::new_v4(),
        ports: ports.to_vec(),
        patience: Duration::from_secs(5),
    }
}

fn api(kubeconfig: &Path) -> Api {
    Api::new(Access::read(kubeconfig, None).unwrap(), FEW, 1).unwrap()
}

async fn look(server: &Server) -> Snapshot {
    let folder = tempfile::tempdir().unwrap();
    let api = api(&server.kubeconfig(folder.path(), "", TOKEN));
    observe(&api, &options(Reach::ReadOnly, &[])).await
}

fn outcome(snapshot: &Snapshot, version: &str, mode: Mode) -> Outcome {
    let spec = profile::named("scs-kaas", mode).unwrap();
    let choice = judge::Choice {
        versions: vec![version.to_owned()],
        ..judge::Choice::everything(judge::utc(snapshot.taken_at), mode)
    };
    judge::judge(&spec, snapshot, &choice).unwrap()
}

#[tokio::test]
async fn a_cluster_is_read_with_few_requests_and_without_secrets() {
    let server = Server::start(well, None).await;
    let snapshot = look(&server).await;
    assert_eq!(snapshot.cluster.version, Answer::Given("v1.35.1".to_owned()));
    let asked = server.asked();
    // Version, nodes, classes, pods, namespaces, and the kubelets of three nodes.
    assert_eq!((asked.len(), snapshot.requests), (8, 8), "{asked:#?}");
    assert!(asked.iter().all(|one| one.method == "GET"), "{asked:#?}");
    assert!(asked.iter().all(|one| one.authorization == "Bearer a-secret-token"));
    let pods = asked.iter().find(|one| one.path.ends_with("/pods")).unwrap();
    assert_eq!(pods.word("labelSelector").unwrap(), "component=kube-apiserver");
    let text = snapshot.to_text();
    for secret in ["a-secret-token", "never-to-be-kept", "192.0.2.17", "127.0.0.1", "etcd-servers"]
    {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let again: Snapshot = serde_json::from_str(&text).unwrap();
    assert_eq!(again, snapshot);
    let nodes = outcome(&snapshot, "v1", Mode::Standard);
    assert_eq!(of(&nodes, "node-distribution-check").verdict, Verdict::Pass, "{nodes:#?}");
    let storage = outcome(&snapshot, "storage", Mode::Standard);
    assert_eq!(of(&storage, "scs-0211-default-storage-class").verdict, Verdict::Pass);
    // What was not to be tried is not known.
    let claim = of(&storage, "scs-0211-volume-claim");
    assert_eq!((claim.verdict, claim.reason), (Verdict::Abort, Reason::NotObserved));
    let hardened = outcome(&snapshot, "hardened", Mode::Standard);
    for id in ["kubelet-authentication", "kubelet-authorization", "api-server", "pod-security"] {
        let judgement = of(&hardened, &format!("scs-0217-{id}"));
        assert_eq!(judgement.verdict, Verdict::Pass, "{judgement:#?}");
    }
}

#[tokio::test]
async fn lists_are_read_page_by_page_and_begin_anew_when_the_rest_was_forgotten() {
    let forgotten = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&forgotten);
    let server = Server::start(
        move |asked| {
            if asked.path != "/api/v1/nodes" {
                return well(asked);
            }
            assert_eq!(asked.word("limit").as_deref(), Some("250"));
            let page = |items: Value, next: &str| {
                (
                    200,
                    json!({ "kind": "NodeList", "metadata": { "continue": next }, "items": items }),
                )
            };
            match asked.word("continue").as_deref() {
                None => page(json!([node("a", true, "1", "x")]), "t1"),
                Some("t1") if count.fetch_add(1, Ordering::SeqCst) == 0 => {
                    status(410, "Expired", "The provided continue parameter is too old")
                }
                Some("t1") => page(json!([node("b", true, "2", "y"), null, 7]), "t2+/="),
                Some("t2+/=") => page(Value::Null, ""),
                other => panic!("{other:?}"),
            }
        },
        None,
    )
    .await;
    let snapshot = look(&server).await;
    let nodes = snapshot.cluster.nodes.given().unwrap();
    let names: Vec<_> = nodes.iter().map(|node| node["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(forgotten.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_list_that_never_ends_or_is_none_is_a_failure() {
    for items in [json!([]), json!({}), json!("x")] {
        let server = Server::start(
            move |asked| match asked.path.as_str() {
                "/api/v1/nodes" => {
                    (200, json!({ "metadata": { "continue": "same" }, "items": items }))
                }
                _ => well(asked),
            },
            None,
        )
        .await;
        let snapshot = look(&server).await;
        let outcome = outcome(&snapshot, "v1", Mode::Standard);
        let nodes = of(&outcome, "node-distribution-check");
        assert_eq!(
            (nodes.verdict, nodes.reason),
            (Verdict::Abort, Reason::ApiFailed),
            "{nodes:#?}"
        );
    }
}

#[tokio::test]
async fn what_the_api_refuses_aborts_with_its_reason_and_nothing_else() {
    for (code, word, reason) in [
        (401, "Unauthorized", Reason::Forbidden),
        (403, "Forbidden", Reason::Forbidden),
        (404, "NotFound", Reason::NoService),
        (500, "InternalError", Reason::ApiFailed),
        (503, "ServiceUnavailable", Reason::ApiFailed),
    ] {
        let server = Server::start(
            move |asked| match asked.path.as_str() {
                "/api/v1/nodes" => {
                    status(code, word, "nodes is forbidden: User \"x\"\u{7} cannot list")
                }
                _ => well(asked),
            },
            None,
        )
        .await;
        let snapshot = look(&server).await;
        let Answer::Failed(trouble) = &snapshot.cluster.nodes else { panic!("{snapshot:#?}") };
        assert_eq!((trouble.reason, trouble.status), (reason, Some(code)), "{trouble:?}");
        assert!(trouble.message.contains("cannot list"), "{trouble:?}");
        assert!(!trouble.message.contains('\u{7}'));
        assert_eq!(trouble.request_id.as_deref(), Some("an-audit-id"));
        let judged = outcome(&snapshot, "v1", Mode::Standard);
        assert_eq!(of(&judged, "node-distribution-check").verdict, Verdict::Abort);
        let storage = outcome(&snapshot, "storage", Mode::Standard);
        assert_eq!(of(&storage, "scs-0211-default-storage-class").verdict, Verdict::Pass);
        let hardened = outcome(&snapshot, "hardened", Mode::Standard);
        assert_eq!(of(&hardened, "scs-0217-kubelet-authorization").reason, reason);
    }
}

#[tokio::test]
async fn an_api_under_load_is_asked_again() {
    let refused = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refused);
    let server = Server::start(
        move |asked| match asked.path.as_str() {
            "/version" if count.fetch_add(1, Ordering::SeqCst) < 2 => {
                status(429, "TooManyRequests", "come back later")
            }
            _ => well(asked),
        },
        None,
    )
    .await;
    let snapshot = look(&server).await;
    assert!(snapshot.cluster.version.given().is_some(), "{snapshot:#?}");
    assert_eq!(refused.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn foreign_answers_give_no_pass_and_no_crash() {
    for body in [json!(null), json!([]), json!(7), json!({ "items": [{}, { "metadata": null }] })] {
        let server = Server::start(move |_| (200, body.clone()), None).await;
        let snapshot = look(&server).await;
        for version in ["v1", "storage", "hardened"] {
            let outcome = outcome(&snapshot, version, Mode::Standard);
            let passed = outcome.testcases.iter().filter(|(id, one)| {
                // No port was looked at here, and that is no pass either.
                one.judgement.verdict == Verdict::Pass && !id.is_empty()
            });
            assert_eq!(passed.count(), 0, "{outcome:#?}");
        }
    }
}

#[tokio::test]
async fn a_cluster_that_nobody_answers_for_aborts_everything() {
    let server = Server::start(well, None).await;
    let folder = tempfile::tempdir().unwrap();
    let path = server.kubeconfig(folder.path(), "", TOKEN);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(&server.address.to_string(), &closed.to_string())).unwrap();
    let snapshot = observe(&api(&path), &options(Reach::ReadOnly, &[1])).await;
    let judged = outcome(&snapshot, "hardened", Mode::Standard);
    assert!(judged.testcases.values().all(|one| one.judgement.verdict == Verdict::Abort));
    assert_eq!(of(&judged, "scs-0217-endpoints").reason, Reason::Unreachable);
}

#[tokio::test]
async fn ports_that_are_open_are_found() {
    let server = Server::start(well, None).await;
    let folder = tempfile::tempdir().unwrap();
    let api = api(&server.kubeconfig(folder.path(), "", TOKEN));
    let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let shut = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (number, closed) = (open.local_addr().unwrap().port(), shut.local_addr().unwrap().port());
    drop(shut);
    let snapshot = observe(&api, &options(Reach::ReadOnly, &[closed])).await;
    let judged = outcome(&snapshot, "hardened", Mode::Standard);
    assert_eq!(of(&judged, "scs-0217-endpoints").verdict, Verdict::Pass, "{judged:#?}");
    let snapshot = observe(&api, &options(Reach::ReadOnly, &[closed, number])).await;
    let judged = outcome(&snapshot, "hardened", Mode::Standard);
    let endpoints = of(&judged, "scs-0217-endpoints");
    assert_eq!(endpoints.verdict, Verdict::Fail);
    assert_eq!(endpoints.findings[0].object.as_ref().unwrap().name, number.to_string());
}

/// A cluster that gives a volume after it was asked some times, and remembers what was made.
fn giving(phases: &'static [&'static str]) -> impl Fn(&Asked) -> (u16, Value) + Send + Sync {
    let polls = AtomicUsize::new(0);
    let old = format!("lotse-conformance-{}", Uuid::new_v4().simple());
    let young = format!("lotse-conformance-{}", Uuid::new_v4().simple());
    move |asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/api/v1/namespaces") if !asked.query.contains("labelSelector") => well(asked),
        // Left behind, still at work, and somebody else's with our label.
        ("GET", "/api/v1/namespaces") => {
            let one = |name: &str, made: &str| {
                json!({ "metadata": { "name": name, "creationTimestamp": made,
                    "labels": { "lotse.cloud/conformance": "claim" } } })
            };
            list(
                "NamespaceList",
                &json!([
                    one(&old, "2026-11-01T08:00:00Z"),
                    one(&young, "2026-11-01T11:30:00Z"),
                    one("production", "2026-01-01T00:00:00Z"),
                ]),
            )
        }
        ("POST", _) => (201, json!({})),
        ("DELETE", _) => (200, json!({ "kind": "Status", "status": "Success" })),
        ("GET", path) if path.ends_with("/persistentvolumeclaims/claim") => {
            let at = polls.fetch_add(1, Ordering::SeqCst).min(phases.len() - 1);
            (200, json!({ "status": { "phase": phases[at] } }))
        }
        _ => well(asked),
    }
}

async fn claim(server: &Server, patience: Duration) -> Snapshot {
    let folder = tempfile::tempdir().unwrap();
    let api = api(&server.kubeconfig(folder.path(), "", TOKEN));
    let options = Options { parts: [Part::Claim].into(), patience, ..options(Reach::Active, &[]) };
    observe(&api, &options).await
}

#[tokio::test]
async fn a_claim_is_made_bound_and_deleted_with_what_was_left_behind() {
    let server = Server::start(giving(&["Pending", "Pending", "Bound"]), None).await;
    let snapshot = claim(&server, Duration::from_mins(1)).await;
    let judged = outcome(&snapshot, "storage", Mode::Standard);
    let judgement = of(&judged, "scs-0211-volume-claim");
    assert_eq!(judgement.verdict, Verdict::Pass, "{snapshot:#?}");
    let asked = server.asked();
    let made = asked.iter().filter(|one| one.method == "POST").count();
    assert_eq!(made, 3, "a namespace, a claim and a pod: {asked:#?}");
    let deleted: Vec<_> = asked.iter().filter(|one| one.method == "DELETE").collect();
    // What is left of a run that ended hours ago, and what this one made; nothing else.
    assert_eq!(deleted.len(), 2, "{asked:#?}");
    assert!(
        deleted.iter().all(|one| one.path.starts_with("/api/v1/namespaces/lotse-conformance-"))
    );
    let pod = asked.iter().find(|one| one.path.ends_with("/pods")).unwrap();
    assert!(pod.path.contains(deleted[1].path.rsplit('/').next().unwrap()));
}

#[tokio::test]
async fn a_claim_that_is_never_bound_fails_and_is_deleted() {
    let server = Server::start(giving(&["Pending"]), None).await;
    let snapshot = claim(&server, Duration::from_millis(20)).await;
    let judged = outcome(&snapshot, "storage", Mode::Standard);
    let judgement = of(&judged, "scs-0211-volume-claim");
    assert_eq!(judgement.verdict, Verdict::Fail, "{snapshot:#?}");
    assert!(judgement.summary.contains("pending"), "{judgement:#?}");
    assert_eq!(server.asked().iter().filter(|one| one.method == "DELETE").count(), 2);
}

#[tokio::test]
async fn a_claim_that_may_not_be_made_aborts() {
    let giving = giving(&["Bound"]);
    let server = Server::start(
        move |asked| match asked.method.as_str() {
            "POST" => status(403, "Forbidden", "namespaces is forbidden"),
            _ => giving(asked),
        },
        None,
    )
    .await;
    let judged = outcome(&claim(&server, Duration::from_mins(1)).await, "storage", Mode::Standard);
    let judgement = of(&judged, "scs-0211-volume-claim");
    assert_eq!((judgement.verdict, judgement.reason), (Verdict::Abort, Reason::Forbidden));
}

/// An authority, and a server and a client that it knows.
struct Papers {
    authority: String,
    tls: tokio_rustls::TlsAcceptor,
    client: (String, String),
}

fn papers() -> Papers {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let ca = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let signed = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        (certificate, key)
    };
    let (server, server_key) = signed(&["127.0.0.1"]);
    let (client, client_key) = signed(&["somebody"]);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
        Arc::new(roots),
        Arc::clone(&provider),
    );
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![CertificateDer::from(server.der().to_vec())],
            PrivateKeyDer::try_from(server_key.serialize_der()).unwrap(),
        )
        .unwrap();
    Papers {
        authority: ca.pem(),
        tls: tokio_rustls::TlsAcceptor::from(Arc::new(config)),
        client: (client.pem(), client_key.serialize_pem()),
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test]
async fn client_certificates_and_authorities_are_those_of_the_kubeconfig() {
    let papers = papers();
    let server = Server::start(well, Some(papers.tls.clone())).await;
    let folder = tempfile::tempdir().unwrap();
    let cluster = format!("    certificate-authority-data: {}", base64(&papers.authority));
    let (certificate, key) = &papers.client;
    let user =
        format!("    client-certificate-data: {}\n    client-key: key.pem", base64(certificate));
    std::fs::write(folder.path().join("key.pem"), key).unwrap();
    let path = server.kubeconfig(folder.path(), &cluster, &user);
    let snapshot = observe(&api(&path), &options(Reach::ReadOnly, &[])).await;
    assert!(snapshot.cluster.version.given().is_some(), "{snapshot:#?}");

    // Without its certificate the client is nobody, and another authority does not know the server.
    let stranger = server.kubeconfig(folder.path(), &cluster, TOKEN);
    let snapshot = observe(&api(&stranger), &options(Reach::ReadOnly, &[])).await;
    let judged = outcome(&snapshot, "v1", Mode::Standard);
    assert_eq!(of(&judged, "version-policy-check").reason, Reason::Unreachable, "{snapshot:#?}");
    let other = format!("    certificate-authority-data: {}", base64(&self::papers().authority));
    let misled = server.kubeconfig(folder.path(), &other, &user);
    let snapshot = observe(&api(&misled), &options(Reach::ReadOnly, &[])).await;
    assert!(snapshot.cluster.version.given().is_none());
    let blind = server.kubeconfig(folder.path(), "    insecure-skip-tls-verify: true", &user);
    let snapshot = observe(&api(&blind), &options(Reach::ReadOnly, &[])).await;
    assert!(snapshot.cluster.version.given().is_some(), "{snapshot:#?}");
}

#[test]
fn every_testcase_on_clusters_is_in_the_profile() {
    let spec = profile::named("scs-kaas", Mode::Standard).unwrap();
    let known = spec.testcases.keys().filter(|id| Check::find(id).is_some()).count();
    assert_eq!((known, spec.testcases.len()), (11, 11));
}
