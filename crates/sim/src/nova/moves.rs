//! Servers that change their size or their host: resize, migrate, evacuate, shelve.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use lotse_core::time::Timestamp;
use serde_json::{Value, json};

use super::actions::{self, Doing, Of, Who, migration_consumer};
use super::asked::Asked;
use super::find::{self, Allowed, Tasks};
use super::model::{Compute, Flavor, Migration};
use super::schedule::{self, Needs, Taker};
use super::server::{Before, Failure, Power, VmState};
use super::transition::{Effect, Plan};
use super::{create, notify, quota, shapes};
use crate::fault_body::Fault;
use crate::glance::lookup;
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
    let server = {
        let compute = world.compute();
        actions::check(&compute, id, asked, &doing)?;
        if let Some(host) = &host
            && compute.host(host).is_none()
        {
            return Err(Fault::bad(format!("Compute host {host} could not be found.")));
        }
        moving(&compute, id, asked)?
    };
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

pub(crate) fn live((world, asked, id): Of<'_>, body: &Value) -> Result<(), Fault> {
    let mut fields = json!({
        "block_migration": shapes::boolean(),
        "host": {"oneOf": [shapes::fqdn(), {"type": "null"}]},
    });
    let mut required = vec!["block_migration", "host"];
    if asked.at_least(25) {
        let mut words = shapes::boolean();
        if let Some(words) = words["enum"].as_array_mut() {
            words.push(json!("auto"));
        }
        fields["block_migration"] = words;
    } else {
        fields["disk_over_commit"] = shapes::boolean();
        required.push("disk_over_commit");
    }
    if asked.at_least(30) && !asked.at_least(68) {
        fields["force"] = shapes::boolean();
    }
    fits(&shapes::wrapped("os-migrateLive", fields, &required), body)?;
    let host = body["os-migrateLive"]["host"].as_str().map(str::to_owned);
    let doing = Doing {
        rule: "os-migrate-server:migrate_live",
        who: Who::Admin,
        word: "os-migrateLive",
        allowed: Allowed::in_state(&[VmState::Active, VmState::Paused]),
        record: ("live-migration", &["conductor_live_migrate_instance"]),
        task: Some("migrating"),
        event: "live_migration.pre.start",
        plan: Plan::default(),
    };
    let server = {
        let compute = world.compute();
        actions::check(&compute, id, asked, &doing)?;
        if let Some(host) = &host
            && compute.host(host).is_none()
        {
            return Err(Fault::bad(format!("Compute host {host} could not be found.")));
        }
        moving(&compute, id, asked)?
    };
    let flavor = Arc::clone(&server.flavor);
    let wanted = Needs { host, not: server.host.clone(), ..needs(&server) };
    let now = world.now();
    let dest = find_host(world, &server, &flavor, &wanted);
    let plan = match &dest {
        Some(dest) => Plan::default()
            .task("migrating")
            .migration("running")
            .end(None, None, Effect::Moved(dest.clone()), "live_migration._post.end")
            .migration("completed"),
        None => Plan::default().end(None, None, Effect::Nothing, "").migration("error"),
    };
    {
        let mut compute = world.compute();
        let dest = dest.as_deref().unwrap_or_default();
        record(world, &mut compute, (&server, &flavor, dest), "live-migration", now);
    }
    actions::begin(world, asked, id, Doing { plan, ..doing })?;
    claim::release(world, &migration_consumer(id));
    if let Some(dest) = &dest {
        crate::neutron::plug::rebind(world, id, dest);
    }
    Ok(())
}

