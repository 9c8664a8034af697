//! Projects, and domains in their clothes.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::{
    Resource, alter, enabled, extra, find, given, list, make, options, remove, tag, tags,
    take_text, text, with_extra,
};
use crate::http::query::Query;
use crate::keystone::caller::{Authenticated, Caller};
use crate::keystone::model::{Domain, Identity, Project, Scope};
use crate::keystone::refusal::Refusal;
use crate::keystone::schema::{Kind, NULLABLE, Properties};
use crate::world::{SharedWorld, World};

/// How deep projects may lie below their domain (`max_project_tree_depth`).
const DEPTH: usize = 5;

impl Resource for Project {
    const ONE: &'static str = "project";
    const MANY: &'static str = "projects";
    const PROPERTIES: Properties = &[
        ("description", NULLABLE),
        ("domain_id", Kind::Id { null: true }),
        ("enabled", Kind::Flag),
        ("is_domain", Kind::Flag),
        ("parent_id", Kind::Id { null: true }),
        ("name", Kind::Name { most: 64 }),
        ("tags", Kind::Tags),
        ("options", Kind::Object),
    ];
    const REQUIRED: &'static [&'static str] = &["name"];
    const FILTERS: &'static [&'static str] =
        &["domain_id", "enabled", "name", "parent_id", "is_domain"];

    fn store(identity: &Identity) -> &BTreeMap<String, Self> {
        &identity.projects
    }

    fn store_mut(identity: &mut Identity) -> &mut BTreeMap<String, Self> {
        &mut identity.projects
    }

    fn render(&self, world: &World) -> Value {
        let shown = json!({
            "id": self.id,
            "name": self.name,
            "domain_id": self.domain_id,
            "description": self.description,
            "enabled": self.enabled,
            "parent_id": self.parent_id.as_ref().unwrap_or(&self.domain_id),
            "is_domain": false,
            "tags": self.tags,
            "options": self.options,
        });
        with_extra::<Self>(shown, &self.extra, world, &self.id)
    }

    fn create(
        id: String,
        given: &Map<String, Value>,
        identity: &Identity,
    ) -> Result<Self, Refusal> {
        let domain_id = text(given, "domain_id").unwrap_or_else(|| "default".to_owned());
        if !identity.domains.contains_key(&domain_id) {
            return Err(Refusal::bad(format!("Could not find domain: {domain_id}.")));
        }
        let parent_id = text(given, "parent_id").filter(|id| *id != domain_id);
        if let Some(above) = &parent_id {
            check_parent(identity, above, &domain_id)?;
        }
        Ok(Self {
            id,
            name: text(given, "name").unwrap_or_default(),
            domain_id,
            description: text(given, "description").unwrap_or_default(),
            enabled: enabled(given).unwrap_or(true),
            parent_id,
            tags: tags(given).unwrap_or_default(),
            options: options(given).unwrap_or_default(),
            extra: extra(given, Self::PROPERTIES),
        })
    }

    fn change(&mut self, given: &Map<String, Value>, identity: &Identity) -> Result<(), Refusal> {
        let above = self.parent_id.as_ref().unwrap_or(&self.domain_id);
        if given.get("parent_id").is_some_and(|asked| asked != above.as_str()) {
            return Err(forbidden("Update of `parent_id` is not allowed."));
        }
        if given.get("is_domain").is_some_and(|asked| *asked != Value::Bool(false)) {
            return Err(Refusal::bad("Update of `is_domain` is not allowed."));
        }
        match enabled(given) {
            Some(false) if identity.subtree(&self.id).iter().any(|below| below.enabled) => {
                return Err(forbidden(&format!(
                    "Cannot disable project {} since its subtree contains enabled projects.",
                    self.id
                )));
            }
            Some(true) if identity.parents(&self.id).iter().any(|above| !above.enabled) => {
                return Err(forbidden(&format!(
                    "Cannot enable project {} since it has disabled parents",
                    self.id
                )));
            }
            _ => {}
        }
        take_text(given, "name", &mut self.name);
        take_text(given, "description", &mut self.description);
        self.enabled = enabled(given).unwrap_or(self.enabled);
        self.tags = tags(given).unwrap_or_else(|| self.tags.clone());
        self.options.extend(options(given).unwrap_or_default());
        self.extra.extend(extra(given, Self::PROPERTIES));
        Ok(())
    }

    fn unique(&self) -> Option<String> {
        Some(format!("{}/{}", self.domain_id, self.name))
    }

    fn duplicate(&self) -> String {
        format!(
            "it is not permitted to have two projects with either the same name or same id in the \
             same domain: name is {}, project id {}",
            self.name, self.id
        )
    }

    fn domain(&self) -> Option<&str> {
        Some(&self.domain_id)
    }

    fn extra(&self) -> Option<&Map<String, Value>> {
        Some(&self.extra)
    }

    fn is_own(_: Option<&Self>, id: &str, caller: &Caller) -> bool {
        caller.project() == Some(id)
    }

    fn is_aside(&self, query: &Query) -> bool {
        !tag::wanted(&self.tags, query)
    }

    fn may_be_deleted(&self, identity: &Identity) -> Result<(), Refusal> {
        if identity.children(&self.id).next().is_some() {
            return Err(forbidden(&format!(
                "Cannot delete the project {} since it is not a leaf in the hierarchy. Use the \
                 cascade option if you want to delete a whole subtree.",
                self.id
            )));
        }
        Ok(())
    }
}

