//! Which versions a service has.
//!
//! Services describe themselves at their root, with status 200 or 300: a list of major versions, and
//! for those with microversions the range. The documents differ (`versions` as a list or wrapped in
//! `values`, or a single `version`); links in them often name hosts that clients cannot reach, so
//! that only their last segment is believed.

use std::fmt;

use serde_json::Value;

/// A version number of two parts, for example 2.93.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Version {
    /// Before the dot.
    pub major: u32,
    /// After the dot.
    pub minor: u32,
}

impl Version {
    /// Reads `2.93`, `v2.93`, `v3` or `3`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        Some(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// One major version of a service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApiVersion {
    /// Its number; for services without microversions the minor part may say more than the path.
    pub id: Version,
    /// Whether the service recommends it.
    pub current: bool,
    /// Whether the service still offers it.
    pub offered: bool,
    /// The segment of the path that selects it, for example `v2.1`; `None` when it is at the root.
    pub segment: Option<String>,
    /// The oldest and newest microversion.
    pub microversions: Option<(Version, Version)>,
}

/// The versions of a document, or why it is none.
pub fn parse(body: &[u8]) -> Result<Vec<ApiVersion>, String> {
    let document: Value =
        serde_json::from_slice(body).map_err(|_| "something that is not JSON".to_owned())?;
    let list = match (document.get("versions"), document.get("version")) {
        (Some(Value::Array(list)), _) => list.as_slice(),
        (Some(Value::Object(wrapped)), _) => match wrapped.get("values") {
            Some(Value::Array(list)) => list.as_slice(),
            _ => &[],
        },
        (_, Some(single @ Value::Object(_))) => std::slice::from_ref(single),
        // Some services put the entry at the top.
        _ if document.get("id").is_some() => std::slice::from_ref(&document),
        _ => &[],
    };
    let versions: Vec<_> = list.iter().filter_map(entry).collect();
    if versions.is_empty() { Err("no description of versions".to_owned()) } else { Ok(versions) }
}

fn entry(entry: &Value) -> Option<ApiVersion> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let written = text("id")?;
    let id = Version::parse(written)?;
    let status = text("status").unwrap_or("CURRENT").to_ascii_uppercase();
    let newest = text("version").or_else(|| text("max_version")).and_then(Version::parse);
    let oldest = text("min_version").and_then(Version::parse);
    Some(ApiVersion {
        id,
        current: matches!(status.as_str(), "CURRENT" | "STABLE"),
        offered: status != "DEPRECATED" || newest.is_some(),
        segment: segment(entry),
        microversions: oldest.zip(newest),
    })
}

/// The version in the path of the entry's own link.
fn segment(entry: &Value) -> Option<String> {
    let links = entry.get("links")?.as_array()?;
    let own = links.iter().find(|link| link.get("rel").and_then(Value::as_str) == Some("self"))?;
    let href = own.get("href")?.as_str()?;
    let path = href.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').find(|part| is_segment(part)).map(ToOwned::to_owned)
}

/// Whether a segment of a path selects a version: `v2`, `v2.1`, `v3`.
pub(crate) fn is_segment(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|number| {
        number.starts_with(|first: char| first.is_ascii_digit()) && Version::parse(number).is_some()
    })
}

/// The version to use when nobody says: of the major wanted, what the service recommends, newest.
pub(crate) fn best(versions: &[ApiVersion], major: Option<u32>) -> Option<&ApiVersion> {
    versions
        .iter()
        .filter(|version| major.is_none_or(|major| version.id.major == major))
        .max_by_key(|version| (version.offered, version.current, version.id))
}
