//! From definition files to a [`Catalog`].
//!
//! The files are those of the OSISM image manager and load unchanged. A catalogue is loaded as a
//! whole or not at all: every complaint about every file is collected, so that nothing is applied
//! from a catalogue that is half understood.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lotse_core::declared::{self, DeclaredError, Diagnostic, Loaded, SourceFile, pointer};
use uuid::Uuid;

use crate::model::{
    Checksum, Definition, Origin, SourceUrl, SourceUrlError, Stores, Validity, Version,
    natural_order,
};

mod raw;
mod signing;
mod unique;

use raw::{RawFile, RawImage};
use signing::{Keys, Lists};

/// All definitions of a directory or a file.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// The definitions, in the order of the files and of their names.
    pub definitions: Vec<Definition>,
    /// The files that were read.
    pub files: Vec<PathBuf>,
}

/// The name of the version that follows what upstream publishes.
pub(crate) const LATEST: &str = "latest";

impl Catalog {
    /// Reads a file, or all files of a directory whose names end in `.yml` or `.yaml`, sorted by
    /// name. Other files (a README) are ignored, and so are subdirectories.
    ///
    /// # Errors
    /// [`DeclaredError`] with the complaints about all files.
    pub fn load(path: &Path) -> Result<Self, DeclaredError> {
        let files = declared::files(path)?;
        let mut wrong = Vec::new();
        let mut sources = Vec::new();
        for file in &files {
            match SourceFile::read(file) {
                Ok(source) => sources.push(source),
                Err(DeclaredError::Invalid { diagnostics }) => wrong.extend(diagnostics),
                Err(error) => return Err(error),
            }
        }
        match (Self::from_sources(&sources), wrong.is_empty()) {
            (Ok(catalog), true) => Ok(Self { files, ..catalog }),
            (Ok(_), false) => Err(DeclaredError::Invalid { diagnostics: wrong }),
            (Err(DeclaredError::Invalid { diagnostics }), _) => {
                wrong.extend(diagnostics);
                Err(DeclaredError::Invalid { diagnostics: wrong })
            }
            (Err(other), _) => Err(other),
        }
    }

    /// The same from texts in hand.
    ///
    /// # Errors
    /// [`DeclaredError::Invalid`] with the complaints about all of them.
    pub fn from_sources(sources: &[SourceFile]) -> Result<Self, DeclaredError> {
        let mut wrong = Vec::new();
        let mut loaded = Vec::new();
        for source in sources {
            match declared::load::<RawFile>(source) {
                Ok(file) => loaded.push(file),
                Err(DeclaredError::Invalid { diagnostics }) => wrong.extend(diagnostics),
                Err(other) => return Err(other),
            }
        }
        let mut definitions = Vec::new();
        let mut keys = Keys::default();
        for file in &loaded {
            for (index, image) in file.value.images.iter().enumerate() {
                let place = At { file, pointer: pointer(["images", &index.to_string()]) };
                definitions.extend(definition(image, &place, &mut keys, &mut wrong));
            }
        }
        wrong.extend(unique::check(&loaded));
        if wrong.is_empty() {
            Ok(Self { definitions, files: Vec::new() })
        } else {
            Err(DeclaredError::Invalid { diagnostics: wrong })
        }
    }

    /// Leaves alone all definitions but those of these names, and says how many are left.
    pub fn narrow(&mut self, wanted: impl Fn(&str) -> bool) -> usize {
        for definition in &mut self.definitions {
            definition.enabled &= wanted(&definition.name);
        }
        self.definitions.iter().filter(|definition| wanted(&definition.name)).count()
    }

    /// The definitions that are to be kept in the cloud.
    pub fn enabled(&self) -> impl Iterator<Item = &Definition> {
        self.definitions.iter().filter(|definition| definition.enabled)
    }
}

/// The JSON Schema of a definition file.
pub fn schema() -> serde_json::Value {
    declared::schema::of::<RawFile>()
}

