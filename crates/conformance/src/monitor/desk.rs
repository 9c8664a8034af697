//! The desk: takes checked reports, keeps them, and says what they come to.
//!
//! Uploads that arrive while one is being written are written together with the next: the first one
//! in the queue writes for all, so that many uploads cost few commits.

mod approve;
mod people;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lotse_core::event::Event;
use lotse_core::id::EventId;
use lotse_core::time::{SharedClock, SignedDuration, Timestamp};
use lotse_store::{Error, Store, Transaction};
use serde_json::json;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use uuid::Uuid;

use super::account::{Account, Accounts};
use super::config::{Config, Publish};
use super::incoming::Incoming;
use super::metrics::Metrics;
use super::refusal::Refusal;
use super::standing::{self, Held, Standing};
use super::store::{self, Rows, Upload};
use super::view::{Key, View};
use crate::model::Verdict;
use crate::spec::Spec;

pub(crate) use approve::Word;

/// Uploads written in one transaction.
const BATCH: usize = 256;
/// Bodies of uploads that are received at a time; each may have some MiB.
const READING: usize = 64;
/// So long an upload waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who sent reports: an account, or this daemon.
#[derive(Clone, Debug)]
pub enum Sender {
    /// An account that has shown its password and its signature.
    Account(Box<Account>),
    /// This daemon, about clouds of its configuration.
    Daemon,
}

/// Reports that wait to be written.
struct Pending {
    upload: Upload,
    reports: Vec<Incoming>,
    done: oneshot::Sender<Result<(), Refusal>>,
}

/// The monitor. Clones share it.
#[derive(Clone)]
pub struct Monitor {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<Store>,
    clock: SharedClock,
    scopes: Vec<Spec>,
    declared: Accounts,
    approved_only: bool,
    largest: usize,
    keep: SignedDuration,
    metrics: Metrics,
    queue: Mutex<Vec<Pending>>,
    /// Whoever has it writes.
    pen: tokio::sync::Mutex<()>,
    view: Mutex<Option<Arc<View>>>,
    /// Places for uploads that are being read.
    places: Semaphore,
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("store", &self.inner.store).finish_non_exhaustive()
    }
}

impl Monitor {
    /// A monitor of these scopes and the accounts of the configuration.
    pub fn new(
        store: Arc<Store>,
        clock: SharedClock,
        config: &Config,
        (scopes, declared): (Vec<Spec>, Vec<Account>),
    ) -> Self {
        let declared = declared.into_iter().map(|one| (one.name.clone(), one)).collect();
        Self {
            inner: Arc::new(Inner {
                store,
                clock,
                scopes,
                declared,
                approved_only: config.publish == Publish::Approved,
                largest: usize::try_from(config.largest_upload_kib).unwrap_or(4096) << 10,
                keep: SignedDuration::from_hours(24 * i64::from(config.keep_days)),
                metrics: Metrics::default(),
                queue: Mutex::default(),
                pen: tokio::sync::Mutex::default(),
                view: Mutex::default(),
                places: Semaphore::new(READING),
            }),
        }
    }

    /// Where everything is kept.
    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// What it measures.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// The present.
    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// The scopes that reports may be about.
    pub(crate) fn scopes(&self) -> &[Spec] {
        &self.inner.scopes
    }

    /// The largest upload, in bytes.
    pub(crate) fn largest(&self) -> usize {
        self.inner.largest
    }

