//! What is packed becomes what can boot: xz, bzip2, zstd, gzip and tar, in any order, as a stream.
//!
//! What is inside is looked at ([`Content`]), not guessed from names: a `.tar.xz` with a `.qcow2.gz` in
//! it is three layers, and each is peeled off while the bytes pass. Nothing is written in between. A
//! member of an archive is chosen by its name, or is the first one that is an image.
//!
//! Publishers give checksums of what is downloaded, or of what comes out of it (Garden Linux): both are
//! computed here, and [`Unpacked::matched`] says which one it was.

mod layer;
mod member;

use std::io::{self, BufRead, Read, Write};

use serde::Serialize;

use crate::checksum::{Algorithm, Checksum, Digests, Hashers};
use crate::content::{Content, TELLING};
use crate::download::{Spooled, Streamed};
use crate::error::Error;
use crate::flow::{Flow, Incoming, Sink};

/// Layers within each other that are peeled off.
const DEEPEST: usize = 4;
/// Bytes passed on at once.
const BLOCK: usize = 128 << 10;

/// Why something cannot be unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Damaged, or cut off.
    #[error("its {layer} is damaged or incomplete")]
    Damaged {
        /// Which layer.
        layer: Content,
        /// What the decoder said.
        #[source]
        source: io::Error,
    },
    /// Its decoder wants more memory than it gets.
    #[error("unpacking it takes more than {} MiB of memory", limit >> 20)]
    Memory {
        /// Bytes it gets.
        limit: u64,
    },
    /// Too many layers.
    #[error("it is packed more than {DEEPEST} times")]
    TooDeep,
    /// A kind of packing that is not understood.
    #[error("it is packed as {content}, which is not understood")]
    Unknown {
        /// Which.
        content: Content,
    },
    /// The archive does not have the member that was named.
    #[error("there is no \"{name}\" in it{}", listed(found))]
    NoMember {
        /// Its name.
        name: String,
        /// Names that are there, the first of them.
        found: Vec<String>,
    },
    /// The archive has no image.
    #[error("there is no image in it{}", listed(found))]
    NoImage {
        /// Names that are there, the first of them.
        found: Vec<String>,
    },
    /// The member is a link, a directory, or kept in a form that is not understood.
    #[error("\"{name}\" in it is no ordinary file")]
    NotAFile {
        /// Its name.
        name: String,
    },
    /// The archive has more members than are looked at.
    #[error("more than {limit} members are in it")]
    TooMany {
        /// How many are.
        limit: usize,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(", only {}", names.join(", ")) }
}

/// How to unpack.
#[derive(Clone, Debug)]
pub struct Unpack {
    /// The member of an archive, by its name; the first image without one.
    pub member: Option<String>,
    /// Bytes of what comes out: a bomb is stopped there.
    pub most_bytes: u64,
    /// What to compute over what goes in.
    pub packed: Vec<Algorithm>,
    /// What to compute over what comes out.
    pub unpacked: Vec<Algorithm>,
}

impl Default for Unpack {
    fn default() -> Self {
        Self { member: None, most_bytes: 1 << 40, packed: Vec::new(), unpacked: Vec::new() }
    }
}

/// What came out.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Unpacked {
    /// The layers that were peeled off, the outermost first. None, if it was not packed.
    pub layers: Vec<Content>,
    /// The name of the member of an archive.
    pub member: Option<String>,
    /// What it is.
    pub content: Content,
    /// Bytes.
    pub size: u64,
    /// Of what went in.
    pub packed: Digests,
    /// Of what came out.
    pub unpacked: Digests,
}

/// What a publisher's checksum is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Matched {
    /// What is downloaded.
    Packed,
    /// What comes out of it.
    Unpacked,
}

impl Unpacked {
    /// What this checksum is of.
    ///
    /// # Errors
    /// [`Error::Checksum`] when it is of neither.
    pub fn matched(&self, what: &str, expected: &Checksum) -> Result<Matched, Error> {
        if self.packed.have(expected) {
            return Ok(Matched::Packed);
        }
        if self.unpacked.have(expected) {
            return Ok(Matched::Unpacked);
        }
        let value = |digests: &Digests| {
            let digest = digests.get(expected.algorithm());
            digest.map_or_else(|| "unknown".to_owned(), ToString::to_string)
        };
        let actual = if self.layers.is_empty() {
            value(&self.unpacked)
        } else {
            format!("{} ({} unpacked)", value(&self.packed), value(&self.unpacked))
        };
        Err(Error::Checksum { what: what.to_owned(), expected: expected.clone(), actual })
    }
}

impl Unpack {
    /// Unpacks `input` into `output`. Blocks.
    ///
    /// What is not packed passes through. `what` is for messages.
    ///
    /// # Errors
    /// [`Error::Unpack`], [`Error::TooLarge`], [`Error::Consumer`], and what `input` fails with.
    pub fn run(
        &self,
        what: &str,
        input: impl Read,
        output: &mut dyn Write,
    ) -> Result<Unpacked, Error> {
        let mut counted = Counted { input, hashers: Hashers::new(self.packed.iter().copied()) };
        let mut peel = Peel {
            how: self,
            what,
            output,
            layers: Vec::new(),
            member: None,
            hashers: Hashers::new(self.unpacked.iter().copied()),
            size: 0,
        };
        let content = peel.peel(Peeked::new(&mut counted, BLOCK))?;
        let (layers, member, size) = (peel.layers, peel.member, peel.size);
        let unpacked = peel.hashers.finish();
        // What stands behind belongs to what was downloaded.
        io::copy(&mut counted, &mut io::sink()).map_err(|error| input_error(what, error))?;
        let packed = counted.hashers.finish();
        Ok(Unpacked { layers, member, content, size, packed, unpacked })
    }

