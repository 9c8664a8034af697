//! Actions on servers: what each needs, what it begins.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use lotse_core::time::Timestamp;
use serde_json::{Value, json};

use super::asked::{Asked, Json};
use super::find::{self, Allowed, Tasks};
use super::server::{Action, ActionEvent, Power, Server, Task, VmState};
use super::transition::{Effect, Plan};
use super::{attach, console, images, moves, notify, servers, shapes};
use crate::fault_body::Fault;
use crate::schema::refused::fits;
use crate::world::SharedWorld;

/// The name of the action that a body asks for: its only key.
pub(crate) fn name_of(body: &Value) -> Result<&str, Fault> {
    let malformed = || Fault::bad("Malformed request body");
    let fields = body.as_object().filter(|fields| fields.len() == 1).ok_or_else(malformed)?;
    fields.keys().next().map(String::as_str).ok_or_else(malformed)
}

/// Who may do something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Who {
    Member,
    Admin,
}

/// Something that is begun by changing the server's task, and ends by itself.
#[derive(Debug)]
pub(crate) struct Doing {
    /// The policy rule.
    pub(crate) rule: &'static str,
    pub(crate) who: Who,
    /// The action as refusals name it.
    pub(crate) word: &'static str,
    pub(crate) allowed: Allowed,
    /// The action as the history names it, with its parts.
    pub(crate) record: (&'static str, &'static [&'static str]),
    /// The task at once.
    pub(crate) task: Option<Task>,
    /// The event at once, below `compute.instance`.
    pub(crate) event: &'static str,
    pub(crate) plan: Plan,
}

/// Notes in the history that something was begun.
pub(crate) fn note(
    server: &mut Server,
    asked: &Asked,
    (name, parts): (&str, &[&str]),
    now: Timestamp,
) {
    let host = server.host.as_deref().map(str::to_owned);
    let events = parts.iter().map(|part| ActionEvent {
        name: (*part).to_owned(),
        start: now,
        finish: None,
        result: None,
        host: host.clone(),
    });
    server.cause = Some(Box::new(asked.cause()));
    server.actions.push(Action {
        name: name.to_owned(),
        request: asked.request.clone(),
        project: asked.project().to_owned(),
        user: asked.user().to_owned(),
        start: now,
        message: None,
        events: events.collect(),
    });
}

/// Ends what was last begun, at once.
pub(crate) fn done(server: &mut Server, now: Timestamp) {
    let Some(action) = server.actions.last_mut() else { return };
    for event in action.events.iter_mut().filter(|event| event.finish.is_none()) {
        event.finish = Some(now);
        event.result = Some("Success".to_owned());
    }
}

/// Checks who asks, the lock and the state.
pub(crate) fn check<'a>(
    compute: &'a super::model::Compute,
    id: &str,
    asked: &Asked,
    doing: &Doing,
) -> Result<&'a Server, Fault> {
    let server = find::find(compute, id, asked)?;
    match doing.who {
        Who::Admin => asked.admin_only(doing.rule)?,
        Who::Member => asked.member(doing.rule)?,
    }
    if !NOT_LOCKED.contains(&doing.word) {
        find::unlocked(server, asked)?;
    }
    find::check(server, doing.word, doing.allowed)?;
    Ok(server)
}

/// What is done to locked servers as well.
const NOT_LOCKED: &[&str] = &["createImage", "createBackup", "evacuate"];

/// Begins something, if it is allowed.
pub(crate) fn begin(
    world: &SharedWorld,
    asked: &Asked,
    id: &str,
    doing: Doing,
) -> Result<(), Fault> {
    let now = world.now();
    let mut compute = world.compute();
    let server = check(&compute, id, asked, &doing)?;
    let old = (server.vm, server.task);
    let whole = world.options.delays.server;
    compute.servers.change(id, |server| {
        server.task = doing.task;
        server.updated_at = now;
        server.steps.clear();
        server.steps.extend(doing.plan.over(now, whole));
        note(server, asked, doing.record, now);
    });
    if let Some(server) = compute.servers.get(id) {
        notify::update(&compute, server, Some(old), now, &world.events);
        if !doing.event.is_empty() {
            notify::publish(&compute, server, doing.event, now, &world.events);
        }
    }
    Ok(())
}

