//! Trusts: one user lets another act with some of the own roles on a project.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::caller::{Authenticated, Caller};
use super::credential::end;
use super::model::{Document, Identity, Scope};
use super::policy::{self, Target};
use super::refusal::Refusal;
use super::resource::{Resource, given, listed, self_link};
use super::schema::{self, Kind, NULLABLE, Properties};
use super::token::stamp;
use crate::http::query::Query;
use crate::world::{SharedWorld, World};

/// Where they are kept.
const KEPT: &str = "trusts";
const PATH: &str = "OS-TRUST/trusts";

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v3/OS-TRUST/trusts", get(list).post(create))
        .route("/v3/OS-TRUST/trusts/{id}", get(show).delete(remove))
        .route("/v3/OS-TRUST/trusts/{id}/roles", get(roles))
        .route("/v3/OS-TRUST/trusts/{id}/roles/{role}", get(role))
}

const USER: Kind = Kind::Text { null: false, least: 1, most: 64 };
const PROPERTIES: Properties = &[
    ("trustor_user_id", USER),
    ("trustee_user_id", USER),
    ("impersonation", Kind::Flag),
    ("project_id", Kind::Id { null: true }),
    ("remaining_uses", Kind::Integer { null: true, least: 1 }),
    ("expires_at", NULLABLE),
    ("redelegation_count", Kind::Integer { null: true, least: 0 }),
    ("roles", Kind::List),
];
const REQUIRED: &[&str] = &["trustor_user_id", "trustee_user_id", "impersonation"];

/// A trust with its roles in full, as it is shown alone.
fn render(world: &World, identity: &Identity, trust: &Document) -> Value {
    let mut shown = brief(world, trust);
    shown["roles"] = role_list(world, identity, trust);
    shown["roles_links"] = json!({
        "self": format!("{}{}/v3/{}/roles", world.base, super::MOUNT, trust.id),
        "next": null,
        "previous": null,
    });
    shown
}

fn brief(world: &World, trust: &Document) -> Value {
    let mut shown = trust.fields.clone();
    shown.remove("roles");
    shown.insert("id".to_owned(), json!(trust.id));
    shown.insert("links".to_owned(), self_link(world, PATH, &trust.id));
    Value::Object(shown)
}

fn role_ids(trust: &Document) -> impl Iterator<Item = &str> {
    let roles = trust.fields.get("roles").and_then(Value::as_array);
    roles.into_iter().flatten().filter_map(|role| role.get("id").and_then(Value::as_str))
}

fn role_list(world: &World, identity: &Identity, trust: &Document) -> Value {
    let found = role_ids(trust).filter_map(|id| identity.roles.get(id));
    found.map(|role| role.render(world)).collect()
}

fn find<'a>(
    identity: &'a Identity,
    caller: &Caller,
    id: &str,
    action: &str,
) -> Result<&'a Document, Refusal> {
    let found = identity.document(KEPT, id).ok_or_else(|| Refusal::not_found("trust", id))?;
    let is = |field: &str| found.text(field) == Some(caller.user());
    let own = is("trustor_user_id") || (is("trustee_user_id") && action != "delete_trust");
    policy::allow(caller, action, Target::default().owned(own))?;
    Ok(found)
}

