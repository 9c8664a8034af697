//! What Octavia knows, as plain data, and the transitions that time brings.
//!
//! A load balancer is a tree: listeners and pools below it, members and a monitor below a pool,
//! policies below a listener, rules below a policy. All of them are [`Part`]s; what a part has beside
//! what all parts have is kept as its body said it, checked by the tables of
//! [`attribute`](super::attribute).

use std::collections::{BTreeMap, BTreeSet};

use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::events::{Cause, Events};
use crate::seed::{Keyed, keyed};

/// The kinds of parts.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    LoadBalancer,
    Listener,
    Pool,
    Member,
    HealthMonitor,
    L7Policy,
    L7Rule,
}

/// Where a part is on its way to being what was asked for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Provisioning {
    Active,
    PendingCreate,
    PendingUpdate,
    PendingDelete,
    Error,
}

impl Provisioning {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::PendingCreate => "PENDING_CREATE",
            Self::PendingUpdate => "PENDING_UPDATE",
            Self::PendingDelete => "PENDING_DELETE",
            Self::Error => "ERROR",
        }
    }
}

/// How a part does its work.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Operating {
    Online,
    Offline,
    Degraded,
    Draining,
    Error,
    NoMonitor,
}

impl Operating {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Online => "ONLINE",
            Self::Offline => "OFFLINE",
            Self::Degraded => "DEGRADED",
            Self::Draining => "DRAINING",
            Self::Error => "ERROR",
            Self::NoMonitor => "NO_MONITOR",
        }
    }

    /// Online if it is switched on.
    pub(crate) const fn switched(on: bool) -> Self {
        if on { Self::Online } else { Self::Offline }
    }
}

/// A load balancer or a part of one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) project_id: String,
    /// The part it is below; empty for a load balancer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) parent: String,
    /// The load balancer it belongs to; for one, itself.
    pub(crate) balancer: String,
    pub(crate) provisioning: Provisioning,
    pub(crate) operating: Operating,
    pub(crate) enabled: bool,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) tags: BTreeSet<String>,
    pub(crate) created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) updated_at: Option<Timestamp>,
    /// What else its body said.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) says: Map<String, Value>,
}

impl Part {
    /// A text its body said.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.says.get(name).and_then(Value::as_str)
    }

    /// A number its body said.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.says.get(name).and_then(Value::as_i64)
    }
}

impl Keyed for Part {
    fn key(&self) -> &str {
        &self.id
    }
}

/// What becomes of a part when work is done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) part: String,
    /// `None`: it is gone.
    pub(crate) provisioning: Option<Provisioning>,
    /// `None`: it stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operating: Option<Operating>,
}

/// Work of a provider, done at its time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) at: Timestamp,
    pub(crate) balancer: String,
    pub(crate) outcomes: Vec<Outcome>,
    /// What is told then: `create`, `update` or `delete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tells: Option<String>,
    #[serde(default)]
    pub(crate) cause: Cause,
}

/// A virtual machine that carries a load balancer of the provider `amphora`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Amphora {
    pub(crate) id: String,
    pub(crate) balancer: String,
    pub(crate) compute_id: String,
    pub(crate) vrrp_port_id: String,
    pub(crate) ha_port_id: String,
    pub(crate) created_at: Timestamp,
}

impl Keyed for Amphora {
    fn key(&self) -> &str {
        &self.id
    }
}

/// A flavor, a zone, or a profile of either. Zones have no id of their own: it is their name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Offer {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) says: Map<String, Value>,
}

impl Keyed for Offer {
    fn key(&self) -> &str {
        &self.id
    }
}

/// Everything the service knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Balancers {
    #[serde(with = "keyed")]
    pub(crate) parts: BTreeMap<String, Part>,
    #[serde(with = "keyed")]
    pub(crate) amphorae: BTreeMap<String, Amphora>,
    #[serde(with = "keyed")]
    pub(crate) flavors: BTreeMap<String, Offer>,
    #[serde(with = "keyed")]
    pub(crate) flavor_profiles: BTreeMap<String, Offer>,
    #[serde(with = "keyed")]
    pub(crate) zones: BTreeMap<String, Offer>,
    #[serde(with = "keyed")]
    pub(crate) zone_profiles: BTreeMap<String, Offer>,
    /// Limits by project and resource. A project is here once it had anything.
    pub(crate) quotas: BTreeMap<String, BTreeMap<String, i64>>,
    pub(crate) works: Vec<Work>,
    /// Ports of load balancers that are gone, to be deleted by whoever holds no lock.
    pub(crate) orphans: Vec<String>,
    /// What follows from the parts: who is of a kind, who is below whom.
    #[serde(skip)]
    index: Index,
}

/// What follows from the parts and would be slow to find.
#[derive(Clone, Debug, Default)]
struct Index {
    ready: bool,
    of_kind: BTreeMap<Kind, BTreeSet<String>>,
    below: BTreeMap<String, BTreeSet<String>>,
}

impl Balancers {
    /// Makes the transitions that are due, in the order of their time.
    pub(crate) fn settle(&mut self, now: Timestamp, events: &Events) {
        self.prepare();
        if !self.works.iter().any(|work| work.at <= now) {
            return;
        }
        let (mut due, later) = std::mem::take(&mut self.works)
            .into_iter()
            .partition::<Vec<_>, _>(|work| work.at <= now);
        self.works = later;
        due.sort_by_key(|work| work.at);
        for work in due {
            self.complete(&work, events);
        }
    }

