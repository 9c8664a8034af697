//! What the API measures, under the names of the reference.

use std::collections::HashMap;
use std::fmt;
use std::sync::PoisonError;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    code: u16,
    method: String,
    url: String,
}

/// The four measures of one kind of request.
#[derive(Debug)]
struct Measures {
    count: Counter,
    time: Histogram,
    received: Histogram,
    sent: Histogram,
}

/// What was seen of a request.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) method: Method,
    /// The path as it is routed, without ids.
    pub(crate) route: &'a str,
    pub(crate) status: StatusCode,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

/// The families `status_page_api_…`.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    times: Family<Labels, Histogram, fn() -> Histogram>,
    received: Family<Labels, Histogram, fn() -> Histogram>,
    sent: Family<Labels, Histogram, fn() -> Histogram>,
    /// Labels are texts, and making them for every request would cost more than answering it.
    known: RwLock<HashMap<(u16, Method, String), Arc<Measures>>>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        let times = Family::new_with_constructor(seconds as fn() -> Histogram);
        let received = Family::new_with_constructor(bytes as fn() -> Histogram);
        let sent = Family::new_with_constructor(bytes as fn() -> Histogram);
        let known = RwLock::default();
        let metrics =
            Self { registry: Registry::default(), requests, times, received, sent, known };
        metrics.register(&mut registry);
        Self { registry, ..metrics }
    }

    /// Shows the families in another registry as well.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("status_page_api");
        registry.register("requests", "Requests answered", self.requests.clone());
        let (unit, about) = (Unit::Seconds, "Time to an answer");
        registry.register_with_unit("request_duration", about, unit, self.times.clone());
        let (unit, about) = (Unit::Bytes, "Bodies received");
        registry.register_with_unit("request_size", about, unit, self.received.clone());
        let (unit, about) = (Unit::Bytes, "Bodies sent");
        registry.register_with_unit("response_size", about, unit, self.sent.clone());
    }

    pub(crate) fn observe(&self, seen: &Seen<'_>, took: Duration) {
        let measures = self.measures(seen);
        measures.count.inc();
        measures.time.observe(took.as_secs_f64());
        measures.received.observe(bytes_of(seen.received));
        measures.sent.observe(bytes_of(seen.sent));
    }

    fn measures(&self, seen: &Seen<'_>) -> Arc<Measures> {
        let key = (seen.status.as_u16(), seen.method.clone(), seen.route.to_owned());
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(measures) = known.get(&key) {
            return Arc::clone(measures);
        }
        drop(known);
        let labels = Labels { code: key.0, method: key.1.as_str().to_owned(), url: key.2.clone() };
        let measures = Arc::new(Measures {
            count: self.requests.get_or_create(&labels).clone(),
            time: self.times.get_or_create(&labels).clone(),
            received: self.received.get_or_create(&labels).clone(),
            sent: self.sent.get_or_create(&labels).clone(),
        });
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(key).or_insert(measures))
    }

    /// The text format of Prometheus.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if prometheus_client::encoding::text::encode(&mut text, &self.registry).is_err() {
            tracing::warn!("the metrics could not be written");
        }
        text
    }
}

fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.000_1, 4.0, 9))
}

fn bytes() -> Histogram {
    Histogram::new(exponential_buckets(256.0, 4.0, 8))
}

/// Sizes of bodies are far below where a float would lose bytes.
fn bytes_of(size: u64) -> f64 {
    u32::try_from(size).map_or(f64::MAX, f64::from)
}
