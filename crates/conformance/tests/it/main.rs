//! Checks of a simulated cloud over real HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed expectation is how a test fails, in helpers too"
)]

mod active;
mod encryption;
mod executable;
mod feeds;
mod fix;
mod foreign;
mod kaas;
mod kaas_server;
mod managers;
mod monitor;
mod monitor_clouds;
mod monitor_console;
mod monitor_import;
mod monitor_stage;
mod read_only;
mod stage;
mod upload;
