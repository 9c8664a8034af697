//! What a cluster showed, without secrets.

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use super::version::Version;
use crate::snapshot::{Answer, Item, Proof};

/// What a cluster showed. In a snapshot of a cloud nothing of this was asked.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Cluster {
    /// What version it says it is, as it writes it (`v1.34.2+k3s1`).
    #[serde(skip_serializing_if = "Answer::is_not_asked")]
    pub version: Answer<String>,
    /// Its nodes: `id`, `name`, `labels` that speak of places and roles, `ready`.
    #[serde(skip_serializing_if = "Answer::is_not_asked")]
    pub nodes: Answer<Vec<Item>>,
    /// Its storage classes: `id`, `name`, `default`, `provisioner`, `volumeBindingMode`.
    #[serde(skip_serializing_if = "Answer::is_not_asked")]
    pub storage_classes: Answer<Vec<Item>>,
    /// What became of a claim for a volume of the default class.
    #[serde(skip_serializing_if = "Answer::is_not_asked")]
    pub claim: Answer<Proof>,
    /// Results of the conformance suite of the CNCF.
    #[serde(skip_serializing_if = "Answer::is_not_asked")]
    pub conformance: Answer<Results>,
    /// Results of the tests of network policies.
    #[serde(skip_serializing_if = "Answer::is_not_asked")]
    pub networking: Answer<Results>,
    /// Which ports of the API's host are open.
    #[serde(skip_serializing_if = "Answer::is_not_asked")]
    pub ports: Answer<Vec<Port>>,
    /// How kubelets are configured: `id`, `name` of the node, and `anonymous`, `mode`, `readOnlyPort`,
    /// or `trouble`.
    #[serde(skip_serializing_if = "Answer::is_not_asked")]
    pub kubelets: Answer<Vec<Item>>,
    /// Pods of the API server: `id`, `name`, `flags` that speak of identity and permission.
    #[serde(skip_serializing_if = "Answer::is_not_asked")]
    pub api_servers: Answer<Vec<Item>>,
    /// Namespaces: `id`, `name`, and `labels` and `annotations` that speak of pod security.
    #[serde(skip_serializing_if = "Answer::is_not_asked")]
    pub namespaces: Answer<Vec<Item>>,
}

impl Cluster {
    /// Whether nothing was asked: the snapshot is one of a cloud.
    pub fn is_untouched(&self) -> bool {
        *self == Self::default()
    }
}

/// A port of the host on which the API answers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Port {
    /// Its number.
    pub number: u16,
    /// Whether somebody answers there.
    pub open: bool,
}

/// Results of a run of the conformance suite.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Results {
    /// What was read: names of files, without folders.
    pub files: Vec<String>,
    /// When the run ended (UTC), if it says so.
    pub finished: Option<DateTime>,
    /// The version of the cluster that it ran on, if it says so.
    pub version: Option<Version>,
    /// How many tests passed.
    pub passed: usize,
    /// How many tests of the conformance suite are among those.
    pub passed_conformance: usize,
    /// How many tests were skipped.
    pub skipped: usize,
    /// The names of the tests that failed.
    pub failed: Vec<String>,
    /// Failures that the standards accept.
    pub accepted: Vec<Accepted>,
}

/// A failure that the standards accept.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Accepted {
    /// Matches somewhere in the name of the test.
    pub regex: String,
    /// Why it may fail.
    pub reason: String,
}
