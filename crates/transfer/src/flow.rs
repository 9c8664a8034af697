//! Bytes that are made on a thread and used by async code, and the other way round.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{FutureExt as _, Stream, StreamExt as _};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::error::Error;

/// Bytes of one block.
const BLOCK: usize = 256 << 10;
/// Blocks that may wait for the consumer.
const WAITING: usize = 4;

/// Content on its way; an error ends it.
pub type Bytestream = BoxStream<'static, Result<Bytes, Error>>;

/// What comes to be known about content when all of it has passed.
#[derive(Debug)]
pub struct Verdict<T>(Arc<OnceLock<T>>);

impl<T> Verdict<T> {
    pub(crate) fn pending() -> Self {
        Self(Arc::new(OnceLock::new()))
    }

    /// What came of it; nothing before the end, or when the end was an error.
    pub fn get(&self) -> Option<&T> {
        self.0.get()
    }

    pub(crate) fn reach(&self, value: T) {
        // The first verdict stands.
        drop(self.0.set(value));
    }
}

impl<T> Clone for Verdict<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Bytes that a thread makes. Dropping this ends the thread at its next block.
#[derive(Debug)]
pub struct Flow<T> {
    receiver: mpsc::Receiver<Bytes>,
    work: Option<JoinHandle<Result<T, Error>>>,
    what: String,
    verdict: Verdict<T>,
}

impl<T: Send + 'static> Flow<T> {
    /// Runs `work` on a thread; what it writes are the bytes. Must be called within a runtime.
    pub(crate) fn of(
        what: String,
        work: impl FnOnce(&mut Sink) -> Result<T, Error> + Send + 'static,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let work = spawn_blocking(move || {
            let mut sink = Sink { sender, block: BytesMut::new() };
            let value = work(&mut sink)?;
            sink.flush().map_err(|source| Error::Consumer { source })?;
            Ok(value)
        });
        Self { receiver, work: Some(work), what, verdict: Verdict::pending() }
    }

    /// Where the result will be when all bytes have passed.
    pub fn verdict(&self) -> Verdict<T> {
        self.verdict.clone()
    }
}

impl<T: Send + 'static> Stream for Flow<T> {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(block) = ready!(self.receiver.poll_recv(cx)) {
            return Poll::Ready(Some(Ok(block)));
        }
        let Some(work) = &mut self.work else { return Poll::Ready(None) };
        let done = ready!(work.poll_unpin(cx));
        self.work = None;
        let interrupted = || Error::Interrupted { what: self.what.clone() };
        match done.unwrap_or_else(|_| Err(interrupted())) {
            Ok(value) => {
                self.verdict.reach(value);
                Poll::Ready(None)
            }
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }
}

/// Where the thread of a [`Flow`] writes.
#[derive(Debug)]
pub(crate) struct Sink {
    sender: mpsc::Sender<Bytes>,
    block: BytesMut,
}

impl Sink {
    /// Hands over bytes as they are, without a copy.
    pub(crate) fn pass(&mut self, block: Bytes) -> io::Result<()> {
        self.flush()?;
        self.sender.blocking_send(block).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.capacity() == 0 {
            self.block.reserve(BLOCK);
        }
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if self.block.len() >= BLOCK {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let block = std::mem::take(&mut self.block).freeze();
        self.sender.blocking_send(block).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Reads a stream from a thread of the runtime that may block.
pub(crate) struct Incoming {
    runtime: Handle,
    stream: Bytestream,
    block: Bytes,
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Incoming")
    }
}

impl Incoming {
    pub(crate) fn new(stream: Bytestream) -> Self {
        Self { runtime: Handle::current(), stream, block: Bytes::new() }
    }
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.block.is_empty() {
            match self.runtime.block_on(self.stream.next()) {
                Some(block) => self.block = block.map_err(io::Error::other)?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.block.len());
        self.block.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_pass_in_order_and_then_the_verdict() {
        let mut flow = Flow::of("x".to_owned(), |sink| {
            for number in 0..100_000_u32 {
                sink.write_all(&number.to_le_bytes()).unwrap();
            }
            sink.pass(Bytes::from_static(b"end")).unwrap();
            Ok(7)
        });
        let verdict = flow.verdict();
        let mut all = Vec::new();
        while let Some(block) = flow.next().await {
            all.extend_from_slice(&block.unwrap());
        }
        let expected: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        assert!(all == [&expected[..], b"end"].concat());
        assert_eq!(verdict.get(), Some(&7));
    }

    #[tokio::test]
    async fn an_error_is_the_last_thing_and_there_is_no_verdict() {
        let flow: Flow<()> = Flow::of("x".to_owned(), |sink| {
            sink.write_all(b"some").unwrap();
            sink.flush().unwrap();
            Err(Error::Interrupted { what: "this".to_owned() })
        });
        let verdict = flow.verdict();
        let items: Vec<_> = flow.collect().await;
        assert_eq!(items.len(), 2);
        assert!(items[0].is_ok() && items[1].is_err() && verdict.get().is_none());
    }

    #[tokio::test]
    async fn a_consumer_that_goes_away_ends_the_work() {
        let (ended, end) = tokio::sync::oneshot::channel();
        let mut flow = Flow::of("x".to_owned(), |sink| {
            while sink.write_all(&[1; 1000]).is_ok() {}
            ended.send(()).unwrap();
            Ok(())
        });
        flow.next().await.unwrap().unwrap();
        drop(flow);
        end.await.unwrap();
    }

    #[tokio::test]
    async fn a_stream_is_read_by_a_thread_with_its_error() {
        let blocks =
            [Ok(Bytes::from_static(b"ab")), Ok(Bytes::new()), Ok(Bytes::from_static(b"c"))];
        let error = Err(Error::Interrupted { what: "it".to_owned() });
        let stream = futures::stream::iter(blocks.into_iter().chain([error])).boxed();
        let mut incoming = Incoming::new(stream);
        let (read, error) = spawn_blocking(move || {
            let mut text = [0; 3];
            incoming.read_exact(&mut text).unwrap();
            (text, incoming.read(&mut [0]).unwrap_err())
        })
        .await
        .unwrap();
        assert_eq!(&read, b"abc");
        assert!(error.into_inner().unwrap().downcast::<Error>().is_ok());
    }
}
