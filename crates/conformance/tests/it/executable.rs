//! Testcases that Lotse does not have, judged by programs that a scope brings.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use lotse_conformance::executable::{Permit, execute};
use lotse_conformance::judge::{Choice, judge};
use lotse_conformance::spec::Spec;
use lotse_conformance::{Mode, Outcome, Reason, Snapshot, Verdict};

const SCOPE: &str = "
uuid: 7d0f
name: Foreign
scripts:
  - executable: ./probe
    env: {WHERE: '{region}'}
    args: -c {cloud} -t {testcases}
    testcases: [{id: own-one}, {id: own-two}, {id: own-three}, {id: scs-0123-service-compute}]
variables: [cloud, region: here]
modules:
  - id: base
    targets: {main: [own-one, own-two, own-three, scs-0123-service-compute]}
versions: [{version: v1, include: [base], stabilized_at: 2025-01-01}]
timeline: [{date: 2025-01-01, versions: {v1: effective}}]
";

/// A folder with the scope and this program.
fn folder(program: &str) -> (tempfile::TempDir, Spec) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scope.yaml"), SCOPE).unwrap();
    let path = folder.path().join("probe");
    std::fs::write(&path, format!("#!/bin/sh\n{program}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let spec = Spec::read(&folder.path().join("scope.yaml"), Mode::Upstream).unwrap();
    (folder, spec)
}

fn permit(folder: &Path) -> Permit {
    Permit {
        directory: folder.to_owned(),
        environment: [("GIVEN".to_owned(), "yes".to_owned())].into(),
        assignments: [("cloud".to_owned(), "prod".to_owned())].into(),
        deadline: Duration::from_mins(2),
    }
}

async fn checked(program: &str, allowed: Option<Permit>) -> (tempfile::TempDir, Outcome) {
    let (folder, spec) = folder(program);
    let mut snapshot = Snapshot::empty("prod", "2026-11-22T12:00:00Z".parse().unwrap());
    snapshot.roles = vec!["member".to_owned()];
    snapshot.services = vec!["compute".to_owned()];
    if let Some(permit) = allowed {
        let permit = Permit { directory: folder.path().to_owned(), ..permit };
        let ids = spec.version("v1").unwrap().testcases();
        snapshot.executed = execute(&spec, ids, &permit).await;
    }
    let choice = Choice::everything("2026-11-22T12:00:00".parse().unwrap(), Mode::Upstream);
    let outcome = judge(&spec, &snapshot, &choice).unwrap();
    (folder, outcome)
}

fn verdict(outcome: &Outcome, id: &str) -> (Verdict, Reason) {
    let judgement = &outcome.testcases[id].judgement;
    (judgement.verdict, judgement.reason)
}

#[tokio::test]
async fn what_the_program_says_counts_and_what_lotse_has_it_judges_itself() {
    let program = "echo \"$*\" > asked; env > env\n\
        echo 'own-one: PASS'; echo 'own-two: fail'; echo 'foreign: FAIL'\n\
        echo 'scs-0123-service-compute: FAIL'; echo 'ERROR: two is broken' >&2; exit 7";
    let (folder, outcome) = checked(program, Some(permit(Path::new(".")))).await;
    assert_eq!(verdict(&outcome, "own-one"), (Verdict::Pass, Reason::Executed));
    assert_eq!(verdict(&outcome, "own-two"), (Verdict::Fail, Reason::Executed));
    assert_eq!(verdict(&outcome, "own-three"), (Verdict::Missing, Reason::Executed));
    assert_eq!(verdict(&outcome, "scs-0123-service-compute"), (Verdict::Pass, Reason::Kept));
    assert!(!outcome.testcases.contains_key("foreign"));
    let two = &outcome.testcases["own-two"].judgement;
    assert_eq!(two.findings[0].evidence, "ERROR: two is broken");
    let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap();
    assert_eq!(asked, "-c prod -t own-one own-three own-two\n");
    // Nothing but what was named; the shell adds variables of its own.
    let environment = std::fs::read_to_string(folder.path().join("env")).unwrap();
    assert!(environment.contains("GIVEN=yes\n") && environment.contains("WHERE=here\n"));
    assert!(!environment.contains("HOME=") && !environment.contains("CARGO"), "{environment}");
}

#[tokio::test]
async fn nothing_is_run_unless_it_is_allowed() {
    let (folder, outcome) = checked("touch ran", None).await;
    assert_eq!(verdict(&outcome, "own-one"), (Verdict::Missing, Reason::Unknown));
    assert!(!folder.path().join("ran").exists());
}

#[tokio::test]
async fn a_program_that_does_not_end_is_ended_and_leaves_its_testcases_missing() {
    let short = Permit { deadline: Duration::from_millis(300), ..permit(Path::new(".")) };
    let (_folder, outcome) = checked("exec tail -f /dev/null", Some(short)).await;
    let one = &outcome.testcases["own-one"].judgement;
    assert_eq!((one.verdict, one.reason), (Verdict::Missing, Reason::Executed));
    assert!(one.findings[0].evidence.contains("it was ended after"), "{one:#?}");
}

#[tokio::test]
async fn a_variable_without_value_and_a_program_that_is_not_there_leave_testcases_missing() {
    let nameless = Permit { assignments: [].into(), ..permit(Path::new(".")) };
    let (_folder, outcome) = checked("echo 'own-one: PASS'", Some(nameless)).await;
    let one = &outcome.testcases["own-one"].judgement;
    assert_eq!(one.verdict, Verdict::Missing);
    assert!(one.findings[0].evidence.contains("cloud has no value"), "{one:#?}");
    let (folder, spec) = folder("true");
    std::fs::remove_file(folder.path().join("probe")).unwrap();
    let executed = execute(&spec, ["own-one"], &permit(folder.path())).await;
    assert_eq!(executed["own-one"].verdict, Verdict::Missing);
    assert_eq!(executed["own-one"].lines.len(), 1, "{executed:#?}");
}
