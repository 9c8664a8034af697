//! The public API of Statuspage, version 2, for reading: what bots and dashboards understand.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use lotse_core::id::ComponentId;
use lotse_core::time::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::base::Base;
use crate::book::{Book, Case, When};
use crate::error::Error;
use crate::level::Level;
use crate::pages::{Language, exact, overall};
use crate::site::Site;
use crate::snapshot::{JSON, Snapshot};

/// So many incidents are listed.
const LISTED: usize = 50;

/// How far ahead planned work is listed.
const AHEAD: SignedDuration = SignedDuration::from_hours(366 * 24);

/// The documents, by their names below `/api/v2/`.
pub(crate) const NAMES: [&str; 8] = [
    "summary.json",
    "status.json",
    "components.json",
    "incidents.json",
    "incidents/unresolved.json",
    "scheduled-maintenances.json",
    "scheduled-maintenances/active.json",
    "scheduled-maintenances/upcoming.json",
];

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new().route("/api/v2/{*name}", get(document))
}

async fn document(
    State(site): State<Arc<Site>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = answer(&site, &name, &Base::of(&site, &headers));
    let missing = || Error::not_found("document", &name).into_response();
    found.map_or_else(missing, |answer| answer.respond(&headers))
}

/// One of the documents; also for bundles.
pub(crate) fn answer(site: &Site, name: &str, base: &Base) -> Option<Arc<Answer>> {
    let known = NAMES.into_iter().find(|known| *known == name)?;
    let (snapshot, now) = (site.snapshot(), site.desk().clock().now());
    Some(snapshot.at_present(base.present(known, now).until_next_day(), || {
        let view = View { site, snapshot: &snapshot, now, base: base.url() };
        Answer::new(JSON, view.document(known).to_string())
    }))
}

/// When the component was declared, as its id says; ids of elsewhere may not say it.
fn created(id: ComponentId) -> Timestamp {
    let at = id.as_uuid().get_timestamp().map(|at| at.to_unix());
    let second = at.and_then(|(second, _)| i64::try_from(second).ok());
    second.and_then(|at| Timestamp::from_second(at).ok()).unwrap_or(Timestamp::UNIX_EPOCH)
}

struct View<'a> {
    site: &'a Site,
    snapshot: &'a Snapshot,
    now: Timestamp,
    base: &'a str,
}

