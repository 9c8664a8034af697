//! Content without a spool: for small disks, and for consumers that take it at once.
//!
//! It goes on after a broken connection where the server knows ranges. It cannot go on after the
//! process ended, and the checksum is known only when all has passed: the consumer must be able to
//! throw away what it took.

use std::fs::File;
use std::io::{Read as _, Write as _};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use url::Url;

use super::remote::{Body, Remote, Shape, Validator};
use super::{Fetcher, Wanted};
use crate::checksum::{Digests, Hashers};
use crate::error::Error;
use crate::flow::{Bytestream, Flow, Verdict};
use crate::source::Source;

/// Bytes of a local file read at once.
const READ: usize = 256 << 10;

/// Content on its way from its source. Its last item is an error when it was not what was expected.
pub struct Streamed {
    size: Option<u64>,
    digests: Verdict<Digests>,
    stream: Bytestream,
}

impl std::fmt::Debug for Streamed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streamed").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Streamed {
    /// Bytes, if the source says it.
    pub const fn size(&self) -> Option<u64> {
        self.size
    }

    /// Where the digests will be when all has passed.
    pub fn digests(&self) -> Verdict<Digests> {
        self.digests.clone()
    }

    /// The bytes.
    pub fn into_stream(self) -> Bytestream {
        self.stream
    }
}

/// A download that is being consumed.
struct Course {
    fetcher: Fetcher,
    remote: Remote,
    wanted: Wanted,
    validator: Option<Validator>,
    /// Whether the server knows ranges, so that a broken connection can be made up for.
    ranges: bool,
    body: Option<Body>,
    at: u64,
    /// Where the last failure was, so that only progress gives new attempts.
    failed_at: u64,
    failed: u32,
    hashers: Hashers,
    digests: Verdict<Digests>,
}

impl Fetcher {
    /// Opens content to be consumed as it arrives, in order, hashed on the way.
    ///
    /// # Errors
    /// [`Error`], here for what the first answer says, in the stream for all that follows.
    pub async fn stream(&self, wanted: &Wanted) -> Result<Streamed, Error> {
        match &wanted.source {
            Source::File(path) => self.stream_file(wanted, path.clone()),
            Source::Http(url) => self.stream_remote(wanted, url.clone()).await,
        }
    }

    async fn stream_remote(&self, wanted: &Wanted, url: Url) -> Result<Streamed, Error> {
        let remote = Remote::new(self.clients.clone(), url, &self.limits);
        let mut failed = 0;
        let (shape, body) = loop {
            match remote.ask(0..u64::MAX, None).await {
                Ok(answer) => break answer,
                Err(error) => {
                    failed += 1;
                    self.pause(failed, error).await?;
                }
            }
        };
        let (size, validator, ranges) = match shape {
            Shape::Part { total, validator, .. } => (Some(total), validator, true),
            Shape::Whole { length, .. } => (length, None, false),
            Shape::Empty => (Some(0), None, false),
        };
        self.check_size(&wanted.source, size.unwrap_or_default())?;
        let digests = Verdict::pending();
        let course = Course {
            fetcher: self.clone(),
            remote,
            wanted: wanted.clone(),
            // Without a validator nobody knows whether the rest belongs to the beginning.
            ranges: ranges && validator.is_some(),
            validator,
            body: (size != Some(0)).then_some(body),
            at: 0,
            failed_at: 0,
            failed: 0,
            hashers: Hashers::new(wanted.algorithms()),
            digests: digests.clone(),
        };
        let stream = stream::try_unfold(course, Course::next).boxed();
        Ok(Streamed { size, digests, stream })
    }

    fn stream_file(&self, wanted: &Wanted, path: std::path::PathBuf) -> Result<Streamed, Error> {
        let failed = |what| Error::file(what, path.clone());
        let mut file = File::open(&path).map_err(failed("opened"))?;
        let size = file.metadata().map_err(failed("looked at"))?.len();
        self.check_size(&wanted.source, size)?;
        let own = wanted.clone();
        let flow = Flow::of(wanted.source.to_string(), move |sink| {
            let mut hashers = Hashers::new(own.algorithms());
            let mut buffer = vec![0; READ];
            loop {
                let read = file.read(&mut buffer).map_err(Error::file("read", &path))?;
                if read == 0 {
                    break;
                }
                hashers.update(&buffer[..read]);
                sink.write_all(&buffer[..read]).map_err(|source| Error::Consumer { source })?;
            }
            let digests = hashers.finish();
            own.check(&digests)?;
            Ok(digests)
        });
        Ok(Streamed { size: Some(size), digests: flow.verdict(), stream: flow.boxed() })
    }
}

impl Course {
    /// The next bytes, and what follows them.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Error> {
        loop {
            let next = match &mut self.body {
                Some(body) => body.next().await,
                None => Ok(None),
            };
            match next {
                Ok(Some(chunk)) => {
                    self.at += chunk.len() as u64;
                    self.fetcher.check_size(&self.wanted.source, self.at)?;
                    self.hashers.update(&chunk);
                    return Ok(Some((chunk, self)));
                }
                Ok(None) => {
                    let digests = std::mem::take(&mut self.hashers).finish();
                    self.wanted.check(&digests)?;
                    self.digests.reach(digests);
                    return Ok(None);
                }
                Err(error) if self.ranges => self.body = Some(self.reopen(error).await?),
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks for the rest after a failure.
    async fn reopen(&mut self, error: Error) -> Result<Body, Error> {
        let mut error = error;
        loop {
            self.failed = if self.at > self.failed_at + READ as u64 { 1 } else { self.failed + 1 };
            self.failed_at = self.at;
            self.fetcher.pause(self.failed, error).await?;
            match self.remote.ask(self.at..u64::MAX, self.validator.as_ref()).await {
                Ok((Shape::Part { validator, .. }, body)) if validator == self.validator => {
                    return Ok(body);
                }
                Ok(_) => return Err(Error::Changed { url: self.remote.shown().to_owned() }),
                Err(next) => error = next,
            }
        }
    }
}
