//! What a list of servers can be filtered and sorted by, version by version.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::asked::Asked;
use super::shapes;

/// Keys that are accepted and not looked at before 2.75.
pub(crate) const IGNORED_SORT_KEYS: &[&str] = &[
    "architecture",
    "cell_name",
    "cleaned",
    "default_ephemeral_device",
    "default_swap_device",
    "deleted",
    "deleted_at",
    "disable_terminate",
    "ephemeral_gb",
    "ephemeral_key_uuid",
    "id",
    "key_data",
    "launched_on",
    "locked",
    "memory_mb",
    "os_type",
    "reservation_id",
    "root_gb",
    "shutdown_terminate",
    "user_data",
    "vcpus",
    "vm_mode",
];

const SORT_KEYS: &[&str] = &[
    "access_ip_v4",
    "access_ip_v6",
    "auto_disk_config",
    "availability_zone",
    "config_drive",
    "created_at",
    "display_description",
    "display_name",
    "host",
    "hostname",
    "image_ref",
    "instance_type_id",
    "kernel_id",
    "key_name",
    "launch_index",
    "launched_at",
    "locked_by",
    "node",
    "power_state",
    "progress",
    "project_id",
    "ramdisk_id",
    "root_device_name",
    "task_state",
    "terminated_at",
    "updated_at",
    "user_id",
    "uuid",
    "vm_state",
];

/// Filters that take any text.
const PLAIN: &[&str] = &[
    "user_id",
    "project_id",
    "tenant_id",
    "launch_index",
    "image_ref",
    "image",
    "vm_state",
    "task_state",
    "host",
    "uuid",
    "sort_dir",
    "all_tenants",
    "soft_deleted",
    "deleted",
    "status",
    "block_device_mapping",
    "services",
    "metadata",
    "system_metadata",
    "info_cache",
    "security_groups",
    "pci_devices",
    "marker",
];

/// Filters that take a regular expression.
const PATTERNS: &[&str] = &[
    "kernel_id",
    "ramdisk_id",
    "hostname",
    "key_name",
    "power_state",
    "node",
    "flavor",
    "reservation_id",
    "launched_at",
    "terminated_at",
    "availability_zone",
    "name",
    "display_name",
    "description",
    "display_description",
    "locked_by",
    "root_device_name",
    "config_drive",
    "access_ip_v4",
    "access_ip_v6",
    "auto_disk_config",
    "progress",
    "ip",
    "ip6",
    "created_at",
];

/// Since when the schema is as it is.
const VERSIONS: [u16; 5] = [1, 26, 66, 73, 75];

static SCHEMAS: LazyLock<[Value; 5]> = LazyLock::new(|| VERSIONS.map(build));

/// The schema of the query in this version.
pub(crate) fn of(asked: &Asked) -> &'static Value {
    let place = VERSIONS.iter().rposition(|since| asked.at_least(*since)).unwrap_or(0);
    &SCHEMAS[place]
}

fn build(version: u16) -> Value {
    let pattern = json!({"type": "string", "format": "regex"});
    let time = json!({"type": "string", "format": "date-time"});
    let mut keys: Vec<&str> = SORT_KEYS.to_vec();
    if version < 75 {
        keys.extend(IGNORED_SORT_KEYS);
    } else {
        keys.insert(0, "locked");
    }
    let mut parameters: Vec<(&str, Value)> = Vec::new();
    parameters.extend(PLAIN.iter().map(|name| (*name, shapes::text())));
    parameters.extend(PATTERNS.iter().map(|name| (*name, pattern.clone())));
    parameters.push(("sort_key", json!({"type": "string", "enum": keys})));
    parameters.push(("changes-since", time.clone()));
    parameters.push(("limit", shapes::not_negative()));
    if version >= 26 {
        let tags = ["tags", "tags-any", "not-tags", "not-tags-any"];
        parameters.extend(tags.map(|name| (name, pattern.clone())));
    }
    if version >= 66 {
        parameters.push(("changes-before", time));
    }
    if version >= 73 {
        parameters.push(("locked", shapes::text()));
    }
    let mut schema = shapes::query(&parameters, version < 75);
    schema["patternProperties"] = json!({"^_": {"type": "array", "items": shapes::text()}});
    schema
}
