//! The write-ahead journal of changes to the outside world.
//!
//! Before a request that changes something leaves, its [`Intent`] is committed; after the answer,
//! its [`Conclusion`]. After a crash, [`Journal::unfinished`] lists the intents whose outcome nobody
//! wrote down. The one who created them looks for the [`Marker`] that the object carries and either
//! adopts the object or concludes that nothing happened. The trait lives here so that the engine can
//! write to any store and every store can serve any engine.

use async_trait::async_trait;

use crate::id::{IntentId, Marker, RunId};
use crate::time::Timestamp;

/// What is about to be changed.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Intent {
    /// The entry.
    pub id: IntentId,
    /// The run that makes the change.
    pub run: RunId,
    /// The cloud (name in `clouds.yaml`) that is changed.
    pub cloud: String,
    /// The kind of object, for example `image`.
    pub kind: String,
    /// The name of the object.
    pub name: String,
    /// `create`, `update`, `replace` or `destroy`.
    pub action: String,
    /// What the object carries so that it can be found again.
    pub marker: Marker,
    /// The step as data, enough to find and finish it.
    pub detail: serde_json::Value,
    /// When the intent was written.
    pub at: Timestamp,
}

/// How a change ended.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Conclusion {
    /// The change is in effect.
    Done {
        /// Id of the object in the cloud.
        object: Option<String>,
    },
    /// An earlier attempt had succeeded; its object was found by its marker.
    Adopted {
        /// Id of the object in the cloud.
        object: String,
    },
    /// The API refused, or the attempts were used up; nothing of it is left.
    Failed {
        /// What happened, with the request id where there is one.
        message: String,
    },
    /// A crashed attempt that left nothing behind.
    Abandoned,
}

/// The journal could not be written or read; no change may be sent.
#[derive(Debug, thiserror::Error)]
#[error("the journal cannot be {operation}")]
pub struct JournalError {
    /// `read` or `written`.
    pub operation: &'static str,
    /// The cause in the store.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A durable record of intents and their conclusions.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Commits the intent. When this returns, a crash cannot lose it.
    async fn intend(&self, intent: &Intent) -> Result<(), JournalError>;

    /// Commits how it ended. Concluding an intent a second time changes nothing.
    async fn conclude(
        &self,
        intent: IntentId,
        conclusion: &Conclusion,
        at: Timestamp,
    ) -> Result<(), JournalError>;

    /// The intents of this cloud and kind without conclusion, oldest first.
    async fn unfinished(&self, cloud: &str, kind: &str) -> Result<Vec<Intent>, JournalError>;
}