const ACTIVE: &[VmState] = &[VmState::Active];
const STOPPED: &[VmState] = &[VmState::Stopped];

fn end(vm: VmState, power: Power, event: &str) -> Plan {
    Plan::default().end(Some(vm), Some(power), Effect::Nothing, event)
}

/// What the simple actions do.
fn simple(name: &str) -> Option<Doing> {
    let member = Who::Member;
    let doing = match name {
        "os-start" => Doing {
            rule: "servers:start",
            who: member,
            word: "start",
            allowed: Allowed::in_state(STOPPED),
            record: ("start", &["compute_start_instance"]),
            task: Some("powering-on"),
            event: "power_on.start",
            plan: end(VmState::Active, Power::Running, "power_on.end"),
        },
        "os-stop" => Doing {
            rule: "servers:stop",
            who: member,
            word: "stop",
            allowed: Allowed::in_state(&[VmState::Active, VmState::Error]),
            record: ("stop", &["compute_stop_instance"]),
            task: Some("powering-off"),
            event: "power_off.start",
            plan: end(VmState::Stopped, Power::Shutdown, "power_off.end"),
        },
        "pause" => Doing {
            rule: "os-pause-server:pause",
            who: member,
            word: "pause",
            allowed: Allowed::in_state(ACTIVE),
            record: ("pause", &["compute_pause_instance"]),
            task: Some("pausing"),
            event: "pause.start",
            plan: end(VmState::Paused, Power::Paused, "pause.end"),
        },
        "unpause" => Doing {
            rule: "os-pause-server:unpause",
            who: member,
            word: "unpause",
            allowed: Allowed::in_state(&[VmState::Paused]),
            record: ("unpause", &["compute_unpause_instance"]),
            task: Some("unpausing"),
            event: "unpause.start",
            plan: end(VmState::Active, Power::Running, "unpause.end"),
        },
        "suspend" => Doing {
            rule: "os-suspend-server:suspend",
            who: member,
            word: "suspend",
            allowed: Allowed::in_state(ACTIVE),
            record: ("suspend", &["compute_suspend_instance"]),
            task: Some("suspending"),
            event: "suspend.start",
            plan: end(VmState::Suspended, Power::Shutdown, "suspend.end"),
        },
        "resume" => Doing {
            rule: "os-suspend-server:resume",
            who: member,
            word: "resume",
            allowed: Allowed::in_state(&[VmState::Suspended]),
            record: ("resume", &["compute_resume_instance"]),
            task: Some("resuming"),
            event: "resume.start",
            plan: end(VmState::Active, Power::Running, "resume.end"),
        },
        "unrescue" => Doing {
            rule: "os-unrescue",
            who: member,
            word: "unrescue",
            allowed: Allowed::in_state(&[VmState::Rescued]),
            record: ("unrescue", &["compute_unrescue_instance"]),
            task: Some("unrescuing"),
            event: "unrescue.start",
            plan: end(VmState::Active, Power::Running, "unrescue.end"),
        },
        _ => return None,
    };
    Some(doing)
}

