//! `lotse status`: the status page.

mod glass;
mod more;
mod moving;
mod proposal;
mod publish;
mod report;
mod serve;
mod shape;
mod subscriber;

use std::pin::Pin;

use crate::cli::status::StatusCommand;
use crate::failure::CommandResult;
use crate::settings::{Environment, Globals};

/// The work of a command that ends by itself.
type Short<'a> = Pin<Box<dyn Future<Output = CommandResult> + 'a>>;

/// Runs one of the commands.
pub(super) fn run(
    command: StatusCommand,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let ends = |work: Short<'_>| super::small_runtime()?.block_on(work);
    match command {
        StatusCommand::Serve(arguments) => serve::run(&arguments, globals, environment),
        StatusCommand::Publish(arguments) => publish::publish(&arguments, globals, environment),
        StatusCommand::Edge(arguments) => publish::edge(arguments, globals, environment),
        StatusCommand::Incident(command) => {
            ends(Box::pin(report::incident(command, globals, environment)))
        }
        StatusCommand::Maintenance(command) => {
            ends(Box::pin(report::maintenance(command, globals, environment)))
        }
        StatusCommand::Component(command) => {
            ends(Box::pin(shape::component(command, globals, environment)))
        }
        StatusCommand::ImpactType(command) => {
            ends(Box::pin(shape::impact_type(command, globals, environment)))
        }
        StatusCommand::Severity(command) => {
            ends(Box::pin(shape::severity(command, globals, environment)))
        }
        StatusCommand::Phase(command) => {
            ends(Box::pin(shape::phase(command, globals, environment)))
        }
        StatusCommand::Post(arguments) => ends(Box::pin(glass::post(arguments, globals))),
        StatusCommand::Merge(arguments) => {
            ends(Box::pin(glass::merge(arguments, globals, environment)))
        }
        StatusCommand::Proposal(command) => {
            ends(Box::pin(proposal::run(command, globals, environment)))
        }
        StatusCommand::Subscriber(command) => {
            ends(Box::pin(subscriber::run(command, globals, environment)))
        }
        StatusCommand::Template(command) => {
            ends(Box::pin(more::template(command, globals, environment)))
        }
        StatusCommand::Recurring(command) => {
            ends(Box::pin(more::recurring(command, globals, environment)))
        }
        StatusCommand::Audience(command) => {
            ends(Box::pin(more::audience(command, globals, environment)))
        }
        StatusCommand::Upstream(command) => {
            ends(Box::pin(more::upstream(command, globals, environment)))
        }
        StatusCommand::Postmortem(arguments) => {
            ends(Box::pin(more::postmortem(&arguments, globals, environment)))
        }
        StatusCommand::Sla(arguments) => {
            ends(Box::pin(moving::sla(&arguments, globals, environment)))
        }
        StatusCommand::Export(arguments) => {
            ends(Box::pin(moving::export(&arguments, globals, environment)))
        }
        StatusCommand::Import(arguments) => {
            ends(Box::pin(moving::import(&arguments, globals, environment)))
        }
    }
}
