//! Members: the servers behind a pool, one by one or all at once.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Value, json};

use super::access::{Deed, Request};
use super::body::{self, Purpose, Says};
use super::change::{Context, check_quota, find, parent_at_rest, unwatched};
use super::early::Early;
use super::model::{Balancers, Kind, Operating, Outcome, Part, Provisioning};
use super::provider::{Change, Provider};
use super::refusal::Refusal;
use super::{locked, parts, pools, vip};
use crate::http::query::Query;
use crate::world::{SharedWorld, World};

pub(crate) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/pools/{pool}/members", get(list).post(create).put(replace))
        .route("/pools/{pool}/members/{id}", get(showing).put(update).delete(remove))
}

/// Addresses that no member may have: the metadata service's.
const RESERVED: &[&str] = &["169.254.169.254", "FE80:0000:0000:0000:0000:0000:A9FE:A9FE"];

fn text<'a>(says: &'a Says, name: &str) -> Option<&'a str> {
    says.get(name).and_then(Value::as_str)
}

fn check_address(says: &Says) -> Result<(), Refusal> {
    let address = text(says, "address").unwrap_or_default();
    let whole = match address.parse() {
        Ok(std::net::IpAddr::V6(v6)) => v6.segments().map(|it| format!("{it:04X}")).join(":"),
        _ => address.to_owned(),
    };
    if RESERVED.contains(&whole.as_str()) {
        return Err(Refusal::option(whole, "member address"));
    }
    Ok(())
}

/// The pool of a path, which the web framework itself misses.
fn pool_of(state: &Balancers, id: &str) -> Result<Part, Response> {
    state.get(Kind::Pool, id).cloned().ok_or_else(|| Early::parent("Pool", id).into_response())
}

/// A member as it is to be, if it is as it must be.
pub(crate) fn make(
    context: &Context<'_>,
    state: &Balancers,
    pool: &Part,
    says: Says,
) -> Result<Part, Refusal> {
    check_address(&says)?;
    let mut member = context.part(Kind::Member, (&pool.id, &pool.balancer), &pool.project_id, says);
    // Together with a load balancer a member comes before anybody could watch it.
    let fresh = pool.provisioning == Provisioning::PendingCreate;
    member.operating = if fresh { Operating::NoMonitor } else { unwatched(state, &pool.id) };
    let port = member.number("protocol_port");
    let address = member.text("address");
    let mut others = state.children(&pool.id, Kind::Member);
    if others.any(|it| it.text("address") == address && it.number("protocol_port") == port) {
        return Err(Refusal::conflict(format!(
            "Another member on this pool is already using ip {} on protocol_port {}",
            address.unwrap_or_default(),
            port.unwrap_or_default()
        )));
    }
    Provider::of(state, &pool.balancer).check(state, &member)?;
    Ok(member)
}

/// Where a member is: OVN must know its subnet, or it is that of the load balancer.
fn check_near(near: bool, member: &Part, provider: Provider, deed: &str) -> Result<(), Refusal> {
    if provider != Provider::Ovn || near || member.text("subnet_id").is_some() {
        return Ok(());
    }
    let text = format!(
        "Subnet is required, or Loadbalancer associated with Pool must have a subnet, for Member \
         {deed} with OVN Provider Driver if it is not the same as LB VIP subnet"
    );
    Err(Refusal::unsupported(provider.name(), &text))
}

/// The subnet of the load balancer of a pool.
fn vip_subnet(state: &Balancers, pool: &Part) -> String {
    let balancer = state.parts.get(&pool.balancer);
    balancer.and_then(|it| it.text("vip_subnet_id")).unwrap_or_default().to_owned()
}

async fn list(
    State(world): State<SharedWorld>,
    request: Request,
    Path(pool): Path<String>,
    query: Query,
) -> Result<Response, Response> {
    let state = locked(&world);
    let pool = pool_of(&state, &pool)?;
    let answer = || {
        request.allow(Deed::Read, Some(&pool.project_id))?;
        let url = parts::url(&world, &format!("pools/{}/members", pool.id));
        let members = state.children(&pool.id, Kind::Member);
        parts::answer(&state, Kind::Member, &url, &query, members)
    };
    answer().map(|body| axum::Json(body).into_response()).map_err(Refusal::into_response)
}

