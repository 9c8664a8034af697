//! The image catalogue: declared definitions become verified, current images in Glance.
//!
//! # The way of the data
//!
//! ```text
//! definition files ─► declare ─► Catalog ─┐
//!                                         ├─► plan (pure) ─► Plan<Operation> ─► lotse_plan ─► apply ─► Glance
//! Glance ─► observe ─► Observed ──────────┘
//! ```
//!
//! | module | what it says |
//! | --- | --- |
//! | [`declare`] | definition files, in the format of the OSISM image manager, and their complaints |
//! | [`model`] | definitions, versions, checksums, images |
//! | [`observe`](mod@observe) | what is there, in two listings, and what upstream publishes |
//! | [`plan`](mod@plan) | which image holds which version, and what differs |
//! | [`share`] | who may use shared images |
//! | [`operation`] | what the steps of a plan do |
//! | [`apply`] | a step becomes requests |
//! | [`task`] | the same again and again, for the daemon |
//! | `metrics` | how old the images are, and how they stand, for Prometheus |
//! | [`inventory`], [`store`] | desired and actual side by side, remembered for the console |
//! | [`web`] | pages and operations of the API |
//! | [`copies`] | what is declared, kept in a mirror of one's own |
//! | [`verify`](mod@verify), [`history`](mod@history) | whether images are what was declared; which there were |
//! | [`config`] | the section `images:` of `lotse.yaml` |
//!
//! # Words
//!
//! - A **definition** declares an image with its **versions**. With `multi`, the newest version bears
//!   the plain name and older ones `name (version)`; without, each bears `name version`.
//! - An image is **ours** when it carries our tag and is public or belongs to our project. Nothing
//!   else is ever changed.
//! - An image **holds** the version that its own property `internal_version` names.
//! - An import is **pending** until its content is complete, verified and named: the properties
//!   [`MARKER`] and [`IMPORT_STATE`] of the image say so.
//!
//! # Invariants
//!
//! 1. No image is given the label of a content that it does not have.
//! 2. An image is invisible to others until its content is complete and, where the cloud knows a hash
//!    of the declared kind, verified.
//! 3. There are never two visible images of one name because of us.
//! 4. A second plan right after an apply is empty; applying it sends no write.
//! 5. Nothing is deleted that was promised to stay (its own `uuid_validity`), that somebody uses as far
//!    as can be seen, or that nobody consented to; and no definition loses an image to that before
//!    its successor has the name.
//! 6. What a rollback put in its place stays there until a version is declared that is newer than
//!    what was rolled back from.
//! 7. Where a boot test is wanted, no image that we import becomes visible, and none gives its name
//!    away to it, before a server of it came up; one that failed stays invisible whatever is wanted.
//! 8. A run that is killed anywhere leaves a state from which the next one goes on, without
//!    importing anything twice.
//!
//! # Where this differs from the OSISM image manager, on purpose
//!
//! A version that is not there is imported, whether or not an option asks for it; the old image is
//! never relabelled. Superseded images become `oldgeneric` at once, also when several versions are
//! imported the first time. Versions that somebody hid or deactivated after they were superseded stay so.
//! Deactivated images are not waited for. All properties are sent when the image is created, and
//! changes of an image as one request. What is hidden is hidden once. An upstream that does not answer
//! leaves its definition alone. A declared `sha512` (or `md5`) is verified for downloads by
//! Glance, too. `hidden` is honoured without an option.

pub mod apply;
pub mod config;
pub mod copies;
pub mod declare;
mod error;
mod glance;
pub mod history;
pub mod inventory;
mod metrics;
pub mod model;
mod nova;
pub mod observe;
pub mod operation;
mod options;
pub mod plan;
pub mod share;
pub mod store;
pub mod task;
pub mod verify;
pub mod web;

pub use apply::{Downloads, Executor};
pub use config::Config;
pub use declare::Catalog;
pub use error::Error;
pub use history::history;
pub use metrics::Metrics;
pub use observe::{
    Beside, Doubt, Observed, Trusted, Upstream, Use, mirrored, observe, observe_beside,
    observe_staged,
};
pub use operation::Operation;
pub use options::{DEFAULT_TAG, ImportPreference, Options, Retirement, day};
pub use plan::{Rollback, RollbackError, plan, roll_back};
pub use store::{Doer, PART, Shelf};
pub use task::{ImagesTask, Status, Tools};
pub use verify::verify;

/// The kind of object that this capability changes.
pub const KIND: &str = "image";

/// The property in which an image that Lotse creates carries its marker.
pub const MARKER: &str = "lotse_marker";

/// The property that says what we handed to Glance while an import of ours is pending: the SHA-512 of
/// the content.
pub const CONTENT: &str = "lotse_content";

/// The property that says which checksum we verified before Glance got the content: the declared one,
/// of the file as it is published. What is in Glance may be unpacked, so its own hash differs.
pub const VERIFIED: &str = "lotse_verified";

/// The property that says whether an import that Lotse began is `pending` or `done`.
pub const IMPORT_STATE: &str = "lotse_import";

/// The property of an image that a rollback brought back: the version from which was rolled back. The
/// image keeps the plain name until a newer version than that is declared.
pub const PINNED: &str = "lotse_pinned";

/// The property of an image that Glance refused to delete because it is in use: the day of that.
pub const RETAINED: &str = "lotse_retained";

/// The property of an image that says how its boot test stands: `begun`, `passed` or `failed`, the day
/// and, of a failure, the reason. Servers of boot tests carry the image's id under this name.
pub const BOOT: &str = "lotse_boot";
