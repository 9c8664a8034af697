//! The format of definition files, as it is written: that of the OSISM image manager.
//!
//! The doc comments here are the documentation of the format: the published JSON Schema is derived
//! from these types.

use lotse_core::declared::{Node, Scalar, Value};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::model::{DeclaredStatus, Visibility};

/// A file of image definitions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "File")]
pub(super) struct RawFile {
    /// The images.
    #[schemars(length(min = 1))]
    pub(super) images: Vec<RawImage>,
}

/// An image with all its versions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Image")]
pub(super) struct RawImage {
    /// Base name of the image, for example `Debian 13`.
    #[schemars(length(min = 1, max = 255))]
    pub(super) name: String,
    /// Whether the image is kept in the cloud; `false` leaves alone what is there.
    #[serde(default = "yes")]
    pub(super) enable: bool,
    /// Disk format of the file.
    pub(super) format: Format,
    /// Convert the file on the way to Glance: `raw` unpacks a qcow2 file to a plain disk, which Ceph
    /// clones without a copy. Lotse does it, so the content passes through it.
    #[serde(default)]
    pub(super) convert: Option<Convert>,
    /// In which stores of the cloud the content shall be, by their ids. Content that is there is copied to
    /// those in which it is missing; it is never taken out of one.
    #[serde(default)]
    pub(super) stores: Vec<String>,
    /// The content shall be in all stores of the cloud that can be written to.
    #[serde(default)]
    pub(super) all_stores: bool,
    /// The user that the image lets in; becomes the property `image_original_user`.
    pub(super) login: String,
    /// The user's password, for documentation; never sent to the cloud.
    #[serde(default)]
    #[expect(dead_code, reason = "documentation in the file, deliberately not used")]
    pub(super) password: Option<String>,
    /// Short name, used in the paths of mirrors; not sent to the cloud.
    #[serde(default)]
    #[expect(dead_code, reason = "for mirrors, not used yet")]
    pub(super) shortname: Option<String>,
    /// Smallest root disk in GiB; raised to what the content needs.
    #[serde(default)]
    #[schemars(range(max = 1_000_000))]
    pub(super) min_disk: Option<u64>,
    /// Least memory in MiB.
    #[serde(default)]
    #[schemars(range(max = 1_000_000_000))]
    pub(super) min_ram: Option<u64>,
    /// Whether the image can be used.
    pub(super) status: DeclaredStatus,
    /// Who sees the image.
    pub(super) visibility: Visibility,
    /// `true`: the newest version is called `name`, older ones `name (version)`. `false`: each
    /// version is called `name version`.
    #[serde(default)]
    pub(super) multi: bool,
    /// Never delete images of this definition, only hide or deactivate them.
    #[serde(default)]
    pub(super) keep: bool,
    /// What stands between name and version; one blank by default.
    #[serde(default)]
    pub(super) separator: Option<String>,
    /// Tags, besides those that are always set: the mark of the manager and `os:<meta.os_distro>`.
    /// Other tags are removed.
    #[serde(default)]
    pub(super) tags: Vec<String>,
    /// Where upstream publishes the newest version; used by update tools only.
    #[serde(default)]
    #[expect(dead_code, reason = "for update tools, not used yet")]
    pub(super) latest_url: Option<String>,
    /// Where upstream publishes the checksum of the newest version; used by update tools only.
    #[serde(default)]
    #[expect(dead_code, reason = "for update tools, not used yet")]
    pub(super) latest_checksum_url: Option<String>,
    /// By whom the lists of checksums are signed: a file with armoured OpenPGP public keys, relative
    /// to this file, or the fingerprint of a key in a file of the directory `keys` beside it. Nothing is
    /// imported then that such a list, validly signed, does not name.
    #[serde(default)]
    pub(super) signed_by: Option<String>,
    /// With `signed_by`: the list of checksums and file names of every version that names no other;
    /// a URL, or one relative to the version's `url`.
    #[serde(default)]
    pub(super) checksums_url: Option<String>,
    /// With `signed_by`: the detached signature of that list; a URL, or one relative to the version's
    /// `url`. Without it, the list holds its own signature.
    #[serde(default)]
    pub(super) checksums_signature_url: Option<String>,
    /// Properties of the image.
    #[serde(default)]
    #[expect(dead_code, reason = "read from the tree, which knows dates from text")]
    pub(super) meta: RawMeta,
    /// The versions.
    #[schemars(length(min = 1))]
    pub(super) versions: Vec<RawVersion>,
}

