//! `git http-backend` behind a small bridge from HTTP to CGI, with faults.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tokio::io::AsyncWriteExt as _;

/// What the server does instead of answering well.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Answers with this status.
    Status(u16),
    /// Answers the command `fetch` with only so many bytes.
    CutFetch(usize),
    /// Begins the answer and then says nothing more.
    Stall,
    /// Redirects to this address (with the same path and query).
    Redirect(String),
    /// Answers with a page.
    Page,
    /// Demands this value of `Authorization`.
    Demand(String),
}

struct Shared {
    root: PathBuf,
    fault: Mutex<Option<Fault>>,
    requests: Mutex<VecDeque<(String, Option<String>)>>,
}

/// A Git server on loopback; ends when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    serving: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Serves the repositories below `root`.
    pub(crate) async fn start(root: &Path) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            fault: Mutex::default(),
            requests: Mutex::default(),
        });
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self { address, shared, serving }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    pub(crate) fn fail(&self, fault: impl Into<Option<Fault>>) {
        *self.shared.fault.lock().unwrap() = fault.into();
    }

    /// Paths that were asked for, with the credentials that came along; forgets them.
    pub(crate) fn requests(&self) -> Vec<(String, Option<String>)> {
        self.shared.requests.lock().unwrap().drain(..).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let path = parts.uri.path_and_query().unwrap().to_string();
    let sent = header_text(&parts.headers, "authorization");
    shared.requests.lock().unwrap().push_back((path.clone(), sent.clone()));
    let fault = shared.fault.lock().unwrap().clone();
    match fault {
        Some(Fault::Status(status)) => StatusCode::from_u16(status).unwrap().into_response(),
        Some(Fault::Redirect(to)) => {
            (StatusCode::FOUND, [(header::LOCATION, format!("{to}{path}"))]).into_response()
        }
        Some(Fault::Page) => "<!doctype html><title>Sign in</title>".into_response(),
        Some(Fault::Demand(wanted)) if sent.as_ref() != Some(&wanted) => {
            StatusCode::UNAUTHORIZED.into_response()
        }
        Some(Fault::Stall) => {
            let begin = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"00"))]);
            let stream = futures::StreamExt::chain(begin, futures::stream::pending());
            Body::from_stream(stream).into_response()
        }
        Some(Fault::CutFetch(bytes)) if body.windows(13).any(|w| w == b"command=fetch") => {
            let whole = backend(&shared.root, &parts, &body).await;
            let whole = to_bytes(whole.into_body(), 64 << 20).await.unwrap();
            whole.slice(..bytes.min(whole.len())).into_response()
        }
        _ => backend(&shared.root, &parts, &body).await,
    }
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| value.to_str().unwrap().to_owned())
}

async fn backend(root: &Path, parts: &axum::http::request::Parts, body: &[u8]) -> Response {
    let text = |name: &str| header_text(&parts.headers, name).unwrap_or_default();
    let mut child = tokio::process::Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("PATH_INFO", parts.uri.path())
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", text("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("GIT_PROTOCOL", text("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may end without reading the body, when it has something to complain about.
    let _sent = stdin.write_all(body).await;
    drop(stdin);
    let output = tokio::time::timeout(Duration::from_mins(1), child.wait_with_output());
    let output = output.await.unwrap().unwrap().stdout;
    let split = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&output[..split]).into_owned();
    let mut response = Response::new(Body::from(output[split + 4..].to_vec()));
    for line in head.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        if name == "Status" {
            let code = value.split(' ').next().unwrap().parse().unwrap();
            *response.status_mut() = StatusCode::from_u16(code).unwrap();
        } else {
            let name = axum::http::HeaderName::try_from(name).unwrap();
            response.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    response
}
