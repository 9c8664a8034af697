use jiff::civil::date;
use lotse_scs::Mode;
use serde_json::{Value, json};

use super::*;
use crate::feed::{Cve, Cves, Feed, Feeds, Release, built_in_support};
use crate::kaas::Version;
use crate::kaas::cluster::{Accepted, Port, Results};
use crate::model::{Reason, Verdict};
use crate::snapshot::{Answer, Item, Proof, Snapshot, Trouble};

use Verdict::{Abort, Fail, Missing, Pass};

const BOTH: [Mode; 2] = [Mode::Upstream, Mode::Standard];

fn empty() -> Snapshot {
    Snapshot::empty("test", "2026-11-01T12:00:00Z".parse().unwrap())
}

fn judged(snapshot: &Snapshot, check: Check, mode: Mode) -> Judgement {
    judge(check, &Case { snapshot, at: date(2026, 11, 1).at(12, 0, 0, 0), mode })
}

fn verdicts(snapshot: &Snapshot, check: Check) -> [Verdict; 2] {
    BOTH.map(|mode| judged(snapshot, check, mode).verdict)
}

fn items(values: &[Value]) -> Answer<Vec<Item>> {
    Answer::Given(values.iter().map(|value| value.as_object().unwrap().clone()).collect())
}

fn forbidden<T>() -> Answer<T> {
    let message = "nodes is forbidden".to_owned();
    Answer::Failed(Trouble {
        reason: Reason::Forbidden,
        message,
        status: Some(403),
        request_id: None,
    })
}

fn feed<T>(entries: T) -> Answer<Feed<T>> {
    let read_at = "2026-11-01T12:00:00Z".parse().unwrap();
    Answer::Given(Feed { source: "test".to_owned(), read_at, entries })
}

/// A cluster of this version, with these releases (version, day of release).
fn versioned(version: &str, releases: &[(&str, &str)], cves: &[Cve]) -> Snapshot {
    let mut snapshot = empty();
    snapshot.cluster.version = Answer::Given(version.to_owned());
    let releases = releases.iter().map(|(version, day)| Release {
        version: Version::parse(version).unwrap(),
        published: format!("{day}T00:00:00Z").parse().unwrap(),
    });
    snapshot.feeds = Feeds {
        releases: feed(releases.collect()),
        support: built_in_support(),
        cves: feed(Cves { known: cves.to_vec(), unread: Vec::new() }),
    };
    snapshot
}

fn cve(score: f64, first: &str, last: &str) -> Cve {
    let record = json!({
        "cveMetadata": { "cveId": "CVE-2026-1", "datePublished": "2026-10-01T00:00:00Z" },
        "containers": { "cna": {
            "metrics": [{ "cvssV3_1": { "baseScore": score } }],
            "affected": [{ "product": "Kubernetes", "versions": [
                { "version": first, "lessThanOrEqual": last, "status": "affected" },
            ]}],
        }},
    });
    Cve::from_record(&record).unwrap()
}

#[test]
fn a_patch_has_to_be_there_31_days_after_its_release() {
    let check = Check::VersionPolicy;
    let first = ("1.35.1", "2026-08-01");
    // Judged on the first of November at noon.
    for (day, verdict) in
        [("2026-10-01", Fail), ("2026-09-30", Fail), ("2026-10-02", Pass), ("2026-11-02", Pass)]
    {
        let snapshot = versioned("v1.35.1", &[("1.35.2", day), first], &[]);
        assert_eq!(verdicts(&snapshot, check), [verdict; 2], "{day}");
    }
    let newest =
        versioned("v1.35.2+k3s1", &[("1.35.2", "2026-08-01"), ("1.36.0", "2026-08-01")], &[]);
    assert_eq!(verdicts(&newest, check), [Pass, Pass]);
}

