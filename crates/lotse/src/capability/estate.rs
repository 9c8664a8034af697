//! Where the estate comes from, in the daemon: the task that looks, what it measures, its page, the
//! webhook.

use lotse_source::{console, webhook};
use lotse_web::access::Access;
use lotse_web::extension::{Register, Route};

use super::{Context, Parts};
use crate::failure::Failure;

/// Nothing without the section `estate`.
#[expect(clippy::unnecessary_wraps, reason = "the shape that all capabilities share")]
pub(super) fn assemble(context: &Context<'_>) -> Result<Parts, Failure> {
    let mut parts = Parts::default();
    let Some(source) = context.estate.source().cloned() else { return Ok(parts) };
    parts.tasks.extend(context.estate.task());
    parts.routes.extend(console::routes(&source));
    parts.navigation.push(console::PAGE);
    parts.permissions.push(&console::ESTATE_READ);
    parts.documents.push(console::document());
    let register: Register = Box::new(move |registry| source.register(registry));
    parts.metrics.push(register);
    if let Some(hook) = context.estate.webhook() {
        parts.routes.push(Route::post(webhook::PATH, Access::Proven, hook, webhook::receive));
    }
    Ok(parts)
}
