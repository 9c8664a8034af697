//! What Nova knows, as plain data, and the transitions that time brings.

use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Everything the service knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Compute {}

impl Compute {
    /// Makes the transitions that are due.
    #[expect(clippy::unused_self, reason = "the service has no transitions yet")]
    pub(crate) const fn settle(&mut self, _now: Timestamp) {}
}
