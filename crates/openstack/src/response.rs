//! Answers.

use bytes::Bytes;
use futures::Stream;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::exchange::{Answer, Live, Timing, request_id};

/// A good answer with its whole body.
#[derive(Debug)]
pub struct Response {
    answer: Answer,
}

impl Response {
    pub(crate) const fn new(answer: Answer) -> Self {
        Self { answer }
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.answer.status
    }

    /// The headers.
    pub const fn headers(&self) -> &HeaderMap {
        &self.answer.headers
    }

    /// A header, if it is there and readable.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.answer.headers.get(name)?.to_str().ok()
    }

    /// The body.
    pub const fn body(&self) -> &Bytes {
        &self.answer.body
    }

    /// The id under which the service logged the request.
    pub fn request_id(&self) -> Option<String> {
        self.answer.request_id()
    }

    /// The id that we sent along.
    pub fn global_request_id(&self) -> &str {
        &self.answer.call.global_request_id
    }

    /// How long it took.
    pub const fn timing(&self) -> Timing {
        self.answer.timing
    }

    /// The body as a value of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.answer.body).map_err(|error| self.misunderstood(&error))
    }

    pub(crate) fn misunderstood(&self, error: &serde_json::Error) -> Error {
        let nature = crate::fault::nature(&self.answer.headers, &self.answer.body);
        Error::Answer {
            call: std::sync::Arc::clone(&self.answer.call),
            reason: nature.unwrap_or_else(|| error.to_string()),
            request_id: self.request_id(),
        }
    }

    pub(crate) const fn answer(&self) -> &Answer {
        &self.answer
    }
}

/// A good answer whose body is still to come.
#[derive(Debug)]
pub struct StreamedResponse {
    live: Live,
}

impl StreamedResponse {
    pub(crate) const fn new(live: Live) -> Self {
        Self { live }
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.live.status
    }

    /// The headers.
    pub const fn headers(&self) -> &HeaderMap {
        &self.live.headers
    }

    /// The id under which the service logged the request.
    pub fn request_id(&self) -> Option<String> {
        request_id(&self.live.headers)
    }

    /// How long it took until the head came.
    pub const fn timing(&self) -> Timing {
        self.live.timing
    }

    /// The next piece of the body; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.live.chunk().await
    }

    /// The body as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, Error>> + Send {
        futures::stream::try_unfold(self, |mut response| async move {
            Ok(response.chunk().await?.map(|piece| (piece, response)))
        })
    }
}
