//! Roles given to users on projects, domains and the system.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use http::StatusCode;
use serde_json::{Value, json};

use super::caller::Authenticated;
use super::model::{Assignment, Identity, Scope};
use super::refusal::Refusal;
use super::resource::{Resource, links};
use super::{MOUNT, policy};
use crate::http::query::Query;
use crate::world::{SharedWorld, World};

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v3/role_assignments", get(list))
        .route("/v3/{place}/{target}/users/{user}/roles", get(roles_there))
        .route("/v3/{place}/{target}/users/{user}/roles/{role}", put(grant).delete(revoke))
        .route("/v3/system/users/{user}/roles", get(roles_on_system))
        .route("/v3/system/users/{user}/roles/{role}", put(grant_system).delete(revoke_system))
}

/// The scope that a path names.
fn place(identity: &Identity, place: &str, target: String) -> Result<Scope, Refusal> {
    match place {
        "projects" if identity.projects.contains_key(&target) => Ok(Scope::Project(target)),
        "domains" if identity.domains.contains_key(&target) => Ok(Scope::Domain(target)),
        "domains" => Err(Refusal::not_found("domain", &target)),
        _ => Err(Refusal::not_found("project", &target)),
    }
}

fn check(identity: &Identity, user: &str, role: &str) -> Result<(), Refusal> {
    if !identity.users.contains_key(user) {
        return Err(Refusal::not_found("user", user));
    }
    if !identity.roles.contains_key(role) {
        return Err(Refusal::not_found("role", role));
    }
    Ok(())
}

fn give(identity: &mut Identity, user: String, role: String, on: Scope) -> Result<(), Refusal> {
    check(identity, &user, &role)?;
    identity.assignments.insert(Assignment { user, role, on });
    Ok(())
}

fn take(identity: &mut Identity, user: String, role: String, on: Scope) -> Result<(), Refusal> {
    check(identity, &user, &role)?;
    let given = Assignment { user, role, on };
    if !identity.assignments.remove(&given) {
        let target = match &given.on {
            Scope::Project(id) | Scope::Domain(id) => id,
            Scope::System | Scope::Unscoped => "system",
        };
        let what = format!(
            "{}, user or group: {}, project, domain, or system: {target}",
            given.role, given.user,
        );
        return Err(Refusal::not_found("role assignment with role", &what));
    }
    identity.tokens.retain(|_, token| token.user_id != given.user || token.scope != given.on);
    Ok(())
}

type OnTarget = Path<(String, String, String, String)>;

async fn grant(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((kind, target, user, role)): OnTarget,
) -> Result<StatusCode, Refusal> {
    policy::change(&caller, "create_grant")?;
    let mut identity = world.identity();
    let on = place(&identity, &kind, target)?;
    give(&mut identity, user, role, on)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn revoke(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((kind, target, user, role)): OnTarget,
) -> Result<StatusCode, Refusal> {
    policy::change(&caller, "revoke_grant")?;
    let mut identity = world.identity();
    let on = place(&identity, &kind, target)?;
    take(&mut identity, user, role, on)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn grant_system(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((user, role)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    policy::change(&caller, "create_system_grant_for_user")?;
    give(&mut world.identity(), user, role, Scope::System)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn revoke_system(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((user, role)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    policy::change(&caller, "revoke_system_grant_for_user")?;
    take(&mut world.identity(), user, role, Scope::System)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn roles_there(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((kind, target, user)): Path<(String, String, String)>,
) -> Result<Response, Refusal> {
    policy::look(&caller, "list_grants")?;
    let identity = world.identity();
    let on = place(&identity, &kind, target)?;
    Ok(given_roles(&world, &identity, &user, &on))
}

async fn roles_on_system(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(user): Path<String>,
) -> Result<Response, Refusal> {
    policy::look(&caller, "list_system_grants_for_user")?;
    Ok(given_roles(&world, &world.identity(), &user, &Scope::System))
}

fn given_roles(world: &World, identity: &Identity, user: &str, on: &Scope) -> Response {
    let given = identity.assignments.iter().filter(|given| given.user == user && given.on == *on);
    let roles = given.filter_map(|given| identity.roles.get(&given.role));
    let shown: Vec<Value> = roles.map(|role| role.render(world)).collect();
    axum::Json(json!({"roles": shown, "links": links(world, "roles", "")})).into_response()
}

async fn list(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<Response, Refusal> {
    policy::look(&caller, "list_role_assignments")?;
    let identity = world.identity();
    let with_names = query.get("include_names").is_some_and(|value| value != "false");
    let wanted = |given: &&Assignment| {
        query.get("user.id").is_none_or(|id| given.user == id)
            && query.get("role.id").is_none_or(|id| given.role == id)
            && query
                .get("scope.project.id")
                .is_none_or(|id| given.on == Scope::Project(id.to_owned()))
            && query
                .get("scope.domain.id")
                .is_none_or(|id| given.on == Scope::Domain(id.to_owned()))
            && query.get("scope.system").is_none_or(|_| given.on == Scope::System)
    };
    let found = identity.assignments.iter().filter(wanted);
    let shown: Vec<Value> =
        found.map(|given| render(&world, &identity, given, with_names)).collect();
    let links = links(&world, "role_assignments", &query.text());
    Ok(axum::Json(json!({"role_assignments": shown, "links": links})).into_response())
}

fn render(world: &World, identity: &Identity, given: &Assignment, with_names: bool) -> Value {
    let domain = |id: &str| {
        let name = identity.domains.get(id).map(|domain| domain.name.as_str());
        json!({"id": id, "name": name})
    };
    let mut user = json!({"id": given.user});
    let mut role = json!({"id": given.role});
    let (mut scope, place) = match &given.on {
        Scope::Project(id) => (json!({"project": {"id": id}}), format!("projects/{id}")),
        Scope::Domain(id) => (json!({"domain": {"id": id}}), format!("domains/{id}")),
        Scope::System | Scope::Unscoped => (json!({"system": {"all": true}}), "system".to_owned()),
    };
    if with_names {
        if let Some(found) = identity.users.get(&given.user) {
            user["name"] = json!(found.name);
            user["domain"] = domain(&found.domain_id);
        }
        if let Some(found) = identity.roles.get(&given.role) {
            role["name"] = json!(found.name);
        }
        match &given.on {
            Scope::Project(id) => {
                if let Some(found) = identity.projects.get(id) {
                    scope["project"]["name"] = json!(found.name);
                    scope["project"]["domain"] = domain(&found.domain_id);
                }
            }
            Scope::Domain(id) => scope["domain"] = domain(id),
            Scope::System | Scope::Unscoped => {}
        }
    }
    let link =
        format!("{}{MOUNT}/v3/{place}/users/{}/roles/{}", world.base, given.user, given.role);
    json!({"links": {"assignment": link}, "scope": scope, "user": user, "role": role})
}
