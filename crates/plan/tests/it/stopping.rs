//! What is left when an apply ends in the middle, and how the next session begins.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lotse_core::error::{ErrorKind, ExitCode, Explain};
use lotse_core::journal::{Conclusion, Journal};
use lotse_core::retry::{Backoff, RetryClass};
use lotse_plan::progress::{Event, Progress};
use lotse_plan::testing::{Reply, ScriptedExecutor};
use lotse_plan::{Action, StepError, StepOutcome, Stop};
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, create, failing, plan, with, words};

#[tokio::test(start_paused = true)]
async fn an_outcome_nobody_knows_stays_open_and_the_next_session_finds_out() {
    let mut executor = ScriptedExecutor::default();
    for _ in 0..5 {
        executor = executor.replying("a", failing(RetryClass::Ambiguous));
    }
    let bench = Bench::new();
    let report = bench.apply(&plan([create("a")]), &executor).await;
    assert_eq!((report.steps[0].attempts, report.steps[0].open), (5, true));
    assert_eq!(bench.conclusion(), None);
    assert!(report.advice().iter().any(|advice| advice.contains("nothing is created twice")));

    let executor = ScriptedExecutor::default().finding("a", Ok(Some("object 7".to_owned())));
    let session = bench.begin(&executor).await.unwrap();
    let adopted = Conclusion::Adopted { object: "object 7".to_owned() };
    assert_eq!(session.recovery().recovered[0].conclusion, adopted);
    assert_eq!(bench.conclusion(), Some(adopted));
    session.end().await;
}

