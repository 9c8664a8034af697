//! Octavia's notifications: a load balancer was created, changed or deleted.
//!
//! The payload is the load balancer as providers are given it.

use serde_json::{Map, Value, json};

use super::model::{Balancers, Kind, Part, Work};
use crate::events::{Events, Happened};

/// Publishes `octavia.loadbalancer.WHAT.end`.
pub(crate) fn publish(
    events: &Events,
    state: &Balancers,
    balancer: &Part,
    what: &str,
    work: &Work,
) {
    let said = |name: &str| balancer.says.get(name).cloned().unwrap_or(Value::Null);
    let ids = |kind: Kind, name: &str| -> Vec<Value> {
        let children = state.children(&balancer.id, kind);
        children.map(|child| json!({name: child.id, "name": child.text("name")})).collect()
    };
    let mut payload = Map::new();
    for name in [
        "name",
        "description",
        "vip_address",
        "vip_network_id",
        "vip_port_id",
        "vip_subnet_id",
        "vip_qos_policy_id",
        "availability_zone",
    ] {
        payload.insert(name.to_owned(), said(name));
    }
    let flavor = said("flavor_id");
    let flavor = flavor.as_str().and_then(|id| state.flavors.get(id));
    payload.extend(Map::from_iter([
        ("loadbalancer_id".to_owned(), json!(balancer.id)),
        ("project_id".to_owned(), json!(balancer.project_id)),
        ("admin_state_up".to_owned(), json!(balancer.enabled)),
        ("flavor".to_owned(), json!(flavor.map(|flavor| &flavor.says))),
        ("additional_vips".to_owned(), json!([])),
        ("listeners".to_owned(), json!(ids(Kind::Listener, "listener_id"))),
        ("pools".to_owned(), json!(ids(Kind::Pool, "pool_id"))),
    ]));
    events.publish(Happened {
        at: work.at,
        event_type: format!("octavia.loadbalancer.{what}.end"),
        publisher_id: "octavia.sim",
        cause: work.cause.clone(),
        payload: Value::Object(payload),
    });
}
