//! Making servers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use serde_json::{Value, json};

use super::asked::{Asked, Json, links};
use super::disks::{self, Drive};
use super::model::{Compute, Flavor};
use super::network;
use super::schedule::{self, Needs, Taker};
use super::server::{Action, ActionEvent, Failure, Power, Server, VmState};
use super::transition::{Effect, Plan};
use super::{create_schema, notify, quota};
use crate::fault_body::Fault;
use crate::glance::lookup;
use crate::neutron::plug::{PlugRequest, Wanted};
use crate::schema::format::is_base64;
use crate::schema::oslo::{count, truth};
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

fn read(world: &World, asked: &Asked, body: &Value) -> Result<Order, Fault> {
    let wanted = &body["server"];
    let text = |name: &str| wanted[name].as_str().map(str::to_owned);
    let least = wanted.get("min_count").and_then(count).unwrap_or(1);
    let most = wanted.get("max_count").and_then(count).unwrap_or(least);
    if least > most {
        return Err(Fault::bad("min_count must be <= max_count"));
    }
    let mut needs = read_zone(asked, wanted)?;
    read_destination(world, asked, wanted, &mut needs)?;
    let drives = disks::read(wanted)?;
    let image = text("imageRef").filter(|image| !image.is_empty());
    if image.is_none() && drives.is_empty() {
        return Err(Fault::bad("Missing imageRef attribute"));
    }
    let (networks, must_plug) = network::read(wanted)?;
    let flavor_ref = match &wanted["flavorRef"] {
        Value::String(text) => text.rsplit('/').next().unwrap_or_default().to_owned(),
        other => other.to_string(),
    };
    let (flavor, key_name) = {
        let compute = world.compute();
        let flavor = compute.flavor(&flavor_ref, asked.project(), asked.is_admin()).cloned();
        let flavor =
            flavor.ok_or_else(|| Fault::bad(format!("Flavor {flavor_ref} could not be found.")))?;
        check_zone(&compute, &needs)?;
        let key = text("key_name");
        let known = |name: &String| {
            compute.keypairs.iter().any(|key| key.user_id == asked.user() && key.name == *name)
        };
        let key = match key {
            Some(name) if !known(&name) => return Err(Fault::bad("Invalid key_name provided.")),
            other => other,
        };
        read_hints(&compute, asked, body, &mut needs)?;
        (flavor, key)
    };
    if wanted["user_data"].as_str().is_some_and(|data| !is_base64(data)) {
        return Err(Fault::bad("User data needs to be valid base 64."));
    }
    if let Some(image) = &image {
        needs.hypervisor = check_image(world, asked, image, &flavor, &drives)?;
    }
    let named = wanted["security_groups"].as_array().into_iter().flatten();
    let named = named.filter_map(|group| group["name"].as_str()).filter(|name| *name != "default");
    Ok(Order {
        name: text("name").unwrap_or_default().trim().to_owned(),
        description: if asked.at_least(19) { text("description") } else { text("name") },
        hostname: text("hostname").filter(|_| asked.at_least(90)),
        flavor,
        image,
        drives,
        networks,
        must_plug,
        security_groups: named.map(str::to_owned).collect(),
        needs,
        key_name,
        count: u64::try_from(most).unwrap_or(1),
        least: u64::try_from(least).unwrap_or(1),
    })
}

/// `zone`, or `zone:host` of an administrator.
fn read_zone(asked: &Asked, wanted: &Value) -> Result<Needs, Fault> {
    let Some(zone) = wanted["availability_zone"].as_str() else { return Ok(Needs::default()) };
    let parts: Vec<&str> = zone.split(':').collect();
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (zone, host) = match parts[..] {
        [zone] => (zone, None),
        [zone, host] => (zone, some(host)),
        [zone, host, node] => (zone, some(host).or_else(|| some(node))),
        _ => return Err(Fault::bad("Unable to parse availability_zone")),
    };
    if host.is_some() {
        asked.admin_only("servers:create:forced_host")?;
    }
    // A forced host is where it is, whatever zone was named.
    let zone = if host.is_some() { None } else { some(zone) };
    Ok(Needs { zone, forced: host.is_some(), host, ..Needs::default() })
}

