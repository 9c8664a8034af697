//! Arguments of `lotse status`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum StatusCommand {
    /// Serve the status page and its API
    ///
    /// The API is that of the SCS status page, so that its clients work unchanged. Reading is for
    /// everybody. Writing takes an API token of the console, or being on the same machine.
    #[command(after_help = "Examples:\n  \
        lotse status serve --listen 127.0.0.1:8080 --provision provisioning.yaml\n  \
        lotse status serve --listen 127.0.0.1:8080 --api-listen 127.0.0.1:3000 \
        --database postgres://lotse@db/lotse\n\n\
        The variables STATUS_PAGE_* of the SCS status page are understood.")]
    Serve(ServeArguments),
}

#[derive(Args, Debug)]
pub(crate) struct ServeArguments {
    /// Where the page listens, its API included; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7660")]
    pub(crate) listen: String,
    /// Where the API listens on its own; `STATUS_PAGE_SERVER_ADDRESS` if not given
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) api_listen: Option<String>,
    /// Where the metrics of the API listen; `STATUS_PAGE_METRICS_ADDRESS` if not given
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics_listen: Option<String>,
    /// What a new page begins with; `STATUS_PAGE_PROVISIONING_FILE` if not given
    #[arg(long, value_name = "FILE")]
    pub(crate) provision: Option<PathBuf>,
    /// Where the page is kept, `sqlite:PATH` or `postgres://…`;
    /// `STATUS_PAGE_DATABASE_CONNECTION_STRING` if not given, else SQLite in the state directory
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// Let pages of this origin use the API with their users' credentials; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) origin: Vec<String>,
    /// Demand an API token of everybody who writes, on this machine, too
    #[arg(long)]
    pub(crate) no_local_writes: bool,
}
