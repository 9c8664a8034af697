//! Behaviour of sessions: against small servers of our own, and against a real cloud.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod testbed;
