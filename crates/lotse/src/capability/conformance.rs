//! The compliance monitor in the daemon: its pages, its public listener, its tasks.

use std::sync::Arc;

use lotse_conformance::monitor::account::Account;
use lotse_conformance::monitor::config::{AccountConfig, CloudConfig, ScopeSource};
use lotse_conformance::monitor::schedule::{CheckTask, Tools};
use lotse_conformance::monitor::task::Upkeep;
use lotse_conformance::monitor::{Config, Monitor, console, site};
use lotse_conformance::spec::Spec;
use lotse_conformance::{Mode, profile};
use lotse_store::Store;

use super::{Context, Listener, Parts};
use crate::daemon::{clock, engine};
use crate::failure::{Error, Failure};
use crate::settings::{config as settings, secret};

/// Nothing without the section `conformance`.
pub(super) fn assemble(context: &Context<'_>) -> Result<Parts, Failure> {
    let Some(config) = &context.config.conformance else { return Ok(Parts::default()) };
    let known = (scopes(config)?, accounts(config, context)?);
    let monitor = Monitor::new(context.store.clone(), clock(), config, known);
    let mut parts = Parts::from(console::extension(&monitor));
    parts.tasks.push(Arc::new(Upkeep::new(monitor.clone())));
    if let Some(address) = config.listen {
        let name = "the compliance monitor listens";
        parts.listeners.push(Listener { name, address, router: site::router(&monitor) });
    }
    for cloud in &config.clouds {
        parts.tasks.push(Arc::new(check(cloud, &monitor, context)?));
        parts.clouds.push(cloud.cloud.clone());
    }
    Ok(parts)
}

/// The monitor of this configuration on its state, for commands beside the daemon. They send nothing,
/// and so need no accounts.
pub(crate) fn monitor(config: &settings::Config, store: Arc<Store>) -> Result<Monitor, Failure> {
    let missing = || Error::Setting {
        key: "conformance",
        reason: "the section that says which scopes the monitor knows is missing".to_owned(),
    };
    let config = config.conformance.as_ref().ok_or_else(missing)?;
    Ok(Monitor::new(store, clock(), config, (scopes(config)?, Vec::new())))
}

/// The task that checks a cloud.
fn check(
    config: &CloudConfig,
    monitor: &Monitor,
    context: &Context<'_>,
) -> Result<CheckTask, Failure> {
    // A scope may be named as its profile is.
    let profile = config.scope.as_deref().map(|name| profile::named(name, Mode::Standard));
    let profile = profile.and_then(Result::ok);
    let tools =
        Tools { store: context.store.clone(), engine: engine(context.store), clock: clock() };
    let cloud = context.clouds.get(&config.cloud)?;
    let task = CheckTask::new(config, profile.as_ref(), monitor.clone(), cloud, tools);
    let unknown = || Error::Setting {
        key: "conformance.clouds",
        reason: format!("the scope of {:?} is none of those in conformance.scopes", config.cloud),
    };
    Ok(task.ok_or_else(unknown)?)
}

fn scopes(config: &Config) -> Result<Vec<Spec>, Failure> {
    let read = |source: &ScopeSource| match source {
        ScopeSource::Profile(name) => profile::named(name, Mode::Standard),
        ScopeSource::File(path) => Spec::read(path, Mode::Standard),
    };
    Ok(config.scopes.iter().map(read).collect::<Result<_, _>>()?)
}

fn accounts(config: &Config, context: &Context<'_>) -> Result<Vec<Account>, Failure> {
    let read = |account: &AccountConfig| -> Result<Account, Failure> {
        let password = account.password.as_ref();
        let read = |source| secret::read("an account of the monitor", source, context.environment);
        let password = password.map(read).transpose()?;
        let declared = Account::declared(account, password.as_ref());
        Ok(declared.map_err(|reason| Error::Setting { key: "conformance.accounts", reason })?)
    };
    config.accounts.iter().map(read).collect()
}
