//! The simulated cloud, asked over HTTP as any client asks it.

#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests may give up loudly")]

mod balancers;
mod client;
mod contract;
mod events;
mod faults;
mod imports;
mod network;
mod openstackclient;
mod policy;
mod state;
mod tempest;
mod trouble;
