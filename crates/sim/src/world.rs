//! Everything the cloud knows, in one place.
//!
//! Plain data with one lock per service. Locks are held for the length of one look or change and
//! never across an await point.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lotse_core::time::Timestamp;

use crate::faults::Faults;
use crate::glance::model::Images;
use crate::ids::IdSource;
use crate::keystone::model::Identity;
use crate::options::SimOptions;
use crate::requests::RequestLog;
use crate::service::CatalogEntry;
use crate::upstream::Upstream;

/// The world as its services share it.
pub(crate) type SharedWorld = Arc<World>;

/// Everything the cloud knows.
#[derive(Debug)]
pub(crate) struct World {
    /// `http://127.0.0.1:port`, without a slash at the end.
    pub(crate) base: String,
    pub(crate) options: SimOptions,
    pub(crate) ids: IdSource,
    /// What the catalogue offers.
    pub(crate) catalog: Vec<CatalogEntry>,
    pub(crate) faults: Faults,
    pub(crate) requests: RequestLog,
    pub(crate) upstream: Upstream,
    identity: Mutex<Identity>,
    images: Mutex<Images>,
}

impl World {
    pub(crate) fn new(
        base: String,
        options: SimOptions,
        catalog: Vec<CatalogEntry>,
        identity: Identity,
        images: Images,
    ) -> Self {
        Self {
            base,
            ids: IdSource::new(options.random),
            options,
            catalog,
            faults: Faults::default(),
            requests: RequestLog::default(),
            upstream: Upstream::default(),
            identity: Mutex::new(identity),
            images: Mutex::new(images),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.options.clock.now()
    }

    /// The identities, to look at or change.
    pub(crate) fn identity(&self) -> MutexGuard<'_, Identity> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The images, to look at or change, with all transitions made that are due.
    pub(crate) fn images(&self) -> MutexGuard<'_, Images> {
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        images.settle(self.now());
        images
    }
}
