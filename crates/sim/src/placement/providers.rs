//! Resource providers: what there is, in trees.

use std::collections::BTreeSet;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::LOCATION;
use serde_json::{Value, json};

use super::asked::{Asked, Json, Refusal, dated, fits};
use super::candidates::amounts;
use super::model::{Placement, Provider};
use crate::http::query::Query;
use crate::schema::format::is_uuid;
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/resource_providers", get(index).post(create))
        .route("/resource_providers/{id}", get(show).put(update).delete(delete))
        .route("/resource_providers/{id}/usages", get(usages))
        .route("/resource_providers/{id}/allocations", get(allocations))
        .route("/resource_providers/{id}/aggregates", get(aggregates).put(set_aggregates))
        .merge(super::inventories::routes())
        .merge(super::traits::routes())
}

pub(crate) fn view(placement: &Placement, provider: &Provider, asked: &Asked) -> Value {
    let own = format!("/resource_providers/{}", provider.uuid);
    let mut links = vec!["inventories", "usages"];
    for (name, since) in [("aggregates", 1), ("traits", 6), ("allocations", 11)] {
        if asked.at_least(since) {
            links.push(name);
        }
    }
    let links = links.iter().map(|name| json!({"rel": name, "href": format!("{own}/{name}")}));
    let links: Vec<Value> =
        std::iter::once(json!({"rel": "self", "href": own})).chain(links).collect();
    let mut shown = json!({
        "uuid": provider.uuid,
        "name": provider.name,
        "generation": provider.generation,
        "links": links,
    });
    if asked.at_least(14) {
        shown["parent_provider_uuid"] = json!(provider.parent);
        shown["root_provider_uuid"] = json!(placement.root(provider));
    }
    shown
}

/// The provider of this id.
pub(crate) fn find<'a>(placement: &'a Placement, id: &str) -> Result<&'a Provider, Refusal> {
    let missing = || Refusal::missing(format!("No resource provider with uuid {id} found"));
    placement.providers.get(id).ok_or_else(missing)
}

