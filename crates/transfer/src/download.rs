//! Downloads into a spool.

mod journal;
mod parallel;
mod pieces;
mod remote;
mod sequential;
mod spool;
mod stream;

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lotse_core::jitter::Jitter;
use lotse_core::retry::RetryClass;
use ring::digest;
use tokio::task::{JoinHandle, spawn_blocking};

use self::journal::Header;
use self::pieces::Pieces;
use self::remote::{Body, Remote, Shape, Validator};
use self::spool::{Locked, Spool};
use crate::checksum::{Algorithm, Checksum, Digests};
use crate::client::{Clients, HttpOptions};
use crate::error::Error;
use crate::limits::Limits;
use crate::source::Source;

pub use self::stream::Streamed;

/// Downloads of a file that changes meanwhile, before we give up.
const MOST_VERSIONS: u32 = 3;
/// How often and how long we ask for the lock of somebody who may be letting go of it.
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);
const LOCK_TRIES: u32 = 100;

/// What to fetch.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// From where.
    pub source: Source,
    /// What its content must be.
    pub expect: Option<Checksum>,
    /// What else to compute over it.
    pub digests: Vec<Algorithm>,
    /// What the content is called where its address is another one every time.
    pub identity: Option<String>,
}

impl Wanted {
    /// Content of a source, whatever it is.
    pub const fn new(source: Source) -> Self {
        Self { source, expect: None, digests: Vec::new(), identity: None }
    }

    /// The same, with the checksum it must have.
    #[must_use]
    pub fn expecting(mut self, checksum: Checksum) -> Self {
        self.expect = Some(checksum);
        self
    }

    /// The same, hashed by one more algorithm.
    #[must_use]
    pub fn hashed(mut self, algorithm: Algorithm) -> Self {
        self.digests.push(algorithm);
        self
    }

    /// The same, known by a name instead of its address, which is signed anew for every use: so a later
    /// call goes on where this one ends.
    #[must_use]
    pub fn known_as(mut self, identity: impl Into<String>) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// Every algorithm that is needed, once.
    pub(crate) fn algorithms(&self) -> Vec<Algorithm> {
        let expected = self.expect.iter().map(Checksum::algorithm);
        let mut all: Vec<_> = self.digests.iter().copied().chain(expected).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether the content is what was expected, if something was.
    pub(crate) fn check(&self, digests: &Digests) -> Result<(), Error> {
        let Some(expected) = &self.expect else { return Ok(()) };
        if digests.have(expected) {
            return Ok(());
        }
        let actual = digests.get(expected.algorithm()).map(ToString::to_string);
        Err(Error::Checksum {
            what: self.source.to_string(),
            expected: expected.clone(),
            actual: actual.unwrap_or_else(|| "unknown".to_owned()),
        })
    }
}

/// How far a download is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Progress {
    /// Bytes that are there.
    pub have: u64,
    /// Bytes of the file, if the server says it.
    pub total: Option<u64>,
}

/// Is told how far a download is, often and from any thread.
#[derive(Clone)]
pub struct Watch(Arc<dyn Fn(Progress) + Send + Sync>);

impl Watch {
    /// Tells `watcher`.
    pub fn new(watcher: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Arc::new(watcher))
    }

    /// Tells nobody.
    pub fn nobody() -> Self {
        Self::new(|_| {})
    }

    fn tell(&self, have: u64, total: Option<u64>) {
        (self.0)(Progress { have, total });
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

/// Content that is on this machine, verified. The lock of its file is held as long as this exists.
#[derive(Debug)]
pub struct Spooled {
    path: PathBuf,
    size: u64,
    digests: Digests,
    taken_over: u64,
    locked: Option<Arc<Locked>>,
}

impl Spooled {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// What was computed over it.
    pub const fn digests(&self) -> &Digests {
        &self.digests
    }

    /// Bytes that an earlier, interrupted download had left and that were not fetched again.
    pub const fn taken_over(&self) -> u64 {
        self.taken_over
    }

    /// Opens the content for reading.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn open(&self) -> Result<File, Error> {
        File::open(&self.path).map_err(Error::file("opened", &self.path))
    }

    /// Removes the spool and its journal. A local source is not ours and stays.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn remove(self) -> Result<(), Error> {
        self.locked.map_or(Ok(()), |locked| locked.remove())
    }
}

