//! The HTTP client of a cloud: proxies, TLS, names, and a stopwatch on new connections.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tower::{Layer, Service};

use crate::config::CloudConfig;
use crate::error::Error;
use crate::options::CloudOptions;

tokio::task_local! {
    /// Where a connection made for the request of this task notes how long it took.
    pub(super) static STOPWATCH: Stopwatch;
}

/// Takes down how long a new connection took.
#[derive(Clone, Debug, Default)]
pub(super) struct Stopwatch(Arc<Mutex<Option<Duration>>>);

impl Stopwatch {
    pub(super) fn read(&self) -> Option<Duration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, took: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(took);
    }
}

/// The one client of a cloud.
pub(super) fn client(
    config: &CloudConfig,
    options: &CloudOptions,
) -> Result<reqwest::Client, Error> {
    let setup = |reason: String| Error::Setup { cloud: config.name.clone(), reason };
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(crate::tls::client_config(config)?)
        .connector_layer(Timed)
        .dns_resolver(Names)
        .connect_timeout(options.deadlines.connect)
        .pool_idle_timeout(options.deadlines.keep)
        .tcp_keepalive(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .user_agent(options.user_agent.clone())
        .no_proxy();
    for proxy in proxies(config).map_err(|error| setup(error.to_string()))? {
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|error| setup(lotse_core::error::chain(&error)))
}

fn proxies(config: &CloudConfig) -> Result<Vec<reqwest::Proxy>, reqwest::Error> {
    let except = config.proxy.none.as_deref().and_then(reqwest::NoProxy::from_string);
    let http = config.proxy.http.as_deref().map(reqwest::Proxy::http);
    let https = config.proxy.https.as_deref().map(reqwest::Proxy::https);
    http.into_iter().chain(https).map(|proxy| Ok(proxy?.no_proxy(except.clone()))).collect()
}

/// The name of a host is not known.
#[derive(Debug, thiserror::Error)]
#[error("looking up \"{host}\" failed")]
pub(super) struct UnknownHost {
    host: String,
    #[source]
    source: std::io::Error,
}

/// The resolver of the machine, with errors that can be told from others.
struct Names;

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Result<Vec<SocketAddr>, _> =
                tokio::net::lookup_host((host.as_str(), 0)).await.map(Iterator::collect);
            match found {
                Ok(found) => Ok(Box::new(found.into_iter()) as Addrs),
                Err(source) => Err(UnknownHost { host, source }.into()),
            }
        })
    }
}

/// Puts the stopwatch around the connector.
#[derive(Clone)]
struct Timed;

impl<S> Layer<S> for Timed {
    type Service = TimedConnector<S>;

    fn layer(&self, connector: S) -> TimedConnector<S> {
        TimedConnector(connector)
    }
}

#[derive(Clone)]
struct TimedConnector<S>(S);

impl<S, R> Service<R> for TimedConnector<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        // A connection that the pool makes in the background belongs to no request.
        let stopwatch = STOPWATCH.try_with(Clone::clone).ok();
        let begun = Instant::now();
        let connecting = self.0.call(request);
        Box::pin(async move {
            let connection = connecting.await?;
            if let Some(stopwatch) = stopwatch {
                stopwatch.note(begun.elapsed());
            }
            Ok(connection)
        })
    }
}
