//! A web server on loopback that holds its answers back until it is told to go on.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// The server; it ends with the test's runtime.
#[derive(Debug)]
pub(crate) struct Mirror {
    /// Its address, without a slash at the end.
    pub(crate) url: String,
    gate: Arc<Notify>,
}

impl Mirror {
    /// Serves `content` at `/image` and 404 elsewhere.
    pub(crate) async fn serving(content: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let gate = Arc::new(Notify::new());
        let held = gate.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (gate, content) = (held.clone(), content.clone());
                tokio::spawn(async move {
                    let mut asked = vec![0; 8192];
                    let read = stream.read(&mut asked).await.unwrap_or(0);
                    let asked = String::from_utf8_lossy(&asked[..read]).into_owned();
                    gate.notified().await;
                    let found = asked.split(' ').nth(1) == Some("/image");
                    let (status, body) = if found {
                        ("200 OK", &content[..])
                    } else {
                        ("404 Not Found", &b"no"[..])
                    };
                    let body = if asked.starts_with("HEAD") { &b""[..] } else { body };
                    let head = format!(
                        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                        body.len(),
                    );
                    // The other side may have gone; that is its affair.
                    if stream.write_all(head.as_bytes()).await.is_ok() {
                        drop(stream.write_all(body).await);
                    }
                });
            }
        });
        Self { url, gate }
    }

    /// Lets one answer go.
    pub(crate) fn release(&self) {
        self.gate.notify_one();
    }
}
