//! Roles given to users and groups on projects, domains and the system, there or on all that is
//! below.

mod list;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, put};
use http::StatusCode;
use serde_json::Value;

use super::caller::{Authenticated, Caller};
use super::model::{Actor, Assignment, Identity, Scope};
use super::policy::{self, Target};
use super::refusal::Refusal;
use super::resource::{Resource, listed};
use crate::http::query::Query;
use crate::world::{SharedWorld, World};

/// A family of paths: on what, to whom, and whether for all that is below.
#[derive(Clone, Copy, Debug)]
struct Family {
    on: On,
    to: To,
    inherited: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum On {
    Projects,
    Domains,
    System,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum To {
    Users,
    Groups,
}

pub(crate) fn routes() -> Router<SharedWorld> {
    let mut routes = Router::new().route("/v3/role_assignments", get(list::list));
    for to in [To::Users, To::Groups] {
        for on in [On::Projects, On::Domains] {
            for inherited in [false, true] {
                let family = Family { on, to, inherited };
                routes = routes.merge(family_routes(family));
            }
        }
        routes = routes.merge(system_routes(Family { on: On::System, to, inherited: false }));
    }
    routes
}

/// What the path of a role on something names: the target, the actor and the role.
type OnTarget = Path<(String, String, String)>;
/// What the path of a role on the system names: the actor and the role.
type OnSystem = Path<(String, String)>;

fn family_routes(family: Family) -> Router<SharedWorld> {
    let (on, to) = (family.on.text(), family.to.text());
    let (before, after) =
        if family.inherited { ("/OS-INHERIT", "/inherited_to_projects") } else { ("", "") };
    let roles = format!("/v3{before}/{on}/{{target}}/{to}/{{actor}}/roles");
    let all = get(move |world, caller, Path((target, actor)), query| async move {
        list_grants(family, world, caller, Some(target), actor, &query)
    });
    let one = put(move |world, caller, Path((target, actor, role)): OnTarget| async move {
        grant(world, &caller, &Asked { family, target: Some(target), actor, role })
    })
    .get(move |world, caller, Path((target, actor, role)): OnTarget| async move {
        check(world, &caller, &Asked { family, target: Some(target), actor, role })
    })
    .delete(move |world, caller, Path((target, actor, role)): OnTarget| async move {
        revoke(world, &caller, &Asked { family, target: Some(target), actor, role })
    });
    Router::new()
        .route(&format!("{roles}{after}"), all)
        .route(&format!("{roles}/{{role}}{after}"), one)
}

fn system_routes(family: Family) -> Router<SharedWorld> {
    let roles = format!("/v3/system/{}/{{actor}}/roles", family.to.text());
    let all = get(move |world, caller, Path(actor), query| async move {
        list_grants(family, world, caller, None, actor, &query)
    });
    let one = put(move |world, caller, Path((actor, role)): OnSystem| async move {
        grant(world, &caller, &Asked { family, target: None, actor, role })
    })
    .get(move |world, caller, Path((actor, role)): OnSystem| async move {
        check(world, &caller, &Asked { family, target: None, actor, role })
    })
    .delete(move |world, caller, Path((actor, role)): OnSystem| async move {
        revoke(world, &caller, &Asked { family, target: None, actor, role })
    });
    Router::new().route(&roles, all).route(&format!("{roles}/{{role}}"), one)
}

impl On {
    const fn text(self) -> &'static str {
        match self {
            Self::Projects => "projects",
            Self::Domains => "domains",
            Self::System => "system",
        }
    }
}

impl To {
    const fn text(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Groups => "groups",
        }
    }
}

/// A role that a path names, on something, for somebody.
#[derive(Clone, Debug)]
struct Asked {
    family: Family,
    target: Option<String>,
    actor: String,
    role: String,
}

impl Asked {
    fn assignment(&self) -> Assignment {
        let target = self.target.clone().unwrap_or_default();
        Assignment {
            actor: match self.family.to {
                To::Users => Actor::User(self.actor.clone()),
                To::Groups => Actor::Group(self.actor.clone()),
            },
            role: self.role.clone(),
            on: match self.family.on {
                On::Projects => Scope::Project(target),
                On::Domains => Scope::Domain(target),
                On::System => Scope::System,
            },
            inherited: self.family.inherited,
        }
    }

