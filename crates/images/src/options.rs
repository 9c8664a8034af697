//! How the catalogue is kept.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the planner, the observer and the executor have to agree on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Options {
    /// The tag that all our images carry. Images without it are never touched.
    pub tag: String,
    /// Whether Glance downloads what it cannot verify, or we do.
    pub import: ImportPreference,
    /// How long Glance may take to import one image.
    pub import_timeout: Duration,
    /// The first pause between two looks at a running import; it doubles up to
    /// [`Options::longest_poll`].
    pub first_poll: Duration,
    /// The longest pause between two looks at a running import.
    pub longest_poll: Duration,
}

/// Who downloads the content of images, where there is a choice.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportPreference {
    /// Glance, where it computes a checksum of the declared kind or none is declared; else Lotse,
    /// which verifies the content before Glance gets it.
    #[default]
    Verified,
    /// Glance wherever it can, even if nobody then verifies the content.
    Cloud,
    /// Always Lotse.
    Stream,
}

/// The tag of the OSISM image manager, so that its images are taken over without a change.
pub const DEFAULT_TAG: &str = "managed_by_osism";

impl Default for Options {
    /// The tag of the OSISM image manager, half an hour per import, looks every 0.1 s to 2 s.
    fn default() -> Self {
        Self {
            tag: DEFAULT_TAG.to_owned(),
            import: ImportPreference::default(),
            import_timeout: Duration::from_mins(30),
            first_poll: Duration::from_millis(100),
            longest_poll: Duration::from_secs(2),
        }
    }
}
