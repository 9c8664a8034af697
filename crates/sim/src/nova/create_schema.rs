//! The body that makes a server, version by version.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::asked::Asked;
use super::shapes;

/// Since when the schema is as it is.
const VERSIONS: [u16; 12] = [1, 19, 32, 33, 37, 42, 52, 57, 63, 67, 74, 90];

static SCHEMAS: LazyLock<Vec<Value>> =
    LazyLock::new(|| VERSIONS.iter().map(|version| build(*version)).collect());

/// The schema of the body in this version.
pub(crate) fn of(asked: &Asked) -> &'static Value {
    let place = VERSIONS.iter().rposition(|since| asked.at_least(*since)).unwrap_or(0);
    &SCHEMAS[place]
}

fn networks(version: u16) -> Value {
    let port = json!({"oneOf": [shapes::uuid(), {"type": "null"}]});
    let network = if version >= 37 { shapes::uuid() } else { shapes::text() };
    let mut fields = json!({"fixed_ip": shapes::ip(), "port": port, "uuid": network});
    if version == 32 || version == 33 || version >= 42 {
        fields["tag"] = shapes::tag();
    }
    let list = json!({
        "type": "array",
        "items": {"type": "object", "properties": fields, "additionalProperties": false},
    });
    if version < 37 {
        return list;
    }
    json!({"oneOf": [list, {"type": "string", "enum": ["none", "auto"]}]})
}

fn legacy_mapping() -> Value {
    json!({
        "virtual_name": {"type": "string", "maxLength": 255},
        "volume_id": shapes::uuid(),
        "snapshot_id": shapes::uuid(),
        "volume_size": shapes::size(1),
        "device_name": {
            "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9._-r/]*$",
        },
        "delete_on_termination": shapes::boolean(),
        "no_device": {},
        "connection_info": {"type": "string", "maxLength": 16_777_215},
    })
}

fn mapping(version: u16) -> Value {
    let word = json!({"type": "string", "maxLength": 255});
    let mut fields = legacy_mapping();
    fields["source_type"] =
        json!({"type": "string", "enum": ["volume", "image", "snapshot", "blank"]});
    fields["uuid"] = json!({
        "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9._-]*$",
    });
    fields["image_id"] = shapes::uuid();
    fields["destination_type"] = json!({"type": "string", "enum": ["local", "volume"]});
    fields["guest_format"] = word.clone();
    fields["device_type"] = word.clone();
    fields["disk_bus"] = word;
    fields["boot_index"] = json!({"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$"});
    if version == 32 || version >= 42 {
        fields["tag"] = shapes::tag();
    }
    if version >= 67 {
        fields["volume_type"] =
            json!({"type": ["string", "null"], "minLength": 0, "maxLength": 255});
    }
    fields
}

fn list_of(fields: &Value) -> Value {
    let items = json!({"type": "object", "properties": fields, "additionalProperties": false});
    json!({"type": "array", "items": items})
}

/// Certificates that a signed image is checked by.
pub(crate) fn trusted_certs() -> Value {
    json!({
        "type": ["array", "null"], "minItems": 1, "maxItems": 50, "uniqueItems": true,
        "items": {"type": "string", "minLength": 1},
    })
}

pub(crate) fn user_data() -> Value {
    json!({"type": "string", "format": "base64", "maxLength": 65_535})
}

fn build(version: u16) -> Value {
    let empty_or_uuid = json!({"oneOf": [shapes::uuid(), {"type": "string", "maxLength": 0}]});
    let mut fields = json!({
        "name": shapes::name(),
        "imageRef": empty_or_uuid,
        "flavorRef": shapes::flavor_ref(),
        "adminPass": shapes::text(),
        "metadata": shapes::metadata(),
        "networks": networks(version),
        "OS-DCF:diskConfig": shapes::disk_config(),
        "accessIPv4": {"type": "string", "format": "ipv4"},
        "accessIPv6": {"type": "string", "format": "ipv6"},
        "availability_zone": shapes::name(),
        "block_device_mapping": list_of(&legacy_mapping()),
        "block_device_mapping_v2": list_of(&mapping(version)),
        "config_drive": shapes::boolean(),
        "key_name": shapes::name(),
        "min_count": shapes::positive(),
        "max_count": shapes::positive(),
        "return_reservation_id": shapes::boolean(),
        "security_groups": list_of(&json!({"name": shapes::name()})),
        "user_data": user_data(),
    });
    if version < 57 {
        fields["personality"] = list_of(&json!({
            "path": shapes::text(),
            "contents": {"type": "string", "format": "base64"},
        }));
    }
    if version >= 19 {
        fields["description"] = shapes::description(255);
    }
    if version >= 52 {
        fields["tags"] = json!({"type": "array", "items": shapes::tag(), "maxItems": 50});
    }
    if version >= 63 {
        fields["trusted_image_certificates"] = trusted_certs();
    }
    if version >= 74 {
        fields["host"] = shapes::fqdn();
        fields["hypervisor_hostname"] = shapes::fqdn();
    }
    if version >= 90 {
        fields["hostname"] = shapes::hostname();
    }
    let required: &[&str] =
        if version >= 37 { &["name", "flavorRef", "networks"] } else { &["name", "flavorRef"] };
    let mut schema = shapes::wrapped("server", fields, required);
    for name in ["os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"] {
        schema["properties"][name] = hints();
    }
    schema
}

fn hints() -> Value {
    let server_or_servers = json!({"oneOf": [
        shapes::uuid(),
        {"type": "array", "items": shapes::uuid()},
    ]});
    json!({
        "type": "object",
        "properties": {
            "group": shapes::uuid(),
            "different_host": server_or_servers,
            "same_host": {"type": ["string", "array"], "items": shapes::uuid()},
            "query": {"type": ["string", "object"]},
            "target_cell": shapes::name(),
            "different_cell": {"type": ["string", "array"], "items": shapes::text()},
            "build_near_host_ip": shapes::ip(),
            "cidr": {"type": "string", "pattern": "^/[0-9a-f.:]+$"},
        },
        "additionalProperties": true,
    })
}