/// A place in a loaded file.
struct At<'a> {
    file: &'a Loaded<RawFile>,
    pointer: String,
}

impl At<'_> {
    fn under(&self, key: &str) -> String {
        format!("{}{}", self.pointer, pointer([key]))
    }

    fn origin(&self, key: &str) -> Origin {
        let span = self.file.span_of(&self.under(key));
        Origin { file: self.file.file.name.to_string(), span }
    }

    fn complain(&self, key: &str, message: impl Into<String>) -> Diagnostic {
        self.file.complain(&self.under(key), message)
    }
}

/// Whether the content is converted: only what we can read is.
fn to_raw(image: &RawImage, at: &At<'_>, wrong: &mut Vec<Diagnostic>) -> bool {
    let Some(raw::Convert::Raw) = image.convert else { return false };
    let possible = matches!(image.format, raw::Format::Qcow2 | raw::Format::Raw);
    if !possible {
        let format = image.format.as_str();
        wrong.push(
            at.complain("convert", format!("{format} cannot be converted to raw on the way"))
                .with_help("convert qcow2 only, or leave it to a plugin of Glance"),
        );
    }
    possible && matches!(image.format, raw::Format::Qcow2)
}

fn definition(
    image: &RawImage,
    at: &At<'_>,
    keys: &mut Keys,
    wrong: &mut Vec<Diagnostic>,
) -> Option<Definition> {
    let before = wrong.len();
    let meta = meta(at, wrong);
    check_meta(&meta, at, wrong);
    let mut versions = Vec::new();
    for (index, version) in image.versions.iter().enumerate() {
        let pointer = format!("{}{}", at.under("versions"), pointer([index.to_string()]));
        let own = At { file: at.file, pointer };
        let lists = Lists { image: (image, at), version: (version, &own) };
        versions.extend(self::version(&lists, keys, wrong));
    }
    versions.sort_by(|left, right| natural_order(&left.version, &right.version));
    let to_raw = to_raw(image, at, wrong);
    if image.all_stores && !image.stores.is_empty() {
        wrong.push(
            at.complain("stores", "only one of \"stores\" and \"all_stores\" can be given")
                .with_help("leave out \"stores\" if the image shall be in all of them"),
        );
    }
    if wrong.len() > before {
        return None;
    }
    Some(Definition {
        name: image.name.clone(),
        enabled: image.enable,
        format: image.format.as_str().to_owned(),
        to_raw,
        stores: Stores::declared(&image.stores, image.all_stores),
        login: image.login.clone(),
        min_disk: image.min_disk,
        min_ram: image.min_ram,
        status: image.status,
        visibility: image.visibility,
        multi: image.multi,
        keep: image.keep,
        separator: image.separator.clone().unwrap_or_else(|| " ".to_owned()),
        tags: image.tags.clone(),
        meta,
        versions,
        pinned: None,
        origin: at.origin("name"),
    })
}

fn version(lists: &Lists<'_>, keys: &mut Keys, wrong: &mut Vec<Diagnostic>) -> Option<Version> {
    let (raw, at) = lists.version;
    let before = wrong.len();
    let url = url(Some(&raw.url), "url", at, wrong);
    let mirror_url = self::url(raw.mirror_url.as_ref(), "mirror_url", at, wrong);
    let checksum = raw.checksum.as_ref().and_then(|text| match text.parse::<Checksum>() {
        Ok(checksum) => Some(checksum),
        Err(error) => {
            wrong.push(
                at.complain("checksum", error.to_string())
                    .with_help("write <algorithm>:<digits>, for example sha512:…"),
            );
            None
        }
    });
    let id = raw.id.as_ref().and_then(|text| {
        let id = Uuid::parse_str(text).ok();
        if id.is_none() {
            wrong.push(at.complain("id", format!("\"{text}\" is not a UUID")));
        }
        id
    });
    let latest = lists.latest(url.as_ref(), wrong);
    let signed = lists.signed(url.as_ref(), keys, wrong);
    let meta = meta(at, wrong);
    check_meta(&meta, at, wrong);
    let url = url.filter(|_| wrong.len() == before)?;
    Some(Version {
        version: raw.version.clone(),
        url,
        mirror_url,
        checksum,
        latest,
        signed,
        build_date: raw.build_date.map(|date| date.0),
        os_version: raw.os_version.clone(),
        visibility: raw.visibility,
        hidden: raw.hidden,
        id,
        meta,
        upstream_checksum: None,
        restored: false,
        origin: at.origin("version"),
    })
}

