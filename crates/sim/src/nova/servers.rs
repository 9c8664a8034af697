//! One server: show, change, delete, its metadata and tags.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderName, StatusCode};
use serde_json::{Value, json};

use super::asked::{Asked, Json};
use super::find::{self, Allowed, Tasks};
use super::server::{Server, VmState};
use super::transition::{Effect, Plan};
use super::view::{self, Detail};
use super::{create, list, notify, quota, shapes};
use crate::fault_body::Fault;
use crate::schema::refused::fits;
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2.1/servers", get(list::index).post(create::create))
        .route("/v2.1/servers/detail", get(list::detail))
        .route("/v2.1/servers/{id}", get(show).put(update).delete(delete))
        .route("/v2.1/servers/{id}/action", post(super::actions::action))
        .route("/v2.1/servers/{id}/ips", get(ips))
        .route("/v2.1/servers/{id}/ips/{network}", get(ips_of))
        .route("/v2.1/servers/{id}/metadata", get(metadata).post(add_metadata).put(set_metadata))
        .route(
            "/v2.1/servers/{id}/metadata/{key}",
            get(metadatum).put(set_metadatum).delete(delete_metadatum),
        )
        .route("/v2.1/servers/{id}/tags", get(tags).put(set_tags).delete(delete_tags))
        .route("/v2.1/servers/{id}/tags/{tag}", get(tag).put(add_tag).delete(delete_tag))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    let compute = world.compute();
    let server = find::find(&compute, &id, &asked)?;
    asked.reader("servers:show")?;
    let shown = view::view(&compute, server, (&asked, &world.base), Detail::Show);
    Ok(axum::Json(json!({"server": shown})))
}

async fn update(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    let mut fields = json!({
        "name": shapes::name(),
        "OS-DCF:diskConfig": shapes::disk_config(),
        "accessIPv4": {"type": "string", "format": "ipv4"},
        "accessIPv6": {"type": "string", "format": "ipv6"},
    });
    if asked.at_least(19) {
        fields["description"] = shapes::description(255);
    }
    if asked.at_least(90) {
        fields["hostname"] = shapes::hostname();
    }
    fits(&shapes::wrapped("server", fields, &[]), &body)?;
    let wanted = &body["server"];
    let now = world.now();
    let mut compute = world.compute();
    find::find_to_change(&compute, &id, (&asked, "servers:update"))?;
    compute.servers.change(&id, |server| {
        let text = |name: &str| wanted[name].as_str().map(str::to_owned);
        if let Some(name) = text("name") {
            name.trim().clone_into(&mut server.name);
        }
        if let Some(description) = wanted.get("description") {
            server.description = description.as_str().map(str::to_owned);
        }
        if let Some(hostname) = text("hostname") {
            server.hostname = hostname;
        }
        if let Some(address) = text("accessIPv4") {
            server.access_ipv4 = address;
        }
        if let Some(address) = text("accessIPv6") {
            server.access_ipv6 = address;
        }
        if let Some(config) = text("OS-DCF:diskConfig") {
            server.manual_disk = config == "MANUAL";
        }
        server.updated_at = now;
        server.cause = Some(Box::new(asked.cause()));
    });
    let server = find::find(&compute, &id, &asked)?;
    notify::update(&compute, server, None, now, &world.events);
    let shown = view::view(&compute, server, (&asked, &world.base), Detail::Changed);
    Ok(axum::Json(json!({"server": shown})))
}

async fn delete(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    delete_server(&world, &asked, &id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a server: what it has of other services is given back at once, and it goes itself after
/// its delay.
pub(crate) fn delete_server(world: &SharedWorld, asked: &Asked, id: &str) -> Result<(), Fault> {
    let now = world.now();
    let disks = {
        let mut compute = world.compute();
        let server = find::find_to_change(&compute, id, (asked, "servers:delete"))?;
        if server.locked && !asked.is_admin() {
            return Err(Fault::conflict(format!("Instance {id} is locked")));
        }
        if server.task == Some("deleting") {
            return Ok(());
        }
        let plan = Plan::default().end(None, None, Effect::Gone, "delete.end");
        let old = (server.vm, server.task);
        let disks = compute.servers.change(id, |server| {
            server.steps.clear();
            server.steps.extend(plan.over(now, world.options.delays.server));
            server.task = Some("deleting");
            server.updated_at = now;
            super::actions::note(server, asked, ("delete", &["compute_terminate_instance"]), now);
            std::mem::take(&mut server.disks)
        });
        if let Some(server) = compute.servers.get(id) {
            notify::update(&compute, server, Some(old), now, &world.events);
            notify::publish(&compute, server, "exists", now, &world.events);
            notify::publish(&compute, server, "delete.start", now, &world.events);
        }
        for migration in compute.migrations.iter_mut().filter(|one| one.server == id) {
            if migration.status == "finished" {
                "confirmed".clone_into(&mut migration.status);
            }
        }
        disks.unwrap_or_default()
    };
    crate::neutron::plug::unplug(world, id);
    for disk in disks {
        crate::cinder::attach::detach(world, &disk.volume, id, asked.cause());
        if disk.delete_on_termination {
            crate::cinder::attach::delete_detached(world, &disk.volume, asked.cause());
        }
    }
    crate::placement::claim::release(world, id);
    crate::placement::claim::release(world, &super::actions::migration_consumer(id));
    Ok(())
}

async fn ips(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    let compute = world.compute();
    let server = find::find(&compute, &id, &asked)?;
    asked.reader("ips:index")?;
    Ok(axum::Json(json!({"addresses": view::addresses(&server.nics, false)})))
}

async fn ips_of(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, network)): Path<(String, String)>,
) -> Result<axum::Json<Value>, Fault> {
    let compute = world.compute();
    let server = find::find(&compute, &id, &asked)?;
    asked.reader("ips:show")?;
    let all = view::addresses(&server.nics, false);
    let missing = || Fault::missing("Instance is not a member of specified network");
    let found = all.get(&network).ok_or_else(missing)?;
    Ok(axum::Json(json!({ network: found })))
}

