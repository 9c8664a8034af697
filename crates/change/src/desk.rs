//! Carries decisions out: every transition with its audit entry and its event in one transaction.

use std::sync::Arc;

use async_trait::async_trait;
use lotse_core::change::{Conclusion, Desk, DeskError, Finding, Policy, Verdict};
use lotse_core::id::ChangeId;
use lotse_core::time::Timestamp;
use lotse_store::{Store, Transaction};
use serde::{Deserialize, Serialize};

use crate::decide::{Course, Decision, Fate, Found, Known, decide};
use crate::error::Error;
use crate::event::Turn;
use crate::model::{Approval, Change, State, Summary, digest};
use crate::store::{self, Which};

/// How often a decision is made anew because somebody else was faster.
const TRIES: u32 = 5;

/// What is asked of people.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Changes")]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How many people must approve a change before it is made; 1 by default. With 2, nobody
    /// changes a cloud alone.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 10))]
    pub approvals: u32,
}

const fn one() -> u32 {
    1
}

impl Default for Rules {
    fn default() -> Self {
        Self { approvals: one() }
    }
}

/// The changes of an estate.
#[derive(Clone)]
pub struct Changes {
    store: Arc<Store>,
    rules: Rules,
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// A person's word on a change.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    /// Who.
    pub person: &'a str,
    /// What they write to it; may be empty.
    pub note: &'a str,
    /// The digest of the steps they looked at.
    pub digest: &'a str,
    /// When.
    pub at: Timestamp,
}

impl Changes {
    /// The changes kept in this store, which was opened with [`crate::PART`].
    pub const fn new(store: Arc<Store>, rules: Rules) -> Self {
        Self { store, rules }
    }

