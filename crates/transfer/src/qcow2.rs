//! QEMU's image format: what a file of it says, whether it may be used, and its content as a disk.
//!
//! Written from the format's description (QEMU, `docs/interop/qcow2.rst`), versions 2 and 3. Images
//! come from strangers, and a cloud opens them with rights of its own: one that names another file (a
//! backing file, an external data file) would bring that file's content into a guest. Such images are
//! refused ([`Header::check`]).
//!
//! The content ([`Qcow2::raw`]) is made on the way, from the tables of the file, with a table and a
//! block in memory and no second file on the disk.

mod header;
mod read;

use std::fs::File;
use std::io;

use lotse_core::error::ErrorKind;

pub use header::{Compression, Header};
pub use read::Qcow2;

/// Why an image cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Not this format at all.
    #[error("it is not a qcow2 image")]
    NotQcow2,
    /// A version that does not exist yet.
    #[error("it has version {version} of qcow2; 2 and 3 are understood")]
    Version {
        /// Which.
        version: u32,
    },
    /// The header says what cannot be.
    #[error("its header is wrong: {what}")]
    Header {
        /// What.
        what: &'static str,
    },
    /// Content of another file.
    #[error("it has the backing file \"{name}\", whose content would become part of it")]
    BackingFile {
        /// Its name, made fit for display.
        name: String,
    },
    /// Content in another file.
    #[error("it keeps its content in an external data file{}", named(name.as_deref()))]
    DataFile {
        /// Its name, made fit for display.
        name: Option<String>,
    },
    /// Content that cannot be read without a secret.
    #[error("it is encrypted")]
    Encrypted,
    /// Marked as damaged by who wrote it.
    #[error("it is marked as corrupt")]
    Corrupt,
    /// Features that are not understood.
    #[error("it needs features that are not understood: {names}")]
    Features {
        /// Their names, or their bits.
        names: String,
    },
    /// Tables that lead nowhere.
    #[error("its tables are damaged: {what} at byte {at} of the disk")]
    Damaged {
        /// What is wrong.
        what: &'static str,
        /// Which byte of the disk is concerned.
        at: u64,
    },
    /// A disk larger than is taken.
    #[error("its disk has {size} bytes, more than {limit}")]
    TooLarge {
        /// Bytes of the disk.
        size: u64,
        /// Bytes that are taken.
        limit: u64,
    },
    /// The file cannot be read.
    #[error("it cannot be read")]
    Read {
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn named(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!(", \"{name}\""))
}

impl Fault {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::BackingFile { .. } | Self::DataFile { .. } | Self::TooLarge { .. } => {
                ErrorKind::Refused
            }
            Self::Version { .. } | Self::Features { .. } | Self::Encrypted => {
                ErrorKind::Unsupported
            }
            Self::Read { .. } => ErrorKind::Storage,
            _ => ErrorKind::Integrity,
        }
    }
}

/// Bytes that can be read at any place.
pub trait ReadAt {
    /// Bytes there are.
    ///
    /// # Errors
    /// When nobody knows.
    fn length(&self) -> io::Result<u64>;

    /// Fills `buffer` with the bytes from `at`; how many there were before the end.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match std::os::unix::fs::FileExt::read_at(self, &mut buffer[done..], at + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }
}

impl ReadAt for [u8] {
    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let start = usize::try_from(at).unwrap_or(usize::MAX).min(self.len());
        let length = buffer.len().min(self.len() - start);
        buffer[..length].copy_from_slice(&self[start..start + length]);
        Ok(length)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn length(&self) -> io::Result<u64> {
        (**self).length()
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        (**self).read_at(buffer, at)
    }
}

#[cfg(test)]
mod tests;
