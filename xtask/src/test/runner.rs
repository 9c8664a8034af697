//! Builds and runs the test programs, and reads what they say with the project's own reader.
//!
//! Always `cargo test`: it is there wherever cargo is, and it names the tests it leaves out together
//! with their reasons, which cargo-nextest does not.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use lotse_run::{Case, Verdict, libtest};
use serde::Deserialize;

use super::checks::{Pulse, progress_lines};
use crate::child::Job;
use crate::environment::Environment;
use crate::report::{Counts, Report, chain};

/// The test programs that were built: file name → package.
pub(super) type Programs = BTreeMap<String, String>;

/// Builds every test program of the workspace.
pub(super) fn build(env: &Environment, report: &mut Report) -> Option<Programs> {
    let name = "tests (building)";
    report.announce("building the tests");
    let begun = Instant::now();
    let job = Job::cargo(env, &["test", "--workspace", "--locked", "--no-run"])
        .args(&["--message-format", "json-render-diagnostics"]);
    let mut programs = Programs::new();
    let outcome = progress_lines(&job, |line| {
        let is_message = line.starts_with('{');
        if let Some((file, package)) = artefact(line) {
            programs.insert(file, package);
        }
        !is_message
    });
    match outcome {
        Ok(()) => {
            report.stage(name, Counts::default(), begun.elapsed(), String::new());
            Some(programs)
        }
        Err(error) => {
            report.failure(format!("{name}: {}", chain(&error)));
            let counts = Counts { failed: 1, ..Counts::default() };
            report.stage(name, counts, begun.elapsed(), String::new());
            None
        }
    }
}

/// The test program and its package in one of cargo's messages.
fn artefact(line: &str) -> Option<(String, String)> {
    #[derive(Deserialize)]
    struct Message {
        executable: String,
        manifest_path: String,
    }
    let message: Message = serde_json::from_str(line).ok()?;
    let file = Path::new(&message.executable).file_name()?.to_str()?.to_owned();
    let folder = Path::new(&message.manifest_path).parent()?.file_name()?.to_str()?.to_owned();
    Some((file, folder))
}

/// Runs every test that is not marked, and returns the marked ones.
pub(super) fn unprivileged(
    env: &Environment,
    report: &mut Report,
    programs: &Programs,
) -> Vec<Case> {
    report.announce("tests");
    let job = Job::cargo(env, &["test", "--workspace", "--locked", "--no-fail-fast"]);
    let (cases, took) = execute(&job, report, "tests", programs);
    let (marked, ran): (Vec<Case>, Vec<Case>) =
        cases.into_iter().partition(|case| case.verdict == Verdict::Skip);
    record(report, "tests", &ran, took);
    marked
}

/// Runs the marked tests, less those named.
pub(super) fn marked(
    env: &Environment,
    report: &mut Report,
    programs: &Programs,
    vars: &[(String, String)],
    leave_out: &[&str],
) {
    report.announce("real tests");
    let mut job = Job::cargo(env, &["test", "--workspace", "--locked", "--no-fail-fast"])
        .vars(vars)
        .args(&["--", "--ignored", "--exact"]);
    for name in leave_out {
        job = job.args(&["--skip", *name]);
    }
    let (cases, took) = execute(&job, report, "real tests", programs);
    record(report, "real tests", &cases, took);
}

/// Runs `cargo test`, shows what is not routine, and reads the cases.
fn execute(
    job: &Job,
    report: &mut Report,
    name: &str,
    programs: &Programs,
) -> (Vec<Case>, Duration) {
    let mut reader = Reader::new(programs);
    let mut pulse = Pulse::default();
    let finished = job.run_lines(|line| {
        reader.line(line);
        if !is_routine(line) {
            pulse.line(line);
        }
    });
    let cases = reader.end();
    let ended_well = match &finished {
        Ok(done) => done.status.success() || cases.iter().any(|case| case.verdict.is_bad()),
        Err(_) => false,
    };
    if !ended_well {
        // A failure that no test told: cargo's own last words say what it was.
        let why = match &finished {
            Ok(done) => done.tail.last().cloned().unwrap_or_default(),
            Err(error) => chain(error),
        };
        report.failure(format!("{name}: {why}"));
        let counts = Counts { failed: 1, ..Counts::default() };
        report.stage(&format!("{name} (cargo)"), counts, Duration::ZERO, String::new());
    }
    (cases, finished.map_or(Duration::ZERO, |done| done.took))
}

