//! Credentials that Keystone keeps for other systems, keys of EC2 among them.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::caller::{Authenticated, Caller};
use super::model::{Document, Identity};
use super::policy::{self, Target};
use super::refusal::Refusal;
use super::resource::{given, listed, matches, self_link};
use super::schema::{self, Properties, TEXT};
use super::token::json_body;
use crate::http::query::Query;
use crate::world::{SharedWorld, World};

/// Where they are kept.
const KEPT: &str = "credentials";

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v3/credentials", get(list).post(create))
        .route("/v3/credentials/{id}", get(show).patch(update).delete(remove))
        .route("/v3/users/{user}/credentials/OS-EC2", get(ec2_list).post(ec2_create))
        .route("/v3/users/{user}/credentials/OS-EC2/{access}", get(ec2_show).delete(ec2_remove))
}

const PROPERTIES: Properties =
    &[("blob", TEXT), ("project_id", TEXT), ("type", TEXT), ("user_id", TEXT)];

fn is_own(credential: &Document, caller: &Caller) -> bool {
    credential.text("user_id") == Some(caller.user())
}

fn render(world: &World, credential: &Document) -> Value {
    let mut shown = credential.fields.clone();
    shown.insert("id".to_owned(), json!(credential.id));
    shown.insert("links".to_owned(), self_link(world, KEPT, &credential.id));
    Value::Object(shown)
}

fn find<'a>(
    identity: &'a Identity,
    caller: &Caller,
    id: &str,
    action: &str,
) -> Result<&'a Document, Refusal> {
    let found = identity.document(KEPT, id);
    let own = found.is_some_and(|found| is_own(found, caller));
    policy::allow(caller, action, Target::default().owned(own))?;
    found.ok_or_else(|| Refusal::not_found("credential", id))
}

