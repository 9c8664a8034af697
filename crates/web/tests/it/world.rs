//! A daemon of one test: a listener, a state in a directory of its own, a clock that stands still
//! until it is moved; and a browser with a jar of cookies.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use lotse_core::error::Explain;
use lotse_core::id::InstanceId;
use lotse_core::task::{Board, Driver, DriverOptions, Report, Task};
use lotse_core::time::{Clock, ManualClock, SignedDuration, Timestamp};
use lotse_store::housekeeping::{Housekeeping, Retention};
use lotse_store::{Store, StoreUrl};
use lotse_web::extension::Extension;
use lotse_web::health::{Check, Readiness};
use lotse_web::metrics::Metrics;
use lotse_web::{About, AccessConfig, Shell, ShellParts};
use reqwest::header::{COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Method, RequestBuilder, StatusCode};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

struct Database(Arc<AtomicBool>);

#[async_trait]
impl Check for Database {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn check(&self) -> Result<(), String> {
        if self.0.load(Ordering::SeqCst) { Ok(()) } else { Err("gone".to_owned()) }
    }
}

/// A task that says what it is told to say.
struct Saying {
    name: String,
    report: Report,
}

#[async_trait]
impl Task for Saying {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &'static str {
        "Keeps the images <b>true</b>"
    }

    fn period(&self) -> Duration {
        Duration::from_hours(1)
    }

    async fn activate(&self, _: &CancellationToken) -> Result<Report, Box<dyn Explain>> {
        Ok(self.report.clone())
    }
}

/// A daemon.
pub(crate) struct World {
    pub(crate) port: u16,
    pub(crate) base: String,
    pub(crate) database: Arc<AtomicBool>,
    pub(crate) shell: Arc<Shell>,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) board: Arc<Board>,
    pub(crate) stop: CancellationToken,
    pub(crate) server: tokio::task::JoinHandle<std::io::Result<()>>,
    _driver: Driver,
    directory: Arc<TempDir>,
}

/// What a daemon is started with.
pub(crate) struct Plan {
    pub(crate) access: AccessConfig,
    pub(crate) secret: Option<&'static str>,
    pub(crate) extension: Extension,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) directory: Arc<TempDir>,
    pub(crate) tasks: Vec<(String, Report)>,
}

impl Default for Plan {
    fn default() -> Self {
        let needed = serde_json::json!({ "needed": { "create": 2, "update": 0 } });
        let report = Report { summary: "2 images to create".to_owned(), detail: needed };
        Self {
            access: AccessConfig::default(),
            secret: None,
            extension: Extension::default(),
            clock: Arc::new(ManualClock::starting_at(start())),
            directory: Arc::new(tempfile::tempdir().unwrap()),
            tasks: vec![("images/sim".to_owned(), report)],
        }
    }
}

/// When every test begins.
pub(crate) fn start() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

impl World {
    /// A daemon as it is on a laptop.
    pub(crate) async fn start() -> Self {
        Self::of(Plan::default()).await
    }

    /// A daemon with a capability.
    pub(crate) async fn with(extension: Extension) -> Self {
        Self::of(Plan { extension, ..Plan::default() }).await
    }

    /// A daemon where strangers are nothing.
    pub(crate) async fn strict() -> Self {
        Self::of(Plan { access: strict(), ..Plan::default() }).await
    }

    pub(crate) async fn of(plan: Plan) -> Self {
        let Plan { access, secret, extension, clock, directory, tasks } = plan;
        let store = Arc::new(Store::open(&StoreUrl::in_directory(directory.path())).await.unwrap());
        let listener = lotse_web::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let board = Arc::<Board>::default();
        let housekeeping =
            Housekeeping::new(Store::clone(&store), clock.clone(), Retention::default());
        let mut all: Vec<Arc<dyn Task>> = vec![Arc::new(housekeeping)];
        for (name, report) in tasks {
            all.push(Arc::new(Saying { name, report }));
        }
        let count = all.len();
        let options = DriverOptions {
            leases: store.clone(),
            witness: store.clone(),
            clock: clock.clone(),
            instance: InstanceId::generate(),
            instance_note: "test".to_owned(),
            lease: Duration::from_mins(1),
        };
        let driver = Driver::start(all, board.clone(), options).await;
        let requests = driver.requests();
        let database = Arc::new(AtomicBool::new(true));
        let parts = ShellParts {
            about: About {
                product: "lotse",
                version: "0.0.0",
                instance: "test".into(),
                started: clock.now(),
                mode: "serve",
            },
            metrics: Arc::new(Metrics::new(board.clone(), "0.0.0")),
            board: board.clone(),
            request_task: Arc::new(move |task| requests.request(task)),
            clouds: vec!["sim".to_owned()],
            readiness: Arc::new(Readiness::of(vec![Box::new(Database(database.clone()))])),
            store: store.clone(),
            clock: clock.clone(),
            access,
            oidc_secret: secret.map(Into::into),
            address,
        };
        let (shell, router) = Shell::assemble(parts, extension).unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let server =
            tokio::spawn(lotse_web::serve(listener, router, stopped, Duration::from_secs(5)));
        board
            .wait_until(|tasks| {
                tasks.len() == count && tasks.iter().all(|task| task.last.is_some())
            })
            .await;
        let (port, base) = (address.port(), format!("http://{address}"));
        Self {
            port,
            base,
            database,
            shell,
            store,
            clock,
            board,
            stop,
            server,
            _driver: driver,
            directory,
        }
    }

