//! Carries notifications out: from the outbox to deliveries, and from deliveries to recipients.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use lotse_core::error::chain;
use lotse_core::event::Event;
use lotse_core::id::{DeliveryId, EventId};
use lotse_core::time::{SharedClock, SignedDuration, Timestamp};
use lotse_store::outbox::{Begin, Reader};
use lotse_store::{Store, Transaction};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::channel::{Channel, Parcel, Trouble};
use crate::channels::Channels;
use crate::error::Error;
use crate::metrics::{AttemptOutcome, Metrics};
use crate::model::{Delivery, Item, MOST_ITEMS, State, delivery_id};
use crate::render;
use crate::route::{Place, Way, place, route};
use crate::settle::{Failed, Fate, Patience, settle};
use crate::store::{self, Disabled, Due, New};
use crate::text::{clean, notice};

/// The name of our reader of the outbox.
pub const READER: &str = "notify";

/// How many events are routed in one transaction.
const EVENTS: u32 = 100;
/// How many deliveries are looked at in one go.
const DELIVERIES: u32 = 200;
/// How much of what the other side said is kept, in characters.
const MOST_KEPT: usize = 500;

/// How the courier works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// How long it is tried.
    pub patience: Patience,
    /// How long one attempt may take (30 s).
    pub deadline: Duration,
    /// How long a delivery is claimed for an attempt (2 min). Longer than the deadline, by more
    /// than clocks of instances differ.
    pub claim: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            patience: Patience::default(),
            deadline: Duration::from_secs(30),
            claim: Duration::from_mins(2),
        }
    }
}

/// What was done in one go.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub struct Tally {
    /// Events read.
    pub events: u64,
    /// Deliveries confirmed.
    pub sent: u64,
    /// Attempts that failed and are repeated.
    pub put_off: u64,
    /// Deliveries given up.
    pub dead: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.sent += other.sent;
        self.put_off += other.put_off;
        self.dead += other.dead;
    }
}

/// A delivery past all rules.
#[derive(Clone, Copy, Debug)]
pub struct Posted<'a> {
    /// The channel, by its name.
    pub channel: &'a str,
    /// Who in it; empty where there is only one.
    pub recipient: &'a str,
    /// The event and its words.
    pub item: &'a Item,
    /// When it is to be sent.
    pub due: Timestamp,
    /// Deliveries with the same text here that nobody has begun to send take it along; empty for none.
    pub repeats: &'a str,
}

/// Carries notifications out.
#[derive(Clone, Debug)]
pub struct Courier {
    store: Arc<Store>,
    channels: Arc<Channels>,
    clock: SharedClock,
    options: Options,
    metrics: Metrics,
}

impl Courier {
    /// A courier for these channels; the store was opened with [`crate::PART`].
    pub fn new(
        store: Arc<Store>,
        channels: Arc<Channels>,
        clock: SharedClock,
        options: Options,
    ) -> Self {
        Self { store, channels, clock, options, metrics: Metrics::default() }
    }

