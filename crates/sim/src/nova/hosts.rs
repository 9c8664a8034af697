//! Hypervisors, the services of Nova and availability zones: what administrators see of hosts.

use std::collections::{BTreeMap, HashMap};

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use http::StatusCode;
use lotse_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::asked::{Asked, Paging};
use super::model::{Compute, Daemon, Host};
use super::server::VmState;
use super::shapes;
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::schema::format::is_uuid;
use crate::schema::oslo::flag;
use crate::schema::refused::query_fits;
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2.1/os-hypervisors", get(index))
        .route("/v2.1/os-hypervisors/detail", get(detail))
        .route("/v2.1/os-hypervisors/statistics", get(statistics))
        .route("/v2.1/os-hypervisors/{id}", get(show))
        .route("/v2.1/os-hypervisors/{id}/search", get(search))
        .route("/v2.1/os-hypervisors/{id}/servers", get(servers))
        .route("/v2.1/os-hypervisors/{id}/uptime", get(uptime))
        .route("/v2.1/os-availability-zone", get(zones))
        .route("/v2.1/os-availability-zone/detail", get(zones_in_detail))
}

/// What of a host is used.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    vcpus: u64,
    ram: u64,
    disk: u64,
    running: u64,
    busy: u64,
}

/// What hosts keep for themselves (`reserved_host_memory_mb`).
pub(crate) const RESERVED_RAM: u64 = 512;

fn loads(compute: &Compute) -> HashMap<&str, Load> {
    let mut loads: HashMap<&str, Load> = HashMap::new();
    for server in compute.servers.iter() {
        let Some(host) = server.host.as_deref() else { continue };
        let load = loads.entry(host).or_default();
        load.vcpus += server.flavor.vcpus;
        load.ram += server.flavor.ram;
        load.disk += if server.boots_from_volume() { 0 } else { server.flavor.disk };
        load.running += u64::from(server.vm != VmState::Error);
        load.busy += u64::from(server.task.is_some());
    }
    loads
}

fn up(compute: &Compute, host: &Host) -> (&'static str, &'static str) {
    let daemon = compute.daemon_on(&host.name);
    let state = if daemon.is_some_and(|daemon| daemon.forced_down) { "down" } else { "up" };
    let status = if daemon.is_some_and(|daemon| daemon.disabled) { "disabled" } else { "enabled" };
    (state, status)
}

fn id_of(host: &Host, asked: &Asked) -> Value {
    if asked.at_least(53) { json!(host.id) } else { json!(host.number) }
}

fn shown_id(host: &Host, asked: &Asked) -> String {
    if asked.at_least(53) { host.id.clone() } else { host.number.to_string() }
}

fn brief(compute: &Compute, host: &Host, asked: &Asked) -> Value {
    let (state, status) = up(compute, host);
    json!({
        "id": id_of(host, asked),
        "hypervisor_hostname": host.name,
        "state": state,
        "status": status,
    })
}

const UPTIME: &str = " 00:00:00 up 1 day,  0:00,  0 users,  load average: 0.00, 0.00, 0.00\n";

/// Whether the hypervisor can say since when it runs.
fn tells_uptime(host: &Host) -> bool {
    host.hypervisor_type != "fake"
}