    /// One change.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn get(&self, id: &str) -> Result<Change, Error> {
        let found = store::get(&self.store, id).await?;
        found.ok_or_else(|| Error::NotFound { id: id.to_owned() })
    }

    /// All changes that can still come about, newest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn live(&self) -> Result<Vec<Summary>, Error> {
        Ok(store::live(&self.store).await?)
    }

    /// At most `limit` changes, newest first, of one state or any; `after` is when the last one of
    /// the page before was proposed, and its id.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list(
        &self,
        state: Option<State>,
        after: Option<(Timestamp, ChangeId)>,
        limit: u32,
    ) -> Result<Vec<Summary>, Error> {
        Ok(store::list(&self.store, state, after, limit).await?)
    }

    /// Forgets changes that ended before this time. Returns how many there were.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn prune(&self, before: Timestamp) -> Result<u64, Error> {
        Ok(store::prune(&self.store, before).await?)
    }

    /// A person approves. With enough approvals the change is made by the next activation of its
    /// task; ask for one.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::WrongState`], [`Error::OtherSteps`], [`Error::OwnProposal`],
    /// [`Error::ApprovedBefore`], [`Error::Contended`], [`Error::Store`].
    pub async fn approve(&self, id: &str, word: Word<'_>) -> Result<Change, Error> {
        let mut transaction = self.store.begin("approve a change").await?;
        let change = looked_at(&mut transaction, id, word).await?;
        let (id, person) = (change.id, word.person.to_owned());
        if change.state != State::Proposed {
            return Err(Error::WrongState { id, state: change.state, wanted: "approved" });
        }
        if change.proposed_by == word.person {
            return Err(Error::OwnProposal { id, person });
        }
        let approval = Approval { person, at: word.at, note: word.note.to_owned() };
        // The exchange locks the row, so that of two last approvals one sees the other.
        if !store::turn(&mut transaction, &change, change.state).await? {
            return Err(Error::Contended { id });
        }
        if !store::approve(&mut transaction, id, &approval).await? {
            return Err(Error::ApprovedBefore { id, person: approval.person });
        }
        let mut approved = change.clone();
        approved.approvals = store::approvals(&mut transaction, id).await?;
        if approved.has_enough_approvals() {
            approved.state = State::Approved;
            store::turn(&mut transaction, &change, approved.state).await?;
        }
        let Word { person: actor, note, at, .. } = word;
        let turn = Turn { change: &approved, to: State::Approved, actor, note, at };
        transaction.record(turn.deed());
        if approved.state == State::Approved {
            transaction.emit(turn.event());
        }
        transaction.commit().await?;
        Ok(approved)
    }

    /// A person says no. The same steps are not proposed again.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::WrongState`], [`Error::OtherSteps`], [`Error::Contended`],
    /// [`Error::Store`].
    pub async fn reject(&self, id: &str, word: Word<'_>) -> Result<Change, Error> {
        let mut transaction = self.store.begin("reject a change").await?;
        let change = looked_at(&mut transaction, id, word).await?;
        if !change.state.is_live() || change.state == State::Applying {
            let (id, state) = (change.id, change.state);
            return Err(Error::WrongState { id, state, wanted: "rejected" });
        }
        let rejected = ended(&change, State::Rejected, word.person, word.note, word.at);
        if !finish(&mut transaction, &change, &rejected).await? {
            return Err(Error::Contended { id: change.id });
        }
        transaction.commit().await?;
        Ok(rejected)
    }

    async fn try_consider(&self, finding: &Finding<'_>) -> Result<Option<Verdict>, Error> {
        let subject = finding.subject;
        let (capability, cloud) = (subject.capability, subject.cloud);
        let mut transaction = self.store.begin("consider a difference").await?;
        let live = store::find(&mut transaction, Which::Live { capability, cloud }).await?;
        let newest = match live {
            Some(_) => None,
            None => store::find(&mut transaction, Which::NewestOf { capability, cloud }).await?,
        };
        let rejected = newest.filter(|change| change.state == State::Rejected);
        let found = Found {
            document: &finding.document,
            policy: finding.policy,
            needs_consent: finding.needs_consent.is_some(),
        };
        let known = Known { live: live.as_ref(), rejected: rejected.as_ref() };
        let decision = decide(found, known);
        if let Some(live) = &live
            && !put_to_rest(&mut transaction, live, decision.fate, finding).await?
        {
            return Ok(None);
        }
        let verdict = match decision {
            Decision { course: Course::Nothing, .. } => Verdict::Nothing,
            Decision { course: Course::Report, .. } => Verdict::Report,
            Decision { course: Course::Rejected, .. } => {
                rejected.map_or(Verdict::Report, |change| Verdict::Rejected(change.id))
            }
            Decision { course: Course::Wait, .. } => {
                live.map_or(Verdict::Report, |change| Verdict::Wait(change.id))
            }
            Decision { course: Course::Propose, .. } => {
                match self.open(&mut transaction, finding, State::Proposed).await? {
                    Some(change) => Verdict::Wait(change.id),
                    None => return Ok(None),
                }
            }
            Decision { course: Course::OpenAndApply, .. } => {
                match self.open(&mut transaction, finding, State::Applying).await? {
                    Some(change) => Verdict::Go { change: change.id, with_consent: false },
                    None => return Ok(None),
                }
            }
            Decision { course: Course::Apply, .. } => {
                let Some(live) = live else { return Ok(None) };
                if !store::begin(&mut transaction, &live).await? {
                    return Ok(None);
                }
                Verdict::Go { change: live.id, with_consent: live.has_consent() }
            }
        };
        transaction.commit().await?;
        Ok(Some(verdict))
    }

    /// Opens a change; `None` when somebody else was faster.
    async fn open(
        &self,
        transaction: &mut Transaction,
        finding: &Finding<'_>,
        state: State,
    ) -> Result<Option<Change>, Error> {
        let subject = finding.subject;
        let asks = state == State::Proposed;
        let change = Change {
            id: ChangeId::generate(),
            capability: subject.capability.to_owned(),
            cloud: subject.cloud.to_owned(),
            task: subject.task.to_owned(),
            state,
            policy: finding.policy,
            consent: finding.needs_consent.clone(),
            document: finding.document.clone(),
            digest: digest(&finding.document),
            approvals_needed: if asks { self.rules.approvals.max(1) } else { 0 },
            approvals: Vec::new(),
            proposed: finding.at,
            proposed_by: actor(subject.task),
            attempts: u32::from(!asks),
            ended: None,
            ended_by: None,
            outcome: None,
            request_ids: Vec::new(),
            report: None,
        };
        if !store::insert(transaction, &change).await? {
            return Ok(None);
        }
        if asks {
            let note = finding.needs_consent.as_deref().unwrap_or_default();
            let actor = &*change.proposed_by;
            let turn = Turn { change: &change, to: state, actor, note, at: finding.at };
            transaction.record(turn.deed());
            transaction.emit(turn.event());
        }
        Ok(Some(change))
    }

    async fn try_conclude(&self, id: ChangeId, conclusion: &Conclusion) -> Result<bool, Error> {
        let mut transaction = self.store.begin("conclude a change").await?;
        let id = id.to_string();
        let found = store::find(&mut transaction, Which::Id(&id)).await?;
        let change = found.ok_or(Error::NotFound { id })?;
        if change.state != State::Applying {
            let (id, state) = (change.id, change.state);
            return Err(Error::WrongState { id, state, wanted: "concluded" });
        }
        let state = if conclusion.succeeded { State::Applied } else { State::Failed };
        let by = actor(&change.task);
        let mut to = ended(&change, state, &by, &conclusion.summary, conclusion.at);
        to.request_ids.clone_from(&conclusion.request_ids);
        to.report = Some(conclusion.report.clone());
        if !finish(&mut transaction, &change, &to).await? {
            return Ok(false);
        }
        transaction.commit().await?;
        Ok(true)
    }
}

