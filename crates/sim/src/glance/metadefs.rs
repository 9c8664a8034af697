//! Metadata definitions in outline: namespaces with their objects, properties, tags and resource
//! types, kept as they are given.

mod parts;

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::parts::{
    clear_parts, create_part, create_tag, list_parts, remove_part, show_part, update_part,
};
use super::access::Authenticated;
use super::images::json_object;
use super::list::limit;
use super::model::second;
use super::refusal::Refusal;
use crate::http::query::Query;
use crate::keystone::caller::Caller;
use crate::world::{SharedWorld, World};

/// The kinds of resources that metadata can be for.
const RESOURCE_TYPES: &[&str] = &[
    "OS::Glance::Image",
    "OS::Cinder::Volume",
    "OS::Nova::Server",
    "OS::Nova::Aggregate",
    "OS::Nova::Flavor",
    "OS::Trove::Instance",
];

/// A namespace.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Namespace {
    pub(crate) owner: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    /// `display_name`, `description`, `visibility`, `protected`, as given.
    pub(crate) fields: Map<String, Value>,
    /// Objects, properties, tags and resource types, by kind and name.
    #[serde(default)]
    pub(crate) parts: BTreeMap<String, BTreeMap<String, Part>>,
}

/// Something in a namespace.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) fields: Map<String, Value>,
}

pub(crate) fn routes() -> Router<SharedWorld> {
    const NAMESPACE: &str = "/v2/metadefs/namespaces/{namespace}";
    Router::new()
        .route("/v2/metadefs/resource_types", get(resource_types))
        .route("/v2/metadefs/namespaces", get(list).post(create))
        .route(NAMESPACE, get(show).put(update).delete(remove))
        .route(
            &format!("{NAMESPACE}/{{kind}}"),
            get(list_parts).post(create_part).delete(clear_parts),
        )
        .route(
            &format!("{NAMESPACE}/{{kind}}/{{name}}"),
            get(show_part).put(update_part).delete(remove_part).post(create_tag),
        )
}

fn missing(name: &str) -> Refusal {
    Refusal::not_found(format!("Metadata definition namespace={name} was not found."))
}

impl Namespace {
    fn is(&self, name: &str, value: &str) -> bool {
        self.fields.get(name).and_then(Value::as_str) == Some(value)
    }

    fn visible(&self, caller: &Caller) -> bool {
        caller.is_admin()
            || self.is("visibility", "public")
            || self.owner.as_deref() == caller.project()
    }

    fn render(&self, name: &str) -> Value {
        let mut shown = Map::from_iter([("namespace".to_owned(), json!(name))]);
        shown.extend(self.fields.clone());
        shown.entry("visibility").or_insert(json!("private"));
        shown.entry("protected").or_insert(json!(false));
        shown.insert("owner".to_owned(), json!(self.owner));
        shown.insert("created_at".to_owned(), json!(second(self.created_at)));
        shown.insert("updated_at".to_owned(), json!(second(self.updated_at)));
        let types: Vec<Value> = self
            .parts
            .get("resource_types")
            .into_iter()
            .flatten()
            .map(|(name, part)| stamped(name, part))
            .collect();
        if !types.is_empty() {
            shown.insert("resource_type_associations".to_owned(), json!(types));
        }
        shown.insert("self".to_owned(), json!(format!("/v2/metadefs/namespaces/{name}")));
        shown.insert("schema".to_owned(), json!("/v2/schemas/metadefs/namespace"));
        Value::Object(shown)
    }
}

/// A part with its times.
fn stamped(name: &str, part: &Part) -> Value {
    let mut shown = Map::from_iter([("name".to_owned(), json!(name))]);
    shown.extend(part.fields.clone());
    shown.insert("created_at".to_owned(), json!(second(part.created_at)));
    shown.insert("updated_at".to_owned(), json!(second(part.updated_at)));
    Value::Object(shown)
}

