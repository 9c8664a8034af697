//! Leases.

use std::time::Duration;

use lotse_core::id::InstanceId;
use lotse_core::lease::{Claim, Lease, Leases};
use lotse_core::time::Timestamp;
use lotse_store::Store;

use crate::home::{on_both, second};

const MINUTE: Duration = Duration::from_mins(1);

async fn claim(store: &Store, holder: InstanceId, now: Timestamp) -> Claim {
    store.claim("task/images", holder, "host, process 1", MINUTE, now).await.unwrap()
}

fn held(claim: Claim) -> Lease {
    match claim {
        Claim::Held(lease) => lease,
        Claim::Taken(lease) => panic!("taken: {lease:?}"),
    }
}

on_both! {
    async fn a_lease_has_one_holder_until_it_ends(home: Home) {
        let store = home.open().await;
        let (one, two) = (InstanceId::generate(), InstanceId::generate());
        let first = held(claim(&store, one, second(0)).await);
        assert_eq!((first.holder, first.fence, first.until), (one, 1, second(60)));

        assert_eq!(claim(&store, two, second(59)).await, Claim::Taken(first.clone()));
        let second_lease = held(claim(&store, two, second(60)).await);
        assert_eq!((second_lease.holder, second_lease.fence), (two, 2));
        assert!(store.lease_is_current("task/images", 2).await.unwrap());
        assert!(!store.lease_is_current("task/images", first.fence).await.unwrap());
    }
}

on_both! {
    async fn renewing_moves_the_end_and_keeps_the_fence(home: Home) {
        let store = home.open().await;
        let one = InstanceId::generate();
        held(claim(&store, one, second(0)).await);
        let renewed = held(claim(&store, one, second(30)).await);
        assert_eq!((renewed.fence, renewed.until), (1, second(90)));
    }
}

on_both! {
    /// Between the end and the new claim somebody else may have acted, so it is a new tenure.
    async fn claiming_again_after_the_end_grows_the_fence(home: Home) {
        let store = home.open().await;
        let one = InstanceId::generate();
        held(claim(&store, one, second(0)).await);
        assert_eq!(held(claim(&store, one, second(60)).await).fence, 2);
    }
}

on_both! {
    async fn a_released_lease_is_free_at_once_and_its_fence_never_goes_back(home: Home) {
        let store = home.open().await;
        let (one, two) = (InstanceId::generate(), InstanceId::generate());
        held(claim(&store, one, second(0)).await);
        store.release("task/images", two).await.unwrap();
        assert!(matches!(claim(&store, two, second(1)).await, Claim::Taken(_)));
        store.release("task/images", one).await.unwrap();
        assert!(store.held(second(1)).await.unwrap().is_empty());
        assert_eq!(held(claim(&store, two, second(1)).await).fence, 2);
        store.release("never/claimed", one).await.unwrap();
    }
}

on_both! {
    async fn only_leases_that_have_not_ended_are_listed(home: Home) {
        let store = home.open().await;
        let one = InstanceId::generate();
        for (name, lasting) in [("b", 20), ("a", 10), ("c", 5)] {
            let lasting = Duration::from_secs(lasting);
            held(store.claim(name, one, "here", lasting, second(0)).await.unwrap());
        }
        let names: Vec<_> =
            store.held(second(5)).await.unwrap().into_iter().map(|lease| lease.name).collect();
        assert_eq!(names, ["a", "b"]);
    }
}

on_both! {
    async fn an_endless_lease_ends_with_time(home: Home) {
        let store = home.open().await;
        let one = InstanceId::generate();
        let lease = held(store.claim("x", one, "", Duration::MAX, second(0)).await.unwrap());
        assert!(lease.until > second(1_000_000_000_000 / 10));
    }
}

on_both! {
    /// Each on a connection of its own, as instances on different machines would be.
    async fn of_many_that_claim_at_once_one_gets_it(home: Home) {
        let mut instances = Vec::new();
        for _ in 0..6 {
            instances.push(home.open().await);
        }
        for round in 0..10 {
            let mut claims = tokio::task::JoinSet::new();
            for store in &instances {
                let store = store.clone();
                claims.spawn(async move {
                    claim(&store, InstanceId::generate(), second(round * 60)).await
                });
            }
            let claims = claims.join_all().await;
            let winners: Vec<_> =
                claims.iter().filter(|claim| matches!(claim, Claim::Held(_))).collect();
            assert_eq!(winners.len(), 1, "{claims:?}");
            for claim in &claims {
                let (Claim::Held(lease) | Claim::Taken(lease)) = claim;
                assert_eq!(lease.fence, round + 1);
            }
        }
    }
}
