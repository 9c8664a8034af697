//! Making servers.

mod order;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use serde_json::{Value, json};

pub(crate) use self::order::check_image;
use self::order::read;
use super::asked::{Asked, Json, links};
use super::disks::{self, Drive};
use super::model::{Compute, Flavor};
use super::network;
use super::schedule::{self, Needs, Taker};
use super::server::{Action, ActionEvent, Failure, Power, Server, VmState};
use super::transition::{Effect, Plan};
use super::{create_schema, notify, quota};
use crate::fault_body::Fault;
use crate::neutron::plug::{PlugRequest, Wanted};
use crate::schema::oslo::truth;
use crate::schema::refused::fits;
use crate::world::{SharedWorld, World};

/// What is to be made, read from the request and checked against what there is.
#[derive(Debug)]
struct Order {
    name: String,
    description: Option<String>,
    hostname: Option<String>,
    flavor: Arc<Flavor>,
    image: Option<String>,
    drives: Vec<Drive>,
    networks: Wanted,
    /// Whether a project without networks is an error.
    must_plug: bool,
    security_groups: Vec<String>,
    needs: Needs,
    key_name: Option<String>,
    count: u64,
    least: u64,
}

pub(crate) async fn create(
    State(world): State<SharedWorld>,
    asked: Asked,
    Json(body): Json,
) -> Result<Response, Fault> {
    fits(create_schema::of(&asked), &body)?;
    let wanted = &body["server"];
    asked.member("servers:create")?;
    if asked.caller.project().is_none() {
        return Err(Fault::bad("A server needs a project; the token has none."));
    }
    let order = read(&world, &asked, &body)?;
    let made = make_all(&world, &asked, wanted, &order)?;
    if wanted.get("return_reservation_id").is_some_and(truth) {
        let body = json!({"reservation_id": made.reservation});
        return Ok((StatusCode::ACCEPTED, axum::Json(body)).into_response());
    }
    let password = wanted["adminPass"].as_str().map_or_else(|| password(&world), str::to_owned);
    let groups =
        wanted.get("security_groups").cloned().unwrap_or_else(|| json!([{"name": "default"}]));
    let links = links(&world.base, "servers", &made.first);
    let location = links[0]["href"].as_str().unwrap_or_default().to_owned();
    let manual = wanted["OS-DCF:diskConfig"].as_str().unwrap_or("MANUAL");
    let body = json!({"server": {
        "id": made.first,
        "links": links,
        "OS-DCF:diskConfig": manual,
        "security_groups": groups,
        "adminPass": password,
    }});
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)], axum::Json(body)).into_response())
}

/// Twelve letters and digits.
pub(crate) fn password(world: &World) -> String {
    world.ids.hex().chars().take(12).collect()
}

/// What was made.
struct Made {
    first: String,
    reservation: String,
}

fn make_all(
    world: &SharedWorld,
    asked: &Asked,
    wanted: &Value,
    order: &Order,
) -> Result<Made, Fault> {
    let metadata = wanted["metadata"].as_object().map_or(0, serde_json::Map::len);
    let mut servers = Vec::new();
    let reservation = format!("r-{}", world.ids.hex().get(..8).unwrap_or_default());
    {
        // Checked and taken under one lock, so that no two requests take the same.
        let mut compute = world.compute();
        let most = quota::limit(&compute, asked.project(), "metadata_items");
        if most >= 0 && i64::try_from(metadata).is_ok_and(|items| items > most) {
            let text = format!("Maximum number of metadata items exceeds {most}");
            return Err(Fault::new(StatusCode::FORBIDDEN, text));
        }
        let (cores, ram) = (order.flavor.vcpus, order.flavor.ram);
        let mut made = order.count;
        while let Err(fault) = quota::check_servers(&compute, asked.project(), (made, cores, ram)) {
            made -= 1;
            if made < order.least {
                return Err(fault);
            }
        }
        for index in 0..made {
            let server =
                draft(world, asked, (wanted, order), (index, made, &reservation), &mut compute);
            servers.push(server.id.clone());
            let at = server.created_at;
            compute.servers.insert(server);
            if let (Some(group), Some(id)) = (&order.needs.group, servers.last()) {
                let group = compute.groups.iter_mut().find(|known| known.id == *group);
                if let Some(group) = group {
                    group.members.push(id.clone());
                }
            }
            if let Some(server) = servers.last().and_then(|id| compute.servers.get(id)) {
                notify::update(
                    &compute,
                    server,
                    Some((VmState::Building, None)),
                    at,
                    &world.events,
                );
            }
        }
    }
    for (place, id) in servers.iter().enumerate() {
        if let Err(fault) = build(world, asked, order, id) {
            // Nothing stays of a request that is refused.
            for id in servers.iter().skip(place) {
                undo(world, id);
            }
            return Err(fault);
        }
    }
    Ok(Made { first: servers.into_iter().next().unwrap_or_default(), reservation })
}

