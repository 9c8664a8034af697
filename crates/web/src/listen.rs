//! Listening sockets and the graceful end.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use lotse_core::error::{ErrorKind, Explain};
use tokio::net::TcpListener;

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Our end.
    pub local: SocketAddr,
    /// Their end.
    pub remote: SocketAddr,
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        let remote = *stream.remote_addr();
        Self { local: stream.io().local_addr().unwrap_or(remote), remote }
    }
}

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// Why not.
    #[source]
    pub source: std::io::Error,
}

impl Explain for ListenError {
    fn kind(&self) -> ErrorKind {
        match self.source.kind() {
            std::io::ErrorKind::AddrInUse => ErrorKind::Busy,
            _ => ErrorKind::Configuration,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self.source.kind() {
            std::io::ErrorKind::AddrInUse => {
                vec!["another program listens there; choose another port, or 0 for any".to_owned()]
            }
            std::io::ErrorKind::PermissionDenied => {
                vec!["ports below 1024 need a privilege; choose a higher one".to_owned()]
            }
            _ => vec!["give an address of this machine, for example 127.0.0.1:7650".to_owned()],
        }
    }
}

/// Listens on the address; port 0 takes any free port.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError { address, source })
}

/// Answers requests until `stop` resolves, then lets open requests end within `grace`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
    grace: Duration,
) -> std::io::Result<()> {
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let service = router.into_make_service_with_connect_info::<Peer>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move {
        stop.await;
        if stopping.send(()).is_err() {
            tracing::debug!("the server had ended before it was stopped");
        }
    });
    tokio::select! {
        ended = server => ended,
        () = async {
            match stopped.await {
                Ok(()) => tokio::time::sleep(grace).await,
                Err(_) => std::future::pending().await,
            }
        } => Ok(()),
    }
}
