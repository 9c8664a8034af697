//! Flavors: scs-0100 and scs-0103.

use lotse_scs::Mode;
use lotse_scs::flavor::{DiskType, FlavorName, PREFIX, Problem, Syntax};
use lotse_scs::standard_flavors::StandardFlavor;
use serde_json::Value;

use super::{
    Case, all_keep, breaks, none_there, number, object, shown, text, unanswered, worth_knowing,
};
use crate::model::{Finding, Judgement, Reason, Verdict};
use crate::snapshot::Item;

const KIND: &str = "flavor";
const WHAT: &str = "the flavors";

/// The flavors whose names claim to follow the standard.
fn claiming(flavors: &[Item]) -> impl Iterator<Item = (&Item, &str)> {
    flavors
        .iter()
        .filter_map(|flavor| Some((flavor, text(flavor, "name")?)))
        .filter(|(_, name)| name.starts_with(PREFIX))
}

/// Names that begin with `SCS-` follow the grammar.
pub(super) fn syntax(case: &Case<'_>) -> Judgement {
    let Some(flavors) = case.snapshot.flavors.given() else {
        return unanswered(&case.snapshot.flavors, WHAT);
    };
    let mut findings = Vec::new();
    let mut examined = 0;
    for (flavor, name) in claiming(flavors) {
        examined += 1;
        match FlavorName::parse(name, case.mode) {
            Ok(parsed) if parsed.syntax == Syntax::V1 => findings.push(worth_knowing(
                object(KIND, flavor),
                format!("the name has the old spelling; today it is {}", parsed.flavor),
            )),
            Ok(_) => {}
            Err(error) => findings.push(breaks(object(KIND, flavor), error.to_string())),
        }
    }
    if examined == 0 {
        return none_there(case, "flavors with names that begin with SCS-");
    }
    all_keep(examined, findings, "names")
}

/// What is there is at least what the name promises.
pub(super) fn semantics(case: &Case<'_>) -> Judgement {
    let Some(flavors) = case.snapshot.flavors.given() else {
        return unanswered(&case.snapshot.flavors, WHAT);
    };
    let mut findings = Vec::new();
    let mut examined = 0;
    for (flavor, name) in claiming(flavors) {
        // Names that are not understood are a matter of the syntax.
        let Some(parsed) = read_for_semantics(name, case.mode) else { continue };
        examined += 1;
        if case.mode == Mode::Upstream && parsed.disk.is_some_and(|disk| disk.size.is_none()) {
            return Judgement::new(
                Verdict::Abort,
                Reason::UpstreamGivesUp,
                format!("the upstream tools compare a disk with nothing in {name} and give up"),
            );
        }
        broken_promises(flavor, &parsed, &mut findings);
    }
    if examined == 0 {
        return none_there(case, "flavors with names of the standard");
    }
    all_keep(examined, findings, "flavors")
}

/// A disk without size is a mistake in the name, and promises no size.
fn read_for_semantics(name: &str, mode: Mode) -> Option<FlavorName> {
    match FlavorName::parse(name, mode) {
        Ok(parsed) => Some(parsed.flavor),
        Err(error) if error.problem == Problem::NoDiskSize => {
            FlavorName::parse(name, Mode::Upstream).ok().map(|parsed| parsed.flavor)
        }
        Err(_) => None,
    }
}

fn broken_promises(flavor: &Item, promise: &FlavorName, findings: &mut Vec<Finding>) {
    let mut compare = |what: &str, kept: Option<bool>, found: &str, promised: String| {
        let evidence = match kept {
            Some(true) => return,
            Some(false) => format!("{what}: {found}, promised {promised}"),
            None => format!("{what}: {found} cannot be compared with the promised {promised}"),
        };
        findings.push(breaks(object(KIND, flavor), evidence));
    };
    let cpus = number(flavor, "vcpus");
    compare(
        "virtual CPUs",
        cpus.map(|cpus| cpus >= i64::from(promise.cpus)),
        &shown(flavor.get("vcpus")),
        promise.cpus.to_string(),
    );
    let ram = number(flavor, "ram");
    compare(
        "memory in MiB",
        ram.map(|ram| tenths_of_gib(ram) >= i64::from(promise.ram.half_gib) * 5),
        &shown(flavor.get("ram")),
        promise.ram.mib().to_string(),
    );
    let promised = promise.disk_gb();
    let disk = number(flavor, "disk");
    compare(
        "disk in GB",
        disk.map(|disk| disk >= i64::from(promised)),
        &shown(flavor.get("disk")),
        promised.to_string(),
    );
}