#[test]
fn a_patch_that_closes_a_critical_cve_has_to_be_there_two_weeks_after() {
    let check = Check::VersionPolicy;
    let with = |day: &str, cve: Cve| {
        versioned("v1.35.1", &[("1.35.2", day), ("1.35.1", "2026-08-01")], &[cve])
    };
    let bad = || cve(8.0, "1.35.0", "1.35.1");
    assert_eq!(verdicts(&with("2026-10-18", bad()), check), [Fail, Fail]);
    assert_eq!(verdicts(&with("2026-10-19", bad()), check), [Pass, Pass]);
    assert_eq!(verdicts(&with("2026-10-18", cve(7.9, "1.35.0", "1.35.1")), check), [Pass, Pass]);
    assert_eq!(verdicts(&with("2026-10-18", cve(8.0, "1.35.2", "1.35.3")), check), [Pass, Pass]);
    // The newer patch has it, too, so that it closes nothing.
    assert_eq!(verdicts(&with("2026-10-18", cve(9.8, "1.35.0", "1.35.2")), check), [Fail, Pass]);
    let soon = judged(&with("2026-10-28", bad()), check, Mode::Standard);
    assert!(
        soon.findings.iter().any(|one| one.evidence.contains("more than 2 days ago")),
        "{soon:#?}"
    );
}

#[test]
fn a_branch_without_support_fails_and_one_that_is_newer_than_the_table_is_reckoned() {
    let check = Check::VersionPolicy;
    let releases = [("1.34.9", "2026-10-20"), ("1.37.0", "2026-08-20"), ("1.37.1", "2026-10-20")];
    assert_eq!(verdicts(&versioned("v1.34.9", &releases, &[]), check), [Fail, Fail]);
    assert_eq!(verdicts(&versioned("v1.37.1", &releases, &[]), check), [Fail, Pass]);
    assert_eq!(verdicts(&versioned("v1.38.0", &releases, &[]), check), [Fail, Abort]);
    // Nothing that was read speaks of the branch.
    assert_eq!(verdicts(&versioned("v1.35.0", &releases, &[]), check), [Pass, Abort]);
}

#[test]
fn versions_that_upstream_does_not_understand_are_judged_by_the_standard() {
    let check = Check::VersionPolicy;
    let releases = [("1.35.1", "2026-10-20")];
    assert_eq!(verdicts(&versioned("v1.35.1-gke.7", &releases, &[]), check), [Abort, Pass]);
    assert_eq!(verdicts(&versioned("v1.36.0-rc.1", &releases, &[]), check), [Abort, Fail]);
    assert_eq!(verdicts(&versioned("latest", &releases, &[]), check), [Abort, Abort]);
}

#[test]
fn what_could_not_be_read_aborts_only_if_the_verdict_hangs_on_it() {
    let check = Check::VersionPolicy;
    let mut quiet = versioned("v1.35.1", &[("1.35.1", "2026-08-01")], &[]);
    quiet.feeds.cves = forbidden();
    assert_eq!(verdicts(&quiet, check), [Abort, Pass]);
    let mut late = versioned("v1.35.1", &[("1.35.2", "2026-10-10")], &[]);
    late.feeds.cves = forbidden();
    assert_eq!(verdicts(&late, check), [Abort, Abort]);
    let mut broken = versioned("v1.35.1", &[("1.35.2", "2026-08-10")], &[]);
    broken.feeds.cves = forbidden();
    assert_eq!(verdicts(&broken, check), [Abort, Fail]);
    broken.feeds.releases = forbidden();
    assert_eq!(verdicts(&broken, check), [Abort, Abort]);
    broken.cluster.version = forbidden();
    assert_eq!(judged(&broken, check, Mode::Standard).reason, Reason::Forbidden);
    let unread = crate::feed::Unread { id: "CVE-2026-2".into(), why: "timeout".into() };
    for (day, known, expected) in [
        ("2026-10-30", vec![], [Abort, Pass]),
        ("2026-10-10", vec![], [Abort, Abort]),
        // One that was read is enough to fail.
        ("2026-10-10", vec![cve(9.0, "1.35.0", "1.35.1")], [Abort, Fail]),
    ] {
        let mut some = versioned("v1.35.1", &[("1.35.2", day), ("1.35.1", "2026-08-01")], &[]);
        some.feeds.cves = feed(Cves { known, unread: vec![unread.clone()] });
        assert_eq!(verdicts(&some, check), expected, "{day}");
    }
}

