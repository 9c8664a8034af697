//! Changing images: the two JSON patch dialects of Glance.
//!
//! All operations are checked, then applied to a copy, which replaces the image if every one of them
//! was allowed.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName};
use serde_json::{Map, Value};

use super::access::{self, Authenticated};
use super::images::{NAMESPACE, READ_ONLY, RESERVED, json_body, natural, tags};
use super::model::{Image, Status, Visibility};
use super::notify;
use super::refusal::Refusal;
use super::schema;
use crate::keystone::caller::Caller;
use crate::world::SharedWorld;

/// The dialect with one member per operation.
const V2_0: &str = "application/openstack-images-v2.0-json-patch";
/// The dialect with `op`, `path` and `value`.
const V2_1: &str = "application/openstack-images-v2.1-json-patch";
/// Both, as the header `Accept-Patch` names them.
const BOTH: &str = "application/openstack-images-v2.0-json-patch, \
                    application/openstack-images-v2.1-json-patch";

/// Attributes that every image has.
const BASE: &[&str] = &[
    "name",
    "disk_format",
    "container_format",
    "visibility",
    "protected",
    "min_ram",
    "min_disk",
    "owner",
    "os_hidden",
    "tags",
    "locations",
];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Op {
    Add,
    Remove,
    Replace,
}

impl Op {
    const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Replace => "replace",
        }
    }

    const ALL: [Self; 3] = [Self::Add, Self::Remove, Self::Replace];
}

/// One checked operation.
struct Change {
    op: Op,
    name: String,
    value: Value,
}

/// `PATCH /v2/images/{id}`.
pub(crate) async fn update(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|text| text.split(';').next());
    let media_type = media_type.unwrap_or("text/plain").trim();
    if media_type != V2_0 && media_type != V2_1 {
        let accept_patch = HeaderName::from_static("accept-patch");
        return Err(Refusal::media_type(media_type).with_header(accept_patch, BOTH));
    }
    let Value::Array(operations) = json_body(body).await? else {
        return Err(Refusal::bad("Request body must be a JSON array of operation objects."));
    };
    let changes: Vec<Change> = operations
        .iter()
        .map(|operation| parse(operation, media_type == V2_1))
        .collect::<Result<_, _>>()?;
    let now = world.now();
    let mut images = world.images();
    let image = access::find_to_change(&mut images, &id, &caller, "modify_image")?;
    let mut changed = image.clone();
    for change in &changes {
        apply(&mut changed, change, &caller)?;
    }
    if !changes.is_empty() {
        changed.updated_at = now;
    }
    *image = changed;
    world.events.publish(notify::image("update", image, now, caller.cause(None)));
    Ok(axum::Json(image.render()).into_response())
}

fn parse(operation: &Value, named: bool) -> Result<Change, Refusal> {
    let Value::Object(operation) = operation else {
        return Err(Refusal::bad("Operations must be JSON objects."));
    };
    let (op, path) = if named { operation_v2_1(operation)? } else { operation_v2_0(operation)? };
    let name = pointer(op, path)?;
    let value = match op {
        Op::Remove => Value::Null,
        _ => operation.get("value").cloned().ok_or_else(|| {
            let op = op.name();
            Refusal::bad(format!("Operation \"{op}\" requires a member named \"value\"."))
        })?,
    };
    let forbidden = if READ_ONLY.contains(&name.as_str()) {
        Some("read-only")
    } else if RESERVED.contains(&name.as_str()) || name.starts_with(NAMESPACE) {
        Some("reserved")
    } else {
        None
    };
    if let Some(why) = forbidden {
        return Err(Refusal::forbidden(format!("Attribute '{name}' is {why}.")));
    }
    if op != Op::Remove {
        // A single element of a list stands for the list.
        let deep = path.trim_start_matches('/').contains('/');
        let value = if deep { Value::Array(vec![value.clone()]) } else { value.clone() };
        schema::check(&Map::from_iter([(name.clone(), value)]))?;
    }
    Ok(Change { op, name, value })
}

fn operation_v2_1(operation: &Map<String, Value>) -> Result<(Op, &str), Refusal> {
    let available = "It must be one of the following: add, remove, replace.";
    let Some(op) = operation.get("op").and_then(Value::as_str) else {
        let text = format!("Unable to find `op` in JSON Schema change. {available}");
        return Err(Refusal::bad(text));
    };
    let known = Op::ALL.into_iter().find(|known| known.name() == op);
    let known =
        known.ok_or_else(|| Refusal::bad(format!("Invalid operation: `{op}`. {available}")))?;
    let path = operation.get("path").and_then(Value::as_str);
    let path = path.ok_or_else(|| Refusal::bad("Unable to find 'path' in JSON Schema change"))?;
    Ok((known, path))
}

