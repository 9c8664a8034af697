//! Where people subscribe, say yes, change what they want and leave.

use std::collections::BTreeMap;
use std::sync::Arc;

use lotse_core::event::Event;
use lotse_core::id::EventId;
use lotse_core::time::{SharedClock, SignedDuration, Timestamp};
use lotse_store::audit::{Deed, DeedOutcome};
use lotse_store::{Store, Transaction};
use serde_json::json;
use uuid::Uuid;

use super::model::{PATIENCE, Secret, Settings, State, Subscriber, Way, parts_of};
use super::refusal::{self, Refusals};
use super::store;
use crate::error::Error;

/// The topic of the event that has somebody asked whether they want it.
pub const REQUESTED: &str = "status.subscription.requested";

/// How long nobody is asked again: strangers can have messages sent to others no more often.
const PAUSE: SignedDuration = SignedDuration::from_mins(30);

const WRITE: &str = "write a subscriber";

/// The office of a page.
#[derive(Clone, Debug)]
pub struct Office {
    store: Arc<Store>,
    clock: SharedClock,
}

impl Office {
    /// The office on this state, which was opened with [`super::PART`].
    pub const fn new(store: Arc<Store>, clock: SharedClock) -> Self {
        Self { store, clock }
    }

    /// Somebody asks that this address be told. The address is asked first; one that is told already
    /// is told so. Who asks learns nothing of either.
    ///
    /// # Errors
    /// The state cannot be written.
    pub async fn request(&self, way: Way, settings: Settings) -> Result<(), Error> {
        let now = self.clock.now();
        let mut transaction = self.store.begin(WRITE).await?;
        let known = store::find_in(&mut transaction, &way).await?;
        let is_soon = |one: &Subscriber| now.duration_since(one.asked) < PAUSE;
        if known.as_ref().is_some_and(is_soon) {
            return Ok(());
        }
        let one = if let Some(mut one) = known {
            one.asked = now;
            // What strangers say changes nothing for those who are told already.
            if one.state == State::Pending {
                one.settings = settings;
            }
            store::put(&mut transaction, &one).await?;
            one
        } else {
            let one = subscriber(way, settings, State::Pending, now)?;
            if !store::insert(&mut transaction, &one).await? {
                return Ok(());
            }
            one
        };
        transaction.emit(requested(&one, now));
        Ok(transaction.commit().await?)
    }

    /// The subscriber whose links carry this token; none for those who never said yes in time.
    ///
    /// # Errors
    /// There is none, or the state cannot be read.
    pub async fn of_token(&self, token: &str) -> Result<Subscriber, Error> {
        let missing = || Error::not_found("subscription", "of this address");
        let (id, secret) = parts_of(token).ok_or_else(missing)?;
        let found = store::get(&self.store, id).await?;
        let theirs =
            |one: &Subscriber| one.secret.matches(secret) && !one.is_stale(self.clock.now());
        found.filter(theirs).ok_or_else(missing)
    }

    /// The owner of the address says yes. A second time changes nothing.
    ///
    /// # Errors
    /// Nobody has this token, or the state cannot be written.
    pub async fn confirm(&self, token: &str) -> Result<Subscriber, Error> {
        self.change_as_owner(token, "status.subscription.confirm", |one| one.state = State::Active)
            .await
    }

    /// The owner of the address wants something else. That is a yes as well.
    ///
    /// # Errors
    /// Nobody has this token, or the state cannot be written.
    pub async fn change(&self, token: &str, settings: Settings) -> Result<Subscriber, Error> {
        self.change_as_owner(token, "status.subscription.change", |one| {
            (one.settings, one.state) = (settings, State::Active);
        })
        .await
    }

    async fn change_as_owner(
        &self,
        token: &str,
        action: &str,
        change: impl FnOnce(&mut Subscriber),
    ) -> Result<Subscriber, Error> {
        let id = self.of_token(token).await?.id;
        let mut transaction = self.store.begin(WRITE).await?;
        let found = store::get_in(&mut transaction, id).await?;
        let mut one = found.ok_or_else(|| Error::not_found("subscription", "of this address"))?;
        change(&mut one);
        store::put(&mut transaction, &one).await?;
        refusal::forgive_in(&mut transaction, one.id).await?;
        transaction.record(self.deed("subscriber", action, &one));
        transaction.commit().await?;
        Ok(one)
    }

