//! `cargo xtask …`: the chores of the project, written in the language of the project.
//!
//! One module per command. What they share is small: [`environment`] is the only place that reads
//! the process environment, [`child`] the only one that starts programs, [`report`] collects what
//! ran, what failed and what was *not* run, and prints it so that nothing is skipped in silence.
//!
//! Everything here works with a bare Rust installation. Tools that help (cargo-deny, cargo-fuzz) are used
//! where they are installed and named in the report where they are not; mdbook and cargo-deb are built
//! when they are needed ([`tools`]).

mod arch;
mod bench;
mod child;
mod docs;
mod environment;
mod error;
mod fuzz;
mod licences;
mod package;
mod peer;
mod report;
mod test;
mod testbed;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::environment::Environment;
use crate::error::Error;

/// Chores of the project.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run every check and test; with `--real` also those against real services.
    Test(test::Args),
    /// Measure, and write the page of the results.
    Bench(bench::Args),
    /// Check the structure: dependency arrows, size budget, names.
    Arch,
    /// Check licences, banned crates and sources of all dependencies.
    Licences,
    /// Write the reference, check the links of the documents and build the book.
    Docs(docs::Args),
    /// Make the Debian package, and look at it.
    Package(package::Args),
    /// Start, stop or look at the real OpenStack of the tests.
    Testbed(testbed::Args),
    /// Run fuzz targets (needs cargo-fuzz and a nightly toolchain).
    Fuzz(fuzz::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = Environment::of_this_process().and_then(|env| match cli.command {
        Command::Test(args) => test::run(&args, &env),
        Command::Bench(args) => bench::run(&args, &env),
        Command::Arch => arch::run(&env),
        Command::Licences => licences::run(&env),
        Command::Docs(args) => docs::run(&args, &env),
        Command::Package(args) => package::run(&args, &env),
        Command::Testbed(args) => testbed::run(&args, &env),
        Command::Fuzz(args) => fuzz::run(&args, &env),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::ChecksFailed) => ExitCode::FAILURE,
        Err(error) => {
            report::complain(&error);
            ExitCode::FAILURE
        }
    }
}
