//! What an apply does, step by step, against a scripted executor.

use std::time::Duration;

use lotse_core::error::{ErrorKind, ExitCode, Explain};
use lotse_core::journal::Conclusion;
use lotse_core::retry::RetryClass;
use lotse_plan::testing::{Reply, ScriptedExecutor};
use lotse_plan::{Action, Fuse, Plan, PlanError, Step, StepError, StepOutcome};
use proptest::prelude::*;

use crate::bench::{Bench, create, failing, plan, with, words};

#[tokio::test(start_paused = true)]
async fn steps_wait_for_what_they_depend_on_and_use_the_limits() {
    let mut steps = vec![create("base")];
    for number in 0..20 {
        let service = if number % 2 == 0 { "even" } else { "odd" };
        steps.push(create(&format!("s{number}")).after("base").on_service(service));
    }
    let mut bench = Bench::new();
    bench.options.concurrency = 5;
    bench.options.per_service = 4;
    bench.options.services.insert("odd".to_owned(), 2);
    let executor = ScriptedExecutor::default();
    let report = bench.apply(&plan(steps), &executor).await;
    assert!(report.succeeded());
    assert_eq!(report.exit_code(), ExitCode::Success);
    assert_eq!(executor.log()[..2], ["begin base", "end base"]);
    assert_eq!((executor.most_on("odd"), executor.most_in_all()), (2, 5));
    assert!(executor.most_on("even") <= 4);
    assert!(report.advice().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failure_skips_what_depends_on_it_and_nothing_else() {
    let steps = [
        create("a"),
        create("b").after("a"),
        create("c").after("b"),
        create("other"),
        create("both").after("a").after("other"),
    ];
    let executor = ScriptedExecutor::default().replying("a", failing(RetryClass::Never));
    let bench = Bench::new();
    let report = bench.apply(&plan(steps), &executor).await;
    assert_eq!(
        words(&report),
        [
            ("a", "failed"),
            ("b", "skipped"),
            ("c", "skipped"),
            ("other", "done"),
            ("both", "skipped")
        ]
    );
    assert_eq!(report.steps[2].outcome, StepOutcome::Skipped { because: "b".into() });
    assert_eq!(report.exit_code(), ExitCode::Failed);
    let entries = bench.journal.entries();
    assert_eq!(entries.len(), 2, "what was skipped leaves no trace: {entries:?}");
    assert!(
        matches!(&entries[0].conclusion, Some(Conclusion::Failed { message }) if message == "no answer")
    );
}

#[tokio::test(start_paused = true)]
async fn a_creation_whose_answer_was_lost_is_looked_for_and_adopted() {
    let executor = ScriptedExecutor::default()
        .replying("a", failing(RetryClass::Ambiguous))
        .finding("a", Ok(Some("object 7".to_owned())));
    let bench = Bench::new();
    let report = bench.apply(&plan([create("a")]), &executor).await;
    let outcome = StepOutcome::Adopted { object: Some("object 7".to_owned()) };
    assert_eq!(report.steps[0].outcome, outcome);
    assert_eq!(bench.conclusion(), Some(Conclusion::Adopted { object: "object 7".to_owned() }));
    assert_eq!(executor.log(), ["begin a", "end a", "recover a", "begin a", "end a"]);
    let markers = executor.markers("a");
    assert_eq!(markers[0], markers[1]);
}

#[tokio::test(start_paused = true)]
async fn a_creation_is_never_repeated_without_looking() {
    // Even these may come from the second request of the step.
    let executor = ScriptedExecutor::default()
        .replying("a", failing(RetryClass::NoEffect))
        .replying("a", failing(RetryClass::Busy))
        .replying("a", failing(RetryClass::After(Duration::from_secs(9))));
    let began = tokio::time::Instant::now();
    let report = Bench::new().apply(&plan([create("a")]), &executor).await;
    assert_eq!((report.steps[0].attempts, words(&report)), (4, vec![("a", "done")]));
    assert!(began.elapsed() >= Duration::from_secs(9), "the pause asked for is kept");
    let looked = executor.log().iter().filter(|entry| *entry == "recover a").count();
    assert_eq!(looked, 3);
}

#[tokio::test(start_paused = true)]
async fn an_object_known_to_exist_is_gone_on_with_and_not_looked_for() {
    let error = StepError::new(ErrorKind::Unavailable, "no answer").retried(RetryClass::Ambiguous);
    let executor =
        ScriptedExecutor::default().replying("a", Reply::FailAfter("object 7".to_owned(), error));
    let bench = Bench::new();
    let report = bench.apply(&plan([create("a")]), &executor).await;
    let done = StepOutcome::Done { object: Some("object 7".to_owned()) };
    assert_eq!(report.steps[0].outcome, done);
    assert_eq!(executor.log(), ["begin a", "end a", "begin a", "end a"]);
}

#[tokio::test(start_paused = true)]
async fn changing_and_destroying_are_repeated_without_looking() {
    for action in [Action::Update, Action::Destroy] {
        let executor = ScriptedExecutor::default().replying("a", failing(RetryClass::Ambiguous));
        let report = Bench::new().apply(&plan([with(action, "a")]), &executor).await;
        assert_eq!(words(&report), [("a", "done")]);
        assert_eq!(executor.log(), ["begin a", "end a", "begin a", "end a"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_token_is_asked_for_once() {
    let executor = ScriptedExecutor::default()
        .replying("a", failing(RetryClass::Reauthenticate))
        .replying("a", failing(RetryClass::Reauthenticate));
    let report = Bench::new().apply(&plan([create("a")]), &executor).await;
    assert_eq!((report.steps[0].attempts, words(&report)), (2, vec![("a", "failed")]));
}

#[tokio::test(start_paused = true)]
async fn a_pause_beyond_the_limit_fails_the_step_instead() {
    let executor = ScriptedExecutor::default()
        .replying("a", failing(RetryClass::After(Duration::from_hours(1))));
    let report = Bench::new().apply(&plan([create("a")]), &executor).await;
    assert_eq!((report.steps[0].attempts, words(&report)), (1, vec![("a", "failed")]));
}

#[tokio::test(start_paused = true)]
async fn destroying_needs_consent_and_passes_the_fuse_before_any_step() {
    let steps =
        || (0..6).map(|number| with(Action::Destroy, &format!("d{number}"))).chain([create("c")]);
    let executor = ScriptedExecutor::default();
    let mut bench = Bench::new();
    bench.options.allow_destroy = false;
    let error = bench.try_apply(&plan(steps()), &executor).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the plan would destroy \"d0\", \"d1\", \"d2\" and 3 more, and destroying was not allowed"
    );
    bench.options.allow_destroy = true;
    bench.options.fuse = Fuse { max_objects: Some(5), ..Fuse::OFF };
    let error = bench.try_apply(&plan(steps()), &executor).await.unwrap_err();
    assert!(matches!(error, PlanError::FuseObjects { destroyed: 6, limit: 5, .. }), "{error}");

    bench.options.fuse = Fuse { max_percent: Some(50), percent_beyond: 3, ..Fuse::OFF };
    let error = bench.try_apply(&plan(steps()), &executor).await.unwrap_err();
    assert!(matches!(error, PlanError::FuseUnknown { destroyed: 6, .. }), "{error}");
    let of = |observed| {
        let mut builder = Plan::builder("sim".to_owned());
        steps().for_each(|step| {
            builder.step(step);
        });
        builder.observed("thing", observed);
        builder.build().unwrap()
    };
    let error = bench.try_apply(&of(11), &executor).await.unwrap_err();
    assert!(matches!(error, PlanError::FusePercent { observed: 11, .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(executor.log().is_empty() && bench.journal.entries().is_empty());
    assert!(bench.apply(&of(12), &executor).await.succeeded());
}

#[tokio::test(start_paused = true)]
async fn a_plan_for_another_cloud_or_kind_is_not_applied() {
    let bench = Bench::new();
    let executor = ScriptedExecutor::default();
    let other_kind = plan([Step::new("x", Action::Create, "server", "x", ())]);
    let error = bench.try_apply(&other_kind, &executor).await.unwrap_err();
    assert!(matches!(&error, PlanError::WrongKind { kind } if kind == "server"), "{error}");
    let other_cloud: Plan<()> = Plan::builder("prod".to_owned()).build().unwrap();
    let error = bench.try_apply(&other_cloud, &executor).await.unwrap_err();
    assert!(matches!(error, PlanError::WrongCloud { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_steps_in_chains_and_fans_are_applied() {
    let mut steps = vec![create("root")];
    for number in 0..10_000 {
        let step = create(&format!("s{number}"));
        steps.push(match number {
            0..5_000 => step.after("root"),
            5_000 => step.after("s4999"),
            _ => step.after(format!("s{}", number - 1).as_str()),
        });
    }
    let mut bench = Bench::new();
    bench.options.concurrency = 64;
    bench.options.per_service = 64;
    let plan = plan(steps);
    let executor = ScriptedExecutor::default();
    let report = bench.apply(&plan, &executor).await;
    assert_eq!(report.tally().done, 10_001);
    assert_eq!(executor.most_in_all(), 64);
}

/// A random graph: step `n` waits for some of those before it; some fail.
fn graph() -> impl Strategy<Value = Vec<(Vec<usize>, bool)>> {
    prop::collection::vec(
        (prop::collection::vec(0_usize..40, 0..4), prop::bool::weighted(0.1)),
        1..40,
    )
}

proptest! {
    /// The oracle walks the steps in order, because a step only waits for earlier ones.
    #[test]
    fn exactly_what_depends_on_a_failure_is_skipped(graph in graph(), concurrency in 1_usize..6) {
        let mut executor = ScriptedExecutor::default();
        let (mut steps, mut expected) = (Vec::new(), Vec::new());
        for (number, (before, fails)) in graph.iter().enumerate() {
            let name = format!("s{number}");
            let before: Vec<usize> = before.iter().copied().filter(|&n| n < number).collect();
            let step = before.iter().fold(create(&name), |step, n| step.after(format!("s{n}")));
            expected.push(match (before.iter().all(|&n| expected[n] == "done"), fails) {
                (false, _) => "skipped",
                (true, true) => "failed",
                (true, false) => "done",
            });
            if *fails {
                executor = executor.replying(&name, failing(RetryClass::Never));
            }
            steps.push((step, before));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut bench = Bench::new();
        bench.options.concurrency = concurrency;
        let plan = plan(steps.iter().map(|(step, _)| step.clone()));
        let report = runtime.block_on(bench.apply(&plan, &executor));
        let told: Vec<_> = words(&report).into_iter().map(|(_, word)| word).collect();
        prop_assert_eq!(told, expected);
        prop_assert!(executor.most_in_all() <= concurrency);
        let log = executor.log();
        let at = |entry: String| log.iter().position(|logged| *logged == entry);
        for (step, before) in &steps {
            if let Some(began) = at(format!("begin {}", step.id)) {
                let ended_before = |n| at(format!("end s{n}")).is_some_and(|ended| ended < began);
                prop_assert!(before.iter().all(ended_before));
            }
        }
    }
}
