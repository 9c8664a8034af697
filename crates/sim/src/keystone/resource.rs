//! The uniform collections of Keystone: list, show, create, update, delete.

mod catalog;
mod document;
mod domain;
mod group;
mod project;
mod region;
mod role;
mod tag;
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
use super::model::{CatalogService, Domain, Endpoint, Group, Identity, Role, User};
use super::notify::notify;
use super::policy::{self, Target};
use super::refusal::Refusal;
use super::schema::{self, Properties};
use super::token::json_body;
use crate::glance::python;
use crate::http::query::Query;
use crate::world::{SharedWorld, World};

/// The `links` of a list.
pub(crate) fn links(world: &World, path: &str, query: &str) -> Value {
    let mark = if query.is_empty() { "" } else { "?" };
    let this = format!("{}{}/v3/{path}{mark}{query}", world.base, super::MOUNT);
    json!({"next": null, "self": this, "previous": null})
}

/// The `links` of one object.
pub(crate) fn self_link(world: &World, collection: &str, id: &str) -> Value {
    json!({"self": format!("{}{}/v3/{collection}/{id}", world.base, super::MOUNT)})
}

/// An entity with the uniform five operations.
pub(crate) trait Resource: Clone + Send + 'static {
    /// Its name in bodies, for example `project`.
    const ONE: &'static str;
    /// Its name in paths and lists, for example `projects`.
    const MANY: &'static str;
    /// What its properties must be.
    const PROPERTIES: Properties;
    /// Which of them a new one must have.
    const REQUIRED: &'static [&'static str];
    /// By which of them a list can be filtered.
    const FILTERS: &'static [&'static str];
    /// Whether the client may choose the id.
    const OWN_ID: bool = false;

    fn store(identity: &Identity) -> &BTreeMap<String, Self>;
    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self>;
    fn render(&self, world: &World) -> Value;

    /// A new entity from what the client sent, which was checked.
    fn create(id: String, given: &Map<String, Value>, identity: &Identity)
    -> Result<Self, Refusal>;

    /// Applies what the client sent, which was checked.
    fn change(&mut self, given: &Map<String, Value>, identity: &Identity) -> Result<(), Refusal>;

    /// What no other may be equal in, for example name and domain.
    fn unique(&self) -> Option<String> {
        None
    }

    /// How Keystone says that there is one already.
    fn duplicate(&self) -> String {
        "Duplicate Entry".to_owned()
    }

    /// The domain it is in.
    fn domain(&self) -> Option<&str> {
        None
    }

    /// The action in the policy, for example `get_project`.
    fn action(verb: &str, _one: Option<&Self>) -> String {
        format!("{verb}_{}", Self::ONE)
    }

    /// Attributes of the client's own, which the answer to a change shows once more.
    fn extra(&self) -> Option<&Map<String, Value>> {
        None
    }

    /// Whether it belongs to the caller, who may look at it then.
    fn is_own(_one: Option<&Self>, _id: &str, _caller: &Caller) -> bool {
        false
    }

    /// Whether a list without a filter leaves it out.
    fn is_aside(&self, _query: &Query) -> bool {
        false
    }

    /// What has to be there because it is.
    fn bring(&self, _identity: &mut Identity) {}

    /// Refuses to be deleted in the state it is in.
    fn may_be_deleted(&self, _identity: &Identity) -> Result<(), Refusal> {
        Ok(())
    }
}

/// The routes of all uniform collections.
pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .merge(collection::<Domain>())
        .merge(project::routes())
        .merge(collection::<User>())
        .merge(collection::<Group>())
        .merge(collection::<Role>())
        .merge(region::routes())
        .merge(collection::<CatalogService>())
        .merge(collection::<Endpoint>())
        .merge(user::routes())
        .merge(group::routes())
        .merge(role::routes())
        .merge(domain::routes())
        .merge(tag::routes())
        .merge(document::routes())
}

fn collection<R: Resource>() -> Router<SharedWorld> {
    Router::new().route(&format!("/v3/{}", R::MANY), get(list::<R>).post(create::<R>)).route(
        &format!("/v3/{}/{{id}}", R::MANY),
        get(show::<R>).patch(update::<R>).delete(remove::<R>),
    )
}

/// The answer to a list.
pub(super) fn listed(
    world: &World,
    many: &str,
    path: &str,
    query: &Query,
    found: Vec<Value>,
) -> Response {
    let links = links(world, path, &query.text());
    let mut body = Map::new();
    body.insert(many.to_owned(), Value::Array(found));
    body.insert("links".to_owned(), links);
    axum::Json(Value::Object(body)).into_response()
}