fn full(compute: &Compute, host: &Host, load: Load, asked: &Asked) -> Value {
    let mut shown = brief(compute, host, asked);
    let daemon = compute.daemon_on(&host.name);
    let service_id = daemon.map(|daemon| daemon_id(daemon, asked));
    shown["hypervisor_type"] = json!(host.hypervisor_type);
    shown["hypervisor_version"] = json!(host.hypervisor_version);
    shown["host_ip"] = json!("127.0.0.1");
    shown["service"] = json!({
        "id": service_id,
        "host": host.name,
        "disabled_reason": daemon.and_then(|daemon| daemon.disabled_reason.clone()),
    });
    if asked.at_least(88) {
        shown["uptime"] = if tells_uptime(host) { json!(UPTIME) } else { Value::Null };
        return shown;
    }
    let cpu = json!({
        "arch": "x86_64",
        "model": "Nehalem",
        "vendor": "Intel",
        "features": ["pge", "clflush"],
        "topology": {"cores": 1, "threads": 1, "sockets": 4},
    });
    shown["vcpus"] = json!(host.vcpus);
    shown["memory_mb"] = json!(host.ram);
    shown["local_gb"] = json!(host.disk);
    shown["vcpus_used"] = json!(load.vcpus);
    shown["memory_mb_used"] = json!(load.ram + RESERVED_RAM);
    shown["local_gb_used"] = json!(load.disk);
    shown["free_ram_mb"] = json!(host.ram.saturating_sub(load.ram + RESERVED_RAM));
    shown["free_disk_gb"] = json!(host.disk.saturating_sub(load.disk));
    shown["current_workload"] = json!(load.busy);
    shown["running_vms"] = json!(load.running);
    shown["disk_available_least"] = json!(0);
    shown["cpu_info"] = if asked.at_least(28) { cpu } else { json!(cpu.to_string()) };
    shown
}

fn list_schema(asked: &Asked) -> Option<Value> {
    let mut parameters = Vec::new();
    if asked.at_least(33) {
        parameters.push(("limit", shapes::not_negative()));
        parameters.push(("marker", shapes::text()));
    }
    if asked.at_least(53) {
        parameters.push(("hypervisor_hostname_pattern", shapes::text()));
        parameters.push(("with_servers", shapes::boolean()));
    }
    asked
        .at_least(33)
        .then(|| shapes::query(&parameters, !asked.at_least(75) && !asked.at_least(53)))
}

/// The servers on a host, named.
fn servers_on(compute: &Compute, host: &str) -> Vec<Value> {
    compute
        .servers
        .iter()
        .filter(|server| server.host.as_deref() == Some(host))
        .map(|server| json!({"name": server.instance_name(), "uuid": server.id}))
        .collect()
}

fn list(
    world: &SharedWorld,
    asked: &Asked,
    query: &Query,
    in_full: bool,
) -> Result<axum::Json<Value>, Fault> {
    if let Some(schema) = list_schema(asked) {
        query_fits(&schema, query)?;
    }
    asked.admin_only(if in_full { "os-hypervisors:list-detail" } else { "os-hypervisors:list" })?;
    let pattern =
        query.get("hypervisor_hostname_pattern").filter(|_| asked.at_least(53)).unwrap_or_default();
    let paged = asked.at_least(33) && pattern.is_empty();
    if !pattern.is_empty() && (query.get("limit").is_some() || query.get("marker").is_some()) {
        let text = "Paging over hypervisors with the hypervisor_hostname_pattern query parameter is \
                    not supported.";
        return Err(Fault::bad(text));
    }
    let paging = Paging::parse(if paged { query } else { &NONE })?;
    let with_servers =
        asked.at_least(53) && query.get("with_servers").and_then(flag).unwrap_or(false);
    let compute = world.compute();
    let mut hosts: Vec<&Host> =
        compute.hosts.iter().filter(|host| host.name.contains(pattern)).collect();
    if hosts.is_empty() && !pattern.is_empty() {
        let text = format!("No hypervisor matching '{pattern}' could be found.");
        return Err(Fault::missing(text));
    }
    if let Some(marker) = &paging.marker {
        let is = |host: &&Host| shown_id(host, asked) == *marker;
        let place = hosts.iter().position(is);
        let missing = || Fault::bad(format!("marker [{marker}] not found"));
        hosts.drain(..=place.ok_or_else(missing)?);
    }
    hosts.truncate(paging.limit);
    let loads = if in_full { loads(&compute) } else { HashMap::new() };
    let shown = hosts.iter().map(|host| {
        let load = loads.get(host.name.as_str()).copied().unwrap_or_default();
        let mut shown =
            if in_full { full(&compute, host, load, asked) } else { brief(&compute, host, asked) };
        let servers = if with_servers { servers_on(&compute, &host.name) } else { Vec::new() };
        if !servers.is_empty() || (with_servers && asked.at_least(75)) {
            shown["servers"] = json!(servers);
        }
        shown
    });
    let mut body = json!({"hypervisors": shown.collect::<Value>()});
    let last = hosts.last().map(|host| shown_id(host, asked));
    let kind = if in_full { "os-hypervisors/detail" } else { "os-hypervisors" };
    if paged
        && let Some(next) = Paging::next(&world.base, kind, query, (hosts.len(), last.as_deref()))
    {
        body["hypervisors_links"] = next;
    }
    Ok(axum::Json(body))
}

