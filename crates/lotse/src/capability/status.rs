//! The status page in the daemon: its listeners, its part of the metrics.
//!
//! The page is opened before the capabilities are put together, because others write to it, and it
//! listens on addresses of its own: its readers are everybody, those of the console are not.

mod post;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use lotse_core::secret::SecretString;
use lotse_notify::config::ChannelConfig;
use lotse_notify::guard::Reach;
use lotse_status::Desk;
use lotse_status::command::Command;
use lotse_status::console;
use lotse_status::detect::config::Detection;
use lotse_status::detect::{self, Detector, Secrets, Watching};
use lotse_status::readers::{CALLBACK, Readers};
use lotse_status::session::SignIn;
use lotse_status::site::{Options, Site};
use lotse_status::subscribe::task::{self, TellingTask};
use lotse_store::Store;
use lotse_web::bearer::AccessTokens;
use lotse_web::config::{OidcConfig, is_protected};
use lotse_web::visitor::Visitors;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use self::post::Ways;
use self::post::{Base, Posting};
use super::{Context, Parts, notify};
use crate::daemon::clock;
use crate::daemon::listeners::Listeners;
use crate::failure::{Error, Failure};
use crate::settings::config::Config;
use crate::settings::{Environment, secret};

/// The status page of this daemon.
pub(crate) struct Page {
    site: Arc<Site>,
    /// Where monitors speak, if they may.
    detector: Option<Arc<Detector>>,
    ways: Ways,
    base: Base,
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
        let whole = config;
        let Some(config) = &config.status else { return Ok(None) };
        let base = Base::default();
        if let Some(url) = &config.public_url {
            // It was made a moment ago, so nobody has set it.
            base.set(url.as_str().trim_end_matches('/').to_owned()).ok();
        }
        let (look, provision) = (config.look()?, config.provision()?);
        let desk = Arc::new(Desk::open(store.clone(), clock()).await?);
        if let Some(provision) = provision {
            desk.perform("provisioning", &Command::Provision(Box::new(provision))).await?;
        }
        task::begin(store).await?;
        let named = (base.clone(), look.title().to_owned());
        let ways = ways(whole, environment, store, named)?;
        let detector = detector(config.detection.as_ref(), &desk, environment)?;
        let sign_in = sign_in(whole, environment)?;
        let client = config.client(sign_in.as_ref())?;
        let readers = readers(whole, environment, store)?;
        let options = Options { client, sign_in, readers, ..config.options() };
        let site = Site::new(desk, look, options);
        let (listen, api_listen) = (config.listen, config.api_listen);
        Ok(Some(Self { site, detector, ways, base, listen, api_listen }))
    }

    /// Finds the channels of its subscribers.
    pub(crate) const fn ways(&self) -> &Ways {
        &self.ways
    }

    /// The site: the desk, the look, the routers.
    pub(crate) const fn site(&self) -> &Arc<Site> {
        &self.site
    }
}

/// Who may write with tokens of the identity provider: people who sign in with the web client.
pub(crate) fn sign_in(
    config: &Config,
    environment: &Environment,
) -> Result<Option<SignIn>, Failure> {
    let client = config.status.as_ref().and_then(|status| status.client.as_ref());
    let Some(client_id) = client.and_then(|client| client.client_id.clone()) else {
        return Ok(None);
    };
    let Some(oidc) = config.access.oidc.clone() else {
        let reason = "access.oidc says where its people sign in, and is not there".to_owned();
        return Err(Error::Setting { key: "status.client.client_id", reason }.into());
    };
    let public = config.status.as_ref().and_then(|status| status.public_url.as_ref());
    let secure = public.is_some_and(|url| url.scheme() == "https");
    let secret = config.oidc_secret(environment)?;
    Ok(Some(SignIn::new(AccessTokens::new(oidc, secret, client_id, clock())?, secure)))
}

/// The client of the identity provider that readers sign in with; none without the section.
pub(crate) fn reader_client(
    config: &Config,
    environment: &Environment,
) -> Result<Option<(OidcConfig, Option<SecretString>)>, Failure> {
    let Some(status) = &config.status else { return Ok(None) };
    let Some(readers) = &status.readers else { return Ok(None) };
    let wrong = |key: &'static str, reason: String| Error::Setting { key, reason }.into();
    let Some(oidc) = config.access.oidc.clone() else {
        let reason = "access.oidc says where readers sign in, and is not there".to_owned();
        return Err(wrong("status.readers", reason));
    };
    match &status.public_url {
        Some(url) if !is_protected(url) || url.path() != "/" || url.query().is_some() => {
            let reason = format!(
                "{url} must be https (or http on loopback), without path and query, for readers to \
                 sign in"
            );
            return Err(wrong("status.public_url", reason));
        }
        None if !status.listen.ip().is_loopback() => {
            let reason = "readers are sent back there when they have signed in".to_owned();
            return Err(wrong("status.public_url", reason));
        }
        _ => {}
    }
    let Some(client_id) = readers.client_id.clone() else {
        return Ok(Some((oidc, config.oidc_secret(environment)?)));
    };
    let read = |source| secret::read("the client of readers", source, environment);
    let secret = readers.client_secret.as_ref().map(read).transpose()?;
    Ok(Some((OidcConfig { client_id, ..oidc }, secret)))
}