    /// The parts of a daemon that does not listen, on the same state.
    pub(crate) fn parts(&self, board: Arc<Board>) -> ShellParts {
        ShellParts {
            about: self.shell.about.clone(),
            metrics: Arc::new(Metrics::new(board.clone(), "0.0.0")),
            board,
            request_task: Arc::new(|_| false),
            clouds: Vec::new(),
            readiness: Arc::default(),
            store: self.store.clone(),
            clock: self.clock.clone(),
            access: AccessConfig::default(),
            oidc_secret: None,
            address: ([127, 0, 0, 1], 0).into(),
        }
    }

    /// The directory of the state.
    pub(crate) fn directory(&self) -> Arc<TempDir> {
        self.directory.clone()
    }

    /// A file in the directory of the state.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    /// Another instance on the same state.
    pub(crate) async fn beside(&self, access: AccessConfig) -> Self {
        let (clock, directory) = (self.clock.clone(), self.directory.clone());
        Self::of(Plan { access, clock, directory, ..Plan::default() }).await
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// A browser with an empty jar.
    pub(crate) fn browser(&self) -> Browser {
        Browser::at(&self.base)
    }

    /// A browser that used the link of the daemon.
    pub(crate) async fn admin(&self) -> Browser {
        let link = self.shell.sign_in_link().await.unwrap().unwrap();
        let key = link.query_pairs().find(|(name, _)| name == "key").unwrap().1.into_owned();
        let browser = self.browser();
        let answer = browser.post("/sign-in/link", &[("key", &key)]).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/"));
        browser
    }

    /// A browser of somebody with these roles, straight through the state.
    pub(crate) async fn person(&self, name: &str, roles: &[&str]) -> Browser {
        let secret: [u8; 32] = rand_bytes();
        let now = self.clock.now();
        let record = lotse_store::session::SessionRecord {
            hash: sha256(&secret),
            subject: format!("user:{name}"),
            name: name.to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            created: now,
            seen: now,
            until: now + SignedDuration::from_hours(12),
        };
        self.store.session_begin(&record).await.unwrap();
        let browser = self.browser();
        browser.set(&format!("lotse-session-{}", self.port), &base64(&secret));
        browser
    }

    /// What the audit log says, oldest first: actor, action, outcome.
    pub(crate) async fn deeds(&self) -> Vec<(String, String, &'static str)> {
        let mut found = self.store.audit_list(None, 1000).await.unwrap();
        found.reverse();
        let deeds = found.into_iter().map(|entry| entry.deed);
        deeds.map(|deed| (deed.actor, deed.action, deed.outcome.word())).collect()
    }
}

/// No role for strangers.
pub(crate) fn strict() -> AccessConfig {
    AccessConfig { anonymous: Some(lotse_web::config::Anonymous::None), ..AccessConfig::default() }
}

pub(crate) fn rand_bytes() -> [u8; 32] {
    use ring::rand::SecureRandom;
    let mut bytes = [0; 32];
    ring::rand::SystemRandom::new().fill(&mut bytes).unwrap();
    bytes
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// A browser: it keeps cookies, sends `Origin` with forms, and does not follow redirects.
pub(crate) struct Browser {
    pub(crate) base: String,
    http: reqwest::Client,
    jar: Mutex<BTreeMap<String, String>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The CSRF token of the first form.
    #[track_caller]
    pub(crate) fn csrf(&self) -> String {
        let (_, rest) = self.text.split_once("name=\"csrf\" value=\"").expect("no form");
        rest.split_once('"').unwrap().0.to_owned()
    }
}

impl Browser {
    pub(crate) fn at(base: &str) -> Self {
        let http = client();
        Self { base: base.to_owned(), http, jar: Mutex::default() }
    }

    pub(crate) fn set(&self, name: &str, value: &str) {
        self.jar.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn cookies(&self) -> BTreeMap<String, String> {
        self.jar.lock().unwrap().clone()
    }

    /// Goes to another instance with the same cookies, as behind a balancer (the port is not told).
    pub(crate) fn moved_to(&self, world: &World) -> Self {
        let moved = Self::at(&world.base);
        for (name, value) in self.cookies() {
            let (stem, _) = name.rsplit_once('-').unwrap();
            moved.set(&format!("{stem}-{}", world.port), &value);
        }
        moved
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url =
            if path.starts_with('/') { format!("{}{path}", self.base) } else { path.to_owned() };
        self.http.request(method, url)
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let cookies: Vec<_> =
            self.cookies().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request =
            if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) };
        let response = request.send().await.unwrap();
        for set in response.headers().get_all(SET_COOKIE) {
            let text = set.to_str().unwrap();
            let (name, rest) = text.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            let mut jar = self.jar.lock().unwrap();
            if text.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let text = String::from_utf8_lossy(&response.bytes().await.unwrap()).into_owned();
        Answer { status, headers, text }
    }

    /// Opens a page.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).header("accept", "text/html")).await
    }

    /// Sends a form as a page of ours would, the CSRF token included if there is a session.
    pub(crate) async fn submit(&self, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.get(page).await.csrf();
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        self.post(path, &all).await
    }

    /// Sends a form without looking at a page first.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.request(Method::POST, path).header("accept", "text/html");
        self.send(request.header(ORIGIN, &self.base).form(fields)).await
    }

    /// Asks the API.
    pub(crate) async fn api(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }
}

fn client() -> reqwest::Client {
    // Somebody else may have been first; the provider is the same.
    rustls::crypto::ring::default_provider().install_default().ok();
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    builder.no_proxy().build().unwrap()
}
