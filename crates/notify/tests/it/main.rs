//! Notifications from the outbox to servers that take, refuse, stall and die.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod routing;
mod stage;