fn url(
    text: Option<&String>,
    key: &str,
    at: &At<'_>,
    wrong: &mut Vec<Diagnostic>,
) -> Option<SourceUrl> {
    match SourceUrl::parse(text?) {
        Ok(url) => Some(url),
        Err(error) => {
            wrong.push(no_url(key, &error, at));
            None
        }
    }
}

fn no_url(key: &str, error: &SourceUrlError, at: &At<'_>) -> Diagnostic {
    let help = match error {
        SourceUrlError::Blank => "write %20 for a blank",
        _ => "write a URL that begins with https://, http://, ftp:// or file:///",
    };
    at.complain(key, error.to_string()).with_help(help)
}

fn meta(at: &At<'_>, wrong: &mut Vec<Diagnostic>) -> BTreeMap<String, String> {
    let Some(node) = at.file.tree.at(&at.under("meta")) else { return BTreeMap::new() };
    let mut meta = BTreeMap::new();
    for entry in node.entries() {
        let key = entry.key.to_string();
        if let Some(reason) = reserved(&key) {
            wrong.push(
                at.file
                    .file
                    .complain(entry.key_span, format!("\"{key}\" cannot be a property: {reason}")),
            );
        }
        meta.insert(key, raw::property_text(&entry.value));
    }
    meta
}

/// Why a key cannot be a property, if it cannot.
fn reserved(key: &str) -> Option<&'static str> {
    /// Fields of an image in the Image API v2.
    const FIELDS: [&str; 25] = [
        "id",
        "name",
        "status",
        "visibility",
        "protected",
        "owner",
        "checksum",
        "size",
        "virtual_size",
        "container_format",
        "disk_format",
        "min_disk",
        "min_ram",
        "tags",
        "locations",
        "direct_url",
        "self",
        "file",
        "schema",
        "created_at",
        "updated_at",
        "os_hidden",
        "os_hash_algo",
        "os_hash_value",
        "stores",
    ];
    if FIELDS.contains(&key) {
        return Some("it is a field of the image itself");
    }
    if key.starts_with("os_glance_") {
        return Some("Glance keeps names that begin with os_glance_ for itself");
    }
    [crate::MARKER, crate::IMPORT_STATE, crate::PINNED, crate::RETAINED]
        .contains(&key)
        .then_some("Lotse keeps its mark there")
}

/// Values whose form the SCS standards fix.
fn check_meta(meta: &BTreeMap<String, String>, at: &At<'_>, wrong: &mut Vec<Diagnostic>) {
    let is_date = |text: &str| text.parse::<jiff::civil::Date>().is_ok();
    let mut check = |key: &str, fits: &dyn Fn(&str) -> bool, help: &str| {
        if let Some(value) = meta.get(key).filter(|value| !fits(value)) {
            let pointer = format!("{}{}", at.under("meta"), pointer([key]));
            let message = format!("\"{key}\" cannot be \"{value}\"");
            wrong.push(at.file.complain(&pointer, message).with_help(help));
        }
    };
    check(
        "uuid_validity",
        &|text| text.parse::<Validity>().is_ok(),
        "write none, notice, forever, last-N (N from 1) or a date",
    );
    check(
        "provided_until",
        &|text| matches!(text, "none" | "notice") || is_date(text),
        "write none, notice or a date",
    );
}

#[cfg(test)]
mod tests;
