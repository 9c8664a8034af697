//! Parts of schemas that several requests share. Source: Cinder's API reference, and its refusals.

use serde_json::{Value, json};

pub(crate) fn boolean() -> Value {
    json!({"type": ["boolean", "string"], "enum": [
        true, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes", "y", "t",
        false, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no", "n", "f",
    ]})
}

pub(crate) fn optional_boolean() -> Value {
    json!({"oneOf": [boolean(), {"type": "null"}]})
}

pub(crate) fn uuid() -> Value {
    json!({"type": "string", "format": "uuid"})
}

pub(crate) fn optional_uuid() -> Value {
    json!({"oneOf": [{"type": "null"}, uuid()]})
}

/// A name that may be left out and is cut to size elsewhere.
pub(crate) fn free() -> Value {
    json!({"type": ["string", "null"]})
}

pub(crate) fn short() -> Value {
    json!({"type": ["string", "null"], "minLength": 0, "maxLength": 255})
}

pub(crate) fn size(null: bool) -> Value {
    let kinds =
        if null { json!(["integer", "string", "null"]) } else { json!(["integer", "string"]) };
    json!({"type": kinds, "pattern": "^[0-9]+$", "minimum": 1, "maximum": 0x7fff_ffff})
}

pub(crate) fn metadata(null: bool) -> Value {
    let kinds = if null { json!(["object", "null"]) } else { json!("object") };
    json!({
        "type": kinds,
        "patternProperties": {
            "^[a-zA-Z0-9-_:. /]{1,255}$": {"type": "string", "maxLength": 255},
        },
        "additionalProperties": false,
    })
}

/// An object of these properties.
pub(crate) fn object(properties: Value, required: &[&str], more: bool) -> Value {
    let mut schema = json!({"type": "object"});
    schema["properties"] = properties;
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema["additionalProperties"] = json!(more);
    schema
}
