//! Images of the standard: scs-0104.

use lotse_scs::Mode;
use lotse_scs::image_names::StandardImage;
use serde_json::Value;

use super::images::{KIND, offered};
use super::{Case, all_keep, breaks, none_there, object, shown, text};
use crate::model::{Judgement, Reason, Verdict};
use crate::snapshot::Item;

/// The images that are called so. Of those with the same name upstream sees the last one only.
fn called<'a>(case: &Case<'a>, wanted: &StandardImage, images: &[&'a Item]) -> Vec<&'a Item> {
    let mut found: Vec<&Item> = Vec::new();
    for &image in images {
        let Some(name) = text(image, "name") else { continue };
        if !wanted.is_called(name, case.mode) {
            continue;
        }
        if case.mode == Mode::Upstream {
            found.retain(|other| text(other, "name") != Some(name));
        }
        found.push(image);
    }
    found
}

/// Images of the standard come from where they should.
pub(super) fn source(case: &Case<'_>, wanted: &StandardImage) -> Judgement {
    let images = match offered(case) {
        Ok(images) => images,
        Err(judgement) => return *judgement,
    };
    if images.is_empty() {
        return none_there(case, "public or community images");
    }
    let found = called(case, wanted, &images);
    if found.is_empty() {
        return Judgement::new(
            Verdict::Pass,
            Reason::NotApplicable,
            format!("there is no image \"{}\", and this rule does not demand one", wanted.name()),
        );
    }
    let findings = found.iter().filter_map(|image| {
        let source = image.get("image_source");
        let good = source.and_then(Value::as_str).is_some_and(|source| wanted.comes_from(source));
        let evidence = || {
            let places = wanted.sources.join(" or ");
            format!("image_source is {}, must begin with {places}", shown(source))
        };
        (!good).then(|| breaks(object(KIND, image), evidence()))
    });
    all_keep(found.len(), findings.collect(), "images")
}

/// An image of the standard is there.
pub(super) fn presence(case: &Case<'_>, wanted: &StandardImage) -> Judgement {
    let images = match offered(case) {
        Ok(images) => images,
        Err(judgement) => return *judgement,
    };
    let found = called(case, wanted, &images);
    let name = wanted.name();
    match found.len() {
        0 => Judgement::new(Verdict::Fail, Reason::Absent, format!("there is no image \"{name}\"")),
        n => Judgement {
            examined: n,
            ..Judgement::new(Verdict::Pass, Reason::Kept, format!("there is an image \"{name}\""))
        },
    }
}
