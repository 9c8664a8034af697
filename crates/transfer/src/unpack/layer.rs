//! One layer of packing, by the library for it.

use std::io::{self, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use super::{Fault, Peeked};
use crate::content::Content;

/// Memory of a decoder in bytes. `xz -9` takes 65 MiB, `zstd --ultra -22` 128 MiB.
pub(super) const MEMORY: u64 = 160 << 20;
/// The largest window of zstd as a power of two, within [`MEMORY`].
const WINDOW: u32 = 27;

/// What undoes this packing. All of them read several streams in a row, as their programs do.
pub(super) fn decoder<'a>(
    content: Content,
    input: Peeked<'a>,
) -> Result<Box<dyn Read + 'a>, Fault> {
    let damaged = |source| Fault::Damaged { layer: content, source };
    Ok(match content {
        Content::Xz => {
            let stream = Stream::new_stream_decoder(MEMORY, CONCATENATED);
            let stream = stream.map_err(|error| damaged(error.into()))?;
            Box::new(XzDecoder::new_stream(input, stream))
        }
        Content::Bzip2 => Box::new(MultiBzDecoder::new(input)),
        Content::Gzip => Box::new(MultiGzDecoder::new(input)),
        Content::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(input).map_err(damaged)?;
            decoder.window_log_max(WINDOW).map_err(damaged)?;
            Box::new(decoder)
        }
        other => return Err(Fault::Unknown { content: other }),
    })
}

/// Whether a decoder was refused its memory.
pub(super) fn out_of_memory(error: &io::Error) -> bool {
    let inner = error.get_ref();
    let xz = inner.and_then(|inner| inner.downcast_ref::<liblzma::stream::Error>());
    // zstd has only text.
    matches!(xz, Some(liblzma::stream::Error::MemLimit))
        || error.to_string().contains("requires too much memory")
}
