//! What writes with an idempotency key were answered, so that a repeated request is done once.
//!
//! The key is claimed before the work begins. Who finds it claimed gets the answer, learns that the
//! work is under way, or that the key was used for another request. A claim whose process died is
//! free again when its time is over.

use lotse_core::time::Timestamp;

use crate::error::Error;
use crate::row::{Columns, plain};
use crate::store::Store;

/// A claim whose time is over is taken over, whatever it was for.
const CLAIM: &str = "\
INSERT INTO answer (actor, name, fingerprint, until_us) VALUES ($1, $2, $3, $4)
ON CONFLICT (actor, name) DO UPDATE SET
  fingerprint = excluded.fingerprint, status = NULL, body = NULL, until_us = excluded.until_us
WHERE answer.until_us <= $5
RETURNING actor";

const FIND: &str = "SELECT fingerprint, status, body FROM answer WHERE actor = $1 AND name = $2";

const KEEP: &str =
    "UPDATE answer SET status = $3, body = $4, until_us = $5 WHERE actor = $1 AND name = $2";

const GIVE_UP: &str = "DELETE FROM answer WHERE actor = $1 AND name = $2 AND status IS NULL";

const PRUNE: &str = "DELETE FROM answer WHERE until_us <= $1";

/// What became of claiming a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AnswerClaim {
    /// The work is ours to do.
    Ours,
    /// The same request is under way.
    UnderWay,
    /// The same request was answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: String,
    },
    /// The key was used for another request.
    Other,
}

impl Store {
    /// Claims a key for a request; `fingerprint` tells requests apart, the claim lasts `until`.
    pub async fn answer_claim(
        &self,
        (actor, name): (&str, &str),
        fingerprint: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<AnswerClaim, Error> {
        const OPERATION: &str = "claim an idempotency key";
        let query = sqlx::query(CLAIM)
            .bind(plain(OPERATION, actor)?)
            .bind(plain(OPERATION, name)?)
            .bind(plain(OPERATION, fingerprint)?)
            .bind(until.as_microsecond())
            .bind(now.as_microsecond());
        if !self.write(OPERATION, query).await?.is_empty() {
            return Ok(AnswerClaim::Ours);
        }
        let query = sqlx::query(FIND).bind(actor.to_owned()).bind(name.to_owned());
        let rows = self.read(OPERATION, query).await?;
        // Gone between the two statements: who gave it up leaves the work to be asked for again.
        let Some(row) = rows.first().map(Columns) else { return Ok(AnswerClaim::UnderWay) };
        if row.text("fingerprint")? != fingerprint {
            return Ok(AnswerClaim::Other);
        }
        Ok(match row.maybe_integer("status")?.map(u16::try_from) {
            Some(Ok(status)) => AnswerClaim::Answered { status, body: row.text("body")? },
            _ => AnswerClaim::UnderWay,
        })
    }

    /// Keeps the answer of a claimed key until then.
    pub async fn answer_keep(
        &self,
        (actor, name): (&str, &str),
        status: u16,
        body: &str,
        until: Timestamp,
    ) -> Result<(), Error> {
        const OPERATION: &str = "keep an answer";
        let query = sqlx::query(KEEP)
            .bind(actor.to_owned())
            .bind(name.to_owned())
            .bind(i64::from(status))
            .bind(plain(OPERATION, body)?)
            .bind(until.as_microsecond());
        self.execute(OPERATION, query).await.map(drop)
    }

    /// Gives up a claim: the work was not done, and may be asked for again.
    pub async fn answer_give_up(&self, (actor, name): (&str, &str)) -> Result<(), Error> {
        let query = sqlx::query(GIVE_UP).bind(actor.to_owned()).bind(name.to_owned());
        self.execute("give up an idempotency key", query).await.map(drop)
    }

    /// Removes the answers whose time is over.
    pub async fn answer_prune(&self, now: Timestamp) -> Result<u64, Error> {
        let query = sqlx::query(PRUNE).bind(now.as_microsecond());
        Ok(self.execute("remove old answers", query).await?.rows_affected())
    }
}
