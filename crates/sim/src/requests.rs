//! What was asked of the cloud, so that tests can count requests and writes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many requests are remembered; the oldest are forgotten first.
const REMEMBERED: usize = 10_000;

/// A point in the sequence of requests.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd)]
pub struct Mark(u64);

/// One request and how it was answered.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct RequestRecord {
    /// Position in the order of arrival.
    pub number: u64,
    /// Type of the service, for example `image`.
    pub service: String,
    /// HTTP method.
    pub method: String,
    /// Path within the service, for example `/v2/images`.
    pub path: String,
    /// Query string without `?`.
    pub query: String,
    /// Status of the answer; `None` when the connection was reset instead.
    pub status: Option<u16>,
    /// The id under which the service answered.
    pub request_id: String,
    /// The faults that were injected.
    pub faults: Vec<String>,
}

impl RequestRecord {
    /// Whether the request asks for a change of the cloud. Getting a token does not.
    pub fn is_write(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
            && self.path != "/v3/auth/tokens"
    }
}

/// The log of the last 10 000 requests, in the order of their arrival.
#[derive(Debug, Default)]
pub struct RequestLog {
    next: AtomicU64,
    records: Mutex<VecDeque<RequestRecord>>,
}

impl RequestLog {
    /// Now: requests that arrive from here on are [`since`](Self::since) it.
    pub fn mark(&self) -> Mark {
        Mark(self.next.load(Ordering::SeqCst))
    }

    /// All answered requests that arrived since the mark, in the order of their arrival.
    pub fn since(&self, mark: Mark) -> Vec<RequestRecord> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<_> =
            records.iter().filter(|record| record.number >= mark.0).cloned().collect();
        found.sort_by_key(|record| record.number);
        found
    }

    /// All remembered requests.
    pub fn all(&self) -> Vec<RequestRecord> {
        self.since(Mark::default())
    }

    /// The requests since the mark that asked for a change.
    pub fn writes_since(&self, mark: Mark) -> Vec<RequestRecord> {
        let mut found = self.since(mark);
        found.retain(RequestRecord::is_write);
        found
    }

    /// Forgets all requests.
    pub fn clear(&self) {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Takes the next number in the order of arrival.
    pub(crate) fn arrive(&self) -> u64 {
        self.next.fetch_add(1, Ordering::SeqCst)
    }

    /// Remembers an answered request.
    pub(crate) fn record(&self, record: RequestRecord) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() >= REMEMBERED {
            records.pop_front();
        }
        records.push_back(record);
    }
}
