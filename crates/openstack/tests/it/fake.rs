//! A small cloud in one server: signs in anybody, and answers the rest as the test says.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use lotse_core::retry::Backoff;
use lotse_core::time::system_clock;
use lotse_openstack::{Cloud, CloudConfig, CloudOptions, Error, Sources};
use serde_json::{Value, json};
use std::time::Duration;

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// How many requests to the same path came before.
    pub(crate) before: usize,
}

impl Seen {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn is_sign_in(&self) -> bool {
        self.path().ends_with("/auth/tokens")
    }
}

/// The server; it ends with this value.
pub(crate) struct Fake {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    /// A server that answers with what `answer` gives; where it gives nothing, sign-in succeeds and
    /// everything else is 404.
    pub(crate) async fn start(
        answer: impl Fn(&Seen) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (log, base) = (Arc::clone(&seen), url.clone());
        let answer = Arc::new(answer);
        let router = Router::new().fallback(move |request: Request| {
            let (log, base, answer) = (Arc::clone(&log), base.clone(), Arc::clone(&answer));
            async move {
                let seen = record(&log, request).await;
                answer(&seen).unwrap_or_else(|| usual(&seen, &base))
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, seen, task }
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// `METHOD path?query` of the requests so far, without signing in.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.seen()
            .iter()
            .filter(|seen| !seen.is_sign_in())
            .map(|seen| format!("{} {}", seen.method, seen.target))
            .collect()
    }

    /// How often somebody signed in.
    pub(crate) fn sign_ins(&self) -> usize {
        self.seen().iter().filter(|seen| seen.is_sign_in()).count()
    }

    /// A `clouds.yaml` for this server, with further lines in the cloud's section.
    pub(crate) fn clouds_yaml(&self, more: &str) -> String {
        format!(
            "clouds:\n  fake:\n    auth:\n      auth_url: {}/v3\n      username: ada\n      \
             password: s3cret\n      user_domain_id: default\n      project_name: demo\n      \
             project_domain_id: default\n{more}",
            self.url
        )
    }

    /// A session with quick retries.
    pub(crate) fn cloud(&self) -> Cloud {
        self.cloud_with("", |_| {})
    }

    /// A session with further configuration and other options.
    pub(crate) fn cloud_with(&self, more: &str, change: impl FnOnce(&mut CloudOptions)) -> Cloud {
        let mut options = options();
        change(&mut options);
        connect(&self.clouds_yaml(more), &options).unwrap()
    }
}

pub(crate) fn options() -> CloudOptions {
    let mut options = CloudOptions::new(system_clock(), 7);
    options.backoff =
        Backoff { first: Duration::from_millis(1), most: Duration::from_millis(2), attempts: 3 };
    options
}

pub(crate) fn connect(clouds_yaml: &str, options: &CloudOptions) -> Result<Cloud, Error> {
    let sources = Sources::from_text("clouds.yaml", clouds_yaml);
    Cloud::connect(CloudConfig::resolve(&sources)?, options)
}

async fn record(log: &Mutex<Vec<Seen>>, request: Request) -> Seen {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 24).await.unwrap_or_default();
    let mut seen = Seen {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        headers: parts.headers,
        body,
        before: 0,
    };
    let mut log = log.lock().unwrap();
    seen.before = log.iter().filter(|other| other.path() == seen.path()).count();
    log.push(seen.clone());
    seen
}

fn usual(seen: &Seen, base: &str) -> Response {
    if seen.is_sign_in() {
        token(&format!("token-{}", seen.before), &catalog(base), &json!({}))
    } else {
        reply(404, &json!({ "error": { "message": "nothing here" } }))
    }
}

/// The catalogue that the usual token brings.
pub(crate) fn catalog(base: &str) -> Value {
    let service = |service: &str, path: &str| {
        json!({
            "type": service, "name": service,
            "endpoints": [{ "interface": "public", "region": "here", "region_id": "here",
                            "url": format!("{base}{path}") }]
        })
    };
    json!([
        service("identity", "/v3"),
        service("image", "/image"),
        service("compute", "/compute/v2.1"),
        service("volumev3", "/volume/v3/p1"),
        service("network", ""),
    ])
}

/// The answer that brings a token.
pub(crate) fn token(secret: &str, catalog: &Value, more: &Value) -> Response {
    let mut token = json!({
        "expires_at": "2100-01-01T00:00:00.000000Z",
        "project": { "id": "p1", "name": "demo" },
        "user": { "id": "u1", "name": "ada" },
        "roles": [{ "id": "r1", "name": "member" }],
        "catalog": catalog,
    });
    for (key, value) in more.as_object().unwrap() {
        token[key] = value.clone();
    }
    let mut answer = reply(201, &json!({ "token": token }));
    answer.headers_mut().insert("x-subject-token", secret.parse().unwrap());
    answer
}

pub(crate) fn reply(status: u16, body: &Value) -> Response {
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header("content-type", "application/json")
        .header("x-openstack-request-id", "req-from-the-service")
        .body(Body::from(body.to_string()))
        .unwrap()
}

pub(crate) fn page(status: u16, html: &str) -> Response {
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header("content-type", "text/html; charset=UTF-8")
        .body(Body::from(html.to_owned()))
        .unwrap()
}

pub(crate) fn with_header(mut response: Response, name: &'static str, value: &str) -> Response {
    response.headers_mut().insert(name, value.parse().unwrap());
    response
}
