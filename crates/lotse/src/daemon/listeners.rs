//! Listeners besides that of the console: the status page, its API and metrics, other public pages.
//!
//! Each answers from when it is opened. All of them end together.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use lotse_web::ListenError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// Listeners that answer.
pub(crate) struct Listeners {
    stop: CancellationToken,
    grace: Duration,
    servers: JoinSet<std::io::Result<()>>,
}

impl Listeners {
    /// None yet. They will answer until `stop`, and then let open requests end within `grace`.
    pub(crate) fn new(stop: CancellationToken, grace: Duration) -> Self {
        Self { stop, grace, servers: JoinSet::new() }
    }

    /// What ends them.
    pub(crate) const fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Answers at this address, which is given back with the port that was found. An address that is
    /// taken is an error at once.
    pub(crate) async fn open(
        &mut self,
        address: SocketAddr,
        router: Router,
    ) -> Result<SocketAddr, Failure> {
        let listener = lotse_web::bind(address).await?;
        let bound = listener.local_addr().map_err(|source| ListenError { address, source })?;
        let stop = self.stop.clone().cancelled_owned();
        self.servers.spawn(lotse_web::serve(listener, router, stop, self.grace));
        Ok(bound)
    }

    /// The same where an address was named.
    pub(crate) async fn maybe(
        &mut self,
        address: Option<SocketAddr>,
        router: impl FnOnce() -> Router,
    ) -> Result<Option<SocketAddr>, Failure> {
        match address {
            Some(address) => self.open(address, router()).await.map(Some),
            None => Ok(None),
        }
    }

    /// Waits until all have ended; whether they ended without an error.
    pub(crate) async fn end(mut self) -> bool {
        let mut clean = true;
        while let Some(ended) = self.servers.join_next().await {
            if let Ok(Err(error)) = &ended {
                tracing::warn!(%error, "a listener ended with an error");
            }
            clean &= matches!(ended, Ok(Ok(())));
        }
        clean
    }
}
