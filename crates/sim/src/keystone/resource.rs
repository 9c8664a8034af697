//! The uniform collections of Keystone: domains, projects, users, roles, regions, and the read-only
//! services and endpoints.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::caller::{Authenticated, Caller};
use super::model::{Domain, Identity, Password, Project, Region, Role, Scope, User};
use super::policy;
use super::refusal::Refusal;
use super::token::{REGION, endpoint_id, json_body};
use crate::http::query::Query;
use crate::ids::named;
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

    /// Refuses to be deleted, or removes what depends on it.
    fn before_delete(&self, _identity: &mut Identity) -> Result<(), Refusal> {
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
        .route("/v3/services", get(services))
        .route("/v3/endpoints", get(endpoints))
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
    Ok(axum::Json(json!({R::ONE: shown})).into_response())
}

async fn remove<R: Resource>(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    policy::change(&caller, &format!("delete_{}", R::ONE))?;
    let mut identity = world.identity();
    let one =
        R::store_mut(&mut identity).remove(&id).ok_or_else(|| Refusal::not_found(R::ONE, &id))?;
    if let Err(refusal) = one.before_delete(&mut identity) {
        R::store_mut(&mut identity).insert(id, one);
        return Err(refusal);
    }
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

/// Removes all that was given to a user or on a project or domain.
fn unassign(identity: &mut Identity, user: Option<&str>, on: Option<&Scope>) {
    identity.assignments.retain(|given| {
        user.is_none_or(|user| given.user != user) && on.is_none_or(|on| given.on != *on)
    });
    identity.tokens.retain(|_, token| {
        user.is_none_or(|user| token.user_id != user) && on.is_none_or(|on| token.scope != *on)
    });
}

impl Resource for Domain {
    const ONE: &'static str = "domain";
    const MANY: &'static str = "domains";

    fn store(identity: &Identity) -> &BTreeMap<String, Self> {
        &identity.domains
    }

    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self> {
        &mut identity.domains
    }

    fn render(&self, world: &World) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "enabled": self.enabled,
            "tags": [],
            "options": {},
            "links": self_link(world, Self::MANY, &self.id),
        })
    }

    fn create(id: String, given: &Map<String, Value>, _: &Identity) -> Result<Self, Refusal> {
        Ok(Self {
            id,
            name: name(given)?,
            description: text(given, "description").unwrap_or_default(),
            enabled: enabled(given).unwrap_or(true),
        })
    }

    fn change(&mut self, given: &Map<String, Value>) {
        self.name = text(given, "name").unwrap_or_else(|| self.name.clone());
        self.description = text(given, "description").unwrap_or_else(|| self.description.clone());
        self.enabled = enabled(given).unwrap_or(self.enabled);
    }

    fn unique(&self) -> String {
        self.name.clone()
    }

    fn before_delete(&self, identity: &mut Identity) -> Result<(), Refusal> {
        if self.enabled {
            let text = "Cannot delete a domain that is enabled, please disable it first.";
            return Err(Refusal::new(StatusCode::FORBIDDEN, text));
        }
        identity.projects.retain(|_, project| project.domain_id != self.id);
        identity.users.retain(|_, user| user.domain_id != self.id);
        unassign(identity, None, Some(&Scope::Domain(self.id.clone())));
        Ok(())
    }
}

impl Resource for Project {
    const ONE: &'static str = "project";
    const MANY: &'static str = "projects";

    fn store(identity: &Identity) -> &BTreeMap<String, Self> {
        &identity.projects
    }

    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self> {
        &mut identity.projects
    }

    fn render(&self, world: &World) -> Value {
        let mut shown = json!({
            "id": self.id,
            "name": self.name,
            "domain_id": self.domain_id,
            "description": self.description,
            "enabled": self.enabled,
            "parent_id": self.parent_id.as_ref().unwrap_or(&self.domain_id),
            "is_domain": false,
            "tags": self.tags,
            "options": {},
        });
        if let Value::Object(fields) = &mut shown {
            fields.extend(self.extra.clone());
            fields.insert("links".to_owned(), self_link(world, Self::MANY, &self.id));
        }
        shown
    }

