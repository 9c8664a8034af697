//! A server as answers show it.

use lotse_core::time::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha224};

use super::asked::{Asked, bookmark, links};
use super::model::{Compute, Flavor};
use super::server::{Nic, Server, VmState};

/// How much of a server an answer shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Detail {
    /// Everything: one server.
    Show,
    /// Everything but the group: a list.
    List,
    /// What changes of a server answer with before 2.75.
    Changed,
    /// What a rebuild answers with: user data is put in by the rebuild.
    Rebuilt,
}

/// Id, name and links.
pub(crate) fn brief(server: &Server, base: &str) -> Value {
    json!({"id": server.id, "name": server.name, "links": links(base, "servers", &server.id)})
}

/// A second as Nova writes it.
pub(crate) fn second(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// Microseconds without a zone, which the first version of the API left out.
pub(crate) fn microseconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000000").to_string()
}

/// The same number for the same host and project, which tells nothing of either.
fn host_id(server: &Server) -> String {
    let Some(host) = server.host.as_deref() else { return String::new() };
    hashed(&server.project_id, host)
}

/// A host as members see it.
pub(crate) fn hashed(project: &str, host: &str) -> String {
    hex::encode(Sha224::digest(format!("{project}{host}").as_bytes()))
}

fn image(server: &Server, base: &str) -> Value {
    match server.image.as_deref() {
        Some(id) => json!({"id": id, "links": bookmark(base, "images", id)}),
        None => json!(""),
    }
}

fn flavor(flavor: &Flavor, asked: &Asked, base: &str) -> Value {
    if !asked.at_least(47) {
        return json!({"id": flavor.id, "links": bookmark(base, "flavors", &flavor.id)});
    }
    json!({
        "vcpus": flavor.vcpus,
        "ram": flavor.ram,
        "disk": flavor.disk,
        "ephemeral": flavor.ephemeral,
        "swap": flavor.swap,
        "original_name": flavor.name,
        "extra_specs": flavor.extra_specs,
    })
}

fn version(ip: &str) -> u8 {
    if ip.contains(':') { 6 } else { 4 }
}

/// The addresses by network, fixed ones first.
pub(crate) fn addresses(nics: &[Nic], extended: bool) -> Map<String, Value> {
    let one = |ip: &str, kind: &str, mac: &str| {
        let mut shown = json!({"version": version(ip), "addr": ip});
        if extended {
            shown["OS-EXT-IPS:type"] = json!(kind);
            shown["OS-EXT-IPS-MAC:mac_addr"] = json!(mac);
        }
        shown
    };
    let mut networks: Map<String, Value> = Map::new();
    for floating in [false, true] {
        for nic in nics {
            let row = networks.entry(nic.network_name.to_string()).or_insert_with(|| json!([]));
            let Value::Array(row) = row else { continue };
            for address in &nic.addresses {
                if floating {
                    row.extend(address.floating.iter().map(|ip| one(ip, "floating", &nic.mac)));
                } else {
                    row.push(one(&address.ip, "fixed", &nic.mac));
                }
            }
        }
    }
    networks
}

fn fault(server: &Server, asked: &Asked) -> Option<Value> {
    let failure = server.failure.as_ref()?;
    let mut shown = json!({
        "code": failure.code,
        "created": second(failure.at),
        "message": failure.message,
    });
    if let Some(details) = &failure.details
        && (asked.is_admin() || failure.code != 500)
    {
        shown["details"] = json!(details);
    }
    Some(shown)
}

/// The server as the version shows it.
pub(crate) fn view(
    compute: &Compute,
    server: &Server,
    (asked, base): (&Asked, &str),
    detail: Detail,
) -> Value {
    let changed = matches!(detail, Detail::Changed | Detail::Rebuilt);
    let all = !changed || asked.at_least(75);
    let hidden = server.vm == VmState::Building;
    let nics = if hidden { &[][..] } else { &server.nics };
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| {
        shown.insert(name.to_owned(), value);
    };
    put("id", json!(server.id));
    put("name", json!(server.name));
    put("status", json!(server.status()));
    put("tenant_id", json!(server.project_id.as_ref()));
    put("user_id", json!(server.user_id.as_ref()));
    put("metadata", json!(server.metadata));
    put("hostId", json!(host_id(server)));
    put("image", image(server, base));
    put("flavor", flavor(&server.flavor, asked, base));
    put("created", json!(second(server.created_at)));
    put("updated", json!(second(server.updated_at)));
    put("addresses", Value::Object(addresses(nics, all)));
    put("accessIPv4", json!(server.access_ipv4));
    put("accessIPv6", json!(server.access_ipv6));
    put("links", links(base, "servers", &server.id));
    put("OS-DCF:diskConfig", json!(if server.manual_disk { "MANUAL" } else { "AUTO" }));
    let status = server.status();
    if matches!(status, "ERROR" | "DELETED")
        && let Some(fault) = fault(server, asked)
    {
        put("fault", fault);
    }
    if ["ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING"].contains(&status) {
        put("progress", json!(0));
    }
    if all {
        extended(compute, server, (asked, detail), &mut put);
    } else if detail == Detail::Rebuilt && asked.at_least(54) {
        put("key_name", json!(server.key_name));
    }
    later(compute, server, (asked, detail, all), &mut put);
    Value::Object(shown)
}

