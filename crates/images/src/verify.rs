//! Whether the images that are there are what was declared: their content, and what they say of it.

use lotse_plan::Plan;
use serde::Serialize;

use crate::declare::Catalog;
use crate::inventory::{Standing, inventory};
use crate::model::{Algorithm, Checksum, Definition, Image, Version};
use crate::observe::Observed;
use crate::operation::Operation;
use crate::{CONTENT, VERIFIED};

/// What is known of an image's content.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// It has the declared checksum.
    Verified,
    /// It has another one.
    Differs {
        /// The declared one.
        declared: String,
        /// That of the content.
        found: String,
    },
    /// Nothing can be said, and this is why.
    Unknown(String),
}

/// One declared image, compared.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Verified {
    /// The name it bears, or is to bear.
    pub name: String,
    /// Its id; `None` while it is missing.
    pub image: Option<String>,
    /// Whether everything that can be compared is as declared.
    pub passed: bool,
    /// Its content.
    pub content: Content,
    /// What is not as declared, one sentence each.
    pub problems: Vec<String>,
}

/// Compares every declared image of a cloud. `plan` is that of the same catalogue and cloud.
pub fn verify(catalog: &Catalog, observed: &Observed, plan: &Plan<Operation>) -> Vec<Verified> {
    let entries = inventory(catalog, observed, plan).into_iter();
    let declared = entries.filter(|entry| entry.declared.is_some());
    let verified = declared.map(|entry| {
        let image = observed.images.iter().find(|image| Some(&image.id) == entry.image.as_ref());
        let mut problems: Vec<String> = Vec::new();
        match entry.standing {
            Standing::Missing => problems.push("it is not there".to_owned()),
            Standing::Importing => problems.push("its import is not finished".to_owned()),
            Standing::Differs => problems.extend(entry.changes.iter().map(|change| {
                let field = change["field"].as_str().unwrap_or_default();
                format!("{field} is {}, and shall be {}", change["before"], change["after"])
            })),
            Standing::Converged | Standing::Undeclared => {}
        }
        let content = match image {
            None => Content::Unknown("it is not there".to_owned()),
            Some(image) => content(catalog, observed, image),
        };
        if let Content::Differs { declared, found } = &content {
            problems
                .push(format!("its content has the checksum {found}, and shall have {declared}"));
        }
        let passed = problems.is_empty();
        Verified { name: entry.name, image: entry.image, passed, content, problems }
    });
    verified.collect()
}

fn content(catalog: &Catalog, observed: &Observed, image: &Image) -> Content {
    let Some((definition, version)) = held(catalog, image) else {
        return Content::Unknown("it holds no declared version".to_owned());
    };
    let followed = observed.upstream.get(&definition.name).and_then(|upstream| {
        let upstream = upstream.as_ref().ok()?;
        let said = image.property("upstream_checksum")?;
        upstream.all().find(|checksum| said.ends_with(&checksum.digits())).cloned()
    });
    let declared = if version.follows() { followed } else { version.checksum.clone() };
    let declared = match (declared, &version.signed) {
        (None, Some(list)) => match trusted(observed, definition, version, image) {
            Ok(trusted) => Some(trusted),
            Err(reason) => return Content::Unknown(format!("{}: {reason}", list.list)),
        },
        (declared, _) => declared,
    };
    let Some(declared) = declared else {
        return Content::Unknown("no checksum is declared".to_owned());
    };
    if let Some(handed) = handed(image, &declared) {
        return handed;
    }
    if image.disk_format.as_ref() != Some(&definition.format) {
        return Content::Unknown("Glance converted it".to_owned());
    }
    match known(image, &declared) {
        None => {
            Content::Unknown(format!("the cloud knows no {} of it", declared.algorithm().as_str()))
        }
        Some(found) if found.eq_ignore_ascii_case(declared.digits()) => Content::Verified,
        Some(found) => Content::Differs {
            declared: declared.to_string(),
            found: format!("{}:{found}", declared.algorithm().as_str()),
        },
    }
}

/// What a signed list says of a version that declares no checksum itself: of several kinds the one by
/// which this image was verified or is known, so that there is something to compare.
fn trusted(
    observed: &Observed,
    definition: &Definition,
    version: &Version,
    image: &Image,
) -> Result<Checksum, String> {
    let place = (definition.name.clone(), version.version.clone());
    let Some(trusted) = observed.signed.get(&place) else {
        return Err("it was not read".to_owned());
    };
    let checksums = match trusted {
        Ok(trusted) => &trusted.checksums,
        Err(doubt) => return Err(doubt.reason().to_owned()),
    };
    let comparable = |checksum: &&Checksum| {
        image.property(VERIFIED) == Some(checksum.to_string().as_str())
            || known(image, checksum).is_some()
    };
    let best = checksums.iter().find(comparable).or_else(|| checksums.first());
    best.cloned().ok_or_else(|| "it does not name the file".to_owned())
}

/// What is known of content that we verified before Glance got it: whether that was this checksum,
/// and whether Glance still has what it got.
fn handed(image: &Image, declared: &Checksum) -> Option<Content> {
    let verified = declared.to_string();
    let handed = image.property(CONTENT)?;
    if image.property(VERIFIED) != Some(verified.as_str()) {
        return None;
    }
    if image.os_hash_algo.as_deref() != Some("sha512") {
        return None;
    }
    let found = image.os_hash_value.as_deref()?;
    Some(if found.eq_ignore_ascii_case(handed) {
        Content::Verified
    } else {
        Content::Differs { declared: format!("sha512:{handed}"), found: format!("sha512:{found}") }
    })
}

/// What the cloud knows of the content, in this kind of checksum.
fn known<'a>(image: &'a Image, declared: &Checksum) -> Option<&'a str> {
    match declared.algorithm() {
        Algorithm::Md5 => image.checksum.as_deref(),
        algorithm if image.os_hash_algo.as_deref() == Some(algorithm.as_str()) => {
            image.os_hash_value.as_deref()
        }
        _ => None,
    }
}

/// The declared version that an image says it holds.
fn held<'a>(catalog: &'a Catalog, image: &Image) -> Option<(&'a Definition, &'a Version)> {
    let described = image.property("image_description");
    let definition =
        catalog.enabled().find(|definition| Some(definition.description()) == described)?;
    let held = image.internal_version()?;
    let mut versions = definition.versions.iter();
    let version = versions
        .find(|version| version.version == held)
        .or_else(|| definition.versions.iter().find(|version| version.follows()))?;
    Some((definition, version))
}
