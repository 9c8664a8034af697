//! Services and endpoints: the catalogue as administrators see it.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::{links, matches, self_link};
use crate::http::query::Query;
use crate::ids::named;
use crate::keystone::caller::Authenticated;
use crate::keystone::policy;
use crate::keystone::refusal::Refusal;
use crate::keystone::token::{REGION, endpoint_id};
use crate::world::SharedWorld;

pub(super) fn routes() -> Router<SharedWorld> {
    Router::new().route("/v3/services", get(services)).route("/v3/endpoints", get(endpoints))
}

async fn services(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<Response, Refusal> {
    policy::look(&caller, "list_services")?;
    let shown = world.catalog.iter().map(|entry| {
        let id = named("service", entry.kind);
        json!({
            "name": entry.name,
            "id": id,
            "type": entry.kind,
            "enabled": true,
            "links": self_link(&world, "services", &id),
        })
    });
    let shown: Vec<Value> = shown.filter(|shown| matches(shown, &query)).collect();
    Ok(axum::Json(json!({"services": shown, "links": links(&world, "services", &query.text())}))
        .into_response())
}

async fn endpoints(
    State(world): State<SharedWorld>,
    Authenticated(caller): Authenticated,
    query: Query,
) -> Result<Response, Refusal> {
    policy::look(&caller, "list_endpoints")?;
    let shown = world.catalog.iter().flat_map(|entry| {
        ["admin", "internal", "public"].map(|interface| {
            let id = endpoint_id(entry.kind, interface);
            json!({
                "id": id,
                "interface": interface,
                "region_id": REGION,
                "service_id": named("service", entry.kind),
                "url": format!("{}{}", world.base, entry.path),
                "enabled": true,
                "region": REGION,
                "links": self_link(&world, "endpoints", &id),
            })
        })
    });
    let shown: Vec<Value> = shown.filter(|shown| matches(shown, &query)).collect();
    Ok(axum::Json(json!({"endpoints": shown, "links": links(&world, "endpoints", &query.text())}))
        .into_response())
}
