//! The changes as pages: what waits, what was, and one change with everything that it would do.

use std::str::FromStr;

use askama::Template;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Redirect, Response};
use lotse_core::change::FieldChange;
use lotse_web::api::paging;
use lotse_web::api::reading::{Fields, PathWord, Words};
use lotse_web::console::Console;
use lotse_web::extension::Route;
use lotse_web::problem::Problem;
use lotse_web::text::shown;
use lotse_web::{Layout, When, page};
use serde::Deserialize;
use serde_json::Value;

use super::{Answer, CHANGE_DECIDE, get, place, post, problem, speak, subject, to_place};
use crate::desk::Changes;
use crate::model::{Change, State, Summary, counts, in_words};

/// Changes on a page of the history.
const PAGE: u32 = 50;
/// Steps on a page of a change.
const STEPS: usize = 100;
/// The longest value of a field, in characters.
const LONGEST_VALUE: usize = 300;

pub(super) fn routes(changes: &Changes) -> Vec<Route> {
    vec![
        get("/changes", changes, list),
        get("/changes/{id}", changes, show),
        post("/changes/approve", changes, approve),
        post("/changes/reject", changes, reject),
    ]
}

#[derive(Template)]
#[template(path = "changes.html")]
struct List {
    layout: Layout,
    live: Vec<Row>,
    rows: Vec<Row>,
    states: Vec<(&'static str, bool)>,
    is_filtered: bool,
    is_later_page: bool,
    newest: String,
    older: Option<String>,
}

struct Row {
    href: String,
    subject: String,
    state: &'static str,
    class: &'static str,
    approvals: String,
    proposed: When,
    by: String,
    outcome: String,
}

impl From<&Summary> for Row {
    fn from(change: &Summary) -> Self {
        let approvals = match change.approvals_needed {
            0 => "none needed".to_owned(),
            needed => format!("{} of {needed}", change.approvals),
        };
        Self {
            href: format!("/changes/{}", change.id),
            subject: shown(&subject(change), 200),
            state: change.state.word(),
            class: class(change.state),
            approvals,
            proposed: change.proposed.into(),
            by: shown(&change.proposed_by, 120),
            outcome: shown(change.outcome.as_deref().unwrap_or_default(), 400),
        }
    }
}

const fn class(state: State) -> &'static str {
    match state {
        State::Applied => "good",
        State::Failed => "bad",
        _ => "open",
    }
}

/// What the list is told in its address.
#[derive(Debug, Deserialize)]
struct ListQuery {
    state: Option<String>,
    before: Option<String>,
}

async fn list(
    Shared(changes): Shared<Changes>,
    console: Console,
    Words(query): Words<ListQuery>,
) -> Result<Response, Problem> {
    // What cannot be read filters nothing: the address of a page is not a document.
    let state = query.state.as_deref().and_then(|word| State::from_str(word).ok());
    let after = query.before.as_deref().and_then(to_place);
    let found = changes.list(state, after, PAGE + 1).await;
    let found = found.map_err(|error| problem(&error))?;
    let (found, older) = paging::split(found, PAGE, place);
    let live = if state.is_none() && after.is_none() {
        changes.live().await.map_err(|error| problem(&error))?
    } else {
        Vec::new()
    };
    let filter = state.map_or_else(String::new, |state| format!("state={}&", state.word()));
    Ok(page(&List {
        layout: console.layout("Changes").live(),
        live: live.iter().map(Row::from).collect(),
        rows: found.iter().map(Row::from).collect(),
        states: State::ALL.map(|each| (each.word(), state == Some(each))).to_vec(),
        is_filtered: state.is_some(),
        is_later_page: after.is_some(),
        newest: format!("/changes?{filter}"),
        older: older.map(|last| format!("/changes?{filter}before={last}")),
    }))
}

#[derive(Template)]
#[template(path = "change.html")]
struct One {
    layout: Layout,
    change: Facts,
    steps: Vec<StepView>,
    steps_from: usize,
    steps_to: usize,
    steps_all: usize,
    earlier: Option<String>,
    later: Option<String>,
    notes: Vec<String>,
    approvals: Vec<(String, When, String)>,
    request_ids: Vec<String>,
    may_approve: bool,
    may_reject: bool,
}

/// What is known of a change besides its steps.
struct Facts {
    id: String,
    digest: String,
    short_digest: String,
    counts: String,
    cloud: String,
    capability: String,
    task: String,
    state: &'static str,
    class: &'static str,
    consent: Option<String>,
    approvals: String,
    proposed: When,
    by: String,
    attempts: u32,
    ended: Option<When>,
    ended_by: String,
    outcome: String,
    waits: bool,
}

