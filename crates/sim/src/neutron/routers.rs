//! Routers: their gateways, interfaces and routes.

mod gateway;
mod interfaces;

use serde_json::{Map, Value, json};

use self::gateway::{check_gateway, gateway_used, set_gateway};
pub(crate) use self::interfaces::routes;
use super::access::Change;
use super::attribute::Otherwise::{Empty, EmptyList, Null, True, Unset};
use super::attribute::{Attribute, Check, Kind, attribute, python};
use super::model::{FixedIp, Network, Router, Standard, Subnet};
use super::refusal::Refusal;
use super::resource::{Resource, rename, stored, text, truth};
use crate::keystone::caller::Caller;

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

fn bad(text: &str) -> Refusal {
    Refusal::wrong("BadRequest", format!("Bad router request: {text}."))
}
