//! Downloads from servers that answer, refuse, lie, stall and break off.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is how a test fails, in helpers too"
)]

mod bucket;
mod interrupted;
mod inward;
mod killed;
mod mirror;
mod qemu;
mod server;
mod spool;
mod stream;
mod trouble;
