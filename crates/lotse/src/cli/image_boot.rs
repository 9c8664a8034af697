//! Arguments of `lotse image` that are about trying images out.

use std::time::Duration;

use clap::Args;
use lotse_images::config::Period;
use lotse_images::model::Console;

/// How new images are tried out before they become visible.
#[derive(Args, Debug)]
#[command(next_help_heading = "Boot test")]
pub(crate) struct BootArguments {
    /// Make a server of each new image, and publish the image only when its console shows that it
    /// came up
    #[arg(id = "boot_test", long = "boot-test", requires = "boot_flavor")]
    pub(crate) test: bool,
    /// The flavor of the servers, by name or id; one without a disk boots from a volume
    #[arg(id = "boot_flavor", long = "boot-flavor", value_name = "FLAVOR", requires = "boot_test")]
    pub(crate) flavor: Option<String>,
    /// The network of the servers, by name or id, or `none` [default: the only one of the project]
    #[arg(
        id = "boot_network",
        long = "boot-network",
        value_name = "NETWORK",
        requires = "boot_test"
    )]
    pub(crate) network: Option<String>,
    /// A regular expression that must be found on the console [default: a login prompt, or what
    /// cloud-init writes when it is done]
    #[arg(
        id = "boot_console",
        long = "boot-console",
        value_name = "REGEX",
        requires = "boot_test"
    )]
    pub(crate) console: Option<Console>,
    /// How long an image may take to come up, for example 90s [default: 5m]
    #[arg(id = "boot_timeout", long = "boot-timeout", value_name = "TIME", requires = "boot_test", value_parser = length)]
    pub(crate) timeout: Option<Duration>,
    /// The cloud whose project gets the servers: another project of the same cloud, whose name
    /// `{cloud}` stands for [default: the project that owns the images]
    #[arg(id = "boot_cloud", long = "boot-cloud", value_name = "NAME", requires = "boot_test")]
    pub(crate) cloud: Option<String>,
    /// Test images again that failed
    #[arg(id = "boot_retry", long = "boot-retry", requires = "boot_test")]
    pub(crate) retry: bool,
}

fn length(text: &str) -> Result<Duration, String> {
    Period::try_from(text.to_owned()).map(Period::get)
}
