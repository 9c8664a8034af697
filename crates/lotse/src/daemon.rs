//! The composition root of `serve` and `demo`: store, clouds, tasks, routes, and the way down.
//!
//! Order of the start: state (and the right to be its daemon), listener, capabilities, tasks, HTTP.
//! Order of the end: readiness turns false, tasks drain while load balancers notice, requests end,
//! state closes. A second signal during the drain ends the process at once; the journal makes that
//! safe.

pub(crate) mod clouds;
pub(crate) mod estate;
pub(crate) mod listeners;
mod ready;
pub(crate) mod supervisor;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lotse_change::Changes;
use lotse_core::id::InstanceId;
use lotse_core::lease::Leases;
use lotse_core::task::{Board, Driver, DriverOptions};
use lotse_core::time::{SharedClock, Timestamp, system_clock};
use lotse_images::Downloads;
use lotse_openstack::CloudOptions;
use lotse_plan::Engine;
use lotse_plan::random::SystemRandomness;
use lotse_store::instance::InstanceLock;
use lotse_store::{Store, StoreOptions, StoreUrl};
use lotse_transfer::{HttpOptions, Limits, Mirror};
use lotse_web::health::{Check, Readiness};
use lotse_web::metrics::Metrics;
use lotse_web::{About, Shell, ShellParts};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::capability::{self, Context, Listener, Parts, status};
use crate::daemon::clouds::Clouds;
use crate::daemon::estate::Estate;
use crate::daemon::listeners::Listeners;
use crate::failure::{Error, Failure};
use crate::settings::Environment;
use crate::settings::config::Config;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How long a lease lasts without renewal; a killed instance's work is taken over after it.
pub(crate) const LEASE: Duration = Duration::from_mins(1);

/// A daemon at work.
pub(crate) struct Daemon {
    /// Where it listens, the port included.
    pub(crate) address: SocketAddr,
    /// What its tasks did.
    pub(crate) board: Arc<Board>,
    driver: Driver,
    shell: Arc<Shell>,
    readiness: Arc<Readiness>,
    stop_server: CancellationToken,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
    status: Option<status::Shown>,
    listeners: Listeners,
    store: Arc<Store>,
    drain: Duration,
    notice: Duration,
    _lock: InstanceLock,
}

/// What a daemon is started with.
pub(crate) struct Start<'a> {
    /// `lotse.yaml`.
    pub(crate) config: &'a Config,
    /// The environment of the process.
    pub(crate) environment: &'a Environment,
    /// How the page calls this process: `serve` or `demo`.
    pub(crate) mode: &'static str,
}

/// What the console and the API say of this process.
fn about(instance: InstanceId, started: Timestamp, mode: &'static str) -> About {
    About { product: "lotse", version: VERSION, instance: instance.to_string(), started, mode }
}

impl Daemon {
    /// Starts everything; returns when requests are answered and the tasks have begun.
    pub(crate) async fn start(start: Start<'_>) -> Result<Self, Failure> {
        let Start { config, environment, mode } = start;
        if let Some((key, reason)) = config.access.complaints().into_iter().next() {
            return Err(Error::Setting { key, reason }.into());
        }
        let oidc_secret = config.oidc_secret(environment)?;
        let clock = system_clock();
        let instance = InstanceId::generate();
        let note = instance_note();
        let store = Arc::new(open_state(&config.store_url(environment)?).await?);
        let lock = store.lock_instance(&note).await?;
        if !store.is_shared() {
            forget_the_dead(&store, &clock).await?;
        }
        let listener = lotse_web::bind(config.listen).await?;
        let address = listener
            .local_addr()
            .map_err(|source| lotse_web::ListenError { address: config.listen, source })?;
        let clouds = Clouds::read(config, environment)?;
        let estate = Estate::open(config, environment, store.is_shared())?;
        let board = Arc::<Board>::default();
        let metrics = Arc::new(Metrics::new(board.clone(), VERSION));
        metrics.register(|registry| clouds.metrics().register(registry));
        let changes = Changes::new(store.clone(), config.changes);
        let page = status::Page::open(config, environment, &store).await?;
        let stop_server = CancellationToken::new();
        let drain = Duration::from_secs(config.drain_seconds.into());
        let mut listeners = Listeners::new(stop_server.clone(), drain);
        let status = status::show(page.as_ref(), &mut listeners).await?;
        let context = Context {
            config,
            environment,
            clouds: &clouds,
            store: &store,
            estate: &estate,
            changes: &changes,
            status: page.as_ref(),
        };
        let mut parts = assemble(&context)?;
        for Listener { name, address, router } in std::mem::take(&mut parts.listeners) {
            let address = listeners.open(address, router).await?;
            tracing::info!(%address, "{name}");
        }
        let (tasks, clouds, extension) = parts.split();
        let database: Box<dyn Check> = Box::new(ready::Database(store.clone()));
        let checks = std::iter::once(database).chain(estate.check());
        let readiness = Arc::new(Readiness::of(checks.collect()));
        let about = about(instance, clock.now(), mode);
        let options = DriverOptions {
            leases: store.clone(),
            witness: store.clone(),
            clock: clock.clone(),
            instance,
            instance_note: note,
            lease: LEASE,
        };
        let names = tasks.iter().map(|task| task.name().to_owned()).collect();
        let driver = Driver::start(tasks, board.clone(), options).await;
        estate.follow(driver.requests(), names);
        let requests = driver.requests();
        let parts = ShellParts {
            about,
            board: board.clone(),
            request_task: Arc::new(move |task| requests.request(task)),
            clouds,
            metrics,
            readiness: readiness.clone(),
            store: store.clone(),
            clock,
            access: config.access.clone(),
            oidc_secret,
            address,
        };
        let (shell, router) = Shell::assemble(parts, extension)?;
        let notice = Duration::from_secs(config.drain_notice_seconds.into());
        let server = tokio::spawn(lotse_web::serve(
            listener,
            router,
            stop_server.clone().cancelled_owned(),
            drain,
        ));
        tracing::info!(%address, state = store.name(), "daemon started");
        Ok(Self {
            address,
            board,
            driver,
            shell,
            readiness,
            stop_server,
            server,
            status,
            listeners,
            store,
            drain,
            notice,
            _lock: lock,
        })
    }