/// One version of an image.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Version")]
pub(super) struct RawVersion {
    /// The version, in quotes, for example `"20240819"`; `"latest"` follows what upstream publishes.
    #[schemars(length(min = 1, max = 200))]
    pub(super) version: String,
    /// Where upstream publishes the file; becomes the property `image_source`.
    pub(super) url: String,
    /// Where the file is downloaded from instead.
    #[serde(default)]
    pub(super) mirror_url: Option<String>,
    /// Checksum of the file: `sha512:…` (or `md5`, `sha1`, `sha256`).
    #[serde(default)]
    pub(super) checksum: Option<String>,
    /// With the version `latest`, and for others with `signed_by`: a list of checksums and file names;
    /// a URL, or one relative to `url`.
    #[serde(default)]
    pub(super) checksums_url: Option<String>,
    /// Only with the version `latest`: a bare checksum.
    #[serde(default)]
    pub(super) checksum_url: Option<String>,
    /// With `signed_by`: the detached signature of the list, where it differs from the image's.
    #[serde(default)]
    pub(super) checksums_signature_url: Option<String>,
    /// By whom the list of checksums is signed, where it differs from the image's.
    #[serde(default)]
    pub(super) signed_by: Option<String>,
    /// When upstream built it; becomes the property `image_build_date`.
    #[serde(default)]
    pub(super) build_date: Option<RawDate>,
    /// Version of the operating system, where it differs from that in `meta`.
    #[serde(default)]
    pub(super) os_version: Option<String>,
    /// Who sees this version, where it differs from the image's.
    #[serde(default)]
    pub(super) visibility: Option<Visibility>,
    /// Whether listings leave this version out.
    #[serde(default)]
    pub(super) hidden: Option<bool>,
    /// The id that the image shall have in the cloud.
    #[serde(default)]
    pub(super) id: Option<String>,
    /// Properties of this version; they win over those of the image.
    #[serde(default)]
    #[expect(dead_code, reason = "read from the tree, which knows dates from text")]
    pub(super) meta: RawMeta,
    /// Accepted for compatibility; without effect.
    #[serde(default)]
    #[expect(dead_code, reason = "without effect in the format, too")]
    pub(super) source: Option<String>,
    /// Accepted for compatibility; without effect.
    #[serde(default)]
    #[expect(dead_code, reason = "without effect in the format, too")]
    pub(super) image_description: Option<String>,
}

const fn yes() -> bool {
    true
}

/// Disk formats.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    Aki,
    Ari,
    Ami,
    Raw,
    Iso,
    Vhd,
    Vhdx,
    Vdi,
    Qcow2,
    Vmdk,
    Ploop,
}

/// What files are converted to.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Convert {
    Raw,
}

impl Format {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Aki => "aki",
            Self::Ari => "ari",
            Self::Ami => "ami",
            Self::Raw => "raw",
            Self::Iso => "iso",
            Self::Vhd => "vhd",
            Self::Vhdx => "vhdx",
            Self::Vdi => "vdi",
            Self::Qcow2 => "qcow2",
            Self::Vmdk => "vmdk",
            Self::Ploop => "ploop",
        }
    }
}

/// A date, bare or in quotes, with or without a time.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct RawDate(pub(super) jiff::civil::Date);

