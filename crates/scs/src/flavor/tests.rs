use proptest::prelude::*;

use super::*;

fn parsed(name: &str, mode: Mode) -> FlavorName {
    FlavorName::parse(name, mode).unwrap_or_else(|error| panic!("{name}: {error}")).flavor
}

fn problem(name: &str, mode: Mode) -> Problem {
    FlavorName::parse(name, mode).expect_err(name).problem
}

const BOTH: [Mode; 2] = [Mode::Upstream, Mode::Standard];

#[test]
fn a_name_with_everything_is_read_and_written_again() {
    let name = "SCS-16Ti-64.5uo-3x10s_bms_hwv_z3hh_GNa-64h-40hh_ib";
    for mode in BOTH {
        let flavor = parsed(name, mode);
        assert_eq!(flavor.to_string(), name);
        assert_eq!((flavor.cpus, flavor.cpu_type, flavor.insecure), (16, CpuType::Thread, true));
        assert_eq!(flavor.ram, Ram { half_gib: 129, no_ecc: true, oversubscribed: true });
        let disk = Disk { count: 3, size: Some(10), kind: Some(DiskType::Ssd) };
        assert_eq!(flavor.disk, Some(disk));
        let gpu = flavor.gpu.unwrap();
        assert_eq!((gpu.generation, gpu.units, gpu.vram), ("a", Some(64), Some(40)));
        assert_eq!((gpu.performance, gpu.bandwidth), (1, 2));
    }
}

#[test]
fn the_old_spelling_becomes_the_present_one() {
    for (old, present) in [
        ("SCS-4V:16", "SCS-4V-16"),
        ("SCS-2V:4:20n-kvm-hwv-z3h-GNa:64-ib", "SCS-2V-4-20n_kvm_hwv_z3h_GNa-64_ib"),
        ("SCS-8T:32.5u:2x50p", "SCS-8T-32.5u-2x50p"),
    ] {
        let read = FlavorName::parse(old, Mode::Standard).unwrap();
        assert_eq!((read.syntax, read.flavor.to_string().as_str()), (Syntax::V1, present));
        assert_eq!(read.flavor.spelt(Syntax::V1).to_string(), old);
    }
}