fn forbidden(text: &str) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, text)
}

fn check_parent(identity: &Identity, above: &str, domain: &str) -> Result<(), Refusal> {
    let Some(parent) = identity.projects.get(above) else {
        if identity.domains.contains_key(above) {
            return Err(Refusal::bad(format!(
                "Cannot create project, the parent ({above}) is acting as a domain, but this \
                 project's domain id ({domain}) does not match the parent's id."
            )));
        }
        return Err(Refusal::bad(format!("Could not find project: {above}.")));
    };
    if parent.domain_id != domain {
        return Err(Refusal::bad(format!(
            "Cannot create project, since it specifies its domain_id {domain}, but specifies a \
             parent in a different domain ({}).",
            parent.domain_id
        )));
    }
    let mut branch = identity.parents(above);
    if branch.len() + 2 > DEPTH {
        return Err(forbidden(&format!("Max hierarchy depth reached for {above} branch.")));
    }
    branch.push(parent);
    match branch.iter().find(|project| !project.enabled) {
        Some(disabled) => Err(Refusal::bad(format!(
            "cannot create a project in a branch containing a disabled project: {}",
            disabled.id
        ))),
        None => Ok(()),
    }
}

pub(super) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v3/projects", get(list_all).post(create))
        .route("/v3/projects/{id}", get(show).patch(update).delete(remove_one))
}

/// A domain as a project shows it.
fn as_project(domain: &Domain, world: &World) -> Value {
    let mut shown = domain.render(world);
    shown["domain_id"] = Value::Null;
    shown["parent_id"] = Value::Null;
    shown["is_domain"] = Value::Bool(true);
    shown["links"] = super::self_link(world, "projects", &domain.id);
    shown
}

async fn list_all(
    world: State<SharedWorld>,
    caller: Authenticated,
    query: Query,
) -> Result<Response, Refusal> {
    let domains = query.get("is_domain").is_some_and(|asked| !matches!(asked, "false" | "0"));
    if !domains {
        return list::<Project>(world, caller, query).await;
    }
    crate::keystone::policy::allow(
        &caller.0,
        "list_projects",
        crate::keystone::policy::Target::within(caller.0.domain()),
    )?;
    let identity = world.identity();
    let shown = identity.domains.values().map(|domain| as_project(domain, &world));
    let found = shown.filter(|it| super::matches(it, &query, Project::FILTERS)).collect();
    Ok(super::listed(&world, "projects", "projects", &query, found))
}

