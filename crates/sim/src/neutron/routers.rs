//! Routers: their gateways, interfaces and routes.

use axum::Router as Routes;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use serde_json::{Map, Value, json};

use super::access::{Change, Request};
use super::allocate::{Tenant, Wish};
use super::attribute::Otherwise::{Empty, EmptyList, Null, True, Unset};
use super::attribute::{Attribute, Check, Kind, attribute, boolean, python};
use super::model::{FixedIp, Gateway, Net, Network, Port, Router, Standard, Subnet};
use super::plug::new_mac;
use super::ports::{no_address, read_wishes};
use super::refusal::Refusal;
use super::resource::{Resource, find, owns, rename, sees, stored, text, truth};
use super::seed::plain_port;
use crate::keystone::caller::Caller;
use crate::world::SharedWorld;

/// Who owns the ports in which a router is in its networks.
const INTERFACE: &str = "network:router_interface";
/// Who owns the port in which a router is in its external network.
const GATEWAY: &str = "network:router_gateway";

impl Resource for Router {
    const KIND: Kind = Kind { one: "router", many: "routers" };
    const PATH: &'static str = "routers";
    const ATTRIBUTES: &'static [Attribute] = &[
        attribute("name", "PUFS", Empty, Check::Text(255)),
        attribute("admin_state_up", "PUFS", True, Check::Bool),
        attribute("status", "S", Unset, Check::Any),
        attribute("external_gateway_info", "PUEA", Null, Check::By(check_gateway)),
        attribute("routes", "U", Unset, Check::Any),
        attribute("description", "PUF", Empty, Check::Text(255)),
        attribute("availability_zones", "", Unset, Check::Any),
        attribute("availability_zone_hints", "P", EmptyList, Check::List),
    ];
    const FIELDS: (&'static [&'static str], &'static [&'static str]) = (
        &[
            "id",
            "name",
            "tenant_id",
            "admin_state_up",
            "status",
            "external_gateway_info",
            "description",
            "availability_zones",
            "availability_zone_hints",
            "routes",
            "tags",
            "created_at",
            "updated_at",
            "revision_number",
            "project_id",
        ],
        &[],
    );
    const QUOTA: Option<&'static str> = Some("router");

    stored!(routers);

    fn show(&self, state: &Network, _caller: &Caller, name: &str) -> Value {
        match name {
            "admin_state_up" => json!(self.admin_state_up),
            "status" => json!("ACTIVE"),
            "external_gateway_info" => match &self.gateway {
                None => Value::Null,
                Some(gateway) => {
                    let port = state.ports.get(&gateway.port_id);
                    let addresses: &[FixedIp] = port.map_or(&[], |port| &port.fixed_ips);
                    json!({
                        "network_id": gateway.network_id,
                        "external_fixed_ips": addresses,
                        "enable_snat": gateway.enable_snat,
                    })
                }
            },
            "availability_zones" => json!([]),
            "availability_zone_hints" => json!(self.availability_zone_hints),
            "routes" => json!(self.routes),
            _ => Value::Null,
        }
    }

    fn missing(id: &str) -> Refusal {
        Refusal::missing("RouterNotFound", format!("Router {id} could not be found"))
    }

    fn may_set(
        _state: &Network,
        caller: &Caller,
        attribute: &Attribute,
        item: &Map<String, Value>,
        _create: bool,
    ) -> bool {
        let parts = item.get(attribute.name).and_then(Value::as_object);
        let restricted = parts.is_some_and(|it| {
            it.contains_key("enable_snat") || it.contains_key("external_fixed_ips")
        });
        caller.is_admin() || !restricted
    }

    fn create(
        state: &mut Network,
        change: &mut Change<'_>,
        item: Map<String, Value>,
    ) -> Result<String, Refusal> {
        let project = text(&item, "project_id");
        let mut router = Self {
            standard: change.standard(&project),
            admin_state_up: truth(&item, "admin_state_up"),
            gateway: None,
            routes: Vec::new(),
            availability_zone_hints: super::networks::zones(&item)?,
        };
        rename(&mut router.standard, &item);
        let id = router.standard.id.clone();
        state.put_router(router);
        if let Some(wanted) = item.get("external_gateway_info") {
            set_gateway(state, change, &id, wanted).inspect_err(|_| {
                state.take_router(&id);
            })?;
            if let Some(router) = state.routers.get_mut(&id).filter(|it| it.gateway.is_some()) {
                router.standard.touch(change.now);
            }
        }
        Ok(id)
    }

    fn update(
        state: &mut Network,
        change: &mut Change<'_>,
        id: &str,
        item: Map<String, Value>,
    ) -> Result<(), Refusal> {
        let routes = item.get("routes").map(|it| super::subnets::read_routes("routes", it));
        if let Some(routes) = routes.transpose()? {
            let reaches = reachable(state, id);
            let connected = |route: &super::model::Route| {
                reaches.iter().any(|subnet| subnet.cidr.contains(route.nexthop))
            };
            if !routes.iter().all(connected) {
                return Err(Refusal::wrong(
                    "InvalidRoutes",
                    format!(
                        "Invalid format for routes: {}, the nexthop is not connected with router",
                        python(&json!(routes))
                    ),
                ));
            }
            if let Some(router) = state.routers.get_mut(id) {
                router.routes = routes;
            }
        }
        if let Some(wanted) = item.get("external_gateway_info") {
            set_gateway(state, change, id, wanted)?;
        }
        if let Some(router) = state.routers.get_mut(id) {
            rename(&mut router.standard, &item);
            if item.contains_key("admin_state_up") {
                router.admin_state_up = truth(&item, "admin_state_up");
            }
            router.standard.touch(change.now);
        }
        Ok(())
    }

    fn delete(state: &mut Network, _change: &mut Change<'_>, id: &str) -> Result<(), Refusal> {
        let router = state.routers.get(id).ok_or_else(|| Self::missing(id))?;
        if router.gateway.is_some() && gateway_used(state, id) {
            return Err(in_use(state, id));
        }
        let interfaces: Vec<&str> = state
            .ports_of_device(id)
            .filter(|port| port.device_owner == INTERFACE)
            .map(|port| port.standard.id.as_str())
            .collect();
        if !interfaces.is_empty() {
            return Err(in_use(state, id));
        }
        if let Some(gateway) = router.gateway.clone() {
            state.take_port(&gateway.port_id);
        }
        state.take_router(id);
        Ok(())
    }
}

