//! A way to a server that can go dead: connections stay open and nothing comes through any more, as
//! when a machine loses its power or a firewall forgets a connection.

use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards connections until it is told that the way is dead.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    is_dead: Arc<watch::Sender<bool>>,
}

impl Proxy {
    pub(crate) async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own_port = listener.local_addr().unwrap().port();
        let is_dead = Arc::new(watch::Sender::new(false));
        let state = is_dead.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, port, state.subscribe()));
            }
        });
        Self { port: own_port, is_dead }
    }

    /// Nothing comes through on the connections there are, for ever, nor on new ones.
    pub(crate) fn die(&self) {
        self.is_dead.send_replace(true);
    }

    /// New connections work again.
    pub(crate) fn revive(&self) {
        self.is_dead.send_replace(false);
    }
}

async fn forward(mut client: TcpStream, port: u16, mut is_dead: watch::Receiver<bool>) {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    tokio::select! {
        biased;
        _ = is_dead.wait_for(|dead| *dead) => {}
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
    }
    // Both ends believe that the connection is there.
    std::future::pending::<()>().await;
}
