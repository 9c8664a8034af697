//! Instances that share leases.

use std::sync::Arc;
use std::time::Duration;

use lotse_core::error::{ErrorKind, Explain};
use lotse_core::id::InstanceId;
use lotse_core::time::{ManualClock, SignedDuration, Timestamp};
use lotse_plan::progress::Silent;
use lotse_plan::testing::{Reply, ScriptedExecutor};
use lotse_plan::{PlanError, Stop};

use crate::bench::{Bench, create, plan, words};

#[tokio::test(start_paused = true)]
async fn a_second_session_is_refused_and_told_who_is_at_work() {
    let bench = Bench::leased();
    let executor = ScriptedExecutor::default();
    let first = bench.begin(&executor).await.unwrap();
    let error = bench.begin(&executor).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert_eq!(
        error.to_string(),
        "\"apply/sim/thing\" is held by host-a, process 7 until 1970-01-01T00:00:15Z"
    );
    let report = first
        .apply(&plan([create("a")]), &executor, &bench.options, &Silent, &bench.cancelled)
        .await;
    assert!(report.unwrap().succeeded());
    bench.begin(&executor).await.unwrap().end().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_ends_the_apply_at_once() {
    let bench = Bench::leased();
    let leases = Arc::clone(bench.leases.as_ref().unwrap());
    let executor = ScriptedExecutor::default().replying("a", Reply::Hang);
    let thief = InstanceId::generate();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(7)).await;
        leases.steal("apply/sim/thing", thief, Timestamp::MAX);
    });
    let began = tokio::time::Instant::now();
    let report = bench.apply(&plan([create("a")]), &executor).await;
    assert_eq!(report.stopped, Some(Stop::LeaseLost));
    assert_eq!(words(&report), [("a", "interrupted")]);
    assert_eq!(began.elapsed(), Duration::from_secs(10), "noticed by the next renewal, no grace");
}

#[tokio::test(start_paused = true)]
async fn leases_are_renewed_while_a_session_lasts() {
    let bench = Bench::leased();
    let clock = Arc::new(ManualClock::starting_at(Timestamp::UNIX_EPOCH));
    let bench = Bench { clock: Arc::clone(&clock) as _, ..bench };
    let executor = ScriptedExecutor::default().replying("a", Reply::Slow(Duration::from_mins(10)));
    let moving = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            clock.advance(SignedDuration::from_secs(1));
        }
    });
    let report = bench.apply(&plan([create("a")]), &executor).await;
    moving.abort();
    assert!(report.succeeded(), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn patience_outwaits_a_dead_holder_and_not_a_living_one() {
    let clock = Arc::new(ManualClock::starting_at(Timestamp::UNIX_EPOCH));
    let bench = Bench { clock: Arc::clone(&clock) as _, ..Bench::leased() };
    let moving = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            clock.advance(SignedDuration::from_millis(100));
        }
    });
    let executor = ScriptedExecutor::default();
    let patient = bench.engine();
    let begin = || patient.begin::<()>("sim", &["thing"], &executor, &bench.cancelled);

    let living = bench.begin(&executor).await.unwrap();
    let began = tokio::time::Instant::now();
    assert_eq!(begin().await.unwrap_err().kind(), ErrorKind::Busy);
    assert!(began.elapsed() <= Duration::from_secs(6), "one renewal is enough to see");
    // Dropped without giving the lease back, as by a kill.
    drop(living);
    begin().await.unwrap().end().await;
    moving.abort();
}

#[tokio::test(start_paused = true)]
async fn a_lease_lost_before_the_first_step_refuses_the_plan() {
    let bench = Bench::leased();
    let executor = ScriptedExecutor::default();
    let session = bench.begin(&executor).await.unwrap();
    bench.leases.as_ref().unwrap().steal("apply/sim/thing", InstanceId::generate(), Timestamp::MAX);
    session.lease_lost().cancelled().await;
    let plan = plan([create("a")]);
    let refused = session.apply(&plan, &executor, &bench.options, &Silent, &bench.cancelled).await;
    assert!(matches!(refused, Err(PlanError::LeaseLost)), "{refused:?}");
    assert!(executor.log().is_empty());
}

#[tokio::test(start_paused = true)]
async fn unreachable_leases_stop_the_apply_before_they_end() {
    let clock = Arc::new(ManualClock::starting_at(Timestamp::UNIX_EPOCH));
    let bench = Bench { clock: Arc::clone(&clock) as _, ..Bench::leased() };
    let leases = Arc::clone(bench.leases.as_ref().unwrap());
    let moving = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            clock.advance(SignedDuration::from_secs(1));
            leases.unreachable(true);
        }
    });
    let executor = ScriptedExecutor::default().replying("a", Reply::Hang);
    let began = tokio::time::Instant::now();
    let report = bench.apply(&plan([create("a")]), &executor).await;
    moving.abort();
    assert_eq!(report.stopped, Some(Stop::LeaseLost));
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_the_wait_for_a_lease_ends_the_wait() {
    let bench = Bench::leased();
    let executor = ScriptedExecutor::default();
    drop(bench.begin(&executor).await.unwrap());
    bench.cancel_soon();
    let began = tokio::time::Instant::now();
    let error = bench.begin(&executor).await.unwrap_err();
    assert!(matches!(error, PlanError::Cancelled), "{error}");
    assert_eq!(began.elapsed(), Duration::from_secs(1));
}
