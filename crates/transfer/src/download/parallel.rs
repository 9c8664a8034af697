//! Several connections at once, each with a span of its own, and the hashes behind them.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};

use super::remote::{Body, Remote, Shape, Validator};
use super::spool::Spool;
use super::{Fetcher, Watch, Work, joined};
use crate::checksum::Digests;
use crate::error::Error;

/// Bytes collected before they are written. Two of these per connection are in memory at most, and a
/// bit more for what the connection reads at once.
const BATCH: usize = 512 << 10;

/// What the connections share.
struct Shared {
    fetcher: Fetcher,
    remote: Arc<Remote>,
    spool: Arc<Spool>,
    validator: Option<Validator>,
    watch: Watch,
    size: u64,
}

/// Where a connection is in its span.
struct Cursor {
    /// The next byte.
    at: u64,
    /// Where the pieces begin that are not marked yet.
    from: u64,
}

impl Work<'_> {
    /// Fetches what is missing. Returns the size and the digests.
    pub(super) async fn parallel(
        &self,
        spool: Arc<Spool>,
        first: Option<(Range<u64>, Body)>,
        size: u64,
        validator: Option<Validator>,
    ) -> Result<(u64, Digests), Error> {
        let source = &self.wanted.source;
        let _closer = spool.closer();
        let followers: Vec<_> = (self.wanted.algorithms().into_iter())
            .map(|algorithm| {
                let spool = spool.clone();
                spawn_blocking(move || spool.follow(algorithm))
            })
            .collect();
        let syncer = spawn_blocking(spool.syncer());
        let shared = Arc::new(Shared {
            fetcher: self.fetcher.clone(),
            remote: self.remote.clone(),
            spool,
            validator,
            watch: self.watch.clone(),
            size,
        });
        let mut connections = JoinSet::new();
        let wished =
            usize::try_from(size / self.fetcher.limits.per_connection.max(1)).unwrap_or(usize::MAX);
        let count = wished.clamp(1, self.fetcher.limits.connections.max(1));
        let mut first = first;
        for _ in 0..count {
            connections.spawn(shared.clone().work(first.take()));
        }
        // The first failure ends the others: dropping the set aborts them.
        while let Some(done) = connections.join_next().await {
            done.unwrap_or_else(|_| Err(Error::Interrupted { what: source.to_string() }))?;
        }
        let mut digests = Digests::default();
        for follower in followers {
            let checksum = joined(source, follower).await?;
            digests.add(checksum.ok_or_else(|| Error::Interrupted { what: source.to_string() })?);
        }
        // A sync that goes on concerns the next call at most; one that failed concerns this one.
        if syncer.is_finished() {
            joined(source, syncer).await?;
        }
        Ok((size, digests))
    }
}

impl Shared {
    async fn work(self: Arc<Self>, mut first: Option<(Range<u64>, Body)>) -> Result<(), Error> {
        loop {
            let (span, opened) = match first.take() {
                Some((span, body)) => (span, Some(body)),
                None => match self.spool.take_span() {
                    Some(span) => (span, None),
                    None => return Ok(()),
                },
            };
            self.fetch(span, opened).await?;
        }
    }

    /// Fetches a span, however often its connections break.
    async fn fetch(
        self: &Arc<Self>,
        span: Range<u64>,
        mut opened: Option<Body>,
    ) -> Result<(), Error> {
        let mut cursor = Cursor { at: span.start, from: span.start };
        let mut failed = 0;
        while cursor.at < span.end {
            let before = cursor.from;
            match self.attempt(&mut cursor, span.end, opened.take()).await {
                Ok(()) => failed = 0,
                Err(error) => {
                    // Only whole pieces count as progress: a byte each time would never end.
                    failed = if cursor.from > before { 1 } else { failed + 1 };
                    self.fetcher.pause(failed, error).await?;
                }
            }
        }
        Ok(())
    }

    /// One request, as far as it leads.
    async fn attempt(
        self: &Arc<Self>,
        cursor: &mut Cursor,
        end: u64,
        opened: Option<Body>,
    ) -> Result<(), Error> {
        let mut body = match opened {
            Some(body) => body,
            None => self.open(cursor.at..end).await?,
        };
        let mut batch = Batch::new(self.clone(), cursor);
        let outcome = loop {
            match body.next().await {
                Ok(Some(chunk)) => batch.push(chunk).await?,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        // What has come is kept, whatever came then.
        batch.flush().await?;
        batch.settle().await?;
        (cursor.at, cursor.from) = (batch.at, batch.from);
        outcome
    }

    /// Asks for bytes of the version that is being downloaded, and of no other.
    async fn open(&self, asked: Range<u64>) -> Result<Body, Error> {
        match self.remote.ask(asked, self.validator.as_ref()).await? {
            (Shape::Part { total, validator, .. }, body)
                if total == self.size && validator == self.validator =>
            {
                Ok(body)
            }
            _ => Err(Error::Changed { url: self.remote.shown().to_owned() }),
        }
    }
}

/// Bytes on their way to the disk: some being collected, some being written.
struct Batch {
    shared: Arc<Shared>,
    chunks: Vec<Bytes>,
    collected: usize,
    /// Behind the last byte that was handed to the writer.
    at: u64,
    from: u64,
    writing: Option<JoinHandle<Result<(u64, u64), Error>>>,
}

impl Batch {
    const fn new(shared: Arc<Shared>, cursor: &Cursor) -> Self {
        let (at, from) = (cursor.at, cursor.from);
        Self { shared, chunks: Vec::new(), collected: 0, at, from, writing: None }
    }

    async fn push(&mut self, chunk: Bytes) -> Result<(), Error> {
        self.collected += chunk.len();
        self.chunks.push(chunk);
        if self.collected >= BATCH { self.flush().await } else { Ok(()) }
    }

    /// Writes what is collected, while the connection goes on.
    async fn flush(&mut self) -> Result<(), Error> {
        self.settle().await?;
        let chunks = std::mem::take(&mut self.chunks);
        let (from, at) = (self.from, self.at);
        self.at += std::mem::take(&mut self.collected) as u64;
        let shared = self.shared.clone();
        self.writing = Some(spawn_blocking(move || {
            let (from, have) = shared.spool.write(from, at, &chunks)?;
            shared.watch.tell(have, Some(shared.size));
            Ok((from, have))
        }));
        Ok(())
    }

    /// Waits for what is being written.
    async fn settle(&mut self) -> Result<(), Error> {
        if let Some(writing) = self.writing.take() {
            (self.from, _) = joined(&self.shared.remote.shown(), writing).await?;
        }
        Ok(())
    }
}
