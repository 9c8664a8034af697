//! What ran, how it ended, and what was not run: collected, then printed as one table.
//!
//! The last line is always `N passed, N failed, N skipped`, alone on its line, where a test counts as
//! one and every check that is not a test (formatting, lints, …) counts as one.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};

use crate::error::Error;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const CARE: Style = AnsiColor::Yellow.on_default();
const HEAD: Style = Style::new().bold();

/// Numbers of tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Ran and held.
    pub(crate) passed: usize,
    /// Ran and did not hold.
    pub(crate) failed: usize,
    /// Known, but not run.
    pub(crate) skipped: usize,
}

impl Counts {
    /// Sums both.
    #[must_use]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

/// One line of the table.
#[derive(Debug)]
struct Stage {
    name: String,
    counts: Counts,
    took: Duration,
    note: String,
}

/// Something that was not run, and why.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct NotRun {
    what: String,
    why: String,
}

/// Everything that happened in one call.
#[derive(Debug)]
pub(crate) struct Report {
    begun: Instant,
    stages: Vec<Stage>,
    failures: Vec<String>,
    not_run: Vec<NotRun>,
}

impl Report {
    /// An empty report; the clock starts.
    pub(crate) fn new() -> Self {
        Self {
            begun: Instant::now(),
            stages: Vec::new(),
            failures: Vec::new(),
            not_run: Vec::new(),
        }
    }

    /// Says what starts now, with the time since the beginning.
    pub(crate) fn announce(&self, text: &str) {
        anstream::println!("{HEAD}[{}] {text}{HEAD:#}", clock(self.begun.elapsed()));
    }

    /// Runs a check that either holds or explains why not, and records it.
    pub(crate) fn check(&mut self, name: &str, check: impl FnOnce() -> Result<(), Error>) {
        self.announce(name);
        let begun = Instant::now();
        match check() {
            Ok(()) => self.stage(
                name,
                Counts { passed: 1, ..Counts::default() },
                begun.elapsed(),
                String::new(),
            ),
            Err(error) => {
                self.failures.push(format!("{name}: {}", chain(&error)));
                anstream::println!("  {BAD}failed{BAD:#}: {}", chain(&error));
                self.stage(
                    name,
                    Counts { failed: 1, ..Counts::default() },
                    begun.elapsed(),
                    String::new(),
                );
            }
        }
    }

    /// Records a group of tests that ran.
    pub(crate) fn stage(&mut self, name: &str, counts: Counts, took: Duration, note: String) {
        self.stages.push(Stage { name: name.to_owned(), counts, took, note });
    }

    /// Records a failed test.
    pub(crate) fn failure(&mut self, what: impl Into<String>) {
        self.failures.push(what.into());
    }

    /// Records something that was not run, and why.
    pub(crate) fn not_run(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.not_run.push(NotRun { what: what.into(), why: why.into() });
    }

    /// Prints the table; an error when anything failed.
    pub(crate) fn finish(self) -> Result<(), Error> {
        anstream::print!("{}", self.render());
        if self.total().failed > 0 { Err(Error::ChecksFailed) } else { Ok(()) }
    }

    fn total(&self) -> Counts {
        self.stages.iter().fold(Counts::default(), |sum, stage| sum.plus(stage.counts))
    }

    fn render(&self) -> String {
        let mut out = String::new();
        // Writing into a String cannot fail.
        self.render_into(&mut out).unwrap_or_default();
        out
    }

    fn render_into(&self, out: &mut String) -> std::fmt::Result {
        let width = self.stages.iter().map(|stage| stage.name.len()).max().unwrap_or(0).max(12);
        writeln!(
            out,
            "\n{HEAD}{:width$}  {:>6}  {:>6}  {:>7}  {:>7}{HEAD:#}",
            "stage", "passed", "failed", "skipped", "time"
        )?;
        for Stage { name, counts, took, note } in &self.stages {
            let style = if counts.failed > 0 { BAD } else { GOOD };
            writeln!(
                out,
                "{style}{name:width$}{style:#}  {:>6}  {:>6}  {:>7}  {:>7}  {note}",
                counts.passed,
                counts.failed,
                counts.skipped,
                clock(*took),
            )?;
        }
        if !self.not_run.is_empty() {
            writeln!(out, "\n{CARE}not run{CARE:#}")?;
            let mut not_run: Vec<&NotRun> = self.not_run.iter().collect();
            not_run.sort_by(|a, b| (&a.why, &a.what).cmp(&(&b.why, &b.what)));
            for group in not_run.chunk_by(|a, b| a.why == b.why) {
                writeln!(out, "  {} ({}):", group[0].why, group.len())?;
                for NotRun { what, .. } in group {
                    writeln!(out, "    {what}")?;
                }
            }
        }
        if !self.failures.is_empty() {
            writeln!(out, "\n{BAD}failed{BAD:#}")?;
            for failure in &self.failures {
                writeln!(out, "  {failure}")?;
            }
        }
        let total = self.total();
        writeln!(out, "\ntotal time {}", clock(self.begun.elapsed()))?;
        writeln!(out, "{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped)
    }
}

/// Prints an error with its causes.
pub(crate) fn complain(error: &Error) {
    anstream::eprintln!("{BAD}xtask{BAD:#}: {}", chain(error));
}

/// An error and what caused it, on one line.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// `1m07.2s`, or `7.2s` below a minute.
pub(crate) fn clock(time: Duration) -> String {
    let tenths = time.as_millis() / 100;
    let (minutes, rest) = (tenths / 600, tenths % 600);
    if minutes == 0 {
        format!("{}.{}s", rest / 10, rest % 10)
    } else {
        format!("{minutes}m{:02}.{}s", rest / 10, rest % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_sums_all_stages() {
        let mut report = Report::new();
        report.check("fmt", || Ok(()));
        report.check("lint", || Err(Error::ChecksFailed));
        report.stage(
            "tests",
            Counts { passed: 7, failed: 0, skipped: 2 },
            Duration::ZERO,
            String::new(),
        );
        let text = report.render();
        assert_eq!(text.lines().last(), Some("8 passed, 1 failed, 2 skipped"));
        assert!(matches!(report.finish(), Err(Error::ChecksFailed)));
    }

    #[test]
    fn what_was_not_run_is_grouped_by_its_reason() {
        let mut report = Report::new();
        report.not_run("b", "no root");
        report.not_run("c", "no network");
        report.not_run("a", "no root");
        let text = anstream::adapter::strip_str(&report.render()).to_string();
        assert!(text.contains("  no root (2):\n    a\n    b\n"), "{text}");
        assert!(text.contains("  no network (1):\n    c\n"), "{text}");
    }

    #[test]
    fn durations_read_like_a_stopwatch() {
        assert_eq!(clock(Duration::from_millis(7_260)), "7.2s");
        assert_eq!(clock(Duration::from_secs(67)), "1m07.0s");
    }
}
