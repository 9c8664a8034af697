//! The one place that writes: decides, stores, tells, and shows the new page to all readers.
//!
//! Writers queue in the process and, through the row of `status_head`, across processes. Each sees
//! the book as it is when its turn comes, so numbers are given without gaps. Readers never wait: they
//! hold an immutable [`Snapshot`] that is exchanged after the commit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use lotse_core::error::chain;
use lotse_core::time::SharedClock;
use lotse_store::Store;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::audience;
use crate::book::{Book, Fact};
use crate::command::{Command, Notice, Outcome};
use crate::decide::{decide, is_occurring};
use crate::detect;
use crate::error::Error;
use crate::sla::Measured;
use crate::snapshot::Snapshot;
use crate::{event, store};

/// How often it is looked whether another process has written.
const LOOK: Duration = Duration::from_millis(200);

/// The status page of one database. Shared by all handlers.
#[derive(Debug)]
pub struct Desk {
    store: Arc<Store>,
    clock: SharedClock,
    /// The newest book that this process knows, and its revision.
    held: Mutex<(i64, Book)>,
    shown: ArcSwap<Shown>,
    measured: ArcSwap<Vec<Measured>>,
}

/// What each kind of reader sees; the same picture where nothing is private.
#[derive(Debug)]
struct Shown {
    whole: Arc<Snapshot>,
    public: Arc<Snapshot>,
    audiences: BTreeMap<String, Arc<Snapshot>>,
}

impl Shown {
    fn new(book: &Book, revision: i64, before: Option<&Self>) -> Self {
        let picture = |book: Book, before: Option<&Arc<Snapshot>>| {
            Arc::new(Snapshot::new(book, revision, before.map(AsRef::as_ref)))
        };
        let whole = picture(book.clone(), before.map(|before| &before.whole));
        let public = if audience::has_secrets(book) {
            let seen = audience::seen_by(book, None);
            picture(seen, Some(before.map_or(&whole, |before| &before.public)))
        } else {
            Arc::clone(&whole)
        };
        let audience = |name: &String| {
            let is_named = book.components.values().any(|one| one.audiences.contains(name));
            let own = if is_named {
                picture(audience::seen_by(book, Some(name)), Some(&public))
            } else {
                Arc::clone(&public)
            };
            (name.clone(), own)
        };
        let audiences = book.audiences.keys().map(audience).collect();
        Self { whole, public, audiences }
    }
}

