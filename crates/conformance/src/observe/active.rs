//! What can be seen only by doing it.
//!
//! ```text
//! clear what killed runs left ─► intent in the journal ─► try it ─► clear ─► conclusion
//! ```
//!
//! Everything made here carries the id of its run in its name. Of what is found under such names, only
//! two things are deleted: what belongs to a run whose intent stands in the journal without conclusion
//! (sessions exclude each other, so that run is dead), and what is older than any run can be. An intent
//! is concluded only when nothing of its run is left, so that a run may die anywhere, in the middle of
//! clearing, too: the next one clears again.

mod backup;
mod clear;
mod group;
mod manager;
mod secret;
mod server;

use std::sync::Arc;
use std::time::Duration;

use lotse_core::error::chain;
use lotse_core::id::{IntentId, Marker, RunId};
use lotse_core::journal::{Conclusion, Intent, Journal, JournalError};
use lotse_core::time::SharedClock;
use lotse_openstack::{Error as CloudError, RequestBuilder};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::clear::Place;
pub(super) use self::manager::{managed, no_managers};
use super::Observer;
use crate::model::Reason;
use crate::snapshot::{Proof, Trouble};

/// What the names of all that a check makes begin with.
const PREFIX: &str = "lotse-conformance-";

/// The kind of the entries of the journal, and of the lease under which they are made.
pub const KIND: &str = "conformance trial";

/// What trials need besides a cloud.
#[derive(Clone)]
pub struct Lab {
    /// Where they are written down.
    pub journal: Arc<dyn Journal>,
    /// For the times in it.
    pub clock: SharedClock,
    /// Ends them: what was made is cleared, and they say that they were stopped.
    pub cancelled: CancellationToken,
    /// The first pause between two looks at something that changes; later ones are longer.
    pub first_poll: Duration,
    /// So old must an intent of a dead run be before its objects are looked for: its last request may
    /// still be travelling.
    pub settling: Duration,
}

impl Lab {
    /// A laboratory with the usual pauses.
    pub fn new(
        journal: Arc<dyn Journal>,
        clock: SharedClock,
        cancelled: CancellationToken,
    ) -> Self {
        Self {
            journal,
            clock,
            cancelled,
            first_poll: Duration::from_millis(100),
            settling: Duration::from_secs(2),
        }
    }
}

impl std::fmt::Debug for Lab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lab").finish_non_exhaustive()
    }
}

/// Something that is tried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Trial {
    /// A security group shows its rules.
    Group,
    /// A secret is kept.
    Secret,
    /// A volume is backed up and restored.
    Backup,
    /// A server says how good its random numbers are.
    Server,
    /// Managers work on two domains.
    Domain,
}

impl Trial {
    /// The name in the journal.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Group => "security group",
            Self::Secret => "secret",
            Self::Backup => "backup",
            Self::Server => "server",
            Self::Domain => "domain",
        }
    }

    /// Where it makes something, in the order in which that goes away.
    const fn places(self) -> &'static [Place] {
        match self {
            Self::Group => &[Place::GROUPS],
            Self::Secret => &[Place::SECRETS],
            Self::Backup => &[Place::BACKUPS, Place::VOLUMES],
            Self::Server => &[Place::SERVERS],
            Self::Domain => &[Place::GROUPS_OF_USERS, Place::USERS, Place::PROJECTS],
        }
    }
}

/// What came of a trial.
struct Tried<T> {
    /// What its work gave.
    work: Result<T, NotDone>,
    /// Whether nothing is left of it.
    cleared: Result<(), NotDone>,
}

