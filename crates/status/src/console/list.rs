//! What goes on and what happened last, for those who run the page.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use lotse_web::console::Console;
use lotse_web::text::shown;
use lotse_web::{Layout, When, page};

use crate::book::{Book, Case};
use crate::desk::Desk;
use crate::level::Level;
use crate::pages::Language;
use crate::writer::{REPORT, SHAPE};

/// So much of what is over is listed.
const PAST: usize = 50;

#[derive(Template)]
#[template(path = "console_list.html")]
struct List {
    layout: Layout,
    current: Vec<Row>,
    planned: Vec<Row>,
    past: Vec<Row>,
    may_report: bool,
    may_shape: bool,
}

struct Row {
    href: String,
    title: String,
    level: &'static str,
    began: Option<When>,
    ended: Option<When>,
    phase: String,
    touched: String,
    updates: usize,
}

/// The list.
pub(super) async fn show(State(desk): State<Arc<Desk>>, console: Console) -> Response {
    let (snapshot, now) = (desk.whole(), console.now());
    let book = snapshot.book();
    let mut cases: Vec<_> = book.cases.values().collect();
    cases.sort_by_key(|case| std::cmp::Reverse((case.incident.began, case.incident.id)));
    let is_over = |case: &&&Arc<Case>| case.incident.ended.is_some_and(|ended| ended <= now);
    let is_planned = |case: &&&Arc<Case>| case.incident.is_maintenance();
    let open: Vec<_> = cases.iter().filter(|case| !is_over(case)).collect();
    let row = |case: &Arc<Case>| row(book, case);
    page(&List {
        layout: console.layout("Status page"),
        current: open.iter().filter(|case| !is_planned(case)).map(|case| row(case)).collect(),
        planned: open.iter().filter(|case| is_planned(case)).map(|case| row(case)).collect(),
        past: cases.iter().filter(is_over).take(PAST).map(|case| row(case)).collect(),
        may_report: console.may_write(&REPORT),
        may_shape: console.may_write(&SHAPE),
    })
}

fn row(book: &Book, case: &Case) -> Row {
    let incident = &case.incident;
    let touched = incident.affects.iter();
    let touched = touched.filter_map(|one| Some(book.components.get(&one.component)?.title()));
    Row {
        href: format!("/status/incidents/{}", incident.id),
        title: shown(incident.title(), 200),
        level: Language::English.words().level(Level::of_incident(incident)),
        began: incident.began.map(When::from),
        ended: incident.ended.map(When::from),
        phase: incident.phase.and_then(|phase| book.phase_name(phase)).unwrap_or("–").to_owned(),
        touched: shown(&touched.collect::<Vec<_>>().join(", "), 300),
        updates: case.updates.len(),
    }
}
