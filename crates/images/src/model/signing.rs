//! Who answers for what upstream publishes.

use std::sync::Arc;

use lotse_transfer::Keyring;

use super::SourceUrl;

/// A list of checksums that counts only with a signature by a pinned key.
#[derive(Clone, Debug)]
pub struct SignedList {
    /// Where the list is.
    pub list: SourceUrl,
    /// Where its signature is; `None`: around its text.
    pub signature: Option<SourceUrl>,
    /// The keys that count.
    pub keys: Arc<Keyring>,
}
