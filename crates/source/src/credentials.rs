//! How we show who we are, with the secrets read.

use std::path::PathBuf;

use lotse_core::secret::SecretString;

/// How we show who we are, with the secrets read.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The name that goes with the token.
    pub user: Option<String>,
    /// The token or password for HTTPS.
    pub token: Option<SecretString>,
    /// File with the private key for SSH.
    pub ssh_key: Option<PathBuf>,
    /// File with the keys of SSH servers.
    pub known_hosts: Option<PathBuf>,
}
