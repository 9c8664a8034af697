//! Verdicts, exit codes and what people see.

use std::time::Duration;

use insta::{assert_json_snapshot, assert_snapshot};
use lotse_core::error::ExitCode;
use lotse_core::id::RunId;
use lotse_core::time::Timestamp;
use lotse_run::{Call, Case, Run, Summary, Verdict, render};

fn sample() -> Run {
    let id: RunId = "0197b3a0-0000-7000-8000-000000000001".parse().unwrap();
    let mut run = Run::new(id, "tests", Timestamp::UNIX_EPOCH);
    run.duration = Some(Duration::from_millis(61_200));
    let mut listed = Case::new("image", "list", Verdict::Pass);
    for (status, millis) in [(Some(200), 20), (Some(503), 40), (None, 9_000)] {
        listed.calls.push(Call {
            service: "image".to_owned(),
            operation: "image-list".to_owned(),
            method: "GET".to_owned(),
            status,
            duration: Some(Duration::from_millis(millis)),
            ..Call::default()
        });
    }
    run.cases = vec![
        Case::new("image", "crash", Verdict::Crashed).because("signal 9\nwith more"),
        listed,
        Case::new("image", "later", Verdict::Skip).because("needs the testbed"),
        Case::new("image", "wrong\u{1b}[31m", Verdict::Fail),
    ];
    run
}

#[test]
fn only_pass_xfail_and_skip_leave_a_run_good() {
    for verdict in Verdict::ALL {
        let summary: Summary = [Verdict::Pass, verdict].into_iter().collect();
        let good = matches!(verdict, Verdict::Pass | Verdict::Xfail | Verdict::Skip);
        let expected = if good { ExitCode::Success } else { ExitCode::VerdictsFailed };
        assert_eq!(summary.exit_code(), expected, "{verdict}");
        assert_eq!(summary.worst(), Some(verdict));
    }
    assert_eq!(Summary::default().exit_code(), ExitCode::Success);
}

#[test]
fn the_worst_cases_come_last_next_to_the_counts() {
    assert_snapshot!(render::table(&sample(), false));
}

#[test]
fn a_run_survives_json_and_carries_its_summary_there() {
    let value = render::json(&sample());
    assert_json_snapshot!(value, { ".cases" => "…" });
    let back: Run = serde_json::from_value(value).unwrap();
    assert_eq!(back, sample());
}