#[test]
fn days_to_come_are_judged_by_what_was_known() {
    let snapshot = versioned("v1.35.1", &[("1.35.2", "2026-10-20"), ("1.35.1", "2026-08-01")], &[]);
    let on = |year, month, day| {
        let at = date(year, month, day).at(0, 0, 0, 0);
        let judgement =
            judge(Check::VersionPolicy, &Case { snapshot: &snapshot, at, mode: Mode::Standard });
        (judgement.verdict, judgement.findings)
    };
    assert_eq!(on(2026, 11, 2).0, Pass);
    let (verdict, findings) = on(2026, 12, 1);
    assert_eq!(verdict, Fail);
    assert!(findings.iter().any(|one| one.evidence.contains("until 2026-11-01")), "{findings:#?}");
    // Before the patch was released, nobody could have it.
    assert_eq!(on(2026, 10, 1).0, Pass);
    assert_eq!(on(2027, 3, 1).0, Fail);
}

#[test]
fn an_old_table_makes_upstream_give_up() {
    let mut snapshot = versioned("v1.36.0", &[("1.36.0", "2026-08-01")], &[]);
    let Answer::Given(support) = &mut snapshot.feeds.support else { panic!("no table") };
    support.entries.retain(|one| one.branch.minor != 35);
    assert_eq!(verdicts(&snapshot, Check::VersionPolicy), [Abort, Pass]);
}

fn class(name: &str, default: bool, provisioner: &str) -> Value {
    json!({ "id": name, "name": name, "default": default, "provisioner": provisioner })
}

#[test]
fn exactly_one_storage_class_is_the_default_and_outlives_nodes() {
    let check = Check::DefaultStorageClass;
    let good = class("ssd", true, "cinder.csi.openstack.org");
    let other = class("hdd", false, "cinder.csi.openstack.org");
    let local = class("local", true, "rancher.io/local-path");
    for (classes, expected) in [
        (vec![good.clone(), other.clone()], [Pass, Pass]),
        (vec![], [Fail, Fail]),
        (vec![other], [Fail, Fail]),
        (vec![good, local.clone()], [Fail, Fail]),
        (vec![local], [Pass, Fail]),
        (vec![class("odd", true, "")], [Fail, Fail]),
        (vec![json!({ "name": null, "default": "true" })], [Fail, Fail]),
    ] {
        let mut snapshot = empty();
        snapshot.cluster.storage_classes = items(&classes);
        assert_eq!(verdicts(&snapshot, check), expected, "{classes:?}");
    }
    let mut snapshot = empty();
    assert_eq!(verdicts(&snapshot, check), [Abort, Abort]);
    snapshot.cluster.storage_classes = forbidden();
    assert_eq!(judged(&snapshot, check, Mode::Standard).reason, Reason::Forbidden);
}

#[test]
fn a_claim_that_was_not_bound_fails_and_one_that_could_not_be_made_aborts() {
    let proof =
        |worked| Answer::Given(Proof { steps: vec!["wait".to_owned()], worked, status: None });
    for (claim, verdict) in [(proof(true), Pass), (proof(false), Fail), (forbidden(), Abort)] {
        let mut snapshot = empty();
        snapshot.cluster.claim = claim;
        assert_eq!(verdicts(&snapshot, Check::VolumeClaim), [verdict; 2]);
    }
}

fn node(name: &str, plane: bool, zone: &str, host: &str) -> Value {
    let mut node = json!({ "id": name, "name": name, "ready": "True", "labels": {
        "topology.kubernetes.io/region": "r",
        "topology.kubernetes.io/zone": zone,
        "topology.scs.community/host-id": host,
    }});
    if plane {
        node["labels"]["node-role.kubernetes.io/control-plane"] = json!("");
    }
    node
}

