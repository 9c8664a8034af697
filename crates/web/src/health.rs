//! Liveness and readiness.
//!
//! Liveness says that the process answers. Readiness says that it can do its work: every registered
//! check passes and no drain has begun, so that a load balancer stops sending before the end. During
//! a drain every answer also ends its connection: one that is kept alive until the very end may be
//! closed just when the next request arrives on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Json, Response};

use crate::Shell;

/// How long a check may take before it counts as failed.
const DEADLINE: Duration = Duration::from_secs(2);

/// Something that must be in order before the daemon can work.
#[async_trait]
pub trait Check: Send + Sync {
    /// Short name, for example `database`.
    fn name(&self) -> &'static str;

    /// Why it is not in order, if so.
    async fn check(&self) -> Result<(), String>;
}

/// All checks of this process.
#[derive(Default)]
pub struct Readiness {
    checks: Vec<Box<dyn Check>>,
    draining: AtomicBool,
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.checks.iter().map(|check| check.name()).collect();
        f.debug_struct("Readiness").field("checks", &names).finish_non_exhaustive()
    }
}

impl Readiness {
    /// Ready when all of these pass.
    pub fn of(checks: Vec<Box<dyn Check>>) -> Self {
        Self { checks, draining: AtomicBool::new(false) }
    }

    /// From now on not ready: the process is about to end.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether the process is about to end.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    async fn failures(&self) -> serde_json::Map<String, serde_json::Value> {
        let mut failures = serde_json::Map::new();
        if self.is_draining() {
            failures.insert("drain".to_owned(), "the process is about to end".into());
        }
        let checks = self.checks.iter().map(|check| async {
            let outcome = tokio::time::timeout(DEADLINE, check.check()).await;
            let failure = match outcome {
                Ok(Ok(())) => None,
                Ok(Err(reason)) => Some(reason),
                Err(_) => Some(format!("no answer within {} s", DEADLINE.as_secs())),
            };
            (check.name(), failure)
        });
        for check in checks {
            if let (name, Some(reason)) = check.await {
                failures.insert(name.to_owned(), reason.into());
            }
        }
        failures
    }
}

/// Ends connections during a drain, each with the answer to a request.
pub(crate) async fn part(
    State(shell): State<Arc<Shell>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if shell.readiness.is_draining() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

pub(crate) async fn ready(State(shell): State<Arc<Shell>>) -> Response {
    let failures = shell.readiness.failures().await;
    let status = if failures.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::json!({ "ready": failures.is_empty(), "failures": failures });
    (status, Json(body)).into_response()
}
