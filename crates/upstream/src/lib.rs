//! What distributions publish, and how definition files follow.
//!
//! A definition file (the format of `lotse-images`) names, for each image, the build that a cloud
//! shall have: version, URL, checksum, date. Distributions publish new builds every few days. This
//! crate finds them and writes them into the files. It talks to no cloud.
//!
//! # Words
//!
//! - **definition**: one image of a definition file, as far as freshness is concerned ([`Definition`]).
//! - **source**: a small declared rule that says where a distribution lists its builds and how a
//!   build's version, URL and checksum are read from there ([`Source`]). Those of eleven
//!   distributions are built in; people add their own in a file.
//! - **build**: what a source leads to ([`Build`]).
//! - **finding**: what came of looking for a definition's newest build, with the reason
//!   ([`Finding`]).
//! - **mirror** (of a listing): where a host is reached from here instead; what is written into the
//!   files stays the upstream's URL.
//!
//! # The way of the data
//!
//! ```text
//! images/*.yml ─► declare ─► Definitions ─┐
//!                                         ├─► search (pure) ─► needs ─► fetch ─► Answers ─┐
//! rules ─► source ─► Sources ─────────────┤         ▲                                     │
//!                                         │         └─────────────────────────────────────┘
//!                                         └─► Findings ─► edit (pure) ─► write ─► commit
//! ```
//!
//! [`search()`] is a function from definition, source and the answers that are in hand to either what
//! must be asked next or a finding; it never waits and never sees a clock. [`look`](fn@look) asks, all
//! definitions together, each address once. [`edit`](fn@edit) changes the text of a file at the places of the
//! values that change and at no other; before a text is accepted it is parsed again and must differ
//! from the old one in the intended values only.
//!
//! # Invariants
//!
//! - A build is taken over only with version, URL and (where the definition has one) checksum from
//!   the same look: never a new version with an old checksum.
//! - The newest version of a definition never goes back.
//! - What a listing says is not trusted: sizes, counts and times are bounded, and what would become
//!   part of a file is checked for its form first.
//! - One definition that fails does not keep the others from being looked for.
//!
//! Start with [`search()`], then [`source`].

pub mod age;
pub mod commit;
pub mod declare;
pub mod edit;
pub mod error;
pub mod fetch;
pub mod listing;
mod look;
mod model;
pub mod order;
pub mod search;
pub mod source;
pub mod task;
mod template;
mod write;

pub use age::{Age, Ages, EndOfLife, Phase, ages};
pub use commit::{Committed, Git, commit};
pub use declare::Catalogue;
pub use edit::{EditError, History, edit};
pub use error::Error;
pub use fetch::{Client, Limits};
pub use look::look;
pub use model::{
    Answer, Answers, Build, Definition, FetchError, Finding, Outcome, Request, Version,
};
pub use search::{Step, search};
pub use source::{Source, Sources};
pub use write::{Change, Update, updates};
