//! Ports, volumes and security groups of a server that is there.

mod volumes;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Value, json};

use self::volumes::{attach_volume, detach_volume, update_volume, volume, volumes};
use super::actions::{self, Of};
use super::asked::{Asked, Json};
use super::find::{self, Allowed};
use super::server::{Server, VmState};
use super::{network, shapes};
use crate::fault_body::Fault;
use crate::neutron::plug::{self, Nic, PlugError, PlugRequest, Plugged, Wanted};
use crate::schema::refused::fits;
use crate::world::SharedWorld;

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/v2.1/servers/{id}/os-interface", get(interfaces).post(attach_interface))
        .route("/v2.1/servers/{id}/os-interface/{port}", get(interface).delete(detach_interface))
        .route("/v2.1/servers/{id}/os-volume_attachments", get(volumes).post(attach_volume))
        .route(
            "/v2.1/servers/{id}/os-volume_attachments/{volume}",
            get(volume).put(update_volume).delete(detach_volume),
        )
        .route("/v2.1/servers/{id}/os-security-groups", get(security_groups))
}

fn interface_view(plugged: &Plugged, server: &Server, asked: &Asked) -> Value {
    let ips = plugged.fixed_ips.iter();
    let ips = ips.map(|ip| json!({"subnet_id": ip.subnet, "ip_address": ip.address.to_string()}));
    let mut shown = json!({
        "net_id": plugged.network,
        "port_id": plugged.port,
        "mac_addr": plugged.mac,
        "port_state": if plugged.active { "ACTIVE" } else { "DOWN" },
        "fixed_ips": ips.collect::<Value>(),
    });
    if asked.at_least(70) {
        let nic = server.nics.iter().find(|nic| nic.port == plugged.port);
        shown["tag"] = json!(nic.and_then(|nic| nic.tag.clone()));
    }
    shown
}

async fn interfaces(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    let server = find::find(&world.compute(), &id, &asked)?.clone();
    asked.reader("os-attach-interfaces:list")?;
    let plugged = plug::addresses(&world, &id);
    let shown = plugged.iter().map(|one| interface_view(one, &server, &asked));
    Ok(axum::Json(json!({"interfaceAttachments": shown.collect::<Value>()})))
}

async fn interface(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, port)): Path<(String, String)>,
) -> Result<axum::Json<Value>, Fault> {
    let server = find::find(&world.compute(), &id, &asked)?.clone();
    asked.reader("os-attach-interfaces:show")?;
    let plugged = plug::addresses(&world, &id);
    let Some(one) = plugged.iter().find(|one| one.port == port) else {
        let known = world.network().ports.contains_key(&port);
        let text = if known {
            format!("Instance {id} does not have a port with id {port}")
        } else {
            format!("Port id {port} could not be found.")
        };
        return Err(Fault::missing(text));
    };
    Ok(axum::Json(json!({"interfaceAttachment": interface_view(one, &server, &asked)})))
}

/// States in which ports come and go.
const PLUGGABLE: Allowed = Allowed::in_state(&[VmState::Active, VmState::Paused, VmState::Stopped]);

async fn attach_interface(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
    Json(body): Json,
) -> Result<axum::Json<Value>, Fault> {
    let address = json!({
        "type": "object",
        "properties": {"ip_address": shapes::ip()},
        "required": ["ip_address"],
        "additionalProperties": false,
    });
    let mut fields = json!({
        "net_id": shapes::uuid(),
        "port_id": shapes::uuid(),
        "fixed_ips": {"type": "array", "minItems": 1, "maxItems": 1, "items": address},
    });
    if asked.at_least(49) {
        fields["tag"] = shapes::tag();
    }
    let mut schema = shapes::wrapped("interfaceAttachment", fields, &[]);
    if let Value::Object(rules) = &mut schema {
        rules.shift_remove("required");
    }
    fits(&schema, &body)?;
    let wanted = &body["interfaceAttachment"];
    let text = |name: &str| wanted[name].as_str().map(str::to_owned);
    let (net, port) = (text("net_id"), text("port_id"));
    let ip = wanted["fixed_ips"][0]["ip_address"].as_str().map(str::to_owned);
    let now = world.now();
    let request = {
        let compute = world.compute();
        let rule = "os-attach-interfaces:create";
        let server = find::find_to_change(&compute, &id, (&asked, rule))?;
        if net.is_some() && port.is_some() {
            return Err(Fault::bad("Must not input both network_id and port_id"));
        }
        if ip.is_some() && net.is_none() {
            return Err(Fault::bad("Must input network_id when request IP address"));
        }
        find::unlocked(server, &asked)?;
        find::check(server, "attach_interface", PLUGGABLE)?;
        let host = server.host.as_deref().unwrap_or_default().to_owned();
        let nic = Nic {
            network: net.clone(),
            port: port.clone(),
            fixed_ip: ip.and_then(|ip| ip.parse().ok()),
            tag: text("tag"),
        };
        PlugRequest {
            server: id.clone(),
            project: server.project_id.to_string(),
            user: asked.user().to_owned(),
            availability_zone: compute.zone(&host).to_owned(),
            host,
            wanted: if net.is_none() && port.is_none() {
                Wanted::Auto
            } else {
                Wanted::These(vec![nic])
            },
            security_groups: Vec::new(),
            active_at: now,
            admin: asked.is_admin(),
        }
    };
    let plugged = plug::plug(&world, &request).map_err(|error| match error {
        PlugError::PortNotFound(_) | PlugError::NetworkNotFound(_) => {
            let fault = network::refuse(error, &request);
            Fault { status: StatusCode::NOT_FOUND, ..fault }
        }
        PlugError::NoNetwork => Fault::bad(format!(
            "No specific network was requested and none are available for project '{}'.",
            request.project
        )),
        PlugError::Ambiguous => Fault::bad(
            "More than one possible network found. Specify network ID(s) to select which one(s) \
             to connect to.",
        ),
        error => network::refuse(error, &request),
    })?;
    network::refresh_from_neutron(&world, &id);
    let tag = text("tag");
    let server = {
        let mut compute = world.compute();
        compute.servers.change(&id, |server| {
            actions::note(server, &asked, ("attach_interface", &["compute_attach_interface"]), now);
            let made = plugged.first().map(|one| one.port.clone()).unwrap_or_default();
            let nic = server.nics.iter_mut().find(|nic| nic.port == made);
            if let Some(nic) = nic {
                nic.tag.clone_from(&tag);
            }
            actions::done(server, now);
        });
        find::find(&compute, &id, &asked)?.clone()
    };
    let all = plug::addresses(&world, &id);
    let port = plugged.first().map(|one| one.port.as_str());
    let shown = all.iter().find(|one| Some(one.port.as_str()) == port);
    let shown = shown.map(|one| interface_view(one, &server, &asked));
    Ok(axum::Json(json!({"interfaceAttachment": shown})))
}

