//! The member of an archive that is the image.

use std::cell::Cell;
use std::io::Read;
use std::path::Path;

use tar::{Archive, Entry, EntryType};

use super::{BLOCK, Fault, Peeked, Peel};
use crate::content::Content;
use crate::error::Error;

/// Members that are looked at.
const MOST_MEMBERS: usize = 10_000;
/// Names that a message shows.
const SHOWN: usize = 8;
/// Endings of images, and of what images are packed in.
const ENDINGS: [&str; 15] = [
    "qcow2", "img", "raw", "vmdk", "vhd", "vhdx", "vdi", "iso", "qcow", "disk", "xz", "bz2", "zst",
    "gz", "tar",
];

impl Peel<'_> {
    /// Finds the member and goes on with it.
    pub(super) fn choose(&mut self, input: Peeked<'_>) -> Result<Content, Error> {
        let mut archive = Archive::new(input);
        let entries = archive.entries().map_err(|error| self.failed(error))?;
        let mut found = Vec::new();
        for (number, entry) in entries.enumerate() {
            if number >= MOST_MEMBERS {
                return Err(self.fault(Fault::TooMany { limit: MOST_MEMBERS }));
            }
            let mut entry = entry.map_err(|error| self.failed(error))?;
            let file = is_file(&mut entry).map_err(|error| self.failed(error))?;
            let measure = Measure { size: entry.size(), read: Cell::new(0) };
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            match &self.how.member {
                Some(wanted) if !is_named(&name, wanted) => {}
                Some(_) if !file => return Err(self.fault(Fault::NotAFile { name })),
                Some(_) => {
                    let inside = Measured { input: entry, measure: &measure };
                    return self.take(name, Peeked::new(inside, BLOCK), &measure);
                }
                None if !file => {}
                None => {
                    let inside = Measured { input: entry, measure: &measure };
                    let mut inside = Peeked::new(inside, BLOCK);
                    let content = inside.content().map_err(|error| self.failed(error))?;
                    let may_be = content.is_packed() || content == Content::Unknown;
                    if content.is_image() || (may_be && has_ending(&name)) {
                        return self.take(name, inside, &measure);
                    }
                }
            }
            if found.len() < SHOWN {
                found.push(name);
            }
        }
        Err(self.fault(match self.how.member.clone() {
            Some(name) => Fault::NoMember { name, found },
            None => Fault::NoImage { found },
        }))
    }

    fn take(
        &mut self,
        name: String,
        mut inside: Peeked<'_>,
        member: &Measure,
    ) -> Result<Content, Error> {
        self.member = Some(name);
        let content = self.peel(Peeked::new(&mut inside, BLOCK))?;
        // A member that was cut off looks as if it ended.
        let rest = std::io::copy(&mut inside, &mut std::io::sink());
        rest.map_err(|error| self.failed(error))?;
        if member.read.get() == member.size {
            return Ok(content);
        }
        let source = std::io::ErrorKind::UnexpectedEof.into();
        Err(self.fault(Fault::Damaged { layer: Content::Tar, source }))
    }
}

/// How much of a member has been read.
struct Measure {
    size: u64,
    read: Cell<u64>,
}

struct Measured<'a, R> {
    input: R,
    measure: &'a Measure,
}

impl<R: Read> Read for Measured<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.measure.read.set(self.measure.read.get() + read as u64);
        Ok(read)
    }
}

/// An ordinary file, or one with holes that are filled in while reading. Holes that are described in
/// extended headers are not: their description would be taken for content.
fn is_file<R: Read>(entry: &mut Entry<'_, R>) -> std::io::Result<bool> {
    let kind = entry.header().entry_type();
    let mut file =
        matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse);
    if let Some(extensions) = entry.pax_extensions()? {
        for extension in extensions {
            file &= !extension?.key_bytes().starts_with(b"GNU.sparse");
        }
    }
    Ok(file)
}

/// Whether this is the member that is meant: by its whole path, or by its last part alone.
fn is_named(path: &str, wanted: &str) -> bool {
    let path = path.strip_prefix("./").unwrap_or(path);
    path == wanted.strip_prefix("./").unwrap_or(wanted)
        || (!wanted.contains('/') && path.rsplit('/').next() == Some(wanted))
}

fn has_ending(name: &str) -> bool {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}
