//! Allocations: who holds what of which provider.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use lotse_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::asked::{Asked, Json, Refusal, dated, fits};
use super::model::{Amounts, Placement};
use super::traits::is_class;
use crate::http::query::Query;
use crate::schema::format::is_uuid;
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/allocations", post(set_many))
        .route("/allocations/{consumer}", get(show).put(set).delete(delete))
        .route("/usages", get(usages))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    asked.admin_only("allocations:list")?;
    let placement = world.placement();
    let mut body = json!({"allocations": {}});
    if let Some(consumer) = placement.consumers.get(&id) {
        for (provider, amounts) in &consumer.holds {
            let generation = placement.providers.get(provider).map(|one| one.generation);
            body["allocations"][provider] = json!({"generation": generation, "resources": amounts});
        }
        if asked.at_least(12) {
            body["project_id"] = json!(consumer.project_id);
            body["user_id"] = json!(consumer.user_id);
        }
        if asked.at_least(28) {
            body["consumer_generation"] = json!(consumer.generation);
        }
        if asked.at_least(38) {
            body["consumer_type"] = json!(consumer.kind.as_deref().unwrap_or("unknown"));
        }
    }
    Ok(dated(&asked, world.now(), body))
}

/// What one consumer is to hold, in the form of the version.
fn one_schema(asked: &Asked, may_be_empty: bool) -> Value {
    let resources = json!({
        "type": "object", "minProperties": 1,
        "patternProperties": {"^[A-Z0-9_]+$": {"type": "integer", "minimum": 1}},
        "additionalProperties": false,
    });
    let least = u64::from(!may_be_empty);
    let word = json!({"type": "string", "minLength": 1, "maxLength": 255});
    let mut required = vec!["allocations"];
    let mut fields = if asked.at_least(12) {
        json!({"allocations": {
            "type": "object", "minProperties": least,
            "patternProperties": {
                "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$": {
                    "type": "object",
                    "properties": {"generation": {"type": "integer"}, "resources": resources},
                    "required": ["resources"],
                    "additionalProperties": false,
                },
            },
            "additionalProperties": false,
        }})
    } else {
        json!({"allocations": {
            "type": "array", "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "resource_provider": {
                        "type": "object",
                        "properties": {"uuid": {"type": "string", "format": "uuid"}},
                        "required": ["uuid"],
                        "additionalProperties": false,
                    },
                    "resources": resources,
                },
                "required": ["resource_provider", "resources"],
                "additionalProperties": false,
            },
        }})
    };
    if asked.at_least(8) {
        fields["project_id"] = word.clone();
        fields["user_id"] = word;
        required.extend(["project_id", "user_id"]);
    }
    if asked.at_least(28) {
        fields["consumer_generation"] = json!({"type": ["integer", "null"]});
        required.push("consumer_generation");
    }
    if asked.at_least(34) {
        fields["mappings"] = json!({"type": "object"});
    }
    if asked.at_least(38) {
        fields["consumer_type"] =
            json!({"type": "string", "pattern": "^[A-Z0-9_]+$", "minLength": 1, "maxLength": 255});
        required.push("consumer_type");
    }
    json!({
        "type": "object", "properties": fields, "required": required, "additionalProperties": false,
    })
}

/// What a body asks for, by provider.
fn read(asked: &Asked, body: &Value) -> Vec<(String, Amounts)> {
    let amounts = |resources: &Value| -> Amounts {
        let all = resources.as_object().into_iter().flatten();
        all.filter_map(|(class, amount)| Some((class.clone(), amount.as_u64()?))).collect()
    };
    if asked.at_least(12) {
        let all = body["allocations"].as_object().into_iter().flatten();
        return all.map(|(id, one)| (id.clone(), amounts(&one["resources"]))).collect();
    }
    let all = body["allocations"].as_array().into_iter().flatten();
    all.filter_map(|one| {
        let id = one["resource_provider"]["uuid"].as_str()?.to_owned();
        Some((id, amounts(&one["resources"])))
    })
    .collect()
}

fn changed(text: &str) -> Refusal {
    Refusal::outdated(text)
}

/// Refuses a consumer that has changed since the caller looked (1.28).
fn same_generation(
    placement: &Placement,
    asked: &Asked,
    (id, body): (&str, &Value),
) -> Result<(), Refusal> {
    if !asked.at_least(28) {
        return Ok(());
    }
    let known = placement.consumers.get(id).map(|consumer| consumer.generation);
    let wanted = body["consumer_generation"].as_u64();
    if known == wanted {
        return Ok(());
    }
    let python =
        |number: Option<u64>| number.map_or_else(|| "None".to_owned(), |it| it.to_string());
    let expected = known.map_or_else(|| "null".to_owned(), |it| it.to_string());
    Err(changed(&format!(
        "consumer generation conflict - expected {expected} but got {}",
        python(wanted)
    )))
}

