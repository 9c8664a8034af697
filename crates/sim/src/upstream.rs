//! The simulated internet that `web-download` imports download from.
//!
//! No bytes are kept. A URL is either declared (size and checksums are given, as the publisher of an
//! image publishes them), marked unreachable, or unknown: then it serves content derived from the
//! URL, the same every time, a small qcow2 file where the name says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::ids::mix;

/// What a declared URL serves. What is left out is made up from the URL, the same every time.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpstreamFile {
    /// Size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// MD5 in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// SHA-256 in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// SHA-512 in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha512: Option<String>,
    /// Virtual size in bytes of the disk image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_size: Option<u64>,
}

impl UpstreamFile {
    /// A file with this checksum, written as in image definitions: `sha512:…`, `sha256:…`, `md5:…`
    /// or bare hexadecimal digits, told apart by their number. Other algorithms are ignored.
    pub fn with_checksum(checksum: &str) -> Self {
        let (algorithm, digest) = checksum.split_once(':').unwrap_or(("", checksum));
        let digest = Some(digest.trim().to_ascii_lowercase());
        let length = digest.as_ref().map_or(0, String::len);
        match (algorithm.trim(), length) {
            ("sha512", _) | ("", 128) => Self { sha512: digest, ..Self::default() },
            ("sha256", _) | ("", 64) => Self { sha256: digest, ..Self::default() },
            ("md5", _) | ("", 32) => Self { md5: digest, ..Self::default() },
            _ => Self::default(),
        }
    }

    /// The same with this size in bytes.
    #[must_use]
    pub const fn sized(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// The same with this virtual size in bytes.
    #[must_use]
    pub const fn virtual_sized(mut self, virtual_size: u64) -> Self {
        self.virtual_size = Some(virtual_size);
        self
    }
}

#[derive(Clone, Debug)]
enum Entry {
    Declared(UpstreamFile),
    Unreachable,
}

/// What a download of a URL yields.
#[derive(Debug)]
pub(crate) enum Download {
    /// A declared file: facts without bytes.
    Declared(UpstreamFile),
    /// Made-up bytes.
    Derived(Vec<u8>),
    /// Nothing answers there.
    Unreachable,
}

/// The table of URLs.
#[derive(Debug, Default)]
pub struct Upstream(Mutex<BTreeMap<String, Entry>>);

impl Upstream {
    /// From now on `url` serves this file.
    pub fn declare(&self, url: impl Into<String>, file: UpstreamFile) {
        self.set(url.into(), Entry::Declared(file));
    }

    /// From now on nothing answers at `url`.
    pub fn unreachable(&self, url: impl Into<String>) {
        self.set(url.into(), Entry::Unreachable);
    }

    /// From now on `url` serves derived content again.
    pub fn forget(&self, url: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(url);
    }

    /// All declared files by URL.
    pub(crate) fn declared(&self) -> BTreeMap<String, UpstreamFile> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let declared = entries.iter().filter_map(|(url, entry)| match entry {
            Entry::Declared(file) => Some((url.clone(), file.clone())),
            Entry::Unreachable => None,
        });
        declared.collect()
    }

    /// All URLs where nothing answers.
    pub(crate) fn unreachables(&self) -> BTreeSet<String> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = entries.iter().filter(|(_, entry)| matches!(entry, Entry::Unreachable));
        gone.map(|(url, _)| url.clone()).collect()
    }

    fn set(&self, url: String, entry: Entry) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(url, entry);
    }

    pub(crate) fn download(&self, url: &str) -> Download {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned();
        match known {
            Some(Entry::Declared(file)) => Download::Declared(file),
            Some(Entry::Unreachable) => Download::Unreachable,
            None => Download::Derived(derive(url)),
        }
    }
}

/// A number that depends on the text alone (FNV-1a, mixed).
pub(crate) fn fingerprint(text: impl AsRef<[u8]>) -> u64 {
    let hash = text.as_ref().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(hash)
}

/// 64 to 128 KiB that depend on the URL alone; a valid qcow2 header first where the name says so.
fn derive(url: &str) -> Vec<u8> {
    let seed = fingerprint(url);
    let length = usize::try_from(65_536 + seed % 65_536).unwrap_or(65_536);
    let mut bytes = Vec::with_capacity(length + 8);
    if looks_like_qcow2(url) {
        bytes.extend_from_slice(&qcow2_header((2 + seed % 8) << 30));
    }
    let mut counter = seed;
    while bytes.len() < length {
        counter = counter.wrapping_add(1);
        bytes.extend_from_slice(&mix(counter).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn looks_like_qcow2(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    std::path::Path::new(path)
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("qcow2") || end.eq_ignore_ascii_case("img"))
}

/// A version 3 qcow2 header (104 bytes) without backing file.
pub(crate) fn qcow2_header(virtual_size: u64) -> Vec<u8> {
    let mut header = vec![0_u8; 104];
    header[0..4].copy_from_slice(b"QFI\xfb");
    header[4..8].copy_from_slice(&3_u32.to_be_bytes());
    header[20..24].copy_from_slice(&16_u32.to_be_bytes());
    header[24..32].copy_from_slice(&virtual_size.to_be_bytes());
    header[96..100].copy_from_slice(&4_u32.to_be_bytes());
    header[100..104].copy_from_slice(&104_u32.to_be_bytes());
    header
}
