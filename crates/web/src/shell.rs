//! Puts the pieces of the HTTP surface together.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware;
use lotse_core::secret::SecretString;
use lotse_core::task::Board;
use lotse_core::time::{SharedClock, Timestamp};
use lotse_store::Store;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use url::Url;

use crate::access::{Access, TASK_READ};
use crate::auth::Gate;
use crate::auth::guard::{Before, enter};
use crate::config::AccessConfig;
use crate::error::Error;
use crate::extension::{Extension, Highlights, NavItem, Route, mount};
use crate::health::Readiness;
use crate::metrics::Metrics;
use crate::{api, assets, auth, guard, health, live, metrics, pages, problem};

/// What this process is.
#[derive(Clone, Debug, serde::Serialize)]
pub struct About {
    /// `lotse`.
    pub product: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// Id of this process.
    pub instance: String,
    /// When it started.
    pub started: Timestamp,
    /// `demo` or `serve`, for the page's heading.
    pub mode: &'static str,
}

/// Requests an activation of a task; says whether there is such a task.
pub type RequestTask = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What a shell is made of.
pub struct ShellParts {
    /// What this process is.
    pub about: About,
    /// The tasks it runs.
    pub board: Arc<Board>,
    /// Activates them.
    pub request_task: RequestTask,
    /// The names of the clouds it works with.
    pub clouds: Vec<String>,
    /// What it measures.
    pub metrics: Arc<Metrics>,
    /// Whether it can do its work.
    pub readiness: Arc<Readiness>,
    /// Where sessions, tokens and the audit log are.
    pub store: Arc<Store>,
    /// Tells the time.
    pub clock: SharedClock,
    /// Who may come in.
    pub access: AccessConfig,
    /// The secret under which the identity provider knows us.
    pub oidc_secret: Option<SecretString>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl fmt::Debug for ShellParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShellParts").field("about", &self.about).finish_non_exhaustive()
    }
}

/// The shared state of all handlers.
pub struct Shell {
    /// What this process is.
    pub about: About,
    /// The tasks it runs.
    pub board: Arc<Board>,
    /// What it measures.
    pub metrics: Arc<Metrics>,
    /// Whether it can do its work.
    pub readiness: Arc<Readiness>,
    pub(crate) request_task: RequestTask,
    pub(crate) clouds: Vec<String>,
    pub(crate) gate: Gate,
    pub(crate) navigation: Vec<NavItem>,
    pub(crate) highlights: Vec<Arc<dyn Highlights>>,
    /// Places for listeners of live pages.
    pub(crate) streams: Arc<Semaphore>,
    /// What they listen to.
    pub(crate) pulse: Arc<live::Pulse>,
    pub(crate) document: api::document::Served,
}

impl fmt::Debug for Shell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shell").field("about", &self.about).finish_non_exhaustive()
    }
}

impl Shell {
    /// The shell and its whole surface: its own routes and those of the capabilities.
    pub fn assemble(parts: ShellParts, extension: Extension) -> Result<(Arc<Self>, Router), Error> {
        let (shell, routes) = Self::surface(parts, extension)?;
        let router = shell.clone().router(routes);
        Ok((shell, router))
    }

    /// The shell, and every route of it, not yet mounted.
    pub fn surface(
        parts: ShellParts,
        extension: Extension,
    ) -> Result<(Arc<Self>, Vec<Route>), Error> {
        let ShellParts { store, clock, access, oidc_secret, address, .. } = parts;
        let mut gate = Gate::new(store, clock, access, oidc_secret, address)?;
        gate.permissions.extend(&extension.permissions);
        no_two("permissions", gate.permissions.iter().map(|permission| permission.name))?;
        for register in extension.metrics {
            parts.metrics.register(register);
        }
        let mut navigation = pages::navigation();
        // What the capabilities show stands between the first page and those of the daemon itself.
        let after_first = navigation.len().min(1);
        navigation.splice(after_first..after_first, extension.navigation);
        let document = api::document::Served::default();
        let shell = Arc::new(Self {
            about: parts.about,
            board: parts.board,
            metrics: parts.metrics,
            readiness: parts.readiness,
            request_task: parts.request_task,
            clouds: parts.clouds,
            gate,
            navigation,
            highlights: extension.highlights,
            streams: Arc::new(Semaphore::new(live::MOST)),
            pulse: Arc::default(),
            document,
        });
        let mut routes = open_routes(&shell);
        routes.extend(auth::sign_in::routes(&shell));
        routes.extend(pages::routes(&shell));
        routes.extend(api::routes(&shell));
        routes.extend(extension.routes);
        no_two("routes", routes.iter().map(|route| format!("{} {}", route.method, route.path)))?;
        let mut documents = vec![api::document()];
        documents.extend(extension.documents);
        shell.document.fill(documents, &routes, shell.about.version);
        Ok((shell, routes))
    }

    /// Mounts the routes behind the gate and the guards.
    pub fn router(self: Arc<Self>, routes: Vec<Route>) -> Router {
        let gated = mount(routes, |access, handler| {
            let before = Before { shell: self.clone(), access };
            handler.route_layer(middleware::from_fn_with_state(before, enter))
        });
        gated
            .fallback(problem::not_found)
            .method_not_allowed_fallback(problem::method_not_allowed)
            .layer(CatchPanicLayer::custom(problem::panicked))
            .layer(middleware::from_fn_with_state(self.clone(), pages::errors::present))
            .layer(middleware::from_fn(assets::revalidate))
            .layer(CompressionLayer::new())
            .layer(middleware::from_fn_with_state(self.clone(), metrics::observe))
            .layer(middleware::from_fn_with_state(self, health::part))
            .layer(middleware::from_fn(guard::protect))
    }

    /// The description of the API as `/api/v1/openapi.json` serves it (JSON).
    pub fn openapi(&self) -> Option<&str> {
        self.document.text()
    }

    /// A link that signs in whoever opens it as `admin`, once and within the hour; `None` where an
    /// identity provider signs people in. Whoever calls this shows it to a person and forgets it.
    pub async fn sign_in_link(&self) -> Result<Option<Url>, Error> {
        self.gate.make_link().await
    }
}

/// What is open to everybody, which says no more than how the process is; and the pulse of pages.
fn open_routes(shell: &Arc<Shell>) -> Vec<Route> {
    vec![
        Route::get("/healthz", Access::Open, (), health::alive),
        Route::get("/readyz", Access::Open, shell.clone(), health::ready),
        Route::get("/metrics", Access::Open, shell.clone(), metrics::scrape),
        Route::get("/assets/lotse.css", Access::Open, (), assets::stylesheet),
        Route::get("/assets/live.js", Access::Open, (), live::script),
        Route::get("/live", Access::Needs(&TASK_READ), shell.clone(), live::stream),
    ]
}

fn no_two<T: Ord + Into<String>>(what: &str, names: impl Iterator<Item = T>) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for name in names {
        let name: String = name.into();
        if seen.contains(&name) {
            return Err(Error::Twice { what: format!("{what}: {name}") });
        }
        seen.insert(name);
    }
    Ok(())
}
