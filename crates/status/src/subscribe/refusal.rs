//! Addresses that fail: the mail server said for good that nobody is there. After a few times in a
//! row they are not told any more, until their owner, or the operator, says something again.

use std::collections::BTreeMap;

use lotse_core::time::Timestamp;
use lotse_store::row::{Columns, plain};
use lotse_store::sqlx;
use lotse_store::{Error, Store, Transaction};
use lotse_web::text::shown;
use uuid::Uuid;

/// So many refusals in a row, and an address is not told any more.
pub const MOST: i64 = 3;
/// So much of what a server said is kept, in characters.
const LONGEST: usize = 300;

const REFUSED: &str = "\
INSERT INTO status_subscription_refusal (subscriber, times, since_us, said) VALUES ($1, 1, $2, $3)
ON CONFLICT (subscriber) DO UPDATE SET
  times = status_subscription_refusal.times + 1, said = excluded.said";

const FORGIVE: &str = "DELETE FROM status_subscription_refusal WHERE subscriber = $1";

const ONE: &str = "SELECT times FROM status_subscription_refusal WHERE subscriber = $1";

const ALL: &str = "SELECT subscriber, times, since_us, said FROM status_subscription_refusal";

const WRITE: &str = "remember who refuses mail";

/// How an address fails.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Refusals {
    /// How often in a row.
    pub times: i64,
    /// Since when.
    pub since: Timestamp,
    /// What the server said last.
    pub said: String,
}

impl Refusals {
    /// Whether they are so many that the address is not told any more.
    pub const fn is_given_up(&self) -> bool {
        self.times >= MOST
    }
}

/// Remembers that a server refused for good what was sent to this subscriber.
///
/// # Errors
/// The state cannot be written.
pub async fn refused(store: &Store, id: Uuid, said: &str, now: Timestamp) -> Result<(), Error> {
    let query = sqlx::query(REFUSED)
        .bind(id.to_string())
        .bind(now.as_microsecond())
        .bind(plain(WRITE, &shown(said, LONGEST))?);
    store.execute(WRITE, query).await.map(drop)
}

/// Remembers that a server took what was sent to this subscriber.
///
/// # Errors
/// The state cannot be read or written.
pub async fn taken(store: &Store, id: Uuid) -> Result<(), Error> {
    let known = store.read(WRITE, sqlx::query(ONE).bind(id.to_string())).await?;
    if known.is_empty() {
        return Ok(());
    }
    store.execute(WRITE, sqlx::query(FORGIVE).bind(id.to_string())).await.map(drop)
}

/// Begins anew with a subscriber.
pub(super) async fn forgive_in(transaction: &mut Transaction, id: Uuid) -> Result<(), Error> {
    transaction.execute(sqlx::query(FORGIVE).bind(id.to_string())).await.map(drop)
}

/// All who fail.
pub(super) async fn all(store: &Store) -> Result<BTreeMap<Uuid, Refusals>, Error> {
    let rows = store.read("read who refuses mail", sqlx::query(ALL)).await?;
    let one = |row: Columns<'_>| {
        let said = row.text("said")?;
        let refusals =
            Refusals { times: row.integer("times")?, since: row.time("since_us")?, said };
        Ok((row.parsed("subscriber")?, refusals))
    };
    rows.iter().map(Columns).map(one).collect()
}
