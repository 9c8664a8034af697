//! How available components and regions were in a month, as a report for people and for programs: by
//! what was declared, and beside it by what was measured.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use lotse_core::id::ComponentId;
use lotse_core::time::Timestamp;
use serde::Serialize;

use crate::answer::Answer;
use crate::api::extract::{Query, Segment, Segments};
use crate::book::Book;
use crate::error::Error;
use crate::model::Incident;
use crate::pages::{self, Frame, Language, Mode, month_window};
use crate::site::Site;
use crate::sla::{self, Availability, Measured, Policy, Span};
use crate::snapshot::JSON;

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
    /// A row for each region, by name; the time of its components taken together.
    pub regions: Vec<Region>,
}

/// A region in a month.
#[derive(Clone, Debug, Serialize)]
pub struct Region {
    /// Its name; empty for what has none.
    pub region: String,
    /// How many components it has.
    pub components: usize,
    /// In percent, rounded down to three digits.
    pub available: String,
    /// The seconds behind it.
    #[serde(flatten)]
    pub seconds: Availability,
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
    /// The same as it was measured; nothing where nobody measures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<MeasuredRow>,
}

/// A component in a month, as it was measured.
#[derive(Clone, Debug, Serialize)]
pub struct MeasuredRow {
    /// In percent, rounded down to three digits.
    pub available: String,
    /// The seconds behind it.
    #[serde(flatten)]
    pub seconds: Availability,
}

impl Report {
    /// The report of a month `YYYY-MM`; nothing when this is no month, or it is yet to come.
    pub fn of(
        book: &Book,
        measured: &[Measured],
        month: &str,
        policy: Policy,
        now: Timestamp,
    ) -> Option<Self> {
        let (from, last) = month_window(month)?;
        if from > now {
            return None;
        }
        // The window ends right before the next month; seconds are counted to its first one.
        let next = Timestamp::from_second(last.as_second().checked_add(1)?).ok()?;
        let to = next.min(now);
        let window = Span::between(from, to);
        let mut own: HashMap<ComponentId, Vec<&Incident>> = HashMap::new();
        for case in book.cases.values().filter(|case| may_touch(&case.incident, from, to)) {
            for impact in &case.incident.affects {
                own.entry(impact.component).or_default().push(&case.incident);
            }
        }
        let row = |component: &Arc<crate::model::Component>| {
            let incidents = own.get(&component.id).map_or(&[][..], Vec::as_slice).iter().copied();
            let seconds = sla::availability(&incidents, component.id, window, policy);
            let is_measured = measured.iter().any(|one| one.component == component.id);
            let measured = is_measured.then(|| {
                let seconds = sla::measured(measured, &incidents, component.id, window, policy);
                MeasuredRow { available: digits(seconds), seconds }
            });
            Row {
                id: component.id.to_string(),
                name: component.title(),
                region: component.label("region").unwrap_or_default().to_owned(),
                available: digits(seconds),
                seconds,
                measured,
            }
        };
        let components: Vec<Row> = book.in_order().into_iter().map(row).collect();
        let regions = regions(&components);
        Some(Self { month: month.to_owned(), from, to, policy, components, regions })
    }

    /// The rows as CSV (RFC 4180), with a heading.
    pub fn csv(&self) -> String {
        let mut text = String::from(
            "month,component,name,region,available_percent,counted_seconds,down_seconds,\
             maintenance_seconds,measured_percent,measured_down_seconds\r\n",
        );
        for row in &self.components {
            let Availability { counted, down, maintenance } = row.seconds;
            let (name, region) = (quoted(&row.name), quoted(&row.region));
            let measured = row.measured.as_ref().map_or_else(
                || ",".to_owned(),
                |one| format!("{},{}", one.available, one.seconds.down),
            );
            // Writing to a string cannot fail.
            write!(
                text,
                "{},{},{name},{region},{},{counted},{down},{maintenance},{measured}\r\n",
                self.month, row.id, row.available
            )
            .ok();
        }
        text
    }
}