/// `POST /servers/ID/action`.
pub(crate) async fn action(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<Response, Fault> {
    let name = name_of(&body)?;
    let accepted = StatusCode::ACCEPTED.into_response();
    if let Some(doing) = simple(name) {
        if matches!(name, "os-start" | "os-stop") {
            find::on_a_host(&world.compute(), &id, (&asked, doing.rule))?;
        }
        begin(&world, &asked, &id, doing)?;
        return Ok(accepted);
    }
    let of = (&world, &asked, id.as_str());
    match name {
        "reboot" => reboot(of, &body)?,
        "lock" | "unlock" => lock(of, name, &body)?,
        "os-resetState" => reset_state(of, &body)?,
        "changePassword" => change_password(of, &body)?,
        "forceDelete" => servers::delete_server(&world, &asked, &id)?,
        "restore" => refuse_restore(of)?,
        "resetNetwork" => {
            let text = "This resource is no longer available. No forwarding address is given.";
            return Err(Fault::new(StatusCode::GONE, text));
        }
        "injectNetworkInfo" => {
            asked.admin_only("os-admin-actions:inject_network_info")?;
            find::find(&world.compute(), &id, &asked)?;
        }
        "addSecurityGroup" | "removeSecurityGroup" => attach::security_group(of, name, &body)?,
        "resize" => moves::resize(of, &body)?,
        "confirmResize" => {
            moves::confirm(of)?;
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        "revertResize" => moves::revert(of)?,
        "migrate" => moves::migrate(of, &body)?,
        "os-migrateLive" => moves::live(of, &body)?,
        "evacuate" => return moves::evacuate(of, &body),
        "shelve" => moves::shelve(of)?,
        "shelveOffload" => moves::offload(of)?,
        "unshelve" => moves::unshelve(of, &body)?,
        "rebuild" => return images::rebuild(of, &body),
        "rescue" => return images::rescue(of, &body),
        "createImage" => return images::create(of, &body),
        "createBackup" => return images::backup(of, &body),
        "trigger_crash_dump" => crash_dump(of)?,
        "os-getConsoleOutput" => return console::output(of, &body),
        "os-getVNCConsole" | "os-getSPICEConsole" | "os-getRDPConsole" | "os-getSerialConsole" => {
            return console::old(of, name, &body);
        }
        _ => return Err(Fault::bad(format!("There is no such action: {name}"))),
    }
    Ok(accepted)
}

/// What every action is given.
pub(crate) type Of<'a> = (&'a SharedWorld, &'a Asked, &'a str);

fn reboot((world, asked, id): Of<'_>, body: &Value) -> Result<(), Fault> {
    let kinds = json!({"type": "string", "enum": ["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]});
    fits(&shapes::wrapped("reboot", json!({"type": kinds}), &["type"]), body)?;
    let hard =
        body["reboot"]["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("hard"));
    let (vm, tasks): (&[VmState], _) = if hard {
        let all = &[
            VmState::Active,
            VmState::Stopped,
            VmState::Paused,
            VmState::Suspended,
            VmState::Error,
        ];
        let tasks = &["rebooting", "rebooting_hard", "resuming", "unpausing", "suspending"];
        (all, Tasks::Or(tasks))
    } else {
        (ACTIVE, Tasks::None)
    };
    let plan = if hard {
        Plan::default().task("reboot_pending_hard").task("reboot_started_hard")
    } else {
        Plan::default().task("reboot_pending").task("reboot_started")
    };
    begin(
        world,
        asked,
        id,
        Doing {
            rule: "servers:reboot",
            who: Who::Member,
            word: "reboot",
            allowed: Allowed { vm, task: tasks, launched: true },
            record: ("reboot", &["compute_reboot_instance"]),
            task: Some(if hard { "rebooting_hard" } else { "rebooting" }),
            event: "reboot.start",
            plan: plan.end(
                Some(VmState::Active),
                Some(Power::Running),
                Effect::Nothing,
                "reboot.end",
            ),
        },
    )
}

fn lock((world, asked, id): Of<'_>, name: &str, body: &Value) -> Result<(), Fault> {
    let locking = name == "lock";
    if locking && asked.at_least(73) {
        let schema = json!({
            "type": "object",
            "properties": {"lock": {
                "type": ["object", "null"],
                "properties": {"locked_reason": {
                    "type": "string", "minLength": 1, "maxLength": 255,
                }},
                "additionalProperties": false,
            }},
            "required": ["lock"],
            "additionalProperties": false,
        });
        fits(&schema, body)?;
    }
    let now = world.now();
    let mut compute = world.compute();
    let server = find::find(&compute, id, asked)?;
    asked.member(&format!("os-lock-server:{name}"))?;
    if !locking && server.locked && server.locked_by_admin && !asked.is_admin() {
        return Err(super::asked::refused("os-lock-server:unlock:unlock_override"));
    }
    let reason = body["lock"]["locked_reason"].as_str().map(str::to_owned);
    compute.servers.change(id, |server| {
        // Whoever locks what an administrator locked does not take that lock away.
        server.locked_by_admin =
            locking && asked.is_admin() && server.project_id.as_ref() != asked.project()
                || locking && server.locked && server.locked_by_admin;
        server.locked = locking;
        server.locked_reason = reason.filter(|_| locking);
        server.updated_at = now;
        note(server, asked, (name, if locking { &["api_lock"] } else { &["api_unlock"] }), now);
        done(server, now);
    });
    Ok(())
}

fn reset_state((world, asked, id): Of<'_>, body: &Value) -> Result<(), Fault> {
    let states = json!({"type": "string", "enum": ["active", "error"]});
    fits(&shapes::wrapped("os-resetState", json!({"state": states}), &["state"]), body)?;
    let now = world.now();
    let mut compute = world.compute();
    let server = find::find(&compute, id, asked)?;
    asked.admin_only("os-admin-actions:reset_state")?;
    let old = (server.vm, server.task);
    let active = body["os-resetState"]["state"] == "active";
    compute.servers.change(id, |server| {
        server.vm = if active { VmState::Active } else { VmState::Error };
        server.task = None;
        server.steps.clear();
        server.updated_at = now;
    });
    if let Some(server) = compute.servers.get(id) {
        notify::update(&compute, server, Some(old), now, &world.events);
    }
    Ok(())
}

fn change_password((world, asked, id): Of<'_>, body: &Value) -> Result<(), Fault> {
    let fields = json!({"adminPass": shapes::text()});
    fits(&shapes::wrapped("changePassword", fields, &["adminPass"]), body)?;
    begin(
        world,
        asked,
        id,
        Doing {
            rule: "os-admin-password",
            who: Who::Member,
            word: "changePassword",
            allowed: Allowed::in_state(ACTIVE),
            record: ("changePassword", &["compute_set_admin_password"]),
            task: Some("updating_password"),
            event: "",
            plan: Plan::default().end(None, None, Effect::Nothing, ""),
        },
    )
}

/// `trigger_crash_dump` (2.17): the guest dumps its core, which nobody sees from outside.
fn crash_dump((world, asked, id): Of<'_>) -> Result<(), Fault> {
    asked.needs(17)?;
    let allowed = Allowed::in_state(&[
        VmState::Active,
        VmState::Paused,
        VmState::Rescued,
        VmState::Resized,
        VmState::Error,
    ]);
    let now = world.now();
    let mut compute = world.compute();
    let server = find::find_to_change(&compute, id, (asked, "os-server-crash-dump"))?;
    find::unlocked(server, asked)?;
    find::check(server, "trigger_crash_dump", allowed)?;
    compute.servers.change(id, |server| {
        note(server, asked, ("trigger_crash_dump", &["compute_trigger_crash_dump"]), now);
        done(server, now);
    });
    Ok(())
}

fn refuse_restore((world, asked, id): Of<'_>) -> Result<(), Fault> {
    let compute = world.compute();
    let server = find::find(&compute, id, asked)?;
    asked.member("os-deferred-delete:restore")?;
    // Servers are deleted at once here, so that none can be brought back.
    let vm = server.vm.text();
    Err(Fault::conflict(format!("Cannot 'restore' instance {id} while it is in vm_state {vm}")))
}

/// Under this id a server on its way holds what it had in Placement.
pub(crate) fn migration_consumer(id: &str) -> String {
    super::builtin::dashed("migration", id)
}