    /// A place to receive an upload.
    pub(crate) async fn place(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        let place = tokio::time::timeout(PATIENCE, self.inner.places.acquire()).await;
        place.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Busy)
    }

    /// The oldest check whose results are taken and kept.
    pub(crate) fn oldest(&self) -> Timestamp {
        self.now().checked_sub(self.inner.keep).unwrap_or(Timestamp::MIN)
    }

    /// The scope of this uuid, name of an upstream alias, or name.
    pub(crate) fn scope(&self, name: &str) -> Option<&Spec> {
        let uuid = match name {
            "scs-compatible-iaas" => "50393e6f-2ae1-4c5c-a62c-3b75f2abef3f",
            "scs-compatible-kaas" => "1fffebe6-fd4b-44d3-a36c-fc58b4bb0180",
            other => other,
        };
        self.scopes().iter().find(|spec| spec.uuid == uuid || spec.name == name)
    }

    /// What is to be shown now.
    pub(crate) async fn view(&self) -> Result<Arc<View>, Error> {
        let revision = store::revision(self.store()).await?;
        let day = standing::day(self.now());
        let known = self.known();
        if let Some(view) = &known
            && view.revision >= revision
            && view.day == day
        {
            return Ok(view.clone());
        }
        let fresh = known.as_ref().filter(|view| view.revision >= revision);
        let (accounts, rows) = match fresh {
            Some(view) => (view.accounts.clone(), view.rows.clone()),
            None => self.load().await?,
        };
        Ok(self.remember(revision, accounts, rows))
    }

    /// Accounts and rows, at least as new as the revision that was read before.
    async fn load(&self) -> Result<(Arc<Accounts>, Arc<Rows>), Error> {
        let mut accounts = store::accounts(self.store()).await?;
        accounts.extend(self.inner.declared.clone());
        Ok((accounts.into(), store::latest(self.store()).await?.into()))
    }

    fn known(&self) -> Option<Arc<View>> {
        self.inner.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a view of this, and keeps it unless a newer one is there.
    fn remember(&self, revision: i64, accounts: Arc<Accounts>, rows: Arc<Rows>) -> Arc<View> {
        let day = standing::day(self.now());
        let known = self.known();
        let judging = (self.scopes(), self.inner.approved_only);
        let view = View::new((revision, day), (accounts, rows), judging, known.as_deref());
        let view = Arc::new(view);
        let mut kept = self.inner.view.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|kept| kept.revision <= revision) {
            *kept = Some(view.clone());
        }
        view
    }

    /// Takes reports of one upload: all of them, or none.
    ///
    /// # Errors
    /// Why they are refused.
    pub(crate) async fn accept(
        &self,
        sender: &Sender,
        reports: Vec<Incoming>,
        mut upload: Upload,
    ) -> Result<(), Refusal> {
        self.examine(sender, &reports).await?;
        upload.account = match sender {
            Sender::Account(account) => account.name.clone(),
            Sender::Daemon => "lotse".to_owned(),
        };
        let (done, outcome) = oneshot::channel();
        let pending = Pending { upload, reports, done };
        self.inner.queue.lock().unwrap_or_else(PoisonError::into_inner).push(pending);
        // A task of its own: whoever writes for others must not stop when its own client goes away.
        let monitor = self.clone();
        tokio::spawn(async move { monitor.write().await });
        outcome.await.unwrap_or(Err(Refusal::Busy))
    }

    /// Whether the sender may say this, and whether it means something.
    async fn examine(&self, sender: &Sender, reports: &[Incoming]) -> Result<(), Refusal> {
        let mut ids = BTreeSet::new();
        let view = self.view().await?;
        for report in reports {
            if let Sender::Account(account) = sender {
                may_report(account, &report.subject, &view.accounts)?;
            }
            let spec = self.scopes().iter().find(|spec| spec.uuid == report.scope);
            let spec = spec.ok_or_else(|| {
                Refusal::Content("the report is about a scope that nobody knows here".to_owned())
            })?;
            if !report.results.keys().any(|id| spec.testcases.contains_key(id)) {
                let reason = "none of the testcases of the report belongs to its scope";
                return Err(Refusal::Content(reason.to_owned()));
            }
            if !ids.insert(report.id) {
                return Err(Refusal::Duplicate(report.id.to_string()));
            }
        }
        Ok(())
    }

    /// Writes everything that waits, in turn with others.
    async fn write(&self) {
        let pen = self.inner.pen.lock().await;
        let batch: Vec<_> = {
            let mut queue = self.inner.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let count = queue.len().min(BATCH);
            queue.drain(..count).collect()
        };
        if batch.is_empty() {
            return;
        }
        let (work, waiting): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|one| ((one.upload, one.reports), one.done)).unzip();
        let outcomes = self.write_batch(&work).await;
        drop(pen);
        match outcomes {
            Ok(outcomes) => {
                for (done, outcome) in waiting.into_iter().zip(outcomes) {
                    // Whoever went away does not want to know.
                    done.send(outcome).ok();
                }
            }
            Err(error) => {
                tracing::error!(error = lotse_core::error::chain(&error), "reports cannot be kept");
                for done in waiting {
                    done.send(Err(Refusal::Busy)).ok();
                }
            }
        }
    }

    async fn write_batch(
        &self,
        batch: &[(Upload, Vec<Incoming>)],
    ) -> Result<Vec<Result<(), Refusal>>, Error> {
        let now = self.now();
        let mut transaction = self.store().begin("keep reports").await?;
        let (revision, mut rows) = self.rows_for_writing(&mut transaction).await?;
        let mut touched = BTreeSet::new();
        let mut outcomes = Vec::with_capacity(batch.len());
        for (upload, reports) in batch {
            if let Some(id) = insert(&mut transaction, upload, reports, now).await? {
                outcomes.push(Err(Refusal::Duplicate(id)));
                continue;
            }
            for report in reports {
                touched.insert(self.take(&mut rows, report));
            }
            outcomes.push(Ok(()));
        }
        for key in &touched {
            self.tell(&mut transaction, &mut rows, key, now).await?;
        }
        transaction.commit().await?;
        self.publish(revision, rows, touched.iter());
        Ok(outcomes)
    }

    /// The right to write until the commit, and all rows as they are.
    pub(crate) async fn rows_for_writing(
        &self,
        transaction: &mut Transaction,
    ) -> Result<(i64, Rows), Error> {
        let revision = store::advance(transaction).await?;
        let known = self.known().filter(|view| view.revision + 1 == revision);
        let rows = match known {
            Some(view) => Rows::clone(&view.rows),
            None => store::latest_in(transaction).await?,
        };
        Ok((revision, rows))
    }

    /// Shows what was committed.
    pub(crate) fn publish<'a>(
        &self,
        revision: i64,
        rows: Rows,
        touched: impl Iterator<Item = &'a Key>,
    ) {
        // Accounts are those of the revision before, if we have them; else the next look reads all.
        if let Some(known) = self.known().filter(|view| view.revision + 1 == revision) {
            let view = self.remember(revision, known.accounts.clone(), rows.into());
            self.inner.metrics.show(&view, self.scopes(), touched);
        }
    }

    /// Brings the newest results up to date with a report; those that the scope does not know are
    /// only in the history.
    fn take(&self, rows: &mut Rows, report: &Incoming) -> Key {
        let key = (report.subject.clone(), report.scope.clone());
        let row = Arc::make_mut(rows.entry(key.clone()).or_default());
        let spec = self.scopes().iter().find(|spec| spec.uuid == report.scope);
        let known = |id: &String| spec.is_some_and(|spec| spec.testcases.contains_key(id));
        let (checked, id) = (report.checked.as_microsecond(), report.id.to_string());
        for (testcase, result) in report.results.iter().filter(|(id, _)| known(id)) {
            row.latest.take(testcase, Held(*result, checked, id.clone(), *result == 1));
        }
        key
    }

    /// Writes a row, with an event if its verdict is another than was told last. Says whether it is.
    pub(crate) async fn tell(
        &self,
        transaction: &mut Transaction,
        rows: &mut Rows,
        key: &Key,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let Some(spec) = self.scopes().iter().find(|spec| spec.uuid == key.1) else {
            return Ok(false);
        };
        let row = Arc::make_mut(rows.entry(key.clone()).or_default());
        let day = standing::day(now);
        let standing = Standing::on(spec, &row.latest, day, self.inner.approved_only);
        let verdict = standing.verdict.as_str();
        let changed = row.told != verdict;
        if changed {
            transaction.emit(event(key, spec, &standing, &row.told, now));
            verdict.clone_into(&mut row.told);
        }
        store::put_latest(transaction, key, row).await?;
        Ok(changed)
    }

    /// Tells of everything whose verdict has changed because results expired. Returns how many.
    pub(crate) async fn tell_expired(&self) -> Result<usize, Error> {
        let now = self.now();
        let view = self.view().await?;
        let stale: Vec<Key> = view
            .judged
            .iter()
            .filter(|(key, judged)| {
                view.rows.get(*key).is_some_and(|row| row.told != judged.public.verdict.as_str())
            })
            .map(|(key, _)| key.clone())
            .collect();
        if stale.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.store().begin("tell of expired results").await?;
        let (revision, mut rows) = self.rows_for_writing(&mut transaction).await?;
        let mut told = 0;
        for key in &stale {
            told += usize::from(self.tell(&mut transaction, &mut rows, key, now).await?);
        }
        transaction.commit().await?;
        self.publish(revision, rows, stale.iter());
        Ok(told)
    }

    /// The account behind a name and a password.
    pub(crate) async fn known_as(&self, name: &str, password: &str) -> Result<Account, Refusal> {
        let view = self.view().await?;
        let account = view.accounts.get(name).filter(|account| account.has_password(password));
        account.cloned().ok_or(Refusal::Unauthorized("the name or the password is wrong"))
    }
}