async fn index(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<Response, Refusal> {
    asked.admin_only("resource_providers:list")?;
    let known: [(&str, u16); 6] = [
        ("name", 0),
        ("uuid", 0),
        ("member_of", 3),
        ("resources", 4),
        ("in_tree", 14),
        ("required", 18),
    ];
    for (name, _) in &query.0 {
        if !known.iter().any(|(known, since)| known == name && asked.at_least(*since)) {
            let text = format!(
                "Invalid query string parameters: Additional properties are not allowed ('{name}' \
                 was unexpected)"
            );
            return Err(Refusal::bad(text));
        }
    }
    for name in ["uuid", "in_tree"] {
        if query.get(name).is_some_and(|id| !is_uuid(id)) {
            let id = query.get(name).unwrap_or_default();
            let text = format!("Invalid query string parameters: '{id}' is not a 'uuid'");
            return Err(Refusal::bad(text));
        }
    }
    if let Some(text) = query.get("member_of")
        && !text.trim_start_matches('!').trim_start_matches("in:").split(',').all(is_uuid)
    {
        return Err(Refusal::bad(format!(
            "Invalid query string parameters: Expected 'member_of' parameter to contain valid \
             UUID(s). Got: {text}"
        )));
    }
    let placement = world.placement();
    let wanted = query.get("resources").map(|text| amounts(&placement, text)).transpose()?;
    let member = query.get("member_of").map(|text| {
        text.trim_start_matches("in:").split(',').map(str::to_owned).collect::<BTreeSet<_>>()
    });
    let required: Vec<&str> =
        query.get("required").map_or_else(Vec::new, |text| text.split(',').collect());
    for name in &required {
        let name = name.trim_start_matches('!');
        if !super::traits::is_known(&placement, name) {
            let text =
                format!("Invalid trait(s) in \"required\" parameter: No such trait(s): {name}.");
            return Err(Refusal::bad(text));
        }
    }
    let root = query.get("in_tree").map(|id| {
        placement.providers.get(id).map_or(String::new(), |one| placement.root(one).to_owned())
    });
    let found = placement.providers.values().filter(|one| {
        query.get("name").is_none_or(|name| one.name == name)
            && query.get("uuid").is_none_or(|id| one.uuid == id)
            && root.as_deref().is_none_or(|root| placement.root(one) == root)
            && member.as_ref().is_none_or(|wanted| !wanted.is_disjoint(&one.aggregates))
            && required.iter().all(|name| match name.strip_prefix('!') {
                Some(forbidden) => !one.traits.contains(forbidden),
                None => one.traits.contains(*name),
            })
            && wanted.as_ref().is_none_or(|wanted| super::candidates::has_room(one, wanted))
    });
    let found: Vec<&Provider> = found.collect();
    let last = found.iter().map(|one| one.updated_at).max().unwrap_or_else(|| world.now());
    let shown: Value = found.iter().map(|one| view(&placement, one, &asked)).collect();
    Ok(dated(&asked, last, json!({"resource_providers": shown})))
}

fn schema(asked: &Asked, creating: bool) -> Value {
    let mut fields = json!({"name": {"type": "string", "maxLength": 200}});
    if creating {
        fields["uuid"] = json!({"type": "string", "format": "uuid"});
    }
    if asked.at_least(14) {
        fields["parent_provider_uuid"] =
            json!({"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]});
    }
    json!({
        "type": "object", "properties": fields, "required": ["name"], "additionalProperties": false,
    })
}

async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    Json(body): Json,
) -> Result<Response, Refusal> {
    asked.admin_only("resource_providers:create")?;
    fits(&schema(&asked, true), &body)?;
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let name = text("name").unwrap_or_default();
    let id = text("uuid").unwrap_or_else(|| world.ids.uuid());
    let parent = text("parent_provider_uuid");
    let now = world.now();
    let mut placement = world.placement();
    let failed = |why: &str| {
        Refusal::bad(format!(
            "Unable to create resource provider \"{name}\", {id}: Object action create failed \
             because: {why}"
        ))
    };
    if name.is_empty() {
        return Err(failed("name is required"));
    }
    if parent.as_deref() == Some(id.as_str()) {
        return Err(failed(
            "parent provider UUID cannot be same as UUID. Please set parent provider UUID to None if there is no parent.",
        ));
    }
    if parent.as_ref().is_some_and(|parent| !placement.providers.contains_key(parent)) {
        return Err(failed("parent provider UUID does not exist."));
    }
    let mut twice = Vec::new();
    if placement.providers.contains_key(&id) {
        twice.push(format!("uuid: {id}"));
    } else if placement.providers.values().any(|one| one.name == name) {
        twice.push(format!("name: {name}"));
    }
    if !twice.is_empty() {
        let text = format!("Conflicting resource provider {} already exists.", twice.join(", "));
        return Err(Refusal::conflict(text, "duplicate_name"));
    }
    let mut provider = Provider::new(id.clone(), name, now);
    provider.parent = parent;
    placement.providers.insert(id.clone(), provider);
    let address = format!("{}{}/resource_providers/{id}", world.base, super::MOUNT);
    if asked.at_least(20) {
        let shown = view(&placement, find(&placement, &id)?, &asked);
        let mut answer = dated(&asked, now, shown);
        if let Ok(value) = http::HeaderValue::from_str(&address) {
            answer.headers_mut().insert(LOCATION, value);
        }
        return Ok(answer);
    }
    Ok((StatusCode::CREATED, [(LOCATION, address)]).into_response())
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    asked.admin_only("resource_providers:show")?;
    let placement = world.placement();
    let provider = find(&placement, &id)?;
    Ok(dated(&asked, provider.updated_at, view(&placement, provider, &asked)))
}

async fn update(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<Response, Refusal> {
    asked.admin_only("resource_providers:update")?;
    let now = world.now();
    let mut placement = world.placement();
    find(&placement, &id)?;
    fits(&schema(&asked, false), &body)?;
    let name = body["name"].as_str().unwrap_or_default().to_owned();
    if placement.providers.values().any(|one| one.uuid != id && one.name == name) {
        let text = format!("Conflicting resource provider {name} already exists.");
        return Err(Refusal::conflict(text, "duplicate_name"));
    }
    let parent = body.get("parent_provider_uuid").map(|parent| parent.as_str().map(str::to_owned));
    if let Some(Some(parent)) = &parent
        && !placement.providers.contains_key(parent)
    {
        return Err(Refusal::bad(format!(
            "Unable to save resource provider {id}: Object action create failed because: parent \
             provider UUID does not exist."
        )));
    }
    if let Some(provider) = placement.providers.get_mut(&id) {
        provider.name = name;
        if let Some(parent) = parent {
            provider.parent = parent;
        }
        provider.updated_at = now;
    }
    let provider = find(&placement, &id)?;
    Ok(dated(&asked, now, view(&placement, provider, &asked)))
}

async fn delete(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    asked.admin_only("resource_providers:delete")?;
    let mut placement = world.placement();
    let missing =
        || Refusal::unknown(format!("No resource provider with uuid {id} found for delete"));
    let provider = placement.providers.get(&id).ok_or_else(missing)?;
    if placement.providers.values().any(|one| one.parent.as_deref() == Some(id.as_str())) {
        let text = format!(
            "Unable to delete parent resource provider {id}: It has child resource providers."
        );
        return Err(Refusal::conflict(text, "resource_provider.cannot_delete_parent"));
    }
    if provider.is_used() {
        let text =
            format!("Unable to delete resource provider {id}: Resource provider has allocations.");
        return Err(Refusal::conflict(text, "resource_provider.inuse"));
    }
    placement.remove(&id);
    Ok(StatusCode::NO_CONTENT)
}

async fn usages(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    asked.admin_only("resource_providers:usages")?;
    let placement = world.placement();
    let provider = find(&placement, &id)?;
    let used =
        provider.inventories.keys().map(|class| (class.clone(), json!(provider.used(class))));
    let body = json!({
        "resource_provider_generation": provider.generation,
        "usages": used.collect::<serde_json::Map<_, _>>(),
    });
    Ok(dated(&asked, world.now(), body))
}

async fn allocations(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    asked.admin_only("resource_providers:allocations:list")?;
    let placement = world.placement();
    let provider = find(&placement, &id)?;
    let mut held = serde_json::Map::new();
    for consumer in placement.consumers.values() {
        if let Some((_, amounts)) = consumer.holds.iter().find(|(held, _)| *held == id) {
            let mut one = json!({"resources": amounts});
            if asked.at_least(28) {
                one["consumer_generation"] = json!(consumer.generation);
            }
            held.insert(consumer.uuid.clone(), one);
        }
    }
    let body = json!({"allocations": held, "resource_provider_generation": provider.generation});
    Ok(dated(&asked, world.now(), body))
}

async fn aggregates(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    asked.needs(1)?;
    asked.admin_only("resource_providers:aggregates:list")?;
    let placement = world.placement();
    let provider = find(&placement, &id)?;
    Ok(dated(&asked, world.now(), shown_aggregates(provider, &asked)))
}

fn shown_aggregates(provider: &Provider, asked: &Asked) -> Value {
    let mut body = json!({"aggregates": provider.aggregates});
    if asked.at_least(19) {
        body["resource_provider_generation"] = json!(provider.generation);
    }
    body
}

async fn set_aggregates(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<Response, Refusal> {
    asked.needs(1)?;
    asked.admin_only("resource_providers:aggregates:update")?;
    let list = json!({
        "type": "array", "items": {"type": "string", "format": "uuid"}, "uniqueItems": true,
    });
    let schema = if asked.at_least(19) {
        json!({
            "type": "object",
            "properties": {
                "aggregates": list, "resource_provider_generation": {"type": "integer"},
            },
            "required": ["aggregates", "resource_provider_generation"],
            "additionalProperties": false,
        })
    } else {
        list
    };
    let now = world.now();
    let mut placement = world.placement();
    find(&placement, &id)?;
    fits(&schema, &body)?;
    let Some(provider) = placement.providers.get_mut(&id) else { return Err(Refusal::missing("")) };
    let wanted = if asked.at_least(19) {
        if body["resource_provider_generation"].as_u64() != Some(provider.generation) {
            return Err(Refusal::outdated(
                "Resource provider's generation already changed. Please update the generation and \
                 try again.",
            ));
        }
        &body["aggregates"]
    } else {
        &body
    };
    let wanted = wanted.as_array().into_iter().flatten().filter_map(Value::as_str);
    provider.aggregates = wanted.map(str::to_owned).collect();
    if asked.at_least(19) {
        provider.touch(now);
    }
    Ok(dated(&asked, now, shown_aggregates(provider, &asked)))
}
