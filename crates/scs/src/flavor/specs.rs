//! The extra specs that a name stands for.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::{DiskType, FlavorName, Syntax};

/// Extra specs, in the order in which they are shown.
pub type ExtraSpecs = Vec<(Cow<'static, str>, Cow<'static, str>)>;

/// The keys of names, in the order in which names are numbered.
const NAMES: [&str; 4] = ["scs:name-v1", "scs:name-v2", "scs:name-v3", "scs:name-v4"];

/// The extra specs that users find the flavor by: its names, how its CPUs and disks are shared.
///
/// The names are those of the full and of the short promise in both spellings, longest first, the
/// old spelling before the present one. Disks of unspecified kind count as network storage.
pub fn extra_specs(flavor: &FlavorName) -> ExtraSpecs {
    let mut specs: ExtraSpecs = Vec::with_capacity(6);
    each_extra_spec(flavor, &mut String::with_capacity(200), |key, value| {
        let known = NAMES.into_iter().find(|known| *known == key);
        let key = known.map_or_else(|| Cow::Owned(key.to_owned()), Cow::Borrowed);
        specs.push((key, Cow::Owned(value.to_owned())));
    });
    specs
}

/// The same extra specs one by one, for those who read millions of names: nothing is allocated but
/// what `scratch` lacks.
pub fn each_extra_spec(
    flavor: &FlavorName,
    scratch: &mut String,
    mut each: impl FnMut(&str, &str),
) {
    scratch.clear();
    let short = flavor.short();
    let mut ends = [0; 4];
    let names =
        [(flavor, Syntax::V1), (flavor, Syntax::V2), (&short, Syntax::V1), (&short, Syntax::V2)];
    for (end, (promise, syntax)) in ends.iter_mut().zip(names) {
        promise.push_to(scratch, syntax);
        *end = scratch.len();
    }
    let [old, new, short_old, short_new] = ends;
    let written = |from: usize, to: usize| scratch.get(from..to).unwrap_or_default();
    let (full, short) = (written(old, new), written(short_old, short_new));
    each(NAMES[0], written(0, old));
    each(NAMES[1], full);
    if full != short {
        each(NAMES[2], written(new, short_old));
        each(NAMES[3], short);
    }
    each("scs:cpu-type", flavor.cpu_type.extra_spec());
    let Some(disk) = flavor.disk else { return };
    let kind = disk.kind.unwrap_or(DiskType::Network).extra_spec();
    for index in 0..disk.count {
        if index == 0 {
            each("scs:disk0-type", kind);
        } else {
            scratch.clear();
            // Writing to a string cannot fail.
            write!(scratch, "scs:disk{index}-type").ok();
            each(scratch, kind);
        }
    }
}
