//! The version documents. They need no token.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::MOUNT;
use super::asked::{RANGE, versioned};
use crate::microversion::Version;
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/", get(all))
        .route("/v2", get(old))
        .route("/v2/", get(old))
        .route("/v2.1", get(current))
        .route("/v2.1/", get(current))
}

/// One of the two APIs; the old one has no microversions.
fn describe(base: &str, old: bool) -> Value {
    let (id, path, updated) = if old {
        ("v2.0", "v2", "2011-01-21T11:33:21Z")
    } else {
        ("v2.1", "v2.1", "2013-07-23T11:33:21Z")
    };
    let version = |version: Version| if old { String::new() } else { version.to_string() };
    json!({
        "id": id,
        "status": if old { "SUPPORTED" } else { "CURRENT" },
        "version": version(RANGE.highest),
        "min_version": version(RANGE.lowest),
        "updated": updated,
        "links": [{"rel": "self", "href": format!("{base}{MOUNT}/{path}/")}],
    })
}

/// The same with what only the document of one version says.
fn in_full(base: &str, old: bool) -> Value {
    let mut shown = describe(base, old);
    if let Value::Array(links) = &mut shown["links"] {
        links.push(json!({
            "rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/",
        }));
    }
    let number = if old { "2" } else { "2.1" };
    shown["media-types"] = json!([{
        "base": "application/json",
        "type": format!("application/vnd.openstack.compute+json;version={number}"),
    }]);
    shown
}

async fn all(State(world): State<SharedWorld>) -> axum::Json<Value> {
    let versions = [true, false].map(|old| describe(&world.base, old));
    axum::Json(json!({"versions": versions}))
}

async fn old(State(world): State<SharedWorld>) -> axum::Json<Value> {
    axum::Json(json!({"version": in_full(&world.base, true)}))
}

async fn current(State(world): State<SharedWorld>) -> Response {
    let answer = axum::Json(json!({"version": in_full(&world.base, false)})).into_response();
    versioned(answer, RANGE.lowest)
}
