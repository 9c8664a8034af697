//! Reading names: one pass over the bytes, nothing allocated.

use super::words::{CpuType, CpuVendor, DiskType, GpuVendor, Hypervisor};
use super::{CpuBrand, Disk, FlavorName, Gpu, PREFIX, Ram, Syntax};
use crate::Mode;

/// More disks than this are a mistake: each becomes an extra spec.
const MOST_DISKS: u32 = 999;

/// A name that was understood.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Parsed {
    /// What it promises.
    pub flavor: FlavorName,
    /// How it was spelt.
    pub syntax: Syntax,
}

/// Why a name was not understood.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{problem} (at character {})", at + 1)]
pub struct ParseError {
    /// At which byte, from 0.
    pub at: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong with a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Problem {
    /// It is not a name of the standard.
    #[error("the name does not begin with \"SCS-\"")]
    NoPrefix,
    /// No number of CPUs.
    #[error("the number of virtual CPUs is missing")]
    NoCpus,
    /// No letter for the CPUs.
    #[error("after the number of virtual CPUs comes L, V, T or C")]
    NoCpuType,
    /// No memory.
    #[error("the memory in GiB is missing")]
    NoRam,
    /// Memory is no multiple of 0.5 above 0.
    #[error("the memory is a multiple of 0.5 GiB and more than 0")]
    BadRam,
    /// A number is 0.
    #[error("{0} is at least 1")]
    Zero(&'static str),
    /// A number is written in an unusual way.
    #[error("{0} is written without leading zeros, and with digits on both sides of a point")]
    OddNumber(&'static str),
    /// A number is too large.
    #[error("{0} is too large")]
    TooLarge(&'static str),
    /// A disk without size.
    #[error("a disk has a size in GB")]
    NoDiskSize,
    /// `x` without a number before it.
    #[error("before the x stands the number of disks")]
    NoDiskCount,
    /// The vendor's CPUs have no such generation.
    #[error("the standard lists no such generation of these CPUs")]
    CpuGeneration,
    /// The vendor's GPUs have no such generation.
    #[error("the standard lists no such generation of these GPUs")]
    GpuGeneration,
    /// Something is left that no part of the grammar explains.
    #[error("the rest of the name is not understood; extensions come in a fixed order, each once")]
    Rest,
}

/// Reads a name.
pub(super) fn name(name: &str, syntax: Syntax, mode: Mode) -> Result<FlavorName, ParseError> {
    let mut reader = Reader { bytes: name.as_bytes(), at: 0, syntax, mode };
    if !reader.take(PREFIX.as_bytes()) {
        return Err(reader.fault(Problem::NoPrefix));
    }
    let (cpus, cpu_type, insecure) = reader.cpus()?;
    let ram = reader.ram()?;
    let disk = reader.disk()?;
    let hypervisor = reader.hypervisor();
    let hardware_virtualisation = reader.extension(b"hwv");
    let cpu = reader.cpu()?;
    let gpu = reader.gpu()?;
    let infiniband = reader.extension(b"ib");
    if reader.at < reader.bytes.len() {
        return Err(reader.fault(Problem::Rest));
    }
    Ok(FlavorName {
        cpus,
        cpu_type,
        insecure,
        ram,
        disk,
        hypervisor,
        hardware_virtualisation,
        cpu,
        gpu,
        infiniband,
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    syntax: Syntax,
    mode: Mode,
}

impl<'a> Reader<'a> {
    const fn fault(&self, problem: Problem) -> ParseError {
        ParseError { at: self.at, problem }
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, wanted: &[u8]) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn take_byte(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    /// An extension of these letters, with the mark before it.
    fn extension(&mut self, letters: &[u8]) -> bool {
        let found = self.rest().split_first().is_some_and(|(mark, rest)| {
            *mark == self.syntax.extension() && rest.starts_with(letters)
        });
        if found {
            self.at += 1 + letters.len();
        }
        found
    }

    /// The digits that come next.
    fn digits(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, _) = rest.split_at(length);
        self.at += length;
        digits
    }

    /// A number of at least 1; `None` if there are no digits.
    fn number(&mut self, what: &'static str) -> Result<Option<u32>, ParseError> {
        let start = self.at;
        let digits = self.digits();
        let fault = |problem| ParseError { at: start, problem };
        if digits.is_empty() {
            return Ok(None);
        }
        if digits.len() > 1 && digits.starts_with(b"0") && self.mode == Mode::Standard {
            return Err(fault(Problem::OddNumber(what)));
        }
        match decimal(digits) {
            None => Err(fault(Problem::TooLarge(what))),
            Some(0) => Err(fault(Problem::Zero(what))),
            number => Ok(number),
        }
    }

    fn cpus(&mut self) -> Result<(u32, CpuType, bool), ParseError> {
        let number = self.number("the number of virtual CPUs")?;
        let cpus = number.ok_or_else(|| self.fault(Problem::NoCpus))?;
        let cpu_type =
            self.peek().and_then(CpuType::of).ok_or_else(|| self.fault(Problem::NoCpuType))?;
        self.at += 1;
        Ok((cpus, cpu_type, self.take_byte(b'i')))
    }

    fn ram(&mut self) -> Result<Ram, ParseError> {
        if !self.take_byte(self.syntax.size()) {
            return Err(self.fault(Problem::NoRam));
        }
        let start = self.at;
        let whole = self.digits();
        let point = self.take_byte(b'.');
        let part = if point { self.digits() } else { &[] };
        let fault = |problem| ParseError { at: start, problem };
        if whole.is_empty() && part.is_empty() {
            return Err(fault(Problem::NoRam));
        }
        let odd = (point && (whole.is_empty() || part.is_empty()))
            || (whole.len() > 1 && whole.starts_with(b"0"));
        if odd && self.mode == Mode::Standard {
            return Err(fault(Problem::OddNumber("the memory")));
        }
        // `.50` and `.500` are halves, too.
        let half = match part.split_first() {
            None => 0,
            Some((first, zeros)) if zeros.iter().all(|digit| *digit == b'0') => match first {
                b'0' => 0,
                b'5' => 1,
                _ => return Err(fault(Problem::BadRam)),
            },
            Some(_) => return Err(fault(Problem::BadRam)),
        };
        let half_gib = decimal(whole)
            .and_then(|whole| whole.checked_mul(2)?.checked_add(half))
            .ok_or_else(|| fault(Problem::TooLarge("the memory")))?;
        if half_gib == 0 {
            return Err(fault(Problem::BadRam));
        }
        let no_ecc = self.take_byte(b'u');
        Ok(Ram { half_gib, no_ecc, oversubscribed: self.take_byte(b'o') })
    }

    fn disk(&mut self) -> Result<Option<Disk>, ParseError> {
        // In the old spelling sizes and extensions have different marks, so nothing is ambiguous.
        if !self.take_byte(self.syntax.size()) {
            return Ok(None);
        }
        let start = self.at;
        let first = self.number("the number or size of disks")?;
        let (count, size) = if self.take_byte(b'x') {
            (first, self.number("the size of disks")?)
        } else {
            (Some(1), first)
        };
        let fault = |problem| ParseError { at: start, problem };
        if self.mode == Mode::Standard {
            if count.is_none() {
                return Err(fault(Problem::NoDiskCount));
            }
            if size.is_none() {
                return Err(fault(Problem::NoDiskSize));
            }
        }
        let count = count.unwrap_or(1);
        if count > MOST_DISKS {
            return Err(fault(Problem::TooLarge("the number of disks")));
        }
        let kind = self.peek().and_then(DiskType::of);
        self.at += usize::from(kind.is_some());
        Ok(Some(Disk { count, size, kind }))
    }

    fn hypervisor(&mut self) -> Option<Hypervisor> {
        // The old spelling ended before Cloud Hypervisor came.
        let all = Hypervisor::ALL.as_slice();
        let known = if self.syntax == Syntax::V1 { all.split_last()?.1 } else { all };
        known.iter().copied().find(|hypervisor| self.extension(hypervisor.letters().as_bytes()))
    }

    /// The mark of an extension, and one of the letters after it.
    fn marked<T>(&self, of: impl Fn(u8) -> Option<T>) -> Option<T> {
        let [mark, letter, ..] = self.rest() else { return None };
        if *mark == self.syntax.extension() { of(*letter) } else { None }
    }

    /// Up to `most` letters `h`.
    fn marks(&mut self, most: u8) -> u8 {
        let mut marks = 0;
        while marks < most && self.take_byte(b'h') {
            marks += 1;
        }
        marks
    }

    fn cpu(&mut self) -> Result<Option<CpuBrand>, ParseError> {
        let Some(vendor) = self.marked(CpuVendor::of) else { return Ok(None) };
        let start = self.at;
        self.at += 2;
        let digits = self.digits();
        let frequency = self.marks(3);
        if self.peek().is_some_and(|next| next != self.syntax.extension()) {
            // Another extension with the same first letter, such as `_ib`.
            self.at = start;
            return Ok(None);
        }
        let fault = ParseError { at: start + 2, problem: Problem::CpuGeneration };
        let generation = if digits.is_empty() {
            if self.mode == Mode::Upstream && !vendor.upstream_takes_it_alone() {
                return Err(fault);
            }
            None
        } else {
            let odd = digits.len() > 1 && digits.starts_with(b"0") && self.mode == Mode::Standard;
            let known = decimal(digits)
                .and_then(|number| u8::try_from(number).ok())
                .filter(|number| *number <= vendor.newest_generation() && !odd);
            Some(known.ok_or(fault)?)
        };
        Ok(Some(CpuBrand { vendor, generation, frequency }))
    }

    fn gpu(&mut self) -> Result<Option<Gpu>, ParseError> {
        let Some(pass_through) = self.marked(|letter| match letter {
            b'G' => Some(true),
            b'g' => Some(false),
            _ => None,
        }) else {
            return Ok(None);
        };
        let Some(vendor) = self.rest().get(2).copied().and_then(GpuVendor::of) else {
            return Ok(None);
        };
        self.at += 3;
        let generation = self.gpu_generation(vendor)?;
        let units = self.sized("the number of compute units")?;
        let performance = self.marks(2);
        let vram = self.sized("the video memory")?;
        let bandwidth = if vram.is_some() { self.marks(2) } else { 0 };
        Ok(Some(Gpu { pass_through, vendor, generation, units, performance, vram, bandwidth }))
    }

    /// The generation runs to the next size or `h`. The upstream tools let it run over the mark of
    /// the next extension, too, so that `_GNa_ib` has the generation `a_ib`, which does not exist.
    fn gpu_generation(&mut self, vendor: GpuVendor) -> Result<&'static str, ParseError> {
        let rest = self.rest();
        let ends = |byte: &u8| {
            *byte == self.syntax.size()
                || *byte == b'h'
                || (self.mode == Mode::Standard && *byte == self.syntax.extension())
        };
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        let (written, _) = rest.split_at(length);
        if written.is_empty() {
            return Ok("");
        }
        let known = vendor.generations().iter().find(|known| known.as_bytes() == written);
        let known = known.ok_or_else(|| self.fault(Problem::GpuGeneration))?;
        self.at += length;
        Ok(known)
    }

    /// A size with its mark; nothing if no digits follow the mark.
    fn sized(&mut self, what: &'static str) -> Result<Option<u32>, ParseError> {
        let follows = matches!(self.rest(), [mark, digit, ..]
            if *mark == self.syntax.size() && digit.is_ascii_digit());
        if !follows {
            return Ok(None);
        }
        self.at += 1;
        self.number(what)
    }
}

/// The number these digits write; 0 for none of them.
fn decimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, digit| {
        number.checked_mul(10)?.checked_add(u32::from(digit - b'0'))
    })
}
