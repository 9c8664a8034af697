//! What is counted, for Prometheus.

use std::time::Duration;

use http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper ends of the classes of durations, in seconds.
const BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The counters of all clouds of a process; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<OperationLabels, Histogram, fn() -> Histogram>,
    retries: Family<ServiceLabels, Counter>,
    sign_ins: Family<CloudLabels, Counter>,
    in_flight: Family<ServiceLabels, Gauge>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    cloud: String,
    service: String,
    operation: String,
    status: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OperationLabels {
    cloud: String,
    service: String,
    operation: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ServiceLabels {
    cloud: String,
    service: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CloudLabels {
    cloud: String,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            retries: Family::default(),
            sign_ins: Family::default(),
            in_flight: Family::default(),
        }
    }
}

impl Metrics {
    /// Makes the counters part of what the process shows.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "lotse_openstack_requests",
            "Requests to OpenStack services by status class; \"none\" got no answer",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "lotse_openstack_request_duration",
            "Time of requests to OpenStack services, each attempt by itself",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register(
            "lotse_openstack_retries",
            "Requests to OpenStack services that were repeated",
            self.retries.clone(),
        );
        registry.register(
            "lotse_openstack_reauthentications",
            "Tokens that a service refused and that were replaced",
            self.sign_ins.clone(),
        );
        registry.register(
            "lotse_openstack_requests_in_flight",
            "Requests to OpenStack services that are under way",
            self.in_flight.clone(),
        );
    }

    /// The requests of a cloud so far, over all services, operations and outcomes.
    pub(crate) fn begin(&self, cloud: &str, service: &str) -> InFlight {
        let labels = ServiceLabels { cloud: cloud.to_owned(), service: service.to_owned() };
        let gauge = self.in_flight.get_or_create(&labels).clone();
        gauge.inc();
        InFlight(gauge)
    }

    pub(crate) fn done(
        &self,
        cloud: &str,
        service: &str,
        operation: &str,
        status: Option<StatusCode>,
        took: Duration,
    ) {
        let labels = OperationLabels {
            cloud: cloud.to_owned(),
            service: service.to_owned(),
            operation: operation.to_owned(),
        };
        self.durations.get_or_create(&labels).observe(took.as_secs_f64());
        let OperationLabels { cloud, service, operation } = labels;
        let labels = RequestLabels { cloud, service, operation, status: class(status) };
        self.requests.get_or_create(&labels).inc();
    }

    pub(crate) fn retried(&self, cloud: &str, service: &str) {
        let labels = ServiceLabels { cloud: cloud.to_owned(), service: service.to_owned() };
        self.retries.get_or_create(&labels).inc();
    }

    pub(crate) fn signed_in_again(&self, cloud: &str) {
        self.sign_ins.get_or_create(&CloudLabels { cloud: cloud.to_owned() }).inc();
    }
}

fn class(status: Option<StatusCode>) -> &'static str {
    match status.map(|status| status.as_u16() / 100) {
        None => "none",
        Some(1) => "1xx",
        Some(2) => "2xx",
        Some(3) => "3xx",
        Some(4) => "4xx",
        Some(_) => "5xx",
    }
}

/// A request under way; counted until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
