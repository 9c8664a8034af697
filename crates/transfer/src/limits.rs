//! How much a transfer may cost.

use std::time::Duration;

use lotse_core::retry::Backoff;

/// How much a transfer may cost, whatever the other side does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Bytes of a file; a larger one is refused, before the download where the server says its size.
    pub most_bytes: u64,
    /// Bytes that must stay free on the disk of the spool.
    pub keep_free: u64,
    /// Connections for one file. Small files need fewer.
    pub connections: usize,
    /// Bytes of a file for each of them, and of the first request, which learns the size.
    pub per_connection: u64,
    /// Redirects in a row that are followed.
    pub redirects: usize,
    /// To a connection.
    pub connect: Duration,
    /// Between two reads of an answer, and to its first byte.
    pub stall: Duration,
    /// Pauses between attempts, and attempts of one span without progress.
    pub backoff: Backoff,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            most_bytes: 1 << 40,
            keep_free: 256 << 20,
            connections: 4,
            per_connection: 16 << 20,
            redirects: 5,
            connect: Duration::from_secs(15),
            stall: Duration::from_secs(30),
            backoff: Backoff {
                first: Duration::from_millis(250),
                most: Duration::from_secs(15),
                attempts: 6,
            },
        }
    }
}
