//! Each known divergence between the upstream tools and the texts, once: what a cloud shows, and what
//! each mode says of it.

use jiff::civil::date;
use serde_json::{Value, json};

use lotse_core::declared::SourceFile;

use super::*;
use crate::executable::Executed;
use crate::feed::{Cves, Feed, Release, Unread, built_in_support};
use crate::profile;
use crate::report::{Generation, Run};
use crate::snapshot::{Answer, DefaultRules, Item, RulesWay};
use crate::spec::Lifetime;

fn items(values: &[Value]) -> Vec<Item> {
    values.iter().map(|value| value.as_object().unwrap().clone()).collect()
}

/// An image with which no rule has anything to do.
fn image(name: &str) -> Value {
    json!({
        "id": name, "name": name, "visibility": "public", "status": "active", "architecture": "x86_64",
        "size": 1024, "min_disk": 1, "min_ram": 512, "created_at": "2026-11-01T00:00:00Z",
        "image_build_date": "2026-11-01", "replace_frequency": "never",
    })
}

fn with(mut image: Value, key: &str, value: Value) -> Value {
    image[key] = value;
    image
}

fn base() -> Snapshot {
    let mut snapshot = Snapshot::empty("prod", "2026-11-22T12:00:00Z".parse().unwrap());
    snapshot.roles = vec!["member".to_owned()];
    snapshot.services = ["compute", "object-store-s3"].map(str::to_owned).to_vec();
    snapshot.flavors = Answer::Given(items(&[json!({ "name": "own", "vcpus": 1 })]));
    snapshot.images = Answer::Given(items(&[image("own")]));
    snapshot.hidden_images = Answer::Given(Vec::new());
    snapshot.volume_types = Answer::Given(items(&[json!({ "name": "fast" })]));
    snapshot
}

/// What `diff-modes` shows for a testcase: upstream's verdict, then the standard's.
fn shown(snapshot: &Snapshot, id: &str) -> Option<(Verdict, Verdict)> {
    let spec = profile::named("scs-iaas", Mode::Standard).unwrap();
    let versions = ["next", "v5.1", "recommended"].map(str::to_owned);
    let at = date(2026, 11, 22).at(12, 0, 0, 0);
    let found = differences(&spec, snapshot, &versions, at).unwrap();
    let found = found.into_iter().find(|one| one.testcase == id)?;
    assert!(!found.oddity.is_empty(), "{id} is explained");
    Some((found.upstream, found.standard))
}

fn flavor(name: &str) -> Snapshot {
    let flavor =
        json!({ "name": name, "vcpus": 64, "ram": 65_536, "disk": 100, "extra_specs": {} });
    Snapshot { flavors: Answer::Given(items(&[flavor])), ..base() }
}

fn images(values: &[Value]) -> Snapshot {
    Snapshot { images: Answer::Given(items(values)), ..base() }
}

const PASS: Verdict = Verdict::Pass;
const FAIL: Verdict = Verdict::Fail;
const ABORT: Verdict = Verdict::Abort;

#[test]
fn infiniband_after_a_gpu_without_units() {
    let id = "scs-0100-syntax-check";
    for name in ["SCS-4V-16_GNa_ib", "SCS-4V-16_GN_ib"] {
        assert_eq!(shown(&flavor(name), id), Some((FAIL, PASS)), "{name}");
    }
    assert_eq!(shown(&flavor("SCS-4V-16_GNa-64_ib"), id), None);
}

#[test]
fn a_disk_without_size() {
    let cloud = flavor("SCS-4V-16-n");
    assert_eq!(shown(&cloud, "scs-0100-semantics-check"), Some((ABORT, PASS)));
}

#[test]
fn lenient_numbers_in_names() {
    for name in ["SCS-04V-16", "SCS-4V-16.", "SCS-4V-.5"] {
        let cloud = flavor(name);
        assert_eq!(shown(&cloud, "scs-0100-syntax-check"), Some((PASS, FAIL)), "{name}");
    }
}

