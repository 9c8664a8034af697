//! What was downloaded becomes what the image shall hold: unpacked, looked at, and converted.
//!
//! A publisher's checksum may be of what is downloaded or of what comes out of it; either will do. What
//! comes out must look like the declared format, and must not name other files: a cloud that opens a
//! qcow2 with a backing file hands that file to the guest.
//!
//! A plain disk is never written to our own: it is made from the qcow2 file twice, once for its
//! checksum (the image says it before it gets its content) and once for the cloud.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use lotse_core::error::ErrorKind;
use lotse_plan::StepError;
use lotse_transfer::content::TELLING;
use lotse_transfer::qcow2::{Header, Qcow2};
use lotse_transfer::{Algorithm, Checksum, Content, Spooled, Unpack};
use sha2::{Digest, Sha512};

/// The largest disk that is written out: 16 TiB, the most that Cinder's usual backends take.
const MOST_BYTES: u64 = 16 << 40;

/// The disk formats of a content.
#[derive(Clone, Debug)]
pub(crate) struct Formats {
    /// As it is published.
    pub(crate) published: String,
    /// As the image shall hold it.
    pub(crate) stored: String,
}

/// What the image shall hold, in a file.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The file, if it is another one than the download.
    pub(crate) unpacked: Option<PathBuf>,
    /// Whether the file is a qcow2 image, and what the image shall hold is its disk.
    pub(super) converted: bool,
    /// Its size in bytes.
    pub(super) size: u64,
    /// Its SHA-512, in hexadecimal digits.
    pub(super) sha512: String,
}

/// Unpacks what is packed, verifies it, and looks whether it is of the declared format. Blocks.
pub(crate) fn prepare(
    spooled: &Spooled,
    beside: &Path,
    Formats { published, stored }: &Formats,
    declared: Option<&Checksum>,
) -> Result<Prepared, StepError> {
    let what = || spooled.path().display().to_string();
    let beginning = beginning(spooled.path())?;
    let prepared = if Content::of(&beginning).is_packed() {
        unpack(spooled, beside, declared)?
    } else {
        let sha512 = spooled.digests().get(Algorithm::Sha512).map(|sum| sum.digits().to_owned());
        let sha512 = sha512.ok_or_else(|| {
            StepError::new(ErrorKind::Internal, format!("{} has no SHA-512", what()))
        })?;
        Prepared { unpacked: None, converted: false, size: spooled.size(), sha512 }
    };
    let path = prepared.unpacked.as_deref().unwrap_or_else(|| spooled.path());
    let ready = look(path, published)
        .and_then(|()| if published == stored { Ok(None) } else { disk(path).map(Some) });
    match ready {
        Ok(None) => Ok(prepared),
        Ok(Some((size, sha512))) => Ok(Prepared { converted: true, size, sha512, ..prepared }),
        Err(error) => {
            remove(prepared.unpacked.as_deref());
            Err(error)
        }
    }
}

/// The disk in a qcow2 file: its size, and its SHA-512.
fn disk(path: &Path) -> Result<(u64, String), StepError> {
    let what = path.display().to_string();
    let image = open_disk(path)?;
    let mut hasher = Hasher(Sha512::new());
    image
        .write_raw(&what, &mut hasher)
        .map_err(|error| StepError::explained(&error, error.retry()))?;
    Ok((image.header().virtual_size, hex::encode(hasher.0.finalize())))
}

struct Hasher(Sha512);

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The disk in a qcow2 file, to be read.
pub(super) fn open_disk(path: &Path) -> Result<Qcow2<File>, StepError> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    Qcow2::open(file, MOST_BYTES).map_err(|fault| {
        let message = format!("the qcow2 image cannot be converted: {fault}");
        StepError::new(ErrorKind::Refused, message)
            .hinting("see that its publisher meant it; no disk of over 16 TiB is written out")
    })
}

fn unpack(
    spooled: &Spooled,
    beside: &Path,
    declared: Option<&Checksum>,
) -> Result<Prepared, StepError> {
    let explained = |error: lotse_transfer::Error| StepError::explained(&error, error.retry());
    let of_declared = declared.iter().map(|checksum| checksum.algorithm());
    let unpack = Unpack {
        packed: of_declared.clone().collect(),
        unpacked: of_declared.chain([Algorithm::Sha512]).collect(),
        ..Unpack::default()
    };
    let input = spooled.open().map_err(explained)?;
    let output = File::create(beside).map_err(|error| unwritable(beside, &error))?;
    let mut output = BufWriter::with_capacity(1 << 20, output);
    let what = spooled.path().display().to_string();
    let unpacked = unpack.run(&what, input, &mut output).map_err(explained);
    let unpacked = unpacked.and_then(|unpacked| {
        output.flush().map_err(|error| unwritable(beside, &error))?;
        if let Some(declared) = declared {
            unpacked.matched(&what, declared).map_err(explained)?;
        }
        Ok(unpacked)
    });
    let unpacked = unpacked.inspect_err(|_| remove(Some(beside)))?;
    let sha512 = unpacked.unpacked.get(Algorithm::Sha512).map(|sum| sum.digits().to_owned());
    let sha512 = sha512.ok_or_else(|| {
        StepError::new(ErrorKind::Internal, format!("what is in {what} has no SHA-512"))
    })?;
    Ok(Prepared {
        unpacked: Some(beside.to_owned()),
        converted: false,
        size: unpacked.size,
        sha512,
    })
}

/// Whether a file is what it is declared to be, and safe to open.
fn look(path: &Path, format: &str) -> Result<(), StepError> {
    let content = Content::of(&beginning(path)?);
    if !content.may_be(format) {
        let message = format!("the content is declared as {format} and looks like {content}");
        return Err(StepError::new(ErrorKind::Integrity, message)
            .hinting("see what the url delivers, and correct url or format"));
    }
    if content == Content::Qcow2 {
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        let fault = Header::read(&file).and_then(|header| header.check()).err();
        if let Some(fault) = fault {
            let message = format!("the qcow2 image cannot be used: {fault}");
            return Err(StepError::new(ErrorKind::Refused, message)
                .hinting("ask its publisher for an image that is complete in itself"));
        }
    }
    Ok(())
}

fn beginning(path: &Path) -> Result<Vec<u8>, StepError> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let mut beginning = Vec::new();
    let telling = u64::try_from(TELLING).unwrap_or(u64::MAX);
    file.take(telling).read_to_end(&mut beginning).map_err(|error| unreadable(path, &error))?;
    Ok(beginning)
}

fn unreadable(path: &Path, error: &std::io::Error) -> StepError {
    StepError::new(ErrorKind::Storage, format!("{} cannot be read: {error}", path.display()))
}

fn unwritable(path: &Path, error: &std::io::Error) -> StepError {
    StepError::new(ErrorKind::Storage, format!("{} cannot be written: {error}", path.display()))
        .hinting("see that the disk of the state directory has space for the unpacked image")
}

/// Frees the disk.
pub(crate) fn remove(path: Option<&Path>) {
    if let Some(path) = path
        && let Err(error) = std::fs::remove_file(path)
    {
        tracing::warn!(path = %path.display(), %error, "an unpacked file stays behind");
    }
}