/// Fetches content. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Fetcher {
    clients: Clients,
    limits: Limits,
    jitter: Arc<Jitter>,
}

/// One download at work.
struct Work<'a> {
    fetcher: &'a Fetcher,
    remote: Arc<Remote>,
    wanted: &'a Wanted,
    watch: &'a Watch,
}

/// What was found out by the first request.
enum Begun {
    Parts { first: Option<(Range<u64>, Body)>, pieces: Pieces, validator: Option<Validator> },
    Whole(Body, Option<u64>),
    Empty,
}

impl Fetcher {
    /// A fetcher with these limits.
    ///
    /// # Errors
    /// [`Error::Client`].
    pub fn new(options: &HttpOptions, limits: Limits) -> Result<Self, Error> {
        let clients = Clients::new(options, &limits)?;
        Ok(Self { clients, limits, jitter: Arc::new(Jitter::new(options.seed)) })
    }

    /// Brings content to this machine and verifies it.
    ///
    /// A remote source is downloaded into the file `spool`, whose directory is made if need be; what an
    /// earlier call left there is taken over where it is certain to belong to the same content. A local
    /// source is read where it is and not copied. The work may be dropped, and the process killed, at
    /// any moment: the next call goes on.
    ///
    /// # Errors
    /// [`Error`]. After [`Error::Checksum`] the spool is gone; after all others it stays.
    pub async fn spool(
        &self,
        wanted: &Wanted,
        spool: &Path,
        watch: &Watch,
    ) -> Result<Spooled, Error> {
        let url = match &wanted.source {
            Source::File(path) => return self.local(wanted, path, watch).await,
            Source::Http(url) => url.clone(),
        };
        let remote = Arc::new(Remote::new(self.clients.clone(), url, &self.limits));
        let work = Work { fetcher: self, remote, wanted, watch };
        let locked = Arc::new(lock(spool).await?);
        let mut version = 1;
        loop {
            match work.spool(&locked).await {
                Err(Error::Changed { .. }) if version < MOST_VERSIONS => version += 1,
                other => return other,
            }
            tracing::info!(source = %wanted.source, "changed while it was downloaded, begun anew");
            let locked = locked.clone();
            blocking(wanted, move || locked.clear()).await?;
        }
    }

    /// The pause before the next attempt, or the error when there is none.
    async fn pause(&self, failed: u32, error: Error) -> Result<(), Error> {
        let asked = match error.retry() {
            RetryClass::Never => return Err(error),
            RetryClass::After(asked) => asked,
            _ => std::time::Duration::ZERO,
        };
        let Some(pause) = self.limits.backoff.pause(failed, self.jitter.next()) else {
            return Err(error);
        };
        tracing::debug!(%error, ?pause, "tried again");
        tokio::time::sleep(pause.max(asked)).await;
        Ok(())
    }

    fn check_size(&self, what: &Source, size: u64) -> Result<(), Error> {
        let limit = self.limits.most_bytes;
        if size <= limit {
            return Ok(());
        }
        Err(Error::TooLarge { what: what.to_string(), limit })
    }
}

