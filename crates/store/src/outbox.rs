//! Events on their way from one capability to the others.
//!
//! An event is written in the transaction that made it true ([`Transaction::emit`]), so it exists
//! exactly when the fact does. Readers have names and cursors of their own: a reader takes events in
//! order, does its work, and acknowledges. What was not acknowledged before a crash comes again (at
//! least once; [`Event::id`] tells repetitions).
//!
//! Events are numbered under a lock held until the commit, so a number never appears below one that
//! a reader has passed already, which plain sequences do not promise.

use lotse_core::event::Event;
use lotse_core::time::Timestamp;
use sqlx::any::AnyRow;
use tokio::sync::watch;

use crate::error::Error;
use crate::row::{Columns, plain, to_json};
use crate::store::Store;
use crate::transaction::Transaction;

/// An event that is there already (its confirmation had been lost) is not written again.
pub(crate) const APPEND: &str = "\
INSERT INTO outbox (seq, id, topic, subject, at_us, body) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO NOTHING";

const READ: &str = "\
SELECT seq, id, topic, subject, at_us, body FROM outbox
WHERE seq > (SELECT seq FROM outbox_reader WHERE name = $1) ORDER BY seq LIMIT $2";

/// A cursor never goes back.
const ACKNOWLEDGE: &str = "UPDATE outbox_reader SET seq = $2 WHERE name = $1 AND seq < $2";

/// Takes the lock of a reader's row, on engines with locks of rows.
const LOCK: &str = "UPDATE outbox_reader SET seq = seq WHERE name = $1";

const REGISTER: &str = "\
INSERT INTO outbox_reader (name, seq)
SELECT $1, CASE WHEN $2 = 1 THEN outbox_seq ELSE 0 END FROM log_end WHERE id = 1
ON CONFLICT (name) DO NOTHING";

const READERS: &str = "\
SELECT r.name, r.seq, e.outbox_seq - r.seq AS behind
FROM outbox_reader r, log_end e WHERE e.id = 1 ORDER BY r.name";

const FORGET: &str = "DELETE FROM outbox_reader WHERE name = $1";

const PRUNE: &str = "\
DELETE FROM outbox WHERE at_us < $1
AND seq <= COALESCE((SELECT MIN(seq) FROM outbox_reader), (SELECT outbox_seq FROM log_end))";

const OPERATION: &str = "read the outbox";

/// Where a reader begins that is new.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Begin {
    /// At the oldest event that is kept.
    Oldest,
    /// After the newest event.
    Now,
}

/// An event and its place in the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Its number; grows with time.
    pub seq: i64,
    /// The event.
    pub event: Event,
}

/// How far a reader has come.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct ReaderStatus {
    /// Its name.
    pub name: String,
    /// The last event it acknowledged.
    pub seq: i64,
    /// How many event numbers are ahead of it.
    pub behind: i64,
}

/// A named reader.
#[derive(Clone, Debug)]
pub struct Reader {
    store: Store,
    name: String,
}

impl Transaction {
    /// Adds an event, which is written right before the commit.
    pub fn emit(&mut self, event: Event) {
        self.events.push(event);
    }
}

impl Store {
    /// Writes one event that no other change goes with.
    pub async fn emit(&self, event: Event) -> Result<(), Error> {
        let mut transaction = self.begin("write an event").await?;
        transaction.emit(event);
        transaction.commit().await
    }

    /// A reader of this name; a new one begins at `begin`, a known one where it was.
    pub async fn outbox_reader(&self, name: &str, begin: Begin) -> Result<Reader, Error> {
        const OPERATION: &str = "register a reader of events";
        let query = sqlx::query(REGISTER)
            .bind(plain(OPERATION, name)?)
            .bind(i64::from(begin == Begin::Now));
        self.execute(OPERATION, query).await?;
        Ok(Reader { store: self.clone(), name: name.to_owned() })
    }

    /// All readers, by name.
    pub async fn outbox_readers(&self) -> Result<Vec<ReaderStatus>, Error> {
        let rows = self.read("list the readers of events", sqlx::query(READERS)).await?;
        rows.iter()
            .map(Columns)
            .map(|row| {
                Ok(ReaderStatus {
                    name: row.text("name")?,
                    seq: row.integer("seq")?,
                    behind: row.integer("behind")?,
                })
            })
            .collect()
    }

    /// Forgets a reader that no longer exists, so that it does not hold back [`Self::outbox_prune`].
    pub async fn outbox_forget_reader(&self, name: &str) -> Result<(), Error> {
        let query = sqlx::query(FORGET).bind(name.to_owned());
        self.execute("forget a reader of events", query).await.map(drop)
    }

    /// Removes events from before this time that every reader has acknowledged. Returns how many
    /// there were.
    pub async fn outbox_prune(&self, before: Timestamp) -> Result<u64, Error> {
        let query = sqlx::query(PRUNE).bind(before.as_microsecond());
        Ok(self.execute("prune the outbox", query).await?.rows_affected())
    }

    /// Changes whenever this process has committed events. Other processes are not heard of:
    /// a reader also looks from time to time.
    pub fn outbox_changes(&self) -> watch::Receiver<u64> {
        self.shared.emitted.subscribe()
    }
}

impl Reader {
    /// At most `limit` events after the last acknowledged one, in order. The same ones again until
    /// they are acknowledged.
    pub async fn read(&self, limit: u32) -> Result<Vec<Delivery>, Error> {
        let query = sqlx::query(READ).bind(self.name.clone()).bind(i64::from(limit));
        self.store.read(OPERATION, query).await?.iter().map(to_delivery).collect()
    }

    /// The same within a transaction, which has this reader for itself until it ends: what it writes
    /// and what it acknowledges take effect together, and no other instance reads the same events.
    pub async fn read_in(
        &self,
        transaction: &mut Transaction,
        limit: u32,
    ) -> Result<Vec<Delivery>, Error> {
        transaction.execute(sqlx::query(LOCK).bind(self.name.clone())).await?;
        let query = sqlx::query(READ).bind(self.name.clone()).bind(i64::from(limit));
        transaction.fetch(query).await?.iter().map(to_delivery).collect()
    }

    /// Acknowledges with the commit of the transaction.
    pub async fn acknowledge_in(
        &self,
        transaction: &mut Transaction,
        seq: i64,
    ) -> Result<(), Error> {
        let query = sqlx::query(ACKNOWLEDGE).bind(self.name.clone()).bind(seq);
        transaction.execute(query).await.map(drop)
    }

    /// Acknowledges this event and all before it. An older number changes nothing.
    pub async fn acknowledge(&self, seq: i64) -> Result<(), Error> {
        let query = sqlx::query(ACKNOWLEDGE).bind(self.name.clone()).bind(seq);
        self.store.execute("acknowledge events", query).await.map(drop)
    }
}

/// The parameters of [`APPEND`].
pub(crate) fn append(
    operation: &'static str,
    seq: i64,
    event: &Event,
) -> Result<crate::store::Query<'static>, Error> {
    Ok(sqlx::query(APPEND)
        .bind(seq)
        .bind(event.id.to_string())
        .bind(plain(operation, &event.topic)?)
        .bind(plain(operation, &event.subject)?)
        .bind(event.at.as_microsecond())
        .bind(to_json(operation, &event.body)?))
}

fn to_delivery(row: &AnyRow) -> Result<Delivery, Error> {
    let row = Columns(row);
    let event = Event {
        id: row.parsed("id")?,
        topic: row.text("topic")?,
        subject: row.text("subject")?,
        at: row.time("at_us")?,
        body: row.json("body")?,
    };
    Ok(Delivery { seq: row.integer("seq")?, event })
}