impl Desk {
    /// Reads everything from the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn open(store: Arc<Store>, clock: SharedClock) -> Result<Self, Error> {
        let (revision, book) = store::load(&store).await?;
        let shown = ArcSwap::from_pointee(Shown::new(&book, revision, None));
        let (held, measured) = (Mutex::new((revision, book)), ArcSwap::default());
        Ok(Self { store, clock, held, shown, measured })
    }

    /// The page as it is for everybody: what is private is not in it.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.shown.load().public)
    }

    /// The page as an audience sees it; nothing when there is no such audience.
    pub fn seen_by(&self, audience: &str) -> Option<Arc<Snapshot>> {
        self.shown.load().audiences.get(audience).cloned()
    }

    /// The page with everything on it, for those who run it. Never answer readers from it.
    pub fn whole(&self) -> Arc<Snapshot> {
        Arc::clone(&self.shown.load().whole)
    }

    /// What was measured of components, for reports.
    pub fn measured(&self) -> Arc<Vec<Measured>> {
        self.measured.load_full()
    }

    /// Takes what was measured of components, instead of what was known before. Whoever measures
    /// gives it; it is not kept.
    pub fn set_measured(&self, measured: Vec<Measured>) {
        self.measured.store(Arc::new(measured));
    }

    /// The time of the page.
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// The store it stands on.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Does what is asked for, and lets subscribers know. When it returns, the change is stored and
    /// every reader sees it.
    ///
    /// # Errors
    /// The command is refused, or the store cannot be written; nothing has changed then.
    pub async fn perform(&self, actor: &str, command: &Command) -> Result<Outcome, Error> {
        self.perform_with(actor, command, Notice::Everybody).await
    }

    /// The same, with or without a word to those who subscribed. Programs are told either way: the
    /// events of the outbox say in `notify` whether people shall be.
    ///
    /// # Errors
    /// The command is refused, or the store cannot be written; nothing has changed then.
    pub async fn perform_with(
        &self,
        actor: &str,
        command: &Command,
        notice: Notice,
    ) -> Result<Outcome, Error> {
        let mut held = self.held.lock().await;
        let mut transaction = self.store.begin("write the status page").await?;
        let revision = store::advance(&mut transaction).await?;
        if revision != held.0 + 1 {
            // Another process has written, or a commit of ours was not confirmed.
            held.1 = store::load_in(&mut transaction).await?;
            held.0 = revision - 1;
            self.show(&held);
        }
        let now = self.clock.now();
        let (facts, outcome) = decide(&held.1, command, now)?;
        let restored = match command {
            Command::Restore(archive) if !archive.is_without_detection() => Some(archive),
            _ => None,
        };
        if facts.is_empty() && restored.is_none() {
            return Ok(outcome);
        }
        if let Some(archive) = restored {
            detect::restore(&mut transaction, &archive.proposals, &archive.measured, now).await?;
        }
        let mut after = held.1.clone();
        for fact in &facts {
            store::write(&mut transaction, fact).await?;
            let before = fact.incident().and_then(|id| after.cases.get(&id).cloned());
            after.apply(fact);
            // What is put back happened long ago: nobody is told of it as news.
            if matches!(command, Command::Restore(_)) {
                continue;
            }
            let news = match fact {
                Fact::Closed(closed) => event::closed(&after, &self.measured(), closed, now),
                _ => event::event(before.as_deref(), &after, fact, (now, notice)),
            };
            if let Some(event) = news {
                transaction.emit(event);
            }
        }
        transaction.record(event::deed(command, actor, facts.len(), now));
        transaction.commit().await?;
        *held = (revision, after);
        self.show(&held);
        Ok(outcome)
    }

    fn show(&self, (revision, book): &(i64, Book)) {
        let before = self.shown.load();
        self.shown.store(Arc::new(Shown::new(book, *revision, Some(&before))));
    }

    /// Follows what other processes write, until it is told to stop.
    pub async fn follow(&self, stop: CancellationToken) {
        let mut is_reachable = true;
        while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
            let looked = self.step().await;
            if let Err(error) = &looked
                && is_reachable
            {
                tracing::warn!(error = chain(error), "the page is shown as it was last read");
            }
            is_reachable = looked.is_ok();
        }
    }

    /// One look, and what recurs and has come into sight.
    async fn step(&self) -> Result<(), Error> {
        self.look().await?;
        self.occur().await
    }

    /// Plans the occurrences of recurring maintenance that have come into sight, without telling
    /// subscribers of each: they know the rule.
    ///
    /// # Errors
    /// The store cannot be written; the next call tries again.
    pub async fn occur(&self) -> Result<(), Error> {
        if is_occurring(self.whole().book(), self.clock.now()) {
            self.perform_with("schedule", &Command::Occur, Notice::Nobody).await?;
        }
        Ok(())
    }

    /// Shows what other processes have written since the last look.
    ///
    /// # Errors
    /// The store cannot be read; the page stays as it was.
    pub async fn look(&self) -> Result<(), Error> {
        if store::revision(&self.store).await? == self.snapshot().revision() {
            return Ok(());
        }
        let mut held = self.held.lock().await;
        let (revision, book) = store::load(&self.store).await?;
        // Our own writes may have been the news.
        if revision > held.0 {
            *held = (revision, book);
            self.show(&held);
        }
        Ok(())
    }
}
