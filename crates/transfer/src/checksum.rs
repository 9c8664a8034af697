//! Checksums as they are declared, and hashes as they are computed.
//!
//! SHA-1 and SHA-2 are those of `ring`, the fastest in the tree (they use the instructions that
//! processors have for them); MD5, which only old manifests use, is that of `md-5`.

use std::fmt;
use std::str::FromStr;

use md5::Digest as _;
use ring::digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A hash function, of those that checksums of files are made with.
#[derive(
    Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// MD5, 128 bits. Broken: notices accidents, not attacks.
    Md5,
    /// SHA-1, 160 bits. Broken: notices accidents, not attacks.
    Sha1,
    /// SHA-2 with 256 bits.
    Sha256,
    /// SHA-2 with 512 bits; what Glance keeps as `os_hash_value` by default.
    Sha512,
}

impl Algorithm {
    /// All of them, weakest first.
    pub const ALL: [Self; 4] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512];

    /// Length of a digest in hexadecimal digits.
    pub const fn digits(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha1 => 40,
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }

    /// As it is written in front of a checksum, and as Glance names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The algorithm whose digests are that long, in hexadecimal digits.
    pub fn of_length(digits: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.digits() == digits)
    }

    /// The algorithm that goes by this name, with or without dash, in any case.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase().replace('-', "");
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What content must be, or is: `sha256:e3b0…`.
#[derive(Clone, Eq, PartialEq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Checksum {
    algorithm: Algorithm,
    digits: Box<str>,
}

impl Checksum {
    /// A checksum by this algorithm, if the digits are of its form.
    pub fn new(algorithm: Algorithm, digits: &str) -> Option<Self> {
        let fits = digits.len() == algorithm.digits() && are_digits(digits);
        fits.then(|| Self { algorithm, digits: digits.to_ascii_lowercase().into() })
    }

    /// A checksum whose length tells the algorithm.
    pub fn bare(digits: &str) -> Option<Self> {
        Self::new(Algorithm::of_length(digits.len())?, digits)
    }

    /// The checksum of bytes that are all there.
    pub fn of(algorithm: Algorithm, content: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(content);
        hasher.finish()
    }

    /// The hash function.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The digest in lower-case hexadecimal digits.
    pub fn digits(&self) -> &str {
        &self.digits
    }

    fn computed(algorithm: Algorithm, digest: &[u8]) -> Self {
        Self { algorithm, digits: hex::encode(digest).into() }
    }
}

fn are_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.digits)
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({self})")
    }
}

impl From<Checksum> for String {
    fn from(checksum: Checksum) -> Self {
        checksum.to_string()
    }
}

/// Why a text is no checksum.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Malformed {
    /// The algorithm before the colon is not known.
    #[error("\"{0}\" is not a known checksum algorithm")]
    Algorithm(String),
    /// There are other characters than hexadecimal digits, or none.
    #[error("a checksum consists of hexadecimal digits")]
    Digits,
    /// The algorithm has another number of digits.
    #[error("a {algorithm} checksum has {wanted} hexadecimal digits, not {found}")]
    Length {
        /// The algorithm, or `bare`.
        algorithm: &'static str,
        /// Digits it has.
        wanted: &'static str,
        /// Digits that are there.
        found: usize,
    },
}

impl FromStr for Checksum {
    type Err = Malformed;

    /// Reads `ALGORITHM:DIGITS`, or bare digits whose number tells the algorithm.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (name, digits) = match text.trim().split_once(':') {
            Some((name, digits)) => (Some(name), digits.trim()),
            None => (None, text.trim()),
        };
        if digits.is_empty() || !are_digits(digits) {
            return Err(Malformed::Digits);
        }
        let found = digits.len();
        let algorithm = match name {
            Some(name) => Algorithm::named(name)
                .ok_or_else(|| Malformed::Algorithm(name.chars().take(40).collect()))?,
            None => Algorithm::of_length(found).ok_or(Malformed::Length {
                algorithm: "bare",
                wanted: "32, 40, 64 or 128",
                found,
            })?,
        };
        Self::new(algorithm, digits).ok_or_else(|| {
            let wanted = match algorithm {
                Algorithm::Md5 => "32",
                Algorithm::Sha1 => "40",
                Algorithm::Sha256 => "64",
                Algorithm::Sha512 => "128",
            };
            Malformed::Length { algorithm: algorithm.as_str(), wanted, found }
        })
    }
}

