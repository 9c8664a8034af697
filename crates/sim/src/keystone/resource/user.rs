//! Users: their passwords, projects and groups.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::{
    Resource, domain_of, enabled, extra, given, listed, matches, options, take_text, text,
    with_extra,
};
use crate::http::query::Query;
use crate::keystone::caller::{Authenticated, Caller};
use crate::keystone::model::{Group, Identity, Password, User};
use crate::keystone::policy::{self, Target};
use crate::keystone::refusal::Refusal;
use crate::keystone::schema::{self, Kind, NULLABLE, Properties, TEXT};
use crate::world::{SharedWorld, World};

impl Resource for User {
    const ONE: &'static str = "user";
    const MANY: &'static str = "users";
    const PROPERTIES: Properties = &[
        ("default_project_id", Kind::Id { null: true }),
        ("domain_id", Kind::Id { null: false }),
        ("enabled", Kind::Flag),
        ("name", Kind::Name { most: 255 }),
        ("password", NULLABLE),
        ("options", Kind::Object),
    ];
    const REQUIRED: &'static [&'static str] = &["name"];
    const FILTERS: &'static [&'static str] = &["domain_id", "enabled", "name"];

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
            "options": self.options,
        });
        if let Some(project) = &self.default_project_id {
            shown["default_project_id"] = json!(project);
        }
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
            password: Password(text(given, "password").unwrap_or_default()),
            enabled: enabled(given).unwrap_or(true),
            default_project_id: text(given, "default_project_id"),
            options: options(given).unwrap_or_default(),
            extra: extra(given, Self::PROPERTIES),
        })
    }

    fn change(&mut self, given: &Map<String, Value>, _: &Identity) -> Result<(), Refusal> {
        take_text(given, "name", &mut self.name);
        take_text(given, "password", &mut self.password.0);
        self.enabled = enabled(given).unwrap_or(self.enabled);
        match given.get("default_project_id") {
            Some(Value::String(project)) => self.default_project_id = Some(project.clone()),
            Some(_) => self.default_project_id = None,
            None => {}
        }
        self.options.extend(options(given).unwrap_or_default());
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

    fn is_own(_: Option<&Self>, id: &str, caller: &Caller) -> bool {
        caller.user() == id
    }
}

pub(super) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v3/users/{id}/password", post(change_password))
        .route("/v3/users/{id}/groups", get(groups))
}

const PASSWORDS: Properties = &[("original_password", TEXT), ("password", TEXT)];

/// Needs no token: the old password is proof enough, of an ended one too.
async fn change_password(
    State(world): State<SharedWorld>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let given = given(&headers, body, User::ONE).await?;
    schema::check_new(&given, PASSWORDS, &["original_password", "password"])?;
    let mut identity = world.identity();
    let user = identity.users.get_mut(&id).ok_or_else(|| Refusal::not_found("user", &id))?;
    if text(&given, "original_password").as_deref() != Some(user.password.0.as_str()) {
        return Err(Refusal::unauthorized());
    }
    user.password = Password(text(&given, "password").unwrap_or_default());
    identity.end_tokens_of(&id);
    Ok(StatusCode::NO_CONTENT)
}

async fn groups(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Refusal> {
    let identity = world.identity();
    let user = identity.users.get(&id);
    let target = Target::within(user.and_then(User::domain)).owned(caller.user() == id);
    policy::allow(&caller, "list_groups_for_user", target)?;
    user.ok_or_else(|| Refusal::not_found("user", &id))?;
    let own = identity.groups.values().filter(|group| group.users.contains(&id));
    let shown = own.map(|group| group.render(&world));
    let found = shown.filter(|shown| matches(shown, &query, Group::FILTERS)).collect();
    Ok(listed(&world, "groups", &format!("users/{id}/groups"), &query, found))
}
