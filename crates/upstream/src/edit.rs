//! Definition files follow: a build is written into the text of a file.
//!
//! Only the values that change are touched; comments, order, quotes, indentation and line ends stay
//! byte for byte. Where the definition keeps its history, the build becomes an entry of its own in
//! `versions`, shaped like the newest one, and the oldest entries beyond `last-N` go.
//!
//! A text is accepted only after it was parsed again: it must differ from the old one in the
//! intended values and in nothing else. What cannot be written that way (an alias that stands for
//! two places, a list in brackets) is refused, and a person has to do it.

mod layout;
mod scalar;

use std::ops::Range;

use lotse_core::declared::{self, SourceFile};
use serde_json::Value as Json;

use crate::model::{Build, Definition, Version};
use crate::order::natural;

use layout::{Piece, layout};

/// What becomes of the versions that a definition has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum History {
    /// They stay where the definition keeps history: up to N entries with `uuid_validity: last-N`,
    /// all of them where there are several already. An entry whose URL now leads to the new build
    /// and that no mirror keeps is replaced all the same.
    #[default]
    Keep,
    /// The newest entry is rewritten, always.
    Replace,
}

/// Why a build cannot be written into a file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EditError {
    /// The entry is not where it should be: an alias or a merge key brings it in.
    #[error("\"{0}\" is not written out at its place; edit the file by hand")]
    Elsewhere(&'static str),
    /// Entries are written in brackets, or share lines.
    #[error(
        "an entry of \"versions\" cannot be added or removed as they are written; edit the file by hand"
    )]
    Shape,
    /// The path on the mirror names neither short name nor version.
    #[error(
        "the new \"mirror_url\" is not known: the present one follows no rule; edit the file by hand"
    )]
    Mirror,
    /// The new text would say more than intended.
    #[error("other values would change, too; edit the file by hand")]
    Unintended,
}

/// What is done to the versions of a definition.
#[derive(Clone, Debug, Eq, PartialEq)]
enum How {
    /// The entry with this index gets the values of the build.
    Replace(usize),
    /// A new entry beside the one with this index; those go.
    Add { beside: usize, first: bool, gone: Vec<usize> },
}

/// The text of a file after a build was written into one of its definitions.
///
/// # Errors
/// [`EditError`]; the file is left to people then.
pub fn edit(
    text: &str,
    definition: &Definition,
    build: &Build,
    history: History,
) -> Result<String, EditError> {
    let newest = definition.newest().ok_or(EditError::Elsewhere("versions"))?;
    let values = Values::new(definition, newest, build)?;
    let how = decide(definition, newest, build, history);
    let root = layout(text).ok_or(EditError::Unintended)?;
    let image = root.get("images").and_then(|images| images.items().get(definition.index));
    let versions = image.and_then(|image| image.get("versions"));
    let versions = versions.ok_or(EditError::Elsewhere("versions"))?;
    let new = match &how {
        How::Replace(index) => replaced(text, versions, *index, &values)?,
        How::Add { beside, first, gone } => {
            added(text, versions, (*beside, *first), gone, &values)?
        }
    };
    let as_json = |text: &str| {
        let tree = declared::parse(&SourceFile::new("edited", text)).ok()?;
        Some(tree.to_json())
    };
    let before = as_json(text).ok_or(EditError::Unintended)?;
    let wanted = intended(before, definition.index, &how, &values);
    if wanted.is_none() || as_json(&new) != wanted {
        return Err(EditError::Unintended);
    }
    Ok(new)
}

