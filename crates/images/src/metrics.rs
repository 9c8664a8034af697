//! What is measured of the images, for Prometheus.
//!
//! The age of an image is told as the time at which it was built, as is usual there: `time()` minus
//! that is the age at any moment, also long after the last look at the cloud.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use lotse_core::time::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::inventory::{Entry, Standing};

/// What is measured of all clouds; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    built: Family<ImageLabels, Gauge>,
    images: Family<StandingLabels, Gauge>,
    looked: Family<CloudLabels, Gauge>,
    /// What is shown of each cloud: images that are gone must not be shown for ever.
    shown: Arc<Mutex<BTreeMap<String, Vec<ImageLabels>>>>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ImageLabels {
    cloud: String,
    name: String,
    image: String,
    version: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StandingLabels {
    cloud: String,
    standing: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CloudLabels {
    cloud: String,
}

impl Metrics {
    /// Makes it part of what the process shows.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "lotse_image_build_timestamp_seconds",
            "When upstream built the image, or where that is not known, it was created",
            self.built.clone(),
        );
        registry.register(
            "lotse_images",
            "Images by how they stand to what is declared",
            self.images.clone(),
        );
        registry.register(
            "lotse_images_look_timestamp_seconds",
            "When the images of the cloud were last looked at",
            self.looked.clone(),
        );
    }

    /// What a look at a cloud saw.
    pub(crate) fn saw(&self, cloud: &str, entries: &[Entry], at: Timestamp) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let mut now = Vec::new();
        for entry in entries {
            let (Some(image), Some(built)) = (&entry.image, entry.built_at()) else { continue };
            let version = entry.actual.get("version").and_then(serde_json::Value::as_str);
            let labels = ImageLabels {
                cloud: cloud.to_owned(),
                name: entry.name.clone(),
                image: image.clone(),
                version: version.unwrap_or_default().to_owned(),
            };
            self.built.get_or_create(&labels).set(built);
            now.push(labels);
        }
        let before = shown.insert(cloud.to_owned(), now.clone()).unwrap_or_default();
        for gone in before.iter().filter(|labels| !now.contains(labels)) {
            self.built.remove(gone);
        }
        for standing in Standing::ALL {
            let count = entries.iter().filter(|entry| entry.standing == standing).count();
            let labels = StandingLabels { cloud: cloud.to_owned(), standing: standing.word() };
            self.images.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.looked.get_or_create(&CloudLabels { cloud: cloud.to_owned() }).set(at.as_second());
    }
}

impl Entry {
    /// When it was built or created, in seconds since 1970; at midnight (UTC) where only the day is
    /// known.
    fn built_at(&self) -> Option<i64> {
        let born: Date = self.born()?;
        Some(born.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(name: &str, id: &str, actual: &serde_json::Value) -> Entry {
        Entry {
            name: name.to_owned(),
            image: Some(id.to_owned()),
            standing: Standing::Converged,
            declared: None,
            changes: Vec::new(),
            reason: String::new(),
            actual: actual.as_object().unwrap().clone(),
        }
    }

    fn text(metrics: &Metrics) -> String {
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn every_image_tells_when_it_was_built_and_is_forgotten_when_it_is_gone() {
        let metrics = Metrics::default();
        let built = json!({"version": "1", "created_at": "2026-05-06T07:08:09Z",
                           "properties": {"image_build_date": "2026-01-02"}});
        let created = json!({"version": null, "created_at": "2026-05-06T07:08:09Z"});
        let entries = [entry("Debian", "a", &built), entry("Other", "b", &created)];
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        metrics.saw("east", &entries, at);
        metrics.saw("west", &entries[..1], at);
        metrics.saw("east", &entries[1..], at);
        let text = text(&metrics);
        let line = |cloud: &str, rest: &str| {
            format!("lotse_image_build_timestamp_seconds{{cloud=\"{cloud}\",{rest}")
        };
        let other = line("east", "name=\"Other\",image=\"b\",version=\"\"} 1778025600");
        let west = line("west", "name=\"Debian\",image=\"a\",version=\"1\"} 1767312000");
        assert!(text.contains(&other) && text.contains(&west), "{text}");
        assert!(!text.contains(&line("east", "name=\"Debian\"")), "{text}");
        assert!(text.contains("lotse_images{cloud=\"east\",standing=\"converged\"} 1"), "{text}");
        assert!(text.contains("lotse_images{cloud=\"east\",standing=\"missing\"} 0"), "{text}");
        assert!(
            text.contains("lotse_images_look_timestamp_seconds{cloud=\"east\"} 1800000000"),
            "{text}"
        );
    }
}