#[test]
fn the_control_plane_is_spread_and_all_nodes_say_where_they_are() {
    let check = Check::NodeDistribution;
    let bare = json!({ "name": "w", "labels": { "topology.kubernetes.io/region": null } });
    for (nodes, expected) in [
        (
            vec![node("a", true, "1", "x"), node("b", true, "2", "y"), node("w", false, "1", "x")],
            Pass,
        ),
        // One node, one host, a zone without control plane, no labels.
        (vec![node("a", true, "1", "x")], Fail),
        (vec![node("a", true, "1", "x"), node("b", true, "2", "x")], Fail),
        (
            vec![node("a", true, "1", "x"), node("b", true, "1", "y"), node("w", false, "2", "z")],
            Fail,
        ),
        (vec![node("a", true, "1", "x"), node("b", true, "2", "y"), bare], Fail),
        (vec![], Fail),
        // Of a control plane that cannot be seen nothing is known.
        (vec![node("w", false, "1", "x"), node("v", false, "2", "y")], Abort),
    ] {
        let mut snapshot = empty();
        snapshot.cluster.nodes = items(&nodes);
        assert_eq!(verdicts(&snapshot, check), [Missing, expected], "{nodes:?}");
    }
}

fn results(passed: usize, failed: &[&str]) -> Results {
    Results {
        passed,
        passed_conformance: passed,
        failed: failed.iter().map(|name| (*name).to_owned()).collect(),
        finished: Some(date(2026, 10, 20).at(3, 0, 0, 0)),
        version: Version::parse("1.35.1"),
        accepted: vec![
            Accepted { regex: "Feature:SCTP".into(), reason: "optional".into() },
            Accepted { regex: "(".into(), reason: "no regular expression".into() },
        ],
        ..Results::default()
    }
}

#[test]
fn results_are_judged_by_what_failed_and_must_not() {
    let check = Check::Conformance;
    let with = |results: Results| {
        let mut snapshot = versioned("v1.35.2", &[], &[]);
        snapshot.cluster.conformance = Answer::Given(results);
        verdicts(&snapshot, check)
    };
    assert_eq!(with(results(400, &[])), [Pass, Pass]);
    assert_eq!(
        with(results(400, &["[sig-network] SCTP [Feature:SCTPConnectivity]"])),
        [Pass, Pass]
    );
    assert_eq!(with(results(400, &["[sig-node] Pods should be there"])), [Fail, Fail]);
    assert_eq!(with(results(0, &[])), [Pass, Fail]);
    assert_eq!(with(results(12, &[])), [Pass, Abort]);
    let other = Results { version: Version::parse("1.34.1"), ..results(400, &[]) };
    assert_eq!(with(other), [Pass, Abort]);
    let old = Results { finished: Some(date(2025, 8, 1).at(0, 0, 0, 0)), ..results(400, &[]) };
    assert_eq!(with(old), [Pass, Abort]);
    assert_eq!(verdicts(&empty(), check), [Missing, Missing]);
    let mut broken = empty();
    broken.cluster.conformance = forbidden();
    assert_eq!(verdicts(&broken, check), [Abort, Abort]);
    let mut network = empty();
    network.cluster.networking = Answer::Given(results(60, &[]));
    assert_eq!(verdicts(&network, Check::Networking), [Pass, Pass]);
}

#[test]
fn only_the_api_answers_strangers() {
    let ports = |open: &[(u16, bool)]| {
        let mut snapshot = empty();
        let ports =
            open.iter().map(|(number, open)| Port { number: *number, open: *open }).collect();
        snapshot.cluster.ports = Answer::Given(ports);
        verdicts(&snapshot, Check::Endpoints)
    };
    assert_eq!(ports(&[(10250, false), (2379, false)]), [Pass, Pass]);
    assert_eq!(ports(&[(10250, true), (2379, false)]), [Fail, Fail]);
    assert_eq!(ports(&[]), [Abort, Abort]);
}

