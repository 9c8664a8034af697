//! Arguments of `lotse conformance` become what a check needs.

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime};
use lotse_conformance::judge::Choice;
use lotse_conformance::observe::Reach;
use lotse_conformance::spec::Spec;
use lotse_conformance::testcase::Need;
use lotse_conformance::{Mode, Snapshot, Testcase, judge, profile};
use lotse_core::time::Timestamp;

use crate::cli::conformance::SourceArguments;
use crate::failure::{Error, Failure};

/// What is judged, and when.
#[derive(Debug)]
pub(crate) struct Source {
    /// The snapshot that was named.
    pub(crate) snapshot: Option<Snapshot>,
    /// For when it is judged (UTC).
    pub(crate) at: DateTime,
    /// The versions that were named.
    pub(crate) versions: Vec<String>,
    /// How far a cloud may be looked at.
    pub(crate) reach: Reach,
}

impl Source {
    /// Reads what the arguments name.
    pub(crate) fn resolve(arguments: &SourceArguments, now: Timestamp) -> Result<Self, Failure> {
        let snapshot = arguments.from.as_deref().map(Snapshot::read).transpose()?;
        let at = match &arguments.at {
            Some(written) => instant(written)?,
            None => judge::utc(snapshot.as_ref().map_or(now, |snapshot| snapshot.taken_at)),
        };
        let versions = arguments.versions.clone();
        Ok(Self { snapshot, at, versions, reach: reach(arguments.read_only) })
    }
}

impl Source {
    /// Everything that counts, read in this mode.
    pub(crate) fn choice(&self, mode: Mode) -> Choice {
        Choice { versions: self.versions.clone(), ..Choice::everything(self.at, mode) }
    }
}

/// How far a cloud may be looked at.
pub(crate) const fn reach(read_only: bool) -> Reach {
    if read_only { Reach::ReadOnly } else { Reach::Active }
}

/// The scope that the arguments name.
pub(crate) fn scope(arguments: &SourceArguments, mode: Mode) -> Result<Spec, Failure> {
    Ok(match &arguments.spec {
        Some(path) => Spec::read(path, mode)?,
        None => profile::named(&arguments.profile, mode)?,
    })
}

/// What has to be observed for these testcases.
pub(crate) fn needs<'a>(ids: impl IntoIterator<Item = &'a str>) -> BTreeSet<Need> {
    ids.into_iter().filter_map(Testcase::find).map(|testcase| testcase.need()).collect()
}

/// A day means its beginning.
fn instant(written: &str) -> Result<DateTime, Error> {
    let instant = written.strip_suffix('Z').unwrap_or(written).parse::<DateTime>();
    let day = || written.parse::<Date>().map(|date| date.at(0, 0, 0, 0));
    instant
        .or_else(|_| day())
        .map_err(|source| Error::Date { written: written.to_owned(), source: Box::new(source) })
}
