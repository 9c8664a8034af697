//! What the daemon measures, in the text format of Prometheus.
//!
//! Capabilities register their families through [`Metrics::register`], named `lotse_…`; what
//! the task board knows is collected when it is asked for, so that it is never out of date.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use lotse_core::task::{Board, TaskState};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::Shell;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answer {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Route {
    route: String,
}

/// The registry and the shell's own families.
pub struct Metrics {
    registry: RwLock<Registry>,
    requests: Family<Answer, Counter>,
    durations: Family<Route, Histogram>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// A registry with the shell's families and the tasks of this board.
    pub fn new(board: Arc<Board>, version: &'static str) -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        let durations = Family::new_with_constructor(histogram as fn() -> Histogram);
        registry.register(
            "lotse_http_requests",
            "Requests answered by the daemon",
            requests.clone(),
        );
        registry.register_with_unit(
            "lotse_http_request_duration",
            "Time to the answer of a request",
            Unit::Seconds,
            durations.clone(),
        );
        let build = prometheus_client::metrics::info::Info::new(vec![("version", version)]);
        registry.register("lotse_build", "The running program", build);
        registry.register_collector(Box::new(Tasks(board)));
        Self { registry: RwLock::new(registry), requests, durations }
    }

    /// Lets a capability register its families.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.000_25, 2.0, 14))
}

pub(crate) async fn scrape(State(shell): State<Arc<Shell>>) -> Response {
    const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match shell.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

pub(crate) async fn observe(
    State(shell): State<Arc<Shell>>,
    request: Request,
    next: Next,
) -> Response {
    // The pattern, not the path: the number of label values must not depend on what people ask for.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "(none)".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().as_str().to_owned();
    let start = Instant::now();
    let response = next.run(request).await;
    let seconds = start.elapsed().as_secs_f64();
    shell.metrics.durations.get_or_create(&Route { route: route.clone() }).observe(seconds);
    let status = response.status().as_u16();
    tracing::debug!(method, route, status, seconds, "request answered");
    shell.metrics.requests.get_or_create(&Answer { method, route, status }).inc();
    response
}

struct Tasks(Arc<Board>);

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tasks")
    }
}

impl Collector for Tasks {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let tasks = self.0.tasks();
        let mut family = |name: &str,
                          help: &str,
                          unit: Option<&Unit>,
                          value: &dyn Fn(&lotse_core::task::TaskStatus) -> Option<f64>|
         -> fmt::Result {
            let kind = prometheus_client::metrics::MetricType::Gauge;
            let mut descriptor = encoder.encode_descriptor(name, help, unit, kind)?;
            for task in &tasks {
                if let Some(value) = value(task) {
                    let labels = [("task", task.name.as_str())];
                    ConstGauge::new(value).encode(descriptor.encode_family(&labels)?)?;
                }
            }
            Ok(())
        };
        family("lotse_task_running", "Whether the task works now", None, &|task| {
            Some(f64::from(u8::from(matches!(task.state, TaskState::Running { .. }))))
        })?;
        family(
            "lotse_task_last_success",
            "Whether the last activation ended well",
            None,
            &|task| task.last.as_ref().map(|last| f64::from(u8::from(last.outcome.is_success()))),
        )?;
        let seconds = Unit::Seconds;
        family(
            "lotse_task_last_duration",
            "Duration of the last activation",
            Some(&seconds),
            &|task| task.last.as_ref().map(|last| last.seconds),
        )?;
        family(
            "lotse_task_last_start_time",
            "Start of the last activation",
            Some(&seconds),
            &|task| task.last.as_ref().map(|last| last.started.as_duration().as_secs_f64()),
        )?;
        let kind = prometheus_client::metrics::MetricType::Counter;
        let help = "Activations that ended, by outcome";
        let mut descriptor =
            encoder.encode_descriptor("lotse_task_activations", help, None, kind)?;
        for task in &tasks {
            for (outcome, count) in [("succeeded", task.succeeded), ("failed", task.failed)] {
                let labels = [("task", task.name.as_str()), ("outcome", outcome)];
                ConstCounter::new(count).encode(descriptor.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
