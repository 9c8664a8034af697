//! Looking, writing and committing as a whole: recorded listings over real HTTP, real files, real Git.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed expectation is how a test fails, in helpers too"
)]

mod follow;
mod repository;
mod server;
mod task;
mod trouble;
