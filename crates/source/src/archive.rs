//! The objects of one revision: the pack that the server sent, indexed.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use gix_object::Kind;
use jiff::Timestamp;

use crate::error::Error;
use crate::limits::Limits;
use crate::model::CommitId;

/// The hash of the objects.
const HASH: gix_hash::Kind = gix_hash::Kind::Sha1;

/// Bytes of the head of a pack: `PACK`, version, number of objects (gitformat-pack(5)).
const HEAD: usize = 12;

/// The objects of one revision.
pub(crate) struct Archive {
    bundle: gix_pack::Bundle,
    inflate: gix_zlib::Inflate,
    cache: gix_pack::cache::Never,
}

impl Archive {
    /// Indexes the pack in the file `sent`, in `directory`. Every object is unpacked and hashed by
    /// that, so what is read later is what its name says.
    pub(crate) fn index(
        sent: &Path,
        directory: &Path,
        limits: &Limits,
        interrupt: &AtomicBool,
    ) -> Result<Self, Error> {
        let mut file = File::open(sent).map_err(Error::state("opened", sent))?;
        let mut head = [0; HEAD];
        file.read_exact(&mut head).map_err(|_| damaged("the pack is shorter than its head"))?;
        let objects = u32::from_be_bytes([head[8], head[9], head[10], head[11]]);
        if objects > limits.objects {
            return Err(Error::Limit { what: "objects", limit: limits.objects.into() });
        }
        file.rewind().map_err(Error::state("read", sent))?;
        let options = gix_pack::bundle::write::Options {
            thread_limit: Some(1),
            // Each object, each delta and the tables: all are bounded by what a file may have, but
            // the tables need their place however small files are.
            alloc_limit_bytes: Some(limits.file_bytes.max(64 << 20)),
            ..Default::default()
        };
        let written = gix_pack::Bundle::write_to_directory(
            &mut BufReader::new(file),
            Some(directory),
            &mut prodash::progress::Discard,
            interrupt,
            None::<gix_object::find::Never>,
            HASH,
            options,
        )
        .map_err(damaged)?;
        let bundle =
            written.to_bundle().ok_or_else(|| damaged("the pack is empty"))?.map_err(damaged)?;
        Ok(Self { bundle, inflate: gix_zlib::Inflate::default(), cache: gix_pack::cache::Never })
    }

    fn read(&mut self, id: &gix_hash::oid, wanted: Kind, into: &mut Vec<u8>) -> Result<(), Error> {
        let found =
            self.bundle.find(id, into, &mut self.inflate, &mut self.cache).map_err(damaged)?;
        let (object, _) = found.ok_or_else(|| damaged(format!("{id} is missing")))?;
        if object.kind != wanted {
            return Err(damaged(format!("{id} is no {wanted}")));
        }
        let length = object.data.len();
        into.truncate(length);
        Ok(())
    }

    /// The commit and what it says.
    pub(crate) fn commit(&mut self, id: &CommitId) -> Result<Commit, Error> {
        let mut raw = Vec::new();
        self.read(&object_id(id)?, Kind::Commit, &mut raw)?;
        let commit = gix_object::CommitRef::from_bytes(&raw, HASH).map_err(damaged)?;
        let author = commit.author().map(|author| author.name.to_string()).unwrap_or_default();
        let committed = commit.committer().ok().and_then(|committer| committer.time().ok());
        let message = String::from_utf8_lossy(commit.message).into_owned();
        let tree = commit.tree();
        drop(commit);
        Ok(Commit {
            tree,
            author,
            committed: committed.and_then(|time| Timestamp::from_second(time.seconds).ok()),
            subject: message.lines().next().unwrap_or_default().to_owned(),
            raw,
        })
    }

    /// The entries of a directory.
    pub(crate) fn tree(&mut self, id: &gix_hash::oid) -> Result<Vec<Entry>, Error> {
        let mut raw = Vec::new();
        self.read(id, Kind::Tree, &mut raw)?;
        gix_object::TreeRefIter::from_bytes(&raw, HASH)
            .map(|entry| {
                let entry = entry.map_err(damaged)?;
                Ok(Entry {
                    kind: entry.mode.kind(),
                    name: entry.filename.to_vec(),
                    id: entry.oid.to_owned(),
                })
            })
            .collect()
    }

    /// The bytes of a file, or the target of a link.
    pub(crate) fn blob(&mut self, id: &gix_hash::oid, into: &mut Vec<u8>) -> Result<(), Error> {
        self.read(id, Kind::Blob, into)
    }
}

/// A commit.
pub(crate) struct Commit {
    /// Its directory.
    pub(crate) tree: gix_hash::ObjectId,
    /// The name of who made it.
    pub(crate) author: String,
    /// When it was made, as its maker says.
    pub(crate) committed: Option<Timestamp>,
    /// The first line of its message.
    pub(crate) subject: String,
    /// All of it, as it was hashed and perhaps signed.
    pub(crate) raw: Vec<u8>,
}

/// One line of a directory.
pub(crate) struct Entry {
    /// What it is.
    pub(crate) kind: gix_object::tree::EntryKind,
    /// Its name, unchecked.
    pub(crate) name: Vec<u8>,
    /// The object.
    pub(crate) id: gix_hash::ObjectId,
}

fn object_id(id: &CommitId) -> Result<gix_hash::ObjectId, Error> {
    gix_hash::ObjectId::from_hex(id.as_str().as_bytes()).map_err(damaged)
}

fn damaged(what: impl std::fmt::Display) -> Error {
    Error::Damaged { what: crate::model::shown(&what.to_string(), 200) }
}
