//! A journal, leases, a desk of changes and an executor in memory, for tests of the engine and of capabilities.

mod desk;
mod executor;
mod journal;
mod leases;

pub use desk::MemoryDesk;
pub use executor::{Reply, ScriptedExecutor};
pub use journal::{Entry, MemoryJournal};
pub use leases::MemoryLeases;
