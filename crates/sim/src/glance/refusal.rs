//! Error bodies as `WebOb` writes them.
//!
//! The same refusal is an HTML page, a JSON object or plain text, as the `Accept` header has it. A
//! handler does not know that header, so a refusal travels as an extension of an empty answer and is
//! rendered at the end.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;

use crate::service::Exchange;

/// How the body is laid out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Layout {
    /// Explanation and detail.
    Full,
    /// The explanation alone, as 405 and 415 have it.
    Short,
}

/// A request that Glance refuses.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    explanation: String,
    detail: String,
    layout: Layout,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, explanation: impl Into<String>) -> Self {
        Self {
            status,
            explanation: explanation.into(),
            detail: String::new(),
            layout: Layout::Full,
            headers: Vec::new(),
        }
    }

    pub(crate) fn bad(explanation: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, explanation)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "This server could not verify that you are authorized to access the document you \
             requested. Either you supplied the wrong credentials (e.g., bad password), or your \
             browser does not understand how to supply the credentials required.",
        )
    }

    pub(crate) fn forbidden(explanation: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, explanation)
    }

    /// 403 of the policy for an action, for example `publicize_image`.
    pub(crate) fn policy(action: &str) -> Self {
        Self::forbidden(format!("You are not authorized to complete {action} action."))
    }

    /// 403 with the standard explanation and a detail.
    pub(crate) fn denied(detail: impl Into<String>) -> Self {
        let mut refusal = Self::forbidden("Access was denied to this resource.");
        refusal.detail = detail.into();
        refusal
    }

    pub(crate) fn not_found(explanation: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, explanation)
    }

    /// 404 of an image that does not exist or that the caller may not know of.
    pub(crate) fn no_image(id: &str) -> Self {
        Self::not_found(format!("No image found with ID {id}"))
    }

    pub(crate) fn conflict(explanation: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, explanation)
    }

    /// 409 with the standard explanation and a detail.
    pub(crate) fn clash(detail: impl Into<String>) -> Self {
        let mut refusal =
            Self::conflict("There was a conflict when trying to complete your request.");
        refusal.detail = detail.into();
        refusal
    }

    /// 500 where Glance did not expect what it was asked.
    pub(crate) fn stumbled() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The server has either erred or is incapable of performing the requested operation.",
        )
    }

    /// 415.
    pub(crate) fn media_type(found: &str) -> Self {
        let explanation =
            format!("The request media type {found} is not supported by this server.\n");
        let mut refusal = Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, explanation);
        refusal.layout = Layout::Short;
        refusal
    }

    /// 405.
    pub(crate) fn method(method: &str) -> Self {
        let explanation = format!("The method {method} is not allowed for this resource. ");
        let mut refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, explanation);
        refusal.layout = Layout::Short;
        refusal
    }

    /// The same with a detail below the explanation.
    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// The same with one more header.
    pub(crate) fn with_header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, HeaderValue::from_static(value)));
        self
    }

    fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Error")
    }

    fn html(&self) -> String {
        let status = format!("{} {}", self.status.as_u16(), self.title());
        let tail = match self.layout {
            Layout::Full => format!("{}\n\n\n", escape(&self.detail)),
            Layout::Short => "\n".to_owned(),
        };
        format!(
            "<html>\n <head>\n  <title>{status}</title>\n </head>\n <body>\n  <h1>{status}</h1>\n  \
             {}<br /><br />\n{tail} </body>\n</html>",
            escape(&self.explanation),
        )
    }

    fn json(&self) -> String {
        let tail = match self.layout {
            Layout::Full => format!("{}\n\n", self.detail),
            Layout::Short => String::new(),
        };
        json!({
            "message": format!("{}<br /><br />\n{tail}", self.explanation),
            "code": format!("{} {}", self.status.as_u16(), self.title()),
            "title": self.title(),
        })
        .to_string()
    }

    fn text(&self) -> String {
        let (status, title) = (self.status.as_u16(), self.title());
        format!("{status} {title}\n\n{}\n\n {}  ", self.explanation, self.detail)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = self.status;
        answer.extensions_mut().insert(self);
        answer
    }
}

/// Renders the refusal that an answer carries, in the form that the client accepts.
pub(crate) fn render(exchange: &Exchange, answer: Response) -> Response {
    let Some(refusal) = answer.extensions().get::<Refusal>().cloned() else { return answer };
    let (media_type, body) = match form(exchange.accept.as_deref()) {
        Form::Html => ("text/html; charset=UTF-8", refusal.html()),
        Form::Json => ("application/json", refusal.json()),
        Form::Text => ("text/plain; charset=UTF-8", refusal.text()),
    };
    let (mut parts, _) = answer.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    parts.headers.extend(refusal.headers);
    Response::from_parts(parts, Body::from(body))
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Html,
    Json,
    Text,
}

/// `WebOb` prefers HTML wherever it is acceptable, then JSON.
fn form(accept: Option<&str>) -> Form {
    let Some(accept) = accept else { return Form::Text };
    let ranges: Vec<&str> =
        accept.split(',').filter_map(|range| range.split(';').next()).map(str::trim).collect();
    let takes = |wanted: &[&str]| ranges.iter().any(|range| wanted.contains(range));
    if takes(&["*/*", "text/*", "text/html"]) {
        Form::Html
    } else if takes(&["application/json", "application/*"]) {
        Form::Json
    } else {
        Form::Text
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#x27;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_an_error_follows_the_accept_header() {
        assert_eq!(form(Some("*/*")), Form::Html);
        assert_eq!(form(Some("application/json")), Form::Json);
        assert_eq!(form(Some("application/json;q=0.9, text/html")), Form::Html);
        assert_eq!(form(None), Form::Text);
    }

    #[test]
    fn quotes_and_brackets_are_escaped_in_html_and_not_in_json() {
        let refusal = Refusal::forbidden("Attribute 'a<b' is reserved.");
        assert!(refusal.html().contains("Attribute &#x27;a&lt;b&#x27; is reserved.<br /><br />"));
        assert!(refusal.json().contains("Attribute 'a<b' is reserved.<br /><br />"));
    }
}
