//! Kubernetes as a service: what the standards of SCS demand of clusters.
//!
//! ```text
//! kubeconfig ─► Access ─► Api ─► observe ─► Cluster ─┐
//! results of the conformance suite ─► suite ─────────┼─► Snapshot ─► check (pure) ─► Judgement
//! releases, ends of support, CVEs ─► feed ───────────┘
//! ```
//!
//! A cluster is read with a few lists of its API ([`api`]); nothing of it is changed unless
//! [`Reach::Active`](crate::observe::Reach) allows a claim for a volume to be made for a moment. The
//! conformance suite of the CNCF runs for hours and in the cluster itself, so its results are
//! imported ([`suite`]).

pub mod access;
pub mod api;
mod check;
mod claim;
pub mod cluster;
pub mod observe;
mod registry;
pub mod suite;
pub mod version;

pub use access::Access;
pub use api::Api;
pub(crate) use check::judge;
pub use cluster::Cluster;
pub use registry::{Check, Part};
pub use version::{Branch, Version};