async fn create(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let given = given(&headers, body, Project::ONE).await?;
    if given.get("is_domain") != Some(&Value::Bool(true)) {
        let shown = make::<Project>(&world, &caller, &given)?;
        return Ok((StatusCode::CREATED, axum::Json(json!({"project": shown}))).into_response());
    }
    if given.get("parent_id").is_some_and(|above| !above.is_null()) {
        return Err(Refusal::bad("only root projects are allowed to act as domains."));
    }
    let without = given
        .iter()
        .filter(|(name, _)| !["is_domain", "parent_id", "domain_id"].contains(&name.as_str()));
    let given: Map<String, Value> =
        without.map(|(name, value)| (name.clone(), value.clone())).collect();
    let made = make::<Domain>(&world, &caller, &given)?;
    let identity = world.identity();
    let shown = made["id"].as_str().and_then(|id| identity.domains.get(id));
    let shown = shown.map(|domain| as_project(domain, &world));
    Ok((StatusCode::CREATED, axum::Json(json!({"project": shown}))).into_response())
}

async fn show(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Refusal> {
    let identity = world.identity();
    if !identity.projects.contains_key(&id)
        && let Some(domain) = identity.domains.get(&id)
    {
        find::<Domain>(&identity, &caller, &id, "get")?;
        return Ok(axum::Json(json!({"project": as_project(domain, &world)})).into_response());
    }
    let project: Project = find(&identity, &caller, &id, "get")?;
    let mut shown = project.render(&world);
    expand(&world, &identity, &caller, &project, &query, &mut shown)?;
    Ok(axum::Json(json!({"project": shown})).into_response())
}

/// Adds what is above and below, as lists (of what the caller has a role on) or as trees of ids.
fn expand(
    world: &World,
    identity: &Identity,
    caller: &Caller,
    project: &Project,
    query: &Query,
    shown: &mut Value,
) -> Result<(), Refusal> {
    let asked = |name: &str| query.get(name).is_some_and(|it| !matches!(it, "false" | "0"));
    for kind in ["parents", "subtree"] {
        if asked(&format!("{kind}_as_list")) && asked(&format!("{kind}_as_ids")) {
            return Err(Refusal::bad(format!(
                "Cannot use {kind}_as_list and {kind}_as_ids query params at the same time."
            )));
        }
    }
    let own = |it: &&&Project| {
        let scope = Scope::Project(it.id.clone());
        !identity.roles_on(caller.user(), &scope).is_empty()
    };
    let as_list = |all: Vec<&Project>| -> Value {
        all.iter().filter(own).map(|it| json!({"project": it.render(world)})).collect()
    };
    if asked("parents_as_list") {
        shown["parents"] = as_list(identity.parents(&project.id));
    } else if asked("parents_as_ids") {
        let start = json!({&project.domain_id: null});
        let above = identity.parents(&project.id);
        let tree = above.iter().rev().fold(start, |tree, it| json!({&it.id: tree}));
        shown["parents"] = tree;
    }
    if asked("subtree_as_list") {
        shown["subtree"] = as_list(identity.subtree(&project.id));
    } else if asked("subtree_as_ids") {
        shown["subtree"] = ids_below(identity, &project.id, DEPTH);
    }
    Ok(())
}

fn ids_below(identity: &Identity, id: &str, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    let below: Map<String, Value> = identity
        .children(id)
        .map(|child| (child.id.clone(), ids_below(identity, &child.id, depth - 1)))
        .collect();
    if below.is_empty() { Value::Null } else { Value::Object(below) }
}

async fn update(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let given = given(&headers, body, Project::ONE).await?;
    let is_domain = {
        let identity = world.identity();
        identity.domains.contains_key(&id) && !identity.projects.contains_key(&id)
    };
    if !is_domain {
        return alter::<Project>(&world, &caller, &id, &given);
    }
    alter::<Domain>(&world, &caller, &id, &given)?;
    let identity = world.identity();
    let shown = identity.domains.get(&id).map(|domain| as_project(domain, &world));
    Ok(axum::Json(json!({"project": shown})).into_response())
}

async fn remove_one(
    world: State<SharedWorld>,
    caller: Authenticated,
    id: Path<String>,
) -> Result<StatusCode, Refusal> {
    let is_domain = world.identity().domains.contains_key(&id.0);
    if is_domain {
        remove::<Domain>(world, caller, id).await
    } else {
        remove::<Project>(world, caller, id).await
    }
}