impl View<'_> {
    fn document(&self, name: &str) -> Value {
        let now = self.now;
        let mut document = json!({ "page": self.page() });
        let mut put = |key: &str, value: Value| document[key] = value;
        let unresolved = |case: &&Arc<Case>| case.incident.ended.is_none_or(|ended| ended > now);
        match name {
            "summary.json" => {
                put("components", self.components());
                put("incidents", self.incidents(unresolved));
                put("scheduled_maintenances", self.maintenances(unresolved));
                put("status", self.status());
            }
            "status.json" => put("status", self.status()),
            "components.json" => put("components", self.components()),
            "incidents.json" => put("incidents", self.incidents(|_| true)),
            "incidents/unresolved.json" => put("incidents", self.incidents(unresolved)),
            "scheduled-maintenances.json" => {
                put("scheduled_maintenances", self.maintenances(|_| true));
            }
            "scheduled-maintenances/active.json" => {
                let active = |case: &&Arc<Case>| case.incident.is_active(now);
                put("scheduled_maintenances", self.maintenances(active));
            }
            _ => {
                let is_ahead =
                    |case: &&Arc<Case>| case.incident.began.is_some_and(|began| began > now);
                put("scheduled_maintenances", self.maintenances(is_ahead));
            }
        }
        document
    }

    fn book(&self) -> &Book {
        self.snapshot.book()
    }

    fn page(&self) -> Value {
        let changed = self.book().cases.values().map(|case| case.incident.changed).max();
        json!({
            "id": "lotse", "name": self.site.look().title(), "url": self.base,
            "time_zone": "Etc/UTC",
            "updated_at": exact(changed.unwrap_or(Timestamp::UNIX_EPOCH)),
        })
    }

    fn status(&self) -> Value {
        let level = overall(self.snapshot, self.now);
        let description = Language::English.words().overall(level);
        json!({ "indicator": level.indicator(), "description": description })
    }

    fn components(&self) -> Value {
        let active = self.book().active_at(When::Now(self.now));
        let changed = self.changed();
        let component = |(place, one): (usize, &Arc<crate::model::Component>)| {
            let touched = active.get(&one.id).map_or(&[][..], Vec::as_slice);
            let levels = touched.iter().filter_map(|(id, impact)| {
                Some(Level::of_impact(&self.book().cases.get(id)?.incident, impact))
            });
            let level = levels.max().unwrap_or(Level::Operational);
            let made = created(one.id);
            json!({
                "id": one.id, "name": one.title(), "status": level.statuspage(),
                "description": null, "position": place + 1, "showcase": true,
                "group": false, "group_id": null, "only_show_if_degraded": false,
                "page_id": "lotse", "start_date": null, "created_at": exact(made),
                "updated_at": exact(changed.get(&one.id).map_or(made, |at| made.max(*at))),
            })
        };
        self.book().in_order().into_iter().enumerate().map(component).collect()
    }

    /// When something was said last that touches each component.
    fn changed(&self) -> HashMap<ComponentId, Timestamp> {
        let mut changed = HashMap::new();
        for incident in self.book().cases.values().map(|case| &case.incident) {
            for impact in &incident.affects {
                let last = changed.entry(impact.component).or_insert(incident.changed);
                *last = incident.changed.max(*last);
            }
        }
        changed
    }

    /// The newest first.
    fn cases(&self) -> impl Iterator<Item = &Arc<Case>> {
        let end = self.now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
        let mut cases = self.snapshot.overlapping(Timestamp::MIN, end);
        cases.reverse();
        cases.into_iter()
    }

    fn incidents(&self, wanted: impl Fn(&&Arc<Case>) -> bool) -> Value {
        let trouble = self.cases().filter(|case| !case.incident.is_maintenance());
        trouble.filter(wanted).take(LISTED).map(|case| self.case(case)).collect()
    }

    fn maintenances(&self, wanted: impl Fn(&&Arc<Case>) -> bool) -> Value {
        let planned = self.cases().filter(|case| case.incident.is_maintenance());
        let document = |case: &Arc<Case>| {
            let mut document = self.case(case);
            document["scheduled_for"] = json!(case.incident.began.map(exact));
            document["scheduled_until"] = json!(case.incident.ended.map(exact));
            document
        };
        planned.filter(wanted).take(LISTED).map(document).collect()
    }

    fn word(&self, case: &Case) -> &'static str {
        let incident = &case.incident;
        let is_over = incident.ended.is_some_and(|ended| ended <= self.now);
        let is_ahead = incident.began.is_some_and(|began| began > self.now);
        match (incident.is_maintenance(), is_over, is_ahead) {
            (true, true, _) => "completed",
            (true, false, true) => "scheduled",
            (true, false, false) => "in_progress",
            (false, true, _) => "resolved",
            (false, false, _) if case.updates.is_empty() => "investigating",
            (false, false, _) => "identified",
        }
    }

    fn case(&self, case: &Case) -> Value {
        let incident = &case.incident;
        let word = self.word(case);
        let is_over = incident.ended.filter(|ended| *ended <= self.now);
        let component = |impact: &crate::model::Impact| {
            let one = self.book().components.get(&impact.component)?;
            let status = Level::of_impact(incident, impact).statuspage();
            Some(json!({ "id": one.id, "name": one.title(), "status": status }))
        };
        let update = |update: &crate::model::Update| {
            let parts = [update.name.as_deref(), update.description.as_deref()];
            let body: Vec<_> =
                parts.into_iter().flatten().filter(|text| !text.is_empty()).collect();
            let at = update.created.map(exact);
            json!({
                "id": format!("{}-{}", incident.id, update.order), "status": word,
                "body": body.join("\n"), "created_at": at, "updated_at": at, "display_at": at,
                "incident_id": incident.id,
            })
        };
        json!({
            "id": incident.id, "name": incident.title(), "status": word,
            "impact": Level::of_incident(incident).indicator(),
            "created_at": exact(incident.created), "updated_at": exact(incident.changed),
            "started_at": incident.began.map(exact), "monitoring_at": null,
            "resolved_at": is_over.map(exact), "page_id": "lotse",
            "postmortem_body": incident.postmortem.as_ref().map(|one| &one.text),
            "postmortem_published_at": incident.postmortem.as_ref().map(|one| exact(one.published)),
            "shortlink": format!("{}/incident/{}", self.base, incident.id),
            "components": incident.affects.iter().filter_map(component).collect::<Vec<_>>(),
            "incident_updates": case.updates.values().rev().map(update).collect::<Vec<_>>(),
        })
    }
}
