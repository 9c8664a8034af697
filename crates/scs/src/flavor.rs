//! Flavor names (scs-0100): `SCS-16T-64-3x10s_bms_z3h_GNa-64_ib` and what it promises.
//!
//! ```text
//! SCS- 16 T i - 64 u o - 3x 10 s _bms _hwv _z3h _GNa-64h-40hh _ib
//!      │  │ │   │  │ │   │  │  │  │    │    │    │            └ InfiniBand
//!      │  │ │   │  │ │   │  │  │  │    │    │    └ GPU: how, whose, generation, units, VRAM
//!      │  │ │   │  │ │   │  │  │  │    │    └ CPU: whose, generation, frequency
//!      │  │ │   │  │ │   │  │  │  │    └ hardware virtualisation inside
//!      │  │ │   │  │ │   │  │  │  └ hypervisor
//!      │  │ │   │  │ │   └──┴──┴ disks: number, GB each, kind
//!      │  │ │   └──┴─┴ RAM in GiB, no ECC, oversubscribed
//!      └──┴─┴ vCPUs, how they are shared, insecure
//! ```
//!
//! [`FlavorName::parse`] reads a name without allocating; [`FlavorName`] is plain, copyable data;
//! writing it gives the canonical name. Of the grammar there are two spellings: the present one
//! ([`Syntax::V2`], the same in versions 2 and 3 of the standard) and the old one ([`Syntax::V1`]).

mod explain;
mod parse;
mod specs;
mod words;
mod write;

#[cfg(test)]
mod tests;

pub use explain::explain;
pub use parse::{ParseError, Parsed, Problem};
pub use specs::{ExtraSpecs, each_extra_spec, extra_specs};
pub use words::{CpuType, CpuVendor, DiskType, GpuVendor, Hypervisor};
pub use write::Spelt;

use crate::Mode;

/// What a flavor name promises.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FlavorName {
    /// Virtual CPUs, at least 1.
    pub cpus: u32,
    /// How a virtual CPU relates to hardware.
    pub cpu_type: CpuType,
    /// Whether mitigations against attacks across threads or firmware updates are missing (`i`).
    pub insecure: bool,
    /// Memory.
    pub ram: Ram,
    /// The disks that come with it, if any.
    pub disk: Option<Disk>,
    /// The hypervisor, if said.
    pub hypervisor: Option<Hypervisor>,
    /// Whether hardware virtualisation can be used inside (`_hwv`).
    pub hardware_virtualisation: bool,
    /// The make of the CPU, if said.
    pub cpu: Option<CpuBrand>,
    /// The GPU, if there is one.
    pub gpu: Option<Gpu>,
    /// Whether there is InfiniBand (`_ib`).
    pub infiniband: bool,
}

/// Memory of a flavor.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Ram {
    /// In halves of a GiB, at least 1.
    pub half_gib: u32,
    /// No error correction (`u`).
    pub no_ecc: bool,
    /// Oversubscribed (`o`).
    pub oversubscribed: bool,
}

impl Ram {
    /// In MiB, as the compute API counts.
    pub const fn mib(self) -> u64 {
        self.half_gib as u64 * 512
    }
}

/// The disks of a flavor.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Disk {
    /// How many, at least 1.
    pub count: u32,
    /// GB each, at least 1; names without it exist only in [`Mode::Upstream`].
    pub size: Option<u32>,
    /// What kind, if said.
    pub kind: Option<DiskType>,
}

/// The make of the CPU.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CpuBrand {
    /// Whose.
    pub vendor: CpuVendor,
    /// Which generation, by the table of the standard.
    pub generation: Option<u8>,
    /// How many `h`: 0 usual frequency to 3 very high frequency.
    pub frequency: u8,
}

/// The GPU of a flavor.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Gpu {
    /// Passed through as a whole (`G`), or shared (`g`).
    pub pass_through: bool,
    /// Whose.
    pub vendor: GpuVendor,
    /// Which generation, in the words of the vendor's table; empty if not said.
    pub generation: &'static str,
    /// Compute units (SMs, CUs, EUs), at least 1.
    pub units: Option<u32>,
    /// How many `h` after the units: 0 to 2.
    pub performance: u8,
    /// Video memory in GiB, at least 1.
    pub vram: Option<u32>,
    /// How many `h` after the video memory: 0 to 2.
    pub bandwidth: u8,
}

/// How a name is spelt.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Syntax {
    /// The old spelling: `:` between sizes, `-` before extensions.
    V1,
    /// The present spelling: `-` between sizes, `_` before extensions.
    V2,
}

impl Syntax {
    /// The word for it: versions 2 and 3 of the standard spell alike, and 3 is tried first.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v3",
        }
    }

    const fn size(self) -> u8 {
        match self {
            Self::V1 => b':',
            Self::V2 => b'-',
        }
    }

    const fn extension(self) -> u8 {
        match self {
            Self::V1 => b'-',
            Self::V2 => b'_',
        }
    }
}

/// What names of the standard begin with.
pub const PREFIX: &str = "SCS-";

impl FlavorName {
    /// Reads a name in the present spelling, or else in the old one, which is still tolerated.
    pub fn parse(name: &str, mode: Mode) -> Result<Parsed, ParseError> {
        let present = match Self::parse_as(name, Syntax::V2, mode) {
            Ok(flavor) => return Ok(Parsed { flavor, syntax: Syntax::V2 }),
            Err(error) => error,
        };
        // The complaint about the present spelling is the one that helps.
        Self::parse_as(name, Syntax::V1, mode)
            .map(|flavor| Parsed { flavor, syntax: Syntax::V1 })
            .map_err(|_| present)
    }

    /// Reads a name in this spelling.
    pub fn parse_as(name: &str, syntax: Syntax, mode: Mode) -> Result<Self, ParseError> {
        parse::name(name, syntax, mode)
    }

    /// The same promise without what most users need not see: hypervisor, nested virtualisation,
    /// make of x86 CPUs, performance marks of GPUs.
    #[must_use]
    pub const fn short(self) -> Self {
        let cpu = match self.cpu {
            Some(CpuBrand { vendor: CpuVendor::Arm, .. }) => {
                Some(CpuBrand { vendor: CpuVendor::Arm, generation: None, frequency: 0 })
            }
            Some(CpuBrand { vendor: CpuVendor::RiscV, .. }) => {
                Some(CpuBrand { vendor: CpuVendor::RiscV, generation: None, frequency: 0 })
            }
            _ => None,
        };
        let gpu = match self.gpu {
            Some(gpu) => Some(Gpu { performance: 0, bandwidth: 0, ..gpu }),
            None => None,
        };
        Self { hypervisor: None, hardware_virtualisation: false, cpu, gpu, ..self }
    }

    /// Disk in GB that one disk has, 0 without disks or without a size.
    pub const fn disk_gb(&self) -> u32 {
        match self.disk {
            Some(Disk { size: Some(size), .. }) => size,
            _ => 0,
        }
    }
}
