//! A simulated cloud and a look at it.

use std::sync::Arc;
use std::time::Duration;

use lotse_conformance::judge::{Choice, judge, utc};
use lotse_conformance::observe::{Lab, Options, Reach, observe_in};
use lotse_conformance::testcase::Need;
use lotse_conformance::{Error, Judgement, Mode, Outcome, Snapshot, profile};
use lotse_core::retry::Backoff;
use lotse_core::time::{Clock as _, SystemClock, system_clock};
use lotse_openstack::{Cloud, CloudConfig, CloudOptions, Sources};
use lotse_plan::testing::MemoryJournal;
use lotse_sim::{SimCloud, SimOptions};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A cloud with a plain member at it.
pub(crate) struct Stage {
    pub(crate) sim: SimCloud,
    pub(crate) member: Cloud,
    pub(crate) admin: Cloud,
    /// What killed processes leave to those that come after them.
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) cancelled: CancellationToken,
}

pub(crate) const FEW: Backoff =
    Backoff { first: Duration::from_millis(1), most: Duration::from_millis(5), attempts: 2 };

/// A process that dies has no second try.
pub(crate) const NONE: Backoff =
    Backoff { first: Duration::ZERO, most: Duration::ZERO, attempts: 1 };

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(SimOptions::default()).await
    }

    pub(crate) async fn with(options: SimOptions) -> Self {
        let sim = SimCloud::start(options).await.unwrap();
        let (member, admin) = (connect(&sim, "sim-member", FEW), connect(&sim, "sim", FEW));
        let (journal, cancelled) = (Arc::default(), CancellationToken::new());
        Self { sim, member, admin, journal, cancelled }
    }

    pub(crate) async fn look(&self, needs: &[Need], reach: Reach) -> Snapshot {
        self.look_as(&self.member, needs, reach).await.unwrap()
    }

    /// A cloud as a process of its own sees it, with a token of its own and without a second try.
    pub(crate) fn frail(&self) -> Cloud {
        connect(&self.sim, "sim-member", NONE)
    }

    pub(crate) async fn look_as(
        &self,
        cloud: &Cloud,
        needs: &[Need],
        reach: Reach,
    ) -> Result<Snapshot, Error> {
        let now = SystemClock.now();
        let options =
            Options { reach, needs: needs.iter().copied().collect(), now, run: Uuid::new_v4() };
        let lab = Lab {
            first_poll: Duration::from_millis(1),
            settling: Duration::ZERO,
            ..Lab::new(self.journal.clone(), system_clock(), self.cancelled.clone())
        };
        // Many questions at once make a large future.
        Box::pin(observe_in(cloud, &options, Ok(&lab))).await
    }
}

fn connect(sim: &SimCloud, name: &str, backoff: Backoff) -> Cloud {
    let sources = Sources::from_text("clouds.yaml", &sim.clouds_yaml()).with_cloud(name);
    let options = CloudOptions { backoff, ..CloudOptions::new(system_clock(), 1) };
    Cloud::connect(CloudConfig::resolve(&sources).unwrap(), &options).unwrap()
}

/// The needs that are met by reading.
pub(crate) const READING: [Need; 6] =
    [Need::Catalogue, Need::Flavors, Need::Images, Need::VolumeTypes, Need::DefaultRules, Need::S3];

/// What a snapshot comes to.
pub(crate) fn outcome(snapshot: &Snapshot, mode: Mode) -> Outcome {
    let spec = profile::named("scs-iaas", mode).unwrap();
    judge(&spec, snapshot, &Choice::everything(utc(snapshot.taken_at), mode)).unwrap()
}

/// The judgement of a testcase.
pub(crate) fn of<'a>(outcome: &'a Outcome, id: &str) -> &'a Judgement {
    &outcome.testcases.get(id).unwrap_or_else(|| panic!("{id}")).judgement
}
