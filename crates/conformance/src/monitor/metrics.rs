//! What the monitor measures, under names `lotse_conformance_…`.

use std::fmt;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::standing::{Held, Standing};
use super::view::{Key, View};
use crate::model::Verdict;
use crate::spec::Spec;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Place {
    subject: String,
    scope: String,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
enum Word {
    Pass,
    Fail,
    Abort,
    Missing,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Results {
    subject: String,
    scope: String,
    result: Word,
}

/// The families `lotse_conformance_…`. Clones share them.
#[derive(Clone, Default)]
pub struct Metrics {
    uploads: Family<Outcome, Counter>,
    conforms: Family<Place, Gauge<i64>>,
    results: Family<Results, Gauge<i64>>,
    checked: Family<Place, Gauge<f64, AtomicU64>>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Registers the families.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "lotse_conformance_uploads",
            "Uploads of reports by what became of them",
            self.uploads.clone(),
        );
        registry.register(
            "lotse_conformance_conforms",
            "Whether a subject keeps a version of a scope that counts",
            self.conforms.clone(),
        );
        registry.register(
            "lotse_conformance_results",
            "Testcases of the version that counts, by result",
            self.results.clone(),
        );
        registry.register(
            "lotse_conformance_checked_timestamp_seconds",
            "When the newest result of a subject was checked",
            self.checked.clone(),
        );
    }

    /// Counts an upload: `taken`, or the word of its refusal.
    pub(crate) fn upload(&self, outcome: &'static str) {
        self.uploads.get_or_create(&Outcome { outcome }).inc();
    }

    /// Shows what these come to.
    pub(crate) fn show<'a>(
        &self,
        view: &View,
        scopes: &[Spec],
        keys: impl Iterator<Item = &'a Key>,
    ) {
        for key in keys {
            let Some(judged) = view.judged.get(key) else { continue };
            let Some(spec) = scopes.iter().find(|spec| spec.uuid == key.1) else { continue };
            self.show_one(&key.0, spec, &judged.public);
        }
    }

    fn show_one(&self, subject: &str, spec: &Spec, standing: &Standing) {
        let place = Place { subject: subject.to_owned(), scope: spec.name.clone() };
        let conforms = i64::from(standing.verdict == Verdict::Pass);
        self.conforms.get_or_create(&place).set(conforms);
        let newest = standing.results.values().map(|held| held.1).max().unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "microseconds of centuries fit")]
        self.checked.get_or_create(&place).set(newest as f64 / 1e6);
        let ids = standing.shown().and_then(|shown| spec.version(&shown.name).ok());
        let ids = ids.map(|version| version.testcases()).unwrap_or_default();
        let of = |id: &str| standing.results.get(id).map_or(Verdict::Missing, Held::verdict);
        for (word, verdict) in [
            (Word::Pass, Verdict::Pass),
            (Word::Fail, Verdict::Fail),
            (Word::Abort, Verdict::Abort),
            (Word::Missing, Verdict::Missing),
        ] {
            let count = ids.iter().filter(|id| of(id) == verdict).count();
            let labels = Results {
                subject: place.subject.clone(),
                scope: place.scope.clone(),
                result: word,
            };
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.results.get_or_create(&labels).set(count);
        }
    }
}
