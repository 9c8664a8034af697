//! Groups and who is in them.

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, put};
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Resource, domain_of, extra, listed, matches, take_text, text, with_extra};
use crate::http::query::Query;
use crate::keystone::caller::{Authenticated, Caller};
use crate::keystone::model::{Group, Identity, User};
use crate::keystone::policy::{self, Target};
use crate::keystone::refusal::Refusal;
use crate::keystone::schema::{Kind, NULLABLE, Properties};
use crate::world::{SharedWorld, World};

impl Resource for Group {
    const ONE: &'static str = "group";
    const MANY: &'static str = "groups";
    const PROPERTIES: Properties = &[
        ("description", NULLABLE),
        ("domain_id", Kind::Id { null: false }),
        ("name", Kind::Name { most: 255 }),
    ];
    const REQUIRED: &'static [&'static str] = &["name"];
    const FILTERS: &'static [&'static str] = &["domain_id", "name"];

    fn store(identity: &Identity) -> &BTreeMap<String, Self> {
        &identity.groups
    }

    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self> {
        &mut identity.groups
    }

    fn render(&self, world: &World) -> Value {
        let shown = json!({
            "id": self.id,
            "name": self.name,
            "domain_id": self.domain_id,
            "description": self.description,
        });
        with_extra::<Self>(shown, &self.extra, world, &self.id)
    }

    fn create(
        id: String,
        given: &Map<String, Value>,
        identity: &Identity,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            id,
            name: text(given, "name").unwrap_or_default(),
            domain_id: domain_of(given, identity)?,
            description: text(given, "description").unwrap_or_default(),
            users: BTreeSet::new(),
            extra: extra(given, Self::PROPERTIES),
        })
    }

    fn change(&mut self, given: &Map<String, Value>, _: &Identity) -> Result<(), Refusal> {
        take_text(given, "name", &mut self.name);
        take_text(given, "description", &mut self.description);
        self.extra.extend(extra(given, Self::PROPERTIES));
        Ok(())
    }

    fn unique(&self) -> Option<String> {
        Some(format!("{}/{}", self.domain_id, self.name))
    }

    fn duplicate(&self) -> String {
        format!("Duplicate entry found with name {} at domain ID {}", self.name, self.domain_id)
    }

    fn domain(&self) -> Option<&str> {
        Some(&self.domain_id)
    }

    fn extra(&self) -> Option<&Map<String, Value>> {
        Some(&self.extra)
    }
}

pub(super) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v3/groups/{id}/users", get(members))
        .route("/v3/groups/{id}/users/{user}", put(add).get(check).delete(remove))
}

/// The members of a group, as users.
fn members_of<'a>(identity: &'a Identity, group: &'a Group) -> impl Iterator<Item = &'a User> {
    group.users.iter().filter_map(|id| identity.users.get(id))
}

async fn members(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Refusal> {
    let identity = world.identity();
    let group = identity.groups.get(&id);
    policy::allow(&caller, "list_users_in_group", Target::within(group.and_then(Group::domain)))?;
    let group = group.ok_or_else(|| Refusal::not_found("group", &id))?;
    let shown = members_of(&identity, group).map(|user| user.render(&world));
    let found = shown.filter(|shown| matches(shown, &query, User::FILTERS)).collect();
    Ok(listed(&world, "users", &format!("groups/{id}/users"), &query, found))
}

/// Works on the members of a group, both being there and in the domain of the caller.
fn with_members<T>(
    world: &World,
    caller: &Caller,
    (id, user): (&str, &str),
    action: &str,
    work: impl FnOnce(&mut BTreeSet<String>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let mut identity = world.identity();
    let of_group = identity.groups.get(id).map(|group| group.domain_id.clone());
    let of_user = identity.users.get(user).map(|user| user.domain_id.clone());
    let domain = of_group.as_deref().filter(|domain| of_user.as_deref() == Some(domain));
    policy::allow(caller, action, Target::within(domain))?;
    if of_user.is_none() {
        return Err(Refusal::not_found("user", user));
    }
    let group = identity.groups.get_mut(id).ok_or_else(|| Refusal::not_found("group", id))?;
    work(&mut group.users)
}

fn no_member(user: &str, group: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("User '{user}' not found in group '{group}'."))
}

async fn add(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((id, user)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    with_members(&world, &caller, (&id, &user), "add_user_to_group", |members| {
        members.insert(user.clone());
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn check(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((id, user)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    with_members(&world, &caller, (&id, &user), "check_user_in_group", |members| {
        if members.contains(&user) {
            Ok(StatusCode::NO_CONTENT)
        } else {
            Err(no_member(&user, &id))
        }
    })
}

async fn remove(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((id, user)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    with_members(&world, &caller, (&id, &user), "remove_user_from_group", |members| {
        if members.remove(&user) { Ok(StatusCode::NO_CONTENT) } else { Err(no_member(&user, &id)) }
    })?;
    // Roles that came from the group are gone with the tokens that carried them.
    let mut identity = world.identity();
    let given: Vec<_> =
        identity.assignments.iter().filter(|given| given.actor.id() == id).cloned().collect();
    for mut given in given {
        given.actor = crate::keystone::model::Actor::User(user.clone());
        identity.end_tokens_on(&given);
    }
    Ok(StatusCode::NO_CONTENT)
}
