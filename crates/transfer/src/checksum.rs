//! Checksums as they are declared, and hashes as they are computed.
//!
//! SHA-1 and SHA-2 are those of `ring`, the fastest in the tree (they use the instructions that
//! processors have for them); MD5, which only old manifests use, is that of `md-5`.

use std::fmt;
use std::str::FromStr;

use md5::Digest as _;
use ring::digest;
use serde::{Deserialize, Serialize};

/// A hash function.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// Broken: notices accidents, not attacks.
    Md5,
    /// Broken: notices accidents, not attacks.
    Sha1,
    /// SHA-2 with 256 bits.
    Sha256,
    /// SHA-2 with 512 bits; what Glance keeps as `os_hash_value` by default.
    Sha512,
}

impl Algorithm {
    /// All of them, weakest first.
    pub const ALL: [Self; 4] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512];

    /// Length of a digest in bytes.
    pub const fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// As it is written in front of a checksum.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What content must be, or is: `sha256:e3b0…`.
#[derive(Clone, Eq, PartialEq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Checksum {
    algorithm: Algorithm,
    digest: Vec<u8>,
}

impl Checksum {
    /// The hash function.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The digest in lower-case hexadecimal digits.
    pub fn hex(&self) -> String {
        hex::encode(&self.digest)
    }

    /// The checksum of bytes that are all there.
    pub fn of(algorithm: Algorithm, content: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(content);
        hasher.finish()
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.hex())
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

/// Text that is no checksum.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("\"{text}\" is not a checksum: {reason}")]
pub struct Malformed {
    text: String,
    reason: &'static str,
}

impl FromStr for Checksum {
    type Err = Malformed;

    /// Reads `ALGORITHM:HEX`, or bare digits whose number says the algorithm.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let wrong = |reason| Malformed { text: text.chars().take(150).collect(), reason };
        let (name, digits) = match text.trim().split_once(':') {
            Some((name, digits)) => (Some(name), digits.trim()),
            None => (None, text.trim()),
        };
        let digest = hex::decode(digits).map_err(|_| wrong("write hexadecimal digits"))?;
        let algorithm = Algorithm::ALL.into_iter().find(|algorithm| match name {
            Some(name) => name.eq_ignore_ascii_case(algorithm.name()),
            None => algorithm.length() == digest.len(),
        });
        let algorithm =
            algorithm.ok_or_else(|| wrong("md5, sha1, sha256 and sha512 are understood"))?;
        if digest.len() != algorithm.length() {
            return Err(wrong("the number of digits is not that of the algorithm"));
        }
        Ok(Self { algorithm, digest })
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
            Self::Md5(hasher) => {
                Checksum { algorithm: Algorithm::Md5, digest: hasher.finalize().to_vec() }
            }
            Self::Ring(algorithm, context) => {
                Checksum { algorithm, digest: context.finish().as_ref().to_vec() }
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
    fn bare_digits_say_their_algorithm_by_their_number() {
        for algorithm in Algorithm::ALL {
            let checksum = Checksum::of(algorithm, b"x");
            assert_eq!(checksum.hex().to_uppercase().parse(), Ok(checksum));
        }
    }

    #[test]
    fn what_is_no_checksum_says_why() {
        for (text, reason) in [
            ("sha256:xyz", "hexadecimal"),
            ("sha3:00", "understood"),
            ("md5:00", "number of digits"),
            ("", "understood"),
        ] {
            let error = text.parse::<Checksum>().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
