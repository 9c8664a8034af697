//! What distributions publish, in the daemon: one task that looks and tells.

use std::sync::Arc;

use lotse_upstream::Limits;
use lotse_upstream::task::LookTask;

use super::{Context, Parts};
use crate::failure::Failure;

/// One task, when the section `upstream` is there.
#[expect(clippy::unnecessary_wraps, reason = "the shape that all capabilities share")]
pub(super) fn assemble(context: &Context<'_>) -> Result<Parts, Failure> {
    let Some(config) = &context.config.upstream else { return Ok(Parts::default()) };
    let mut config = config.clone();
    if let Some(source) = context.estate.source() {
        config.rebase(&source.root());
    }
    let task = LookTask::new(config, Limits::default());
    Ok(Parts { tasks: vec![Arc::new(task)], ..Parts::default() })
}
