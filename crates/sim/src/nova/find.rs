//! Finding a server, and refusing what its state does not allow.

use axum::http::StatusCode;

use super::asked::Asked;
use super::model::Compute;
use super::server::{Server, Task, VmState};
use crate::fault_body::Fault;

/// 404 of a server.
pub(crate) fn missing(id: &str) -> Fault {
    Fault::missing(format!("Instance {id} could not be found."))
}

/// The server of this id, if the caller sees it.
pub(crate) fn find<'a>(compute: &'a Compute, id: &str, asked: &Asked) -> Result<&'a Server, Fault> {
    let own = |server: &&Server| {
        asked.is_admin() || asked.caller.project() == Some(server.project_id.as_ref())
    };
    compute.servers.get(id).filter(own).ok_or_else(|| missing(id))
}

/// The same for a change that members may make.
pub(crate) fn find_to_change<'a>(
    compute: &'a Compute,
    id: &str,
    (asked, rule): (&Asked, &str),
) -> Result<&'a Server, Fault> {
    let server = find(compute, id, asked)?;
    asked.member(rule)?;
    Ok(server)
}

/// Which states an action needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    /// Empty: every one.
    pub(crate) vm: &'static [VmState],
    pub(crate) task: Tasks,
    /// Whether the server must have run once.
    pub(crate) launched: bool,
}

/// Which tasks may be under way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tasks {
    /// None at all.
    None,
    /// Whatever.
    Any,
    /// None, or one of these.
    Or(&'static [Task]),
}

impl Allowed {
    /// These states, without a task.
    pub(crate) const fn in_state(vm: &'static [VmState]) -> Self {
        Self { vm, task: Tasks::None, launched: true }
    }
}

/// Refuses with 409 what the state of the server does not allow.
pub(crate) fn check(server: &Server, action: &str, allowed: Allowed) -> Result<(), Fault> {
    let refuse = |attribute: &str, state: &str| {
        Err(Fault::conflict(format!(
            "Cannot '{action}' instance {} while it is in {attribute} {state}",
            server.id
        )))
    };
    if !allowed.vm.is_empty() && !allowed.vm.contains(&server.vm) {
        return refuse("vm_state", server.vm.text());
    }
    let busy = match (allowed.task, server.task) {
        (Tasks::Any, _) | (_, None) => false,
        (Tasks::None, Some(_)) => true,
        (Tasks::Or(known), Some(task)) => !known.contains(&task),
    };
    if busy {
        return refuse("task_state", server.task.unwrap_or_default());
    }
    if allowed.launched && server.launched_at.is_none() {
        let text = format!("Instance {} is in an invalid state for '{action}'", server.id);
        return Err(Fault::conflict(text));
    }
    Ok(())
}

/// Refuses changes of a locked server by anybody but an administrator.
pub(crate) fn unlocked(server: &Server, asked: &Asked) -> Result<(), Fault> {
    if server.locked && !asked.is_admin() {
        return Err(Fault::new(StatusCode::CONFLICT, format!("Instance {} is locked", server.id)));
    }
    Ok(())
}
