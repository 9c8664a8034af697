//! Roles, those that are a domain's own, and what they imply.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Resource, extra, self_link, take_text, text, with_extra};
use crate::http::query::Query;
use crate::keystone::caller::{Authenticated, Caller};
use crate::keystone::model::{Identity, Role};
use crate::keystone::policy::{self, Target};
use crate::keystone::refusal::Refusal;
use crate::keystone::schema::{Kind, Properties, TEXT};
use crate::world::{SharedWorld, World};

impl Resource for Role {
    const ONE: &'static str = "role";
    const MANY: &'static str = "roles";
    const PROPERTIES: Properties = &[
        ("name", Kind::Name { most: 255 }),
        ("description", TEXT),
        ("options", Kind::Object),
        ("domain_id", Kind::Id { null: true }),
    ];
    const REQUIRED: &'static [&'static str] = &["name"];
    const FILTERS: &'static [&'static str] = &["name", "domain_id"];

    fn store(identity: &Identity) -> &BTreeMap<String, Self> {
        &identity.roles
    }

    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self> {
        &mut identity.roles
    }

    fn render(&self, world: &World) -> Value {
        let shown = json!({
            "id": self.id,
            "name": self.name,
            "domain_id": self.domain_id,
            "description": self.description,
            "options": self.options(),
        });
        with_extra::<Self>(shown, &self.extra, world, &self.id)
    }

    fn create(
        id: String,
        given: &Map<String, Value>,
        identity: &Identity,
    ) -> Result<Self, Refusal> {
        let domain_id = text(given, "domain_id");
        if let Some(domain) = domain_id.as_ref().filter(|id| !identity.domains.contains_key(*id)) {
            return Err(Refusal::not_found("domain", domain));
        }
        Ok(Self {
            id,
            name: text(given, "name").unwrap_or_default(),
            description: text(given, "description"),
            domain_id,
            implies: Vec::new(),
            immutable: immutable(given).unwrap_or(false),
            extra: extra(given, Self::PROPERTIES),
        })
    }

    fn change(&mut self, given: &Map<String, Value>, _: &Identity) -> Result<(), Refusal> {
        if self.immutable && immutable(given) != Some(false) {
            return Err(stays("update", &self.id));
        }
        take_text(given, "name", &mut self.name);
        self.description = text(given, "description").or_else(|| self.description.take());
        self.immutable = immutable(given).unwrap_or(self.immutable);
        self.extra.extend(extra(given, Self::PROPERTIES));
        Ok(())
    }

    fn unique(&self) -> Option<String> {
        Some(format!("{:?}/{}", self.domain_id, self.name))
    }

    fn duplicate(&self) -> String {
        format!("Duplicate entry found with name {}", self.name)
    }

    fn domain(&self) -> Option<&str> {
        self.domain_id.as_deref()
    }

    fn action(verb: &str, one: Option<&Self>) -> String {
        let within = one.is_some_and(|role| role.domain_id.is_some());
        if within { format!("{verb}_domain_role") } else { format!("{verb}_role") }
    }

    /// The role `manager` may see what it may hand out.
    fn is_own(one: Option<&Self>, _: &str, caller: &Caller) -> bool {
        caller.has_role("manager") && one.is_some_and(policy::managed)
    }

    fn is_aside(&self, query: &Query) -> bool {
        self.domain_id.is_some() && query.get("domain_id").is_none()
    }

    fn may_be_deleted(&self, _: &Identity) -> Result<(), Refusal> {
        if self.immutable { Err(stays("delete", &self.id)) } else { Ok(()) }
    }
}

fn immutable(given: &Map<String, Value>) -> Option<bool> {
    given.get("options")?.get("immutable")?.as_bool()
}

fn stays(verb: &str, id: &str) -> Refusal {
    let text = format!(
        "Unable to {verb} immutable role resource: `{id}. Set resource option \"immutable\" to \
         false first."
    );
    Refusal::new(StatusCode::FORBIDDEN, text)
}

pub(super) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v3/role_inferences", get(inferences))
        .route("/v3/roles/{prior}/implies", get(implied))
        .route("/v3/roles/{prior}/implies/{role}", put(imply).get(show).head(check).delete(forget))
}

