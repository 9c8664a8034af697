//! What Nova wants of Placement: room for its servers.

use crate::world::World;

/// A host is gone, and its provider with it.
pub(crate) fn forget_provider(world: &World, provider: &str) {
    let _ = (world, provider);
}
