//! Reports are written here: verdicts before and after, in few statements however many uploads wait.
//!
//! Uploads that arrive while one is being written are written together with the next: the first one
//! in the queue writes for all. A batch is one transaction with one question (which of the reports
//! are there already) and one insert for each of reports, uploads and newest results.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use lotse_core::event::Event;
use lotse_core::id::EventId;
use lotse_core::time::Timestamp;
use lotse_store::{Error, Transaction};
use serde_json::json;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Monitor, Sender};
use crate::model::Verdict;
use crate::monitor::account::{Account, Accounts};
use crate::monitor::incoming::Incoming;
use crate::monitor::refusal::Refusal;
use crate::monitor::standing::{self, Held, Standing};
use crate::monitor::store::{self, Rows, Said, Upload};
use crate::monitor::view::Key;
use crate::spec::Spec;

/// Uploads written in one transaction.
const BATCH: usize = 256;

/// Whether others hear of a verdict that has changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Voice {
    /// They get an event.
    Aloud,
    /// It was so before, and no news.
    Quiet,
}

/// Reports that wait to be written.
pub(super) struct Pending {
    upload: Upload,
    reports: Vec<Incoming>,
    done: oneshot::Sender<Result<(), Refusal>>,
}

impl Monitor {
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
        // Who sent this was looked up a moment ago: what is remembered is at least as new.
        let view = match self.known() {
            Some(view) => view,
            None => self.view().await?,
        };
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
        // Nobody else writes until the commit: what is not there now will not be there then.
        let ids: Vec<_> = batch.iter().flat_map(|(_, reports)| reports).map(|it| it.id).collect();
        let mut known = store::known_reports(&mut transaction, &ids).await?;
        let mut touched = BTreeSet::new();
        let mut outcomes = Vec::with_capacity(batch.len());
        // Nobody has looked at them yet.
        let nothing = Said::new();
        let (mut uploads, mut kept) = (Vec::new(), Vec::new());
        for (upload, reports) in batch {
            if let Some(again) = reports.iter().find(|report| known.contains(&report.id)) {
                outcomes.push(Err(Refusal::Duplicate(again.id.to_string())));
                continue;
            }
            let id = Uuid::now_v7();
            for report in reports {
                known.insert(report.id);
                touched.insert(self.take(&mut rows, report, &nothing));
                kept.push((id, report, &nothing));
            }
            uploads.push((id, upload));
            outcomes.push(Ok(()));
        }
        store::insert_uploads(&mut transaction, &uploads, now).await?;
        store::insert_reports(&mut transaction, &kept, now).await?;
        self.tell(&mut transaction, &mut rows, (&touched, Voice::Aloud), now).await?;
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
    pub(crate) fn take(&self, rows: &mut Rows, report: &Incoming, said: &Said) -> Key {
        let key = (report.subject.clone(), report.scope.clone());
        let row = Arc::make_mut(rows.entry(key.clone()).or_default());
        let spec = self.scopes().iter().find(|spec| spec.uuid == report.scope);
        let known = |id: &String| spec.is_some_and(|spec| spec.testcases.contains_key(id));
        let (checked, id) = (report.checked.as_microsecond(), report.id.to_string());
        for (testcase, result) in report.results.iter().filter(|(id, _)| known(id)) {
            let approved = said.get(testcase).copied().unwrap_or(*result == 1);
            row.latest.take(testcase, Held(*result, checked, id.clone(), approved));
        }
        key
    }

    /// Writes rows, with an event for each whose verdict is another than was told last. Returns how
    /// many that are.
    pub(crate) async fn tell(
        &self,
        transaction: &mut Transaction,
        rows: &mut Rows,
        (keys, voice): (&BTreeSet<Key>, Voice),
        now: Timestamp,
    ) -> Result<usize, Error> {
        let (mut changed, mut written) = (0, Vec::with_capacity(keys.len()));
        for key in keys {
            let Some(spec) = self.scopes().iter().find(|spec| spec.uuid == key.1) else { continue };
            let row = Arc::make_mut(rows.entry(key.clone()).or_default());
            let day = standing::day(now);
            let standing = Standing::on(spec, &row.latest, day, self.inner.approved_only);
            let verdict = standing.verdict.as_str();
            if row.told != verdict {
                if voice == Voice::Aloud {
                    transaction.emit(event(key, spec, &standing, &row.told, now));
                }
                verdict.clone_into(&mut row.told);
                changed += 1;
            }
            written.push((key, rows.get(key).cloned().unwrap_or_default()));
        }
        store::put_latest(transaction, &written).await?;
        Ok(changed)
    }

    /// Tells of everything whose verdict has changed because results expired. Returns how many.
    pub(crate) async fn tell_expired(&self) -> Result<usize, Error> {
        let now = self.now();
        let view = self.view().await?;
        let stale: BTreeSet<Key> = view
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
        let told = self.tell(&mut transaction, &mut rows, (&stale, Voice::Aloud), now).await?;
        transaction.commit().await?;
        self.publish(revision, rows, stale.iter());
        Ok(told)
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
