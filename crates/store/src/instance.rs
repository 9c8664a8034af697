//! One daemon per state directory.
//!
//! Two daemons that work with one SQLite file would do everything twice, each believing to be
//! alone. So a daemon holds an advisory lock on the file `lotse.db.lock` beside the database. The
//! system gives the lock back when the process ends, however it ends; the file stays and names the
//! last holder. On PostgreSQL leases share the work among several daemons, and nothing is locked.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::store::Store;

/// The longest holder note that is read back, in bytes.
const NOTE: u64 = 400;

/// The right to be the daemon of this state, until it is dropped.
#[derive(Debug)]
pub struct InstanceLock {
    /// Nothing is locked on PostgreSQL.
    _file: Option<File>,
}

impl Store {
    /// Takes the right to be the daemon of this state. `note` says where we run, for people: host
    /// and process id.
    ///
    /// Fails with [`Error::InstanceRunning`], naming the other one's note, when another process has
    /// it. Commands beside the daemon do not need it.
    pub async fn lock_instance(&self, note: &str) -> Result<InstanceLock, Error> {
        let Some(database) = self.shared.target.file.clone() else {
            return Ok(InstanceLock { _file: None });
        };
        let note = note.to_owned();
        let failed = Error::Directory {
            path: database.clone(),
            source: io::Error::other("the lock was not tried"),
        };
        tokio::task::spawn_blocking(move || lock(&database, &note)).await.unwrap_or(Err(failed))
    }
}

pub(crate) fn lock(database: &Path, note: &str) -> Result<InstanceLock, Error> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let failed = |source| Error::Directory { path: path.clone(), source };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let database = database.display().to_string();
            return Err(Error::InstanceRunning { database, holder: holder(&mut file) });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    write_note(&mut file, note).map_err(failed)?;
    Ok(InstanceLock { _file: Some(file) })
}

fn write_note(file: &mut File, note: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{note}")
}

/// What the holder wrote; it may have locked and not written yet.
fn holder(file: &mut File) -> String {
    let mut note = String::new();
    match file.take(NOTE).read_to_string(&mut note) {
        Ok(_) if !note.trim().is_empty() => note.trim().to_owned(),
        _ => "which did not say where it runs".to_owned(),
    }
}