/// Whether an incident can lie in this time; one of which nobody knows when it began may.
fn may_touch(incident: &Incident, from: Timestamp, to: Timestamp) -> bool {
    incident.began.is_none_or(|began| began < to) && incident.ended.is_none_or(|end| end > from)
}

fn regions(rows: &[Row]) -> Vec<Region> {
    let mut all: BTreeMap<&str, (usize, Availability)> = BTreeMap::new();
    for row in rows {
        let (count, seconds) = all.entry(&row.region).or_default();
        *count += 1;
        *seconds = seconds.and(row.seconds);
    }
    let region = |(region, (components, seconds)): (&str, (usize, Availability))| Region {
        region: region.to_owned(),
        components,
        available: digits(seconds),
        seconds,
    };
    all.into_iter().map(region).collect()
}

/// Percent with three digits, rounded down.
fn digits(seconds: Availability) -> String {
    let thousandths = seconds.thousandths();
    format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
}

/// A field of CSV. What a spreadsheet would take for a formula gets an apostrophe before it.
fn quoted(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new().route("/sla/{file}", get(file)).route("/{lang}/sla/{month}", get(page))
}

async fn file(
    State(site): State<Arc<Site>>,
    Segment(file): Segment,
    query: Query,
    headers: HeaderMap,
) -> Response {
    let policy = match policy(&query) {
        Ok(policy) => policy,
        Err(error) => return error.into_response(),
    };
    match file_answer(&site, &file, policy) {
        Some(answer) => answer.respond(&headers),
        None => Error::not_found("report", &file).into_response(),
    }
}

/// `?maintenance=count` lets planned work count; `exclude` is what happens when nobody says.
fn policy(query: &Query) -> Result<Policy, Error> {
    match query.get("maintenance") {
        None | Some("exclude") => Ok(Policy::ExcludeMaintenance),
        Some("count") => Ok(Policy::CountMaintenance),
        Some(_) => Err(Error::invalid("maintenance", "exclude or count is needed")),
    }
}

/// A report `YYYY-MM.csv` or `YYYY-MM.json`; also for bundles.
pub(crate) fn file_answer(site: &Site, file: &str, policy: Policy) -> Option<Answer> {
    let (month, kind) = file.split_once('.').unwrap_or((file, ""));
    let report = report(site, month, policy)?;
    match kind {
        "csv" => Some(Answer::new("text/csv; charset=utf-8", report.csv())),
        "json" => Some(Answer::new(JSON, serde_json::to_string(&report).ok()?)),
        _ => None,
    }
}

fn report(site: &Site, month: &str, policy: Policy) -> Option<Report> {
    let (snapshot, now) = (site.snapshot(), site.desk().clock().now());
    Report::of(snapshot.book(), &site.desk().measured(), month, policy, now)
}

#[derive(Template)]
#[template(path = "sla.html")]
struct SlaPage<'a> {
    frame: Frame<'a>,
    report: Report,
    is_measured: bool,
}

async fn page(
    State(site): State<Arc<Site>>,
    Segments(language, month): Segments,
    query: Query,
    headers: HeaderMap,
) -> Response {
    let Some(language) = Language::of_code(&language) else {
        return pages::missing(&site, Language::preferred(&headers));
    };
    let policy = match policy(&query) {
        Ok(policy) => policy,
        Err(error) => return error.into_response(),
    };
    match page_answer(&site, language, &month, policy, Mode::Live) {
        Some(answer) => pages::shown(&answer, &headers),
        None => pages::missing(&site, language),
    }
}

/// The report of a month for people; also for bundles.
pub(crate) fn page_answer(
    site: &Site,
    language: Language,
    month: &str,
    policy: Policy,
    mode: Mode,
) -> Option<Answer> {
    let report = report(site, month, policy)?;
    let (path, now) = (format!("sla/{month}"), site.desk().clock().now());
    let title = format!("{} {month}", language.words().availability);
    let frame = site.frame(language, &path, &title, now).shown_in(mode);
    let is_measured = report.components.iter().any(|row| row.measured.is_some());
    Some(pages::rendered(&SlaPage { frame, report, is_measured }))
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
