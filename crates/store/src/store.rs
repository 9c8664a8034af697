//! The handle on the state, and transactions.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lotse_core::event::Event;
use sqlx::any::{AnyArguments, AnyQueryResult, AnyRow};
use sqlx::{Any, AnyConnection, AnyPool};
use tokio::sync::watch;

use crate::audit::{self, Anchor, Deed};
use crate::error::Error;
use crate::migrate::Part;
use crate::open::{self, Target};
use crate::outbox;
use crate::row::Columns;
use crate::url::StoreUrl;

/// A statement with its parameters.
pub(crate) type Query<'q> = sqlx::query::Query<'q, Any, AnyArguments>;

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// How long to wait for a connection, a lock or a server that is starting, before an operation
    /// fails (10 s).
    pub patience: Duration,
    /// How long one statement may take (30 s).
    pub deadline: Duration,
    /// Schemas of the capabilities, brought up to date after our own, in this order (none).
    pub parts: Vec<Part>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(10),
            deadline: Duration::from_secs(30),
            parts: Vec::new(),
        }
    }
}

/// A handle on the state. Clones share it.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) target: Target,
    writer: AnyPool,
    reader: AnyPool,
    /// Counts the commits of this process that had events.
    pub(crate) emitted: watch::Sender<u64>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.shared.target.name).finish()
    }
}

impl Store {
    /// Opens the state, making and upgrading it where needed.
    ///
    /// A missing SQLite file is made with mode 0600, its missing directory with mode 0700. A
    /// PostgreSQL database must exist.
    pub async fn open(url: &StoreUrl) -> Result<Self, Error> {
        Self::open_with(url, StoreOptions::default()).await
    }

    /// Opens `lotse.db` in this directory.
    pub async fn open_in_directory(directory: &Path) -> Result<Self, Error> {
        Self::open(&StoreUrl::in_directory(directory)).await
    }

    /// Opens the state with other than the usual options.
    pub async fn open_with(url: &StoreUrl, options: StoreOptions) -> Result<Self, Error> {
        let target = Target::prepare(url, &options).await?;
        open::bring_up_to_date(&target, &options.parts).await?;
        let (writer, reader) = target.pools();
        Ok(Self {
            shared: Arc::new(Shared { target, writer, reader, emitted: watch::Sender::default() }),
        })
    }

    /// The state as people know it, without password.
    pub fn name(&self) -> &str {
        &self.shared.target.name
    }

    /// Whether several daemons may share this state (PostgreSQL).
    pub fn is_shared(&self) -> bool {
        self.shared.target.is_shared()
    }

    /// Whether the state can be read now; for readiness checks.
    pub async fn check(&self) -> Result<(), Error> {
        self.read("read the state", sqlx::query("SELECT id FROM log_end")).await.map(drop)
    }

    /// Waits for operations under way and closes all connections. Not closing is safe, too.
    pub async fn close(&self) {
        self.shared.reader.close().await;
        self.shared.writer.close().await;
    }

    /// Begins a transaction that may write. On SQLite it has the only right to write until it ends.
    ///
    /// `operation` completes the sentence "cannot …" when something in the transaction fails.
    pub async fn begin(&self, operation: &'static str) -> Result<Transaction, Error> {
        let statement = self.shared.target.begin_statement();
        let inner = self.bounded(operation, self.shared.writer.begin_with(statement)).await?;
        Ok(Transaction {
            store: self.clone(),
            operation,
            inner,
            events: Vec::new(),
            deeds: Vec::new(),
        })
    }

    /// Executes a writing statement to its confirmed end.
    pub(crate) async fn execute(
        &self,
        operation: &'static str,
        query: Query<'_>,
    ) -> Result<AnyQueryResult, Error> {
        self.bounded(operation, query.execute(&self.shared.writer)).await
    }

    /// Executes a writing statement that returns rows, to its confirmed end.
    pub(crate) async fn write(
        &self,
        operation: &'static str,
        query: Query<'_>,
    ) -> Result<Vec<AnyRow>, Error> {
        self.bounded(operation, query.fetch_all(&self.shared.writer)).await
    }

