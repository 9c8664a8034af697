//! Pages of audiences for readers who have signed in: `/a/NAME/…`.
//!
//! ```text
//! GET /a/NAME/… ─► nobody signed in ─► browser: /reader/sign-in ─► provider ─► back to where it was
//!               │                      program: 401
//!               └► reader ─► one of their groups is the audience's? ─► its page
//!                                                             else ─► 404, with who is signed in
//! ```
//!
//! An audience names groups; the identity provider says who is in them when somebody signs in, and
//! again at the next sign-in, after twelve hours at most. Where `required` says so, nobody else reads
//! anything at all. Readers only read: their session is none of
//! the console and none of writers. Which audiences there are is told to nobody who is in none of
//! their groups.

mod words;

use std::fmt;
use std::sync::Arc;

use askama::Template;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use lotse_core::error::{ErrorKind, Explain as _};
use lotse_web::auth::limit::{Limit, name_of};
use lotse_web::listen::Peer;
use lotse_web::text::encoded;
use lotse_web::visitor::{Visitor, Visitors, Way};
use url::Url;

use self::words::Words;
use crate::api::extract::{Query, Segment, Segments};
use crate::api::refusal;
use crate::error::Error;
use crate::extra::Audience;
use crate::pages::{Frame, Language, ToldPage, missing, rendered, shown};
use crate::private;
use crate::proxies;
use crate::site::Site;

/// Where the provider sends readers back.
pub const CALLBACK: &str = "/reader/callback";
/// The routes that lead to a sign-in are no place to come back to.
const OWN: &str = "/reader/";

/// How readers sign in.
#[derive(Clone)]
pub struct Readers {
    visitors: Arc<Visitors>,
    limit: Arc<Limit>,
    /// Whether nobody else reads anything.
    required: bool,
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("visitors", &self.visitors).finish_non_exhaustive()
    }
}

impl Readers {
    /// Those who come back to [`CALLBACK`]; so many sign-ins may one address attempt in a minute.
    pub fn new(visitors: Visitors, per_minute: u32) -> Self {
        let limit = Arc::new(Limit::per_minute(per_minute));
        Self { visitors: Arc::new(visitors), limit, required: false }
    }

    /// The same; with `true`, nobody else reads anything.
    #[must_use]
    pub fn required(self, required: bool) -> Self {
        Self { required, ..self }
    }

    /// Whether nobody else reads anything.
    pub(crate) const fn is_required(&self) -> bool {
        self.required
    }

    /// Says where readers reach the page.
    pub(crate) fn reached_at(&self, public: &Url) {
        self.visitors.reached_at(public);
    }
}

/// What the link to the page about oneself is called.
pub(crate) const fn word(language: Language) -> &'static str {
    Words::of(language).own_pages
}

/// The pages; they are there when readers can sign in.
pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/reader/sign-in", get(start))
        .route(CALLBACK, get(finish))
        .route("/reader/sign-out", post(leave))
        .route("/reader/signed-out", get(left))
        .route("/{lang}/reader", get(own_pages))
        .route("/a/{name}", get(async |uri: Uri| Redirect::to(&format!("{}/", uri.path()))))
        .route("/a/{name}/", get(front))
        .route("/a/{name}/{*rest}", get(page))
}

/// A page of a reader.
#[derive(Template)]
#[template(path = "reader.html")]
struct ReaderPage<'a> {
    frame: Frame<'a>,
    words: &'static Words,
    refused: bool,
    name: &'a str,
    pages: Vec<&'a Audience>,
}

#[derive(Template)]
#[template(path = "stranded.html")]
struct StrandedPage<'a> {
    frame: Frame<'a>,
    words: &'static Words,
    /// In English; none when too many sign-ins were begun.
    reason: Option<&'a str>,
}

async fn page(
    State(site): State<Arc<Site>>,
    Segments(name, _): Segments,
    request: Request,
) -> Response {
    below(&site, &name, request).await
}

async fn front(
    State(site): State<Arc<Site>>,
    Segment(name): Segment,
    request: Request,
) -> Response {
    below(&site, &name, request).await
}

async fn below(site: &Arc<Site>, name: &str, request: Request) -> Response {
    let headers = request.headers();
    let reader = match reader(site, headers).await {
        Ok(Some(reader)) => reader,
        Ok(None) => return unknown(request.method(), request.uri(), headers),
        Err(refusal) => return refusal,
    };
    let whole = site.desk().whole();
    let audience = whole.book().audiences.get(name).filter(|one| is_in(&reader, one));
    match audience {
        Some(audience) => {
            private::shown(site, &audience.name, &format!("/a/{name}"), request).await
        }
        None if wants_page(headers) => {
            let language = language_of(request.uri(), headers);
            own(reader_page(site, language, &reader, true), StatusCode::NOT_FOUND)
        }
        None => private::kept_by_nobody(refusal::not_found().await.into_response()),
    }
}

fn is_in(reader: &Visitor, audience: &Audience) -> bool {
    reader.groups.iter().any(|group| audience.groups.contains(group))
}

/// Who reads, if somebody is signed in; the refusal when nobody can be asked.
pub(crate) async fn reader(site: &Site, headers: &HeaderMap) -> Result<Option<Visitor>, Response> {
    let Some(readers) = &site.options().readers else { return Ok(None) };
    readers.visitors.known(headers).await.map_err(|_| Error::SignIn.into_response())
}

