//! Changes: who is held back by them, the work they start, and how new parts begin.

use lotse_core::time::{SignedDuration, Timestamp};
use serde_json::Value;

use super::access::Request;
use super::body::{self, Says};
use super::model::{Balancers, Kind, Operating, Outcome, Part, Provisioning, Work};
use super::provider::{Change, Provider, monitored};
use super::quotas;
use super::refusal::Refusal;
use crate::events::Cause;
use crate::world::World;

/// A change under way: by whom, when, and when its work is done.
#[derive(Clone, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) world: &'a World,
    pub(crate) now: Timestamp,
    done_at: Timestamp,
    cause: Cause,
}

impl<'a> Context<'a> {
    pub(crate) fn new(world: &'a World, request: &Request) -> Self {
        let now = world.now();
        let delay = world.options.delays.load_balancer;
        let delay = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX);
        let done_at = now.saturating_add(delay).unwrap_or(now);
        Self { world, now, done_at, cause: request.cause() }
    }

    /// A new part below another one, or a load balancer; what is not said is filled in.
    pub(crate) fn part(
        &self,
        kind: Kind,
        (parent, balancer): (&str, &str),
        project: &str,
        mut says: Says,
    ) -> Part {
        body::fill(&mut says, kind);
        let id = self.world.ids.uuid();
        let balancer = if balancer.is_empty() { id.clone() } else { balancer.to_owned() };
        let enabled = says.get("admin_state_up").and_then(Value::as_bool).unwrap_or(false);
        let tags = says.get("tags").and_then(Value::as_array).into_iter().flatten();
        Part {
            kind,
            id,
            project_id: project.to_owned(),
            parent: parent.to_owned(),
            balancer,
            provisioning: Provisioning::PendingCreate,
            operating: Operating::Offline,
            enabled,
            tags: tags.filter_map(Value::as_str).map(str::to_owned).collect(),
            created_at: self.now,
            updated_at: None,
            says: kept(kind, says),
        }
    }

    /// Lets the provider begin the work of a change to one part.
    pub(crate) fn start(&self, state: &mut Balancers, part: &Part, change: Change) {
        let provider = Provider::of(state, &part.balancer);
        let outcomes = provider.outcomes(state, part, change);
        let tells = match (part.kind, change) {
            (Kind::LoadBalancer, Change::Update(_)) => Some("update"),
            (Kind::LoadBalancer, Change::Delete) => Some("delete"),
            _ => None,
        };
        self.work(state, &part.balancer, outcomes, tells);
    }

    /// Notes work that ends so.
    pub(crate) fn work(
        &self,
        state: &mut Balancers,
        balancer: &str,
        outcomes: Vec<Outcome>,
        tells: Option<&str>,
    ) {
        if outcomes.is_empty() {
            return;
        }
        state.works.push(Work {
            at: self.done_at,
            balancer: balancer.to_owned(),
            outcomes,
            tells: tells.map(str::to_owned),
            cause: self.cause.clone(),
        });
    }

    /// Holds parts back while they or others are changed.
    pub(crate) fn hold<'b>(
        &self,
        state: &mut Balancers,
        ids: impl IntoIterator<Item = &'b String>,
    ) {
        for id in ids {
            state.mark(id, Provisioning::PendingUpdate, None, self.now);
        }
    }

    /// Takes over what a body says of a part that is there.
    pub(crate) fn apply(&self, part: &mut Part, says: &Says) -> Option<bool> {
        let mut switched = None;
        for (name, value) in says {
            match name.as_str() {
                "admin_state_up" => {
                    part.enabled = value.as_bool().unwrap_or(false);
                    switched = Some(part.enabled);
                }
                "tags" => {
                    if let Some(tags) = value.as_array() {
                        let tags = tags.iter().filter_map(Value::as_str);
                        part.tags = tags.map(str::to_owned).collect();
                    }
                }
                _ => {
                    part.says.insert(name.clone(), value.clone());
                }
            }
        }
        part.provisioning = Provisioning::PendingUpdate;
        part.updated_at = Some(self.now);
        switched
    }
}

/// Of what a body says, what answers show.
fn kept(kind: Kind, says: Says) -> Says {
    let shown = kind.shows();
    let hidden = ["octavia_owned", "sni_container_refs"];
    let keep = |name: &str| shown.contains(&name) || hidden.contains(&name);
    says.into_iter().filter(|(name, _)| keep(name)).collect()
}

/// Refuses changes of a load balancer that is not at rest, in the words used for its parts.
pub(crate) fn at_rest(state: &Balancers, balancer: &str) -> Result<(), Refusal> {
    match state.parts.get(balancer).map(|balancer| balancer.provisioning) {
        Some(Provisioning::Active) => Ok(()),
        _ => Err(Refusal::immutable("Load Balancer", balancer)),
    }
}

/// Refuses changes below a part that is not at rest.
pub(crate) fn parent_at_rest(state: &Balancers, kind: &str, parent: &Part) -> Result<(), Refusal> {
    if parent.provisioning != Provisioning::Active {
        return Err(Refusal::immutable(kind, &parent.id));
    }
    at_rest(state, &parent.balancer)
}

/// The part of this kind and id.
pub(crate) fn find(state: &Balancers, kind: Kind, id: &str) -> Result<Part, Refusal> {
    state.get(kind, id).cloned().ok_or_else(|| Refusal::missing(kind.title(), id))
}

/// Refuses more of a kind than the project may have.
pub(crate) fn check_quota(
    state: &Balancers,
    kind: Kind,
    project: &str,
    more: usize,
) -> Result<(), Refusal> {
    let limit = quotas::limit(state, kind.quota(), project);
    let after = state.used(kind, project).saturating_add(more);
    if more > 0 && limit >= 0 && i64::try_from(after).unwrap_or(i64::MAX) > limit {
        return Err(Refusal::quota(kind.title()));
    }
    Ok(())
}

/// How a member begins: nobody watches it, or nobody has seen it yet.
pub(crate) fn unwatched(state: &Balancers, pool: &str) -> Operating {
    if monitored(state, pool) { Operating::Offline } else { Operating::NoMonitor }
}
