//! Arguments of `lotse flavor`.

use clap::{Args, Subcommand, ValueEnum};
use lotse_scs::Mode;

#[derive(Debug, Subcommand)]
pub(crate) enum FlavorCommand {
    /// Read flavor names from standard input, one a line, and say what each promises
    #[command(
        after_help = "Examples:\n  openstack flavor list -f value -c Name | lotse flavor name\n  \
        lotse flavor name --mode upstream --format json < names\n\n\
        With --format json, one object a line: name, ok, canonical, short, specs; for names that are \
        not understood, error and at (the byte, from 0)."
    )]
    Name(NameArguments),
    /// Explain flavor names part by part
    #[command(after_help = "Example:\n  lotse flavor explain SCS-16T-64-3x10s_bms_z3h_GNa-64_ib")]
    Explain(ExplainArguments),
    /// Make the name of a flavor from what it promises
    #[command(
        after_help = "Example:\n  lotse flavor make --cpus 4 --ram 16 --disk 100 --disk-type ssd"
    )]
    Make(MakeArguments),
    /// List the flavors of the standard, with what must stand behind them
    Standard,
}

/// Whose reading of the standards counts.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ReadingMode {
    /// What the tools of the SCS community say, oddities included
    Upstream,
    /// What the texts of the standards say
    Standard,
}

impl From<ReadingMode> for Mode {
    fn from(mode: ReadingMode) -> Self {
        match mode {
            ReadingMode::Upstream => Self::Upstream,
            ReadingMode::Standard => Self::Standard,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct NameArguments {
    /// Whose reading of the standard counts
    #[arg(long, value_enum, default_value_t = ReadingMode::Standard)]
    pub(crate) mode: ReadingMode,
}

#[derive(Args, Debug)]
pub(crate) struct ExplainArguments {
    /// The names
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<String>,
    /// Whose reading of the standard counts
    #[arg(long, value_enum, default_value_t = ReadingMode::Standard)]
    pub(crate) mode: ReadingMode,
}

#[derive(Args, Debug)]
pub(crate) struct MakeArguments {
    /// Virtual CPUs
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) cpus: u32,
    /// How they are shared: L crowded, V shared, T threads of their own, C cores of their own
    #[arg(long, value_name = "LETTER", default_value = "V", value_parser = ["L", "V", "T", "C"])]
    pub(crate) cpu_type: String,
    /// The CPU lacks mitigations
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Memory in GiB, in steps of 0.5
    #[arg(long, value_name = "GIB")]
    pub(crate) ram: String,
    /// Memory without error correction
    #[arg(long)]
    pub(crate) no_ecc: bool,
    /// Memory is oversubscribed
    #[arg(long)]
    pub(crate) oversubscribed: bool,
    /// GB of each disk; no disk without it
    #[arg(long, value_name = "GB", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) disk: Option<u32>,
    /// How many disks
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "disk",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) disks: u32,
    /// What kind of disks
    #[arg(long, value_name = "KIND", requires = "disk", value_parser = ["network", "hdd", "ssd", "nvme"])]
    pub(crate) disk_type: Option<String>,
    /// Further parts as they stand in names, for example `_kvm_z3h`
    #[arg(long, value_name = "EXTENSIONS", default_value = "", hide_default_value = true)]
    pub(crate) extensions: String,
}