/// Browsers are led to the sign-in, and from there to where they were.
pub(crate) fn unknown(method: &Method, uri: &Uri, headers: &HeaderMap) -> Response {
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    let response = if is_read && wants_page(headers) {
        let to = uri.path_and_query().map_or("/", |path| path.as_str());
        Redirect::to(&format!("/reader/sign-in?to={}", encoded(to))).into_response()
    } else {
        nobody().into_response()
    };
    private::kept_by_nobody(response)
}

/// What programs are told that nobody has signed in for.
pub(crate) const fn nobody() -> Error {
    Error::Unauthorized { reason: "sign in to read this" }
}

/// Whether a person with a browser asks.
fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// The language in an address below an audience, else the one that is preferred.
fn language_of(uri: &Uri, headers: &HeaderMap) -> Language {
    let named = uri.path().split('/').nth(3).and_then(Language::of_code);
    named.unwrap_or_else(|| Language::preferred(headers))
}

fn reader_page(site: &Site, language: Language, reader: &Visitor, refused: bool) -> Response {
    let (whole, words) = (site.desk().whole(), Words::of(language));
    let title = if refused { language.words().missing } else { words.own_pages };
    let audiences = whole.book().audiences.values().map(AsRef::as_ref);
    let page = ReaderPage {
        frame: site.frame(language, "reader", title, site.desk().clock().now()),
        words,
        refused,
        name: &reader.name,
        pages: audiences.filter(|one| is_in(reader, one)).collect(),
    };
    shown(&rendered(&page), &HeaderMap::new())
}

/// A page about one person.
fn own(mut response: Response, status: StatusCode) -> Response {
    *response.status_mut() = status;
    private::kept_by_nobody(response)
}

/// Who is signed in, and what they see.
async fn own_pages(
    State(site): State<Arc<Site>>,
    Segment(language): Segment,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let Some(language) = Language::of_code(&language) else {
        return missing(&site, Language::preferred(&headers));
    };
    match reader(&site, &headers).await {
        Ok(Some(reader)) => own(reader_page(&site, language, &reader, false), StatusCode::OK),
        Ok(None) => unknown(&Method::GET, &uri, &headers),
        Err(refusal) => refusal,
    }
}

async fn start(
    State(site): State<Arc<Site>>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    query: Query,
    headers: HeaderMap,
) -> Response {
    let Some(readers) = &site.options().readers else { return missing_here(&site, &headers) };
    let trusted = &site.options().trusted_proxies;
    let address = peer.map_or_else(String::new, |Extension(ConnectInfo(peer))| {
        name_of(proxies::reader(trusted, peer.remote.ip(), &headers))
    });
    if !readers.limit.take(&address, site.desk().clock().now()).allowed {
        let mut response = stranded(&site, &headers, None, StatusCode::TOO_MANY_REQUESTS);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        return response;
    }
    let first = format!("/{}/reader", Language::preferred(&headers).code());
    let to = query.get("to").filter(|to| !to.starts_with(OWN)).unwrap_or(&first);
    match readers.visitors.start(Some(to)).await {
        Ok(way) => led(&way),
        Err(error) => not_signed_in(&site, &headers, &error),
    }
}

async fn finish(State(site): State<Arc<Site>>, headers: HeaderMap, uri: Uri) -> Response {
    let Some(readers) = &site.options().readers else { return missing_here(&site, &headers) };
    match readers.visitors.finish(&headers, uri.query().unwrap_or_default()).await {
        Ok(way) => led(&way),
        Err(error) => not_signed_in(&site, &headers, &error),
    }
}

/// Ends the session of this browser. Only a page of ours may ask for it; browsers keep from us which
/// one it was, because ours are told to tell nobody.
async fn leave(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    let Some(readers) = &site.options().readers else { return missing_here(&site, &headers) };
    if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        let reason = "a page of another origin may not do this";
        return Error::Forbidden { reason }.into_response();
    }
    match readers.visitors.end(&headers, "/reader/signed-out").await {
        Ok(way) => led(&way),
        Err(error) => not_signed_in(&site, &headers, &error),
    }
}

async fn left(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    let language = Language::preferred(&headers);
    let words = Words::of(language);
    let frame = site.frame(language, "reader", words.left, site.desk().clock().now());
    let page = ToldPage { frame, title: words.left, text: words.left_text };
    own(shown(&rendered(&page), &HeaderMap::new()), StatusCode::OK)
}

fn missing_here(site: &Site, headers: &HeaderMap) -> Response {
    missing(site, Language::preferred(headers))
}

/// On the way, with what the browser keeps.
fn led(way: &Way) -> Response {
    let mut response = Redirect::to(&way.to).into_response();
    for cookie in &way.cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    private::kept_by_nobody(response)
}

fn not_signed_in(
    site: &Site,
    headers: &HeaderMap,
    error: &lotse_web::visitor::VisitorError,
) -> Response {
    let status = match error.kind() {
        ErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    stranded(site, headers, Some(&error.to_string()), status)
}

/// A page with why somebody did not come in, and the way to try again.
fn stranded(
    site: &Site,
    headers: &HeaderMap,
    reason: Option<&str>,
    status: StatusCode,
) -> Response {
    let language = Language::preferred(headers);
    let words = Words::of(language);
    let now = site.desk().clock().now();
    let frame = site.frame(language, "reader", words.not_signed_in, now);
    let page = StrandedPage { frame, words, reason };
    own(shown(&rendered(&page), &HeaderMap::new()), status)
}
