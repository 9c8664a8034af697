//! JUnit XML out and in.

use std::time::Duration;

use insta::assert_snapshot;
use lotse_core::error::{ErrorKind, Explain};
use lotse_core::id::RunId;
use lotse_core::time::Timestamp;
use lotse_run::{Case, Run, RunError, Verdict, junit};
use proptest::prelude::*;

fn run(cases: Vec<Case>) -> Run {
    let id: RunId = "0197b3a0-0000-7000-8000-000000000001".parse().unwrap();
    let mut run = Run::new(id, "tests", Timestamp::UNIX_EPOCH);
    run.cases = cases;
    run
}

#[test]
fn a_run_is_written_by_suite_with_counts_and_harmless_text() {
    let xml = junit::write(&run(vec![
        Case::new("plan", "works", Verdict::Pass).taking(Duration::from_millis(1500)),
        Case::new("images", "a < b & \"c\"", Verdict::Fail)
            .because("left\nright")
            .detailed("\u{1b}[31m<red>"),
        Case::new("plan", "later", Verdict::Skip).because("needs the testbed"),
        Case::new("plan", "dead", Verdict::Crashed).because("signal 9"),
    ]));
    assert_snapshot!(xml);
}

const NEXTEST: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="6" failures="3" errors="1" uuid="3e9b7b80-9f0a-4d5c-8d93-000000000000" timestamp="2026-03-01T10:00:00.000+00:00" time="61.234">
    <testsuite name="lotse-plan::it" tests="6" disabled="0" errors="1" failures="3">
        <testcase name="graph::a_cycle_is_refused" classname="lotse-plan::it" timestamp="2026-03-01T10:00:00.000+00:00" time="0.012">
        </testcase>
        <testcase name="wrong" classname="lotse-plan::it" timestamp="2026-03-01T10:00:00.000+00:00" time="0.034">
            <failure message="thread &apos;wrong&apos; panicked at src/a.rs:1:1:&#10;boom" type="test failure with exit code 101">thread &apos;wrong&apos; panicked at src/a.rs:1:1:
boom &lt;here&gt;</failure>
            <system-out>running 1 test
</system-out>
            <system-err>trace</system-err>
        </testcase>
        <testcase name="hangs" classname="lotse-plan::it" time="60.000">
            <failure type="test timeout"/>
        </testcase>
        <testcase name="aborts" classname="lotse-plan::it" time="0.5">
            <failure type="test abort with signal 6 (SIGABRT)"/>
        </testcase>
        <testcase name="flaky" classname="lotse-plan::it" time="0.5">
            <flakyFailure timestamp="2026-03-01T10:00:00.000+00:00" time="0.4" message="first try" type="test failure"><system-out>words of the first try</system-out></flakyFailure>
        </testcase>
        <testcase name="cannot_start" classname="lotse-plan::it" time="0.000">
            <error type="execution failure"><![CDATA[no such file & more]]></error>
        </testcase>
    </testsuite>
</testsuites>
"#;

#[test]
fn reports_of_nextest_keep_time_outs_aborts_and_flaky_passes_apart() {
    let cases = junit::read(NEXTEST).unwrap();
    let told: Vec<String> = cases
        .iter()
        .map(|case| {
            let (message, detail) = (&case.message, &case.detail);
            format!(
                "{} {} {:?} | {message:?} | {detail:?}",
                case.verdict,
                case.key(),
                case.duration
            )
        })
        .collect();
    assert_snapshot!(told.join("\n"));
}

#[test]
fn a_report_that_ends_early_is_an_error_and_not_fewer_tests() {
    for cut in [0, 40, NEXTEST.len() / 2, NEXTEST.len() - 20] {
        let error = junit::read(&NEXTEST[..cut]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
}

#[test]
fn other_documents_are_refused() {
    let error = junit::read("<html><body/></html>").unwrap_err();
    assert!(
        matches!(&error, RunError::Junit { message, .. } if message == "the root is <html>"),
        "{error}"
    );
    let error = junit::read("<testsuite><testcase/></testsuite>").unwrap_err();
    assert!(error.to_string().ends_with("a <testcase> has no name"), "{error}");
    let error = junit::read("<!DOCTYPE x [<!ENTITY bomb \"x\">]><testsuite><testcase name=\"a\"><failure>&bomb;</failure></testcase></testsuite>").unwrap_err();
    assert!(error.to_string().ends_with("unknown entity \"bomb\""), "{error}");
}

fn case() -> impl Strategy<Value = Case> {
    let text = "[a-zA-Z0-9<>&\"' \n\t\u{1}\u{fffe}äß€😀]{1,12}";
    let verdict = prop::sample::select(Verdict::ALL.to_vec());
    (
        prop::sample::select(vec!["one", "two & <three>"]),
        text,
        verdict,
        text,
        text,
        0_u32..10_000_000,
    )
        .prop_map(|(suite, name, verdict, message, detail, micros)| {
            let mut case = Case::new(suite, name, verdict)
                .taking(Duration::from_micros(micros.into()))
                .detailed(detail);
            if verdict != Verdict::Pass {
                case.message = Some(message);
            }
            case
        })
}

/// What XML cannot hold, and the blanks around a story, do not come back.
fn as_kept(case: &Case) -> Case {
    let kept = |text: &str| text.replace(['\u{1}', '\u{fffe}'], "\u{fffd}");
    let mut case = case.clone();
    case.name = kept(&case.name);
    case.message = case.message.as_deref().map(kept);
    case.detail = case
        .detail
        .as_deref()
        .map(|detail| kept(detail).trim().to_owned())
        .filter(|detail| !detail.is_empty());
    case
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(cases in prop::collection::vec(case(), 0..12)) {
        let read = junit::read(&junit::write(&run(cases.clone()))).unwrap();
        let mut expected: Vec<Case> = cases.iter().map(as_kept).collect();
        // Suites stand together in the order they first appear.
        let first = cases.first().map(|case| case.suite.clone());
        expected.sort_by_key(|case| Some(&case.suite) != first.as_ref());
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn broken_reports_never_panic(at in 0_usize..2000, with in "[<>&\"/a-z]{0,3}") {
        let mut xml = NEXTEST.to_owned();
        let at = (at.min(xml.len())..=xml.len()).find(|&at| xml.is_char_boundary(at)).unwrap();
        xml.insert_str(at, &with);
        let read = junit::read(&xml);
        prop_assert!(read.is_err() || read.unwrap().len() <= 7);
    }
}
