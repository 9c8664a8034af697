//! `lotse status serve`: the page, its API and its metrics, each on its listener.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use lotse_core::error::ExitCode;
use lotse_core::id::InstanceId;
use lotse_core::task::{Driver, DriverOptions};
use lotse_status::command::Command;
use lotse_status::detect::{self, Detector, Watching};
use lotse_status::pages::look::Look;
use lotse_status::{Desk, provision, site::Site};
use lotse_store::Store;
use serde_json::json;

use crate::capability::status;
use crate::cli::status::ServeArguments;
use crate::daemon::listeners::Listeners;
use crate::daemon::{self, LEASE, clock};
use crate::failure::{CommandResult, Failure};
use crate::output;
use crate::settings::status::ServeStatus;
use crate::settings::{Environment, Globals};

/// How long open requests may take after a stop was requested.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until it is told to stop.
pub(super) fn run(
    arguments: &ServeArguments,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let settings = ServeStatus::resolve(arguments, globals, environment)?;
    super::super::server_runtime()?.block_on(serve(settings, globals, environment))
}

async fn serve(
    settings: ServeStatus,
    globals: &Globals,
    environment: &Environment,
) -> CommandResult {
    let stop = daemon::cancelled_by_signal()?;
    let provision = settings.provision.as_deref().map(provision::read).transpose();
    let provision = provision.map_err(lotse_status::Error::from)?;
    let look = settings.theme.as_deref().map(Look::read).transpose();
    let look = look.map_err(lotse_status::Error::from)?.unwrap_or_default();
    let store = Arc::new(daemon::open_state(&settings.database).await?);
    let desk = Arc::new(Desk::open(store.clone(), clock()).await?);
    if let Some(provision) = provision {
        desk.perform("provisioning", &Command::Provision(Box::new(provision))).await?;
    }
    let detector = status::detector(settings.detection.as_ref(), &desk, environment)?;
    let site = Site::new(desk.clone(), look, settings.options);
    let mut listeners = Listeners::new(stop.clone(), GRACE);
    let heard = detector.as_ref().map_or_else(Router::new, detect::router);
    let page = listeners.open(settings.listen, site.page().merge(heard)).await?;
    let api = listeners.maybe(settings.api_listen, || site.api()).await?;
    let metrics = listeners.maybe(settings.metrics_listen, || site.measured()).await?;
    let following = status::follow(&desk, detector.as_ref(), &stop);
    let watching = match detector {
        Some(detector) => Some(watch(detector, &store).await),
        None => None,
    };
    announce(globals, page, api, metrics)?;
    stop.cancelled().await;
    if let Some(watching) = watching {
        watching.drain(GRACE).await;
    }
    let clean = listeners.end().await;
    let followed = following.await.is_ok();
    store.close().await;
    Ok(if clean && followed { ExitCode::Success } else { ExitCode::Failed })
}

/// Looks at what monitors say, as the daemon does: under a lease, so that one process decides.
async fn watch(detector: Arc<Detector>, store: &Arc<Store>) -> Driver {
    let options = DriverOptions {
        leases: store.clone(),
        witness: store.clone(),
        clock: clock(),
        instance: InstanceId::generate(),
        instance_note: "lotse status serve".to_owned(),
        lease: LEASE,
    };
    Driver::start(vec![Arc::new(Watching::new(detector))], Arc::default(), options).await
}

fn announce(
    globals: &Globals,
    page: SocketAddr,
    api: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
) -> Result<(), Failure> {
    let url = |address: SocketAddr| format!("http://{address}");
    let (page, api, metrics) = (url(page), url(api.unwrap_or(page)), metrics.map(url));
    if globals.json() {
        let hello = json!({ "event": "started", "page": page, "api": api, "metrics": metrics });
        output::data(globals, &format!("{hello}\n"))?;
    } else {
        output::note(globals, &format!("the status page is at {page}, its API at {api}"));
    }
    Ok(())
}
