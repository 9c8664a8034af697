//! What is published about versions of Kubernetes: releases, ends of support, CVEs.
//!
//! Rules on how new a version is need to know what else there is. What was published is recorded in
//! the snapshot with its source and date, so that a check is the same whenever it is repeated, and can
//! be made for days to come: what is recorded then counts as if nothing new were published.
//!
//! ```text
//! publications ─► fetch ─► Feeds ─► file ─► Snapshot ─► check
//! ```

pub mod cve;
mod fetch;
mod file;
pub mod parse;

use jiff::civil::Date;
use lotse_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kaas::version::{Branch, Version};
use crate::snapshot::Answer;

pub use cve::Cve;
pub use fetch::{Publications, fetch};
pub use file::built_in_support;

/// What was published, when it was looked at.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Feeds {
    /// Releases of Kubernetes.
    pub releases: Answer<Feed<Vec<Release>>>,
    /// How long branches are supported.
    pub support: Answer<Feed<Vec<Support>>>,
    /// CVEs of Kubernetes.
    pub cves: Answer<Feed<Cves>>,
}

impl Feeds {
    /// Whether nothing was asked.
    pub fn are_untouched(&self) -> bool {
        *self == Self::default()
    }
}

/// Something that was published.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Feed<T> {
    /// Where.
    pub source: String,
    /// When it was read.
    pub read_at: Timestamp,
    /// What.
    pub entries: T,
}

/// A release.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Release {
    /// Which.
    pub version: Version,
    /// When it was published.
    pub published: Timestamp,
}

/// How long a branch is supported.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Support {
    /// Which branch.
    pub branch: Branch,
    /// The first day on which it is not supported any more.
    pub end: Date,
}

/// CVEs, and those that could not be read.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Cves {
    /// Those that were read.
    pub known: Vec<Cve>,
    /// Those that were not, with the reason.
    pub unread: Vec<Unread>,
}

/// A CVE that could not be read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Unread {
    /// Its id.
    pub id: String,
    /// Why not.
    pub why: String,
}
