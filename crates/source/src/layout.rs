//! The directory in which revisions are kept.
//!
//! ```text
//! estate/
//!   lock              held by the process that follows
//!   current           link to revisions/NAME/tree, moved by an atomic rename
//!   status.json       the status file, replaced atomically
//!   history.json      what happened until now, replaced atomically
//!   revisions/NAME/   one good (or for a moment: not yet examined) revision, never changed
//!     tree/           its files
//!     revision.json   what it is, and from which source
//!   incoming/         what is in the making; emptied at every start
//! ```
//!
//! `NAME` is the commit and the time at which it was taken, so that no two checkouts share one.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::history::History;
use crate::model::{CommitId, Revision};
use crate::status::Status;

/// What is written beside a checkout.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Record {
    /// What it is.
    pub(crate) revision: Revision,
    /// Since when it is in use.
    pub(crate) since: Timestamp,
    /// From which source, as [`Layout::open`] was told.
    pub(crate) identity: String,
}

/// The files of one good revision. They stay as long as this is held.
#[derive(Clone, Debug)]
pub struct Checkout {
    path: Arc<PathBuf>,
    commit: CommitId,
}

impl Checkout {
    /// The top of the estate.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The revision.
    pub fn commit(&self) -> &CommitId {
        &self.commit
    }
}

/// A directory that is removed with its content when it is dropped.
#[derive(Debug)]
pub(crate) struct Incoming(PathBuf);

impl Incoming {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.0.display(), %error, "cannot be removed");
        }
    }
}

/// The directory in which revisions are kept.
#[derive(Debug)]
pub(crate) struct Layout {
    directory: PathBuf,
    identity: String,
    held: Mutex<Vec<Weak<PathBuf>>>,
    /// Locked as long as we follow.
    lock: File,
}

const CURRENT: &str = "current";
const REVISIONS: &str = "revisions";
const INCOMING: &str = "incoming";
const RECORD: &str = "revision.json";
const TREE: &str = "tree";
const HISTORY: &str = "history.json";

/// What happened, and to which source, as [`Layout::open`] was told.
#[derive(Deserialize, Serialize)]
struct Chronicle {
    identity: String,
    happenings: History,
}

impl Layout {
    /// Makes or takes over the directory for the source `identity` and clears what a killed process
    /// left. A revision of another source is not in use afterwards.
    pub(crate) fn open(directory: &Path, identity: String) -> Result<Self, Error> {
        for path in [directory.to_owned(), directory.join(REVISIONS)] {
            fs::create_dir_all(&path).map_err(Error::state("made", &path))?;
        }
        let path = directory.join("lock");
        let lock = File::create(&path).map_err(Error::state("made", &path))?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(
            |error| {
                Error::state("locked: another process follows this source", &path)(error.into())
            },
        )?;
        let layout =
            Self { directory: directory.to_owned(), identity, held: Mutex::default(), lock };
        let incoming = directory.join(INCOMING);
        if incoming.exists() {
            fs::remove_dir_all(&incoming).map_err(Error::state("removed", &incoming))?;
        }
        fs::create_dir_all(&incoming).map_err(Error::state("made", &incoming))?;
        let current = layout.current_link();
        if layout.good().is_none() && current.symlink_metadata().is_ok() {
            fs::remove_file(&current).map_err(Error::state("removed", &current))?;
        }
        Ok(layout)
    }

    /// The link to the files in use.
    pub(crate) fn current_link(&self) -> PathBuf {
        self.directory.join(CURRENT)
    }

    /// The revision in use and what is written of it.
    pub(crate) fn good(&self) -> Option<Record> {
        let name = self.current_name()?;
        let directory = self.directory.join(REVISIONS).join(&name);
        let text = fs::read(directory.join(RECORD)).ok()?;
        let record: Record = serde_json::from_slice(&text).ok()?;
        (record.identity == self.identity && directory.join(TREE).is_dir()).then_some(record)
    }

    /// The files in use, kept as long as the answer is held.
    pub(crate) fn checkout(&self) -> Option<Checkout> {
        // The lock is that of `clear`: nothing is removed between reading the link and holding.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let record = self.good()?;
        let path = self.directory.join(REVISIONS).join(self.current_name()?).join(TREE);
        let path = Arc::new(path);
        held.push(Arc::downgrade(&path));
        Some(Checkout { path, commit: record.revision.commit })
    }

    fn current_name(&self) -> Option<String> {
        let target = fs::read_link(self.current_link()).ok()?;
        let mut parts = target.iter();
        if parts.next()? != REVISIONS {
            return None;
        }
        parts.next()?.to_str().map(str::to_owned)
    }

    /// An empty directory to make a checkout in.
    pub(crate) fn incoming(&self, commit: &CommitId) -> Result<Incoming, Error> {
        let path = self.directory.join(INCOMING).join(commit.as_str());
        let incoming = Incoming(path.clone());
        if path.exists() {
            fs::remove_dir_all(&path).map_err(Error::state("removed", &path))?;
        }
        fs::create_dir(&path).map_err(Error::state("made", &path))?;
        Ok(incoming)
    }

