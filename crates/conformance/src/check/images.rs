//! Image metadata: scs-0102, but for how old images are.

use std::collections::BTreeMap;

use lotse_scs::{Mode, date, image};
use serde_json::Value;

use super::{
    Case, all_keep, breaks, none_there, number, object, shown, text, unanswered, worth_knowing,
};
use crate::model::{Finding, Judgement, Reason, Verdict};
use crate::snapshot::Item;
use crate::testcase::Property;

/// What images are called in findings.
pub(super) const KIND: &str = "image";

const GIB: i64 = 1 << 30;

/// The images that users of the cloud find: public and community ones. Hidden ones are found by
/// their ids, so the standard counts them; the upstream tools do not see them.
pub(super) fn offered<'a>(case: &Case<'a>) -> Result<Vec<&'a Item>, Box<Judgement>> {
    let snapshot = case.snapshot;
    let unseen = |answer| Box::new(unanswered(answer, "the images"));
    let listed = snapshot.images.given().ok_or_else(|| unseen(&snapshot.images))?;
    let hidden = match case.mode {
        Mode::Upstream => &[],
        Mode::Standard => {
            let hidden = snapshot.hidden_images.given();
            hidden.ok_or_else(|| unseen(&snapshot.hidden_images))?.as_slice()
        }
    };
    let offered = |image: &&Item| matches!(text(image, "visibility"), Some("public" | "community"));
    Ok(listed.iter().chain(hidden).filter(offered).collect())
}

/// Whether an image is still being made; it has no size yet.
fn is_unfinished(image: &Item) -> bool {
    !matches!(text(image, "status"), None | Some("active" | "deactivated"))
}

/// A property has a value that means something, on every image.
pub(super) fn property(case: &Case<'_>, property: Property) -> Judgement {
    let images = match offered(case) {
        Ok(images) => images,
        Err(judgement) => return *judgement,
    };
    if images.is_empty() {
        return none_there(case, "public or community images");
    }
    let mut findings = Vec::new();
    let mut examined = 0;
    for image in images {
        if property == Property::MinDisk && case.mode == Mode::Standard && is_unfinished(image) {
            findings.push(worth_knowing(object(KIND, image), "is not finished yet, so left out"));
            continue;
        }
        examined += 1;
        match value(case, property, image) {
            Ok(()) => {}
            Err(Wrong::Rule(evidence)) => findings.push(breaks(object(KIND, image), evidence)),
            Err(Wrong::GivesUp(why)) => {
                return Judgement {
                    findings: vec![worth_knowing(object(KIND, image), why)],
                    ..Judgement::new(Verdict::Abort, Reason::UpstreamGivesUp, why)
                };
            }
        }
    }
    if examined == 0 {
        return none_there(case, "finished public or community images");
    }
    all_keep(examined, findings, "images")
}

/// The images that break the rule on a property.
pub(crate) fn breaking<'a>(case: &Case<'a>, property: Property) -> Vec<&'a Item> {
    let images = offered(case).unwrap_or_default();
    images.into_iter().filter(|image| value(case, property, image).is_err()).collect()
}

