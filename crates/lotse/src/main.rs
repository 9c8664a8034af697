//! `lotse`: the operator's toolbox for sovereign clouds.
//!
//! This crate wires and does nothing else. The way of a command:
//!
//! ```text
//! arguments ──► cli (clap) ─┐
//! environment ──────────────┼──► settings (pure) ──► cmd (async, plain parameters) ──► exit code
//! lotse.yaml ───────────────┘                              │
//!                                        report (the one error printer), output
//! ```
//!
//! `daemon` is the composition root of `serve` and `demo`; [`capability`] holds one file and one line
//! of one list per capability.

mod capability;
mod cli;
mod cmd;
mod daemon;
mod example;
mod failure;
mod logging;
mod memory;
mod output;
mod report;
mod settings;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

/// A daemon runs for months: what a large estate needed for a moment is to go back to the system.
/// The allocator of glibc keeps it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let environment = settings::Environment::of_process();
    let arguments = cli::Arguments::parse();
    let globals = settings::Globals::resolve(&arguments.globals, &environment);
    match cmd::run(arguments.command, &globals, &environment) {
        Ok(code) => code.into(),
        Err(failure) => report::print(&failure, &globals).into(),
    }
}
