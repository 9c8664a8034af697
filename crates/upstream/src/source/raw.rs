//! Sources as they are written. The comments here are the documentation of the format: the JSON
//! Schema is derived from these types.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::order::Order;
use lotse_transfer::Algorithm;

/// A file of sources.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Sources")]
pub(super) struct RawFile {
    /// Whether the built-in sources are tried after those of this file.
    #[serde(default = "yes")]
    pub(super) builtin: bool,
    /// Where listings are read from instead. What is written into definition files stays the
    /// upstream's URL.
    #[serde(default)]
    pub(super) mirrors: Vec<RawMirror>,
    /// The sources. A definition belongs to the first that fits.
    #[serde(default)]
    pub(super) sources: Vec<RawSource>,
}

/// A beginning of URLs that is reached elsewhere.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Mirror")]
pub(super) struct RawMirror {
    /// What the upstream's URLs begin with; ends with `/`.
    pub(super) from: String,
    /// What to put in its place; ends with `/`.
    pub(super) to: String,
}

/// Where a distribution lists its builds, and how they are read from there.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Source")]
pub(super) struct RawSource {
    /// Its name, as findings show it.
    #[schemars(length(min = 1, max = 100))]
    pub(super) name: String,
    /// Which definitions it is for; everything given here has to fit.
    pub(super) r#match: RawMatch,
    /// Where builds are found.
    pub(super) find: RawFind,
    /// The version of a build: a text with `{names}`, or `last-modified` for the day on which the
    /// file was made, as the server says. What was captured as `version` if not given.
    #[serde(default)]
    pub(super) version: Option<String>,
    /// How builds are ordered.
    #[serde(default)]
    pub(super) order: Order,
    /// The URL of a build's file, with `{names}`.
    pub(super) url: String,
    /// Where its checksum is; not needed where builds are found in a checksum file.
    #[serde(default)]
    pub(super) checksum: Option<RawChecksum>,
}

/// Which definitions a source is for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Match")]
pub(super) struct RawMatch {
    /// Regular expression for `latest_url` or, where that is not given or does not fit, the URL of
    /// the newest version. What its named groups capture can be used as `{name}` everywhere below.
    pub(super) url: String,
    /// Values of `meta.os_distro`.
    #[serde(default)]
    pub(super) os_distro: Option<Vec<String>>,
    /// Regular expression for the name of the definition.
    #[serde(default)]
    pub(super) name: Option<String>,
}

/// Where builds are found.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Find")]
pub(super) enum RawFind {
    /// In a directory listing (HTML as web servers make it): the entries whose names fit, those of
    /// directories ending with `/`.
    Listing(RawEntries),
    /// In a checksum file: the files whose names fit, with their checksums.
    Manifest(RawEntries),
    /// In a text: every place that fits.
    Text(RawEntries),
    /// In a list of JSON objects: those of which all fields fit.
    Json(RawJson),
    /// One URL always leads to the newest build.
    Pointer,
}

/// Names or places that fit a regular expression.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Entries")]
pub(super) struct RawEntries {
    /// Where, with `{names}`.
    pub(super) url: String,
    /// The regular expression; its named groups can be used in `version`, `url` and `checksum`
    /// (`version` and `date` have their meaning). The whole name is `{file}`.
    pub(super) entry: String,
}

/// Objects in a list.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Objects")]
pub(super) struct RawJson {
    /// Where, with `{names}`.
    pub(super) url: String,
    /// JSON pointer to the list; the document itself if not given.
    #[serde(default)]
    pub(super) items: String,
    /// A list within each object, each member of which is a build of its own; its fields are
    /// `<each>/<field>`.
    #[serde(default)]
    pub(super) each: Option<String>,
    /// Fields (deeper ones with `/`) and the regular expressions that they fit.
    #[schemars(length(min = 1))]
    pub(super) fields: BTreeMap<String, String>,
}

/// Where a checksum is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ChecksumOf")]
pub(super) enum RawChecksum {
    /// In a file: a list of checksums and names (plain, with `*`, or of the form `SHA256 (name) =
    /// …`), or the digits alone. `{url}` is the URL of the build.
    File(String),
    /// In what was captured: a text with `{names}`, for example `sha256:{sum}`.
    Value(String),
    /// Nowhere: a newer build is downloaded once and its checksum computed.
    Computed(Algorithm),
}

const fn yes() -> bool {
    true
}