async fn list(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<Response, Refusal> {
    policy::allow(&caller, "list_credentials", Target::default().owned(true))?;
    let identity = world.identity();
    let visible = |it: &&Document| {
        let target = Target::default().owned(is_own(it, &caller));
        policy::allow(&caller, "get_credential", target).is_ok()
    };
    let shown = identity.documents(KEPT).filter(visible).map(|it| render(&world, it));
    let found = shown.filter(|it| matches(it, &query, &["user_id", "type"])).collect();
    Ok(listed(&world, KEPT, KEPT, &query, found))
}

/// An access key of EC2 is found by its digest.
fn ec2_id(access: &str) -> String {
    hex::encode(Sha256::digest(access))
}

async fn create(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let mut given = given(&headers, body, "credential").await?;
    let text = |given: &Map<String, Value>, name: &str| {
        given.get(name).and_then(Value::as_str).map(str::to_owned)
    };
    let own = text(&given, "user_id").as_deref() == Some(caller.user());
    policy::allow(&caller, "create_credential", Target::default().owned(own))?;
    schema::check_new(&given, PROPERTIES, &["blob", "type", "user_id"])?;
    let id = if text(&given, "type").as_deref() == Some("ec2") {
        if !given.contains_key("project_id") {
            return Err(Refusal::missing("project_id"));
        }
        let blob = text(&given, "blob").unwrap_or_default();
        let blob: Value =
            serde_json::from_str(&blob).map_err(|_| Refusal::bad("Invalid blob in credential"))?;
        let access = blob.get("access").and_then(Value::as_str);
        ec2_id(access.ok_or_else(|| Refusal::malformed("access", "credential"))?)
    } else {
        world.ids.hex()
    };
    given.entry("project_id").or_insert(Value::Null);
    let credential = Document { id: id.clone(), fields: given };
    let shown = render(&world, &credential);
    let mut identity = world.identity();
    let all = identity.documents.entry(KEPT.to_owned()).or_default();
    if all.contains_key(&id) {
        return Err(Refusal::conflict(
            "credential",
            &format!("Duplicate entry found with ID {id}"),
        ));
    }
    all.insert(id, credential);
    Ok((StatusCode::CREATED, axum::Json(json!({"credential": shown}))).into_response())
}

async fn show(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let identity = world.identity();
    let found = find(&identity, &caller, &id, "get_credential")?;
    Ok(axum::Json(json!({"credential": render(&world, found)})).into_response())
}

async fn update(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let given = given(&headers, body, "credential").await?;
    let mut identity = world.identity();
    find(&identity, &caller, &id, "update_credential")?;
    schema::check_new(&given, &[("blob", TEXT)], &["blob"])?;
    // As with the security updates of 2026: nothing but the blob may change.
    if let Some(name) = given.keys().find(|name| *name != "blob") {
        let text = format!("Additional properties are not allowed ('{name}' was unexpected)");
        return Err(Refusal::bad(text));
    }
    let all = identity.documents.entry(KEPT.to_owned()).or_default();
    let found = all.get_mut(&id).ok_or_else(|| Refusal::not_found("credential", &id))?;
    found.fields.extend(given.into_iter().filter(|(name, _)| name == "blob"));
    Ok(axum::Json(json!({"credential": render(&world, found)})).into_response())
}

async fn remove(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let mut identity = world.identity();
    find(&identity, &caller, &id, "delete_credential")?;
    if let Some(all) = identity.documents.get_mut(KEPT) {
        all.remove(&id);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A key of EC2 in the form of its own API.
fn ec2(world: &World, credential: &Document) -> Value {
    let blob = credential.text("blob").unwrap_or_default();
    let blob: Value = serde_json::from_str(blob).unwrap_or_default();
    let access = blob["access"].as_str().unwrap_or_default();
    let user = credential.text("user_id").unwrap_or_default();
    json!({
        "user_id": user,
        "tenant_id": credential.text("project_id"),
        "access": access,
        "secret": blob["secret"],
        "trust_id": blob["trust_id"],
        "links": self_link(world, &format!("users/{user}/credentials/OS-EC2"), access),
    })
}

fn allow_ec2(caller: &Caller, verb: &str, user: &str) -> Result<(), Refusal> {
    let target = Target::default().owned(caller.user() == user);
    policy::allow(caller, &format!("ec2_{verb}"), target)
}

async fn ec2_list(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(user): Path<String>,
    query: Query,
) -> Result<Response, Refusal> {
    allow_ec2(&caller, "list_credentials", &user)?;
    let identity = world.identity();
    let own = identity
        .documents(KEPT)
        .filter(|it| it.text("type") == Some("ec2") && it.text("user_id") == Some(user.as_str()));
    let found = own.map(|it| ec2(&world, it)).collect();
    let path = format!("users/{user}/credentials/OS-EC2");
    Ok(listed(&world, KEPT, &path, &query, found))
}

async fn ec2_create(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(user): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let body = json_body(&headers, body).await?;
    allow_ec2(&caller, "create_credential", &user)?;
    let mut identity = world.identity();
    if !identity.users.contains_key(&user) {
        return Err(Refusal::not_found("user", &user));
    }
    let project = body.get("tenant_id").and_then(Value::as_str).unwrap_or_default();
    if !identity.projects.contains_key(project) {
        return Err(Refusal::not_found("project", project));
    }
    let (access, secret) = (world.ids.hex(), world.ids.hex());
    let blob = json!({"access": access, "secret": secret, "trust_id": null}).to_string();
    let fields =
        [("user_id", user.as_str()), ("project_id", project), ("blob", &blob), ("type", "ec2")];
    let fields = fields.map(|(name, value)| (name.to_owned(), json!(value)));
    let credential = Document { id: ec2_id(&access), fields: fields.into_iter().collect() };
    let shown = ec2(&world, &credential);
    let all = identity.documents.entry(KEPT.to_owned()).or_default();
    all.insert(credential.id.clone(), credential);
    Ok((StatusCode::CREATED, axum::Json(json!({"credential": shown}))).into_response())
}

async fn ec2_show(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((user, access)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let identity = world.identity();
    let id = ec2_id(&access);
    allow_ec2(&caller, "get_credential", &user)?;
    let found =
        identity.document(KEPT, &id).ok_or_else(|| Refusal::not_found("credential", &id))?;
    Ok(axum::Json(json!({"credential": ec2(&world, found)})).into_response())
}

async fn ec2_remove(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((user, access)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    allow_ec2(&caller, "delete_credential", &user)?;
    let id = ec2_id(&access);
    let mut identity = world.identity();
    let all = identity.documents.entry(KEPT.to_owned()).or_default();
    all.remove(&id).ok_or_else(|| Refusal::not_found("credential", &id))?;
    Ok(StatusCode::NO_CONTENT)
}
