//! Application credentials: secrets that act for a user on one project.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::caller::Authenticated;
use super::model::{AppCredential, Identity, Password, Project};
use super::refusal::Refusal;
use super::resource::links;
use super::token::json_body;
use super::{MOUNT, policy};
use crate::http::query::Query;
use crate::world::{SharedWorld, World};

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v3/users/{user}/application_credentials", get(list).post(create))
        .route("/v3/users/{user}/application_credentials/{id}", get(show).delete(remove))
}

async fn list(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(user): Path<String>,
    query: Query,
) -> Result<Response, Refusal> {
    policy::look_own(&caller, "list_application_credentials", user == caller.user())?;
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
    policy::look_own(&caller, "get_application_credential", user == caller.user())?;
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
    let body = json_body(&headers, body).await?;
    let given = body
        .get("application_credential")
        .ok_or_else(|| Refusal::missing("application_credential"))?;
    if user != caller.user() || caller.token.app_credential.is_some() {
        return Err(Refusal::forbidden("create_application_credential"));
    }
    let text = |name: &str| given.get(name).and_then(Value::as_str).map(str::to_owned);
    let name = text("name").ok_or_else(|| Refusal::missing("name"))?;
    let project = caller.project().ok_or_else(|| Refusal::missing("project_id"))?;
    let mut identity = world.identity();
    let taken = identity
        .application_credentials
        .values()
        .any(|found| found.user_id == user && found.name == name);
    if taken {
        let detail = format!("Duplicate entry found with name {name}");
        return Err(Refusal::conflict("application_credential", &detail));
    }
    let secret = text("secret").unwrap_or_else(|| world.ids.token());
    let credential = AppCredential {
        id: world.ids.hex(),
        name,
        secret: Password(secret.clone()),
        user_id: user,
        project_id: project.to_owned(),
        roles: roles(&identity, given, &caller.token.roles)?,
        description: text("description"),
        unrestricted: given.get("unrestricted").and_then(Value::as_bool),
        expires_at: text("expires_at").and_then(|text| {
            let text = if text.ends_with('Z') { text } else { format!("{text}Z") };
            text.parse().ok()
        }),
    };
    let mut shown = render(&world, &identity, &credential);
    shown["secret"] = json!(secret);
    identity.application_credentials.insert(credential.id.clone(), credential);
    let body = json!({"application_credential": shown});
    Ok((StatusCode::CREATED, axum::Json(body)).into_response())
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
    if user != caller.user() {
        policy::change(&caller, "delete_application_credential")?;
    }
    let mut identity = world.identity();
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
    json!({
        "id": credential.id,
        "name": credential.name,
        "description": credential.description,
        "project_id": project.map(|project: &Project| &project.id),
        "roles": roles,
        "expires_at": credential.expires_at.map(super::token::stamp),
        "unrestricted": credential.unrestricted,
        "system": null,
        "user_id": credential.user_id,
        // As in Keystone, although nothing answers there.
        "links": {"self": format!(
            "{}{MOUNT}/v3/application_credentials/{}",
            world.base, credential.id,
        )},
    })
}
