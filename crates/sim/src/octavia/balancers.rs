//! Load balancers themselves.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use http::StatusCode;
use serde_json::{Value, json};

use super::access::{Deed, Request};
use super::body::{self, Purpose, Says};
use super::change::{Context, check_quota, find};
use super::model::{Amphora, Balancers, Kind, Part, Provisioning};
use super::provider::{self, Change, Provider};
use super::refusal::Refusal;
use super::{graph, list, locked, parts, show, vip};
use crate::http::query::Query;
use crate::world::{SharedWorld, World};

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/loadbalancers", get(parts::list_all::<{ parts::LOAD_BALANCER }>).post(create))
        .route("/loadbalancers/{id}", get(showing).put(update).delete(remove))
        .route("/loadbalancers/{id}/status", get(status))
        .route("/loadbalancers/{id}/statuses", get(status))
        .route("/loadbalancers/{id}/stats", get(stats))
        .route("/loadbalancers/{id}/failover", put(fail_over))
}

/// The load balancer, if the caller may do this to it.
fn allowed(state: &Balancers, request: &Request, id: &str, deed: Deed) -> Result<Part, Refusal> {
    let balancer = find(state, Kind::LoadBalancer, id)?;
    request.allow(deed, Some(&balancer.project_id))?;
    Ok(balancer)
}

async fn showing(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Refusal> {
    let state = locked(&world);
    let balancer = allowed(&state, &request, &id, Deed::Read)?;
    let shown = list::select(show::part(&state, &balancer), &query);
    Ok(axum::Json(json!({"loadbalancer": shown})).into_response())
}

async fn status(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let state = locked(&world);
    let balancer = allowed(&state, &request, &id, Deed::Read)?;
    Ok(axum::Json(show::statuses(&state, &balancer)).into_response())
}

async fn stats(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let state = locked(&world);
    allowed(&state, &request, &id, Deed::Read)?;
    Ok(axum::Json(no_traffic()).into_response())
}

/// Statistics of what nobody uses: no byte ever flows through a simulated load balancer.
pub(crate) fn no_traffic() -> Value {
    json!({"stats": {
        "bytes_in": 0,
        "bytes_out": 0,
        "active_connections": 0,
        "total_connections": 0,
        "request_errors": 0,
    }})
}

fn text<'a>(says: &'a Says, name: &str) -> Option<&'a str> {
    says.get(name).and_then(Value::as_str)
}

/// The provider that a body asks for, by name or by flavor.
fn choose(state: &Balancers, says: &Says) -> Result<Provider, Refusal> {
    let invalid = |what: &str| Refusal::invalid(format!("Invalid {what}."));
    let of_flavor = match text(says, "flavor_id") {
        None => None,
        Some(id) => {
            let flavor = state.flavors.get(id).ok_or_else(|| invalid("flavor_id"))?;
            disabled("flavor", id, &flavor.says)?;
            let profile = flavor.says.get("flavor_profile_id").and_then(Value::as_str);
            let profile = profile.and_then(|id| state.flavor_profiles.get(id));
            profile.and_then(|profile| text(&profile.says, "provider_name")).map(str::to_owned)
        }
    };
    if let Some(name) = text(says, "availability_zone") {
        let zone = state.zones.get(name).ok_or_else(|| invalid("availability zone"))?;
        disabled("availability_zone", name, &zone.says)?;
    }
    let name = match (text(says, "provider"), of_flavor) {
        (Some(asked), Some(given)) if asked != given => {
            let flavor = text(says, "flavor_id").unwrap_or_default();
            return Err(Refusal::bad(format!(
                "Flavor '{flavor}' is not compatible with provider '{asked}'"
            )));
        }
        (Some(asked), _) => asked.to_owned(),
        (None, given) => given.unwrap_or_else(|| provider::DEFAULT.to_owned()),
    };
    Provider::named(&name)
}

fn disabled(option: &str, value: &str, says: &Says) -> Result<(), Refusal> {
    if says.get("enabled") == Some(&json!(false)) {
        let text = format!("The selected {option} is not allowed in this deployment: {value}");
        return Err(Refusal::bad(text));
    }
    Ok(())
}

async fn create(
    State(world): State<SharedWorld>,
    request: Request,
    body: Bytes,
) -> Result<Response, Refusal> {
    let says = body::read(&body, Kind::LoadBalancer, Purpose::Create)?;
    let project = text(&says, "project_id").or_else(|| request.caller.project());
    let project = project.map(str::to_owned).ok_or_else(|| {
        Refusal::invalid(
            "Missing project ID in request where one is required. An administrator should check \
             the keystone settings in the Octavia configuration.",
        )
    })?;
    request.allow(Deed::Write, Some(&project))?;
    let place = vip::find(&world, &request, &says)?;
    let provider = {
        let state = locked(&world);
        let provider = choose(&state, &says)?;
        check_quota(&state, Kind::LoadBalancer, &project, 1)?;
        provider
    };
    let context = Context::new(&world, &request);
    let mut balancer = context.part(Kind::LoadBalancer, ("", ""), &project, says.clone());
    balancer.says.insert("provider".to_owned(), json!(provider.name()));
    let taken = vip::take(&world, &place, (&balancer.id, &project), provider)?;
    balancer.says.extend(taken.clone());
    let made = {
        let mut state = locked(&world);
        insert(&world, &context, &mut state, &balancer, &says)
    };
    match made {
        Ok(shown) => Ok((StatusCode::CREATED, axum::Json(shown)).into_response()),
        Err(refusal) => {
            vip::release(&world, &taken);
            Err(refusal)
        }
    }
}

