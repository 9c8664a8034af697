//! Traits and resource classes: what providers can do, and what they have of it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::LOCATION;
use serde_json::{Value, json};

use super::asked::{Asked, Json, Refusal, dated, fits};
use super::model::Placement;
use super::providers::find;
use crate::http::query::Query;
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/traits", get(index))
        .route("/traits/{name}", get(show).put(create).delete(delete))
        .route("/resource_providers/{id}/traits", get(of).put(set).delete(clear))
        .route("/resource_classes", get(classes).post(add_class))
        .route("/resource_classes/{name}", get(class).put(set_class).delete(delete_class))
}

/// Classes that are built in.
const CLASSES: &[&str] = &[
    "VCPU",
    "MEMORY_MB",
    "DISK_GB",
    "PCI_DEVICE",
    "SRIOV_NET_VF",
    "NUMA_SOCKET",
    "NUMA_CORE",
    "NUMA_THREAD",
    "NUMA_MEMORY_MB",
    "IPV4_ADDRESS",
    "VGPU",
    "VGPU_DISPLAY_HEAD",
    "NET_BW_EGR_KILOBIT_PER_SEC",
    "NET_BW_IGR_KILOBIT_PER_SEC",
    "PCPU",
    "MEM_ENCRYPTION_CONTEXT",
    "FPGA",
    "PGPU",
    "NET_PACKET_RATE_KILOPACKET_PER_SEC",
    "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC",
    "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
];

/// Whether there is such a class.
pub(crate) fn is_class(placement: &Placement, name: &str) -> bool {
    CLASSES.contains(&name) || placement.classes.iter().any(|known| known == name)
}

/// Traits that every Placement 8 has (os-traits 2.9), in alphabetical order.
static STANDARD: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("standard_traits.txt").lines().collect());

/// Whether there is such a trait.
pub(crate) fn is_known(placement: &Placement, name: &str) -> bool {
    placement.traits.contains(name) || STANDARD.binary_search(&name).is_ok()
}

fn no_trait(name: &str) -> Refusal {
    Refusal::unknown(format!("No such trait(s): {name}."))
}

/// All traits: the standard ones and those made by users.
async fn index(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<Response, Refusal> {
    asked.needs(6)?;
    asked.admin_only("traits:list")?;
    if let Some((name, _)) =
        query.0.iter().find(|(name, _)| !["name", "associated"].contains(&name.as_str()))
    {
        return Err(Refusal::bad(format!(
            "Invalid query string parameters: Additional properties are not allowed ('{name}' was \
             unexpected)"
        )));
    }
    let placement = world.placement();
    let used: BTreeSet<&str> =
        placement.providers.values().flat_map(|one| &one.traits).map(String::as_str).collect();
    let mut names: BTreeSet<&str> = STANDARD.iter().copied().collect();
    names.extend(placement.traits.iter().map(String::as_str));
    if let Some(filter) = query.get("name") {
        if let Some(list) = filter.strip_prefix("in:") {
            let wanted: Vec<&str> = list.split(',').collect();
            names.retain(|name| wanted.contains(name));
        } else if let Some(start) = filter.strip_prefix("startswith:") {
            names.retain(|name| name.starts_with(start));
        } else {
            let text = "Badly formatted name parameter. Expected name query string parameter in \
                        form: ?name=[in|startswith]:[name1,name2|prefix]. Got: \"{filter}\"";
            return Err(Refusal::bad(text.replace("{filter}", filter)));
        }
    }
    match query.get("associated").map(str::to_ascii_lowercase).as_deref() {
        None => {}
        Some("true") => names.retain(|name| used.contains(name)),
        Some("false") => names.retain(|name| !used.contains(name)),
        Some(_) => {
            let text = "The query parameter \"associated\" only accepts \"true\" or \"false\"";
            return Err(Refusal::bad(text));
        }
    }
    Ok(dated(&asked, world.now(), json!({"traits": names})))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    asked.needs(6)?;
    asked.admin_only("traits:show")?;
    if is_known(&world.placement(), &name) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(no_trait(&name))
    }
}

async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    asked.needs(6)?;
    asked.admin_only("traits:update")?;
    if !is_custom(&name) {
        return Err(Refusal::bad(
            "The trait is invalid. A valid trait must be no longer than 255 characters, start with \
             the prefix \"CUSTOM_\" and use following characters: \"A\"-\"Z\", \"0\"-\"9\" and \"_\"",
        ));
    }
    let address = format!("{}{}/traits/{name}", world.base, super::MOUNT);
    let new = world.placement().traits.insert(name);
    let status = if new { StatusCode::CREATED } else { StatusCode::NO_CONTENT };
    Ok((status, [(LOCATION, address)]).into_response())
}

/// Whether a name is one that users may give.
fn is_custom(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    name.starts_with("CUSTOM_") && name.len() > 7 && name.len() <= 255 && name.chars().all(allowed)
}

async fn delete(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    asked.needs(6)?;
    asked.admin_only("traits:delete")?;
    let mut placement = world.placement();
    if placement.traits.contains(&name) {
        if placement.providers.values().any(|one| one.traits.contains(&name)) {
            let text = format!("The trait {name} is in use by a resource provider.");
            return Err(Refusal::conflict(text, "undefined_code"));
        }
        placement.traits.remove(&name);
        return Ok(StatusCode::NO_CONTENT);
    }
    if is_known(&placement, &name) {
        return Err(Refusal::bad(format!("Cannot delete standard trait {name}.")));
    }
    Err(no_trait(&name))
}