enum Wrong {
    /// The rule is broken.
    Rule(String),
    /// The upstream tools cannot go on here.
    GivesUp(&'static str),
}

fn value(case: &Case<'_>, property: Property, image: &Item) -> Result<(), Wrong> {
    let name = property.name();
    let found = image.get(name);
    let written = found.and_then(Value::as_str);
    let kept = match property {
        Property::Architecture => among(written, &image::ARCHITECTURES),
        Property::HashAlgo => among(written, &image::HASHES),
        Property::OsPurpose => among(written, &image::PURPOSES),
        Property::ReplaceFrequency => among(written, &image::FREQUENCIES),
        Property::HwDiskBus => found.is_none() || among(written, &image::DISK_BUSES),
        Property::HypervisorType => found.is_none() || among(written, &image::HYPERVISORS),
        Property::HwRngModel => found.is_none() || among(written, &image::RNG_MODELS),
        Property::MinDisk => return min_disk(case.mode, image),
        Property::MinRam => number(image, name).is_some_and(|ram| ram > 0),
        Property::ImageSource => written.is_some_and(image::is_source),
        Property::UuidValidity => found.is_none() || written.is_some_and(image::is_uuid_validity),
        Property::HotfixHours => match found {
            None => true,
            Some(Value::Number(number)) => number.is_u64(),
            Some(_) => written.is_some_and(image::is_digits),
        },
        Property::ImageBuildDate => return build_date(case, image),
        Property::OsVersion
        | Property::OsDistro
        | Property::ImageOriginalUser
        | Property::ImageDescription
        | Property::ProvidedUntil => match found {
            Some(Value::Number(_)) => true,
            _ => written.is_some_and(|text| !text.is_empty()),
        },
    };
    if kept { Ok(()) } else { Err(Wrong::Rule(format!("{name} is {}", shown(found)))) }
}

fn among(found: Option<&str>, known: &[&str]) -> bool {
    found.is_some_and(|found| known.contains(&found))
}

fn min_disk(mode: Mode, image: &Item) -> Result<(), Wrong> {
    let min_disk = number(image, "min_disk").unwrap_or(0);
    if min_disk <= 0 {
        return Err(Wrong::Rule(format!("min_disk is {}", shown(image.get("min_disk")))));
    }
    let Some(size) = number(image, "size") else {
        return match mode {
            Mode::Upstream => {
                Err(Wrong::GivesUp("an image has no size yet, and the upstream tools give up"))
            }
            Mode::Standard => Err(Wrong::Rule("the image has no size".to_owned())),
        };
    };
    if min_disk.saturating_mul(GIB) < size {
        let evidence = format!("min_disk is {min_disk} GiB, and the image has {size} bytes");
        return Err(Wrong::Rule(evidence));
    }
    Ok(())
}

fn build_date(case: &Case<'_>, image: &Item) -> Result<(), Wrong> {
    let found = image.get("image_build_date");
    let built = found
        .and_then(Value::as_str)
        .and_then(date::parse)
        .ok_or_else(|| Wrong::Rule(format!("image_build_date is {}", shown(found))))?;
    if built > case.at {
        return Err(Wrong::Rule(format!("image_build_date {built} lies in the future")));
    }
    match text(image, "created_at").and_then(date::parse) {
        Some(created) if built > created => {
            let evidence = format!("image_build_date {built} is after its creation {created}");
            Err(Wrong::Rule(evidence))
        }
        Some(_) => Ok(()),
        None => Err(Wrong::Rule(format!("created_at is {}", shown(image.get("created_at"))))),
    }
}

/// Generic images that users see can be told apart by what they are.
pub(super) fn uniqueness(case: &Case<'_>) -> Judgement {
    let images = match offered(case) {
        Ok(images) => images,
        Err(judgement) => return *judgement,
    };
    let seen = |image: &&&Item| {
        text(image, "visibility") == Some("public")
            && image.get("os_hidden").and_then(Value::as_bool) != Some(true)
            && text(image, "os_purpose") == Some("generic")
    };
    let mut kinds: BTreeMap<[&str; 3], Vec<&Item>> = BTreeMap::new();
    let mut examined = 0;
    for image in images.iter().filter(seen) {
        examined += 1;
        let part = |key| text(image, key).filter(|text| !text.is_empty());
        if let (Some(distro), Some(version)) = (part("os_distro"), part("os_version")) {
            let architecture = part("architecture").unwrap_or_default();
            kinds.entry([architecture, distro, version]).or_default().push(image);
        }
    }
    if examined == 0 {
        return none_there(case, "public images of purpose generic");
    }
    let mut findings: Vec<Finding> = Vec::new();
    for (kind, images) in kinds.iter().filter(|(_, images)| images.len() > 1) {
        for image in images {
            let evidence = format!("{} images are {}", images.len(), kind.join(" "));
            findings.push(breaks(object(KIND, image), evidence));
        }
    }
    all_keep(examined, findings, "generic images")
}
