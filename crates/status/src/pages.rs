//! The page for people: HTML that needs no script, in English and German.
//!
//! Every address has the language in front (`/en/…`, `/de/…`); without it, the language that the
//! browser prefers is answered. Pages are rendered when they are asked for first and kept until
//! something changes, begins or ends, or the minute is over for what shows the present.

pub(crate) mod bars;
mod frame;
mod listing;
pub mod look;
mod recurring;
mod view;
mod words;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use lotse_core::id::IncidentId;
use lotse_core::time::Timestamp;

pub use self::frame::{Frame, Language};
pub(crate) use self::frame::{clock, exact};
pub(crate) use self::listing::reported;
use self::listing::{HistoryView, IndexView};
use self::view::{CaseView, FrontView, MonthView};
pub use self::words::Words;
use crate::answer::Answer;
use crate::api::extract::{Query, Segment, Segments};
use crate::level::Level;
use crate::site::Site;
use crate::snapshot::Snapshot;

pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// Nothing comes from elsewhere, nothing runs.
/// What a page that is made to be shown within pages of others may do.
pub(crate) const FRAMED_POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'";
/// What the other pages may do.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// So many findings are shown.
const FOUND: usize = 50;

/// Where a page is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// By this process, which can search.
    Live,
    /// From a bundle, which cannot.
    Bundle,
}

#[derive(Template)]
#[template(path = "front.html")]
struct FrontPage<'a> {
    frame: Frame<'a>,
    view: FrontView<'a>,
}

#[derive(Template)]
#[template(path = "incident.html")]
struct IncidentPage<'a> {
    frame: Frame<'a>,
    case: CaseView,
}

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage<'a> {
    frame: Frame<'a>,
    view: MonthView,
}

#[derive(Template)]
#[template(path = "component.html")]
struct ComponentPage<'a> {
    frame: Frame<'a>,
    view: HistoryView,
}

#[derive(Template)]
#[template(path = "index.html")]
struct IndexPage<'a> {
    frame: Frame<'a>,
    view: IndexView,
}

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage<'a> {
    frame: Frame<'a>,
    query: &'a str,
    found: Vec<CaseView>,
    more: bool,
}

/// A page that says one thing.
#[derive(Template)]
#[template(path = "told.html")]
pub(crate) struct ToldPage<'a> {
    pub(crate) frame: Frame<'a>,
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
}

#[derive(Template)]
#[template(path = "missing.html")]
struct MissingPage<'a> {
    frame: Frame<'a>,
}

#[derive(Template)]
#[template(path = "widget.html")]
struct Widget<'a> {
    frame: Frame<'a>,
    level: Level,
    text: &'static str,
}

/// The pages of the site.
pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/", get(front_negotiated))
        .route("/incident/{id}", get(incident_negotiated))
        .route("/{lang}/", get(front))
        .route("/{lang}/incident/{id}", get(incident))
        .route("/{lang}/history", get(history_now))
        .route("/{lang}/history/{month}", get(history))
        .route("/{lang}/component/{id}", get(component))
        .route("/{lang}/index", get(index))
        .route("/{lang}/search", get(search))
        .route("/{lang}/widget", get(widget))
        .route("/{lang}/{*rest}", get(nothing))
        .route("/assets/status.css", get(stylesheet))
        .route("/assets/logo", get(logo))
}

async fn stylesheet(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    site.look().stylesheet().respond(&headers)
}

async fn logo(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    let missing = || StatusCode::NOT_FOUND.into_response();
    site.look().logo().map_or_else(missing, |logo| shown(logo, &headers))
}

async fn front_negotiated(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    let mut response =
        shown(&front_answer(&site, Language::preferred(&headers), Mode::Live), &headers);
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-language"));
    response
}

