//! The clouds of this process, each opened once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use lotse_openstack::{Cloud, CloudConfig, CloudOptions, Metrics, Overrides, Sources};

use crate::failure::Failure;
use crate::settings::Environment;
use crate::settings::config::Config;

/// The clouds of this process.
pub(crate) struct Clouds {
    sources: Sources,
    options: CloudOptions,
    open: Mutex<BTreeMap<String, Cloud>>,
}

impl Clouds {
    /// Reads `clouds.yaml` and its kin. The daemon's `clouds_file` beats the usual places.
    pub(crate) fn read(config: &Config, environment: &Environment) -> Result<Self, Failure> {
        let mut environment = environment.all().clone();
        if let Some(file) = &config.clouds_file {
            environment.insert("OS_CLIENT_CONFIG_FILE".to_owned(), file.display().to_string());
        }
        let sources = Sources::read(environment, Overrides::default(), Path::new("."))?;
        Ok(Self { sources, options: super::cloud_options(), open: Mutex::default() })
    }

    /// What the clouds count.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.options.metrics
    }

    /// Resolves the configuration of a cloud without contacting it.
    pub(crate) fn configuration(&self, name: &str) -> Result<CloudConfig, Failure> {
        Ok(CloudConfig::called(&self.sources, name)?)
    }

    /// The session on a cloud; the same for everyone who asks.
    pub(crate) fn get(&self, name: &str) -> Result<Cloud, Failure> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cloud) = open.get(name) {
            return Ok(cloud.clone());
        }
        let cloud = Cloud::connect(self.configuration(name)?, &self.options)?;
        open.insert(name.to_owned(), cloud.clone());
        Ok(cloud)
    }
}
