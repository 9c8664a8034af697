//! Servers that change their size or their host: resize, migrate, evacuate, shelve.

mod running;
mod shelving;

use std::sync::Arc;

use lotse_core::time::Timestamp;
use serde_json::{Value, json};

pub(crate) use self::running::{evacuate, live};
pub(crate) use self::shelving::{offload, shelve, unshelve};
use super::actions::{self, Doing, Of, Who, migration_consumer};
use super::asked::Asked;
use super::find::{self, Allowed};
use super::model::{Compute, Flavor, Migration};
use super::schedule::{self, Needs, Taker};
use super::server::{Before, Failure, Power, VmState};
use super::transition::{Effect, Plan};
use super::{create, notify, quota, shapes};
use crate::fault_body::Fault;
use crate::placement::claim;
use crate::schema::refused::fits;
use crate::world::World;

const MOVABLE: &[VmState] = &[VmState::Active, VmState::Stopped];

/// A server as it is before it moves.
struct Moving {
    id: String,
    flavor: Arc<Flavor>,
    host: Option<String>,
    stopped: bool,
    from_volume: bool,
    project: String,
    user: String,
    group: Option<String>,
}

fn moving(compute: &Compute, id: &str, asked: &Asked) -> Result<Moving, Fault> {
    let server = find::find(compute, id, asked)?;
    Ok(Moving {
        id: id.to_owned(),
        flavor: Arc::clone(&server.flavor),
        host: server.host.as_deref().map(str::to_owned),
        stopped: server.vm == VmState::Stopped,
        from_volume: server.boots_from_volume(),
        project: server.project_id.to_string(),
        user: server.user_id.to_string(),
        group: compute.group_of(id).map(|group| group.id.clone()),
    })
}

/// A server that may be moved now, to a host that is there if one is named.
fn movable((world, asked, id): Of<'_>, doing: &Doing, host: Option<&str>) -> Result<Moving, Fault> {
    let compute = world.compute();
    actions::check(&compute, id, asked, doing)?;
    if let Some(host) = host
        && compute.host(host).is_none()
    {
        return Err(Fault::bad(format!("Compute host {host} could not be found.")));
    }
    moving(&compute, id, asked)
}

/// Finds another host while what the server holds is held for it; nothing changes if there is none.
fn find_host(world: &World, server: &Moving, flavor: &Flavor, needs: &Needs) -> Option<String> {
    let holder = migration_consumer(&server.id);
    claim::pass_on(world, &server.id, &holder);
    let taker = Taker {
        consumer: &server.id,
        project: &server.project,
        user: &server.user,
        flavor,
        from_volume: server.from_volume,
    };
    let found = schedule::place(world, needs, &taker);
    if found.is_none() {
        claim::pass_on(world, &holder, &server.id);
    }
    found
}

fn needs(server: &Moving) -> Needs {
    Needs { group: server.group.clone(), ..Needs::default() }
}

fn resize_doing(rule: &'static str, who: Who, word: &'static str) -> Doing {
    Doing {
        rule,
        who,
        word,
        allowed: Allowed::in_state(MOVABLE),
        record: (
            if word == "resize" { "resize" } else { "migrate" },
            &[
                "cold_migrate",
                "compute_prep_resize",
                "compute_resize_instance",
                "compute_finish_resize",
            ],
        ),
        task: Some("resize_prep"),
        event: "resize.prep.start",
        plan: Plan::default(),
    }
}

