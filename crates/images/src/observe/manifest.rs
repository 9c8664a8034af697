//! Checksum files: `digits name`, `digits *name`, `ALGORITHM (name) = digits`, or digits alone.

use crate::model::{Checksum, HashAlgorithm};

/// The checksums that a manifest gives to a file, the strongest first. Everything that is no line of
/// a known form (comments, headings, signatures around the lines) is passed over.
pub(super) fn of_file(text: &str, file: &str) -> Vec<Checksum> {
    let mut found: Vec<Checksum> = text
        .lines()
        .filter_map(|line| tagged(line.trim()).or_else(|| plain(line.trim())))
        .filter(|(name, _)| name.strip_prefix("./").unwrap_or(name) == file)
        .map(|(_, checksum)| checksum)
        .collect();
    found.sort_by_key(|checksum| std::cmp::Reverse(checksum.algorithm.digits()));
    found.dedup();
    found
}

/// A text that is a checksum and nothing else.
pub(super) fn bare(text: &str) -> Option<Checksum> {
    text.trim().parse().ok()
}

/// `SHA256 (name) = digits`, as BSD tools and `sha256sum --tag` write it.
fn tagged(line: &str) -> Option<(&str, Checksum)> {
    let (algorithm, rest) = line.split_once(" (")?;
    let (name, digits) = rest.rsplit_once(") = ")?;
    let algorithm = algorithm.trim().replace('-', "").to_ascii_lowercase();
    Some((name, format!("{algorithm}:{}", digits.trim()).parse().ok()?))
}

/// `digits  name`, as GNU tools write it; a star before the name says that the file was read as
/// bytes.
fn plain(line: &str) -> Option<(&str, Checksum)> {
    let (digits, name) = line.split_once(|c: char| c.is_ascii_whitespace())?;
    // Digits with their algorithm before them are another form, which nobody publishes in lists.
    let known = |algorithm: HashAlgorithm| algorithm.digits() == digits.len();
    let checksum = HashAlgorithm::ALL.into_iter().any(known).then(|| digits.parse().ok())??;
    let name = name.trim_start();
    Some((name.strip_prefix('*').unwrap_or(name), checksum))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, file: &str) -> Vec<String> {
        of_file(text, file).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_line_of_the_file_is_found_in_every_form() {
        let (a, b, c) = ("a".repeat(64), "b".repeat(128), "c".repeat(32));
        let text = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# plain.img: 12 bytes\n\
             {a}  plain.img\n{a} *binary.img\r\nSHA256 (bsd (1).img) = {a}\nSHA2-512 (no.img) = {b}\n\
             SHA512 (./dotted.img) = {b}\nMD5 (dotted.img) = {c}\nnot-hex  other.img\n{a}  not-plain.img\n"
        );
        assert_eq!(shown(&text, "plain.img"), [format!("sha256:{a}")]);
        assert_eq!(shown(&text, "binary.img"), [format!("sha256:{a}")]);
        assert_eq!(shown(&text, "bsd (1).img"), [format!("sha256:{a}")]);
        // The strongest comes first.
        assert_eq!(shown(&text, "dotted.img"), [format!("sha512:{b}"), format!("md5:{c}")]);
        assert!(shown(&text, "other.img").is_empty() && shown(&text, "img").is_empty());
    }

    #[test]
    fn a_bare_checksum_is_alone() {
        let digits = "F".repeat(64);
        let found = bare(&format!(" {digits}\n")).unwrap();
        assert_eq!(found.to_string(), format!("sha256:{}", "f".repeat(64)));
        assert!(bare(&format!("{digits}  file.img")).is_none() && bare("<html>").is_none());
    }
}
