//! The header: what the image is, and what it wants.

use serde::Serialize;

use super::{Fault, ReadAt};

const MAGIC: &[u8] = b"QFI\xfb";
/// Bytes of the header of version 2; all versions have these.
const SHORT: usize = 72;
/// Bytes of the smallest header of version 3.
const LONG: usize = 104;
/// Extensions end within the first cluster; the largest cluster is 2 MiB, and no honest image needs it.
const MOST_READ: usize = 64 << 10;
/// The longest name of another file.
const MOST_NAME: u32 = 1023;
/// The largest table of tables, as QEMU limits it.
const MOST_L1_BYTES: u64 = 32 << 20;
/// Bytes of a sector, by which compressed data is measured.
const SECTOR: u64 = 512;

const DIRTY: u64 = 1;
const CORRUPT: u64 = 1 << 1;
const DATA_FILE: u64 = 1 << 2;
const COMPRESSION: u64 = 1 << 3;
const EXTENDED_L2: u64 = 1 << 4;
const KNOWN: u64 = DIRTY | CORRUPT | DATA_FILE | COMPRESSION | EXTENDED_L2;

/// Extensions of the header that are of interest.
const END: u32 = 0;
const FEATURE_NAMES: u32 = 0x6803_f857;
const DATA_FILE_NAME: u32 = 0x4441_5441;

/// How clusters are compressed, where they are.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Deflate, without a header.
    Deflate,
    /// Zstandard.
    Zstd,
}

/// What the header says.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Header {
    /// 2 or 3.
    pub version: u32,
    /// Bytes of the disk that the image is of.
    pub virtual_size: u64,
    /// Bytes of a cluster.
    pub cluster_size: u64,
    /// The name of the backing file.
    pub backing_file: Option<String>,
    /// Whether the content is in another file, and its name, which may be missing.
    pub data_file: Option<Option<String>>,
    /// 0: not encrypted, 1: AES, 2: LUKS.
    pub encryption: u32,
    /// Whether it was not closed in order. Its reference counts may be wrong; its content is right.
    pub dirty: bool,
    /// Whether who wrote it found it damaged.
    pub corrupt: bool,
    /// Snapshots in it.
    pub snapshots: u32,
    /// How its compressed clusters are compressed.
    pub compression: Compression,
    /// Features that are needed and not understood.
    pub unknown_features: Vec<String>,
    #[serde(skip)]
    pub(super) extended_l2: bool,
    #[serde(skip)]
    pub(super) cluster_bits: u32,
    #[serde(skip)]
    pub(super) l1_at: u64,
    #[serde(skip)]
    pub(super) l1_entries: u64,
}

/// Numbers in the order of networks, at fixed places.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn u32(&self, at: usize) -> Option<u32> {
        Some(u32::from_be_bytes(self.0.get(at..at.checked_add(4)?)?.try_into().ok()?))
    }

    fn u64(&self, at: usize) -> Option<u64> {
        Some(u64::from_be_bytes(self.0.get(at..at.checked_add(8)?)?.try_into().ok()?))
    }
}

impl Header {
    /// Reads the header.
    ///
    /// # Errors
    /// [`Fault`], for what cannot be an image. Whether an image may be used says [`Header::check`].
    pub fn read(image: &(impl ReadAt + ?Sized)) -> Result<Self, Fault> {
        let mut bytes = vec![0; MOST_READ];
        let read = image.read_at(&mut bytes, 0).map_err(|source| Fault::Read { source })?;
        bytes.truncate(read);
        if !bytes.starts_with(MAGIC) {
            return Err(Fault::NotQcow2);
        }
        let short = Fault::Header { what: "it is cut off" };
        let mut header = Self::parse(&bytes).ok_or(short)??;
        header.backing_file = backing_file(image, &Fields(&bytes))?;
        Ok(header)
    }

    /// The fixed fields and the extensions. `None` where the bytes end too early.
    fn parse(bytes: &[u8]) -> Option<Result<Self, Fault>> {
        let fields = Fields(bytes);
        let version = fields.u32(4)?;
        if !matches!(version, 2 | 3) {
            return Some(Err(Fault::Version { version }));
        }
        let (mut features, mut length, mut compression) = (0, SHORT, 0);
        if version == 3 {
            features = fields.u64(72)?;
            length = usize::try_from(fields.u32(100)?).ok()?;
            if length < LONG || !length.is_multiple_of(8) {
                return Some(Err(Fault::Header { what: "its length is impossible" }));
            }
            if length > LONG {
                compression = *bytes.get(LONG)?;
            }
        }
        let extensions = extensions(bytes, length);
        let data_file = (features & DATA_FILE != 0).then(|| {
            let name = extensions.iter().find(|(kind, _)| *kind == DATA_FILE_NAME);
            name.map(|(_, name)| shown(name))
        });
        let names = extensions.iter().find(|(kind, _)| *kind == FEATURE_NAMES);
        let names = names.map_or(&[][..], |(_, table)| table);
        let mut unknown_features = unknown_features(features, names);
        let compression = match compression {
            0 => Compression::Deflate,
            1 if features & COMPRESSION != 0 => Compression::Zstd,
            other => {
                unknown_features.push(format!("compression type {other}"));
                Compression::Deflate
            }
        };
        let cluster_bits = fields.u32(20)?;
        let header = Self {
            version,
            virtual_size: fields.u64(24)?,
            cluster_size: 1_u64.checked_shl(cluster_bits).unwrap_or(0),
            backing_file: None,
            data_file,
            encryption: fields.u32(32)?,
            dirty: features & DIRTY != 0,
            corrupt: features & CORRUPT != 0,
            snapshots: fields.u32(60)?,
            compression,
            unknown_features,
            extended_l2: features & EXTENDED_L2 != 0,
            cluster_bits,
            l1_at: fields.u64(40)?,
            l1_entries: u64::from(fields.u32(36)?),
        };
        Some(header.sound().map(|()| header))
    }

