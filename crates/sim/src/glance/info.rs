//! Versions, schemas, stores and import methods; and what is answered where nothing is.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{Method, StatusCode, Uri};
use serde_json::{Value, json};

use super::access::Authenticated;
use super::refusal::Refusal;
use super::{MOUNT, schema};
use crate::world::{SharedWorld, World};

/// The versions of the API, newest first. There is no 2.14 without the image cache.
const VERSIONS: [&str; 15] = [
    "v2.15", "v2.13", "v2.12", "v2.11", "v2.10", "v2.9", "v2.8", "v2.7", "v2.6", "v2.5", "v2.4",
    "v2.3", "v2.2", "v2.1", "v2.0",
];

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/", get(choices))
        .route("/versions", get(versions))
        .route("/v2", get(slash))
        .route("/v2/info/import", get(import_methods))
        .route("/v2/info/stores", get(stores))
        .route("/v2/info/stores/detail", get(stores_in_detail))
        .route("/v2/info/usage", get(usage))
        .route("/v2/schemas/{name}", get(show_schema))
        .route("/v2/schemas/metadefs/{name}", get(show_metadefs_schema))
        .route("/v2/cache", get(no_cache).delete(no_cache))
        .route("/v2/cache/{id}", put(no_cache).delete(no_cache))
}

fn describe(world: &World) -> Value {
    let href = format!("{}{MOUNT}/v2/", world.base);
    let versions = VERSIONS.iter().enumerate().map(|(at, id)| {
        let status = if at == 0 { "CURRENT" } else { "SUPPORTED" };
        json!({"id": id, "status": status, "links": [{"rel": "self", "href": href}]})
    });
    json!({"versions": versions.collect::<Value>()})
}

async fn choices(State(world): State<SharedWorld>) -> Response {
    (StatusCode::MULTIPLE_CHOICES, axum::Json(describe(&world))).into_response()
}

async fn versions(State(world): State<SharedWorld>) -> Response {
    axum::Json(describe(&world)).into_response()
}

async fn slash(State(world): State<SharedWorld>) -> Response {
    let headers = [
        (LOCATION, format!("{}{MOUNT}/v2/", world.base)),
        (CONTENT_TYPE, "text/plain; charset=utf8".to_owned()),
    ];
    (StatusCode::FOUND, headers).into_response()
}

/// Paths outside the API get the versions, paths inside a 404 after the token was checked.
pub(crate) async fn elsewhere(
    State(world): State<SharedWorld>,
    uri: Uri,
    caller: Result<Authenticated, Refusal>,
) -> Response {
    if !uri.path().starts_with("/v2/") {
        return choices(State(world)).await;
    }
    match caller {
        Ok(_) => Refusal::not_found("The resource could not be found.").into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// A method that a path does not have; the token is checked first.
pub(crate) async fn wrong_method(
    method: Method,
    caller: Result<Authenticated, Refusal>,
) -> Response {
    match caller {
        Ok(_) => Refusal::method(method.as_str()).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn import_methods(State(world): State<SharedWorld>, _: Authenticated) -> Response {
    axum::Json(json!({"import-methods": {
        "description": "Import methods available.",
        "type": "array",
        "value": world.options.import_methods,
    }}))
    .into_response()
}

async fn stores(State(world): State<SharedWorld>, _: Authenticated) -> Response {
    let images = world.images();
    let shown = images.stores.iter().enumerate().map(|(at, id)| {
        if at == 0 { json!({"id": id, "default": "true"}) } else { json!({"id": id}) }
    });
    axum::Json(json!({"stores": shown.collect::<Value>()})).into_response()
}

async fn stores_in_detail(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
) -> Result<Response, Refusal> {
    if !caller.is_admin() {
        return Err(Refusal::policy("stores_info_detail"));
    }
    let images = world.images();
    let shown = images.stores.iter().enumerate().map(|(at, id)| {
        let mut store = json!({"id": id});
        if at == 0 {
            store["default"] = json!("true");
        }
        store["type"] = json!("file");
        store["properties"] = json!({
            "data_dir": format!("/var/lib/glance/{id}"),
            "chunk_size": 65_536,
            "thin_provisioning": false,
        });
        store
    });
    Ok(axum::Json(json!({"stores": shown.collect::<Value>()})).into_response())
}

/// There is no cache, and Glance says so.
async fn no_cache(_: Authenticated) -> Refusal {
    Refusal::not_found("Caching via API is not supported at this site.")
}

async fn show_metadefs_schema(
    _: Authenticated,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let found = super::metadefs::schema(&name);
    let found = found.ok_or_else(|| Refusal::not_found("The resource could not be found."))?;
    Ok(axum::Json(found).into_response())
}

async fn usage(_: Authenticated) -> Response {
    axum::Json(json!({"usage": {}})).into_response()
}

/// The schema of a list without pages.
fn short_list(name: &str, item: &Value) -> Value {
    let mut properties = json!({"schema": {"type": "string"}});
    properties[name] = json!({"type": "array", "items": item});
    let links = json!([{"rel": "describedby", "href": "{schema}"}]);
    json!({"name": name, "properties": properties, "links": links})
}

async fn show_schema(_: Authenticated, Path(name): Path<String>) -> Result<Response, Refusal> {
    let text = || json!({"type": "string"});
    let member = || {
        json!({
            "name": "member",
            "properties": {
                "member_id": text(), "image_id": text(), "created_at": text(),
                "updated_at": text(), "schema": {"readOnly": true, "type": "string"},
                "status": {"type": "string", "enum": ["pending", "accepted", "rejected"]},
            },
        })
    };
    let task = || {
        json!({
            "name": "task",
            "properties": {
                "id": text(), "type": text(), "status": text(), "owner": text(),
                "created_at": text(), "updated_at": text(), "expires_at": text(),
                "message": text(), "self": text(), "schema": text(), "image_id": text(),
                "request_id": text(), "user_id": text(),
                "input": {"type": ["null", "object"]}, "result": {"type": ["null", "object"]},
            },
        })
    };
    let found = match name.as_str() {
        "image" => schema::image(),
        "images" => schema::list_of("images", &schema::image()),
        "member" => member(),
        "members" => short_list("members", &member()),
        "task" => task(),
        "tasks" => short_list("tasks", &task()),
        _ => return Err(Refusal::not_found("The resource could not be found.")),
    };
    Ok(axum::Json(found).into_response())
}
