//! The driver: leases, panics, requests, drain.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use lotse_core::error::Explain;
use lotse_core::id::InstanceId;
use lotse_core::lease::{Claim, Lease, LeaseError, Leases};
use lotse_core::task::{
    Activation, Driver, DriverOptions, Outcome, Report, Task, TaskState, Witness,
};
use lotse_core::time::{SignedDuration, Timestamp, system_clock};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

#[derive(Default)]
struct Table(Mutex<HashMap<String, Lease>>);

#[async_trait]
impl Leases for Table {
    async fn claim(
        &self,
        name: &str,
        holder: InstanceId,
        note: &str,
        lasting: Duration,
        now: Timestamp,
    ) -> Result<Claim, LeaseError> {
        let mut table = self.0.lock().unwrap();
        if let Some(lease) = table.get(name)
            && lease.holder != holder
            && lease.until > now
        {
            return Ok(Claim::Taken(lease.clone()));
        }
        let until = now + SignedDuration::try_from(lasting).unwrap();
        let lease = Lease { name: name.into(), holder, holder_note: note.into(), fence: 1, until };
        table.insert(name.into(), lease.clone());
        Ok(Claim::Held(lease))
    }

    async fn release(&self, name: &str, holder: InstanceId) -> Result<(), LeaseError> {
        self.0.lock().unwrap().retain(|held, lease| held != name || lease.holder != holder);
        Ok(())
    }

    async fn held(&self, _now: Timestamp) -> Result<Vec<Lease>, LeaseError> {
        Ok(self.0.lock().unwrap().values().cloned().collect())
    }
}

#[derive(Default)]
struct Memory(Mutex<HashMap<String, Activation>>);

#[async_trait]
impl Witness for Memory {
    async fn last(&self, task: &str) -> Option<Activation> {
        self.0.lock().unwrap().get(task).cloned()
    }

    async fn ended(&self, task: &str, activation: &Activation) {
        self.0.lock().unwrap().insert(task.into(), activation.clone());
    }
}

enum Act {
    Count,
    Panic,
    UntilCancelled,
    UntilReleased(Arc<Notify>),
    CountAndWant(Arc<Notify>),
}

struct Probe {
    act: Act,
    activations: AtomicUsize,
}

#[async_trait]
impl Task for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn description(&self) -> &'static str {
        "a task of the tests"
    }

    fn period(&self) -> Duration {
        Duration::from_hours(1)
    }

    async fn wanted(&self) {
        match &self.act {
            Act::CountAndWant(reason) => reason.notified().await,
            _ => std::future::pending().await,
        }
    }

    async fn activate(&self, cancelled: &CancellationToken) -> Result<Report, Box<dyn Explain>> {
        let count = self.activations.fetch_add(1, Ordering::SeqCst) + 1;
        match &self.act {
            Act::Count | Act::CountAndWant(_) => {}
            Act::Panic => panic!("on purpose"),
            Act::UntilCancelled => cancelled.cancelled().await,
            Act::UntilReleased(release) => release.notified().await,
        }
        Ok(Report { summary: format!("activation {count}"), detail: serde_json::Value::Null })
    }
}

fn probe(act: Act) -> Arc<Probe> {
    Arc::new(Probe { act, activations: AtomicUsize::new(0) })
}

fn options(leases: &Arc<Table>, witness: &Arc<Memory>) -> DriverOptions {
    DriverOptions {
        leases: leases.clone(),
        witness: witness.clone(),
        clock: system_clock(),
        instance: InstanceId::generate(),
        instance_note: "host:1".into(),
        lease: Duration::from_millis(60),
    }
}

#[tokio::test]
async fn a_task_is_activated_at_start_and_again_when_requested() {
    let (leases, witness) = (Arc::default(), Arc::default());
    let driver =
        Driver::start(vec![probe(Act::Count)], Arc::default(), options(&leases, &witness)).await;
    let board = driver.board();
    board.wait_until(|tasks| tasks[0].succeeded == 1).await;
    assert!(driver.request("probe"));
    assert!(!driver.request("nobody"));
    board.wait_until(|tasks| tasks[0].succeeded == 2).await;
    assert!(driver.drain(Duration::from_secs(5)).await);
    let last = witness.last("probe").await.unwrap();
    assert!(
        matches!(last.outcome, Outcome::Succeeded { report } if report.summary == "activation 2")
    );
    assert!(leases.held(Timestamp::UNIX_EPOCH).await.unwrap().is_empty(), "leases are given back");
}