#[test]
fn mixed_spellings_and_words_the_old_one_lacks_are_refused() {
    for mode in BOTH {
        for name in ["SCS-4V:16_kvm", "SCS-4V:16-20", "SCS-4V-16:20", "SCS-4V:16-chy"] {
            assert!(FlavorName::parse(name, mode).is_err(), "{name}");
        }
        assert!(FlavorName::parse("SCS-4V-16_chy", mode).is_ok());
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (name, at, wanted) in [
        ("m1.small", 0, Problem::NoPrefix),
        ("SCS-V-4", 4, Problem::NoCpus),
        ("SCS-0V-4", 4, Problem::Zero("the number of virtual CPUs")),
        ("SCS-4X-4", 5, Problem::NoCpuType),
        ("SCS-4V", 6, Problem::NoRam),
        ("SCS-4V-", 7, Problem::NoRam),
        ("SCS-4V-0", 7, Problem::BadRam),
        ("SCS-4V-1.3", 7, Problem::BadRam),
        ("SCS-4V-16ou", 10, Problem::Rest),
        ("SCS-4V-16-0", 10, Problem::Zero("the number or size of disks")),
        ("SCS-4V-16-0x10", 10, Problem::Zero("the number or size of disks")),
        ("SCS-4V-16-10q", 12, Problem::Rest),
        ("SCS-4V-16_foo", 9, Problem::Rest),
        ("SCS-4V-16_hwv_kvm", 13, Problem::Rest),
        ("SCS-4V-16_kvm_kvm", 13, Problem::Rest),
        ("SCS-4V-16_i7", 11, Problem::CpuGeneration),
        ("SCS-4V-16_r1", 11, Problem::CpuGeneration),
        ("SCS-4V-16_z3hhhh", 9, Problem::Rest),
        ("SCS-4V-16_GNz", 12, Problem::GpuGeneration),
        ("SCS-4V-16_GNa-0", 14, Problem::Zero("the number of compute units")),
        ("SCS-99999999999V-4", 4, Problem::TooLarge("the number of virtual CPUs")),
        ("SCS-4V-16 ", 9, Problem::Rest),
    ] {
        for mode in BOTH {
            let error = FlavorName::parse(name, mode).expect_err(name);
            assert_eq!((error.at, error.problem), (at, wanted), "{name} {mode}");
        }
    }
}

#[test]
fn the_generations_are_those_of_the_tables() {
    for mode in BOTH {
        for (vendor, newest) in [('i', 6), ('z', 6), ('a', 5), ('r', 0)] {
            for generation in 0..=9 {
                let name = format!("SCS-4V-16_{vendor}{generation}");
                let known = FlavorName::parse(&name, mode).is_ok();
                assert_eq!(known, generation <= newest, "{name}");
            }
        }
        for vendor in GpuVendor::ALL {
            for generation in vendor.generations().iter().chain(&[""]) {
                let name = format!("SCS-4V-16_g{}{generation}", char::from(vendor.letter()));
                assert_eq!(parsed(&name, mode).to_string(), name);
            }
            let name = format!("SCS-4V-16_g{}9", char::from(vendor.letter()));
            assert_eq!(problem(&name, mode), Problem::GpuGeneration);
        }
    }
}

#[test]
fn the_upstream_tools_want_a_generation_for_two_makes_of_cpu() {
    for name in ["SCS-4V-16_z", "SCS-4V-16_a"] {
        assert_eq!(problem(name, Mode::Upstream), Problem::CpuGeneration);
        assert_eq!(parsed(name, Mode::Standard).to_string(), name);
    }
    for name in ["SCS-4V-16_i", "SCS-4V-16_r", "SCS-4V-16_ih"] {
        assert_eq!(parsed(name, Mode::Upstream).to_string(), name);
    }
}

#[test]
fn upstream_takes_odd_numbers_and_the_standard_does_not() {
    for (odd, canonical, wanted) in [
        ("SCS-04V-16", "SCS-4V-16", Problem::OddNumber("the number of virtual CPUs")),
        ("SCS-4V-016", "SCS-4V-16", Problem::OddNumber("the memory")),
        ("SCS-4V-4.", "SCS-4V-4", Problem::OddNumber("the memory")),
        ("SCS-4V-.5", "SCS-4V-0.5", Problem::OddNumber("the memory")),
        ("SCS-4V-16-x10", "SCS-4V-16-10", Problem::NoDiskCount),
        ("SCS-4V-16-3x", "SCS-4V-16-3x", Problem::NoDiskSize),
        ("SCS-4V-16-", "SCS-4V-16-", Problem::NoDiskSize),
        ("SCS-4V-16-n", "SCS-4V-16-n", Problem::NoDiskSize),
        ("SCS-4V-16-010", "SCS-4V-16-10", Problem::OddNumber("the number or size of disks")),
    ] {
        assert_eq!(parsed(odd, Mode::Upstream).to_string(), canonical);
        assert_eq!(problem(odd, Mode::Standard), wanted, "{odd}");
    }
    for name in ["SCS-4V-16_i0", "SCS-4V-4.0", "SCS-4V-4.50"] {
        assert!(BOTH.iter().all(|mode| FlavorName::parse(name, *mode).is_ok()), "{name}");
    }
}

#[test]
fn upstream_reads_infiniband_after_a_gpu_as_its_generation() {
    for name in ["SCS-4V-16_GNa_ib", "SCS-4V-16_GN_ib"] {
        assert_eq!(problem(name, Mode::Upstream), Problem::GpuGeneration);
        assert!(parsed(name, Mode::Standard).infiniband);
    }
    for mode in BOTH {
        assert!(parsed("SCS-4V-16_GNa-64_ib", mode).infiniband);
    }
}

#[test]
fn canonical_names_leave_out_what_goes_without_saying() {
    for (name, canonical) in [
        ("SCS-4V-16-1x20", "SCS-4V-16-20"),
        ("SCS-4V-16_i0", "SCS-4V-16_i"),
        ("SCS-4V-16.0", "SCS-4V-16"),
        ("SCS-4V-2.50", "SCS-4V-2.5"),
    ] {
        assert_eq!(parsed(name, Mode::Upstream).to_string(), canonical);
    }
}

#[test]
fn short_names_say_what_users_need() {
    for (long, short) in [
        ("SCS-16T-64-3x10s_bms_hwv_z3hh_GNa-64h-40hh_ib", "SCS-16T-64-3x10s_GNa-64-40_ib"),
        ("SCS-4V-16_kvm_a4h", "SCS-4V-16_a"),
        ("SCS-4V-16_r0", "SCS-4V-16_r"),
        ("SCS-4V-16_i3", "SCS-4V-16"),
        ("SCS-4V-16", "SCS-4V-16"),
    ] {
        assert_eq!(parsed(long, Mode::Standard).short().to_string(), short);
    }
}

#[test]
fn extra_specs_carry_all_names_longest_first() {
    let specs = extra_specs(&parsed("SCS-2C-4-2x20_kvm", Mode::Standard));
    let specs: Vec<_> = specs.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(
        specs,
        [
            ("scs:name-v1", "SCS-2C:4:2x20-kvm"),
            ("scs:name-v2", "SCS-2C-4-2x20_kvm"),
            ("scs:name-v3", "SCS-2C:4:2x20"),
            ("scs:name-v4", "SCS-2C-4-2x20"),
            ("scs:cpu-type", "dedicated-core"),
            ("scs:disk0-type", "network"),
            ("scs:disk1-type", "network"),
        ]
    );
}

#[test]
fn a_name_is_explained_part_by_part() {
    let parts = explain(&parsed("SCS-4T-16u-2x50p_kvm_z3h_GNa-64", Mode::Standard));
    let parts: Vec<_> = parts.iter().map(|(what, text)| (*what, text.as_str())).collect();
    assert_eq!(
        parts,
        [
            ("CPU", "4 virtual CPUs with dedicated threads"),
            ("memory", "16 GiB, without error correction"),
            ("disk", "2 times 50 GB on local NVMe"),
            ("hypervisor", "KVM"),
            ("make of the CPU", "AMD, generation 3, high frequency (over 2.75 GHz)"),
            ("GPU", "Nvidia GPU, passed through, generation a, 64 compute units"),
        ]
    );
}

fn any_flavor() -> impl Strategy<Value = FlavorName> {
    let of = proptest::option::of::<BoxedStrategy<u32>>;
    let number = (1_u32..=9999).boxed();
    let base = (
        number.clone(),
        proptest::sample::select(&CpuType::ALL[..]),
        any::<bool>(),
        number.clone(),
        any::<bool>(),
        any::<bool>(),
    );
    let disk = proptest::option::of((
        1_u32..=20,
        number.clone(),
        proptest::option::of(proptest::sample::select(&DiskType::ALL[..])),
    ));
    let cpu = proptest::option::of(proptest::sample::select(&CpuVendor::ALL[..]).prop_flat_map(
        |vendor| {
            // 0 is left out of canonical names.
            let known = 1..=vendor.newest_generation().max(1);
            let generation = proptest::option::of(known).prop_map(move |number| {
                number.filter(|number| *number <= vendor.newest_generation())
            });
            (Just(vendor), generation, 0_u8..=3)
        },
    ));
    let gpu = proptest::option::of(proptest::sample::select(&GpuVendor::ALL[..]).prop_flat_map(
        move |vendor| {
            let known: Vec<&str> = vendor.generations().iter().copied().chain([""]).collect();
            let sizes = (of((1_u32..=999).boxed()), 0_u8..=2, of((1_u32..=999).boxed()), 0_u8..=2);
            (any::<bool>(), Just(vendor), proptest::sample::select(known), sizes)
        },
    ));
    let hypervisor = proptest::option::of(proptest::sample::select(&Hypervisor::ALL[..]));
    (base, disk, hypervisor, any::<bool>(), cpu, gpu, any::<bool>()).prop_map(
        |(base, disk, hypervisor, hardware_virtualisation, cpu, gpu, infiniband)| {
            let (cpus, cpu_type, insecure, half_gib, no_ecc, oversubscribed) = base;
            FlavorName {
                cpus,
                cpu_type,
                insecure,
                ram: Ram { half_gib, no_ecc, oversubscribed },
                disk: disk.map(|(count, size, kind)| Disk { count, size: Some(size), kind }),
                hypervisor,
                hardware_virtualisation,
                cpu: cpu.map(|(vendor, generation, frequency)| CpuBrand {
                    vendor,
                    generation,
                    frequency,
                }),
                gpu: gpu.map(|(pass_through, vendor, generation, sizes)| {
                    let (units, performance, vram, bandwidth) = sizes;
                    Gpu {
                        pass_through,
                        vendor,
                        generation,
                        // Without units, a number after the generation would be read as them, and
                        // marks that nothing separates belong to the first.
                        units: units.or(if performance == 0 { vram } else { None }),
                        performance,
                        vram: if performance == 0 && units.is_none() { None } else { vram },
                        bandwidth: if vram.is_none() || (performance == 0 && units.is_none()) {
                            0
                        } else {
                            bandwidth
                        },
                    }
                }),
                infiniband,
            }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(flavor in any_flavor()) {
        let name = flavor.to_string();
        let read = FlavorName::parse(&name, Mode::Standard);
        prop_assert_eq!(read, Ok(Parsed { flavor, syntax: Syntax::V2 }), "{}", name);
    }

    #[test]
    fn the_old_spelling_says_the_same(flavor in any_flavor()) {
        let flavor = FlavorName {
            hypervisor: flavor.hypervisor.filter(|one| *one != Hypervisor::CloudHypervisor),
            ..flavor
        };
        let name = flavor.spelt(Syntax::V1).to_string();
        prop_assert_eq!(FlavorName::parse_as(&name, Syntax::V1, Mode::Standard), Ok(flavor), "{}", name);
    }

    #[test]
    fn no_text_makes_it_panic_and_canonical_names_stay(text in "(SCS-)?[0-9LVTCiuonhspxkvmGNAIzar_:.-]{0,30}|\\PC{0,20}") {
        for mode in [Mode::Upstream, Mode::Standard] {
            if let Ok(read) = FlavorName::parse(&text, mode) {
                let canonical = read.flavor.to_string();
                // Upstream forgets generation 0 and then wants one.
                let again = FlavorName::parse(&canonical, Mode::Standard)
                    .or_else(|_| FlavorName::parse(&canonical, Mode::Upstream));
                prop_assert_eq!(again.map(|again| again.flavor.to_string()), Ok(canonical));
            }
        }
    }
}
