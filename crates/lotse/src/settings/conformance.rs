//! Arguments of `lotse conformance` become what a check needs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use jiff::civil::{Date, DateTime};
use lotse_conformance::executable::Permit;
use lotse_conformance::feed::Feeds;
use lotse_conformance::judge::Choice;
use lotse_conformance::observe::Reach;
use lotse_conformance::report::sshsig::{self, SigningKey};
use lotse_conformance::report::upload::{Monitor, Writing};
use lotse_conformance::snapshot::Answer;
use lotse_conformance::snapshot::seal::{Seal, read_keys};
use lotse_conformance::spec::Spec;
use lotse_conformance::tempest::{self, Tempest};
use lotse_conformance::testcase::Need;
use lotse_conformance::{Mode, Snapshot, Testcase, judge, profile};
use lotse_core::secret::SecretSource;
use lotse_core::time::Timestamp;

use super::{Environment, LOTSE_MONITOR_TOKEN, secret};
use crate::cli::conformance::{CheckArguments, SourceArguments, TempestArguments, UploadArguments};
use crate::cli::conformance_cluster::ClusterArguments;
use crate::failure::{Error, Failure};

/// What is judged, and when.
#[derive(Debug)]
pub(crate) struct Source {
    /// The snapshot that was named.
    pub(crate) snapshot: Option<Snapshot>,
    /// Whose signature it carries.
    pub(crate) seal: Option<Seal>,
    /// For when it is judged (UTC).
    pub(crate) at: DateTime,
    /// The versions that were named.
    pub(crate) versions: Vec<String>,
    /// How far a cloud may be looked at.
    pub(crate) reach: Reach,
    /// The cluster that was named.
    pub(crate) cluster: ClusterArguments,
    /// What Tempest found out, if its results were named.
    pub(crate) tempest: Answer<Tempest>,
    /// The clouds of two managers of domains, if they were named.
    pub(crate) managers: Option<[String; 2]>,
    /// How many clouds are looked at at the same time.
    pub(crate) at_once: usize,
}

impl Source {
    /// Reads what the arguments name.
    pub(crate) fn resolve(arguments: &SourceArguments, now: Timestamp) -> Result<Self, Failure> {
        let pinned = arguments.trusted_keys.as_deref().map(read_keys).transpose()?;
        let read = |path| Snapshot::read_sealed(path, pinned.as_deref());
        let (mut snapshot, seal) = arguments.from.as_deref().map(read).transpose()?.unzip();
        if let (Some(snapshot), Some(feeds)) = (&mut snapshot, &arguments.cluster.feeds) {
            snapshot.feeds = Feeds::read(feeds)?;
        }
        let at = match &arguments.at {
            Some(written) => instant(written)?,
            None => judge::utc(snapshot.as_ref().map_or(now, |snapshot| snapshot.taken_at)),
        };
        let tempest = tempest(&arguments.tempest)?;
        if let Some(snapshot) = &mut snapshot {
            given(&tempest, snapshot);
        }
        let named = arguments.domain_managers.clone();
        let managers = match <[String; 2]>::try_from(named) {
            Ok(pair) => Some(pair),
            Err(none) if none.is_empty() => None,
            Err(_) => return Err(Error::Managers.into()),
        };
        let at_once = arguments.at_once;
        let (versions, cluster) = (arguments.versions.clone(), arguments.cluster.clone());
        let reach = reach(arguments.read_only);
        Ok(Self { snapshot, seal, at, versions, reach, cluster, tempest, managers, at_once })
    }

    /// Whether a cluster is judged, and no cloud.
    fn is_cluster(&self) -> bool {
        let recorded = self.snapshot.as_ref().is_some_and(|one| !one.cluster.is_untouched());
        recorded || self.cluster.kubeconfig.is_some()
    }
}