    /// The channels.
    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    /// What is counted; this courier and its clones count together.
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Turns all new events into deliveries. Without rules they are only acknowledged, so that
    /// whoever adds rules later is told of what happens from then on.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn route(&self) -> Result<u64, Error> {
        let reader = self.store.outbox_reader(READER, Begin::Now).await?;
        let mut routed = 0;
        loop {
            let events = self.route_some(&reader).await?;
            routed += events;
            if events < u64::from(EVENTS) {
                return Ok(routed);
            }
        }
    }

    async fn route_some(&self, reader: &Reader) -> Result<u64, Error> {
        if reader.read(1).await?.is_empty() {
            return Ok(0);
        }
        let now = self.clock.now();
        let mut transaction = self.store.begin("record notifications").await?;
        let events = reader.read_in(&mut transaction, EVENTS).await?;
        let Some(last) = events.last() else { return Ok(0) };
        for delivery in &events {
            for way in route(&delivery.event, self.channels.rules()) {
                self.write(&mut transaction, &delivery.event, &way, now).await?;
            }
        }
        reader.acknowledge_in(&mut transaction, last.seq).await?;
        transaction.commit().await?;
        self.metrics.routed(events.len() as u64);
        Ok(events.len() as u64)
    }

    /// Writes the deliveries of an event on one way.
    async fn write(
        &self,
        transaction: &mut Transaction,
        event: &Event,
        way: &Way,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(channel) = self.channels.get(&way.channel) else { return Ok(()) };
        let notice = notice(event, self.channels.base());
        let item = Item { notice, event: event.clone() };
        for recipient in channel.recipients() {
            let newest = store::newest(transaction, &way.channel, &recipient, &way.repeats).await?;
            let opened = match place(newest, way.at_most_every, now) {
                Place::With(id) if add(transaction, id, &item).await? => continue,
                Place::With(_) => now,
                Place::Own(opened) => opened,
            };
            let new = New {
                id: delivery_id(event.id, &way.channel, &recipient),
                channel: &way.channel,
                recipient: &recipient,
                repeats: &way.repeats,
                items: std::slice::from_ref(&item),
                created: now,
                opened,
            };
            store::insert(transaction, &new).await?;
        }
        Ok(())
    }

    /// Writes a delivery past all rules; it is sent once the transaction is committed. The same event
    /// for the same recipient of a channel is written once.
    ///
    /// # Errors
    /// The state cannot be written.
    pub async fn post(
        &self,
        transaction: &mut Transaction,
        post: &Posted<'_>,
    ) -> Result<(), lotse_store::Error> {
        let Posted { channel, recipient, item, due, repeats } = *post;
        if !repeats.is_empty()
            && let Some(newest) = store::newest(transaction, channel, recipient, repeats).await?
            && newest.untouched
            && add(transaction, newest.id, item).await?
        {
            return Ok(());
        }
        let new = New {
            id: delivery_id(item.event.id, channel, recipient),
            channel,
            recipient,
            repeats,
            items: std::slice::from_ref(item),
            created: self.clock.now(),
            opened: due,
        };
        store::insert(transaction, &new).await.map(drop)
    }

    /// Sends what is due. Channels do not wait for each other; within one, an attempt that fails
    /// for reasons that are not its own ends the go.
    ///
    /// # Errors
    /// [`Error::Store`]. What fails on a channel is no error: it is in the tally and in the state.
    pub async fn send(&self, cancelled: &CancellationToken) -> Result<Tally, Error> {
        let due = store::due(&self.store, self.clock.now(), DELIVERIES).await?;
        let disabled = store::disabled(&self.store).await?;
        let mut by_channel: BTreeMap<String, Vec<Due>> = BTreeMap::new();
        for due in due {
            by_channel.entry(due.channel.clone()).or_default().push(due);
        }
        let mut rounds: FuturesUnordered<_> = by_channel
            .iter()
            .map(|(name, due)| self.send_on(name, due, &disabled, cancelled))
            .collect();
        let mut tally = Tally::default();
        while let Some(round) = rounds.next().await {
            tally += round?;
        }
        Ok(tally)
    }

    /// Changes whenever this process has written an event.
    pub fn written(&self) -> watch::Receiver<u64> {
        self.store.outbox_changes()
    }

    /// When there is something to do next.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        Ok(store::next_due(&self.store).await?)
    }

    async fn send_on(
        &self,
        name: &str,
        due: &[Due],
        disabled: &[Disabled],
        cancelled: &CancellationToken,
    ) -> Result<Tally, Error> {
        let mut tally = Tally::default();
        let now = self.clock.now();
        let Some(channel) = self.channels.look_up(name).await? else {
            let why = "the channel is no longer configured";
            tally.dead = store::give_up(&self.store, name, now, why).await?;
            self.metrics.attempted(name, AttemptOutcome::Dead, tally.dead);
            return Ok(tally);
        };
        let is_this = |disabled: &&Disabled| {
            disabled.name == name && disabled.target == channel.fingerprint()
        };
        if let Some(disabled) = disabled.iter().find(is_this) {
            let why =
                format!("the channel is disabled since {}: {}", disabled.since, disabled.reason);
            tally.dead = store::give_up(&self.store, name, now, &why).await?;
            self.metrics.attempted(name, AttemptOutcome::Dead, tally.dead);
            return Ok(tally);
        }
        if let Some(until) = store::paused(&self.store, name, &channel.fingerprint(), now).await? {
            store::hold(&self.store, name, until).await?;
            return Ok(tally);
        }
        for due in due {
            if cancelled.is_cancelled() {
                break;
            }
            let work = self.attempt(due, channel.as_ref());
            let Some(outcome) = cancelled.run_until_cancelled(work).await else { break };
            let (done, goes_on) = outcome?;
            for (outcome, number) in [
                (AttemptOutcome::Sent, done.sent),
                (AttemptOutcome::PutOff, done.put_off),
                (AttemptOutcome::Dead, done.dead),
            ] {
                self.metrics.attempted(name, outcome, number);
            }
            tally += done;
            if !goes_on {
                break;
            }
        }
        Ok(tally)
    }

    /// One attempt at one delivery. Says what came of it, and whether the channel can be used on.
    async fn attempt(&self, due: &Due, channel: &dyn Channel) -> Result<(Tally, bool), Error> {
        let now = self.clock.now();
        let until = after(now, self.options.claim);
        let Some(delivery) = store::claim(&self.store, due, until, now).await? else {
            return Ok((Tally::default(), true));
        };
        match self.hand_over(channel, &delivery, now).await {
            Ok(said) => {
                let said = clean(&said, MOST_KEPT);
                let now = self.clock.now();
                if !store::end(&self.store, &delivery, State::Sent, now, &said).await? {
                    tracing::warn!(delivery = %delivery.id, "sent after its claim had ended");
                }
                tracing::info!(channel = delivery.channel, delivery = %delivery.id, "notified");
                Ok((Tally { sent: 1, ..Tally::default() }, true))
            }
            Err(trouble) => self.settle(channel, &delivery, &trouble).await,
        }
    }

    async fn hand_over(
        &self,
        channel: &dyn Channel,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<String, Trouble> {
        let message = render::message(delivery);
        let parcel = Parcel { delivery, message: &message, now };
        match tokio::time::timeout(self.options.deadline, channel.send(parcel)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Trouble::Late {
                peer: channel.target(),
                seconds: self.options.deadline.as_secs(),
            }),
        }
    }

    async fn settle(
        &self,
        channel: &dyn Channel,
        delivery: &Delivery,
        trouble: &Trouble,
    ) -> Result<(Tally, bool), Error> {
        let now = self.clock.now();
        let reaction = trouble.reaction();
        let Delivery { id, attempts, opened, .. } = *delivery;
        let fate = settle(Failed { id, attempts, opened, reaction }, &self.options.patience, now);
        let said = clean(&chain(trouble), MOST_KEPT);
        let name = delivery.channel.as_str();
        tracing::warn!(channel = name, delivery = %id, attempts, error = said, "not notified");
        let put_off = Tally { put_off: 1, ..Tally::default() };
        let dead = Tally { dead: 1, ..Tally::default() };
        match fate {
            Fate::Later(due) => {
                store::later(&self.store, delivery, due, &said).await?;
                Ok((put_off, false))
            }
            Fate::Pause(due) => {
                store::later(&self.store, delivery, due, &said).await?;
                store::pause(&self.store, name, &channel.fingerprint(), due).await?;
                store::hold(&self.store, name, due).await?;
                Ok((put_off, false))
            }
            Fate::Dead => {
                store::end(&self.store, delivery, State::Dead, now, &said).await?;
                Ok((dead, true))
            }
            Fate::Disabled => {
                let disabled = Disabled {
                    name: name.to_owned(),
                    target: channel.fingerprint(),
                    since: now,
                    reason: said.clone(),
                };
                store::disable(&self.store, &disabled).await?;
                store::end(&self.store, delivery, State::Dead, now, &said).await?;
                Ok((dead, false))
            }
        }
    }

    /// At most `limit` deliveries of a state, newest first, after the last one of the page before.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list(
        &self,
        state: State,
        after: Option<&Delivery>,
        limit: u32,
    ) -> Result<Vec<Delivery>, Error> {
        let after = after.map(|delivery| (delivery.created, delivery.id));
        Ok(store::list(&self.store, state, after, limit).await?)
    }

    /// One delivery.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn get(&self, id: &str) -> Result<Option<Delivery>, Error> {
        Ok(store::get(&self.store, id).await?)
    }

    /// How many deliveries there are in each state, in the order of [`State::ALL`].
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn counts(&self) -> Result<[u64; 3], Error> {
        let counts = store::counts(&self.store).await?;
        self.metrics.counted(counts);
        Ok(counts)
    }

    /// Lets a dead letter be sent again, with the same id.
    ///
    /// # Errors
    /// [`Error::NoDeadLetter`], [`Error::Store`].
    pub async fn revive(&self, id: &str) -> Result<(), Error> {
        if store::revive(&self.store, id, self.clock.now()).await? {
            Ok(())
        } else {
            Err(Error::NoDeadLetter { id: id.to_owned() })
        }
    }

    /// Forgets deliveries that ended before this time. Returns how many there were.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn prune(&self, state: State, before: Timestamp) -> Result<u64, Error> {
        Ok(store::prune(&self.store, state, before).await?)
    }

    /// Sends a test message on a channel at once, one to each recipient, past all rules. A channel
    /// that was disabled and takes one is used again.
    ///
    /// # Errors
    /// [`Error::NoChannel`], [`Error::Store`].
    pub async fn test(&self, name: &str) -> Result<Vec<(String, Result<String, Trouble>)>, Error> {
        let channel = self.channels.get(name).ok_or_else(|| Error::NoChannel {
            channel: name.to_owned(),
            known: self.channels.iter().map(|(name, _)| name.to_owned()).collect(),
        })?;
        let now = self.clock.now();
        let mut outcomes = Vec::new();
        for recipient in channel.recipients() {
            let delivery = self.test_delivery(name, &recipient, now);
            outcomes.push((recipient, self.hand_over(channel.as_ref(), &delivery, now).await));
        }
        if outcomes.iter().any(|(_, outcome)| outcome.is_ok()) {
            store::enable(&self.store, name).await?;
        }
        Ok(outcomes)
    }

    fn test_delivery(&self, channel: &str, recipient: &str, now: Timestamp) -> Delivery {
        let event = Event {
            id: EventId::generate(),
            topic: "notify.test".to_owned(),
            subject: channel.to_owned(),
            at: now,
            body: serde_json::Value::Null,
        };
        Delivery {
            id: delivery_id(event.id, channel, recipient),
            channel: channel.to_owned(),
            recipient: recipient.to_owned(),
            repeats: String::new(),
            items: vec![Item { notice: notice(&event, self.channels.base()), event }],
            omitted: 0,
            state: State::Waiting,
            attempts: 1,
            created: now,
            opened: now,
            due: now,
            ended: None,
            said: None,
        }
    }
}

/// Adds an item to a delivery. Says whether it was still gathering.
async fn add(
    transaction: &mut Transaction,
    id: DeliveryId,
    item: &Item,
) -> Result<bool, lotse_store::Error> {
    let Some(mut delivery) = store::find(transaction, id).await? else { return Ok(false) };
    if delivery.items.len() < MOST_ITEMS {
        delivery.items.push(item.clone());
    } else {
        delivery.omitted = delivery.omitted.saturating_add(1);
    }
    store::join(transaction, id, &delivery.items, delivery.omitted).await
}

fn after(start: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    start.saturating_add(by).unwrap_or(Timestamp::MAX)
}
