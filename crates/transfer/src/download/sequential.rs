//! One connection, from the beginning to the end: for servers that do not know ranges, and for files
//! of this machine.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::remote::{Body, Shape};
use super::spool::Locked;
use super::{Fetcher, Spooled, Wanted, Watch, Work, blocking};
use crate::checksum::{Digests, Hashers};
use crate::error::Error;

/// Bytes handled at once.
const BATCH: usize = 1 << 20;

impl Work<'_> {
    /// Downloads all of it, as often as the connection breaks. Returns the size and the digests.
    pub(super) async fn sequential(
        &self,
        locked: &Arc<Locked>,
        body: Body,
        length: Option<u64>,
    ) -> Result<(u64, Digests), Error> {
        let (own, limits) = (locked.clone(), self.fetcher.limits);
        let space = length.unwrap_or_default();
        blocking(self.wanted, move || {
            own.clear()?;
            own.check_space(space, &limits)
        })
        .await?;
        let mut body = body;
        let mut failed = 0;
        loop {
            let error = match self.pour(locked, body, length).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            failed += 1;
            self.fetcher.pause(failed, error).await?;
            body = match self.patiently(0..u64::MAX, None).await? {
                (Shape::Whole { .. }, body) => body,
                // Another server behind the same name, or it has learnt ranges.
                _ => return Err(Error::Changed { url: self.remote.shown().to_owned() }),
            };
        }
    }

    async fn pour(
        &self,
        locked: &Arc<Locked>,
        mut body: Body,
        length: Option<u64>,
    ) -> Result<(u64, Digests), Error> {
        let own = locked.clone();
        let opened = blocking(self.wanted, move || {
            own.clear()?;
            let mut file = own.file.try_clone().map_err(Error::file("opened", &own.path))?;
            std::io::Seek::rewind(&mut file).map_err(Error::file("written", &own.path))?;
            Ok(file)
        });
        let mut sink = Sink { file: opened.await?, hashers: self.hashers(), written: 0 };
        let (mut chunks, mut collected) = (Vec::new(), 0);
        loop {
            let chunk = body.next().await?;
            let ended = chunk.is_none();
            if let Some(chunk) = chunk {
                collected += chunk.len();
                chunks.push(chunk);
            }
            if collected >= BATCH || ended {
                self.fetcher.check_size(&self.wanted.source, sink.written + collected as u64)?;
                collected = 0;
                let (batch, own) = (std::mem::take(&mut chunks), locked.clone());
                sink = blocking(self.wanted, move || {
                    sink.take(&batch).map_err(Error::file("written", &own.path))
                })
                .await?;
                self.watch.tell(sink.written, length);
            }
            if ended {
                return Ok((sink.written, sink.hashers.finish()));
            }
        }
    }

    fn hashers(&self) -> Hashers {
        Hashers::new(self.wanted.algorithms())
    }
}

/// Where bytes go that come in order.
struct Sink {
    file: File,
    hashers: Hashers,
    written: u64,
}

impl Sink {
    fn take(mut self, chunks: &[Bytes]) -> std::io::Result<Self> {
        for chunk in chunks {
            self.hashers.update(chunk);
            self.file.write_all(chunk)?;
            self.written += chunk.len() as u64;
        }
        Ok(self)
    }
}

impl Fetcher {
    /// Verifies a file of this machine where it is.
    pub(super) async fn local(
        &self,
        wanted: &Wanted,
        path: &Path,
        watch: &Watch,
    ) -> Result<Spooled, Error> {
        let (own, watch, fetcher) = (wanted.clone(), watch.clone(), self.clone());
        let owned = path.to_owned();
        let (size, digests) = blocking(wanted, move || {
            let failed = |what| Error::file(what, &owned);
            let mut file = File::open(&owned).map_err(failed("opened"))?;
            let total = file.metadata().map_err(failed("looked at"))?.len();
            fetcher.check_size(&own.source, total)?;
            let mut hashers = Hashers::new(own.algorithms());
            let mut buffer = vec![0; BATCH];
            let mut have = 0;
            loop {
                let read = file.read(&mut buffer).map_err(failed("read"))?;
                if read == 0 {
                    return Ok((have, hashers.finish()));
                }
                hashers.update(&buffer[..read]);
                have += read as u64;
                watch.tell(have, Some(total));
            }
        })
        .await?;
        wanted.check(&digests)?;
        Ok(Spooled { path: path.to_owned(), size, digests, taken_over: 0, locked: None })
    }
}
