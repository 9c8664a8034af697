//! Keeping other instances away while a session lasts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lotse_core::id::InstanceId;
use lotse_core::lease::{Claim, Lease, Leases};
use lotse_core::time::{SharedClock, Timestamp};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::error::PlanError;

/// How a session claims.
#[derive(Clone)]
pub(crate) struct Holder {
    pub(crate) leases: Arc<dyn Leases>,
    /// Where the holder runs, for people.
    pub(crate) note: String,
    pub(crate) lasting: Duration,
    pub(crate) patience: Duration,
    pub(crate) clock: SharedClock,
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holder").field("note", &self.note).finish_non_exhaustive()
    }
}

/// Leases in hand. Dropping it ends the renewals, and the leases end by themselves.
#[derive(Debug)]
pub(crate) struct Hold {
    holder: Holder,
    id: InstanceId,
    names: Vec<String>,
    renewals: AbortOnDropHandle<()>,
}

impl Holder {
    /// Claims all of them or none. `id` names this one session, because two sessions of one process
    /// exclude each other too. `lost` is cancelled when a lease cannot be kept.
    pub(crate) async fn hold(
        self,
        id: InstanceId,
        names: Vec<String>,
        lost: CancellationToken,
        cancelled: &CancellationToken,
    ) -> Result<Hold, PlanError> {
        let give_up_at = Instant::now() + self.patience;
        let claiming = async {
            for name in &names {
                self.wait_for(id, name, give_up_at).await?;
            }
            Ok(())
        };
        let claimed = cancelled.run_until_cancelled(claiming).await;
        if let Err(error) = claimed.unwrap_or(Err(PlanError::Cancelled)) {
            // Giving back those that were not claimed yet changes nothing.
            self.release(id, &names).await;
            return Err(error);
        }
        let renewals = Renewals { holder: self.clone(), id, names: names.clone(), lost };
        let renewals = AbortOnDropHandle::new(tokio::spawn(renewals.keep()));
        Ok(Hold { holder: self, id, names, renewals })
    }

    /// Claims one lease. When somebody has it, waits within the patience for it to end, but not for
    /// somebody who renews it and so is alive.
    async fn wait_for(
        &self,
        id: InstanceId,
        name: &str,
        give_up_at: Instant,
    ) -> Result<(), PlanError> {
        let mut first_seen: Option<Lease> = None;
        loop {
            let lease = match self.claim(id, name).await {
                Ok(Claim::Held(_)) => return Ok(()),
                Ok(Claim::Taken(lease)) => lease,
                Err(source) => return Err(PlanError::Lease { source }),
            };
            let seen = first_seen.get_or_insert_with(|| {
                tracing::info!(lease = %name, holder = %lease.holder_note, until = %lease.until, "waiting to see whether the holder of a lease is alive");
                lease.clone()
            });
            let alive = seen.holder != lease.holder || seen.until != lease.until;
            if alive || Instant::now() >= give_up_at {
                return Err(PlanError::Busy { lease: Box::new(lease) });
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    async fn claim(
        &self,
        id: InstanceId,
        name: &str,
    ) -> Result<Claim, lotse_core::lease::LeaseError> {
        self.leases.claim(name, id, &self.note, self.lasting, self.clock.now()).await
    }

    async fn release(&self, id: InstanceId, names: &[String]) {
        for name in names {
            if let Err(error) = self.leases.release(name, id).await {
                // It ends by itself.
                tracing::warn!(lease = %name, error = %lotse_core::error::chain(&error), "lease not released");
            }
        }
    }
}

impl Hold {
    /// Gives the leases back.
    pub(crate) async fn release(self) {
        // First, so that no renewal claims again what was given back.
        drop(self.renewals);
        self.holder.release(self.id, &self.names).await;
    }
}

/// The background half of a hold.
struct Renewals {
    holder: Holder,
    id: InstanceId,
    names: Vec<String>,
    lost: CancellationToken,
}

impl Renewals {
    async fn keep(self) {
        let every = self.holder.lasting / 3;
        let mut safe_until = self.end_of_term();
        loop {
            tokio::time::sleep(every).await;
            let term = self.end_of_term();
            match tokio::time::timeout(every, self.renew()).await {
                Ok(Ok(true)) => safe_until = term,
                Ok(Ok(false)) => break,
                // Not reachable: the lease is ours until its end, minus the time one more try takes.
                Ok(Err(())) | Err(_) => {
                    let one_more = self.after(every + every);
                    if one_more >= safe_until {
                        break;
                    }
                }
            }
        }
        self.lost.cancel();
    }

    fn after(&self, duration: Duration) -> Timestamp {
        let now = self.holder.clock.now();
        now.checked_add(duration).unwrap_or(Timestamp::MAX)
    }

    fn end_of_term(&self) -> Timestamp {
        self.after(self.holder.lasting)
    }

    /// Whether all are still ours.
    async fn renew(&self) -> Result<bool, ()> {
        for name in &self.names {
            match self.holder.claim(self.id, name).await {
                Ok(Claim::Held(_)) => {}
                Ok(Claim::Taken(lease)) => {
                    tracing::warn!(lease = %name, holder = %lease.holder_note, "lease lost");
                    return Ok(false);
                }
                Err(error) => {
                    tracing::warn!(lease = %name, error = %lotse_core::error::chain(&error), "lease not renewed");
                    return Err(());
                }
            }
        }
        Ok(true)
    }
}
