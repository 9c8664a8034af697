//! Files, connections and their settings.
//!
//! A pool of the driver hides why its connections cannot be made, so the first connection of every
//! store is made by hand, and again when a pool gives up.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection};

use crate::error::Error;
use crate::migrate::{self, Part};
use crate::store::StoreOptions;
use crate::url::{Place, StoreUrl};

/// What may stand unencoded in the path of a URL.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.');

/// Readers of an SQLite file; writers have one connection.
const SQLITE_READERS: u32 = 3;
/// Connections to a PostgreSQL server.
const POSTGRES_CONNECTIONS: u32 = 6;
/// Idle connections are closed after this time, so that a quiet daemon holds little memory.
const IDLE: Duration = Duration::from_mins(1);
/// How long a second attempt may take that only finds out why there is no connection.
const PROBE: Duration = Duration::from_secs(2);

/// Which of the two databases.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// Where the state is and how to get there.
#[derive(Clone)]
pub(crate) struct Target {
    /// For people.
    pub(crate) name: String,
    pub(crate) engine: Engine,
    /// The database file of SQLite.
    pub(crate) file: Option<PathBuf>,
    pub(crate) deadline: Duration,
    patience: Duration,
    options: AnyConnectOptions,
}

impl Target {
    /// Makes directory and file where they are missing.
    pub(crate) async fn prepare(url: &StoreUrl, options: &StoreOptions) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        let (engine, name, file, driver_url) = match url.place() {
            Place::Sqlite(path) => {
                let wanted = path.clone();
                let file = tokio::task::spawn_blocking(move || prepare_file(&wanted))
                    .await
                    .map_err(|error| Error::Directory {
                        path: path.clone(),
                        source: io::Error::other(error),
                    })??;
                let url = sqlite_url(&file, "rw")?;
                (Engine::Sqlite, file.display().to_string(), Some(file), url)
            }
            Place::Postgres { url: secret, .. } => {
                (Engine::Postgres, url.to_string(), None, Place::expose(secret).to_owned())
            }
        };
        let connect: AnyConnectOptions = driver_url.parse().map_err(|error: sqlx::Error| {
            Error::Url { reason: lotse_core::error::chain(&error) }
        })?;
        Ok(Self {
            name,
            engine,
            file,
            deadline: options.deadline,
            patience: options.patience,
            // The driver logs through another crate, and statements say little to operators.
            options: connect.disable_statement_logging(),
        })
    }

    /// Several daemons may work on it.
    pub(crate) fn is_shared(&self) -> bool {
        self.engine == Engine::Postgres
    }

    /// How a transaction that will write begins. SQLite must take the right to write at once: a
    /// transaction that reads first may find out too late that another one was faster.
    pub(crate) const fn begin_statement(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN",
        }
    }

    /// A connection of its own, set up, or the true reason why there is none.
    pub(crate) async fn connect(&self) -> Result<AnyConnection, sqlx::Error> {
        let mut connection = self.options.connect().await?;
        self.set_up(&mut connection).await?;
        Ok(connection)
    }

    async fn set_up(&self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        let settings = match self.engine {
            // The cache is small because our tables are; the limit keeps the write-ahead log from
            // staying as long as it once was.
            Engine::Sqlite => format!(
                "PRAGMA busy_timeout = {}; PRAGMA synchronous = FULL; PRAGMA cache_size = -512; \
                 PRAGMA journal_size_limit = 4194304; PRAGMA trusted_schema = OFF",
                self.patience.as_millis()
            ),
            // A stronger synchronous_commit than "on" stays. The time limits free the locks of an
            // instance that was stopped in the middle of a transaction.
            Engine::Postgres => format!(
                "SELECT set_config('synchronous_commit', 'on', false) \
                   WHERE current_setting('synchronous_commit') IN ('off', 'local'); \
                 SELECT set_config('lock_timeout', '{}ms', false), \
                   set_config('idle_in_transaction_session_timeout', '60s', false), \
                   set_config('application_name', 'lotse', false)",
                self.patience.as_millis()
            ),
        };
        sqlx::raw_sql(sqlx::AssertSqlSafe(settings)).execute(connection).await.map(drop)
    }

    /// The pools of writers and readers, still without connections.
    pub(crate) fn pools(&self) -> (AnyPool, AnyPool) {
        match self.engine {
            Engine::Sqlite => (self.pool(1), self.pool(SQLITE_READERS)),
            Engine::Postgres => {
                let pool = self.pool(POSTGRES_CONNECTIONS);
                (pool.clone(), pool)
            }
        }
    }

    fn pool(&self, connections: u32) -> AnyPool {
        let target = self.clone();
        AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(self.patience)
            .idle_timeout(IDLE)
            .after_connect(move |connection, _| {
                let target = target.clone();
                Box::pin(async move { target.set_up(connection).await })
            })
            .connect_lazy_with(self.options.clone())
    }

    /// What is behind a pool that gave up.
    pub(crate) async fn why_no_connection(&self, operation: &'static str) -> Error {
        let error = match tokio::time::timeout(PROBE, self.connect()).await {
            Ok(Err(error)) => error,
            Ok(Ok(connection)) => {
                // All connections are in use, and their users are slow.
                drop(connection);
                let (database, waited) = (self.name.clone(), self.patience);
                return Error::Slow { operation, database, waited };
            }
            Err(_) => sqlx::Error::PoolTimedOut,
        };
        Error::from_sqlx(&self.name, operation, error)
    }
}

/// Makes the first connection and brings the schema up to date over it.
pub(crate) async fn bring_up_to_date(target: &Target, parts: &[Part]) -> Result<(), Error> {
    const OPERATION: &str = "open the state";
    let failed = |error| Error::from_sqlx(&target.name, OPERATION, error);
    let first = async {
        let mut connection = target.connect().await?;
        if target.engine == Engine::Sqlite {
            // Kept in the file. Where the file system cannot do it, SQLite stays with its older
            // journal, which is slower and as safe.
            sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut connection).await?;
        }
        Ok(connection)
    };
    let mut connection = match tokio::time::timeout(target.patience + PROBE, first).await {
        Ok(connected) => connected.map_err(failed)?,
        Err(_) => return Err(failed(sqlx::Error::PoolTimedOut)),
    };
    migrate::run(&mut connection, target, parts).await?;
    connection.close().await.map_err(failed)
}

/// Makes the directory of a database file (0700) where it is missing; returns the file's full path.
pub(crate) fn prepare_directory(path: &Path) -> Result<PathBuf, Error> {
    let failed = |path: &Path, source| Error::Directory { path: path.to_owned(), source };
    let path = std::path::absolute(path).map_err(|error| failed(path, error))?;
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(failed(&path, io::ErrorKind::IsADirectory.into()));
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| failed(directory, error))?;
    Ok(fs::canonicalize(directory).map_err(|error| failed(directory, error))?.join(name))
}

/// Makes the directory (0700) and the file (0600) where they are missing; others stay as they are.
fn prepare_file(path: &Path) -> Result<PathBuf, Error> {
    let file = prepare_directory(path)?;
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file) {
        Ok(_) => Ok(file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(file),
        Err(source) => Err(Error::Directory { path: file, source }),
    }
}

/// The driver's address of a file that exists; `mode` is `rw` or `ro`.
pub(crate) fn sqlite_url(file: &Path, mode: &str) -> Result<String, Error> {
    let text = file.to_str().ok_or_else(|| Error::Directory {
        path: file.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidFilename, "the path is not valid UTF-8"),
    })?;
    Ok(format!("sqlite://{}?mode={mode}", utf8_percent_encode(text, PATH)))
}
