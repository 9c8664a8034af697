//! What a definition means for this cloud now.
//!
//! Two things are not in the files: what upstream publishes behind `latest`, and that somebody rolled
//! back. Both become ordinary versions here, so that the rest of the planner knows only those.

use std::cmp::Ordering;

use lotse_plan::NoteKind;

use super::assign::Family;
use super::signed::{kind, signed};
use crate::PINNED;
use crate::declare::LATEST;
use crate::model::{Definition, Image, SourceUrl, Version, natural_order};
use crate::observe::{Observed, Upstream};
use crate::options::Options;

/// What a rollback asks for, besides what is declared.
#[derive(Clone, Debug)]
pub(super) enum Turn {
    /// The image with this id gets the plain name, and keeps it until a version is declared that is
    /// newer than `from`.
    Back { image: String, from: String },
    /// The newest version gets it again.
    Forth,
}

/// The definition as it is to be planned, or why nothing of it may be touched.
pub(super) fn effective(
    definition: &Definition,
    family: &Family<'_>,
    observed: &Observed,
    options: &Options,
    turn: Option<&Turn>,
) -> Result<Definition, (NoteKind, String)> {
    let mut effective = definition.clone();
    if let Some(at) = effective.versions.iter().position(|version| version.version == LATEST) {
        // Whatever upstream publishes is newer than what is declared beside it.
        let pointer = effective.versions.remove(at);
        effective.versions.push(followed(pointer, definition, family, observed, options)?);
    }
    signed(&mut effective, observed);
    pin(&mut effective, family, turn);
    Ok(effective)
}

/// The version behind `latest`.
fn followed(
    pointer: Version,
    definition: &Definition,
    family: &Family<'_>,
    observed: &Observed,
    options: &Options,
) -> Result<Version, (NoteKind, String)> {
    let upstream = match observed.upstream.get(&definition.name) {
        Some(Ok(upstream)) => upstream,
        Some(Err(doubt)) => {
            let text = format!("nothing of this image is changed: {}", doubt.reason());
            return Err((kind(doubt), text));
        }
        None => {
            let text = "nothing of this image is changed: upstream was not asked for its checksum";
            return Err((NoteKind::Waiting, text.to_owned()));
        }
    };
    let Upstream { checksum, modified, .. } = upstream;
    let digest = checksum.digits();
    let holds = |image: &&&Image| {
        let known = image.property("upstream_checksum").unwrap_or_default();
        let known = known.rsplit(':').next().unwrap_or_default();
        upstream.all().any(|checksum| checksum.digits().eq_ignore_ascii_case(known))
    };
    // The content decides: what is there keeps the label that it got.
    let held = family.members.iter().filter(holds).min_by_key(|image| {
        (!image.status.is_complete(), image.is_pending(), image.name != definition.name, &image.id)
    });
    let (label, said) = if let Some(image) = held {
        let said = image.property("upstream_checksum").unwrap_or(digest);
        (image.internal_version().map_or_else(|| image.label(), str::to_owned), said.to_owned())
    } else {
        let day = modified.unwrap_or(options.today);
        let day = format!("{:04}{:02}{:02}", day.year(), day.month(), day.day());
        // A second build on one day is another version.
        let same = |image: &&Image| image.internal_version() == Some(&day);
        let short = digest.get(..8).unwrap_or(digest);
        let taken = family.members.iter().any(same);
        (if taken { format!("{day}-{short}") } else { day }, digest.to_owned())
    };
    let build_date = match held {
        None => pointer.build_date.or(*modified),
        Some(_) => pointer.build_date,
    };
    Ok(Version {
        version: label,
        checksum: Some(checksum.clone()),
        upstream_checksum: Some(said),
        build_date,
        ..pointer
    })
}

/// Puts the version into the lead that a rollback, now or before, put there.
fn pin(definition: &mut Definition, family: &Family<'_>, turn: Option<&Turn>) {
    let Some(newest) = definition.newest().filter(|_| definition.multi) else { return };
    let found = match turn {
        Some(Turn::Forth) => None,
        Some(Turn::Back { image, from }) => {
            family.members.iter().find(|one| one.id == *image).map(|one| (*one, from.clone()))
        }
        None => pinned(newest, family),
    };
    let Some((image, from)) = found else { return };
    let Some(held) = image.internal_version().map(str::to_owned) else { return };
    if held == newest.version {
        return;
    }
    let known = definition.versions.iter_mut().find(|version| version.version == held);
    if let Some(version) = known {
        version.meta.insert(PINNED.to_owned(), from);
    } else {
        let restored = restored(definition, image, &held, from);
        definition.versions.insert(0, restored);
    }
    definition.pinned = Some(held);
}

/// The image that a rollback pinned, if that still holds: whoever declares something newer than what
/// was rolled back from wants that.
fn pinned<'a>(newest: &Version, family: &Family<'a>) -> Option<(&'a Image, String)> {
    let mut pinned: Vec<(&Image, &str)> = family
        .members
        .iter()
        .filter(|image| image.status.is_complete() && !image.is_pending())
        .filter_map(|image| Some((*image, image.property(PINNED).filter(|from| !from.is_empty())?)))
        .filter(|(_, from)| natural_order(&newest.version, from) != Ordering::Greater)
        .collect();
    pinned.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
    pinned.first().map(|(image, from)| (*image, (*from).to_owned()))
}

/// A version that is not declared any more, as its image describes it. Only what a rollback is for
/// is taken from the definition: that users find the image.
fn restored(definition: &Definition, image: &Image, held: &str, from: String) -> Version {
    let mut meta = image.properties.clone();
    meta.retain(|key, _| {
        !key.starts_with("os_glance_") && key != crate::MARKER && key != crate::IMPORT_STATE
    });
    let purpose = definition.newest().and_then(|newest| {
        let purpose = definition.properties(newest).remove("os_purpose");
        purpose.filter(|purpose| purpose == "generic")
    });
    if let (Some(purpose), Some("oldgeneric")) = (purpose, image.property("os_purpose")) {
        meta.insert("os_purpose".to_owned(), purpose);
    }
    meta.insert(PINNED.to_owned(), from);
    let newest = definition.newest();
    let url = image.property("image_source").and_then(|source| SourceUrl::parse(source).ok());
    let url = url.or_else(|| newest.map(|newest| newest.url.clone()));
    Version {
        version: held.to_owned(),
        url: url.unwrap_or_else(SourceUrl::nowhere),
        mirror_url: None,
        checksum: None,
        latest: None,
        signed: None,
        build_date: None,
        os_version: None,
        visibility: None,
        hidden: Some(false),
        id: None,
        meta,
        upstream_checksum: None,
        restored: true,
        origin: definition.origin.clone(),
    }
}
