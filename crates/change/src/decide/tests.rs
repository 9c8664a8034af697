use lotse_core::change::{DocumentStep, FieldChange};
use lotse_core::id::ChangeId;
use lotse_core::time::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::model::Approval;

/// Steps by number: the same number is the same step.
fn document(steps: &[u8]) -> Document {
    let step = |number: &u8| DocumentStep {
        id: number.to_string(),
        action: "update".to_owned(),
        kind: "image".to_owned(),
        name: number.to_string(),
        changes: vec![FieldChange {
            field: "min_disk".to_owned(),
            before: 0.into(),
            after: (*number).into(),
        }],
        reason: String::new(),
    };
    Document { steps: steps.iter().map(step).collect(), notes: Vec::new() }
}

fn change(state: State, steps: &[u8], approvals: usize, needed: u32, consent: bool) -> Change {
    let document = document(steps);
    let approval = |number: usize| Approval {
        person: number.to_string(),
        at: Timestamp::UNIX_EPOCH,
        note: String::new(),
    };
    Change {
        id: ChangeId::generate(),
        capability: "images".to_owned(),
        cloud: "sim".to_owned(),
        task: "images/sim".to_owned(),
        state,
        policy: Policy::Propose,
        consent: consent.then(|| "it destroys".to_owned()),
        digest: digest(&document),
        document,
        approvals_needed: needed,
        approvals: (0..approvals).map(approval).collect(),
        proposed: Timestamp::UNIX_EPOCH,
        proposed_by: "images/sim".to_owned(),
        attempts: 0,
        ended: None,
        ended_by: None,
        outcome: None,
        request_ids: Vec::new(),
        report: None,
    }
}

fn on(steps: &[u8], policy: Policy, needs_consent: bool, live: Option<&Change>) -> Decision {
    let document = document(steps);
    let found = Found { document: &document, policy, needs_consent };
    decide(found, Known { live, rejected: None })
}

#[test]
fn a_new_difference_is_met_as_the_policy_says() {
    let course = |policy, consent| on(&[1], policy, consent, None).course;
    assert_eq!(course(Policy::Observe, false), Course::Report);
    assert_eq!(course(Policy::Propose, false), Course::Propose);
    assert_eq!(course(Policy::Apply, false), Course::OpenAndApply);
    assert_eq!(course(Policy::Apply, true), Course::Propose, "destroying needs a person");
}

#[test]
fn a_difference_that_is_gone_withdraws_what_waits_and_completes_what_was_begun() {
    for (state, fate) in [
        (State::Proposed, Fate::Withdrawn),
        (State::Approved, Fate::Withdrawn),
        (State::Applying, Fate::Applied),
        (State::Failed, Fate::Applied),
    ] {
        let live = change(state, &[1], 1, 1, false);
        let decision = on(&[], Policy::Propose, false, Some(&live));
        assert_eq!(decision, Decision { fate, course: Course::Nothing }, "{state}");
    }
}

#[test]
fn less_than_what_was_approved_is_done_and_more_is_proposed_anew() {
    let live = change(State::Approved, &[1, 2], 1, 1, false);
    let decide = |steps: &[u8]| on(steps, Policy::Propose, false, Some(&live));
    let go = Decision { fate: Fate::Stays, course: Course::Apply };
    assert_eq!(decide(&[1, 2]), go);
    assert_eq!(decide(&[2]), go);
    let anew = Decision { fate: Fate::Superseded, course: Course::Propose };
    assert_eq!(decide(&[2, 3]), anew);
}

#[test]
fn what_was_rejected_stays_rejected_until_it_changes() {
    let rejected = change(State::Rejected, &[1], 0, 1, false);
    for (steps, course) in [(&[1][..], Course::Rejected), (&[1, 2][..], Course::Propose)] {
        let document = document(steps);
        let found = Found { document: &document, policy: Policy::Propose, needs_consent: false };
        let known = Known { live: None, rejected: Some(&rejected) };
        assert_eq!(decide(found, known).course, course);
    }
}

#[test]
fn consent_is_not_given_by_approving_what_needed_none() {
    let live = change(State::Approved, &[1], 1, 1, false);
    let anew = Decision { fate: Fate::Superseded, course: Course::Propose };
    assert_eq!(on(&[1], Policy::Apply, true, Some(&live)), anew);
    let live = change(State::Approved, &[1], 1, 1, true);
    assert_eq!(on(&[1], Policy::Apply, true, Some(&live)).course, Course::Apply);
}

#[test]
fn what_the_policy_applied_needs_people_once_the_policy_proposes() {
    let live = change(State::Failed, &[1], 0, 0, false);
    let anew = Decision { fate: Fate::Superseded, course: Course::Propose };
    assert_eq!(on(&[1], Policy::Propose, false, Some(&live)), anew);
    assert_eq!(on(&[1], Policy::Apply, false, Some(&live)).course, Course::Apply);
}

fn any_policy() -> impl Strategy<Value = Policy> {
    prop_oneof![Just(Policy::Observe), Just(Policy::Propose), Just(Policy::Apply)]
}

fn any_live() -> impl Strategy<Value = Option<Change>> {
    let states = [State::Proposed, State::Approved, State::Applying, State::Failed];
    let change = (
        proptest::sample::select(states.to_vec()),
        proptest::collection::vec(0_u8..4, 1..4),
        0_usize..3,
        0_u32..3,
        any::<bool>(),
    )
        .prop_map(|(state, steps, approvals, needed, consent)| {
            change(state, &steps, approvals, needed, consent)
        });
    proptest::option::of(change)
}

proptest! {
    /// The one promise: without the policy's leave, only what people agreed to is done.
    #[test]
    fn nothing_is_done_that_nobody_agreed_to(
        steps in proptest::collection::vec(0_u8..4, 0..4),
        policy in any_policy(),
        needs_consent in any::<bool>(),
        live in any_live(),
    ) {
        let decision = on(&steps, policy, needs_consent, live.as_ref());
        let leave = policy == Policy::Apply && !needs_consent;
        match decision.course {
            Course::OpenAndApply => prop_assert!(leave),
            Course::Apply => {
                let live = live.expect("a live change is applied");
                prop_assert!(policy != Policy::Observe);
                prop_assert!(document(&steps).is_within(&live.document));
                if !leave {
                    prop_assert!(live.state != State::Proposed);
                    prop_assert!(live.approvals.len() >= live.approvals_needed as usize);
                    prop_assert!(!live.approvals.is_empty());
                    prop_assert!(!needs_consent || live.consent.is_some());
                }
            }
            Course::Nothing => prop_assert!(steps.is_empty()),
            Course::Wait => {
                let live = live.expect("a live change waits");
                prop_assert_eq!(live.state, State::Proposed);
                prop_assert_eq!(live.digest, digest(&document(&steps)));
            }
            Course::Propose | Course::Report | Course::Rejected => {}
        }
    }

    /// At most one change is live: a new one is opened only where the old one ends.
    #[test]
    fn a_change_is_opened_only_where_none_is_left(
        steps in proptest::collection::vec(0_u8..4, 0..4),
        policy in any_policy(),
        needs_consent in any::<bool>(),
        live in any_live(),
    ) {
        let decision = on(&steps, policy, needs_consent, live.as_ref());
        let opens = matches!(decision.course, Course::Propose | Course::OpenAndApply);
        if opens && live.is_some() {
            prop_assert_eq!(decision.fate, Fate::Superseded);
        }
        prop_assert!(live.is_some() || decision.fate == Fate::Stays);
    }
}
