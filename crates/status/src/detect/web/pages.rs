//! Proposals as pages: what waits, what is measured beside what is declared, and one proposal with
//! its evidence and the forms to decide.

use std::sync::Arc;

use askama::Template;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Redirect, Response};
use lotse_web::api::reading::{Fields, PathWord};
use lotse_web::console::Console;
use lotse_web::extension::Route;
use lotse_web::problem::Problem;
use lotse_web::text::shown;
use lotse_web::{Layout, When, page};
use serde::Deserialize;

use super::{DECIDE, get, id, post, problem, speak};
use crate::book::Book;
use crate::detect::desk::{Change, Detector};
use crate::detect::proposal::{Proposal, State};
use crate::detect::view::{Measured, sides};
use crate::level::Level;

/// So many proposals are listed.
const MOST: u32 = 50;
/// The longest detail of evidence, in characters.
const LONGEST_DETAIL: usize = 4000;

pub(super) fn routes(detector: &Arc<Detector>) -> Vec<Route> {
    vec![
        get("/status/proposals", detector, list),
        get("/status/proposals/{id}", detector, show),
        post("/status/proposals/confirm", detector, confirm),
        post("/status/proposals/dismiss", detector, dismiss),
        post("/status/proposals/edit", detector, edit),
    ]
}

#[derive(Template)]
#[template(path = "proposals.html")]
struct List {
    layout: Layout,
    waiting: Vec<Row>,
    rows: Vec<Row>,
    sides: Vec<SideRow>,
}

struct Row {
    href: String,
    name: String,
    state: &'static str,
    class: &'static str,
    opened: When,
    publish_at: Option<When>,
    over: Option<When>,
}

impl From<&Proposal> for Row {
    fn from(one: &Proposal) -> Self {
        Self {
            href: format!("/status/proposals/{}", one.id),
            name: shown(&one.draft.name, 200),
            state: one.state.word(),
            class: class(one.state),
            opened: one.opened.into(),
            publish_at: one.publish_at.filter(|_| one.state == State::Open).map(When::from),
            over: one.over.map(When::from),
        }
    }
}

const fn class(state: State) -> &'static str {
    match state {
        State::Open => "bad",
        State::Confirmed | State::Published => "good",
        _ => "open",
    }
}

struct SideRow {
    name: String,
    measured: &'static str,
    measured_class: &'static str,
    since: Option<When>,
    declared: &'static str,
    differs: bool,
}

/// The English word for a level; the console speaks English.
const fn word(level: Level) -> &'static str {
    match level {
        Level::Operational => "operational",
        Level::Maintenance => "maintenance",
        Level::Slight => "slightly impaired",
        Level::Limited => "limited",
        Level::Broken => "broken",
    }
}

async fn list(
    Shared(detector): Shared<Arc<Detector>>,
    console: Console,
) -> Result<Response, Problem> {
    let latest = detector.latest(MOST).await.map_err(|error| problem(&error))?;
    let measures = detector.measures().await.map_err(|error| problem(&error))?;
    let whole = detector.desk().whole();
    let sides = sides(whole.book(), detector.detection(), &measures, console.now());
    let side = |side: &crate::detect::view::Side| {
        let (measured, measured_class, since) = match side.measured? {
            Measured::Well => ("well", "good", None),
            Measured::Unsettled => ("unsettled", "open", None),
            Measured::Bad(level, since) => (word(level), "bad", Some(When::from(since))),
        };
        Some(SideRow {
            name: shown(&side.name, 200),
            measured,
            measured_class,
            since,
            declared: word(side.declared),
            differs: side.differs(),
        })
    };
    let is_waiting = |one: &&Proposal| one.state == State::Open && one.is_live();
    Ok(page(&List {
        layout: console.layout("Proposals").live(),
        waiting: latest.iter().filter(is_waiting).map(Row::from).collect(),
        rows: latest.iter().filter(|one| !is_waiting(one)).map(Row::from).collect(),
        sides: sides.iter().filter_map(side).collect(),
    }))
}

#[derive(Template)]
#[template(path = "proposal.html")]
struct One {
    layout: Layout,
    id: String,
    row: Row,
    draft_name: String,
    draft_text: String,
    touched: Vec<(String, String, u8)>,
    began: When,
    decision: Option<(String, When, String)>,
    evidence: Vec<EvidenceView>,
    incident: Option<String>,
    may_decide: bool,
}

struct EvidenceView {
    source: String,
    title: String,
    severity: u8,
    since: When,
    detail: String,
}

async fn show(
    Shared(detector): Shared<Arc<Detector>>,
    console: Console,
    PathWord(word): PathWord,
) -> Result<Response, Problem> {
    let one = detector.get(id(&word)?).await.map_err(|error| problem(&error))?;
    let whole = detector.desk().whole();
    let evidence = one.evidence.iter().map(|each| EvidenceView {
        source: shown(&each.source, 120),
        title: shown(&each.title, 200),
        severity: each.severity,
        since: each.since.into(),
        detail: shown(&format!("{:#}", each.detail), LONGEST_DETAIL),
    });
    let may = console.may_write(&DECIDE) && one.state == State::Open;
    Ok(page(&One {
        layout: console.layout("Proposal").live(),
        id: one.id.to_string(),
        row: Row::from(&one),
        draft_name: shown(&one.draft.name, 200),
        draft_text: one.draft.text.clone(),
        touched: touched(whole.book(), &one),
        began: one.began.into(),
        decision: one
            .decision
            .as_ref()
            .map(|made| (shown(&made.by, 120), made.at.into(), shown(&made.note, 1000))),
        evidence: evidence.collect(),
        incident: one.is_declared().then(|| one.id.incident().to_string()),
        may_decide: may,
    }))
}

/// Ids, names and severities of what the draft touches.
fn touched(book: &Book, one: &Proposal) -> Vec<(String, String, u8)> {
    let named = |(id, severity): (&lotse_core::id::ComponentId, &u8)| {
        let name = book.components.get(id).map_or_else(|| id.to_string(), |known| known.title());
        (id.to_string(), shown(&name, 200), *severity)
    };
    one.draft.affects.iter().map(named).collect()
}

/// The forms to decide.
#[derive(Debug, Deserialize)]
struct Decided {
    id: String,
    #[serde(default)]
    note: String,
}

async fn confirm(
    Shared(detector): Shared<Arc<Detector>>,
    console: Console,
    Fields(form): Fields<Decided>,
) -> Result<Response, Problem> {
    done(&console, &detector, &form.id, &Change::Confirm, &form.note).await
}

async fn dismiss(
    Shared(detector): Shared<Arc<Detector>>,
    console: Console,
    Fields(form): Fields<Decided>,
) -> Result<Response, Problem> {
    done(&console, &detector, &form.id, &Change::Dismiss, &form.note).await
}

/// The form of the draft.
#[derive(Debug, Deserialize)]
struct Edited {
    id: String,
    name: String,
    text: String,
}

async fn edit(
    Shared(detector): Shared<Arc<Detector>>,
    console: Console,
    Fields(form): Fields<Edited>,
) -> Result<Response, Problem> {
    // Browsers send lines with carriage returns.
    let text = form.text.replace("\r\n", "\n");
    let change = Change::Edit { name: Some(form.name), text: Some(text), affects: None };
    done(&console, &detector, &form.id, &change, "").await
}

async fn done(
    console: &Console,
    detector: &Detector,
    word: &str,
    change: &Change,
    note: &str,
) -> Result<Response, Problem> {
    let one = speak(console, detector, id(word)?, change, note).await?;
    Ok(Redirect::to(&format!("/status/proposals/{}", one.id)).into_response())
}
