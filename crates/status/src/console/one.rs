//! One incident, or the form of a new one.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use lotse_core::id::{ImpactTypeId, IncidentId};
use lotse_core::time::Timestamp;
use lotse_web::access::AUDIT_READ;
use lotse_web::api::reading::{PathWord, Words};
use lotse_web::console::Console;
use lotse_web::problem::Problem;
use lotse_web::text::shown;
use lotse_web::{Layout, When, page};
use serde::Deserialize;

use super::minute;
use crate::book::{Book, Case};
use crate::command::IncidentFields;
use crate::desk::Desk;
use crate::extra;
use crate::level::{LIMITED, Level, SLIGHT};
use crate::model::{Incident, PhaseRef, WORST};
use crate::pages::Language;
use crate::writer::REPORT;

/// The form of an incident or of maintenance.
struct Form {
    is_planned: bool,
    name: String,
    text: String,
    began: String,
    ended: String,
    components: Vec<Component>,
    impacts: Vec<Choice>,
    phases: Vec<Choice>,
}

/// A component and how badly it is touched.
struct Component {
    id: String,
    name: String,
    /// Empty when it is not.
    severities: Vec<Choice>,
    is_touched: bool,
}

struct Choice {
    value: String,
    name: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "console_new.html")]
struct New {
    layout: Layout,
    form: Form,
    /// What it can begin with.
    templates: Vec<String>,
}

#[derive(Template)]
#[template(path = "console_incident.html")]
struct One {
    layout: Layout,
    id: String,
    form: Form,
    text: String,
    began: Option<When>,
    ended: Option<When>,
    phase: String,
    touched: Vec<String>,
    updates: Vec<Update>,
    templates: Vec<String>,
    /// What was learned from it, if that was said.
    learned: String,
    is_open: bool,
    may_report: bool,
    /// Where the audit log tells who did what, for those who may read it.
    audit: Option<String>,
}