async fn of(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    asked.needs(6)?;
    asked.admin_only("resource_providers:traits:list")?;
    let placement = world.placement();
    let provider = placement.providers.get(&id).ok_or_else(|| {
        Refusal::unknown(format!(
            "No resource provider with uuid {id} found: No resource provider with uuid {id} found"
        ))
    })?;
    let body =
        json!({"traits": provider.traits, "resource_provider_generation": provider.generation});
    Ok(dated(&asked, provider.updated_at, body))
}

async fn set(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<Response, Refusal> {
    asked.needs(6)?;
    asked.admin_only("resource_providers:traits:update")?;
    let schema = json!({
        "type": "object",
        "properties": {
            "traits": {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": 255},
            },
            "resource_provider_generation": {"type": "integer"},
        },
        "required": ["traits", "resource_provider_generation"],
        "additionalProperties": false,
    });
    fits(&schema, &body)?;
    let now = world.now();
    let mut placement = world.placement();
    let generation = find(&placement, &id)?.generation;
    if body["resource_provider_generation"].as_u64() != Some(generation) {
        return Err(Refusal::outdated(
            "Resource provider's generation already changed. Please update the generation and try \
             again.",
        ));
    }
    let wanted = body["traits"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let wanted: BTreeSet<String> = wanted.map(str::to_owned).collect();
    let unknown: Vec<&str> =
        wanted.iter().filter(|name| !is_known(&placement, name)).map(String::as_str).collect();
    if !unknown.is_empty() {
        return Err(Refusal::bad(format!("No such trait {}", unknown.join(", "))));
    }
    let Some(provider) = placement.providers.get_mut(&id) else { return Err(Refusal::missing("")) };
    provider.traits = wanted;
    provider.touch(now);
    let body =
        json!({"traits": provider.traits, "resource_provider_generation": provider.generation});
    Ok(dated(&asked, now, body))
}

async fn clear(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    asked.needs(6)?;
    asked.admin_only("resource_providers:traits:delete")?;
    let now = world.now();
    let mut placement = world.placement();
    find(&placement, &id)?;
    if let Some(provider) = placement.providers.get_mut(&id) {
        provider.traits.clear();
        provider.touch(now);
    }
    Ok(StatusCode::NO_CONTENT)
}

fn class_view(name: &str) -> Value {
    let href = format!("/resource_classes/{name}");
    json!({"name": name, "links": [{"rel": "self", "href": href}]})
}

async fn classes(State(world): State<SharedWorld>, asked: Asked) -> Result<Response, Refusal> {
    asked.needs(2)?;
    asked.admin_only("resource_classes:list")?;
    let placement = world.placement();
    let own = placement.classes.iter().map(String::as_str);
    let shown: Value = CLASSES.iter().copied().chain(own).map(class_view).collect();
    Ok(dated(&asked, world.now(), json!({"resource_classes": shown})))
}

fn no_class(name: &str) -> Refusal {
    Refusal::missing(format!("No such resource class {name}."))
}

async fn class(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    asked.needs(2)?;
    asked.admin_only("resource_classes:show")?;
    if !is_class(&world.placement(), &name) {
        return Err(no_class(&name));
    }
    Ok(dated(&asked, world.now(), class_view(&name)))
}

async fn add_class(
    State(world): State<SharedWorld>,
    asked: Asked,
    Json(body): Json,
) -> Result<Response, Refusal> {
    asked.needs(2)?;
    asked.admin_only("resource_classes:create")?;
    let name = json!({
        "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^CUSTOM_[A-Z0-9_]+$",
    });
    let schema = json!({
        "type": "object", "properties": {"name": name}, "required": ["name"],
        "additionalProperties": false,
    });
    fits(&schema, &body)?;
    let name = body["name"].as_str().unwrap_or_default().to_owned();
    let mut placement = world.placement();
    if is_class(&placement, &name) {
        let text = format!("Conflicting resource class already exists: {name}");
        return Err(Refusal::conflict(text, "undefined_code"));
    }
    let address = format!("{}{}/resource_classes/{name}", world.base, super::MOUNT);
    placement.classes.push(name);
    Ok((StatusCode::CREATED, [(LOCATION, address)]).into_response())
}

/// From 1.7 on a class is made by its name, and renaming one is no more.
async fn set_class(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    asked.needs(7)?;
    asked.admin_only("resource_classes:update")?;
    if !is_custom(&name) {
        let text = format!("JSON does not validate: '{name}' does not match '^CUSTOM_[A-Z0-9_]+$'");
        return Err(Refusal::bad(text));
    }
    let address = format!("{}{}/resource_classes/{name}", world.base, super::MOUNT);
    let mut placement = world.placement();
    let new = !is_class(&placement, &name);
    if new {
        placement.classes.push(name);
    }
    let status = if new { StatusCode::CREATED } else { StatusCode::NO_CONTENT };
    Ok((status, [(LOCATION, address)]).into_response())
}

async fn delete_class(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    asked.needs(2)?;
    asked.admin_only("resource_classes:delete")?;
    let mut placement = world.placement();
    if !is_class(&placement, &name) {
        return Err(no_class(&name));
    }
    if CLASSES.contains(&name.as_str()) {
        let text = format!(
            "Error in delete resource class: Cannot delete standard resource class {name}."
        );
        return Err(Refusal::bad(text));
    }
    if placement.providers.values().any(|one| one.inventories.contains_key(&name)) {
        let text = format!(
            "Error in delete resource class: Cannot delete resource class {name}. Class is in use \
             in inventory."
        );
        return Err(Refusal::conflict(text, "undefined_code"));
    }
    placement.classes.retain(|known| *known != name);
    Ok(StatusCode::NO_CONTENT)
}
