//! Images of scs-0104-v2: recognised by what they say of themselves, not by their names.

use lotse_scs::Mode;
use lotse_scs::image_names::{
    NODE_IMAGE_DESCRIPTION, StandardImage, Vendor, debian_stable as stable, ubuntu_lts,
};
use serde_json::Value;

use crate::check::images::{KIND, offered};
use crate::check::{Case, all_keep, breaks, none_there, object, shown, text};
use crate::model::{Judgement, Reason, Verdict};
use crate::snapshot::Item;

/// What node images are called, in both spellings.
const NODE_IMAGES: [&str; 2] = ["capi-1", "capi-2"];

fn is_generic(image: &Item, distro: &str) -> bool {
    text(image, "os_purpose") == Some("generic") && text(image, "os_distro") == Some(distro)
}

/// Generic images of a distribution come from its vendor.
pub(super) fn vendor(case: &Case<'_>, vendor: Vendor) -> Judgement {
    let images = match offered(case) {
        Ok(images) => images,
        Err(judgement) => return *judgement,
    };
    if images.is_empty() {
        return none_there(case, "public or community images");
    }
    let distro = vendor.distro();
    let generic: Vec<_> = images.into_iter().filter(|image| is_generic(image, distro)).collect();
    if generic.is_empty() {
        let summary = format!("there is no generic image of {distro}, and this rule demands none");
        return Judgement::new(Verdict::Pass, Reason::NotApplicable, summary);
    }
    let findings = generic.iter().filter_map(|image| {
        let version = text(image, "os_version").unwrap_or_default();
        let source = image.get("image_source");
        let good = source.and_then(Value::as_str).is_some_and(|url| vendor.provides(version, url));
        let evidence =
            || format!("image_source is {}, not a place of {distro} {version}", shown(source));
        (!good).then(|| breaks(object(KIND, image), evidence()))
    });
    all_keep(generic.len(), findings.collect(), "images")
}

/// A generic image of an Ubuntu with long-term support is there.
pub(super) fn lts(case: &Case<'_>, before: i16) -> Judgement {
    let images = match offered(case) {
        Ok(images) => images,
        Err(judgement) => return *judgement,
    };
    let version = ubuntu_lts(case.at.date(), before);
    let found = images
        .iter()
        .filter(|image| is_generic(image, "ubuntu"))
        .filter(|image| text(image, "os_version") == Some(&version))
        .count();
    present(found, &format!("generic image of Ubuntu {version}"))
}

/// A generic image of the stable Debian is there, or of one that came after this program.
pub(super) fn debian_stable(case: &Case<'_>) -> Judgement {
    let images = match offered(case) {
        Ok(images) => images,
        Err(judgement) => return *judgement,
    };
    let version = stable(case.at.date());
    let new = |image: &Item| {
        let written = text(image, "os_version").and_then(|written| written.split('.').next());
        written.and_then(|major| major.parse().ok()).is_some_and(|major: u16| major >= version)
    };
    let debian = images.iter().filter(|image| is_generic(image, "debian"));
    present(
        debian.filter(|image| new(image)).count(),
        &format!("generic image of Debian {version}"),
    )
}

fn present(found: usize, name: &str) -> Judgement {
    match found {
        0 => Judgement::new(Verdict::Fail, Reason::Absent, format!("there is no {name}")),
        examined => Judgement {
            examined,
            ..Judgement::new(Verdict::Pass, Reason::Kept, format!("there is a {name}"))
        },
    }
}

/// Images that are called as node images are say what they are and come from where they should.
pub(super) fn nodes(case: &Case<'_>) -> Judgement {
    let images = match offered(case) {
        Ok(images) => images,
        Err(judgement) => return *judgement,
    };
    let kinds = NODE_IMAGES.iter().filter_map(|id| StandardImage::by_testcase(id));
    let kinds: Vec<_> = kinds.collect();
    let mut findings = Vec::new();
    let mut examined = 0;
    for image in images {
        let name = text(image, "name").unwrap_or_default();
        let called = kinds.iter().find(|kind| kind.is_called(name, Mode::Standard));
        let Some(kind) = called else { continue };
        examined += 1;
        let mut wants = |key: &str, good: bool, wanted: &str| {
            if !good {
                let evidence = format!("{key} is {}, must be {wanted}", shown(image.get(key)));
                findings.push(breaks(object(KIND, image), evidence));
            }
        };
        let says = |key: &str, value: &str| text(image, key) == Some(value);
        wants("os_purpose", says("os_purpose", "k8snode"), "k8snode");
        let described = says("image_description", NODE_IMAGE_DESCRIPTION);
        wants("image_description", described, NODE_IMAGE_DESCRIPTION);
        let source = text(image, "image_source").is_some_and(|url| kind.comes_from(url));
        wants("image_source", source, &kind.sources.join(" or "));
    }
    if examined == 0 {
        let summary = "there are no images ubuntu-capi-image, and this rule demands none";
        return Judgement::new(Verdict::Pass, Reason::NotApplicable, summary);
    }
    all_keep(examined, findings, "node images")
}
