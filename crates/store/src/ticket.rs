//! Secrets that are good for one use: sign-ins under way, links that sign in.

use lotse_core::time::Timestamp;

use crate::error::Error;
use crate::row::{Columns, plain};
use crate::store::Store;

const ISSUE: &str = "INSERT INTO ticket (hash, kind, detail, until_us) VALUES ($1, $2, $3, $4)";

/// One statement, so that of two that present the same ticket one gets it.
const TAKE: &str = "DELETE FROM ticket WHERE hash = $1 AND kind = $2 RETURNING detail, until_us";

const PRUNE: &str = "DELETE FROM ticket WHERE until_us <= $1";

impl Store {
    /// Keeps a ticket under the hash of its secret. `kind` keeps tickets for one thing from being
    /// used for another.
    pub async fn ticket_issue(
        &self,
        hash: &str,
        kind: &str,
        detail: &str,
        until: Timestamp,
    ) -> Result<(), Error> {
        const OPERATION: &str = "keep a ticket";
        let query = sqlx::query(ISSUE)
            .bind(plain(OPERATION, hash)?)
            .bind(plain(OPERATION, kind)?)
            .bind(plain(OPERATION, detail)?)
            .bind(until.as_microsecond());
        self.execute(OPERATION, query).await.map(drop)
    }

    /// Uses a ticket up and returns its detail; `None` if there is none or its time is over.
    pub async fn ticket_take(
        &self,
        hash: &str,
        kind: &str,
        now: Timestamp,
    ) -> Result<Option<String>, Error> {
        let query = sqlx::query(TAKE).bind(hash.to_owned()).bind(kind.to_owned());
        let rows = self.write("use a ticket", query).await?;
        let Some(row) = rows.first().map(Columns) else { return Ok(None) };
        if row.time("until_us")? <= now {
            return Ok(None);
        }
        row.text("detail").map(Some)
    }

    /// Removes the tickets whose time is over.
    pub async fn ticket_prune(&self, now: Timestamp) -> Result<u64, Error> {
        let query = sqlx::query(PRUNE).bind(now.as_microsecond());
        Ok(self.execute("remove old tickets", query).await?.rows_affected())
    }
}
