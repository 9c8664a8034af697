//! From the socket to a service and back.
//!
//! The accept loop is our own because a fault must be able to really reset a TCP connection, which
//! no HTTP framework offers.

pub(crate) mod body;
pub(crate) mod front;
pub(crate) mod query;
pub(crate) mod wire;

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::front::Front;
use self::wire::Wire;

/// How long requests in flight may take after the listener has stopped.
const GRACE: Duration = Duration::from_secs(2);

/// Accepts connections until `stop`, then lets requests in flight end.
pub(crate) async fn serve(listener: TcpListener, front: Arc<Front>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let kill = CancellationToken::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let connection = connect(Wire::new(stream), Arc::clone(&front), stop.clone());
                    let kill = kill.clone();
                    connections.spawn(async move {
                        tokio::select! { () = kill.cancelled() => {}, () = connection => {} }
                    });
                }
                // Out of file descriptors or an aborted handshake: neither ends the service.
                Err(error) => {
                    tracing::warn!(%error, "the simulated cloud could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            },
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(GRACE, connections.wait()).await.is_err() {
        kill.cancel();
        connections.wait().await;
    }
}

/// Serves one connection to its end.
async fn connect(wire: Wire, front: Arc<Front>, stop: CancellationToken) {
    let control = wire.control();
    let service = service_fn(move |request| {
        let front = Arc::clone(&front);
        let control = control.clone();
        async move { front.handle(request, &control).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .half_close(true)
        .serve_connection(TokioIo::new(wire), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the simulated cloud ended early");
    }
}
