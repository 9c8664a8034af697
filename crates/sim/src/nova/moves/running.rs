//! Servers that change hosts while they run, and those whose host has died.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::{find_host, movable, moving, needs, record};
use crate::fault_body::Fault;
use crate::nova::actions::{self, Doing, Of, Who, migration_consumer};
use crate::nova::find::{Allowed, Tasks};
use crate::nova::schedule::Needs;
use crate::nova::server::{Failure, Power, VmState};
use crate::nova::transition::{Effect, Plan};
use crate::nova::{create, shapes};
use crate::placement::claim;
use crate::schema::refused::fits;

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
    let server = movable((world, asked, id), &doing, host.as_deref())?;
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
