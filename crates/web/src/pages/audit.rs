//! The audit log: newest first, filtered, page by page, and whether its chain holds.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use lotse_core::task::{Board, Outcome};
use lotse_store::audit::{AuditFilter, DeedOutcome, Entry};
use serde::Deserialize;
use url::form_urlencoded;

use super::layout::{Layout, When};
use super::page;
use crate::api::{Words, paging};
use crate::auth::guard::Caller;
use crate::problem::Problem;
use crate::shell::Shell;
use crate::text::shown;

/// Entries on a page.
const PAGE: u32 = 50;
/// The task that verifies the log.
const VERIFIER: &str = "state/housekeeping";

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    layout: Layout,
    chain: Chain,
    entries: Vec<EntryView>,
    filter: FilterView,
    is_filtered: bool,
    is_later_page: bool,
    newest: String,
    older: Option<String>,
}

struct FilterView {
    actor: String,
    action: String,
    object: String,
    outcomes: Vec<(&'static str, bool)>,
}

struct EntryView {
    seq: i64,
    when: When,
    actor: String,
    action: String,
    object: String,
    outcome: &'static str,
    class: &'static str,
    detail: String,
    hash: String,
}

/// What the last verification of the chain found.
struct Chain {
    class: &'static str,
    text: String,
    when: Option<When>,
}

/// The filter, as the form of the page writes it into the address.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct AuditQuery {
    actor: Option<String>,
    action: Option<String>,
    object: Option<String>,
    outcome: Option<String>,
    before: Option<i64>,
}

pub(super) async fn show(
    State(shell): State<Arc<Shell>>,
    Caller(identity): Caller,
    Words(query): Words<AuditQuery>,
) -> Result<Response, Problem> {
    let word = |word: &Option<String>| {
        word.as_deref().map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned)
    };
    let filter = AuditFilter {
        actor: word(&query.actor),
        action: word(&query.action),
        object: word(&query.object),
        outcome: word(&query.outcome).and_then(|word| word.parse().ok()),
    };
    // One more than is shown tells whether there are older ones.
    let found = shell.gate.store.audit_search(&filter, query.before, PAGE + 1).await;
    let found = found.map_err(|error| Problem::of_store(&error))?;
    let (found, last) = paging::split(found, PAGE, |entry| entry.seq);
    Ok(page(&Audit {
        layout: Layout::of(&shell, &identity, "/audit", "Audit log"),
        chain: chain(&shell.board),
        entries: found.iter().map(EntryView::from).collect(),
        is_filtered: filter != AuditFilter::default(),
        is_later_page: query.before.is_some(),
        newest: link(&filter, None),
        older: last.map(|seq| link(&filter, Some(seq))),
        filter: FilterView {
            actor: shown(filter.actor.as_deref().unwrap_or_default(), 200),
            action: shown(filter.action.as_deref().unwrap_or_default(), 200),
            object: shown(filter.object.as_deref().unwrap_or_default(), 200),
            outcomes: [DeedOutcome::Done, DeedOutcome::Failed, DeedOutcome::Denied]
                .map(|outcome| (outcome.word(), filter.outcome == Some(outcome)))
                .to_vec(),
        },
    }))
}

/// The address of the page with this filter.
fn link(filter: &AuditFilter, before: Option<i64>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let words = [
        ("actor", filter.actor.clone()),
        ("action", filter.action.clone()),
        ("object", filter.object.clone()),
        ("outcome", filter.outcome.map(|outcome| outcome.word().to_owned())),
        ("before", before.map(|seq| seq.to_string())),
    ];
    for (name, value) in words {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    }
    format!("/audit?{}", query.finish())
}

impl From<&Entry> for EntryView {
    fn from(entry: &Entry) -> Self {
        let deed = &entry.deed;
        let (outcome, class) = match deed.outcome {
            DeedOutcome::Done => ("done", "good"),
            DeedOutcome::Failed => ("failed", "bad"),
            DeedOutcome::Denied => ("denied", "bad"),
        };
        Self {
            seq: entry.seq,
            when: deed.at.into(),
            actor: shown(&deed.actor, 200),
            action: shown(&deed.action, 100),
            object: shown(&deed.object, 200),
            outcome,
            class,
            detail: if deed.detail.is_null() {
                String::new()
            } else {
                shown(&deed.detail.to_string(), 500)
            },
            hash: entry.hash.chars().take(12).collect(),
        }
    }
}

fn chain(board: &Board) -> Chain {
    let Some(last) = board.task(VERIFIER).and_then(|task| task.last) else {
        let text = "The chain of this log has not been verified yet.".to_owned();
        return Chain { class: "open", text, when: None };
    };
    let when = Some(When::from(last.started));
    match last.outcome {
        Outcome::Succeeded { report } => {
            let seq = report.detail.pointer("/audit/seq").and_then(serde_json::Value::as_i64);
            let text = match seq {
                Some(seq) => format!("The chain of hashes holds up to entry {seq}."),
                None => "The chain of hashes holds.".to_owned(),
            };
            Chain { class: "good", text, when }
        }
        Outcome::Failed { message, .. } => Chain { class: "bad", text: shown(&message, 400), when },
    }
}
