//! Results that wait for somebody's word, and those that were approved although they are no passes.
//!
//! What is listed is what counts at present, from the newest results in memory: the history is not
//! asked. Each word is in the audit log.

use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use lotse_web::access::{Access, Permission, Role};
use lotse_web::console::Console;
use lotse_web::extension::Route;
use lotse_web::problem::Problem;
use lotse_web::{Layout, When, page};

use crate::model::Verdict;
use crate::monitor::desk::{Monitor, Word};
use crate::monitor::pages::Place;
use crate::monitor::standing::Held;
use crate::monitor::view::View;

/// To say which results are approved.
pub static CONFORMANCE_APPROVE: Permission = Permission {
    name: "conformance.approve",
    about: "approve conformance results, and withdraw approvals",
    roles: &[Role::Operator],
};

const PATH: &str = "/conformance/approvals";
/// Subjects on one page.
const MOST: usize = 50;

pub(super) fn routes(monitor: &Monitor) -> Vec<Route> {
    let access = Access::Personal(&CONFORMANCE_APPROVE);
    vec![
        Route::get(PATH, access, monitor.clone(), list),
        Route::post(PATH, access, monitor.clone(), say),
    ]
}

/// A result as it is listed.
struct One {
    /// What the form sends: report and testcase.
    value: String,
    testcase: String,
    verdict: Verdict,
    checked: When,
    report: String,
}

impl One {
    fn of(testcase: &str, held: &Held) -> Self {
        Self {
            value: format!("{}/{testcase}", held.2),
            testcase: testcase.to_owned(),
            verdict: held.verdict(),
            checked: When::from(held.checked()),
            report: Place::CONSOLE.report(&held.2),
        }
    }

    /// The class of its state.
    fn class(&self) -> &'static str {
        match self.verdict {
            Verdict::Pass => "good",
            Verdict::Fail => "bad",
            Verdict::Abort | Verdict::Missing => "open",
        }
    }

    fn word(&self) -> &'static str {
        match self.verdict {
            Verdict::Pass => "passed",
            Verdict::Fail => "failed",
            Verdict::Abort => "aborted",
            Verdict::Missing => "missing",
        }
    }
}

/// The results of a subject in a scope, and what can be said of them.
struct Group {
    subject: String,
    scope: String,
    detail: String,
    results: Vec<One>,
}

/// Forms of one kind.
struct Part {
    heading: &'static str,
    nothing: &'static str,
    /// What the button says, and whether it approves.
    button: &'static str,
    approval: bool,
    groups: Vec<Group>,
    /// Subjects that are not on this page.
    more: usize,
}

#[derive(Template)]
#[template(path = "conformance_approvals.html")]
struct Shown {
    layout: Layout,
    approved_only: bool,
    parts: [Part; 2],
}

/// How many results wait.
pub(super) fn waiting(view: &View) -> usize {
    let waits = |held: &&Held| !held.3;
    view.judged.values().map(|one| one.full.results.values().filter(waits).count()).sum()
}

/// What counts and fits, by subject and scope, and how many subjects there are beyond the page.
fn groups(monitor: &Monitor, view: &View, fits: impl Fn(&Held) -> bool) -> (Vec<Group>, usize) {
    let mut groups = Vec::new();
    for ((subject, uuid), judged) in &view.judged {
        let results = judged.full.results.iter().filter(|(_, held)| fits(held));
        let results: Vec<_> = results.map(|(id, held)| One::of(id, held)).collect();
        if let (Some(spec), false) = (monitor.scope(uuid), results.is_empty()) {
            groups.push(Group {
                subject: lotse_web::text::shown(subject, 100),
                scope: spec.name.clone(),
                detail: Place::CONSOLE.detail(subject, uuid),
                results,
            });
        }
    }
    let more = groups.len().saturating_sub(MOST);
    groups.truncate(MOST);
    (groups, more)
}

async fn list(State(monitor): State<Monitor>, console: Console) -> Result<Response, Problem> {
    let view = super::view(&monitor).await?;
    let part = |heading, nothing, button, approval| {
        // What waits can be approved; what is approved and no pass can be taken back.
        let fits = |held: &Held| if approval { !held.3 } else { held.3 && held.0 != 1 };
        let (groups, more) = groups(&monitor, &view, fits);
        Part { heading, nothing, button, approval, groups, more }
    };
    let parts = [
        part("Waiting", "No result waits for approval.", "Approve the chosen results", true),
        part(
            "Approved, and no passes",
            "No failed or aborted result is approved.",
            "Withdraw the approval of the chosen results",
            false,
        ),
    ];
    let layout = console.layout("Approvals");
    Ok(page(&Shown { layout, approved_only: monitor.approved_only(), parts }))
}

fn refused(detail: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "this cannot be done").detail(detail)
}

async fn say(
    State(monitor): State<Monitor>,
    console: Console,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let of = |wanted: &'static str| {
        fields.iter().filter(move |(name, _)| name == wanted).map(|(_, value)| value.as_str())
    };
    let approval = match of("approval").next() {
        Some("true") => true,
        Some("false") => false,
        _ => return Err(refused("the form does not say whether the results are approved")),
    };
    let word = |value: &str| {
        let (report, testcase) = value.split_once('/')?;
        Some(Word { reportuuid: report.to_owned(), testcase: testcase.to_owned(), approval })
    };
    let words: Option<Vec<_>> = of("result").map(word).collect();
    let words = words.ok_or_else(|| refused("a result is named REPORT/TESTCASE"))?;
    if words.is_empty() {
        return Err(refused("choose at least one result, then press the button below it"));
    }
    monitor.approve(console.person()?, &words).await?;
    Ok(Redirect::to(PATH).into_response())
}
