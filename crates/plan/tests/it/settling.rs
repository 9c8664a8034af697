//! A plan is shown to the desk, and only what it lets go is applied.

use lotse_core::change::{Policy, Subject};
use lotse_core::error::{ErrorKind, Explain};
use lotse_core::retry::RetryClass;
use lotse_plan::testing::{MemoryDesk, ScriptedExecutor};
use lotse_plan::{Action, ApplyOptions, Plan, PlanError, Settled, Showing};

use crate::bench::{Bench, create, failing, plan, with};

/// Shows a plan in a session of its own.
async fn settle(
    bench: &Bench,
    desk: &MemoryDesk,
    policy: Policy,
    plan: &Plan<()>,
    executor: &ScriptedExecutor,
) -> Result<Settled, PlanError> {
    let session = bench.begin(executor).await.unwrap();
    let subject = Subject { capability: "images", cloud: "sim", task: "images/sim" };
    let showing = Showing { desk, subject, policy };
    let options = ApplyOptions::default();
    session.settle(plan, executor, showing, &options, &bench.cancelled).await
}

#[tokio::test(start_paused = true)]
async fn what_is_proposed_is_applied_after_approval_and_not_before() {
    let (bench, desk, executor) =
        (Bench::new(), MemoryDesk::default(), ScriptedExecutor::default());
    let plan = plan([create("a")]);
    let waiting = settle(&bench, &desk, Policy::Propose, &plan, &executor).await.unwrap();
    assert!(matches!(waiting, Settled::Waiting(_)), "{waiting:?}");
    assert!(executor.log().is_empty() && desk.waits());
    desk.approve();
    let applied = settle(&bench, &desk, Policy::Propose, &plan, &executor).await.unwrap();
    let Settled::Applied(_, report) = applied else { panic!("{applied:?}") };
    assert!(report.succeeded());
    assert_eq!(executor.log(), ["begin a", "end a"]);
    let conclusions = desk.conclusions();
    assert_eq!(conclusions.len(), 1);
    assert_eq!((conclusions[0].succeeded, &*conclusions[0].summary), (true, "1 of 1 steps done"));
}

#[tokio::test(start_paused = true)]
async fn approval_is_the_consent_to_destroy() {
    let (bench, desk, executor) =
        (Bench::new(), MemoryDesk::default(), ScriptedExecutor::default());
    let plan = plan([with(Action::Destroy, "a")]);
    let waiting = settle(&bench, &desk, Policy::Apply, &plan, &executor).await.unwrap();
    assert!(matches!(waiting, Settled::Waiting(_)), "{waiting:?}");
    desk.approve();
    let applied = settle(&bench, &desk, Policy::Apply, &plan, &executor).await.unwrap();
    assert!(matches!(applied, Settled::Applied(..)), "{applied:?}");
    assert_eq!(executor.log(), ["begin a", "end a"]);
}

#[tokio::test(start_paused = true)]
async fn failures_and_interruptions_are_concluded_too() {
    let (bench, desk) = (Bench::new(), MemoryDesk::default());
    let executor = ScriptedExecutor::default().replying("a", failing(RetryClass::Never));
    settle(&bench, &desk, Policy::Apply, &plan([create("a")]), &executor).await.unwrap();
    let conclusion = desk.conclusions().remove(0);
    assert!(!conclusion.succeeded);
    assert!(conclusion.summary.starts_with("0 of 1 steps done; \"a\": "), "{conclusion:?}");

    bench.cancelled.cancel();
    let executor = ScriptedExecutor::default();
    let session = Bench::new().begin(&executor).await.unwrap();
    let subject = Subject { capability: "images", cloud: "sim", task: "images/sim" };
    let showing = Showing { desk: &desk, subject, policy: Policy::Apply };
    let plan = plan([create("b")]);
    let options = ApplyOptions::default();
    let error =
        session.settle(&plan, &executor, showing, &options, &bench.cancelled).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let conclusion = desk.conclusions().remove(1);
    assert_eq!(conclusion.summary, "stopped before anything was changed");
}

#[tokio::test(start_paused = true)]
async fn without_the_desk_nothing_is_changed() {
    let (bench, desk, executor) =
        (Bench::new(), MemoryDesk::default(), ScriptedExecutor::default());
    desk.unreachable(true);
    let plan = plan([create("a")]);
    let error = settle(&bench, &desk, Policy::Apply, &plan, &executor).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(executor.log().is_empty());
    desk.unreachable(false);
    settle(&bench, &desk, Policy::Apply, &plan, &executor).await.unwrap();
    assert_eq!(executor.log(), ["begin a", "end a"], "the lease was given back");
}
