//! `lotse conformance` against the simulated cloud, as people and scripts use it.

use serde_json::Value;

use crate::process::{Ended, Place, Server};

struct Harbour {
    place: Place,
    sim: Server,
}

impl Harbour {
    fn new() -> Self {
        let place = Place::new();
        let sim = place.simulate(&[]);
        Self { place, sim }
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.place.run_on_sim(arguments)
    }
}

fn verdict(shown: &Value, id: &str) -> String {
    shown["testcases"][id]["verdict"].as_str().unwrap_or_else(|| panic!("{id}: {shown}")).to_owned()
}

#[test]
fn a_cloud_is_checked_and_the_report_is_written() {
    let place = Harbour::new();
    let arguments = [
        "conformance",
        "check",
        "--os-cloud",
        "sim-member",
        "--mode",
        "upstream",
        "--version",
        "v5.1",
        "--read-only",
        "--output",
        "report.yaml",
        "--format",
        "json",
    ];
    let shown = place.run(&arguments).with_code(4).json();
    assert_eq!(verdict(&shown, "scs-0123-service-compute"), "PASS");
    assert_eq!(verdict(&shown, "scs-0103-flavor-16v-32"), "FAIL");
    assert_eq!(shown["versions"][0]["version"], "v5.1");
    let report = std::fs::read_to_string(place.place.path("report.yaml")).unwrap();
    assert!(report.contains("\"scs-0123-service-compute\": 1\n"), "{report}");
    assert!(report.contains("\"scs-0103-flavor-16v-32\": -1\n"), "{report}");
    assert!(report.contains("\"subject\": \"sim-member\""), "{report}");
}

#[test]
fn chosen_testcases_decide_alone() {
    let place = Harbour::new();
    let check = |tests: &str| {
        place.run(&["conformance", "check", "--os-cloud", "sim-member", "--tests", tests])
    };
    let passed = check("scs-0123-service-(compute|image)").with_code(0).stdout;
    assert!(passed.contains("SCS-compatible IaaS on sim-member"), "{passed}");
    check("scs-0103-flavor-16v").with_code(4);
    check("scs-(").with_code(2);
}

#[test]
fn a_snapshot_is_judged_offline_for_any_day_and_gives_the_same_each_time() {
    let harbour = Harbour::new();
    let record =
        ["conformance", "record", "--os-cloud", "sim-member", "--read-only", "--output", "s.json"];
    harbour.run(&record).with_code(0);
    let Harbour { place, sim } = harbour;
    drop(sim);
    let check = |day: &str| {
        let arguments =
            ["conformance", "check", "--from", "s.json", "--at", day, "--format", "json"];
        place.run(&arguments)
    };
    let (one, again) = (check("2027-03-01").with_code(4), check("2027-03-01").with_code(4));
    assert_eq!(one.stdout, again.stdout);
    assert_eq!(one.json()["reference"], "2027-03-01T00:00:00");
    check("2020-01-01").with_code(2);
    check("tomorrow").with_code(2);
}

#[test]
fn verdicts_are_explained_and_the_two_readings_compared() {
    let place = Harbour::new();
    let id = "scs-0103-flavor-16v-32";
    let explained =
        place.run(&["conformance", "explain", id, "--os-cloud", "sim-member"]).with_code(4).stdout;
    assert!(explained.contains("there is no flavor SCS-16V-32"), "{explained}");
    assert!(explained.contains("rule    there is a flavor SCS-16V-32 with exactly"), "{explained}");
    let differ =
        ["conformance", "diff-modes", "--os-cloud", "sim", "--read-only", "--format", "json"];
    let found = place.run(&differ).with_code(0).json();
    // Upstream says nothing to administrators.
    let compute = found["differences"].as_array().unwrap().iter();
    let compute = compute.filter(|one| one["testcase"] == "scs-0123-service-compute").count();
    assert_eq!(compute, 1, "{found}");
}

#[test]
fn several_clouds_are_checked_in_one_run() {
    let place = Harbour::new();
    let arguments = [
        "conformance",
        "check",
        "--os-cloud",
        "sim-member,sim-alt",
        "--tests",
        "scs-0123-service-compute",
        "--format",
        "json",
        "--output",
        "reports.yaml",
    ];
    let shown = place.run(&arguments).with_code(0).json();
    let clouds: Vec<_> =
        shown["clouds"].as_array().unwrap().iter().map(|cloud| cloud["cloud"].clone()).collect();
    assert_eq!(clouds, ["sim-member", "sim-alt"]);
    let reports = std::fs::read_to_string(place.place.path("reports.yaml")).unwrap();
    assert_eq!(reports.matches("---\n").count(), 2);
}

