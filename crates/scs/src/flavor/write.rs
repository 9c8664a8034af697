//! Writing names: the canonical spelling.

use std::fmt;

use super::{Disk, FlavorName, Gpu, PREFIX, Syntax};

impl fmt::Display for FlavorName {
    /// The canonical name in the present spelling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spelt(Syntax::V2).fmt(f)
    }
}

/// A name in a spelling; writing it shows it.
#[derive(Clone, Copy, Debug)]
pub struct Spelt {
    flavor: FlavorName,
    syntax: Syntax,
}

impl FlavorName {
    /// The canonical name in this spelling.
    pub const fn spelt(self, syntax: Syntax) -> Spelt {
        Spelt { flavor: self, syntax }
    }

    /// Appends the canonical name in this spelling; faster than formatting where many are written.
    pub fn push_to(&self, text: &mut String, syntax: Syntax) {
        Pen { text, syntax }.flavor(self);
    }
}

impl fmt::Display for Spelt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(48);
        self.flavor.push_to(&mut text, self.syntax);
        f.pad(&text)
    }
}

struct Pen<'a> {
    text: &'a mut String,
    syntax: Syntax,
}

impl Pen<'_> {
    fn flavor(&mut self, flavor: &FlavorName) {
        self.text.push_str(PREFIX);
        self.number(flavor.cpus);
        self.letter(flavor.cpu_type.letter());
        self.letter_if(flavor.insecure, b'i');
        self.letter(self.syntax.size());
        self.number(flavor.ram.half_gib / 2);
        if flavor.ram.half_gib % 2 == 1 {
            self.text.push_str(".5");
        }
        self.letter_if(flavor.ram.no_ecc, b'u');
        self.letter_if(flavor.ram.oversubscribed, b'o');
        if let Some(disk) = flavor.disk {
            self.disk(disk);
        }
        if let Some(hypervisor) = flavor.hypervisor {
            self.extension(hypervisor.letters());
        }
        if flavor.hardware_virtualisation {
            self.extension("hwv");
        }
        if let Some(cpu) = flavor.cpu {
            self.letter(self.syntax.extension());
            self.letter(cpu.vendor.letter());
            if let Some(generation @ 1..) = cpu.generation {
                self.number(u32::from(generation));
            }
            self.marks(cpu.frequency);
        }
        if let Some(gpu) = &flavor.gpu {
            self.gpu(gpu);
        }
        if flavor.infiniband {
            self.extension("ib");
        }
    }

    fn disk(&mut self, disk: Disk) {
        self.letter(self.syntax.size());
        if disk.count != 1 {
            self.number(disk.count);
            self.letter(b'x');
        }
        if let Some(size) = disk.size {
            self.number(size);
        }
        if let Some(kind) = disk.kind {
            self.letter(kind.letter());
        }
    }

    fn gpu(&mut self, gpu: &Gpu) {
        self.letter(self.syntax.extension());
        self.letter(if gpu.pass_through { b'G' } else { b'g' });
        self.letter(gpu.vendor.letter());
        self.text.push_str(gpu.generation);
        self.sized(gpu.units);
        self.marks(gpu.performance);
        self.sized(gpu.vram);
        self.marks(gpu.bandwidth);
    }

    fn sized(&mut self, number: Option<u32>) {
        if let Some(number) = number {
            self.letter(self.syntax.size());
            self.number(number);
        }
    }

    fn extension(&mut self, letters: &str) {
        self.letter(self.syntax.extension());
        self.text.push_str(letters);
    }

    fn letter_if(&mut self, wanted: bool, letter: u8) {
        if wanted {
            self.letter(letter);
        }
    }

    fn letter(&mut self, letter: u8) {
        self.text.push(char::from(letter));
    }

    fn marks(&mut self, number: u8) {
        for _ in 0..number {
            self.letter(b'h');
        }
    }

    fn number(&mut self, number: u32) {
        let mut rest = number;
        let mut divisor = 1;
        while rest >= 10 {
            rest /= 10;
            divisor *= 10;
        }
        while divisor > 0 {
            let digit = number / divisor % 10;
            self.letter(b'0' + u8::try_from(digit).unwrap_or(0));
            divisor /= 10;
        }
    }
}
