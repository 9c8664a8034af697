//! What the JSON schema of an image allows.

use serde_json::{Map, Value, json};

use super::refusal::Refusal;

/// Container formats that Glance knows; null is allowed as well.
const CONTAINER_FORMATS: &[&str] =
    &["ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"];
/// Disk formats that Glance knows; null is allowed as well.
const DISK_FORMATS: &[&str] =
    &["ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop"];
const VISIBILITIES: &[&str] = &["community", "public", "private", "shared"];
const STATUSES: &[&str] = &[
    "queued",
    "saving",
    "active",
    "killed",
    "deleted",
    "uploading",
    "importing",
    "pending_delete",
    "deactivated",
];
const UUID: &str =
    "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$";

/// What the value of a property must be.
enum Kind {
    /// A text of at most so many characters.
    Text {
        null: bool,
        most: usize,
    },
    Integer {
        null: bool,
    },
    Boolean,
    /// A UUID.
    Id {
        null: bool,
    },
    OneOf {
        null: bool,
        values: &'static [&'static str],
    },
    /// A list of texts of at most 255 characters.
    Texts,
    /// Objects; looked at elsewhere.
    List,
}

/// The properties of the schema: name, kind, whether only Glance sets it, description.
const PROPERTIES: &[(&str, Kind, bool, &str)] = &[
    ("id", Kind::Id { null: false }, false, "An identifier for the image"),
    ("name", Kind::Text { null: true, most: 255 }, false, "Descriptive name for the image"),
    ("status", Kind::OneOf { null: false, values: STATUSES }, true, "Status of the image"),
    (
        "visibility",
        Kind::OneOf { null: false, values: VISIBILITIES },
        false,
        "Scope of image accessibility",
    ),
    ("protected", Kind::Boolean, false, "If true, image will not be deletable."),
    (
        "os_hidden",
        Kind::Boolean,
        false,
        "If true, image will not appear in default image list response.",
    ),
    ("checksum", Kind::Text { null: true, most: 32 }, true, "md5 hash of image contents."),
    (
        "os_hash_algo",
        Kind::Text { null: true, most: 64 },
        true,
        "Algorithm to calculate the os_hash_value",
    ),
    (
        "os_hash_value",
        Kind::Text { null: true, most: 128 },
        true,
        "Hexdigest of the image contents using the algorithm specified by the os_hash_algo",
    ),
    ("owner", Kind::Text { null: true, most: 255 }, false, "Owner of the image"),
    ("size", Kind::Integer { null: true }, true, "Size of image file in bytes"),
    ("virtual_size", Kind::Integer { null: true }, true, "Virtual size of image in bytes"),
    (
        "container_format",
        Kind::OneOf { null: true, values: CONTAINER_FORMATS },
        false,
        "Format of the container",
    ),
    ("disk_format", Kind::OneOf { null: true, values: DISK_FORMATS }, false, "Format of the disk"),
    (
        "created_at",
        Kind::Text { null: false, most: usize::MAX },
        true,
        "Date and time of image registration",
    ),
    (
        "updated_at",
        Kind::Text { null: false, most: usize::MAX },
        true,
        "Date and time of the last image modification",
    ),
    ("tags", Kind::Texts, false, "List of strings related to the image"),
    (
        "direct_url",
        Kind::Text { null: false, most: usize::MAX },
        true,
        "URL to access the image file kept in external store",
    ),
    (
        "min_ram",
        Kind::Integer { null: false },
        false,
        "Amount of ram (in MB) required to boot image.",
    ),
    (
        "min_disk",
        Kind::Integer { null: false },
        false,
        "Amount of disk space (in GB) required to boot image.",
    ),
    ("self", Kind::Text { null: false, most: usize::MAX }, true, "An image self url"),
    ("file", Kind::Text { null: false, most: usize::MAX }, true, "An image file url"),
    (
        "stores",
        Kind::Text { null: false, most: usize::MAX },
        true,
        "Store in which image data resides. May be a comma-separated list of store identifiers.",
    ),
    ("schema", Kind::Text { null: false, most: usize::MAX }, true, "An image schema url"),
    (
        "locations",
        Kind::List,
        false,
        "A set of URLs to access the image file kept in external store",
    ),
    (
        "kernel_id",
        Kind::Id { null: true },
        false,
        "ID of image stored in Glance that should be used as the kernel when booting an AMI-style \
         image.",
    ),
    (
        "ramdisk_id",
        Kind::Id { null: true },
        false,
        "ID of image stored in Glance that should be used as the ramdisk when booting an AMI-style \
         image.",
    ),
];

/// Free properties that the schema describes because other services look at them.
const DESCRIBED: &[(&str, &str)] = &[
    ("architecture", "Operating system architecture."),
    ("cinder_encryption_key_deletion_policy", "What happens to the encryption key at the end."),
    ("cinder_encryption_key_id", "Identifier of the encryption key of a volume."),
    ("description", "A human-readable string describing this image."),
    ("instance_uuid", "Which instance this image is associated with."),
    ("os_distro", "Common name of the operating system distribution."),
    ("os_version", "Operating system version as specified by the distributor."),
];

/// Checks all properties of an object against the schema of an image.
pub(crate) fn check(given: &Map<String, Value>) -> Result<(), Refusal> {
    for (name, value) in given {
        let known = PROPERTIES.iter().find(|(known, ..)| known == name);
        let free = Kind::Text { null: false, most: usize::MAX };
        let kind = known.map_or(&free, |(_, kind, ..)| kind);
        if let Err(problem) = kind.check(value) {
            return Err(Refusal::bad(format!(
                "Provided object does not match schema 'image': {problem}"
            )));
        }
    }
    Ok(())
}