fn undo(world: &World, id: &str) {
    crate::placement::claim::release(world, id);
    crate::neutron::plug::unplug(world, id);
    let mut compute = world.compute();
    compute.servers.forget(id);
    for group in &mut compute.groups {
        group.members.retain(|member| member != id);
    }
}

/// A server that is not yet anywhere.
fn draft(
    world: &World,
    asked: &Asked,
    (wanted, order): (&Value, &Order),
    (index, of, reservation): (u64, u64, &str),
    compute: &mut Compute,
) -> Server {
    let now = world.now();
    let id = world.ids.uuid();
    let suffix =
        |name: &str| if of > 1 { format!("{name}-{}", index + 1) } else { name.to_owned() };
    let text = |name: &str| wanted[name].as_str().map(str::to_owned);
    let hostname = match &order.hostname {
        Some(hostname) => hostname.clone(),
        None => match sanitized(&order.name) {
            clean if clean.is_empty() => format!("Server-{id}"),
            clean => suffix(&clean),
        },
    };
    let metadata = wanted["metadata"].as_object().into_iter().flatten();
    let tags = wanted["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut tags: Vec<String> = tags.map(str::to_owned).collect();
    tags.sort();
    tags.dedup();
    Server {
        number: compute.number(),
        name: suffix(&order.name),
        description: order.description.clone(),
        project_id: asked.project().into(),
        user_id: asked.user().into(),
        vm: VmState::Building,
        task: Some("scheduling"),
        power: Power::Nostate,
        flavor: Arc::clone(&order.flavor),
        image: order.image.as_deref().map(Into::into),
        host: None,
        wanted_zone: order.needs.zone.clone(),
        hostname,
        reservation: reservation.to_owned(),
        launch_index: index,
        key_name: order.key_name.clone(),
        user_data: text("user_data"),
        config_drive: wanted.get("config_drive").is_some_and(truth),
        manual_disk: text("OS-DCF:diskConfig").as_deref() != Some("AUTO"),
        access_ipv4: text("accessIPv4").unwrap_or_default(),
        access_ipv6: text("accessIPv6").unwrap_or_default(),
        metadata: metadata
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect::<BTreeMap<_, _>>(),
        tags,
        trusted_certs: wanted["trusted_image_certificates"]
            .as_array()
            .map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        security_groups: Vec::new(),
        nics: Vec::new(),
        disks: Vec::new(),
        locked: false,
        locked_reason: None,
        locked_by_admin: false,
        created_at: now,
        updated_at: now,
        launched_at: None,
        terminated_at: None,
        deleted_at: None,
        failure: None,
        before: None,
        shelved_image: None,
        actions: vec![Action {
            name: "create".to_owned(),
            request: asked.request.clone(),
            project: asked.project().to_owned(),
            user: asked.user().to_owned(),
            start: now,
            message: None,
            events: Vec::new(),
        }],
        steps: VecDeque::new(),
        cause: Some(Box::new(asked.cause())),
        id,
    }
}

/// A name as a host can have it.
fn sanitized(name: &str) -> String {
    let plain = name.chars().filter_map(|c| match c {
        ' ' | '_' => Some('-'),
        c if c.is_ascii_alphanumeric() || c == '.' || c == '-' => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    let plain: String = plain.collect::<String>().replace('.', "-");
    plain.trim_matches('-').chars().take(63).collect::<String>().trim_end_matches('-').to_owned()
}

/// Finds a host, a network and disks for a server, and lays out how it comes up.
fn build(world: &SharedWorld, asked: &Asked, order: &Order, id: &str) -> Result<(), Fault> {
    let from_volume = order.drives.iter().any(Drive::is_root);
    let taker = Taker {
        consumer: id,
        project: asked.project(),
        user: asked.user(),
        flavor: &order.flavor,
        from_volume,
    };
    let now = world.now();
    let whole = world.options.delays.server;
    let Some(host) = schedule::place(world, &order.needs, &taker) else {
        fail(world, id);
        return Ok(());
    };
    let zone = world.compute().zone(&host).to_owned();
    let request = PlugRequest {
        server: id.to_owned(),
        project: asked.project().to_owned(),
        user: asked.user().to_owned(),
        host: host.clone(),
        availability_zone: zone,
        wanted: order.networks.clone(),
        security_groups: order.security_groups.clone(),
        active_at: now.saturating_add(jiff_of(whole)).unwrap_or(now),
        admin: asked.is_admin(),
    };
    let plugged = network::plug(world, &request, order.must_plug)?;
    let disks = disks::prepare(world, asked, (id, &host), &order.drives)?;
    let wait = if disks.made { world.options.delays.volume } else { std::time::Duration::ZERO };
    let end = Plan::default()
        .pause()
        .task("networking")
        .task("block_device_mapping")
        .task("spawning")
        .end(Some(VmState::Active), Some(Power::Running), Effect::Launched, "create.end");
    let mut compute = world.compute();
    compute.servers.change(id, |server| {
        server.host = Some(host.as_str().into());
        server.nics = plugged.nics;
        server.security_groups = plugged.groups;
        server.disks = disks.disks;
        server.steps.extend(end.over(now, whole + wait));
        begin(server, "compute__do_build_and_run_instance", now);
    });
    if let Some(server) = compute.servers.get(id) {
        notify::publish(&compute, server, "create.start", now, &world.events);
    }
    drop(compute);
    disks::attach_made(world, id);
    Ok(())
}

/// A duration on the clock.
pub(crate) fn jiff_of(duration: std::time::Duration) -> lotse_core::time::SignedDuration {
    lotse_core::time::SignedDuration::try_from(duration).unwrap_or_default()
}

/// Begins a part of what was begun last.
pub(crate) fn begin(server: &mut Server, name: &str, at: lotse_core::time::Timestamp) {
    let host = server.host.as_deref().map(str::to_owned);
    if let Some(action) = server.actions.last_mut() {
        let (start, finish, result) = (at, None, None);
        action.events.push(ActionEvent { name: name.to_owned(), start, finish, result, host });
    }
}

/// No host will do: the server fails.
fn fail(world: &World, id: &str) {
    let now = world.now();
    let failure = Failure {
        code: 500,
        message: "No valid host was found. ".to_owned(),
        details: Some(NO_HOST.to_owned()),
        at: now,
    };
    let plan = Plan::default().end(
        Some(VmState::Error),
        None,
        Effect::Failed(Box::new(failure)),
        "create.error",
    );
    let mut compute = world.compute();
    compute.servers.change(id, |server| {
        server.steps.extend(plan.over(now, world.options.delays.server));
        begin(server, "conductor_schedule_and_build_instances", now);
    });
}

/// What administrators are told beside; real conductors show a stack of calls.
pub(crate) const NO_HOST: &str =
    "nova.exception.NoValidHost: No valid host was found. There are not enough hosts available.";
