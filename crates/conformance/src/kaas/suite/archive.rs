//! Where results stand: in an archive, a folder or a file. Nothing is unpacked to the disk.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use jiff::Timestamp;

use super::Piece;

/// No piece is larger, in bytes; the log of a run has some ten million.
const LARGEST: u64 = 128 << 20;
/// No archive holds more once it is unpacked, in bytes: Sonobuoy gathers the logs of all nodes.
const MOST: u64 = 4 << 30;
/// Results stand at most so many folders deep.
const DEEPEST: usize = 6;

/// The pieces that hold results.
pub(super) fn pieces(path: &Path) -> Result<Vec<Piece>, String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut found = Vec::new();
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        folder(path, "", DEEPEST, &mut found).map_err(failed)?;
    } else {
        let mut file = File::open(path).map_err(failed)?;
        let mut magic = [0; 2];
        let begins = file.read(&mut magic).map_err(failed)?;
        let file = File::open(path).map_err(failed)?;
        if begins == 2 && magic == [0x1f, 0x8b] {
            archive(file, &mut found).map_err(failed)?;
        } else {
            let content = whole(file).map_err(failed)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let name = if is_junit(&content) && !name.starts_with("junit") {
                format!("junit-{name}.xml")
            } else {
                name.into_owned()
            };
            found.push(Piece { name, content, written: None });
        }
    }
    // Archives have no order; the names of files do.
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// A file may be named as its owner likes.
fn is_junit(content: &[u8]) -> bool {
    let begin = content.get(..content.len().min(1000)).unwrap_or_default();
    String::from_utf8_lossy(begin).contains("<testsuite")
}

fn folder(path: &Path, prefix: &str, depth: usize, found: &mut Vec<Piece>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        // Links are not followed.
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 {
            folder(&entry.path(), &format!("{name}/"), depth - 1, found)?;
        } else if kind.is_file() {
            let mut piece = Piece { name, content: Vec::new(), written: None };
            if piece.kind().is_some() {
                piece.content = whole(File::open(entry.path())?)?;
                found.push(piece);
            }
        }
    }
    Ok(())
}

fn archive(file: File, found: &mut Vec<Piece>) -> std::io::Result<()> {
    let mut archive = tar::Archive::new(GzDecoder::new(file).take(MOST));
    for entry in archive.entries()? {
        let entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let written = entry.header().mtime().ok().and_then(|second| i64::try_from(second).ok());
        let written = written.filter(|second| *second > 0);
        let written = written.and_then(|second| Timestamp::from_second(second).ok());
        let mut piece = Piece {
            name: String::from_utf8_lossy(&entry.path_bytes()).into_owned(),
            content: Vec::new(),
            written: written.map(crate::judge::utc),
        };
        if piece.kind().is_some() {
            piece.content = whole(entry)?;
            found.push(piece);
        }
    }
    Ok(())
}

fn whole(reader: impl Read) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    reader.take(LARGEST + 1).read_to_end(&mut content)?;
    if content.len() as u64 > LARGEST {
        return Err(std::io::Error::other("a file of results is larger than 128 MiB"));
    }
    Ok(content)
}
