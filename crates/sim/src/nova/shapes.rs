//! Parts of schemas that several requests share. Source: Nova's API reference.

use serde_json::{Value, json};

pub(crate) fn name() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 255, "format": "name"})
}

pub(crate) fn uuid() -> Value {
    json!({"type": "string", "format": "uuid"})
}

pub(crate) fn boolean() -> Value {
    json!({"type": ["boolean", "string"], "enum": [
        true, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes",
        false, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no",
    ]})
}

pub(crate) fn positive() -> Value {
    json!({"type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": 1, "minLength": 1})
}

pub(crate) fn not_negative() -> Value {
    json!({"type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": 0, "minLength": 1})
}

/// A size with a lower bound.
pub(crate) fn size(least: u64) -> Value {
    json!({
        "type": ["integer", "string"], "pattern": "^[0-9]+$",
        "minimum": least, "maximum": 0x7fff_ffff,
    })
}

pub(crate) fn description(longest: u64) -> Value {
    json!({"type": ["string", "null"], "minLength": 0, "maxLength": longest})
}

pub(crate) fn hostname() -> Value {
    json!({
        "type": "string", "minLength": 2, "maxLength": 63,
        "pattern": "^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$",
    })
}

pub(crate) fn fqdn() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9-._]*$"})
}

pub(crate) fn metadata() -> Value {
    json!({
        "type": "object",
        "patternProperties": {
            "^[a-zA-Z0-9-_:. ]{1,255}$": {"type": "string", "maxLength": 255},
        },
        "additionalProperties": false,
    })
}

pub(crate) fn metadata_or_null() -> Value {
    json!({
        "type": "object",
        "patternProperties": {
            "^[a-zA-Z0-9-_:. ]{1,255}$": {"type": ["string", "null"], "maxLength": 255},
        },
        "additionalProperties": false,
    })
}

pub(crate) fn tag() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 60, "pattern": "^[^,/]*$"})
}

pub(crate) fn ip() -> Value {
    json!({"type": "string", "oneOf": [{"format": "ipv4"}, {"format": "ipv6"}]})
}

pub(crate) fn disk_config() -> Value {
    json!({"type": "string", "enum": ["AUTO", "MANUAL"]})
}

pub(crate) fn flavor_ref() -> Value {
    json!({"type": ["string", "integer"], "minLength": 1})
}

/// `{"key": {…fields…}}` with nothing else beside or in it.
#[allow(clippy::needless_pass_by_value, reason = "fields are made for it")]
pub(crate) fn wrapped(key: &str, fields: Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": {key: {
            "type": "object",
            "properties": fields,
            "required": required,
            "additionalProperties": false,
        }},
        "required": [key],
        "additionalProperties": false,
    })
}

/// A query with these parameters, each of them as often as one likes.
pub(crate) fn query(parameters: &[(&str, Value)], others: bool) -> Value {
    let properties: serde_json::Map<String, Value> = parameters
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), json!({"type": "array", "items": schema})))
        .collect();
    json!({"type": "object", "properties": properties, "additionalProperties": others})
}

/// Any text.
pub(crate) fn text() -> Value {
    json!({"type": "string"})
}
