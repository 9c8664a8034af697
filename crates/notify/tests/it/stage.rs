//! Events, clocks and couriers.

use std::sync::Arc;
use std::time::Duration;

use lotse_core::event::Event;
use lotse_core::id::EventId;
use lotse_core::time::{ManualClock, SignedDuration, Timestamp};
use lotse_notify::channel::{Parcel, Trouble};
use lotse_notify::courier::{Options, Tally};
use lotse_notify::model::{Delivery, State};
use lotse_notify::route::Rule;
use lotse_notify::{Channel, Channels, Courier};
use lotse_store::Store;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The parts of the schema.
pub(crate) const PARTS: &[lotse_store::migrate::Part] = &[lotse_notify::PART];

/// When tests begin.
pub(crate) const START: i64 = 1_790_000_000;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::starting_at(at(0)))
}

/// A clock that runs behind nobody's: what others have claimed is free again.
pub(crate) fn after_all() -> Arc<ManualClock> {
    Arc::new(ManualClock::starting_at(at(1_000_000_000)))
}

pub(crate) fn pass(clock: &ManualClock, seconds: i64) {
    clock.advance(SignedDuration::from_secs(seconds));
}

pub(crate) fn event(topic: &str, subject: &str, body: Value) -> Event {
    Event {
        id: EventId::generate(),
        topic: topic.to_owned(),
        subject: subject.to_owned(),
        at: at(0),
        body,
    }
}

/// A change that was proposed.
pub(crate) fn proposed(cloud: &str) -> Event {
    let body = json!({
        "change": "0199c3a0-0000-7000-8000-000000000001",
        "capability": "images",
        "cloud": cloud,
        "state": "proposed",
        "actor": format!("task images/{cloud}"),
        "note": "",
        "consent": "it destroys 1 of 3 images",
        "steps": 3,
        "counts": {"create": 2, "destroy": 1},
        "approvals_needed": 2,
        "names": ["create image Debian 13", "create image Ubuntu 26.04", "destroy image Debian 11"],
    });
    event("change.proposed", &format!("{cloud}/images"), body)
}

/// A rule that tells these channels everything, each event at once.
pub(crate) fn everything(channels: &[&str]) -> Rule {
    Rule {
        topics: vec!["*".to_owned()],
        channels: channels.iter().map(|&name| name.to_owned()).collect(),
        at_most_every: Duration::ZERO,
        together: false,
    }
}

/// A courier of one channel `hook` that is told everything.
pub(crate) fn courier(
    store: &Arc<Store>,
    clock: &Arc<ManualClock>,
    channel: Arc<dyn Channel>,
) -> Courier {
    let channels = Channels::new(None, vec![everything(&["hook"])]).with("hook", channel);
    courier_of(store, clock, channels)
}

pub(crate) fn courier_of(
    store: &Arc<Store>,
    clock: &Arc<ManualClock>,
    channels: Channels,
) -> Courier {
    Courier::new(store.clone(), Arc::new(channels), clock.clone(), Options::default())
}

/// How long a hasty courier waits for an answer.
const HASTE: Duration = Duration::from_millis(300);

/// A courier that does not wait long.
pub(crate) fn hasty(store: &Arc<Store>, clock: &Arc<ManualClock>, channels: Channels) -> Courier {
    let options = Options { deadline: HASTE, ..Options::default() };
    Courier::new(store.clone(), Arc::new(channels), clock.clone(), options)
}

/// Sends what is due.
pub(crate) async fn send(courier: &Courier) -> Tally {
    courier.send(&CancellationToken::new()).await.unwrap()
}

/// Writes events, after our reader was made, and turns them into deliveries.
pub(crate) async fn happen(store: &Store, courier: &Courier, events: &[Event]) {
    courier.route().await.unwrap();
    for event in events {
        store.emit(event.clone()).await.unwrap();
    }
    courier.route().await.unwrap();
}

/// All deliveries in this state, oldest first.
pub(crate) async fn all(courier: &Courier, state: State) -> Vec<Delivery> {
    let mut listed = courier.list(state, None, 1000).await.unwrap();
    listed.reverse();
    listed
}

/// A channel that hands everything to the test.
#[derive(Debug)]
struct Known {
    recipients: Vec<String>,
    sent: mpsc::UnboundedSender<(Delivery, String)>,
}

/// A channel to these recipients, and what it is given.
pub(crate) fn known(
    recipients: &[&str],
) -> (Arc<dyn Channel>, mpsc::UnboundedReceiver<(Delivery, String)>) {
    let (sent, received) = mpsc::unbounded_channel();
    let recipients = recipients.iter().map(|&name| name.to_owned()).collect();
    (Arc::new(Known { recipients, sent }), received)
}

#[async_trait::async_trait]
impl Channel for Known {
    fn recipients(&self) -> Vec<String> {
        self.recipients.clone()
    }

    fn target(&self) -> String {
        "the test".to_owned()
    }

    fn fingerprint(&self) -> String {
        "test".to_owned()
    }

    async fn send(&self, parcel: Parcel<'_>) -> Result<String, Trouble> {
        // A test that does not look at what was sent has dropped its end.
        self.sent.send((parcel.delivery.clone(), parcel.message.text.clone())).ok();
        Ok("taken".to_owned())
    }
}
