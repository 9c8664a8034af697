//! The status page in the daemon: its listeners, its part of the metrics.
//!
//! The page is opened before the capabilities are put together, because others write to it, and it
//! listens on addresses of its own: its readers are everybody, those of the console are not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use lotse_status::Desk;
use lotse_status::command::Command;
use lotse_status::detect::config::Detection;
use lotse_status::detect::{self, Detector, Secrets, Watching};
use lotse_status::site::Site;
use lotse_store::Store;
use lotse_web::ListenError;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Context, Parts};
use crate::daemon::clock;
use crate::failure::Failure;
use crate::settings::config::Config;
use crate::settings::{Environment, secret};

/// The status page of this daemon.
pub(crate) struct Page {
    site: Arc<Site>,
    /// Where monitors speak, if they may.
    detector: Option<Arc<Detector>>,
    listen: SocketAddr,
    api_listen: Option<SocketAddr>,
}

impl Page {
    /// Opens the page that the section `status` describes; none without the section.
    pub(crate) async fn open(
        config: &Config,
        environment: &Environment,
        store: &Arc<Store>,
    ) -> Result<Option<Self>, Failure> {
        let Some(config) = &config.status else { return Ok(None) };
        let (look, provision) = (config.look()?, config.provision()?);
        let desk = Arc::new(Desk::open(store.clone(), clock()).await?);
        if let Some(provision) = provision {
            desk.perform("provisioning", &Command::Provision(Box::new(provision))).await?;
        }
        let detector = detector(config.detection.as_ref(), &desk, environment)?;
        let site = Site::new(desk, look, config.options());
        Ok(Some(Self { site, detector, listen: config.listen, api_listen: config.api_listen }))
    }

    /// The site: the desk, the look, the routers.
    pub(crate) const fn site(&self) -> &Arc<Site> {
        &self.site
    }
}

/// What takes the word of monitors; none without the section.
fn detector(
    detection: Option<&Detection>,
    desk: &Arc<Desk>,
    environment: &Environment,
) -> Result<Option<Arc<Detector>>, Failure> {
    let Some(detection) = detection else { return Ok(None) };
    let read = |what, source: &_| secret::read(what, source, environment).map_err(Failure::from);
    let secrets = Secrets::configured(detection, &read)?;
    Ok(Some(Arc::new(Detector::new(desk.clone(), detection.clone(), secrets))))
}

/// What the page adds to the daemon; nothing without the section `status`.
#[expect(clippy::unnecessary_wraps, reason = "the shape that all capabilities share")]
pub(super) fn assemble(context: &Context<'_>) -> Result<Parts, Failure> {
    let Some(page) = context.status else { return Ok(Parts::default()) };
    let measured = page.site().clone();
    let mut parts = Parts {
        metrics: vec![Box::new(move |registry| measured.register(registry))],
        ..Parts::default()
    };
    if let Some(detector) = &page.detector {
        parts.extend(Parts::from(detect::extension(detector)));
        parts.tasks.push(Arc::new(Watching::new(detector.clone())));
    }
    Ok(parts)
}

/// The listeners of a page. They end together, and with them the looking at what others write.
pub(crate) struct Listeners {
    page: SocketAddr,
    api: Option<SocketAddr>,
    servers: JoinSet<std::io::Result<()>>,
    following: JoinHandle<()>,
}

impl Listeners {
    /// Where the page listens, and where the API does.
    pub(crate) fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.page, self.api.unwrap_or(self.page))
    }

    /// Waits until all have ended; whether they ended without an error.
    pub(crate) async fn end(mut self) -> bool {
        let mut clean = true;
        while let Some(ended) = self.servers.join_next().await {
            clean &= matches!(ended, Ok(Ok(())));
        }
        self.following.await.is_ok() && clean
    }
}

/// Answers readers until `stop`, then lets open requests end within `grace`.
pub(crate) async fn listen(
    page: Option<&Page>,
    stop: CancellationToken,
    grace: Duration,
) -> Result<Option<Listeners>, Failure> {
    let Some(Page { site, detector, listen, api_listen }) = page else { return Ok(None) };
    let mut servers = JoinSet::new();
    let mut open = async |address: SocketAddr, router: Router| -> Result<SocketAddr, Failure> {
        let listener: TcpListener = lotse_web::bind(address).await?;
        let bound = listener.local_addr().map_err(|source| ListenError { address, source })?;
        servers.spawn(lotse_web::serve(listener, router, stop.clone().cancelled_owned(), grace));
        Ok(bound)
    };
    let heard = detector.as_ref().map_or_else(Router::new, detect::router);
    let page = open(*listen, site.page().merge(heard)).await?;
    let api = match api_listen {
        Some(address) => Some(open(*address, site.api()).await?),
        None => None,
    };
    let following = tokio::spawn({
        let (desk, stop) = (site.desk().clone(), stop.clone());
        async move { desk.follow(stop).await }
    });
    tracing::info!(address = %page, "status page started");
    Ok(Some(Listeners { page, api, servers, following }))
}
