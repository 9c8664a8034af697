//! A real Git server (`git http-backend`), real repositories, and what comes of them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed expectation is how a test fails, in helpers too"
)]

mod follow;
mod hostile;
mod killed;
mod network;
mod repository;
mod server;
mod signed;
mod webhook;
mod world;
