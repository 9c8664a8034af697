//! What a plan says besides its steps.

use lotse_plan::{Note, NoteKind};

use super::assign::Family;
use super::delivery::delivery;
use super::desired::Desired;
use super::{Planner, Slot};
use crate::KIND;
use crate::declare::LATEST;
use crate::model::{Definition, HashAlgorithm, Image, Version};
use crate::operation::Delivery;

impl Planner<'_> {
    pub(super) fn note(&mut self, kind: NoteKind, name: &str, text: impl Into<String>) {
        self.plan.note(Note::new(kind, format!("{KIND}/{name}"), text));
    }

    /// Further images that hold a version.
    pub(super) fn surplus(&mut self, desired: &Desired<'_>, surplus: &[&Image]) {
        for image in surplus {
            let text = format!(
                "the image {} holds the version {}, too; one of the two is superfluous",
                image.id, desired.version.version
            );
            self.note(NoteKind::Warning, &desired.name, text);
        }
    }

    /// Why nothing is done about a version, if nothing is.
    pub(super) fn not_handled(&self, version: &Version) -> Option<&'static str> {
        if version.version == LATEST {
            return Some(
                "the version \"latest\" is not handled yet; nothing of this image is changed",
            );
        }
        self.delivery(version).err()
    }

    /// How the content of a version gets to Glance, or why it does not.
    pub(super) fn delivery(&self, version: &Version) -> Result<Delivery, &'static str> {
        delivery(version, self.observed.abilities, self.options.import)
    }

    /// What should be known before an import.
    pub(super) fn import_notes(&mut self, desired: &Desired<'_>) {
        let algorithm = desired.version.checksum.as_ref().map(|checksum| checksum.algorithm);
        if !matches!(algorithm, Some(HashAlgorithm::Sha512 | HashAlgorithm::Md5)) {
            let kind = algorithm.map(HashAlgorithm::as_str);
            self.unverified.entry(kind).or_default().push(desired.name.clone());
        }
    }

    /// One note on all imports whose content cannot be verified, per reason.
    pub(super) fn unverified(&mut self) {
        for (algorithm, names) in std::mem::take(&mut self.unverified) {
            let reason = algorithm.map_or_else(
                || "no checksum is declared, so the content is not verified".to_owned(),
                |algorithm| {
                    format!(
                        "Glance downloads the content and knows no {algorithm} of it, \
                         so the checksum is not verified; declare a sha512, or let Lotse download it (import: verified)"
                    )
                },
            );
            match names.as_slice() {
                [name] => self.note(NoteKind::Warning, name, reason),
                names => {
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    let text = format!("{reason}: {}", quoted(&names));
                    self.note(NoteKind::Warning, "*", text);
                }
            }
        }
    }

    /// Content that contradicts its label: nothing is relabelled, and nobody is kept in the dark.
    pub(super) fn content_note(&mut self, desired: &Desired<'_>, image: &Image) {
        let Some(checksum) = &desired.version.checksum else { return };
        let converted = image.disk_format.as_ref() != Some(&desired.definition.format);
        let found = match checksum.algorithm {
            HashAlgorithm::Sha512 if image.os_hash_algo.as_deref() == Some("sha512") => {
                image.os_hash_value.as_deref()
            }
            HashAlgorithm::Md5 => image.checksum.as_deref(),
            _ => None,
        };
        if let Some(found) = found.filter(|found| *found != checksum.digest && !converted) {
            let text = format!(
                "the image {} says that it is version {}, but its {} is {found}, not the declared {}; \
                 declare another version to replace it",
                image.id,
                desired.version.version,
                checksum.algorithm.as_str(),
                checksum.digest
            );
            self.note(NoteKind::Warning, &desired.name, text);
        }
    }

    /// Images of the definition that hold no declared version.
    pub(super) fn leftovers(
        &mut self,
        definition: &Definition,
        family: &Family<'_>,
        slots: &[Slot<'_>],
    ) {
        let held = |image: &Image| slots.iter().any(|slot| slot.is_held_by(image));
        // Who bears a name that a version takes is retired, and so spoken of already.
        let retired = |image: &Image| slots.iter().any(|slot| slot.desired.name == image.name);
        let left: Vec<&str> = family
            .members
            .iter()
            .filter(|image| !(held(image) || (image.status.is_complete() && retired(image))))
            .map(|image| image.name.as_str())
            .collect();
        if left.is_empty() {
            return;
        }
        let text = format!(
            "{} hold no declared version; retention (uuid_validity) is not handled yet, they are left alone",
            quoted(&left)
        );
        self.note(NoteKind::NotHandled, &definition.name, text);
    }

    pub(super) fn strays(&mut self, strays: &[&Image]) {
        if strays.is_empty() {
            return;
        }
        let mut names: Vec<&str> = strays.iter().map(|image| image.name.as_str()).collect();
        names.sort_unstable();
        let text = format!(
            "{} carry our tag and are declared nowhere; they are left alone",
            quoted(&names)
        );
        self.note(NoteKind::NotHandled, "*", text);
    }
}

/// At most so many names are listed in a note.
const MOST_NAMES: usize = 10;

fn quoted(names: &[&str]) -> String {
    let shown: Vec<String> =
        names.iter().take(MOST_NAMES).map(|name| format!("\"{name}\"")).collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