fn in_use(state: &Network, id: &str) -> Refusal {
    let ports: Vec<&str> = state
        .ports_of_device(id)
        .filter(|port| port.device_owner == INTERFACE)
        .map(|port| port.standard.id.as_str())
        .collect();
    let text = format!("Router {id} has ports still attached: {}", ports.join(", "));
    Refusal::conflict("RouterInUse", text)
}

/// The subnets a router is in.
fn reachable<'a>(state: &'a Network, router: &str) -> Vec<&'a Subnet> {
    let addresses = state.ports_of_device(router).flat_map(|port| &port.fixed_ips);
    addresses.filter_map(|fixed| state.subnets.get(&fixed.subnet_id)).collect()
}

fn gateway_used(state: &Network, router: &str) -> bool {
    state.index.has_floating_ips(router)
}

fn bad(text: &str) -> Refusal {
    Refusal::wrong("BadRequest", format!("Bad router request: {text}."))
}

/// Gives a router another gateway, or none.
fn set_gateway(
    state: &mut Network,
    change: &Change<'_>,
    id: &str,
    wanted: &Value,
) -> Result<(), Refusal> {
    let fields = match wanted {
        Value::Object(fields) if !fields.is_empty() => fields,
        _ => return clear_gateway(state, change, id),
    };
    let network = text(fields, "network_id");
    let caller = change.caller();
    let net = find::<Net>(state, caller, &network)?;
    if !net.external {
        return Err(bad(&format!("Network {network} is not an external network")));
    }
    let old = state.routers.get(id).and_then(|router| router.gateway.clone());
    let snat = fields.get("enable_snat").and_then(boolean);
    let addresses = fields.get("external_fixed_ips").map(read_wishes).transpose()?;
    let same = old.as_ref().filter(|it| it.network_id == network && addresses.is_none());
    let port_id = if let Some(gateway) = same {
        gateway.port_id.clone()
    } else {
        if old.is_some() && gateway_used(state, id) {
            return Err(gateway_in_use(state, id));
        }
        let port = gateway_port(state, change, id, &network, addresses.as_deref())?;
        if let Some(old) = &old {
            state.take_port(&old.port_id);
        }
        port
    };
    if let Some(router) = state.routers.get_mut(id) {
        // Neutron writes the row once for the port and once for the rest, and once more to let an
        // old gateway go.
        router.standard.revision += if old.is_some() { 2 } else { 1 };
        let enable_snat = snat.or(old.map(|it| it.enable_snat)).unwrap_or(true);
        router.gateway = Some(Gateway { network_id: network, enable_snat, port_id });
    }
    Ok(())
}