async fn incident_negotiated(
    State(site): State<Arc<Site>>,
    Segment(id): Segment,
    headers: HeaderMap,
) -> Response {
    let language = Language::preferred(&headers);
    let mut response = match id.parse::<IncidentId>() {
        Ok(id) => Redirect::to(&format!("{}/{}/incident/{id}", site.root(), language.code()))
            .into_response(),
        Err(_) => missing(&site, language),
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-language"));
    response
}

async fn front(
    State(site): State<Arc<Site>>,
    Segment(language): Segment,
    headers: HeaderMap,
) -> Response {
    match Language::of_code(&language) {
        Some(language) => shown(&front_answer(&site, language, Mode::Live), &headers),
        None => missing(&site, Language::preferred(&headers)),
    }
}

/// The first page; also for bundles.
pub(crate) fn front_answer(site: &Site, language: Language, mode: Mode) -> Arc<Answer> {
    let (snapshot, now) = (site.snapshot(), site.desk().clock().now());
    snapshot.at_present(site.present("front", language, mode, now), || {
        let view = FrontView::of(&snapshot, language.words(), now);
        rendered(&FrontPage { frame: site.frame(language, "", "", now).shown_in(mode), view })
    })
}

async fn incident(
    State(site): State<Arc<Site>>,
    Segments(language, id): Segments,
    headers: HeaderMap,
) -> Response {
    found(&site, (&language, &id), &headers, incident_answer)
}

/// The page of something in a language, if there are both.
fn found(
    site: &Site,
    (language, what): (&str, &str),
    headers: &HeaderMap,
    find: fn(&Site, Language, &str, Mode) -> Option<Arc<Answer>>,
) -> Response {
    let Some(language) = Language::of_code(language) else {
        return missing(site, Language::preferred(headers));
    };
    match find(site, language, what, Mode::Live) {
        Some(answer) => shown(&answer, headers),
        None => missing(site, language),
    }
}

/// The page of an incident, if there is such a one; also for bundles.
pub(crate) fn incident_answer(
    site: &Site,
    language: Language,
    id: &str,
    mode: Mode,
) -> Option<Arc<Answer>> {
    let (snapshot, now) = (site.snapshot(), site.desk().clock().now());
    let case = snapshot.book().cases.get(&id.parse().ok()?)?;
    let path = format!("incident/{}", case.incident.id);
    Some(snapshot.at_present(site.present(&path, language, mode, now), || {
        let case = CaseView::of(snapshot.book(), case, language.words(), now);
        let title = case.title.clone();
        rendered(&IncidentPage {
            frame: site.frame(language, &path, &title, now).shown_in(mode),
            case,
        })
    }))
}

async fn history_now(
    State(site): State<Arc<Site>>,
    Segment(language): Segment,
    headers: HeaderMap,
) -> Response {
    let month = view::month_of(site.desk().clock().now());
    found(&site, (&language, &month), &headers, history_answer)
}

async fn history(
    State(site): State<Arc<Site>>,
    Segments(language, month): Segments,
    headers: HeaderMap,
) -> Response {
    found(&site, (&language, &month), &headers, history_answer)
}

/// What happened in a month (`YYYY-MM`); also for bundles.
pub(crate) fn history_answer(
    site: &Site,
    language: Language,
    month: &str,
    mode: Mode,
) -> Option<Arc<Answer>> {
    let (snapshot, now) = (site.snapshot(), site.desk().clock().now());
    // Without a month nothing is kept by a name that a reader made up.
    month_window(month)?;
    let path = format!("history/{month}");
    snapshot.found_at_present(site.present(&path, language, mode, now), || {
        let view = MonthView::of(&snapshot, month, language.words(), now)?;
        let title = format!("{} {month}", language.words().history);
        let frame = site.frame(language, &path, &title, now).shown_in(mode);
        Some(rendered(&HistoryPage { frame, view }))
    })
}

async fn component(
    State(site): State<Arc<Site>>,
    Segments(language, id): Segments,
    headers: HeaderMap,
) -> Response {
    found(&site, (&language, &id), &headers, component_answer)
}

/// The page of a component, if there is such a one; also for bundles.
pub(crate) fn component_answer(
    site: &Site,
    language: Language,
    id: &str,
    mode: Mode,
) -> Option<Arc<Answer>> {
    let (snapshot, now) = (site.snapshot(), site.desk().clock().now());
    let id = id.parse().ok()?;
    let path = format!("component/{}", snapshot.book().components.get(&id)?.id);
    snapshot.found_at_present(site.present(&path, language, mode, now), || {
        let view = HistoryView::of(&snapshot, id, language.words(), now)?;
        let title = view.component.name.clone();
        let frame = site.frame(language, &path, &title, now).shown_in(mode);
        Some(rendered(&ComponentPage { frame, view }))
    })
}

async fn index(
    State(site): State<Arc<Site>>,
    Segment(language): Segment,
    headers: HeaderMap,
) -> Response {
    match Language::of_code(&language) {
        Some(language) => shown(&index_answer(&site, language, Mode::Live), &headers),
        None => missing(&site, Language::preferred(&headers)),
    }
}

/// Everything by month and component; also for bundles.
pub(crate) fn index_answer(site: &Site, language: Language, mode: Mode) -> Arc<Answer> {
    let (snapshot, now) = (site.snapshot(), site.desk().clock().now());
    snapshot.at_present(site.present("index", language, mode, now), || {
        let frame = site.frame(language, "index", language.words().index, now).shown_in(mode);
        rendered(&IndexPage { frame, view: IndexView::of(&snapshot, now) })
    })
}

/// The months in which something happened, the newest first.
pub(crate) fn months(snapshot: &Snapshot, now: Timestamp) -> Vec<String> {
    view::months(snapshot, now)
}

/// The first and the last moment of a month `YYYY-MM` in UTC.
pub(crate) fn month_window(month: &str) -> Option<(Timestamp, Timestamp)> {
    view::month_window(month)
}

/// The month of a moment, `YYYY-MM`.
pub(crate) fn month_of(at: Timestamp) -> String {
    view::month_of(at)
}

async fn search(
    State(site): State<Arc<Site>>,
    Segment(language): Segment,
    query: Query,
    headers: HeaderMap,
) -> Response {
    let Some(language) = Language::of_code(&language) else {
        return missing(&site, Language::preferred(&headers));
    };
    let (snapshot, now) = (site.snapshot(), site.desk().clock().now());
    let text: String = query.get("q").unwrap_or_default().chars().take(200).collect();
    let mut found = view::search(&snapshot, &text, language.words(), now, FOUND + 1);
    let more = found.len() > FOUND;
    found.truncate(FOUND);
    let words = language.words();
    let frame = site.frame(language, "search", words.search, now);
    shown(&rendered(&SearchPage { frame, query: text.trim(), found, more }), &headers)
}

async fn widget(
    State(site): State<Arc<Site>>,
    Segment(language): Segment,
    headers: HeaderMap,
) -> Response {
    let Some(language) = Language::of_code(&language) else {
        return missing(&site, Language::preferred(&headers));
    };
    let mut response = shown(&widget_answer(&site, language, Mode::Live), &headers);
    let policy = HeaderValue::from_static(FRAMED_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// The state in a frame for pages of others; also for bundles.
pub(crate) fn widget_answer(site: &Site, language: Language, mode: Mode) -> Arc<Answer> {
    let (snapshot, now) = (site.snapshot(), site.desk().clock().now());
    snapshot.at_present(site.present("widget", language, mode, now), || {
        let level = overall(&snapshot, now);
        let text = language.words().overall(level);
        rendered(&Widget { frame: site.frame(language, "widget", "", now), level, text })
    })
}

/// The worst that goes on now.
pub(crate) fn overall(snapshot: &Snapshot, now: Timestamp) -> Level {
    let active = snapshot.active(now);
    let levels = active.iter().map(|case| Level::of_incident(&case.incident));
    levels.max().unwrap_or(Level::Operational)
}

/// Below a language, what is missing is told in it.
async fn nothing(State(site): State<Arc<Site>>, Segments(language, _): Segments) -> Response {
    missing(&site, Language::of_code(&language).unwrap_or(Language::English))
}

pub(crate) fn missing(site: &Site, language: Language) -> Response {
    let now = site.desk().clock().now();
    let title = language.words().missing;
    let frame = site.frame(language, "", title, now);
    let mut response = shown(&rendered(&MissingPage { frame }), &HeaderMap::new());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

pub(crate) fn rendered(template: &impl Template) -> Answer {
    match template.render() {
        Ok(html) => Answer::new(HTML, html),
        Err(error) => {
            // Templates are checked when they are compiled, and writing into memory cannot fail.
            tracing::error!(%error, "a page could not be rendered");
            Answer::new(HTML, String::new())
        }
    }
}

pub(crate) fn shown(answer: &Answer, headers: &HeaderMap) -> Response {
    let mut response = answer.respond(headers);
    let head = response.headers_mut();
    head.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    head.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
