//! The file of allowed signers (ssh-keygen(1), `ALLOWED SIGNERS`).
//!
//! ```text
//! alice@example.org namespaces="git" ssh-ed25519 AAAAC3Nza…
//! bob@example.org valid-before="20270101Z" ssh-ed25519 AAAAC3Nza… laptop
//! ```

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::civil::DateTime;
use ring::digest;

use super::SignatureFault;
use crate::error::Error;
use crate::model::shown;

/// Bytes of the file that are read.
const LARGEST: u64 = 1 << 20;

/// Who may sign.
#[derive(Clone, Debug, Default)]
pub struct Signers {
    lines: Vec<Signer>,
    digest: String,
}

#[derive(Clone, Debug)]
struct Signer {
    principals: String,
    namespaces: Option<String>,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
    key: Vec<u8>,
}

impl Signers {
    /// Reads the file.
    ///
    /// # Errors
    /// [`Error::State`] when it cannot be read, [`Error::Signers`] when a line is wrong: a signer
    /// that is dropped in silence would be a riddle, one that is misread a hole.
    pub fn read(path: &Path) -> Result<Self, Error> {
        use std::io::Read as _;
        let mut text = String::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(LARGEST).read_to_string(&mut text))
            .map_err(Error::state("read", path))?;
        Self::parse(&text).map_err(|(line, what)| Error::Signers {
            path: path.to_owned(),
            line,
            what,
        })
    }

    /// Reads the text of such a file.
    ///
    /// # Errors
    /// The line (from 1) and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut lines = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                lines.push(parse_line(line).map_err(|what| (number + 1, what))?);
            }
        }
        let digest = hex::encode(digest::digest(&digest::SHA256, text.as_bytes()));
        Ok(Self { lines, digest })
    }

    /// A digest of the file: whether somebody changed it.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// Who has this key and may use it for `namespace` at `time`.
    pub(super) fn find(
        &self,
        key: &[u8],
        namespace: &str,
        time: Option<Timestamp>,
        fingerprint: &str,
    ) -> Result<String, SignatureFault> {
        let for_this = |signer: &&Signer| {
            signer.key == key
                && signer.namespaces.as_ref().is_none_or(|list| in_list(list, namespace))
        };
        let mut known = self.lines.iter().filter(for_this).peekable();
        let key = fingerprint.to_owned();
        if known.peek().is_none() {
            return Err(SignatureFault::Unknown { key });
        }
        let valid = |signer: &&Signer| match time {
            Some(time) => {
                signer.after.is_none_or(|after| time >= after)
                    && signer.before.is_none_or(|before| time < before)
            }
            None => signer.after.is_none() && signer.before.is_none(),
        };
        let signer = known.find(valid).ok_or(SignatureFault::NotThen { key })?;
        Ok(shown(&signer.principals, 200))
    }
}

/// Principals, perhaps options, kind of key, key, perhaps a comment.
fn parse_line(line: &str) -> Result<Signer, String> {
    let (principals, rest) = word(line)?;
    let (second, after_second) = word(rest)?;
    let (options, kind, rest) = if is_kind(&second) {
        (String::new(), second, after_second)
    } else {
        let (kind, rest) = word(after_second)?;
        (second, kind, rest)
    };
    if !is_kind(&kind) {
        return Err("write principals, perhaps options, the kind of key and the key".to_owned());
    }
    let (key, _comment) = word(rest)?;
    let key = STANDARD.decode(key).map_err(|_| "the key is not Base64".to_owned())?;
    // A key begins with its own kind.
    let inner = key.get(4..4 + kind.len());
    if inner != Some(kind.as_bytes()) {
        return Err(format!("the key is not of the kind \"{kind}\""));
    }
    let mut signer = Signer {
        principals: unquoted(&principals),
        namespaces: None,
        after: None,
        before: None,
        key,
    };
    for option in split_outside_quotes(&options, ',') {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = unquoted(value);
        match name.to_ascii_lowercase().as_str() {
            "" => {}
            "namespaces" => signer.namespaces = Some(value),
            "valid-after" => signer.after = Some(moment(&value)?),
            "valid-before" => signer.before = Some(moment(&value)?),
            "cert-authority" => return Err("certificates are not supported".to_owned()),
            other => return Err(format!("the option \"{other}\" is unknown")),
        }
    }
    Ok(signer)
}

/// The first word, which may have quotes around blanks, and the rest.
fn word(text: &str) -> Result<(String, &str), String> {
    let text = text.trim_start();
    let first = split_outside_quotes(text, ' ').next().unwrap_or_default();
    let first = split_outside_quotes(first, '\t').next().unwrap_or_default();
    if first.is_empty() {
        return Err("the line ends too early".to_owned());
    }
    Ok((first.to_owned(), text.strip_prefix(first).unwrap_or_default()))
}

fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |character: char| {
        quoted ^= character == '"';
        character == separator && !quoted
    })
}

fn unquoted(text: &str) -> String {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or(text).to_owned()
}

