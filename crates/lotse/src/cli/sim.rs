//! Arguments of `lotse sim`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// Run a simulated OpenStack cloud.
///
/// The cloud answers the real APIs over HTTP and forgets everything at the end. It is for tests and
/// rehearsals: it listens on loopback unless told otherwise and its passwords are not secret.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  lotse sim --listen 127.0.0.1:7700 --write-clouds clouds.yaml &\n  \
    OS_CLIENT_CONFIG_FILE=clouds.yaml openstack --os-cloud sim image list"
)]
pub(crate) struct SimArguments {
    /// Where the cloud listens; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7700")]
    pub(crate) listen: SocketAddr,
    /// Start with the state in this file (JSON, as the cloud dumps it)
    #[arg(long, value_name = "FILE")]
    pub(crate) seed: Option<PathBuf>,
    /// Write a clouds.yaml with the cloud "sim" to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) write_clouds: Option<PathBuf>,
    /// Definition file or directory of them: its URLs serve what it declares, as those of the
    /// example estate do
    #[arg(long, value_name = "PATH")]
    pub(crate) upstream: Option<PathBuf>,
    /// Really download what web-download names (loopback addresses only) instead of simulating it
    #[arg(long)]
    pub(crate) fetch: bool,
}
