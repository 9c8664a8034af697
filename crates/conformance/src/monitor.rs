//! The compliance monitor: takes reports, keeps what they say, shows what it comes to.
//!
//! # The way of a report
//!
//! ```text
//! upload ─► api (type, password, size) ─► signature ─► incoming ─► desk ─► store, one transaction:
//!                                                                   │      report, newest results, event
//! pages, /status ◄── view (cached by revision and day) ◄── standing ┘
//! ```
//!
//! The addresses, the upload rules and the forms of reports are those of the compliance monitor of
//! SCS, so that its runner can report here and ours there. What differs is meant to:
//!
//! - missing and aborted results are no passes ([`standing`]);
//! - times are UTC, and a clock that is ahead gains nothing ([`incoming`]);
//! - a report about an unknown scope, or without any testcase of its scope, is refused;
//! - `table_full`, `detail_full` and `report_full` are for those who may read everything.
//!
//! # Promises
//!
//! 1. A report is stored wholly, with the newest results and the event about them, or not at all.
//! 2. A report is taken once; it can be sent again only when it is so old that it is refused for that.
//! 3. What is shown depends on the state and the day alone.
//! 4. Passwords are kept as sums; the public sees no line of a log that is not a verdict or a warning.

pub mod account;
mod api;
pub mod config;
pub mod console;
mod desk;
mod doc;
mod flavor;
mod foreign;
pub mod incoming;
mod metrics;
mod pages;
mod public;
mod refusal;
pub mod schedule;
pub mod signature;
pub mod site;
pub mod standing;
mod status;
mod store;
pub mod task;
mod view;

pub use config::Config;
pub use desk::{Monitor, Sender};
pub use foreign::Imported;
pub use refusal::Refusal;
pub use store::PART;