fn is_kind(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-"].iter().any(|prefix| word.starts_with(prefix))
}

/// `YYYYMMDD[HHMM[SS]]Z`.
fn moment(text: &str) -> Result<Timestamp, String> {
    let wrong =
        || format!("\"{text}\" is not a time; write for example 20270131Z or 202701311200Z");
    // Without it, ssh-keygen takes the zone of the machine: the same file would mean two things.
    let digits = text
        .strip_suffix('Z')
        .ok_or_else(|| format!("\"{text}\" has no Z at its end: only times in UTC are taken"))?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let part = |from: usize, to: usize| -> Result<i8, String> {
        digits.get(from..to).map_or(Ok(0), |text| text.parse().map_err(|_| wrong()))
    };
    if ![8, 12, 14].contains(&digits.len()) {
        return Err(wrong());
    }
    let year = digits.get(..4).and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    DateTime::new(year, part(4, 6)?, part(6, 8)?, hour, minute, second, 0)
        .and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC))
        .map(|zoned| zoned.timestamp())
        .map_err(|_| wrong())
}

/// Whether a list of patterns (`ssh_config(5)`, PATTERNS) has this name.
fn in_list(list: &str, name: &str) -> bool {
    let mut found = false;
    for pattern in list.split(',').map(str::trim) {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(pattern.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => found |= matches(pattern.as_bytes(), name.as_bytes()),
        }
    }
    found
}

/// Whether the text matches, in time that is at worst the product of both lengths.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut p) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, at));
                p += 1;
            }
            Some(byte) if *byte == b'?' || text.get(at) == Some(byte) => {
                p += 1;
                at += 1;
            }
            _ => match star {
                Some((star_at, from)) => {
                    star = Some((star_at, from + 1));
                    p = star_at + 1;
                    at = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kind and nothing else: enough for this file.
    fn key(kind: &str) -> (Vec<u8>, String) {
        let mut key = u32::try_from(kind.len()).unwrap().to_be_bytes().to_vec();
        key.extend_from_slice(kind.as_bytes());
        let text = STANDARD.encode(&key);
        (key, text)
    }

    #[test]
    fn lines_are_read_as_ssh_keygen_reads_them() {
        let (raw, text) = key("ssh-ed25519");
        let file = format!(
            "# who may\n\nalice@example.org,bob namespaces=\"git,file\",valid-before=\"20270101Z\" \
             ssh-ed25519 {text} a comment\n\tcarol ssh-ed25519\t{text}\n"
        );
        let signers = Signers::parse(&file).unwrap();
        let at = |time: &str| Some(time.parse::<Timestamp>().unwrap());
        let find = |namespace: &str, time| signers.find(&raw, namespace, time, "SHA256:x");
        assert_eq!(find("git", at("2026-12-31T23:59:59Z")).unwrap(), "alice@example.org,bob");
        assert_eq!(find("git", at("2027-01-01T00:00:00Z")).unwrap(), "carol");
        assert_eq!(find("mail", at("2026-01-01T00:00:00Z")).unwrap(), "carol");
    }

    #[test]
    fn a_key_counts_only_for_its_purpose_and_time() {
        let (raw, text) = key("ssh-ed25519");
        let verdict = |options: &str| {
            let signers = Signers::parse(&format!("a {options} ssh-ed25519 {text}")).unwrap();
            let time = "2026-06-01T12:00:00Z".parse().ok();
            signers.find(&raw, "git", time, "K").map_err(|fault| fault.to_string())
        };
        assert!(verdict("namespaces=\"git\"").is_ok());
        assert!(verdict("namespaces=\"g*\"").is_ok());
        assert!(verdict("namespaces=\"*,!git\"").unwrap_err().contains("nobody's"));
        assert!(verdict("namespaces=\"file\"").unwrap_err().contains("nobody's"));
        assert!(verdict("valid-after=\"202606011200Z\"").is_ok());
        assert!(verdict("valid-after=\"202606011201Z\"").unwrap_err().contains("not valid"));
        assert!(verdict("valid-before=\"20260601120000Z\"").unwrap_err().contains("not valid"));
    }

    #[test]
    fn a_wrong_line_is_told_with_its_number() {
        let (_, text) = key("ssh-ed25519");
        for (line, said) in [
            ("alice", "ends too early"),
            ("alice ssh-ed25519", "ends too early"),
            ("alice ssh-ed25519 %%%", "Base64"),
            (&format!("alice ssh-rsa {text}"), "not of the kind"),
            (&format!("alice cert-authority ssh-ed25519 {text}"), "certificates"),
            (&format!("alice colour=\"red\" ssh-ed25519 {text}"), "unknown"),
            (&format!("alice valid-before=\"20270101\" ssh-ed25519 {text}"), "no Z"),
            (&format!("alice valid-before=\"20271301Z\" ssh-ed25519 {text}"), "not a time"),
        ] {
            let (number, what) = Signers::parse(&format!("# c\n{line}\n")).unwrap_err();
            assert!(number == 2 && what.contains(said), "{line}: {what}");
        }
    }
}
