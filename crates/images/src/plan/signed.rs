//! Versions whose content must stand in a signed list: nothing is imported on the word of a list that
//! is not signed as declared, and no other checksum takes its place.

use lotse_plan::NoteKind;

use super::assign::families;
use crate::declare::Catalog;
use crate::model::{Checksum, Definition, Image, Version};
use crate::observe::{Doubt, Observed};

/// How a plan speaks of it.
pub(super) const fn kind(doubt: &Doubt) -> NoteKind {
    match doubt {
        Doubt::Refused(_) => NoteKind::Refused,
        Doubt::Unavailable(_) | Doubt::Missing(_) => NoteKind::Waiting,
    }
}

/// The versions whose signed lists must be read: those that no complete image holds. What follows
/// `latest` is read anyway.
pub(crate) fn to_be_signed<'a>(
    catalog: &'a Catalog,
    images: &[Image],
) -> Vec<(&'a Definition, &'a Version)> {
    let families = families(catalog, images).families;
    let mut wanted = Vec::new();
    for (definition, family) in catalog.definitions.iter().zip(&families) {
        for version in &definition.versions {
            if !definition.enabled || version.follows() || version.signed.is_none() {
                continue;
            }
            let (holder, _) = family.holders(definition, &version.version);
            if holder.is_none_or(|image| image.is_pending() || !image.status.is_complete()) {
                wanted.push((definition, version));
            }
        }
    }
    wanted
}

/// Puts the checksum that is signed where none is declared.
pub(super) fn signed(definition: &mut Definition, observed: &Observed) {
    let name = definition.name.clone();
    for version in &mut definition.versions {
        if let Some(Ok(checksum)) = checksum(&name, version, observed) {
            version.checksum = Some(checksum);
        }
    }
}

/// Why a version must not be imported, if its list does not answer for it.
pub(crate) fn distrust(
    definition: &Definition,
    version: &Version,
    observed: &Observed,
) -> Option<(NoteKind, String)> {
    let (kind, reason) = checksum(&definition.name, version, observed)?.err()?;
    Some((kind, format!("nothing is imported: {reason}")))
}

/// By whom the content of a version is vouched for, where that is demanded.
pub(super) fn signer(
    definition: &Definition,
    version: &Version,
    observed: &Observed,
) -> Option<String> {
    let list = &version.signed.as_ref()?.list;
    let signed = if version.follows() {
        observed.upstream.get(&definition.name)?.as_ref().ok()?.signed.as_ref()?
    } else {
        let key = (definition.name.clone(), version.version.clone());
        &observed.signed.get(&key)?.as_ref().ok()?.signed
    };
    let key = if signed.signer == signed.pinned {
        signed.pinned.clone()
    } else {
        format!("{} (subkey {})", signed.pinned, signed.signer)
    };
    Some(format!("{list} is signed by the key {key}, on {}", crate::day(signed.made)))
}

/// The checksum of a version that must stand in a signed list; `None` where nothing must.
fn checksum(
    definition: &str,
    version: &Version,
    observed: &Observed,
) -> Option<Result<Checksum, (NoteKind, String)>> {
    let signed = version.signed.as_ref().filter(|_| !version.follows())?;
    let key = (definition.to_owned(), version.version.clone());
    let checksums = match observed.signed.get(&key) {
        Some(Ok(trusted)) => &trusted.checksums,
        Some(Err(doubt)) => return Some(Err((kind(doubt), doubt.reason().to_owned()))),
        None => {
            let text = format!("the signed list of checksums {} was not read", signed.list);
            return Some(Err((NoteKind::Waiting, text)));
        }
    };
    let Some(declared) = &version.checksum else {
        let strongest = checksums.first().cloned();
        let none = || (NoteKind::Waiting, format!("{} gives no checksum", signed.list));
        return Some(strongest.ok_or_else(none));
    };
    if checksums.contains(declared) {
        return Some(Ok(declared.clone()));
    }
    let given: Vec<String> = checksums.iter().map(ToString::to_string).collect();
    let text = format!(
        "declared is the checksum {declared}, but the signed list {} says {}",
        signed.list,
        given.join(", ")
    );
    Some(Err((NoteKind::Refused, text)))
}
