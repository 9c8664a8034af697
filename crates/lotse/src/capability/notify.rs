//! Notifications in the daemon: one task that tells, one that forgets.

use std::sync::Arc;

use lotse_notify::task::{Forgetting, Telling};
use lotse_notify::{Channels, Courier, courier};
use lotse_store::Store;

use super::{Context, Parts};
use crate::daemon::clock;
use crate::failure::Failure;
use crate::settings::config::Config;
use crate::settings::{Environment, secret};

/// Two tasks, always: without rules the events are only acknowledged, so that they can be forgotten.
pub(super) fn assemble(context: &Context<'_>) -> Result<Parts, Failure> {
    let mut channels = channels(context.config, context.environment)?;
    if let Some(page) = context.status {
        channels = channels.found_by(Arc::new(page.ways().clone()));
    }
    let courier = courier(context.store, channels);
    let measured = courier.metrics().clone();
    let forgetting = Forgetting::new(courier.clone(), clock());
    Ok(Parts {
        tasks: vec![Arc::new(Telling::new(courier, clock())), Arc::new(forgetting)],
        metrics: vec![Box::new(move |registry| measured.register(registry))],
        ..Parts::default()
    })
}

/// The channels of the section `notify`, with their secrets.
pub(crate) fn channels(config: &Config, environment: &Environment) -> Result<Channels, Failure> {
    let mut notify = config.notify.clone();
    if notify.base_url.is_none() {
        notify.base_url.clone_from(&config.access.public_url);
    }
    Channels::configured(&notify, &|what, source| {
        secret::read(what, source, environment).map_err(Failure::from)
    })
}

/// A courier for these channels.
pub(crate) fn courier(store: &Arc<Store>, channels: Channels) -> Courier {
    Courier::new(store.clone(), Arc::new(channels), clock(), courier::Options::default())
}
