//! Writes the files of a revision, within limits and without trust.
//!
//! Links are made last, when no write can follow one any more, and each is then resolved by the
//! operating system: it stays only if it ends at a file of this tree.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use gix_object::tree::EntryKind;

use crate::archive::Archive;
use crate::error::Error;
use crate::limits::Limits;
use crate::model::shown;
use crate::names::{self, Neighbours};

/// The longest target of a link, in bytes.
const LONGEST_TARGET: usize = 1024;

/// Writes the directory `inside` of the tree `top` to `target`, which is made.
pub(crate) fn check_out(
    archive: &mut Archive,
    top: gix_hash::ObjectId,
    inside: &[String],
    target: &Path,
    limits: &Limits,
    interrupt: &AtomicBool,
) -> Result<(), Error> {
    let root = descend(archive, top, inside)?;
    let mut writer = Writer {
        archive,
        target,
        limits,
        interrupt,
        entries: 0,
        bytes: 0,
        links: Vec::new(),
        buffer: Vec::new(),
    };
    fs::create_dir(target).map_err(Error::state("made", target))?;
    writer.directory(&root, &mut Vec::new())?;
    let links = std::mem::take(&mut writer.links);
    make_links(target, &links)
}

/// The tree of the directory `inside` of `top`.
fn descend(
    archive: &mut Archive,
    top: gix_hash::ObjectId,
    inside: &[String],
) -> Result<gix_hash::ObjectId, Error> {
    let mut tree = top;
    for part in inside {
        let entries = archive.tree(&tree)?;
        let found = entries
            .into_iter()
            .find(|entry| entry.name == part.as_bytes() && entry.kind == EntryKind::Tree);
        tree = found.ok_or_else(|| Error::NoPath { path: inside.join("/") })?.id;
    }
    Ok(tree)
}

struct Link {
    /// From the top.
    path: PathBuf,
    leads_to: PathBuf,
}

struct Writer<'a> {
    archive: &'a mut Archive,
    target: &'a Path,
    limits: &'a Limits,
    interrupt: &'a AtomicBool,
    entries: usize,
    bytes: u64,
    links: Vec<Link>,
    buffer: Vec<u8>,
}

impl Writer<'_> {
    fn directory(&mut self, tree: &gix_hash::oid, path: &mut Vec<String>) -> Result<(), Error> {
        if path.len() > self.limits.depth {
            return Err(limit("directories within each other", self.limits.depth));
        }
        let mut neighbours = Neighbours::default();
        for entry in self.archive.tree(tree)? {
            if self.interrupt.load(Ordering::Relaxed) {
                return Err(Error::Interrupted { url: "the checkout".to_owned() });
            }
            self.entries += 1;
            if self.entries > self.limits.entries {
                return Err(limit("files, directories and links", self.limits.entries));
            }
            let name = names::check(&entry.name)
                .and_then(|name| neighbours.add(name).map(|()| name))
                .map_err(|source| Error::Name { path: joined(path, &entry.name), source })?;
            path.push(name.to_owned());
            match entry.kind {
                EntryKind::Tree => {
                    let place = self.place(path);
                    fs::create_dir(&place).map_err(Error::state("made", &place))?;
                    self.directory(&entry.id, path)?;
                }
                EntryKind::Blob | EntryKind::BlobExecutable => self.file(&entry.id, path)?,
                EntryKind::Link => self.link(&entry.id, path)?,
                EntryKind::Commit => return Err(refused(path, "a submodule")),
            }
            path.pop();
        }
        Ok(())
    }

    fn file(&mut self, id: &gix_hash::oid, path: &[String]) -> Result<(), Error> {
        self.archive.blob(id, &mut self.buffer)?;
        if self.buffer.len() > self.limits.file_bytes {
            return Err(limit("bytes in one file", self.limits.file_bytes));
        }
        self.bytes += self.buffer.len() as u64;
        if self.bytes > self.limits.tree_bytes {
            return Err(Error::Limit { what: "bytes", limit: self.limits.tree_bytes });
        }
        let place = self.place(path);
        // New or nothing: no path is written twice, whatever the tree says.
        let mut file = fs::File::create_new(&place).map_err(Error::state("made", &place))?;
        file.write_all(&self.buffer).map_err(Error::state("written", &place))
    }

    fn link(&mut self, id: &gix_hash::oid, path: &[String]) -> Result<(), Error> {
        self.archive.blob(id, &mut self.buffer)?;
        let leads_to = std::str::from_utf8(&self.buffer).ok().filter(|text| {
            !text.is_empty() && text.len() <= LONGEST_TARGET && !text.contains(char::is_control)
        });
        let leads_to = leads_to.ok_or_else(|| refused(path, "a link to nowhere"))?;
        if Path::new(leads_to).is_absolute() {
            return Err(refused(path, "a link out of the tree"));
        }
        self.links.push(Link { path: path.iter().collect(), leads_to: leads_to.into() });
        Ok(())
    }

    fn place(&self, path: &[String]) -> PathBuf {
        let mut place = self.target.to_owned();
        place.extend(path);
        place
    }
}

fn make_links(target: &Path, links: &[Link]) -> Result<(), Error> {
    for Link { path, leads_to } in links {
        let place = target.join(path);
        std::os::unix::fs::symlink(leads_to, &place).map_err(Error::state("made", &place))?;
    }
    let top = target.canonicalize().map_err(Error::state("read", target))?;
    for Link { path, .. } in links {
        let refused = |what| Error::Entry { path: shown(&path.display().to_string(), 300), what };
        let end = target.join(path).canonicalize().map_err(|_| refused("a link to nowhere"))?;
        if !end.starts_with(&top) {
            return Err(refused("a link out of the tree"));
        }
        // A link to a directory could lead in circles.
        if !end.is_file() {
            return Err(refused("a link to a directory"));
        }
    }
    Ok(())
}

fn joined(path: &[String], name: &[u8]) -> String {
    let mut text = path.join("/");
    if !text.is_empty() {
        text.push('/');
    }
    text.push_str(&String::from_utf8_lossy(name));
    shown(&text, 300)
}

fn refused(path: &[String], what: &'static str) -> Error {
    Error::Entry { path: shown(&path.join("/"), 300), what }
}

fn limit(what: &'static str, limit: usize) -> Error {
    Error::Limit { what, limit: limit as u64 }
}
