//! The one place where signals are taken and proposals decided.
//!
//! Everything happens under the row of `status_detection_head`, so that two instances never propose
//! the same. A decision is stored first, as something still to be done on the page; then it is done,
//! under the id of the proposal, so that doing it again changes nothing; then that is stored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lotse_core::error::chain;
use lotse_core::id::ComponentId;
use lotse_core::secret::{ExposeSecret, SecretSource, SecretString};
use lotse_core::signature::webhook::Key;
use lotse_core::time::{SignedDuration, Timestamp};
use lotse_store::audit::{Deed, DeedOutcome};
use lotse_store::{Store, Transaction};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::config::{Detection, Heartbeat};
use super::heart::{self, Situation, conditions};
use super::measure::{Beat, Measure, Signal};
use super::proposal::{Decision, Draft, Proposal, ProposalId, State};
use super::spells;
use super::store::{self, Kind};
use crate::command::{Command, IncidentFields, UpdateFields};
use crate::desk::Desk;
use crate::error::Error;
use crate::model::{Component, Impact};
use crate::sla::Measured;

/// How long a measure that is well is kept.
const KEPT_WELL: SignedDuration = SignedDuration::from_hours(24);
/// How long ids of messages are kept: longer than a message is believed.
const KEPT_SEEN: SignedDuration = SignedDuration::from_hours(1);
/// How long proposals are kept that are over.
const KEPT: SignedDuration = SignedDuration::from_hours(365 * 24);
/// How long it is known what was measured: a year that is over can be reported.
const KEPT_SPELLS: SignedDuration = SignedDuration::from_hours(800 * 24);
/// How often it is looked what another process has measured.
const LOOK: Duration = Duration::from_secs(5);

/// The secrets of those who send.
#[derive(Debug, Default)]
pub struct Secrets {
    /// The hash of the secret of each heartbeat, and its name.
    beats: BTreeMap<[u8; 32], String>,
    /// The keys of webhooks by their names.
    webhooks: BTreeMap<String, Key>,
}

impl Secrets {
    /// Reads the secrets that are declared; `read` is told what they are for and where they are.
    ///
    /// # Errors
    /// One cannot be read, or cannot be used.
    pub fn configured<E: From<Error>>(
        detection: &Detection,
        read: &dyn Fn(&'static str, &SecretSource) -> Result<SecretString, E>,
    ) -> Result<Self, E> {
        let mut secrets = Self::default();
        for (name, heartbeat) in &detection.heartbeats {
            let secret = read("a heartbeat", &heartbeat.secret)?;
            if secret.expose_secret().len() < 16 {
                let field = format!("heartbeats.{name}.secret");
                return Err(Error::invalid(field, "it has fewer than 16 characters").into());
            }
            secrets.beats.insert(hash(secret.expose_secret()), name.clone());
        }
        for (name, webhook) in &detection.webhooks {
            let key = Key::new(&read("a webhook", &webhook.secret)?);
            let key =
                key.map_err(|reason| Error::invalid(format!("webhooks.{name}.secret"), reason))?;
            secrets.webhooks.insert(name.clone(), key);
        }
        Ok(secrets)
    }

    /// The key of a webhook.
    pub(super) fn webhook(&self, name: &str) -> Option<&Key> {
        self.webhooks.get(name)
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// What came of signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Signals that were taken; none of a message that had been taken before.
    pub signals: usize,
    /// Signals that name no component of the page.
    pub unknown: usize,
}

/// What a person says of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is so: make it an incident.
    Confirm,
    /// It is not so.
    Dismiss,
    /// This is what the public would read; what is not said stays.
    Edit {
        /// The headline.
        name: Option<String>,
        /// The text.
        text: Option<String>,
        /// The severities of components; one that is not named is not touched.
        affects: Option<BTreeMap<ComponentId, u8>>,
    },
}

/// Takes signals and decides. Shared by all handlers.
#[derive(Debug)]
pub struct Detector {
    desk: Arc<Desk>,
    detection: Detection,
    secrets: Secrets,
}

impl Detector {
    /// A detector beside this desk.
    pub const fn new(desk: Arc<Desk>, detection: Detection, secrets: Secrets) -> Self {
        Self { desk, detection, secrets }
    }

    /// The desk of the page.
    pub const fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// What is declared.
    pub const fn detection(&self) -> &Detection {
        &self.detection
    }

    pub(super) const fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    fn now(&self) -> Timestamp {
        self.desk.clock().now()
    }

