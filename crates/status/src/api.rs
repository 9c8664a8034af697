//! The compatible API: every operation of the SCS status page document (version 1.1.2), with errors
//! that say what is wrong.
//!
//! Reads are answered from the snapshot; each write is one command at the desk. A handler decodes,
//! calls and encodes.

pub(crate) mod extract;
mod extras;
mod own;
pub(crate) mod refusal;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use lotse_core::id::{ComponentId, ImpactTypeId, IncidentId};
use serde_json::{Value, json};

use self::extract::{Given, Query, Segment, Segments};
use crate::answer::Answer;
use crate::book::When;
use crate::command::{Command, Notice, Outcome};
use crate::error::Error;
use crate::site::Site;
use crate::snapshot::{Snapshot, data};
use crate::wire;
use crate::writer::Writer;

pub(crate) use self::own::routes as own_routes;

type Answered = Result<Response, Error>;

/// The operations, without what stands around them.
pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/components", get(component_list).post(component_add))
        .route(
            "/components/{id}",
            get(component_get).patch(component_change).delete(component_remove),
        )
        .route("/incidents", get(incident_list).post(incident_add))
        .route("/incidents/{id}", get(incident_get).patch(incident_change).delete(incident_remove))
        .route("/incidents/{id}/updates", get(update_list).post(update_add))
        .route(
            "/incidents/{id}/updates/{order}",
            get(update_get).patch(update_change).delete(update_remove),
        )
        .route("/impacttypes", get(impact_type_list).post(impact_type_add))
        .route(
            "/impacttypes/{id}",
            get(impact_type_get).patch(impact_type_change).delete(impact_type_remove),
        )
        .route("/severities", get(band_list).post(band_add))
        .route("/severities/{name}", get(band_get).patch(band_change).delete(band_remove))
        .route("/phases", get(phase_list).post(phase_add))
        .route("/openapi.json", get(document))
}

async fn document(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    site.document().respond(&headers)
}

// Components.

/// The moment that `at` names, or the present.
fn when(site: &Site, query: &Query) -> Result<When, Error> {
    match query.get("at") {
        None => Ok(When::Now(site.desk().clock().now())),
        Some(at) => wire::moment("at", at).map(When::At),
    }
}

async fn component_list(
    State(site): State<Arc<Site>>,
    query: Query,
    headers: HeaderMap,
) -> Answered {
    let at = when(&site, &query)?;
    Ok(site.snapshot().component_list(at).respond(&headers))
}

async fn component_get(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    query: Query,
    headers: HeaderMap,
) -> Answered {
    let id = component_id(&id)?;
    let at = when(&site, &query)?;
    let snapshot = site.snapshot();
    let book = snapshot.book();
    let one = book.components.get(&id).ok_or_else(|| Error::not_found("component", id))?;
    let cases: Arc<Vec<_>> = match at {
        When::Now(now) => snapshot.active(now),
        When::At(_) => {
            let touches = |case: &&Arc<crate::book::Case>| at.touches(&case.incident);
            Arc::new(book.cases.values().filter(touches).cloned().collect())
        }
    };
    let active: Vec<_> = cases
        .iter()
        .flat_map(|case| case.incident.affects.iter().map(|impact| (case.incident.id, impact)))
        .filter(|(_, impact)| impact.component == id)
        .collect();
    Ok(data(&wire::component(one, &active)).respond(&headers))
}

async fn component_add(State(site): State<Arc<Site>>, writer: Writer, given: Given) -> Answered {
    let command = Command::AddComponent(ComponentId::generate(), given.body()?.component()?);
    perform(&site, &writer, command).await
}

async fn component_change(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    writer: Writer,
    given: Given,
) -> Answered {
    let command = Command::ChangeComponent(component_id(&id)?, given.body()?.component()?);
    perform(&site, &writer, command).await
}

async fn component_remove(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    writer: Writer,
) -> Answered {
    perform(&site, &writer, Command::RemoveComponent(component_id(&id)?)).await
}

// Incidents.

