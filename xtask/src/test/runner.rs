//! Runs tests and counts them by reading what the test programs say.
//!
//! cargo-nextest where it is installed (a process per test, time limits), `cargo test` otherwise.
//! Real tests always run under `cargo test`: there are few and they share services.

use std::time::Duration;

use super::checks::Pulse;
use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;
use crate::report::{Counts, Report};

/// What a run of test programs came to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Counts,
    failures: Vec<String>,
    /// The test program whose lines are being read.
    program: String,
}

impl Tally {
    /// Reads a line of `cargo test`; returns whether it is worth showing.
    fn libtest(&mut self, line: &str) -> bool {
        let trimmed = line.trim_start();
        if let Some(rest) = trimmed.strip_prefix("Running ") {
            rest.clone_into(&mut self.program);
            return true;
        }
        let Some((name, verdict)) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.rsplit_once(" ... "))
            .or_else(|| line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")))
        else {
            return !is_chatter(trimmed);
        };
        match verdict.split([',', ' ']).next() {
            Some("ok") => self.counts.passed += 1,
            Some("ignored") => self.counts.skipped += 1,
            Some("FAILED") => {
                self.counts.failed += 1;
                self.failures.push(format!("{name}  [{}]", self.program));
                return true;
            }
            _ => return true,
        }
        false
    }

    /// Reads a line of cargo-nextest; returns whether it is worth showing.
    fn nextest(&mut self, line: &str) -> bool {
        let trimmed = line.trim_start();
        let Some((verdict, rest)) = trimmed.split_once(" [") else {
            return !is_chatter(trimmed);
        };
        let name = || rest.split_once(']').map_or(rest, |(_, name)| name).trim().to_owned();
        match verdict.trim() {
            "PASS" | "LEAK" => self.counts.passed += 1,
            "FAIL" | "TIMEOUT" | "ABORT" | "SIGSEGV" | "SIGKILL" | "SIGABRT" => {
                self.counts.failed += 1;
                self.failures.push(name());
                return true;
            }
            "SKIP" => self.counts.skipped += 1,
            "Summary" => {
                self.counts.skipped = number_before(rest, " skipped").unwrap_or_default();
                return true;
            }
            _ => return true,
        }
        false
    }

    /// Adds the tally to the report. A run that failed without a failed test still is a failure.
    fn record(
        mut self,
        report: &mut Report,
        name: &str,
        took: Duration,
        ended_well: Result<bool, Error>,
    ) {
        match ended_well {
            Ok(true) => {}
            Ok(false) if self.counts.failed > 0 => {}
            Ok(false) => {
                self.counts.failed += 1;
                let last = format!("did not compile, or a test program crashed: {}", self.program);
                self.failures.push(format!("{name}: {last}"));
            }
            Err(error) => {
                self.counts.failed += 1;
                self.failures.push(format!("{name}: {}", crate::report::chain(&error)));
            }
        }
        for failure in self.failures {
            report.failure(failure);
        }
        report.stage(name, self.counts, took, String::new());
    }
}

/// Lines of the test programs that say nothing new.
fn is_chatter(line: &str) -> bool {
    line.is_empty()
        || line.starts_with("test result: ok")
        || (line.starts_with("running ") && line.ends_with(['t', 's']))
        || line.starts_with("Doc-tests")
        || line.starts_with("────")
}

fn number_before(text: &str, word: &str) -> Option<usize> {
    text.split_once(word)?.0.rsplit(' ').next()?.parse().ok()
}

/// Runs every test that needs no privileges.
pub(super) fn unprivileged(env: &Environment, report: &mut Report) {
    report.announce("building the tests");
    let build = Job::cargo(env, &["test", "--workspace", "--locked", "--no-run"]);
    let begun = std::time::Instant::now();
    if let Err(error) = super::checks::progress(&build) {
        let tally = Tally::default();
        tally.record(report, "tests (building)", begun.elapsed(), Err(error));
        return;
    }
    report.stage("tests (building)", Counts::default(), begun.elapsed(), String::new());
    report.announce("tests");
    let nextest = Job::cargo(env, &["nextest", "--version"]).succeeds();
    let job = if nextest {
        Job::cargo(env, &["nextest", "run", "--workspace", "--locked", "--no-fail-fast"])
    } else {
        Job::cargo(env, &["test", "--workspace", "--locked", "--no-fail-fast"])
    };
    // Marked tests are counted where they are run or listed, not here.
    execute(&job, report, "tests", nextest, false);
}

/// Runs the marked tests of the workspace, leaving out those named.
pub(super) fn marked(
    env: &Environment,
    report: &mut Report,
    vars: &[(String, String)],
    leave_out: &[String],
) {
    report.announce("real tests");
    let job = Job::cargo(env, &["test", "--workspace", "--locked", "--no-fail-fast"])
        .vars(vars)
        .args(&["--", "--ignored"]);
    let skips: Vec<String> =
        leave_out.iter().flat_map(|name| ["--skip".to_owned(), name.clone()]).collect();
    execute(&job.args(&skips), report, "real tests", false, false);
}

fn execute(job: &Job, report: &mut Report, name: &str, nextest: bool, keep_skipped: bool) {
    let mut tally = Tally::default();
    let mut pulse = Pulse::default();
    let finished = job.run_lines(|line| {
        let show = if nextest { tally.nextest(line) } else { tally.libtest(line) };
        if show {
            pulse.line(line);
        }
    });
    if !keep_skipped {
        tally.counts.skipped = 0;
    }
    match finished {
        Ok(done) => tally.record(report, name, done.took, Ok(done.status.success())),
        Err(error) => tally.record(report, name, Duration::ZERO, Err(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn libtest(text: &str) -> Tally {
        let mut tally = Tally::default();
        for line in text.lines() {
            tally.libtest(line);
        }
        tally
    }

    #[test]
    fn libtest_lines_are_counted_by_verdict() {
        let tally = libtest(
            "     Running unittests src/lib.rs (target/debug/deps/a-1)\nrunning 3 tests\n\
             test a::b ... ok\ntest c ... ignored, real: PostgreSQL\ntest d ... FAILED\n\
             test e - should panic ... ok\n",
        );
        assert_eq!(tally.counts, Counts { passed: 2, failed: 1, skipped: 1 });
        assert_eq!(tally.failures, ["d  [unittests src/lib.rs (target/debug/deps/a-1)]"]);
    }

    #[test]
    fn nextest_lines_are_counted_by_verdict() {
        let mut tally = Tally::default();
        for line in [
            "        PASS [   0.005s] lotse-core id::tests::a",
            "        FAIL [   0.010s] lotse-core id::tests::b",
            "     Summary [   0.071s] 2 tests run: 1 passed, 1 failed, 3 skipped",
        ] {
            tally.nextest(line);
        }
        assert_eq!(tally.counts, Counts { passed: 1, failed: 1, skipped: 3 });
        assert_eq!(tally.failures, ["lotse-core id::tests::b"]);
    }

    #[test]
    fn a_crash_without_a_failed_test_is_a_failure() {
        let mut report = Report::new();
        let tally = libtest("test a ... ok\n");
        tally.record(&mut report, "tests", Duration::ZERO, Ok(false));
        assert!(report.finish().is_err());
    }

    #[test]
    fn a_run_that_ended_well_is_not() {
        let mut report = Report::new();
        libtest("test a ... ok\n").record(&mut report, "tests", Duration::ZERO, Ok(true));
        assert!(report.finish().is_ok());
    }
}
