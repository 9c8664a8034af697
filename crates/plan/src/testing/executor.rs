//! An executor that answers as a test says.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lotse_core::id::Marker;
use lotse_core::journal::Intent;

use crate::executor::{Attempt, Executor, Outcome, StepError};
use crate::model::Step;

/// What becomes of one attempt.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It succeeds with this object.
    Object(String),
    /// It fails.
    Fail(StepError),
    /// It says that it created this object, then fails.
    FailAfter(String, StepError),
    /// It panics.
    Panic,
    /// It takes so long (tokio time) and succeeds.
    Slow(Duration),
    /// It never ends.
    Hang,
    /// It fails as soon as it is asked to come to an end.
    UntilCancelled,
}

/// Answers each step from its own list of replies, and successfully when that is used up.
#[derive(Debug, Default)]
pub struct ScriptedExecutor {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    replies: HashMap<String, VecDeque<Reply>>,
    found: HashMap<String, VecDeque<Result<Option<String>, StepError>>>,
    log: Vec<String>,
    markers: HashMap<String, Vec<Marker>>,
    running: HashMap<String, usize>,
    most: HashMap<String, usize>,
    most_in_all: usize,
}

impl ScriptedExecutor {
    /// What becomes of the next attempt of this step that has no reply yet.
    #[must_use]
    pub fn replying(self, step: &str, reply: Reply) -> Self {
        self.state().replies.entry(step.to_owned()).or_default().push_back(reply);
        self
    }

    /// What the next search for the marker of the object `name` finds; nothing when used up.
    #[must_use]
    pub fn finding(self, name: &str, found: Result<Option<String>, StepError>) -> Self {
        self.state().found.entry(name.to_owned()).or_default().push_back(found);
        self
    }

    /// What happened in order: `begin ID`, `end ID`, `recover NAME`.
    pub fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    /// The markers that the attempts of this step were given.
    pub fn markers(&self, step: &str) -> Vec<Marker> {
        self.state().markers.get(step).cloned().unwrap_or_default()
    }

    /// The most steps that ran at a time on this service.
    pub fn most_on(&self, service: &str) -> usize {
        self.state().most.get(service).copied().unwrap_or_default()
    }

    /// The most steps that ran at a time.
    pub fn most_in_all(&self) -> usize {
        self.state().most_in_all
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin<T>(&self, step: &Step<T>, attempt: &Attempt<'_>) -> Option<Reply> {
        let mut state = self.state();
        state.log.push(format!("begin {}", step.id));
        state.markers.entry(step.id.to_string()).or_default().push(attempt.marker);
        let running = state.running.entry(step.service.clone()).or_default();
        *running += 1;
        let running = *running;
        let in_all = state.running.values().sum();
        let most = state.most.entry(step.service.clone()).or_default();
        *most = running.max(*most);
        state.most_in_all = state.most_in_all.max(in_all);
        state.replies.get_mut(step.id.as_str()).and_then(VecDeque::pop_front)
    }

    fn end<T>(&self, step: &Step<T>) {
        let mut state = self.state();
        state.log.push(format!("end {}", step.id));
        if let Some(running) = state.running.get_mut(&step.service) {
            *running -= 1;
        }
    }
}

#[async_trait]
impl<T: Send + Sync> Executor<T> for ScriptedExecutor {
    async fn recover(&self, intent: &Intent) -> Result<Option<String>, StepError> {
        let mut state = self.state();
        state.log.push(format!("recover {}", intent.name));
        let found = state.found.get_mut(&intent.name).and_then(VecDeque::pop_front);
        found.unwrap_or(Ok(None))
    }

    #[expect(clippy::panic, reason = "what the test asked for")]
    async fn execute(&self, step: &Step<T>, attempt: &Attempt<'_>) -> Result<Outcome, StepError> {
        let reply = self.begin(step, attempt);
        // Others get their turn, as with a real request.
        tokio::task::yield_now().await;
        let object = attempt.found.clone().unwrap_or_else(|| format!("id of {}", step.name));
        let result = match reply {
            None => Ok(Outcome::object(object)),
            Some(Reply::Object(object)) => Ok(Outcome::object(object)),
            Some(Reply::Fail(error)) => Err(error),
            Some(Reply::FailAfter(object, error)) => {
                attempt.created(object);
                Err(error)
            }
            Some(Reply::Panic) => panic!("as asked for"),
            Some(Reply::Slow(time)) => {
                tokio::time::sleep(time).await;
                Ok(Outcome::object(object))
            }
            Some(Reply::Hang) => std::future::pending().await,
            Some(Reply::UntilCancelled) => {
                attempt.cancelled.cancelled().await;
                Err(StepError::new(lotse_core::error::ErrorKind::Cancelled, "stopped early"))
            }
        };
        self.end(step);
        result
    }
}
