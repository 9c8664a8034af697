//! Bytes reduced to what Glance remembers of them: size, hashes, virtual size.

use bytes::{Bytes, BytesMut};
use md5::Md5;
use sha2::{Digest, Sha512};

use crate::ids::mix;
use crate::upstream::{UpstreamFile, fingerprint};

/// How many first bytes are kept to look at the format.
const HEAD: usize = 512;

/// The data of an image.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    pub(crate) size: u64,
    /// In hexadecimal.
    pub(crate) md5: String,
    /// In hexadecimal.
    pub(crate) sha512: String,
    /// The bytes, if they are few enough to be kept.
    pub(crate) bytes: Option<Bytes>,
    /// The first bytes, empty if there never were any.
    head: Bytes,
    /// The virtual size if it is known without looking at bytes.
    declared_virtual: Option<u64>,
}

impl Payload {
    /// The virtual size of the disk if the bytes are in this format.
    pub(crate) fn virtual_size_as(&self, format: Option<&str>) -> Option<u64> {
        if self.declared_virtual.is_some() {
            return self.declared_virtual;
        }
        match format? {
            "raw" => Some(self.size),
            "qcow2" => qcow2_virtual_size(&self.head),
            _ => None,
        }
    }

    /// What is remembered of these bytes.
    pub(crate) fn of(bytes: &[u8], keep: u64) -> Self {
        let mut hasher = Hasher::new(keep);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The data of a declared file; hashes that were not declared are made up from the URL.
    pub(crate) fn declared(url: &str, file: &UpstreamFile) -> Self {
        let seed = fingerprint(url);
        let made_up = |words: u64| {
            let bytes: Vec<u8> =
                (0..words).flat_map(|n| mix(seed.wrapping_add(n)).to_be_bytes()).collect();
            hex::encode(bytes)
        };
        let virtual_size = file.virtual_size.unwrap_or((2 + seed % 8) << 30);
        Self {
            size: file.size.unwrap_or(256 << 20),
            md5: file.md5.clone().unwrap_or_else(|| made_up(2)),
            sha512: file.sha512.clone().unwrap_or_else(|| made_up(8)),
            bytes: None,
            head: Bytes::new(),
            declared_virtual: Some(virtual_size),
        }
    }
}

/// Makes a payload of bytes as they come.
#[derive(Debug)]
pub(crate) struct Hasher {
    md5: Md5,
    sha512: Sha512,
    size: u64,
    keep: u64,
    head: BytesMut,
    kept: Option<BytesMut>,
}

impl Hasher {
    /// Up to `keep` bytes are kept.
    pub(crate) fn new(keep: u64) -> Self {
        Self {
            md5: Md5::new(),
            sha512: Sha512::new(),
            size: 0,
            keep,
            head: BytesMut::new(),
            kept: Some(BytesMut::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.sha512.update(bytes);
        self.size += bytes.len() as u64;
        let missing = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(missing)]);
        if self.size > self.keep {
            self.kept = None;
        } else if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(bytes);
        }
    }

    /// How many bytes came so far.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn finish(self) -> Payload {
        Payload {
            size: self.size,
            md5: hex::encode(self.md5.finalize()),
            sha512: hex::encode(self.sha512.finalize()),
            bytes: self.kept.map(BytesMut::freeze),
            head: self.head.freeze(),
            declared_virtual: None,
        }
    }
}

/// The virtual size in a qcow2 header.
fn qcow2_virtual_size(head: &[u8]) -> Option<u64> {
    if !head.starts_with(b"QFI\xfb") {
        return None;
    }
    head.get(24..32).and_then(|field| field.try_into().ok()).map(u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::qcow2_header;

    #[test]
    fn the_virtual_size_of_a_qcow2_file_is_read_from_its_header() {
        let payload = Payload::of(&qcow2_header(10 << 20), 1000);
        assert_eq!(payload.virtual_size_as(Some("qcow2")), Some(10 << 20));
        assert_eq!(payload.virtual_size_as(Some("raw")), Some(104));
        assert_eq!(payload.virtual_size_as(None), None);
        assert_eq!(Payload::of(b"hello", 1000).virtual_size_as(Some("qcow2")), None);
    }

    #[test]
    fn bytes_beyond_the_limit_are_hashed_and_not_kept() {
        let payload = Payload::of(b"hello", 4);
        assert_eq!(payload.bytes, None);
        assert_eq!(payload.md5, "5d41402abc4b2a76b9719d911017c592");
        assert_eq!(payload.size, 5);
        assert_eq!(Payload::of(b"hello", 5).bytes.as_deref(), Some(&b"hello"[..]));
    }
}
