//! Puts the pieces of the HTTP surface together.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::middleware;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use lotse_core::task::Board;
use lotse_core::time::Timestamp;
use tower_http::catch_panic::CatchPanicLayer;

use crate::health::Readiness;
use crate::metrics::Metrics;
use crate::{guard, health, metrics, pages, problem, tasks};

/// What this process is.
#[derive(Clone, Debug, serde::Serialize)]
pub struct About {
    /// `lotse`.
    pub product: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// Id of this process.
    pub instance: String,
    /// When it started.
    pub started: Timestamp,
    /// `demo` or `serve`, for the page's heading.
    pub mode: &'static str,
}

/// The shared state of all handlers.
#[derive(Debug)]
pub struct Shell {
    /// What this process is.
    pub about: About,
    /// The tasks it runs.
    pub board: Arc<Board>,
    /// What it measures.
    pub metrics: Arc<Metrics>,
    /// Whether it can do its work.
    pub readiness: Arc<Readiness>,
}

impl Shell {
    /// The whole surface: the shell's own routes and those of the capabilities, behind the guards.
    pub fn router(self: Arc<Self>, capabilities: Router) -> Router {
        let shell = Router::new()
            .route("/", get(pages::index))
            .route("/assets/lotse.css", get(pages::stylesheet))
            .route("/healthz", get(health::alive))
            .route("/readyz", get(health::ready))
            .route("/metrics", get(metrics::scrape))
            .route("/api/v1", get(index))
            .route("/api/v1/tasks", get(tasks::list))
            .route("/api/v1/tasks/{*name}", get(tasks::show))
            .fallback(problem::not_found)
            .method_not_allowed_fallback(problem::method_not_allowed)
            .with_state(self.clone());
        shell
            .merge(capabilities)
            .layer(CatchPanicLayer::custom(problem::panicked))
            .layer(middleware::from_fn_with_state(self.clone(), metrics::observe))
            .layer(middleware::from_fn_with_state(self, health::part))
            .layer(middleware::from_fn(guard::protect))
    }
}

async fn index(State(shell): State<Arc<Shell>>) -> Response {
    Json(serde_json::json!({
        "about": shell.about,
        "links": {
            "tasks": "/api/v1/tasks",
            "metrics": "/metrics",
            "health": "/healthz",
            "readiness": "/readyz",
        },
    }))
    .into_response()
}
