//! What is refused before a handler is reached: unknown paths, wrong methods, bad paging.
//!
//! The web framework writes these answers, as JSON or HTML, whichever the client prefers. It looks for
//! a handler one segment of the path after the other and knows methods by controller, so that a list
//! and what is in it have the same.

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::refusal::Refusal;
use crate::service::Exchange;

/// What the web framework says; [`super::Octavia`] writes it in the form the client prefers.
#[derive(Clone, Debug)]
pub(crate) struct Early {
    pub(crate) status: StatusCode,
    title: &'static str,
    /// `None`: nothing more is said.
    pub(crate) detail: Option<String>,
}

/// The end of a path.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    last: &'a str,
    before: &'a str,
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Self {
        let mut segments = path.rsplit('/').filter(|segment| !segment.is_empty());
        let mut next = || segments.next().unwrap_or_default();
        Self { last: next(), before: next() }
    }

    /// The methods of the controller that is there.
    fn methods(self) -> &'static str {
        let of = |name: &str| match name {
            "loadbalancers"
            | "listeners"
            | "pools"
            | "members"
            | "healthmonitors"
            | "l7policies"
            | "rules"
            | "flavors"
            | "flavorprofiles"
            | "availabilityzones"
            | "availabilityzoneprofiles" => Some("DELETE, GET, POST, PUT"),
            "quotas" => Some("DELETE, GET, PUT"),
            "amphorae" => Some("DELETE, GET"),
            "config" | "failover" => Some("PUT"),
            _ => None,
        };
        of(self.last).or_else(|| of(self.before)).unwrap_or("GET")
    }

    /// What is missing after the name of a list when one of its members is to be changed.
    fn missing_argument(self, method: &str) -> Option<&'static str> {
        match (method, self.last) {
            (
                "PUT" | "DELETE",
                "loadbalancers" | "listeners" | "pools" | "healthmonitors" | "l7policies",
            )
            | ("PUT", "flavors" | "flavorprofiles" | "availabilityzoneprofiles")
            | ("DELETE", "amphorae") => Some("id"),
            ("PUT" | "DELETE", "quotas") => Some("project_id"),
            ("PUT", "availabilityzones") => Some("name"),
            ("DELETE", "availabilityzones") => Some("availability_zone_name"),
            ("DELETE", "flavors") => Some("flavor_id"),
            ("DELETE", "flavorprofiles") => Some("flavor_profile_id"),
            ("DELETE", "availabilityzoneprofiles") => Some("availability_zone_profile_id"),
            _ => None,
        }
    }
}

impl Early {
    /// 404 of a path that leads nowhere.
    pub(crate) const fn nowhere() -> Self {
        Self { status: StatusCode::NOT_FOUND, title: "Not Found", detail: None }
    }

    /// 405.
    pub(crate) const fn wrong_method() -> Self {
        let title = "Method Not Allowed";
        Self { status: StatusCode::METHOD_NOT_ALLOWED, title, detail: Some(String::new()) }
    }

    /// 404 of something in the middle of a path.
    pub(crate) fn parent(resource: &str, id: &str) -> Self {
        Self::refused(StatusCode::NOT_FOUND, format!("{resource} {id} not found."))
    }

    /// What Octavia refuses while the framework still looks for a handler; its title is always the
    /// same.
    pub(crate) const fn refused(status: StatusCode, detail: String) -> Self {
        Self { status, title: "Bad Request", detail: Some(detail) }
    }

    /// The answer, as it is written where the request went.
    pub(crate) fn answer(mut self, exchange: &Exchange) -> Response {
        let within = exchange.path.split('/').nth(1).is_some_and(|it| it.starts_with("v2"));
        if self.status == StatusCode::NOT_FOUND && within {
            self.detail.get_or_insert_default();
        }
        let place = Place::of(&exchange.path);
        if self.status == StatusCode::METHOD_NOT_ALLOWED
            && let Some(argument) = place.missing_argument(&exchange.method)
        {
            return Refusal::bad(format!("Missing argument: \"{argument}\"")).into_response();
        }
        let accepts = exchange.accept.as_deref().unwrap_or_default();
        let mut answer = if accepts.contains("application/json") {
            (self.status, axum::Json(self.json())).into_response()
        } else {
            let html = HeaderValue::from_static("text/html; charset=UTF-8");
            (self.status, [(CONTENT_TYPE, html)], self.html()).into_response()
        };
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(place.methods()));
        }
        answer
    }

    /// As a program reads it.
    fn json(&self) -> Value {
        json!({
            "code": self.status.as_u16(),
            "title": self.title,
            "description": self.detail,
        })
    }

    /// As a browser shows it.
    fn html(&self) -> String {
        let title = format!("{} {}", self.status.as_u16(), self.title);
        let general = match self.status.as_u16() {
            404 => "The resource could not be found.",
            405 => "The method is not allowed for this resource.",
            _ => {
                "The server could not comply with the request since it is either malformed or \
                 otherwise incorrect."
            }
        };
        let detail = self.detail.as_deref().unwrap_or_default().replace('\'', "&#x27;");
        format!(
            "<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n  \
             {general}<br /><br />\n{detail}\n\n\n </body>\n</html>"
        )
    }
}

impl IntoResponse for Early {
    fn into_response(self) -> Response {
        let mut answer = (self.status, axum::Json(self.json())).into_response();
        answer.extensions_mut().insert(self);
        answer
    }
}
