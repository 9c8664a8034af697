//! Volume types.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use lotse_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::asked::{Asked, Given, answer, inner, pairs, text};
use super::list::{Listed, Rules, Wanted};
use super::model::{VolumeType, Volumes};
use super::{refusal, shapes};
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::schema::oslo::truth;
use crate::world::SharedWorld;

const RULES: Rules = Rules {
    kind: "volume_types",
    one: "Volume type",
    filters: &["is_public", "extra_specs"],
    sorts: &["id", "name", "is_public", "created_at", "updated_at", "description"],
};

const ACCESS: &str = "os-volume-type-access:is_public";

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/types", get(list).post(create))
        .route("/types/default", get(default))
        .route("/types/{id}", get(show).put(update).delete(remove))
        .route("/types/{id}/os-volume-type-access", get(access))
        .route("/types/{id}/action", post(action))
}

impl Listed for VolumeType {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Timestamp {
        self.created_at
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "id" => json!(self.id),
            "name" => json!(self.name),
            "description" => json!(self.description),
            "is_public" => json!(self.is_public),
            "extra_specs" => json!(self.extra_specs),
            "created_at" | "updated_at" => json!(self.created_at),
            _ => return None,
        })
    }
}

/// What of a type is shown.
#[derive(Clone, Copy, Debug)]
struct Parts {
    access: bool,
    qos: bool,
}

fn shown(asked: &Asked, kind: &VolumeType, parts: Parts) -> Value {
    // Others than administrators see only the specs that are meant for them.
    let specs = if asked.is_admin() { json!(kind.extra_specs) } else { json!({}) };
    let mut shown = json!({
        "id": kind.id,
        "name": kind.name,
        "is_public": kind.is_public,
        "description": kind.description,
        "extra_specs": specs,
    });
    if parts.access {
        shown[ACCESS] = json!(kind.is_public);
    }
    if parts.qos && asked.is_admin() {
        shown["qos_specs_id"] = json!(kind.qos_specs_id);
    }
    shown
}

/// The type, if the caller may know of it.
pub(crate) fn find<'a>(
    asked: &Asked,
    volumes: &'a mut Volumes,
    id: &str,
) -> Result<&'a mut VolumeType, Fault> {
    let found = volumes.types.get_mut(id);
    let seen = found.filter(|kind| asked.is_admin() || kind.open_to(asked.project()));
    seen.ok_or_else(|| Fault::missing(format!("Volume type {id} could not be found.")))
}

async fn list(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<Response, Fault> {
    let public = match query.get("is_public").map(str::to_ascii_lowercase).as_deref() {
        None | Some("true" | "1" | "t" | "yes" | "on" | "y") => Some(true),
        Some("none") => None,
        Some("false" | "0" | "f" | "no" | "off" | "n") => Some(false),
        Some(_) => {
            let given = query.get("is_public").unwrap_or_default();
            return Err(Fault::bad(format!("Invalid is_public filter [{given}]")));
        }
    };
    let mut rest = query.clone();
    rest.0.retain(|(name, _)| name != "is_public");
    let wanted = Wanted::parse(&asked, &rest, RULES, "")?;
    let volumes = world.volume();
    let seen = volumes.types.values().filter(|kind| {
        if asked.is_admin() && query.get("is_public").is_some() {
            return public.is_none_or(|public| kind.is_public == public);
        }
        kind.open_to(asked.project())
    });
    let page = wanted.page(seen)?;
    let parts = Parts { access: true, qos: true };
    let items = page.items.iter().map(|kind| shown(&asked, kind, parts));
    let mut body = json!({"volume_types": items.collect::<Vec<_>>()});
    if let Some(links) = wanted.links(&page) {
        body["volume_type_links"] = links;
    }
    Ok(answer(StatusCode::OK, body))
}

async fn default(State(world): State<SharedWorld>, asked: Asked) -> Result<Response, Fault> {
    let volumes = world.volume();
    let kind = volumes.default_type();
    let kind = kind.ok_or_else(|| Fault::missing("Default volume type can not be found."))?;
    let body = json!({"volume_type": shown(&asked, kind, Parts { access: false, qos: true })});
    Ok(answer(StatusCode::OK, body))
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let mut volumes = world.volume();
    let kind = find(&asked, &mut volumes, &id)?;
    let body = json!({"volume_type": shown(&asked, kind, Parts { access: true, qos: true })});
    Ok(answer(StatusCode::OK, body))
}

fn exists(volumes: &Volumes, name: &str, but: Option<&str>) -> Result<(), Fault> {
    let other = volumes.types.values().find(|kind| kind.name == name);
    match other {
        Some(other) if Some(other.id.as_str()) != but => {
            Err(Fault::conflict(format!("Volume Type {name} already exists.")))
        }
        _ => Ok(()),
    }
}

/// What a name must look like.
fn name_shape() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 255})
}

