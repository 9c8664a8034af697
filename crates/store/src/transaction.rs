//! Statements that take effect together.

use std::fmt;

use lotse_core::event::Event;
use sqlx::any::{AnyQueryResult, AnyRow};

use crate::audit::{self, Anchor, Deed};
use crate::error::Error;
use crate::lent::Lent;
use crate::outbox;
use crate::row::Columns;
use crate::store::{Query, Store};

/// Takes the next numbers of both logs, and the right to append until the commit.
const NUMBERS: &str = "\
UPDATE log_end SET outbox_seq = outbox_seq + $1, audit_seq = audit_seq + $2 WHERE id = 1
RETURNING outbox_seq, audit_seq, audit_hash";

const NEW_HASH: &str = "UPDATE log_end SET audit_hash = $1 WHERE id = 1";

/// PostgreSQL answers the commit of a transaction in which a statement failed with a quiet rollback.
/// The statement before it fails then, and the commit is not executed.
const COMMIT: &str = "SELECT 1; COMMIT";

/// Statements that take effect together. Dropping it undoes them.
///
/// Events and deeds are collected and written right before the commit: the lock that numbers them
/// is then held as shortly as possible, and always taken last, so that transactions cannot wait for
/// each other in a circle because of it.
pub struct Transaction {
    pub(crate) store: Store,
    pub(crate) operation: &'static str,
    pub(crate) lent: Lent,
    pub(crate) has_failed: bool,
    pub(crate) events: Vec<Event>,
    pub(crate) deeds: Vec<Deed>,
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("operation", &self.operation).finish_non_exhaustive()
    }
}

impl Transaction {
    /// Executes a statement. Once one has failed, the transaction can only be dropped.
    pub async fn execute(&mut self, query: Query<'_>) -> Result<AnyQueryResult, Error> {
        let work = async { query.execute(&mut *self.lent).await };
        let outcome = self.store.bounded(self.operation, work).await;
        self.has_failed |= outcome.is_err();
        outcome
    }

    /// Executes a statement that returns rows, to its end. Once one has failed, the transaction can
    /// only be dropped.
    pub async fn fetch(&mut self, query: Query<'_>) -> Result<Vec<AnyRow>, Error> {
        let work = async { query.fetch_all(&mut *self.lent).await };
        let outcome = self.store.bounded(self.operation, work).await;
        self.has_failed |= outcome.is_err();
        outcome
    }

    /// Makes the statements, events and deeds permanent.
    pub async fn commit(mut self) -> Result<(), Error> {
        if self.has_failed {
            let reason = "a statement before it failed".to_owned();
            return Err(Error::Refused { operation: self.operation, reason });
        }
        let emits = !self.events.is_empty();
        if emits || !self.deeds.is_empty() {
            self.append().await?;
        }
        let commit = async { sqlx::raw_sql(COMMIT).execute(&mut *self.lent).await };
        self.store.bounded(self.operation, commit).await?;
        self.lent.set_returnable(true);
        if emits {
            self.store.shared.emitted.send_modify(|count| *count = count.wrapping_add(1));
        }
        Ok(())
    }

    async fn append(&mut self) -> Result<(), Error> {
        let (events, deeds) = (std::mem::take(&mut self.events), std::mem::take(&mut self.deeds));
        let (event_count, deed_count) = (count(&events), count(&deeds));
        let rows = self.fetch(sqlx::query(NUMBERS).bind(event_count).bind(deed_count)).await?;
        let numbers = rows.first().map(Columns).ok_or_else(|| Error::Stored {
            column: "log_end",
            reason: "its row is missing".to_owned(),
        })?;
        let first = numbers.integer("outbox_seq")? - event_count + 1;
        for (seq, event) in (first..).zip(&events) {
            self.execute(outbox::append(self.operation, seq, event)?).await?;
        }
        let seq = numbers.integer("audit_seq")? - deed_count;
        let mut end = Anchor { seq, hash: numbers.text("audit_hash")? };
        for deed in &deeds {
            let (query, next) = audit::append(self.operation, &end, deed)?;
            self.execute(query).await?;
            end = next;
        }
        if !deeds.is_empty() {
            self.execute(sqlx::query(NEW_HASH).bind(end.hash)).await?;
        }
        Ok(())
    }
}

fn count<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}