impl TryFrom<String> for RawDate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let date = text.split(['T', 't', ' ']).next().unwrap_or_default();
        let date = date.parse().map_err(|_| format!("\"{text}\" is not a date (YYYY-MM-DD)"));
        date.map(Self)
    }
}

impl JsonSchema for RawDate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A date, bare or in quotes (YYYY-MM-DD); a time of day is ignored.",
            "anyOf": [
                { "type": "string", "format": "date" },
                { "type": "string", "format": "date-time" }
            ]
        })
    }
}

/// Properties. Every key is allowed; the known ones are documented and checked.
#[derive(Debug, Default)]
pub(super) struct RawMeta;

impl<'de> Deserialize<'de> for RawMeta {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(serde::de::IgnoredAny).map(|_| Self)
    }
}

impl JsonSchema for RawMeta {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Meta".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let any = serde_json::json!({
            "anyOf": [
                { "type": ["string", "number", "boolean", "null"] },
                { "type": "string", "format": "date" },
                { "type": "string", "format": "date-time" }
            ]
        });
        let known = |text: &str| {
            let mut schema = any.clone();
            schema["description"] = text.into();
            schema
        };
        json_schema!({
            "description": "Properties of the image. Every key is allowed; values are sent as text.",
            "type": "object",
            "properties": {
                "architecture": known("CPU architecture, for example x86_64."),
                "hw_disk_bus": known("Bus of the disks, for example scsi or virtio."),
                "hypervisor_type": known("Hypervisor, for example qemu."),
                "os_distro": known("Distribution, as libosinfo names it; becomes the tag os:<value>, too."),
                "os_version": known("Version of the operating system."),
                "os_purpose": {
                    "description": "What the image is for (SCS-0102).",
                    "enum": [
                        "generic", "oldgeneric", "minimal", "k8snode", "gpu", "network", "custom"
                    ]
                },
                "replace_frequency": {
                    "description": "How often upstream's images are taken over (SCS-0102).",
                    "enum": [
                        "yearly", "quarterly", "monthly", "weekly", "daily", "critical_bug", "never"
                    ]
                },
                "uuid_validity": known("How long an id stays valid: none, notice, forever, last-N or a date."),
                "provided_until": known("Until when the image is provided: none, notice or a date."),
                "image_description": known("Description; images belong to the definition by it. The name by default."),
                "hotfix_hours": known("Hours until a critical fix is taken over."),
                "patchlevel": known("Patch level of the operating system.")
            },
            "additionalProperties": any
        })
    }
}

/// A property's value in the form that is sent: what Python's `str` makes of it, because that is
/// what the clouds in the field hold.
pub(super) fn property_text(node: &Node) -> String {
    let Value::Scalar(scalar) = &node.value else { return String::new() };
    match scalar {
        Scalar::Null => "None".to_owned(),
        Scalar::Bool(true) => "True".to_owned(),
        Scalar::Bool(false) => "False".to_owned(),
        Scalar::Int(value) => value.to_string(),
        Scalar::Float(value) => python_float(*value),
        Scalar::Date(date) => date.to_string(),
        Scalar::DateTime(at) => at.iso(' '),
        Scalar::Text => node.raw.to_string(),
    }
}

/// Python's `repr` of a float: the shortest digits that read back, an exponent below 1e-4 and from
/// 1e16 on.
fn python_float(value: f64) -> String {
    if !value.is_finite() {
        return format!("{value}").to_lowercase();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value == 0.0 || (-4..16).contains(&exponent) {
        return format!("{value:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        let cases = [
            (1.0, "1.0"),
            (1.10, "1.1"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (-0.0, "-0.0"),
            (-2.5, "-2.5"),
            (1e-7, "1e-07"),
            (1e100, "1e+100"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (0.000_123, "0.000123"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
        ];
        for (value, text) in cases {
            assert_eq!(python_float(value), text);
        }
    }
}
