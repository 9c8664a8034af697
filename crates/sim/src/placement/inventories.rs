//! Inventories: how much of each class a provider has.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::LOCATION;
use serde_json::{Map, Value, json};

use super::asked::{Asked, Json, Refusal, dated, fits};
use super::model::{Inventory, Provider};
use super::providers::find;
use super::traits::is_class;
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route(
            "/resource_providers/{id}/inventories",
            get(index).post(create).put(set).delete(clear),
        )
        .route(
            "/resource_providers/{id}/inventories/{class}",
            get(show).put(set_one).delete(delete),
        )
}

fn one(inventory: &Inventory) -> Value {
    json!({
        "total": inventory.total,
        "reserved": inventory.reserved,
        "min_unit": inventory.min_unit,
        "max_unit": inventory.max_unit,
        "step_size": inventory.step_size,
        "allocation_ratio": inventory.allocation_ratio,
    })
}

fn all(provider: &Provider) -> Value {
    let rows = provider.inventories.iter().map(|(class, found)| (class.clone(), one(found)));
    json!({
        "resource_provider_generation": provider.generation,
        "inventories": rows.collect::<Map<_, _>>(),
    })
}

fn with_generation(provider: &Provider, class: &str) -> Value {
    let mut shown = provider.inventories.get(class).map_or_else(|| json!({}), one);
    shown["resource_provider_generation"] = json!(provider.generation);
    shown
}

async fn index(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    asked.admin_only("resource_providers:inventories:list")?;
    let placement = world.placement();
    let provider = placement.providers.get(&id).ok_or_else(|| {
        Refusal::unknown(format!(
            "No resource provider with uuid {id} found : No resource provider with uuid {id} found"
        ))
    })?;
    Ok(dated(&asked, provider.updated_at, all(provider)))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, class)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    asked.admin_only("resource_providers:inventories:show")?;
    let placement = world.placement();
    let provider = find(&placement, &id)?;
    if !provider.inventories.contains_key(&class) {
        return Err(Refusal::unknown(format!("No inventory of class {class} for {id}")));
    }
    Ok(dated(&asked, provider.updated_at, with_generation(provider, &class)))
}

fn fields() -> Value {
    let number = |least: u64| json!({"type": "integer", "maximum": 0x7fff_ffff, "minimum": least});
    json!({
        "total": number(1),
        "reserved": number(0),
        "min_unit": number(1),
        "max_unit": number(1),
        "step_size": number(1),
        "allocation_ratio": {"type": "number", "maximum": 3.402_82e38},
    })
}

fn base(more: &Value, required: &[&str]) -> Value {
    let mut fields = fields();
    for (name, schema) in more.as_object().into_iter().flatten() {
        fields[name] = schema.clone();
    }
    json!({
        "type": "object", "properties": fields, "required": required, "additionalProperties": false,
    })
}

fn read(body: &Value) -> Inventory {
    let number = |name: &str, default: u64| body[name].as_u64().unwrap_or(default);
    Inventory {
        total: number("total", 0),
        reserved: number("reserved", 0),
        min_unit: number("min_unit", 1),
        max_unit: number("max_unit", 0x7fff_ffff),
        step_size: number("step_size", 1),
        allocation_ratio: body["allocation_ratio"].as_f64().unwrap_or(1.0),
    }
}

/// Refuses what reserves more than there is.
fn sound(asked: &Asked, (id, class): (&str, &str), inventory: &Inventory) -> Result<(), Refusal> {
    let most = if asked.at_least(26) { inventory.total + 1 } else { inventory.total };
    if inventory.reserved < most {
        return Ok(());
    }
    let than = if asked.at_least(26) { "greater than" } else { "greater than or equal to" };
    Err(Refusal::bad(format!(
        "Unable to update inventory for resource provider {id}: Invalid inventory for '{class}' on \
         resource provider '{id}'. The reserved value is {than} total."
    )))
}

fn in_use(provider: &Provider, class: &str) -> Option<Refusal> {
    (provider.used(class) > 0).then(|| {
        Refusal::conflict(
            format!(
                "update conflict: Inventory for '{class}' on resource provider '{}' in use.",
                provider.uuid
            ),
            "inventory.inuse",
        )
    })
}