/// Whether an account may report about a subject: itself, or one that has named it, if it may that.
fn may_report(account: &Account, subject: &str, accounts: &Accounts) -> Result<(), Refusal> {
    let known = accounts.get(subject).ok_or(Refusal::Unauthorized("nobody knows the subject"))?;
    if account.name == subject {
        return Ok(());
    }
    if account.rights.append_any && known.delegates.contains(&account.name) {
        return Ok(());
    }
    Err(Refusal::Unauthorized("the account may not report about this subject"))
}

/// Writes an upload with its reports; the uuid of one that is there already, if there is one.
async fn insert(
    transaction: &mut Transaction,
    upload: &Upload,
    reports: &[Incoming],
    now: Timestamp,
) -> Result<Option<String>, Error> {
    let id = Uuid::now_v7().to_string();
    if let [report] = reports {
        if !store::insert_report(transaction, &id, report, now).await? {
            return Ok(Some(report.id.to_string()));
        }
    } else {
        for report in reports {
            let known = report.id.to_string();
            if store::has_report(transaction, &known).await? {
                return Ok(Some(known));
            }
        }
        for report in reports {
            store::insert_report(transaction, &id, report, now).await?;
        }
    }
    store::insert_upload(transaction, &id, upload, now).await?;
    Ok(None)
}

/// The event `conformance.passed`, `.failed`, `.aborted` or `.missing`.
fn event(key: &Key, spec: &Spec, standing: &Standing, before: &str, now: Timestamp) -> Event {
    let word = match standing.verdict {
        Verdict::Pass => "passed",
        Verdict::Fail => "failed",
        Verdict::Abort => "aborted",
        Verdict::Missing => "missing",
    };
    let counts = standing.results.values().fold(BTreeMap::new(), |mut counts, held| {
        *counts.entry(held.verdict().as_str()).or_insert(0_usize) += 1;
        counts
    });
    Event {
        id: EventId::generate(),
        topic: format!("conformance.{word}"),
        subject: format!("{}/{}", key.0, spec.name),
        at: now,
        body: json!({
            "subject": key.0,
            "scope": key.1,
            "scope_name": spec.name,
            "verdict": standing.verdict,
            "before": before,
            "passed": standing.passed().into_iter().map(standing::marked).collect::<Vec<_>>(),
            "results": counts,
        }),
    }
}