#[test]
fn a_scope_that_is_wrong_is_refused_with_its_place() {
    let place = Place::new();
    place.write("scope.yaml", "uuid: x\nname: y\nowner: z\nversions: []\n");
    let arguments =
        ["conformance", "check", "--spec", "scope.yaml", "--mode", "upstream", "--os-cloud", "sim"];
    let refused = place.run(&arguments).with_code(2);
    assert!(refused.stderr.contains("scope.yaml:3:1"), "{}", refused.stderr);
}

#[test]
fn results_are_written_in_the_forms_of_others_and_signed() {
    let harbour = Harbour::new();
    let record =
        ["conformance", "record", "--os-cloud", "sim-member", "--read-only", "--output", "s.json"];
    harbour.run(&record).with_code(0);
    let place = &harbour.place;
    let write = |form: &str, more: &[&str]| {
        let mut arguments =
            vec!["conformance", "report", "--from", "s.json", "--output", "r", "--form", form];
        arguments.extend(more);
        place.run(&arguments).with_code(0);
        std::fs::read_to_string(place.path("r")).unwrap()
    };
    assert!(write("junit", &[]).contains("<testsuite name=\"scs-0103\""));
    assert!(write("sarif", &[]).contains("\"version\": \"2.1.0\""));
    assert!(write("html", &[]).starts_with("<!doctype html>"));
    assert!(write("badge", &[]).starts_with("<svg "));
    assert!(write("in-toto", &[]).contains("\"failedTests\""));
    let key = place.path("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()])
        .status();
    assert!(made.unwrap().success());
    let signed = write("yaml", &["--key", "key", "--subject", "mine"]);
    let (signature, report) = signed.split_once('&').unwrap();
    assert!(signature.ends_with("-----END SSH SIGNATURE-----\n"), "{signature}");
    assert!(report.contains("\"subject\": \"mine\""));
    assert!(write("in-toto", &["--key", "key"]).contains("\"payloadType\""));
    let issuer = ["--key", "key", "--issuer", "did:web:example.org"];
    assert_eq!(write("credential", &issuer).matches('.').count(), 2);
    let arguments = ["conformance", "report", "--from", "s.json", "--form", "credential"];
    place.run(&arguments).with_code(2);
}

#[test]
fn a_cloud_is_made_to_conform_and_then_nothing_is_left_to_do() {
    let harbour = Harbour::new();
    let fix = |more: &[&str]| {
        let mut arguments = vec![
            "conformance",
            "fix",
            "--os-cloud",
            "sim",
            "--tests",
            "scs-0103",
            "--format",
            "json",
        ];
        arguments.extend(more);
        harbour.run(&arguments)
    };
    let steps = |ended: Ended| ended.with_code(0).json()["steps"].as_array().unwrap().len();
    assert!(steps(fix(&[])) > 10);
    assert!(fix(&["--apply"]).with_code(1).stderr.contains("nobody is there to confirm"));
    let applied = fix(&["--apply", "--yes"]).with_code(0).json();
    assert!(applied["report"].is_object(), "{applied}");
    assert_eq!(steps(fix(&[])), 0);
    let check = [
        "conformance",
        "check",
        "--os-cloud",
        "sim-member",
        "--version",
        "v5.1",
        "--tests",
        "scs-0103",
    ];
    harbour.run(&check).with_code(0);
    let commands =
        ["conformance", "fix", "--os-cloud", "sim", "--tests", "scs-0102", "--export", "openstack"];
    assert!(harbour.run(&commands).with_code(0).stdout.contains("# not done: scs-0102"));
}

#[test]
fn several_versions_are_judged_at_once_and_an_unknown_one_is_refused() {
    let place = Harbour::new();
    let check = |versions: &[&str]| {
        let mut arguments = vec!["conformance", "check", "--os-cloud", "sim-member", "--read-only"];
        arguments.extend(["--format", "json"]);
        arguments.extend(versions);
        place.run(&arguments)
    };
    let names = |shown: Value| -> Vec<String> {
        let versions = shown["versions"].as_array().unwrap().iter();
        versions.map(|one| one["version"].as_str().unwrap().to_owned()).collect()
    };
    let shown = check(&["--version", "drafts,v5.1"]).with_code(4).json();
    assert_eq!(names(shown), ["v5.1", "drafts"]);
    let shown = check(&["--version", "next", "--version", "v5.1"]).with_code(4).json();
    assert_eq!(names(shown), ["next", "v5.1"]);
    // All that the timeline names; drafts of standards are not among them.
    assert_eq!(names(check(&[]).with_code(4).json()), ["next", "v5.1", "recommended"]);
    check(&["--version", "v5.1,v9"]).with_code(2);
}
