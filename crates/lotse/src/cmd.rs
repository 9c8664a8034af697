//! Commands: settings in, rendered output and an exit code out. One file per noun.

mod backup;
mod changing;
mod config;
mod conformance;
mod demo;
mod flavor;
mod image;
mod image_latest;
mod notify;
mod reference;
mod serve;
mod sim;
mod status;

use tokio::runtime::{Builder, Runtime};

use crate::cli::Command;
use crate::cli::status::StatusCommand;
use crate::failure::{CommandResult, Error};
use crate::settings::{Environment, Globals};

/// Runs the command that was asked for.
pub(crate) fn run(command: Command, globals: &Globals, environment: &Environment) -> CommandResult {
    if is_server(&command) {
        crate::memory::return_soon(environment);
    }
    // The daemon's configuration has a say in its logging; all others start it here.
    if !matches!(command, Command::Serve(_)) {
        crate::logging::start(&globals.logging);
    }
    match command {
        Command::Image(command) => image::run(command, globals, environment),
        Command::Conformance(command) => conformance::run(*command, globals, environment),
        Command::Flavor(command) => flavor::run(command, globals),
        Command::Serve(arguments) => serve::run(&arguments, globals, environment),
        Command::Demo(arguments) => demo::run(&arguments, globals),
        Command::Sim(arguments) => sim::run(*arguments, globals),
        Command::Backup(arguments) => backup::backup(&arguments, globals, environment),
        Command::Restore(arguments) => backup::restore(&arguments, globals, environment),
        Command::Notify(command) => notify::run(command, globals, environment),
        Command::Status(command) => status::run(*command, globals, environment),
        Command::Config(command) => config::run(&command, globals, environment),
        Command::Completion(arguments) => reference::completion(&arguments, globals),
        Command::Reference(arguments) => reference::print(&arguments, globals),
    }
}

/// Whether it stays until it is told to end.
fn is_server(command: &Command) -> bool {
    match command {
        Command::Serve(_) | Command::Demo(_) => true,
        Command::Status(status) => {
            matches!(**status, StatusCommand::Serve(_) | StatusCommand::Edge(_))
        }
        _ => false,
    }
}

/// The runtime of a command that ends by itself: one thread is enough for waiting on requests.
fn small_runtime() -> Result<Runtime, Error> {
    let what = "an event loop";
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::System { what, source })
}

/// The runtime of a server.
fn server_runtime() -> Result<Runtime, Error> {
    let what = "threads for an event loop";
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(1 << 20)
        .enable_all()
        .build()
        .map_err(|source| Error::System { what, source })
}
