//! Several people and instances at the same moment.

use std::collections::BTreeSet;

use lotse_change::State;
use lotse_core::change::{Desk, Policy};
use lotse_store::on_both;
use tokio::task::JoinSet;

use crate::stage::*;

on_both! { PARTS;
    async fn instances_that_find_the_same_at_once_open_one_change(store) {
        let mut running = JoinSet::new();
        for _ in 0..8 {
            let desk = desk(&store, 1);
            running.spawn(async move { waiting(&propose(&desk, &["a"], 1).await) });
        }
        let opened: BTreeSet<_> = running.join_all().await.into_iter().collect();
        assert_eq!(opened.len(), 1);
        assert_eq!(desk(&store, 1).list(None, None, 10).await.unwrap().len(), 1);
        assert_eq!(topics(&store).await, ["change.proposed"]);
    }

    /// Every approval counts, and the change is approved exactly once.
    async fn approvals_at_the_same_moment_all_count(store) {
        let desk = desk(&store, 6);
        let id = waiting(&propose(&desk, &["a"], 1).await).to_string();
        let change = desk.get(&id).await.unwrap();
        let mut running = JoinSet::new();
        for person in 0..6 {
            let (desk, change, id) = (desk.clone(), change.clone(), id.clone());
            running.spawn(async move {
                let person = format!("person {person}");
                desk.approve(&id, word(&person, &change, 2)).await.map(drop)
            });
        }
        let failed: Vec<_> = running.join_all().await.into_iter().filter_map(Result::err).collect();
        assert!(failed.is_empty(), "{failed:?}");
        let approved = desk.get(&id).await.unwrap();
        assert_eq!((approved.approvals.len(), approved.state), (6, State::Approved));
        assert_eq!(topics(&store).await, ["change.proposed", "change.approved"]);
    }

    /// Whoever comes first wins; the other is told.
    async fn a_change_is_approved_or_rejected_and_never_both(store) {
        let desk = desk(&store, 1);
        for round in 0..10 {
            let name = format!("image {round}");
            let id = waiting(&propose(&desk, &[&name], round).await).to_string();
            let change = desk.get(&id).await.unwrap();
            let (yes, no) = tokio::join!(
                desk.approve(&id, word("ann", &change, 2)),
                desk.reject(&id, word("bob", &change, 2)),
            );
            let after = desk.get(&id).await.unwrap();
            match after.state {
                State::Approved => assert!(yes.is_ok() && no.is_err(), "{yes:?} {no:?}"),
                // An approved change can still be rejected.
                State::Rejected => assert!(no.is_ok(), "{yes:?} {no:?}"),
                other => panic!("{other}"),
            }
            assert!(yes.is_ok() || no.is_ok());
            if after.state.is_live() {
                desk.reject(&id, word("bob", &after, 3)).await.unwrap();
            }
        }
    }

    /// Leases keep instances apart; should they fail, the history still tells one end.
    async fn a_change_that_is_made_twice_at_once_ends_once(store) {
        let desk = desk(&store, 1);
        let id = waiting(&propose(&desk, &["a"], 1).await);
        let change = desk.get(&id.to_string()).await.unwrap();
        desk.approve(&id.to_string(), word("ann", &change, 2)).await.unwrap();
        let consider = || desk.consider(finding(&["a"], Policy::Propose, 3));
        let (one, two) = tokio::join!(consider(), consider());
        assert_eq!((going(&one.unwrap()), going(&two.unwrap())), (id, id));
        desk.conclude(id, conclusion(true, 4)).await.unwrap();
        let second = desk.conclude(id, conclusion(true, 5)).await.unwrap_err();
        assert!(lotse_core::error::chain(&second).contains("cannot be concluded"), "{second}");
        assert_eq!(desk.get(&id.to_string()).await.unwrap().attempts, 2);
    }
}