impl Kind {
    fn check(&self, value: &Value) -> Result<(), String> {
        match self {
            Self::Text { null: true, .. }
            | Self::Integer { null: true }
            | Self::Id { null: true }
            | Self::OneOf { null: true, .. }
                if value.is_null() =>
            {
                Ok(())
            }
            Self::Text { null, most } => match value {
                Value::String(text) if text.chars().count() > *most => {
                    Err(format!("'{text}' is too long"))
                }
                Value::String(_) => Ok(()),
                other => {
                    Err(wrong_type(other, if *null { "'null', 'string'" } else { "'string'" }))
                }
            },
            Self::Integer { null } => {
                let name = if *null { "'null', 'integer'" } else { "'integer'" };
                if value.is_i64() || value.is_u64() { Ok(()) } else { Err(wrong_type(value, name)) }
            }
            Self::Boolean => {
                if value.is_boolean() {
                    Ok(())
                } else {
                    Err(wrong_type(value, "'boolean'"))
                }
            }
            Self::Id { .. } => match value {
                Value::String(text) if is_uuid(text) => Ok(()),
                Value::String(text) => Err(format!("'{text}' does not match '{UUID}'")),
                other => Err(wrong_type(other, "'string'")),
            },
            Self::OneOf { null, values } => match value {
                Value::String(text) if values.contains(&text.as_str()) => Ok(()),
                other => Err(format!("{} is not one of {}", python(other), choices(*null, values))),
            },
            Self::Texts => match value {
                Value::Array(list) => {
                    list.iter().try_for_each(|one| Self::Text { null: false, most: 255 }.check(one))
                }
                other => Err(wrong_type(other, "'array'")),
            },
            Self::List => {
                if value.is_array() {
                    Ok(())
                } else {
                    Err(wrong_type(value, "'array'"))
                }
            }
        }
    }

    fn describe(&self) -> Map<String, Value> {
        let kind = |name: &str, null: bool| {
            if null { json!(["null", name]) } else { json!(name) }
        };
        let mut shown = Map::new();
        match self {
            Self::Text { null, most } => {
                shown.insert("type".to_owned(), kind("string", *null));
                if *most != usize::MAX {
                    shown.insert("maxLength".to_owned(), json!(most));
                }
            }
            Self::Integer { null } => {
                shown.insert("type".to_owned(), kind("integer", *null));
            }
            Self::Boolean => {
                shown.insert("type".to_owned(), json!("boolean"));
            }
            Self::Id { null } => {
                shown.insert("type".to_owned(), kind("string", *null));
                shown.insert("pattern".to_owned(), json!(UUID));
            }
            Self::OneOf { null, values } => {
                shown.insert("type".to_owned(), kind("string", *null));
                let mut all: Vec<Value> = values.iter().map(|value| json!(value)).collect();
                if *null {
                    all.insert(0, Value::Null);
                }
                shown.insert("enum".to_owned(), Value::Array(all));
            }
            Self::Texts => {
                shown.insert("type".to_owned(), json!("array"));
                shown.insert("items".to_owned(), json!({"type": "string", "maxLength": 255}));
            }
            Self::List => {
                shown.insert("type".to_owned(), json!("array"));
            }
        }
        shown
    }
}

/// Whether the text has the form that Glance asks of ids.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(at, character)| match at {
            8 | 13 | 18 | 23 => character == '-',
            _ => character.is_ascii_hexdigit(),
        })
}

fn wrong_type(value: &Value, wanted: &str) -> String {
    format!("{} is not of type {wanted}", python(value))
}

fn choices(null: bool, values: &[&str]) -> String {
    let none = null.then(|| "None".to_owned());
    let all = none.into_iter().chain(values.iter().map(|value| format!("'{value}'")));
    format!("[{}]", all.collect::<Vec<_>>().join(", "))
}

/// A value as Python prints it.
pub(crate) fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => format!("'{text}'"),
        Value::Array(list) => {
            format!("[{}]", list.iter().map(python).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let pair = |(name, value): (&String, &Value)| format!("'{name}': {}", python(value));
            format!("{{{}}}", fields.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        other @ Value::Number(_) => other.to_string(),
    }
}

/// The schema of an image as `GET /v2/schemas/image` shows it.
pub(crate) fn image() -> Value {
    let mut properties: Map<String, Value> = PROPERTIES
        .iter()
        .map(|(name, kind, read_only, description)| {
            let mut shown = kind.describe();
            if *read_only {
                shown.insert("readOnly".to_owned(), json!(true));
            }
            shown.insert("description".to_owned(), json!(description));
            if matches!(*name, "kernel_id" | "ramdisk_id") {
                shown.insert("is_base".to_owned(), json!(false));
            }
            ((*name).to_owned(), Value::Object(shown))
        })
        .collect();
    for (name, description) in DESCRIBED {
        let shown = json!({"type": "string", "description": description, "is_base": false});
        properties.insert((*name).to_owned(), shown);
    }
    json!({
        "name": "image",
        "properties": properties,
        "additionalProperties": {"type": "string"},
        "links": [
            {"rel": "self", "href": "{self}"},
            {"rel": "enclosure", "href": "{file}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    })
}

/// The schema of a list of objects.
pub(crate) fn list_of(name: &str, item: &Value) -> Value {
    let mut properties = json!({
        "first": {"type": "string"},
        "next": {"type": "string"},
        "schema": {"type": "string"},
    });
    properties[name] = json!({"type": "array", "items": item});
    json!({
        "name": name,
        "properties": properties,
        "links": [
            {"rel": "first", "href": "{first}"},
            {"rel": "next", "href": "{next}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    })
}