/// `host` and `hypervisor_hostname` of an administrator (2.74).
fn read_destination(
    world: &World,
    asked: &Asked,
    wanted: &Value,
    needs: &mut Needs,
) -> Result<(), Fault> {
    let named = wanted["host"].as_str().or_else(|| wanted["hypervisor_hostname"].as_str());
    let Some(host) = named.filter(|_| asked.at_least(74)) else { return Ok(()) };
    if !asked.is_admin() {
        return Err(Fault::policy("compute:servers:create:requested_destination"));
    }
    if needs.host.is_some() {
        let text = "One mechanism with host and/or hypervisor_hostname and another mechanism with \
                    zone:host:node are mutually exclusive.";
        return Err(Fault::bad(text));
    }
    if world.compute().host(host).is_none() {
        return Err(Fault::bad(format!("Compute host {host} could not be found.")));
    }
    needs.host = Some(host.to_owned());
    Ok(())
}

fn check_zone(compute: &Compute, needs: &Needs) -> Result<(), Fault> {
    let Some(zone) = &needs.zone else { return Ok(()) };
    let known = compute.hosts.iter().any(|host| {
        compute.zone(&host.name) == zone
            && compute.daemon_on(&host.name).is_some_and(|daemon| !daemon.disabled)
    });
    if known { Ok(()) } else { Err(Fault::bad("The requested availability zone is not available")) }
}

fn read_hints(
    compute: &Compute,
    asked: &Asked,
    body: &Value,
    needs: &mut Needs,
) -> Result<(), Fault> {
    let hints = body.get("os:scheduler_hints").or_else(|| body.get("OS-SCH-HNT:scheduler_hints"));
    let Some(hints) = hints else { return Ok(()) };
    let ids = |name: &str| -> Vec<String> {
        match &hints[name] {
            Value::String(id) => vec![id.clone()],
            Value::Array(ids) => ids.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    };
    needs.same = ids("same_host");
    needs.different = ids("different_host");
    if let Some(id) = hints["group"].as_str() {
        let group = compute.groups.iter().find(|group| {
            group.id == id && (asked.is_admin() || group.project_id == asked.project())
        });
        let missing = || Fault::bad(format!("Instance group {id} could not be found."));
        let group = group.ok_or_else(missing)?;
        let most = quota::limit(compute, asked.project(), "server_group_members");
        let members = group.members.iter().filter(|id| compute.servers.get(id).is_some()).count();
        if most >= 0 && i64::try_from(members).is_ok_and(|members| members >= most) {
            let text = "Quota exceeded, too many servers in group";
            return Err(Fault::new(StatusCode::FORBIDDEN, text));
        }
        needs.group = Some(id.to_owned());
    }
    Ok(())
}

const GIB: u64 = 1 << 30;

/// Refuses an image that the flavor is too small for; the hypervisor it needs.
pub(crate) fn check_image(
    world: &World,
    asked: &Asked,
    id: &str,
    flavor: &Flavor,
    drives: &[Drive],
) -> Result<Option<String>, Fault> {
    let facts = lookup::lookup(world, id, &asked.caller)
        .ok_or_else(|| Fault::bad("Can not find requested image"))?;
    if !facts.active {
        return Err(Fault::bad(format!("Image {id} is not active.")));
    }
    if facts.min_ram > flavor.ram {
        return Err(Fault::bad("Flavor's memory is too small for requested image."));
    }
    let root = drives.iter().find(|drive| drive.is_root());
    if let Some(root) = root {
        if let Some(size) = root.size
            && facts.min_disk > size
        {
            return Err(Fault::bad(format!(
                "Volume is smaller than the minimum size specified in image metadata. Volume size \
                 is {} bytes, minimum size is {} bytes.",
                size * GIB,
                facts.min_disk * GIB
            )));
        }
    } else if flavor.disk == 0 {
        if !asked.is_admin() {
            let text = "Only volume-backed servers are allowed for flavors with zero disk.";
            return Err(Fault::new(StatusCode::FORBIDDEN, text));
        }
    } else {
        let size = flavor.disk * GIB;
        if facts.size > size {
            return Err(Fault::bad(format!(
                "Flavor's disk is too small for requested image. Flavor disk is {size} bytes, \
                 image is {} bytes.",
                facts.size
            )));
        }
        if facts.min_disk > flavor.disk {
            return Err(Fault::bad(format!(
                "Flavor's disk is smaller than the minimum size specified in image metadata. \
                 Flavor disk is {size} bytes, minimum size is {} bytes.",
                facts.min_disk * GIB
            )));
        }
    }
    Ok(facts.properties.get("img_hv_type").and_then(Value::as_str).map(str::to_owned))
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
