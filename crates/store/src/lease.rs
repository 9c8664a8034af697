//! Leases: one holder at a time.
//!
//! A claim is one statement that both engines execute atomically. It always returns the lease as it
//! stands afterwards, so nobody can come between asking and looking. A released lease keeps its row
//! with an end in the past, so that the fence only grows.

use std::time::Duration;

use async_trait::async_trait;
use lotse_core::id::InstanceId;
use lotse_core::lease::{Claim, Lease, LeaseError, Leases};
use lotse_core::time::Timestamp;
use sqlx::any::AnyRow;

use crate::error::Error;
use crate::row::{Columns, micros, plain};
use crate::store::Store;

/// `$5` is now. A lease is free when it has ended; holding it already means renewing it.
const CLAIM: &str = "\
INSERT INTO lease (name, holder, holder_note, fence, until_us) VALUES ($1, $2, $3, 1, $4)
ON CONFLICT (name) DO UPDATE SET
  fence = CASE WHEN lease.until_us <= $5 THEN lease.fence + 1 ELSE lease.fence END,
  holder_note = CASE WHEN lease.until_us <= $5 OR lease.holder = excluded.holder
    THEN excluded.holder_note ELSE lease.holder_note END,
  until_us = CASE WHEN lease.until_us <= $5 OR lease.holder = excluded.holder
    THEN excluded.until_us ELSE lease.until_us END,
  holder = CASE WHEN lease.until_us <= $5 THEN excluded.holder ELSE lease.holder END
RETURNING name, holder, holder_note, fence, until_us";

/// The end of a released lease: before every now.
const RELEASE: &str = "\
UPDATE lease SET until_us = $3 WHERE name = $1 AND holder = $2 AND until_us > $3";

const HELD: &str = "\
SELECT name, holder, holder_note, fence, until_us FROM lease WHERE until_us > $1 ORDER BY name";

const CURRENT: &str = "SELECT fence FROM lease WHERE name = $1";

impl Store {
    /// Whether this fence is still the newest of its lease. A writer that may have been paused for
    /// long asks this before a write that must not come after its successor's.
    pub async fn lease_is_current(&self, name: &str, fence: i64) -> Result<bool, Error> {
        let query = sqlx::query(CURRENT).bind(name.to_owned());
        let rows = self.read("check a lease", query).await?;
        rows.first().map_or(Ok(false), |row| Ok(Columns(row).integer("fence")? == fence))
    }

    async fn lease_list(&self, now: Timestamp) -> Result<Vec<Lease>, Error> {
        let query = sqlx::query(HELD).bind(now.as_microsecond());
        self.read("list the leases", query).await?.iter().map(to_lease).collect()
    }

    async fn lease_claim(
        &self,
        name: &str,
        holder: InstanceId,
        holder_note: &str,
        lasting: Duration,
        now: Timestamp,
    ) -> Result<Claim, Error> {
        const OPERATION: &str = "claim a lease";
        let now = now.as_microsecond();
        let query = sqlx::query(CLAIM)
            .bind(plain(OPERATION, name)?)
            .bind(holder.to_string())
            .bind(plain(OPERATION, holder_note)?)
            .bind(now.saturating_add(micros(lasting)).min(Timestamp::MAX.as_microsecond()))
            .bind(now);
        let rows = self.write(OPERATION, query).await?;
        let row = rows.first().ok_or_else(|| Error::Stored {
            column: "lease",
            reason: "the claim returned no row".to_owned(),
        })?;
        let lease = to_lease(row)?;
        Ok(if lease.holder == holder { Claim::Held(lease) } else { Claim::Taken(lease) })
    }
}

fn to_lease(row: &AnyRow) -> Result<Lease, Error> {
    let row = Columns(row);
    Ok(Lease {
        name: row.text("name")?,
        holder: row.parsed("holder")?,
        holder_note: row.text("holder_note")?,
        fence: row.integer("fence")?,
        until: row.time("until_us")?,
    })
}

#[async_trait]
impl Leases for Store {
    async fn claim(
        &self,
        name: &str,
        holder: InstanceId,
        holder_note: &str,
        lasting: Duration,
        now: Timestamp,
    ) -> Result<Claim, LeaseError> {
        self.lease_claim(name, holder, holder_note, lasting, now).await.map_err(|error| {
            LeaseError { name: name.to_owned(), operation: "claimed", source: error.into() }
        })
    }

    async fn release(&self, name: &str, holder: InstanceId) -> Result<(), LeaseError> {
        let query = sqlx::query(RELEASE)
            .bind(name.to_owned())
            .bind(holder.to_string())
            .bind(Timestamp::MIN.as_microsecond());
        match self.execute("release a lease", query).await {
            Ok(_) => Ok(()),
            Err(error) => Err(LeaseError {
                name: name.to_owned(),
                operation: "released",
                source: error.into(),
            }),
        }
    }

    async fn held(&self, now: Timestamp) -> Result<Vec<Lease>, LeaseError> {
        let listed = self.lease_list(now).await;
        listed.map_err(|error| LeaseError {
            name: "*".to_owned(),
            operation: "listed",
            source: error.into(),
        })
    }
}