/// The values of an entry that come from the build.
struct Values(Vec<(&'static str, String)>);

impl Values {
    fn new(definition: &Definition, newest: &Version, build: &Build) -> Result<Self, EditError> {
        let mut all = vec![("version", build.version.clone()), ("url", build.url.clone())];
        if let Some(old) = &newest.mirror_url {
            all.push(("mirror_url", mirror(old, definition, newest, build)?));
        }
        all.extend(build.checksum.as_ref().map(|sum| ("checksum", sum.to_string())));
        all.extend(build.build_date.map(|date| ("build_date", date.to_string())));
        Ok(Self(all))
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str())
    }
}

/// Where mirrors keep a build: `openstack-images/<shortname>/<version>-<shortname>.<format>`, as
/// OSISM's mirror does; elsewhere the version within the path is replaced.
fn mirror(
    old: &str,
    definition: &Definition,
    newest: &Version,
    build: &Build,
) -> Result<String, EditError> {
    const ROOT: &str = "/openstack-images/";
    if let (Some((base, _)), Some(short)) = (old.split_once(ROOT), &definition.shortname) {
        let (version, format) = (&build.version, &definition.format);
        return Ok(format!("{base}{ROOT}{short}/{version}-{short}.{format}"));
    }
    let named = old.contains(&newest.version);
    let new = named.then(|| old.replace(&newest.version, &build.version));
    new.ok_or(EditError::Mirror)
}

fn decide(definition: &Definition, newest: &Version, build: &Build, history: History) -> How {
    let versions = &definition.versions;
    let last = definition.last();
    let keeps = last.map_or(versions.len() > 1, |last| last > 1);
    // The link has moved on: nothing leads to the old build any more.
    let moved = newest.url == build.url && newest.mirror_url.is_none();
    if history == History::Replace || !keeps || moved {
        return How::Replace(newest.index);
    }
    let mut oldest: Vec<&Version> = versions.iter().collect();
    oldest.sort_by(|a, b| natural(&a.version, &b.version));
    let surplus = last.map_or(0, |last| (versions.len() + 1).saturating_sub(last));
    let gone = oldest.iter().take(surplus).map(|version| version.index).collect();
    // Newest first where the file has that order.
    let first = newest.index == 0 && versions.len() > 1;
    How::Add { beside: newest.index, first, gone }
}

/// The text with the values of one entry replaced.
fn replaced(
    text: &str,
    versions: &Piece,
    index: usize,
    values: &Values,
) -> Result<String, EditError> {
    let entry = versions.items().get(index).ok_or(EditError::Elsewhere("versions"))?;
    let mut parts = Vec::new();
    for (key, value) in &values.0 {
        if let Some(part) = part(entry, key, value)? {
            parts.push(part);
        }
    }
    Ok(spliced(text, parts))
}

/// The place of a value of an entry, and what to write there.
fn part(
    entry: &Piece,
    key: &'static str,
    value: &str,
) -> Result<Option<(Range<usize>, String)>, EditError> {
    match entry.get(key) {
        // What the file leaves out, it goes on leaving out.
        None if matches!(key, "build_date" | "mirror_url" | "checksum") => Ok(None),
        Some(Piece::Scalar { range, style, flow }) => {
            let blank = if range.is_empty() { " " } else { "" };
            let written = scalar::written(value, *style, *flow);
            Ok(Some((range.clone(), format!("{blank}{written}"))))
        }
        None | Some(Piece::Sequence { .. } | Piece::Mapping { .. } | Piece::Alias { .. }) => {
            Err(EditError::Elsewhere(key))
        }
    }
}

fn spliced(text: &str, mut parts: Vec<(Range<usize>, String)>) -> String {
    parts.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut new = text.to_owned();
    for (range, value) in parts {
        new.replace_range(range, &value);
    }
    new
}

/// Keys that a new entry takes over from the one beside it. An `id` is that of one image, and what
/// hides an old version need not hide the new one.
const TAKEN_OVER: [&str; 7] =
    ["version", "url", "mirror_url", "checksum", "build_date", "os_version", "meta"];

/// The text with a new entry, and without those that go.
fn added(
    text: &str,
    versions: &Piece,
    (beside, first): (usize, bool),
    gone: &[usize],
    values: &Values,
) -> Result<String, EditError> {
    if versions.is_flow() {
        return Err(EditError::Shape);
    }
    let item = |index: usize| versions.items().get(index).ok_or(EditError::Elsewhere("versions"));
    let entry = item(beside)?;
    let lines = lines_of(text, entry)?;
    let head = entry.keys().first().map_or(lines.start, |key| key.start);
    let prefix = text.get(lines.start..head).unwrap_or_default();
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut block = String::new();
    for key in entry.keys().iter().filter(|key| TAKEN_OVER.contains(&key.name.as_str())) {
        let segment = text.get(key.start..key.value.end()).ok_or(EditError::Shape)?;
        let known = values.0.iter().find(|(name, _)| *name == key.name);
        let segment = match known {
            None => segment.to_owned(),
            Some((name, value)) => match part(entry, name, value)? {
                None => continue,
                Some((range, written)) => {
                    let range = range.start - key.start..range.end - key.start;
                    spliced(segment, vec![(range, written)])
                }
            },
        };
        let lead = if block.is_empty() { prefix.to_owned() } else { " ".repeat(prefix.len()) };
        block.extend([lead.as_str(), &segment, newline]);
    }
    let mut parts = Vec::new();
    if first {
        parts.push((lines.start..lines.start, block));
    } else {
        let ended = text.get(..lines.end).is_some_and(|text| text.ends_with('\n'));
        let block = if ended { block } else { format!("{newline}{}", block.trim_end()) };
        parts.push((lines.end..lines.end, block));
    }
    for index in gone {
        parts.push((lines_of(text, item(*index)?)?, String::new()));
    }
    // The new entry goes in last, so that a removal beside it keeps its place.
    parts.sort_by_key(|(range, _)| (std::cmp::Reverse(range.start), range.is_empty()));
    let mut new = text.to_owned();
    for (range, value) in parts {
        new.replace_range(range, &value);
    }
    Ok(new)
}

/// The whole lines of an entry that begins with `- ` on a line of its own.
fn lines_of(text: &str, entry: &Piece) -> Result<Range<usize>, EditError> {
    let first = entry.keys().first().filter(|_| !entry.is_flow()).ok_or(EditError::Shape)?;
    let before = text.get(..first.start).ok_or(EditError::Shape)?;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let prefix = before.get(start..).unwrap_or_default();
    if prefix.trim() != "-" || prefix.contains('\t') {
        return Err(EditError::Shape);
    }
    let last = entry.end();
    let rest = text.get(last..).ok_or(EditError::Shape)?;
    let end = rest.find('\n').map_or(text.len(), |at| last + at + 1);
    Ok(start..end)
}

/// The content that the new text must have.
fn intended(mut json: Json, image: usize, how: &How, values: &Values) -> Option<Json> {
    let versions = json.pointer_mut(&format!("/images/{image}/versions"))?.as_array_mut()?;
    let set = |entry: &mut Json| {
        let entry = entry.as_object_mut()?;
        for (key, value) in &values.0 {
            if let Some(known) = entry.get_mut(*key) {
                *known = Json::String(value.clone());
            }
        }
        (entry.get("version")?.as_str() == values.get("version")).then_some(())
    };
    match how {
        How::Replace(index) => set(versions.get_mut(*index)?)?,
        How::Add { beside, first, gone } => {
            let mut entry = versions.get(*beside)?.clone();
            entry.as_object_mut()?.retain(|key, _| TAKEN_OVER.contains(&key.as_str()));
            set(&mut entry)?;
            let mut kept = Vec::new();
            for (index, version) in versions.iter().enumerate() {
                let here = index == *beside;
                if here && *first {
                    kept.push(entry.clone());
                }
                if !gone.contains(&index) {
                    kept.push(version.clone());
                }
                if here && !first {
                    kept.push(entry.clone());
                }
            }
            *versions = kept;
        }
    }
    Some(json)
}

#[cfg(test)]
mod tests;