impl Source {
    /// Everything that counts, read in this mode.
    pub(crate) fn choice(&self, mode: Mode) -> Choice {
        Choice { versions: self.versions.clone(), ..Choice::everything(self.at, mode) }
    }
}

/// Reads the results of Tempest that the arguments name.
pub(crate) fn tempest(arguments: &TempestArguments) -> Result<Answer<Tempest>, Failure> {
    let demanded = arguments.tempest_list.as_deref().map(tempest::read_list).transpose()?;
    Ok(match &*arguments.tempest_results {
        [] => Answer::NotAsked,
        paths => tempest::read(paths, demanded.unwrap_or_default()),
    })
}

/// Puts the results of Tempest that were named into a snapshot; its own ones stay otherwise.
pub(crate) fn given(tempest: &Answer<Tempest>, snapshot: &mut Snapshot) {
    if !tempest.is_not_asked() {
        snapshot.tempest = tempest.clone();
    }
}

/// How far a cloud may be looked at.
pub(crate) const fn reach(read_only: bool) -> Reach {
    if read_only { Reach::ReadOnly } else { Reach::Active }
}

/// The scope that the arguments name.
pub(crate) fn scope(
    arguments: &SourceArguments,
    source: &Source,
    mode: Mode,
) -> Result<Spec, Failure> {
    let usual = if source.is_cluster() { "scs-kaas" } else { "scs-iaas" };
    Ok(match &arguments.spec {
        Some(path) => Spec::read(path, mode)?,
        None => profile::named(arguments.profile.as_deref().unwrap_or(usual), mode)?,
    })
}

/// A monitor to which reports go, and what signs them.
pub(crate) struct Upload {
    monitor: Monitor,
    key: SigningKey,
}

impl Upload {
    /// The monitor that the arguments name, if they do.
    pub(crate) fn resolve(
        arguments: &UploadArguments,
        key: Option<&Path>,
        environment: &Environment,
    ) -> Result<Option<Self>, Failure> {
        let (Some(address), Some(key)) = (&arguments.upload, key) else { return Ok(None) };
        let source = match &arguments.upload_token {
            Some(path) => SecretSource::File(path.clone()),
            None => SecretSource::Env(LOTSE_MONITOR_TOKEN.to_owned()),
        };
        let token = secret::read("the compliance monitor", &source, environment)?;
        Ok(Some(Self { monitor: Monitor::new(address, &token)?, key: sshsig::read(key)? }))
    }

    /// Signs a report and hands it in; says where.
    pub(crate) async fn send(&self, report: &str, writing: Writing) -> Result<String, Failure> {
        self.hand_in(&sshsig::sign_report(&self.key, report), writing).await
    }

    /// Hands in what is signed already, and says where.
    pub(crate) async fn hand_in(&self, signed: &str, writing: Writing) -> Result<String, Failure> {
        self.monitor.upload(signed, writing).await?;
        Ok(self.monitor.address())
    }
}

/// What the scope's own executables may do on this cloud, if they may do anything.
pub(crate) fn permit(
    arguments: &CheckArguments,
    cloud: &str,
    environment: &Environment,
) -> Option<Permit> {
    let allowed = &arguments.executables;
    let scope = arguments.source.spec.as_deref().filter(|_| allowed.run_executables)?;
    let directory = scope.parent().filter(|parent| !parent.as_os_str().is_empty());
    let passed = allowed.pass_env.iter();
    let passed = passed.filter_map(|name| Some((name.clone(), environment.get(name)?.to_owned())));
    let mut assignments: BTreeMap<String, String> = allowed.assign.iter().cloned().collect();
    assignments.entry("os_cloud".to_owned()).or_insert_with(|| cloud.to_owned());
    Some(Permit {
        // A program without a slash would be looked up elsewhere.
        directory: std::path::absolute(directory.unwrap_or_else(|| Path::new("."))).ok()?,
        environment: passed.collect(),
        assignments,
        deadline: Duration::from_secs(allowed.executable_timeout),
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
