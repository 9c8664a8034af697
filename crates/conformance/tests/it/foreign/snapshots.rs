//! Snapshots: what a cloud or a cluster showed may be anything. All testcases judge it, and the outcome
//! is written in the form of every report.

use std::sync::LazyLock;

use lotse_conformance::judge::{Choice, judge, utc};
use lotse_conformance::report::{Generation, Run, forms, page, report, yaml};
use lotse_conformance::spec::Spec;
use lotse_conformance::{Mode, Outcome, Snapshot, profile};
use lotse_core::declared::{SourceFile, parse};
use lotse_core::id::RunId;

/// Read once: it takes longer than a run.
static SCOPES: LazyLock<Vec<Spec>> = LazyLock::new(|| {
    let names = profile::names().into_iter();
    names.filter_map(|name| profile::named(name, Mode::Standard).ok()).collect()
});

/// Whether it is a snapshot at all.
pub(crate) fn holds(data: &[u8]) -> bool {
    let Ok(snapshot) = serde_json::from_slice::<Snapshot>(data) else { return false };
    for spec in SCOPES.iter() {
        for mode in [Mode::Upstream, Mode::Standard] {
            let mut choice = Choice::everything(utc(snapshot.taken_at), mode);
            choice.versions = spec.versions.iter().map(|one| one.name.clone()).collect();
            if let Ok(outcome) = judge(spec, &snapshot, &choice) {
                reported(&outcome, &snapshot.cloud);
            }
        }
    }
    true
}

fn reported(outcome: &Outcome, subject: &str) {
    let run = Run {
        uuid: uuid::Uuid::nil(),
        subject,
        checked_at: outcome.observed_at,
        forced_version: None,
        forced_tests: None,
    };
    for generation in [Generation::Runs, Generation::Tests] {
        let value = report(outcome, &run, generation);
        let file = SourceFile::new("report.yaml", yaml::document(&value));
        // A NUL can stand in JSON and in no file that people write.
        if !value.to_string().contains("\\u0000") {
            assert!(parse(&file).is_ok(), "a report that nobody can read: {}", file.text);
        }
    }
    let forms = forms::junit(outcome, RunId::generate());
    assert!(forms.contains("<testsuites"), "no JUnit");
    drop((forms::sarif(outcome), page::html(outcome), page::badge(outcome)));
}
