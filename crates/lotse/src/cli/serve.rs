//! Arguments of `lotse serve`.

use clap::Args;

/// Run the daemon: keep clouds as they are declared.
///
/// Reads `lotse.yaml` (--config). SIGTERM and Ctrl-C drain: running work ends, then the process.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  lotse serve --config lotse.yaml")]
pub(crate) struct ServeArguments {
    /// Write logs as JSON, whatever the configuration says
    #[arg(long)]
    pub(crate) log_json: bool,
}
