//! Scope files of the SCS standards, of both generations: any text is read or refused with a reason, and
//! what is read can be judged.

use lotse_conformance::judge::{Choice, judge, utc};
use lotse_conformance::spec::Spec;
use lotse_conformance::{Mode, Reason, Snapshot, Verdict};
use lotse_core::declared::SourceFile;
use lotse_core::time::Timestamp;

pub(crate) fn holds(text: &str) {
    let snapshot = Snapshot::empty("fuzz", Timestamp::UNIX_EPOCH);
    for mode in [Mode::Upstream, Mode::Standard] {
        let spec = match Spec::from_source(&SourceFile::new("scope.yaml", text), mode) {
            Ok(spec) => spec,
            Err(error) => {
                assert!(!error.to_string().is_empty(), "refused without a reason");
                continue;
            }
        };
        for version in &spec.versions {
            let mut choice = Choice::everything(utc(snapshot.taken_at), mode);
            choice.versions = vec![version.name.clone()];
            let Ok(outcome) = judge(&spec, &snapshot, &choice) else { continue };
            let mut judgements = outcome.testcases.values().map(|one| &one.judgement);
            // Where there is no key manager, nothing is demanded of it.
            let passed = judgements
                .find(|one| one.verdict == Verdict::Pass && one.reason != Reason::NotApplicable);
            assert!(passed.is_none(), "a pass of a cloud at which nobody looked: {passed:?}");
        }
    }
}
