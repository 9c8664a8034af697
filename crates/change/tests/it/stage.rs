//! A desk, differences and people.

use std::sync::Arc;

use lotse_change::desk::Word;
use lotse_change::{Change, Changes, Rules};
use lotse_core::change::{
    Conclusion, Desk, Document, DocumentStep, FieldChange, Finding, Policy, Subject, Verdict,
};
use lotse_core::id::ChangeId;
use lotse_core::time::Timestamp;
use lotse_store::Store;
use lotse_store::outbox::Begin;

/// The parts of the schema.
pub(crate) const PARTS: &[lotse_store::migrate::Part] = &[lotse_change::PART];

pub(crate) fn desk(store: &Arc<Store>, approvals: u32) -> Changes {
    Changes::new(store.clone(), Rules { approvals })
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A difference of these objects; the same name is the same step.
pub(crate) fn document(names: &[&str]) -> Document {
    let step = |name: &&str| DocumentStep {
        id: format!("update {name}"),
        action: "update".to_owned(),
        kind: "image".to_owned(),
        name: (*name).to_owned(),
        changes: vec![FieldChange {
            field: "min_disk".to_owned(),
            before: 1.into(),
            after: 5.into(),
        }],
        reason: "declared".to_owned(),
    };
    Document { steps: names.iter().map(step).collect(), notes: Vec::new() }
}

pub(crate) fn finding(names: &[&str], policy: Policy, second: i64) -> Finding<'static> {
    Finding {
        subject: Subject { capability: "images", cloud: "sim", task: "images/sim" },
        policy,
        document: document(names),
        needs_consent: None,
        at: at(second),
    }
}

/// Considers a difference under the policy `propose`.
pub(crate) async fn propose(desk: &Changes, names: &[&str], second: i64) -> Verdict {
    desk.consider(finding(names, Policy::Propose, second)).await.unwrap()
}

/// The change that the verdict waits for.
pub(crate) fn waiting(verdict: &Verdict) -> ChangeId {
    let Verdict::Wait(id) = verdict else { panic!("{verdict:?}") };
    *id
}

/// The change that the verdict lets go.
pub(crate) fn going(verdict: &Verdict) -> ChangeId {
    let Verdict::Go { change, .. } = verdict else { panic!("{verdict:?}") };
    *change
}

/// A person's word on what the change is now.
pub(crate) fn word<'a>(person: &'a str, change: &'a Change, second: i64) -> Word<'a> {
    Word { person, note: "", digest: &change.digest, at: at(second) }
}

pub(crate) fn conclusion(succeeded: bool, second: i64) -> Conclusion {
    Conclusion {
        succeeded,
        summary: if succeeded { "1 change made" } else { "the cloud refused" }.to_owned(),
        request_ids: vec!["req-1".to_owned()],
        report: serde_json::json!({"steps": 1}),
        at: at(second),
    }
}

/// The topics of all events, oldest first.
pub(crate) async fn topics(store: &Store) -> Vec<String> {
    let reader = store.outbox_reader("test", Begin::Oldest).await.unwrap();
    let events = reader.read(100).await.unwrap();
    events.into_iter().map(|delivery| delivery.event.topic).collect()
}

/// Actor and action of everything in the audit log, oldest first.
pub(crate) async fn deeds(store: &Store) -> Vec<String> {
    let mut entries = store.audit_list(None, 100).await.unwrap();
    entries.reverse();
    entries
        .into_iter()
        .map(|entry| format!("{}: {}", entry.deed.actor, entry.deed.action))
        .collect()
}
