//! The extra specs that a name stands for.

use std::borrow::Cow;

use super::{DiskType, FlavorName, Syntax};

/// Extra specs, in the order in which they are shown.
pub type ExtraSpecs = Vec<(Cow<'static, str>, Cow<'static, str>)>;

/// The extra specs that users find the flavor by: its names, how its CPUs and disks are shared.
///
/// The names are those of the full and of the short promise in both spellings, longest first, the
/// old spelling before the present one. Disks of unspecified kind count as network storage.
pub fn extra_specs(flavor: &FlavorName) -> ExtraSpecs {
    let short = flavor.short();
    let mut specs: ExtraSpecs = Vec::with_capacity(6);
    let mut number = 0;
    let mut name = |flavor: &FlavorName, specs: &mut ExtraSpecs| {
        for syntax in [Syntax::V1, Syntax::V2] {
            number += 1;
            let key = match number {
                1 => Cow::Borrowed("scs:name-v1"),
                2 => Cow::Borrowed("scs:name-v2"),
                3 => Cow::Borrowed("scs:name-v3"),
                _ => Cow::Borrowed("scs:name-v4"),
            };
            let mut text = String::with_capacity(40);
            flavor.push_to(&mut text, syntax);
            specs.push((key, text.into()));
        }
    };
    name(flavor, &mut specs);
    if short.to_string() != flavor.to_string() {
        name(&short, &mut specs);
    }
    specs.push(("scs:cpu-type".into(), flavor.cpu_type.extra_spec().into()));
    if let Some(disk) = flavor.disk {
        let kind = disk.kind.unwrap_or(DiskType::Network).extra_spec();
        for index in 0..disk.count {
            let key = match index {
                0 => Cow::Borrowed("scs:disk0-type"),
                more => format!("scs:disk{more}-type").into(),
            };
            specs.push((key, kind.into()));
        }
    }
    specs
}