struct StepView {
    action: String,
    kind: String,
    name: String,
    reason: String,
    fields: Vec<FieldView>,
}

struct FieldView {
    field: String,
    before: Option<String>,
    after: Option<String>,
}

impl From<&FieldChange> for FieldView {
    fn from(change: &FieldChange) -> Self {
        let text = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => Some(shown(text, LONGEST_VALUE)),
            other => Some(shown(&other.to_string(), LONGEST_VALUE)),
        };
        Self {
            field: shown(&change.field, 120),
            before: text(&change.before),
            after: text(&change.after),
        }
    }
}

/// What the page of a change is told in its address.
#[derive(Debug, Deserialize)]
struct OneQuery {
    from: Option<usize>,
}

async fn show(
    Shared(changes): Shared<Changes>,
    console: Console,
    PathWord(id): PathWord,
    Words(query): Words<OneQuery>,
) -> Result<Response, Problem> {
    let change = changes.get(&id).await.map_err(|error| problem(&error))?;
    let all = &change.document.steps;
    // Pages begin where pages begin, whatever the address says.
    let from = query.from.filter(|from| *from < all.len()).unwrap_or(0) / STEPS * STEPS;
    let steps = all.iter().skip(from).take(STEPS).map(|step| StepView {
        action: shown(&step.action, 40),
        kind: shown(&step.kind, 60),
        name: shown(&step.name, 200),
        reason: shown(&step.reason, 400),
        fields: step.changes.iter().map(FieldView::from).collect(),
    });
    let steps: Vec<_> = steps.collect();
    let link = |from: usize| format!("/changes/{}?from={from}", change.id);
    let may = console.may_write(&CHANGE_DECIDE);
    let title = format!("Change of {} on {}", change.capability, change.cloud);
    Ok(page(&One {
        layout: console.layout(&shown(&title, 120)).live(),
        steps_from: from + 1,
        steps_to: from + steps.len(),
        steps_all: all.len(),
        earlier: (from > 0).then(|| link(from.saturating_sub(STEPS))),
        later: (from + steps.len() < all.len()).then(|| link(from + STEPS)),
        steps,
        notes: change.document.notes.iter().map(|note| shown(note, 400)).collect(),
        approvals: change
            .approvals
            .iter()
            .map(|one| (shown(&one.person, 120), one.at.into(), shown(&one.note, 1000)))
            .collect(),
        request_ids: change.request_ids.iter().map(|id| shown(id, 80)).collect(),
        may_approve: may && change.state == State::Proposed,
        may_reject: may && change.state.is_live() && change.state != State::Applying,
        change: Facts::from(&change),
    }))
}

impl From<&Change> for Facts {
    fn from(change: &Change) -> Self {
        Self {
            id: change.id.to_string(),
            digest: change.digest.clone(),
            short_digest: change.digest.chars().take(12).collect(),
            counts: in_words(&counts(&change.document)),
            cloud: shown(&change.cloud, 120),
            capability: shown(&change.capability, 60),
            task: shown(&change.task, 120),
            state: change.state.word(),
            class: class(change.state),
            consent: change.consent.as_deref().map(|text| shown(text, 400)),
            approvals: match change.approvals_needed {
                0 => "none needed".to_owned(),
                needed => format!("{} of {needed}", change.approvals.len()),
            },
            proposed: change.proposed.into(),
            by: shown(&change.proposed_by, 120),
            attempts: change.attempts,
            ended: change.ended.map(When::from),
            ended_by: shown(change.ended_by.as_deref().unwrap_or_default(), 120),
            outcome: shown(change.outcome.as_deref().unwrap_or_default(), 1000),
            waits: change.state == State::Proposed,
        }
    }
}

/// The forms below a change.
#[derive(Debug, Deserialize)]
struct Decision {
    id: String,
    digest: String,
    #[serde(default)]
    note: String,
}

async fn approve(
    Shared(changes): Shared<Changes>,
    console: Console,
    Fields(form): Fields<Decision>,
) -> Result<Response, Problem> {
    decided(&console, &changes, Answer::Approve, &form).await
}

async fn reject(
    Shared(changes): Shared<Changes>,
    console: Console,
    Fields(form): Fields<Decision>,
) -> Result<Response, Problem> {
    decided(&console, &changes, Answer::Reject, &form).await
}

async fn decided(
    console: &Console,
    changes: &Changes,
    answer: Answer,
    form: &Decision,
) -> Result<Response, Problem> {
    let change = speak(console, changes, &form.id, answer, (&form.digest, &form.note)).await?;
    Ok(Redirect::to(&format!("/changes/{}", change.id)).into_response())
}
