//! The changes: their pages, their part of the API, their upkeep.

use std::sync::Arc;

use lotse_change::task::Forgetting;

use super::{Context, Parts};
use crate::daemon::clock;
use crate::failure::Failure;

/// One task, always: without it the history would grow for ever.
#[expect(clippy::unnecessary_wraps, reason = "the shape that all capabilities share")]
pub(super) fn assemble(context: &Context<'_>) -> Result<Parts, Failure> {
    let task = Forgetting::new(context.changes.clone(), clock());
    let parts = Parts::from(lotse_change::web::extension(context.changes));
    Ok(Parts { tasks: vec![Arc::new(task)], ..parts })
}
