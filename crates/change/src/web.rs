//! The changes in the console and in the API: read, approved, rejected.
//!
//! Both take the word of a person the same way (`speak`): the digest of the steps that were looked
//! at goes with it, so that nobody agrees to what they have not seen. The owner of a token is the
//! same person as in a session: nobody approves twice by changing the door.

mod api;
mod pages;

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::StatusCode;
use lotse_core::error::Explain;
use lotse_core::id::ChangeId;
use lotse_core::time::Timestamp;
use lotse_web::access::{Access, Permission, Role};
use lotse_web::console::Console;
use lotse_web::extension::{Extension, Highlight, Highlights, NavItem, Route};
use lotse_web::problem::Problem;

use crate::desk::{Changes, Word};
use crate::error::Error;
use crate::model::{Change, State, Summary, in_words};

/// To see changes.
pub static CHANGE_READ: Permission = Permission {
    name: "change.read",
    about: "see changes, what they would do and what became of them",
    roles: &[Role::Viewer, Role::Operator],
};
/// To approve and reject changes.
pub static CHANGE_DECIDE: Permission = Permission {
    name: "change.decide",
    about: "approve and reject changes",
    roles: &[Role::Operator],
};

/// No note on a change is longer, in characters.
const LONGEST_NOTE: usize = 1000;

/// What the changes bring to the console.
pub fn extension(changes: &Changes) -> Extension {
    let reads = Access::Needs(&CHANGE_READ);
    let mut routes = pages::routes(changes);
    routes.extend(api::routes(changes));
    Extension {
        routes,
        navigation: vec![NavItem { href: "/changes", label: "Changes", access: reads }],
        permissions: vec![&CHANGE_READ, &CHANGE_DECIDE],
        highlights: vec![Arc::new(changes.clone())],
        documents: vec![api::document()],
        ..Extension::default()
    }
}

/// A route that shows something.
fn get<H, T>(path: &'static str, changes: &Changes, handler: H) -> Route
where
    H: axum::handler::Handler<T, Changes>,
    T: 'static,
{
    Route::get(path, Access::Needs(&CHANGE_READ), changes.clone(), handler)
}

/// A route that takes a person's word.
fn post<H, T>(path: &'static str, changes: &Changes, handler: H) -> Route
where
    H: axum::handler::Handler<T, Changes>,
    T: 'static,
{
    Route::post(path, Access::Personal(&CHANGE_DECIDE), changes.clone(), handler)
}

/// What a person says of a change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Answer {
    Approve,
    Reject,
}

/// Takes a person's word; with the last approval its task is woken.
async fn speak(
    console: &Console,
    changes: &Changes,
    id: &str,
    answer: Answer,
    (digest, note): (&str, &str),
) -> Result<Change, Problem> {
    let person = console.person()?;
    let note = note.trim();
    if note.chars().count() > LONGEST_NOTE {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "the note is too long")
            .detail(format!("it may have {LONGEST_NOTE} characters")));
    }
    let word = Word { person, note, digest, at: console.now() };
    let change = match answer {
        Answer::Approve => changes.approve(id, word).await,
        Answer::Reject => changes.reject(id, word).await,
    };
    let change = change.map_err(|error| problem(&error))?;
    if change.state == State::Approved && !console.wake(&change.task) {
        tracing::warn!(
            change = %change.id,
            task = change.task,
            "approved, but this daemon has no such task; the change waits for one"
        );
    }
    Ok(change)
}

/// The answer to an error.
fn problem(error: &Error) -> Problem {
    match error {
        Error::Store { source } => Problem::of_store(source),
        other => Problem::of(other as &dyn Explain),
    }
}

/// A change in half a sentence, for example `images on prod: 2 create`.
fn subject(change: &Summary) -> String {
    format!("{} on {}: {}", change.capability, change.cloud, in_words(&change.counts))
}

/// The place of a change in the list: when it was proposed, and its id.
fn place(change: &Summary) -> String {
    format!("{}.{}", change.proposed.as_microsecond(), change.id)
}

/// The place that [`place`] wrote.
fn to_place(text: &str) -> Option<(Timestamp, ChangeId)> {
    let (proposed, id) = text.split_once('.')?;
    let proposed = Timestamp::from_microsecond(proposed.parse().ok()?).ok()?;
    Some((proposed, id.parse().ok()?))
}

#[async_trait]
impl Highlights for Changes {
    fn access(&self) -> Access {
        Access::Needs(&CHANGE_READ)
    }

    async fn now(&self) -> Result<Vec<Highlight>, Problem> {
        let live = self.live().await.map_err(|error| problem(&error))?;
        let told = live.iter().filter_map(|change| {
            let (is_wrong, text, action) = match change.state {
                State::Proposed => (false, "waits for approval", "Review"),
                State::Failed => (true, "failed and is tried again", "Look"),
                _ => return None,
            };
            Some(Highlight {
                is_wrong,
                text: format!("{}, {text}", subject(change)),
                href: format!("/changes/{}", change.id),
                action: action.to_owned(),
            })
        });
        Ok(told.collect())
    }
}