    /// Unpacks what was spooled. The result comes with the last byte.
    ///
    /// # Errors
    /// [`Error::File`] here; those of [`Unpack::run`] in the stream.
    pub fn spooled(self, spooled: &Spooled) -> Result<Flow<Unpacked>, Error> {
        let (file, what) = (spooled.open()?, spooled.path().display().to_string());
        Ok(self.flow(what, file))
    }

    /// Unpacks what is on its way, without a spool. The result comes with the last byte.
    pub fn streamed(self, what: String, streamed: Streamed) -> Flow<Unpacked> {
        self.flow(what, Incoming::new(streamed.into_stream()))
    }

    fn flow(self, what: String, input: impl Read + Send + 'static) -> Flow<Unpacked> {
        Flow::of(what.clone(), move |sink: &mut Sink| self.run(&what, input, sink))
    }
}

/// The work of one call.
struct Peel<'a> {
    how: &'a Unpack,
    what: &'a str,
    output: &'a mut dyn Write,
    layers: Vec<Content>,
    member: Option<String>,
    hashers: Hashers,
    size: u64,
}

impl Peel<'_> {
    /// Peels one layer after the other off; what is left goes to the output.
    fn peel(&mut self, mut input: Peeked<'_>) -> Result<Content, Error> {
        let content = input.content().map_err(|error| self.failed(error))?;
        if !content.is_packed() {
            self.pass(&mut input)?;
            return Ok(content);
        }
        if self.layers.len() == DEEPEST {
            return Err(self.fault(Fault::TooDeep));
        }
        self.layers.push(content);
        if content == Content::Tar {
            return self.choose(input);
        }
        let decoder = layer::decoder(content, input).map_err(|fault| self.fault(fault))?;
        self.peel(Peeked::boxed(decoder, BLOCK))
    }

    fn pass(&mut self, input: &mut Peeked<'_>) -> Result<(), Error> {
        let limit = self.how.most_bytes;
        loop {
            let block = match input.fill_buf() {
                Ok(block) => block,
                Err(error) => return Err(self.failed(error)),
            };
            if block.is_empty() {
                return Ok(());
            }
            let length = block.len();
            self.size += length as u64;
            if self.size > limit {
                let what = format!("what is packed in {}", self.what);
                return Err(Error::TooLarge { what, limit });
            }
            self.hashers.update(block);
            self.output.write_all(block).map_err(|source| Error::Consumer { source })?;
            input.consume(length);
        }
    }

    fn fault(&self, source: Fault) -> Error {
        Error::Unpack { what: self.what.to_owned(), source }
    }

    /// What a failed read means: it is the source's fault, or that of the innermost layer.
    fn failed(&self, error: io::Error) -> Error {
        match (self.layers.last(), layer::out_of_memory(&error)) {
            (Some(_), true) => self.fault(Fault::Memory { limit: layer::MEMORY }),
            (Some(&layer), false) if !is_ours(&error) => {
                self.fault(Fault::Damaged { layer, source: error })
            }
            _ => input_error(self.what, error),
        }
    }
}

fn is_ours(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Error>)
}

/// An error of what we read, which a stream has wrapped.
fn input_error(what: &str, error: io::Error) -> Error {
    if !is_ours(&error) {
        return Error::File { what: "read", path: what.into(), source: error };
    }
    match error.into_inner().map(<dyn std::error::Error + Send + Sync>::downcast::<Error>) {
        Some(Ok(ours)) => *ours,
        _ => Error::Interrupted { what: what.to_owned() },
    }
}

/// Hashes what is read.
struct Counted<R> {
    input: R,
    hashers: Hashers,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.hashers.update(&buffer[..read]);
        Ok(read)
    }
}

/// A reader whose beginning can be looked at.
struct Peeked<'a> {
    input: Box<dyn Read + 'a>,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
}

impl<'a> Peeked<'a> {
    fn new(input: impl Read + 'a, block: usize) -> Self {
        Self::boxed(Box::new(input), block)
    }

    fn boxed(input: Box<dyn Read + 'a>, block: usize) -> Self {
        Self { input, buffer: vec![0; block.max(TELLING)], at: 0, end: 0 }
    }

    /// What it begins like.
    fn content(&mut self) -> io::Result<Content> {
        while self.end < TELLING {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What came before the error may be enough to know; the error comes again then.
                Err(error) if self.end == 0 => return Err(error),
                Err(error) => {
                    self.input = Box::new(Failing(Some(error)));
                    break;
                }
            }
        }
        Ok(Content::of(&self.buffer[..self.end]))
    }
}

impl Read for Peeked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(buffer.len());
        buffer[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Peeked<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.end {
            (self.at, self.end) = (0, 0);
            self.end = loop {
                match self.input.read(&mut self.buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other?,
                }
            };
        }
        Ok(&self.buffer[self.at..self.end])
    }

    fn consume(&mut self, length: usize) {
        self.at = self.end.min(self.at + length);
    }
}

/// Fails once, then ends.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

#[cfg(test)]
mod tests;
