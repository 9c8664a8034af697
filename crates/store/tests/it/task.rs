//! What a restart of the daemon must not forget (activations and runs), and what it may.

use std::sync::Arc;
use std::time::Duration;

use lotse_core::error::ErrorKind;
use lotse_core::id::RunId;
use lotse_core::journal::{Conclusion, Journal};
use lotse_core::task::{Activation, Outcome, Report, Task, Witness};
use lotse_core::time::ManualClock;
use lotse_store::housekeeping::{Housekeeping, Retention};
use lotse_store::outbox::Begin;
use lotse_store::run::RunRecord;
use tokio_util::sync::CancellationToken;

use crate::damage::deed;
use crate::home::{intent, on_both, second, tamper};
use crate::outbox::event;

fn succeeded(at: i64, summary: &str) -> Activation {
    let report = Report { summary: summary.to_owned(), detail: serde_json::json!({"images": 9}) };
    Activation { started: second(at), seconds: 1.25, outcome: Outcome::Succeeded { report } }
}

fn failed(at: i64) -> Activation {
    Activation {
        started: second(at),
        seconds: 0.000_001,
        outcome: Outcome::Failed {
            kind: ErrorKind::Unavailable,
            message: "the cloud \"sim\" does not answer".to_owned(),
            hints: vec!["start it".to_owned()],
        },
    }
}

on_both! {
    async fn the_last_activation_outlives_the_daemon(home: Home) {
        let store = home.open().await;
        assert_eq!(store.last("images/sim").await, None);
        store.ended("images/sim", &succeeded(10, "9 images")).await;
        store.ended("images/sim", &failed(20)).await;
        store.ended("b", &failed(5)).await;
        store.close().await;

        let store = home.open().await;
        assert_eq!(store.last("images/sim").await, Some(failed(20)));
        let records = store.task_list().await.unwrap();
        let names: Vec<_> = records.iter().map(|record| record.task.as_str()).collect();
        assert_eq!(names, ["b", "images/sim"]);
        assert_eq!(records[0].last_success, None);
        assert_eq!(records[1].last_success, Some(second(10)));
    }
}

on_both! {
    async fn an_older_activation_that_ends_late_does_not_hide_a_newer_one(home: Home) {
        let store = home.open().await;
        store.ended("t", &succeeded(20, "newer")).await;
        store.ended("t", &succeeded(10, "older")).await;
        assert_eq!(store.last("t").await, Some(succeeded(20, "newer")));
    }
}

on_both! {
    async fn the_others_are_told_when_a_task_begins_to_fail_and_when_it_works_again(home: Home) {
        let store = home.open().await;
        let reader = store.outbox_reader("r", Begin::Oldest).await.unwrap();
        for activation in [
            succeeded(10, "worked"),
            failed(20),
            failed(30),
            // Ended late; what was newer counts.
            succeeded(25, "late"),
            succeeded(40, "works"),
            succeeded(50, "works"),
            failed(60),
        ] {
            store.ended("images/sim", &activation).await;
        }
        store.ended("never worked", &failed(1)).await;
        let events = reader.read(10).await.unwrap();
        let told: Vec<_> = events.iter().map(|told| &told.event).collect();
        let seen: Vec<_> =
            told.iter().map(|event| (event.topic.as_str(), &*event.subject, event.at)).collect();
        assert_eq!(
            seen,
            [
                ("task.failed", "images/sim", second(20)),
                ("task.recovered", "images/sim", second(40)),
                ("task.failed", "images/sim", second(60)),
                ("task.failed", "never worked", second(1)),
            ]
        );
        assert_eq!(told[0].body["message"], "the cloud \"sim\" does not answer");
        assert_eq!(told[0].body["kind"], "unavailable");
        assert_eq!(told[1].body["last_success"], serde_json::json!(second(10)));
    }
}

on_both! {
    async fn a_forgotten_task_is_unknown(home: Home) {
        let store = home.open().await;
        store.ended("t", &failed(1)).await;
        store.task_forget("t").await.unwrap();
        assert_eq!(store.task_status("t").await.unwrap(), None);
    }
}

fn run(cloud: &str, at: i64) -> RunRecord {
    RunRecord {
        id: RunId::generate(),
        cloud: cloud.to_owned(),
        kind: "image apply".to_owned(),
        started: second(at),
        ended: None,
        summary: serde_json::Value::Null,
    }
}

on_both! {
    async fn runs_are_listed_newest_first_page_by_page(home: Home) {
        let store = home.open().await;
        let mut runs: Vec<_> = [10, 30, 20, 20, 40].into_iter().map(|at| run("c", at)).collect();
        for run in &runs {
            store.run_start(run).await.unwrap();
        }
        runs.sort_by_key(|run| std::cmp::Reverse((run.started, run.id)));

        let first = store.run_list(None, 3).await.unwrap();
        assert_eq!(first, runs[..3]);
        let rest = store.run_list(first.last(), 3).await.unwrap();
        assert_eq!(rest, runs[3..]);
        assert_eq!(store.run_prune(second(20)).await.unwrap(), 1);
        assert_eq!(store.run_list(None, 10).await.unwrap(), runs[..4]);
    }
}

on_both! {
    async fn a_run_ends_once(home: Home) {
        let store = home.open().await;
        let started = run("c", 10);
        store.run_start(&started).await.unwrap();
        assert_eq!(store.run_get(started.id).await.unwrap(), Some(started.clone()));

        let summary = serde_json::json!({"created": 3, "failed": 0});
        assert!(store.run_end(started.id, second(15), &summary).await.unwrap());
        assert!(!store.run_end(started.id, second(16), &serde_json::json!({})).await.unwrap());
        let ended = RunRecord { ended: Some(second(15)), summary, ..started };
        assert_eq!(store.run_get(ended.id).await.unwrap(), Some(ended));
        assert!(!store.run_end(RunId::generate(), second(1), &serde_json::json!({})).await.unwrap());
    }
}

on_both! {
    async fn housekeeping_removes_what_is_old_and_finds_a_broken_audit_log(home: Home) {
        let store = home.open().await;
        let (old, open) = (intent("c", "old", second(10)), intent("c", "open", second(10)));
        store.intend(&old).await.unwrap();
        store.conclude(old.id, &Conclusion::Abandoned, second(10)).await.unwrap();
        store.intend(&open).await.unwrap();
        store.run_start(&run("c", 10)).await.unwrap();
        store.emit(event("at 100")).await.unwrap();
        store.record(deed(1)).await.unwrap();
        let clock = Arc::new(ManualClock::starting_at(second(1_000)));
        let retention =
            Retention {
                history: Duration::from_mins(15),
                events: Duration::from_secs(950),
                ..Retention::default()
            };
        let task = Housekeeping::new(store.clone(), clock, retention);
        let never = CancellationToken::new();

        let report = task.activate(&never).await.map_err(|error| error.to_string()).unwrap();
        assert_eq!(
            report.summary,
            "removed 1 intents, 1 runs and 0 events; audit log intact (1 entries)"
        );
        assert_eq!(store.journal_unfinished().await.unwrap(), [open]);

        tamper(&home, "UPDATE audit SET actor = 'mallory'").await;
        let error = task.activate(&never).await.map(|report| report.summary).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity);
        assert_eq!(
            error.to_string(),
            format!("the audit log in {} is broken: entry 1 was changed", store.name())
        );
    }
}
