//! Connections on loan from a pool.
//!
//! A pool takes every connection back and then asks it whether it still works, for as long as it
//! takes. When a server has vanished without a word, that is a quarter of an hour, and soon the pool
//! has nothing left to lend. So a connection goes back only after a statement that came to its end;
//! otherwise (deadline, cancellation, lost connection, open transaction) it is closed.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool};

pub(crate) struct Lent {
    connection: PoolConnection<Any>,
    may_return: bool,
}

impl Lent {
    pub(crate) async fn from(pool: &AnyPool) -> Result<Self, sqlx::Error> {
        Ok(Self { connection: pool.acquire().await?, may_return: true })
    }

    /// Does work that leaves the connection as it was. When the work does not come to its end, the
    /// connection is closed.
    pub(crate) async fn work<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let before = std::mem::replace(&mut self.may_return, false);
        let outcome = work(&mut self.connection).await;
        self.may_return = before && !is_lost(outcome.as_ref().err());
        outcome
    }

    /// Says whether the connection may go back; it may not while a transaction is open.
    pub(crate) const fn set_returnable(&mut self, may_return: bool) {
        self.may_return = may_return;
    }
}

const fn is_lost(error: Option<&sqlx::Error>) -> bool {
    matches!(
        error,
        Some(
            sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::WorkerCrashed
        )
    )
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.may_return {
            self.connection.close_on_drop();
        }
    }
}

impl Deref for Lent {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }
}