async fn metadata(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    let compute = world.compute();
    let server = find::find(&compute, &id, &asked)?;
    asked.reader("server-metadata:index")?;
    Ok(axum::Json(json!({"metadata": server.metadata})))
}

async fn metadatum(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, key)): Path<(String, String)>,
) -> Result<axum::Json<Value>, Fault> {
    let compute = world.compute();
    let server = find::find(&compute, &id, &asked)?;
    asked.reader("server-metadata:show")?;
    let missing = || Fault::missing("Metadata item was not found");
    let value = server.metadata.get(&key).ok_or_else(missing)?;
    Ok(axum::Json(json!({"meta": {key: value}})))
}

fn whole_metadata() -> Value {
    json!({
        "type": "object",
        "properties": {"metadata": shapes::metadata()},
        "required": ["metadata"],
        "additionalProperties": false,
    })
}

async fn add_metadata(
    state: State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    fits(&whole_metadata(), &body)?;
    let changed = change_metadata(&state.0, (&asked, "create"), &id, &body["metadata"], false)?;
    Ok(axum::Json(json!({"metadata": changed})))
}

async fn set_metadata(
    state: State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    fits(&whole_metadata(), &body)?;
    let changed = change_metadata(&state.0, (&asked, "update_all"), &id, &body["metadata"], true)?;
    Ok(axum::Json(json!({"metadata": changed})))
}

async fn set_metadatum(
    state: State<SharedWorld>,
    asked: Asked,
    Path((id, key)): Path<(String, String)>,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    let mut inner = shapes::metadata();
    inner["minProperties"] = json!(1);
    inner["maxProperties"] = json!(1);
    let schema = json!({
        "type": "object",
        "properties": {"meta": inner},
        "required": ["meta"],
        "additionalProperties": false,
    });
    fits(&schema, &body)?;
    if body["meta"].get(&key).is_none() {
        return Err(Fault::bad("Request body and URI mismatch"));
    }
    change_metadata(&state.0, (&asked, "update"), &id, &body["meta"], false)?;
    Ok(axum::Json(json!({"meta": body["meta"]})))
}

/// States in which metadata may be changed.
const SETTLED: Allowed = Allowed {
    vm: &[VmState::Active, VmState::Paused, VmState::Suspended, VmState::Stopped],
    task: Tasks::Any,
    launched: true,
};

fn change_metadata(
    world: &SharedWorld,
    (asked, rule): (&Asked, &str),
    id: &str,
    metadata: &Value,
    replace: bool,
) -> Result<Value, Fault> {
    let now = world.now();
    let mut compute = world.compute();
    let rule = format!("server-metadata:{rule}");
    let server = find::find_to_change(&compute, id, (asked, &rule))?;
    find::unlocked(server, asked)?;
    find::check(server, "update metadata", SETTLED)?;
    let mut all =
        if replace { std::collections::BTreeMap::default() } else { server.metadata.clone() };
    for (name, value) in metadata.as_object().into_iter().flatten() {
        all.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
    }
    let most = quota::limit(&compute, &server.project_id, "metadata_items");
    if most >= 0 && i64::try_from(all.len()).is_ok_and(|items| items > most) {
        let text = format!("Maximum number of metadata items exceeds {most}");
        return Err(Fault::new(StatusCode::FORBIDDEN, text));
    }
    let shown = json!(all);
    compute.servers.change(id, |server| {
        server.metadata = all;
        server.updated_at = now;
    });
    if let Some(server) = compute.servers.get(id) {
        notify::update(&compute, server, None, now, &world.events);
    }
    Ok(shown)
}