impl Observer<'_> {
    /// The name of what this run makes.
    fn name(&self) -> String {
        format!("{PREFIX}{}", self.options.run)
    }

    /// Tries something out; whatever came of it, nothing is left of it afterwards.
    async fn attempt<T>(
        &self,
        lab: &Lab,
        trial: Trial,
        work: impl Future<Output = Result<T, NotDone>>,
    ) -> Result<Tried<T>, NotDone> {
        self.clear_dead(lab, trial).await?;
        let intent = self.intent(lab, trial);
        lab.journal.intend(&intent).await?;
        let work = match lab.cancelled.run_until_cancelled(work).await {
            Some(ended) => ended,
            None => Err(NotDone::Stopped),
        };
        let name = self.name();
        let cleared = self.clear(lab, trial, |object| object.belongs_to(&name)).await;
        if cleared.is_ok() {
            let done = Conclusion::Done { object: None };
            lab.journal.conclude(intent.id, &done, lab.clock.now()).await?;
        }
        Ok(Tried { work, cleared })
    }

    fn intent(&self, lab: &Lab, trial: Trial) -> Intent {
        Intent {
            id: IntentId::generate(),
            run: RunId::from_uuid(self.options.run),
            cloud: self.cloud.name().to_owned(),
            kind: KIND.to_owned(),
            name: trial.as_str().to_owned(),
            action: "create".to_owned(),
            marker: Marker::from_uuid(self.options.run),
            detail: Value::Null,
            at: lab.clock.now(),
        }
    }

    /// Deletes what dead runs left behind, and only then concludes their intents.
    async fn clear_dead(&self, lab: &Lab, trial: Trial) -> Result<(), NotDone> {
        let unfinished = lab.journal.unfinished(self.cloud.name(), KIND).await?;
        let dead: Vec<Intent> =
            unfinished.into_iter().filter(|intent| intent.name == trial.as_str()).collect();
        let now = lab.clock.now();
        let youngest = dead.iter().map(|intent| now.duration_since(intent.at)).min();
        if let Some(age) = youngest {
            let age = Duration::try_from(age).unwrap_or_default();
            sleep(lab.settling.saturating_sub(age)).await;
        }
        let names: Vec<String> =
            dead.iter().map(|intent| format!("{PREFIX}{}", intent.marker)).collect();
        let now = self.options.now;
        self.clear(lab, trial, |object| {
            object.is_abandoned(now) || names.iter().any(|name| object.belongs_to(name))
        })
        .await?;
        for intent in &dead {
            lab.journal.conclude(intent.id, &Conclusion::Abandoned, lab.clock.now()).await?;
        }
        Ok(())
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Value, CloudError> {
        self.counted();
        let response = request.send().await?;
        if response.body().is_empty() { Ok(Value::Null) } else { response.json() }
    }

    /// Looks again and again until there is an answer; it is an error if there is none in time.
    async fn until<T>(
        &self,
        lab: &Lab,
        patience: Duration,
        look: impl AsyncFn() -> Result<Look<T>, NotDone>,
    ) -> Result<T, NotDone> {
        let begin = Instant::now();
        let mut pause = lab.first_poll;
        loop {
            match look().await? {
                Look::Done(found) => return Ok(found),
                Look::NotYet(why) if begin.elapsed() > patience => return Err(NotDone::Stuck(why)),
                Look::NotYet(_) => {}
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }
}

/// What a look at something that changes shows.
enum Look<T> {
    /// It is there.
    Done(T),
    /// It is not there yet: why.
    NotYet(String),
}

/// Why something did not work.
enum NotDone {
    /// A service refused.
    Refused(CloudError),
    /// Something did not become what it should.
    Stuck(String),
    /// There is nothing to try it with.
    Nothing(String),
    /// The run was told to end.
    Stopped,
    /// The journal cannot be used, and nothing is made without.
    Journal(JournalError),
}

impl From<CloudError> for NotDone {
    fn from(error: CloudError) -> Self {
        Self::Refused(error)
    }
}

impl From<JournalError> for NotDone {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl NotDone {
    /// The same for those who wanted an answer.
    fn trouble(&self) -> Trouble {
        let reason = match self {
            Self::Refused(error) => return super::trouble(error),
            Self::Stuck(_) => Reason::ApiFailed,
            Self::Nothing(_) => Reason::Absent,
            Self::Stopped | Self::Journal(_) => Reason::NotObserved,
        };
        Trouble { reason, message: self.message(), status: None, request_id: None }
    }

    fn message(&self) -> String {
        match self {
            Self::Refused(error) => chain(error),
            Self::Stuck(why) | Self::Nothing(why) => why.clone(),
            Self::Stopped => "it was stopped".to_owned(),
            Self::Journal(error) => chain(error),
        }
    }
}

/// What was done, in order.
struct Steps {
    proof: Proof,
}

impl Default for Steps {
    fn default() -> Self {
        Self { proof: Proof { steps: Vec::new(), worked: true, status: None } }
    }
}

impl Steps {
    fn begin(&mut self, what: &str) {
        // What went wrong stays the last step that is named.
        if self.proof.worked {
            self.proof.steps.push(what.to_owned());
        }
    }

    /// The first failure counts; what fails afterwards follows from it.
    fn fail(&mut self, error: &NotDone) {
        if self.proof.worked {
            let step = self.proof.steps.pop().unwrap_or_default();
            self.proof.steps.push(format!("{step}: {}", error.message()));
            self.proof.worked = false;
            self.proof.status = match error {
                NotDone::Refused(error) => error.status().map(|status| status.as_u16()),
                _ => None,
            };
        }
    }

    /// What came of a trial whose steps these are. That nobody let it end is no result.
    fn ended(mut self, tried: &Tried<()>) -> Result<Proof, Trouble> {
        match &tried.work {
            Err(stopped @ NotDone::Stopped) => return Err(stopped.trouble()),
            Err(error) => self.fail(error),
            Ok(()) => {}
        }
        if let Err(error) = &tried.cleared {
            self.begin("delete what was made");
            self.fail(error);
        }
        Ok(self.proof)
    }
}
