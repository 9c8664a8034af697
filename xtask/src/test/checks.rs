//! The checks that are not tests: formatting, lints, structure, licences, documents, fuzz targets.

use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;
use crate::report::{Report, chain};
use crate::tools::{self, Tool};
use crate::{arch, docs, fuzz, licences, package};

/// Runs all of them; each counts as one in the report.
pub(super) fn run(env: &Environment, report: &mut Report) {
    report.check("formatting", || quiet(&Job::cargo(env, &["fmt", "--all", "--check"])));
    report.check("structure", || arch::run(env));
    report.check("licences", || licences::run(env));
    report.check("documents", || docs::check(env));
    report.check("lints", || {
        let lint = ["clippy", "--workspace", "--all-targets", "--locked"];
        progress(&Job::cargo(env, &lint).args(&["--", "-D", "warnings"]))
    });
    report.check("doc comments", || {
        let doc = ["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"];
        quiet(&Job::cargo(env, &doc).var("RUSTDOCFLAGS", "-D rustdoc::broken_intra_doc_links"))
    });
    fuzz_targets(env, report);
    deny(env, report);
}

/// A check of what a tool from the registry makes.
type Product = (&'static str, &'static Tool, fn(&Environment) -> Result<(), Error>);

/// Products that a tool makes which is built for it: a minute each, once per version.
const PRODUCTS: [Product; 2] = [
    ("book", &tools::MDBOOK, docs::check_book),
    ("Debian package", &tools::CARGO_DEB, package::check),
];

/// Makes what is made with tools from the registry, and checks it. Runs after the tests were built:
/// the package holds the program that they use.
pub(super) fn with_tools(env: &Environment, report: &mut Report) {
    for (name, tool, check) in PRODUCTS {
        report.announce(&format!("tool of the {name}"));
        // A tool that cannot be built is no fault of ours; what it would have checked is listed.
        match tools::provide(env, tool) {
            Ok(_) => report.check(name, || check(env)),
            Err(error) => report.not_run(name, chain(&error)),
        }
    }
}

/// Lists the same as not run.
pub(super) fn without_tools(report: &mut Report) {
    for (name, ..) in PRODUCTS {
        report.not_run(name, "needs --real, which builds the tool that makes it");
    }
}

fn fuzz_targets(env: &Environment, report: &mut Report) {
    if fuzz::exists(env) {
        report.check("fuzz targets compile", || fuzz::compile(env));
    } else {
        report.not_run("fuzz targets", "there is no fuzz/Cargo.toml");
    }
}

/// The full `cargo deny check`, where it is installed.
///
/// It is not installed here on purpose: building it takes three minutes of two processors, and
/// what matters most in it (licences, bans, sources) the `licences` check does on every run.
fn deny(env: &Environment, report: &mut Report) {
    if !Job::cargo(env, &["deny", "--version"]).succeeds() {
        report.not_run(
            "cargo deny (advisories, duplicate versions)",
            "cargo-deny is not installed; `cargo install --locked cargo-deny` takes about 3 minutes",
        );
        return;
    }
    report.check("cargo deny", || {
        quiet(&Job::cargo(env, &["deny", "check", "bans", "licenses", "sources"]))
    });
    report.not_run(
        "cargo deny (advisories)",
        "the advisory database is a download of its own: `cargo deny check advisories`",
    );
}

/// Runs a job and shows its output only when it fails.
pub(super) fn quiet(job: &Job) -> Result<(), Error> {
    let finished = job.run_lines(|_| {})?;
    if finished.status.success() {
        return Ok(());
    }
    for line in &finished.tail {
        anstream::println!("  {line}");
    }
    Err(Error::Child { command: job.command_line(), status: finished.status.to_string() })
}

/// Runs a long compilation: a sign of life now and then, everything that is not progress at once.
pub(super) fn progress(job: &Job) -> Result<(), Error> {
    progress_lines(job, |_| true)
}

/// The same; `on_line` sees every line first and says whether it may be shown.
pub(super) fn progress_lines(
    job: &Job,
    mut on_line: impl FnMut(&str) -> bool,
) -> Result<(), Error> {
    let mut pulse = Pulse::default();
    let finished = job.run_lines(|line| {
        if on_line(line) {
            pulse.line(line);
        }
    })?;
    if finished.status.success() {
        return Ok(());
    }
    Err(Error::Child { command: job.command_line(), status: finished.status.to_string() })
}

/// Thins out cargo's lines about crates it compiles.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    compiled: usize,
}

/// Of so many progress lines one is shown.
const PULSE: usize = 40;

impl Pulse {
    /// Shows a line, or swallows it as one of many of its kind.
    pub(super) fn line(&mut self, line: &str) {
        let word = line.split_whitespace().next().unwrap_or_default();
        match word {
            "Compiling" | "Checking" | "Downloaded" | "Documenting" => {
                self.compiled += 1;
                if self.compiled.is_multiple_of(PULSE) {
                    anstream::println!("  … {} crates", self.compiled);
                }
            }
            "Blocking" | "Downloading" | "Locking" | "Updating" | "Dirty" | "Fresh" => {}
            _ => anstream::println!("  {line}"),
        }
    }
}
