//! Fully populated load balancers: one body for all that is below one.
//!
//! Pools are named in it, so that listeners and policies can lead to them: where more than the name
//! is said of a pool, it is described there; elsewhere it is only meant.

use serde_json::{Value, json};

use super::body::Says;
use super::change::{Context, check_quota};
use super::model::{Balancers, Kind, Part};
use super::refusal::Refusal;
use super::{l7, listeners, members, monitors, pools};

/// The list under a name.
fn take_list(says: &mut Says, name: &str) -> Vec<Says> {
    match says.remove(name) {
        Some(Value::Array(list)) => list
            .into_iter()
            .filter_map(|item| match item {
                Value::Object(fields) => Some(fields),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The object under a name.
fn take_object(says: &mut Says, name: &str) -> Option<Says> {
    match says.remove(name) {
        Some(Value::Object(fields)) => Some(fields),
        _ => None,
    }
}

fn name_of(pool: &Says) -> Result<String, Refusal> {
    let name = pool.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| {
        Refusal::invalid("Pools must be named when creating a fully populated loadbalancer.")
    })
}

/// Notes a pool that something leads to; its name.
fn note(pool: Says, described: &mut Vec<Says>, meant: &mut Vec<String>) -> Result<String, Refusal> {
    let name = name_of(&pool)?;
    let details = pool.keys().filter(|key| *key != "admin_state_up" && *key != "tls_enabled");
    if details.count() > 1 {
        described.push(pool);
    } else {
        meant.push(name.clone());
    }
    Ok(name)
}

/// Adds what a body says is below a load balancer.
pub(crate) fn populate(
    context: &Context<'_>,
    state: &mut Balancers,
    balancer: &Part,
    says: &Says,
) -> Result<(), Refusal> {
    let mut says = says.clone();
    let mut described = take_list(&mut says, "pools");
    let mut listeners = take_list(&mut says, "listeners");
    let mut meant = Vec::new();
    for listener in &mut listeners {
        if let Some(pool) = take_object(listener, "default_pool") {
            let name = note(pool, &mut described, &mut meant)?;
            listener.insert("default_pool".to_owned(), json!(name));
        }
        let mut policies = take_list(listener, "l7policies");
        for policy in &mut policies {
            if let Some(pool) = take_object(policy, "redirect_pool") {
                let name = note(pool, &mut described, &mut meant)?;
                policy.insert("redirect_pool".to_owned(), json!(name));
            }
        }
        let policies = policies.into_iter().map(Value::Object).collect();
        listener.insert("l7policies".to_owned(), policies);
    }
    let names = check_names(&described, &meant)?;
    let ids = add_pools(context, state, balancer, described, &names)?;
    check_quota(state, Kind::Listener, &balancer.project_id, listeners.len())?;
    for listener in listeners {
        add_listener(context, state, balancer, listener, &ids)?;
    }
    Ok(())
}

/// The names of the pools, which must be different, and known where they are meant.
fn check_names(described: &[Says], meant: &[String]) -> Result<Vec<String>, Refusal> {
    let names: Vec<String> = described
        .iter()
        .map(|pool| pool.get("name").and_then(Value::as_str).unwrap_or_default().to_owned())
        .collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(Refusal::invalid(
            "Pool names must be unique when creating a fully populated loadbalancer.",
        ));
    }
    match meant.iter().find(|name| !names.contains(name)) {
        Some(name) => Err(Refusal::invalid(format!(
            "Pool '{name}' was referenced but no full definition was found."
        ))),
        None => Ok(names),
    }
}

/// Adds the pools with their members and monitors; their names and ids.
fn add_pools(
    context: &Context<'_>,
    state: &mut Balancers,
    balancer: &Part,
    described: Vec<Says>,
    names: &[String],
) -> Result<Vec<(String, String)>, Refusal> {
    check_quota(state, Kind::Pool, &balancer.project_id, described.len())?;
    let mut ids = Vec::new();
    for (mut says, name) in described.into_iter().zip(names) {
        for attribute in ["protocol", "lb_algorithm"] {
            if !says.contains_key(attribute) {
                return Err(Refusal::invalid(format!(
                    "Pool definition for '{name}' missing required attribute: {attribute}"
                )));
            }
        }
        let members = take_list(&mut says, "members");
        let monitor = take_object(&mut says, "healthmonitor");
        let pool = pools::make(context, state, balancer, says)?;
        if let Some(monitor) = monitor {
            check_quota(state, Kind::HealthMonitor, &balancer.project_id, 1)?;
            let monitor = monitors::make(context, &pool, monitor)?;
            state.put(monitor);
        }
        check_quota(state, Kind::Member, &balancer.project_id, members.len())?;
        for member in members {
            let member = members::make(context, state, &pool, member)?;
            state.put(member);
        }
        ids.push((name.clone(), pool.id));
    }
    Ok(ids)
}

fn id_of(name: Option<Value>, pools: &[(String, String)]) -> Option<String> {
    let name = name?;
    let found = pools.iter().find(|(known, _)| name == known.as_str());
    found.map(|(_, id)| id.clone())
}

fn add_listener(
    context: &Context<'_>,
    state: &mut Balancers,
    balancer: &Part,
    mut says: Says,
    pools: &[(String, String)],
) -> Result<(), Refusal> {
    let policies = take_list(&mut says, "l7policies");
    if let Some(id) = id_of(says.remove("default_pool"), pools) {
        says.insert("default_pool_id".to_owned(), json!(id));
    }
    let led = says.contains_key("default_pool_id") || !policies.is_empty();
    let mut listener = listeners::make(context, state, balancer, says)?;
    if led {
        // Leading it to a pool is a change of its own.
        listener.updated_at = Some(context.now);
        state.put(listener.clone());
    }
    if listener.text("protocol") == Some("PROMETHEUS") && !policies.is_empty() {
        return Err(listeners::no_children());
    }
    for mut policy in policies {
        if let Some(id) = id_of(policy.remove("redirect_pool"), pools) {
            policy.insert("redirect_pool_id".to_owned(), json!(id));
        }
        let rules = take_list(&mut policy, "rules");
        let policy = l7::make_policy(context, state, &listener, policy)?;
        for rule in rules {
            let rule = l7::make_rule(context, &policy, rule)?;
            state.put(rule);
        }
    }
    Ok(())
}
