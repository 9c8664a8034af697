//! The seam between the engine and a capability: one step becomes requests.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use lotse_core::error::{ErrorKind, Explain, chain};
use lotse_core::id::{IntentId, Marker, RunId};
use lotse_core::journal::Intent;
use lotse_core::retry::RetryClass;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::model::{Step, StepId};
use crate::progress::{Event, Progress};

/// Carries out steps of one capability.
///
/// Both functions may be dropped at any await point (a kill, a lost lease, the end of the grace
/// period) and must then be repeatable.
#[async_trait]
pub trait Executor<T: Send + Sync>: Send + Sync {
    /// What the journal keeps of the step besides kind, name and marker: enough for
    /// [`Executor::recover`] after a crash, for example the id of the object. No secrets.
    fn detail(&self, step: &Step<T>) -> Value {
        let _ = step;
        Value::Null
    }

    /// Looks for the object that carries the intent's marker and returns its id.
    ///
    /// Asked about `create`, `replace` (the new object is meant) and `destroy` (the object that
    /// should be gone), never about `update`. It must not change anything.
    ///
    /// # Errors
    ///
    /// When the cloud cannot be asked. `Ok(None)` means that it certainly does not exist.
    async fn recover(&self, intent: &Intent) -> Result<Option<String>, StepError>;

    /// Does the step once, without retries of its own.
    ///
    /// A new object must carry `attempt.marker` from the request that creates it; as soon as its id
    /// is known, [`Attempt::created`] tells it. With [`Attempt::found`], that request had succeeded
    /// before: go on with that object. Updating and destroying must be idempotent; destroying what
    /// is gone is success.
    ///
    /// # Errors
    ///
    /// The failure with its [`RetryClass`]; the engine decides what to do about it.
    async fn execute(&self, step: &Step<T>, attempt: &Attempt<'_>) -> Result<Outcome, StepError>;
}

/// The circumstances of one try of one step.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// 1 for the first.
    pub number: u32,
    /// The apply.
    pub run: RunId,
    /// The journal entry.
    pub intent: IntentId,
    /// What the object carries, or shall carry.
    pub marker: Marker,
    /// The object that an earlier attempt of this step created: told by [`Attempt::created`], or
    /// found by its marker.
    pub found: Option<String>,
    /// Set when the work shall end: finish what cannot be repeated, leave the rest.
    pub cancelled: CancellationToken,
    pub(crate) step: &'a StepId,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) created: OnceLock<String>,
}

impl Attempt<'_> {
    /// Says that the object exists now. If a later request of this attempt fails, the next attempt
    /// gets the id in [`Attempt::found`]; without this, its marker is looked for first, which costs
    /// a request.
    pub fn created(&self, object: impl Into<String>) {
        self.created.get_or_init(|| object.into());
    }

    /// Tells people how far the step is, for example in bytes.
    pub fn advance(&self, done: u64, total: Option<u64>) {
        self.progress.on(&Event::Advanced { step: self.step, done, total });
    }
}

/// A step that succeeded.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Outcome {
    /// Id of the object in the cloud, where there is one now.
    pub object: Option<String>,
    /// Id under which the API logged the last request.
    pub request_id: Option<String>,
}

impl Outcome {
    /// The step is done, and this is its object.
    pub fn object(id: impl Into<String>) -> Self {
        Self { object: Some(id.into()), request_id: None }
    }

    /// Adds the id under which the API logged the last request.
    #[must_use]
    pub fn with_request_id(mut self, id: Option<String>) -> Self {
        self.request_id = id;
        self
    }
}

/// A step, or the search for its traces, that failed.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct StepError {
    /// What it is, for the one who has to react.
    pub kind: ErrorKind,
    /// What happened, the API's own words included.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Id under which the API logged the failing request.
    pub request_id: Option<String>,
    /// Whether and how it may be tried again.
    #[serde(skip)]
    pub retry: RetryClass,
}

impl StepError {
    /// A failure that trying again cannot help.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            request_id: None,
            retry: RetryClass::Never,
        }
    }

    /// A failure that some other part of the program explains; its causes join the message.
    pub fn explained(error: &dyn Explain, retry: RetryClass) -> Self {
        Self {
            kind: error.kind(),
            message: chain(error),
            hint: error.hints().into_iter().next(),
            request_id: error.request_id().map(str::to_owned),
            retry,
        }
    }

    /// Says whether it may be tried again.
    #[must_use]
    pub const fn retried(mut self, retry: RetryClass) -> Self {
        self.retry = retry;
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hinting(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The pause the other side asked for.
    pub(crate) const fn asked_pause(&self) -> Duration {
        match self.retry {
            RetryClass::After(pause) => pause,
            _ => Duration::ZERO,
        }
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.request_id {
            Some(id) if !self.message.contains(id.as_str()) => write!(f, " (request {id})"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for StepError {}

impl Explain for StepError {
    fn kind(&self) -> ErrorKind {
        self.kind
    }

    fn hints(&self) -> Vec<String> {
        self.hint.iter().cloned().collect()
    }

    fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }
}