#[test]
fn the_kind_of_disk_of_recommended_flavors() {
    let specs = json!({
        "scs:name-v1": "SCS-1V:4:10", "scs:name-v2": "SCS-1V-4-10", "scs:cpu-type": "shared-core",
        "scs:disk0-type": "ssd",
    });
    let flavor = json!({ "name": "x", "vcpus": 1, "ram": 4096, "disk": 10, "extra_specs": specs });
    let cloud = Snapshot { flavors: Answer::Given(items(&[flavor])), ..base() };
    assert_eq!(shown(&cloud, "scs-0103-flavor-1v-4-10"), Some((FAIL, PASS)));
}

#[test]
fn hidden_images() {
    let hidden = with(with(image("old"), "os_hidden", json!(true)), "architecture", json!("z80"));
    let cloud = Snapshot { hidden_images: Answer::Given(items(&[hidden])), ..base() };
    assert_eq!(shown(&cloud, "scs-0102-prop-architecture"), Some((PASS, FAIL)));
    let outdated = with(
        with(image("old"), "replace_frequency", json!("daily")),
        "provided_until",
        json!("2030-01-01"),
    );
    let cloud = Snapshot { hidden_images: Answer::Given(items(&[outdated])), ..base() };
    assert_eq!(shown(&cloud, "scs-0102-image-recency"), Some((PASS, FAIL)));
}

#[test]
fn images_with_equal_names() {
    let from = |source: &str| with(image("Debian 12"), "image_source", json!(source));
    let good = from("https://cloud.debian.org/images/cloud/bookworm/x.qcow2");
    let cloud = images(&[from("https://example.org/x"), good]);
    assert_eq!(shown(&cloud, "scs-0104-source-debian-12"), Some((PASS, FAIL)));
}

#[test]
fn empty_lists() {
    let cloud = Snapshot {
        flavors: Answer::Given(Vec::new()),
        images: Answer::Given(Vec::new()),
        ..base()
    };
    for id in ["scs-0100-syntax-check", "scs-0102-prop-architecture", "scs-0104-source-debian-12"] {
        assert_eq!(shown(&cloud, id), Some((PASS, FAIL)), "{id}");
    }
}

#[test]
fn an_image_that_is_still_queued() {
    let queued = with(with(image("new"), "status", json!("queued")), "size", Value::Null);
    let cloud = images(&[image("own"), queued]);
    assert_eq!(shown(&cloud, "scs-0102-prop-min_disk"), Some((ABORT, PASS)));
}

#[test]
fn an_outdated_image_that_does_not_say_until_when_it_is_provided() {
    let cloud = images(&[with(image("own"), "replace_frequency", json!("daily"))]);
    assert_eq!(shown(&cloud, "scs-0102-image-recency"), Some((ABORT, FAIL)));
}

#[test]
fn names_that_go_on_after_the_version() {
    let other = with(image("ubuntu-capi-image v1.35.4 (mine)"), "image_source", json!("private"));
    assert_eq!(shown(&images(&[other]), "scs-0104-source-capi-1"), Some((FAIL, PASS)));
}

fn egress(rules: &[Value]) -> Snapshot {
    let used = |rule: &Value| {
        let mut rule = rule.clone();
        for key in ["used_in_default_sg", "used_in_non_default_sg"] {
            rule[key] = json!(true);
        }
        rule["direction"] = json!("egress");
        rule
    };
    let rules: Vec<Value> = rules.iter().map(used).collect();
    let rules = DefaultRules { way: RulesWay::Listed, rules: items(&rules) };
    Snapshot { default_rules: Answer::Given(rules), ..base() }
}

