//! Copies of a state in one SQLite file: made while everything runs, verified, never half there.
//!
//! ```text
//! lotse.db ─► VACUUM INTO copy.PID.partial ─► integrity check ─► fsync ─► link to its name ─► fsync
//! ```
//!
//! The copy is one read transaction of SQLite: it holds everything that was committed before it
//! began and nothing of what came later, and writers go on beside it. It gets its name only when it
//! is complete and on the disk, by a link, which fails when the name is taken: nothing is ever
//! overwritten. Whoever is killed leaves a `*.partial` file, which means nothing and may be deleted.
//!
//! Going back ([`restore`]) puts a verified copy where no state is. It never replaces a state: SQLite
//! keeps a part of a database in files beside it, and a program that still has the old one open
//! would mix the two. So the old one has to be moved away first, and is still there afterwards.
//!
//! PostgreSQL has tools of its own for both.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions, Connection, Row};

use crate::error::Error;
use crate::instance;
use crate::migrate::{self, Part};
use crate::open;
use crate::url::{Place, StoreUrl};

/// What SQLite keeps beside a database.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// A finished copy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Copied {
    /// Where it is.
    pub file: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Copies the state to a new file, mode 0600, while daemons and commands go on.
///
/// # Errors
/// [`Error::Exists`] when the file is there already, [`Error::Absent`] when there is no state,
/// [`Error::Shared`] for PostgreSQL, and whatever reading and writing can end with. A copy that
/// failed is not there.
pub async fn backup(url: &StoreUrl, to: &Path) -> Result<Copied, Error> {
    let source = sqlite_file(url)?;
    let to = absolute(to)?;
    refuse_existing(&to)?;
    let mut connection = open_existing(&source, "rw").await?;
    require_state(&mut connection, &source).await?;
    let copied = copy(&mut connection, &source, &to).await;
    // Not closing is harmless; a copy that was made counts.
    connection.close().await.ok();
    copied
}

/// Puts a copy where no state is. `note` says who we are, should a daemon start meanwhile; `parts`
/// is the schema of the program, which must know everything that the copy holds.
///
/// # Errors
/// [`Error::InstanceRunning`] when a daemon works there, [`Error::Exists`] when a state is there,
/// [`Error::TooNew`] and [`Error::NotOurs`] when the copy is none of ours. Nothing is there then.
pub async fn restore(
    url: &StoreUrl,
    from: &Path,
    parts: &[Part],
    note: &str,
) -> Result<Copied, Error> {
    let state = sqlite_file(url)?;
    let from = absolute(from)?;
    let state = blocking(&state, move |state| open::prepare_directory(&state)).await?;
    let note = note.to_owned();
    let _lock = blocking(&state, move |state| instance::lock(&state, &note)).await?;
    refuse_existing(&state)?;
    for companion in COMPANIONS {
        refuse_existing(&with_ending(&state, companion))?;
    }
    let mut connection = open_existing(&from, "ro").await?;
    require_state(&mut connection, &from).await?;
    migrate::require_known(&mut connection, &name(&from), parts).await?;
    let copied = copy(&mut connection, &from, &state).await;
    // As above.
    connection.close().await.ok();
    copied
}

/// The way of every copy, whichever direction it goes.
async fn copy(source: &mut AnyConnection, from: &Path, to: &Path) -> Result<Copied, Error> {
    let partial = Partial::beside(to)?;
    let path = partial.path.to_str().ok_or_else(|| not_text(to))?;
    sqlx::query("VACUUM INTO $1")
        .bind(path)
        .execute(source)
        .await
        .map_err(|error| Error::from_sqlx(&name(from), "copy the state", error))?;
    verify(&partial.path).await?;
    blocking(to, move |to| partial.publish(&to)).await
}

/// A file that is not yet what its name will say; removed unless it got that name.
struct Partial {
    path: PathBuf,
}

impl Partial {
    /// An empty file of mode 0600 that only we have.
    fn beside(to: &Path) -> Result<Self, Error> {
        let path = with_ending(to, &format!(".{}.partial", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(_) => Ok(Self { path }),
            Err(source) => Err(Error::Directory { path, source }),
        }
    }

    /// On the disk first, then under its name, then the name on the disk.
    fn publish(self, to: &Path) -> Result<Copied, Error> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => Error::Exists { path: to.to_owned() },
            _ => Error::Directory { path: to.to_owned(), source },
        };
        let file = File::open(&self.path).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        fs::hard_link(&self.path, to).map_err(failed)?;
        fs::remove_file(&self.path).map_err(failed)?;
        let directory = to.parent().unwrap_or(Path::new("/"));
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
        Ok(Copied { file: to.to_owned(), bytes })
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // It may have been published, or never been made.
        fs::remove_file(&self.path).ok();
    }
}

/// Reads the copy from the first page to the last.
async fn verify(copy: &Path) -> Result<(), Error> {
    const OPERATION: &str = "verify the copy";
    let failed = |error| Error::from_sqlx(&name(copy), OPERATION, error);
    let mut connection = open_existing(copy, "ro").await?;
    let row = sqlx::query("PRAGMA integrity_check(1)").fetch_one(&mut connection).await;
    let verdict: String = row.and_then(|row| row.try_get(0)).map_err(failed)?;
    connection.close().await.map_err(failed)?;
    if verdict == "ok" {
        return Ok(());
    }
    let source = sqlx::Error::Protocol(verdict);
    Err(Error::Damaged { operation: OPERATION, database: name(copy), source })
}

async fn open_existing(file: &Path, mode: &str) -> Result<AnyConnection, Error> {
    sqlx::any::install_default_drivers();
    if !file.is_file() {
        return Err(Error::Absent { path: file.to_owned() });
    }
    let failed = |error| Error::from_sqlx(&name(file), "open the state", error);
    let url = open::sqlite_url(file, mode)?;
    let options: AnyConnectOptions = url.parse().map_err(failed)?;
    options.disable_statement_logging().connect().await.map_err(failed)
}

/// Refuses what is no state of ours, and what nobody has written to yet.
async fn require_state(connection: &mut AnyConnection, file: &Path) -> Result<(), Error> {
    let failed = |error| Error::from_sqlx(&name(file), "read the state", error);
    match migrate::tables(connection).await.map_err(failed)? {
        (0, _) => Err(Error::Absent { path: file.to_owned() }),
        (_, 0) => Err(Error::NotOurs { database: name(file) }),
        _ => Ok(()),
    }
}

fn sqlite_file(url: &StoreUrl) -> Result<PathBuf, Error> {
    match url.place() {
        Place::Sqlite(path) => absolute(path),
        Place::Postgres { shown, .. } => Err(Error::Shared { database: shown.clone() }),
    }
}

fn refuse_existing(path: &Path) -> Result<(), Error> {
    match path.symlink_metadata() {
        Ok(_) => Err(Error::Exists { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(Error::Directory { path: path.to_owned(), source }),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|source| Error::Directory { path: path.to_owned(), source })
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

fn not_text(path: &Path) -> Error {
    let source = io::Error::new(io::ErrorKind::InvalidFilename, "the path is not valid UTF-8");
    Error::Directory { path: path.to_owned(), source }
}

/// Does work on files beside the event loop.
async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(PathBuf) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let owned = path.to_owned();
    tokio::task::spawn_blocking(move || work(owned)).await.unwrap_or_else(|error| {
        Err(Error::Directory { path: path.to_owned(), source: io::Error::other(error) })
    })
}