static NONE: Query = Query(Vec::new());

async fn index(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<axum::Json<Value>, Fault> {
    list(&world, &asked, &query, false)
}

async fn detail(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<axum::Json<Value>, Fault> {
    list(&world, &asked, &query, true)
}

async fn statistics(
    State(world): State<SharedWorld>,
    asked: Asked,
) -> Result<axum::Json<Value>, Fault> {
    asked.until(87)?;
    asked.admin_only("os-hypervisors:statistics")?;
    let compute = world.compute();
    let loads = loads(&compute);
    let sum = |part: &dyn Fn(&Host) -> u64| compute.hosts.iter().map(part).sum::<u64>();
    let used = |part: &dyn Fn(&Load) -> u64| loads.values().map(part).sum::<u64>();
    let count = compute.hosts.len() as u64;
    let (ram, disk) = (sum(&|host| host.ram), sum(&|host| host.disk));
    let (ram_used, disk_used) =
        (used(&|load| load.ram) + count * RESERVED_RAM, used(&|load| load.disk));
    Ok(axum::Json(json!({"hypervisor_statistics": {
        "count": count,
        "vcpus": sum(&|host| host.vcpus),
        "memory_mb": ram,
        "local_gb": disk,
        "vcpus_used": used(&|load| load.vcpus),
        "memory_mb_used": ram_used,
        "local_gb_used": disk_used,
        "free_ram_mb": ram.saturating_sub(ram_used),
        "free_disk_gb": disk.saturating_sub(disk_used),
        "current_workload": used(&|load| load.busy),
        "running_vms": used(&|load| load.running),
        "disk_available_least": 0,
    }})))
}

/// The hypervisor of this id, in the form the version has.
fn find<'a>(compute: &'a Compute, id: &str, asked: &Asked) -> Result<&'a Host, Fault> {
    if asked.at_least(53) && !is_uuid(id) {
        return Err(Fault::bad(format!("Invalid uuid {id}")));
    }
    let is = |host: &&Host| {
        if asked.at_least(53) { host.id == id } else { host.number.to_string() == id }
    };
    let missing = || Fault::missing(format!("Hypervisor with ID '{id}' could not be found."));
    compute.hosts.iter().find(is).ok_or_else(missing)
}

async fn show(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    query: Query,
) -> Result<axum::Json<Value>, Fault> {
    if asked.at_least(53) {
        let schema = shapes::query(&[("with_servers", shapes::boolean())], false);
        query_fits(&schema, &query)?;
    }
    asked.admin_only("os-hypervisors:show")?;
    let compute = world.compute();
    let host = find(&compute, &id, &asked)?;
    let load = loads(&compute).get(host.name.as_str()).copied().unwrap_or_default();
    let mut shown = full(&compute, host, load, &asked);
    let with_servers =
        asked.at_least(53) && query.get("with_servers").and_then(flag).unwrap_or(false);
    let servers = if with_servers { servers_on(&compute, &host.name) } else { Vec::new() };
    if !servers.is_empty() || (with_servers && asked.at_least(75)) {
        shown["servers"] = json!(servers);
    }
    Ok(axum::Json(json!({"hypervisor": shown})))
}

async fn search(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(pattern): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    asked.until(52)?;
    asked.admin_only("os-hypervisors:search")?;
    found(&world, &asked, &pattern, false)
}

async fn servers(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(pattern): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    asked.until(52)?;
    asked.admin_only("os-hypervisors:servers")?;
    found(&world, &asked, &pattern, true)
}