/// The member of this pool.
fn member_of(state: &Balancers, pool: &Part, id: &str) -> Result<Part, Refusal> {
    let member = find(state, Kind::Member, id)?;
    if member.parent == pool.id { Ok(member) } else { Err(Refusal::missing("Member", id)) }
}

async fn showing(
    State(world): State<SharedWorld>,
    request: Request,
    Path((pool, id)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Response> {
    let state = locked(&world);
    let pool = pool_of(&state, &pool)?;
    let answer = || {
        let member = member_of(&state, &pool, &id)?;
        request.allow(Deed::Read, Some(&member.project_id))?;
        Ok(parts::shown(&state, &member, &query).into_response())
    };
    answer().map_err(Refusal::into_response)
}

async fn create(
    State(world): State<SharedWorld>,
    request: Request,
    Path(pool): Path<String>,
    body: Bytes,
) -> Result<Response, Response> {
    let found = pool_of(&locked(&world), &pool)?;
    add(&world, &request, &found, &body).map_err(Refusal::into_response)
}

fn add(world: &World, request: &Request, pool: &Part, body: &[u8]) -> Result<Response, Refusal> {
    let says = body::read(body, Kind::Member, Purpose::Create)?;
    request.allow(Deed::Write, Some(&pool.project_id))?;
    check_address(&says)?;
    vip::check_subnet(world, request, text(&says, "subnet_id"))?;
    let subnet = vip_subnet(&locked(world), pool);
    let address = text(&says, "address").unwrap_or_default();
    let near = vip::is_near(world, request, &subnet, address);
    let context = Context::new(world, request);
    let mut state = locked(world);
    let pool = find(&state, Kind::Pool, &pool.id)?;
    check_quota(&state, Kind::Member, &pool.project_id, 1)?;
    parent_at_rest(&state, "Pool", &pool)?;
    let member = make(&context, &state, &pool, says)?;
    check_near(near, &member, Provider::of(&state, &pool.balancer), "creation")?;
    hold_pool(&context, &mut state, &pool);
    state.put(member.clone());
    context.start(&mut state, &member, Change::Create);
    Ok((StatusCode::CREATED, axum::Json(parts::changed(&state, &member))).into_response())
}

/// Holds back a pool and what is around it.
pub(crate) fn hold_pool(context: &Context<'_>, state: &mut Balancers, pool: &Part) {
    pools::hold_around(context, state, pool);
    context.hold(state, [&pool.id]);
}

async fn update(
    State(world): State<SharedWorld>,
    request: Request,
    Path((pool, id)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, Response> {
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let pool = pool_of(&state, &pool)?;
    let mut answer = || {
        let mut says = body::read(&body, Kind::Member, Purpose::Update)?;
        let mut member = find(&state, Kind::Member, &id)?;
        request.allow(Deed::Write, Some(&member.project_id))?;
        member_of(&state, &pool, &id)?;
        for (name, value) in [("backup", json!(false)), ("weight", json!(1))] {
            if let Some(said @ Value::Null) = says.get_mut(name) {
                *said = value;
            }
        }
        parent_at_rest(&state, "Pool", &pool)?;
        let switched = context.apply(&mut member, &says);
        Provider::of(&state, &pool.balancer).check(&state, &member)?;
        hold_pool(&context, &mut state, &pool);
        state.put(member.clone());
        context.start(&mut state, &member, Change::Update(switched));
        Ok(axum::Json(parts::changed(&state, &member)).into_response())
    };
    answer().map_err(Refusal::into_response)
}

async fn remove(
    State(world): State<SharedWorld>,
    request: Request,
    Path((pool, id)): Path<(String, String)>,
) -> Result<Response, Response> {
    let context = Context::new(&world, &request);
    let mut state = locked(&world);
    let pool = pool_of(&state, &pool)?;
    let mut answer = || {
        let member = find(&state, Kind::Member, &id)?;
        request.allow(Deed::Write, Some(&member.project_id))?;
        member_of(&state, &pool, &id)?;
        parent_at_rest(&state, "Pool", &pool)?;
        hold_pool(&context, &mut state, &pool);
        state.mark(&id, Provisioning::PendingDelete, None, context.now);
        context.start(&mut state, &member, Change::Delete);
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    answer().map_err(Refusal::into_response)
}

async fn replace(
    State(world): State<SharedWorld>,
    request: Request,
    Path(pool): Path<String>,
    query: Query,
    body: Bytes,
) -> Result<Response, Response> {
    let pool = pool_of(&locked(&world), &pool)?;
    let additive = query.get("additive_only").unwrap_or_default().to_lowercase();
    let additive = ["1", "t", "true", "on", "y", "yes"].contains(&additive.as_str());
    let all = || {
        let wanted = body::members(&body)?;
        request.allow(Deed::Write, Some(&pool.project_id))?;
        let mut subnets: BTreeSet<&str> = BTreeSet::new();
        for says in &wanted {
            check_address(says)?;
            subnets.extend(text(says, "subnet_id"));
        }
        for subnet in subnets {
            vip::check_subnet(&world, &request, Some(subnet))?;
        }
        set(&world, &request, &pool, wanted, additive)
    };
    all().map(|()| StatusCode::ACCEPTED.into_response()).map_err(Refusal::into_response)
}

/// Makes these the members of a pool: adds, changes and (unless it is only to add) removes.
fn set(
    world: &World,
    request: &Request,
    pool: &Part,
    wanted: Vec<Says>,
    additive: bool,
) -> Result<(), Refusal> {
    let context = Context::new(world, request);
    let mut state = locked(world);
    let pool = find(&state, Kind::Pool, &pool.id)?;
    parent_at_rest(&state, "Pool", &pool)?;
    let same = |member: &Part, says: &Says| {
        member.text("address") == text(says, "address")
            && member.says.get("protocol_port") == says.get("protocol_port")
    };
    let old: Vec<Part> = state.children(&pool.id, Kind::Member).cloned().collect();
    let gone: Vec<&Part> =
        old.iter().filter(|it| !wanted.iter().any(|says| same(it, says))).collect();
    if wanted.is_empty() && gone.is_empty() {
        return Ok(());
    }
    let mut changed = Vec::new();
    for mut says in wanted {
        match old.iter().find(|member| same(member, &says)) {
            Some(member) => {
                let mut member = member.clone();
                for fixed in ["address", "protocol_port", "subnet_id", "project_id"] {
                    says.remove(fixed);
                }
                let switched = context.apply(&mut member, &says);
                changed.push((member, Change::Update(switched)));
            }
            None => changed.push((make(&context, &state, &pool, says)?, Change::Create)),
        }
    }
    let new = changed.iter().filter(|(_, change)| *change == Change::Create).count();
    let fewer = if additive { 0 } else { gone.len() };
    check_quota(&state, Kind::Member, &pool.project_id, new.saturating_sub(fewer))?;
    hold_pool(&context, &mut state, &pool);
    for (member, _) in &changed {
        state.put(member.clone());
    }
    if !additive {
        for member in gone {
            state.mark(&member.id, Provisioning::PendingDelete, None, context.now);
            changed.push((member.clone(), Change::Delete));
        }
    }
    let outcomes = together(&state, &pool, &changed);
    context.work(&mut state, &pool.balancer, outcomes, None);
    Ok(())
}

/// How the work on several members ends.
fn together(state: &Balancers, pool: &Part, changed: &[(Part, Change)]) -> Vec<Outcome> {
    let provider = Provider::of(state, &pool.balancer);
    let mut outcomes: Vec<Outcome> = changed
        .iter()
        .flat_map(|(member, change)| provider.outcomes(state, member, *change))
        .collect();
    let stays = |member: &Part| {
        !changed.iter().any(|(it, change)| it.id == member.id && *change == Change::Delete)
    };
    let left = state.children(&pool.id, Kind::Member).any(stays);
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.part == pool.id) {
        if outcome.operating.is_some() {
            outcome.operating = Some(Operating::switched(left));
        }
    }
    outcomes
}
