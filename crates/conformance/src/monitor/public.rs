//! The public pages, as pages, fragments of HTML, or Markdown; and badges.

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::api::sender;
use super::desk::Monitor;
use super::doc::{self, Block};
use super::flavor::{self, Asked};
use super::pages::{self, Place};
use super::refusal::Refusal;
use super::store;
use crate::report::page::{Plate, plate};

/// Reports on the page of a subject.
const HISTORY: u32 = 20;

/// How a page is written.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Page,
    Fragment,
    Markdown,
}

/// Which page; the second word of its address.
#[derive(Clone, Copy, Debug)]
enum What {
    Table,
    Detail,
    Report,
    Scope,
}

#[derive(Template)]
#[template(path = "conformance_public.html")]
struct Frame {
    title: String,
    current: &'static str,
    scopes: Vec<(String, String)>,
    content: String,
    version: &'static str,
}

pub(crate) fn routes() -> Router<Monitor> {
    let mut router = Router::new()
        .route("/", get(home))
        .route("/flavor", get(flavors))
        .route("/badge/{subject}/{scope}", get(badge))
        .route("/assets/lotse.css", get(lotse_web::assets::stylesheet));
    for (kind, word) in
        [(Kind::Page, "page"), (Kind::Fragment, "fragment"), (Kind::Markdown, "markdown")]
    {
        for (what, name, rest) in [
            (What::Table, "table", ""),
            (What::Detail, "detail", "/{subject}/{scope}"),
            (What::Report, "report", "/{subject}"),
        ] {
            for (full, suffix) in [(false, ""), (true, "_full")] {
                let path = format!("/{word}/{name}{suffix}{rest}");
                router = router.route(&path, get(handler(kind, what, full)));
            }
        }
        let path = format!("/{word}/scope/{{subject}}");
        router = router.route(&path, get(handler(kind, What::Scope, false)));
    }
    router
}

/// The words of an address.
#[derive(Debug, serde::Deserialize)]
struct Words {
    #[serde(default)]
    subject: String,
    #[serde(default)]
    scope: String,
}

type Answer = std::pin::Pin<Box<dyn Future<Output = Result<Response, Refusal>> + Send>>;

fn handler(
    kind: Kind,
    what: What,
    full: bool,
) -> impl Fn(State<Monitor>, HeaderMap, Path<Words>) -> Answer + Clone {
    move |State(monitor), headers, Path(words)| {
        Box::pin(async move { answer(&monitor, &headers, &words, (kind, what, full)).await })
    }
}

async fn home(State(monitor): State<Monitor>, headers: HeaderMap) -> Result<Response, Refusal> {
    let words = Words { subject: String::new(), scope: String::new() };
    answer(&monitor, &headers, &words, (Kind::Page, What::Table, false)).await
}

async fn answer(
    monitor: &Monitor,
    headers: &HeaderMap,
    words: &Words,
    (kind, what, full): (Kind, What, bool),
) -> Result<Response, Refusal> {
    let place = if full { Place::FULL } else { Place::PUBLIC };
    let account = if full { Some(sender(monitor, headers).await?) } else { None };
    let may = |subject: &str| {
        account.as_ref().is_none_or(|one| one.rights.read_any || one.name == subject)
    };
    let refused = Refusal::Unauthorized("the account may not see this");
    let view = monitor.view().await?;
    match what {
        What::Table if !may("") => Err(refused),
        What::Table => {
            let blocks = || pages::table(&view, monitor.scopes(), place);
            if matches!(kind, Kind::Page) && !full {
                // Asked for most, and the same for everybody until something changes.
                let text = view
                    .table
                    .get_or_init(|| frame(monitor, "table", "Overview", &blocks()).into());
                return Ok(page(text.clone()));
            }
            Ok(written(monitor, kind, ("table", "Overview"), &blocks()))
        }
        What::Detail if !may(&words.subject) => Err(refused),
        What::Detail => {
            let blocks = detail(monitor, &words.subject, &words.scope, place).await?;
            Ok(written(monitor, kind, ("detail", &words.subject), &blocks))
        }
        What::Report => {
            let report = store::report(monitor.store(), &words.subject).await?;
            let report = report.filter(|report| may(&report.subject));
            let report = report.ok_or(Refusal::NotFound("report of this uuid"))?;
            let blocks = of_report(monitor, &report, place).await?;
            Ok(written(
                monitor,
                kind,
                ("report", &format!("Report on {}", report.subject)),
                &blocks,
            ))
        }
        What::Scope => {
            let spec = monitor.scope(&words.subject).ok_or(Refusal::NotFound("such scope"))?;
            let blocks = pages::scope(&view, spec);
            Ok(written(monitor, kind, ("scope", &spec.name), &blocks))
        }
    }
}