async fn set(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<Response, Refusal> {
    asked.admin_only("resource_providers:inventories:update")?;
    let now = world.now();
    let mut placement = world.placement();
    find(&placement, &id)?;
    let schema = json!({
        "type": "object",
        "properties": {
            "resource_provider_generation": {"type": "integer"},
            "inventories": {
                "type": "object",
                "patternProperties": {"^[A-Z0-9_]+$": base(&json!({}), &["total"])},
                "additionalProperties": false,
            },
        },
        "required": ["resource_provider_generation", "inventories"],
        "additionalProperties": false,
    });
    fits(&schema, &body)?;
    let mut wanted = BTreeMap::new();
    for (class, value) in body["inventories"].as_object().into_iter().flatten() {
        if !is_class(&placement, class) {
            return Err(Refusal::bad(format!(
                "Unknown resource class in inventory for resource provider {id}: No such resource \
                 class {class}."
            )));
        }
        let inventory = read(value);
        sound(&asked, (&id, class), &inventory)?;
        wanted.insert(class.clone(), inventory);
    }
    let Some(provider) = placement.providers.get_mut(&id) else { return Err(Refusal::missing("")) };
    if body["resource_provider_generation"].as_u64() != Some(provider.generation) {
        return Err(Refusal::outdated("resource provider generation conflict"));
    }
    let mut gone = provider.inventories.keys().filter(|class| !wanted.contains_key(*class));
    if let Some(refusal) = gone.find_map(|class| in_use(provider, class)) {
        return Err(refusal);
    }
    provider.inventories = wanted;
    provider.touch(now);
    Ok(dated(&asked, now, all(provider)))
}

async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<Response, Refusal> {
    asked.admin_only("resource_providers:inventories:create")?;
    let now = world.now();
    let mut placement = world.placement();
    find(&placement, &id)?;
    let class = json!({"type": "string", "pattern": "^[A-Z0-9_]+$"});
    let more =
        json!({"resource_class": class, "resource_provider_generation": {"type": "integer"}});
    fits(&base(&more, &["resource_class", "total"]), &body)?;
    let class = body["resource_class"].as_str().unwrap_or_default().to_owned();
    if !is_class(&placement, &class) {
        return Err(Refusal::bad(format!(
            "Unable to create inventory for resource provider {id}: No such resource class {class}."
        )));
    }
    let inventory = read(&body);
    sound(&asked, (&id, &class), &inventory)?;
    let Some(provider) = placement.providers.get_mut(&id) else { return Err(Refusal::missing("")) };
    if provider.inventories.contains_key(&class) {
        let text = format!(
            "Update conflict: A conflicting inventory of class {class} on provider {id} exists"
        );
        return Err(Refusal::outdated(text));
    }
    provider.inventories.insert(class.clone(), inventory);
    provider.touch(now);
    let address =
        format!("{}{}/resource_providers/{id}/inventories/{class}", world.base, super::MOUNT);
    let shown = axum::Json(with_generation(provider, &class));
    Ok((StatusCode::CREATED, [(LOCATION, address)], shown).into_response())
}

async fn set_one(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, class)): Path<(String, String)>,
    Json(body): Json,
) -> Result<Response, Refusal> {
    asked.admin_only("resource_providers:inventories:update")?;
    let now = world.now();
    let mut placement = world.placement();
    find(&placement, &id)?;
    let more = json!({"resource_provider_generation": {"type": "integer"}});
    fits(&base(&more, &["total", "resource_provider_generation"]), &body)?;
    let inventory = read(&body);
    sound(&asked, (&id, &class), &inventory)?;
    let Some(provider) = placement.providers.get_mut(&id) else { return Err(Refusal::missing("")) };
    if body["resource_provider_generation"].as_u64() != Some(provider.generation) {
        return Err(Refusal::outdated("resource provider generation conflict"));
    }
    let Some(known) = provider.inventories.get_mut(&class) else {
        return Err(Refusal::bad(format!(
            "No inventory record with resource class for resource provider {id}: No inventory of \
             class {class} found."
        )));
    };
    *known = inventory;
    provider.touch(now);
    Ok(dated(&asked, now, with_generation(provider, &class)))
}

async fn delete(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, class)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    asked.admin_only("resource_providers:inventories:delete")?;
    let now = world.now();
    let mut placement = world.placement();
    find(&placement, &id)?;
    let Some(provider) = placement.providers.get_mut(&id) else { return Err(Refusal::missing("")) };
    if provider.used(&class) > 0 {
        let text = format!(
            "Unable to delete inventory of class {class}: Inventory for '{class}' on resource \
             provider '{id}' in use."
        );
        return Err(Refusal::outdated(text));
    }
    if provider.inventories.remove(&class).is_none() {
        return Err(Refusal::unknown(format!(
            "No inventory of class {class} found for delete: No inventory of class {class} found \
             for delete"
        )));
    }
    provider.touch(now);
    Ok(StatusCode::NO_CONTENT)
}

async fn clear(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    if !asked.at_least(5) {
        let text = "The method DELETE is not allowed for this resource. \n\n ";
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, text));
    }
    asked.admin_only("resource_providers:inventories:delete")?;
    let now = world.now();
    let mut placement = world.placement();
    find(&placement, &id)?;
    let Some(provider) = placement.providers.get_mut(&id) else { return Err(Refusal::missing("")) };
    let used: Vec<&str> = provider
        .inventories
        .keys()
        .filter(|class| provider.used(class) > 0)
        .map(String::as_str)
        .collect();
    if !used.is_empty() {
        let text =
            format!("Inventory for '{}' on resource provider '{id}' in use.", used.join(", "));
        return Err(Refusal::conflict(text, "inventory.inuse"));
    }
    provider.inventories.clear();
    provider.touch(now);
    Ok(StatusCode::NO_CONTENT)
}