async fn incident_list(
    State(site): State<Arc<Site>>,
    query: Query,
    headers: HeaderMap,
) -> Answered {
    let bound = |name: &str| {
        let text = query.get(name).ok_or_else(|| Error::invalid(name, "it is required"))?;
        wire::moment_or_date(name, text)
    };
    let (start, end) = (bound("start")?, bound("end")?);
    if end < start {
        return Err(Error::invalid("end", "it is before start"));
    }
    Ok(site.snapshot().incident_list(start, end).respond(&headers))
}

async fn incident_get(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    headers: HeaderMap,
) -> Answered {
    let id = incident_id(&id)?;
    let found = site.snapshot().incident(id);
    Ok(found.ok_or_else(|| Error::not_found("incident", id))?.respond(&headers))
}

async fn incident_add(State(site): State<Arc<Site>>, writer: Writer, given: Given) -> Answered {
    let command = Command::AddIncident(IncidentId::generate(), given.body()?.incident()?);
    perform(&site, &writer, command).await
}

async fn incident_change(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    writer: Writer,
    given: Given,
) -> Answered {
    let command = Command::ChangeIncident(incident_id(&id)?, given.body()?.incident()?);
    perform(&site, &writer, command).await
}

async fn incident_remove(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    writer: Writer,
) -> Answered {
    perform(&site, &writer, Command::RemoveIncident(incident_id(&id)?)).await
}

// Updates.

async fn update_list(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    headers: HeaderMap,
) -> Answered {
    let id = incident_id(&id)?;
    let snapshot = site.snapshot();
    let case = snapshot.book().cases.get(&id).ok_or_else(|| Error::not_found("incident", id))?;
    let list: Vec<_> = case.updates.values().map(wire::update).collect();
    Ok(data(&Value::Array(list)).respond(&headers))
}

async fn update_get(
    State(site): State<Arc<Site>>,
    Segments(id, order): Segments,
    headers: HeaderMap,
) -> Answered {
    let (id, order) = (incident_id(&id)?, update_order(&order)?);
    let snapshot = site.snapshot();
    let case = snapshot.book().cases.get(&id).ok_or_else(|| Error::not_found("incident", id))?;
    let update = case.updates.get(&order).ok_or_else(|| Error::not_found("update", order))?;
    Ok(data(&wire::update(update)).respond(&headers))
}

async fn update_add(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    writer: Writer,
    given: Given,
) -> Answered {
    let command = Command::AddUpdate(incident_id(&id)?, given.body()?.update()?);
    perform(&site, &writer, command).await
}

async fn update_change(
    State(site): State<Arc<Site>>,
    Segments(id, order): Segments,
    writer: Writer,
    given: Given,
) -> Answered {
    let (id, order) = (incident_id(&id)?, update_order(&order)?);
    perform(&site, &writer, Command::ChangeUpdate(id, order, given.body()?.update()?)).await
}

async fn update_remove(
    State(site): State<Arc<Site>>,
    Segments(id, order): Segments,
    writer: Writer,
) -> Answered {
    let command = Command::RemoveUpdate(incident_id(&id)?, update_order(&order)?);
    perform(&site, &writer, command).await
}

// Impact types.

async fn impact_type_list(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    impact_types(&site.snapshot()).respond(&headers)
}

fn impact_types(snapshot: &Snapshot) -> Answer {
    let all = snapshot.book().impact_types.values();
    data(&Value::Array(all.map(|one| wire::impact_type(one)).collect()))
}

async fn impact_type_get(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    headers: HeaderMap,
) -> Answered {
    let id = impact_type_id(&id)?;
    let snapshot = site.snapshot();
    let one = snapshot.book().impact_types.get(&id);
    let one = one.ok_or_else(|| Error::not_found("impact type", id))?;
    Ok(data(&wire::impact_type(one)).respond(&headers))
}

async fn impact_type_add(State(site): State<Arc<Site>>, writer: Writer, given: Given) -> Answered {
    let command = Command::AddImpactType(ImpactTypeId::generate(), given.body()?.impact_type()?);
    perform(&site, &writer, command).await
}

async fn impact_type_change(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    writer: Writer,
    given: Given,
) -> Answered {
    let command = Command::ChangeImpactType(impact_type_id(&id)?, given.body()?.impact_type()?);
    perform(&site, &writer, command).await
}

async fn impact_type_remove(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    writer: Writer,
) -> Answered {
    perform(&site, &writer, Command::RemoveImpactType(impact_type_id(&id)?)).await
}