fn found(
    world: &SharedWorld,
    asked: &Asked,
    pattern: &str,
    with_servers: bool,
) -> Result<axum::Json<Value>, Fault> {
    let compute = world.compute();
    let hosts: Vec<&Host> =
        compute.hosts.iter().filter(|host| host.name.contains(pattern)).collect();
    if hosts.is_empty() {
        let text = format!("No hypervisor matching '{pattern}' could be found.");
        return Err(Fault::missing(text));
    }
    let shown = hosts.iter().map(|host| {
        let mut shown = brief(&compute, host, asked);
        let servers = if with_servers { servers_on(&compute, &host.name) } else { Vec::new() };
        if !servers.is_empty() {
            shown["servers"] = json!(servers);
        }
        shown
    });
    Ok(axum::Json(json!({"hypervisors": shown.collect::<Value>()})))
}

async fn uptime(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    asked.until(87)?;
    asked.admin_only("os-hypervisors:uptime")?;
    let compute = world.compute();
    let host = find(&compute, &id, &asked)?;
    if !tells_uptime(host) {
        let text = "The requested functionality is not supported.";
        return Err(Fault::new(StatusCode::NOT_IMPLEMENTED, text));
    }
    let mut shown = brief(&compute, host, &asked);
    shown["uptime"] = json!(UPTIME);
    Ok(axum::Json(json!({"hypervisor": shown})))
}

/// The id of a service in the form the version has.
pub(crate) fn daemon_id(daemon: &Daemon, asked: &Asked) -> Value {
    if asked.at_least(53) { json!(daemon.id) } else { json!(daemon.number) }
}

/// The zone of services that are no compute service.
pub(crate) const INTERNAL: &str = "internal";

/// Zones with the services of each host in them.
fn by_zone(compute: &Compute) -> BTreeMap<&str, BTreeMap<&str, Vec<&Daemon>>> {
    let mut zones: BTreeMap<&str, BTreeMap<&str, Vec<&Daemon>>> = BTreeMap::new();
    for daemon in compute.services.values().filter(|daemon| !daemon.disabled) {
        let zone =
            if daemon.binary == "nova-compute" { compute.zone(&daemon.host) } else { INTERNAL };
        zones.entry(zone).or_default().entry(&daemon.host).or_default().push(daemon);
    }
    zones
}

async fn zones(State(world): State<SharedWorld>, _: Asked) -> axum::Json<Value> {
    let compute = world.compute();
    let zones = by_zone(&compute);
    let shown = zones
        .keys()
        .filter(|zone| **zone != INTERNAL)
        .map(|zone| json!({"zoneName": zone, "zoneState": {"available": true}, "hosts": null}));
    axum::Json(json!({"availabilityZoneInfo": shown.collect::<Value>()}))
}

async fn zones_in_detail(
    State(world): State<SharedWorld>,
    asked: Asked,
) -> Result<axum::Json<Value>, Fault> {
    asked.admin_only("os-availability-zone:detail")?;
    let now = world.now();
    let compute = world.compute();
    let zones = by_zone(&compute);
    let shown = zones.iter().map(|(zone, hosts)| {
        let hosts: Map<String, Value> = hosts
            .iter()
            .map(|(host, daemons)| {
                let daemons: Map<String, Value> = daemons
                    .iter()
                    .map(|daemon| {
                        let state = json!({
                            "available": !daemon.forced_down,
                            "active": true,
                            "updated_at": reported(daemon, now),
                        });
                        (daemon.binary.clone(), state)
                    })
                    .collect();
                ((*host).to_owned(), Value::Object(daemons))
            })
            .collect();
        json!({"zoneName": zone, "zoneState": {"available": true}, "hosts": hosts})
    });
    Ok(axum::Json(json!({"availabilityZoneInfo": shown.collect::<Value>()})))
}

/// When a service last reported: just now.
pub(crate) fn reported(daemon: &Daemon, now: Timestamp) -> String {
    let at = daemon.updated_at.filter(|_| daemon.forced_down).unwrap_or(now);
    at.strftime("%Y-%m-%dT%H:%M:%S.000000").to_string()
}
