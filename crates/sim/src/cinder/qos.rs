//! `QoS` specs, for administrators.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use http::StatusCode;
use serde_json::{Value, json};

use super::asked::{Asked, Given, answer, inner, pairs};
use super::model::{QosSpec, Volumes};
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::schema::oslo::truth;
use crate::world::SharedWorld;

const RULE: &str = "volume_extension:qos_specs_manage";

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/qos-specs", get(list).post(create))
        .route("/qos-specs/{id}", get(show).put(update).delete(remove))
        .route("/qos-specs/{id}/delete_keys", put(delete_keys))
        .route("/qos-specs/{id}/associations", get(associations))
        .route("/qos-specs/{id}/associate", get(associate))
        .route("/qos-specs/{id}/disassociate", get(disassociate))
        .route("/qos-specs/{id}/disassociate_all", get(disassociate_all))
}

fn shown(spec: &QosSpec) -> Value {
    json!({"id": spec.id, "name": spec.name, "consumer": spec.consumer, "specs": spec.specs})
}

fn find<'a>(volumes: &'a mut Volumes, id: &str) -> Result<&'a mut QosSpec, Fault> {
    let found = volumes.qos_specs.get_mut(id);
    found.ok_or_else(|| Fault::missing(format!("No such QoS spec {id}.")))
}

async fn list(State(world): State<SharedWorld>, asked: Asked) -> Result<Response, Fault> {
    asked.admin_only(&format!("{RULE}:get_all"))?;
    let volumes = world.volume();
    let mut all: Vec<&QosSpec> = volumes.qos_specs.values().collect();
    all.sort_by_key(|spec| std::cmp::Reverse(spec.created_at));
    let all: Vec<Value> = all.into_iter().map(shown).collect();
    Ok(answer(StatusCode::OK, json!({"qos_specs": all})))
}

async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    Given(body): Given,
) -> Result<Response, Fault> {
    let schema = json!({
        "type": "object",
        "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 255}},
        "patternProperties": {"^[a-zA-Z0-9-_:. ]{1,255}$": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": false,
    });
    inner(&body, "qos_specs", schema)?;
    asked.admin_only(&format!("{RULE}:create"))?;
    let mut specs = pairs(body.get("qos_specs"));
    let name = specs.remove("name").unwrap_or_default();
    let consumer = specs.remove("consumer").unwrap_or_else(|| "back-end".to_owned());
    if !["back-end", "front-end", "both"].contains(&consumer.as_str()) {
        return Err(Fault::bad(
            "Invalid qos specs: Valid consumer of QoS specs are: \
             QoSConsumerValues(default=<class \
             'oslo_versionedobjects.fields.UnspecifiedDefault'>,nullable=False,valid_values=('back-end', \
             'front-end', 'both'))",
        ));
    }
    let mut volumes = world.volume();
    if volumes.qos_specs.values().any(|known| known.name == name) {
        return Err(Fault::conflict(format!("QoS Specs {name} already exists.")));
    }
    let spec = QosSpec { id: world.ids.uuid(), name, consumer, specs, created_at: world.now() };
    let links = asked.links("qos-specs", &spec.id);
    let body = json!({"qos_specs": shown(&spec), "links": links});
    volumes.qos_specs.insert(spec.id.clone(), spec);
    Ok(answer(StatusCode::OK, body))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    asked.admin_only(&format!("{RULE}:get"))?;
    let mut volumes = world.volume();
    let spec = find(&mut volumes, &id)?;
    let links = asked.links("qos-specs", &id);
    Ok(answer(StatusCode::OK, json!({"qos_specs": shown(spec), "links": links})))
}

async fn update(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    let schema = json!({
        "type": "object",
        "patternProperties": {"^[a-zA-Z0-9-_:. ]{1,255}$": {"type": "string"}},
        "additionalProperties": false,
    });
    let given = inner(&body, "qos_specs", schema)?;
    asked.admin_only(&format!("{RULE}:update"))?;
    let mut volumes = world.volume();
    let spec = find(&mut volumes, &id)?;
    let mut changed = pairs(body.get("qos_specs"));
    if let Some(consumer) = changed.remove("consumer") {
        spec.consumer = consumer;
    }
    spec.specs.extend(changed);
    Ok(answer(StatusCode::OK, json!({"qos_specs": given})))
}

async fn delete_keys(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    asked.admin_only(&format!("{RULE}:delete"))?;
    let mut volumes = world.volume();
    let spec = find(&mut volumes, &id)?;
    for key in body["keys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        spec.specs
            .remove(key)
            .ok_or_else(|| Fault::missing(format!("QoS spec {id} has no spec with key {key}.")))?;
    }
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn remove(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Fault> {
    asked.admin_only(&format!("{RULE}:delete"))?;
    let force = query.get("force").is_some_and(|yes| truth(&json!(yes)));
    let mut volumes = world.volume();
    find(&mut volumes, &id)?;
    let used = volumes.types.values().any(|kind| kind.qos_specs_id.as_ref() == Some(&id));
    if used && !force {
        return Err(Fault::bad("Qos specs still in use."));
    }
    set_association(&mut volumes, &id, |_| true, false);
    volumes.qos_specs.remove(&id);
    Ok(StatusCode::ACCEPTED.into_response())
}

fn set_association(volumes: &mut Volumes, id: &str, of: impl Fn(&str) -> bool, on: bool) {
    for kind in volumes.types.values_mut().filter(|kind| of(&kind.id)) {
        if on {
            kind.qos_specs_id = Some(id.to_owned());
        } else if kind.qos_specs_id.as_deref() == Some(id) {
            kind.qos_specs_id = None;
        }
    }
}

async fn associations(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    asked.admin_only(&format!("{RULE}:get"))?;
    let mut volumes = world.volume();
    find(&mut volumes, &id)?;
    let with = volumes.types.values().filter(|kind| kind.qos_specs_id.as_ref() == Some(&id));
    let list: Vec<Value> = with
        .map(|kind| json!({"association_type": "volume_type", "name": kind.name, "id": kind.id}))
        .collect();
    Ok(answer(StatusCode::OK, json!({"qos_associations": list})))
}

async fn associate(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Fault> {
    change(&world, &asked, &id, &query, true)
}

async fn disassociate(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Fault> {
    change(&world, &asked, &id, &query, false)
}

fn change(
    world: &SharedWorld,
    asked: &Asked,
    id: &str,
    query: &Query,
    on: bool,
) -> Result<Response, Fault> {
    asked.admin_only(&format!("{RULE}:update"))?;
    let Some(kind) = query.get("vol_type_id") else {
        return Err(Fault::bad("Volume Type id must not be None."));
    };
    let mut volumes = world.volume();
    find(&mut volumes, id)?;
    super::types::find(asked, &mut volumes, kind)?;
    set_association(&mut volumes, id, |known| known == kind, on);
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn disassociate_all(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    asked.admin_only(&format!("{RULE}:update"))?;
    let mut volumes = world.volume();
    find(&mut volumes, &id)?;
    set_association(&mut volumes, &id, |_| true, false);
    Ok(StatusCode::ACCEPTED.into_response())
}
