//! State in one schema on SQLite and PostgreSQL.
//!
//! Everything a restart must not lose is kept here, through one handle, [`Store`]:
//!
//! | module | keeps | who uses it |
//! | --- | --- | --- |
//! | [`journal`] | intents and their conclusions | the engine, through [`lotse_core::journal::Journal`] |
//! | [`lease`] | who holds what until when | tasks and applies, through [`lotse_core::lease::Leases`] |
//! | [`outbox`] | events, and how far each reader has come | capabilities, to tell each other facts |
//! | [`audit`] | who did what, in a hash chain | everything a person or the daemon changes |
//! | [`task`] | the last activation of each task | the daemon and the console |
//! | [`session`], [`token`], [`ticket`] | who may come in, by the hashes of their secrets | the console and the API |
//! | [`answer`] | what writes with an idempotency key were answered | the API |
//! | [`run`] | the history of runs | `apply`, checks, scenarios |
//! | [`housekeeping`] | (removes what is old, verifies the audit log) | the daemon, as a task |
//! | [`backup`] | (copies a state of SQLite, and goes back to a copy) | people |
//! | [`instance`] | which daemon owns a state directory | `serve` |
//!
//! # One dialect
//! The same statements run on both engines through `sqlx::any`: `$1` parameters, ids as text, times
//! as microseconds since the epoch in `BIGINT`, JSON as text. What has nanoseconds loses them here.
//! The schema is brought up to date when the store is opened ([`migrate`]).
//!
//! # SQL of a capability
//! A capability hands its schema to [`Store::open_with`] as a [`migrate::Part`] and runs its
//! statements through [`Store::read`], [`Store::execute`], [`Store::write`] and [`Transaction`];
//! [`row::Columns`] reads what came back.
//!
//! # What is promised
//! - When a writing method returns `Ok`, the write survives `kill -9` and, as far as the disk keeps
//!   its word, the loss of power: SQLite runs with `synchronous=FULL`, and PostgreSQL with
//!   `synchronous_commit` at least `on`.
//! - When it returns `Err`, nothing of it is there, except after a lost connection, when nobody can
//!   know; every method can be called again with the same arguments.
//! - A transaction that is dropped leaves nothing behind.
//!
//! # Traps
//! - The driver can take one row of a writing statement and stop before the commit was confirmed; its
//!   error is then lost. [`Store::write`] reads to the end, so nobody has to think of it.
//! - SQLite has one writer at a time. It gets one connection of its own for which writers queue, so
//!   that they wait in order and not by chance; readers have others.
//! - Tokio's paused clock cannot be used together with a store: the database works outside the
//!   runtime, so the clock jumps to the deadlines.

pub mod answer;
pub mod audit;
pub mod backup;
pub mod error;
pub mod foreign;
pub mod housekeeping;
pub mod instance;
pub mod journal;
pub mod lease;
pub mod migrate;
pub mod outbox;
pub mod row;
pub mod run;
pub mod session;
pub mod task;
#[cfg(feature = "testing")]
pub mod testing;
pub mod ticket;
pub mod token;

mod lent;
mod open;
mod store;
mod transaction;
mod url;

pub use sqlx;

pub use crate::error::Error;
pub use crate::instance::InstanceLock;
pub use crate::store::{Query, Store, StoreOptions};
pub use crate::transaction::Transaction;
pub use crate::url::StoreUrl;
