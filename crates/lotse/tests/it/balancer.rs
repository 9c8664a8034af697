//! A small load balancer: round robin over the backends whose `/readyz` says 200, connections to them
//! kept alive, no request sent twice once a backend may have seen it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use tokio::runtime::Runtime;

/// How often backends are asked whether they are ready; one wrong answer takes them out.
const INTERVAL: Duration = Duration::from_millis(100);

struct Backend {
    base: String,
    ready: AtomicBool,
    served: AtomicUsize,
}

#[derive(Default)]
struct Pool {
    backends: Mutex<Vec<Arc<Backend>>>,
    turn: AtomicUsize,
}

impl Pool {
    fn all(&self) -> Vec<Arc<Backend>> {
        self.backends.lock().unwrap().clone()
    }

    fn next(&self) -> Option<Arc<Backend>> {
        let ready: Vec<_> =
            self.all().into_iter().filter(|one| one.ready.load(Ordering::SeqCst)).collect();
        let turn = self.turn.fetch_add(1, Ordering::SeqCst);
        ready.get(turn % ready.len().max(1)).cloned()
    }
}

/// The balancer at work, on a runtime of its own.
pub(crate) struct Balancer {
    pool: Arc<Pool>,
    runtime: Runtime,
    /// Where it listens.
    pub(crate) base: String,
}

impl Balancer {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let pool = Arc::<Pool>::default();
        let client = client();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))))
            .unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(forward).with_state((pool.clone(), client.clone()));
        runtime.spawn(async move { axum::serve(listener, router).await });
        runtime.spawn(watch(pool.clone(), client));
        Self { pool, runtime, base }
    }

    /// Adds a backend and waits until it is used.
    pub(crate) fn add(&self, base: &str) {
        let backend = Arc::new(Backend {
            base: base.to_owned(),
            ready: AtomicBool::new(false),
            served: AtomicUsize::new(0),
        });
        self.pool.backends.lock().unwrap().push(backend.clone());
        while backend.served.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
    }

    /// Forgets a backend that has ended; says how many requests it answered.
    pub(crate) fn remove(&self, base: &str) -> usize {
        let mut backends = self.pool.backends.lock().unwrap();
        let place = backends.iter().position(|one| one.base == base).unwrap();
        backends.remove(place).served.load(Ordering::SeqCst)
    }

    /// Sends requests through the balancer, one after the other on `users` connections, until the
    /// load is stopped.
    pub(crate) fn load(&self, users: usize, paths: &'static [&'static str]) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let workers = (0..users)
            .map(|_| self.runtime.spawn(ask(self.base.clone(), paths, stop.clone())))
            .collect();
        Load { stop, workers }
    }

    /// Ends the load; how many requests were answered with 200, and what else came.
    pub(crate) fn stop(&self, load: Load) -> (usize, Vec<String>) {
        load.stop.store(true, Ordering::SeqCst);
        let mut sum = (0, Vec::new());
        for worker in load.workers {
            let (answered, failures) = self.runtime.block_on(worker).unwrap();
            sum.0 += answered;
            sum.1.extend(failures);
        }
        sum
    }
}

/// Requests that go on until they are stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    workers: Vec<tokio::task::JoinHandle<(usize, Vec<String>)>>,
}

fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn ask(base: String, paths: &[&str], stop: Arc<AtomicBool>) -> (usize, Vec<String>) {
    let client = client();
    let (mut answered, mut failures) = (0, Vec::new());
    for path in paths.iter().cycle() {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let answer = async { client.get(format!("{base}{path}")).send().await?.error_for_status() };
        let whole = async { answer.await?.bytes().await };
        match whole.await {
            Ok(body) if !body.is_empty() => answered += 1,
            Ok(_) => failures.push(format!("{path}: empty")),
            Err(error) => failures.push(format!("{path}: {error:?}")),
        }
    }
    (answered, failures)
}

async fn watch(pool: Arc<Pool>, client: reqwest::Client) {
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        for backend in pool.all() {
            let answer = client.get(format!("{}/readyz", backend.base)).send().await;
            let ready = answer.is_ok_and(|answer| answer.status() == StatusCode::OK);
            backend.ready.store(ready, Ordering::SeqCst);
        }
    }
}

async fn forward(
    State((pool, client)): State<(Arc<Pool>, reqwest::Client)>,
    request: Request,
) -> Response {
    let refuse = |status: StatusCode, why: String| {
        Response::builder().status(status).body(Body::from(why)).unwrap()
    };
    let Some(backend) = pool.next() else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "no backend is ready".to_owned());
    };
    let answer = client.get(format!("{}{}", backend.base, request.uri())).send().await;
    let (status, body) = match answer {
        Ok(answer) => (answer.status(), answer.bytes().await),
        Err(error) => return refuse(StatusCode::BAD_GATEWAY, format!("{error:?}")),
    };
    match body {
        Ok(body) => {
            backend.served.fetch_add(1, Ordering::SeqCst);
            Response::builder().status(status).body(Body::from(body)).unwrap()
        }
        Err(error) => refuse(StatusCode::BAD_GATEWAY, format!("{error:?}")),
    }
}
