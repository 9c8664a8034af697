//! What joins a router to networks: its interfaces and its extra routes.

use axum::Router as Routes;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use serde_json::{Map, Value, json};

use super::{INTERFACE, bad, reachable};
use crate::keystone::caller::Caller;
use crate::neutron::access::{Change, Request};
use crate::neutron::allocate::{Tenant, Wish};
use crate::neutron::attribute::python;
use crate::neutron::model::{Network, Port, Router, Subnet};
use crate::neutron::plug::new_mac;
use crate::neutron::ports::no_address;
use crate::neutron::refusal::Refusal;
use crate::neutron::resource::{Resource, find, owns, sees};
use crate::neutron::seed::plain_port;
use crate::world::SharedWorld;

/// The routes of interfaces and extra routes.
pub(crate) fn routes() -> Routes<SharedWorld> {
    Routes::new()
        .route("/v2.0/routers/{id}/add_router_interface", put(add_interface))
        .route("/v2.0/routers/{id}/remove_router_interface", put(remove_interface))
        .route("/v2.0/routers/{id}/add_extraroutes", put(add_routes))
        .route("/v2.0/routers/{id}/remove_extraroutes", put(remove_routes))
}

/// The router, if the caller may change it.
fn own_router<'a>(
    state: &'a Network,
    caller: &Caller,
    id: &str,
    action: &str,
) -> Result<&'a Router, Refusal> {
    let router = find::<Router>(state, caller, id)?;
    if owns(caller, &router.standard.project_id) {
        return Ok(router);
    }
    Err(Refusal::policy(&format!("rule:{action}")))
}

pub(super) fn fields(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ if body.is_empty() => Ok(Map::new()),
        _ => Err(Refusal::bad("Body contains invalid data")),
    }
}

/// What the body of an interface names: a port, a subnet, or both.
fn named(
    body: &Map<String, Value>,
    add: bool,
) -> Result<(Option<String>, Option<String>), Refusal> {
    let get = |name: &str| body.get(name).filter(|it| !it.is_null()).map(python);
    let (port, subnet) = (get("port_id"), get("subnet_id"));
    match (&port, &subnet) {
        (None, None) => Err(bad("Either subnet_id or port_id must be specified")),
        (Some(_), Some(_)) if add => Err(bad("Cannot specify both subnet-id and port-id")),
        _ => Ok((port, subnet)),
    }
}

async fn add_interface(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let body = fields(&body)?;
    let mut change = Change::new(&world, &request);
    let shown = {
        let mut state = world.network();
        own_router(&state, &request.caller, &id, "add_router_interface")?;
        let (port, subnet) = named(&body, true)?;
        let port = match (port, subnet) {
            (Some(port), _) => add_port(&mut state, &change, &id, &port)?,
            (None, subnet) => add_subnet(&mut state, &change, &id, &subnet.unwrap_or_default())?,
        };
        if let Some(router) = state.routers.get_mut(&id) {
            router.standard.touch(change.now);
        }
        interface(&state, &id, &port)
    };
    change.tell("router.interface.create".to_owned(), json!({"router_interface": shown}));
    change.finish();
    Ok(axum::Json(shown).into_response())
}

/// An interface as answers show it.
fn interface(state: &Network, id: &str, port: &Port) -> Value {
    let project = state.routers.get(id).map(|it| it.standard.project_id.clone());
    let subnets: Vec<&String> = port.fixed_ips.iter().map(|fixed| &fixed.subnet_id).collect();
    json!({
        "id": id,
        "tenant_id": project,
        "port_id": port.standard.id,
        "network_id": port.network_id,
        "subnet_id": subnets.first(),
        "subnet_ids": subnets,
    })
}

/// Refuses a subnet that the router is in already or that overlaps with one it is in.
fn check_subnet(state: &Network, router: &str, subnet: &Subnet) -> Result<(), Refusal> {
    let id = &subnet.standard.id;
    for other in reachable(state, router) {
        if other.standard.id == *id {
            return Err(bad(&format!("Router already has a port on subnet {id}")));
        }
        if other.cidr.overlaps(subnet.cidr) {
            return Err(bad(&format!(
                "Cidr {} of subnet {id} overlaps with cidr {} of subnet {}",
                subnet.cidr, other.cidr, other.standard.id
            )));
        }
    }
    Ok(())
}

fn add_subnet(
    state: &mut Network,
    change: &Change<'_>,
    router: &str,
    id: &str,
) -> Result<Port, Refusal> {
    let subnet = find::<Subnet>(state, change.caller(), id)?.clone();
    let Some(gateway) = subnet.gateway_ip else {
        return Err(bad("Subnet for router interface must have a gateway IP"));
    };
    check_subnet(state, router, &subnet)?;
    let network = subnet.network_id.clone();
    let mac = new_mac(state, &change.world.ids, &network);
    let tenant = Tenant { network: &network, mac: &mac, device_owner: INTERFACE };
    let wish = Wish { subnet: Some(id.to_owned()), address: Some(gateway) };
    let fixed_ips =
        state.allocate(tenant, Some(&[wish])).map_err(|error| no_address(error, &network))?;
    let owner = state.routers.get(router).map(|it| it.standard.project_id.clone());
    let mut standard = change.standard(&owner.unwrap_or_default());
    standard.revision = 2;
    let mut port = plain_port(standard, &network, mac);
    router.clone_into(&mut port.device_id);
    INTERFACE.clone_into(&mut port.device_owner);
    port.secured = false;
    port.fixed_ips = fixed_ips;
    port.active_at = Some(change.now);
    state.put_port(port.clone());
    Ok(port)
}