    fn create(
        id: String,
        given: &Map<String, Value>,
        identity: &Identity,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            id,
            name: name(given)?,
            domain_id: domain_of(given, identity)?,
            description: text(given, "description").unwrap_or_default(),
            enabled: enabled(given).unwrap_or(true),
            parent_id: text(given, "parent_id"),
            tags: tags(given).unwrap_or_default(),
            extra: extra(given, PROJECT_FIELDS),
        })
    }

    fn change(&mut self, given: &Map<String, Value>) {
        self.name = text(given, "name").unwrap_or_else(|| self.name.clone());
        self.description = text(given, "description").unwrap_or_else(|| self.description.clone());
        self.enabled = enabled(given).unwrap_or(self.enabled);
        self.tags = tags(given).unwrap_or_else(|| self.tags.clone());
        self.extra.extend(extra(given, PROJECT_FIELDS));
    }

    fn unique(&self) -> String {
        format!("{}/{}", self.domain_id, self.name)
    }

    fn extra(&self) -> Option<&Map<String, Value>> {
        Some(&self.extra)
    }

    fn is_own(id: &str, caller: &Caller) -> bool {
        caller.project() == Some(id)
    }

    fn before_delete(&self, identity: &mut Identity) -> Result<(), Refusal> {
        unassign(identity, None, Some(&Scope::Project(self.id.clone())));
        identity.application_credentials.retain(|_, found| found.project_id != self.id);
        Ok(())
    }
}

const PROJECT_FIELDS: &[&str] = &[
    "id",
    "name",
    "domain_id",
    "description",
    "enabled",
    "parent_id",
    "is_domain",
    "tags",
    "options",
    "links",
];

fn tags(given: &Map<String, Value>) -> Option<Vec<String>> {
    let tags = given.get("tags")?.as_array()?;
    Some(tags.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

impl Resource for User {
    const ONE: &'static str = "user";
    const MANY: &'static str = "users";

    fn store(identity: &Identity) -> &BTreeMap<String, Self> {
        &identity.users
    }

    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self> {
        &mut identity.users
    }

    fn render(&self, world: &World) -> Value {
        let mut shown = json!({
            "id": self.id,
            "name": self.name,
            "domain_id": self.domain_id,
            "enabled": self.enabled,
            "password_expires_at": null,
            "options": {},
        });
        if let Value::Object(fields) = &mut shown {
            if let Some(project) = &self.default_project_id {
                fields.insert("default_project_id".to_owned(), json!(project));
            }
            fields.extend(self.extra.clone());
            fields.insert("links".to_owned(), self_link(world, Self::MANY, &self.id));
        }
        shown
    }

    fn create(
        id: String,
        given: &Map<String, Value>,
        identity: &Identity,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            id,
            name: name(given)?,
            domain_id: domain_of(given, identity)?,
            password: Password(text(given, "password").unwrap_or_default()),
            enabled: enabled(given).unwrap_or(true),
            default_project_id: text(given, "default_project_id"),
            extra: extra(given, USER_FIELDS),
        })
    }

    fn change(&mut self, given: &Map<String, Value>) {
        self.name = text(given, "name").unwrap_or_else(|| self.name.clone());
        self.enabled = enabled(given).unwrap_or(self.enabled);
        if let Some(password) = text(given, "password") {
            self.password = Password(password);
        }
        if let Some(project) = text(given, "default_project_id") {
            self.default_project_id = Some(project);
        }
        self.extra.extend(extra(given, USER_FIELDS));
    }

    fn unique(&self) -> String {
        format!("{}/{}", self.domain_id, self.name)
    }

    fn extra(&self) -> Option<&Map<String, Value>> {
        Some(&self.extra)
    }

    fn is_own(id: &str, caller: &Caller) -> bool {
        caller.user() == id
    }

    fn before_delete(&self, identity: &mut Identity) -> Result<(), Refusal> {
        unassign(identity, Some(&self.id), None);
        identity.application_credentials.retain(|_, found| found.user_id != self.id);
        Ok(())
    }
}