#[test]
fn rules_that_write_out_everything_and_rules_for_one_protocol() {
    let id = "scs-0115-default-rules";
    let rule =
        |version: &str, prefix: &str| json!({ "ethertype": version, "remote_ip_prefix": prefix });
    let all = egress(&[rule("IPv4", "0.0.0.0/0"), rule("IPv6", "::/0")]);
    assert_eq!(shown(&all, id), Some((FAIL, PASS)));
    let tcp = |version: &str| json!({ "ethertype": version, "protocol": "tcp" });
    assert_eq!(shown(&egress(&[tcp("IPv4"), tcp("IPv6")]), id), Some((PASS, FAIL)));
}

#[test]
fn clouds_without_swift_and_the_other_name_of_s3() {
    let services = |names: &[&str]| Snapshot {
        services: names.iter().map(|name| (*name).to_owned()).collect(),
        ..base()
    };
    assert_eq!(shown(&services(&["compute"]), "scs-0123-swift-s3"), Some((PASS, FAIL)));
    assert_eq!(shown(&services(&["s3"]), "scs-0123-service-s3"), Some((FAIL, PASS)));
    assert_eq!(shown(&services(&["object-store-s3"]), "scs-0123-service-s3"), None);
}

/// What both modes come to for a scope of these lines.
fn both(spec: &str, snapshot: &Snapshot, version: &str) -> [crate::Outcome; 2] {
    [Mode::Upstream, Mode::Standard].map(|mode| {
        let spec = Spec::from_source(&SourceFile::new("scope.yaml", spec), mode).unwrap();
        let at = date(2026, 11, 22).at(12, 0, 0, 0);
        let versions = vec![version.to_owned()];
        judge(&spec, snapshot, &Choice { versions, ..Choice::everything(at, mode) }).unwrap()
    })
}

const TWO_TESTCASES: &str = "name: n\nuuid: u\ngroups:\n- id: g\n  include: [scs-0123-service-compute, \
     scs-0117-test-backup, something-else]\n- id: h\n  include: [scs-0123-service-compute, \
     scs-0117-test-backup]\nversions:\n- {version: g, test: g}\n- {version: h, test: h}\n";

#[test]
fn a_cve_that_could_not_be_retrieved() {
    let mut cluster = Snapshot::empty("prod", "2026-11-22T12:00:00Z".parse().unwrap());
    cluster.cluster.version = Answer::Given("v1.35.1".to_owned());
    let read_at = cluster.taken_at;
    let release = |version: &str, day: &str| Release {
        version: version.parse().unwrap(),
        published: format!("{day}T00:00:00Z").parse().unwrap(),
    };
    let releases = vec![release("1.35.2", "2026-11-20"), release("1.35.1", "2026-08-01")];
    let source = "seed".to_owned();
    cluster.feeds.releases =
        Answer::Given(Feed { source: source.clone(), read_at, entries: releases });
    cluster.feeds.support = built_in_support();
    let unread = vec![Unread { id: "CVE-2026-1".to_owned(), why: "timeout".to_owned() }];
    let cves = Cves { known: Vec::new(), unread };
    cluster.feeds.cves = Answer::Given(Feed { source, read_at, entries: cves });
    let spec = profile::named("scs-kaas", Mode::Standard).unwrap();
    let at = date(2026, 11, 22).at(12, 0, 0, 0);
    let found = differences(&spec, &cluster, &["v1".to_owned()], at).unwrap();
    let found = found.iter().find(|one| one.testcase == "version-policy-check").unwrap();
    // Two days after its release nobody needs the new patch, whatever it repairs.
    assert_eq!((found.upstream, found.standard), (ABORT, PASS), "{found:#?}");
    assert!(found.upstream_because.contains("CVE-2026-1"), "{found:#?}");
}

#[test]
fn what_is_missing_or_aborted_on_the_dashboard() {
    // The dashboard of upstream counts both as passed; no outcome of ours does, in either mode.
    let cloud = base();
    for (version, verdict) in [("g", Verdict::Missing), ("h", Verdict::Abort)] {
        for outcome in both(TWO_TESTCASES, &cloud, version) {
            let mode = outcome.mode;
            assert_eq!(outcome.versions[0].verdict, verdict, "{mode:?}");
            assert_eq!(outcome.verdict, verdict, "{mode:?}");
            let page = crate::report::page::badge(&outcome);
            assert!(page.contains("not known"), "{mode:?}: {page}");
        }
    }
}