async fn detach_interface(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path((id, port)): Path<(String, String)>,
) -> Result<StatusCode, Fault> {
    {
        let compute = world.compute();
        let rule = "os-attach-interfaces:delete";
        let server = find::find_to_change(&compute, &id, (&asked, rule))?;
        find::unlocked(server, &asked)?;
        find::check(server, "detach_interface", PLUGGABLE)?;
        // The host finds out that there is no such port when the request was accepted.
        if !server.nics.iter().any(|nic| nic.port == port) {
            return Ok(StatusCode::ACCEPTED);
        }
    }
    plug::unplug_port(&world, &id, &port);
    network::refresh_from_neutron(&world, &id);
    let now = world.now();
    world.compute().servers.change(&id, |server| {
        actions::note(server, &asked, ("detach_interface", &["compute_detach_interface"]), now);
        actions::done(server, now);
    });
    Ok(StatusCode::ACCEPTED)
}

/// The groups of a server's ports, with their rules as Nova once kept them.
async fn security_groups(
    State(world): State<SharedWorld>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, Fault> {
    find::find(&world.compute(), &id, &asked)?;
    asked.reader("os-security-groups:list")?;
    let plugged = plug::addresses(&world, &id);
    let network = world.network();
    let mut ids: Vec<&String> = plugged.iter().flat_map(|one| &one.security_groups).collect();
    ids.sort();
    ids.dedup();
    let groups = ids.into_iter().filter_map(|id| network.security_groups.get(id)).map(|group| {
        json!({
            "id": group.standard.id,
            "name": group.standard.name,
            "description": group.standard.description,
            "tenant_id": group.standard.project_id,
            "rules": [],
        })
    });
    Ok(axum::Json(json!({"security_groups": groups.collect::<Value>()})))
}

/// `addSecurityGroup` and `removeSecurityGroup`.
pub(crate) fn security_group(
    (world, asked, id): Of<'_>,
    name: &str,
    body: &Value,
) -> Result<(), Fault> {
    let wanted = &body[name];
    let Some(fields) = wanted.as_object() else {
        return Err(Fault::bad("Security group not specified"));
    };
    let Some(group) = fields.get("name").and_then(Value::as_str) else {
        return Err(Fault::bad("Security group not specified"));
    };
    if group.trim().is_empty() {
        return Err(Fault::bad("Security group name cannot be empty"));
    }
    let adding = name == "addSecurityGroup";
    let project = {
        let compute = world.compute();
        let server = find::find(&compute, id, asked)?;
        asked.member(if adding {
            "os-security-groups:add"
        } else {
            "os-security-groups:remove"
        })?;
        server.project_id.to_string()
    };
    let now = world.now();
    let found = {
        let mut network = world.network();
        let state = &mut *network;
        let group_id = state.security_groups.values().find_map(|known| {
            let standard = &known.standard;
            let own = standard.project_id == project;
            ((standard.name == group && own) || standard.id == group).then(|| standard.id.clone())
        });
        let missing =
            || Fault::missing(format!("Security group {group} is not found for project {project}"));
        let group_id = group_id.ok_or_else(missing)?;
        let ports: Vec<String> = state.index.ports_of_device(id).map(str::to_owned).collect();
        let mut had = false;
        for port in &ports {
            let Some(mut port) = state.take_port(port) else { continue };
            had |= port.security_groups.contains(&group_id);
            port.security_groups.retain(|known| *known != group_id);
            if adding {
                port.security_groups.push(group_id.clone());
            }
            port.standard.touch(now);
            state.put_port(port);
        }
        if !adding && !had {
            let text = format!("Security group {group} not associated with the instance {id}");
            return Err(Fault::missing(text));
        }
        if ports.is_empty() {
            return Err(Fault::bad(
                "Network requires port_security_enabled and subnet associated in order to apply \
                 security groups.",
            ));
        }
        group_id
    };
    drop(found);
    network::refresh_from_neutron(world, id);
    Ok(())
}