async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    Given(body): Given,
) -> Result<Response, Fault> {
    let properties = json!({
        "name": name_shape(),
        "description": shapes::short(),
        "extra_specs": {
            "type": ["object", "null"],
            "patternProperties": {
                "^[a-zA-Z0-9-_:. ]{1,255}$": {"type": ["string", "null"], "maxLength": 255},
            },
            "additionalProperties": false,
        },
        ACCESS: shapes::boolean(),
    });
    let given = inner(&body, "volume_type", shapes::object(properties, &["name"], false))?;
    asked.admin_only("volume_extension:type_create")?;
    let name = text(&given, "name").unwrap_or_default();
    let mut volumes = world.volume();
    exists(&volumes, &name, None)?;
    let kind = VolumeType {
        id: world.ids.uuid(),
        name,
        description: text(&given, "description"),
        is_public: given.get(ACCESS).is_none_or(truth),
        extra_specs: pairs(given.get("extra_specs")),
        created_at: world.now(),
        ..VolumeType::default()
    };
    let body = json!({"volume_type": shown(&asked, &kind, Parts { access: true, qos: false })});
    volumes.types.insert(kind.id.clone(), kind);
    Ok(answer(StatusCode::OK, body))
}

async fn update(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    let properties = json!({
        "name": {"type": ["string", "null"], "minLength": 1, "maxLength": 255},
        "description": shapes::short(),
        "is_public": shapes::boolean(),
    });
    let given: Map<String, Value> =
        inner(&body, "volume_type", shapes::object(properties, &[], false))?;
    asked.admin_only("volume_extension:type_update")?;
    if given.is_empty() {
        let text = "Specify volume type name, description, is_public or a combination thereof.";
        return Err(Fault::bad(text));
    }
    let mut volumes = world.volume();
    find(&asked, &mut volumes, &id)?;
    if let Some(name) = text(&given, "name") {
        exists(&volumes, &name, Some(&id))?;
    }
    let kind = find(&asked, &mut volumes, &id)?;
    if let Some(name) = text(&given, "name") {
        kind.name = name;
    }
    if given.contains_key("description") {
        kind.description = text(&given, "description");
    }
    if let Some(public) = given.get("is_public") {
        kind.is_public = truth(public);
    }
    let body = json!({"volume_type": shown(&asked, kind, Parts { access: false, qos: false })});
    Ok(answer(StatusCode::OK, body))
}

async fn remove(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    asked.admin_only("volume_extension:type_delete")?;
    let mut volumes = world.volume();
    let kind = find(&asked, &mut volumes, &id)?.clone();
    if volumes.by_id.values().any(|volume| volume.type_id == id) {
        return Err(Fault::bad("Target volume type is still in use."));
    }
    if kind.name == volumes.default_type {
        return Err(Fault::bad(format!(
            "The volume type {id} is a default volume type and cannot be deleted."
        )));
    }
    volumes.types.remove(&id);
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn access(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    asked.admin_only("volume_extension:volume_type_access:get_all_for_type")?;
    let mut volumes = world.volume();
    let kind = find(&asked, &mut volumes, &id)?;
    if kind.is_public {
        return Err(Fault::missing("Access list not available for public volume types."));
    }
    let list: Vec<Value> = kind
        .projects
        .iter()
        .map(|project| json!({"volume_type_id": id, "project_id": project}))
        .collect();
    Ok(answer(StatusCode::OK, json!({"volume_type_access": list})))
}

async fn action(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Given(body): Given,
) -> Result<Response, Fault> {
    let name = if body.get("removeProjectAccess").is_some() {
        "removeProjectAccess"
    } else {
        "addProjectAccess"
    };
    let project = json!({"project": {"type": "string", "minLength": 1, "maxLength": 255}});
    let given = inner(&body, name, shapes::object(project, &["project"], false))?;
    asked.admin_only(&format!("volume_extension:volume_type_access:{name}"))?;
    let project = text(&given, "project").unwrap_or_default();
    let mut volumes = world.volume();
    let kind = volumes.types.get_mut(&id).ok_or_else(|| refusal::no_type(&id))?;
    if kind.is_public {
        let text = "Type access modification is not applicable to public volume type.";
        return Err(Fault::conflict(format!("Invalid volume type: {text}")));
    }
    if name == "addProjectAccess" && !kind.projects.insert(project.clone()) {
        return Err(Fault::conflict(format!(
            "Volume type access for {id} / {project} combination already exists."
        )));
    }
    if name == "removeProjectAccess" && !kind.projects.remove(&project) {
        return Err(Fault::missing(format!(
            "Volume type access not found for {id} / {project} combination."
        )));
    }
    Ok(StatusCode::ACCEPTED.into_response())
}