    /// Puts a finished `tree` of `incoming` among the revisions, safe on the disk, not yet in use.
    pub(crate) fn place(
        &self,
        incoming: &Incoming,
        revision: &Revision,
        at: Timestamp,
    ) -> Result<Placed, Error> {
        let record =
            Record { revision: revision.clone(), since: at, identity: self.identity.clone() };
        let whole = incoming.path().join("whole");
        fs::create_dir(&whole).map_err(Error::state("made", &whole))?;
        let tree = incoming.path().join(TREE);
        fs::rename(&tree, whole.join(TREE)).map_err(Error::state("moved", &tree))?;
        write_json(&whole.join(RECORD), &record)?;
        let place = self.free_place(&revision.commit, at);
        // One call for all files: what `current` will point to is on the disk before it does.
        let directory = File::open(&whole).map_err(Error::state("opened", &whole))?;
        rustix::fs::syncfs(&directory)
            .map_err(|error| Error::state("synced", &whole)(error.into()))?;
        fs::rename(&whole, &place).map_err(Error::state("made", &place))?;
        Ok(Placed { path: place, kept: false })
    }

    fn free_place(&self, commit: &CommitId, at: Timestamp) -> PathBuf {
        let revisions = self.directory.join(REVISIONS);
        let mut number = at.as_millisecond();
        loop {
            let place = revisions.join(format!("{commit}-{number}"));
            if !place.exists() {
                return place;
            }
            number += 1;
        }
    }

    /// Lets `current` point to a placed revision, and removes what nobody needs any more.
    pub(crate) fn switch(&self, mut placed: Placed) -> Result<(), Error> {
        let name = placed.path.file_name().unwrap_or_default().to_owned();
        let before = self.current_name();
        let link = self.directory.join(INCOMING).join("link");
        let _absent = fs::remove_file(&link);
        let target = Path::new(REVISIONS).join(&name).join(TREE);
        std::os::unix::fs::symlink(&target, &link).map_err(Error::state("made", &link))?;
        let current = self.current_link();
        fs::rename(&link, &current).map_err(Error::state("moved", &current))?;
        placed.kept = true;
        sync_directory(&self.directory)?;
        self.clear(before.as_deref());
        Ok(())
    }

    /// Removes revisions but the one in use, `before` and those that somebody holds.
    fn clear(&self, before: Option<&str>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|weak| weak.strong_count() > 0);
        let current = self.current_name();
        let in_hands: Vec<PathBuf> =
            held.iter().filter_map(Weak::upgrade).map(|path| path.to_path_buf()).collect();
        let Ok(entries) = fs::read_dir(self.directory.join(REVISIONS)) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let needed =
                [current.as_deref(), before].into_iter().flatten().any(|kept| name == kept)
                    || in_hands.iter().any(|path| path.starts_with(entry.path()));
            if !needed && let Err(error) = fs::remove_dir_all(entry.path()) {
                tracing::warn!(path = %entry.path().display(), %error, "cannot be removed");
            }
        }
    }

    /// Replaces the status file.
    pub(crate) fn write_status(&self, status: &Status) -> Result<(), Error> {
        self.replace("status.json", status)
    }

    /// Replaces what is written of what happened.
    pub(crate) fn write_history(&self, history: &History) -> Result<(), Error> {
        let (identity, happenings) = (self.identity.clone(), history.clone());
        self.replace(HISTORY, &Chronicle { identity, happenings })
    }

    /// What happened to this source before; nothing when that cannot be read any more.
    pub(crate) fn history(&self) -> History {
        let text = fs::read(self.directory.join(HISTORY)).ok();
        let read = text.and_then(|text| serde_json::from_slice::<Chronicle>(&text).ok());
        let ours = read.filter(|chronicle| chronicle.identity == self.identity);
        ours.map(|chronicle| chronicle.happenings).unwrap_or_default()
    }

    fn replace(&self, name: &str, content: &impl Serialize) -> Result<(), Error> {
        let fresh = self.directory.join(INCOMING).join(name);
        write_json(&fresh, content)?;
        let path = self.directory.join(name);
        fs::rename(&fresh, &path).map_err(Error::state("written", &path))
    }
}

impl Drop for Layout {
    fn drop(&mut self) {
        // Closing is not enough: a child that was just forked may have the file open, too.
        if let Err(error) = rustix::fs::flock(&self.lock, rustix::fs::FlockOperation::Unlock) {
            tracing::warn!(%error, "the lock of the estate cannot be released");
        }
    }
}

/// A revision among the others. Removed again unless [`Layout::switch`] makes it the one in use.
#[derive(Debug)]
pub(crate) struct Placed {
    path: PathBuf,
    kept: bool,
}

impl Placed {
    /// Its files.
    pub(crate) fn tree(&self) -> PathBuf {
        self.path.join(TREE)
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot be removed");
        }
    }
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let write = || -> io::Result<()> {
        let mut file = File::create(path)?;
        serde_json::to_writer_pretty(&mut file, value)?;
        file.write_all(b"\n")?;
        file.sync_all()
    };
    write().map_err(Error::state("written", path))
}

fn sync_directory(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|file| file.sync_all()).map_err(Error::state("synced", path))
}