/// The change a person speaks of, if they speak of what it is.
async fn looked_at(
    transaction: &mut Transaction,
    id: &str,
    word: Word<'_>,
) -> Result<Change, Error> {
    let found = store::find(transaction, Which::Id(id)).await?;
    let change = found.ok_or_else(|| Error::NotFound { id: id.to_owned() })?;
    if change.digest == word.digest { Ok(change) } else { Err(Error::OtherSteps { id: change.id }) }
}

/// How tasks are called where people are named.
fn actor(task: &str) -> String {
    format!("task {task}")
}

fn ended(change: &Change, state: State, by: &str, outcome: &str, at: Timestamp) -> Change {
    Change {
        state,
        ended: Some(at),
        ended_by: Some(by.to_owned()),
        outcome: Some(outcome.to_owned()),
        ..change.clone()
    }
}

/// Writes an end with its deed and its event. Says whether the change was still as it was seen.
async fn finish(transaction: &mut Transaction, from: &Change, to: &Change) -> Result<bool, Error> {
    if !store::end(transaction, from.state, to).await? {
        return Ok(false);
    }
    let turn = Turn {
        change: to,
        to: to.state,
        actor: to.ended_by.as_deref().unwrap_or_default(),
        note: to.outcome.as_deref().unwrap_or_default(),
        at: to.ended.unwrap_or(to.proposed),
    };
    transaction.record(turn.deed());
    // A change that fails again for the same reason is no news.
    if to.state != State::Failed || from.outcome != to.outcome {
        transaction.emit(turn.event());
    }
    Ok(true)
}

/// Ends the live change if that is its fate. Says whether it was still as it was seen.
async fn put_to_rest(
    transaction: &mut Transaction,
    live: &Change,
    fate: Fate,
    finding: &Finding<'_>,
) -> Result<bool, Error> {
    let (state, why) = match fate {
        Fate::Stays => return Ok(true),
        Fate::Withdrawn if finding.policy == Policy::Observe => {
            (State::Withdrawn, "differences are only reported now")
        }
        Fate::Withdrawn => (State::Withdrawn, "nothing is needed any more"),
        Fate::Applied => (State::Applied, "all of it is in place; an earlier attempt had done it"),
        Fate::Superseded => (State::Superseded, "other steps are needed now"),
    };
    let to = ended(live, state, &actor(finding.subject.task), why, finding.at);
    finish(transaction, live, &to).await
}

fn desk_error(operation: &'static str) -> impl Fn(Error) -> DeskError {
    move |error| DeskError { operation, source: Box::new(error) }
}

#[async_trait]
impl Desk for Changes {
    async fn consider(&self, finding: Finding<'_>) -> Result<Verdict, DeskError> {
        let failed = desk_error("consider a difference");
        for _ in 0..TRIES {
            if let Some(verdict) = self.try_consider(&finding).await.map_err(&failed)? {
                return Ok(verdict);
            }
        }
        // Whoever is so busy with it will be done by the next activation.
        Ok(Verdict::Report)
    }

    async fn conclude(&self, change: ChangeId, conclusion: Conclusion) -> Result<(), DeskError> {
        let failed = desk_error("conclude a change");
        for _ in 0..TRIES {
            if self.try_conclude(change, &conclusion).await.map_err(&failed)? {
                return Ok(());
            }
        }
        Err(failed(Error::Contended { id: change }))
    }
}
