//! What a name promises, for people.

use super::{CpuBrand, Disk, FlavorName, Gpu, Ram};

/// The promise as parts: what it is about, and a phrase that says it.
pub fn explain(flavor: &FlavorName) -> Vec<(&'static str, String)> {
    let mut parts = vec![("CPU", cpus(flavor)), ("memory", ram(flavor.ram))];
    let disk = flavor.disk.map_or_else(|| "none; boot from a volume".to_owned(), disk);
    parts.push(("disk", disk));
    if let Some(hypervisor) = flavor.hypervisor {
        parts.push(("hypervisor", hypervisor.about().to_owned()));
    }
    if flavor.hardware_virtualisation {
        parts.push(("virtualisation", "can be used inside the server".to_owned()));
    }
    if let Some(cpu) = flavor.cpu {
        parts.push(("make of the CPU", brand(cpu)));
    }
    if let Some(gpu) = &flavor.gpu {
        parts.push(("GPU", graphics(gpu)));
    }
    if flavor.infiniband {
        parts.push(("network", "InfiniBand".to_owned()));
    }
    parts
}

fn cpus(flavor: &FlavorName) -> String {
    let insecure = if flavor.insecure {
        ", without all mitigations against attacks across threads"
    } else {
        ""
    };
    format!("{} {}{insecure}", flavor.cpus, flavor.cpu_type.about())
}

fn ram(ram: Ram) -> String {
    let half = if ram.half_gib % 2 == 1 { ".5" } else { "" };
    let ecc = if ram.no_ecc { ", without error correction" } else { "" };
    let over = if ram.oversubscribed { ", oversubscribed" } else { "" };
    format!("{}{half} GiB{ecc}{over}", ram.half_gib / 2)
}

fn disk(disk: Disk) -> String {
    let size = disk.size.map_or_else(|| "of unknown size".to_owned(), |size| format!("{size} GB"));
    let number = if disk.count == 1 { String::new() } else { format!("{} times ", disk.count) };
    let kind = disk.kind.map_or("on storage of any kind", super::DiskType::about);
    format!("{number}{size} {kind}")
}

fn brand(cpu: CpuBrand) -> String {
    let generation = cpu
        .generation
        .map_or_else(|| ", any generation".to_owned(), |number| format!(", generation {number}"));
    let frequency = match cpu.frequency {
        0 => "",
        1 => ", high frequency (over 2.75 GHz)",
        2 => ", higher frequency (over 3.25 GHz)",
        _ => ", highest frequency (over 3.75 GHz)",
    };
    format!("{}{generation}{frequency}", cpu.vendor.about())
}

fn graphics(gpu: &Gpu) -> String {
    let how = if gpu.pass_through { "passed through" } else { "shared" };
    let mut parts = vec![format!("{} GPU", gpu.vendor.about()), how.to_owned()];
    if !gpu.generation.is_empty() {
        parts.push(format!("generation {}", gpu.generation));
    }
    parts.extend(gpu.units.map(|units| format!("{units} compute units")));
    if gpu.performance > 0 {
        parts.push("high performance".to_owned());
    }
    parts.extend(gpu.vram.map(|vram| format!("{vram} GiB of video memory")));
    if gpu.bandwidth > 0 {
        parts.push("high bandwidth".to_owned());
    }
    parts.join(", ")
}
