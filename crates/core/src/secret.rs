//! Values that never appear in logs, and where they come from.
//!
//! A secret is a [`SecretString`]: it has no `Display`, its `Debug` is redacted and its memory is
//! wiped. In configuration files a secret is never written down; a [`SecretSource`] says where it is.

use std::path::PathBuf;

pub use secrecy::{ExposeSecret, SecretString};

/// Where a secret comes from. Exactly one of the keys is given.
#[derive(
    Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretSource {
    /// The first line of this file.
    File(PathBuf),
    /// This environment variable.
    Env(String),
    /// The systemd credential of this name (in `$CREDENTIALS_DIRECTORY`).
    Credential(String),
}