fn record(report: &mut Report, name: &str, cases: &[Case], took: Duration) {
    let mut counts = Counts::default();
    for case in cases {
        if case.verdict.is_bad() {
            counts.failed += 1;
            let why = case.message.as_deref().unwrap_or(case.verdict.as_str());
            report.failure(format!("{} {}: {why}", case.suite, case.name));
        } else {
            counts.passed += 1;
        }
    }
    report.stage(name, counts, took, String::new());
}

/// Splits the output by test program and gives each part to the reader of its package.
struct Reader<'a> {
    programs: &'a Programs,
    package: String,
    part: String,
    cases: Vec<Case>,
}

impl<'a> Reader<'a> {
    fn new(programs: &'a Programs) -> Self {
        Self { programs, package: String::new(), part: String::new(), cases: Vec::new() }
    }

    fn line(&mut self, line: &str) {
        if let Some(program) = running(line) {
            self.flush();
            self.package = self.programs.get(program).cloned().unwrap_or_default();
        }
        self.part.push_str(line);
        self.part.push('\n');
    }

    fn flush(&mut self) {
        self.cases.extend(libtest::parse(&self.package, &self.part));
        self.part.clear();
    }

    fn end(mut self) -> Vec<Case> {
        self.flush();
        self.cases
    }
}

/// The file name in `Running … (target/debug/deps/it-0123)`.
fn running(line: &str) -> Option<&str> {
    let path = line.trim_start().strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once('(')?.1;
    path.rsplit('/').next()
}

/// Lines that say that all is well, or that a summary will repeat.
fn is_routine(line: &str) -> bool {
    let line = line.trim();
    line.is_empty()
        || (line.starts_with("test ") && !line.ends_with("FAILED"))
        || line.starts_with("test result: ok")
        || line.starts_with("Doc-tests ")
        || (line.starts_with("running ") && (line.ends_with(" tests") || line.ends_with(" test")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs() -> Programs {
        [("it-0a", "store"), ("it-0b", "plan")]
            .map(|(file, package)| (file.to_owned(), package.to_owned()))
            .into()
    }

    fn read(text: &str) -> Vec<Case> {
        let programs = programs();
        let mut reader = Reader::new(&programs);
        text.lines().for_each(|line| reader.line(line));
        reader.end()
    }

    #[test]
    fn programs_of_the_same_name_are_told_apart_by_their_package() {
        let cases = read(
            "     Running tests/it/main.rs (/t/debug/deps/it-0a)\nrunning 1 test\ntest a ... ok\n\
             test result: ok. 1 passed\n\
             \x20    Running tests/it/main.rs (/t/debug/deps/it-0b)\nrunning 1 test\n\
             test a ... ignored, real: testbed\ntest result: ok. 0 passed\n",
        );
        let told: Vec<_> = cases.iter().map(|c| (c.suite.as_str(), c.verdict)).collect();
        assert_eq!(told, [("store::it", Verdict::Pass), ("plan::it", Verdict::Skip)]);
        assert_eq!(cases[1].message.as_deref(), Some("real: testbed"));
    }

    #[test]
    fn cargo_names_programs_and_packages() {
        let line = r#"{"reason":"compiler-artifact","manifest_path":"/w/crates/store/Cargo.toml",
            "executable":"/t/debug/deps/it-0a","fresh":true}"#;
        assert_eq!(artefact(line), Some(("it-0a".to_owned(), "store".to_owned())));
        assert_eq!(artefact(r#"{"manifest_path":"/w/a/Cargo.toml","executable":null}"#), None);
        assert_eq!(artefact("   Compiling a"), None);
    }

    #[test]
    fn a_failed_test_is_a_failure_of_the_run() {
        let mut report = Report::new();
        let cases = [Case::new("store::it", "a", Verdict::Crashed)];
        record(&mut report, "tests", &cases, Duration::ZERO);
        assert!(report.finish().is_err());
    }

    #[test]
    fn cargo_that_fails_without_a_failed_test_is_a_failure() {
        let mut report = Report::new();
        let env = Environment::of_this_process().unwrap();
        let job = Job::new(&env, "/bin/sh").args(&["-c", "echo error: no such package; exit 101"]);
        let (cases, _) = execute(&job, &mut report, "tests", &Programs::new());
        assert!(cases.is_empty(), "{cases:?}");
        assert!(report.finish().is_err());
    }
}
