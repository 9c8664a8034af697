//! What is counted, for Prometheus. Channels are labels by their names in `lotse.yaml`; recipients
//! and addresses are not.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::model::State;

/// The counters of a courier; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    events: Counter,
    attempts: Family<AttemptLabels, Counter>,
    deliveries: Family<StateLabels, Gauge>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AttemptLabels {
    channel: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AttemptOutcome {
    Sent,
    PutOff,
    Dead,
}

impl AttemptOutcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::PutOff => "put_off",
            Self::Dead => "dead",
        }
    }
}

impl Metrics {
    /// Makes the counters part of what the process shows.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "lotse_notify_events",
            "Events that were looked at for notifications",
            self.events.clone(),
        );
        registry.register(
            "lotse_notify_attempts",
            "Attempts to send notifications by channel and outcome",
            self.attempts.clone(),
        );
        registry.register(
            "lotse_notify_deliveries",
            "Notifications that wait, and dead letters, as this instance saw them last",
            self.deliveries.clone(),
        );
    }

    pub(crate) fn routed(&self, events: u64) {
        self.events.inc_by(events);
    }

    pub(crate) fn attempted(&self, channel: &str, outcome: AttemptOutcome, number: u64) {
        let labels = AttemptLabels { channel: channel.to_owned(), outcome: outcome.word() };
        self.attempts.get_or_create(&labels).inc_by(number);
    }

    /// Sent ones are not shown: they are forgotten after a while, which means nothing.
    pub(crate) fn counted(&self, [waiting, _, dead]: [u64; 3]) {
        for (state, number) in [(State::Waiting, waiting), (State::Dead, dead)] {
            let labels = StateLabels { state: state.word() };
            self.deliveries.get_or_create(&labels).set(i64::try_from(number).unwrap_or(i64::MAX));
        }
    }
}
