//! The uniform collections: list, show, create, update, delete.
//!
//! Neutron answers them all alike, and so does this module; what differs is in the implementations
//! of [`Resource`].

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::access::{Change, Request};
use super::attribute::{self, Attribute, Kind, Wanted};
use super::list;
use super::model::{Network, Standard};
use super::refusal::Refusal;
use crate::http::query::Query;
use crate::keystone::caller::Caller;
use crate::world::SharedWorld;

/// Where the resources of a kind are kept; the owners of `shared` ones may open them to others.
macro_rules! stored {
    ($map:ident) => {
        fn all(state: &Network) -> &std::collections::BTreeMap<String, Self> {
            &state.$map
        }

        fn one<'a>(state: &'a mut Network, id: &str) -> Option<&'a mut Standard> {
            state.$map.get_mut(id).map(|it| &mut it.standard)
        }

        fn standard(&self) -> &Standard {
            &self.standard
        }
    };
    ($map:ident, shared) => {
        stored!($map);

        fn is_open(&self, state: &Network, caller: &Caller) -> bool {
            state.is_shared(&self.standard.id, caller.project())
        }
    };
}
pub(crate) use stored;

/// A kind of resource.
pub(crate) trait Resource: Clone + Send + Sync + Sized + 'static {
    const KIND: Kind;
    /// The segment of its path.
    const PATH: &'static str;
    const ATTRIBUTES: &'static [Attribute];
    /// What answers show, to administrators after the bar also.
    const FIELDS: (&'static [&'static str], &'static [&'static str]);
    /// The quota that counts it.
    const QUOTA: Option<&'static str> = None;

    fn all(state: &Network) -> &BTreeMap<String, Self>;
    fn one<'a>(state: &'a mut Network, id: &str) -> Option<&'a mut Standard>;
    fn standard(&self) -> &Standard;

    /// The value of an attribute as answers show it.
    fn show(&self, state: &Network, caller: &Caller, name: &str) -> Value;

    /// Whether an answer has this attribute of this object.
    fn has(&self, _name: &str) -> bool {
        true
    }

    /// Whether others than the owner may look at it.
    fn is_open(&self, _state: &Network, _caller: &Caller) -> bool {
        false
    }

    /// Whether somebody beside the owner may change it.
    fn is_kept_by(&self, _state: &Network, _caller: &Caller) -> bool {
        false
    }

    /// 404 of this kind.
    fn missing(id: &str) -> Refusal;

    /// Whether the caller may give an attribute this value.
    fn may_set(
        _state: &Network,
        caller: &Caller,
        attribute: &Attribute,
        _item: &Map<String, Value>,
        _create: bool,
    ) -> bool {
        caller.is_admin() || !(attribute.is('A') || attribute.is('N'))
    }

    /// Whether the caller may create this for the project it names.
    fn may_create(_state: &Network, caller: &Caller, item: &Map<String, Value>) -> bool {
        owns(caller, item.get("project_id").and_then(Value::as_str).unwrap_or_default())
    }

    fn create(
        state: &mut Network,
        change: &mut Change<'_>,
        item: Map<String, Value>,
    ) -> Result<String, Refusal>;

    fn update(
        state: &mut Network,
        change: &mut Change<'_>,
        id: &str,
        item: Map<String, Value>,
    ) -> Result<(), Refusal>;

    fn delete(state: &mut Network, change: &mut Change<'_>, id: &str) -> Result<(), Refusal>;

    /// Takes back what was created just now, because the next of several could not be.
    fn undo(state: &mut Network, change: &mut Change<'_>, id: &str) {
        // Nobody else has seen it, so nothing keeps it.
        drop(Self::delete(state, change, id));
    }

    /// A filter that is not simply the value of an attribute; `None` when it is.
    fn matches(&self, _state: &Network, _name: &str, _value: &str) -> Option<bool> {
        None
    }

    /// Whether its lists can be sorted at all.
    const SORTED: bool = true;

    /// What only the answer to a creation shows.
    const ON_CREATION: &'static [&'static str] = &[];

    /// What Neutron writes after it has answered, so that the answer has the revision from before.
    const LATE: &'static [&'static str] = &[];

    /// How an object that the caller may not know of is missed.
    fn hidden(id: &str) -> Refusal {
        Self::missing(id)
    }

    /// How it is missed by somebody who would delete it and may not know of it.
    fn undeletable(&self) -> Refusal {
        Self::hidden(&self.standard().id)
    }

    /// What several resources of one request must not be together.
    fn together(_items: &[Map<String, Value>]) -> Result<(), Refusal> {
        Ok(())
    }

    /// How the answer to an update differs from what is shown otherwise.
    fn updated(_shown: &mut Map<String, Value>) {}

    /// What is to happen before anything of the kind is looked at.
    fn before(_state: &mut Network, _change: &Change<'_>) {}
}

