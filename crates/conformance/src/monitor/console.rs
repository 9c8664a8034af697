//! The monitor in the console: everything that the public pages show and what they do not, the
//! subjects that people made themselves, and what waits for somebody's word.

mod approvals;
mod subjects;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use lotse_web::access::{Access, Permission, Role};
use lotse_web::api::reading::{PathWord, PathWords, Words};
use lotse_web::console::Console;
use lotse_web::extension::{Extension, NavItem, Register, Route};
use lotse_web::problem::Problem;
use lotse_web::{Layout, page};

use super::desk::Monitor;
use super::doc::{self, Block, Inline};
use super::flavor::{self, Asked};
use super::pages::{self, Place};
use super::public;
use super::refusal::Refusal;
use super::store;

pub use approvals::CONFORMANCE_APPROVE;

/// To see results and reports.
pub static CONFORMANCE_READ: Permission = Permission {
    name: "conformance.read",
    about: "see conformance results and reports",
    roles: &[Role::Viewer, Role::Operator, Role::Reporter],
};
/// To have subjects of one's own.
pub static CONFORMANCE_SUBJECT: Permission = Permission {
    name: "conformance.subject",
    about: "make subjects that conformance reports are about, with keys and passwords",
    roles: &[Role::Operator, Role::Reporter],
};

#[derive(Template)]
#[template(path = "conformance.html")]
struct Page {
    layout: Layout,
    content: String,
}

/// What the monitor brings to the console.
pub fn extension(monitor: &Monitor) -> Extension {
    let reads = Access::Needs(&CONFORMANCE_READ);
    let mut routes = vec![
        Route::get("/conformance", reads, monitor.clone(), table),
        Route::get("/conformance/detail/{subject}/{scope}", reads, monitor.clone(), detail),
        Route::get("/conformance/report/{uuid}", reads, monitor.clone(), report),
        Route::get("/conformance/scope/{scope}", reads, monitor.clone(), scope),
        Route::get("/conformance/flavor", Access::SignedIn, (), flavors),
    ];
    routes.extend(subjects::routes(monitor));
    routes.extend(approvals::routes(monitor));
    let metrics = monitor.metrics().clone();
    let register: Register = Box::new(move |registry| metrics.register(registry));
    Extension {
        routes,
        navigation: vec![NavItem { href: "/conformance", label: "Conformance", access: reads }],
        permissions: vec![&CONFORMANCE_READ, &CONFORMANCE_SUBJECT, &CONFORMANCE_APPROVE],
        metrics: vec![register],
        ..Extension::default()
    }
}

fn shown(console: &Console, title: &str, blocks: &[Block]) -> Response {
    let title = lotse_web::text::shown(title, 100);
    page(&Page { layout: console.layout(&title), content: doc::html(blocks) })
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        refusal.problem()
    }
}

async fn view(monitor: &Monitor) -> Result<std::sync::Arc<super::view::View>, Problem> {
    monitor.view().await.map_err(|error| Problem::of_store(&error))
}

async fn table(State(monitor): State<Monitor>, console: Console) -> Result<Response, Problem> {
    let view = view(&monitor).await?;
    let mut blocks = pages::table(&view, monitor.scopes(), Place::CONSOLE);
    let mut links = vec![Inline::Link("/conformance/flavor".to_owned(), "Flavor names".to_owned())];
    if console.identity().reaches(Access::Personal(&CONFORMANCE_SUBJECT)) {
        links.push(Inline::text(" · "));
        let subjects = Inline::Link("/conformance/subjects".to_owned(), "Your subjects".to_owned());
        links.push(subjects);
    }
    if console.identity().reaches(Access::Personal(&CONFORMANCE_APPROVE)) {
        links.push(Inline::text(" · "));
        let words = format!("Approvals ({} waiting)", approvals::waiting(&view));
        links.push(Inline::Link("/conformance/approvals".to_owned(), words));
    }
    for spec in monitor.scopes() {
        links.push(Inline::text(" · "));
        links.push(Inline::Link(Place::CONSOLE.scope(&spec.uuid), spec.name.clone()));
    }
    blocks.insert(0, Block::Paragraph(links));
    Ok(shown(&console, "Conformance", &blocks))
}

async fn detail(
    State(monitor): State<Monitor>,
    console: Console,
    PathWords((subject, scope)): PathWords<(String, String)>,
) -> Result<Response, Problem> {
    let blocks = public::detail(&monitor, &subject, &scope, Place::CONSOLE).await?;
    Ok(shown(&console, &subject, &blocks))
}

async fn report(
    State(monitor): State<Monitor>,
    console: Console,
    PathWord(uuid): PathWord,
) -> Result<Response, Problem> {
    let report = store::report(monitor.store(), &uuid).await;
    let report = report.map_err(|error| Problem::of_store(&error))?;
    let report = report.ok_or(Refusal::NotFound("report of this uuid"))?;
    let blocks = public::of_report(&monitor, &report, Place::CONSOLE).await?;
    Ok(shown(&console, &format!("Report on {}", report.subject), &blocks))
}

async fn scope(
    State(monitor): State<Monitor>,
    console: Console,
    PathWord(scope): PathWord,
) -> Result<Response, Problem> {
    let spec = monitor.scope(&scope).ok_or(Refusal::NotFound("such scope"))?;
    let view = view(&monitor).await?;
    Ok(shown(&console, &spec.name, &pages::scope(&view, spec)))
}

async fn flavors(console: Console, Words(asked): Words<Asked>) -> Response {
    shown(&console, "Flavor names", &flavor::blocks(&asked, "/conformance/flavor"))
}
