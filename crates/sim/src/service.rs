//! What every simulated service has in common.

use std::fmt::Debug;

use axum::Router;
use axum::response::Response;

use crate::world::SharedWorld;

/// A service of the cloud, mounted under a prefix of the one port.
pub(crate) trait Service: Debug + Send + Sync {
    /// Its type in the catalogue, for example `image`.
    fn kind(&self) -> &'static str;

    /// Its name in the catalogue, for example `glance`.
    fn name(&self) -> &'static str;

    /// Where it is mounted, for example `/image`. Its routes do not see this prefix.
    fn mount(&self) -> &'static str;

    /// What follows the mount in its catalogue URL; `%(project_id)s` stands for the project.
    fn endpoint(&self) -> &'static str {
        ""
    }

    /// Whether a slash at the end of a path makes no difference.
    fn ignores_last_slash(&self) -> bool {
        false
    }

    /// Its routes.
    fn routes(&self, world: SharedWorld) -> Router;

    /// The answer with this error status and a message in the service's own form.
    fn refuse(&self, status: u16, message: &str) -> Response;

    /// The last word on every answer: error bodies in the form the client accepts, headers that all
    /// answers of the service have.
    fn finish(&self, exchange: &Exchange, answer: Response) -> Response;
}

/// What is known of a request when its answer is finished.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    /// Path within the service.
    pub(crate) path: String,
    /// The `Accept` header.
    pub(crate) accept: Option<String>,
    pub(crate) request_id: String,
    /// Base URL of the listener.
    pub(crate) base: String,
}

/// A service as the catalogue shows it.
#[derive(Clone, Debug)]
pub(crate) struct CatalogEntry {
    pub(crate) kind: &'static str,
    pub(crate) name: &'static str,
    /// Mount and endpoint, to be appended to the base URL.
    pub(crate) path: String,
}

/// All services. A further one is one line here.
pub(crate) fn all() -> Vec<Box<dyn Service>> {
    vec![
        Box::new(crate::keystone::Keystone),
        Box::new(crate::glance::Glance),
        Box::new(crate::nova::Nova),
        Box::new(crate::placement::PlacementService),
        Box::new(crate::neutron::Neutron),
        Box::new(crate::cinder::Cinder),
        Box::new(crate::octavia::Octavia),
        Box::new(crate::barbican::Barbican),
        Box::new(crate::swift::Swift),
    ]
}

/// What the catalogue offers.
pub(crate) fn catalog() -> Vec<CatalogEntry> {
    all()
        .iter()
        .map(|service| CatalogEntry {
            kind: service.kind(),
            name: service.name(),
            path: format!("{}{}", service.mount(), service.endpoint()),
        })
        .collect()
}
