//! What a capability brings to the shell: one list each for routes, navigation, permissions, metrics
//! and the documents of its API. (Its tasks go to the driver of the core.)
//!
//! A route says itself what it demands of whoever asks, so that there is no second list to forget;
//! tests walk over all routes and ask as nobody and as somebody too small.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use prometheus_client::registry::Registry;
pub use utoipa::openapi::OpenApi;

use crate::access::{Access, Permission};
use crate::problem::Problem;

/// One method of one path, and what it demands.
#[derive(Debug)]
pub struct Route {
    /// `GET`, `POST` or `DELETE`.
    pub method: Method,
    /// The path as axum writes it, for example `/tasks` or `/api/v1/tokens/{id}`.
    pub path: &'static str,
    /// What it demands.
    pub access: Access,
    pub(crate) handler: MethodRouter,
}

impl Route {
    /// Something to look at.
    pub fn get<H, T, S>(path: &'static str, access: Access, state: S, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
        S: Clone + Send + Sync + 'static,
    {
        let handler = on(MethodFilter::GET, handler).with_state(state);
        Self { method: Method::GET, path, access, handler }
    }

    /// Something that changes something. Forms are checked for their CSRF token before the handler.
    pub fn post<H, T, S>(path: &'static str, access: Access, state: S, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
        S: Clone + Send + Sync + 'static,
    {
        let handler = on(MethodFilter::POST, handler).with_state(state);
        Self { method: Method::POST, path, access, handler }
    }

    /// Something that ends something.
    pub fn delete<H, T, S>(path: &'static str, access: Access, state: S, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
        S: Clone + Send + Sync + 'static,
    {
        let handler = on(MethodFilter::DELETE, handler).with_state(state);
        Self { method: Method::DELETE, path, access, handler }
    }

    /// Whether it belongs to the JSON API; everything else is for browsers.
    pub fn is_api(&self) -> bool {
        is_api(self.path)
    }
}

/// Whether this path belongs to the JSON API.
pub(crate) fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// A page in the navigation. It is shown to those who may see it.
#[derive(Clone, Copy, Debug)]
pub struct NavItem {
    /// Where it leads.
    pub href: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// What the page demands.
    pub access: Access,
}

/// Registers the families of a capability, named `lotse_…`.
pub type Register = Box<dyn FnOnce(&mut Registry) + Send>;

/// Something that the first page tells at its top.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Highlight {
    /// Whether something is wrong; otherwise it waits for somebody.
    pub is_wrong: bool,
    /// One sentence.
    pub text: String,
    /// The page that has more, as a path of this daemon.
    pub href: String,
    /// What is done there, for example `Review`.
    pub action: String,
}

/// Where a capability says what people should see first.
#[async_trait::async_trait]
pub trait Highlights: Send + Sync {
    /// What its pages demand: whoever does not have it is not told.
    fn access(&self) -> Access;

    /// What is to be told at this moment, the most important first.
    ///
    /// # Errors
    /// The state cannot be read.
    async fn now(&self) -> Result<Vec<Highlight>, Problem>;
}

/// What a capability brings to the shell.
#[derive(Default)]
pub struct Extension {
    /// Its pages and the operations of its API.
    pub routes: Vec<Route>,
    /// Its entries in the navigation.
    pub navigation: Vec<NavItem>,
    /// The permissions that its routes name.
    pub permissions: Vec<&'static Permission>,
    /// What the first page tells of it.
    pub highlights: Vec<Arc<dyn Highlights>>,
    /// What it measures.
    pub metrics: Vec<Register>,
    /// The OpenAPI documents of its part of the API.
    pub documents: Vec<OpenApi>,
}

impl std::fmt::Debug for Extension {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Extension")
            .field("routes", &self.routes)
            .field("navigation", &self.navigation)
            .field("permissions", &self.permissions)
            .finish_non_exhaustive()
    }
}

/// Puts routes together; `guard` stands before each of them.
pub(crate) fn mount(
    routes: Vec<Route>,
    guard: impl Fn(Access, MethodRouter) -> MethodRouter,
) -> Router {
    routes.into_iter().fold(Router::new(), |router, route| {
        router.route(route.path, guard(route.access, route.handler))
    })
}
