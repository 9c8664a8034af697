//! Servers that are put aside and fetched back.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{moving, needs};
use crate::fault_body::Fault;
use crate::glance::lookup;
use crate::nova::actions::{self, Doing, Of, Who};
use crate::nova::asked::Asked;
use crate::nova::find::Allowed;
use crate::nova::schedule::{self, Needs, Taker};
use crate::nova::server::{Power, VmState};
use crate::nova::shapes;
use crate::nova::transition::{Effect, Plan};
use crate::placement::claim;
use crate::schema::refused::fits;

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
