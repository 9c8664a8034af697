//! The uniform collections of Keystone: domains, projects, users, roles, regions, and the read-only
//! services and endpoints.

mod catalog;
mod domain;
mod project;
mod region;
mod role;
mod user;

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::caller::{Authenticated, Caller};
use super::model::{Domain, Identity, Project, Region, Role, User};
use super::policy;
use super::refusal::Refusal;
use super::token::json_body;
use crate::http::query::Query;
use crate::world::{SharedWorld, World};

/// The `links` of a list.
pub(crate) fn links(world: &World, path: &str, query: &str) -> Value {
    let mark = if query.is_empty() { "" } else { "?" };
    let this = format!("{}{}/v3/{path}{mark}{query}", world.base, super::MOUNT);
    json!({"next": null, "self": this, "previous": null})
}

/// The `links` of one object.
fn self_link(world: &World, collection: &str, id: &str) -> Value {
    json!({"self": format!("{}{}/v3/{collection}/{id}", world.base, super::MOUNT)})
}

/// An entity with the uniform five operations.
pub(crate) trait Resource: Sized + Send + 'static {
    /// Its name in bodies, for example `project`.
    const ONE: &'static str;
    /// Its name in paths and lists, for example `projects`.
    const MANY: &'static str;
    /// Whether everybody may look.
    const OPEN: bool = false;

    fn store(identity: &Identity) -> &BTreeMap<String, Self>;
    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self>;
    fn render(&self, world: &World) -> Value;

    /// A new entity from what the client sent, whose required properties are there.
    fn create(id: String, given: &Map<String, Value>, identity: &Identity)
    -> Result<Self, Refusal>;

    /// Applies what the client sent.
    fn change(&mut self, given: &Map<String, Value>);

    /// What must be unique, for example name and domain.
    fn unique(&self) -> String;

    /// Attributes of the client's own, which the answer to a change shows once more.
    fn extra(&self) -> Option<&Map<String, Value>> {
        None
    }

    /// Whether it belongs to the caller, who may look at it then.
    fn is_own(_id: &str, _caller: &Caller) -> bool {
        false
    }

    /// Refuses to be deleted in the state it is in.
    fn may_be_deleted(&self) -> Result<(), Refusal> {
        Ok(())
    }
}

/// The routes of all uniform collections.
pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .merge(collection::<Domain>())
        .merge(collection::<Project>())
        .merge(collection::<User>())
        .merge(collection::<Role>())
        .merge(collection::<Region>())
        .merge(catalog::routes())
}

fn collection<R: Resource>() -> Router<SharedWorld> {
    Router::new().route(&format!("/v3/{}", R::MANY), get(list::<R>).post(create::<R>)).route(
        &format!("/v3/{}/{{id}}", R::MANY),
        get(show::<R>).patch(update::<R>).delete(remove::<R>),
    )
}

