//! A simulated cloud and a look at it.

use std::time::Duration;

use lotse_conformance::judge::{Choice, judge, utc};
use lotse_conformance::observe::{Options, Reach, observe};
use lotse_conformance::testcase::Need;
use lotse_conformance::{Judgement, Mode, Outcome, Snapshot, profile};
use lotse_core::retry::Backoff;
use lotse_core::time::{Clock as _, SystemClock, system_clock};
use lotse_openstack::{Cloud, CloudConfig, CloudOptions, Sources};
use lotse_sim::{SimCloud, SimOptions};
use uuid::Uuid;

/// A cloud with a plain member at it.
pub(crate) struct Stage {
    pub(crate) sim: SimCloud,
    pub(crate) member: Cloud,
    pub(crate) admin: Cloud,
}

const FEW: Backoff =
    Backoff { first: Duration::from_millis(1), most: Duration::from_millis(5), attempts: 2 };

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(SimOptions::default()).await
    }

    pub(crate) async fn with(options: SimOptions) -> Self {
        let sim = SimCloud::start(options).await.unwrap();
        let connect = |name: &str| {
            let sources = Sources::from_text("clouds.yaml", &sim.clouds_yaml()).with_cloud(name);
            let options = CloudOptions { backoff: FEW, ..CloudOptions::new(system_clock(), 1) };
            Cloud::connect(CloudConfig::resolve(&sources).unwrap(), &options).unwrap()
        };
        let (member, admin) = (connect("sim-member"), connect("sim"));
        Self { sim, member, admin }
    }

    pub(crate) async fn look(&self, needs: &[Need], reach: Reach) -> Snapshot {
        let now = SystemClock.now();
        let options =
            Options { reach, needs: needs.iter().copied().collect(), now, run: Uuid::new_v4() };
        // Many questions at once make a large future.
        Box::pin(observe(&self.member, &options)).await.unwrap()
    }
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
