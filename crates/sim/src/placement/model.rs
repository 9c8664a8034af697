//! What Placement knows, as plain data.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::seed::{Keyed, keyed};

/// How much of a resource class a provider has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Inventory {
    pub(crate) total: u64,
    #[serde(default)]
    pub(crate) reserved: u64,
    #[serde(default = "one")]
    pub(crate) min_unit: u64,
    #[serde(default = "most")]
    pub(crate) max_unit: u64,
    #[serde(default = "one")]
    pub(crate) step_size: u64,
    #[serde(default = "even")]
    pub(crate) allocation_ratio: f64,
}

const fn one() -> u64 {
    1
}

const fn most() -> u64 {
    0x7fff_ffff
}

const fn even() -> f64 {
    1.0
}

impl Inventory {
    /// How much can be allocated in all.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "totals are at most 2^31, ratios are positive"
    )]
    pub(crate) fn capacity(&self) -> u64 {
        (self.total.saturating_sub(self.reserved) as f64 * self.allocation_ratio) as u64
    }

    /// Whether so much can be allocated at once, room aside.
    pub(crate) fn takes(&self, amount: u64) -> bool {
        amount >= self.min_unit && amount <= self.max_unit && amount.is_multiple_of(self.step_size)
    }
}

/// Something that has resources, a compute host for example.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Provider {
    pub(crate) uuid: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) generation: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<String>,
    #[serde(default)]
    pub(crate) inventories: BTreeMap<String, Inventory>,
    #[serde(default)]
    pub(crate) traits: BTreeSet<String>,
    #[serde(default)]
    pub(crate) aggregates: BTreeSet<String>,
    pub(crate) updated_at: Timestamp,
    /// What of each class is allocated.
    #[serde(skip)]
    used: BTreeMap<String, u64>,
}

impl Provider {
    pub(crate) const fn new(uuid: String, name: String, now: Timestamp) -> Self {
        Self {
            uuid,
            name,
            generation: 0,
            parent: None,
            inventories: BTreeMap::new(),
            traits: BTreeSet::new(),
            aggregates: BTreeSet::new(),
            updated_at: now,
            used: BTreeMap::new(),
        }
    }

    /// What of a class is allocated.
    pub(crate) fn used(&self, class: &str) -> u64 {
        self.used.get(class).copied().unwrap_or(0)
    }

    /// Whether anything is allocated.
    pub(crate) fn is_used(&self) -> bool {
        self.used.values().any(|used| *used > 0)
    }

    /// Notes a change that others must know of before they change something.
    pub(crate) const fn touch(&mut self, now: Timestamp) {
        self.generation += 1;
        self.updated_at = now;
    }
}

impl Keyed for Provider {
    fn key(&self) -> &str {
        &self.uuid
    }
}

/// Amounts by class.
pub(crate) type Amounts = BTreeMap<String, u64>;

/// What somebody holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Consumer {
    pub(crate) uuid: String,
    pub(crate) project_id: String,
    pub(crate) user_id: String,
    #[serde(default)]
    pub(crate) generation: u64,
    /// `INSTANCE`, `MIGRATION` and the like (1.38); unknown is `None`.
    #[serde(default)]
    pub(crate) kind: Option<String>,
    /// Amounts by provider, in the order they were claimed.
    pub(crate) holds: Vec<(String, Amounts)>,
    pub(crate) updated_at: Timestamp,
}

/// Everything the service knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, from = "Stored", into = "Stored")]
pub(crate) struct Placement {
    pub(crate) providers: BTreeMap<String, Provider>,
    pub(crate) consumers: HashMap<String, Consumer>,
    /// Traits and classes that are not built in.
    pub(crate) traits: BTreeSet<String>,
    pub(crate) classes: Vec<String>,
}

/// The same as a file holds it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Stored {
    #[serde(with = "keyed")]
    providers: BTreeMap<String, Provider>,
    consumers: Vec<Consumer>,
    traits: BTreeSet<String>,
    classes: Vec<String>,
}

