//! The content: table by table, cluster by cluster, in the order of the disk.

use std::fs::File;
use std::io::{Read as _, Write};

use bytes::Bytes;

use super::header::{Compression, Header};
use super::{Fault, ReadAt};
use crate::checksum::{Algorithm, Digests, Hashers};
use crate::download::Spooled;
use crate::error::Error;
use crate::flow::{Flow, Sink};

/// Bytes read at once where clusters follow each other in the file.
const MOST_RUN: u64 = 1 << 20;
/// Zeros, for what was never written.
static ZEROS: [u8; 256 << 10] = [0; 256 << 10];

/// Bits of an entry that say where something is.
const PLACE: u64 = 0x00ff_ffff_ffff_fe00;
const COMPRESSED: u64 = 1 << 62;
const ZERO: u64 = 1;
/// Parts of a cluster that an extended entry speaks of.
const SUBCLUSTERS: u64 = 32;

/// An image that may be used, and its content.
#[derive(Debug)]
pub struct Qcow2<R> {
    image: R,
    header: Header,
    length: u64,
}

/// Where some bytes of the disk come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Origin {
    Zero,
    At(u64),
    Compressed { at: u64, length: u64 },
}

/// Takes the bytes of the disk in order.
trait Disk {
    fn data(&mut self, bytes: &[u8]) -> Result<(), Error>;
    fn zeros(&mut self, length: u64) -> Result<(), Error>;
}

impl<R: ReadAt> Qcow2<R> {
    /// Opens an image whose disk has at most so many bytes.
    ///
    /// # Errors
    /// [`Fault`], when it cannot be read or must not be used.
    pub fn open(image: R, most_bytes: u64) -> Result<Self, Fault> {
        let header = Header::read(&image)?;
        header.check()?;
        if header.virtual_size > most_bytes {
            return Err(Fault::TooLarge { size: header.virtual_size, limit: most_bytes });
        }
        let length = image.length().map_err(|source| Fault::Read { source })?;
        Ok(Self { image, header, length })
    }

    /// What its header says.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Writes the disk. Blocks.
    ///
    /// # Errors
    /// [`Error::Qcow2`] for what is wrong with the image (`what`), [`Error::Consumer`].
    pub fn write_raw(&self, what: &str, output: &mut dyn Write) -> Result<(), Error> {
        self.walk(what, &mut Plain(output))
    }

    fn walk(&self, what: &str, disk: &mut impl Disk) -> Result<(), Error> {
        let failed = |source| Error::Qcow2 { what: what.to_owned(), source };
        let (size, per_table) = (self.header.virtual_size, self.header.per_l2_table());
        let mut buffer = Vec::new();
        for index in 0..size.div_ceil(per_table) {
            let start = index * per_table;
            let end = size.min(start.saturating_add(per_table));
            let Some(table) = self.table(index, start).map_err(failed)? else {
                disk.zeros(end - start)?;
                continue;
            };
            let mut at = start;
            while at < end {
                let (origin, length) = self.run(&table, at, end).map_err(failed)?;
                match origin {
                    Origin::Zero => disk.zeros(length)?,
                    origin => {
                        self.fill(&mut buffer, origin, length, at).map_err(failed)?;
                        disk.data(&buffer)?;
                    }
                }
                at += length;
            }
        }
        Ok(())
    }

    /// The table for a part of the disk; `None` where nothing was ever written.
    fn table(&self, index: u64, at: u64) -> Result<Option<Vec<u8>>, Fault> {
        let mut entry = [0; 8];
        self.exact(&mut entry, self.header.l1_at + index * 8, "the table of tables ends", at)?;
        let place = u64::from_be_bytes(entry) & PLACE;
        if place == 0 {
            return Ok(None);
        }
        if !place.is_multiple_of(self.header.cluster_size) {
            return Err(Fault::Damaged { what: "a table is not where it can be", at });
        }
        let mut table = vec![0; usize::try_from(self.header.cluster_size).unwrap_or(0)];
        self.exact(&mut table, place, "a table lies behind the end of the file", at)?;
        Ok(Some(table))
    }

    /// Where the bytes from `at` come from, and how many of them come from there in a row.
    fn run(&self, table: &[u8], at: u64, end: u64) -> Result<(Origin, u64), Fault> {
        let (origin, mut length) = self.origin(table, at)?;
        while at + length < end && length < MOST_RUN {
            let (next, more) = self.origin(table, at + length)?;
            let follows = match (origin, next) {
                (Origin::Zero, Origin::Zero) => true,
                (Origin::At(first), Origin::At(next)) => first.checked_add(length) == Some(next),
                _ => false,
            };
            if !follows {
                break;
            }
            length += more;
        }
        Ok((origin, length.min(end - at)))
    }

