//! What is measured: `lotse_estate_…`.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::source::{Outcome, Source};
use crate::status::Verdict;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Ended {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    status: u16,
}

/// Counts looks and webhooks.
#[derive(Clone, Debug, Default)]
pub struct SourceMetrics {
    looks: Family<Ended, Counter>,
    hooks: Family<Answered, Counter>,
}

impl SourceMetrics {
    pub(crate) fn looked(&self, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::Unchanged => "unchanged",
            Outcome::Advanced { .. } => "advanced",
            Outcome::Broken { .. } => "broken",
            Outcome::Invalid { .. } => "invalid",
            Outcome::Unreachable { .. } => "unreachable",
        };
        self.looks.get_or_create(&Ended { outcome }).inc();
    }

    pub(crate) fn answered(&self, status: u16) {
        self.hooks.get_or_create(&Answered { status }).inc();
    }
}

impl Source {
    /// Registers what is counted, and what the status says at the time of each scrape.
    pub fn register(self: &Arc<Self>, registry: &mut Registry) {
        let metrics = self.metrics();
        registry.register(
            "lotse_estate_looks",
            "Looks at the source of the estate, by outcome",
            metrics.looks.clone(),
        );
        registry.register(
            "lotse_estate_webhooks",
            "Webhooks for the estate, by status of the answer",
            metrics.hooks.clone(),
        );
        registry.register_collector(Box::new(Now(self.clone())));
    }
}

struct Now(Arc<Source>);

impl fmt::Debug for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Now")
    }
}

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = self.0.status();
        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: f64| {
            let encoder = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
            ConstGauge::new(value).encode(encoder)
        };
        let flag = |yes: bool| f64::from(u8::from(yes));
        gauge(
            "lotse_estate_broken",
            "Whether the newest revision of the estate is broken (another one is in use)",
            None,
            flag(status.broken.is_some() || status.verdict == Verdict::Broken),
        )?;
        gauge(
            "lotse_estate_unreachable",
            "Whether the source of the estate could not be reached at the last look",
            None,
            flag(status.verdict == Verdict::Unreachable),
        )?;
        for (name, help, time) in [
            ("lotse_estate_last_look_time", "Start of the last look", status.last_look),
            (
                "lotse_estate_last_reached_time",
                "Start of the last look that reached the source",
                status.last_reached,
            ),
            (
                "lotse_estate_revision_since_time",
                "When the revision in use was taken",
                status.since,
            ),
        ] {
            if let Some(time) = time {
                gauge(name, help, Some(&Unit::Seconds), time.as_duration().as_secs_f64())?;
            }
        }
        if let Some(good) = &status.good {
            let help = "The revision in use; its name is the label";
            let mut encoder = encoder.encode_descriptor(
                "lotse_estate_revision",
                help,
                None,
                MetricType::Gauge,
            )?;
            let labels = [("commit", good.commit.as_str())];
            ConstGauge::new(1.0).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
