//! The law of the engine: whatever happens, running again converges.
//!
//! A model world answers single requests. It fails them at random, and it kills the whole engine at
//! a chosen boundary: before a request takes effect, after it did and before its answer, before and
//! after a write of the journal. A kill is the end of the future and of all its memory; the journal
//! and the world stay. For every boundary of every generated case, running again (recover, observe,
//! plan, apply) must reach the desired state, with nothing created twice, nothing foreign touched,
//! and an empty plan at the end that sends no write.

mod instances;
mod planner;
mod world;

use std::sync::Arc;

use lotse_core::time::{ManualClock, Timestamp};
use lotse_plan::progress::Silent;
use lotse_plan::random::SeededRandomness;
use lotse_plan::{ApplyOptions, ApplyReport, Engine, Fuse, PlanError};
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use self::planner::{Client, Desired, plan};
use self::world::{Boundaries, Faults, KillableJournal, Object, World};

/// What we are called in these worlds; other owners are foreign.
const OURS: u8 = 1;

/// How often a run may have to be repeated while faults go on.
const RUNS: usize = 40;

fn options() -> ApplyOptions {
    let mut options =
        ApplyOptions { allow_destroy: true, fuse: Fuse::OFF, ..ApplyOptions::default() };
    options.concurrency = 3;
    options.per_service = 3;
    options.backoff.attempts = 4;
    options
}

/// Recover, observe, plan, apply: what a command or a task does once.
async fn once(
    world: &Arc<World>,
    engine: &Engine,
    desired: &Desired,
    owner: u8,
) -> Result<Option<ApplyReport>, PlanError> {
    let client = Client::new(Arc::clone(world), owner);
    let cancelled = CancellationToken::new();
    let session = engine.begin("sim", &["thing"], &client, &cancelled).await?;
    let Ok(observed) = client.list().await else {
        session.end().await;
        return Ok(None);
    };
    let plan = plan(desired, &observed, owner);
    let report = session.apply(&plan, &client, &options(), &Silent, &cancelled).await?;
    Ok(Some(report))
}

fn engine(world: &Arc<World>, journal: &Arc<KillableJournal>, seed: u64) -> Engine {
    let clock = Arc::new(ManualClock::starting_at(Timestamp::UNIX_EPOCH));
    let randomness = SeededRandomness::new(seed ^ world.boundaries().passed());
    Engine::new(Arc::clone(journal) as _, clock, Arc::new(randomness))
}

/// One life of a process: ends by itself or by the kill. True when it ended with an empty plan.
async fn life(world: &Arc<World>, journal: &Arc<KillableJournal>, case: &Case) -> bool {
    let engine = engine(world, journal, case.seed);
    let boundaries = world.boundaries();
    let ended = tokio::select! {
        biased;
        ended = once(world, &engine, &case.desired, OURS) => ended,
        () = boundaries.killed() => return false,
    };
    matches!(ended, Ok(Some(report)) if report.steps.is_empty())
}

/// Lives until nothing is left to do; faults end after a while.
async fn converge(world: &Arc<World>, journal: &Arc<KillableJournal>, case: &Case) {
    for number in 0..RUNS {
        if number == RUNS / 2 {
            world.calm_down();
        }
        if life(world, journal, case).await && world.is_calm() {
            return;
        }
    }
    panic!("no convergence:\n{:#?}\n{:#?}", case, world.objects());
}

/// The desired state is reached, exactly once each, and what is foreign is as it was.
async fn check(world: &Arc<World>, journal: &Arc<KillableJournal>, case: &Case) {
    let ours: Vec<_> =
        world.objects().into_values().filter(|object| object.owner == OURS).collect();
    assert_eq!(ours.len(), case.desired.len(), "{ours:#?}");
    for object in &ours {
        assert_eq!(case.desired.get(&object.name), Some(&object.fields), "{ours:#?}");
    }
    let foreign: Vec<_> =
        world.objects().into_values().filter(|object| object.owner != OURS).collect();
    let before: Vec<_> =
        case.actual.iter().filter(|object| object.owner != OURS).cloned().collect();
    assert_eq!(foreign, before);
    assert_eq!(world.violations(), Vec::<String>::new());
    assert_eq!(journal.open(), 0, "no entry is left open");

    let (writes, entries) = (world.writes(), journal.written());
    assert!(life(world, journal, case).await, "the plan after convergence is empty");
    assert_eq!((world.writes(), journal.written()), (writes, entries), "and sends no write");
}

/// A desired and an actual state, and the weather.
#[derive(Clone, Debug)]
struct Case {
    desired: Desired,
    actual: Vec<Object>,
    seed: u64,
    /// How many of 100 requests fail.
    failing: u64,
}

impl Case {
    fn world(&self) -> Arc<World> {
        let faults = Faults { seed: self.seed, percent: self.failing };
        Arc::new(World::new(&self.actual, faults, Boundaries::default()))
    }
}

fn fields() -> impl Strategy<Value = world::Fields> {
    (0_u8..3, 0_u8..3).prop_map(|(colour, fixed)| world::Fields { colour, fixed })
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "d"]).prop_map(str::to_owned)
}

prop_compose! {
    fn object()(name in name(), fields in fields(), owner in 0_u8..3, complete: bool) -> Object {
        // Foreign objects may well have our names.
        Object { name, fields, owner, marker: None, complete }
    }
}

prop_compose! {
    fn case(failing: std::ops::Range<u64>)(
        desired in prop::collection::btree_map(name(), fields(), 0..4),
        actual in prop::collection::vec(object(), 0..5),
        seed: u64,
        failing in failing,
    ) -> Case {
        Case { desired, actual, seed, failing }
    }
}

fn block_on(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(work);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_kill_at_any_boundary_is_made_good_by_running_again(case in case(0..1)) {
        block_on(async {
            let world = case.world();
            let journal = Arc::new(KillableJournal::new(world.boundaries()));
            converge(&world, &journal, &case).await;
            let boundaries = world.boundaries().passed();
            check(&world, &journal, &case).await;
            for boundary in 0..boundaries {
                let world = case.world();
                world.boundaries().kill_at(boundary);
                let journal = Arc::new(KillableJournal::new(world.boundaries()));
                converge(&world, &journal, &case).await;
                check(&world, &journal, &case).await;
            }
        });
    }

    #[test]
    fn kills_upon_kills_in_bad_weather_are_made_good_too(
        case in case(0..40),
        lives in prop::collection::vec(0_u64..25, 1..8),
    ) {
        block_on(async {
            let world = case.world();
            let journal = Arc::new(KillableJournal::new(world.boundaries()));
            for boundaries in lives {
                world.boundaries().kill_at(world.boundaries().passed() + boundaries);
                life(&world, &journal, &case).await;
            }
            world.boundaries().spare();
            converge(&world, &journal, &case).await;
            check(&world, &journal, &case).await;
        });
    }

    /// The known limit: a request that is still travelling when recovery looks for its marker.
    #[test]
    fn a_creation_that_arrives_after_recovery_is_removed_again(
        case in case(0..1),
        boundary in 0_u64..60,
    ) {
        block_on(async {
            let world = case.world();
            world.arrive_late();
            world.boundaries().kill_at(boundary);
            let journal = Arc::new(KillableJournal::new(world.boundaries()));
            converge(&world, &journal, &case).await;
            world.boundaries().spare();
            world.late_arrivals();
            converge(&world, &journal, &case).await;
            check(&world, &journal, &case).await;
        });
    }
}