    /// Where one byte comes from, and how many of its cluster (or part of one) follow it.
    fn origin(&self, table: &[u8], at: u64) -> Result<(Origin, u64), Fault> {
        let header = &self.header;
        let index = (at / header.cluster_size) % header.l2_entries();
        let within = at % header.cluster_size;
        let left = header.cluster_size - within;
        let number = |place: u64| {
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            let bytes = table.get(place..place.saturating_add(8))?;
            Some(u64::from_be_bytes(bytes.try_into().ok()?))
        };
        let damaged = |what| Fault::Damaged { what, at };
        let width = if header.extended_l2 { 16 } else { 8 };
        let entry = number(index * width).ok_or_else(|| damaged("a table is too short"))?;
        if entry & COMPRESSED != 0 {
            return Ok((self.compressed(entry), left));
        }
        let place = entry & PLACE;
        if !place.is_multiple_of(header.cluster_size) {
            return Err(damaged("a cluster is not where it can be"));
        }
        if header.extended_l2 {
            let bits = number(index * width + 8).ok_or_else(|| damaged("a table is too short"))?;
            let part = header.cluster_size / SUBCLUSTERS;
            let allocated = bits & (1 << (within / part)) != 0;
            if allocated && place == 0 {
                return Err(damaged("a cluster that was written is nowhere"));
            }
            let origin = if allocated { Origin::At(place + within) } else { Origin::Zero };
            return Ok((origin, part - within % part));
        }
        let zero = place == 0 || (header.version >= 3 && entry & ZERO != 0);
        Ok((if zero { Origin::Zero } else { Origin::At(place + within) }, left))
    }

    /// The place and the most bytes of a compressed cluster.
    const fn compressed(&self, entry: u64) -> Origin {
        let split = 62 - (self.header.cluster_bits - 8);
        let at = entry & ((1 << split) - 1);
        let sectors = ((entry & (COMPRESSED - 1)) >> split) + 1;
        Origin::Compressed { at, length: sectors * 512 - at % 512 }
    }

    fn fill(
        &self,
        buffer: &mut Vec<u8>,
        origin: Origin,
        length: u64,
        at: u64,
    ) -> Result<(), Fault> {
        let length = usize::try_from(length).unwrap_or(0);
        buffer.clear();
        match origin {
            Origin::Zero => buffer.resize(length, 0),
            Origin::At(place) => {
                if place >= self.length {
                    let what = "a cluster lies behind the end of the file";
                    return Err(Fault::Damaged { what, at });
                }
                // The last cluster of a file may be shorter: what was not written is zero.
                buffer.resize(length, 0);
                self.image.read_at(buffer, place).map_err(|source| Fault::Read { source })?;
            }
            Origin::Compressed { at: place, length: most } => {
                let most = usize::try_from(most.min(self.length.saturating_sub(place)));
                let mut packed = vec![0; most.unwrap_or(0)];
                self.exact(&mut packed, place, "compressed data ends", at)?;
                let cluster = usize::try_from(self.header.cluster_size).unwrap_or(0);
                buffer.resize(cluster, 0);
                if !inflate(self.header.compression, &packed, buffer) {
                    return Err(Fault::Damaged { what: "compressed data is wrong", at });
                }
                buffer.truncate(length);
            }
        }
        Ok(())
    }

    fn exact(
        &self,
        buffer: &mut [u8],
        place: u64,
        what: &'static str,
        at: u64,
    ) -> Result<(), Fault> {
        let read = self.image.read_at(buffer, place).map_err(|source| Fault::Read { source })?;
        if read == buffer.len() { Ok(()) } else { Err(Fault::Damaged { what, at }) }
    }
}

impl Qcow2<File> {
    /// Opens a spooled image.
    ///
    /// # Errors
    /// [`Error::Qcow2`], [`Error::File`].
    pub fn spooled(spooled: &Spooled, most_bytes: u64) -> Result<Self, Error> {
        let what = spooled.path().display().to_string();
        Self::open(spooled.open()?, most_bytes).map_err(|source| Error::Qcow2 { what, source })
    }

    /// The disk as a stream of [`Header::virtual_size`] bytes, hashed on the way.
    pub fn raw(self, what: String, algorithms: Vec<Algorithm>) -> Flow<Digests> {
        Flow::of(what.clone(), move |sink| {
            let mut disk = Hashed { sink, hashers: Hashers::new(algorithms) };
            self.walk(&what, &mut disk)?;
            Ok(disk.hashers.finish())
        })
    }
}

/// Unpacks one cluster, which fills the buffer. What stands behind the data is not looked at.
fn inflate(compression: Compression, packed: &[u8], cluster: &mut [u8]) -> bool {
    match compression {
        Compression::Deflate => {
            flate2::read::DeflateDecoder::new(packed).read_exact(cluster).is_ok()
        }
        Compression::Zstd => zstd::stream::read::Decoder::with_buffer(packed)
            .is_ok_and(|decoder| decoder.single_frame().read_exact(cluster).is_ok()),
    }
}

struct Plain<'a>(&'a mut dyn Write);

impl Disk for Plain<'_> {
    fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.write_all(bytes).map_err(|source| Error::Consumer { source })
    }

    fn zeros(&mut self, length: u64) -> Result<(), Error> {
        each_zero_block(length, |block| self.data(block))
    }
}

struct Hashed<'a> {
    sink: &'a mut Sink,
    hashers: Hashers,
}

impl Disk for Hashed<'_> {
    fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hashers.update(bytes);
        self.sink.write_all(bytes).map_err(|source| Error::Consumer { source })
    }

    fn zeros(&mut self, length: u64) -> Result<(), Error> {
        each_zero_block(length, |block| {
            self.hashers.update(block);
            self.sink.pass(Bytes::from_static(block)).map_err(|source| Error::Consumer { source })
        })
    }
}

fn each_zero_block(
    mut length: u64,
    mut take: impl FnMut(&'static [u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    while length > 0 {
        let block = usize::try_from(length).unwrap_or(usize::MAX).min(ZEROS.len());
        take(&ZEROS[..block])?;
        length -= block as u64;
    }
    Ok(())
}
