//! Checksum files: `digits name`, `digits *name`, `ALGORITHM (name) = digits`, or digits alone.
//!
//! Everything else (comments, headings, signatures around the lines) is passed over, so one reader
//! serves all distributions. Where a file is named with several checksums, the strongest counts.

use crate::checksum::{Algorithm, Checksum};

/// So many lines are looked at.
pub const MAX_LINES: usize = 200_000;

/// A line of a checksum file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The file, without `./`; none where the digits stand alone.
    pub name: Option<String>,
    /// Its checksum.
    pub checksum: Checksum,
}

/// All checksums of a file.
pub fn entries(text: &str) -> Vec<Entry> {
    text.lines().take(MAX_LINES).filter_map(|line| entry(line.trim())).collect()
}

fn entry(line: &str) -> Option<Entry> {
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    tagged(line).or_else(|| plain(line))
}

/// `SHA256 (name) = digits`, as BSD tools and `sha256sum --tag` write it.
fn tagged(line: &str) -> Option<Entry> {
    let (algorithm, rest) = line.split_once(" (")?;
    let (name, digits) = rest.rsplit_once(") = ")?;
    let checksum = Checksum::new(Algorithm::named(algorithm)?, digits.trim())?;
    Some(Entry { name: named(name), checksum })
}

fn plain(line: &str) -> Option<Entry> {
    let (digits, name) = line.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((line, ""));
    let checksum = Checksum::bare(digits)?;
    let name = name.trim_start();
    let name = named(name.strip_prefix('*').unwrap_or(name));
    Some(Entry { name, checksum })
}

fn named(name: &str) -> Option<String> {
    let name = name.trim();
    let name = name.strip_prefix("./").unwrap_or(name);
    (!name.is_empty()).then(|| name.to_owned())
}

/// Why a checksum file tells nothing about a file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ManifestError {
    /// No line of the file holds a checksum.
    #[error("it holds no checksum")]
    Empty,
    /// The file is not among those that are named.
    #[error("it does not name \"{0}\"")]
    NotNamed(String),
    /// The same file has two different checksums of one algorithm.
    #[error("it gives \"{0}\" two different checksums")]
    Ambiguous(String),
}

/// The checksum of `file`, the strongest there is.
///
/// `of_one` says that the checksum file is about this file alone (`image.qcow2.sha256`): then one
/// whose line names the build behind the link (as openSUSE does) counts, too. Digits alone count
/// when they are alone.
///
/// # Errors
/// [`ManifestError`]
pub fn find(entries: &[Entry], file: &str, of_one: bool) -> Result<Checksum, ManifestError> {
    if entries.is_empty() {
        return Err(ManifestError::Empty);
    }
    let named = |entry: &&Entry| entry.name.as_deref() == Some(file);
    let mut matching: Vec<&Entry> = entries.iter().filter(named).collect();
    if matching.is_empty() {
        let first = entries.first().and_then(|entry| entry.name.as_deref());
        let same = entries.iter().all(|entry| entry.name.as_deref() == first);
        if same && (of_one || first.is_none()) {
            matching = entries.iter().collect();
        }
    }
    let strongest = matching.iter().map(|entry| &entry.checksum).max_by_key(|sum| sum.algorithm());
    let strongest = strongest.ok_or_else(|| ManifestError::NotNamed(file.to_owned()))?;
    let other = |entry: &&&Entry| {
        entry.checksum.algorithm() == strongest.algorithm() && entry.checksum != *strongest
    };
    match matching.iter().find(other) {
        Some(_) => Err(ManifestError::Ambiguous(file.to_owned())),
        None => Ok(strongest.clone()),
    }
}

/// All checksums of `file`, the strongest first; none when it is not named.
pub fn of_file(entries: &[Entry], file: &str) -> Vec<Checksum> {
    let named = entries.iter().filter(|entry| entry.name.as_deref() == Some(file));
    let mut found: Vec<Checksum> = named.map(|entry| entry.checksum.clone()).collect();
    found.sort_by_key(|checksum| std::cmp::Reverse(checksum.algorithm()));
    found.dedup();
    found
}

