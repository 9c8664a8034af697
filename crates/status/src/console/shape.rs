//! What the page is made of: components, impact types, names of severities, phases.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use lotse_web::console::Console;
use lotse_web::text::shown;
use lotse_web::{Layout, page};

use crate::desk::Desk;
use crate::model::Component;
use crate::writer::SHAPE;

#[derive(Template)]
#[template(path = "console_shape.html")]
struct Shape {
    layout: Layout,
    components: Vec<Row>,
    impacts: Vec<(String, String, String)>,
    severities: Vec<(String, u8)>,
    generation: u32,
    phases: Vec<String>,
    may_change: bool,
}

struct Row {
    id: String,
    name: String,
    region: String,
    group: String,
    /// The other labels, one a line.
    labels: String,
}

impl From<&Component> for Row {
    fn from(one: &Component) -> Self {
        let label = |key| one.label(key).unwrap_or_default().to_owned();
        let others =
            one.labels.iter().filter(|(key, _)| !matches!(key.as_str(), "region" | "group"));
        Self {
            id: one.id.to_string(),
            name: shown(&one.title(), 200),
            region: label("region"),
            group: label("group"),
            labels: others
                .map(|(key, value)| format!("{key}={value}"))
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }
}

/// The page.
pub(super) async fn show(State(desk): State<Arc<Desk>>, console: Console) -> Response {
    let snapshot = desk.whole();
    let book = snapshot.book();
    let impact = |one: &Arc<crate::model::ImpactType>| {
        let about = one.description.clone().unwrap_or_default();
        (one.id.to_string(), shown(&one.name, 100), shown(&about, 300))
    };
    let (generation, phases) = book.newest_phases();
    page(&Shape {
        layout: console.layout("What the page is made of"),
        components: book.in_order().into_iter().map(|one| Row::from(one.as_ref())).collect(),
        impacts: book.impact_types.values().map(impact).collect(),
        severities: book.bands_by_value().iter().map(|b| (b.name.clone(), b.value)).collect(),
        generation,
        phases: phases.to_vec(),
        may_change: console.may_write(&SHAPE),
    })
}
