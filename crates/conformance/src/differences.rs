//! Where the upstream tools and the texts of the standards disagree, and why.

#[cfg(test)]
mod tests;

use jiff::civil::DateTime;
use lotse_scs::Mode;
use serde::Serialize;

use crate::error::Error;
use crate::judge::{Choice, judge};
use crate::model::Verdict;
use crate::snapshot::Snapshot;
use crate::spec::Spec;
use crate::testcase::{Property, Testcase};

/// A testcase on which the two modes disagree.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Difference {
    /// The testcase.
    pub testcase: String,
    /// What the upstream tools say.
    pub upstream: Verdict,
    /// Why they say so.
    pub upstream_because: String,
    /// What the standard says.
    pub standard: Verdict,
    /// Why it says so.
    pub standard_because: String,
    /// How the two readings differ in general.
    pub oddity: &'static str,
}

/// Judges a snapshot in both modes and tells where they differ.
pub fn differences(
    spec: &Spec,
    snapshot: &Snapshot,
    versions: &[String],
    at: DateTime,
) -> Result<Vec<Difference>, Error> {
    let choice = |mode| Choice { versions: versions.to_owned(), ..Choice::everything(at, mode) };
    let upstream = judge(spec, snapshot, &choice(Mode::Upstream))?;
    let standard = judge(spec, snapshot, &choice(Mode::Standard))?;
    let pairs = upstream.testcases.into_iter().zip(standard.testcases.into_values());
    Ok(pairs
        .filter(|((_, one), other)| one.judgement.verdict != other.judgement.verdict)
        .map(|((id, one), other)| Difference {
            oddity: Testcase::find(&id).map_or("", |testcase| oddity(&testcase)),
            testcase: id,
            upstream: one.judgement.verdict,
            upstream_because: one.judgement.summary,
            standard: other.judgement.verdict,
            standard_because: other.judgement.summary,
        })
        .collect())
}

/// How the two readings of a testcase differ, in one or two sentences.
pub const fn oddity(testcase: &Testcase) -> &'static str {
    match testcase {
        Testcase::FlavorSyntax => {
            "Upstream takes leading zeros, numbers that begin or end with a point, and disks without \
             size; it reads _ib after a GPU without units as the generation of the GPU. Without \
             names to look at, it passes."
        }
        Testcase::FlavorSemantics => {
            "Upstream gives up when a disk has no size. Without names to look at, it passes."
        }
        Testcase::Flavor(_) => {
            "Upstream wants disk0-type network where the name does not say the kind of disk; the \
             text allows any."
        }
        Testcase::ImageProperty(Property::MinDisk) => {
            "One image that is still being made has no size, and upstream gives up for all."
        }
        Testcase::ImageProperty(_) | Testcase::ImageUniqueness => {
            "Upstream sees neither hidden images nor that there are none at all."
        }
        Testcase::ImageRecency => {
            "Upstream does not see hidden images, knows one image of each name, and gives up when an \
             outdated one lacks provided_until."
        }
        Testcase::ImageSource(_) | Testcase::Image(_) => {
            "Upstream does not see hidden images, knows one image of each name, and lets more follow \
             the version in names of node images."
        }
        Testcase::VolumeTypeSyntax => "Upstream passes when there are no volume types.",
        Testcase::VolumeTypeAspect(_) => "",
        Testcase::DefaultRules => {
            "Upstream does not count rules that write out everything (0.0.0.0/0, ::/0), and counts \
             rules for one protocol or port."
        }
        Testcase::Service(_) => "Upstream knows one name of S3 in the catalogue.",
        Testcase::SwiftS3 => "Upstream passes without object storage; the text makes S3 mandatory.",
        Testcase::Draft(_) => "Upstream has no tool for this draft; both modes judge alike.",
        Testcase::Kubernetes(check) => check.oddity(),
        Testcase::KeyManager
        | Testcase::KeyManagerPermissions
        | Testcase::VolumeBackup
        | Testcase::BlockStorage
        | Testcase::Entropy
        | Testcase::RandomnessQuality => {
            "Upstream judges nothing unless the user is a plain member."
        }
    }
}