async fn delete_metadatum(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, key)): Path<(String, String)>,
) -> Result<StatusCode, Fault> {
    let mut compute = world.compute();
    let server = find::find_to_change(&compute, &id, (&asked, "server-metadata:delete"))?;
    if !server.metadata.contains_key(&key) {
        return Err(Fault::missing("Metadata item was not found"));
    }
    find::unlocked(server, &asked)?;
    find::check(server, "delete metadata", SETTLED)?;
    compute.servers.change(&id, |server| server.metadata.remove(&key));
    Ok(StatusCode::NO_CONTENT)
}

async fn tags(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    asked.needs(26)?;
    let compute = world.compute();
    let server = find::find_or_refuse(&compute, &id, (&asked, "os-server-tags:index"))?;
    asked.reader("os-server-tags:index")?;
    Ok(axum::Json(json!({"tags": server.tags})))
}

fn no_tag(id: &str, tag: &str) -> Fault {
    Fault::missing(format!("Server {id} has no tag '{tag}'"))
}

async fn tag(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, tag)): Path<(String, String)>,
) -> Result<StatusCode, Fault> {
    asked.needs(26)?;
    let compute = world.compute();
    let server = find::find_or_refuse(&compute, &id, (&asked, "os-server-tags:show"))?;
    asked.reader("os-server-tags:show")?;
    if server.tags.contains(&tag) { Ok(StatusCode::NO_CONTENT) } else { Err(no_tag(&id, &tag)) }
}

/// Most tags a server may have.
const MOST_TAGS: usize = 50;

/// The server whose tags may be changed.
fn tagged<'a>(
    compute: &'a super::model::Compute,
    id: &str,
    (asked, rule): (&Asked, &str),
) -> Result<&'a Server, Fault> {
    asked.needs(26)?;
    let rule = format!("os-server-tags:{rule}");
    let server = find::find_or_refuse(compute, id, (asked, &rule))?;
    asked.member(&rule)?;
    let allowed = Allowed { launched: false, ..SETTLED };
    let fits = find::check(server, "tags", allowed);
    fits.map_err(|_| {
        Fault::conflict(format!(
            "Cannot 'update tags' instance {id} while it is in vm_state {}",
            server.vm.text()
        ))
    })?;
    Ok(server)
}

async fn set_tags(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    asked.needs(26)?;
    let schema = json!({
        "type": "object",
        "properties": {"tags": {
            "type": "array", "items": shapes::tag(), "maxItems": MOST_TAGS,
        }},
        "required": ["tags"],
        "additionalProperties": false,
    });
    fits(&schema, &body)?;
    let mut compute = world.compute();
    tagged(&compute, &id, (&asked, "update_all"))?;
    let wanted = body["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut wanted: Vec<String> = wanted.map(str::to_owned).collect();
    wanted.sort();
    wanted.dedup();
    compute.servers.change(&id, |server| server.tags.clone_from(&wanted));
    Ok(axum::Json(json!({"tags": wanted})))
}

async fn add_tag(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, tag)): Path<(String, String)>,
) -> Result<Response, Fault> {
    asked.needs(26)?;
    let mut compute = world.compute();
    let server = tagged(&compute, &id, (&asked, "update"))?;
    if server.tags.contains(&tag) {
        return Ok((StatusCode::NO_CONTENT, [PAGE]).into_response());
    }
    let too_long = tag.chars().count() > 60;
    if tag.contains(['/', ',']) || too_long {
        let reason = if too_long {
            format!("'{tag}' is too long")
        } else {
            format!("'{tag}' does not match '^[^,/]*$'")
        };
        return Err(Fault::bad(format!(
            "Tag '{tag}' is invalid. It must be a non empty string without characters '/' and ','. Validation error message: {reason}"
        )));
    }
    if server.tags.len() >= MOST_TAGS {
        return Err(Fault::bad(format!(
            "The number of tags exceeded the per-server limit {MOST_TAGS}"
        )));
    }
    compute.servers.change(&id, |server| {
        server.tags.push(tag.clone());
        server.tags.sort();
    });
    let address = format!("{}{}/v2.1/servers/{id}/tags/{tag}", world.base, super::MOUNT);
    Ok((StatusCode::CREATED, [(LOCATION, address)], [PAGE]).into_response())
}

/// What Nova answers without a body of its own is announced as a page.
const PAGE: (HeaderName, &str) = (CONTENT_TYPE, "text/html; charset=UTF-8");

async fn delete_tag(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, tag)): Path<(String, String)>,
) -> Result<StatusCode, Fault> {
    asked.needs(26)?;
    let mut compute = world.compute();
    let server = tagged(&compute, &id, (&asked, "delete"))?;
    if !server.tags.contains(&tag) {
        return Err(Fault::missing(format!("Instance {id} has no tag '{tag}'")));
    }
    compute.servers.change(&id, |server| server.tags.retain(|known| *known != tag));
    Ok(StatusCode::NO_CONTENT)
}

async fn delete_tags(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    asked.needs(26)?;
    let mut compute = world.compute();
    tagged(&compute, &id, (&asked, "delete_all"))?;
    compute.servers.change(&id, |server| server.tags.clear());
    Ok(StatusCode::NO_CONTENT)
}
