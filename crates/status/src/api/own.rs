//! Our own API below `/api/v1`: what the compatible one has no words for. Objects and errors look the
//! same; writes take `notify` beside the fields, and `"notify": false` tells subscribers nothing. New incidents
//! and updates take the name of a `template` for what is not said.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, patch, post};
use lotse_core::id::IncidentId;

use super::extract::{Given, Query, Segment, Segments};
use super::{Answered, incident_id, perform_with, update_order};
use crate::command::{Command, Notice};
use crate::error::Error;
use crate::extra::Template;
use crate::site::Site;
use crate::writer::Writer;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .merge(super::extras::routes())
        .route("/api/v1/openapi.json", get(document))
        .route("/api/v1/incidents", post(incident_add))
        .route("/api/v1/incidents/{id}", patch(incident_change).delete(incident_remove))
        .route("/api/v1/incidents/{id}/updates", post(update_add))
        .route("/api/v1/incidents/{id}/updates/{order}", patch(update_change).delete(update_remove))
}

async fn document(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    site.own_document().respond(&headers)
}

/// Removals have no body: they take `?notify=false`.
pub(super) fn notice(query: &Query) -> Result<Notice, Error> {
    match query.get("notify") {
        None | Some("true") => Ok(Notice::Everybody),
        Some("false") => Ok(Notice::Nobody),
        Some(_) => Err(Error::invalid("notify", "true or false is needed")),
    }
}

async fn incident_add(State(site): State<Arc<Site>>, writer: Writer, given: Given) -> Answered {
    let (body, whole) = (given.body()?, site.desk().whole());
    let mut fields = body.incident()?;
    if let Some(name) = body.template()? {
        fields = Template::named(whole.book(), &name)?.incident(whole.book(), &fields);
    }
    let command = Command::AddIncident(IncidentId::generate(), fields);
    perform_with(&site, &writer, command, body.notice()?).await
}

async fn incident_change(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    writer: Writer,
    given: Given,
) -> Answered {
    let body = given.body()?;
    body.without_template()?;
    let command = Command::ChangeIncident(incident_id(&id)?, body.incident()?);
    perform_with(&site, &writer, command, body.notice()?).await
}

async fn incident_remove(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    query: Query,
    writer: Writer,
) -> Answered {
    let command = Command::RemoveIncident(incident_id(&id)?);
    perform_with(&site, &writer, command, notice(&query)?).await
}

async fn update_add(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    writer: Writer,
    given: Given,
) -> Answered {
    let (body, whole, id) = (given.body()?, site.desk().whole(), incident_id(&id)?);
    let mut fields = body.update()?;
    if let Some(name) = body.template()? {
        fields = Template::named(whole.book(), &name)?.update(whole.book(), id, &fields);
    }
    let command = Command::AddUpdate(id, fields);
    perform_with(&site, &writer, command, body.notice()?).await
}

async fn update_change(
    State(site): State<Arc<Site>>,
    Segments(id, order): Segments,
    writer: Writer,
    given: Given,
) -> Answered {
    let (id, order, body) = (incident_id(&id)?, update_order(&order)?, given.body()?);
    body.without_template()?;
    let command = Command::ChangeUpdate(id, order, body.update()?);
    perform_with(&site, &writer, command, body.notice()?).await
}

async fn update_remove(
    State(site): State<Arc<Site>>,
    Segments(id, order): Segments,
    query: Query,
    writer: Writer,
) -> Answered {
    let command = Command::RemoveUpdate(incident_id(&id)?, update_order(&order)?);
    perform_with(&site, &writer, command, notice(&query)?).await
}
