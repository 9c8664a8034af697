//! Content that another cloud has already: the image of the same version there saves the way to
//! upstream.
//!
//! It is taken only if it is what is declared: its SHA-512 in the other cloud is the declared one, or is
//! that of content which was verified there against the declared checksum, or the declared checksum
//! can be computed of it on the way.

use lotse_plan::NoteKind;

use super::Planner;
use super::desired::Desired;
use crate::model::{Image, ImageStatus};
use crate::operation::Elsewhere;
use crate::{CONTENT, VERIFIED};

impl Planner<'_> {
    /// Where another cloud has the content of this version, if it has.
    pub(super) fn elsewhere(&self, desired: &Desired<'_>) -> Option<Elsewhere> {
        let beside = self.observed.beside.as_ref()?;
        let images = beside.images.as_ref().ok()?;
        images.iter().find_map(|image| content_of(desired, image, &beside.cloud))
    }

    /// That the other cloud cannot be asked.
    pub(super) fn beside_note(&mut self) {
        let Some(beside) = &self.observed.beside else { return };
        if let Err(reason) = &beside.images {
            let text = format!(
                "the cloud {} cannot be asked for its images, so content comes from upstream: {reason}",
                beside.cloud
            );
            self.note(NoteKind::Warning, "*", text);
        }
    }
}

fn content_of(desired: &Desired<'_>, image: &Image, cloud: &str) -> Option<Elsewhere> {
    let same = |key: &str| image.property(key) == desired.properties.get(key).map(String::as_str);
    let usable = image.status == ImageStatus::Active
        && !image.is_pending()
        && image.disk_format.as_deref() == Some(desired.definition.stored_format())
        && image.os_hash_algo.as_deref() == Some("sha512");
    if !usable
        || !["image_description", "internal_version", "upstream_checksum"].into_iter().all(same)
    {
        return None;
    }
    let (size, sha512) = (image.size?, image.os_hash_value.clone()?);
    let declared = desired.version.checksum.as_ref().map(ToString::to_string);
    let proven = match &declared {
        // Nothing is declared that it would have to be.
        None => true,
        Some(declared) => {
            *declared == format!("sha512:{sha512}")
                || (image.property(VERIFIED) == Some(declared)
                    && image.property(CONTENT) == Some(&sha512))
        }
    };
    let altered = desired.version.source().compression().is_some()
        || desired.definition.stored_format() != desired.definition.format;
    let contradicted = declared.as_ref().is_some_and(|text| text.starts_with("sha512:"));
    if !proven && (altered || contradicted) {
        return None;
    }
    Some(Elsewhere { cloud: cloud.to_owned(), image: image.id.clone(), size, sha512, proven })
}