    /// Executes a reading statement.
    pub(crate) async fn read(
        &self,
        operation: &'static str,
        query: Query<'_>,
    ) -> Result<Vec<AnyRow>, Error> {
        self.bounded(operation, query.fetch_all(&self.shared.reader)).await
    }

    async fn bounded<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, Error> {
        let target = &self.shared.target;
        match tokio::time::timeout(target.deadline, work).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(sqlx::Error::PoolTimedOut)) => Err(target.why_no_connection(operation).await),
            Ok(Err(error)) => Err(Error::from_sqlx(&target.name, operation, error)),
            Err(_) => Err(Error::Slow {
                operation,
                database: target.name.clone(),
                seconds: target.deadline.as_secs(),
            }),
        }
    }
}

/// Takes the next numbers of both logs, and the right to append until the commit.
const NUMBERS: &str = "\
UPDATE log_end SET outbox_seq = outbox_seq + $1, audit_seq = audit_seq + $2 WHERE id = 1
RETURNING outbox_seq, audit_seq, audit_hash";

const NEW_HASH: &str = "UPDATE log_end SET audit_hash = $1 WHERE id = 1";

/// Statements that take effect together. Dropping it undoes them.
///
/// Events and deeds are collected and written right before the commit: the lock that numbers them
/// is then held as shortly as possible, and always taken last, so that transactions cannot wait for
/// each other in a circle because of it.
pub struct Transaction {
    store: Store,
    operation: &'static str,
    inner: sqlx::Transaction<'static, Any>,
    pub(crate) events: Vec<Event>,
    pub(crate) deeds: Vec<Deed>,
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("operation", &self.operation).finish_non_exhaustive()
    }
}

impl Transaction {
    /// The connection, for statements of one's own.
    pub fn connection(&mut self) -> &mut AnyConnection {
        &mut self.inner
    }

    /// Turns what a statement of one's own reported into an error of the store.
    pub fn error(&self, error: sqlx::Error) -> Error {
        Error::from_sqlx(self.store.name(), self.operation, error)
    }

    /// Makes the statements, events and deeds permanent.
    pub async fn commit(mut self) -> Result<(), Error> {
        let emitted = !self.events.is_empty();
        if emitted || !self.deeds.is_empty() {
            self.append().await?;
        }
        let Self { store, operation, inner, .. } = self;
        store.bounded(operation, inner.commit()).await?;
        if emitted {
            store.shared.emitted.send_modify(|count| *count = count.wrapping_add(1));
        }
        Ok(())
    }

    async fn append(&mut self) -> Result<(), Error> {
        let (events, deeds) = (std::mem::take(&mut self.events), std::mem::take(&mut self.deeds));
        let (event_count, deed_count) = (count(&events), count(&deeds));
        let rows = self.rows(sqlx::query(NUMBERS).bind(event_count).bind(deed_count)).await?;
        let numbers = rows.first().map(Columns).ok_or_else(|| Error::Stored {
            column: "log_end",
            reason: "its row is missing".to_owned(),
        })?;
        let first = numbers.integer("outbox_seq")? - event_count + 1;
        for (seq, event) in (first..).zip(&events) {
            self.rows(outbox::append(self.operation, seq, event)?).await?;
        }
        let seq = numbers.integer("audit_seq")? - deed_count;
        let mut end = Anchor { seq, hash: numbers.text("audit_hash")? };
        for deed in &deeds {
            let (query, next) = audit::append(self.operation, &end, deed)?;
            self.rows(query).await?;
            end = next;
        }
        if !deeds.is_empty() {
            self.rows(sqlx::query(NEW_HASH).bind(end.hash)).await?;
        }
        Ok(())
    }

    /// Executes a statement to its end.
    async fn rows(&mut self, query: Query<'_>) -> Result<Vec<AnyRow>, Error> {
        self.store.bounded(self.operation, query.fetch_all(&mut *self.inner)).await
    }
}

fn count<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}
