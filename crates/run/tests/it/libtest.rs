//! Reading what Rust's test harness prints.

use insta::assert_snapshot;
use lotse_run::{Case, Verdict, libtest};
use proptest::prelude::*;

fn lines(cases: &[Case]) -> String {
    let line = |case: &Case| {
        let message = case.message.as_deref().unwrap_or("-");
        let detail = case.detail.as_deref().map_or(0, |detail| detail.lines().count());
        format!("{} {} | {message} | {detail} lines", case.verdict, case.key())
    };
    cases.iter().map(line).collect::<Vec<_>>().join("\n")
}

const TWO_BINARIES: &str = "\
   Compiling lotse-plan v0.1.0
     Running unittests src/lib.rs (target/debug/deps/lotse_plan-00a7cbd96cc38a8b)

running 5 tests
test diff::tests::absent_and_null_are_the_same ... ok
test slow ... ignored, needs a testbed
test quiet ... ignored
test text::shortens - should panic ... ok
test text::wraps ... FAILED

failures:

---- text::wraps stdout ----

thread 'text::wraps' (17) panicked at crates/plan/src/text.rs:7:5:
assertion `left == right` failed
  left: 1
 right: 2
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    text::wraps

test result: FAILED. 2 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.07s

     Running tests/it/main.rs (/work/target/debug/deps/it-11a7cbd96cc38a8b)

running 2 tests
test graph::a_cycle_is_refused ... ok <0.003s>
test graph::slow has been running for over 60 seconds
test graph::slow ... FAILED (time limit exceeded)

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 61.07s

   Doc-tests lotse_core

running 1 test
test crates/core/src/id.rs - id::RunId (line 12) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.07s
";

#[test]
fn the_output_of_several_binaries_becomes_cases_with_reasons() {
    assert_snapshot!(lines(&libtest::parse("lotse-plan", TWO_BINARIES)));
}

#[test]
fn a_binary_that_dies_leaves_its_started_test_crashed_and_the_others_counted() {
    let output = "\nrunning 4 tests\ntest a ... ok\ntest b ... thread panicked, aborting\n";
    assert_snapshot!(lines(&libtest::parse("bin", output)));
}

#[test]
fn a_binary_that_dies_before_its_first_result_is_not_a_success() {
    let cases = libtest::parse("bin", "running 3 tests\n(signal: 6, SIGABRT)\n");
    assert_eq!(cases.len(), 1);
    assert_eq!(cases[0].verdict, Verdict::Crashed);
    assert_eq!(cases[0].message.as_deref(), Some("3 tests told no result"));
}

#[test]
fn output_between_name_and_result_does_not_hide_the_result() {
    let output = "running 2 tests\ntest a ... some words\nmore words\nok\ntest b ... \nFAILED\ntest result: FAILED. 1 passed\n";
    let verdicts: Vec<_> =
        libtest::parse("bin", output).into_iter().map(|case| (case.name, case.verdict)).collect();
    assert_eq!(verdicts, [("a".to_owned(), Verdict::Pass), ("b".to_owned(), Verdict::Fail)]);
}

#[test]
fn captured_output_that_looks_like_results_adds_no_cases() {
    let output = "running 1 test\ntest a ... FAILED\n\nfailures:\n\n---- a stdout ----\ntest inner ... ok\nrunning words\n\nfailures:\n    a\n\ntest result: FAILED. 0 passed; 1 failed\n";
    let cases = libtest::parse("bin", output);
    assert_eq!(cases.len(), 1);
    assert_eq!(cases[0].detail.as_deref(), Some("test inner ... ok\nrunning words"));
}

fn result() -> impl Strategy<Value = (&'static str, Verdict)> {
    prop::sample::select(vec![
        ("ok", Verdict::Pass),
        ("FAILED", Verdict::Fail),
        ("ignored", Verdict::Skip),
        ("ignored, later", Verdict::Skip),
    ])
}

proptest! {
    /// The oracle is the list that was printed.
    #[test]
    fn every_printed_result_comes_back_in_order(
        results in prop::collection::vec(("[a-z]{1,8}(::[a-z]{1,8}){0,2}", result()), 0..20),
        dead in 0_usize..5,
    ) {
        let mut output = format!("running {} tests\n", results.len() + dead);
        for (name, (word, _)) in &results {
            output.extend(["test ", name, " ... ", word, "\n"]);
        }
        let cases = libtest::parse("bin", &output);
        let told: Vec<_> = cases.iter().take(results.len()).map(|case| (case.name.clone(), case.verdict)).collect();
        let printed: Vec<_> = results.iter().map(|(name, (_, verdict))| (name.clone(), *verdict)).collect();
        prop_assert_eq!(told, printed);
        prop_assert_eq!(cases.len(), results.len() + usize::from(dead > 0));
    }

    #[test]
    fn any_text_at_all_is_read_without_panic(text in "(test |running |----|[a-z .:\n]|ok|FAILED| \\.\\.\\. |failures:|\\PC){0,60}") {
        for case in libtest::parse("bin", &text) {
            prop_assert_eq!(case.suite.is_empty(), false);
        }
    }
}