/// Tenths of a GiB, with the half of a tenth in favour of the flavor: 4045 MiB are 4.0 GiB.
const fn tenths_of_gib(mib: i64) -> i64 {
    (mib + 51) * 10 / 1024
}

/// A flavor of the standard is there, exactly.
pub(super) fn standard(case: &Case<'_>, wanted: &StandardFlavor) -> Judgement {
    let Some(flavors) = case.snapshot.flavors.given() else {
        return unanswered(&case.snapshot.flavors, WHAT);
    };
    let (Ok(promise), Ok(specs)) = (wanted.promise(), wanted.extra_specs()) else {
        let summary = format!("{} is no name of a flavor", wanted.name);
        return Judgement::new(Verdict::Abort, Reason::Unknown, summary);
    };
    let Some(flavor) = matching(flavors, wanted.name) else {
        return Judgement::new(
            Verdict::Fail,
            Reason::Absent,
            format!("there is no flavor {}", wanted.name),
        );
    };
    let mut findings = Vec::new();
    let mut differs = |what: &str, found: Option<&Value>, wanted: String| {
        let evidence = format!("{what}: {}, must be {wanted}", shown(found));
        findings.push(breaks(object(KIND, flavor), evidence));
    };
    let sizes = [
        ("vcpus", i64::from(promise.cpus)),
        ("ram", i64::try_from(promise.ram.mib()).unwrap_or(i64::MAX)),
        ("disk", i64::from(promise.disk_gb())),
    ];
    for (key, value) in sizes {
        if number(flavor, key) != Some(value) {
            differs(key, flavor.get(key), value.to_string());
        }
    }
    let any_disk =
        case.mode == Mode::Standard && promise.disk.is_some_and(|disk| disk.kind.is_none());
    let found = flavor.get("extra_specs").and_then(Value::as_object);
    for (key, value) in &specs {
        let value_found = found.and_then(|specs| specs.get(&**key));
        let kept = match value_found.and_then(Value::as_str) {
            // The name says nothing of the kind of disk, so the text allows any.
            Some(kind) if any_disk && key.ends_with("-type") && key.starts_with("scs:disk") => {
                DiskType::ALL.iter().any(|known| known.extra_spec() == kind)
            }
            None if any_disk && key.starts_with("scs:disk") => true,
            found => found == Some(&**value),
        };
        if !kept {
            differs(&format!("extra spec {key}"), value_found, format!("\"{value}\""));
        }
    }
    let mut judgement = all_keep(1, findings, "flavors");
    judgement.summary = match judgement.verdict {
        Verdict::Pass => format!("the flavor {} is there as the standard has it", wanted.name),
        _ => format!("the flavor {} differs from the standard", wanted.name),
    };
    judgement
}

/// The flavor that says it is the one wanted by its extra spec, the last one if there are several;
/// else the one with the name.
pub(crate) fn matching<'a>(flavors: &'a [Item], wanted: &str) -> Option<&'a Item> {
    let says = |flavor: &&Item| {
        let specs = flavor.get("extra_specs").and_then(Value::as_object);
        let name = specs.and_then(|specs| specs.get("scs:name-v2")).and_then(Value::as_str);
        // Without the extra spec, the name speaks.
        name.or_else(|| text(flavor, "name")) == Some(wanted)
    };
    flavors.iter().rfind(says)
}
