//! What happens to servers in time.
//!
//! A request that starts something changes the server at once (its task) and leaves a list of steps,
//! each with the instant it is due. The steps are made by whoever looks next; the cloud's delay for
//! servers is spread over them evenly, so that each state can be seen with a clock that is moved.

use std::sync::Arc;
use std::time::Duration;

use lotse_core::time::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::fleet::Key;
use super::model::{Chore, Compute, Flavor};
use super::notify;
use super::server::{Failure, Power, Server, Task, VmState, boxed};
use crate::events::Events;

/// What a step does beside changing states.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Effect {
    #[default]
    Nothing,
    /// The server runs for the first time, or again after it was shelved.
    Launched,
    /// The server is gone.
    Gone,
    /// The server has another size, and may be on another host.
    Sized(#[serde(with = "boxed")] Arc<Flavor>, Option<String>),
    /// The server is on another host.
    Moved(String),
    /// What it was before is given up.
    Confirmed,
    /// It is again what it was before.
    Reverted,
    /// It is on no host any more.
    Offloaded,
    /// It failed.
    Failed(Box<Failure>),
}

/// One step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vm: Option<VmState>,
    /// The task from then on.
    #[serde(default, with = "super::server::task_name", skip_serializing_if = "Option::is_none")]
    pub(crate) task: Option<Task>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) power: Option<Power>,
    #[serde(default)]
    pub(crate) effect: Effect,
    /// The event that is published then, below `compute.instance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<String>,
    /// The status of the migration from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) migration: Option<String>,
}

/// Steps in the making.
#[derive(Debug, Default)]
pub(crate) struct Plan(Vec<Step>);

impl Plan {
    /// Then the server has this task.
    pub(crate) fn task(mut self, task: Task) -> Self {
        self.0.push(Step { task: Some(task), ..Self::blank() });
        self
    }

    /// Then it has no task, for a moment.
    pub(crate) fn pause(mut self) -> Self {
        self.0.push(Self::blank());
        self
    }

    /// Then it has this state and this task.
    pub(crate) fn through(mut self, vm: VmState, task: Task) -> Self {
        self.0.push(Step { vm: Some(vm), task: Some(task), ..Self::blank() });
        self
    }

    /// In the end it has this state and no task, and the event is published.
    pub(crate) fn end(
        mut self,
        vm: Option<VmState>,
        power: Option<Power>,
        effect: Effect,
        event: &str,
    ) -> Self {
        let event = (!event.is_empty()).then(|| event.to_owned());
        self.0.push(Step { vm, power, effect, event, ..Self::blank() });
        self
    }

    /// The step before has this effect.
    pub(crate) fn with(mut self, effect: Effect) -> Self {
        if let Some(last) = self.0.last_mut() {
            last.effect = effect;
        }
        self
    }

    /// With the step before the migration gets this status.
    pub(crate) fn migration(mut self, status: &str) -> Self {
        if let Some(last) = self.0.last_mut() {
            last.migration = Some(status.to_owned());
        }
        self
    }

    /// The steps spread over the time that the whole takes.
    pub(crate) fn over(self, from: Timestamp, whole: Duration) -> impl Iterator<Item = Step> {
        let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX).max(1);
        self.0.into_iter().zip(1_u32..).map(move |(step, place)| {
            let after = SignedDuration::try_from(whole * place / count).unwrap_or_default();
            Step { at: from.saturating_add(after).unwrap_or(from), ..step }
        })
    }

    const fn blank() -> Step {
        Step {
            at: Timestamp::UNIX_EPOCH,
            vm: None,
            task: None,
            power: None,
            effect: Effect::Nothing,
            event: None,
            migration: None,
        }
    }
}