/// How readers sign in; they do not without the section.
fn readers(
    config: &Config,
    environment: &Environment,
    store: &Arc<Store>,
) -> Result<Option<Readers>, Failure> {
    let Some((oidc, secret)) = reader_client(config, environment)? else { return Ok(None) };
    let visitors = Visitors::new(oidc, secret, (store.clone(), clock()), CALLBACK)?;
    let section = config.status.as_ref().and_then(|status| status.readers.as_ref());
    let required = section.is_some_and(|section| section.required);
    let readers = Readers::new(visitors, config.access.sign_ins_per_minute);
    Ok(Some(readers.required(required)))
}

/// What takes the word of monitors; none without the section.
pub(crate) fn detector(
    detection: Option<&Detection>,
    desk: &Arc<Desk>,
    environment: &Environment,
) -> Result<Option<Arc<Detector>>, Failure> {
    let Some(detection) = detection else { return Ok(None) };
    let read = |what, source: &_| secret::read(what, source, environment).map_err(Failure::from);
    let secrets = Secrets::configured(detection, &read)?;
    Ok(Some(Arc::new(Detector::new(desk.clone(), detection.clone(), secrets))))
}

/// How subscribers are reached, as the configuration says.
fn ways(
    config: &Config,
    environment: &Environment,
    store: &Arc<Store>,
    named: (Base, String),
) -> Result<Ways, Failure> {
    let subscribers = config.status.as_ref().and_then(|status| status.subscribers.as_ref());
    let mail = subscribers.and_then(|subscribers| subscribers.mail.as_deref());
    let channel = match mail {
        None => None,
        Some(name) => {
            let is_mail = matches!(config.notify.channels.get(name), Some(ChannelConfig::Mail(_)));
            let channels = notify::channels(config, environment)?;
            let channel = channels.get(name).filter(|_| is_mail).cloned();
            Some(channel.ok_or_else(|| Error::Setting {
                key: "status.subscribers.mail",
                reason: format!("{name:?} is no mail channel of the section notify"),
            })?)
        }
    };
    let internal = subscribers.is_some_and(|subscribers| subscribers.internal_webhooks);
    Ways::new(store, named, channel, if internal { Reach::Everywhere } else { Reach::Public })
}

/// What the page adds to the daemon; nothing without the section `status`.
pub(super) fn assemble(context: &Context<'_>) -> Result<Parts, Failure> {
    let Some(page) = context.status else { return Ok(Parts::default()) };
    let measured = page.site().clone();
    let channels = notify::channels(context.config, context.environment)?;
    let courier = notify::courier(context.store, channels.clone());
    let posting = Arc::new(Posting::new(courier, channels, page.base.clone()));
    let telling = TellingTask::new(page.site().desk().clone(), posting);
    let mut parts = Parts {
        tasks: vec![Arc::new(telling)],
        metrics: vec![Box::new(move |registry| measured.register(registry))],
        ..Parts::default()
    };
    parts.extend(Parts::from(console::extension(page.site().desk())));
    if let Some(detector) = &page.detector {
        parts.extend(Parts::from(detect::extension(detector)));
        parts.tasks.push(Arc::new(Watching::new(detector.clone())));
    }
    Ok(parts)
}

/// A page that answers.
pub(crate) struct Shown {
    page: SocketAddr,
    api: Option<SocketAddr>,
    following: JoinHandle<()>,
}

impl Shown {
    /// Where the page listens, and where the API does.
    pub(crate) fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.page, self.api.unwrap_or(self.page))
    }

    /// Waits until the looking at what others write has ended; whether it ended well.
    pub(crate) async fn end(self) -> bool {
        self.following.await.is_ok()
    }
}

/// Looks at what other processes write and measure, until `stop`.
pub(crate) fn follow(
    desk: &Arc<Desk>,
    detector: Option<&Arc<Detector>>,
    stop: &CancellationToken,
) -> JoinHandle<()> {
    let (desk, detector, stop) = (desk.clone(), detector.cloned(), stop.clone());
    tokio::spawn(async move {
        let measured = async {
            if let Some(detector) = &detector {
                detector.follow(stop.clone()).await;
            }
        };
        tokio::join!(desk.follow(stop.clone()), measured);
    })
}

/// Answers readers.
pub(crate) async fn show(
    page: Option<&Page>,
    listeners: &mut Listeners,
) -> Result<Option<Shown>, Failure> {
    let Some(Page { site, detector, base, listen, api_listen, .. }) = page else {
        return Ok(None);
    };
    let heard = detector.as_ref().map_or_else(Router::new, detect::router);
    let page = listeners.open(*listen, site.page().merge(heard)).await?;
    // Without a declared address, links lead to where we listen.
    if let Ok(reached) = base.get_or_init(|| format!("http://{page}")).parse() {
        site.reached_at(&reached);
    }
    let api = listeners.maybe(*api_listen, || site.api()).await?;
    let following = follow(site.desk(), detector.as_ref(), listeners.stop());
    tracing::info!(address = %page, "status page started");
    Ok(Some(Shown { page, api, following }))
}
