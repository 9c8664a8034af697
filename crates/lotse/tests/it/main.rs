//! Behaviour of the program as people and scripts see it: the real binary, real processes, real HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed expectation is how a test fails, in helpers too"
)]

mod backup;
mod balancer;
mod command_line;
mod configuration;
mod conformance;
mod conformance_cluster;
mod conformance_monitor;
mod console;
mod daemon;
mod demo;
mod estate;
mod flavor;
mod guides;
mod identity;
mod images;
mod inbox;
mod notifications;
mod oidc;
mod page;
mod process;
mod reference;
mod rolling;
mod schemathesis;
mod sim;
mod status;
mod status_channels;
mod status_clients;
mod status_described;
mod status_detection;
mod status_feeds;
mod status_keyboard;
mod status_markup;
mod status_readers;
mod status_tokens;
mod subscribers;
mod upstream;
