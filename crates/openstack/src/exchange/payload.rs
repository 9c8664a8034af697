//! What goes out: nothing, bytes, or a stream of known length that is not held in memory.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use futures::stream::BoxStream;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

/// Data to send, piece by piece.
pub type UploadStream = BoxStream<'static, Result<Bytes, std::io::Error>>;

/// The data to send could not be read, or was not as long as announced.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The source failed.
    #[error("the source failed")]
    Source(#[source] std::io::Error),
    /// More or fewer bytes than announced.
    #[error("the source gave {given} bytes, and {announced} were announced")]
    Length {
        /// What was announced (bytes).
        announced: u64,
        /// What came, as far as it was read (bytes).
        given: u64,
    },
}

/// What goes out.
pub(crate) enum Payload {
    Empty,
    Bytes(Bytes),
    Stream { length: Option<u64>, source: Source },
}

/// Where a stream comes from.
pub(crate) enum Source {
    /// From a stream that exists once.
    Once(Mutex<Option<UploadStream>>),
    /// From a function that begins anew.
    Again(Box<dyn Fn() -> UploadStream + Send + Sync>),
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Bodies may hold secrets; their size is all that is shown.
        match self {
            Self::Empty => f.write_str("empty"),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Stream { length, .. } => write!(f, "a stream of {length:?} bytes"),
        }
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self::Bytes(text.into())
    }
}

impl Payload {
    /// Whether it can be sent (again).
    pub(crate) fn repeatable(&self) -> bool {
        match self {
            Self::Empty | Self::Bytes(_) | Self::Stream { source: Source::Again(_), .. } => true,
            Self::Stream { source: Source::Once(stream), .. } => {
                stream.lock().unwrap_or_else(PoisonError::into_inner).is_some()
            }
        }
    }

    /// The body of one attempt, and where its progress can be seen if it is a stream.
    pub(super) fn open(&self) -> (Option<reqwest::Body>, Option<Arc<Progress>>) {
        match self {
            Self::Empty => (None, None),
            Self::Bytes(bytes) => (Some(bytes.clone().into()), None),
            Self::Stream { length, source } => {
                let stream = match source {
                    Source::Again(begin) => begin(),
                    Source::Once(stream) => stream
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .take()
                        .unwrap_or_else(|| Box::pin(futures::stream::empty())),
                };
                let progress = Arc::new(Progress(Mutex::new(Instant::now())));
                let body = Upload {
                    stream: Mutex::new(stream),
                    announced: *length,
                    given: 0,
                    progress: Arc::clone(&progress),
                };
                (Some(reqwest::Body::wrap(body)), Some(progress))
            }
        }
    }
}

/// When the last piece went out.
pub(super) struct Progress(Mutex<Instant>);

impl Progress {
    pub(super) fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Upload {
    /// Never locked; a mutex because bodies must be shareable, which streams need not be.
    stream: Mutex<UploadStream>,
    announced: Option<u64>,
    given: u64,
    progress: Arc<Progress>,
}

impl Body for Upload {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let this = &mut *self;
        let stream = this.stream.get_mut().unwrap_or_else(PoisonError::into_inner);
        let piece = futures::ready!(Pin::new(stream).poll_next(context));
        *this.progress.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        let wrong =
            |announced, given| Poll::Ready(Some(Err(UploadError::Length { announced, given })));
        match (piece, this.announced) {
            (Some(Err(error)), _) => Poll::Ready(Some(Err(UploadError::Source(error)))),
            (Some(Ok(bytes)), announced) => {
                this.given += bytes.len() as u64;
                match announced {
                    Some(announced) if this.given > announced => wrong(announced, this.given),
                    _ => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                }
            }
            (None, Some(announced)) if this.given != announced => wrong(announced, this.given),
            (None, _) => Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.announced.map_or_else(SizeHint::default, |announced| {
            SizeHint::with_exact(announced.saturating_sub(self.given))
        })
    }
}
