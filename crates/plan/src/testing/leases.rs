//! Leases in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lotse_core::id::InstanceId;
use lotse_core::lease::{Claim, Lease, LeaseError, Leases};
use lotse_core::time::Timestamp;

/// Leases that several engines of one test share.
#[derive(Debug, Default)]
pub struct MemoryLeases {
    leases: Mutex<BTreeMap<String, Lease>>,
    unreachable: Mutex<bool>,
}

impl MemoryLeases {
    /// Gives the lease to somebody else, as after a long pause of its holder.
    pub fn steal(&self, name: &str, thief: InstanceId, until: Timestamp) {
        if let Some(lease) = self.leases().get_mut(name) {
            lease.holder = thief;
            "thief".clone_into(&mut lease.holder_note);
            lease.fence += 1;
            lease.until = until;
        }
    }

    /// From now on, or no longer, every request fails.
    pub fn unreachable(&self, unreachable: bool) {
        *self.unreachable.lock().unwrap_or_else(PoisonError::into_inner) = unreachable;
    }

    fn leases(&self) -> MutexGuard<'_, BTreeMap<String, Lease>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reach(
        &self,
        name: &str,
        operation: &'static str,
    ) -> Result<MutexGuard<'_, BTreeMap<String, Lease>>, LeaseError> {
        if *self.unreachable.lock().unwrap_or_else(PoisonError::into_inner) {
            let source = std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into();
            return Err(LeaseError { name: name.to_owned(), operation, source });
        }
        Ok(self.leases())
    }
}

#[async_trait]
impl Leases for MemoryLeases {
    async fn claim(
        &self,
        name: &str,
        holder: InstanceId,
        holder_note: &str,
        lasting: Duration,
        now: Timestamp,
    ) -> Result<Claim, LeaseError> {
        let mut leases = self.reach(name, "claimed")?;
        let until = now.checked_add(lasting).unwrap_or(Timestamp::MAX);
        let fence = match leases.get(name) {
            Some(lease) if lease.holder == holder => lease.fence,
            Some(lease) if lease.until > now => return Ok(Claim::Taken(lease.clone())),
            Some(lease) => lease.fence + 1,
            None => 1,
        };
        let lease = Lease {
            name: name.to_owned(),
            holder,
            holder_note: holder_note.to_owned(),
            fence,
            until,
        };
        leases.insert(name.to_owned(), lease.clone());
        Ok(Claim::Held(lease))
    }

    async fn release(&self, name: &str, holder: InstanceId) -> Result<(), LeaseError> {
        let mut leases = self.reach(name, "released")?;
        if let Some(lease) = leases.get_mut(name)
            && lease.holder == holder
        {
            // The entry stays, so that the fence goes on growing.
            lease.until = Timestamp::MIN;
        }
        Ok(())
    }

    async fn held(&self, now: Timestamp) -> Result<Vec<Lease>, LeaseError> {
        let leases = self.reach("*", "read")?;
        Ok(leases.values().filter(|lease| lease.until > now).cloned().collect())
    }
}
