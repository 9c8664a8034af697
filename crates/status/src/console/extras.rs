//! What a page has beyond incidents: templates, recurring maintenance, audiences, and what happens at
//! providers.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use lotse_core::id::{ComponentId, ImpactTypeId};
use lotse_core::time::Timestamp;
use lotse_web::console::Console;
use lotse_web::text::shown;
use lotse_web::{Layout, page};

use super::minute;
use crate::book::Book;
use crate::desk::Desk;
use crate::extra;
use crate::writer::{REPORT, SHAPE};

#[derive(Template)]
#[template(path = "console_extras.html")]
struct Extras {
    layout: Layout,
    templates: Vec<Sheet>,
    schedules: Vec<Sheet>,
    audiences: Vec<Sheet>,
    upstream: Vec<Sheet>,
    may_change: bool,
    may_report: bool,
}

/// A document as its form shows it: the last one of a kind is empty, for a new one.
struct Sheet {
    /// What the fields of this form are told apart by.
    key: String,
    /// Its name, or its id; empty when it is new.
    name: String,
    /// What it is called on the page.
    shown: String,
    /// What it is about, in one line.
    about: String,
    /// The other fields, by their names.
    fields: BTreeMap<&'static str, String>,
    components: Vec<Choice>,
    impacts: Vec<Choice>,
}

struct Choice {
    value: String,
    name: String,
    chosen: bool,
}

impl Sheet {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    const fn is_new(&self) -> bool {
        self.name.is_empty()
    }
}

/// Makes the sheets of one book.
struct Clerk<'a>(&'a Book);

impl Clerk<'_> {
    /// A sheet of this kind; a `name` of none is that of a new document.
    fn sheet(&self, kind: &str, name: Option<&str>, shown_as: &str, of: &[ComponentId]) -> Sheet {
        let component = |one: &Arc<crate::model::Component>| Choice {
            value: one.id.to_string(),
            name: shown(&one.title(), 100),
            chosen: of.contains(&one.id),
        };
        Sheet {
            key: format!("{kind}-{}", name.unwrap_or_default()),
            name: name.unwrap_or_default().to_owned(),
            shown: shown(shown_as, 200),
            about: String::new(),
            fields: BTreeMap::new(),
            components: self.0.in_order().into_iter().map(component).collect(),
            impacts: Vec::new(),
        }
    }

    fn impacts(&self, chosen: Option<ImpactTypeId>) -> Vec<Choice> {
        let impact = |one: &Arc<crate::model::ImpactType>| Choice {
            value: one.id.to_string(),
            name: shown(&one.name, 100),
            chosen: chosen == Some(one.id),
        };
        self.0.impact_types.values().map(impact).collect()
    }

    fn names(&self, components: &[ComponentId]) -> String {
        let known = components.iter().filter_map(|id| self.0.components.get(id));
        let names: Vec<_> = known.map(|one| one.title()).collect();
        shown(&names.join(", "), 300)
    }

    fn template(&self, one: Option<&extra::Template>) -> Sheet {
        let Some(one) = one else {
            let new = self.sheet("template", None, "", &[]);
            return Sheet { impacts: self.impacts(None), ..new };
        };
        let severity = one.severity.map(|severity| severity.to_string()).unwrap_or_default();
        Sheet {
            about: self.names(&one.components),
            fields: BTreeMap::from([
                ("title", one.title.clone().unwrap_or_default()),
                ("text", one.text.clone().unwrap_or_default()),
                ("severity", severity),
            ]),
            impacts: self.impacts(one.kind),
            ..self.sheet("template", Some(&one.name), &one.name, &one.components)
        }
    }

    fn schedule(&self, one: Option<&extra::Schedule>) -> Sheet {
        let Some(one) = one else { return self.sheet("schedule", None, "", &[]) };
        Sheet {
            about: format!(
                "{}; {} minutes; {}",
                one.rule,
                one.minutes,
                self.names(&one.components)
            ),
            fields: BTreeMap::from([
                ("title", one.title.clone()),
                ("text", one.text.clone().unwrap_or_default()),
                ("start", minute(one.start)),
                ("zone", one.zone.clone().unwrap_or_default()),
                ("minutes", one.minutes.to_string()),
                ("rule", one.rule.clone()),
            ]),
            ..self.sheet("schedule", Some(&one.name), &one.title, &one.components)
        }
    }

    fn audience(&self, one: Option<&extra::Audience>) -> Sheet {
        let Some(one) = one else { return self.sheet("audience", None, "", &[]) };
        let seen = self.0.components.values().filter(|each| each.audiences.contains(&one.name));
        let seen: Vec<_> = seen.map(|each| each.id).collect();
        let link = if one.secret.is_some() { "has a secret link; " } else { "" };
        Sheet {
            about: format!("{link}{}", self.names(&seen)),
            fields: BTreeMap::from([
                ("title", one.title.clone()),
                ("groups", one.groups.iter().cloned().collect::<Vec<_>>().join("\n")),
            ]),
            ..self.sheet("audience", Some(&one.name), &one.title, &seen)
        }
    }

    fn upstream(&self, one: Option<&extra::Upstream>) -> Sheet {
        let Some(one) = one else { return self.sheet("upstream", None, "", &[]) };
        let time = |at: Option<Timestamp>| at.map(minute).unwrap_or_default();
        let id = one.id.to_string();
        Sheet {
            about: one.provider.clone(),
            fields: BTreeMap::from([
                ("provider", one.provider.clone()),
                ("title", one.title.clone()),
                ("text", one.text.clone().unwrap_or_default()),
                ("url", one.url.as_ref().map(ToString::to_string).unwrap_or_default()),
                ("began", minute(one.began)),
                ("ended", time(one.ended)),
            ]),
            ..self.sheet("upstream", Some(&id), &one.title, &one.components)
        }
    }
}

/// The page.
pub(super) async fn show(State(desk): State<Arc<Desk>>, console: Console) -> Response {
    let snapshot = desk.whole();
    let (book, clerk) = (snapshot.book(), Clerk(snapshot.book()));
    let and_new = |all: Vec<Sheet>, new: Sheet| all.into_iter().chain([new]).collect();
    let templates = book.templates.values().map(|one| clerk.template(Some(one))).collect();
    let schedules = book.schedules.values().map(|one| clerk.schedule(Some(one))).collect();
    let audiences = book.audiences.values().map(|one| clerk.audience(Some(one))).collect();
    let upstream = book.upstream.values().rev().map(|one| clerk.upstream(Some(one))).collect();
    page(&Extras {
        layout: console.layout("Templates, recurrences, audiences, providers"),
        templates: and_new(templates, clerk.template(None)),
        schedules: and_new(schedules, clerk.schedule(None)),
        audiences: and_new(audiences, clerk.audience(None)),
        upstream: and_new(upstream, clerk.upstream(None)),
        may_change: console.may_write(&SHAPE),
        may_report: console.may_write(&REPORT),
    })
}
