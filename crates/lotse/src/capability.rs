//! The capabilities of the daemon: one file and one line of [`ALL`] each.

mod changes;
pub(crate) mod conformance;
mod estate;
mod images;
pub(crate) mod notify;
mod state;
pub(crate) mod status;
mod upstream;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use lotse_change::Changes;
use lotse_core::task::Task;
use lotse_store::Store;
use lotse_store::migrate::Part;
use lotse_web::access::Permission;
use lotse_web::extension::{Extension, Highlights, NavItem, OpenApi, Register, Route};

use crate::daemon::clouds::Clouds;
use crate::daemon::estate::Estate;
use crate::failure::Failure;
use crate::settings::Environment;
use crate::settings::config::Config;

/// What a capability is assembled from.
pub(crate) struct Context<'a> {
    pub(crate) config: &'a Config,
    pub(crate) environment: &'a Environment,
    pub(crate) clouds: &'a Clouds,
    pub(crate) store: &'a Arc<Store>,
    /// Where the estate comes from.
    pub(crate) estate: &'a Estate,
    /// Where differences are shown.
    pub(crate) changes: &'a Changes,
    /// The status page, if the daemon serves one.
    pub(crate) status: Option<&'a status::Page>,
}

/// What a capability adds to the daemon: one list each.
#[derive(Default)]
pub(crate) struct Parts {
    /// Its background work.
    pub(crate) tasks: Vec<Arc<dyn Task>>,
    /// The clouds it works with, for the first page.
    pub(crate) clouds: Vec<String>,
    /// Its pages and the operations of its API; each says what it demands.
    pub(crate) routes: Vec<Route>,
    /// Its entries in the navigation.
    pub(crate) navigation: Vec<NavItem>,
    /// The permissions that its routes name.
    pub(crate) permissions: Vec<&'static Permission>,
    /// What the first page tells of it.
    pub(crate) highlights: Vec<Arc<dyn Highlights>>,
    /// What it measures.
    pub(crate) metrics: Vec<Register>,
    /// The descriptions of its part of the API.
    pub(crate) documents: Vec<OpenApi>,
    /// What it answers on listeners of its own.
    pub(crate) listeners: Vec<Listener>,
}

/// A listener besides that of the console.
pub(crate) struct Listener {
    /// What it is, for people.
    pub(crate) name: &'static str,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What it answers.
    pub(crate) router: Router,
}

impl Parts {
    /// Adds everything of another capability.
    pub(crate) fn extend(&mut self, other: Self) {
        self.tasks.extend(other.tasks);
        self.clouds.extend(other.clouds);
        self.routes.extend(other.routes);
        self.navigation.extend(other.navigation);
        self.permissions.extend(other.permissions);
        self.highlights.extend(other.highlights);
        self.metrics.extend(other.metrics);
        self.documents.extend(other.documents);
        self.listeners.extend(other.listeners);
    }

    /// Parts the background work and the clouds from what the shell takes. Listeners are taken before.
    pub(crate) fn split(self) -> (Vec<Arc<dyn Task>>, Vec<String>, Extension) {
        let Self {
            tasks,
            mut clouds,
            routes,
            navigation,
            permissions,
            highlights,
            metrics,
            documents,
            listeners: _,
        } = self;
        clouds.sort();
        clouds.dedup();
        let extension =
            Extension { routes, navigation, permissions, highlights, metrics, documents };
        (tasks, clouds, extension)
    }
}

impl From<Extension> for Parts {
    /// The pages and operations of a capability; its tasks and clouds are added.
    fn from(extension: Extension) -> Self {
        let Extension { routes, navigation, permissions, highlights, metrics, documents } =
            extension;
        Self { routes, navigation, permissions, highlights, metrics, documents, ..Self::default() }
    }
}

/// Makes the parts of one capability; none when its section of the configuration is missing.
pub(crate) type Assemble = fn(&Context<'_>) -> Result<Parts, Failure>;

/// Every capability.
pub(crate) const ALL: &[Assemble] = &[
    estate::assemble,
    images::assemble,
    upstream::assemble,
    conformance::assemble,
    changes::assemble,
    notify::assemble,
    status::assemble,
    state::assemble,
];

/// The tables of the capabilities that keep something.
pub(crate) const SCHEMA: &[Part] = &[
    lotse_change::PART,
    lotse_conformance::monitor::PART,
    lotse_images::PART,
    lotse_notify::PART,
    lotse_status::PART,
    lotse_status::detect::PART,
    lotse_status::subscribe::PART,
];
