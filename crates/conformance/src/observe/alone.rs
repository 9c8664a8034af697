//! Trials of one process at a time: the lease under which things are made.

use async_trait::async_trait;
use lotse_core::error::{ErrorKind, chain};
use lotse_core::journal::Intent;
use lotse_openstack::Cloud;
use lotse_plan::{Attempt, Engine, Outcome, Step, StepError};

use super::{Lab, Options, Reach, manage, observe_in};
use crate::error::Error;
use crate::model::Reason;
use crate::snapshot::{Answer, Deed, Snapshot, Trouble};
use crate::testcase::Need;

/// The lease. Entries of the journal have another kind ([`super::KIND`]): the engine concludes those
/// it understands, and trials are concluded when nothing is left of them.
const LEASE: &str = "conformance check";

/// Observes a cloud and tries out what can be seen only so, under a lease of this engine. When
/// another process has it, the rest is observed.
pub async fn observe_alone(
    cloud: &Cloud,
    options: &Options,
    lab: &Lab,
    engine: &Engine,
) -> Result<Snapshot, Error> {
    if options.reach == Reach::ReadOnly || !options.needs.iter().any(Need::may_change) {
        return Box::pin(observe_in(cloud, options, Err(super::not_allowed()))).await;
    }
    alone(&[cloud], lab, engine, async |lab| Box::pin(observe_in(cloud, options, lab)).await).await
}

/// Tries out what managers of two domains may do, under a lease for each of them.
pub async fn manage_alone(
    managers: [&Cloud; 2],
    options: &Options,
    lab: &Lab,
    engine: &Engine,
) -> Answer<Vec<Deed>> {
    alone(&managers, lab, engine, async |lab| Box::pin(manage(managers, options, lab)).await).await
}

/// Works under a lease for each of these clouds; where one cannot be had, the work learns why.
async fn alone<T>(
    clouds: &[&Cloud],
    lab: &Lab,
    engine: &Engine,
    work: impl AsyncFnOnce(Result<&Lab, Trouble>) -> T,
) -> T {
    let mut sessions = Vec::new();
    for cloud in clouds {
        match engine.begin(cloud.name(), &[LEASE], &Nobody, &lab.cancelled).await {
            Ok(session) => sessions.push(session),
            Err(error) => {
                for session in sessions {
                    session.end().await;
                }
                let message = format!("nothing could be tried out: {}", chain(&error));
                let reason = Reason::NotObserved;
                let trouble = Trouble { reason, message, status: None, request_id: None };
                return work(Err(trouble)).await;
            }
        }
    }
    // Without the lease nothing more is made; what was made is still cleared.
    let cancelled = lab.cancelled.child_token();
    let lab = Lab { cancelled: cancelled.clone(), ..lab.clone() };
    let lost = sessions.iter().map(|session| Box::pin(session.lease_lost().cancelled()));
    let lost = futures::future::select_all(lost);
    let seen = {
        let mut working = std::pin::pin!(work(Ok(&lab)));
        tokio::select! {
            seen = &mut working => seen,
            _ = lost => {
                cancelled.cancel();
                working.await
            }
        }
    };
    for session in sessions {
        session.end().await;
    }
    seen
}

/// Takes no steps: a session is begun for its lease alone.
struct Nobody;

#[async_trait]
impl lotse_plan::Executor<()> for Nobody {
    async fn recover(&self, _intent: &Intent) -> Result<Option<String>, StepError> {
        Ok(None)
    }

    async fn execute(&self, _: &Step<()>, _: &Attempt<'_>) -> Result<Outcome, StepError> {
        Err(StepError::new(ErrorKind::Internal, "a check has no steps"))
    }
}
