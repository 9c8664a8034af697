//! Proposals in the console and in the JSON API: read, confirmed, edited, dismissed.

mod api;
mod pages;

use std::sync::Arc;

use async_trait::async_trait;
use lotse_core::error::Explain;
use lotse_web::access::{Access, Permission, Role};
use lotse_web::console::Console;
use lotse_web::extension::{Extension, Highlight, Highlights, NavItem, Route};
use lotse_web::problem::Problem;

use super::desk::{Change, Detector};
use super::proposal::{Proposal, ProposalId, State};
use crate::error::Error;

/// To see proposals and their evidence.
pub static READ: Permission = Permission {
    name: "status.proposal.read",
    about: "see what monitors say and what is proposed for the status page",
    roles: &[Role::Viewer, Role::Reporter, Role::Operator],
};

/// To decide about proposals.
pub static DECIDE: Permission = Permission {
    name: "status.proposal.decide",
    about: "confirm, edit and dismiss proposals for the status page",
    roles: &[Role::Reporter, Role::Operator],
};

/// To say how things are, as a monitor.
pub static SIGNAL: Permission = Permission {
    name: "status.signal",
    about: "tell the status page what a monitor has found",
    roles: &[Role::Operator],
};

/// No note is longer, in characters.
const LONGEST_NOTE: usize = 1000;
/// No headline is longer, in characters.
const LONGEST_NAME: usize = 200;
/// No text is longer, in characters.
const LONGEST_TEXT: usize = 10_000;

/// What proposals bring to the console.
pub fn extension(detector: &Arc<Detector>) -> Extension {
    let reads = Access::Needs(&READ);
    let mut routes = pages::routes(detector);
    routes.extend(api::routes(detector));
    Extension {
        routes,
        navigation: vec![NavItem { href: "/status/proposals", label: "Proposals", access: reads }],
        permissions: vec![&READ, &DECIDE, &SIGNAL],
        highlights: vec![Arc::new(Waiting(detector.clone()))],
        documents: vec![api::document()],
        ..Extension::default()
    }
}

fn get<H, T>(path: &'static str, detector: &Arc<Detector>, handler: H) -> Route
where
    H: axum::handler::Handler<T, Arc<Detector>>,
    T: 'static,
{
    Route::get(path, Access::Needs(&READ), detector.clone(), handler)
}

fn post<H, T>(path: &'static str, detector: &Arc<Detector>, handler: H) -> Route
where
    H: axum::handler::Handler<T, Arc<Detector>>,
    T: 'static,
{
    Route::post(path, Access::Personal(&DECIDE), detector.clone(), handler)
}

fn problem(error: &Error) -> Problem {
    match error {
        Error::Store { source } => Problem::of_store(source),
        other => Problem::of(other as &dyn Explain),
    }
}

fn id(text: &str) -> Result<ProposalId, Problem> {
    text.parse().map_err(|_| problem(&Error::not_found("proposal", text)))
}

/// Takes a person's word.
async fn speak(
    console: &Console,
    detector: &Detector,
    id: ProposalId,
    change: &Change,
    note: &str,
) -> Result<Proposal, Problem> {
    let person = console.person()?;
    let note = note.trim();
    let is_long = |text: &str, most: usize| text.chars().nth(most).is_some();
    let too_long = match change {
        Change::Edit { name, text, .. } => {
            name.as_deref().is_some_and(|name| is_long(name, LONGEST_NAME))
                || text.as_deref().is_some_and(|text| is_long(text, LONGEST_TEXT))
        }
        _ => is_long(note, LONGEST_NOTE),
    };
    if too_long {
        return Err(problem(&Error::invalid("text", "it is too long")));
    }
    detector.speak(person, id, change, note).await.map_err(|error| problem(&error))
}

/// Tells on the first page what waits.
struct Waiting(Arc<Detector>);

#[async_trait]
impl Highlights for Waiting {
    fn access(&self) -> Access {
        Access::Needs(&READ)
    }

    async fn now(&self) -> Result<Vec<Highlight>, Problem> {
        let live = self.0.live().await.map_err(|error| problem(&error))?;
        let open = live.iter().filter(|one| one.is_live() && one.state == State::Open);
        let told = open.map(|one| Highlight {
            is_wrong: true,
            text: format!("proposed for the status page: {}", one.draft.name),
            href: format!("/status/proposals/{}", one.id),
            action: "Decide".to_owned(),
        });
        Ok(told.collect())
    }
}