/// A subject in detail.
pub(crate) async fn detail(
    monitor: &Monitor,
    subject: &str,
    scope: &str,
    place: Place,
) -> Result<Vec<Block>, Refusal> {
    let spec = monitor.scope(scope).ok_or(Refusal::NotFound("such scope"))?;
    let view = monitor.view().await?;
    let history = store::history(monitor.store(), subject, &spec.uuid, HISTORY);
    // A name that the state cannot hold is nobody's.
    let history = history.await.unwrap_or_default();
    let blocks = pages::detail(&view, spec, subject, place, &history);
    blocks.ok_or(Refusal::NotFound("such subject in this scope"))
}

/// A report with what may be shown of it.
pub(crate) async fn of_report(
    monitor: &Monitor,
    report: &store::Report,
    place: Place,
) -> Result<Vec<Block>, Refusal> {
    let document = monitor.document(report).await?;
    let spec = monitor.scope(&report.scope);
    Ok(pages::report(report, document.as_ref(), spec, place))
}

fn written(
    monitor: &Monitor,
    kind: Kind,
    (current, title): (&'static str, &str),
    blocks: &[Block],
) -> Response {
    match kind {
        Kind::Page => page(frame(monitor, current, title, blocks)),
        Kind::Fragment => page(doc::html(blocks)),
        Kind::Markdown => {
            let kind = [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")];
            (kind, doc::markdown(title, blocks)).into_response()
        }
    }
}

fn page(text: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text.into()).into_response()
}

fn frame(monitor: &Monitor, current: &'static str, title: &str, blocks: &[Block]) -> String {
    let scopes = monitor.scopes().iter();
    let scopes = scopes.map(|spec| (spec.name.clone(), Place::PUBLIC.scope(&spec.uuid)));
    let frame = Frame {
        title: lotse_web::text::shown(title, 100),
        current,
        scopes: scopes.collect(),
        content: doc::html(blocks),
        version: env!("CARGO_PKG_VERSION"),
    };
    frame.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a page cannot be rendered");
        String::new()
    })
}

async fn flavors(State(monitor): State<Monitor>, Query(asked): Query<Asked>) -> Response {
    let blocks = flavor::blocks(&asked, "/flavor");
    page(frame(&monitor, "flavor", "Flavor names", &blocks))
}

/// What a subject comes to as a small picture. Whoever is not known has no results.
async fn badge(
    State(monitor): State<Monitor>,
    Path((subject, scope)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let scope = scope.strip_suffix(".svg").unwrap_or(&scope);
    let spec = monitor.scope(scope).ok_or(Refusal::NotFound("such scope"))?;
    let view = monitor.view().await?;
    let members = view.members(&subject);
    let verdict = view.worst(&members, &spec.uuid, false);
    let standing = match members.as_slice() {
        [one] => view.standing(one, &spec.uuid, false),
        _ => None,
    };
    let passed = standing.map(|standing| standing.passed().into_iter());
    let passed: Vec<_> = passed.into_iter().flatten().map(super::standing::marked).collect();
    let plate = plate(&Plate { name: &spec.name, passed: &passed, verdict });
    let tag = format!("W/\"{}-{}\"", view.revision, view.day);
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value == tag.as_str());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, "image/svg+xml")], plate).into_response()
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}
