//! `lotse status`: the status page.

mod publish;
mod serve;

use crate::cli::status::StatusCommand;
use crate::failure::CommandResult;
use crate::settings::{Environment, Globals};

/// Runs one of the commands.
pub(super) fn run(
    command: StatusCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    match command {
        StatusCommand::Serve(arguments) => serve::run(&arguments, globals, environment),
        StatusCommand::Publish(arguments) => publish::publish(&arguments, globals, environment),
        StatusCommand::Edge(arguments) => publish::edge(arguments, globals, environment),
    }
}