/// A part as its own address shows it.
fn render_part(namespace: &str, kind: &str, name: &str, part: &Part) -> Value {
    match kind {
        "properties" => {
            let mut shown = Map::from_iter([("name".to_owned(), json!(name))]);
            shown.extend(part.fields.clone());
            Value::Object(shown)
        }
        "objects" => {
            let mut shown = stamped(name, part);
            let place = format!("/v2/metadefs/namespaces/{namespace}/objects/{name}");
            shown["self"] = json!(place);
            shown["schema"] = json!("/v2/schemas/metadefs/object");
            shown
        }
        _ => stamped(name, part),
    }
}

async fn resource_types(State(world): State<SharedWorld>, _: Authenticated) -> Response {
    let since = second(world.now());
    let all = RESOURCE_TYPES.iter().map(|name| json!({"name": name, "created_at": since}));
    axum::Json(json!({"resource_types": all.collect::<Value>()})).into_response()
}

async fn list(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<Response, Refusal> {
    let limit = limit(&query)?;
    let images = world.images();
    let after = query.get("marker");
    let visible = images
        .namespaces
        .iter()
        .filter(|(name, it)| it.visible(&caller) && after.is_none_or(|mark| name.as_str() > mark));
    let page: Vec<(&String, &Namespace)> = visible.take(limit).collect();
    let shown: Vec<Value> = page.iter().map(|(name, it)| it.render(name)).collect();
    let mut body = json!({
        "namespaces": shown,
        "first": "/v2/metadefs/namespaces",
        "schema": "/v2/schemas/metadefs/namespaces",
    });
    if let Some((name, _)) = page.last().filter(|_| page.len() == limit) {
        body["next"] = json!(format!("/v2/metadefs/namespaces?limit={limit}&marker={name}"));
    }
    Ok(axum::Json(body).into_response())
}

/// Metadata definitions are changed by administrators only.
fn may_change(caller: &Caller, action: &str) -> Result<(), Refusal> {
    if caller.is_admin() { Ok(()) } else { Err(Refusal::policy(action)) }
}

fn schema_problem(schema: &str, problem: &str) -> Refusal {
    Refusal::bad(format!("Provided object does not match schema '{schema}': {problem}"))
}

/// The name in an object, which must be there.
fn name_in(given: &Map<String, Value>, key: &str, schema: &str) -> Result<String, Refusal> {
    let name = given.get(key).and_then(Value::as_str);
    let name =
        name.ok_or_else(|| schema_problem(schema, &format!("'{key}' is a required property")))?;
    Ok(name.to_owned())
}

/// What Glance sets itself or keeps elsewhere.
const APART: &[&str] = &[
    "namespace",
    "owner",
    "created_at",
    "updated_at",
    "self",
    "schema",
    "resource_type_associations",
    "objects",
    "properties",
    "tags",
];

fn own_fields(given: Map<String, Value>) -> Map<String, Value> {
    given.into_iter().filter(|(name, _)| !APART.contains(&name.as_str())).collect()
}

fn part(now: Timestamp, mut fields: Map<String, Value>) -> Part {
    fields.remove("name");
    Part { created_at: now, updated_at: now, fields }
}

async fn create(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    body: Body,
) -> Result<Response, Refusal> {
    let given = json_object(body).await?;
    may_change(&caller, "add_metadef_namespace")?;
    let name = name_in(&given, "namespace", "namespace")?;
    let now = world.now();
    let mut images = world.images();
    if images.namespaces.contains_key(&name) {
        return Err(Refusal::conflict(format!(
            "The metadata definition namespace={name} already exists."
        )));
    }
    let mut parts: BTreeMap<String, BTreeMap<String, Part>> = BTreeMap::new();
    for (key, kind) in
        [("resource_type_associations", "resource_types"), ("objects", "objects"), ("tags", "tags")]
    {
        for one in given.get(key).and_then(Value::as_array).into_iter().flatten() {
            if let (Some(name), Some(fields)) = (one["name"].as_str(), one.as_object()) {
                let of_kind = parts.entry(kind.to_owned()).or_default();
                of_kind.insert(name.to_owned(), part(now, fields.clone()));
            }
        }
    }
    for (name, fields) in given.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let fields = fields.as_object().cloned().unwrap_or_default();
        parts.entry("properties".to_owned()).or_default().insert(name.clone(), part(now, fields));
    }
    let namespace = Namespace {
        owner: caller.project().map(str::to_owned),
        created_at: now,
        updated_at: now,
        fields: own_fields(given),
        parts,
    };
    let shown = namespace.render(&name);
    images.namespaces.insert(name, namespace);
    Ok((StatusCode::CREATED, axum::Json(shown)).into_response())
}