// Severities.

async fn band_list(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    bands(&site.snapshot()).respond(&headers)
}

fn bands(snapshot: &Snapshot) -> Answer {
    data(&Value::Array(snapshot.book().bands_by_value().into_iter().map(wire::band).collect()))
}

async fn band_get(
    State(site): State<Arc<Site>>,
    Segment(name): Segment,
    headers: HeaderMap,
) -> Answered {
    let snapshot = site.snapshot();
    let band = snapshot.book().bands.get(&name);
    Ok(data(&wire::band(band.ok_or_else(|| Error::not_found("severity", name))?)).respond(&headers))
}

async fn band_add(State(site): State<Arc<Site>>, writer: Writer, given: Given) -> Answered {
    perform(&site, &writer, Command::AddBand(given.body()?.band()?)).await
}

async fn band_change(
    State(site): State<Arc<Site>>,
    Segment(name): Segment,
    writer: Writer,
    given: Given,
) -> Answered {
    perform(&site, &writer, Command::ChangeBand(name, given.body()?.band()?)).await
}

async fn band_remove(
    State(site): State<Arc<Site>>,
    Segment(name): Segment,
    writer: Writer,
) -> Answered {
    perform(&site, &writer, Command::RemoveBand(name)).await
}

// Phases.

async fn phase_list(State(site): State<Arc<Site>>, query: Query, headers: HeaderMap) -> Answered {
    let snapshot = site.snapshot();
    let book = snapshot.book();
    let (newest, names) = book.newest_phases();
    let (generation, names) = match query.get("generation") {
        None => (newest, names),
        Some(text) => {
            let generation = number("generation", text)?;
            let missing = || Error::not_found("generation of phases", generation);
            (generation, book.phases.get(&generation).ok_or_else(missing)?.as_slice())
        }
    };
    Ok(data(&json!({ "generation": generation, "phases": names })).respond(&headers))
}

/// The lists that do not depend on the time, by name; for bundles.
pub(crate) fn lists(snapshot: &Snapshot) -> [(&'static str, Answer); 3] {
    let (generation, names) = snapshot.book().newest_phases();
    let phases = data(&json!({ "generation": generation, "phases": names }));
    [("phases", phases), ("severities", bands(snapshot)), ("impacttypes", impact_types(snapshot))]
}

async fn phase_add(State(site): State<Arc<Site>>, writer: Writer, given: Given) -> Answered {
    perform(&site, &writer, Command::AddPhases(given.body()?.phases()?)).await
}

// What all writes share.

async fn perform(site: &Site, writer: &Writer, command: Command) -> Answered {
    perform_with(site, writer, command, Notice::Everybody).await
}

async fn perform_with(site: &Site, writer: &Writer, command: Command, notice: Notice) -> Answered {
    writer.require(&command)?;
    Ok(match site.desk().perform_with(writer.actor(), &command, notice).await? {
        Outcome::Made(id) => created(&json!({ "id": id })),
        Outcome::Order(order) => created(&json!({ "order": order })),
        Outcome::Generation(generation) => created(&json!({ "generation": generation })),
        Outcome::Done => StatusCode::NO_CONTENT.into_response(),
    })
}

fn created(body: &Value) -> Response {
    (StatusCode::CREATED, axum::Json(body)).into_response()
}

fn component_id(text: &str) -> Result<ComponentId, Error> {
    wire::uuid("componentId", text).map(ComponentId::from_uuid)
}

fn incident_id(text: &str) -> Result<IncidentId, Error> {
    wire::uuid("incidentId", text).map(IncidentId::from_uuid)
}

fn impact_type_id(text: &str) -> Result<ImpactTypeId, Error> {
    wire::uuid("impactTypeId", text).map(ImpactTypeId::from_uuid)
}

fn update_order(text: &str) -> Result<u32, Error> {
    number("updateOrder", text)
}

/// A number in an address. Numbers that are too large for us are understood, and name nothing.
fn number(field: &str, text: &str) -> Result<u32, Error> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::invalid(field, "a whole number is needed that is not negative"));
    }
    Ok(text.parse().unwrap_or(u32::MAX))
}
