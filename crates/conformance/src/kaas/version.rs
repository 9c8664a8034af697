//! Versions of Kubernetes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A release, for example 1.34.2.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    /// The branch.
    pub branch: Branch,
    /// The number of the patch.
    pub patch: u32,
}

/// A minor version, for example 1.34.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Branch {
    /// 1, for the foreseeable future.
    pub major: u32,
    /// The number of the minor version.
    pub minor: u32,
}

/// Text that is no version.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("\"{written}\" is no version of Kubernetes")]
pub struct NoVersion {
    written: String,
}

impl Version {
    /// A version of these three numbers.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { branch: Branch { major, minor }, patch }
    }

    /// Reads what a cluster says of itself: blanks around it, a `v` before it and a build after `+` do
    /// not count.
    pub fn parse(written: &str) -> Option<Self> {
        let bare = written.trim();
        let bare = bare.strip_prefix('v').unwrap_or(bare);
        let bare = bare.split_once('+').map_or(bare, |(version, _)| version);
        let mut numbers = bare.split('.').map(number);
        let version = Self::new(numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(version)
    }

    /// Reads a version of a vendor, too (`v1.34.1-gke.200`), and says whether it is not yet a release
    /// (`v1.35.0-rc.1`).
    pub fn parse_vendored(written: &str) -> Option<(Self, bool)> {
        let (version, suffix) = written.split_once('-').unwrap_or((written, ""));
        let early = ["alpha", "beta", "rc"].iter().any(|word| suffix.starts_with(word));
        Some((Self::parse(version)?, early))
    }
}

fn number(digits: &str) -> Option<u32> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.branch, self.patch)
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Version {
    type Err = NoVersion;

    fn from_str(written: &str) -> Result<Self, NoVersion> {
        Self::parse(written).ok_or_else(|| NoVersion { written: written.to_owned() })
    }
}

impl FromStr for Branch {
    type Err = NoVersion;

    fn from_str(written: &str) -> Result<Self, NoVersion> {
        let numbers = written.split_once('.');
        numbers
            .and_then(|(major, minor)| Some(Self { major: number(major)?, minor: number(minor)? }))
            .ok_or_else(|| NoVersion { written: written.to_owned() })
    }
}

impl TryFrom<String> for Version {
    type Error = NoVersion;

    fn try_from(written: String) -> Result<Self, NoVersion> {
        written.parse()
    }
}

impl TryFrom<String> for Branch {
    type Error = NoVersion;

    fn try_from(written: String) -> Result<Self, NoVersion> {
        written.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl From<Branch> for String {
    fn from(branch: Branch) -> Self {
        branch.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_three_numbers_and_nothing_else() {
        for written in ["1.34.2", "v1.34.2", " v1.34.2+k3s1\n", "1.34.2+"] {
            assert_eq!(Version::parse(written), Some(Version::new(1, 34, 2)), "{written}");
        }
        for written in [
            "",
            "v",
            "1.34",
            "1.34.2.3",
            "1.34.x",
            "1.34.2-gke.1",
            "1.+34.2",
            "1..2",
            "1.34.99999999999",
        ] {
            assert_eq!(Version::parse(written), None, "{written}");
        }
    }

    #[test]
    fn versions_of_vendors_are_told_from_those_that_are_no_release_yet() {
        let read = Version::parse_vendored;
        assert_eq!(read("v1.34.1-gke.200"), Some((Version::new(1, 34, 1), false)));
        assert_eq!(read("v1.35.0-rc.1"), Some((Version::new(1, 35, 0), true)));
        assert_eq!(read("v1.34.1"), Some((Version::new(1, 34, 1), false)));
        assert_eq!(read("latest-1"), None);
    }

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        assert!(Version::new(1, 9, 9) < Version::new(1, 10, 0));
        assert!(Version::new(1, 34, 9) < Version::new(1, 34, 10));
        assert_eq!("1.34".parse::<Branch>().unwrap().to_string(), "1.34");
        assert!("1.34.1".parse::<Branch>().is_err());
    }
}
