//! Consoles, diagnostics, and the history of a server.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::{Value, json};

use super::actions::Of;
use super::asked::{Asked, Json, Paging};
use super::find::{self, Allowed};
use super::model::Compute;
use super::server::{Action, ActionEvent, Server, VmState};
use super::shapes;
use super::view::microseconds;
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::schema::format::instant;
use crate::schema::oslo::count;
use crate::schema::refused::{fits, query_fits};
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2.1/servers/{id}/remote-consoles", post(remote))
        .route("/v2.1/servers/{id}/diagnostics", get(diagnostics))
        .route("/v2.1/servers/{id}/os-server-password", get(password).delete(clear_password))
        .route("/v2.1/servers/{id}/os-instance-actions", get(actions))
        .route("/v2.1/servers/{id}/os-instance-actions/{request}", get(one_action))
        .route("/v2.1/servers/{id}/migrations", get(migrations))
}

/// What a guest that came up has written to its console.
fn came_up(server: &Server) -> String {
    let hostname = &server.hostname;
    format!(
        "[    0.000000] Linux version 6.12.48-amd64 (simulated) #1 SMP\n\
         [    0.000000] Command line: root=LABEL=root ro console=tty0 console=ttyS0,115200\n\
         [    1.204331] EXT4-fs (vda1): mounted filesystem r/w with ordered data mode.\n\
         [    1.950114] systemd[1]: Hostname set to <{hostname}>.\n\
         [    4.770820] cloud-init[412]: Cloud-init v. 25.1.4 running 'init'. Up 4.70 seconds.\n\
         [    6.310552] cloud-init[498]: Cloud-init v. 25.1.4 finished at Thu, 01 Jan 2026 00:00:06 +0000. Up 6.29 seconds\n\
         \n\
         Simulated Linux {hostname} ttyS0\n\
         \n\
         {hostname} login: "
    )
}

/// `os-getConsoleOutput`.
pub(crate) fn output((world, asked, id): Of<'_>, body: &Value) -> Result<Response, Fault> {
    let length = json!({
        "type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$", "minimum": -1,
    });
    let fields = json!({"length": length});
    fits(&shapes::wrapped("os-getConsoleOutput", fields, &[]), body)?;
    let compute = world.compute();
    let server = find::find(&compute, id, asked)?;
    asked.member("os-console-output")?;
    if server.host.is_none() || server.launched_at.is_none() {
        return Err(Fault::conflict(format!("Instance {id} is not ready")));
    }
    let wanted = count(&body["os-getConsoleOutput"]["length"]);
    let wanted = wanted.and_then(|wanted| usize::try_from(wanted).ok()).unwrap_or(usize::MAX);
    let text = world.options.console.clone().unwrap_or_else(|| came_up(server));
    let lines: Vec<&str> = text.split('\n').collect();
    let shown = lines.get(lines.len().saturating_sub(wanted)..).unwrap_or_default();
    Ok(axum::Json(json!({"output": shown.join("\n")})).into_response())
}

/// Kinds of consoles, the protocol of each, and where it leads.
const CONSOLES: &[(&str, &str, &str)] = &[
    ("novnc", "vnc", "/vnc_auto.html?path=%3Ftoken%3D"),
    ("xvpvnc", "vnc", "/console?token="),
    ("spice-html5", "spice", "/spice_auto.html?token="),
    ("rdp-html5", "rdp", "/?token="),
    ("serial", "serial", "/?token="),
    ("webmks", "mks", "/?token="),
];

fn url(world: &SharedWorld, kind: &str) -> String {
    let path = CONSOLES.iter().find(|(name, _, _)| *name == kind).map_or("", |(_, _, path)| path);
    format!("{}/console{path}{}", world.base, world.ids.uuid())
}

fn ready(server: &Server) -> Result<(), Fault> {
    if server.host.is_none() || server.vm == VmState::Building {
        return Err(Fault::conflict(format!("Instance {} is not ready", server.id)));
    }
    Ok(())
}

/// The actions that were there before 2.6.
pub(crate) fn old((world, asked, id): Of<'_>, name: &str, body: &Value) -> Result<Response, Fault> {
    asked.until(5)?;
    let kinds = match name {
        "os-getVNCConsole" => json!(["novnc", "xvpvnc"]),
        "os-getSPICEConsole" => json!(["spice-html5"]),
        "os-getRDPConsole" => json!(["rdp-html5"]),
        _ => json!(["serial"]),
    };
    let fields = json!({"type": {"type": "string", "enum": kinds}});
    fits(&shapes::wrapped(name, fields, &["type"]), body)?;
    let compute = world.compute();
    let server = find::find(&compute, id, asked)?;
    asked.member("os-remote-consoles")?;
    ready(server)?;
    let kind = body[name]["type"].as_str().unwrap_or_default();
    Ok(axum::Json(json!({"console": {"type": kind, "url": url(world, kind)}})).into_response())
}