/// Makes the next step of the server at this place.
pub(crate) fn step(compute: &mut Compute, key: Key, due: Timestamp, events: &Events) {
    let made = compute.servers.change_at(key, |server| {
        let step = server.steps.pop_front()?;
        let old = (server.vm, server.task);
        let last = server.steps.is_empty();
        apply(server, &step, due, last);
        let failed = matches!(step.effect, Effect::Failed(_));
        if last || failed {
            finish(server, due, failed);
        }
        Some((step, old))
    });
    let Some(Some((step, old))) = made else { return };
    if let Some(status) = &step.migration {
        follow(compute, key, status, due);
    }
    let gone = matches!(step.effect, Effect::Gone);
    if let Some(server) = compute.servers.at(key) {
        if !gone && old != (server.vm, server.task) {
            notify::update(compute, server, Some(old), due, events);
        }
        if matches!(step.effect, Effect::Launched)
            && server.disks.iter().any(|disk| disk.attachment.is_empty())
        {
            compute.chores.push(Chore::AttachVolumes(server.id.clone()));
        }
    }
    if let (Some(server), Some(event)) = (compute.servers.at(key), &step.event) {
        notify::publish(compute, server, event, due, events);
    }
    if matches!(step.effect, Effect::Confirmed | Effect::Reverted) {
        compute.servers.change_at(key, |server| server.before = None);
    }
    if gone {
        compute.servers.bury(key);
    }
}

fn apply(server: &mut Server, step: &Step, due: Timestamp, last: bool) {
    if let Some(vm) = step.vm {
        server.vm = vm;
    }
    server.task = step.task;
    if let Some(power) = step.power {
        server.power = power;
    }
    server.updated_at = due;
    match &step.effect {
        Effect::Nothing => {}
        Effect::Launched => {
            server.launched_at = Some(due);
            server.failure = None;
        }
        Effect::Gone => {
            server.vm = VmState::Deleted;
            server.power = Power::Nostate;
            server.terminated_at = Some(due);
            server.deleted_at = Some(due);
        }
        Effect::Sized(flavor, host) => {
            server.flavor = Arc::clone(flavor);
            if let Some(host) = host {
                server.host = Some(host.as_str().into());
            }
            server.launched_at = Some(due);
        }
        Effect::Moved(host) => server.host = Some(host.as_str().into()),
        Effect::Confirmed | Effect::Reverted => settle_size(server, &step.effect, due),
        Effect::Offloaded => server.host = None,
        Effect::Failed(failure) => {
            server.failure = Some(failure.clone());
            server.steps.clear();
        }
    }
    if last {
        server.task = step.task;
    }
}

/// After a resize was confirmed or taken back the server runs, unless it was stopped before.
fn settle_size(server: &mut Server, effect: &Effect, due: Timestamp) {
    let Some(before) = server.before.as_ref() else { return };
    let (vm, power) = if before.stopped {
        (VmState::Stopped, Power::Shutdown)
    } else {
        (VmState::Active, Power::Running)
    };
    if matches!(effect, Effect::Reverted) {
        server.flavor = Arc::clone(&before.flavor);
        server.host = before.host.as_deref().map(Into::into);
        server.launched_at = Some(due);
    }
    server.vm = vm;
    server.power = power;
}

/// Ends what was last begun.
fn finish(server: &mut Server, at: Timestamp, failed: bool) {
    let Some(action) = server.actions.last_mut() else { return };
    for event in action.events.iter_mut().filter(|event| event.finish.is_none()) {
        event.finish = Some(at);
        event.result = Some(if failed { "Error" } else { "Success" }.to_owned());
    }
    if failed {
        action.message = Some("Error".to_owned());
    }
}

/// The migration of the server gets this status.
fn follow(compute: &mut Compute, key: Key, status: &str, at: Timestamp) {
    let Some(id) = compute.servers.at(key).map(|server| server.id.clone()) else { return };
    let last = compute.migrations.iter_mut().rev().find(|migration| migration.server == id);
    if let Some(migration) = last {
        status.clone_into(&mut migration.status);
        migration.updated_at = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_spread_evenly_and_end_with_the_whole_time() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let plan = Plan::default().task("networking").task("spawning").end(
            Some(VmState::Active),
            None,
            Effect::Launched,
            "create.end",
        );
        let due: Vec<i64> = plan
            .over(start, Duration::from_secs(9))
            .map(|step| step.at.as_second() - start.as_second())
            .collect();
        assert_eq!(due, [3, 6, 9]);
    }
}