/// Refuses what there is no room for.
fn has_room(placement: &Placement, id: &str, holds: &[(String, Amounts)]) -> Result<(), Refusal> {
    let old = placement.consumers.get(id);
    for (provider_id, amounts) in holds {
        let missing = || {
            Refusal::bad(format!(
                "Allocation for resource provider '{provider_id}' that does not exist."
            ))
        };
        let provider = placement.providers.get(provider_id).ok_or_else(missing)?;
        for (class, amount) in amounts {
            if !is_class(placement, class) {
                return Err(Refusal::bad(format!(
                    "Unable to allocate inventory for consumer {id}: No such resource class \
                     {class}."
                )));
            }
            let refuse = |why: String| {
                Refusal::conflict(format!("Unable to allocate inventory: {why}"), "undefined_code")
            };
            let Some(inventory) = provider.inventories.get(class) else {
                return Err(refuse(format!(
                    "Inventory for '{class}' on resource provider '{provider_id}' invalid."
                )));
            };
            if !inventory.takes(*amount) {
                return Err(refuse(format!(
                    "Unable to create allocation for '{class}' on resource provider \
                     '{provider_id}'. The requested amount would violate inventory constraints."
                )));
            }
            let mine = old
                .and_then(|old| old.holds.iter().find(|(held, _)| held == provider_id))
                .and_then(|(_, held)| held.get(class).copied())
                .unwrap_or(0);
            if provider.used(class).saturating_sub(mine) + amount > inventory.capacity() {
                return Err(refuse(format!(
                    "Unable to create allocation for '{class}' on resource provider \
                     '{provider_id}'. The requested amount would exceed the capacity."
                )));
            }
        }
    }
    Ok(())
}

fn put(
    placement: &mut Placement,
    asked: &Asked,
    (id, body): (&str, &Value),
    holds: Vec<(String, Amounts)>,
    now: Timestamp,
) {
    if holds.is_empty() {
        placement.release(id);
        return;
    }
    let unknown = "00000000-0000-0000-0000-000000000000";
    let text = |name: &str| body[name].as_str().unwrap_or(unknown).to_owned();
    placement.allocate(id, (&text("project_id"), &text("user_id")), holds, now);
    let kind = body["consumer_type"].as_str().filter(|_| asked.at_least(38)).map(str::to_owned);
    if let Some(consumer) = placement.consumers.get_mut(id) {
        consumer.kind = kind.or_else(|| consumer.kind.take());
    }
}

async fn set(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<StatusCode, Refusal> {
    asked.admin_only("allocations:update")?;
    if !is_uuid(&id) {
        return Err(Refusal::bad(format!("Malformed consumer_uuid: {id}")));
    }
    fits(&one_schema(&asked, asked.at_least(28)), &body)?;
    let holds = read(&asked, &body);
    let now = world.now();
    let mut placement = world.placement();
    same_generation(&placement, &asked, (&id, &body))?;
    has_room(&placement, &id, &holds)?;
    put(&mut placement, &asked, (&id, &body), holds, now);
    Ok(StatusCode::NO_CONTENT)
}

async fn set_many(
    State(world): State<SharedWorld>,
    asked: Asked,
    Json(body): Json,
) -> Result<StatusCode, Refusal> {
    asked.needs(13)?;
    asked.admin_only("allocations:manage")?;
    let schema = json!({
        "type": "object", "minProperties": 1,
        "patternProperties": {
            "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$":
                one_schema(&asked, true),
        },
        "additionalProperties": false,
    });
    fits(&schema, &body)?;
    let now = world.now();
    let mut placement = world.placement();
    // All or nothing: tried on a copy, because each makes or takes room for the others.
    let mut tried = placement.clone();
    for (id, one) in body.as_object().into_iter().flatten() {
        same_generation(&tried, &asked, (id, one))?;
        tried.release(id);
    }
    for (id, one) in body.as_object().into_iter().flatten() {
        let holds = read(&asked, one);
        has_room(&tried, id, &holds)?;
        put(&mut tried, &asked, (id, one), holds, now);
        let known = placement.consumers.get(id).map_or(0, |consumer| consumer.generation);
        if let Some(consumer) = tried.consumers.get_mut(id) {
            consumer.generation = known + 1;
        }
    }
    *placement = tried;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    asked.admin_only("allocations:delete")?;
    if world.placement().release(&id) {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Refusal::unknown(format!("No allocations for consumer '{id}'")))
}

/// What projects use in all.
async fn usages(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<Response, Refusal> {
    asked.needs(9)?;
    let own = asked.caller.project().is_some() && asked.caller.project() == query.get("project_id");
    if !own {
        asked.admin_only("usages")?;
    }
    let Some(project) = query.get("project_id") else {
        let text = "Invalid query string parameters: 'project_id' is a required property";
        return Err(Refusal::bad(text));
    };
    let placement = world.placement();
    let mut kinds: BTreeMap<String, (u64, Amounts)> = BTreeMap::new();
    for consumer in placement.consumers.values() {
        let user = query.get("user_id").is_none_or(|user| consumer.user_id == user);
        if consumer.project_id != project || !user {
            continue;
        }
        let own = consumer.kind.as_deref().unwrap_or("unknown");
        let wanted = query.get("consumer_type").filter(|_| asked.at_least(38));
        if wanted.is_some_and(|kind| kind != "all" && kind != own) {
            continue;
        }
        let kind = match wanted {
            Some("all") => "all",
            _ if asked.at_least(38) => own,
            _ => "",
        };
        let (count, sum) = kinds.entry(kind.to_owned()).or_default();
        *count += 1;
        for (class, amount) in consumer.holds.iter().flat_map(|(_, amounts)| amounts) {
            *sum.entry(class.clone()).or_default() += amount;
        }
    }
    let shown: Value = if asked.at_least(38) {
        let rows = kinds.into_iter().map(|(kind, (count, sum))| {
            let mut row: Map<String, Value> =
                sum.into_iter().map(|(class, amount)| (class, json!(amount))).collect();
            row.insert("consumer_count".to_owned(), json!(count));
            (kind, Value::Object(row))
        });
        Value::Object(rows.collect())
    } else {
        json!(kinds.remove("").unwrap_or_default().1)
    };
    Ok(dated(&asked, world.now(), json!({"usages": shown})))
}
