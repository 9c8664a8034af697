//! The capabilities of the daemon: one file and one line of [`ALL`] each.

mod changes;
mod images;
pub(crate) mod notify;
mod state;

use std::sync::Arc;

use axum::Router;
use lotse_change::Changes;
use lotse_core::task::Task;
use lotse_store::Store;
use lotse_store::migrate::Part;

use crate::daemon::clouds::Clouds;
use crate::failure::Failure;
use crate::settings::Environment;
use crate::settings::config::Config;

/// What a capability is assembled from.
pub(crate) struct Context<'a> {
    pub(crate) config: &'a Config,
    pub(crate) environment: &'a Environment,
    pub(crate) clouds: &'a Clouds,
    pub(crate) store: &'a Arc<Store>,
    /// Where differences are shown.
    pub(crate) changes: &'a Changes,
}

/// What a capability adds to the daemon.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) tasks: Vec<Arc<dyn Task>>,
    pub(crate) routes: Router,
}

/// Makes the parts of one capability; none when its section of the configuration is missing.
pub(crate) type Assemble = fn(&Context<'_>) -> Result<Parts, Failure>;

/// Every capability.
pub(crate) const ALL: &[Assemble] =
    &[images::assemble, changes::assemble, notify::assemble, state::assemble];

/// The tables of the capabilities that keep something.
pub(crate) const SCHEMA: &[Part] = &[lotse_change::PART, lotse_images::PART, lotse_notify::PART];
