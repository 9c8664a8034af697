//! What answers show of load balancers and their parts.

use lotse_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::model::{Balancers, Kind, Part};

/// A time as Octavia writes it: UTC, without saying so.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// How much of what is below a part is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Ids.
    Ids,
    /// All of it, as after the creation of a load balancer.
    All,
}

fn ids<'a>(parts: impl IntoIterator<Item = &'a Part>) -> Value {
    parts.into_iter().map(|part| json!({"id": part.id})).collect()
}

fn below(state: &Balancers, id: &str, kind: Kind, depth: Depth) -> Value {
    let parts = state.children(id, kind);
    match depth {
        Depth::Ids => ids(parts),
        Depth::All => parts.map(|part| part_value(state, part, depth)).collect(),
    }
}

fn owner(id: &str) -> Value {
    json!([{"id": id}])
}

/// A part as answers show it.
pub(crate) fn part(state: &Balancers, part: &Part) -> Value {
    part_value(state, part, Depth::Ids)
}

/// A part with all that is below it.
pub(crate) fn whole(state: &Balancers, part: &Part) -> Value {
    part_value(state, part, Depth::All)
}

fn part_value(state: &Balancers, part: &Part, depth: Depth) -> Value {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), json!(part.id));
    for name in part.kind.shows() {
        let value = part.says.get(*name).cloned().unwrap_or(Value::Null);
        let value = match *name {
            "name" | "description" if value.is_null() => json!(""),
            "insert_headers" if value.is_null() => json!({}),
            _ => value,
        };
        shown.insert((*name).to_owned(), value);
    }
    for (name, value) in [
        ("provisioning_status", json!(part.provisioning.text())),
        ("operating_status", json!(part.operating.text())),
        ("admin_state_up", json!(part.enabled)),
        ("project_id", json!(part.project_id)),
        ("tenant_id", json!(part.project_id)),
        ("created_at", json!(time(part.created_at))),
        ("updated_at", json!(part.updated_at.map(time))),
        ("tags", json!(part.tags)),
    ] {
        shown.insert(name.to_owned(), value);
    }
    around(state, part, depth, &mut shown);
    Value::Object(shown)
}

/// What lies above and below a part.
fn around(state: &Balancers, part: &Part, depth: Depth, shown: &mut Map<String, Value>) {
    let mut show = |name: &str, value: Value| {
        shown.insert(name.to_owned(), value);
    };
    let whole = depth == Depth::All;
    match part.kind {
        Kind::LoadBalancer => {
            show("additional_vips", json!([]));
            show("listeners", below(state, &part.id, Kind::Listener, depth));
            show("pools", below(state, &part.id, Kind::Pool, depth));
        }
        Kind::Listener => {
            let refs = part.says.get("sni_container_refs").filter(|refs| refs.is_array());
            show("sni_container_refs", refs.cloned().unwrap_or_else(|| json!([])));
            let policies = state.policies_of(&part.id);
            if whole {
                let policies = policies.into_iter().map(|it| part_value(state, it, depth));
                show("l7policies", policies.collect());
            } else {
                show("l7policies", ids(policies));
                show("loadbalancers", owner(&part.balancer));
            }
        }
        Kind::Pool => {
            let listeners = state.listeners_of_pool(&part.balancer, &part.id);
            show("listeners", listeners.iter().map(|id| json!({"id": id})).collect());
            show("members", below(state, &part.id, Kind::Member, depth));
            let monitor = state.children(&part.id, Kind::HealthMonitor).next();
            if whole {
                let monitor = monitor.map(|monitor| part_value(state, monitor, depth));
                show("healthmonitor", monitor.unwrap_or(Value::Null));
            } else {
                show("loadbalancers", owner(&part.balancer));
                if let Some(monitor) = monitor {
                    show("healthmonitor_id", json!(monitor.id));
                }
            }
        }
        Kind::HealthMonitor if !whole => show("pools", owner(&part.parent)),
        Kind::L7Policy => {
            show("listener_id", json!(part.parent));
            show("rules", below(state, &part.id, Kind::L7Rule, depth));
        }
        Kind::HealthMonitor | Kind::Member | Kind::L7Rule => {}
    }
}

/// The states of a load balancer and all that is below it.
pub(crate) fn statuses(state: &Balancers, balancer: &Part) -> Value {
    let listeners: Vec<Value> = state
        .children(&balancer.id, Kind::Listener)
        .map(|listener| {
            let pools = state.children(&balancer.id, Kind::Pool).filter(|pool| {
                state.listeners_of_pool(&balancer.id, &pool.id).contains(&listener.id)
            });
            let mut status = status(listener);
            status["pools"] = pools.map(|pool| pool_status(state, pool)).collect();
            status
        })
        .collect();
    let mut status = status(balancer);
    status["listeners"] = json!(listeners);
    json!({"statuses": {"loadbalancer": status}})
}

fn status(part: &Part) -> Value {
    json!({
        "id": part.id,
        "name": part.text("name").unwrap_or_default(),
        "operating_status": part.operating.text(),
        "provisioning_status": part.provisioning.text(),
    })
}

fn pool_status(state: &Balancers, pool: &Part) -> Value {
    let mut shown = status(pool);
    if let Some(monitor) = state.children(&pool.id, Kind::HealthMonitor).next() {
        shown["health_monitor"] = status(monitor);
        shown["health_monitor"]["type"] = json!(monitor.text("type"));
    }
    let members = state.children(&pool.id, Kind::Member).map(|member| {
        let mut shown = status(member);
        shown["address"] = json!(member.text("address"));
        shown["protocol_port"] = json!(member.number("protocol_port"));
        shown
    });
    shown["members"] = members.collect();
    shown
}