    async fn begin(&self) -> Result<Transaction, Error> {
        let mut transaction = self.desk.store().begin("write the proposals").await?;
        store::lock(&mut transaction).await?;
        Ok(transaction)
    }

    /// Takes signals. With a name of their message, the same message is taken once.
    ///
    /// # Errors
    /// The state cannot be read or written; nothing was taken then.
    pub async fn take(&self, signals: &[Signal], message: Option<&str>) -> Result<Taken, Error> {
        let now = self.now();
        let mut transaction = self.begin().await?;
        if let Some(message) = message
            && !store::is_new(&mut transaction, message, now).await?
        {
            return Ok(Taken::default());
        }
        let known = store::measures(&mut transaction).await?;
        let mut known: BTreeMap<_, _> =
            known.into_iter().map(|one| (Measure::name(&one.source, &one.key), one)).collect();
        for signal in signals {
            let name = Measure::name(&signal.source, &signal.key);
            if let Some(after) = Measure::after(known.get(&name), signal, now) {
                store::note(&mut transaction, Kind::Measure, &name, now, &after).await?;
                known.insert(name, after);
            }
        }
        let whole = self.desk.whole();
        let fits = |signal: &&Signal| {
            !whole.book().components.values().any(|one| signal.components.fits(one))
        };
        let taken = Taken { signals: signals.len(), unknown: signals.iter().filter(fits).count() };
        let named = |one: &&Component| signals.iter().any(|signal| signal.components.fits(one));
        let named = whole.book().components.values().map(AsRef::as_ref).filter(named);
        self.watch(&mut transaction, named.map(|one| one.id)).await?;
        self.decide(&mut transaction, known.into_values().collect()).await?;
        transaction.commit().await?;
        self.settle().await?;
        self.refresh().await?;
        Ok(taken)
    }

    /// Hears a heart beat; whether there is one with this secret.
    ///
    /// # Errors
    /// The state cannot be read or written.
    pub async fn beat(&self, secret: &str) -> Result<bool, Error> {
        let Some(name) = self.secrets.beats.get(&hash(secret)) else { return Ok(false) };
        let Some(heartbeat) = self.detection.heartbeats.get(name) else { return Ok(false) };
        let now = self.now();
        let mut transaction = self.begin().await?;
        let known = store::beats(&mut transaction).await?.remove(name);
        let beat = known.unwrap_or_else(|| Beat::new(now)).heard(heartbeat, now);
        store::note(&mut transaction, Kind::Beat, name, now, &beat).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Looks at everything again: hearts that do not beat, times that have passed. Returns how many
    /// proposals changed.
    ///
    /// # Errors
    /// The state cannot be read or written.
    pub async fn tick(&self) -> Result<usize, Error> {
        let now = self.now();
        let mut transaction = self.begin().await?;
        let mut measures = store::measures(&mut transaction).await?;
        let beats = store::beats(&mut transaction).await?;
        for name in self.detection.heartbeats.keys().filter(|name| !beats.contains_key(*name)) {
            store::note(&mut transaction, Kind::Beat, name, now, &Beat::new(now)).await?;
        }
        let before = |kept| now.saturating_sub(kept).unwrap_or(Timestamp::MIN);
        let is_old = |one: &Measure| !one.is_bad && one.since < before(KEPT_WELL);
        for old in measures.iter().filter(|one| is_old(one)) {
            let name = Measure::name(&old.source, &old.key);
            store::drop_note(&mut transaction, Kind::Measure, &name).await?;
        }
        measures.retain(|one| !is_old(one));
        store::forget_notes(&mut transaction, Kind::Seen, before(KEPT_SEEN)).await?;
        store::forget_notes(&mut transaction, Kind::Spell, before(KEPT_SPELLS)).await?;
        store::forget(&mut transaction, before(KEPT)).await?;
        let changed = self.decide(&mut transaction, measures).await?;
        transaction.commit().await?;
        self.settle().await?;
        self.refresh().await?;
        Ok(changed)
    }

    /// Asks the heart and writes what it wants.
    async fn decide(
        &self,
        transaction: &mut Transaction,
        mut measures: Vec<Measure>,
    ) -> Result<usize, Error> {
        let now = self.now();
        let beats = store::beats(transaction).await?;
        measures.extend(beating(&beats, &self.detection.heartbeats, now));
        let proposals = store::live(transaction).await?;
        let whole = self.desk.whole();
        let situation = Situation {
            book: whole.book(),
            detection: &self.detection,
            measures: &measures,
            proposals: &proposals,
            now,
        };
        let rules = whole.book().components.values();
        let rules = rules.map(|one| (one.id, self.detection.rule(one))).collect();
        let conditions = conditions(&situation, &rules);
        self.watch(transaction, conditions.keys().copied()).await?;
        let known = store::spells(transaction).await?;
        for spell in spells::after(&known, &conditions, (whole.book(), &measures), now) {
            let at = spell.to.unwrap_or(now);
            store::note(transaction, Kind::Spell, &spell.name(), at, &spell).await?;
        }
        let changed = heart::decide(&situation, &mut ProposalId::generate);
        for proposal in &changed {
            store::put(transaction, proposal).await?;
            let before = proposals.iter().find(|one| one.id == proposal.id);
            if before.map(|one| one.state) != Some(proposal.state) {
                transaction.record(deed(proposal, "rule", now));
            }
        }
        Ok(changed.len())
    }

    /// Remembers since when these components are watched.
    async fn watch(
        &self,
        transaction: &mut Transaction,
        components: impl Iterator<Item = ComponentId> + Send,
    ) -> Result<(), Error> {
        let (now, known) = (self.now(), store::watched(transaction).await?);
        for new in components.filter(|one| !known.contains_key(one)) {
            store::note(transaction, Kind::Watched, &new.to_string(), now, &now).await?;
        }
        Ok(())
    }

    /// Hands what was measured to the reports of the page.
    ///
    /// # Errors
    /// The state cannot be read; the reports know what they knew.
    pub async fn refresh(&self) -> Result<(), Error> {
        self.desk.set_measured(remembered(self.desk.store(), self.now()).await?);
        Ok(())
    }

    /// Follows what other processes measure, until it is told to stop.
    pub async fn follow(&self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.refresh().await {
                tracing::debug!(error = chain(&error), "reports count what was measured before");
            }
            if stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_none() {
                return;
            }
        }
    }

