//! Clouds that this daemon checks itself: one task each, which checks again only what has to be.
//!
//! A testcase is due when nobody has a result of it, when its result would expire before the task has
//! looked twice more, when it was aborted, or when it failed longer ago than [`AGAIN`], so that what
//! was mended is seen. Whoever else reports about the subject counts as well: what their checker has
//! found out is not asked again. Testcases that need to change the cloud are left out unless the
//! configuration allows them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lotse_core::error::Explain;
use lotse_core::task::{Report, Task};
use lotse_core::time::{SharedClock, SignedDuration, Timestamp};
use lotse_openstack::Cloud;
use lotse_plan::Engine;
use lotse_scs::Mode;
use lotse_store::Store;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::config::CloudConfig;
use super::desk::{Monitor, Sender};
use super::incoming::{Incoming, Media};
use super::refusal::Refusal;
use super::standing::{Latest, day};
use super::store::Upload;
use crate::error::Error;
use crate::judge::{Choice, Outcome, judge, utc};
use crate::model::Verdict;
use crate::observe::{Lab, Options, Reach, observe_alone};
use crate::report::{self, Generation, Run, yaml};
use crate::spec::Spec;
use crate::testcase::{Need, Testcase};

/// After so long what failed is looked at again.
const AGAIN: SignedDuration = SignedDuration::from_hours(12);

/// With what a cloud is checked.
#[derive(Clone, Debug)]
pub struct Tools {
    /// Journal of what is tried out.
    pub store: Arc<Store>,
    /// Its leases.
    pub engine: Engine,
    /// The time.
    pub clock: SharedClock,
}

/// Checks one cloud.
#[derive(Debug)]
pub struct CheckTask {
    name: String,
    description: String,
    monitor: Monitor,
    cloud: Cloud,
    subject: String,
    scope: String,
    active: BTreeSet<Need>,
    period: Duration,
    tools: Tools,
}

impl CheckTask {
    /// The task of a cloud; `None` if the configuration names a scope that the monitor does not have.
    pub fn new(
        config: &CloudConfig,
        profile: Option<&Spec>,
        monitor: Monitor,
        cloud: Cloud,
        tools: Tools,
    ) -> Option<Self> {
        let scope = match (&config.scope, profile) {
            (None, _) => monitor.scopes().first()?,
            (Some(_), Some(profile)) => monitor.scope(&profile.uuid)?,
            (Some(name), None) => monitor.scope(name)?,
        };
        let subject = config.subject.as_ref().unwrap_or(&config.cloud);
        Some(Self {
            name: format!("conformance/{}", config.cloud),
            description: format!("checks the cloud {} for {}", config.cloud, scope.name),
            scope: scope.uuid.clone(),
            subject: subject.clone(),
            active: config.active.iter().map(|test| test.need()).collect(),
            period: Duration::from_secs(60 * u64::from(config.every_minutes)),
            monitor,
            cloud,
            tools,
        })
    }

    async fn run(&self, cancelled: &CancellationToken) -> Result<Report, Failure> {
        let now = self.tools.clock.now();
        let unknown = || Refusal::NotFound("such scope");
        let spec = self.monitor.scope(&self.scope).ok_or_else(unknown)?;
        let view = self.monitor.view().await.map_err(Refusal::from)?;
        let row = view.rows.get(&(self.subject.clone(), self.scope.clone()));
        let latest = row.map(|row| &row.latest);
        let horizon = SignedDuration::try_from(self.period * 2).unwrap_or(AGAIN);
        let due = due(spec, latest, (now, horizon), &self.active);
        if due.is_empty() {
            return Ok(Report {
                summary: "nothing has to be checked again".to_owned(),
                ..Report::default()
            });
        }
        let needs = due.iter().filter_map(|id| Testcase::find(id)).map(|one| one.need()).collect();
        let reach = if self.active.is_empty() { Reach::ReadOnly } else { Reach::Active };
        let run = Uuid::new_v4();
        let options = Options { reach, needs, now, run };
        let tools = &self.tools;
        let lab = Lab::new(tools.store.clone(), tools.clock.clone(), cancelled.clone());
        // A trial stays on one thread; several clouds are looked at on several.
        let (cloud, engine) = (self.cloud.clone(), tools.engine.clone());
        let runtime = tokio::runtime::Handle::current();
        let looking = move || runtime.block_on(observe_alone(&cloud, &options, &lab, &engine));
        let seen = tokio::task::spawn_blocking(looking).await;
        let snapshot = seen.map_err(|_| Refusal::Busy)??;
        let choice = Choice::everything(utc(snapshot.taken_at), Mode::Standard);
        let pattern: Vec<String> = due.iter().map(|id| format!("{}$", regex::escape(id))).collect();
        let choice = choice.only(&pattern.join("|"))?;
        let outcome = judge(spec, &snapshot, &choice)?;
        let counts = self.keep(&outcome, run, self.tools.clock.now()).await?;
        let [passed, failed, aborted] = counts;
        Ok(Report {
            summary: format!(
                "{} testcases checked: {passed} passed, {failed} failed, {aborted} aborted",
                due.len()
            ),
            detail: json!({ "run": run, "testcases": due, "requests": snapshot.requests }),
        })
    }

