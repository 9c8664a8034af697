//! Keeps us from overrunning a service: so many requests at once, so many per second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::options::{ServiceLimit, ServiceLimits};
use crate::service;

/// The limits of one cloud.
#[derive(Debug)]
pub(crate) struct Limits {
    options: ServiceLimits,
    services: Mutex<HashMap<String, Arc<Limit>>>,
}

/// A place among the requests under way.
#[derive(Debug)]
pub(crate) struct Permit {
    _place: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
struct Limit {
    places: Arc<Semaphore>,
    /// The time between two requests, and when the next may begin.
    pace: Option<(Duration, Mutex<Instant>)>,
}

impl Limits {
    pub(crate) fn new(options: ServiceLimits) -> Self {
        Self { options, services: Mutex::default() }
    }

    /// Waits for a place and for its turn.
    pub(crate) async fn permit(&self, service: &str) -> Permit {
        let limit = self.limit(service::official(service));
        let place = Arc::clone(&limit.places).acquire_owned().await.ok();
        if let Some((apart, next)) = &limit.pace {
            let turn = {
                let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
                let turn = (*next).max(Instant::now());
                *next = turn + *apart;
                turn
            };
            tokio::time::sleep_until(turn).await;
        }
        Permit { _place: place }
    }

    fn limit(&self, service: &str) -> Arc<Limit> {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(limit) = services.get(service) {
            return Arc::clone(limit);
        }
        let options = self.options.services.get(service).unwrap_or(&self.options.usual);
        let limit = Arc::new(Limit::new(*options));
        services.insert(service.to_owned(), Arc::clone(&limit));
        limit
    }
}

impl Limit {
    fn new(options: ServiceLimit) -> Self {
        let apart = options
            .per_second
            .filter(|rate| rate.is_finite() && *rate > 0.0)
            .and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok());
        Self {
            places: Arc::new(Semaphore::new(options.at_once.clamp(1, Semaphore::MAX_PERMITS))),
            pace: apart.map(|apart| (apart, Mutex::new(Instant::now()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(limit: ServiceLimit) -> Limits {
        Limits::new(ServiceLimits { usual: limit, ..ServiceLimits::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn requests_begin_no_closer_together_than_the_rate_allows() {
        let limits = limits(ServiceLimit { at_once: 100, per_second: Some(10.0) });
        let begun = Instant::now();
        for _ in 0..11 {
            limits.permit("image").await;
        }
        assert_eq!(begun.elapsed().as_millis() / 100, 10);
    }

    #[tokio::test]
    async fn another_name_of_a_service_shares_its_places() {
        let limits = limits(ServiceLimit { at_once: 1, per_second: None });
        let held = limits.permit("volumev3").await;
        let mut second = Box::pin(limits.permit("block-storage"));
        assert!(futures::poll!(&mut second).is_pending());
        assert!(futures::poll!(Box::pin(limits.permit("image"))).is_ready());
        drop(held);
        assert!(futures::poll!(&mut second).is_ready());
    }
}