    fn complete(&mut self, work: &Work, events: &Events) {
        if let Some(what) = &work.tells
            && let Some(balancer) = self.parts.get(&work.balancer)
        {
            super::notify::publish(events, self, balancer, what, work);
        }
        for outcome in &work.outcomes {
            match outcome.provisioning {
                Some(provisioning) => {
                    self.mark(&outcome.part, provisioning, outcome.operating, work.at);
                }
                None => self.remove(&outcome.part),
            }
        }
    }

    /// Sets the states of a part.
    pub(crate) fn mark(
        &mut self,
        id: &str,
        provisioning: Provisioning,
        operating: Option<Operating>,
        at: Timestamp,
    ) {
        if let Some(part) = self.parts.get_mut(id) {
            part.provisioning = provisioning;
            part.operating = operating.unwrap_or(part.operating);
            part.updated_at = Some(at);
        }
    }

    /// Adds a part.
    pub(crate) fn put(&mut self, part: Part) {
        self.index.add(&part);
        self.parts.insert(part.id.clone(), part);
    }

    /// Removes a part and all that is below it.
    pub(crate) fn remove(&mut self, id: &str) {
        for below in self.below(id) {
            self.remove(&below);
        }
        let Some(part) = self.parts.remove(id) else { return };
        self.index.drop(&part);
        match part.kind {
            Kind::LoadBalancer => {
                self.amphorae.retain(|_, amphora| amphora.balancer != id);
                if part.says.get("octavia_owned") == Some(&Value::Bool(true)) {
                    self.orphans.extend(part.text("vip_port_id").map(str::to_owned));
                }
            }
            Kind::Pool => {
                for listener in self.listeners_of_pool(&part.balancer, id) {
                    if let Some(listener) = self.parts.get_mut(&listener) {
                        listener.says.insert("default_pool_id".to_owned(), Value::Null);
                    }
                }
            }
            Kind::L7Policy => self.reorder(&part.parent),
            _ => {}
        }
    }

    /// The ids of what is directly below a part.
    pub(crate) fn below(&self, id: &str) -> Vec<String> {
        self.index.below.get(id).into_iter().flatten().cloned().collect()
    }

    /// What is directly below a part, of one kind.
    pub(crate) fn children(&self, id: &str, kind: Kind) -> impl Iterator<Item = &Part> {
        let below = self.index.below.get(id).into_iter().flatten();
        below.filter_map(|id| self.parts.get(id)).filter(move |part| part.kind == kind)
    }

    /// All of a kind.
    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Part> {
        let ids = self.index.of_kind.get(&kind).into_iter().flatten();
        ids.filter_map(|id| self.parts.get(id))
    }

    /// The part of this kind and id.
    pub(crate) fn get(&self, kind: Kind, id: &str) -> Option<&Part> {
        self.parts.get(id).filter(|part| part.kind == kind)
    }

    /// The listeners that lead to a pool, by default or by a policy.
    pub(crate) fn listeners_of_pool(&self, balancer: &str, pool: &str) -> Vec<String> {
        self.children(balancer, Kind::Listener)
            .filter(|listener| {
                listener.text("default_pool_id") == Some(pool)
                    || self
                        .children(&listener.id, Kind::L7Policy)
                        .any(|policy| policy.text("redirect_pool_id") == Some(pool))
            })
            .map(|listener| listener.id.clone())
            .collect()
    }

    /// The policies of a listener, in the order in which they are asked.
    pub(crate) fn policies_of(&self, listener: &str) -> Vec<&Part> {
        let mut policies: Vec<&Part> = self.children(listener, Kind::L7Policy).collect();
        policies.sort_by_key(|policy| policy.number("position"));
        policies
    }

    /// Numbers the policies of a listener from 1.
    fn reorder(&mut self, listener: &str) {
        let ids: Vec<String> =
            self.policies_of(listener).iter().map(|policy| policy.id.clone()).collect();
        self.place(&ids);
    }

    /// Gives policies their positions.
    pub(crate) fn place(&mut self, ids: &[String]) {
        for (position, id) in (1_u64..).zip(ids) {
            if let Some(policy) = self.parts.get_mut(id) {
                policy.says.insert("position".to_owned(), position.into());
            }
        }
    }

    /// How many of a kind a project has.
    pub(crate) fn used(&self, kind: Kind, project: &str) -> usize {
        self.of_kind(kind).filter(|part| part.project_id == project).count()
    }

    /// Finds out what follows from the parts, once.
    fn prepare(&mut self) {
        if self.index.ready {
            return;
        }
        let mut index = Index { ready: true, ..Index::default() };
        for part in self.parts.values() {
            index.add(part);
        }
        self.index = index;
    }
}

impl Index {
    fn add(&mut self, part: &Part) {
        self.of_kind.entry(part.kind).or_default().insert(part.id.clone());
        if !part.parent.is_empty() {
            self.below.entry(part.parent.clone()).or_default().insert(part.id.clone());
        }
    }

    fn drop(&mut self, part: &Part) {
        if let Some(ids) = self.of_kind.get_mut(&part.kind) {
            ids.remove(&part.id);
        }
        if let Some(ids) = self.below.get_mut(&part.parent) {
            ids.remove(&part.id);
            if ids.is_empty() {
                self.below.remove(&part.parent);
            }
        }
    }
}