/// What was added to the first version by extensions.
fn extended(
    compute: &Compute,
    server: &Server,
    (asked, detail): (&Asked, Detail),
    put: &mut impl FnMut(&str, Value),
) {
    let zone = match server.host.as_deref() {
        Some(host) => compute.zone(host),
        None => server.wanted_zone.as_deref().unwrap_or_default(),
    };
    put("OS-EXT-AZ:availability_zone", json!(zone));
    put("config_drive", json!(if server.config_drive { "True" } else { "" }));
    put("key_name", json!(server.key_name));
    put("OS-SRV-USG:launched_at", json!(server.launched_at.map(microseconds)));
    put("OS-SRV-USG:terminated_at", json!(server.terminated_at.map(microseconds)));
    if !server.security_groups.is_empty() && server.host.is_some() {
        let groups = server.security_groups.iter().map(|name| json!({"name": name}));
        put("security_groups", groups.collect());
    }
    if asked.is_admin() {
        put("OS-EXT-SRV-ATTR:host", json!(server.host.as_deref()));
        put("OS-EXT-SRV-ATTR:instance_name", json!(server.instance_name()));
        put("OS-EXT-SRV-ATTR:hypervisor_hostname", json!(server.host.as_deref()));
        if asked.at_least(3) {
            put("OS-EXT-SRV-ATTR:reservation_id", json!(server.reservation));
            put("OS-EXT-SRV-ATTR:launch_index", json!(server.launch_index));
            put("OS-EXT-SRV-ATTR:hostname", json!(server.hostname));
            put("OS-EXT-SRV-ATTR:kernel_id", json!(""));
            put("OS-EXT-SRV-ATTR:ramdisk_id", json!(""));
            put("OS-EXT-SRV-ATTR:root_device_name", json!(root_device(server)));
            if detail != Detail::Rebuilt {
                put("OS-EXT-SRV-ATTR:user_data", json!(server.user_data));
            }
        }
    }
    put("OS-EXT-STS:task_state", json!(server.task));
    put("OS-EXT-STS:vm_state", json!(server.vm.text()));
    put("OS-EXT-STS:power_state", json!(server.power as u8));
    let volumes = server.disks.iter().map(|disk| {
        let mut one = json!({"id": disk.volume});
        if asked.at_least(3) {
            one["delete_on_termination"] = json!(disk.delete_on_termination);
        }
        one
    });
    put("os-extended-volumes:volumes_attached", volumes.collect());
    if asked.at_least(16) && asked.is_admin() {
        put("host_status", json!(host_status(compute, server)));
    }
}

/// The device of the root disk, known once there is a host.
pub(crate) fn root_device(server: &Server) -> Option<String> {
    let root = server.disks.iter().find(|disk| disk.root).map(|disk| disk.device.clone());
    root.or_else(|| server.host.is_some().then(|| "/dev/sda".to_owned()))
}

fn host_status(compute: &Compute, server: &Server) -> &'static str {
    let Some(host) = server.host.as_deref() else { return "" };
    match compute.daemon_on(host) {
        Some(daemon) if daemon.forced_down => "DOWN",
        Some(daemon) if daemon.disabled => "MAINTENANCE",
        Some(_) => "UP",
        None => "UNKNOWN",
    }
}

/// What later versions added.
fn later(
    compute: &Compute,
    server: &Server,
    (asked, detail, all): (&Asked, Detail, bool),
    put: &mut impl FnMut(&str, Value),
) {
    if asked.at_least(9) {
        put("locked", json!(server.locked));
    }
    if asked.at_least(73) {
        put("locked_reason", json!(server.locked_reason));
    }
    if asked.at_least(19) {
        put("description", json!(server.description));
    }
    if asked.at_least(26) {
        put("tags", json!(server.tags));
    }
    if asked.at_least(63) {
        put("trusted_image_certificates", json!(server.trusted_certs));
    }
    if asked.at_least(90) && !(asked.is_admin() && all) {
        put("OS-EXT-SRV-ATTR:hostname", json!(server.hostname));
    }
    if asked.at_least(71) && detail != Detail::List {
        let group = compute.group_of(&server.id).map(|group| group.id.as_str());
        put("server_groups", json!(Vec::from_iter(group)));
    }
}
