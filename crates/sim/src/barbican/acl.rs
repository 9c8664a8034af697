//! Who may read a secret or a container besides the roles of its project.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use lotse_core::time::Timestamp;
use serde_json::{Value, json};

use super::asked::{Asked, fits, parsed};
use super::model::{Acl, Owner, Secrets};
use super::policy::{Act, allow_on};
use super::refusal::Refused;
use super::secrets::iso;
use super::{containers, secrets};
use crate::world::{SharedWorld, World};

/// What a list belongs to.
#[derive(Clone, Copy, Debug)]
enum Of {
    Secret,
    Container,
}

impl Of {
    /// What is being done, in refusals.
    fn doing(self, what: &str) -> String {
        match self {
            Self::Secret => format!("SecretACL(s) {what}"),
            Self::Container => format!("ContainerACL(s) {what}"),
        }
    }

    fn owner<'a>(
        self,
        all: &'a mut Secrets,
        id: &str,
        now: Timestamp,
    ) -> Result<&'a mut Owner, Refused> {
        match self {
            Self::Secret => Ok(&mut secrets::find(all, id, now)?.owner),
            Self::Container => Ok(&mut containers::find(all, id)?.owner),
        }
    }

    fn href(self, asked: &Asked, id: &str) -> String {
        let kind = match self {
            Self::Secret => "secrets",
            Self::Container => "containers",
        };
        format!("{}/acl", asked.href(kind, id))
    }
}

type Change = (HeaderMap, Bytes);

pub(crate) fn routes() -> Router<SharedWorld> {
    let mut routes = Router::new();
    for (of, path) in
        [(Of::Secret, "/v1/secrets/{id}/acl"), (Of::Container, "/v1/containers/{id}/acl")]
    {
        let look =
            async move |State(world): State<SharedWorld>, asked: Asked, Path(id): Path<String>| {
                show(of, &world, &asked, &id)
            };
        let put = async move |State(world): State<SharedWorld>,
                              asked: Asked,
                              Path(id): Path<String>,
                              headers: HeaderMap,
                              bytes: Bytes| {
            change((of, true), &world, &asked, &id, &(headers, bytes))
        };
        let patch = async move |State(world): State<SharedWorld>,
                                asked: Asked,
                                Path(id): Path<String>,
                                headers: HeaderMap,
                                bytes: Bytes| {
            change((of, false), &world, &asked, &id, &(headers, bytes))
        };
        let gone =
            async move |State(world): State<SharedWorld>, asked: Asked, Path(id): Path<String>| {
                remove(of, &world, &asked, &id)
            };
        routes = routes.route(path, get(look).put(put).patch(patch).delete(gone));
    }
    routes
}

fn show(of: Of, world: &World, asked: &Asked, id: &str) -> Result<Json<Value>, Refused> {
    let mut all = world.key_manager();
    let owner = of.owner(&mut all, id, world.now())?;
    allow_on(asked, Act::LookAtAcl, owner, &of.doing("retrieval"))?;
    let Some(acl) = &owner.acl else {
        return Ok(Json(json!({"read": {"project-access": true}})));
    };
    Ok(Json(json!({"read": {
        "project-access": acl.project_access,
        "users": acl.users,
        "created": iso(acl.created_at),
        "updated": iso(acl.updated_at),
    }})))
}

fn rules() -> Value {
    json!({
        "type": "object",
        "properties": {"read": {
            "type": "object",
            "properties": {
                "users": {"type": "array", "items": {"type": "string", "maxLength": 255}},
                "project-access": {"type": "boolean"},
            },
            "additionalProperties": false,
        }},
        "additionalProperties": false,
    })
}

/// Replaces the list, or changes those parts of it that are given.
fn change(
    (of, whole): (Of, bool),
    world: &World,
    asked: &Asked,
    id: &str,
    (headers, bytes): &Change,
) -> Result<Json<Value>, Refused> {
    let now = world.now();
    let mut all = world.key_manager();
    let owner = of.owner(&mut all, id, now)?;
    allow_on(asked, Act::ChangeAcl, owner, &of.doing("Update"))?;
    let given = fits("ACL", &rules(), &parsed(headers, bytes)?)?;
    let read = given.get("read").and_then(Value::as_object).filter(|read| !read.is_empty());
    let Some(read) = read else {
        if whole {
            owner.acl = None;
        }
        return Ok(Json(json!({"acl_ref": of.href(asked, id)})));
    };
    let access = read.get("project-access").and_then(Value::as_bool);
    let users = read.get("users").and_then(Value::as_array).map(|users| {
        let users = users.iter().filter_map(Value::as_str).map(str::to_owned);
        users.collect::<Vec<_>>()
    });
    let fresh = Acl { project_access: true, users: Vec::new(), created_at: now, updated_at: now };
    let acl = owner.acl.get_or_insert(fresh);
    if whole {
        acl.project_access = access.unwrap_or(true);
        acl.users = users.unwrap_or_default();
    } else {
        acl.project_access = access.unwrap_or(acl.project_access);
        acl.users = users.unwrap_or_else(|| std::mem::take(&mut acl.users));
    }
    acl.updated_at = now;
    Ok(Json(json!({"acl_ref": of.href(asked, id)})))
}

fn remove(of: Of, world: &World, asked: &Asked, id: &str) -> Result<Json<Value>, Refused> {
    let mut all = world.key_manager();
    let owner = of.owner(&mut all, id, world.now())?;
    allow_on(asked, Act::ChangeAcl, owner, &of.doing("deletion"))?;
    owner.acl = None;
    Ok(Json(Value::Null))
}
