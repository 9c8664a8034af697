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

/// 404 of an id that was never given to a server: some requests ask first where a server is kept.
fn unmapped(compute: &Compute, id: &str) -> Option<Fault> {
    let known = compute.servers.get(id).is_some() || compute.servers.gone().any(|one| one.id == id);
    (!known).then(|| Fault::missing(format!("Instance {id} has no mapping to a cell.")))
}

/// Refuses servers that are on no host, before their state is looked at.
pub(crate) fn on_a_host(
    compute: &Compute,
    id: &str,
    (asked, rule): (&Asked, &str),
) -> Result<(), Fault> {
    if let Some(fault) = unmapped(compute, id) {
        return Err(fault);
    }
    let server = find_to_change(compute, id, (asked, rule))?;
    if server.host.is_none() {
        return Err(Fault::conflict(format!("Instance {id} is not ready")));
    }
    Ok(())
}

/// The server of this id for requests that ask the policy before they look: those of other projects
/// are refused, not hidden.
pub(crate) fn find_or_refuse<'a>(
    compute: &'a Compute,
    id: &str,
    (asked, rule): (&Asked, &str),
) -> Result<&'a Server, Fault> {
    if let Some(fault) = unmapped(compute, id) {
        return Err(fault);
    }
    let server = compute.servers.get(id).ok_or_else(|| missing(id))?;
    if !asked.is_admin() && asked.caller.project() != Some(server.project_id.as_ref()) {
        return Err(super::asked::refused(rule));
    }
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