pub(crate) fn resize((world, asked, id): Of<'_>, body: &Value) -> Result<(), Fault> {
    let fields =
        json!({"flavorRef": shapes::flavor_ref(), "OS-DCF:diskConfig": shapes::disk_config()});
    fits(&shapes::wrapped("resize", fields, &["flavorRef"]), body)?;
    let wanted = match &body["resize"]["flavorRef"] {
        Value::String(text) => text.rsplit('/').next().unwrap_or_default().to_owned(),
        other => other.to_string(),
    };
    let doing = resize_doing("servers:resize", Who::Member, "resize");
    let (server, flavor) = {
        let compute = world.compute();
        let found = actions::check(&compute, id, asked, &doing)?;
        let flavor = compute.flavor(&wanted, asked.project(), asked.is_admin()).cloned();
        let flavor =
            flavor.ok_or_else(|| Fault::bad(format!("Flavor {wanted} could not be found.")))?;
        if flavor.id == found.flavor.id {
            return Err(Fault::bad("When resizing, instances must change flavor!"));
        }
        if flavor.disk == 0 && found.flavor.disk != 0 && !found.boots_from_volume() {
            let text = "Server disk was unable to be resized because: Resize to zero disk flavor is \
                        not allowed.";
            return Err(Fault::bad(text));
        }
        let more = [
            ("cores", flavor.vcpus.saturating_sub(found.flavor.vcpus)),
            ("ram", flavor.ram.saturating_sub(found.flavor.ram)),
        ];
        quota::check(&compute, &found.project_id, &more)?;
        (moving(&compute, id, asked)?, flavor)
    };
    let wanted = needs(&server);
    start(world, asked, (server, &flavor), (doing, &wanted), "resize")
}

pub(crate) fn migrate((world, asked, id): Of<'_>, body: &Value) -> Result<(), Fault> {
    let host = if asked.at_least(56) {
        let schema = json!({
            "type": "object",
            "properties": {"migrate": {
                "type": ["object", "null"],
                "properties": {"host": {"oneOf": [shapes::fqdn(), {"type": "null"}]}},
                "additionalProperties": false,
            }},
            "required": ["migrate"],
            "additionalProperties": false,
        });
        fits(&schema, body)?;
        body["migrate"]["host"].as_str().map(str::to_owned)
    } else {
        None
    };
    let doing = resize_doing("os-migrate-server:migrate", Who::Admin, "migrate");
    let server = movable((world, asked, id), &doing, host.as_deref())?;
    if host.is_some() && host == server.host {
        return Err(Fault::bad("Cannot migrate to the host where the server exists."));
    }
    let flavor = Arc::clone(&server.flavor);
    let wanted = Needs { host, not: server.host.clone(), ..needs(&server) };
    start(world, asked, (server, &flavor), (doing, &wanted), "migration")
}

/// Sends a server on its way to another size or host.
fn start(
    world: &crate::world::SharedWorld,
    asked: &Asked,
    (server, flavor): (Moving, &Arc<Flavor>),
    (doing, wanted): (Doing, &Needs),
    kind: &str,
) -> Result<(), Fault> {
    let now = world.now();
    let Some(dest) = find_host(world, &server, flavor, wanted) else {
        return stranded(world, asked, (&server, doing), kind);
    };
    let sized = Effect::Sized(Arc::clone(flavor), Some(dest.clone()));
    let plan = Plan::default()
        .task("resize_migrating")
        .migration("migrating")
        .task("resize_migrated")
        .migration("post-migrating")
        .task("resize_finish")
        .end(Some(VmState::Resized), Some(Power::Running), sized, "finish_resize.end")
        .migration("finished");
    let id = server.id.clone();
    let number = {
        let mut compute = world.compute();
        record(world, &mut compute, (&server, flavor, &dest), kind, now)
    };
    if let Err(fault) = actions::begin(world, asked, &id, Doing { plan, ..doing }) {
        // Somebody else was faster: what was claimed goes back.
        claim::pass_on(world, &migration_consumer(&id), &id);
        world.compute().migrations.retain(|migration| migration.number != number);
        return Err(fault);
    }
    let mut compute = world.compute();
    compute.servers.change(&id, |one| {
        one.before = Some(Box::new(Before {
            flavor: server.flavor,
            host: server.host,
            stopped: server.stopped,
            migration: number,
        }));
    });
    if let Some(server) = compute.servers.get(&id) {
        notify::publish(&compute, server, "exists", now, &world.events);
        notify::publish(&compute, server, "resize.start", now, &world.events);
    }
    Ok(())
}

