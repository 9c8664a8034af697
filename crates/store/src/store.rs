//! The handle on the state.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use sqlx::any::{AnyArguments, AnyQueryResult, AnyRow};
use sqlx::{Any, AnyConnection, AnyPool};
use tokio::sync::watch;

use crate::error::Error;
use crate::lent::Lent;
use crate::migrate::Part;
use crate::open::{self, Target};
use crate::transaction::Transaction;
use crate::url::StoreUrl;

/// A statement with its parameters, made by [`sqlx::query()`].
pub type Query<'q> = sqlx::query::Query<'q, Any, AnyArguments>;

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
        let begin = self.shared.target.begin_statement();
        let lent = self
            .bounded(operation, async {
                let mut lent = Lent::from(&self.shared.writer).await?;
                lent.set_returnable(false);
                sqlx::raw_sql(begin).execute(&mut *lent).await?;
                Ok(lent)
            })
            .await?;
        Ok(Transaction {
            store: self.clone(),
            operation,
            lent,
            has_failed: false,
            events: Vec::new(),
            deeds: Vec::new(),
        })
    }

    /// Executes a writing statement to its confirmed end.
    pub async fn execute(
        &self,
        operation: &'static str,
        query: Query<'_>,
    ) -> Result<AnyQueryResult, Error> {
        let pool = &self.shared.writer;
        let work = async |connection: &mut _| query.execute(connection).await;
        self.bounded(operation, async { Lent::from(pool).await?.work(work).await }).await
    }

    /// Executes a writing statement that returns rows, to its confirmed end.
    pub async fn write(
        &self,
        operation: &'static str,
        query: Query<'_>,
    ) -> Result<Vec<AnyRow>, Error> {
        self.fetch(operation, &self.shared.writer, query).await
    }

    /// Executes a reading statement.
    pub async fn read(
        &self,
        operation: &'static str,
        query: Query<'_>,
    ) -> Result<Vec<AnyRow>, Error> {
        self.fetch(operation, &self.shared.reader, query).await
    }

    /// Executes a reading statement and hands over its rows one by one: few of them are in memory at
    /// the same time. Ends with the first error that `each` returns.
    pub async fn read_each(
        &self,
        operation: &'static str,
        query: Query<'_>,
        mut each: impl FnMut(&AnyRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut outcome = Ok(());
        let work = async |connection: &mut AnyConnection| {
            let mut rows = query.fetch(connection);
            // To the end in any case: the connection is used again.
            while let Some(row) = rows.try_next().await? {
                if outcome.is_ok() {
                    outcome = each(&row);
                }
            }
            Ok(())
        };
        let pool = &self.shared.reader;
        self.bounded(operation, async { Lent::from(pool).await?.work(work).await }).await?;
        outcome
    }

    async fn fetch(
        &self,
        operation: &'static str,
        pool: &AnyPool,
        query: Query<'_>,
    ) -> Result<Vec<AnyRow>, Error> {
        let work = async |connection: &mut _| query.fetch_all(connection).await;
        self.bounded(operation, async { Lent::from(pool).await?.work(work).await }).await
    }

    pub(crate) async fn bounded<T>(
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
                waited: target.deadline,
            }),
        }
    }
}
