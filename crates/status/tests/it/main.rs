//! What the status page does, over real HTTP on a state of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod archive;
mod client;
mod components;
mod console;
mod detection;
mod documented;
mod drill;
mod edge;
mod engines;
mod extras;
mod foreign;
mod incidents;
mod lists;
mod malformed;
mod markup;
mod opaque;
mod pages;
mod place;
mod readers;
mod round;
mod stage;
mod subscribers;
mod text;
mod writers;
