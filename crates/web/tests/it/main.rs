//! Behaviour of the console, the API and the sign-in through a real listener, with a real state.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is how a test fails, in helpers too"
)]

mod api;
mod oidc;
mod pages;
mod people;
mod provider;
mod routes;
mod shell;
mod world;
