//! Listeners besides that of the console: public pages, and APIs that foreign clients know.
//!
//! They are bound before anything begins, so that an address that is taken ends the start at once.

use std::time::Duration;

use axum::Router;
use lotse_web::ListenError;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::capability::Listener;
use crate::failure::Failure;

/// Listeners that do not answer yet.
#[derive(Default)]
pub(crate) struct Beside(Vec<(TcpListener, Router)>);

impl Beside {
    /// Binds them all.
    pub(crate) async fn bind(listeners: Vec<Listener>) -> Result<Self, Failure> {
        let mut bound = Vec::new();
        for Listener { name, address, router } in listeners {
            let listener = lotse_web::bind(address).await?;
            let address =
                listener.local_addr().map_err(|source| ListenError { address, source })?;
            tracing::info!(%address, "{name}");
            bound.push((listener, router));
        }
        Ok(Self(bound))
    }

    /// Answers until the token is cancelled, then lets open requests end within `grace`.
    pub(crate) fn serve(self, stop: &CancellationToken, grace: Duration) -> Servers {
        let mut servers = JoinSet::new();
        for (listener, router) in self.0 {
            let stop = stop.clone().cancelled_owned();
            servers.spawn(lotse_web::serve(listener, router, stop, grace));
        }
        Servers(servers)
    }
}

/// Listeners that answer.
pub(crate) struct Servers(JoinSet<std::io::Result<()>>);

impl Servers {
    /// Waits until all have ended.
    pub(crate) async fn end(mut self) {
        while let Some(ended) = self.0.join_next().await {
            if let Ok(Err(error)) = ended {
                tracing::warn!(%error, "a listener ended with an error");
            }
        }
    }
}
