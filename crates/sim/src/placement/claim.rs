//! What Nova wants of Placement: room for its servers.
//!
//! These functions take the world and are called with no lock held.

use super::model::{Inventory, Provider};
use crate::world::World;

/// What a server takes.
#[derive(Clone, Debug)]
pub(crate) struct Claim<'a> {
    /// Id of the server.
    pub(crate) consumer: &'a str,
    pub(crate) project: &'a str,
    pub(crate) user: &'a str,
    /// Classes and amounts.
    pub(crate) resources: Vec<(String, u64)>,
    /// Traits the provider must have, or must not.
    pub(crate) required: Vec<String>,
    pub(crate) forbidden: Vec<String>,
}

/// Claims at the provider with the most free memory that has room; its id.
pub(crate) fn first(world: &World, claim: &Claim<'_>, providers: &[&str]) -> Option<String> {
    let mut placement = world.placement();
    let now = world.now();
    let free = |provider: &Provider| {
        let inventory = provider.inventories.get("MEMORY_MB");
        inventory
            .map_or(0, |inventory| inventory.capacity().saturating_sub(provider.used("MEMORY_MB")))
    };
    let mut fitting: Vec<(u64, &str)> = providers
        .iter()
        .filter_map(|id| placement.providers.get(*id))
        .filter(|provider| suits(provider, claim))
        .map(|provider| (free(provider), provider.uuid.as_str()))
        .collect();
    // Most free memory first; among equals in the order of the hosts.
    fitting.sort_by_key(|(free, _)| std::cmp::Reverse(*free));
    let chosen = fitting.first().map(|(_, id)| (*id).to_owned())?;
    let amounts = claim.resources.iter().cloned().collect();
    placement.allocate(
        claim.consumer,
        (claim.project, claim.user),
        vec![(chosen.clone(), amounts)],
        now,
    );
    Some(chosen)
}

fn suits(provider: &Provider, claim: &Claim<'_>) -> bool {
    let room = claim.resources.iter().all(|(class, amount)| {
        let inventory = provider.inventories.get(class);
        inventory.is_some_and(|inventory: &Inventory| {
            inventory.takes(*amount) && provider.used(class) + amount <= inventory.capacity()
        })
    });
    room && claim.required.iter().all(|name| provider.traits.contains(name))
        && !claim.forbidden.iter().any(|name| provider.traits.contains(name))
}

/// Gives up what a consumer holds.
pub(crate) fn release(world: &World, consumer: &str) {
    world.placement().release(consumer);
}

/// What one consumer holds is held by another from now on (a server and its migration).
pub(crate) fn pass_on(world: &World, from: &str, to: &str) {
    let now = world.now();
    world.placement().pass_on(from, to, now);
}

/// A host reports what it has; the first report makes its provider.
pub(crate) fn report(world: &World, provider: Provider) {
    let mut placement = world.placement();
    placement.providers.entry(provider.uuid.clone()).or_insert(provider);
}

/// A host is gone, and its provider with it.
pub(crate) fn forget_provider(world: &World, provider: &str) {
    world.placement().remove(provider);
}
