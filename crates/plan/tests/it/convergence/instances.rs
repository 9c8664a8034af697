//! Several engines at one world.

use std::sync::Arc;

use lotse_core::error::{ErrorKind, Explain};
use lotse_core::journal::Journal;
use lotse_core::time::{ManualClock, Timestamp};
use lotse_plan::Engine;
use lotse_plan::random::SeededRandomness;
use lotse_plan::testing::{MemoryJournal, MemoryLeases};
use proptest::prelude::*;

use super::planner::Desired;
use super::world::{Fields, World};
use super::{Case, block_on, case, fields, name, once};

/// One process: goes on until its plan is empty, and waits while somebody else is at work.
async fn process(world: Arc<World>, engine: Engine, desired: Desired, owner: u8) -> usize {
    let mut refused = 0;
    loop {
        match once(&world, &engine, &desired, owner).await {
            Ok(Some(report)) if report.steps.is_empty() => return refused,
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
                refused += 1;
            }
        }
        tokio::task::yield_now().await;
    }
}

fn engine(journal: &Arc<MemoryJournal>, leases: &Arc<MemoryLeases>, seed: u64) -> Engine {
    let journal: Arc<dyn Journal> = Arc::clone(journal) as _;
    let clock = Arc::new(ManualClock::starting_at(Timestamp::UNIX_EPOCH));
    Engine::new(journal, clock, Arc::new(SeededRandomness::new(seed)))
        .with_leases(Arc::clone(leases) as _, format!("process {seed}"))
        .patient(std::time::Duration::ZERO)
}

fn state(world: &World, owner: u8) -> Vec<(String, Fields)> {
    let mut state: Vec<_> = world
        .objects()
        .into_values()
        .filter(|object| object.owner == owner)
        .map(|object| (object.name, object.fields))
        .collect();
    state.sort_by(|one, other| one.0.cmp(&other.0));
    state
}

fn without_weather(case: &Case) -> Arc<World> {
    Case { failing: 0, ..case.clone() }.world()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// The world itself takes note of duplicates and foreign hands.
    #[test]
    fn two_instances_of_one_estate_take_turns(case in case(0..1), seed: u64) {
        block_on(async {
            let world = without_weather(&case);
            let (journal, leases) = (Arc::default(), Arc::default());
            let one = engine(&journal, &leases, seed);
            let other = engine(&journal, &leases, !seed);
            let refused = tokio::join!(
                process(Arc::clone(&world), one, case.desired.clone(), 1),
                process(Arc::clone(&world), other, case.desired.clone(), 1),
            );
            assert!(refused.0 + refused.1 > 0, "they did meet");
            assert_eq!(state(&world, 1), case.desired.clone().into_iter().collect::<Vec<_>>());
            assert_eq!(world.violations(), Vec::<String>::new());
        });
    }

    #[test]
    fn two_estates_on_one_cloud_leave_each_other_alone(
        case in case(0..1),
        theirs in prop::collection::btree_map(name(), fields(), 0..4),
        seed: u64,
    ) {
        block_on(async {
            let world = without_weather(&case);
            // Not even a common lease: each has its own state.
            let one = engine(&Arc::default(), &Arc::default(), seed);
            let other = engine(&Arc::default(), &Arc::default(), !seed);
            tokio::join!(
                process(Arc::clone(&world), one, case.desired.clone(), 1),
                process(Arc::clone(&world), other, theirs.clone(), 2),
            );
            assert_eq!(state(&world, 1), case.desired.clone().into_iter().collect::<Vec<_>>());
            assert_eq!(state(&world, 2), theirs.into_iter().collect::<Vec<_>>());
            assert_eq!(world.violations(), Vec::<String>::new());
        });
    }
}
