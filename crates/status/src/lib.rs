//! The status page: what the users of the cloud see.
//!
//! # Words
//!
//! - **component**: something users use; its labels `region` and `group` order the page.
//! - **incident**: something that touched components for some time. An **impact** says which one, in
//!   which way (**impact type**) and how badly (**severity**, 0 to 100). With severity 0 it is planned
//!   work: **maintenance**, which needs an end.
//! - **update**: a message about an incident, numbered from 0 without gaps; numbers are never reused.
//! - **phase**: where the handling of an incident stands, by generation and place: lists of phases are
//!   never changed, a new **generation** follows.
//! - **band**: a name for severities up to a value (the API calls it severity).
//! - **book**: all of this at one moment. **fact**: one object as it is from now on.
//!
//! # The way of a write
//!
//! ```text
//! request ─► wire ─► Command ─► Desk ─► decide (pure) ─► facts ─┬─► rows, outbox, audit log (one commit)
//!                                                               └─► Book ─► Snapshot ─► every reader
//! ```
//!
//! # The way of a read
//!
//! A reader takes the [`snapshot::Snapshot`] that was exchanged last and answers from it; no
//! database is asked. Answers are rendered once, in a plain, a gzip and a brotli form, with strong
//! entity tags ([`answer`]).
//!
//! # What is promised
//!
//! - What was acknowledged is stored; who reads after the acknowledgement sees it.
//! - Writers of all processes queue, so that numbers of updates and generations have no gaps.
//! - When the database is gone, the page is still answered as it was last read; writes say 503.
//! - Everything wrong with a request is told with a status of the 4xx, and what is wrong.
//!
//! # Where the reference is corrected on purpose
//!
//! - `activelyAffectedBy` means the present when no `at` is given: running maintenance is shown, an
//!   incident that begins tomorrow is not.
//! - `endedAt: null` opens an incident again; every other null means that nothing is said.
//! - An incident without a phase gets the first one of the newest generation.
//! - Numbers of removed updates are not given again; lists are sorted.
//!
//! # Where to start
//!
//! [`model`] and [`book`] have the words, [`decide`] the rules, [`desk`] the writing.

pub mod answer;
mod api;
pub mod archive;
pub mod audience;
mod badge;
mod base;
pub mod book;
pub mod bundle;
pub mod client;
pub mod command;
pub mod config;
pub mod console;
pub mod decide;
pub mod desk;
pub mod detect;
mod document;
mod doorkeeper;
mod error;
mod event;
pub mod extra;
mod feeds;
pub mod foreign;
mod form;
mod kept;
pub mod level;
mod metrics;
pub mod model;
pub mod pages;
pub mod private;
pub mod provision;
pub mod proxies;
pub mod readers;
pub mod recur;
pub mod report;
pub mod session;
pub mod site;
pub mod sla;
pub mod snapshot;
mod statuspage;
mod store;
pub mod subscribe;
mod wire;
pub mod writer;

pub use desk::Desk;
pub use error::Error;
pub use store::PART;
