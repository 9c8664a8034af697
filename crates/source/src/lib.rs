//! Where the estate comes from.
//!
//! The declared state of a cloud is a directory. Either somebody puts it there (a *folder*), or the
//! daemon follows a branch of a Git repository: it looks for a new commit by itself and when it is
//! told by a webhook, fetches it, examines it, and switches to it when it is in order.
//!
//! # Words
//!
//! - **source**: the folder, or the repository with its branch (or tag, or commit) and the path
//!   within it.
//! - **revision**: one commit of the repository.
//! - **head**: the revision that the branch shows now.
//! - **checkout**: the files of one revision, in a directory of its own that never changes again.
//! - **good** revision: fetched whole, rightly signed if signatures are asked for, safe to write to a
//!   disk, and found valid by those who read it. The one in use is always a good one.
//! - **broken** revision: a head that is not good. The last good one stays in use meanwhile.
//! - **status**: what all of this comes to now, for the page, the status file and the metrics.
//! - **history**: what happened until now, for the page: revisions taken, troubles begun and ended.
//!
//! # The way of the data
//!
//! ```text
//!  period, webhook ─► SourceTask ─► Source::refresh
//!                                      │ head?            transport (wire)
//!                                      │ new? ─ no ─────► Unchanged            decide (pure)
//!                                      │ fetch            transport ─► pack, index
//!                                      │ signature?       signature
//!                                      │ check out        names, checkout ─► revisions/NAME/tree
//!                                      │ valid?           the caller's `Validate`
//!                                      ▼
//!                          `current` ─► revisions/NAME/tree          layout
//! ```
//!
//! Everything the revision needs is fetched again for every revision (one commit deep, about the
//! size of the tree) and thrown away after the checkout: there is no repository to repair after a
//! crash, to collect garbage in, or to grow.
//!
//! # What always holds
//!
//! 1. A reader never sees half a checkout: a revision is written elsewhere, synced, renamed into
//!    place, examined, and only then does the link `current` move, by an atomic rename. Who reads
//!    resolves the link once and then reads a directory that nobody changes.
//! 2. The last good revision stays in use when a new one is broken, when the repository cannot be
//!    reached, when the branch is gone, and over restarts, without any network.
//! 3. The revision in use, the one before it and those that somebody holds ([`Checkout`]) are not
//!    removed.
//! 4. Nothing of the repository is executed, interpreted or followed: no hooks, no filters, no
//!    submodules, no attributes; links lead to files of the same tree or the revision is broken.
//!    Names are those that every file system takes for what they look like ([`names`]).
//! 5. Whatever a server sends costs a bounded number of bytes, files, seconds and processes
//!    ([`Limits`]). A redirect never leads to another host, and no credential goes there.
//! 6. A webhook carries no data: with the right signature it asks for a look, early. A flood of them
//!    costs a few looks a minute.
//!
//! # Why not all of gitoxide
//!
//! Packs are indexed and read by `gix-pack`, objects by `gix-object`, with the hash that notices
//! attacks on SHA-1. The conversation with the server (protocol version 2: two commands) is our own:
//! that of `gix` runs on threads that cannot be cancelled, takes any number of bytes, may follow
//! redirects to other hosts, and brings four times the crates.
//!
//! Start reading at [`Source::refresh`].

mod archive;
mod checkout;
pub mod config;
pub mod console;
mod credentials;
mod decide;
mod error;
mod history;
mod layout;
mod limits;
mod metrics;
mod model;
pub mod names;
pub mod signature;
mod source;
mod status;
mod task;
mod transport;
pub mod webhook;
pub mod wire;

pub use credentials::Credentials;
pub use error::Error;
pub use history::{Happening, What};
pub use layout::Checkout;
pub use limits::Limits;
pub use metrics::SourceMetrics;
pub use model::{CommitId, Revision, SignatureState};
pub use source::{Folder, Git, Outcome, Programs, Source, Validate};
pub use status::{Broken, Fault, Status, Trouble, Verdict};
pub use task::SourceTask;
