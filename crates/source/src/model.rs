//! Revisions and what is said of them.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The name of a commit: 40 hexadecimal digits, in lower case.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId(String);

impl CommitId {
    /// All of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Enough of it for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl FromStr for CommitId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(format!(
                "\"{}\" is not the name of a commit: it has 40 hexadecimal digits",
                shown(text, 60)
            ))
        }
    }
}

impl TryFrom<String> for CommitId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<CommitId> for String {
    fn from(id: CommitId) -> Self {
        id.0
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One commit of the repository.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Revision {
    /// Its name.
    pub commit: CommitId,
    /// The first line of its message, made fit for display.
    pub subject: String,
    /// Who made it, as they call themselves, made fit for display.
    pub author: String,
    /// When it was made, as its maker says.
    pub committed: Option<Timestamp>,
    /// Whether and by whom it is signed.
    pub signature: SignatureState,
}

/// Whether and by whom a commit is signed.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum SignatureState {
    /// Nobody asked: the configuration names no signers.
    NotAsked,
    /// Signed by one who may.
    Good {
        /// The principal of the file of signers.
        signer: String,
        /// SHA-256 of the key, as `ssh-keygen -l` shows it.
        key: String,
    },
}

/// Foreign text made fit for display: one line, no characters that move or hide others, at most so
/// many characters.
pub(crate) fn shown(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for (number, character) in text.chars().enumerate() {
        if number == most {
            shown.push('…');
            break;
        }
        let hides = character.is_control() || crate::names::is_invisible(character);
        shown.push(if hides { '\u{fffd}' } else { character });
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_has_forty_digits() {
        let id: CommitId = "ABCDEF0123456789abcdef0123456789abcdef01".parse().unwrap();
        assert_eq!(id.as_str(), "abcdef0123456789abcdef0123456789abcdef01");
        assert_eq!(id.short(), "abcdef012345");
        for wrong in ["", "main", "abc", "gbcdef0123456789abcdef0123456789abcdef01"] {
            assert!(wrong.parse::<CommitId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn foreign_text_neither_moves_nor_hides_other_text() {
        assert_eq!(shown("a\u{1b}[31mb\u{202e}c\nd", 80), "a\u{fffd}[31mb\u{fffd}c\u{fffd}d");
        assert_eq!(shown("abcdef", 3), "abc…");
    }
}
