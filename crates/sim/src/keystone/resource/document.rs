//! Collections of things that Keystone keeps as they were given: policies, consumers, groups of
//! endpoints.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::{given, listed, matches, self_link};
use crate::http::query::Query;
use crate::keystone::caller::Authenticated;
use crate::keystone::model::Document;
use crate::keystone::policy::{self, Target};
use crate::keystone::refusal::Refusal;
use crate::keystone::schema::{self, Kind, NULLABLE, Properties, TEXT};
use crate::world::{SharedWorld, World};

/// A collection.
#[derive(Debug)]
struct Collection {
    one: &'static str,
    many: &'static str,
    /// Where it is, below `/v3/`.
    path: &'static str,
    /// How messages name one of it.
    title: &'static str,
    properties: Properties,
    required: &'static [&'static str],
    filters: &'static [&'static str],
    /// What is shown when it is created and never again.
    secret: Option<&'static str>,
    /// What is there when it was not given.
    defaults: &'static [(&'static str, &'static str)],
}

const POLICIES: Collection = Collection {
    one: "policy",
    many: "policies",
    path: "policies",
    title: "policy",
    properties: &[("blob", TEXT), ("type", Kind::Text { null: false, least: 0, most: 255 })],
    required: &["blob", "type"],
    filters: &["type"],
    secret: None,
    defaults: &[],
};

const CONSUMERS: Collection = Collection {
    one: "consumer",
    many: "consumers",
    path: "OS-OAUTH1/consumers",
    title: "Consumer",
    properties: &[("description", NULLABLE)],
    required: &[],
    filters: &[],
    secret: Some("secret"),
    defaults: &[],
};

const ENDPOINT_GROUPS: Collection = Collection {
    one: "endpoint_group",
    many: "endpoint_groups",
    path: "OS-EP-FILTER/endpoint_groups",
    title: "Endpoint Group",
    properties: &[
        ("description", NULLABLE),
        ("filters", Kind::Object),
        ("name", Kind::Name { most: 255 }),
    ],
    required: &["name", "filters"],
    filters: &["name"],
    secret: None,
    defaults: &[("description", "")],
};

pub(super) fn routes() -> Router<SharedWorld> {
    Router::new()
        .merge(collection(&POLICIES))
        .merge(collection(&CONSUMERS))
        .merge(collection(&ENDPOINT_GROUPS))
}

fn collection(kind: &'static Collection) -> Router<SharedWorld> {
    let all = get(move |world, caller, query| async move { list(kind, world, caller, &query) })
        .post(move |world, caller, headers, body| create(kind, world, caller, headers, body));
    let one = get(move |world, caller, id| async move { show(kind, world, caller, id) })
        .patch(move |world, caller, id, headers, body| {
            update(kind, world, caller, id, headers, body)
        })
        .delete(move |world, caller, id| async move { remove(kind, world, caller, id) });
    Router::new()
        .route(&format!("/v3/{}", kind.path), all)
        .route(&format!("/v3/{}/{{id}}", kind.path), one)
}

impl Collection {
    fn render(&self, world: &World, document: &Document) -> Value {
        let mut shown = document.fields.clone();
        if let Some(secret) = self.secret {
            shown.remove(secret);
        }
        shown.insert("id".to_owned(), json!(document.id));
        shown.insert("links".to_owned(), self_link(world, self.path, &document.id));
        Value::Object(shown)
    }

    fn missing(&self, id: &str) -> Refusal {
        Refusal::not_found(self.title, id)
    }
}

fn list(
    kind: &'static Collection,
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    query: &Query,
) -> Result<Response, Refusal> {
    policy::allow(&caller, &format!("list_{}", kind.many), Target::default())?;
    let identity = world.identity();
    let shown = identity.documents(kind.many).map(|it| kind.render(&world, it));
    let found = shown.filter(|shown| matches(shown, query, kind.filters)).collect();
    Ok(listed(&world, kind.many, kind.path, query, found))
}

async fn create(
    kind: &'static Collection,
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let given = given(&headers, body, kind.one).await?;
    policy::allow(&caller, &format!("create_{}", kind.one), Target::default())?;
    schema::check_new(&given, kind.properties, kind.required)?;
    let mut fields: Map<String, Value> =
        kind.defaults.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    fields.extend(given.into_iter().filter(|(name, _)| name != "id" && name != "links"));
    let document = Document { id: world.ids.hex(), fields };
    let mut shown = kind.render(&world, &document);
    let mut document = document;
    if let Some(secret) = kind.secret {
        let value = json!(world.ids.hex());
        shown[secret] = value.clone();
        document.fields.insert(secret.to_owned(), value);
    }
    let mut identity = world.identity();
    let all = identity.documents.entry(kind.many.to_owned()).or_default();
    all.insert(document.id.clone(), document);
    Ok((StatusCode::CREATED, axum::Json(json!({kind.one: shown}))).into_response())
}

fn show(
    kind: &'static Collection,
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    policy::allow(&caller, &format!("get_{}", kind.one), Target::default())?;
    let identity = world.identity();
    let found = identity.document(kind.many, &id).ok_or_else(|| kind.missing(&id))?;
    Ok(axum::Json(json!({kind.one: kind.render(&world, found)})).into_response())
}

async fn update(
    kind: &'static Collection,
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let given = given(&headers, body, kind.one).await?;
    policy::allow(&caller, &format!("update_{}", kind.one), Target::default())?;
    schema::check_change(&given, kind.properties)?;
    let mut identity = world.identity();
    let all = identity.documents.entry(kind.many.to_owned()).or_default();
    let found = all.get_mut(&id).ok_or_else(|| kind.missing(&id))?;
    found.fields.extend(given.into_iter().filter(|(name, _)| name != "id" && name != "links"));
    Ok(axum::Json(json!({kind.one: kind.render(&world, found)})).into_response())
}

fn remove(
    kind: &'static Collection,
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    policy::allow(&caller, &format!("delete_{}", kind.one), Target::default())?;
    let mut identity = world.identity();
    let all = identity.documents.entry(kind.many.to_owned()).or_default();
    all.remove(&id).ok_or_else(|| kind.missing(&id))?;
    Ok(StatusCode::NO_CONTENT)
}
