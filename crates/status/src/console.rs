//! The pages of those who run the status page, in the console of the daemon: open, update, close and
//! backdate incidents and maintenance; say what the page is made of.
//!
//! Forms become commands ([`act`], pure), commands are performed at the desk like those of the API and
//! of the command line, and the audit log says who did it.

mod act;
mod extras;
mod list;
mod one;
mod put;
mod shape;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use lotse_core::error::Explain;
use lotse_core::time::Timestamp;
use lotse_web::access::{Access, Permission, Role};
use lotse_web::console::Console;
use lotse_web::extension::{Extension, NavItem, Route};
use lotse_web::problem::Problem;

use crate::command::{Command, Notice, Outcome};
use crate::desk::Desk;
use crate::error::Error;
use crate::form::Form;
use crate::writer::{REPORT, SHAPE};

/// To see the page as those who run it do.
pub static READ: Permission = Permission {
    name: "status.read",
    about: "see the status page in the console",
    roles: &[Role::Viewer, Role::Reporter, Role::Operator],
};

/// What the status page brings to the console.
pub fn extension(desk: &Arc<Desk>) -> Extension {
    let reads = Access::Needs(&READ);
    Extension {
        routes: vec![
            get("/status", reads, desk, list::show),
            get("/status/new", Access::Needs(&REPORT), desk, one::new),
            get("/status/incidents/{id}", reads, desk, one::show),
            post("/status/report", &REPORT, desk, report),
            get("/status/shape", reads, desk, shape::show),
            post("/status/shape", &SHAPE, desk, declare),
            get("/status/extras", reads, desk, extras::show),
            post("/status/extras", &REPORT, desk, put_extra),
        ],
        navigation: vec![NavItem { href: "/status", label: "Status page", access: reads }],
        permissions: vec![&READ, &REPORT, &SHAPE],
        ..Extension::default()
    }
}

fn get<H, T>(path: &'static str, access: Access, desk: &Arc<Desk>, handler: H) -> Route
where
    H: Handler<T, Arc<Desk>>,
    T: 'static,
{
    Route::get(path, access, desk.clone(), handler)
}

fn post<H, T>(
    path: &'static str,
    permission: &'static Permission,
    desk: &Arc<Desk>,
    handler: H,
) -> Route
where
    H: Handler<T, Arc<Desk>>,
    T: 'static,
{
    Route::post(path, Access::Personal(permission), desk.clone(), handler)
}

/// The answer to an error.
fn problem(error: &Error) -> Problem {
    match error {
        Error::Store { source } => Problem::of_store(source),
        other => Problem::of(other as &dyn Explain),
    }
}

/// Performs what a form asks for, one command after the other.
async fn perform(
    console: &Console,
    desk: &Desk,
    commands: &[Command],
    notice: Notice,
) -> Result<Option<Outcome>, Problem> {
    let actor = console.identity().actor();
    let mut outcome = None;
    for command in commands {
        let done = desk.perform_with(&actor, command, notice).await;
        outcome = Some(done.map_err(|error| problem(&error))?);
    }
    Ok(outcome)
}

/// A form about an incident.
async fn report(
    State(desk): State<Arc<Desk>>,
    console: Console,
    body: Bytes,
) -> Result<Response, Problem> {
    let form = Form::read(&body);
    let deed = act::report(&form, desk.whole().book(), console.now());
    let act::Deed { commands, incident } = deed.map_err(|error| problem(&error))?;
    let notice = if form.get("silent").is_some() { Notice::Nobody } else { Notice::Everybody };
    perform(&console, &desk, &commands, notice).await?;
    let to = incident.map_or_else(|| "/status".to_owned(), |id| format!("/status/incidents/{id}"));
    Ok(Redirect::to(&to).into_response())
}

/// A form about what the page is made of.
async fn declare(
    State(desk): State<Arc<Desk>>,
    console: Console,
    body: Bytes,
) -> Result<Response, Problem> {
    let command = act::declare(&Form::read(&body)).map_err(|error| problem(&error))?;
    perform(&console, &desk, &[command], Notice::Everybody).await?;
    Ok(Redirect::to("/status/shape").into_response())
}

/// A form about templates, recurring maintenance, audiences or providers. Those who report say what
/// happens at providers; the rest is for those who say what the page is made of.
async fn put_extra(
    State(desk): State<Arc<Desk>>,
    console: Console,
    body: Bytes,
) -> Result<Response, Problem> {
    let form = Form::read(&body);
    if !put::is_report(&form) && !console.may_write(&SHAPE) {
        let problem = Problem::new(StatusCode::FORBIDDEN, "this takes the role operator");
        return Err(problem);
    }
    let commands = put::extra(&form, desk.whole().book()).map_err(|error| problem(&error))?;
    perform(&console, &desk, &commands, Notice::Everybody).await?;
    Ok(Redirect::to("/status/extras").into_response())
}

/// A moment as `<input type="datetime-local">` takes it: UTC, to the minute.
fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M").to_string()
}
