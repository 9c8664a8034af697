//! Badges: the state in a small SVG, for pages of others.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::answer::Answer;
use crate::api::extract::Segment;
use crate::book::When;
use crate::feeds::escaped;
use crate::kept::Present;
use crate::level::Level;
use crate::pages::{Language, overall};
use crate::site::Site;

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new().route("/badge.svg", get(whole)).route("/badge/{id}", get(one))
}

async fn whole(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    shown(&whole_answer(&site), &headers)
}

async fn one(
    State(site): State<Arc<Site>>,
    Segment(name): Segment,
    headers: HeaderMap,
) -> Response {
    match one_answer(&site, name.strip_suffix(".svg").unwrap_or(&name)) {
        Some(answer) => shown(&answer, &headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn shown(answer: &Answer, headers: &HeaderMap) -> Response {
    let mut response = answer.respond(headers);
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// The badge of the whole page.
pub(crate) fn whole_answer(site: &Site) -> Arc<Answer> {
    let (snapshot, now) = (site.snapshot(), site.desk().clock().now());
    snapshot.at_present(Present::new("badge.svg", now), || {
        badge(site.look().title(), overall(&snapshot, now))
    })
}

/// The badge of a component.
pub(crate) fn one_answer(site: &Site, id: &str) -> Option<Answer> {
    let snapshot = site.snapshot();
    let book = snapshot.book();
    let component = book.components.get(&id.parse().ok()?)?;
    let active = book.active_at(When::Now(site.desk().clock().now()));
    let touched = active.get(&component.id).map_or(&[][..], Vec::as_slice);
    let levels = touched
        .iter()
        .filter_map(|(id, impact)| Some(Level::of_impact(&book.cases.get(id)?.incident, impact)));
    Some(badge(&component.title(), levels.max().unwrap_or(Level::Operational)))
}

fn badge(name: &str, level: Level) -> Answer {
    let name = lotse_web::text::shown(name, 40);
    let word = Language::English.words().level(level);
    // White on each of these has a contrast of 4.5 at least.
    let colour = match level {
        Level::Operational => "#13672f",
        Level::Maintenance => "#2b5797",
        Level::Slight => "#6b5900",
        Level::Limited => "#944a00",
        Level::Broken => "#a3191f",
    };
    let width = |text: &str| 7 * text.chars().count() + 12;
    let (left, right) = (width(&name), width(word) + 14);
    let (name, sign) = (escaped(&name), level.sign());
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{total}\" height=\"20\" role=\"img\" \
         aria-label=\"{name}: {word}\"><title>{name}: {word}</title>\
         <rect width=\"{total}\" height=\"20\" rx=\"3\" fill=\"#333c44\"/>\
         <path fill=\"{colour}\" d=\"M{left} 0h{inner}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{inner}z\"/>\
         <g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\">\
         <text x=\"6\" y=\"14\" textLength=\"{name_length}\">{name}</text>\
         <text x=\"{word_at}\" y=\"14\" textLength=\"{word_length}\">{sign} {word}</text></g></svg>\n",
        total = left + right,
        inner = right - 3,
        name_length = left - 12,
        word_at = left + 6,
        word_length = right - 12,
    );
    Answer::new("image/svg+xml", svg)
}