/// A role as rules of inference show it.
fn brief(world: &World, role: &Role) -> Value {
    json!({"id": role.id, "links": self_link(world, "roles", &role.id), "name": role.name})
}

async fn inferences(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
) -> Result<Response, Refusal> {
    policy::allow(&caller, "list_role_inference_rules", Target::default())?;
    let identity = world.identity();
    let rules = identity.roles.values().filter(|role| !role.implies.is_empty()).map(|role| {
        let implied: Vec<Value> =
            identity.implied_by(role).map(|role| brief(&world, role)).collect();
        json!({"prior_role": brief(&world, role), "implies": implied})
    });
    Ok(axum::Json(json!({"role_inferences": rules.collect::<Value>()})).into_response())
}

fn role<'a>(identity: &'a Identity, id: &str) -> Result<&'a Role, Refusal> {
    identity.roles.get(id).ok_or_else(|| Refusal::not_found("role", id))
}

async fn implied(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(prior): Path<String>,
) -> Result<Response, Refusal> {
    let identity = world.identity();
    let prior = role(&identity, &prior)?;
    policy::allow(&caller, "list_implied_roles", Target::default())?;
    let all: Vec<Value> = identity.implied_by(prior).map(|role| brief(&world, role)).collect();
    let this = format!("{}{}/v3/roles/{}/implies", world.base, crate::keystone::MOUNT, prior.id);
    let body = json!({
        "role_inference": {"prior_role": brief(&world, prior), "implies": all},
        "links": {"self": this},
    });
    Ok(axum::Json(body).into_response())
}

/// A rule of inference as it is shown alone.
fn inference(world: &World, prior: &Role, implied: &Role) -> Value {
    let place = format!("roles/{}/implies", prior.id);
    json!({
        "role_inference": {"prior_role": brief(world, prior), "implies": brief(world, implied)},
        "links": self_link(world, &place, &implied.id),
    })
}

async fn imply(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((prior, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let mut identity = world.identity();
    role(&identity, &prior)?;
    let asked = role(&identity, &id)?;
    policy::allow(&caller, "create_implied_role", Target::default())?;
    let global = role(&identity, &prior)?.domain_id.is_none();
    // `admin` is a `prohibited_implied_role`; what counts everywhere implies nothing of a domain.
    if asked.name == "admin" || (global && asked.domain_id.is_some()) {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            format!("{id} cannot be an implied roles."),
        ));
    }
    let known = identity
        .roles
        .get(&prior)
        .map(|prior| identity.implied_by(prior).any(|role| role.id == id));
    if known == Some(true) {
        return Err(Refusal::conflict("implied_role", "Duplicate Entry"));
    }
    if let Some(prior) = identity.roles.get_mut(&prior) {
        prior.implies.push(id.clone());
    }
    let shown = inference(&world, role(&identity, &prior)?, role(&identity, &id)?);
    Ok((StatusCode::CREATED, axum::Json(shown)).into_response())
}

/// Both roles of a rule that is there.
fn rule<'a>(
    identity: &'a Identity,
    caller: &Caller,
    (prior, id): (&str, &str),
    action: &str,
) -> Result<(&'a Role, &'a Role), Refusal> {
    let (first, second) = (role(identity, prior)?, role(identity, id)?);
    policy::allow(caller, action, Target::default())?;
    if identity.implied_by(first).any(|role| role.id == id) {
        return Ok((first, second));
    }
    Err(Refusal::new(StatusCode::NOT_FOUND, format!("{prior} does not imply {id}.")))
}

async fn show(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((prior, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let identity = world.identity();
    let (first, second) = rule(&identity, &caller, (&prior, &id), "get_implied_role")?;
    Ok(axum::Json(inference(&world, first, second)).into_response())
}

async fn check(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((prior, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    rule(&world.identity(), &caller, (&prior, &id), "check_implied_role")?;
    Ok(StatusCode::NO_CONTENT)
}

async fn forget(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((prior, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let mut identity = world.identity();
    let name = {
        let (_, second) = rule(&identity, &caller, (&prior, &id), "delete_implied_role")?;
        second.name.clone()
    };
    if let Some(prior) = identity.roles.get_mut(&prior) {
        prior.implies.retain(|implied| *implied != id && *implied != name);
    }
    Ok(StatusCode::NO_CONTENT)
}
