//! Domains and their own configuration.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::{Resource, enabled, extra, options, tags, take_text, text, with_extra};
use crate::keystone::caller::{Authenticated, Caller};
use crate::keystone::model::{Domain, Identity};
use crate::keystone::policy::{self, Target};
use crate::keystone::refusal::Refusal;
use crate::keystone::schema::{Kind, NULLABLE, Properties};
use crate::keystone::token::json_body;
use crate::world::{SharedWorld, World};

impl Resource for Domain {
    const ONE: &'static str = "domain";
    const MANY: &'static str = "domains";
    const PROPERTIES: Properties = &[
        ("description", NULLABLE),
        ("enabled", Kind::Flag),
        ("name", Kind::Name { most: 64 }),
        ("tags", Kind::Tags),
        ("options", Kind::Object),
    ];
    const REQUIRED: &'static [&'static str] = &["name"];
    const FILTERS: &'static [&'static str] = &["name", "enabled"];

    fn store(identity: &Identity) -> &BTreeMap<String, Self> {
        &identity.domains
    }

    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self> {
        &mut identity.domains
    }

    fn render(&self, world: &World) -> Value {
        let shown = json!({
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "enabled": self.enabled,
            "tags": self.tags,
            "options": self.options,
        });
        with_extra::<Self>(shown, &self.extra, world, &self.id)
    }

    fn create(id: String, given: &Map<String, Value>, _: &Identity) -> Result<Self, Refusal> {
        Ok(Self {
            id,
            name: text(given, "name").unwrap_or_default(),
            description: text(given, "description").unwrap_or_default(),
            enabled: enabled(given).unwrap_or(true),
            tags: tags(given).unwrap_or_default(),
            options: options(given).unwrap_or_default(),
            config: Map::new(),
            extra: extra(given, Self::PROPERTIES),
        })
    }

    fn change(&mut self, given: &Map<String, Value>, _: &Identity) -> Result<(), Refusal> {
        take_text(given, "name", &mut self.name);
        take_text(given, "description", &mut self.description);
        self.enabled = enabled(given).unwrap_or(self.enabled);
        self.tags = tags(given).unwrap_or_else(|| self.tags.clone());
        self.options.extend(options(given).unwrap_or_default());
        self.extra.extend(extra(given, Self::PROPERTIES));
        Ok(())
    }

    fn unique(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn duplicate(&self) -> String {
        format!(
            "it is not permitted to have two projects acting as domains with the same name: {}",
            self.name
        )
    }

    fn domain(&self) -> Option<&str> {
        Some(&self.id)
    }

    fn is_own(_: Option<&Self>, id: &str, caller: &Caller) -> bool {
        caller.token.project_domain.as_deref() == Some(id)
    }

    fn may_be_deleted(&self, _: &Identity) -> Result<(), Refusal> {
        if self.enabled {
            let text = "Cannot delete a domain that is enabled, please disable it first.";
            return Err(Refusal::new(StatusCode::FORBIDDEN, text));
        }
        Ok(())
    }
}

/// The groups of options that a domain may have of its own, besides Keystone's.
const GROUPS: &[&str] = &["identity", "ldap"];

pub(super) fn routes() -> Router<SharedWorld> {
    let config = || get(show).put(replace).patch(change).delete(remove);
    Router::new()
        .route("/v3/domains/config/default", get(defaults))
        .route("/v3/domains/config/{group}/default", get(default_group))
        .route("/v3/domains/config/{group}/{option}/default", get(default_option))
        .route("/v3/domains/{domain}/config", config())
        .route(
            "/v3/domains/{domain}/config/{*place}",
            get(show_part).patch(change_part).delete(remove_part),
        )
}

