//! What all kinds of parts have in common: lists, and showing one.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::access::{Deed, Request};
use super::change::find;
use super::list::{self, Of, Row};
use super::model::{Balancers, Kind, Part};
use super::refusal::Refusal;
use super::{locked, show};
use crate::http::query::Query;
use crate::world::SharedWorld;

/// Kinds as parameters of handlers.
pub(crate) const LOAD_BALANCER: u8 = 0;
pub(crate) const LISTENER: u8 = 1;
pub(crate) const POOL: u8 = 2;
pub(crate) const HEALTH_MONITOR: u8 = 3;
pub(crate) const L7_POLICY: u8 = 4;

const fn kind(number: u8) -> Kind {
    match number {
        LISTENER => Kind::Listener,
        POOL => Kind::Pool,
        HEALTH_MONITOR => Kind::HealthMonitor,
        L7_POLICY => Kind::L7Policy,
        _ => Kind::LoadBalancer,
    }
}

/// A part as a row of a list.
fn row(state: &Balancers, part: &Part) -> Row {
    let above = match part.kind {
        Kind::Listener | Kind::Pool => "loadbalancer_id",
        Kind::Member | Kind::HealthMonitor => "pool_id",
        Kind::L7Rule => "l7policy_id",
        Kind::LoadBalancer | Kind::L7Policy => "listener_id",
    };
    let hidden = Map::from_iter([(above.to_owned(), json!(part.parent))]);
    Row { shown: show::part(state, part), hidden }
}

/// The address of a list.
pub(crate) fn url(world: &SharedWorld, path: &str) -> String {
    format!("{}{}/v2/lbaas/{path}", world.base, super::MOUNT)
}

/// A list of parts of one kind.
pub(crate) fn answer<'a>(
    state: &'a Balancers,
    kind: Kind,
    url: &str,
    query: &Query,
    parts: impl Iterator<Item = &'a Part>,
) -> Result<Value, Refusal> {
    let of = Of {
        url,
        names: (kind.many(), &format!("{}_links", kind.many())),
        columns: &|name| kind.is_column(name),
        keys: &["created_at", "id"],
    };
    let rows = parts.map(|part| row(state, part)).collect();
    list::answer(&of, query, rows, |id| state.get(kind, id).map(|part| row(state, part)))
}

/// All parts of a kind that the caller may see.
pub(crate) async fn list_all<const KIND: u8>(
    State(world): State<SharedWorld>,
    request: Request,
    query: Query,
) -> Result<Response, Refusal> {
    let kind = kind(KIND);
    let project = request.scope(Deed::Read, query.get("project_id"))?;
    let state = locked(&world);
    let parts = state.of_kind(kind);
    let mine = parts.filter(|part| project.as_deref().is_none_or(|it| part.project_id == it));
    let body = answer(&state, kind, &url(&world, kind.many()), &query, mine)?;
    Ok(axum::Json(body).into_response())
}

/// One part.
pub(crate) async fn show_one<const KIND: u8>(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Refusal> {
    let kind = kind(KIND);
    let state = locked(&world);
    let part = find(&state, kind, &id)?;
    request.allow(Deed::Read, Some(&part.project_id))?;
    Ok(shown(&state, &part, &query).into_response())
}

/// The answer that shows a part, or the fields of it that were asked for.
pub(crate) fn shown(state: &Balancers, part: &Part, query: &Query) -> axum::Json<Value> {
    let shown = list::select(show::part(state, part), query);
    axum::Json(json!({part.kind.one(): shown}))
}

/// The answer that shows a part after a change.
pub(crate) fn changed(state: &Balancers, part: &Part) -> Value {
    json!({part.kind.one(): show::part(state, part)})
}
