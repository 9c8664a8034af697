//! One attempt: out, head of the answer, body, each within its time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::time::Instant;

use super::connect::{STOPWATCH, Stopwatch};
use super::payload::Progress;
use super::trouble::trouble;
use super::{Answer, Exchange, GLOBAL_REQUEST_ID, Question, Timing, millis, request_id};
use crate::error::{Call, Error};
use crate::limit::Permit;
use crate::metrics::InFlight;

/// Error bodies are cut here (bytes).
const ERROR_LIMIT: u64 = 64 * 1024;

/// How the caller wants the answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Want {
    /// With its whole body.
    Whole,
    /// With its body still to come, if the status is good.
    Live,
}

/// What an attempt brought.
#[derive(Debug)]
pub(crate) enum Received {
    Whole(Answer),
    Live(Live),
}

/// An answer whose body is still to come.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) call: Arc<Call>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) timing: Timing,
    response: reqwest::Response,
    begun: Instant,
    idle: Duration,
    limit: u64,
    /// The place among the requests under way; free when the body has come.
    _permit: Permit,
    _in_flight: InFlight,
}

impl Exchange {
    pub(super) async fn attempt(
        &self,
        question: &Question,
        call: &Arc<Call>,
        operation: &str,
        number: u32,
        want: Want,
    ) -> Result<Received, Error> {
        let permit = self.limits.permit(&question.service).await;
        let in_flight = self.metrics.begin(&self.cloud, &question.service);
        let begun = Instant::now();
        let result = self.exchange(question, call, begun, number, want, permit, in_flight).await;
        let took = begun.elapsed();
        let status = match &result {
            Ok(Received::Whole(answer)) => Some(answer.status),
            Ok(Received::Live(live)) => Some(live.status),
            Err(_) => None,
        };
        self.metrics.done(&self.cloud, &question.service, operation, status, took);
        log(call, &result, number, took);
        result
    }

    #[expect(clippy::too_many_arguments, reason = "private to the attempt above, which owns them")]
    async fn exchange(
        &self,
        question: &Question,
        call: &Arc<Call>,
        begun: Instant,
        number: u32,
        want: Want,
        permit: Permit,
        in_flight: InFlight,
    ) -> Result<Received, Error> {
        let (body, progress) = question.body.open();
        let mut request = reqwest::Request::new(question.method.clone(), question.url.clone());
        *request.headers_mut() = question.headers.clone();
        if let Ok(id) = HeaderValue::from_str(&call.global_request_id) {
            request.headers_mut().insert(GLOBAL_REQUEST_ID, id);
        }
        *request.body_mut() = body;
        let stopwatch = Stopwatch::default();
        let sending = STOPWATCH.scope(stopwatch.clone(), self.client.execute(request));
        let deadline = question.deadline.unwrap_or(self.deadlines.answer);
        let response = within(sending, deadline, progress.as_deref(), call).await?;
        let timing = Timing {
            connect: stopwatch.read(),
            first_byte: begun.elapsed(),
            total: begun.elapsed(),
            attempts: number,
        };
        let mut live = Live {
            call: Arc::clone(call),
            status: response.status(),
            headers: response.headers().clone(),
            timing,
            response,
            begun,
            idle: self.deadlines.idle,
            limit: question.limit,
            _permit: permit,
            _in_flight: in_flight,
        };
        let good = live.status.is_success();
        if want == Want::Live && good {
            return Ok(Received::Live(live));
        }
        if good {
            return live.whole().await.map(Received::Whole);
        }
        // What a service says about a failure is worth having, but not worth failing for.
        let body = live.beginning().await;
        let total = begun.elapsed();
        Ok(Received::Whole(Answer {
            call: live.call,
            status: live.status,
            headers: live.headers,
            body,
            timing: Timing { total, ..timing },
        }))
    }
}

/// Awaits the head of the answer; while a stream goes out, the time counts from its last piece.
async fn within(
    sending: impl Future<Output = Result<reqwest::Response, reqwest::Error>>,
    deadline: Duration,
    progress: Option<&Progress>,
    call: &Arc<Call>,
) -> Result<reqwest::Response, Error> {
    tokio::pin!(sending);
    let mut until = Instant::now() + deadline;
    loop {
        tokio::select! {
            result = &mut sending => return result.map_err(|error| trouble(error, call)),
            () = tokio::time::sleep_until(until) => {
                let last = progress.map_or(until, Progress::last) + deadline;
                if progress.is_none() || last <= Instant::now() {
                    return Err(Error::Timeout {
                        call: Arc::clone(call),
                        what: "no answer came",
                        after: deadline,
                    });
                }
                until = last;
            }
        }
    }
}

impl Live {
    /// The next piece of the body; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match tokio::time::timeout(self.idle, self.response.chunk()).await {
            Ok(Ok(piece)) => Ok(piece),
            Ok(Err(error)) => Err(trouble(error, &self.call)),
            Err(_) => Err(Error::Timeout {
                call: Arc::clone(&self.call),
                what: "the answer stopped coming",
                after: self.idle,
            }),
        }
    }

    /// Takes the whole body.
    pub(crate) async fn whole(mut self) -> Result<Answer, Error> {
        let announced = self.response.content_length().unwrap_or(0);
        let too_large = || Error::TooLarge { call: Arc::clone(&self.call), limit: self.limit };
        if announced > self.limit {
            return Err(too_large());
        }
        let too_large = too_large();
        let capacity = usize::try_from(announced.min(1 << 20)).unwrap_or(0);
        let mut body = BytesMut::with_capacity(capacity);
        while let Some(piece) = self.chunk().await? {
            if (body.len() + piece.len()) as u64 > self.limit {
                return Err(too_large);
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer {
            timing: Timing { total: self.begun.elapsed(), ..self.timing },
            call: self.call,
            status: self.status,
            headers: self.headers,
            body: body.freeze(),
        })
    }

    /// As much of the body as comes and fits.
    async fn beginning(&mut self) -> Bytes {
        let mut body = BytesMut::new();
        while let Ok(Some(piece)) = self.chunk().await {
            let room = usize::try_from(ERROR_LIMIT).unwrap_or(usize::MAX) - body.len();
            body.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
            if piece.len() >= room {
                break;
            }
        }
        body.freeze()
    }
}

fn log(call: &Call, result: &Result<Received, Error>, attempt: u32, took: Duration) {
    let (status, headers, timing) = match result {
        Ok(Received::Whole(answer)) => (answer.status, &answer.headers, answer.timing),
        Ok(Received::Live(live)) => (live.status, &live.headers, live.timing),
        Err(error) => {
            tracing::debug!(
                cloud = %call.cloud,
                service = %call.service,
                method = %call.method,
                url = %call.url,
                global_request_id = %call.global_request_id,
                attempt,
                took_ms = millis(took),
                error = %lotse_core::error::chain(error),
                "request failed"
            );
            return;
        }
    };
    tracing::debug!(
        cloud = %call.cloud,
        service = %call.service,
        method = %call.method,
        url = %call.url,
        status = status.as_u16(),
        request_id = request_id(headers),
        global_request_id = %call.global_request_id,
        attempt,
        connect_ms = timing.connect.map(millis),
        first_byte_ms = millis(timing.first_byte),
        took_ms = millis(took),
        "request"
    );
}