fn record(
    world: &World,
    compute: &mut Compute,
    (server, flavor, dest): (&Moving, &Flavor, &str),
    kind: &str,
    now: Timestamp,
) -> u64 {
    let number = compute.number();
    compute.migrations.push(Migration {
        number,
        uuid: world.ids.uuid(),
        server: server.id.clone(),
        kind: kind.to_owned(),
        status: "pre-migrating".to_owned(),
        source: server.host.clone().unwrap_or_default(),
        dest: dest.to_owned(),
        user_id: server.user.clone(),
        project_id: server.project.clone(),
        old_flavor: server.flavor.id.clone(),
        new_flavor: flavor.id.clone(),
        created_at: now,
        updated_at: now,
    });
    number
}

/// No host will do: the server stays what it is, with a note in its history.
fn stranded(
    world: &crate::world::SharedWorld,
    asked: &Asked,
    (server, doing): (&Moving, Doing),
    kind: &str,
) -> Result<(), Fault> {
    let now = world.now();
    let vm = if server.stopped { VmState::Stopped } else { VmState::Active };
    let failure = Failure {
        code: 400,
        message: "No valid host was found. No valid host found for resize".to_owned(),
        details: Some(create::NO_HOST.to_owned()),
        at: now,
    };
    let failure = Effect::Failed(Box::new(failure));
    let plan = Plan::default().end(Some(vm), None, failure, "resize.error");
    {
        let mut compute = world.compute();
        record(world, &mut compute, (server, &server.flavor, ""), kind, now);
        let last = compute.migrations.last_mut();
        if let Some(migration) = last {
            "error".clone_into(&mut migration.status);
        }
    }
    actions::begin(world, asked, &server.id, Doing { plan, ..doing })
}

const RESIZED: Allowed = Allowed::in_state(&[VmState::Resized]);

pub(crate) fn confirm((world, asked, id): Of<'_>) -> Result<(), Fault> {
    let plan = Plan::default()
        .end(None, None, Effect::Confirmed, "resize.confirm.end")
        .migration("confirmed");
    actions::begin(
        world,
        asked,
        id,
        Doing {
            rule: "servers:confirm_resize",
            who: Who::Member,
            word: "confirmResize",
            allowed: RESIZED,
            record: ("confirmResize", &["compute_confirm_resize"]),
            task: None,
            event: "resize.confirm.start",
            plan,
        },
    )?;
    claim::release(world, &migration_consumer(id));
    rebind(world, id);
    Ok(())
}

pub(crate) fn revert((world, asked, id): Of<'_>) -> Result<(), Fault> {
    {
        // The old size must fit into the quota again.
        let compute = world.compute();
        if let Ok(server) = find::find(&compute, id, asked)
            && let Some(before) = &server.before
        {
            let more = [
                ("cores", before.flavor.vcpus.saturating_sub(server.flavor.vcpus)),
                ("ram", before.flavor.ram.saturating_sub(server.flavor.ram)),
            ];
            quota::check(&compute, &server.project_id, &more)?;
        }
    }
    let plan = Plan::default()
        .end(None, None, Effect::Reverted, "resize.revert.end")
        .migration("reverted");
    actions::begin(
        world,
        asked,
        id,
        Doing {
            rule: "servers:revert_resize",
            who: Who::Member,
            word: "revertResize",
            allowed: RESIZED,
            record: ("revertResize", &["compute_revert_resize", "compute_finish_revert_resize"]),
            task: Some("resize_reverting"),
            event: "resize.revert.start",
            plan,
        },
    )?;
    claim::pass_on(world, &migration_consumer(id), id);
    Ok(())
}

/// Tells Neutron where a server is now.
fn rebind(world: &World, id: &str) {
    let host = {
        let compute = world.compute();
        compute.servers.get(id).and_then(|server| server.host.as_deref().map(str::to_owned))
    };
    if let Some(host) = host {
        crate::neutron::plug::rebind(world, id, &host);
    }
}
