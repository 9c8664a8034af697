//! The upkeep of the state itself.

use std::sync::Arc;

use lotse_core::time::system_clock;
use lotse_store::Store;
use lotse_store::housekeeping::{Housekeeping, Retention};

use super::{Context, Parts};
use crate::failure::Failure;

/// One task, always: without it the history would grow for ever.
#[expect(clippy::unnecessary_wraps, reason = "the shape that all capabilities share")]
pub(super) fn assemble(context: &Context<'_>) -> Result<Parts, Failure> {
    let store = Store::clone(context.store);
    let task = Housekeeping::new(store, system_clock(), Retention::default());
    Ok(Parts { tasks: vec![Arc::new(task)], ..Parts::default() })
}
