//! One holder at a time.
//!
//! A lease is a named right with an end. Whoever holds it renews it well before the end; whoever
//! dies loses it when the end passes. The fencing number grows with every change of holder, so that
//! a late write of a former holder can be told from the present one's.

use std::time::Duration;

use async_trait::async_trait;

use crate::error::{ErrorKind, Explain};
use crate::id::InstanceId;
use crate::time::Timestamp;

/// A lease as it stands.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Lease {
    /// What is held, for example `task/images` or `apply/sim/image`.
    pub name: String,
    /// Who holds it.
    pub holder: InstanceId,
    /// Where the holder runs, for people: host and process id.
    pub holder_note: String,
    /// Grows with every change of holder.
    pub fence: i64,
    /// When it ends if it is not renewed.
    pub until: Timestamp,
}

/// What came of asking for a lease.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Claim {
    /// We hold it now.
    Held(Lease),
    /// Somebody else does.
    Taken(Lease),
}

/// The leases could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the lease \"{name}\" cannot be {operation}")]
pub struct LeaseError {
    /// The lease.
    pub name: String,
    /// `claimed`, `renewed` or `released`.
    pub operation: &'static str,
    /// The cause in the store.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl Explain for LeaseError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Storage
    }

    fn hints(&self) -> Vec<String> {
        vec!["look at the database; nothing has been changed on any cloud".to_owned()]
    }
}

/// Where leases are kept. `now` comes from the caller's clock; instances that share leases must
/// have clocks that differ by much less than `lasting`.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Claims the lease, or renews it when we hold it already (the fence stays then).
    async fn claim(
        &self,
        name: &str,
        holder: InstanceId,
        holder_note: &str,
        lasting: Duration,
        now: Timestamp,
    ) -> Result<Claim, LeaseError>;

    /// Gives the lease back. Giving back what one does not hold changes nothing.
    async fn release(&self, name: &str, holder: InstanceId) -> Result<(), LeaseError>;

    /// All leases that have not ended.
    async fn held(&self, now: Timestamp) -> Result<Vec<Lease>, LeaseError>;
}