#[test]
fn results_that_expire_at_midnight_somewhere() {
    // Half past eleven in the evening in New York is the next day in UTC, which counts everywhere.
    let taken_at = "2026-12-31T23:30:00-05:00".parse().unwrap();
    let cloud = Snapshot { taken_at, ..base() };
    for outcome in both(TWO_TESTCASES, &cloud, "h") {
        assert_eq!(outcome.observed_at, date(2027, 1, 1).at(4, 30, 0, 0));
        let run = run_of(&outcome);
        for generation in [Generation::Runs, Generation::Tests] {
            let report = crate::report::report(&outcome, &run, generation);
            assert_eq!(report["checked_at"], "2027-01-01T04:30:00");
        }
        let expires = Lifetime::Day.expires(outcome.observed_at.date());
        assert_eq!(expires, Some(date(2027, 1, 3)));
    }
}

fn run_of(outcome: &crate::Outcome) -> Run<'_> {
    Run {
        uuid: uuid::Uuid::from_u128(7),
        subject: &outcome.cloud,
        checked_at: outcome.observed_at,
        forced_version: None,
        forced_tests: None,
    }
}

#[test]
fn command_lines_and_assignments_in_reports() {
    // Secrets stand in command lines, and reports are public.
    let mut cloud = base();
    let executed = Executed {
        executable: "check.py".to_owned(),
        verdict: PASS,
        lines: vec!["something-else: PASS".to_owned()],
    };
    cloud.executed = [("something-else".to_owned(), executed)].into();
    for outcome in both(TWO_TESTCASES, &cloud, "g") {
        assert_eq!(outcome.testcases["something-else"].judgement.verdict, PASS);
        let report = crate::report::report(&outcome, &run_of(&outcome), Generation::Runs);
        assert_eq!(report["run"]["assignment"], json!({}));
        let words = report["run"]["argv"].as_array().unwrap();
        assert!(matches!(&words[..], [one] if one.as_str().unwrap().starts_with("lotse/")));
        let invocations = report["run"]["invocations"].as_object().unwrap();
        assert!(invocations.values().all(|one| one["cmd"] == words[0]), "{report:#}");
    }
}

#[test]
fn parameters_of_included_modules() {
    let scope = "name: n\nuuid: u\nscripts:\n- executable: x\n  testcases: [{id: scs-0123-service-compute}]\n\
         modules:\n- id: m\n  targets: {main: [scs-0123-service-compute]}\nversions:\n- version: v\n  \
         include: [{ref: m, parameters: {image_spec: other.yaml}}]\n";
    for outcome in both(scope, &base(), "v") {
        assert_eq!(outcome.verdict, PASS, "{:?}", outcome.mode);
    }
    let notes = |mode| {
        let spec = Spec::from_source(&SourceFile::new("scope.yaml", scope), mode).unwrap();
        spec.notes.iter().map(|note| note.message.clone()).collect::<Vec<_>>()
    };
    // Upstream says nothing of them and uses them nowhere; the text lets people expect that it does.
    assert_eq!(notes(Mode::Upstream), Vec::<String>::new());
    assert_eq!(
        notes(Mode::Standard),
        ["the parameters of \"m\" are used by no testcase of Lotse's own"]
    );
}

#[test]
fn users_who_are_no_plain_members() {
    for roles in [&["reader"][..], &["member", "manager"], &["admin"]] {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        let cloud = Snapshot { roles, ..base() };
        assert_eq!(shown(&cloud, "scs-0123-service-compute"), Some((ABORT, PASS)));
    }
}

#[test]
fn a_cloud_on_which_both_agree_shows_nothing() {
    assert_eq!(shown(&base(), "scs-0123-service-compute"), None);
    assert_eq!(shown(&base(), "scs-0102-prop-architecture"), None);
}