impl From<Stored> for Placement {
    fn from(stored: Stored) -> Self {
        let Stored { mut providers, consumers, traits, classes } = stored;
        for consumer in &consumers {
            for (provider, amounts) in &consumer.holds {
                if let Some(provider) = providers.get_mut(provider) {
                    for (class, amount) in amounts {
                        *provider.used.entry(class.clone()).or_default() += amount;
                    }
                }
            }
        }
        let consumers =
            consumers.into_iter().map(|consumer| (consumer.uuid.clone(), consumer)).collect();
        Self { providers, consumers, traits, classes }
    }
}

impl From<Placement> for Stored {
    fn from(placement: Placement) -> Self {
        let mut consumers: Vec<Consumer> = placement.consumers.into_values().collect();
        consumers.sort_by(|a, b| a.uuid.cmp(&b.uuid));
        Self {
            providers: placement.providers,
            consumers,
            traits: placement.traits,
            classes: placement.classes,
        }
    }
}

impl Placement {
    /// Makes the transitions that are due: there are none.
    #[expect(clippy::unused_self, reason = "every service is asked")]
    pub(crate) const fn settle(&mut self, _now: Timestamp) {}

    /// The root of the tree that a provider is in.
    pub(crate) fn root<'a>(&'a self, provider: &'a Provider) -> &'a str {
        let mut at = provider;
        while let Some(parent) = at.parent.as_ref().and_then(|id| self.providers.get(id)) {
            at = parent;
        }
        &at.uuid
    }

    /// A consumer holds this from now on, and nothing else. That there is room was checked.
    pub(crate) fn allocate(
        &mut self,
        consumer: &str,
        (project, user): (&str, &str),
        holds: Vec<(String, Amounts)>,
        now: Timestamp,
    ) {
        let old = self.consumers.get(consumer);
        let generation = old.map_or(0, |old| old.generation);
        let kind = old.and_then(|old| old.kind.clone());
        self.count(consumer, false);
        let mut touched: BTreeSet<String> = holds.iter().map(|(id, _)| id.clone()).collect();
        touched.extend(
            self.consumers
                .get(consumer)
                .into_iter()
                .flat_map(|old| &old.holds)
                .map(|(id, _)| id.clone()),
        );
        let known = Consumer {
            uuid: consumer.to_owned(),
            project_id: project.to_owned(),
            user_id: user.to_owned(),
            generation: generation + 1,
            kind: kind.or_else(|| Some("INSTANCE".to_owned())),
            holds,
            updated_at: now,
        };
        self.consumers.insert(consumer.to_owned(), known);
        self.count(consumer, true);
        for id in touched {
            if let Some(provider) = self.providers.get_mut(&id) {
                provider.touch(now);
            }
        }
    }

    /// A consumer holds nothing any more; whether it held something. Providers do not change their
    /// generation for that: nobody's plans fail because there is more room.
    pub(crate) fn release(&mut self, consumer: &str) -> bool {
        self.count(consumer, false);
        self.consumers.remove(consumer).is_some()
    }

    /// What one consumer holds is another's.
    pub(crate) fn pass_on(&mut self, from: &str, to: &str, now: Timestamp) {
        if let Some(mut consumer) = self.consumers.remove(from) {
            // What the other one had is given up.
            self.release(to);
            to.clone_into(&mut consumer.uuid);
            consumer.generation += 1;
            consumer.updated_at = now;
            self.consumers.insert(to.to_owned(), consumer);
        }
    }

    /// Removes a provider with what is below it and what is held of it.
    pub(crate) fn remove(&mut self, provider: &str) {
        self.providers
            .retain(|id, known| id != provider && known.parent.as_deref() != Some(provider));
        for consumer in self.consumers.values_mut() {
            consumer.holds.retain(|(id, _)| id != provider);
        }
        self.consumers.retain(|_, consumer| !consumer.holds.is_empty());
    }

    /// Adds what a consumer holds to what is used, or takes it away.
    fn count(&mut self, consumer: &str, add: bool) {
        let Some(consumer) = self.consumers.get(consumer) else { return };
        for (provider, amounts) in &consumer.holds {
            let Some(provider) = self.providers.get_mut(provider) else { continue };
            for (class, amount) in amounts {
                let used = provider.used.entry(class.clone()).or_default();
                *used = if add { *used + amount } else { used.saturating_sub(*amount) };
            }
        }
    }
}
