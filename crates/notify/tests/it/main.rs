//! Notifications from the outbox to servers that take, refuse, stall and die.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod address;
mod killed;
mod mail;
mod routing;
mod smtp;
mod stage;
mod web;
mod webhook;
mod words;
