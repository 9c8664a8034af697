use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

const JUNIT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="5" failures="1">
  <testsuite name="Kubernetes e2e suite" package="/usr/local/bin" tests="5" timestamp="2026-10-20T03:04:05">
    <testcase name="[SynchronizedBeforeSuite]" classname="k" status="passed" time="1.2"></testcase>
    <testcase name="[It] [sig-node] Pods should run [Conformance]" classname="k" time="3"></testcase>
    <testcase name="[It] [sig-apps] Jobs should end [Conformance]" classname="k" time="3">
      <failure message="timed out" type="failed">it took too long</failure>
    </testcase>
    <testcase name="[It] [sig-node] Something slow [Slow]" classname="k"><skipped message="skipped"></skipped></testcase>
    <testcase name="[It] [sig-network] Netpol should work [Feature:NetworkPolicy]" classname="k"></testcase>
  </testsuite>
</testsuites>"#;

const SONOBUOY: &str = "name: e2e\nstatus: failed\nmeta: {type: summary}\nitems:\n\
    - name: junit_01.xml\n  status: failed\n  items:\n  - name: Kubernetes e2e suite\n    status: failed\n    items:\n\
    \x20   - name: '[sig-node] Pods should run [Conformance]'\n      status: passed\n\
    \x20   - name: '[sig-apps] Jobs should end [Conformance]'\n      status: failed\n      details: {failure: 'x'}\n\
    \x20   - name: '[sig-node] Something slow [Slow]'\n      status: skipped\n\
    \x20   - name: '[sig-node] Something odd'\n      status: timeout\n";

fn archive(path: &Path, files: &[(&str, &str)]) {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // The 21st of October 2026.
        header.set_mtime(1_792_540_800);
        archive.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    let bytes = archive.into_inner().unwrap().finish().unwrap();
    std::fs::File::create(path).unwrap().write_all(&bytes).unwrap();
}

fn given(path: &Path) -> Results {
    match read(&[path.to_owned()], Vec::new()) {
        Answer::Given(results) => results,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_junit_file_of_hydrophone_is_counted_by_what_came_of_its_tests() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("junit_01.xml"), JUNIT).unwrap();
    std::fs::write(
        folder.path().join("e2e.log"),
        "I1 e2e.go: kube-apiserver version: v1.35.1\nmore\n",
    )
    .unwrap();
    for path in [folder.path().to_owned(), folder.path().join("junit_01.xml")] {
        let results = given(&path);
        assert_eq!((results.passed, results.passed_conformance, results.skipped), (2, 1, 1));
        assert_eq!(results.failed, ["[sig-apps] Jobs should end [Conformance]"]);
        assert_eq!(results.finished.unwrap().to_string(), "2026-10-20T03:04:05");
    }
    assert_eq!(given(folder.path()).version, Version::parse("1.35.1"));
    // Whatever a file is called, JUnit is seen by its content.
    std::fs::rename(folder.path().join("junit_01.xml"), folder.path().join("run-7.xml")).unwrap();
    assert_eq!(given(&folder.path().join("run-7.xml")).passed, 2);
}

#[test]
fn an_archive_of_sonobuoy_is_read_without_unpacking_and_only_its_suite_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("202610_sonobuoy.tar.gz");
    let other = "name: systemd-logs\nitems:\n- {name: node-1, status: failed}\n";
    let rest = [
        ("plugins/systemd-logs/sonobuoy_results.yaml", other),
        ("serverversion.json", "{\"major\":\"1\",\"gitVersion\":\"v1.35.1+k3s1\"}"),
        ("hosts/a/junit.txt", "nothing"),
    ];
    let yaml = ("plugins/e2e/sonobuoy_results.yaml", SONOBUOY);
    archive(&path, &[&rest[..], &[yaml]].concat());
    let results = given(&path);
    assert_eq!((results.passed, results.skipped), (1, 1));
    // What is neither passed nor skipped has failed.
    assert_eq!(
        results.failed,
        ["[sig-apps] Jobs should end [Conformance]", "[sig-node] Something odd"]
    );
    assert_eq!(results.version, Version::parse("1.35.1"));
    assert_eq!(results.finished.unwrap().to_string(), "2026-10-21T00:00:00");
    let junit = ("plugins/e2e/results/global/junit_01.xml", JUNIT);
    archive(&path, &[&rest[..], &[yaml, junit]].concat());
    let results = given(&path);
    assert_eq!((results.passed, results.files), (2, vec!["junit_01.xml".to_owned()]));
}

#[test]
fn what_a_later_run_repeated_counts_as_it_came_then() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("a.xml"), folder.path().join("b.xml"));
    std::fs::write(&first, JUNIT).unwrap();
    let again = "<testsuite name=\"x\"><testcase name=\"[sig-apps] Jobs should end [Conformance]\"/></testsuite>";
    std::fs::write(&second, again).unwrap();
    let Answer::Given(results) = read(&[first, second], Vec::new()) else { panic!("not read") };
    assert_eq!((results.passed, results.failed.len()), (3, 0));
}

#[test]
fn what_holds_no_results_aborts_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.tar.gz");
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "hello").unwrap();
    let cut = folder.path().join("cut.tar.gz");
    archive(&cut, &[("plugins/e2e/sonobuoy_results.yaml", SONOBUOY)]);
    let whole = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let xml = folder.path().join("junit_01.xml");
    std::fs::write(&xml, "<testsuite name='a'><testcase name='b'>").unwrap();
    for path in [missing, text, cut, xml, folder.path().join("empty")] {
        let Answer::Failed(trouble) = read(std::slice::from_ref(&path), Vec::new()) else {
            panic!("{path:?}")
        };
        assert_eq!(trouble.reason, Reason::NotObserved, "{trouble:?}");
        assert!(trouble.message.contains(path.file_name().unwrap().to_str().unwrap()));
    }
}
