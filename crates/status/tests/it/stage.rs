//! A status page on loopback, with a clock that tests move, and a client.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lotse_core::time::{ManualClock, SignedDuration, Timestamp};
use lotse_status::pages::look::Look;
use lotse_status::site::{Options, Site};
use lotse_status::{Desk, PART};
use lotse_store::{Store, StoreOptions, StoreUrl};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What the clock shows at the beginning.
pub(crate) const NOON: &str = "2026-11-21T12:00:00Z";

pub(crate) struct Stage {
    directory: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) store: Arc<Store>,
    pub(crate) site: Arc<Site>,
    pub(crate) base: String,
    pub(crate) http: reqwest::Client,
    stop: CancellationToken,
    /// Ends the page, and ends with it.
    main: (CancellationToken, Mutex<Option<JoinHandle<std::io::Result<()>>>>),
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(open(&directory).await);
        Self::made(directory, store, options).await
    }

    /// A page on this store.
    pub(crate) async fn on(store: Arc<Store>, options: Options) -> Self {
        Self::made(tempfile::tempdir().unwrap(), store, options).await
    }

    async fn made(directory: TempDir, store: Arc<Store>, options: Options) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let clock = Arc::new(ManualClock::starting_at(NOON.parse().unwrap()));
        let desk = Arc::new(Desk::open(store.clone(), clock.clone()).await.unwrap());
        let listener = lotse_web::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let site = Site::new(desk.clone(), Look::default(), options);
        let main = stop.child_token();
        let ended = main.clone().cancelled_owned();
        let serving = tokio::spawn(lotse_web::serve(listener, site.page(), ended, Duration::ZERO));
        let main = (main, Mutex::new(Some(serving)));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { directory, clock, desk, store, site, base, http, stop, main }
    }

    /// Stops the page, and nothing else of the stage; it answers nobody when this returns.
    pub(crate) async fn stop_main(&self) {
        self.main.0.cancel();
        let serving = self.main.1.lock().unwrap().take();
        serving.unwrap().await.unwrap().unwrap();
    }

    /// A path of this stage's own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Serves something else on loopback until the stage ends; its address.
    pub(crate) async fn serve(&self, router: axum::Router) -> String {
        let listener = lotse_web::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let ended = self.stop.clone().cancelled_owned();
        tokio::spawn(lotse_web::serve(listener, router, ended, Duration::ZERO));
        base
    }

    /// Another process on the same state.
    pub(crate) async fn neighbour(&self) -> Desk {
        Desk::open(self.store.clone(), self.clock.clone()).await.unwrap()
    }

    /// A process that opens the state anew, after this one has closed it.
    pub(crate) async fn successor(&self) -> Desk {
        let store = Arc::new(open(&self.directory).await);
        Desk::open(store, self.clock.clone()).await.unwrap()
    }

    /// The page of another process on the same state; its address.
    pub(crate) async fn second_page(&self) -> String {
        let desk = Arc::new(self.neighbour().await);
        self.serve(Site::new(desk, Look::default(), Options::default()).page()).await
    }

    pub(crate) fn hours_later(&self, hours: i64) {
        self.clock.advance(SignedDuration::from_hours(hours));
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let request = self.http.request(method, format!("{}{path}", self.base));
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        request.send().await.unwrap()
    }

    /// The status and the JSON of an answer; null for none.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let response = self.send(method, path, body).await;
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let json = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        (status, json)
    }

    /// What is found there.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> impl Future<Output = Value> {
        let path = path.to_owned();
        async move {
            let (status, mut json) = self.ask(Method::GET, &path, None).await;
            assert_eq!(status, 200, "{path}: {json}");
            json["data"].take()
        }
    }

    pub(crate) async fn status_of(&self, method: Method, path: &str, body: Option<&Value>) -> u16 {
        self.ask(method, path, body).await.0
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask(Method::POST, path, Some(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> u16 {
        self.status_of(Method::PATCH, path, Some(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> u16 {
        self.status_of(Method::DELETE, path, None).await
    }

    /// Makes something and gives its id.
    pub(crate) async fn make(&self, path: &str, body: Value) -> String {
        let (status, made) = self.post(path, body).await;
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    /// A page with phases, an impact type and two components; the ids of the last three.
    pub(crate) async fn furnished() -> (Self, [String; 3]) {
        Self::new().await.furnish().await
    }

    /// The same on this store.
    pub(crate) async fn furnished_on(store: Arc<Store>) -> (Self, [String; 3]) {
        Self::on(store, Options::default()).await.furnish().await
    }

    async fn furnish(self) -> (Self, [String; 3]) {
        let stage = self;
        let phases = json!({ "phases": ["Investigating", "Fixing", "Done"] });
        assert_eq!(stage.post("/phases", phases).await, (201, json!({ "generation": 1 })));
        let slow = stage.make("/impacttypes", json!({ "displayName": "Slow" })).await;
        let compute = json!({ "displayName": "Compute", "labels": { "region": "west" } });
        let compute = stage.make("/components", compute).await;
        let storage = stage.make("/components", json!({ "displayName": "Storage" })).await;
        (stage, [slow, compute, storage])
    }
}

async fn open(directory: &TempDir) -> Store {
    let parts = vec![PART, lotse_status::detect::PART, lotse_status::subscribe::PART];
    let options = StoreOptions { parts, ..StoreOptions::default() };
    Store::open_with(&StoreUrl::in_directory(directory.path()), options).await.unwrap()
}

/// `NOON` and so many hours.
pub(crate) fn noon_and(hours: i64) -> String {
    let noon: Timestamp = NOON.parse().unwrap();
    (noon + SignedDuration::from_hours(hours)).to_string()
}
