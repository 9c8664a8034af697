//! Problems as pages, for those who ask as browsers do.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::layout::Layout;
use super::page_with;
use crate::access::Identity;
use crate::auth::guard::Caller;
use crate::extension::is_api;
use crate::problem::Problem;
use crate::shell::Shell;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    layout: Layout,
    status: u16,
    detail: Option<String>,
    hints: Vec<String>,
    /// Whether trying again may help.
    retry: bool,
}

/// Replaces a problem by a page where a person reads it.
pub(crate) async fn present(
    State(shell): State<Arc<Shell>>,
    request: Request,
    next: Next,
) -> Response {
    let reads_html = !is_api(request.uri().path()) && accepts_html(request.headers());
    let cookies: HeaderMap = cookies(request.headers()).filter(|_| reads_html).collect();
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>().filter(|_| reads_html) else {
        return response;
    };
    // Where there is no route nobody was asked who they are.
    let identity = if let Some(caller) = response.extensions().get::<Caller>() {
        caller.0.clone()
    } else {
        let known = shell.gate.identify(&cookies).await;
        Arc::new(known.unwrap_or_else(|_| Identity::stranger(None)))
    };
    let (title, detail, hints) = problem.words();
    let mut title = title.to_owned();
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let status = problem.status();
    let mut page = page_with(
        status,
        &ErrorPage {
            layout: Layout::of(&shell, &identity, "", &title),
            status: status.as_u16(),
            detail: detail.map(str::to_owned),
            hints: hints.to_vec(),
            retry: status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS,
        },
    );
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            page.headers_mut().append(name, value.clone());
        }
    }
    page
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let cookies = headers.get_all(header::COOKIE).iter();
    cookies.map(|cookie| (header::COOKIE, cookie.clone()))
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}
