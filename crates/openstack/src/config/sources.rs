//! What a configuration is made of, as data.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lotse_core::declared::SourceFile;

/// The files and the environment a configuration is made of, as they were found.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The environment; only `OS_*` and the proxy variables matter.
    pub environment: BTreeMap<String, String>,
    /// What the command line says.
    pub overrides: Overrides,
    /// The first `clouds.yaml`, `clouds.yml` or `clouds.json` that exists.
    pub clouds: Option<SourceFile>,
    /// The first `secure.yaml`, `secure.yml` or `secure.json` that exists; it is laid over the other.
    pub secure: Option<SourceFile>,
    /// Where files were looked for, for messages.
    pub searched: Vec<PathBuf>,
    /// The home directory, for `~` in paths.
    pub home: Option<PathBuf>,
}

/// What the command line says about the cloud; it beats the environment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Overrides {
    /// `--os-cloud`.
    pub cloud: Option<String>,
    /// `--os-region-name`.
    pub region_name: Option<String>,
    /// `--os-interface`.
    pub interface: Option<String>,
}

impl Sources {
    /// One file and no environment; for tests and for clouds that we describe ourselves.
    pub fn from_text(name: &str, text: &str) -> Self {
        Self {
            clouds: Some(SourceFile { name: name.into(), text: text.into() }),
            ..Self::default()
        }
    }

    /// The same sources with this cloud chosen.
    #[must_use]
    pub fn with_cloud(mut self, name: impl Into<String>) -> Self {
        self.overrides.cloud = Some(name.into());
        self
    }

    /// A variable of the environment; an empty one counts as absent.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The name of the cloud that the environment describes.
    pub(super) fn environment_cloud(&self) -> &str {
        self.variable("OS_CLOUD_NAME").unwrap_or("envvars")
    }
}
