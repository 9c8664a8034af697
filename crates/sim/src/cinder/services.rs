//! What administrators see of Cinder itself, and what is told to everybody: zones, filters, messages.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use http::StatusCode;
use serde_json::{Value, json};

use super::asked::{Asked, Given, answer};
use super::model::Message;
use super::model::volume::{HOST, POOL, ZONE};
use super::view;
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::schema::oslo::truth;
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/os-availability-zone", get(zones))
        .route("/os-services", get(services))
        .route("/os-services/{action}", put(switch))
        .route("/scheduler-stats/get_pools", get(pools))
        .route("/resource_filters", get(filters))
        .route("/messages", get(messages))
        .route("/messages/{id}", get(message).delete(remove_message))
}

async fn zones() -> Response {
    let zone = json!({"zoneName": ZONE, "zoneState": {"available": true}});
    answer(StatusCode::OK, json!({"availabilityZoneInfo": [zone]}))
}

const SERVICES: [(&str, &str); 3] =
    [("cinder-scheduler", "sim"), ("cinder-volume", "sim@files"), ("cinder-backup", HOST)];

async fn services(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<Response, Fault> {
    asked.admin_only("volume_extension:services:index")?;
    let wanted = |name: &str, value: &str| query.get(name).is_none_or(|wanted| wanted == value);
    let volumes = world.volume();
    let list = SERVICES.iter().filter(|(binary, host)| {
        wanted("binary", binary) && (wanted("host", host) || wanted("host", HOST))
    });
    let list: Vec<Value> = list
        .map(|(binary, host)| {
            let disabled = volumes.disabled_services.get(&format!("{binary}@{host}"));
            let mut shown = json!({
                "binary": binary,
                "host": host,
                "zone": ZONE,
                "status": if disabled.is_some() { "disabled" } else { "enabled" },
                "state": "up",
                "updated_at": view::time(world.now()),
                "disabled_reason": disabled.cloned().flatten(),
            });
            if asked.at_least(7) {
                shown["cluster"] = Value::Null;
            }
            if *binary == "cinder-volume" {
                shown["replication_status"] = json!("disabled");
                shown["active_backend_id"] = Value::Null;
                shown["frozen"] = json!(false);
                if asked.at_least(49) {
                    shown["backend_state"] = json!("up");
                }
            }
            shown
        })
        .collect();
    Ok(answer(StatusCode::OK, json!({"services": list})))
}

async fn switch(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(action): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    asked.admin_only("volume_extension:services:update")?;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let (binary, host) = (text("binary"), text("host"));
    let known = SERVICES.contains(&(binary.as_str(), host.as_str()));
    if !known {
        return Err(Fault::missing(format!(
            "Service (binary: {binary}, host: {host}) could not be found."
        )));
    }
    let name = format!("{binary}@{host}");
    let mut volumes = world.volume();
    let mut shown = json!({"host": host, "service": binary, "binary": binary, "disabled": true});
    match action.as_str() {
        "enable" => {
            volumes.disabled_services.remove(&name);
            shown["disabled"] = json!(false);
            shown["status"] = json!("enabled");
        }
        "disable" => {
            volumes.disabled_services.insert(name, None);
            shown["status"] = json!("disabled");
        }
        "disable-log-reason" => {
            let reason = text("disabled_reason");
            shown["disabled_reason"] = json!(reason);
            shown["status"] = json!("disabled");
            volumes.disabled_services.insert(name, Some(reason));
        }
        _ => return Err(Fault::missing("Unknown action")),
    }
    Ok(answer(StatusCode::OK, shown))
}

async fn pools(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<Response, Fault> {
    asked.admin_only("scheduler_extension:scheduler_stats:get_pools")?;
    let mut pool = json!({"name": POOL});
    if query.get("detail").is_some_and(|yes| truth(&json!(yes))) {
        let used: u64 = world.volume().by_id.values().map(|volume| volume.size).sum();
        pool["capabilities"] = json!({
            "volume_backend_name": "files",
            "vendor_name": "Open Source",
            "driver_version": "1.4.0",
            "storage_protocol": "NFS",
            "total_capacity_gb": CAPACITY,
            "free_capacity_gb": CAPACITY.saturating_sub(used),
            "reserved_percentage": 0,
            "QoS_support": false,
            "sparse_copy_volume": true,
            "provisioned_capacity_gb": used,
            "max_over_subscription_ratio": 20.0,
            "thin_provisioning_support": true,
            "thick_provisioning_support": false,
            "allocated_capacity_gb": used,
            "filter_function": null,
            "goodness_function": null,
            "timestamp": view::time(world.now()),
        });
    }
    Ok(answer(StatusCode::OK, json!({"pools": [pool]})))
}

/// GiB of the one pool.
const CAPACITY: u64 = 1 << 20;

/// What one may filter the lists of a resource by.
const FILTERS: &[(&str, &[&str])] = &[
    (
        "volume",
        &[
            "name",
            "status",
            "metadata",
            "bootable",
            "migration_status",
            "availability_zone",
            "group_id",
            "size",
            "created_at",
            "updated_at",
            "consumes_quota",
        ],
    ),
    ("backup", &["name", "status", "volume_id"]),
    (
        "snapshot",
        &["name", "status", "volume_id", "metadata", "availability_zone", "consumes_quota"],
    ),
    ("group", &["name"]),
    ("group_snapshot", &["name", "status", "group_id"]),
    ("attachment", &["volume_id", "status", "instance_id", "attach_status"]),
    ("message", &["resource_uuid", "resource_type", "event_id", "request_id", "message_level"]),
    ("pool", &["name", "volume_type"]),
    ("volume_type", &["is_public", "extra_specs"]),
];

async fn filters(asked: Asked, query: Query) -> Result<Response, Fault> {
    asked.needs(33)?;
    let wanted = query.get("resource");
    let list: Vec<Value> = FILTERS
        .iter()
        .filter(|(resource, _)| wanted.is_none_or(|wanted| wanted == *resource))
        .map(|(resource, filters)| json!({"resource": resource, "filters": filters}))
        .collect();
    Ok(answer(StatusCode::OK, json!({"resource_filters": list})))
}

fn shown(asked: &Asked, message: &Message) -> Value {
    json!({
        "id": message.id,
        "event_id": message.event_id,
        "user_message": message.text,
        "message_level": message.level,
        "resource_type": message.resource_type,
        "resource_uuid": message.resource_uuid,
        "request_id": message.request_id,
        "created_at": view::time(message.created_at),
        "guaranteed_until": view::time(message.guaranteed_until),
        "links": asked.links("messages", &message.id),
    })
}

async fn messages(State(world): State<SharedWorld>, asked: Asked) -> Result<Response, Fault> {
    asked.needs(3)?;
    let volumes = world.volume();
    let mine = volumes.messages.values().filter(|message| asked.sees(&message.project_id));
    let list: Vec<Value> = mine.map(|message| shown(&asked, message)).collect();
    Ok(answer(StatusCode::OK, json!({"messages": list})))
}

fn no_message(id: &str) -> Fault {
    Fault::missing(format!("Message {id} could not be found."))
}

async fn message(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    asked.needs(3)?;
    let volumes = world.volume();
    let found = volumes.messages.get(&id).filter(|message| asked.sees(&message.project_id));
    let found = found.ok_or_else(|| no_message(&id))?;
    Ok(answer(StatusCode::OK, json!({"message": shown(&asked, found)})))
}

async fn remove_message(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    asked.needs(3)?;
    let mut volumes = world.volume();
    let found = volumes.messages.get(&id).filter(|message| asked.sees(&message.project_id));
    if found.is_none() {
        return Err(no_message(&id));
    }
    volumes.messages.remove(&id);
    Ok(StatusCode::NO_CONTENT.into_response())
}
