//! Arguments of `lotse sim`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use lotse_sim::Scale;

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
    /// Write the state to this file at the end, in the form of a seed
    #[arg(long, value_name = "FILE")]
    pub(crate) dump: Option<PathBuf>,
    /// Write the notifications that real services would send to this file, a line of JSON each
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
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
    /// Have so many of a kind: images, servers, projects, users
    #[arg(long, value_name = "KIND=NUMBER,…", default_value = "")]
    pub(crate) scale: Scale,
    /// Put the fault rules of this file in force (a list in YAML or JSON)
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// Let every answer take so long
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub(crate) latency: Duration,
    /// Let tokens be valid for so long
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = seconds)]
    pub(crate) token_lifetime: Duration,
    /// Let image imports take so long on the cloud's clock
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub(crate) delay_import: Duration,
    /// Let transitions of servers take so long on the cloud's clock
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub(crate) delay_server: Duration,
    /// Let transitions of volumes, snapshots and backups take so long on the cloud's clock
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub(crate) delay_volume: Duration,
    /// Let transitions of load balancers take so long on the cloud's clock
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub(crate) delay_load_balancer: Duration,
    /// Stop the cloud's clock; `POST /_sim/clock` moves it
    #[arg(long)]
    pub(crate) freeze: bool,
}

/// A duration from a number of seconds, which may have a fraction.
fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(number).map_err(|error| error.to_string())
}