const USER_FIELDS: &[&str] = &[
    "id",
    "name",
    "domain_id",
    "password",
    "enabled",
    "default_project_id",
    "options",
    "links",
    "password_expires_at",
    "original_password",
];

impl Resource for Role {
    const ONE: &'static str = "role";
    const MANY: &'static str = "roles";

    fn store(identity: &Identity) -> &BTreeMap<String, Self> {
        &identity.roles
    }

    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self> {
        &mut identity.roles
    }

    fn render(&self, world: &World) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "domain_id": null,
            "description": self.description,
            "options": self.options(),
            "links": self_link(world, Self::MANY, &self.id),
        })
    }

    fn create(id: String, given: &Map<String, Value>, _: &Identity) -> Result<Self, Refusal> {
        let description = text(given, "description");
        let (implies, immutable) = (Vec::new(), false);
        Ok(Self { id, name: name(given)?, description, implies, immutable })
    }

    fn change(&mut self, given: &Map<String, Value>) {
        self.name = text(given, "name").unwrap_or_else(|| self.name.clone());
        self.description = text(given, "description").or_else(|| self.description.take());
    }

    fn unique(&self) -> String {
        self.name.clone()
    }

    fn before_delete(&self, identity: &mut Identity) -> Result<(), Refusal> {
        identity.assignments.retain(|given| given.role != self.id);
        Ok(())
    }
}

impl Resource for Region {
    const ONE: &'static str = "region";
    const MANY: &'static str = "regions";
    const OPEN: bool = true;

    fn store(identity: &Identity) -> &BTreeMap<String, Self> {
        &identity.regions
    }

    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self> {
        &mut identity.regions
    }

    fn render(&self, world: &World) -> Value {
        json!({
            "id": self.id,
            "description": self.description,
            "parent_region_id": self.parent_region_id,
            "links": self_link(world, Self::MANY, &self.id),
        })
    }

    fn create(id: String, given: &Map<String, Value>, _: &Identity) -> Result<Self, Refusal> {
        let description = text(given, "description").unwrap_or_default();
        Ok(Self { id, description, parent_region_id: text(given, "parent_region_id") })
    }

    fn change(&mut self, given: &Map<String, Value>) {
        self.description = text(given, "description").unwrap_or_else(|| self.description.clone());
    }

    fn unique(&self) -> String {
        self.id.clone()
    }
}

async fn services(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<Response, Refusal> {
    policy::look(&caller, "list_services")?;
    let shown = world.catalog.iter().map(|entry| {
        let id = named("service", entry.kind);
        json!({
            "name": entry.name,
            "id": id,
            "type": entry.kind,
            "enabled": true,
            "links": self_link(&world, "services", &id),
        })
    });
    let shown: Vec<Value> = shown.filter(|shown| matches(shown, &query)).collect();
    Ok(axum::Json(json!({"services": shown, "links": links(&world, "services", &query.text())}))
        .into_response())
}

async fn endpoints(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<Response, Refusal> {
    policy::look(&caller, "list_endpoints")?;
    let shown = world.catalog.iter().flat_map(|entry| {
        ["admin", "internal", "public"].map(|interface| {
            let id = endpoint_id(entry.kind, interface);
            json!({
                "id": id,
                "interface": interface,
                "region_id": REGION,
                "service_id": named("service", entry.kind),
                "url": format!("{}{}", world.base, entry.path),
                "enabled": true,
                "region": REGION,
                "links": self_link(&world, "endpoints", &id),
            })
        })
    });
    let shown: Vec<Value> = shown.filter(|shown| matches(shown, &query)).collect();
    Ok(axum::Json(json!({"endpoints": shown, "links": links(&world, "endpoints", &query.text())}))
        .into_response())
}