impl TryFrom<String> for Checksum {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

/// One hash at work.
#[derive(Clone)]
pub(crate) enum Hasher {
    Md5(md5::Md5),
    Ring(Algorithm, digest::Context),
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let ring = match algorithm {
            Algorithm::Md5 => return Self::Md5(md5::Md5::new()),
            Algorithm::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Algorithm::Sha256 => &digest::SHA256,
            Algorithm::Sha512 => &digest::SHA512,
        };
        Self::Ring(algorithm, digest::Context::new(ring))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(hasher) => hasher.update(bytes),
            Self::Ring(_, context) => context.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Checksum {
        match self {
            Self::Md5(hasher) => Checksum::computed(Algorithm::Md5, &hasher.finalize()),
            Self::Ring(algorithm, context) => {
                Checksum::computed(algorithm, context.finish().as_ref())
            }
        }
    }
}

/// Several hashes of the same bytes.
#[derive(Clone, Default)]
pub struct Hashers(Vec<Hasher>);

impl fmt::Debug for Hashers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hashers({})", self.0.len())
    }
}

impl Hashers {
    /// One for each algorithm.
    pub fn new(algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        Self(algorithms.into_iter().map(Hasher::new).collect())
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for hasher in &mut self.0 {
            hasher.update(bytes);
        }
    }

    /// What came of them.
    pub fn finish(self) -> Digests {
        Digests(self.0.into_iter().map(Hasher::finish).collect())
    }
}

/// What was computed over some content, by one or several algorithms.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digests(Vec<Checksum>);

impl Digests {
    pub(crate) fn add(&mut self, checksum: Checksum) {
        self.0.push(checksum);
    }

    /// The digest by this algorithm, if it was computed.
    pub fn get(&self, algorithm: Algorithm) -> Option<&Checksum> {
        self.0.iter().find(|checksum| checksum.algorithm == algorithm)
    }

    /// Whether the content has this checksum. Not so, either, when it was not computed.
    pub fn have(&self, expected: &Checksum) -> bool {
        self.get(expected.algorithm) == Some(expected)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Checksum> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_algorithms_give_the_digests_of_their_standards() {
        // Of "abc": RFC 1321, FIPS 180-4.
        for expected in [
            "md5:900150983cd24fb0d6963f7d28e17f72",
            "sha1:a9993e364706816aba3e25717850c26c9cd0d89d",
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ] {
            let expected: Checksum = expected.parse().unwrap();
            assert_eq!(Checksum::of(expected.algorithm(), b"abc"), expected);
        }
    }

    #[test]
    fn checksums_are_read_with_and_without_their_algorithm() {
        for algorithm in Algorithm::ALL {
            let checksum = Checksum::of(algorithm, b"x");
            assert_eq!(checksum.digits().to_uppercase().parse(), Ok(checksum.clone()));
            assert_eq!(checksum.to_string().to_uppercase().parse(), Ok(checksum));
        }
        let digits = "a".repeat(64);
        assert_eq!(format!(" SHA-256: {digits}\n").parse(), Ok(Checksum::bare(&digits).unwrap()));
    }

    #[test]
    fn what_is_no_checksum_says_why() {
        let long = format!("md5:{}", "a".repeat(64));
        for (text, reason) in [
            ("", "a checksum consists of hexadecimal digits"),
            ("xyz", "a checksum consists of hexadecimal digits"),
            ("sha256:", "a checksum consists of hexadecimal digits"),
            ("md5:zz", "a checksum consists of hexadecimal digits"),
            ("sha999:00", "\"sha999\" is not a known checksum algorithm"),
            ("sha512:00ff", "a sha512 checksum has 128 hexadecimal digits, not 4"),
            (&long, "a md5 checksum has 32 hexadecimal digits, not 64"),
            ("00ff", "a bare checksum has 32, 40, 64 or 128 hexadecimal digits, not 4"),
        ] {
            assert_eq!(text.parse::<Checksum>().unwrap_err().to_string(), reason, "{text}");
        }
    }
}