/// A namespace that the caller may know of.
fn with_namespace<T>(
    world: &World,
    caller: &Caller,
    name: &str,
    work: impl FnOnce(&mut Namespace) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let mut images = world.images();
    let found = images.namespaces.get_mut(name).filter(|it| it.visible(caller));
    work(found.ok_or_else(|| missing(name))?)
}

async fn show(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    with_namespace(&world, &caller, &name, |it| Ok(axum::Json(it.render(&name)).into_response()))
}

async fn update(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, Refusal> {
    let given = json_object(body).await?;
    may_change(&caller, "modify_metadef_namespace")?;
    name_in(&given, "namespace", "namespace")?;
    let now = world.now();
    with_namespace(&world, &caller, &name, |it| {
        it.fields = own_fields(given);
        it.updated_at = now;
        Ok(axum::Json(it.render(&name)).into_response())
    })
}

async fn remove(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    may_change(&caller, "delete_metadef_namespace")?;
    with_namespace(&world, &caller, &name, |it| {
        if it.fields.get("protected") == Some(&Value::Bool(true)) {
            return Err(Refusal::forbidden(format!(
                "Metadata definition namespace {name} is protected and cannot be deleted."
            )));
        }
        Ok(())
    })?;
    world.images().namespaces.remove(&name);
    Ok(StatusCode::NO_CONTENT)
}

type OnPart = Path<(String, String, String)>;

/// The schema of one of the things or of a list of them, in outline.
pub(super) fn schema(name: &str) -> Option<Value> {
    let text = || json!({"type": "string"});
    let own = |name: &str, properties: &[&str], required: &str| {
        let properties: Map<String, Value> =
            properties.iter().map(|it| ((*it).to_owned(), text())).collect();
        json!({
            "name": name,
            "properties": properties,
            "additionalProperties": false,
            "required": [required],
        })
    };
    let times = ["created_at", "updated_at"];
    let with_times = |names: &[&'static str]| [names, &times].concat();
    let namespace = with_times(&[
        "namespace",
        "display_name",
        "description",
        "visibility",
        "protected",
        "owner",
        "schema",
        "self",
        "resource_type_associations",
        "properties",
        "objects",
        "tags",
    ]);
    let object = with_times(&["name", "description", "required", "properties", "schema", "self"]);
    let association = with_times(&["name", "prefix", "properties_target"]);
    let one = match name.trim_end_matches('s') {
        "namespace" => own("namespace", &namespace, "namespace"),
        "object" => own("object", &object, "name"),
        "property" | "propertie" => own(
            "property",
            &["name", "title", "description", "type", "operators", "required", "enum", "default"],
            "name",
        ),
        "tag" => own("tag", &with_times(&["name"]), "name"),
        "resource_type" => own("resource_type_association", &association, "name"),
        _ => return None,
    };
    Some(match name {
        "namespaces" | "objects" | "tags" => super::schema::list_of(name, &one),
        "properties" => json!({
            "name": "properties",
            "properties": {"properties": {"type": "object", "additionalProperties": one}},
        }),
        "resource_types" => super::schema::list_of("resource_type_associations", &one),
        _ => one,
    })
}