fn operation_v2_0(operation: &Map<String, Value>) -> Result<(Op, &str), Refusal> {
    let mut found = Op::ALL
        .into_iter()
        .filter_map(|op| operation.get(op.name()).and_then(Value::as_str).map(|path| (op, path)));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (count, _) => {
            let number = if count.is_some() { "only" } else { "exactly" };
            Err(Refusal::bad(format!(
                "Operation objects must contain {number} one member named \"add\", \"remove\", or \
                 \"replace\"."
            )))
        }
    }
}

/// The attribute that a JSON pointer names. Only `locations` has anything below it.
fn pointer(op: Op, path: &str) -> Result<String, Refusal> {
    let refuse = |why: &str| Err(Refusal::bad(format!("Pointer `{path}` {why}")));
    let Some(rest) = path.strip_prefix('/') else {
        return refuse("does not start with \"/\".");
    };
    if rest.split('/').rev().skip(1).any(|part| part.trim().is_empty()) {
        return refuse("contains adjacent \"/\".");
    }
    if rest.ends_with('/') {
        return refuse("end with \"/\".");
    }
    let escapes_well = rest.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    if !escapes_well {
        return refuse("contains \"~\" not part of a recognized escape sequence.");
    }
    let parts: Vec<String> = rest
        .split('/')
        .map(|part| part.replace("~1", "/").replace("~0", "~").trim().to_owned())
        .collect();
    let root = parts.first().cloned().unwrap_or_default();
    let depth = if root == "locations" && op != Op::Replace { 2 } else { 1 };
    if parts.len() != depth {
        let text = format!("Invalid JSON pointer for this resource: '/{}'", parts.join("/"));
        return Err(Refusal::bad(text));
    }
    Ok(root)
}

fn apply(image: &mut Image, change: &Change, caller: &Caller) -> Result<(), Refusal> {
    let name = change.name.as_str();
    if name == "locations" {
        return Err(match (change.op, change.value.as_array().is_some_and(Vec::is_empty)) {
            (Op::Replace, true) => Refusal::denied("Cannot set locations to empty list."),
            _ => {
                Refusal::forbidden("It's not allowed to add locations if locations are invisible.")
            }
        });
    }
    let is_base = BASE.contains(&name);
    match change.op {
        Op::Remove if is_base => {
            Err(Refusal::denied(format!("Property {name} may not be removed.")))
        }
        Op::Remove => image
            .properties
            .shift_remove(name)
            .map(drop)
            .ok_or_else(|| Refusal::clash(format!("Property {name} does not exist."))),
        Op::Add | Op::Replace if is_base => set(image, name, &change.value, caller),
        Op::Replace if !image.properties.contains_key(name) => {
            Err(Refusal::clash(format!("Property {name} does not exist.")))
        }
        Op::Add | Op::Replace => {
            image.properties.insert(name.to_owned(), change.value.clone());
            Ok(())
        }
    }
}

/// Sets an attribute that every image has; the schema has been checked.
fn set(image: &mut Image, name: &str, value: &Value, caller: &Caller) -> Result<(), Refusal> {
    let text = || value.as_str().map(str::to_owned);
    match name {
        "name" => image.name = text(),
        "disk_format" | "container_format" if image.status != Status::Queued => {
            return Err(Refusal::forbidden(format!(
                "Attribute {name} can be only replaced for a queued image."
            )));
        }
        "disk_format" => image.disk_format = text(),
        "container_format" => image.container_format = text(),
        "visibility" => {
            let visibility = value.as_str().and_then(Visibility::parse).unwrap_or_default();
            access::may_show(caller, visibility)?;
            image.visibility = visibility;
        }
        "protected" => image.protected = value == &Value::Bool(true),
        "os_hidden" => image.os_hidden = value == &Value::Bool(true),
        "min_ram" => image.min_ram = natural(name, value)?,
        "min_disk" => image.min_disk = natural(name, value)?,
        "owner" if !caller.is_admin() => {
            return Err(Refusal::denied("Owner can't be updated by non admin."));
        }
        "owner" => image.owner = text(),
        _ => image.tags = tags(Some(value)),
    }
    Ok(())
}
