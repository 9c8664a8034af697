//! The desk: takes checked reports, keeps them, and says what they come to.

mod approve;
mod people;
mod write;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lotse_core::time::{SharedClock, SignedDuration, Timestamp};
use lotse_store::{Error, Store};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::account::{Account, Accounts};
use super::config::{Config, Publish};
use super::metrics::Metrics;
use super::refusal::Refusal;
use super::standing;
use super::store::{self, Rows};
use super::view::View;
use crate::spec::Spec;

pub(crate) use approve::Word;
pub(crate) use write::Voice;

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
    queue: Mutex<Vec<write::Pending>>,
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

    /// Whether the public pages count only what is approved.
    pub(crate) fn approved_only(&self) -> bool {
        self.inner.approved_only
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

    /// The account behind a name and a password.
    pub(crate) async fn known_as(&self, name: &str, password: &str) -> Result<Account, Refusal> {
        let view = self.view().await?;
        let account = view.accounts.get(name).filter(|account| account.has_password(password));
        account.cloned().ok_or(Refusal::Unauthorized("the name or the password is wrong"))
    }
}
