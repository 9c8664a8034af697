//! The life of changes.

use lotse_change::{Error, State};
use lotse_core::change::{Desk, Policy, Verdict};
use lotse_store::on_both;

use crate::stage::*;

on_both! { PARTS;
    async fn a_proposed_change_is_approved_made_and_remembered(store) {
        let desk = desk(&store, 1);
        let id = waiting(&propose(&desk, &["a", "b"], 1).await);
        assert_eq!(waiting(&propose(&desk, &["a", "b"], 2).await), id, "nothing new was found");

        let change = desk.get(&id.to_string()).await.unwrap();
        assert_eq!((change.state, change.approvals_needed), (State::Proposed, 1));
        let approved = desk.approve(&id.to_string(), word("ann", &change, 3)).await.unwrap();
        assert_eq!(approved.state, State::Approved);

        assert_eq!(going(&propose(&desk, &["a", "b"], 4).await), id);
        desk.conclude(id, conclusion(true, 5)).await.unwrap();
        let made = desk.get(&id.to_string()).await.unwrap();
        assert_eq!((made.state, made.attempts), (State::Applied, 1));
        assert_eq!(made.request_ids, ["req-1"]);
        assert_eq!(made.approvals[0].person, "ann");
        assert_eq!(made.outcome.as_deref(), Some("1 change made"));
        assert_eq!(made.ended, Some(at(5)));

        assert_eq!(propose(&desk, &[], 6).await, Verdict::Nothing);
        assert!(desk.live().await.unwrap().is_empty());
        assert_eq!(topics(&store).await, ["change.proposed", "change.approved", "change.applied"]);
        assert_eq!(deeds(&store).await, [
            "task images/sim: change.proposed",
            "ann: change.approved",
            "task images/sim: change.applied",
        ]);
    }

    async fn two_people_must_approve_where_two_are_asked_for(store) {
        let desk = desk(&store, 2);
        let id = waiting(&propose(&desk, &["a"], 1).await).to_string();
        let change = desk.get(&id).await.unwrap();
        let once = desk.approve(&id, word("ann", &change, 2)).await.unwrap();
        assert_eq!(once.state, State::Proposed);
        let again = desk.approve(&id, word("ann", &change, 3)).await.unwrap_err();
        assert!(matches!(again, Error::ApprovedBefore { .. }), "{again}");
        waiting(&propose(&desk, &["a"], 4).await);
        let twice = desk.approve(&id, word("bob", &change, 5)).await.unwrap();
        assert_eq!(twice.state, State::Approved);
        let late = desk.approve(&id, word("eve", &change, 6)).await.unwrap_err();
        assert!(matches!(late, Error::WrongState { state: State::Approved, .. }), "{late}");
        going(&propose(&desk, &["a"], 7).await);
    }

    async fn nobody_approves_what_they_proposed_or_did_not_look_at(store) {
        let desk = desk(&store, 1);
        let id = waiting(&propose(&desk, &["a"], 1).await).to_string();
        let change = desk.get(&id).await.unwrap();
        let own = desk.approve(&id, word("task images/sim", &change, 2)).await.unwrap_err();
        assert!(matches!(own, Error::OwnProposal { .. }), "{own}");
        let mut other = change.clone();
        other.digest = "0".repeat(64);
        let other = desk.approve(&id, word("ann", &other, 2)).await.unwrap_err();
        assert!(matches!(other, Error::OtherSteps { .. }), "{other}");
        let nowhere = desk.approve("nonsense", word("ann", &change, 2)).await.unwrap_err();
        assert!(matches!(nowhere, Error::NotFound { .. }), "{nowhere}");
        assert_eq!(desk.get(&id).await.unwrap(), change, "nothing happened");
    }

    async fn what_was_rejected_is_not_proposed_again_until_it_changes(store) {
        let desk = desk(&store, 1);
        let id = waiting(&propose(&desk, &["a"], 1).await);
        let change = desk.get(&id.to_string()).await.unwrap();
        desk.reject(&id.to_string(), word("ann", &change, 2)).await.unwrap();
        assert_eq!(propose(&desk, &["a"], 3).await, Verdict::Rejected(id));
        let other = waiting(&propose(&desk, &["a", "b"], 4).await);
        assert_ne!(other, id);
        let last = desk.reject(&id.to_string(), word("ann", &change, 5)).await.unwrap_err();
        assert!(matches!(last, Error::WrongState { state: State::Rejected, .. }), "{last}");
    }

    async fn a_change_that_no_longer_fits_is_superseded_even_after_approval(store) {
        let desk = desk(&store, 1);
        let first = waiting(&propose(&desk, &["a"], 1).await);
        let change = desk.get(&first.to_string()).await.unwrap();
        desk.approve(&first.to_string(), word("ann", &change, 2)).await.unwrap();
        let second = waiting(&propose(&desk, &["a", "b"], 3).await);
        assert_ne!(first, second);
        assert_eq!(desk.get(&first.to_string()).await.unwrap().state, State::Superseded);
        let live = desk.live().await.unwrap();
        assert_eq!(live.iter().map(|change| change.id).collect::<Vec<_>>(), [second]);
    }

    async fn a_failed_change_is_tried_again_without_asking_and_told_of_once(store) {
        let desk = desk(&store, 1);
        let id = waiting(&propose(&desk, &["a", "b"], 1).await);
        let change = desk.get(&id.to_string()).await.unwrap();
        desk.approve(&id.to_string(), word("ann", &change, 2)).await.unwrap();
        for (attempt, second) in [(1, 3), (2, 5)] {
            assert_eq!(going(&propose(&desk, &["a", "b"], second).await), id);
            desk.conclude(id, conclusion(false, second + 1)).await.unwrap();
            let failed = desk.get(&id.to_string()).await.unwrap();
            assert_eq!((failed.state, failed.attempts), (State::Failed, attempt));
        }
        assert_eq!(going(&propose(&desk, &["b"], 7).await), id, "what is left of it");
        desk.conclude(id, conclusion(true, 8)).await.unwrap();
        let topics = topics(&store).await;
        let failures = topics.iter().filter(|topic| *topic == "change.failed").count();
        assert_eq!(failures, 1, "{topics:?}");
    }

    /// The process died between `Go` and the conclusion.
    async fn a_change_whose_process_died_is_taken_up_again(store) {
        let desk = desk(&store, 1);
        let id = going(&desk.consider(finding(&["a", "b"], Policy::Apply, 1)).await.unwrap());
        assert_eq!(going(&desk.consider(finding(&["b"], Policy::Apply, 2)).await.unwrap()), id);
        assert_eq!(desk.get(&id.to_string()).await.unwrap().attempts, 2);
        let nothing = desk.consider(finding(&[], Policy::Apply, 3)).await.unwrap();
        assert_eq!(nothing, Verdict::Nothing);
        assert_eq!(desk.get(&id.to_string()).await.unwrap().state, State::Applied);
    }

    async fn what_destroys_waits_for_consent_even_where_the_policy_applies(store) {
        let desk = desk(&store, 1);
        let destroying = |second| {
            let mut finding = finding(&["a"], Policy::Apply, second);
            finding.needs_consent = Some("it destroys 1 image".to_owned());
            finding
        };
        let id = waiting(&desk.consider(destroying(1)).await.unwrap());
        let change = desk.get(&id.to_string()).await.unwrap();
        assert_eq!(change.consent.as_deref(), Some("it destroys 1 image"));
        desk.approve(&id.to_string(), word("ann", &change, 2)).await.unwrap();
        let verdict = desk.consider(destroying(3)).await.unwrap();
        assert_eq!(verdict, Verdict::Go { change: id, with_consent: true });
    }

    async fn differences_that_are_only_reported_leave_no_trace(store) {
        let desk = desk(&store, 1);
        let verdict = desk.consider(finding(&["a"], Policy::Observe, 1)).await.unwrap();
        assert_eq!(verdict, Verdict::Report);
        assert!(desk.list(None, None, 10).await.unwrap().is_empty());
        waiting(&propose(&desk, &["a"], 2).await);
        desk.consider(finding(&["a"], Policy::Observe, 3)).await.unwrap();
        assert!(desk.live().await.unwrap().is_empty(), "the policy changed");
    }

    async fn the_history_is_read_in_pages_and_forgotten_in_time(store) {
        let desk = desk(&store, 1);
        for second in 1..=5 {
            let id = going(&desk.consider(finding(&["a"], Policy::Apply, second)).await.unwrap());
            desk.conclude(id, conclusion(true, second)).await.unwrap();
        }
        waiting(&propose(&desk, &["b"], 6).await);
        let first = desk.list(None, None, 4).await.unwrap();
        let last = first.last().map(|change| (change.proposed, change.id));
        let second = desk.list(None, last, 4).await.unwrap();
        let seen: Vec<i64> =
            first.iter().chain(&second).map(|change| change.proposed.as_second()).collect();
        assert_eq!(seen, [6, 5, 4, 3, 2, 1]);
        assert_eq!(desk.prune(at(100)).await.unwrap(), 5, "what is live stays");
        assert_eq!(desk.list(None, None, 10).await.unwrap().len(), 1);
    }
}