    /// Keeps the results as a report, like those of others.
    async fn keep(
        &self,
        outcome: &Outcome,
        id: Uuid,
        now: Timestamp,
    ) -> Result<[usize; 3], Refusal> {
        let results = outcome
            .testcases
            .iter()
            .filter_map(|(id, testcase)| Some((id.clone(), testcase.judgement.verdict.number()?)));
        let incoming = Incoming {
            id,
            subject: self.subject.clone(),
            scope: self.scope.clone(),
            checked: now,
            results: results.collect(),
        };
        let count = |wanted: Verdict| {
            let number = wanted.number();
            incoming.results.values().filter(|result| Some(**result) == number).count()
        };
        let counts = [Verdict::Pass, Verdict::Fail, Verdict::Abort].map(count);
        let run = Run {
            uuid: id,
            subject: &self.subject,
            checked_at: utc(now),
            forced_version: None,
            forced_tests: None,
        };
        let written = yaml::document(&report::report(outcome, &run, Generation::Runs));
        let upload = Upload { account: String::new(), media: Media::Yaml, evidence: written };
        if !incoming.results.is_empty() {
            self.monitor.accept(&Sender::Daemon, vec![incoming], upload).await?;
        }
        Ok(counts)
    }
}

/// The testcases that have to be checked now, of all versions that the timeline names.
fn due(
    spec: &Spec,
    latest: Option<&Latest>,
    (now, horizon): (Timestamp, SignedDuration),
    active: &BTreeSet<Need>,
) -> Vec<String> {
    let until = day(now.saturating_add(horizon).unwrap_or(now));
    let versions = spec.chosen(&[], day(now)).unwrap_or_default();
    let mut ids: Vec<&str> =
        versions.into_iter().flat_map(crate::spec::Version::testcases).collect();
    ids.sort_unstable();
    ids.dedup();
    let possible = |id: &&str| {
        Testcase::find(id).is_some_and(|testcase| {
            let need = testcase.need();
            let reads = !matches!(need, Need::Secret | Need::Backup | Need::Randomness);
            reads || active.contains(&need)
        })
    };
    let is_due = |id: &&str| {
        let Some(held) = latest.and_then(|latest| latest.of(id, false)) else { return true };
        let lifetime = spec.testcases.get(*id).map(|declared| declared.lifetime);
        let expires = lifetime.and_then(|lifetime| lifetime.expires(day(held.checked())));
        let again = match held.verdict() {
            Verdict::Pass => false,
            Verdict::Fail => now.duration_since(held.checked()) >= AGAIN,
            Verdict::Abort | Verdict::Missing => true,
        };
        again || expires.is_none_or(|expires| expires <= until)
    };
    ids.into_iter().filter(possible).filter(is_due).map(str::to_owned).collect()
}

/// Why a cloud was not checked.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The cloud, or the scope.
    #[error(transparent)]
    Check(#[from] Error),
    /// The monitor does not keep the results.
    #[error("the results cannot be kept")]
    Keep(#[from] Refusal),
}

impl Explain for Failure {
    fn kind(&self) -> lotse_core::error::ErrorKind {
        match self {
            Self::Check(error) => error.kind(),
            Self::Keep(_) => lotse_core::error::ErrorKind::Storage,
        }
    }

    fn hints(&self) -> Vec<String> {
        if let Self::Check(error) = self { error.hints() } else { Vec::new() }
    }

    fn request_id(&self) -> Option<&str> {
        if let Self::Check(error) = self { error.request_id() } else { None }
    }
}

#[async_trait]
impl Task for CheckTask {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        &self.description
    }

    fn period(&self) -> Duration {
        self.period
    }

    async fn activate(&self, cancelled: &CancellationToken) -> Result<Report, Box<dyn Explain>> {
        Box::pin(self.run(cancelled)).await.map_err(|error| Box::new(error) as Box<dyn Explain>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::standing::Held;
    use crate::profile;

    const ID: &str = "scs-0103-flavor-1v-2";

    fn is_due(result: i8, checked: &str, now: &str) -> bool {
        let spec = profile::named("scs-iaas", Mode::Standard).unwrap();
        let checked: Timestamp = checked.parse().unwrap();
        let mut latest = Latest::default();
        for id in spec.testcases.keys() {
            latest.take(id, Held(result, checked.as_microsecond(), "r".to_owned(), true));
        }
        let when = (now.parse().unwrap(), SignedDuration::from_hours(2));
        due(&spec, Some(&latest), when, &BTreeSet::new()).iter().any(|id| id == ID)
    }

    #[test]
    fn only_what_is_missing_expires_or_is_not_good_is_due() {
        // A week's result of this Sunday counts until the Monday after next.
        let sunday = "2026-11-22T06:00:00Z";
        assert!(!is_due(1, sunday, "2026-11-22T06:00:00Z"));
        assert!(!is_due(1, sunday, "2026-11-29T21:59:59Z"));
        assert!(is_due(1, sunday, "2026-11-29T22:00:00Z"));
        assert!(!is_due(-1, sunday, "2026-11-22T17:59:59Z"));
        assert!(is_due(-1, sunday, "2026-11-22T18:00:00Z"));
        assert!(is_due(0, sunday, "2026-11-22T06:05:00Z"));
    }

    #[test]
    fn what_changes_the_cloud_is_due_only_if_it_is_allowed() {
        let spec = profile::named("scs-iaas", Mode::Standard).unwrap();
        let when = ("2026-11-22T06:00:00Z".parse().unwrap(), SignedDuration::from_hours(2));
        let all = |active: &[Need]| due(&spec, None, when, &active.iter().copied().collect());
        let backup = "scs-0117-test-backup".to_owned();
        assert!(all(&[]).contains(&ID.to_owned()) && !all(&[]).contains(&backup));
        assert!(all(&[Need::Backup]).contains(&backup));
    }
}
