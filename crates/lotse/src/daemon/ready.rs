//! What must be in order before the daemon can work.

use std::sync::Arc;

use async_trait::async_trait;
use lotse_core::error::chain;
use lotse_store::Store;
use lotse_web::health::Check;

/// The state can be read.
pub(super) struct Database(pub(super) Arc<Store>);

#[async_trait]
impl Check for Database {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn check(&self) -> Result<(), String> {
        self.0.check().await.map_err(|error| chain(&error))
    }
}