async fn remote(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    asked.needs(6)?;
    let mks = asked.at_least(8);
    let mut protocols = vec!["vnc", "spice", "rdp", "serial"];
    let mut kinds = vec!["novnc", "xvpvnc", "rdp-html5", "spice-html5", "serial"];
    if mks {
        protocols.push("mks");
        kinds.push("webmks");
    }
    let fields = json!({
        "protocol": {"type": "string", "enum": protocols},
        "type": {"type": "string", "enum": kinds},
    });
    fits(&shapes::wrapped("remote_console", fields, &["protocol", "type"]), &body)?;
    let compute = world.compute();
    let server = find::find(&compute, &id, &asked)?;
    asked.member("os-remote-consoles")?;
    ready(server)?;
    let text = |name: &str| body["remote_console"][name].as_str().unwrap_or_default();
    let (protocol, kind) = (text("protocol"), text("type"));
    if !CONSOLES.iter().any(|(name, of, _)| *name == kind && *of == protocol) {
        return Err(Fault::bad(format!("Invalid console type {kind}")));
    }
    Ok(axum::Json(json!({"remote_console": {
        "protocol": protocol, "type": kind, "url": url(&world, kind),
    }})))
}

async fn diagnostics(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    let compute = world.compute();
    let server = find::find(&compute, &id, &asked)?;
    asked.admin_only("os-server-diagnostics")?;
    let running = Allowed::in_state(&[
        VmState::Active,
        VmState::Paused,
        VmState::Suspended,
        VmState::Rescued,
        VmState::Error,
        VmState::Stopped,
    ]);
    find::check(server, "get_diagnostics", running)?;
    if !asked.at_least(48) {
        return Ok(axum::Json(json!({
            "cpu0_time": 17_300_000_000_u64,
            "memory": server.flavor.ram * 1024,
            "vda_errors": -1, "vda_read": 262_144, "vda_read_req": 112,
            "vda_write": 5_778_432, "vda_write_req": 488,
            "vnet1_rx": 2_070_139, "vnet1_rx_drop": 0, "vnet1_rx_errors": 0,
            "vnet1_rx_packets": 26_701, "vnet1_tx": 140_208, "vnet1_tx_drop": 0,
            "vnet1_tx_errors": 0, "vnet1_tx_packets": 662,
        })));
    }
    let nics = server.nics.iter().map(|nic| {
        json!({
            "mac_address": nic.mac,
            "rx_octets": 2_070_139, "rx_errors": 100, "rx_drop": 200, "rx_packets": 26_701,
            "rx_rate": null,
            "tx_octets": 140_208, "tx_errors": 300, "tx_drop": 400, "tx_packets": 662,
            "tx_rate": null,
        })
    });
    let nics: Vec<Value> = nics.collect();
    Ok(axum::Json(json!({
        "config_drive": server.config_drive,
        "cpu_details": [{"id": 0, "time": 17_300_000_000_u64, "utilisation": 15}],
        "disk_details": [{
            "read_bytes": 262_144, "read_requests": 112,
            "write_bytes": 5_778_432, "write_requests": 488, "errors_count": 1,
        }],
        "driver": "libvirt",
        "hypervisor": "kvm",
        "hypervisor_os": "ubuntu",
        "memory_details": {"maximum": server.flavor.ram, "used": server.flavor.ram / 2},
        "nic_details": nics,
        "num_cpus": 1,
        "num_disks": 1,
        "num_nics": nics.len(),
        "state": "running",
        "uptime": 46_664,
    })))
}

async fn password(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    find::find(&world.compute(), &id, &asked)?;
    asked.reader("os-server-password:show")?;
    Ok(axum::Json(json!({"password": ""})))
}

async fn clear_password(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    find::find(&world.compute(), &id, &asked)?;
    asked.member("os-server-password:clear")?;
    Ok(StatusCode::NO_CONTENT)
}

/// The server, or from 2.21 on the deleted one.
fn remembered<'a>(compute: &'a Compute, id: &str, asked: &Asked) -> Result<&'a Server, Fault> {
    find::find(compute, id, asked).or_else(|fault| {
        let own = |server: &&Server| {
            server.id == id
                && (asked.is_admin() || asked.caller.project() == Some(server.project_id.as_ref()))
        };
        let gone = compute.servers.gone().filter(|_| asked.at_least(21));
        gone.into_iter().find(own).ok_or(fault)
    })
}

fn action_view(server: &Server, action: &Action, asked: &Asked) -> Value {
    let mut shown = json!({
        "action": action.name,
        "instance_uuid": server.id,
        "request_id": action.request,
        "user_id": action.user,
        "project_id": action.project,
        "start_time": microseconds(action.start),
        "message": action.message,
    });
    if asked.at_least(58) {
        let last = action.events.iter().filter_map(|event| event.finish).max();
        shown["updated_at"] = json!(last.map(microseconds));
    }
    shown
}