    /// Takes a person's word.
    ///
    /// # Errors
    /// There is no such proposal, it was decided already, or the draft cannot be meant.
    pub async fn speak(
        &self,
        actor: &str,
        id: ProposalId,
        change: &Change,
        note: &str,
    ) -> Result<Proposal, Error> {
        let now = self.now();
        let mut transaction = self.begin().await?;
        let known = store::one_in(&mut transaction, id).await?;
        let known = known.ok_or_else(|| Error::not_found("proposal", id))?;
        if known.state != State::Open {
            let reason = format!("the proposal is {} already", known.state.word());
            return Err(Error::Conflict { reason });
        }
        let mut proposal = known;
        let decision = Decision { by: actor.to_owned(), at: now, note: note.to_owned() };
        match change {
            Change::Confirm => {
                proposal.state = State::Confirmed;
                proposal.is_pending = true;
                proposal.decision = Some(decision);
            }
            Change::Dismiss => {
                proposal.state = State::Dismissed;
                proposal.decision = Some(decision);
            }
            Change::Edit { name, text, affects } => {
                let draft = &proposal.draft;
                proposal.draft = Draft {
                    name: name.clone().unwrap_or_else(|| draft.name.clone()),
                    text: text.clone().unwrap_or_else(|| draft.text.clone()),
                    affects: affects.clone().unwrap_or_else(|| draft.affects.clone()),
                };
                self.check(&proposal.draft)?;
                proposal.is_edited = true;
            }
        }
        store::put(&mut transaction, &proposal).await?;
        transaction.record(deed(&proposal, actor, now));
        transaction.commit().await?;
        self.settle().await?;
        self.get(id).await
    }

    fn check(&self, draft: &Draft) -> Result<(), Error> {
        if draft.name.trim().is_empty() {
            return Err(Error::invalid("name", "a headline is needed"));
        }
        let whole = self.desk.whole();
        for (component, severity) in &draft.affects {
            if !whole.book().components.contains_key(component) {
                return Err(Error::not_found("component", component));
            }
            if !(1..=100).contains(severity) {
                return Err(Error::invalid("affects", "a severity from 1 to 100 is needed"));
            }
        }
        Ok(())
    }

    /// Does on the page what was decided and not done yet.
    async fn settle(&self) -> Result<(), Error> {
        for proposal in store::live_read(self.desk.store()).await? {
            if !proposal.is_pending {
                continue;
            }
            self.declare(&proposal).await?;
            if proposal.state == State::Published && proposal.closes {
                self.close(&proposal).await?;
            }
            let mut transaction = self.begin().await?;
            // Somebody may have changed it meanwhile: whether it is over is kept.
            if let Some(mut after) = store::one_in(&mut transaction, proposal.id).await? {
                after.is_pending = after.over != proposal.over;
                store::put(&mut transaction, &after).await?;
                transaction.commit().await?;
            }
        }
        Ok(())
    }

