//! How the content of a large file gets from where it is published to where it is needed, verified.
//!
//! Disk images are gigabytes that come from busy mirrors over connections that break. This crate
//! fetches them, keeps what it has over interruptions and restarts, and says what exactly arrived. It
//! knows nothing of clouds and catalogues.
//!
//! # Words
//!
//! - **source**: where the content is published: `http(s)` or a local file ([`Source`]).
//! - **spool**: the file into which a source is downloaded, and its **journal** beside it, which says
//!   which **pieces** are in it. Both outlive the process; a later call goes on where they end.
//! - **piece**: what the journal counts, a power of two of bytes, about a 4096th of the file.
//! - **span**: several pieces in a row, asked for with one range request.
//! - **prefix**: how much of the file is there without a gap from its beginning. The hashes follow it.
//! - **digests**: what was computed over the content; **checksum**: what somebody says it must be.
//!
//! # The way of the data
//!
//! ```text
//!  Source ─► Fetcher::spool ─► first range: does the server know ranges?
//!                │                    │ 206                     │ 200
//!                │              spans on several          one connection,
//!                │              connections, pwrite       in order
//!                │                    ▼                         ▼
//!                │              spool file ◄── journal     spool file
//!                │                    │ prefix                  │
//!                │              one thread per hash        hashes inline
//!                ▼                    ▼                         ▼
//!             Spooled { path, size, digests }: verified, or an error and no file
//! ```
//!
//! From a spool, or from [`Fetcher::stream`] where there is no disk for one, content goes on as a
//! stream: unpacked ([`Unpack`]), or read out of a disk image ([`qcow2`]). What it really is is looked
//! at ([`Content`]).
//!
//! What somebody says about content stands in lists of checksums ([`manifest`]) and may be signed ([`signature`]); what was fetched once may be kept
//! ([`Mirror`]).
//!
//! # What always holds
//!
//! 1. What is handed out has the declared checksum. A spool whose content has another one is removed.
//! 2. Pieces of two versions of a file are never mixed: every range request carries the validator of
//!    the first answer (`If-Range`), every answer is compared with it, and a change starts anew.
//! 3. The journal never claims more than the disk holds. A piece is marked *written* after its bytes
//!    are in the file, which is true as long as the machine runs (the journal remembers the boot);
//!    it is marked *synced* after `fdatasync`, which is true after a power failure, too.
//! 4. A failure costs the rest of one span at most; only that is asked for again. A killed process
//!    costs less than a hundredth of a large file.
//! 5. Memory is bounded by the number of connections, never by the size of the file.
//! 6. A download that began on the public internet is not led to an internal address ([`guard`]).
//! 7. One spool belongs to one process: the file is locked while it is written.
//!
//! Start reading at [`Fetcher::spool`].

mod checksum;
mod client;
pub mod content;
mod download;
mod error;
mod flow;
mod follow;
pub mod guard;
mod limits;
pub mod manifest;
pub mod mirror;
mod publisher;
pub mod qcow2;
pub mod signature;
mod source;
pub mod unpack;

pub use checksum::{Algorithm, Checksum, Digests, Hashers, Malformed};
pub use client::{HttpOptions, client};
pub use content::Content;
pub use download::{Fetcher, Progress, Spooled, Streamed, Wanted, Watch};
pub use error::Error;
pub use flow::{Bytestream, Flow, Verdict};
pub use limits::Limits;
pub use mirror::{Bucket, Mirror};
pub use publisher::Publisher;
pub use signature::Keyring;
pub use source::Source;
pub use unpack::{Unpack, Unpacked};
