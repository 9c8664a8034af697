//! Background work: from events to one delivery for each subscriber whom they concern.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lotse_core::error::Explain;
use lotse_core::event::Event;
use lotse_core::task::{Report, Task};
use lotse_core::time::{SharedClock, Timestamp};
use lotse_store::outbox::{Begin, Reader};
use lotse_store::{Store, Transaction};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::filter::{concerns, is_news};
use super::model::{Digest, Subscriber};
use super::news::{News, Tone, news};
use super::office::{Office, asked_in};
use super::{letter, store};
use crate::book::Book;
use crate::desk::Desk;
use crate::error::Error;

/// The name of our reader of the outbox.
pub const READER: &str = "status-subscribers";

/// The name of the task.
pub const TELLING: &str = "status/subscribers";

/// How many events are looked at in one transaction.
const EVENTS: u32 = 50;

/// How often it is looked, beside every time that this process wrote an event.
const PERIOD: Duration = Duration::from_secs(30);

/// How often it is looked whether another process has changed the page.
const LOOK: Duration = Duration::from_millis(250);

/// News for one subscriber.
#[derive(Debug)]
pub struct Addressed<'a> {
    /// The event; its id and the subscriber name the delivery.
    pub event: &'a Event,
    /// Who.
    pub subscriber: &'a Subscriber,
    /// The event in their words.
    pub news: &'a News,
    /// When it is to be sent.
    pub due: Timestamp,
    /// Whether it is gathered with what else is due then.
    pub gathered: bool,
}

/// Has the reader begin here, so that nothing that happens from now on is missed.
///
/// # Errors
/// The state cannot be written.
pub async fn begin(store: &Store) -> Result<(), Error> {
    store.outbox_reader(READER, Begin::Now).await?;
    Ok(())
}

/// Takes news on their way. What is posted is sent once the transaction is committed, and never when
/// it is not.
#[async_trait]
pub trait Post: Send + Sync + std::fmt::Debug {
    /// Takes one. The same event for the same subscriber is taken once, however often it comes.
    ///
    /// # Errors
    /// The state cannot be written.
    async fn post(
        &self,
        transaction: &mut Transaction,
        one: &Addressed<'_>,
    ) -> Result<(), lotse_store::Error>;
}

/// Turns events into deliveries to subscribers.
#[derive(Debug)]
pub struct TellingTask {
    desk: Arc<Desk>,
    store: Arc<Store>,
    clock: SharedClock,
    office: Office,
    post: Arc<dyn Post>,
    written: Mutex<watch::Receiver<u64>>,
    /// What the page was when it was looked last.
    revision: AtomicI64,
}

impl TellingTask {
    /// The task.
    pub fn new(desk: Arc<Desk>, post: Arc<dyn Post>) -> Self {
        let (store, clock) = (desk.store().clone(), desk.clock().clone());
        let written = Mutex::new(store.outbox_changes());
        let office = Office::new(store.clone(), clock.clone());
        let revision = AtomicI64::new(0);
        Self { desk, store, clock, office, post, written, revision }
    }

    /// Turns all new events into deliveries. Returns how many of both there were.
    ///
    /// # Errors
    /// The state cannot be read or written; what was not acknowledged comes again.
    pub async fn run(&self) -> Result<(u64, u64), Error> {
        let reader = self.store.outbox_reader(READER, Begin::Now).await?;
        // What is public is read from the page, which another process may have written.
        self.desk.look().await?;
        let (mut events, mut posted) = (0, 0);
        loop {
            let (read, sent) = self.some(&reader).await?;
            (events, posted) = (events + read, posted + sent);
            if read < u64::from(EVENTS) {
                return Ok((events, posted));
            }
        }
    }

