//! Application credentials: secrets that act for a user on one project.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use lotse_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::MOUNT;
use super::caller::{Authenticated, Caller};
use super::model::{AppCredential, Document, Identity, Password, Project};
use super::policy::{self, Target};
use super::refusal::Refusal;
use super::resource::{given, links, listed, self_link};
use super::schema::{self, Kind, NULLABLE, Properties};
use crate::http::query::Query;
use crate::world::{SharedWorld, World};

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v3/users/{user}/application_credentials", get(list).post(create))
        .route("/v3/users/{user}/application_credentials/{id}", get(show).delete(remove))
        .route("/v3/users/{user}/access_rules", get(list_rules))
        .route("/v3/users/{user}/access_rules/{id}", get(show_rule).delete(remove_rule))
}

/// Whether the caller may do this with what is the user's own.
fn allow_own(caller: &Caller, action: &str, user: &str) -> Result<(), Refusal> {
    policy::allow(caller, action, Target::default().owned(caller.user() == user))
}

/// A credential may not make or unmake others, unless it is unrestricted.
fn refuse_restricted(identity: &Identity, caller: &Caller) -> Result<(), Refusal> {
    let own = caller.token.app_credential.as_ref();
    let own = own.and_then(|id| identity.application_credentials.get(id));
    if own.is_some_and(|own| own.unrestricted != Some(true)) {
        return Err(Refusal::forbidden_because(
            "Using method 'application_credential' is not allowed for managing additional \
             application credentials.",
        ));
    }
    Ok(())
}

async fn list(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(user): Path<String>,
    query: Query,
) -> Result<Response, Refusal> {
    allow_own(&caller, "list_application_credentials", &user)?;
    let identity = world.identity();
    let own = identity.application_credentials.values().filter(|found| found.user_id == user);
    let wanted = own.filter(|found| query.get("name").is_none_or(|name| found.name == name));
    let shown: Vec<Value> = wanted.map(|found| render(&world, &identity, found)).collect();
    let path = format!("users/{user}/application_credentials");
    let links = links(&world, &path, &query.text());
    Ok(axum::Json(json!({"application_credentials": shown, "links": links})).into_response())
}