async fn list(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<Response, Refusal> {
    let (trustor, trustee) = (query.get("trustor_user_id"), query.get("trustee_user_id"));
    let own = |user: &str| Target::default().owned(user == caller.user());
    match (trustor, trustee) {
        (Some(user), _) => policy::allow(&caller, "list_trusts_for_trustor", own(user))?,
        (None, Some(user)) => policy::allow(&caller, "list_trusts_for_trustee", own(user))?,
        (None, None) => policy::allow(&caller, "list_trusts", Target::default())?,
    }
    let identity = world.identity();
    let wanted = |it: &&Document| {
        trustor.is_none_or(|user| it.text("trustor_user_id") == Some(user))
            && (trustor.is_some()
                || trustee.is_none_or(|user| it.text("trustee_user_id") == Some(user)))
    };
    let found = identity.documents(KEPT).filter(wanted).map(|it| brief(&world, it)).collect();
    Ok(listed(&world, KEPT, PATH, &query, found))
}

async fn create(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let given = given(&headers, body, "trust").await?;
    let text = |name: &str| given.get(name).and_then(Value::as_str);
    let own = text("trustor_user_id") == Some(caller.user());
    policy::allow(&caller, "create_trust", Target::default().owned(own))?;
    schema::check_new(&given, PROPERTIES, REQUIRED)?;
    let asked = given.get("roles").and_then(Value::as_array).cloned().unwrap_or_default();
    if text("project_id").is_some() && asked.is_empty() {
        return Err(Refusal::forbidden_because("At least one role should be specified"));
    }
    let mut identity = world.identity();
    let trustee = text("trustee_user_id").unwrap_or_default();
    if !identity.users.contains_key(trustee) {
        return Err(Refusal::not_found("user", trustee));
    }
    let roles = delegated(&identity, caller.user(), text("project_id"), &asked)?;
    let until = text("expires_at").map(|text| end(text, world.now())).transpose()?;
    let mut fields: Map<String, Value> = given.clone();
    fields.remove("id");
    fields.insert("roles".to_owned(), json!(roles));
    fields.insert("expires_at".to_owned(), json!(until.map(stamp)));
    for (name, value) in [
        ("deleted_at", Value::Null),
        ("project_id", Value::Null),
        ("redelegation_count", json!(0)),
        ("remaining_uses", Value::Null),
    ] {
        fields.entry(name).or_insert(value);
    }
    let trust = Document { id: world.ids.hex(), fields };
    let shown = render(&world, &identity, &trust);
    let all = identity.documents.entry(KEPT.to_owned()).or_default();
    all.insert(trust.id.clone(), trust);
    Ok((StatusCode::CREATED, axum::Json(json!({"trust": shown}))).into_response())
}

/// The asked roles by id, all of which the trustor must have there.
fn delegated(
    identity: &Identity,
    trustor: &str,
    project: Option<&str>,
    asked: &[Value],
) -> Result<Vec<Value>, Refusal> {
    let scope = Scope::Project(project.unwrap_or_default().to_owned());
    let own = identity.roles_on(trustor, &scope);
    let mut roles = Vec::new();
    for role in asked {
        let text = |name: &str| role.get(name).and_then(Value::as_str);
        let id = match (text("id"), text("name")) {
            (Some(id), _) => id.to_owned(),
            (None, Some(name)) => {
                let found = identity.role_named(name);
                found.ok_or_else(|| Refusal::not_found("role", name))?.id.clone()
            }
            (None, None) => String::new(),
        };
        if !own.contains(&id) {
            return Err(Refusal::not_found("role", &id));
        }
        roles.push(json!({"id": id}));
    }
    Ok(roles)
}

async fn show(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let identity = world.identity();
    let found = find(&identity, &caller, &id, "get_trust")?;
    Ok(axum::Json(json!({"trust": render(&world, &identity, found)})).into_response())
}

async fn remove(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let mut identity = world.identity();
    find(&identity, &caller, &id, "delete_trust")?;
    if let Some(all) = identity.documents.get_mut(KEPT) {
        all.remove(&id);
    }
    identity.tokens.retain(|_, token| token.trust.as_ref() != Some(&id));
    Ok(StatusCode::NO_CONTENT)
}

async fn roles(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let identity = world.identity();
    let found = find(&identity, &caller, &id, "list_roles_for_trust")?;
    let shown = render(&world, &identity, found);
    let body = json!({"roles": shown["roles"], "links": shown["roles_links"]});
    Ok(axum::Json(body).into_response())
}

async fn role(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((id, role)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let identity = world.identity();
    let found = find(&identity, &caller, &id, "get_role_for_trust")?;
    let listed = role_ids(found).any(|id| id == role);
    let known = identity.roles.get(&role).filter(|_| listed);
    let known = known.ok_or_else(|| Refusal::not_found("role", &role))?;
    Ok(axum::Json(json!({"role": known.render(&world)})).into_response())
}