/// Whether the caller may change what belongs to a project.
pub(crate) fn owns(caller: &Caller, project: &str) -> bool {
    caller.is_admin() || caller.has_role("member") && caller.project() == Some(project)
}

/// Whether the caller may know of an object.
pub(crate) fn sees<R: Resource>(state: &Network, caller: &Caller, object: &R) -> bool {
    caller.is_admin()
        || caller.project() == Some(object.standard().project_id.as_str())
        || object.is_open(state, caller)
}

/// The object, if the caller may know of it.
pub(crate) fn find<'a, R: Resource>(
    state: &'a Network,
    caller: &Caller,
    id: &str,
) -> Result<&'a R, Refusal> {
    let found = R::all(state).get(id).ok_or_else(|| R::missing(id))?;
    if sees(state, caller, found) { Ok(found) } else { Err(R::hidden(id)) }
}

/// An object as answers show it: all of it, or these fields.
pub(crate) fn render<R: Resource>(
    state: &Network,
    caller: &Caller,
    object: &R,
    fields: &[&str],
) -> Value {
    let names = R::FIELDS.0.iter();
    let admin = R::FIELDS.1.iter().filter(|_| caller.is_admin());
    let shown = names
        .chain(admin)
        .filter(|name| fields.is_empty() || fields.contains(name))
        .filter(|name| object.has(name))
        .map(|name| ((*name).to_owned(), value(state, caller, object, name)));
    Value::Object(shown.collect())
}

/// The value of an attribute, common ones included.
pub(crate) fn value<R: Resource>(
    state: &Network,
    caller: &Caller,
    object: &R,
    name: &str,
) -> Value {
    let standard = object.standard();
    match name {
        "id" => json!(standard.id),
        "name" => json!(standard.name),
        "description" => json!(standard.description),
        "project_id" | "tenant_id" => json!(standard.project_id),
        "tags" => json!(standard.tags),
        "created_at" => json!(format!("{:.0}", standard.created_at)),
        "updated_at" => json!(format!("{:.0}", standard.updated_at)),
        "revision_number" => json!(standard.revision),
        other => object.show(state, caller, other),
    }
}

/// The routes of a kind.
pub(crate) fn routes<R: Resource>() -> Router<SharedWorld> {
    let collection = format!("/v2.0/{}", R::PATH);
    Router::new()
        .route(
            &collection,
            get(list::list::<R>).post(create::<R>).put(unnamed::<R>).delete(unnamed::<R>),
        )
        .route(&format!("{collection}/{{id}}"), get(show::<R>).put(update::<R>).delete(remove::<R>))
        .merge(super::tags::routes::<R>())
}

/// A change of a whole collection is looked up as one of nothing.
async fn unnamed<R: Resource>(_request: Request) -> Refusal {
    R::missing("None")
}

