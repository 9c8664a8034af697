//! Behaviour of sessions: against small servers of our own with every oddity we know of, and against
//! a real cloud.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod certificates;
mod discovery;
mod discretion;
mod failures;
mod fake;
mod foreign;
mod metrics;
mod pages;
mod reading;
mod retries;
mod sign_in;
mod streams;
mod testbed;
