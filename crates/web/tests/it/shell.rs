//! Behaviour of the shell itself through a real listener: guards, health, metrics, the way down.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use lotse_web::access::Access;
use lotse_web::extension::{Extension, Route};
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::world::World;

impl World {
    /// The whole answer to a request under this host name, as text.
    async fn ask(&self, path: &str, host: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn plain(&self, path: &str) -> String {
        self.ask(path, "localhost").await
    }
}

#[tokio::test]
async fn readiness_follows_the_checks_and_the_drain() {
    let daemon = World::start().await;
    assert!(daemon.plain("/readyz").await.starts_with("HTTP/1.1 200"));
    daemon.database.store(false, Ordering::SeqCst);
    let answer = daemon.plain("/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains(r#""database":"gone""#), "{answer}");
    daemon.database.store(true, Ordering::SeqCst);
    daemon.shell.readiness.drain();
    assert!(daemon.plain("/readyz").await.starts_with("HTTP/1.1 503"));
    assert!(daemon.plain("/healthz").await.starts_with("HTTP/1.1 200"), "alive all the same");
}

#[tokio::test]
async fn a_foreign_host_name_on_loopback_is_refused() {
    let daemon = World::start().await;
    let port = daemon.port;
    for host in ["localhost", "127.0.0.1", &format!("127.0.0.1:{port}"), "[::1]:7"] {
        assert!(daemon.ask("/healthz", host).await.starts_with("HTTP/1.1 200"), "{host}");
    }
    for host in ["evil.example", "localhost.evil.example:80", "192.0.2.1"] {
        let answer = daemon.ask("/healthz", host).await;
        assert!(answer.starts_with("HTTP/1.1 421"), "{host}: {answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers_and_a_request_id() {
    let daemon = World::start().await;
    for path in ["/", "/healthz", "/metrics", "/api/v1/tasks", "/nowhere"] {
        let answer = daemon.plain(path).await;
        for header in ["content-security-policy: ", "x-content-type-options: ", "x-request-id: "] {
            assert!(answer.contains(header), "{path} lacks {header}: {answer}");
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_panics_are_problems() {
    let broken = Route::get("/api/v1/broken", Access::Open, (), || async { panic_on_purpose() });
    let daemon = World::with(Extension { routes: vec![broken], ..Extension::default() }).await;
    let missing = daemon.plain("/api/v1/tasks/nobody").await;
    assert!(missing.starts_with("HTTP/1.1 404") && missing.contains("no such task"), "{missing}");
    assert!(daemon.plain("/nowhere").await.contains(r#""title":"no such page""#));
    let panicked = daemon.plain("/api/v1/broken").await;
    assert!(panicked.starts_with("HTTP/1.1 500"), "{panicked}");
    assert!(!panicked.contains("on purpose"), "inner words stay inside: {panicked}");
}

fn panic_on_purpose() -> &'static str {
    let nothing: Option<&'static str> = std::hint::black_box(None);
    nothing.unwrap()
}

#[tokio::test]
async fn metrics_count_requests_by_route_and_not_by_path() {
    let daemon = World::start().await;
    daemon.plain("/api/v1/tasks/one").await;
    daemon.plain("/api/v1/tasks/two").await;
    let text = daemon.plain("/metrics").await;
    let line =
        r#"lotse_http_requests_total{method="GET",route="/api/v1/tasks/{*name}",status="404"} 2"#;
    assert!(text.contains(line), "{text}");
    assert!(!text.contains("tasks/one"), "{text}");
    assert!(text.trim_end().ends_with("# EOF"), "{text}");
}

#[tokio::test]
async fn stopping_lets_an_open_request_end() {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, go_on) = (entered.clone(), release.clone());
    let slow = Route::get("/slow", Access::Open, (), || async move {
        inside.notify_one();
        go_on.notified().await;
        "done"
    });
    let daemon = World::with(Extension { routes: vec![slow], ..Extension::default() }).await;
    let (answer, ()) = tokio::join!(daemon.plain("/slow"), async {
        entered.notified().await;
        daemon.stop.cancel();
        release.notify_one();
    });
    assert!(answer.ends_with("done"), "{answer}");
    daemon.server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_taken_port_is_named_with_a_hint() {
    use lotse_core::error::{ErrorKind, Explain};
    let first = lotse_web::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let error = lotse_web::bind(first.local_addr().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.to_string().contains("cannot listen on 127.0.0.1:"), "{error}");
    assert!(error.hints()[0].contains("another program"), "{:?}", error.hints());
}

#[tokio::test]
async fn what_proves_itself_reaches_its_handler_unread_and_whatever_else_it_carries() {
    let hook =
        Route::post("/hooks/own", Access::Proven, (), |body: axum::body::Bytes| async move {
            body.len().to_string()
        });
    let daemon = World::with(Extension { routes: vec![hook], ..Extension::default() }).await;
    let client = reqwest::Client::builder().build().unwrap();
    let sent = client
        .post(format!("{}/hooks/own", daemon.base))
        .header("authorization", "Bearer of nothing")
        .header("origin", "https://git.example.org")
        .header("sec-fetch-site", "cross-site")
        // More than the gate takes for other routes.
        .body(vec![b'x'; 100 << 10]);
    let answer = sent.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &*answer.text().await.unwrap()), (200, "102400"));
}

#[tokio::test]
async fn a_live_page_is_told_that_something_changed_and_its_stream_ends_with_the_daemon() {
    let world = World::strict().await;
    assert_eq!(world.browser().get("/live").await.status, StatusCode::SEE_OTHER, "strangers");
    let admin = world.admin().await;
    let cookies: Vec<_> =
        admin.cookies().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = admin.request(Method::GET, "/live").header("cookie", cookies.join("; "));
    let mut stream = request.send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert_eq!(stream.headers().get("content-encoding"), None, "packed, nothing would arrive");
    // The first one greets.
    let greeting = next(&mut stream).await.unwrap();
    assert!(greeting.contains("event: changed") && greeting.contains("data: "), "{greeting}");
    admin.submit("/tasks", "/tasks/request", &[("task", "images/sim")]).await;
    assert!(next(&mut stream).await.unwrap().contains("event: changed"));
    world.shell.readiness.drain();
    while next(&mut stream).await.is_some() {}
}

/// The next piece of a stream; `None` at its end.
async fn next(stream: &mut reqwest::Response) -> Option<String> {
    let piece = stream.chunk().await.unwrap()?;
    Some(String::from_utf8_lossy(&piece).into_owned())
}
