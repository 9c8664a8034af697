//! How available components were in a month, as a report for people and for programs.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use lotse_core::time::Timestamp;
use serde::Serialize;

use crate::answer::Answer;
use crate::api::extract::Segment;
use crate::error::Error;
use crate::pages::month_window;
use crate::site::Site;
use crate::sla::{self, Availability, Policy, Span};
use crate::snapshot::{JSON, Snapshot};

/// A month of all components.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `YYYY-MM`, in UTC.
    pub month: String,
    /// The first moment that counts.
    pub from: Timestamp,
    /// The moment after the last one that counts; the present in a month that goes on.
    pub to: Timestamp,
    /// Whether planned work counts.
    pub policy: Policy,
    /// A row for each component, in the order of their ids.
    pub components: Vec<Row>,
}

/// A component in a month.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its label `region`.
    pub region: String,
    /// In percent, rounded down to three digits.
    pub available: String,
    /// The seconds behind it.
    #[serde(flatten)]
    pub seconds: Availability,
}

impl Report {
    /// The report of a month `YYYY-MM`; nothing when this is no month, or it is yet to come.
    pub fn of(snapshot: &Snapshot, month: &str, policy: Policy, now: Timestamp) -> Option<Self> {
        let (from, last) = month_window(month)?;
        if from > now {
            return None;
        }
        // The window ends right before the next month; seconds are counted to its first one.
        let next = Timestamp::from_second(last.as_second().checked_add(1)?).ok()?;
        let to = next.min(now);
        let window = Span::between(from, to);
        let cases = snapshot.overlapping(from, to);
        let incidents = cases.iter().map(|case| &case.incident);
        let row = |component: &Arc<crate::model::Component>| {
            let seconds = sla::availability(&incidents, component.id, window, policy);
            let thousandths = seconds.thousandths();
            Row {
                id: component.id.to_string(),
                name: component.title(),
                region: component.label("region").unwrap_or_default().to_owned(),
                available: format!("{}.{:03}", thousandths / 1000, thousandths % 1000),
                seconds,
            }
        };
        let components = snapshot.book().components.values().map(row).collect();
        Some(Self { month: month.to_owned(), from, to, policy, components })
    }

    /// The rows as CSV (RFC 4180), with a heading.
    pub fn csv(&self) -> String {
        let mut text = String::from(
            "month,component,name,region,available_percent,counted_seconds,down_seconds,\
             maintenance_seconds\r\n",
        );
        for row in &self.components {
            let Availability { counted, down, maintenance } = row.seconds;
            let (name, region) = (quoted(&row.name), quoted(&row.region));
            // Writing to a string cannot fail.
            write!(
                text,
                "{},{},{name},{region},{},{counted},{down},{maintenance}\r\n",
                self.month, row.id, row.available
            )
            .ok();
        }
        text
    }
}

/// A field of CSV. What a spreadsheet would take for a formula gets an apostrophe before it.
fn quoted(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new().route("/sla/{file}", get(file))
}

async fn file(
    State(site): State<Arc<Site>>,
    Segment(file): Segment,
    headers: HeaderMap,
) -> Response {
    let now = site.desk().clock().now();
    let (month, kind) = file.split_once('.').unwrap_or((&file, ""));
    let report = Report::of(&site.snapshot(), month, Policy::default(), now);
    let answer = report.and_then(|report| match kind {
        "csv" => Some(Answer::new("text/csv; charset=utf-8", report.csv())),
        "json" => Some(Answer::new(JSON, serde_json::to_string(&report).ok()?)),
        _ => None,
    });
    match answer {
        Some(answer) => answer.respond(&headers),
        None => Error::not_found("report", &file).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_csv_neither_end_early_nor_calculate() {
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
    }
}