fn add_port(
    state: &mut Network,
    change: &Change<'_>,
    router: &str,
    id: &str,
) -> Result<Port, Refusal> {
    let mut port = find::<Port>(state, change.caller(), id)?.clone();
    if !port.device_id.is_empty() {
        return Err(Refusal::conflict(
            "PortInUse",
            format!(
                "Unable to complete operation on port {id} for network {}. Port already has an \
                 attached device {}.",
                port.network_id, port.device_id
            ),
        ));
    }
    if port.fixed_ips.is_empty() {
        return Err(bad("Router port must have at least one fixed IP"));
    }
    for fixed in &port.fixed_ips {
        if let Some(subnet) = state.subnets.get(&fixed.subnet_id) {
            check_subnet(state, router, subnet)?;
        }
    }
    router.clone_into(&mut port.device_id);
    INTERFACE.clone_into(&mut port.device_owner);
    port.secured = false;
    port.security_groups.clear();
    port.standard.touch(change.now);
    state.put_port(port.clone());
    Ok(port)
}

async fn remove_interface(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let body = fields(&body)?;
    let mut change = Change::new(&world, &request);
    let shown = {
        let mut state = world.network();
        own_router(&state, &request.caller, &id, "remove_router_interface")?;
        let (port, subnet) = named(&body, false)?;
        let port = find_interface(&state, &request.caller, &id, port, subnet)?;
        let needed = port.fixed_ips.iter().find(|fixed| {
            state.floating_ips_behind(&id).any(|floating| {
                let inside = state.subnets.get(&fixed.subnet_id);
                floating.fixed_ip_address.is_some_and(|address| {
                    inside.is_some_and(|subnet| subnet.cidr.contains(address))
                })
            })
        });
        if let Some(fixed) = needed {
            return Err(Refusal::conflict(
                "RouterInterfaceInUseByFloatingIP",
                format!(
                    "Router interface for subnet {} on router {id} cannot be deleted, as it is \
                     required by one or more floating IPs.",
                    fixed.subnet_id
                ),
            ));
        }
        state.take_port(&port.standard.id);
        if let Some(router) = state.routers.get_mut(&id) {
            router.standard.touch(change.now);
        }
        interface(&state, &id, &port)
    };
    change.tell("router.interface.delete".to_owned(), json!({"router_interface": shown}));
    change.finish();
    Ok(axum::Json(shown).into_response())
}

/// The interface that a body names.
fn find_interface(
    state: &Network,
    caller: &Caller,
    router: &str,
    port: Option<String>,
    subnet: Option<String>,
) -> Result<Port, Refusal> {
    let mut interfaces = state.ports_of_device(router).filter(|it| it.device_owner == INTERFACE);
    if let Some(id) = port {
        let found = interfaces.find(|it| it.standard.id == id).cloned().ok_or_else(|| {
            Refusal::missing(
                "RouterInterfaceNotFound",
                format!("Router {router} does not have an interface with id {id}"),
            )
        })?;
        return match subnet {
            Some(subnet) if found.fixed_ips.iter().all(|it| it.subnet_id != subnet) => {
                Err(Refusal::wrong(
                    "SubnetMismatchForPort",
                    format!("Subnet on port {id} does not match the requested subnet {subnet}."),
                ))
            }
            _ => Ok(found),
        };
    }
    let subnet = subnet.unwrap_or_default();
    let known = state.subnets.get(&subnet).is_some_and(|it| sees(state, caller, it));
    if !known {
        return Err(Subnet::missing(&subnet));
    }
    let found = interfaces.find(|it| it.fixed_ips.iter().any(|it| it.subnet_id == subnet));
    found.cloned().ok_or_else(|| {
        Refusal::missing(
            "RouterInterfaceNotFoundForSubnet",
            format!("Router {router} has no interface on subnet {subnet}"),
        )
    })
}

async fn add_routes(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    change_routes(&world, &request, &id, &body, true)
}

async fn remove_routes(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    change_routes(&world, &request, &id, &body, false)
}

fn change_routes(
    world: &SharedWorld,
    request: &Request,
    id: &str,
    body: &[u8],
    add: bool,
) -> Result<Response, Refusal> {
    let body = fields(body)?;
    let inner = body.get("router").and_then(Value::as_object).cloned().unwrap_or_default();
    let routes =
        crate::neutron::subnets::read_routes("routes", inner.get("routes").unwrap_or(&json!([])))?;
    let mut change = Change::new(world, request);
    let shown = {
        let mut state = world.network();
        let action = if add { "add_extraroutes" } else { "remove_extraroutes" };
        let router = own_router(&state, &request.caller, id, action)?;
        let mut all = router.routes.clone();
        if add {
            all.extend(routes.into_iter().filter(|it| !router.routes.contains(it)));
        } else {
            all.retain(|it| !routes.contains(it));
        }
        let item = Map::from_iter([("routes".to_owned(), json!(all))]);
        Router::update(&mut state, &mut change, id, item)?;
        let router = find::<Router>(&state, &request.caller, id)?;
        let mut shown = crate::neutron::resource::render(&state, &request.caller, router, &[]);
        // This one answer shows what others keep for themselves.
        shown["gw_port_id"] = json!(router.gateway.as_ref().map(|it| &it.port_id));
        shown["distributed"] = json!(false);
        shown["ha"] = json!(false);
        shown["ha_vr_id"] = json!(0);
        json!({"router": shown})
    };
    change.finish();
    Ok(axum::Json(shown).into_response())
}