#[tokio::test(start_paused = true)]
async fn recovery_reads_the_absence_of_an_object_by_what_was_intended() {
    for (action, found, expected) in [
        (Action::Create, None, Conclusion::Abandoned),
        (Action::Replace, None, Conclusion::Abandoned),
        (Action::Destroy, None, Conclusion::Done { object: None }),
        (Action::Destroy, Some("still there"), Conclusion::Abandoned),
        (Action::Update, Some("there"), Conclusion::Abandoned),
    ] {
        let bench = Bench::new();
        let hanging = ScriptedExecutor::default().replying("a", Reply::Hang);
        bench.cancel_soon();
        let report = bench.apply(&plan([with(action, "a")]), &hanging).await;
        assert_eq!(words(&report), [("a", "interrupted")]);

        let executor = ScriptedExecutor::default().finding("a", Ok(found.map(str::to_owned)));
        let bench = Bench { cancelled: CancellationToken::new(), ..bench };
        bench.begin(&executor).await.unwrap().end().await;
        assert_eq!(bench.conclusion(), Some(expected), "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_arrives_just_after_the_kill_is_waited_for() {
    let bench = Bench::new();
    bench.cancel_soon();
    let hanging = ScriptedExecutor::default().replying("a", Reply::Hang);
    bench.apply(&plan([create("a")]), &hanging).await;

    let executor = ScriptedExecutor::default()
        .finding("a", Ok(None))
        .finding("a", Ok(Some("object 7".to_owned())));
    let bench = Bench { cancelled: CancellationToken::new(), ..bench };
    let began = tokio::time::Instant::now();
    bench.begin(&executor).await.unwrap().end().await;
    assert_eq!(bench.conclusion(), Some(Conclusion::Adopted { object: "object 7".to_owned() }));
    assert_eq!(began.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn recovery_that_gets_no_answer_refuses_to_begin() {
    let bench = Bench::new();
    bench.cancel_soon();
    let hanging = ScriptedExecutor::default().replying("a", Reply::Hang);
    bench.apply(&plan([create("a")]), &hanging).await;

    let mut silent = ScriptedExecutor::default();
    for _ in 0..5 {
        let mut error = StepError::new(ErrorKind::Unavailable, "no answer");
        error.retry = RetryClass::Ambiguous;
        error.request_id = Some("req-7".to_owned());
        silent = silent.finding("a", Err(error));
    }
    let bench = Bench { cancelled: CancellationToken::new(), ..bench };
    let error = bench.begin(&silent).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "what became of \"create thing a\" of an earlier run cannot be found out"
    );
    assert_eq!((error.kind(), error.request_id()), (ErrorKind::Unavailable, Some("req-7")));
    assert_eq!(bench.conclusion(), None);
}

#[tokio::test(start_paused = true)]
async fn a_panicking_step_fails_and_is_looked_for_before_anything_else() {
    let executor = ScriptedExecutor::default().replying("a", Reply::Panic);
    let bench = Bench::new();
    let report = bench.apply(&plan([create("a"), create("b")]), &executor).await;
    assert_eq!(words(&report), [("a", "failed"), ("b", "done")]);
    let StepOutcome::Failed { error } = &report.steps[0].outcome else { panic!("{report:?}") };
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Internal, "the executor panicked: as asked for")
    );
    assert!(report.steps[0].open);
}

#[tokio::test(start_paused = true)]
async fn cancelling_lets_running_steps_end_and_starts_no_other() {
    let mut bench = Bench::new();
    bench.options.concurrency = 3;
    bench.cancel_soon();
    let executor = ScriptedExecutor::default()
        .replying("quick", Reply::Slow(Duration::from_secs(20)))
        .replying("hanging", Reply::Hang)
        .replying("polite", Reply::UntilCancelled);
    let steps = [create("quick"), create("hanging"), create("polite"), create("late")];
    let began = tokio::time::Instant::now();
    let report = bench.apply(&plan(steps), &executor).await;
    assert_eq!(
        words(&report),
        [
            ("quick", "done"),
            ("hanging", "interrupted"),
            ("polite", "failed"),
            ("late", "not-started")
        ]
    );
    assert_eq!(began.elapsed().as_secs(), 1 + bench.options.grace.as_secs());
    assert_eq!(report.stopped, Some(Stop::Cancelled));
    assert_eq!(report.exit_code(), ExitCode::Failed);
    let open: Vec<_> = bench.journal.unfinished("sim", "thing").await.unwrap();
    assert_eq!(open.iter().map(|intent| intent.name.as_str()).collect::<Vec<_>>(), ["hanging"]);
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_the_pause_between_attempts() {
    let mut bench = Bench::new();
    bench.options.backoff =
        Backoff { first: Duration::from_mins(1), most: Duration::from_mins(2), attempts: 5 };
    bench.cancel_soon();
    let executor = ScriptedExecutor::default().replying("a", failing(RetryClass::NoEffect));
    let began = tokio::time::Instant::now();
    let report = bench.apply(&plan([create("a")]), &executor).await;
    assert_eq!(words(&report), [("a", "failed")]);
    assert_eq!(began.elapsed(), Duration::from_secs(1));
    assert_eq!(bench.conclusion(), Some(Conclusion::Failed { message: "no answer".to_owned() }));
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_stops_before_any_further_request() {
    let mut bench = Bench::new();
    bench.options.concurrency = 1;
    // The first step takes an intent and a conclusion; the second's intent does not fit.
    bench.journal.full_after(Some(2));
    let executor = ScriptedExecutor::default();
    let report = bench.apply(&plan([create("a"), create("b"), create("c")]), &executor).await;
    assert_eq!(words(&report), [("a", "done"), ("b", "not-started"), ("c", "not-started")]);
    assert_eq!(executor.log(), ["begin a", "end a"]);
    let Some(Stop::Journal { message }) = &report.stopped else { panic!("{report:?}") };
    assert!(message.starts_with("the journal cannot be written: "), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_conclusion_that_cannot_be_written_leaves_the_entry_open() {
    let mut bench = Bench::new();
    bench.options.concurrency = 1;
    bench.journal.full_after(Some(1));
    let executor = ScriptedExecutor::default();
    let report = bench.apply(&plan([create("a"), create("b")]), &executor).await;
    assert_eq!(words(&report), [("a", "done"), ("b", "not-started")]);
    assert!(report.steps[0].open && !report.succeeded());
    assert_eq!(bench.conclusion(), None);
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_heard_although_steps_are_always_ready() {
    let bench = Bench::new();
    let steps: Vec<_> = (0..200).map(|number| create(&format!("s{number}"))).collect();
    let executor = ScriptedExecutor::default();
    let plan = plan(steps);
    let session = bench.begin(&executor).await.unwrap();
    let stopper = StopAfter { ended: AtomicUsize::new(0), cancelled: bench.cancelled.clone() };
    let report = session.apply(&plan, &executor, &bench.options, &stopper, &bench.cancelled).await;
    let tally = report.unwrap().tally();
    assert!(tally.done < 30 && tally.done + tally.not_started == 200, "{tally:?}");
}

/// Cancels after ten steps.
#[derive(Debug)]
struct StopAfter {
    ended: AtomicUsize,
    cancelled: CancellationToken,
}

impl Progress for StopAfter {
    fn on(&self, event: &Event<'_>) {
        if matches!(event, Event::Ended { .. }) && self.ended.fetch_add(1, Ordering::Relaxed) == 10
        {
            self.cancelled.cancel();
        }
    }
}
