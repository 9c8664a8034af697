//! Arguments of `lotse demo`.

use std::net::SocketAddr;

use clap::Args;

/// See Lotse work without a cloud.
///
/// Starts a simulated OpenStack cloud and the daemon in one process, with an example estate in a
/// directory of its own that is removed at the end. Nothing outside this machine is contacted.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  lotse demo\n  lotse demo --once --format json")]
pub(crate) struct DemoArguments {
    /// End as soon as the estate has converged and every task has run once
    #[arg(long)]
    pub(crate) once: bool,
    /// Where the daemon listens; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7650")]
    pub(crate) listen: SocketAddr,
}
