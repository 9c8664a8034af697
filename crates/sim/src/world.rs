//! Everything the cloud knows, in one place.
//!
//! Plain data with one lock per service. Locks are held for the length of one look or change and
//! never across an await point. Nobody holds two of them: what one service wants of another goes
//! through a function of the other that takes the world (`neutron::plug`, `cinder::attach`, …) and
//! is called with no lock held. So no order of locks exists that one could get wrong.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lotse_core::time::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::barbican::model::Secrets;
use crate::cinder::model::Volumes;
use crate::clock::CloudClock;
use crate::events::{Event, Events};
use crate::faults::Faults;
use crate::glance::model::Images;
use crate::ids::IdSource;
use crate::keystone::model::Identity;
use crate::neutron::model::Network;
use crate::nova::model::Compute;
use crate::octavia::model::Balancers;
use crate::options::SimOptions;
use crate::placement::model::Placement;
use crate::requests::RequestLog;
use crate::seed;
use crate::service::CatalogEntry;
use crate::swift::model::Objects;
use crate::upstream::Upstream;

/// How often those who wait for events look whether time has brought something.
const LOOK: Duration = Duration::from_millis(100);

/// The world as its services share it.
pub(crate) type SharedWorld = Arc<World>;

/// Everything the cloud knows.
#[derive(Debug)]
pub(crate) struct World {
    /// `http://127.0.0.1:port`, without a slash at the end.
    pub(crate) base: String,
    pub(crate) options: SimOptions,
    pub(crate) clock: CloudClock,
    pub(crate) ids: IdSource,
    /// What the catalogue offers.
    pub(crate) catalog: Vec<CatalogEntry>,
    pub(crate) faults: Faults,
    pub(crate) requests: RequestLog,
    pub(crate) events: Events,
    pub(crate) upstream: Upstream,
    /// The cloud is to end.
    pub(crate) stop: CancellationToken,
    identity: Mutex<Identity>,
    images: Mutex<Images>,
    compute: Mutex<Compute>,
    placement: Mutex<Placement>,
    network: Mutex<Network>,
    volume: Mutex<Volumes>,
    load_balancer: Mutex<Balancers>,
    key_manager: Mutex<Secrets>,
    object_store: Mutex<Objects>,
}

impl World {
    pub(crate) fn new(
        base: String,
        options: SimOptions,
        catalog: Vec<CatalogEntry>,
        state: seed::State,
    ) -> Self {
        let mut identity = state.identity.unwrap_or_else(seed::identity);
        crate::keystone::fill_catalog(&mut identity, &catalog);
        let world = Self {
            base,
            // What a seed holds got its ids from the same source: another start, other ids.
            ids: IdSource::new(options.random ^ state.fingerprint),
            clock: CloudClock::new(options.clock.clone()),
            options,
            catalog,
            faults: Faults::default(),
            requests: RequestLog::default(),
            events: Events::default(),
            upstream: Upstream::default(),
            stop: CancellationToken::new(),
            identity: Mutex::new(identity),
            images: Mutex::new(state.image.unwrap_or_default()),
            compute: Mutex::new(state.compute.unwrap_or_default()),
            placement: Mutex::new(state.placement.unwrap_or_default()),
            network: Mutex::new(state.network.unwrap_or_default()),
            volume: Mutex::new(state.volume.unwrap_or_default()),
            load_balancer: Mutex::new(state.load_balancer.unwrap_or_default()),
            key_manager: Mutex::new(state.key_manager.unwrap_or_default()),
            object_store: Mutex::new(state.object_store.unwrap_or_default()),
        };
        crate::nova::start(&world);
        world
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Makes all transitions that are due, in all services; what they publish comes in the order of
    /// time.
    pub(crate) fn settle(&self) {
        self.events.together(|| {
            drop(self.images());
            drop(self.volume());
            drop(self.network());
            drop(self.placement());
            drop(self.compute());
            crate::octavia::sweep(self);
            drop(self.key_manager());
            drop(self.object_store());
        });
    }

    /// Waits for events after this number, `limit` of them at most. Meanwhile it looks now and then
    /// whether time has brought something: nobody else may be looking.
    pub(crate) async fn next_events(&self, after: u64, limit: usize) -> Vec<Event> {
        loop {
            self.settle();
            let events = self.events.page(after, limit);
            if !events.is_empty() {
                return events;
            }
            // Whether an event or the time ended the wait: the next look tells.
            drop(tokio::time::timeout(LOOK, self.events.beyond(after)).await);
        }
    }

    /// The identities, to look at or change.
    pub(crate) fn identity(&self) -> MutexGuard<'_, Identity> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The images, to look at or change, with all transitions made that are due.
    pub(crate) fn images(&self) -> MutexGuard<'_, Images> {
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        for happened in images.settle(self.now()) {
            self.events.publish(happened);
        }
        images
    }

    /// What Nova knows, to look at or change, with all transitions made that are due.
    pub(crate) fn compute(&self) -> MutexGuard<'_, Compute> {
        loop {
            let mut compute = self.compute.lock().unwrap_or_else(PoisonError::into_inner);
            let chores = compute.settle(self.now(), &self.events);
            if chores.is_empty() {
                return compute;
            }
            // They take locks of other services.
            drop(compute);
            for chore in chores {
                chore.run(self);
            }
        }
    }

    /// What Nova knows, without making the transitions that are due: for answers that show a server
    /// as the request left it.
    pub(crate) fn compute_as_it_is(&self) -> MutexGuard<'_, Compute> {
        self.compute.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What Placement knows, to look at or change, with all transitions made that are due.
    pub(crate) fn placement(&self) -> MutexGuard<'_, Placement> {
        let mut placement = self.placement.lock().unwrap_or_else(PoisonError::into_inner);
        placement.settle(self.now());
        placement
    }

    /// What Neutron knows, to look at or change, with all transitions made that are due.
    pub(crate) fn network(&self) -> MutexGuard<'_, Network> {
        let mut network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        network.settle(self.now());
        network
    }

    /// What Cinder knows, to look at or change, with all transitions made that are due.
    pub(crate) fn volume(&self) -> MutexGuard<'_, Volumes> {
        let mut volume = self.volume.lock().unwrap_or_else(PoisonError::into_inner);
        volume.settle(self.now(), &self.events);
        volume
    }

    /// What Octavia knows, to look at or change, with all transitions made that are due.
    pub(crate) fn load_balancer(&self) -> MutexGuard<'_, Balancers> {
        let mut load_balancer = self.load_balancer.lock().unwrap_or_else(PoisonError::into_inner);
        load_balancer.settle(self.now(), &self.events);
        load_balancer
    }

    /// What Barbican knows, to look at or change, with all transitions made that are due.
    pub(crate) fn key_manager(&self) -> MutexGuard<'_, Secrets> {
        let mut key_manager = self.key_manager.lock().unwrap_or_else(PoisonError::into_inner);
        key_manager.settle(self.now());
        key_manager
    }

    /// What Swift knows, to look at or change, with all transitions made that are due.
    pub(crate) fn object_store(&self) -> MutexGuard<'_, Objects> {
        let mut object_store = self.object_store.lock().unwrap_or_else(PoisonError::into_inner);
        object_store.settle(self.now());
        object_store
    }
}
