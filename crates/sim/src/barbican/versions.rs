//! What Barbican says of itself: versions, limits, and what it does not offer.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};

use super::asked::{Asked, RANGE};
use super::policy::{Act, allow};
use super::refusal::Refused;
use crate::microversion::Version;
use crate::world::SharedWorld;

fn info(root: &str, version: Version) -> Value {
    let mut info = json!({
        "id": "v1",
        "status": "stable",
        "links": [
            {"rel": "self", "href": format!("{root}/v1/")},
            {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
        ],
    });
    if version == RANGE.lowest {
        info["media-types"] = json!([{
            "base": "application/json",
            "type": "application/vnd.openstack.key-manager-v1+json",
        }]);
    } else {
        info["status"] = json!("CURRENT");
        info["min_version"] = json!(RANGE.lowest.to_string());
        info["max_version"] = json!(RANGE.highest.to_string());
    }
    info
}

/// The list of versions, which anybody may see.
pub(crate) fn all(root: &str, version: Version) -> Response {
    let info = info(root, version);
    let body = if version == RANGE.lowest {
        json!({"versions": {"values": [info]}})
    } else {
        json!({"versions": [info]})
    };
    (StatusCode::MULTIPLE_CHOICES, Json(body)).into_response()
}

async fn one(asked: Asked) -> Json<Value> {
    let root = asked.here.trim_end_matches("/v1");
    Json(json!({"version": info(root, asked.version)}))
}

/// The limits: none, as Barbican comes.
async fn quotas(asked: Asked) -> Result<Json<Value>, Refused> {
    allow(&asked, Act::LookAtQuotas, "Quotas")?;
    let kinds = ["secrets", "orders", "containers", "consumers", "cas"];
    let limits: serde_json::Map<String, Value> =
        kinds.into_iter().map(|kind| (kind.to_owned(), json!(-1))).collect();
    Ok(Json(json!({"quotas": limits})))
}

/// Limits of single projects are the business of a role that nobody has here.
async fn project_quotas(asked: Asked) -> Result<Json<Value>, Refused> {
    allow(&asked, Act::ManageQuotas, "Project Quotas")?;
    Ok(Json(json!({"project_quotas": [], "total": 0})))
}

async fn quotas_of(asked: Asked, Path(_): Path<String>) -> Result<Response, Refused> {
    allow(&asked, Act::ManageQuotas, "Project Quotas")?;
    Err(Refused::missing("Project quotas not found."))
}

async fn no_stores() -> Refused {
    Refused::missing(
        "Not Found. Multiple backends support is not enabled in service configuration.",
    )
}

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v1", get(one))
        .route("/v1/quotas", get(quotas))
        .route("/v1/project-quotas", get(project_quotas))
        .route("/v1/project-quotas/{id}", get(quotas_of).put(quotas_of).delete(quotas_of))
        .route("/v1/secret-stores", get(no_stores))
        .route("/v1/secret-stores/{which}", get(no_stores))
}
