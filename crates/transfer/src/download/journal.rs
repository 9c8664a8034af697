//! What is in a spool, said beside it.
//!
//! The journal is text, appended to while the file arrives: a header in JSON, then a line for each
//! piece (`w 17`: written) and, now and then, a line that says how many of the lines before it hold
//! over a power failure, too (`s 12`: the first twelve are synced). What is only written counts as
//! long as the machine has not been started anew since; that is what the id of the boot is for. The
//! first line that is not as it should be ends the journal: it is where a crash cut it off.
//!
//! Opening writes the journal anew and moves it into place, so that it does not grow over many
//! interruptions.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::pieces::Pieces;
use super::remote::Validator;
use crate::error::Error;

/// The form of the journal; another one is not read.
const FORM: u32 = 1;
/// Where Linux says which start of the machine this is.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// What the pieces belong to.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Header {
    form: u32,
    /// Digest of the address: the address itself may hold secrets.
    pub(crate) source: String,
    /// Bytes of the file.
    pub(crate) size: u64,
    /// Bytes of a piece.
    piece: u64,
    /// Which version of the file it is.
    pub(crate) validator: Option<Validator>,
    /// Which start of the machine wrote this.
    boot: String,
}

impl Header {
    pub(crate) fn new(source: String, pieces: &Pieces, validator: Option<Validator>) -> Self {
        let (size, piece) = (pieces.size(), pieces.piece());
        Self { form: FORM, source, size, piece, validator, boot: boot() }
    }
}

/// The journal of a spool that is being written.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    lines: usize,
}

impl Journal {
    /// Where the journal of a spool is.
    pub(crate) fn path(spool: &Path) -> PathBuf {
        let mut name = spool.as_os_str().to_owned();
        name.push(".journal");
        name.into()
    }

    /// Reads what is there of a file. Nothing is a fine answer, too.
    pub(crate) fn read(spool: &Path) -> Option<(Header, Pieces)> {
        let text = std::fs::read(Self::path(spool)).ok()?;
        parse(&String::from_utf8_lossy(&text), &boot())
    }

    /// Begins a journal that says what is known by now, in place of the old one.
    pub(crate) fn begin(spool: &Path, header: &Header, pieces: &Pieces) -> Result<Self, Error> {
        let path = Self::path(spool);
        let mut draft = path.as_os_str().to_owned();
        draft.push(".new");
        let draft = PathBuf::from(draft);
        let mut text = serde_json::to_string(header).unwrap_or_default() + "\n";
        let done: Vec<usize> = pieces.done().collect();
        text.push_str(&written_lines(&done));
        let written = File::create(&draft).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_data()?;
            std::fs::rename(&draft, &path)?;
            Ok(file)
        });
        let file = written.map_err(Error::file("written", &path))?;
        Ok(Self { path, file, lines: done.len() })
    }

    /// These pieces are written.
    pub(crate) fn written(&mut self, pieces: &[usize]) -> Result<(), Error> {
        let text = written_lines(pieces);
        self.lines += pieces.len();
        self.file.write_all(text.as_bytes()).map_err(Error::file("written", &self.path))
    }

    /// How many pieces it says are written.
    pub(crate) const fn lines(&self) -> usize {
        self.lines
    }

    /// So many of them are synced.
    pub(crate) fn synced(&mut self, lines: usize) -> Result<(), Error> {
        let written = self.file.write_all(format!("s {lines}\n").as_bytes());
        written.and_then(|()| self.file.sync_data()).map_err(Error::file("written", &self.path))
    }
}

fn written_lines(pieces: &[usize]) -> String {
    let lines: Vec<String> = pieces.iter().map(|index| format!("w {index}\n")).collect();
    lines.concat()
}

fn boot() -> String {
    std::fs::read_to_string(BOOT).map_or_else(|_| String::new(), |text| text.trim().to_owned())
}

fn parse(text: &str, boot: &str) -> Option<(Header, Pieces)> {
    let (first, rest) = text.split_once('\n')?;
    let header: Header = serde_json::from_str(first).ok()?;
    let mut pieces = Pieces::none(header.size);
    if header.form != FORM || header.piece != pieces.piece() {
        return None;
    }
    let mut written = Vec::new();
    let mut synced = 0;
    // What stands behind the last end of a line was cut off.
    for line in rest.split_inclusive('\n').map_while(|line| line.strip_suffix('\n')) {
        match line.split_once(' ').and_then(|(word, number)| Some((word, number.parse().ok()?))) {
            Some(("w", index)) => written.push(index),
            Some(("s", lines)) if lines <= written.len() => synced = lines,
            _ => break,
        }
    }
    if boot.is_empty() || header.boot != boot {
        written.truncate(synced);
    }
    for index in written {
        pieces.mark(index);
    }
    Some((header, pieces))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 10 << 16;

    fn journal(boot: &str, lines: &str) -> String {
        let pieces = Pieces::none(SIZE);
        let header = Header { boot: boot.to_owned(), ..Header::new("x".to_owned(), &pieces, None) };
        format!("{}\n{lines}", serde_json::to_string(&header).unwrap())
    }

    fn there(text: &str, boot: &str) -> Option<Vec<usize>> {
        parse(text, boot).map(|(_, pieces)| pieces.done().collect())
    }

    #[test]
    fn after_a_restart_of_the_machine_only_what_is_synced_counts() {
        let text = journal("a", "w 3\nw 1\ns 1\nw 2\n");
        assert_eq!(there(&text, "a").unwrap(), [1, 2, 3]);
        assert_eq!(there(&text, "b").unwrap(), [3]);
        assert_eq!(there(&journal("", "w 3\n"), "").unwrap(), [0_usize; 0]);
    }

    #[test]
    fn a_journal_ends_where_it_was_cut_off_or_damaged() {
        for damaged in ["w 3\nw 1", "w 3\n\0\0\nw 1\n", "w 3\nx 1\nw 1\n", "w 3\ns 9\nw 1\n"] {
            assert_eq!(there(&journal("a", damaged), "a").unwrap(), [3], "{damaged:?}");
        }
    }

    #[test]
    fn another_form_or_no_header_is_no_journal() {
        assert_eq!(there("", "a"), None);
        assert_eq!(there("w 3\n", "a"), None);
        let other = journal("a", "w 3\n").replace("\"form\":1", "\"form\":2");
        assert_eq!(there(&other, "a"), None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let spool = dir.path().join("x");
        let mut pieces = Pieces::none(SIZE);
        pieces.mark(7);
        let header = Header::new("x".to_owned(), &pieces, Some(Validator::Etag("\"1\"".into())));
        let mut journal = Journal::begin(&spool, &header, &pieces).unwrap();
        journal.written(&[2, 3]).unwrap();
        journal.synced(journal.lines()).unwrap();
        let (read, there) = Journal::read(&spool).unwrap();
        assert_eq!(read, header);
        assert_eq!(there.done().collect::<Vec<_>>(), [2, 3, 7]);
    }
}