async fn show<R: Resource>(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Refusal> {
    let mut state = world.network();
    R::before(&mut state, &Change::new(&world, &request));
    let object = find::<R>(&state, &request.caller, &id)?;
    let fields: Vec<&str> = query.all("fields").collect();
    let body = json!({R::KIND.one: render(&state, &request.caller, object, &fields)});
    Ok(axum::Json(body).into_response())
}

/// Refuses what the policy does not allow.
fn enforce<R: Resource>(
    state: &Network,
    caller: &Caller,
    item: &Map<String, Value>,
    action: &str,
    allowed: bool,
) -> Result<(), Refusal> {
    let create = action == "create";
    let denied = R::ATTRIBUTES.iter().filter(|it| it.is('E')).any(|attribute| {
        item.get(attribute.name).is_some_and(|value| {
            let asked = !create || !attribute::is_default(attribute, value);
            asked && !R::may_set(state, caller, attribute, item, create)
        })
    });
    if allowed && !denied {
        return Ok(());
    }
    let action = format!("{action}_{}", R::KIND.one);
    Err(Refusal::policy(&attribute::rule(&action, R::ATTRIBUTES, item, create)))
}

async fn create<R: Resource>(
    State(world): State<SharedWorld>,
    request: Request,
    body: Bytes,
) -> Result<Response, Refusal> {
    let caller = &request.caller;
    let wanted = attribute::prepare(&body, R::KIND, R::ATTRIBUTES, true, caller)?;
    let mut change = Change::new(&world, &request);
    let shown = {
        let mut state = world.network();
        R::before(&mut state, &change);
        create_all::<R>(&mut state, &mut change, wanted)?
    };
    change.finish();
    Ok((StatusCode::CREATED, axum::Json(shown)).into_response())
}

/// Creates all or none.
fn create_all<R: Resource>(
    state: &mut Network,
    change: &mut Change<'_>,
    wanted: Wanted,
) -> Result<Value, Refusal> {
    let caller = change.caller();
    R::together(&wanted.items)?;
    for item in &wanted.items {
        let allowed = R::may_create(state, caller, item);
        enforce::<R>(state, caller, item, "create", allowed)?;
        if let Some(quota) = R::QUOTA {
            let project = item.get("project_id").and_then(Value::as_str).unwrap_or_default();
            if super::quotas::exceeds(state, quota, project, wanted.items.len()) {
                return Err(Refusal::over_quota(quota));
            }
        }
    }
    if !wanted.bulk {
        let item = wanted.items.into_iter().next().unwrap_or_default();
        let id = R::create(state, change, item)?;
        let shown = shown::<R>(state, change, &id, "create");
        return Ok(json!({R::KIND.one: shown}));
    }
    let parents = parents(state, &wanted.items);
    let mut all = Vec::new();
    let mut made: Vec<String> = Vec::new();
    for item in wanted.items {
        match R::create(state, change, item) {
            Ok(id) => {
                all.push(shown::<R>(state, change, &id, "create"));
                made.push(id);
            }
            Err(refusal) => {
                for id in made.iter().rev() {
                    R::undo(state, change, id);
                }
                restore(state, parents);
                return Err(refusal);
            }
        }
    }
    Ok(json!({R::KIND.many: all}))
}

/// What the creation of several resources changes beside them: their networks and groups.
fn parents(state: &Network, items: &[Map<String, Value>]) -> Vec<Standard> {
    let named = items.iter().flat_map(|item| {
        let network = state.networks.get(&text(item, "network_id")).map(|it| &it.standard);
        let group = state.security_groups.get(&text(item, "security_group_id"));
        network.into_iter().chain(group.map(|it| &it.standard))
    });
    named.cloned().collect()
}

fn restore(state: &mut Network, parents: Vec<Standard>) {
    for standard in parents {
        if let Some(net) = state.networks.get_mut(&standard.id) {
            net.standard = standard;
        } else if let Some(group) = state.security_groups.get_mut(&standard.id) {
            group.standard = standard;
        }
    }
}

/// The object as the answer and the notification of a change show it.
fn shown<R: Resource>(state: &Network, change: &mut Change<'_>, id: &str, action: &str) -> Value {
    let Some(object) = R::all(state).get(id) else { return Value::Null };
    let mut shown = render(state, change.caller(), object, &[]);
    if let Some(fields) = shown.as_object_mut() {
        let more = R::ON_CREATION.iter().filter(|_| action == "create");
        fields.extend(
            more.map(|name| ((*name).to_owned(), value(state, change.caller(), object, name))),
        );
    }
    let event = format!("{}.{action}.end", R::KIND.one);
    change.tell(event, json!({R::KIND.one: shown}));
    shown
}

/// The revision that a change insists on: `If-Match: revision_number=N`.
fn insisted(headers: &HeaderMap) -> Option<Result<u64, Refusal>> {
    let value = headers.get("if-match")?.to_str().ok()?;
    let number = value.strip_prefix("revision_number=")?;
    Some(number.parse().map_err(|_| {
        Refusal::bad("Bad If-Match request: Invalid value for revision_number.".to_owned())
    }))
}

fn check_revision<R: Resource>(object: &R, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(expected) = insisted(headers).transpose()? else { return Ok(()) };
    let current = object.standard().revision;
    if expected == current {
        return Ok(());
    }
    let text = format!("Constrained to {expected}, but current revision is {current}");
    Err(Refusal::new(StatusCode::PRECONDITION_FAILED, "RevisionNumberConstraintFailed", text))
}

async fn update<R: Resource>(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let caller = &request.caller;
    let wanted = attribute::prepare(&body, R::KIND, R::ATTRIBUTES, false, caller)?;
    let item = wanted.items.into_iter().next().unwrap_or_default();
    let mut change = Change::new(&world, &request);
    let shown = {
        let mut state = world.network();
        R::before(&mut state, &change);
        let object = find::<R>(&state, caller, &id)?;
        let own = owns(caller, &object.standard().project_id);
        let allowed = own || object.is_kept_by(&state, caller);
        let mut target = item.clone();
        if let network @ Value::String(_) = value(&state, caller, object, "network_id") {
            target.entry("network_id").or_insert(network);
        }
        enforce::<R>(&state, caller, &target, "update", allowed)?;
        check_revision(object, &headers)?;
        let before = (object.standard().clone(), content(&state, caller, object));
        let revision = before.0.revision;
        let late = !item.is_empty() && item.keys().all(|name| R::LATE.contains(&name.as_str()));
        R::update(&mut state, &mut change, &id, item)?;
        if !late {
            forget_nothing::<R>(&mut state, caller, &id, before);
        }
        let mut shown = shown::<R>(&state, &mut change, &id, "update");
        if let Some(fields) = shown.as_object_mut() {
            R::updated(fields);
            if late {
                fields.insert("revision_number".to_owned(), json!(revision));
            }
        }
        shown
    };
    change.finish();
    Ok(axum::Json(json!({R::KIND.one: shown})).into_response())
}

/// What an object says, its revision aside.
fn content<R: Resource>(state: &Network, caller: &Caller, object: &R) -> Value {
    let mut content = render(state, caller, object, &[]);
    if let Some(fields) = content.as_object_mut() {
        fields.remove("revision_number");
        fields.remove("updated_at");
    }
    content
}

/// A change that changed nothing makes no revision.
fn forget_nothing<R: Resource>(
    state: &mut Network,
    caller: &Caller,
    id: &str,
    (standard, before): (Standard, Value),
) {
    let same = R::all(state).get(id).is_some_and(|it| content(state, caller, it) == before);
    if let Some(now) = R::one(state, id).filter(|_| same) {
        *now = standard;
    }
}

async fn remove<R: Resource>(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let caller = &request.caller;
    let mut change = Change::new(&world, &request);
    {
        let mut state = world.network();
        R::before(&mut state, &change);
        let object = find::<R>(&state, caller, &id)
            .map_err(|refusal| R::all(&state).get(&id).map_or(refusal, R::undeletable))?;
        let own = owns(caller, &object.standard().project_id);
        let allowed = own || object.is_kept_by(&state, caller);
        enforce::<R>(&state, caller, &Map::new(), "delete", allowed)?;
        if !body.is_empty() {
            return Err(Refusal::bad("Request body is not supported in DELETE."));
        }
        check_revision(object, &headers)?;
        let shown = render(&state, caller, object, &[]);
        R::delete(&mut state, &mut change, &id)?;
        let one = R::KIND.one;
        let payload = json!({format!("{one}_id"): id, one: shown});
        change.tell(format!("{one}.delete.end"), payload);
    }
    change.finish();
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The text under a key of a body.
pub(crate) fn text(item: &Map<String, Value>, key: &str) -> String {
    item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The text under a key, if it is there and not null.
pub(crate) fn text_or_null(item: &Map<String, Value>, key: &str) -> Option<String> {
    item.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// The truth under a key.
pub(crate) fn truth(item: &Map<String, Value>, key: &str) -> bool {
    item.get(key).and_then(Value::as_bool).unwrap_or_default()
}

/// Takes over the attributes that every resource has.
pub(crate) fn rename(standard: &mut Standard, item: &Map<String, Value>) {
    if item.contains_key("name") {
        standard.name = text(item, "name");
    }
    if item.contains_key("description") {
        standard.description = text_or_null(item, "description");
    }
}
