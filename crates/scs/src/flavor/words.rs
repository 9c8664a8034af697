//! The letters of flavor names and what they stand for.

/// How a virtual CPU relates to hardware.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CpuType {
    /// `L`: heavily oversubscribed.
    Low,
    /// `V`: a shared thread.
    Virtual,
    /// `T`: a thread of its own.
    Thread,
    /// `C`: a core of its own.
    Core,
}

impl CpuType {
    /// All of them, in the order of the standard.
    pub const ALL: [Self; 4] = [Self::Low, Self::Virtual, Self::Thread, Self::Core];

    /// The letter in names.
    pub const fn letter(self) -> u8 {
        match self {
            Self::Low => b'L',
            Self::Virtual => b'V',
            Self::Thread => b'T',
            Self::Core => b'C',
        }
    }

    pub(super) const fn of(letter: u8) -> Option<Self> {
        Some(match letter {
            b'L' => Self::Low,
            b'V' => Self::Virtual,
            b'T' => Self::Thread,
            b'C' => Self::Core,
            _ => return None,
        })
    }

    /// The value of the extra spec `scs:cpu-type`.
    pub const fn extra_spec(self) -> &'static str {
        match self {
            Self::Low => "crowded-core",
            Self::Virtual => "shared-core",
            Self::Thread => "dedicated-thread",
            Self::Core => "dedicated-core",
        }
    }

    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::Low => "heavily oversubscribed virtual CPUs",
            Self::Virtual => "virtual CPUs on shared cores",
            Self::Thread => "virtual CPUs with dedicated threads",
            Self::Core => "virtual CPUs with dedicated cores",
        }
    }
}

/// What kind of disk.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DiskType {
    /// `n`: over the network.
    Network,
    /// `h`: local, rotating.
    Hdd,
    /// `s`: local SSD.
    Ssd,
    /// `p`: local `NVMe`.
    Nvme,
}

impl DiskType {
    /// All of them, in the order of the standard.
    pub const ALL: [Self; 4] = [Self::Network, Self::Hdd, Self::Ssd, Self::Nvme];

    /// The letter in names.
    pub const fn letter(self) -> u8 {
        match self {
            Self::Network => b'n',
            Self::Hdd => b'h',
            Self::Ssd => b's',
            Self::Nvme => b'p',
        }
    }

    pub(super) const fn of(letter: u8) -> Option<Self> {
        Some(match letter {
            b'n' => Self::Network,
            b'h' => Self::Hdd,
            b's' => Self::Ssd,
            b'p' => Self::Nvme,
            _ => return None,
        })
    }

    /// The value of the extra specs `scs:diskN-type`.
    pub const fn extra_spec(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Hdd => "hdd",
            Self::Ssd => "ssd",
            Self::Nvme => "nvme",
        }
    }

    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::Network => "on network storage",
            Self::Hdd => "on local rotating disks",
            Self::Ssd => "on local SSDs",
            Self::Nvme => "on local NVMe",
        }
    }
}

/// What runs the server.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Hypervisor {
    /// `kvm`
    Kvm,
    /// `xen`
    Xen,
    /// `vmw`: `VMware`
    Vmware,
    /// `hyv`: Hyper-V
    HyperV,
    /// `bms`: none, bare metal
    BareMetal,
    /// `chy`: Cloud Hypervisor; the old spelling does not know it
    CloudHypervisor,
}

impl Hypervisor {
    /// All of them, in the order of the standard.
    pub const ALL: [Self; 6] =
        [Self::Kvm, Self::Xen, Self::Vmware, Self::HyperV, Self::BareMetal, Self::CloudHypervisor];

    /// The letters in names.
    pub const fn letters(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Xen => "xen",
            Self::Vmware => "vmw",
            Self::HyperV => "hyv",
            Self::BareMetal => "bms",
            Self::CloudHypervisor => "chy",
        }
    }

    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::Kvm => "KVM",
            Self::Xen => "Xen",
            Self::Vmware => "VMware",
            Self::HyperV => "Hyper-V",
            Self::BareMetal => "bare metal",
            Self::CloudHypervisor => "Cloud Hypervisor",
        }
    }
}

/// Whose CPU.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CpuVendor {
    /// `i`: Intel x86-64
    Intel,
    /// `z`: AMD x86-64
    Amd,
    /// `a`: `AArch64`
    Arm,
    /// `r`: RISC-V
    RiscV,
}

impl CpuVendor {
    /// All of them, in the order of the standard.
    pub const ALL: [Self; 4] = [Self::Intel, Self::Amd, Self::Arm, Self::RiscV];

    /// The letter in names.
    pub const fn letter(self) -> u8 {
        match self {
            Self::Intel => b'i',
            Self::Amd => b'z',
            Self::Arm => b'a',
            Self::RiscV => b'r',
        }
    }

    pub(super) const fn of(letter: u8) -> Option<Self> {
        Some(match letter {
            b'i' => Self::Intel,
            b'z' => Self::Amd,
            b'a' => Self::Arm,
            b'r' => Self::RiscV,
            _ => return None,
        })
    }

    /// The newest generation that the standard lists; the oldest is 0.
    pub const fn newest_generation(self) -> u8 {
        match self {
            Self::Intel | Self::Amd => 6,
            Self::Arm => 5,
            Self::RiscV => 0,
        }
    }

    /// Whether the upstream tools take the letter without a generation.
    pub(super) const fn upstream_takes_it_alone(self) -> bool {
        matches!(self, Self::Intel | Self::RiscV)
    }

    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::Intel => "Intel",
            Self::Amd => "AMD",
            Self::Arm => "ARM",
            Self::RiscV => "RISC-V",
        }
    }
}

/// Whose GPU.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum GpuVendor {
    /// `N`
    Nvidia,
    /// `A`
    Amd,
    /// `I`
    Intel,
}

impl GpuVendor {
    /// All of them, in the order of the standard.
    pub const ALL: [Self; 3] = [Self::Nvidia, Self::Amd, Self::Intel];

    /// The letter in names.
    pub const fn letter(self) -> u8 {
        match self {
            Self::Nvidia => b'N',
            Self::Amd => b'A',
            Self::Intel => b'I',
        }
    }

    pub(super) const fn of(letter: u8) -> Option<Self> {
        Some(match letter {
            b'N' => Self::Nvidia,
            b'A' => Self::Amd,
            b'I' => Self::Intel,
            _ => return None,
        })
    }

    /// The generations that the standard lists.
    pub const fn generations(self) -> &'static [&'static str] {
        match self {
            Self::Nvidia => &["f", "k", "m", "p", "v", "t", "a", "l", "g", "b", "u"],
            Self::Amd => {
                &["0.4", "0.5", "1", "1.1", "2", "2.1", "3", "3.1", "3.5", "4", "4.1", "5.1"]
            }
            Self::Intel => &["0.9", "0.95", "1", "2", "3", "4"],
        }
    }

    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::Nvidia => "Nvidia",
            Self::Amd => "AMD",
            Self::Intel => "Intel",
        }
    }
}