#[test]
fn kubelets_want_to_know_who_asks_and_ask_whether_he_may() {
    let good = json!({ "name": "a", "anonymous": false, "mode": "Webhook", "readOnlyPort": 0 });
    let trouble = json!({ "name": "b", "trouble": {
        "reason": "forbidden", "message": "no", "status": 403, "request_id": null,
    }});
    let odd = json!({ "name": "b", "trouble": null });
    let with = |kubelets: &[Value]| {
        let mut snapshot = empty();
        snapshot.cluster.kubelets = items(kubelets);
        [Check::KubeletAuthentication, Check::KubeletAuthorization]
            .map(|check| judged(&snapshot, check, Mode::Standard))
    };
    assert_eq!(with(std::slice::from_ref(&good)).map(|one| one.verdict), [Pass, Pass]);
    for (key, value, expected) in [
        ("anonymous", json!(true), [Fail, Pass]),
        ("anonymous", json!(null), [Fail, Pass]),
        ("readOnlyPort", json!(10255), [Fail, Pass]),
        ("mode", json!("AlwaysAllow"), [Pass, Fail]),
        ("mode", json!(7), [Pass, Fail]),
    ] {
        let mut bad = good.clone();
        bad[key] = value;
        // What breaks the rule counts more than what could not be seen.
        assert_eq!(with(&[bad.clone()]).map(|one| one.verdict), expected);
        let seen = with(&[bad, trouble.clone()]).map(|one| one.verdict);
        assert_eq!(seen, expected.map(|one| if one == Pass { Abort } else { one }));
    }
    let unseen = with(&[good.clone(), trouble]).map(|one| (one.verdict, one.reason));
    assert_eq!(unseen, [(Abort, Reason::Forbidden); 2]);
    assert_eq!(with(&[good, odd]).map(|one| one.verdict), [Abort, Abort]);
    assert_eq!(with(&[]).map(|one| one.verdict), [Fail, Fail]);
}

#[test]
fn the_api_server_authorises_by_roles() {
    let with = |servers: &[Value]| {
        let mut snapshot = empty();
        snapshot.cluster.api_servers = items(servers);
        judged(&snapshot, Check::ApiServer, Mode::Standard).verdict
    };
    let flags = |flags: Value| json!({ "name": "kube-apiserver-a", "flags": flags });
    assert_eq!(with(&[flags(json!({ "--authorization-mode": "Node,RBAC" }))]), Pass);
    assert_eq!(with(&[flags(json!({ "--authorization-mode": "RBAC,AlwaysAllow" }))]), Fail);
    assert_eq!(with(&[flags(json!({ "--authorization-mode": "ABAC" }))]), Fail);
    assert_eq!(with(&[flags(json!({}))]), Fail);
    assert_eq!(with(&[json!({ "name": "x", "flags": null })]), Fail);
    assert_eq!(with(&[flags(json!({ "--authorization-config": "set" }))]), Abort);
    let tokens = json!({ "--authorization-mode": "Node,RBAC", "--token-auth-file": "set" });
    assert_eq!(with(&[flags(tokens)]), Fail);
    assert_eq!(with(&[]), Abort);
}

#[test]
fn namespaces_of_users_enforce_a_level() {
    let with = |namespaces: &[Value]| {
        let mut snapshot = empty();
        snapshot.cluster.namespaces = items(namespaces);
        verdicts(&snapshot, Check::PodSecurity)
    };
    let level = |name: &str, field: &str, level: &str| json!({ "name": name, (field): { "pod-security.kubernetes.io/enforce": level } });
    let system = json!({ "name": "kube-system" });
    assert_eq!(with(&[level("default", "labels", "baseline"), system.clone()]), [Fail, Pass]);
    assert_eq!(with(&[level("default", "annotations", "restricted")]), [Pass, Fail]);
    assert_eq!(with(&[level("default", "labels", "privileged")]), [Fail, Fail]);
    assert_eq!(with(&[system]), [Pass, Fail]);
}