#[tokio::test]
async fn a_task_is_activated_when_it_wants_it() {
    let (leases, witness) = (Arc::default(), Arc::default());
    let reason = Arc::new(Notify::new());
    let task = probe(Act::CountAndWant(reason.clone()));
    let driver = Driver::start(vec![task], Arc::default(), options(&leases, &witness)).await;
    let board = driver.board();
    for time in 1..4 {
        board.wait_until(|tasks| tasks[0].succeeded == time).await;
        reason.notify_one();
    }
    board.wait_until(|tasks| tasks[0].succeeded == 4).await;
    assert!(driver.drain(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn a_panic_is_a_failed_activation_and_the_task_lives_on() {
    let (leases, witness) = (Arc::default(), Arc::default());
    let driver =
        Driver::start(vec![probe(Act::Panic)], Arc::default(), options(&leases, &witness)).await;
    let board = driver.board();
    board.wait_until(|tasks| tasks[0].failed == 1).await;
    driver.request("probe");
    board.wait_until(|tasks| tasks[0].failed == 2).await;
    assert!(driver.drain(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn only_one_of_two_instances_works() {
    let (leases, witness) = (Arc::default(), Arc::default());
    let release = Arc::new(Notify::new());
    let busy = probe(Act::UntilReleased(release.clone()));
    let idle = probe(Act::Count);
    let first = Driver::start(vec![busy.clone()], Arc::default(), options(&leases, &witness)).await;
    first.board().wait_until(|tasks| matches!(tasks[0].state, TaskState::Running { .. })).await;
    let second =
        Driver::start(vec![idle.clone()], Arc::default(), options(&leases, &witness)).await;
    second.board().wait_until(|tasks| matches!(tasks[0].state, TaskState::Elsewhere { .. })).await;
    assert_eq!(idle.activations.load(Ordering::SeqCst), 0);
    release.notify_one();
    first.board().wait_until(|tasks| tasks[0].succeeded == 1).await;
    second.request("probe");
    second.board().wait_until(|tasks| tasks[0].succeeded == 1).await;
    assert!(first.drain(Duration::from_secs(5)).await);
    assert!(second.drain(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn the_work_of_a_dead_instance_is_taken_over_when_its_lease_ends() {
    let (leases, witness) = (Arc::<Table>::default(), Arc::default());
    let now = system_clock().now();
    let dead = InstanceId::generate();
    let lasting = Duration::from_millis(40);
    leases.claim("task/probe", dead, "host:0", lasting, now).await.unwrap();
    // The period is an hour; only the end of the lease can bring the task here.
    let driver =
        Driver::start(vec![probe(Act::Count)], Arc::default(), options(&leases, &witness)).await;
    driver.board().wait_until(|tasks| tasks[0].succeeded == 1).await;
    assert!(driver.drain(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn a_lost_lease_cancels_the_activation() {
    let (leases, witness) = (Arc::<Table>::default(), Arc::default());
    let driver =
        Driver::start(vec![probe(Act::UntilCancelled)], Arc::default(), options(&leases, &witness))
            .await;
    let board = driver.board();
    board.wait_until(|tasks| matches!(tasks[0].state, TaskState::Running { .. })).await;
    if let Some(lease) = leases.0.lock().unwrap().get_mut("task/probe") {
        lease.holder = InstanceId::generate();
        lease.until += SignedDuration::from_hours(1);
    }
    board.wait_until(|tasks| tasks[0].succeeded == 1).await;
    assert!(driver.drain(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn draining_waits_for_the_running_activation_and_cancels_it_after_the_grace() {
    let (leases, witness) = (Arc::default(), Arc::default());
    let release = Arc::new(Notify::new());
    let patient = Driver::start(
        vec![probe(Act::UntilReleased(release.clone()))],
        Arc::default(),
        options(&leases, &witness),
    )
    .await;
    patient.board().wait_until(|tasks| matches!(tasks[0].state, TaskState::Running { .. })).await;
    release.notify_one();
    assert!(patient.drain(Duration::from_secs(5)).await, "ended by itself");

    let stubborn =
        Driver::start(vec![probe(Act::UntilCancelled)], Arc::default(), options(&leases, &witness))
            .await;
    let board = stubborn.board();
    board.wait_until(|tasks| matches!(tasks[0].state, TaskState::Running { .. })).await;
    assert!(!stubborn.drain(Duration::from_millis(20)).await, "had to be cancelled");
    assert_eq!(board.tasks()[0].succeeded, 1);
}