    /// Refuses sizes that cannot be.
    fn sound(&self) -> Result<(), Fault> {
        let wrong = |what| Err(Fault::Header { what });
        let smallest = if self.extended_l2 { 14 } else { 9 };
        if !(smallest..=21).contains(&self.cluster_bits) {
            return wrong("the size of its clusters is impossible");
        }
        if self.l1_entries * 8 > MOST_L1_BYTES {
            return wrong("its table of tables is too large");
        }
        if !self.l1_at.is_multiple_of(SECTOR) {
            return wrong("its table of tables is not where it can be");
        }
        let covered = u128::from(self.l1_entries) * u128::from(self.per_l2_table());
        if covered < u128::from(self.virtual_size) {
            return wrong("its table of tables is smaller than its disk");
        }
        Ok(())
    }

    /// Bytes of the disk that one table covers.
    pub(super) const fn per_l2_table(&self) -> u64 {
        self.l2_entries() * self.cluster_size
    }

    /// Entries of a table.
    pub(super) const fn l2_entries(&self) -> u64 {
        self.cluster_size / if self.extended_l2 { 16 } else { 8 }
    }

    /// Refuses an image that names other files, that is encrypted, damaged or not understood.
    ///
    /// # Errors
    /// [`Fault`], which says the reason.
    pub fn check(&self) -> Result<(), Fault> {
        if let Some(name) = &self.backing_file {
            return Err(Fault::BackingFile { name: name.clone() });
        }
        if let Some(name) = &self.data_file {
            return Err(Fault::DataFile { name: name.clone() });
        }
        if !self.unknown_features.is_empty() {
            return Err(Fault::Features { names: self.unknown_features.join(", ") });
        }
        if self.encryption != 0 {
            return Err(Fault::Encrypted);
        }
        if self.corrupt {
            return Err(Fault::Corrupt);
        }
        Ok(())
    }

    /// The disk in whole GiB, as a `min_disk` needs it: rounded up.
    pub const fn min_disk(&self) -> u64 {
        self.virtual_size.div_ceil(1 << 30)
    }
}

fn backing_file(
    image: &(impl ReadAt + ?Sized),
    fields: &Fields<'_>,
) -> Result<Option<String>, Fault> {
    let wrong = |what| Fault::Header { what };
    let at = fields.u64(8).ok_or(wrong("it is cut off"))?;
    let length = fields.u32(16).ok_or(wrong("it is cut off"))?;
    if at == 0 {
        return Ok(None);
    }
    // Whatever it is called: that it has one is what matters.
    let mut name = vec![0; usize::try_from(length.min(MOST_NAME)).unwrap_or(0)];
    let read = image.read_at(&mut name, at).map_err(|source| Fault::Read { source })?;
    Ok(Some(shown(&name[..read])))
}

/// The extensions, as far as they can be read.
fn extensions(bytes: &[u8], mut at: usize) -> Vec<(u32, &[u8])> {
    let fields = Fields(bytes);
    let mut found = Vec::new();
    while let (Some(kind), Some(length)) = (fields.u32(at), fields.u32(at.saturating_add(4))) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let start = at + 8;
        let Some(data) = start.checked_add(length).and_then(|end| bytes.get(start..end)) else {
            break;
        };
        if kind == END {
            break;
        }
        found.push((kind, data));
        at = start + length.next_multiple_of(8);
    }
    found
}

/// Needed features without a meaning to us, by the names that the image itself gives them.
fn unknown_features(features: u64, names: &[u8]) -> Vec<String> {
    let name = |bit: u32| {
        let mut entries = names.chunks_exact(48);
        // Kind 0 are those that are needed.
        let entry = entries.find(|entry| entry[0] == 0 && u32::from(entry[1]) == bit);
        entry.map_or_else(|| format!("bit {bit}"), |entry| shown(&entry[2..]))
    };
    (0..64).filter(|bit| features & !KNOWN & (1 << bit) != 0).map(name).collect()
}

/// Bytes of an image as text that harms no terminal.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end_matches('\0');
    text.chars().map(|c| if c.is_control() { '�' } else { c }).take(200).collect()
}