    async fn some(&self, reader: &Reader) -> Result<(u64, u64), Error> {
        if reader.read(1).await?.is_empty() {
            return Ok((0, 0));
        }
        let now = self.clock.now();
        let mut transaction = self.store.begin("tell the subscribers").await?;
        let events = reader.read_in(&mut transaction, EVENTS).await?;
        let Some(last) = events.last() else { return Ok((0, 0)) };
        let mut everybody = None;
        let mut posted = 0;
        for event in events.iter().map(|delivery| &delivery.event) {
            if let Some(one) = asked_in(&mut transaction, event).await? {
                self.ask(&mut transaction, event, &one, now).await?;
                posted += 1;
            }
            let snapshot = self.desk.snapshot();
            let Some(event) = &public(event, snapshot.book()).filter(is_news) else { continue };
            let subscribers = match &everybody {
                Some(all) => all,
                None => everybody.insert(store::active_in(&mut transaction).await?),
            };
            posted += self.tell(&mut transaction, event, subscribers, now).await?;
        }
        reader.acknowledge_in(&mut transaction, last.seq).await?;
        transaction.commit().await?;
        Ok((events.len() as u64, posted))
    }

    /// Asks somebody whether they want it. The links are added when it is sent: they are secrets.
    async fn ask(
        &self,
        transaction: &mut Transaction,
        event: &Event,
        subscriber: &Subscriber,
        now: Timestamp,
    ) -> Result<(), Error> {
        let (title, paragraphs) = letter::question(subscriber);
        let (tone, list, path) = (Tone::Information, Vec::new(), String::new());
        let news = News { tone, title, paragraphs, list, path };
        let one = Addressed { event, subscriber, news: &news, due: now, gathered: false };
        Ok(self.post.post(transaction, &one).await?)
    }

    async fn tell(
        &self,
        transaction: &mut Transaction,
        event: &Event,
        subscribers: &[Subscriber],
        now: Timestamp,
    ) -> Result<u64, Error> {
        let mut posted = 0;
        for subscriber in subscribers.iter().filter(|one| concerns(&one.settings.filter, event)) {
            let digest = subscriber.settings.digest;
            let one = Addressed {
                event,
                subscriber,
                news: &news(event, subscriber.settings.language()),
                due: digest.due(now),
                gathered: digest != Digest::None,
            };
            self.post.post(transaction, &one).await?;
            posted += 1;
        }
        Ok(posted)
    }

    fn saw(&self, written: watch::Receiver<u64>) {
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = written;
    }
}

/// The event as everybody may hear of it: without components that are not public, and not at all when
/// the incident is not, or is not there any more.
fn public(event: &Event, book: &Book) -> Option<Event> {
    let id = event.body.get("incident")?.as_str()?.parse().ok()?;
    let touched = &book.cases.get(&id)?.incident.affects;
    let mut event = event.clone();
    let is_public = |one: &Value| {
        let id = one.get("id").and_then(|id| id.as_str()?.parse().ok());
        id.is_some_and(|id| book.components.contains_key(&id))
    };
    if let Some(components) = event.body.get_mut("components").and_then(Value::as_array_mut) {
        let before = components.len();
        components.retain(is_public);
        if components.is_empty() && (before > 0 || !touched.is_empty()) {
            return None;
        }
    }
    Some(event)
}

#[async_trait]
impl Task for TellingTask {
    fn name(&self) -> &'static str {
        TELLING
    }

    fn description(&self) -> &'static str {
        "tells subscribers of the status page what has changed"
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    async fn wanted(&self) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let event = async {
            if written.changed().await.is_err() {
                // The state is closed; nothing will be written any more.
                std::future::pending::<()>().await;
            }
        };
        // Events of other processes are not heard of, but the page follows what they write.
        let page = async {
            while self.desk.snapshot().revision() == self.revision.load(Ordering::Relaxed) {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::select! {
            () = event => self.saw(written),
            () = page => {}
        }
    }

    async fn activate(&self, _: &CancellationToken) -> Result<Report, Box<dyn Explain>> {
        // What is written from here on is a reason to come back.
        self.saw(self.store.outbox_changes());
        self.revision.store(self.desk.snapshot().revision(), Ordering::Relaxed);
        let work = async {
            let (events, posted) = self.run().await?;
            Ok::<_, Error>((events, posted, self.office.forget().await?))
        };
        let (events, posted, forgotten) =
            work.await.map_err(|error| Box::new(error) as Box<dyn Explain>)?;
        let summary = format!("{events} events became {posted} messages");
        let detail = json!({ "events": events, "posted": posted, "forgotten": forgotten });
        Ok(Report { summary, detail })
    }
}