async fn list<R: Resource>(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<Response, Refusal> {
    policy::look_own(&caller, &format!("list_{}", R::MANY), R::OPEN)?;
    let identity = world.identity();
    let mut found: Vec<Value> =
        R::store(&identity).values().map(|one| one.render(&world)).collect();
    found.retain(|shown| matches(shown, &query));
    let links = links(&world, R::MANY, &query.text());
    Ok(axum::Json(json!({R::MANY: found, "links": links})).into_response())
}

/// Whether an object has all asked attributes. Attributes it does not have are no filters.
fn matches(shown: &Value, query: &Query) -> bool {
    query.0.iter().all(|(name, wanted)| match shown.get(name) {
        Some(Value::String(text)) => text == wanted,
        Some(Value::Bool(flag)) => *flag == (wanted != "false" && wanted != "0"),
        Some(Value::Null) => wanted.is_empty(),
        _ => true,
    })
}

async fn show<R: Resource>(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    policy::look_own(&caller, &format!("get_{}", R::ONE), R::OPEN || R::is_own(&id, &caller))?;
    let identity = world.identity();
    let one = R::store(&identity).get(&id).ok_or_else(|| Refusal::not_found(R::ONE, &id))?;
    Ok(axum::Json(json!({R::ONE: one.render(&world)})).into_response())
}

/// The object in a body: what stands under the name of the resource.
async fn given<R: Resource>(
    headers: &HeaderMap,
    body: Body,
) -> Result<Map<String, Value>, Refusal> {
    Ok(match json_body(headers, body).await?.get_mut(R::ONE).map(Value::take) {
        Some(Value::Object(given)) => given,
        // Keystone goes on with nothing, and misses what is required.
        _ => Map::new(),
    })
}

async fn create<R: Resource>(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let given = given::<R>(&headers, body).await?;
    policy::change(&caller, &format!("create_{}", R::ONE))?;
    let mut identity = world.identity();
    let asked = given.get("id").and_then(Value::as_str).map(str::to_owned);
    let id = if R::MANY == Region::MANY { asked } else { None };
    let id = id.unwrap_or_else(|| world.ids.hex());
    let one = R::create(id.clone(), &given, &identity)?;
    let taken = R::store(&identity).values().any(|other| other.unique() == one.unique());
    if taken || R::store(&identity).contains_key(&id) {
        return Err(Refusal::conflict(R::ONE, &duplicate::<R>(&given, &id)));
    }
    let shown = one.render(&world);
    R::store_mut(&mut identity).insert(id, one);
    Ok((StatusCode::CREATED, axum::Json(json!({R::ONE: shown}))).into_response())
}

fn duplicate<R: Resource>(given: &Map<String, Value>, id: &str) -> String {
    let name = given.get("name").and_then(Value::as_str).unwrap_or(id);
    if R::MANY == Project::MANY {
        return format!(
            "it is not permitted to have two projects with either the same name or same id in the \
             same domain: name is {name}, project id {id}"
        );
    }
    format!("Duplicate entry found with name {name}")
}

async fn update<R: Resource>(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let given = given::<R>(&headers, body).await?;
    policy::change(&caller, &format!("update_{}", R::ONE))?;
    let mut identity = world.identity();
    let one =
        R::store_mut(&mut identity).get_mut(&id).ok_or_else(|| Refusal::not_found(R::ONE, &id))?;
    one.change(&given);
    let mut shown = one.render(&world);
    if let Some(extra) = one.extra() {
        shown["extra"] = Value::Object(extra.clone());
    }
    identity.drop_orphans();
    Ok(axum::Json(json!({R::ONE: shown})).into_response())
}

async fn remove<R: Resource>(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    policy::change(&caller, &format!("delete_{}", R::ONE))?;
    let mut identity = world.identity();
    let one = R::store(&identity).get(&id).ok_or_else(|| Refusal::not_found(R::ONE, &id))?;
    one.may_be_deleted()?;
    R::store_mut(&mut identity).remove(&id);
    identity.drop_orphans();
    Ok(StatusCode::NO_CONTENT)
}

fn text(given: &Map<String, Value>, name: &str) -> Option<String> {
    given.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn name(given: &Map<String, Value>) -> Result<String, Refusal> {
    let name = text(given, "name").ok_or_else(|| Refusal::missing("name"))?;
    if name.trim().is_empty() {
        return Err(Refusal::bad("Invalid input for field 'name': '' is too short"));
    }
    Ok(name)
}

fn enabled(given: &Map<String, Value>) -> Option<bool> {
    given.get("enabled").and_then(Value::as_bool)
}

/// What the client sent beyond the attributes that are known.
fn extra(given: &Map<String, Value>, known: &[&str]) -> Map<String, Value> {
    let unknown = given.iter().filter(|(key, _)| !known.contains(&key.as_str()));
    unknown.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn domain_of(given: &Map<String, Value>, identity: &Identity) -> Result<String, Refusal> {
    let id = text(given, "domain_id").unwrap_or_else(|| "default".to_owned());
    if identity.domains.contains_key(&id) {
        Ok(id)
    } else {
        Err(Refusal::bad(format!("Could not find domain: {id}.")))
    }
}
