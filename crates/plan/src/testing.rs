//! A journal, leases and an executor in memory, for tests of the engine and of capabilities.

mod executor;
mod journal;
mod leases;

pub use executor::{Reply, ScriptedExecutor};
pub use journal::{Entry, MemoryJournal};
pub use leases::MemoryLeases;