/// `{"config": …}` of a domain that is there, for whoever may do this with it.
fn with_config<T>(
    world: &World,
    caller: &Caller,
    id: &str,
    verb: &str,
    work: impl FnOnce(&mut Map<String, Value>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    policy::allow(caller, &format!("{verb}_domain_config"), Target::default())?;
    let mut identity = world.identity();
    let domain = identity.domains.get_mut(id).ok_or_else(|| Refusal::not_found("domain", id))?;
    work(&mut domain.config)
}

fn missing(id: &str, what: &str) -> Refusal {
    let text = format!("Could not find {what} in domain configuration for domain {id}.");
    Refusal::new(StatusCode::NOT_FOUND, text)
}

/// The configuration in a body, which may only have groups that exist.
async fn asked(headers: &HeaderMap, body: Body) -> Result<Map<String, Value>, Refusal> {
    let body = json_body(headers, body).await?;
    let given = body.get("config").and_then(Value::as_object).cloned().unwrap_or_default();
    if given.is_empty() {
        return Err(invalid("No options specified"));
    }
    match given.keys().find(|group| !GROUPS.contains(&group.as_str())) {
        Some(group) => Err(unsupported(group)),
        None => Ok(given),
    }
}

fn invalid(reason: &str) -> Refusal {
    let text = format!("Invalid domain specific configuration: {reason}.");
    Refusal::new(StatusCode::FORBIDDEN, text)
}

/// Passwords can be set and are never shown.
fn shown(config: &Map<String, Value>) -> Value {
    let mut config = config.clone();
    if let Some(Value::Object(ldap)) = config.get_mut("ldap") {
        ldap.remove("password");
    }
    json!({"config": config})
}

async fn show(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    with_config(&world, &caller, &id, "get", |config| {
        if config.is_empty() {
            return Err(missing(&id, "any options"));
        }
        Ok(axum::Json(shown(config)).into_response())
    })
}

async fn replace(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let given = asked(&headers, body).await?;
    with_config(&world, &caller, &id, "create", |config| {
        let status = if config.is_empty() { StatusCode::CREATED } else { StatusCode::OK };
        *config = given;
        Ok((status, axum::Json(shown(config))).into_response())
    })
}

async fn change(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let given = asked(&headers, body).await?;
    with_config(&world, &caller, &id, "update", |config| {
        merge(config, given);
        Ok(axum::Json(shown(config)).into_response())
    })
}

fn merge(config: &mut Map<String, Value>, given: Map<String, Value>) {
    for (group, options) in given {
        match (config.get_mut(&group), options) {
            (Some(Value::Object(known)), Value::Object(options)) => known.extend(options),
            (_, options) => {
                config.insert(group, options);
            }
        }
    }
}

async fn remove(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    with_config(&world, &caller, &id, "delete", |config| {
        config.clear();
        Ok(StatusCode::NO_CONTENT)
    })
}

/// What `GROUP` or `GROUP/OPTION` names, and how Keystone calls it.
fn place(path: &str) -> (Vec<&str>, String) {
    let parts: Vec<&str> = path.split('/').collect();
    let name = match parts.as_slice() {
        [group, option, ..] => format!("option {option} in group {group}"),
        _ => format!("group {path}"),
    };
    (parts, name)
}

fn at<'a>(config: &'a Map<String, Value>, parts: &[&str]) -> Option<&'a Value> {
    let (first, rest) = parts.split_first()?;
    rest.iter().try_fold(config.get(*first)?, |value, part| value.get(*part))
}

async fn show_part(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((id, path)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let (parts, name) = place(&path);
    with_config(&world, &caller, &id, "get", |config| {
        let found = at(config, &parts).ok_or_else(|| missing(&id, &name))?;
        let last = parts.last().copied().unwrap_or_default();
        Ok(axum::Json(json!({"config": {last: found}})).into_response())
    })
}

async fn change_part(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((id, path)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let body = json_body(&headers, body).await?;
    let given = body.get("config").and_then(Value::as_object).cloned().unwrap_or_default();
    let (parts, name) = place(&path);
    with_config(&world, &caller, &id, "update", |config| {
        at(config, &parts).ok_or_else(|| missing(&id, &name))?;
        if let [group, _option, ..] = parts.as_slice() {
            merge(config, Map::from_iter([((*group).to_owned(), Value::Object(given))]));
        } else {
            merge(config, given);
        }
        Ok(axum::Json(shown(config)).into_response())
    })
}

async fn remove_part(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path((id, path)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let (parts, name) = place(&path);
    with_config(&world, &caller, &id, "delete", |config| {
        at(config, &parts).ok_or_else(|| missing(&id, &name))?;
        match parts.as_slice() {
            [group] => {
                config.remove(*group);
            }
            [group, option, ..] => {
                if let Some(Value::Object(options)) = config.get_mut(*group) {
                    options.remove(*option);
                }
            }
            [] => {}
        }
        Ok(StatusCode::NO_CONTENT)
    })
}

/// The defaults that a domain without its own configuration has.
fn default_config() -> Value {
    json!({
        "identity": {"driver": "sql", "list_limit": null},
        "ldap": {"url": "ldap://localhost", "user": null, "suffix": "cn=example,cn=com"},
    })
}

async fn defaults(Authenticated(caller): Authenticated) -> Result<Response, Refusal> {
    policy::allow(&caller, "get_domain_config_default", Target::default())?;
    Ok(axum::Json(json!({"config": default_config()})).into_response())
}

fn unsupported(group: &str) -> Refusal {
    invalid(&format!("Group {group} is not supported for domain specific configurations"))
}

async fn default_group(
    Authenticated(caller): Authenticated,
    Path(group): Path<String>,
) -> Result<Response, Refusal> {
    policy::allow(&caller, "get_domain_config_default", Target::default())?;
    let all = default_config();
    let found = all.get(&group).ok_or_else(|| unsupported(&group))?;
    Ok(axum::Json(json!({"config": {group.as_str(): found}})).into_response())
}

async fn default_option(
    Authenticated(caller): Authenticated,
    Path((group, option)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    policy::allow(&caller, "get_domain_config_default", Target::default())?;
    let all = default_config();
    let options = all.get(&group).ok_or_else(|| unsupported(&group))?;
    let found = options.get(&option).ok_or_else(|| {
        invalid(&format!(
            "Option {option} in group {group} is not supported for domain specific configurations"
        ))
    })?;
    Ok(axum::Json(json!({"config": {option.as_str(): found}})).into_response())
}
