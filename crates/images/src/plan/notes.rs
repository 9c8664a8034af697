//! What a plan says besides its steps.

use lotse_plan::{Note, NoteKind};

use super::Planner;
use super::assign::Family;
use super::delivery::{delivery, stream};
use super::desired::Desired;
use super::retention::{Retention, Stays};
use super::signed::signer;
use crate::model::{Algorithm, Checksum, Definition, Image, Version, natural_order};
use crate::operation::Delivery;
use crate::{KIND, PINNED};

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
    pub(super) fn not_handled(
        &self,
        definition: &Definition,
        version: &Version,
    ) -> Option<&'static str> {
        self.delivery(definition, version).err()
    }

    /// How the content of a version gets to Glance, or why it does not.
    pub(super) fn delivery(
        &self,
        definition: &Definition,
        version: &Version,
    ) -> Result<Delivery, &'static str> {
        let abilities = self.observed.abilities;
        if self.mirrored(version).is_some() {
            return Ok(stream(abilities));
        }
        let converted = definition.stored_format() != definition.format;
        delivery(version, converted, abilities, self.options.import)
    }

    /// The copy of a version in our mirror: one that its publisher describes with the declared checksum.
    pub(super) fn mirrored(&self, version: &Version) -> Option<&str> {
        let index = self.observed.mirror.as_ref()?.as_ref().ok()?;
        let checksum = version.checksum.as_ref()?;
        let mut copies = index.copies.iter();
        copies.find(|(_, copy)| copy.is(checksum)).map(|(name, _)| name.as_str())
    }

    /// That the mirror is of no use now.
    pub(super) fn mirror_note(&mut self) {
        if let Some(Err(reason)) = &self.observed.mirror {
            let text = format!("{reason}; content comes from its publishers");
            self.note(NoteKind::Warning, "*", text);
        }
    }

    /// By whom the content of an import is vouched for, where that is demanded.
    pub(super) fn signer_note(&mut self, desired: &Desired<'_>) {
        if let Some(text) = signer(desired.definition, desired.version, self.observed) {
            self.note(NoteKind::Fact, &desired.name, text);
        }
    }

    /// What should be known before an import.
    pub(super) fn import_notes(&mut self, desired: &Desired<'_>) {
        let algorithm = desired.version.checksum.as_ref().map(Checksum::algorithm);
        if !matches!(algorithm, Some(Algorithm::Sha512 | Algorithm::Md5)) {
            let kind = algorithm.map(Algorithm::as_str);
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
        let found = match checksum.algorithm() {
            Algorithm::Sha512 if image.os_hash_algo.as_deref() == Some("sha512") => {
                image.os_hash_value.as_deref()
            }
            Algorithm::Md5 => image.checksum.as_deref(),
            _ => None,
        };
        if let Some(found) = found.filter(|found| *found != checksum.digits() && !converted) {
            let text = format!(
                "the image {} says that it is version {}, but its {} is {found}, not the declared {}; \
                 declare another version to replace it",
                image.id,
                desired.version.version,
                checksum.algorithm().as_str(),
                checksum.digits()
            );
            self.note(NoteKind::Warning, &desired.name, text);
        }
    }

    /// Expired images that stay, and why.
    pub(super) fn retention_notes(&mut self, family: &Family<'_>, retention: &Retention) {
        let mut not_asked = Vec::new();
        for image in &family.members {
            match retention.of(image).and_then(|fate| fate.stays.as_ref()) {
                Some(Stays::NotAsked) => not_asked.push(image.name.as_str()),
                Some(Stays::Because(reason)) => {
                    let text = format!(
                        "the image {} is superseded and nothing promises it any more, but {reason}; it is kept, hidden",
                        image.id
                    );
                    self.note(NoteKind::Waiting, &image.name, text);
                }
                Some(Stays::Keep) | None => {}
            }
        }
        not_asked.sort_unstable_by(|one, other| natural_order(one, other));
        if let [first, ..] = not_asked.as_slice() {
            let text = format!(
                "superseded, and no uuid_validity promises them any more: {}; they stay until deleting is asked for \
                 (--delete)",
                quoted(&not_asked)
            );
            self.note(NoteKind::NotHandled, first, text);
        }
    }

    /// Images of the definition without complete content that nobody is going to finish.
    pub(super) fn unfinished(&mut self, definition: &Definition, names: &[&str]) {
        if !names.is_empty() {
            let text = format!(
                "{} have no complete content and are no declared version; they are left alone",
                quoted(names)
            );
            self.note(NoteKind::NotHandled, &definition.name, text);
        }
    }

    /// That a rollback holds.
    pub(super) fn pinned(&mut self, definition: &Definition) {
        let Some(lead) = definition.pinned.as_ref().and_then(|_| definition.lead()) else { return };
        let from = lead.meta.get(PINNED).map_or("", String::as_str);
        let text = format!(
            "the version {} bears the name since the rollback from {from}; a newer version than {from} ends that, \
             and so does `lotse image rollback --undo`",
            lead.version
        );
        self.note(NoteKind::Waiting, &definition.name, text);
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