fn gateway_in_use(state: &Network, id: &str) -> Refusal {
    let network = state.routers.get(id).and_then(|it| it.gateway.as_ref());
    Refusal::conflict(
        "RouterExternalGatewayInUseByFloatingIp",
        format!(
            "Gateway cannot be updated for router {id}, since a gateway to external network {} is \
             required by one or more floating IPs.",
            network.map(|it| it.network_id.as_str()).unwrap_or_default()
        ),
    )
}

fn clear_gateway(state: &mut Network, change: &Change<'_>, id: &str) -> Result<(), Refusal> {
    if gateway_used(state, id) {
        return Err(gateway_in_use(state, id));
    }
    let gateway = state.routers.get_mut(id).and_then(|router| router.gateway.take());
    if let Some(gateway) = gateway {
        state.take_port(&gateway.port_id);
        if let Some(router) = state.routers.get_mut(id) {
            router.standard.revision += 1;
            router.standard.touch(change.now);
        }
    }
    Ok(())
}

/// Refuses what describes no gateway.
fn check_gateway(value: &Value) -> Result<(), Refusal> {
    let wrong = |text: &str| Err(Refusal::value("external_gateway_info", text));
    let fields = match value {
        Value::Null => return Ok(()),
        Value::Object(fields) if fields.is_empty() => return Ok(()),
        Value::Object(fields) => fields,
        other => return wrong(&format!("'{}' is not a dictionary", python(other))),
    };
    let known = ["network_id", "enable_snat", "external_fixed_ips", "qos_policy_id"];
    if let Some(name) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        return wrong(&format!("Unexpected keys supplied: {name}"));
    }
    let Some(network) = fields.get("network_id").map(python) else {
        let keys: Vec<String> = fields.keys().map(|key| format!("'{key}'")).collect();
        return wrong(&format!(
            "Validation of dictionary's keys failed. Expected keys: {{'network_id'}} Provided \
             keys: {{{}}}",
            keys.join(", ")
        ));
    };
    if network.len() != 36 || uuid::Uuid::parse_str(&network).is_err() {
        return wrong(&format!("'{network}' is not a valid UUID"));
    }
    Ok(())
}

fn gateway_port(
    state: &mut Network,
    change: &Change<'_>,
    router: &str,
    network: &str,
    wishes: Option<&[Wish]>,
) -> Result<String, Refusal> {
    if state.subnets_of(network).next().is_none() {
        let text = format!("No more IP addresses available on network {network}.");
        return Err(Refusal::conflict("IpAddressGenerationFailure", text));
    }
    let mac = new_mac(state, &change.world.ids, network);
    let tenant = Tenant { network, mac: &mac, device_owner: GATEWAY };
    let fixed_ips = state.allocate(tenant, wishes).map_err(|error| no_address(error, network))?;
    // Like all ports of Neutron's own in networks of others it belongs to nobody.
    let mut standard = change.standard("");
    standard.revision = 2;
    let mut port = plain_port(standard, network, mac);
    GATEWAY.clone_into(&mut port.device_owner);
    router.clone_into(&mut port.device_id);
    port.secured = false;
    port.fixed_ips = fixed_ips;
    port.active = true;
    "sim-1".clone_into(&mut port.host);
    let id = port.standard.id.clone();
    state.put_port(port);
    Ok(id)
}

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

fn fields(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
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
    let routes = super::subnets::read_routes("routes", inner.get("routes").unwrap_or(&json!([])))?;
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
        let mut shown = super::resource::render(&state, &request.caller, router, &[]);
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