fn event_view(event: &ActionEvent, server: &Server, asked: &Asked) -> Value {
    let mut shown = json!({
        "event": event.name,
        "start_time": microseconds(event.start),
        "finish_time": event.finish.map(microseconds),
        "result": event.result,
    });
    if asked.is_admin() {
        shown["traceback"] = Value::Null;
    }
    if asked.at_least(62) {
        if asked.is_admin() {
            shown["host"] = json!(event.host);
        }
        let host = event.host.as_deref().unwrap_or_default();
        shown["hostId"] = json!(super::view::hashed(&server.project_id, host));
    }
    if asked.at_least(84) && asked.is_admin() {
        shown["details"] = Value::Null;
    }
    shown
}

async fn actions(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    query: Query,
) -> Result<axum::Json<Value>, Fault> {
    let paged = asked.at_least(58);
    if paged {
        let time = json!({"type": "string", "format": "date-time"});
        let mut parameters = vec![
            ("limit", shapes::not_negative()),
            ("marker", shapes::text()),
            ("changes-since", time.clone()),
        ];
        if asked.at_least(66) {
            parameters.push(("changes-before", time));
        }
        query_fits(&shapes::query(&parameters, false), &query)?;
    }
    let compute = world.compute();
    let server = remembered(&compute, &id, &asked)?;
    asked.reader("os-instance-actions:list")?;
    let paging = Paging::parse(if paged { &query } else { &NONE })?;
    let since = query.get("changes-since").filter(|_| paged).and_then(instant);
    let mut found: Vec<&Action> = server.actions.iter().rev().collect();
    found.retain(|action| since.is_none_or(|since| action.start >= since));
    if let Some(marker) = &paging.marker {
        // Nova 26 does not tell which marker it was.
        let missing = || Fault::bad("Marker None could not be found.");
        let place = found.iter().position(|action| action.request == *marker);
        found.drain(..=place.ok_or_else(missing)?);
    }
    found.truncate(paging.limit);
    let shown = found.iter().map(|action| action_view(server, action, &asked));
    let mut body = json!({"instanceActions": shown.collect::<Value>()});
    let last = found.last().map(|action| action.request.as_str());
    let kind = format!("servers/{id}/os-instance-actions");
    if paged && let Some(next) = Paging::next(&world.base, &kind, &query, (found.len(), last)) {
        body["links"] = next;
    }
    Ok(axum::Json(body))
}

static NONE: Query = Query(Vec::new());

async fn one_action(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, request)): Path<(String, String)>,
) -> Result<axum::Json<Value>, Fault> {
    let compute = world.compute();
    let server = remembered(&compute, &id, &asked)?;
    asked.reader("os-instance-actions:show")?;
    let action = server.actions.iter().find(|action| action.request == request);
    let missing = || Fault::missing(format!("Action {request} not found"));
    let action = action.ok_or_else(missing)?;
    let mut shown = action_view(server, action, &asked);
    if asked.is_admin() || asked.at_least(51) {
        let events = action.events.iter().rev().map(|event| event_view(event, server, &asked));
        shown["events"] = events.collect();
    }
    Ok(axum::Json(json!({"instanceAction": shown})))
}

/// Live migrations that are under way.
async fn migrations(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    asked.needs(23)?;
    let compute = world.compute();
    find::find(&compute, &id, &asked)?;
    asked.admin_only("servers:migrations:index")?;
    let under_way = ["queued", "preparing", "running", "post-migrating"];
    let found = compute.migrations.iter().filter(|one| {
        one.server == id && one.kind == "live-migration" && under_way.contains(&one.status.as_str())
    });
    let shown = found.map(|one| {
        let mut shown = json!({
            "created_at": microseconds(one.created_at),
            "dest_compute": one.dest, "dest_host": "127.0.0.1", "dest_node": one.dest,
            "disk_processed_bytes": 0, "disk_remaining_bytes": 0, "disk_total_bytes": 0,
            "id": one.number,
            "memory_processed_bytes": 0, "memory_remaining_bytes": 0, "memory_total_bytes": 0,
            "server_uuid": one.server,
            "source_compute": one.source, "source_node": one.source,
            "status": one.status,
            "updated_at": microseconds(one.updated_at),
        });
        if asked.at_least(59) {
            shown["uuid"] = json!(one.uuid);
        }
        if asked.at_least(80) {
            shown["user_id"] = json!(one.user_id);
            shown["project_id"] = json!(one.project_id);
        }
        shown
    });
    Ok(axum::Json(json!({"migrations": shown.collect::<Value>()})))
}
