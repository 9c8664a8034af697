//! The version document. At the root it needs no token.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::MOUNT;
use super::asked::{RANGE, versioned};
use crate::world::SharedWorld;

fn document(base: &str) -> Value {
    json!({"versions": [{
        "id": "v3.0",
        "status": "CURRENT",
        "version": RANGE.highest.to_string(),
        "min_version": RANGE.lowest.to_string(),
        "updated": "2022-08-31T00:00:00Z",
        "links": [
            {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
            {"rel": "self", "href": format!("{base}{MOUNT}/v3/")},
        ],
        "media-types": [{
            "base": "application/json",
            "type": "application/vnd.openstack.volume+json;version=3",
        }],
    }]})
}

pub(crate) async fn all(State(world): State<SharedWorld>) -> Response {
    let answer = (StatusCode::MULTIPLE_CHOICES, axum::Json(document(&world.base))).into_response();
    versioned(answer, RANGE.lowest)
}

pub(crate) async fn current(State(world): State<SharedWorld>) -> axum::Json<Value> {
    axum::Json(document(&world.base))
}