    /// Whether the caller may, then whether all that is named is there.
    fn allow(
        &self,
        identity: &Identity,
        caller: &Caller,
        verb: &str,
    ) -> Result<Assignment, Refusal> {
        let given = self.assignment();
        let action = match (self.family.on, self.family.to) {
            (On::System, To::Users) => format!("{verb}_system_grant_for_user"),
            (On::System, To::Groups) => format!("{verb}_system_grant_for_group"),
            _ => format!("{verb}_grant"),
        };
        let mut domain = common_domain(identity, &given);
        let role = identity.roles.get(&self.role);
        let changes = matches!(verb, "create" | "revoke");
        // A manager hands out nothing above the own role.
        if changes && !caller.is_admin() && !role.is_some_and(policy::managed) {
            domain = None;
        }
        policy::allow(caller, &action, Target::within(domain))?;
        let role = role.ok_or_else(|| Refusal::not_found("role", &self.role))?;
        check_there(identity, &given)?;
        if let (Some(own), Scope::Project(project)) = (&role.domain_id, &given.on)
            && identity.projects.get(project).is_some_and(|it| it.domain_id != *own)
        {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                format!(
                    "Project {project} must be in the same domain as the role {} being assigned.",
                    role.id
                ),
            ));
        }
        Ok(given)
    }
}

/// The domain of the actor, if that of the target is the same.
fn common_domain<'a>(identity: &'a Identity, given: &'a Assignment) -> Option<&'a str> {
    let of_actor = match &given.actor {
        Actor::User(id) => identity.users.get(id).map(|user| user.domain_id.as_str()),
        Actor::Group(id) => identity.groups.get(id).map(|group| group.domain_id.as_str()),
    };
    let of_target = match &given.on {
        Scope::Project(id) => identity.projects.get(id).map(|it| it.domain_id.as_str()),
        Scope::Domain(id) => Some(id.as_str()),
        Scope::System | Scope::Unscoped => None,
    };
    of_actor.filter(|domain| of_target == Some(domain))
}

fn check_there(identity: &Identity, given: &Assignment) -> Result<(), Refusal> {
    let (kind, there) = match &given.actor {
        Actor::User(id) => ("user", identity.users.contains_key(id)),
        Actor::Group(id) => ("group", identity.groups.contains_key(id)),
    };
    if !there {
        return Err(Refusal::not_found(kind, given.actor.id()));
    }
    match &given.on {
        Scope::Project(id) if !identity.projects.contains_key(id) => {
            Err(Refusal::not_found("project", id))
        }
        Scope::Domain(id) if !identity.domains.contains_key(id) => {
            Err(Refusal::not_found("domain", id))
        }
        _ => Ok(()),
    }
}

fn grant(
    State(world): State<SharedWorld>,
    Authenticated(caller): &Authenticated,
    asked: &Asked,
) -> Result<StatusCode, Refusal> {
    let mut identity = world.identity();
    let given = asked.allow(&identity, caller, "create")?;
    identity.assignments.insert(given.clone());
    identity.refresh_tokens(&given);
    Ok(StatusCode::NO_CONTENT)
}

fn missing(given: &Assignment) -> Refusal {
    let target = match &given.on {
        Scope::Project(id) | Scope::Domain(id) => id,
        Scope::System | Scope::Unscoped => "system",
    };
    let what = format!(
        "{}, user or group: {}, project, domain, or system: {target}",
        given.role,
        given.actor.id(),
    );
    Refusal::not_found("role assignment with role", &what)
}

fn check(
    State(world): State<SharedWorld>,
    Authenticated(caller): &Authenticated,
    asked: &Asked,
) -> Result<StatusCode, Refusal> {
    let identity = world.identity();
    let given = asked.allow(&identity, caller, "check")?;
    if identity.assignments.contains(&given) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(missing(&given))
    }
}

fn revoke(
    State(world): State<SharedWorld>,
    Authenticated(caller): &Authenticated,
    asked: &Asked,
) -> Result<StatusCode, Refusal> {
    let mut identity = world.identity();
    let given = asked.allow(&identity, caller, "revoke")?;
    if !identity.assignments.remove(&given) {
        return Err(missing(&given));
    }
    identity.end_tokens_on(&given);
    Ok(StatusCode::NO_CONTENT)
}

fn list_grants(
    family: Family,
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    target: Option<String>,
    actor: String,
    query: &Query,
) -> Result<Response, Refusal> {
    let identity = world.identity();
    let asked = Asked { family, target, actor, role: String::new() };
    let given = asked.assignment();
    let action = match (family.on, family.to) {
        (On::System, To::Users) => "list_system_grants_for_user",
        (On::System, To::Groups) => "list_system_grants_for_group",
        _ => "list_grants",
    };
    policy::allow(&caller, action, Target::within(common_domain(&identity, &given)))?;
    check_there(&identity, &given)?;
    let found = given_roles(&world, &identity, &given);
    Ok(listed(&world, "roles", "roles", query, found))
}

/// The roles of all assignments that are like this one in everything else.
fn given_roles(world: &World, identity: &Identity, like: &Assignment) -> Vec<Value> {
    let same = identity.assignments.iter().filter(|given| {
        given.actor == like.actor && given.on == like.on && given.inherited == like.inherited
    });
    same.filter_map(|given| identity.roles.get(&given.role))
        .map(|role| role.render(world))
        .collect()
}
