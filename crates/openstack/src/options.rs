//! How we behave towards a cloud, whichever it is.

use std::collections::BTreeMap;
use std::time::Duration;

use lotse_core::retry::Backoff;
use lotse_core::time::SharedClock;

use crate::metrics::Metrics;

/// How we behave towards a cloud.
#[derive(Clone, Debug)]
pub struct CloudOptions {
    /// Tells the time; tokens end and `Retry-After` names dates.
    pub clock: SharedClock,
    /// How long we wait for what.
    pub deadlines: Deadlines,
    /// The pauses between attempts, and how many attempts there are.
    pub backoff: Backoff,
    /// A service that asks us to wait longer than this (`Retry-After`) is not waited for.
    pub longest_wait: Duration,
    /// How much at once, and how often.
    pub limits: ServiceLimits,
    /// Where requests are counted; the same for all clouds of a process.
    pub metrics: Metrics,
    /// How we introduce ourselves.
    pub user_agent: String,
    /// Sent as `X-OpenStack-Request-ID` (`req-` and a UUID) with every request, so that all that a
    /// run does can be found in the logs of all services; each request has its own if not given.
    pub global_request_id: Option<String>,
    /// Where the chance in pauses begins.
    pub seed: u64,
}

impl CloudOptions {
    /// The usual behaviour, with this clock and this beginning of chance.
    pub fn new(clock: SharedClock, seed: u64) -> Self {
        Self {
            clock,
            deadlines: Deadlines::default(),
            backoff: Backoff::default(),
            longest_wait: Duration::from_mins(1),
            limits: ServiceLimits::default(),
            metrics: Metrics::default(),
            user_agent: concat!("lotse/", env!("CARGO_PKG_VERSION")).to_owned(),
            global_request_id: None,
            seed,
        }
    }
}

/// How long we wait for what. There is no limit on the whole of a request: a large image may take
/// hours, as long as it moves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Deadlines {
    /// For a connection: name, TCP and TLS.
    pub connect: Duration,
    /// For the head of the answer, from the beginning of an attempt or, while a stream goes out,
    /// from its last piece.
    pub answer: Duration,
    /// For the next piece of the body of an answer.
    pub idle: Duration,
    /// How long an unused connection is kept.
    pub keep: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_mins(1),
            idle: Duration::from_mins(1),
            keep: Duration::from_mins(1),
        }
    }
}

/// How much at once, and how often, per service.
#[derive(Clone, Debug)]
pub struct ServiceLimits {
    /// For services that `services` does not name.
    pub usual: ServiceLimit,
    /// By official service type.
    pub services: BTreeMap<String, ServiceLimit>,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        Self { usual: ServiceLimit { at_once: 16, per_second: None }, services: BTreeMap::new() }
    }
}

/// How much at once, and how often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServiceLimit {
    /// Requests under way at the same time (at least 1).
    pub at_once: usize,
    /// Requests begun per second.
    pub per_second: Option<f64>,
}