    /// A link that signs in its reader, once; for the terminal and nothing else.
    pub(crate) async fn sign_in_link(&self) -> Result<Option<String>, Failure> {
        Ok(self.shell.sign_in_link().await?.map(String::from))
    }

    /// Where the status page and its API listen, if it is served.
    pub(crate) fn status_page(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.status.as_ref().map(status::Shown::addresses)
    }

    /// The description of its API (`OpenAPI`), as it serves it.
    pub(crate) fn openapi(&self) -> &str {
        self.shell.openapi().unwrap_or_default()
    }

    /// Requests an activation of a task soon.
    pub(crate) fn request(&self, task: &str) -> bool {
        self.driver.request(task)
    }

    /// Ends everything in order. Says whether all work ended by itself.
    pub(crate) async fn stop(self) -> bool {
        tracing::info!("draining");
        self.readiness.drain();
        let (clean, ()) =
            tokio::join!(self.driver.drain(self.drain), tokio::time::sleep(self.notice));
        self.stop_server.cancel();
        if let Ok(Err(error)) = self.server.await {
            tracing::warn!(%error, "the listener ended with an error");
        }
        let listened = self.listeners.end().await;
        let followed = match self.status {
            Some(page) => page.end().await,
            None => true,
        };
        let clean = clean && listened && followed;
        self.store.close().await;
        tracing::info!(clean, "daemon ended");
        clean
    }
}

fn assemble(context: &Context<'_>) -> Result<Parts, Failure> {
    let mut all = Parts::default();
    for assemble in capability::ALL {
        all.extend(assemble(context)?);
    }
    Ok(all)
}

/// We are the only daemon of this state, so whoever holds the lease of a task is dead.
async fn forget_the_dead(store: &Store, clock: &SharedClock) -> Result<(), Failure> {
    for lease in store.held(clock.now()).await? {
        if lease.name.starts_with("task/") {
            tracing::info!(lease = lease.name, holder = lease.holder_note, "left by a dead daemon");
            store.release(&lease.name, lease.holder).await?;
        }
    }
    Ok(())
}

/// Where this process runs, for people who look for the holder of a lease.
pub(crate) fn instance_note() -> String {
    let host = rustix::system::uname();
    format!("{} pid {}", host.nodename().to_string_lossy(), std::process::id())
}

/// Hears Ctrl-C and SIGTERM from the moment it is made.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Error> {
        let refused = |source| Error::System { what: "signal handlers", source };
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(refused)?,
            interrupt: signal(SignalKind::interrupt()).map_err(refused)?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// A token that the first Ctrl-C or SIGTERM cancels; a second one ends the process at once. Make it
/// before telling anybody that the process is ready: signals are heard from then on.
pub(crate) fn cancelled_by_signal() -> Result<CancellationToken, Error> {
    let mut signals = Signals::listen()?;
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        signals.next().await;
        cancel.cancel();
        signals.next().await;
        tracing::error!("ended by a second signal; the next run goes on from the journal");
        let us = rustix::process::getpid();
        if rustix::process::kill_process(us, rustix::process::Signal::KILL).is_err() {
            tracing::error!("the operating system refuses to end this process");
        }
    });
    Ok(token)
}

/// The engine of this process, with its journal and leases in this store.
pub(crate) fn engine(store: &Arc<Store>) -> Engine {
    Engine::new(store.clone(), clock(), Arc::new(SystemRandomness))
        .with_leases(store.clone(), instance_note())
}

/// Opens the state with the tables of all capabilities.
pub(crate) async fn open_state(url: &StoreUrl) -> Result<Store, lotse_store::Error> {
    let options = StoreOptions { parts: capability::SCHEMA.to_vec(), ..StoreOptions::default() };
    Store::open_with(url, options).await
}

/// The clock of the process.
pub(crate) fn clock() -> SharedClock {
    system_clock()
}

/// Downloads of content that passes through us, into this directory.
pub(crate) fn downloads(directory: &Path, internal_redirects: bool) -> Result<Downloads, Failure> {
    let seed = u64::from(std::process::id());
    let options = HttpOptions { seed, internal_redirects, ..HttpOptions::default() };
    Ok(Downloads::with(directory, &options, Limits::default())?)
}

/// The mirror that a person, or a configuration, names: a folder, `file:` or `s3:`.
pub(crate) fn mirror(place: &str, environment: &Environment) -> Result<Mirror, Failure> {
    let clock = clock();
    if !place.contains("://") && !place.starts_with("file:") {
        let failed = |source| Error::File { action: "find", path: place.to_owned(), source };
        return Ok(Mirror::folder(std::path::absolute(place).map_err(failed)?, clock));
    }
    let variable = |name: &str| environment.get(name).map(str::to_owned);
    let options = HttpOptions { seed: u64::from(std::process::id()), ..HttpOptions::default() };
    Ok(Mirror::at(place, variable, &options, Limits::default(), clock)?)
}

/// How this process behaves towards clouds. Only pauses between attempts are left to chance; the
/// process id is enough to tell instances apart.
pub(crate) fn cloud_options() -> CloudOptions {
    CloudOptions::new(clock(), u64::from(std::process::id()))
}
