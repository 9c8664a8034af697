//! `lotse conformance` on a cluster of Kubernetes, as people and scripts use it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use serde_json::{Value, json};

use crate::process::Place;

/// Answers requests as the API of a small cluster does, until the test ends.
fn cluster() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(stream.unwrap()));
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else { return };
    // The head is read whole, so that closing does not cut the answer off.
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let path = first.split(' ').nth(1).unwrap().split('?').next().unwrap();
    let labels = json!({
        "topology.kubernetes.io/region": "r", "topology.kubernetes.io/zone": "z",
        "topology.scs.community/host-id": "h",
    });
    let (status, body) = match path {
        "/version" => ("200 OK", json!({ "gitVersion": "v1.35.1" })),
        "/api/v1/nodes" => {
            ("200 OK", json!({ "items": [{ "metadata": { "name": "n", "labels": labels } }] }))
        }
        _ => ("403 Forbidden", json!({ "kind": "Status", "message": "not for you" })),
    };
    let body = body.to_string();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    // Who does not wait for the answer does not miss it.
    drop(stream.write_all(format!("{head}{body}").as_bytes()));
}

const FEEDS: &str = r#"{
  "releases": { "given": { "source": "test", "read_at": "2026-11-01T00:00:00Z", "entries": [
    { "version": "1.35.1", "published": "2026-09-01T00:00:00Z" },
    { "version": "1.35.2", "published": "2026-10-20T00:00:00Z" } ] } },
  "support": { "given": { "source": "test", "read_at": "2026-11-01T00:00:00Z", "entries": [
    { "branch": "1.35", "end": "2027-02-28" } ] } },
  "cves": { "given": { "source": "test", "read_at": "2026-11-01T00:00:00Z", "entries": {
    "known": [], "unread": [] } } }
}"#;

fn place() -> Place {
    let place = Place::new();
    place.write("feeds.json", FEEDS);
    place.write(
        "kubeconfig.yaml",
        &format!(
            "current-context: small\ncontexts: [{{name: small, context: {{cluster: c, user: u}}}}]\n\
             clusters: [{{name: c, cluster: {{server: 'http://{}'}}}}]\nusers: [{{name: u, user: {{token: abc}}}}]\n",
            cluster()
        ),
    );
    place
}

fn verdict(shown: &Value, id: &str) -> String {
    shown["testcases"][id]["verdict"].as_str().unwrap_or_else(|| panic!("{id}: {shown}")).to_owned()
}

#[test]
fn a_cluster_is_recorded_and_judged_for_days_to_come() {
    let place = place();
    let record = [
        "conformance",
        "record",
        "--kubeconfig",
        "kubeconfig.yaml",
        "--feeds",
        "feeds.json",
        "--read-only",
        "--output",
        "s.json",
    ];
    place.run(&record).with_code(0);
    let check = |more: &[&str]| {
        let mut arguments = vec!["conformance", "check", "--from", "s.json", "--format", "json"];
        arguments.extend(more);
        place.run(&arguments)
    };
    let soon = check(&["--at", "2026-11-10"]).with_code(4).json();
    assert_eq!(soon["scope"]["name"], "SCS-compatible KaaS");
    assert_eq!(verdict(&soon, "version-policy-check"), "PASS");
    assert_eq!(verdict(&soon, "node-distribution-check"), "FAIL");
    assert_eq!(verdict(&soon, "cncf-k8s-conformance"), "MISSING");
    let later = check(&["--at", "2026-12-01"]).with_code(4);
    assert_eq!(verdict(&later.json(), "version-policy-check"), "FAIL");
    let again = check(&["--at", "2026-12-01"]).with_code(4);
    assert_eq!(later.stdout, again.stdout);
    // What the cluster does not tell aborts.
    let storage = check(&["--version", "storage", "--tests", "scs-0211"]).with_code(4).json();
    let judged = &storage["testcases"]["scs-0211-default-storage-class"];
    assert_eq!((&judged["verdict"], &judged["reason"]), (&json!("ABORT"), &json!("forbidden")));
}

#[test]
fn a_cluster_is_checked_with_the_results_of_the_conformance_suite() {
    let place = place();
    place.write(
        "net.xml",
        "<testsuite name=\"e2e\"><testcase name=\"[sig-network] Netpol should work\"/></testsuite>",
    );
    let check = [
        "conformance",
        "check",
        "--kubeconfig",
        "kubeconfig.yaml",
        "--context",
        "small",
        "--read-only",
        "--feeds",
        "feeds.json",
        "--networking-results",
        "net.xml",
        "--conformance-results",
        "missing.xml",
        "--format",
        "json",
    ];
    let shown = place.run(&check).with_code(4).json();
    assert_eq!(verdict(&shown, "kaas-networking-check"), "PASS");
    assert_eq!(verdict(&shown, "cncf-k8s-conformance"), "ABORT");
    let refused =
        place.run(&["conformance", "check", "--kubeconfig", "kubeconfig.yaml", "--context", "x"]);
    let refused = refused.with_code(2);
    assert!(refused.stderr.contains("it has no context \"x\"; it has small"), "{}", refused.stderr);
}

#[test]
fn a_signed_snapshot_is_judged_and_one_that_was_changed_is_refused() {
    let place = place();
    let key = place.path("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "auditor", "-f", key.to_str().unwrap()])
        .status();
    assert!(made.unwrap().success());
    let record = [
        "conformance",
        "record",
        "--kubeconfig",
        "kubeconfig.yaml",
        "--feeds",
        "feeds.json",
        "--read-only",
        "--output",
        "s.json",
        "--sign",
        "key",
    ];
    place.run(&record).with_code(0);
    let check = ["conformance", "check", "--from", "s.json", "--trusted-keys", "key.pub"];
    let judged = place.run(&check).with_code(4);
    assert!(judged.stderr.contains("signed by auditor"), "{}", judged.stderr);
    // Those who have OpenSSH and no Lotse see the same.
    let verified = std::process::Command::new("ssh-keygen")
        .args(["-Y", "check-novalidate", "-n", "lotse-snapshot", "-s"])
        .arg(place.path("s.json.sig"))
        .stdin(std::fs::File::open(place.path("s.json")).unwrap())
        .output();
    let verified = verified.unwrap();
    assert!(verified.status.success(), "{verified:?}");
    let text = std::fs::read_to_string(place.path("s.json")).unwrap();
    place.write("s.json", &text.replace("v1.35.1", "v1.35.2"));
    let refused = place.run(&check);
    assert!(refused.stderr.contains("it was changed"), "{}", refused.stderr);
    refused.with_code(1);
}
