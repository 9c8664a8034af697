//! Typed facts that one capability tells the others.
//!
//! A capability never calls another one. It writes an [`Event`] into the outbox, in the transaction
//! that made the fact true; others read from there at their own pace.

pub mod health;

use crate::id::EventId;
use crate::time::Timestamp;

/// A fact, as it travels.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Event {
    /// Identity, for readers that must not count it twice.
    pub id: EventId,
    /// What kind of fact, for example `image.converged`.
    pub topic: String,
    /// About what, for example `sim/image/Debian 13`.
    pub subject: String,
    /// When it became true.
    pub at: Timestamp,
    /// The fact itself.
    pub body: serde_json::Value,
}