impl Work<'_> {
    async fn spool(&self, locked: &Arc<Locked>) -> Result<Spooled, Error> {
        // The address itself may hold secrets, which do not belong on a disk.
        let address = self.wanted.identity.as_deref().unwrap_or(self.remote.url().as_str());
        let address = digest::digest(&digest::SHA256, address.as_bytes());
        let address = hex::encode(address);
        let begun = self.begin(locked, &address).await?;
        let (taken_over, (size, digests)) = match begun {
            Begun::Parts { first, pieces, validator } => {
                let taken_over = pieces.have();
                let size = pieces.size();
                let missing = size - taken_over;
                let header = Header::new(address, &pieces, validator.clone());
                let (limits, own) = (self.fetcher.limits, locked.clone());
                let spool = blocking(self.wanted, move || {
                    own.check_space(missing, &limits)?;
                    Spool::begin(own, &header, pieces)
                });
                let spool = Arc::new(spool.await?);
                (taken_over, self.parallel(spool, first, size, validator).await?)
            }
            Begun::Whole(body, length) => (0, self.sequential(locked, body, length).await?),
            Begun::Empty => {
                let own = locked.clone();
                blocking(self.wanted, move || own.clear()).await?;
                (0, (0, crate::checksum::Hashers::new(self.wanted.algorithms()).finish()))
            }
        };
        if let Err(error) = self.wanted.check(&digests) {
            // What a crash has damaged is not the publisher's fault: once more, from the beginning.
            if taken_over > 0 {
                return Err(Error::Changed { url: self.remote.shown().to_owned() });
            }
            let own = locked.clone();
            blocking(self.wanted, move || own.remove()).await?;
            return Err(error);
        }
        let path = locked.path.clone();
        Ok(Spooled { path, size, digests, taken_over, locked: Some(locked.clone()) })
    }

    /// Asks for the first bytes that are missing, and learns what kind of source it is.
    async fn begin(&self, locked: &Arc<Locked>, address: &str) -> Result<Begun, Error> {
        let (own, address) = (locked.clone(), address.to_owned());
        let known = blocking(self.wanted, move || Ok(own.contents(&address))).await?;
        // Without a validator only a checksum tells a mixture from the file.
        let known =
            known.filter(|(header, _)| header.validator.is_some() || self.wanted.expect.is_some());
        if let Some((header, pieces)) = known {
            if let Some(begun) = self.resume(header.validator, pieces).await? {
                return Ok(begun);
            }
            tracing::info!(source = %self.wanted.source, "not what it was, downloaded anew");
        }
        match self.patiently(0..self.fetcher.limits.per_connection.max(1), None).await? {
            (Shape::Part { range, total, validator }, body) => {
                self.fetcher.check_size(&self.wanted.source, total)?;
                let mut pieces = Pieces::none(total);
                pieces.take(range.clone());
                Ok(Begun::Parts { first: Some((range, body)), pieces, validator })
            }
            (Shape::Whole { length, .. }, body) => {
                self.fetcher.check_size(&self.wanted.source, length.unwrap_or_default())?;
                Ok(Begun::Whole(body, length))
            }
            (Shape::Empty, _) => Ok(Begun::Empty),
        }
    }

    /// Goes on where a journal ends; `None` when the file is another one by now.
    async fn resume(
        &self,
        validator: Option<Validator>,
        mut pieces: Pieces,
    ) -> Result<Option<Begun>, Error> {
        if pieces.is_complete() && self.wanted.expect.is_some() {
            return Ok(Some(Begun::Parts { first: None, pieces, validator }));
        }
        // Of what is complete, one byte says whether it still is the file.
        let asked = pieces.take_span().unwrap_or(0..pieces.size().min(1));
        let answer = match self.patiently(asked.clone(), validator.as_ref()).await {
            Err(Error::Changed { .. }) => return Ok(None),
            other => other?,
        };
        let (Shape::Part { total, validator: found, .. }, body) = answer else {
            return Ok(None);
        };
        if total != pieces.size() || found != validator {
            return Ok(None);
        }
        // A server may send less than was asked for; the rest of the span is asked for then.
        let first = (!pieces.is_complete()).then_some((asked, body));
        Ok(Some(Begun::Parts { first, pieces, validator }))
    }

    /// Asks until there is an answer or no hope of one.
    async fn patiently(
        &self,
        asked: Range<u64>,
        known: Option<&Validator>,
    ) -> Result<(Shape, Body), Error> {
        let mut failed = 0;
        loop {
            match self.remote.ask(asked.clone(), known).await {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    failed += 1;
                    self.fetcher.pause(failed, error).await?;
                }
            }
        }
    }
}

/// The lock of a spool. Threads of a download that was dropped may need a moment to let go of it.
async fn lock(path: &Path) -> Result<Locked, Error> {
    for _ in 0..LOCK_TRIES {
        let own = path.to_owned();
        let locked = joined(&path.display(), spawn_blocking(move || Locked::open(&own))).await?;
        if let Some(locked) = locked {
            return Ok(locked);
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
    Err(Error::Busy { path: path.to_owned() })
}

/// Does something that blocks.
async fn blocking<T: Send + 'static>(
    wanted: &Wanted,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    joined(&wanted.source, spawn_blocking(work)).await
}

/// What came of work on another thread.
async fn joined<T>(
    what: &(impl fmt::Display + Sync),
    work: JoinHandle<Result<T, Error>>,
) -> Result<T, Error> {
    work.await.unwrap_or_else(|_| Err(Error::Interrupted { what: what.to_string() }))
}
