//! The file into which a source is downloaded: locked, written at any place, followed by the hashes.
//!
//! Everything here blocks and runs on threads for that.

use std::fs::{File, OpenOptions, TryLockError};
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::journal::{Header, Journal};
use super::pieces::Pieces;
use crate::checksum::{Algorithm, Checksum, Hasher};
use crate::error::Error;
use crate::limits::Limits;

/// Bytes between two syncs: enough for the disk to work in one go, little enough to lose.
const BETWEEN_SYNCS: u64 = 16 << 20;
/// Bytes that a hash reads at once.
const READ: usize = 512 << 10;

/// A spool whose file is ours as long as this exists.
#[derive(Debug)]
pub(crate) struct Locked {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
}

impl Locked {
    /// Opens or creates the file and locks it. `None` when somebody else has it.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, Error> {
        let failed = |what| Error::file(what, path);
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(Error::file("created", dir))?;
        }
        loop {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).open(path);
            let file = file.map_err(failed("opened"))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(failed("locked")(error)),
            }
            // Who had it before may have removed it: then the lock is one of a file without a name.
            let ours = file.metadata().map_err(failed("looked at"))?;
            if std::fs::metadata(path).is_ok_and(|named| named.ino() == ours.ino()) {
                return Ok(Some(Self { path: path.to_owned(), file }));
            }
        }
    }

    /// What is in it of a source, as far as its journal says.
    pub(crate) fn contents(&self, source: &str) -> Option<(Header, Pieces)> {
        let length = self.file.metadata().ok()?.len();
        Journal::read(&self.path)
            .filter(|(header, _)| header.source == source && header.size == length)
    }

    /// Removes the file and its journal.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        for path in [Journal::path(&self.path), self.path.clone()] {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::file("removed", path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Forgets what is in it.
    pub(crate) fn clear(&self) -> Result<(), Error> {
        let journal = Journal::path(&self.path);
        match std::fs::remove_file(&journal) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::file("removed", journal)(error));
            }
            _ => {}
        }
        self.file.set_len(0).map_err(Error::file("written", &self.path))
    }

    /// Refuses to begin what the disk cannot hold.
    pub(crate) fn check_space(&self, missing: u64, limits: &Limits) -> Result<(), Error> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let disk = rustix::fs::statvfs(dir).map_err(std::io::Error::from);
        let disk = disk.map_err(Error::file("looked at", dir))?;
        let available = disk.f_bavail.saturating_mul(disk.f_frsize);
        let needed = missing.saturating_add(limits.keep_free);
        if available >= needed {
            return Ok(());
        }
        Err(Error::Space { path: dir.to_owned(), needed, available })
    }
}

/// A spool that several connections write and several hashes follow.
#[derive(Debug)]
pub(crate) struct Spool {
    locked: Arc<Locked>,
    state: Arc<Board>,
}

/// What the threads that work on a spool tell each other.
#[derive(Debug)]
struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    pieces: Pieces,
    journal: Journal,
    unsynced: u64,
    closed: bool,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it says so.
    fn wait<T>(&self, mut ready: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut state = self.lock();
        loop {
            if let Some(value) = ready(&mut state) {
                return value;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Spool {
    /// Begins to write what is missing; the journal is written anew.
    pub(crate) fn begin(
        locked: Arc<Locked>,
        header: &Header,
        pieces: Pieces,
    ) -> Result<Self, Error> {
        locked.file.set_len(pieces.size()).map_err(Error::file("written", &locked.path))?;
        let journal = Journal::begin(&locked.path, header, &pieces)?;
        let state = Mutex::new(State { pieces, journal, unsynced: 0, closed: false });
        Ok(Self { locked, state: Arc::new(Board { state, changed: Condvar::new() }) })
    }

    /// The next bytes to ask for.
    pub(crate) fn take_span(&self) -> Option<Range<u64>> {
        self.state.lock().pieces.take_span()
    }

    /// Writes bytes that follow each other. `from` is where the pieces begin that are not marked yet;
    /// returns where they begin then, and how many bytes of the file are there.
    pub(crate) fn write(&self, from: u64, at: u64, chunks: &[Bytes]) -> Result<(u64, u64), Error> {
        let mut end = at;
        for chunk in chunks {
            let written = self.locked.file.write_all_at(chunk, end);
            written.map_err(Error::file("written", &self.locked.path))?;
            end += chunk.len() as u64;
        }
        let mut state = self.state.lock();
        let state = &mut *state;
        let whole = state.pieces.within(from..end);
        let before = state.pieces.have();
        let fresh: Vec<usize> = whole.clone().filter(|&index| state.pieces.mark(index)).collect();
        if !fresh.is_empty() {
            state.journal.written(&fresh)?;
            state.unsynced += state.pieces.have() - before;
            self.state.changed.notify_all();
        }
        let from = if whole.is_empty() { from } else { whole.end as u64 * state.pieces.piece() };
        Ok((from, state.pieces.have()))
    }

    /// Follows the prefix with a hash until the file is complete; `None` when the work was given up.
    pub(crate) fn follow(&self, algorithm: Algorithm) -> Result<Option<Checksum>, Error> {
        let mut hasher = Hasher::new(algorithm);
        let mut buffer = vec![0; READ];
        let mut at = 0;
        let size = self.state.lock().pieces.size();
        while at < size {
            let there = self.state.wait(|state| {
                let prefix = state.pieces.prefix();
                if state.closed { Some(None) } else { (prefix > at).then_some(Some(prefix)) }
            });
            let Some(there) = there else { return Ok(None) };
            let length = usize::try_from(there - at).unwrap_or(READ).min(READ);
            let read = self.locked.file.read_exact_at(&mut buffer[..length], at);
            read.map_err(Error::file("read", &self.locked.path))?;
            hasher.update(&buffer[..length]);
            at += length as u64;
        }
        Ok(Some(hasher.finish()))
    }

    /// What syncs the spool now and then until it is complete or given up. It has a handle of its own,
    /// so that the lock does not wait for a slow disk.
    pub(crate) fn syncer(&self) -> impl FnOnce() -> Result<(), Error> + Send + 'static {
        let (board, path) = (self.state.clone(), self.locked.path.clone());
        move || {
            let file = File::open(&path).map_err(Error::file("opened", &path))?;
            loop {
                let lines = board.wait(|state| {
                    if state.closed || state.pieces.is_complete() {
                        return Some(None);
                    }
                    (state.unsynced >= BETWEEN_SYNCS).then(|| {
                        state.unsynced = 0;
                        Some(state.journal.lines())
                    })
                });
                let Some(lines) = lines else { return Ok(()) };
                file.sync_data().map_err(Error::file("synced", &path))?;
                board.lock().journal.synced(lines)?;
            }
        }
    }

    /// What ends the threads that wait, when it is dropped.
    pub(crate) fn closer(&self) -> Closer {
        Closer(self.state.clone())
    }
}

/// Ends the threads that wait for a spool to become complete.
#[derive(Debug)]
pub(crate) struct Closer(Arc<Board>);

impl Drop for Closer {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}
