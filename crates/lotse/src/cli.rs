//! The command line: arguments and their help, nothing else. One file per command.

pub(crate) mod backup;
pub(crate) mod config;
pub(crate) mod conformance;
pub(crate) mod conformance_cluster;
pub(crate) mod demo;
pub(crate) mod flavor;
pub(crate) mod image;
pub(crate) mod image_boot;
pub(crate) mod image_latest;
pub(crate) mod image_mirror;
pub(crate) mod notify;
pub(crate) mod reference;
pub(crate) mod serve;
pub(crate) mod sim;
pub(crate) mod status;
pub(crate) mod status_more;
pub(crate) mod status_proposal;
pub(crate) mod status_report;
pub(crate) mod status_shape;
pub(crate) mod status_subscriber;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The operator's toolbox for sovereign clouds.
///
/// Lotse keeps an OpenStack cloud as it is declared. Start with `lotse demo`, which needs no cloud.
#[derive(Debug, Parser)]
#[command(name = "lotse", version, propagate_version = false, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done or no difference, 1 failed, 2 wrong usage or \
    configuration, 3 differences found (plan --detailed-exitcode), 4 verdicts failed.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) globals: GlobalArguments,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command understands.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArguments {
    /// The cloud, a name in `clouds.yaml`; `OS_CLOUD` if not given. Several, one after the other or
    /// with commas between, where a command works on several
    #[arg(long, global = true, value_name = "NAME", value_delimiter = ',')]
    pub(crate) os_cloud: Vec<String>,
    /// The configuration of Lotse; `LOTSE_CONFIG` if not given
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The directory with the declared state; `LOTSE_ESTATE` if not given
    #[arg(long, global = true, value_name = "DIRECTORY")]
    pub(crate) estate: Option<PathBuf>,
    /// How data is written to standard output
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Say more: -v for steps, -vv for requests
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing but data and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Write without colours, as `NO_COLOR` does
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

/// How data is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// See Lotse work without a cloud: a simulated one, the daemon and an example estate
    Demo(demo::DemoArguments),
    /// Run the daemon: keep clouds as they are declared
    Serve(serve::ServeArguments),
    /// The image catalogue: plan and apply
    #[command(subcommand)]
    Image(image::ImageCommand),
    /// SCS standards: check clouds, explain verdicts, keep snapshots
    #[command(subcommand)]
    Conformance(Box<conformance::ConformanceCommand>),
    /// Names of flavors: read, explain and make them
    #[command(subcommand)]
    Flavor(flavor::FlavorCommand),
    /// Notifications: try channels, list them, send dead letters again
    #[command(subcommand)]
    Notify(notify::NotifyCommand),
    /// The status page: serve it, report incidents, publish it, show it elsewhere
    #[command(subcommand)]
    Status(Box<status::StatusCommand>),
    /// Look at the configuration: check it, print its schema
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Copy the state to a file while everything runs
    Backup(backup::BackupArguments),
    /// Put a copy of the state where none is
    Restore(backup::RestoreArguments),
    /// Run a simulated OpenStack cloud
    Sim(Box<sim::SimArguments>),
    /// Print the completion script of a shell
    Completion(reference::CompletionArguments),
    /// Print the generated reference: command line, configuration, manual page
    #[command(hide = true)]
    Reference(reference::ReferenceArguments),
}
