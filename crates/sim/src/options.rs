//! How a simulation is started.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use lotse_core::time::{SharedClock, system_clock};

use crate::scale::Scale;

/// Where `web-download` imports take their bytes from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DownloadMode {
    /// From the simulated internet ([`crate::Upstream`]); nothing leaves the process.
    #[default]
    Simulated,
    /// Really over HTTP, from loopback addresses only.
    Fetch,
}

/// How long transitions take on the cloud's clock. Zero (the default): they are done when one looks
/// next, as a first answer still shows the transitional state.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Delays {
    /// A server from one state to the next stable one: building, stopping, rebooting, resizing.
    pub server: Duration,
    /// A volume, snapshot or backup: creating, attaching, deleting, extending.
    pub volume: Duration,
    /// A load balancer and its parts: pending to active.
    pub load_balancer: Duration,
}

/// The import methods that are simulated.
const IMPORT_METHODS: [&str; 3] = ["glance-direct", "web-download", "copy-image"];

/// How a simulation is started. Take the default and change what matters.
#[derive(Clone, Debug)]
pub struct SimOptions {
    /// Address to listen on; must be a loopback address. Default `127.0.0.1:0` (any free port).
    pub listen: SocketAddr,
    /// A JSON file with the state to begin with (see [`crate::State`]); parts it leaves out are the
    /// built-in ones.
    pub seed: Option<PathBuf>,
    /// Added to every answer.
    pub latency: Duration,
    /// How long an image import takes on [`SimOptions::clock`]. Zero: it is done when one looks next.
    pub import_delay: Duration,
    /// How long other transitions take on [`SimOptions::clock`].
    pub delays: Delays,
    /// How much the cloud has besides its seed.
    pub scale: Scale,
    /// Where `web-download` imports take their bytes from.
    pub download: DownloadMode,
    /// The import methods that Glance offers. Default all that are simulated; none is what the
    /// operator gets who switches the import API off.
    pub import_methods: Vec<String>,
    /// How long tokens are valid. Default one hour.
    pub token_lifetime: Duration,
    /// The time of day of the cloud.
    pub clock: SharedClock,
    /// Seed of all ids.
    pub random: u64,
    /// Uploads up to this many bytes can be downloaded again; of larger ones only size and hashes
    /// are kept. Default 16 MiB.
    pub keep_bytes: u64,
    /// Larger uploads are refused with 413, as by Glance's `image_size_cap`. Default 1 TiB.
    pub image_size_cap: u64,
    /// Whether Neutron lets administrators change the rules that security groups begin with, as it
    /// does from 2023.2 on. Default yes.
    pub default_security_group_rules: bool,
    /// What every running server has written to its console. By default what a small Linux guest
    /// with cloud-init writes, up to its login prompt.
    pub console: Option<String>,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: None,
            latency: Duration::ZERO,
            import_delay: Duration::ZERO,
            delays: Delays::default(),
            scale: Scale::default(),
            download: DownloadMode::Simulated,
            import_methods: IMPORT_METHODS.map(str::to_owned).to_vec(),
            token_lifetime: Duration::from_hours(1),
            clock: system_clock(),
            random: 1,
            keep_bytes: 16 << 20,
            image_size_cap: 1 << 40,
            default_security_group_rules: true,
            console: None,
        }
    }
}
