//! The store on both engines.
//!
//! A test in [`on_both!`] runs on SQLite always, and on PostgreSQL when real tests are asked for;
//! then `LOTSE_TEST_POSTGRES` must name an administrator's URL of a server that may be filled with
//! throw-away databases (`testbed/postgres.sh up` prints one).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops where it fails, and its child process speaks on stdout"
)]

mod access;
mod audit;
mod backup;
mod child;
mod crash;
mod damage;
mod home;
mod instance;
mod journal;
mod lease;
mod model;
mod opening;
mod outbox;
mod people;
mod proxy;
mod room;
mod schema;
mod server;
mod task;