    /// The owner of the address leaves. Who has left already has left.
    ///
    /// # Errors
    /// The state cannot be written.
    pub async fn leave(&self, token: &str) -> Result<(), Error> {
        match self.of_token(token).await {
            Ok(one) => self.remove("subscriber", one.id).await.map(drop),
            Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The operator adds somebody, who is told from now on, or changes what they are told. The secret
    /// is that of the signatures of a webhook.
    ///
    /// # Errors
    /// The state cannot be written.
    pub async fn add(
        &self,
        actor: &str,
        way: Way,
        settings: Settings,
    ) -> Result<Subscriber, Error> {
        let now = self.clock.now();
        let mut transaction = self.store.begin(WRITE).await?;
        let one = if let Some(one) = store::find_in(&mut transaction, &way).await? {
            Subscriber { settings, state: State::Active, ..one }
        } else {
            let one = subscriber(way, settings, State::Active, now)?;
            if !store::insert(&mut transaction, &one).await? {
                let reason = "somebody else adds the same subscriber: try again".to_owned();
                return Err(Error::Conflict { reason });
            }
            one
        };
        store::put(&mut transaction, &one).await?;
        refusal::forgive_in(&mut transaction, one.id).await?;
        transaction.record(self.deed(actor, "status.subscription.add", &one));
        transaction.commit().await?;
        Ok(one)
    }

    /// The operator removes somebody. Whether there was one.
    ///
    /// # Errors
    /// The state cannot be written.
    pub async fn remove(&self, actor: &str, id: Uuid) -> Result<bool, Error> {
        let mut transaction = self.store.begin(WRITE).await?;
        let Some(one) = store::get_in(&mut transaction, id).await? else { return Ok(false) };
        let gone = store::remove(&mut transaction, id).await?;
        transaction.record(self.deed(actor, "status.subscription.remove", &one));
        transaction.commit().await?;
        Ok(gone)
    }

    /// Everybody, in the order in which they came.
    ///
    /// # Errors
    /// The state cannot be read.
    pub async fn all(&self) -> Result<Vec<Subscriber>, Error> {
        Ok(store::all(&self.store).await?)
    }

    /// Whose mail server refuses for good, by their ids.
    ///
    /// # Errors
    /// The state cannot be read.
    pub async fn failing(&self) -> Result<BTreeMap<Uuid, Refusals>, Error> {
        Ok(refusal::all(&self.store).await?)
    }

    /// Forgets those who were asked and never said yes. How many there were.
    ///
    /// # Errors
    /// The state cannot be written.
    pub async fn forget(&self) -> Result<u64, Error> {
        let before = self.clock.now().checked_sub(PATIENCE).unwrap_or(Timestamp::MIN);
        Ok(store::forget_pending(&self.store, before).await?)
    }

    /// Addresses are of people: the audit log says which kind it was.
    fn deed(&self, actor: &str, action: &str, one: &Subscriber) -> Deed {
        Deed {
            at: self.clock.now(),
            actor: lotse_web::text::shown(actor, 200),
            action: action.to_owned(),
            object: format!("status/subscriber/{}", one.id),
            outcome: DeedOutcome::Done,
            request_ids: Vec::new(),
            detail: json!({ "way": one.way.word() }),
        }
    }
}

fn subscriber(
    way: Way,
    settings: Settings,
    state: State,
    now: Timestamp,
) -> Result<Subscriber, Error> {
    let (id, secret) = (Uuid::now_v7(), Secret::generate()?);
    Ok(Subscriber { id, way, settings, state, secret, created: now, asked: now })
}

fn requested(one: &Subscriber, now: Timestamp) -> Event {
    Event {
        id: EventId::generate(),
        topic: REQUESTED.to_owned(),
        subject: format!("status/subscriber/{}", one.id),
        at: now,
        body: json!({ "subscriber": one.id, "way": one.way.word() }),
    }
}

/// Puts a subscriber of this event, if it is one that asks somebody.
pub(crate) async fn asked_in(
    transaction: &mut Transaction,
    event: &Event,
) -> Result<Option<Subscriber>, lotse_store::Error> {
    let id = event.body.get("subscriber").and_then(|id| id.as_str()?.parse::<Uuid>().ok());
    match id.filter(|_| event.topic == REQUESTED) {
        Some(id) => store::get_in(transaction, id).await,
        None => Ok(None),
    }
}