pub(crate) fn evacuate((world, asked, id): Of<'_>, body: &Value) -> Result<Response, Fault> {
    let mut fields = json!({"host": shapes::fqdn(), "adminPass": shapes::text()});
    if !asked.at_least(14) {
        fields["onSharedStorage"] = shapes::boolean();
    }
    if asked.at_least(29) && !asked.at_least(68) {
        fields["force"] = shapes::boolean();
    }
    let required: &[&str] = if asked.at_least(14) { &[] } else { &["onSharedStorage"] };
    fits(&shapes::wrapped("evacuate", fields, required), body)?;
    let host = body["evacuate"]["host"].as_str().map(str::to_owned);
    let doing = Doing {
        rule: "os-evacuate",
        who: Who::Admin,
        word: "evacuate",
        allowed: Allowed {
            vm: &[VmState::Active, VmState::Stopped, VmState::Error],
            task: Tasks::Any,
            launched: true,
        },
        record: ("evacuate", &["rebuild_server", "compute_rebuild_instance"]),
        task: Some("rebuilding"),
        event: "rebuild.start",
        plan: Plan::default(),
    };
    let server = {
        let compute = world.compute();
        if let Some(host) = &host
            && compute.host(host).is_none()
        {
            return Err(Fault::missing(format!("Compute host {host} not found.")));
        }
        let found = actions::check(&compute, id, asked, &doing)?;
        let source = found.host.as_deref().unwrap_or_default().to_owned();
        if host.as_deref() == Some(source.as_str()) {
            let text = "The target host can't be the same one.";
            return Err(Fault::bad(text));
        }
        if !compute.daemon_on(&source).is_some_and(|daemon| daemon.forced_down) {
            return Err(Fault::bad(format!("Compute service of {source} is still in use.")));
        }
        moving(&compute, id, asked)?
    };
    let flavor = Arc::clone(&server.flavor);
    let wanted = Needs { host, not: server.host.clone(), ..needs(&server) };
    let now = world.now();
    let vm = if server.stopped { VmState::Stopped } else { VmState::Active };
    let power = if server.stopped { Power::Shutdown } else { Power::Running };
    let dest = find_host(world, &server, &flavor, &wanted);
    let plan = if let Some(dest) = &dest {
        Plan::default()
            .task("rebuild_block_device_mapping")
            .task("rebuild_spawning")
            .end(Some(vm), Some(power), Effect::Moved(dest.clone()), "rebuild.end")
            .migration("done")
    } else {
        let failure = Failure {
            code: 500,
            message: "No valid host was found. There are not enough hosts available.".to_owned(),
            details: Some(create::NO_HOST.to_owned()),
            at: now,
        };
        let failed = Effect::Failed(Box::new(failure));
        Plan::default().end(Some(VmState::Error), None, failed, "rebuild.error").migration("error")
    };
    {
        let mut compute = world.compute();
        let dest = dest.as_deref().unwrap_or_default();
        record(world, &mut compute, (&server, &flavor, dest), "evacuation", now);
    }
    actions::begin(world, asked, id, Doing { plan, ..doing })?;
    claim::release(world, &migration_consumer(id));
    if let Some(dest) = &dest {
        crate::neutron::plug::rebind(world, id, dest);
    }
    if asked.at_least(14) {
        return Ok(StatusCode::OK.into_response());
    }
    let given = body["evacuate"]["adminPass"].as_str().map(str::to_owned);
    let password = given.unwrap_or_else(|| create::password(world));
    Ok(axum::Json(json!({"adminPass": password})).into_response())
}

pub(crate) fn shelve((world, asked, id): Of<'_>) -> Result<(), Fault> {
    let doing = Doing {
        rule: "os-shelve:shelve",
        who: Who::Member,
        word: "shelve",
        allowed: Allowed::in_state(&[
            VmState::Active,
            VmState::Stopped,
            VmState::Paused,
            VmState::Suspended,
        ]),
        record: ("shelve", &["compute_shelve_instance"]),
        task: Some("shelving"),
        event: "shelve.start",
        // Shelved servers leave their host at once (`shelved_offload_time = 0`).
        plan: Plan::default()
            .task("shelving_image_uploading")
            .through(VmState::Shelved, "shelving_offloading")
            .end(
                Some(VmState::ShelvedOffloaded),
                Some(Power::Shutdown),
                Effect::Offloaded,
                "shelve_offload.end",
            ),
    };
    let (name, owner, disk, from_volume) = {
        let compute = world.compute();
        let server = actions::check(&compute, id, asked, &doing)?;
        let owner = server.project_id.to_string();
        (server.name.clone(), owner, server.flavor.disk, server.boots_from_volume())
    };
    actions::begin(world, asked, id, doing)?;
    if !from_volume {
        let name = format!("{name}-shelved");
        let snapshot = lookup::Snapshot {
            name: &name,
            owner: &owner,
            min_disk: disk,
            properties: serde_json::Map::new(),
            with_data: true,
            now: world.now(),
        };
        let image = lookup::snapshot(world, &snapshot);
        world.compute().servers.change(id, |server| server.shelved_image = Some(image));
    }
    claim::release(world, id);
    Ok(())
}