/// The checksum in a text that holds one and nothing else.
pub fn bare(text: &str) -> Option<Checksum> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(digit: &str, algorithm: Algorithm) -> String {
        digit.repeat(algorithm.digits())
    }

    #[test]
    fn every_form_is_read() {
        let (a, b) = (sum("a", Algorithm::Sha256), sum("b", Algorithm::Sha512));
        let text = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# plain.img: 12 bytes\n\
             {a}  plain.img\n{a} *binary.img\r\nSHA256 (bsd (1).img) = {a}\nSHA512 (./bsd.img) = {b}\n\
             not-hex  other.img\n"
        );
        let entries = entries(&text);
        let names: Vec<_> = entries.iter().filter_map(|entry| entry.name.as_deref()).collect();
        assert_eq!(names, ["plain.img", "binary.img", "bsd (1).img", "bsd.img"]);
        let found = find(&entries, "bsd.img", false).unwrap();
        assert_eq!(found.to_string(), format!("sha512:{b}"));
        let missing = find(&entries, "absent.img", true);
        assert_eq!(missing, Err(ManifestError::NotNamed("absent.img".to_owned())));
    }

    #[test]
    fn the_strongest_of_several_checksums_counts() {
        // Flatcar's DIGESTS have a section for each algorithm.
        let strong = sum("d", Algorithm::Sha512);
        let text = format!(
            "# MD5 HASH\n{}  f.img\n# SHA1 HASH\n{}  f.img\n# SHA512 HASH\n{strong}  f.img\n",
            sum("1", Algorithm::Md5),
            sum("2", Algorithm::Sha1)
        );
        let found = find(&entries(&text), "f.img", false).unwrap();
        assert_eq!(found.digits(), strong);
    }

    #[test]
    fn digits_alone_belong_to_the_file_that_was_asked_for() {
        let digits = sum("c", Algorithm::Sha256);
        assert_eq!(find(&entries(&digits), "x.img", false).unwrap().digits(), digits);
        let two = format!("{digits}\n{}\n", sum("e", Algorithm::Sha256));
        assert_eq!(
            find(&entries(&two), "x.img", false),
            Err(ManifestError::Ambiguous("x.img".to_owned()))
        );
    }

    #[test]
    fn a_checksum_file_of_one_image_may_name_the_build_behind_it() {
        let text = format!("{}  Leap-Build16.2.qcow2\n", sum("c", Algorithm::Sha256));
        assert!(find(&entries(&text), "Leap.qcow2", true).is_ok());
        assert!(find(&entries(&text), "Leap.qcow2", false).is_err());
        assert_eq!(find(&[], "Leap.qcow2", true), Err(ManifestError::Empty));
    }

    #[test]
    fn the_line_of_the_file_is_found_in_every_form() {
        let (a, b, c) = ("a".repeat(64), "b".repeat(128), "c".repeat(32));
        let text = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# plain.img: 12 bytes\n\
             {a}  plain.img\n{a} *binary.img\r\nSHA256 (bsd (1).img) = {a}\nSHA2-512 (no.img) = {b}\n\
             SHA512 (./dotted.img) = {b}\nMD5 (dotted.img) = {c}\nnot-hex  other.img\n{a}  not-plain.img\n"
        );
        let entries = entries(&text);
        let shown = |file| -> Vec<String> {
            of_file(&entries, file).iter().map(ToString::to_string).collect()
        };
        for file in ["plain.img", "binary.img", "bsd (1).img"] {
            assert_eq!(shown(file), [format!("sha256:{a}")]);
        }
        // The strongest comes first.
        assert_eq!(shown("dotted.img"), [format!("sha512:{b}"), format!("md5:{c}")]);
        for file in ["other.img", "img", "no.img", ""] {
            assert!(shown(file).is_empty(), "{file}");
        }
    }

    #[test]
    fn a_bare_checksum_is_alone() {
        let digits = "F".repeat(64);
        let found = bare(&format!(" {digits}\n")).unwrap();
        assert_eq!(found.to_string(), format!("sha256:{}", "f".repeat(64)));
        assert!(bare(&format!("{digits}  file.img")).is_none() && bare("<html>").is_none());
    }
}