struct Update {
    order: u32,
    title: String,
    text: String,
    at: Option<When>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NewQuery {
    kind: Option<String>,
    template: Option<String>,
}

/// The form of a new incident, or of maintenance with `?kind=maintenance`; with `?template=NAME` filled
/// in as the template says.
pub(super) async fn new(
    State(desk): State<Arc<Desk>>,
    console: Console,
    Words(query): Words<NewQuery>,
) -> Result<Response, Problem> {
    let is_planned = query.kind.as_deref() == Some("maintenance");
    let title = if is_planned { "Plan maintenance" } else { "Open an incident" };
    let snapshot = desk.whole();
    let book = snapshot.book();
    let begun = match &query.template {
        Some(name) => {
            let template = extra::Template::named(book, name);
            Some(begun(book, template.map_err(|error| super::problem(&error))?, console.now()))
        }
        None => None,
    };
    let templates = book.templates.keys().cloned().collect();
    let form = form(book, begun.as_ref(), is_planned);
    Ok(page(&New { layout: console.layout(title), form, templates }))
}

/// What a template says of a new incident.
fn begun(book: &Book, template: &extra::Template, now: Timestamp) -> Incident {
    let IncidentFields { name, description, affects, .. } =
        template.incident(book, &IncidentFields::default());
    let affects = affects.unwrap_or_default();
    Incident { name, description, affects, ..Incident::new(IncidentId::generate(), now) }
}

/// An incident and all that can be done with it.
pub(super) async fn show(
    State(desk): State<Arc<Desk>>,
    console: Console,
    PathWord(id): PathWord,
) -> Result<Response, Problem> {
    let missing = || Problem::new(StatusCode::NOT_FOUND, "there is no such incident");
    let snapshot = desk.whole();
    let book = snapshot.book();
    let id = id.parse().map_err(|_| missing())?;
    let case = book.cases.get(&id).ok_or_else(missing)?;
    let incident = &case.incident;
    let may_audit = console.identity().may(&AUDIT_READ);
    Ok(page(&One {
        layout: console.layout(&shown(incident.title(), 200)),
        id: id.to_string(),
        form: form(book, Some(incident), incident.is_maintenance()),
        text: incident.description.clone().unwrap_or_default(),
        began: incident.began.map(When::from),
        ended: incident.ended.map(When::from),
        phase: incident.phase.and_then(|phase| book.phase_name(phase)).unwrap_or("–").to_owned(),
        touched: touched(book, incident),
        updates: updates(case),
        templates: book.templates.keys().cloned().collect(),
        learned: incident.postmortem.as_ref().map(|one| one.text.clone()).unwrap_or_default(),
        is_open: incident.ended.is_none_or(|ended| ended > console.now()),
        may_report: console.may_write(&REPORT),
        audit: may_audit.then(|| format!("/audit?object=status/incident/{id}")),
    }))
}

fn touched(book: &Book, incident: &Incident) -> Vec<String> {
    let words = Language::English.words();
    let line = |impact: &crate::model::Impact| {
        let component = book.components.get(&impact.component)?;
        let level = words.level(Level::of_impact(incident, impact));
        let severity = impact.severity.map_or_else(String::new, |one| format!(" ({one})"));
        Some(format!("{}: {level}{severity}", shown(&component.title(), 100)))
    };
    incident.affects.iter().filter_map(line).collect()
}

fn updates(case: &Case) -> Vec<Update> {
    let update = |one: &crate::model::Update| Update {
        order: one.order,
        title: shown(one.name.as_deref().filter(|name| !name.is_empty()).unwrap_or("Update"), 200),
        text: one.description.clone().unwrap_or_default(),
        at: one.created.map(When::from),
    };
    case.updates.values().rev().map(update).collect()
}

fn form(book: &Book, incident: Option<&Incident>, is_planned: bool) -> Form {
    let time = |at: Option<Timestamp>| at.map(minute).unwrap_or_default();
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    Form {
        is_planned,
        name: text(incident.and_then(|one| one.name.as_ref())),
        text: text(incident.and_then(|one| one.description.as_ref())),
        began: time(incident.and_then(|one| one.began)),
        ended: time(incident.and_then(|one| one.ended)),
        components: components(book, incident),
        impacts: impacts(book, incident),
        phases: phases(book, incident.and_then(|one| one.phase)),
    }
}

fn components(book: &Book, incident: Option<&Incident>) -> Vec<Component> {
    let words = Language::English.words();
    let component = |one: &Arc<crate::model::Component>| {
        let affects = incident.map_or(&[][..], |incident| incident.affects.as_slice());
        let impact = affects.iter().find(|impact| impact.component == one.id);
        let now = impact.map(|impact| impact.severity.unwrap_or(LIMITED));
        let mut severities = vec![SLIGHT, LIMITED, WORST];
        // What somebody said more exactly stays as it is.
        severities.extend(now.filter(|severity| *severity > 0 && !severities.contains(severity)));
        severities.sort_unstable();
        let choice = |severity: u8| Choice {
            value: severity.to_string(),
            name: format!("{} ({severity})", words.level(Level::of(Some(severity)))),
            chosen: now == Some(severity),
        };
        Component {
            id: one.id.to_string(),
            name: match one.label("region") {
                Some(region) => shown(&format!("{} ({region})", one.title()), 160),
                None => shown(&one.title(), 160),
            },
            severities: severities.into_iter().map(choice).collect(),
            is_touched: now.is_some(),
        }
    };
    book.in_order().into_iter().map(component).collect()
}

fn impacts(book: &Book, incident: Option<&Incident>) -> Vec<Choice> {
    let now: Option<ImpactTypeId> =
        incident.and_then(|incident| incident.affects.iter().find_map(|impact| impact.kind));
    let choice = |one: &Arc<crate::model::ImpactType>| Choice {
        value: one.id.to_string(),
        name: shown(&one.name, 100),
        chosen: now == Some(one.id),
    };
    book.impact_types.values().map(choice).collect()
}

fn phases(book: &Book, now: Option<PhaseRef>) -> Vec<Choice> {
    let (generation, names) = book.newest_phases();
    let choice = |(order, name): (u32, &String)| Choice {
        value: format!("{generation}.{order}"),
        name: shown(name, 100),
        chosen: now == Some(PhaseRef { generation, order }),
    };
    (0..).zip(names).map(choice).collect()
}
