//! Looking at clouds: what is tried out on them is journalled in the state of this user or daemon.

use std::collections::BTreeSet;
use std::sync::Arc;

use lotse_conformance::Snapshot;
use lotse_conformance::observe::{Lab, Options, Reach, manage_alone, observe, observe_alone};
use lotse_conformance::snapshot::{Answer, Deed};
use lotse_conformance::testcase::Need;
use lotse_core::error::chain;
use lotse_core::time::{Clock as _, SystemClock};
use lotse_openstack::Cloud;
use lotse_plan::Engine;
use lotse_store::Store;
use uuid::Uuid;

use super::super::image::clouds::Clouds;
use crate::failure::Failure;
use crate::settings::{Environment, Globals, state};
use crate::{daemon, output};

/// Looks at clouds for the same needs.
pub(super) struct Looking {
    needs: BTreeSet<Need>,
    reach: Reach,
    trials: Option<Trials>,
}

/// What is needed where something may be tried out.
struct Trials {
    store: Arc<Store>,
    engine: Engine,
    lab: Lab,
}

impl Looking {
    /// Opens the state if anything may have to be tried out. Without state nothing is.
    pub(super) async fn open(
        needs: BTreeSet<Need>,
        reach: Reach,
        (globals, environment): (&Globals, &Environment),
    ) -> Self {
        let trying = reach == Reach::Active && needs.iter().any(Need::may_change);
        let trials = if trying {
            match Trials::open(globals, environment).await {
                Ok(trials) => Some(trials),
                Err(failure) => {
                    let why = chain(&*failure.0);
                    output::note(globals, &format!("nothing is tried out: {why}"));
                    None
                }
            }
        } else {
            None
        };
        Self { needs, reach, trials }
    }

    /// Looks at a cloud now.
    pub(super) async fn at(&self, cloud: &Cloud) -> Result<Snapshot, Failure> {
        let (needs, now) = (self.needs.clone(), SystemClock.now());
        let options = Options { reach: self.reach, needs, now, run: Uuid::new_v4() };
        // Many questions at once make a large future.
        let snapshot = match &self.trials {
            Some(Trials { engine, lab, .. }) => {
                Box::pin(observe_alone(cloud, &options, lab, engine)).await
            }
            None => Box::pin(observe(cloud, &options)).await,
        };
        Ok(snapshot?)
    }

    /// Tries out what the managers of two domains may do. Without state nothing is tried.
    pub(super) async fn managers(
        &self,
        clouds: &Clouds,
        names: &[String; 2],
    ) -> Result<Answer<Vec<Deed>>, Failure> {
        let Some(Trials { engine, lab, .. }) = &self.trials else { return Ok(Answer::NotAsked) };
        let [first, second] = names;
        let (first, second) = (clouds.connect(Some(first))?, clouds.connect(Some(second))?);
        let (needs, now) = (self.needs.clone(), SystemClock.now());
        let options = Options { reach: self.reach, needs, now, run: Uuid::new_v4() };
        Ok(Box::pin(manage_alone([&first, &second], &options, lab, engine)).await)
    }

    /// Closes the state.
    pub(super) async fn close(self) {
        if let Some(trials) = self.trials {
            trials.store.close().await;
        }
    }
}

impl Trials {
    async fn open(globals: &Globals, environment: &Environment) -> Result<Self, Failure> {
        let store = Arc::new(daemon::open_state(&state(globals, environment)?).await?);
        let engine = daemon::engine(&store);
        let lab = Lab::new(store.clone(), daemon::clock(), daemon::cancelled_by_signal()?);
        Ok(Self { store, engine, lab })
    }
}
