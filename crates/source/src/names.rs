//! Which names a tree of the repository may use.
//!
//! Git stores names as bytes and lets a hostile commit use any of them. What we write must mean the
//! same to every reader and every file system, and must not leave its directory. So a name is text,
//! has no separators, no control or invisible characters, is not `.`, `..` or a spelling of `.git`,
//! and differs from its neighbours by more than case.

use std::collections::BTreeSet;

/// The longest name, in bytes, that usual file systems take.
pub const LONGEST: usize = 255;

/// Why a name is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NameFault {
    /// There is none.
    #[error("a name is empty")]
    Empty,
    /// Longer than [`LONGEST`].
    #[error("a name is longer than 255 bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("a name is not UTF-8")]
    NotText,
    /// `.` or `..`.
    #[error("a name leads elsewhere")]
    Relative,
    /// Contains `/`, `\` or NUL.
    #[error("a name contains a separator")]
    Separator,
    /// Contains control characters, or ones that cannot be seen.
    #[error("a name contains control or invisible characters")]
    Invisible,
    /// A spelling of `.git` on some file system.
    #[error("a name is a spelling of .git")]
    DotGit,
    /// Differs from another one only by case.
    #[error("a name differs from its neighbour by nothing or only by case")]
    Twin,
}

/// Whether a character takes no place or changes the direction of others.
pub(crate) const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// The name as text, if it is one that may be written.
///
/// # Errors
/// [`NameFault`], but [`NameFault::Twin`]: that takes [`Neighbours`].
pub fn check(name: &[u8]) -> Result<&str, NameFault> {
    if name.is_empty() {
        return Err(NameFault::Empty);
    }
    if name.len() > LONGEST {
        return Err(NameFault::TooLong);
    }
    let name = std::str::from_utf8(name).map_err(|_| NameFault::NotText)?;
    if name == "." || name == ".." {
        return Err(NameFault::Relative);
    }
    if name.contains(['/', '\\', '\0']) {
        return Err(NameFault::Separator);
    }
    if name.chars().any(|character| character.is_control() || is_invisible(character)) {
        return Err(NameFault::Invisible);
    }
    // NTFS drops dots and spaces at the end, has 8.3 names, and ends names at a colon.
    let plain = name.split(':').next().unwrap_or(name).trim_end_matches(['.', ' ']);
    if plain.eq_ignore_ascii_case(".git") || plain.eq_ignore_ascii_case("git~1") {
        return Err(NameFault::DotGit);
    }
    Ok(name)
}

/// The names of one directory so far.
#[derive(Debug, Default)]
pub struct Neighbours(BTreeSet<String>);

impl Neighbours {
    /// Adds a name that was checked.
    ///
    /// # Errors
    /// [`NameFault::Twin`] when a file system that ignores case could not tell it from another.
    pub fn add(&mut self, name: &str) -> Result<(), NameFault> {
        // Lower case of upper case: folds what has several lower forms, such as ς and σ.
        let folded = name.to_uppercase().to_lowercase();
        if self.0.insert(folded) { Ok(()) } else { Err(NameFault::Twin) }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_leave_hide_or_deceive_are_refused() {
        for (name, fault) in [
            (&b""[..], NameFault::Empty),
            (b"..", NameFault::Relative),
            (b".", NameFault::Relative),
            (b"a/b", NameFault::Separator),
            (b"a\\b", NameFault::Separator),
            (b"a\0b", NameFault::Separator),
            (b"a\nb", NameFault::Invisible),
            (b"a\x7fb", NameFault::Invisible),
            ("image\u{202e}lmy.yml".as_bytes(), NameFault::Invisible),
            (".g\u{200c}it".as_bytes(), NameFault::Invisible),
            (b".GiT", NameFault::DotGit),
            (b".git . .", NameFault::DotGit),
            (b".git::$INDEX_ALLOCATION", NameFault::DotGit),
            (b"GIT~1", NameFault::DotGit),
            (b"\xff\xfe", NameFault::NotText),
            (&[b'a'; 256], NameFault::TooLong),
        ] {
            assert_eq!(check(name), Err(fault), "{}", String::from_utf8_lossy(name));
        }
        for name in [".gitignore", ".github", "...", "größe.yml", "a b", "-rf", "~", "日本"] {
            assert_eq!(check(name.as_bytes()), Ok(name));
        }
    }

    #[test]
    fn names_that_differ_only_by_case_are_twins() {
        let mut neighbours = Neighbours::default();
        assert_eq!(neighbours.add("Images"), Ok(()));
        assert_eq!(neighbours.add("images.yml"), Ok(()));
        assert_eq!(neighbours.add("images"), Err(NameFault::Twin));
        assert_eq!(neighbours.add("Straße"), Ok(()));
        assert_eq!(neighbours.add("STRASSE"), Err(NameFault::Twin));
        assert_eq!(neighbours.add("ΣΑΣ"), Ok(()));
        assert_eq!(neighbours.add("σας"), Err(NameFault::Twin));
    }

    proptest! {
        #[test]
        fn a_name_that_passes_is_one_step_down_and_nothing_else(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..12),
                "[./\\\\:a-z~ GIT1\u{200b}\n]{0,8}".prop_map(String::into_bytes),
                any::<String>().prop_map(String::into_bytes),
            ]
        ) {
            if let Ok(name) = check(&bytes) {
                prop_assert_eq!(name.as_bytes(), &bytes[..]);
                let mut components = Path::new(name).components();
                prop_assert_eq!(components.next(), Some(Component::Normal(name.as_ref())));
                prop_assert_eq!(components.next(), None);
                prop_assert!(!name.chars().any(char::is_control));
                prop_assert!(!name.to_lowercase().starts_with(".git:"));
                prop_assert_ne!(name.to_lowercase(), ".git");
            }
        }
    }
}