/// Adds a load balancer with all that is to be below it, or nothing.
fn insert(
    world: &World,
    context: &Context<'_>,
    state: &mut Balancers,
    balancer: &Part,
    says: &Says,
) -> Result<Value, Refusal> {
    state.put(balancer.clone());
    if let Err(refusal) = graph::populate(context, state, balancer, says) {
        balancer.says.get("octavia_owned");
        state.remove(&balancer.id);
        // The port is given back by the caller, who holds no lock then.
        state.orphans.clear();
        return Err(refusal);
    }
    let provider = Provider::of(state, &balancer.id);
    if provider == Provider::Amphora {
        let id = world.ids.uuid();
        let amphora = Amphora {
            id: id.clone(),
            balancer: balancer.id.clone(),
            compute_id: world.ids.uuid(),
            vrrp_port_id: world.ids.uuid(),
            ha_port_id: balancer.text("vip_port_id").unwrap_or_default().to_owned(),
            created_at: context.now,
        };
        state.amphorae.insert(id, amphora);
    }
    let outcomes = provider.outcomes_of_all(state, balancer);
    context.work(state, &balancer.id, outcomes, Some("create"));
    Ok(json!({"loadbalancer": show::whole(state, balancer)}))
}

/// Refuses changes of a load balancer that is not in one of these states.
fn in_state(balancer: &Part, also_in_error: bool) -> Result<(), Refusal> {
    match balancer.provisioning {
        Provisioning::Active => Ok(()),
        Provisioning::Error if also_in_error => Ok(()),
        other => Err(Refusal::conflict(format!(
            "Invalid state {} of loadbalancer resource {}",
            other.text(),
            balancer.id
        ))),
    }
}

async fn update(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let says = body::read(&body, Kind::LoadBalancer, Purpose::Update)?;
    drop(allowed(&locked(&world), &request, &id, Deed::Write)?);
    vip::check_qos_policy(&world, &request, text(&says, "vip_qos_policy_id"))?;
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let mut balancer = allowed(&state, &request, &id, Deed::Write)?;
    in_state(&balancer, false)?;
    let before = balancer.enabled;
    let switched = context.apply(&mut balancer, &says).filter(|now| *now != before);
    state.put(balancer.clone());
    context.start(&mut state, &balancer, Change::Update(switched));
    let shown = show::part(&state, &balancer);
    Ok(axum::Json(json!({"loadbalancer": shown})).into_response())
}

async fn remove(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Refusal> {
    let cascade = query.get("cascade").unwrap_or_default().to_lowercase();
    let cascade = ["1", "t", "true", "on", "y", "yes"].contains(&cascade.as_str());
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let balancer = allowed(&state, &request, &id, Deed::Write)?;
    if !cascade && !state.below(&id).is_empty() {
        let text = format!("Cannot delete Load Balancer {id} - it has children");
        return Err(Refusal::invalid(text));
    }
    in_state(&balancer, true)?;
    state.mark(&id, Provisioning::PendingDelete, None, context.now);
    context.start(&mut state, &balancer, Change::Delete);
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn fail_over(
    State(world): State<SharedWorld>,
    request: Request,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let balancer = find(&state, Kind::LoadBalancer, &id)?;
    request.allow(Deed::Administer, Some(&balancer.project_id))?;
    in_state(&balancer, true)?;
    fail(&context, &mut state, &balancer)?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Replaces what carries a load balancer.
pub(crate) fn fail(
    context: &Context<'_>,
    state: &mut Balancers,
    balancer: &Part,
) -> Result<(), Refusal> {
    let provider = Provider::of(state, &balancer.id);
    if provider == Provider::Ovn {
        let text = "OVN provider does not support loadbalancer failover";
        return Err(Refusal::unsupported(provider.name(), text));
    }
    let old: Vec<Amphora> =
        state.amphorae.values().filter(|it| it.balancer == balancer.id).cloned().collect();
    for amphora in old {
        state.amphorae.remove(&amphora.id);
        let id = context.world.ids.uuid();
        let new = Amphora {
            id: id.clone(),
            compute_id: context.world.ids.uuid(),
            created_at: context.now,
            ..amphora
        };
        state.amphorae.insert(id, new);
    }
    state.mark(&balancer.id, Provisioning::PendingUpdate, None, context.now);
    let outcomes = provider.outcomes(state, balancer, Change::Update(None));
    context.work(state, &balancer.id, outcomes, None);
    Ok(())
}
