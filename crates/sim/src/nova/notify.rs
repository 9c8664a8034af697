//! The notifications of a server's life, as Nova's "unversioned" ones look.

use lotse_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::model::Compute;
use super::server::{Server, Task, VmState};
use crate::events::{Events, Happened};

/// Publishes `compute.instance.EVENT` of a server.
pub(crate) fn publish(
    compute: &Compute,
    server: &Server,
    event: &str,
    at: Timestamp,
    events: &Events,
) {
    let mut payload = describe(compute, server);
    match event {
        "create.end" => {
            payload.insert("message".to_owned(), json!("Success"));
            payload.insert("fixed_ips".to_owned(), fixed_ips(server));
        }
        "exists" => {
            payload.insert("audit_period_beginning".to_owned(), json!(text(hour(at))));
            payload.insert("audit_period_ending".to_owned(), json!(text(at)));
            payload.insert("bandwidth".to_owned(), json!({}));
        }
        _ => {}
    }
    send(server, event, at, events, payload);
}

/// Publishes what happened to a volume of a server.
pub(crate) fn volume(
    compute: &Compute,
    server: &Server,
    (event, volume): (&str, &str),
    at: Timestamp,
    events: &Events,
) {
    let mut payload = describe(compute, server);
    payload.insert("volume_id".to_owned(), json!(volume));
    send(server, event, at, events, payload);
}

/// Publishes `compute.instance.update`; with the states before if they changed.
pub(crate) fn update(
    compute: &Compute,
    server: &Server,
    old: Option<(VmState, Option<Task>)>,
    at: Timestamp,
    events: &Events,
) {
    let mut payload = describe(compute, server);
    let (old_vm, old_task) = old.unwrap_or((server.vm, server.task));
    payload.insert("old_state".to_owned(), json!(old_vm.text()));
    payload.insert("old_task_state".to_owned(), json!(old_task));
    payload.insert("new_task_state".to_owned(), json!(server.task));
    payload.insert("audit_period_beginning".to_owned(), json!(text(hour(at))));
    payload.insert("audit_period_ending".to_owned(), json!(text(at)));
    payload.insert("bandwidth".to_owned(), json!({}));
    payload.insert("tags".to_owned(), json!(server.tags));
    send(server, "update", at, events, payload);
}

fn send(server: &Server, event: &str, at: Timestamp, events: &Events, payload: Map<String, Value>) {
    let mut cause = server.cause.as_deref().cloned().unwrap_or_default();
    cause.project = Some(server.project_id.to_string());
    cause.user = cause.user.or_else(|| Some(server.user_id.to_string()));
    events.publish(Happened {
        at,
        event_type: format!("compute.instance.{event}"),
        publisher_id: "compute.sim",
        cause,
        payload: Value::Object(payload),
    });
}

/// The beginning of the hour.
fn hour(at: Timestamp) -> Timestamp {
    let second = at.as_second();
    Timestamp::from_second(second - second.rem_euclid(3600)).unwrap_or(at)
}

/// An instant as Python shows one.
fn text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S+00:00").to_string()
}

fn text_or_empty(at: Option<Timestamp>) -> String {
    at.map(text).unwrap_or_default()
}

fn fixed_ips(server: &Server) -> Value {
    let all = server.nics.iter().flat_map(|nic| {
        nic.addresses.iter().map(move |address| {
            json!({
                "address": address.ip,
                "version": if address.ip.contains(':') { 6 } else { 4 },
                "label": nic.network_name.as_ref(),
                "vif_mac": nic.mac,
                "type": "fixed",
                "meta": {},
                "floating_ips": [],
            })
        })
    });
    all.collect()
}

/// What every notification says of its server.
fn describe(compute: &Compute, server: &Server) -> Map<String, Value> {
    let flavor = &server.flavor;
    let host = server.host.as_deref();
    let zone = host.map_or_else(
        || server.wanted_zone.clone().unwrap_or_default(),
        |host| compute.zone(host).to_owned(),
    );
    let fields = [
        ("tenant_id", json!(server.project_id.as_ref())),
        ("user_id", json!(server.user_id.as_ref())),
        ("instance_id", json!(server.id)),
        ("display_name", json!(server.name)),
        ("reservation_id", json!(server.reservation)),
        ("hostname", json!(server.hostname)),
        ("instance_type", json!(flavor.name)),
        ("instance_flavor_id", json!(flavor.id)),
        ("architecture", Value::Null),
        ("memory_mb", json!(flavor.ram)),
        ("disk_gb", json!(flavor.disk + flavor.ephemeral)),
        ("vcpus", json!(flavor.vcpus)),
        ("root_gb", json!(flavor.disk)),
        ("ephemeral_gb", json!(flavor.ephemeral)),
        ("host", json!(host)),
        ("node", json!(host)),
        ("availability_zone", json!(zone)),
        ("cell_name", json!("")),
        ("created_at", json!(text(server.created_at))),
        ("terminated_at", json!(text_or_empty(server.terminated_at))),
        ("deleted_at", json!(text_or_empty(server.deleted_at))),
        ("launched_at", json!(text_or_empty(server.launched_at))),
        ("image_ref_url", json!(server.image.as_deref().unwrap_or_default())),
        ("os_type", Value::Null),
        ("kernel_id", json!("")),
        ("ramdisk_id", json!("")),
        ("state", json!(server.vm.text())),
        ("state_description", json!(server.task.unwrap_or_default())),
        ("progress", json!("")),
        ("access_ip_v4", json!(server.access_ipv4)),
        ("access_ip_v6", json!(server.access_ipv6)),
        ("metadata", json!(server.metadata)),
        (
            "image_meta",
            json!({
                "base_image_ref": server.image.as_deref().unwrap_or_default(),
                "min_ram": "0",
                "min_disk": flavor.disk.to_string(),
            }),
        ),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