pub(crate) fn offload((world, asked, id): Of<'_>) -> Result<(), Fault> {
    actions::begin(
        world,
        asked,
        id,
        Doing {
            rule: "os-shelve:shelve_offload",
            who: Who::Admin,
            word: "shelveOffload",
            allowed: Allowed::in_state(&[VmState::Shelved]),
            record: ("shelveOffload", &["compute_shelve_offload_instance"]),
            task: Some("shelving_offloading"),
            event: "shelve_offload.start",
            plan: Plan::default().end(
                Some(VmState::ShelvedOffloaded),
                Some(Power::Shutdown),
                Effect::Offloaded,
                "shelve_offload.end",
            ),
        },
    )
}

pub(crate) fn unshelve((world, asked, id): Of<'_>, body: &Value) -> Result<(), Fault> {
    let zone = unshelve_zone(asked, body)?;
    let doing = Doing {
        rule: "os-shelve:unshelve",
        who: Who::Member,
        word: "unshelve",
        allowed: Allowed::in_state(&[VmState::Shelved, VmState::ShelvedOffloaded]),
        record: (
            "unshelve",
            &["get_image_info", "schedule_instances", "compute_unshelve_instance"],
        ),
        task: Some("unshelving"),
        event: "unshelve.start",
        plan: Plan::default(),
    };
    let (server, image) = {
        let compute = world.compute();
        let found = actions::check(&compute, id, asked, &doing)?;
        let known =
            |zone: &String| compute.hosts.iter().any(|host| compute.zone(&host.name) == zone);
        if zone.as_ref().is_some_and(|zone| !known(zone)) {
            return Err(Fault::bad("The requested availability zone is not available"));
        }
        let image = found.shelved_image.clone();
        (moving(&compute, id, asked)?, image)
    };
    let flavor = Arc::clone(&server.flavor);
    let wanted = Needs { zone, ..needs(&server) };
    let taker = Taker {
        consumer: id,
        project: &server.project,
        user: &server.user,
        flavor: &flavor,
        from_volume: server.from_volume,
    };
    let dest = schedule::place(world, &wanted, &taker);
    let plan = match &dest {
        Some(dest) => Plan::default().task("spawning").with(Effect::Moved(dest.clone())).end(
            Some(VmState::Active),
            Some(Power::Running),
            Effect::Launched,
            "unshelve.end",
        ),
        // Without a host it stays where it is.
        None => Plan::default().end(None, None, Effect::Nothing, ""),
    };
    actions::begin(world, asked, id, Doing { plan, ..doing })?;
    if let Some(dest) = &dest {
        crate::neutron::plug::rebind(world, id, dest);
        world.compute().servers.change(id, |server| server.shelved_image = None);
        if let Some(image) = image {
            lookup::discard(world, &image);
        }
    }
    Ok(())
}

/// The zone of a request to unshelve (2.77), or null.
fn unshelve_zone(asked: &Asked, body: &Value) -> Result<Option<String>, Fault> {
    if !asked.at_least(77) {
        return Ok(None);
    }
    let mut fields = json!({"availability_zone": shapes::name()});
    if asked.at_least(91) {
        fields["availability_zone"] = json!({"oneOf": [shapes::name(), {"type": "null"}]});
        fields["host"] = shapes::fqdn();
    }
    let required: &[&str] = if asked.at_least(91) { &[] } else { &["availability_zone"] };
    let schema = json!({
        "type": "object",
        "properties": {"unshelve": {
            "type": ["object", "null"],
            "properties": fields,
            "required": required,
            "additionalProperties": false,
        }},
        "required": ["unshelve"],
        "additionalProperties": false,
    });
    fits(&schema, body)?;
    Ok(body["unshelve"]["availability_zone"].as_str().map(str::to_owned))
}