async fn show(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((user, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    allow_own(&caller, "get_application_credential", &user)?;
    let identity = world.identity();
    let found = identity.application_credentials.get(&id).filter(|found| found.user_id == user);
    let found = found.ok_or_else(|| Refusal::not_found("Application Credential", &id))?;
    let shown = render(&world, &identity, found);
    Ok(axum::Json(json!({"application_credential": shown})).into_response())
}

async fn create(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(user): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let given = given(&headers, body, "application_credential").await?;
    allow_own(&caller, "create_application_credential", &user)?;
    schema::check_new(&given, PROPERTIES, &["name"])?;
    let text = |name: &str| given.get(name).and_then(Value::as_str).map(str::to_owned);
    let name = text("name").unwrap_or_default();
    let project = caller.project().ok_or_else(|| Refusal::missing("project_id"))?;
    let mut identity = world.identity();
    refuse_restricted(&identity, &caller)?;
    let taken = identity
        .application_credentials
        .values()
        .any(|found| found.user_id == user && found.name == name);
    if taken {
        let detail = format!("Duplicate entry found with name {name}");
        return Err(Refusal::conflict("application_credential", &detail));
    }
    let secret = text("secret").unwrap_or_else(|| world.ids.token());
    let given = Value::Object(given.clone());
    let access_rules = access_rules(&world, &mut identity, &given, &user)?;
    let credential = AppCredential {
        id: world.ids.hex(),
        name,
        secret: Password(secret.clone()),
        user_id: user,
        project_id: project.to_owned(),
        roles: roles(&identity, &given, &caller.token.roles)?,
        description: text("description"),
        unrestricted: given.get("unrestricted").and_then(Value::as_bool),
        expires_at: text("expires_at").map(|text| end(&text, world.now())).transpose()?,
        access_rules,
    };
    let mut shown = render(&world, &identity, &credential);
    shown["secret"] = json!(secret);
    identity.application_credentials.insert(credential.id.clone(), credential);
    let body = json!({"application_credential": shown});
    Ok((StatusCode::CREATED, axum::Json(body)).into_response())
}

const PROPERTIES: Properties = &[
    ("name", Kind::Name { most: 255 }),
    ("description", NULLABLE),
    ("secret", NULLABLE),
    ("expires_at", NULLABLE),
    ("roles", Kind::List),
    ("unrestricted", Kind::Flag),
    ("access_rules", Kind::List),
];

/// An end in the future.
pub(super) fn end(text: &str, now: Timestamp) -> Result<Timestamp, Refusal> {
    let zoned = if text.ends_with('Z') { text.to_owned() } else { format!("{text}Z") };
    let end: Timestamp = zoned.parse().map_err(|_| {
        Refusal::bad(
            "Timestamp not in expected format. The server could not comply with the request since \
             it is either malformed or otherwise incorrect. The client is assumed to be in error.",
        )
    })?;
    if end < now {
        return Err(Refusal::bad(
            "The 'expires_at' must not be before now. The server could not comply with the request \
             since it is either malformed or otherwise incorrect. The client is assumed to be in \
             error.",
        ));
    }
    Ok(end)
}

/// Where the access rules of all users are kept.
const RULES: &str = "access_rules";

/// Ids of the asked access rules: those that are there already, and new ones.
fn access_rules(
    world: &World,
    identity: &mut Identity,
    given: &Value,
    user: &str,
) -> Result<Vec<String>, Refusal> {
    let mut ids = Vec::new();
    for rule in given.get(RULES).and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| rule.get(name).and_then(Value::as_str);
        if let Some(id) = text("id") {
            let known = identity.document(RULES, id).ok_or_else(|| no_rule(id))?;
            ids.push(known.id.clone());
            continue;
        }
        let mut fields = Map::new();
        for name in ["path", "method", "service"] {
            let value = text(name).ok_or_else(|| Refusal::missing(name))?;
            fields.insert(name.to_owned(), json!(value));
        }
        fields.insert("user_id".to_owned(), json!(user));
        let known = identity.documents(RULES).find(|it| it.fields == fields);
        let id = known.map_or_else(|| world.ids.hex(), |it| it.id.clone());
        let all = identity.documents.entry(RULES.to_owned()).or_default();
        all.insert(id.clone(), Document { id: id.clone(), fields });
        ids.push(id);
    }
    Ok(ids)
}

fn no_rule(id: &str) -> Refusal {
    Refusal::not_found("Access Rule", id)
}

fn render_rule(world: &World, rule: &Document) -> Value {
    let user = rule.text("user_id").unwrap_or_default();
    json!({
        "id": rule.id,
        "path": rule.text("path"),
        "method": rule.text("method"),
        "service": rule.text("service"),
        "links": self_link(world, &format!("users/{user}/access_rules"), &rule.id),
    })
}

async fn list_rules(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(user): Path<String>,
    query: Query,
) -> Result<Response, Refusal> {
    allow_own(&caller, "list_access_rules", &user)?;
    let identity = world.identity();
    let own = identity.documents(RULES).filter(|rule| rule.text("user_id") == Some(&*user));
    let found = own.map(|rule| render_rule(&world, rule)).collect();
    let path = format!("users/{user}/access_rules");
    Ok(listed(&world, RULES, &path, &query, found))
}

async fn show_rule(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((user, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    allow_own(&caller, "get_access_rule", &user)?;
    let identity = world.identity();
    let rule = identity.document(RULES, &id).ok_or_else(|| no_rule(&id))?;
    Ok(axum::Json(json!({"access_rule": render_rule(&world, rule)})).into_response())
}

async fn remove_rule(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((user, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    allow_own(&caller, "delete_access_rule", &user)?;
    let mut identity = world.identity();
    if identity.document(RULES, &id).is_none() {
        return Err(no_rule(&id));
    }
    if identity.application_credentials.values().any(|it| it.access_rules.contains(&id)) {
        let text = "May not delete access rule in use";
        return Err(Refusal::forbidden_because(text));
    }
    if let Some(all) = identity.documents.get_mut(RULES) {
        all.remove(&id);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Names of the asked roles, all of which the caller must have; without asking, all of the caller's.
fn roles(identity: &Identity, given: &Value, own: &[String]) -> Result<Vec<String>, Refusal> {
    let owned: Vec<&str> =
        own.iter().filter_map(|id| identity.roles.get(id)).map(|role| role.name.as_str()).collect();
    let Some(asked) =
        given.get("roles").and_then(Value::as_array).filter(|asked| !asked.is_empty())
    else {
        return Ok(owned.into_iter().map(str::to_owned).collect());
    };
    let mut names = Vec::new();
    for role in asked {
        let by_id = role.get("id").and_then(Value::as_str).and_then(|id| identity.roles.get(id));
        let name = by_id
            .map(|role| role.name.as_str())
            .or_else(|| role.get("name").and_then(Value::as_str))
            .unwrap_or_default();
        if !owned.contains(&name) {
            return Err(Refusal::bad(
                "Invalid application credential: Cannot create an application credential with \
                 unassigned role",
            ));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

async fn remove(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((user, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    allow_own(&caller, "delete_application_credential", &user)?;
    let mut identity = world.identity();
    refuse_restricted(&identity, &caller)?;
    let owned = identity.application_credentials.get(&id).is_some_and(|it| it.user_id == user);
    if !owned {
        return Err(Refusal::not_found("Application Credential", &id));
    }
    identity.application_credentials.remove(&id);
    identity.tokens.retain(|_, token| token.app_credential.as_ref() != Some(&id));
    Ok(StatusCode::NO_CONTENT)
}

fn render(world: &World, identity: &Identity, credential: &AppCredential) -> Value {
    let roles: Vec<Value> = credential
        .roles
        .iter()
        .filter_map(|name| identity.role_named(name))
        .map(|role| {
            json!({
                "id": role.id,
                "name": role.name,
                "domain_id": null,
                "description": role.description,
                "options": role.options(),
            })
        })
        .collect();
    let project = identity.projects.get(&credential.project_id);
    let rules = credential.access_rules.iter().filter_map(|id| identity.document(RULES, id));
    let rules: Vec<Value> = rules.map(|rule| render_rule(world, rule)).collect();
    let mut shown = json!({
        "id": credential.id,
        "name": credential.name,
        "description": credential.description,
        "project_id": project.map(|project: &Project| &project.id),
        "roles": roles,
        // Without a zone, as it was put into the database.
        "expires_at": credential.expires_at.map(|end| format!("{end:.6}").replace('Z', "")),
        "unrestricted": credential.unrestricted,
        "system": null,
        "user_id": credential.user_id,
        // As in Keystone, although nothing answers there.
        "links": {"self": format!(
            "{}{MOUNT}/v3/application_credentials/{}",
            world.base, credential.id,
        )},
    });
    if !rules.is_empty() {
        let bare = rules.into_iter().map(|mut rule| {
            if let Some(fields) = rule.as_object_mut() {
                fields.remove("links");
            }
            rule
        });
        shown[RULES] = bare.collect();
    }
    shown
}
