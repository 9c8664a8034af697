//! `cargo xtask test [--real]`: everything that can be checked here, in one run with one verdict.
//!
//! Without `--real` this needs a Rust installation and nothing else. With it, a second thread
//! ([`real`]) installs and starts PostgreSQL, Chromium and the testbed while the compiler works, and
//! the tests marked `#[ignore = "real: …"]` run at the end against what could be had. A mark names
//! its needs in words ([`needs`]); a test whose need cannot be met is listed with the reason.

mod checks;
mod ignored;
mod needs;
mod real;
mod runner;

use lotse_run::Case;

use crate::environment::Environment;
use crate::error::Error;
use crate::report::{Counts, Report};

/// What to test.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Also install (apt, as root), start and use what the real tests need.
    #[arg(long)]
    real: bool,
}

/// Runs everything, prints the table, and fails when anything failed.
pub(crate) fn run(args: &Args, env: &Environment) -> Result<(), Error> {
    let mut report = Report::new();
    // Started first: packages come over the network while the compiler uses the processors.
    let preparation =
        if args.real { Some(real::prepare(env, &ignored::needs(env)?)) } else { None };
    checks::run(env, &mut report);
    let programs = runner::build(env, &mut report);
    let marked = programs
        .as_ref()
        .map(|programs| runner::unprivileged(env, &mut report, programs))
        .unwrap_or_default();
    match preparation {
        None => {
            list_unrun(&marked, &mut report);
            checks::without_tools(&mut report);
        }
        Some(preparation) => {
            checks::with_tools(env, &mut report);
            real::finish(preparation, env, &programs.unwrap_or_default(), &marked, &mut report);
        }
    }
    report.finish()
}

/// Names every marked test that this run leaves out.
fn list_unrun(marked: &[Case], report: &mut Report) {
    for test in marked {
        report.not_run(title(test), reason(test));
    }
    let skipped = Counts { skipped: marked.len(), ..Counts::default() };
    report.stage("real tests", skipped, std::time::Duration::ZERO, "need --real".to_owned());
}

fn title(case: &Case) -> String {
    format!("{} {}", case.suite, case.name)
}

fn reason(case: &Case) -> &str {
    case.message.as_deref().unwrap_or("marked without a reason")
}