    /// Makes the incident, unless it is there.
    async fn declare(&self, proposal: &Proposal) -> Result<(), Error> {
        let actor = proposal.decision.as_ref().map_or("rule", |decision| &decision.by);
        let whole = self.desk.whole();
        let book = whole.book();
        if book.cases.contains_key(&proposal.id.incident()) {
            return Ok(());
        }
        let impact = |(component, severity): (&_, &_)| {
            // What is no component any more is not touched.
            let known = book.components.contains_key(component);
            known.then_some(Impact { component: *component, kind: None, severity: Some(*severity) })
        };
        let fields = IncidentFields {
            name: Some(proposal.draft.name.clone()),
            description: Some(proposal.draft.text.clone()),
            affects: Some(proposal.draft.affects.iter().filter_map(impact).collect()),
            began: Some(proposal.began),
            ..IncidentFields::default()
        };
        let command = Command::AddIncident(proposal.id.incident(), fields);
        match self.desk.perform(actor, &command).await {
            // Another instance was first.
            Ok(_) | Err(Error::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Ends an incident that a rule opened and nobody touched.
    async fn close(&self, proposal: &Proposal) -> Result<(), Error> {
        let (Some(over), id) = (proposal.over, proposal.id.incident()) else { return Ok(()) };
        let whole = self.desk.whole();
        let Some(case) = whole.book().cases.get(&id) else { return Ok(()) };
        if case.incident.ended.is_some() || !case.updates.is_empty() || case.incident.sequence > 0 {
            return Ok(());
        }
        let description = Some(self.detection.draft.recovered.clone());
        let said = UpdateFields { description, ..UpdateFields::default() };
        let ended = Some(Some(over.max(proposal.began)));
        let fields = IncidentFields { ended, ..IncidentFields::default() };
        self.desk.perform("rule", &Command::ChangeIncident(id, fields)).await?;
        self.desk.perform("rule", &Command::AddUpdate(id, said)).await.map(drop)
    }

    /// Proposals that go on, the oldest first.
    ///
    /// # Errors
    /// The state cannot be read.
    pub async fn live(&self) -> Result<Vec<Proposal>, Error> {
        Ok(store::live_read(self.desk.store()).await?)
    }

    /// The newest proposals, at most so many.
    ///
    /// # Errors
    /// The state cannot be read.
    pub async fn latest(&self, limit: u32) -> Result<Vec<Proposal>, Error> {
        Ok(store::latest(self.desk.store(), limit).await?)
    }

    /// One proposal.
    ///
    /// # Errors
    /// There is none with this id; the state cannot be read.
    pub async fn get(&self, id: ProposalId) -> Result<Proposal, Error> {
        let known = store::one(self.desk.store(), id).await?;
        known.ok_or_else(|| Error::not_found("proposal", id))
    }

    /// What monitors think now, heartbeats among them.
    ///
    /// # Errors
    /// The state cannot be read.
    pub async fn measures(&self) -> Result<Vec<Measure>, Error> {
        let mut measures = store::measures_read(self.desk.store()).await?;
        let beats = store::beats_read(self.desk.store()).await?;
        measures.extend(beating(&beats, &self.detection.heartbeats, self.now()));
        Ok(measures)
    }
}

/// What was measured of components, for reports ([`Desk::set_measured`]).
///
/// # Errors
/// The state cannot be read.
pub async fn remembered(store: &Store, now: Timestamp) -> Result<Vec<Measured>, Error> {
    let (watched, known) = (store::watched_read(store).await?, store::spells_read(store).await?);
    Ok(spells::measured(&watched, &known, now))
}

/// The measures that heartbeats are.
fn beating<'a>(
    beats: &'a BTreeMap<String, Beat>,
    declared: &'a BTreeMap<String, Heartbeat>,
    now: Timestamp,
) -> impl Iterator<Item = Measure> + 'a {
    declared
        .iter()
        .filter_map(move |(name, heartbeat)| Some(beats.get(name)?.measure(name, heartbeat, now)))
}

fn deed(proposal: &Proposal, actor: &str, now: Timestamp) -> Deed {
    Deed {
        at: now,
        actor: lotse_web::text::shown(actor, 200),
        action: format!("status.proposal.{}", proposal.state.word()),
        object: format!("status/proposal/{}", proposal.id),
        outcome: DeedOutcome::Done,
        request_ids: Vec::new(),
        detail: json!({ "scope": proposal.scope, "edited": proposal.is_edited }),
    }
}