async fn list<R: Resource>(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<Response, Refusal> {
    let action = format!("list_{}", R::MANY);
    policy::allow(&caller, &action, Target::within(caller.domain()))?;
    let identity = world.identity();
    let name = query.get("name");
    let visible = |one: &&R| {
        // With a token for a domain one sees what is in it.
        caller.domain().is_none_or(|own| one.domain().is_none_or(|domain| domain == own))
            && !one.is_aside(&query)
    };
    let shown = R::store(&identity).values().filter(visible).map(|one| one.render(&world));
    let wanted = |shown: &Value| {
        name.is_none_or(|name| shown["name"] == name) && matches(shown, &query, R::FILTERS)
    };
    let found: Vec<Value> = shown.filter(wanted).collect();
    Ok(listed(&world, R::MANY, R::MANY, &query, found))
}

/// Whether an object has all asked attributes, of those that a list can be filtered by.
pub(super) fn matches(shown: &Value, query: &Query, filters: &[&str]) -> bool {
    query.0.iter().all(|(asked, wanted)| {
        let (name, how) = asked.split_once("__").unwrap_or((asked.as_str(), ""));
        if !filters.contains(&name) {
            return true;
        }
        let lower = |text: &str| text.to_lowercase();
        match (shown.get(name), how) {
            (Some(Value::String(text)), "") => text == wanted,
            (Some(Value::String(text)), "contains") => text.contains(wanted),
            (Some(Value::String(text)), "startswith") => text.starts_with(wanted),
            (Some(Value::String(text)), "endswith") => text.ends_with(wanted),
            (Some(Value::String(text)), "icontains") => lower(text).contains(&lower(wanted)),
            (Some(Value::String(text)), "istartswith") => lower(text).starts_with(&lower(wanted)),
            (Some(Value::String(text)), "iendswith") => lower(text).ends_with(&lower(wanted)),
            (Some(Value::Bool(flag)), _) => {
                *flag == !matches!(wanted.as_str(), "false" | "False" | "0")
            }
            (Some(Value::Null) | None, "") => wanted.is_empty(),
            _ => true,
        }
    })
}

/// Looks up what a path names. Who may not do the action learns nothing of whether it is there.
fn find<R: Resource>(
    identity: &Identity,
    caller: &Caller,
    id: &str,
    verb: &str,
) -> Result<R, Refusal> {
    let found = R::store(identity).get(id);
    let target = Target::within(found.and_then(R::domain)).owned(R::is_own(found, id, caller));
    policy::allow(caller, &R::action(verb, found), target)?;
    found.cloned().ok_or_else(|| Refusal::not_found(R::ONE, id))
}

async fn show<R: Resource>(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let identity = world.identity();
    let one: R = find(&identity, &caller, &id, "get")?;
    Ok(axum::Json(json!({R::ONE: one.render(&world)})).into_response())
}

/// The object in a body: what stands under the name of the resource.
pub(super) async fn given(
    headers: &HeaderMap,
    body: Body,
    one: &str,
) -> Result<Map<String, Value>, Refusal> {
    Ok(match json_body(headers, body).await?.get_mut(one).map(Value::take) {
        Some(Value::Object(given)) => given,
        // Keystone goes on with nothing, and misses what is required.
        None | Some(Value::Null) => Map::new(),
        Some(other) => {
            let text = format!("{} is not of type 'object'", python(&other));
            return Err(Refusal::bad(text));
        }
    })
}

async fn create<R: Resource>(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let given = given(&headers, body, R::ONE).await?;
    let shown = make::<R>(&world, &caller, &given)?;
    Ok((StatusCode::CREATED, axum::Json(json!({R::ONE: shown}))).into_response())
}

/// Makes one and shows it.
fn make<R: Resource>(
    world: &World,
    caller: &Caller,
    given: &Map<String, Value>,
) -> Result<Value, Refusal> {
    let asked_domain = given.get("domain_id").and_then(Value::as_str);
    // Without a domain in the body it will be the one that the token is for; but the policy is asked
    // before that, and who manages one domain only may not leave it out.
    let action = match R::MANY {
        "roles" if asked_domain.is_some() => "create_domain_role".to_owned(),
        _ => format!("create_{}", R::ONE),
    };
    policy::allow(caller, &action, Target::within(asked_domain))?;
    schema::check_new(given, R::PROPERTIES, R::REQUIRED)?;
    let mut given = given.clone();
    let within_domain = R::PROPERTIES.iter().any(|(name, _)| *name == "domain_id");
    if within_domain && R::MANY != "roles" && given.get("domain_id").is_none_or(Value::is_null) {
        let above = given.get("parent_id").and_then(Value::as_str).map(str::to_owned);
        let above = above.and_then(|id| world.identity().projects.get(&id).cloned());
        let domain = above.map_or_else(
            || caller.domain().unwrap_or("default").to_owned(),
            |project| project.domain_id,
        );
        given.insert("domain_id".to_owned(), Value::from(domain));
    }
    let mut identity = world.identity();
    let asked = text(&given, "id").filter(|id| R::OWN_ID && !id.is_empty());
    let id = asked.unwrap_or_else(|| world.ids.hex());
    let one = R::create(id.clone(), &given, &identity)?;
    refuse_duplicate(&identity, &id, &one, true)?;
    let shown = one.render(world);
    one.bring(&mut identity);
    R::store_mut(&mut identity).insert(id.clone(), one);
    drop(identity);
    notify(world, caller, R::ONE, "created", &id);
    Ok(shown)
}

fn refuse_duplicate<R: Resource>(
    identity: &Identity,
    id: &str,
    one: &R,
    new: bool,
) -> Result<(), Refusal> {
    let store = R::store(identity);
    let same = one.unique().is_some_and(|unique| {
        store.iter().any(|(other, it)| other != id && it.unique().as_ref() == Some(&unique))
    });
    if same || (new && store.contains_key(id)) {
        return Err(Refusal::conflict(R::ONE, &one.duplicate()));
    }
    Ok(())
}

async fn update<R: Resource>(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let given = given(&headers, body, R::ONE).await?;
    alter::<R>(&world, &caller, &id, &given)
}

/// Changes one and shows it.
fn alter<R: Resource>(
    world: &World,
    caller: &Caller,
    id: &str,
    given: &Map<String, Value>,
) -> Result<Response, Refusal> {
    let mut identity = world.identity();
    let mut one: R = find(&identity, caller, id, "update")?;
    schema::check_change(given, R::PROPERTIES)?;
    if given.get("id").is_some_and(|asked| asked != id) {
        return Err(Refusal::bad(format!("Cannot change {} ID", super::titled(R::ONE))));
    }
    let moved = given.get("domain_id").and_then(Value::as_str);
    if one.domain().is_some() && moved.is_some_and(|asked| one.domain() != Some(asked)) {
        return Err(Refusal::bad("Cannot change Domain ID"));
    }
    one.change(given, &identity)?;
    refuse_duplicate(&identity, id, &one, false)?;
    let mut shown = one.render(world);
    if let Some(extra) = one.extra() {
        shown["extra"] = Value::Object(extra.clone());
    }
    one.bring(&mut identity);
    R::store_mut(&mut identity).insert(id.to_owned(), one);
    if R::MANY == "users" && (given.contains_key("password") || given.contains_key("enabled")) {
        identity.end_tokens_of(id);
    }
    identity.drop_orphans();
    drop(identity);
    notify(world, caller, R::ONE, "updated", id);
    Ok(axum::Json(json!({R::ONE: shown})).into_response())
}

async fn remove<R: Resource>(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let mut identity = world.identity();
    let one: R = find(&identity, &caller, &id, "delete")?;
    one.may_be_deleted(&identity)?;
    R::store_mut(&mut identity).remove(&id);
    identity.drop_orphans();
    drop(identity);
    notify(&world, &caller, R::ONE, "deleted", &id);
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn text(given: &Map<String, Value>, name: &str) -> Option<String> {
    given.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// Takes over a text if it is there; null empties it.
fn take_text(given: &Map<String, Value>, name: &str, into: &mut String) {
    match given.get(name) {
        Some(Value::String(text)) => into.clone_from(text),
        Some(Value::Null) => into.clear(),
        _ => {}
    }
}

fn enabled(given: &Map<String, Value>) -> Option<bool> {
    given.get("enabled").and_then(Value::as_bool)
}

fn options(given: &Map<String, Value>) -> Option<Map<String, Value>> {
    given.get("options").and_then(Value::as_object).cloned()
}

fn tags(given: &Map<String, Value>) -> Option<Vec<String>> {
    let tags = given.get("tags")?.as_array()?;
    Some(tags.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// What the client sent beyond the attributes that are known.
fn extra(given: &Map<String, Value>, properties: Properties) -> Map<String, Value> {
    const NEVER: &[&str] = &["id", "links", "original_password", "password_expires_at"];
    let known = |name: &str| {
        NEVER.contains(&name) || properties.iter().any(|(property, _)| *property == name)
    };
    let unknown = given.iter().filter(|(name, _)| !known(name));
    unknown.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The domain that was asked for, which must be there.
fn domain_of(given: &Map<String, Value>, identity: &Identity) -> Result<String, Refusal> {
    let id = text(given, "domain_id").unwrap_or_else(|| "default".to_owned());
    if identity.domains.contains_key(&id) { Ok(id) } else { Err(Refusal::not_found("domain", &id)) }
}

/// Adds fields of the client's own and the link to what is shown.
fn with_extra<R: Resource>(
    mut shown: Value,
    extra: &Map<String, Value>,
    world: &World,
    id: &str,
) -> Value {
    if let Value::Object(fields) = &mut shown {
        fields.extend(extra.clone());
        fields.insert("links".to_owned(), self_link(world, R::MANY, id));
    }
    shown
}
