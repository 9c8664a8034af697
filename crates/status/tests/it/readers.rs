//! Readers who sign in to see the page of an audience: over HTTP, with an identity provider.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Form, Query, State};
use axum::response::{Json, Redirect};
use axum::routing::{get, post};
use lotse_core::time::SignedDuration;
use lotse_status::pages::look::Look;
use lotse_status::readers::{CALLBACK, Readers};
use lotse_status::site::{Options, Site};
use lotse_web::access::Role;
use lotse_web::config::OidcConfig;
use lotse_web::visitor::Visitors;
use reqwest::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Method, Response, Url};
use serde_json::{Value, json};

use crate::client::{self, Provider};
use crate::stage::Stage;

/// Signs in whoever comes as the person that was named last.
struct Desk {
    provider: Arc<Provider>,
    stage: Arc<Stage>,
    /// What is said of the person.
    person: Mutex<Value>,
    nonce: Mutex<String>,
}

async fn authorize(
    State(desk): State<Arc<Desk>>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Redirect {
    assert_eq!(query["code_challenge_method"], "S256");
    desk.nonce.lock().unwrap().clone_from(&query["nonce"]);
    Redirect::to(&format!("{}?code=c&state={}", query["redirect_uri"], query["state"]))
}

async fn exchange(
    State(desk): State<Arc<Desk>>,
    Form(form): Form<BTreeMap<String, String>>,
) -> Json<Value> {
    assert_eq!((form["client_id"].as_str(), form["code_verifier"].len()), ("readers", 43));
    let mut claims = desk.person.lock().unwrap().clone();
    claims["aud"] = "readers".into();
    claims["nonce"] = desk.nonce.lock().unwrap().clone().into();
    let id_token = desk.provider.token(&desk.stage, &claims);
    Json(json!({ "token_type": "Bearer", "access_token": "x", "id_token": id_token }))
}

/// A page with an audience for the group `staff`, and one for nobody of the provider.
struct Library {
    desk: Arc<Desk>,
    base: String,
    api: String,
}

impl Library {
    async fn new() -> Self {
        Self::open_to(false).await
    }

    /// With `true`, nobody reads anything who is not signed in.
    async fn open_to(members_only: bool) -> Self {
        let (stage, ids) = Stage::furnished().await;
        let stage = Arc::new(stage);
        let put = async |path: String, body: Value| {
            let status = stage.status_of(Method::PUT, &path, Some(&body)).await;
            assert!(matches!(status, 201 | 204), "{path}: {status}");
        };
        let staff = json!({ "title": "Staff", "groups": ["staff", "helpdesk"] });
        put("/api/v1/audiences/staff".to_owned(), staff).await;
        put("/api/v1/audiences/board".to_owned(), json!({ "title": "Board" })).await;
        let seen = json!({ "audiences": ["staff", "board"] });
        put(format!("/api/v1/components/{}/audiences", ids[1]), seen).await;
        let affects = json!([{ "reference": ids[1], "severity": 90 }]);
        let body = json!({ "displayName": "Hush hush", "beganAt": "2026-11-21T11:00:00Z",
            "affects": affects });
        stage.make("/incidents", body).await;

        let provider = Provider::new();
        let desk = Arc::new(Desk {
            provider: provider.clone(),
            stage: stage.clone(),
            person: Mutex::new(json!({})),
            nonce: Mutex::default(),
        });
        let known = axum::Router::new().fallback(get(client::answer)).with_state(provider.clone());
        let routes = axum::Router::new()
            .route("/dex/auth", get(authorize))
            .route("/dex/token", post(exchange))
            .with_state(desk.clone())
            .merge(known);
        let issuer = format!("{}/dex", stage.serve(routes).await);
        provider.issuer.lock().unwrap().clone_from(&issuer);
        let config = OidcConfig {
            issuer,
            client_id: "readers".to_owned(),
            client_secret: None,
            scopes: Vec::new(),
            name_claim: "preferred_username".to_owned(),
            roles_claim: "groups".to_owned(),
            grants: BTreeMap::from([("staff".to_owned(), vec![Role::Admin])]),
            ca_file: None,
            leeway_seconds: 30,
            timeout_seconds: 60,
        };
        let state = (stage.store.clone(), stage.clock.clone() as _);
        let visitors = Visitors::new(config, None, state, CALLBACK).unwrap();
        let readers = Some(Readers::new(visitors, 5).required(members_only));
        let options = Options { local_writes: false, readers, ..Options::default() };
        let site = Site::new(stage.desk.clone(), Look::default(), options);
        let base = stage.serve(site.page()).await;
        let api = stage.serve(site.api()).await;
        site.reached_at(&base.parse().unwrap());
        Self { desk, base, api }
    }

    /// Who the provider says comes next.
    fn next(&self, name: &str, groups: &Value) {
        *self.desk.person.lock().unwrap() =
            json!({ "sub": name, "preferred_username": name, "groups": groups });
    }

    fn browser(&self) -> Browser<'_> {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let http = http.no_proxy().build().unwrap();
        Browser { library: self, cookies: RefCell::default(), http }
    }

    /// What a browser of this person shows, who was signed in on the way.
    async fn signed_in(&self, name: &str, groups: Value) -> Browser<'_> {
        self.next(name, &groups);
        let browser = self.browser();
        assert_eq!(browser.walk("/en/reader").await.0, 200);
        browser
    }
}

struct Browser<'a> {
    library: &'a Library,
    cookies: RefCell<BTreeMap<String, String>>,
    http: reqwest::Client,
}

impl Browser<'_> {
    async fn send(&self, method: Method, to: &str, accept: &str) -> Response {
        let url = Url::parse(&self.library.base).unwrap().join(to).unwrap();
        let cookies: Vec<_> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.http.request(method, url).header(ACCEPT, accept);
        let answer = request.header(COOKIE, cookies.join("; ")).send().await.unwrap();
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let (pair, rest) = cookie.to_str().unwrap().split_once(';').unwrap();
            assert!(rest.contains("HttpOnly; SameSite=Lax"), "{rest}");
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    async fn open(&self, to: &str) -> Response {
        self.send(Method::GET, to, "text/html").await
    }

    /// Follows an address to its end: the status, where that is, and the text.
    async fn walk(&self, to: &str) -> (u16, String, String) {
        let mut at = to.to_owned();
        loop {
            let answer = self.open(&at).await;
            let Some(next) = answer.headers().get(LOCATION) else {
                return (answer.status().as_u16(), at, answer.text().await.unwrap());
            };
            next.to_str().unwrap().clone_into(&mut at);
        }
    }
}

#[tokio::test]
async fn a_member_signs_in_on_the_way_and_reads_all_of_the_page_of_the_audience() {
    let library = Library::new().await;
    library.next("anna", &json!(["staff"]));
    let browser = library.browser();
    let sent = browser.open("/a/staff/en/history?x=1").await;
    assert_eq!(sent.status(), 303);
    let to = sent.headers()[LOCATION].to_str().unwrap();
    assert_eq!(to, "/reader/sign-in?to=%2Fa%2Fstaff%2Fen%2Fhistory%3Fx%3D1");
    let (status, at, text) = browser.walk("/a/staff/en/history?x=1").await;
    assert_eq!((status, at.as_str()), (200, "/a/staff/en/history?x=1"), "{text}");
    assert!(text.contains("href=\"/a/staff/en/incident/") && text.contains("Hush hush"), "{text}");
    for path in ["de/", "", "feed.atom", "calendar.ics", "api/v2/summary.json", "badge.svg"] {
        let answer = browser.send(Method::GET, &format!("/a/staff/{path}"), "*/*").await;
        assert_eq!(answer.status(), 200, "{path}");
        for (name, value) in [
            ("cache-control", "private, no-cache"),
            ("referrer-policy", "no-referrer"),
            ("x-robots-tag", "noindex, nofollow"),
        ] {
            assert_eq!(answer.headers()[name], value, "{path}");
        }
    }
    // Programs are told that nobody is signed in; everybody's page is everybody's.
    let stranger = library.browser();
    for path in ["/a/staff/feed.atom", "/a/board/en/", "/a/nothing/en/"] {
        assert_eq!(stranger.send(Method::GET, path, "*/*").await.status(), 401, "{path}");
        assert_eq!(stranger.open(path).await.status(), 303, "{path}");
    }
    let (status, _, text) = stranger.walk("/en/").await;
    assert!(status == 200 && !text.contains("Hush") && text.contains("/en/reader\">My pages"));
    // The page about oneself leads to the others, and out again.
    let (_, _, text) = browser.walk("/de/reader").await;
    assert!(
        text.contains("angemeldet als <strong>anna") && text.contains("/a/staff/de/"),
        "{text}"
    );
    assert!(!text.contains("board"), "{text}");
    assert_eq!(browser.send(Method::POST, "/reader/sign-out", "text/html").await.status(), 303);
    assert_eq!(browser.open("/a/staff/en/").await.status(), 303);
}

#[tokio::test]
async fn who_is_no_member_learns_nothing_but_who_is_signed_in() {
    let library = Library::new().await;
    let browser = library.signed_in("eve", json!(["visitors", "board", "Staff"])).await;
    let mut texts = Vec::new();
    for path in ["/a/staff/en/", "/a/board/en/", "/a/nothing/en/", "/a/staff/en/history"] {
        let (status, at, text) = browser.walk(path).await;
        assert_eq!((status, at.as_str()), (404, path));
        assert!(text.contains("<strong>eve</strong>") && text.contains("Sign out"), "{text}");
        assert!(!text.contains("Staff"), "{text}");
        texts.push(text);
        assert_eq!(browser.send(Method::GET, path, "*/*").await.status(), 404);
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "all look the same");

    // Who is put into the audience sees it at once; with another group, no more.
    let body = json!({ "title": "Staff", "groups": ["visitors"] });
    let put = library.desk.stage.status_of(Method::PUT, "/api/v1/audiences/staff", Some(&body));
    assert_eq!(put.await, 204);
    assert_eq!(browser.walk("/a/staff/en/").await.0, 200);
    let body = json!({ "title": "Staff", "groups": [] });
    let put = library.desk.stage.status_of(Method::PUT, "/api/v1/audiences/staff", Some(&body));
    assert_eq!(put.await, 204);
    assert_eq!(browser.walk("/a/staff/en/").await.0, 404);
}

#[tokio::test]
async fn the_session_of_a_reader_writes_nothing_ends_and_opens_nothing_else() {
    let library = Library::new().await;
    let browser = library.signed_in("anna", json!(["staff", "admin", "operator"])).await;
    for path in ["/incidents", "/api/v1/incidents", "/a/staff/incidents"] {
        let answer = browser.send(Method::POST, path, "application/json").await;
        assert!(matches!(answer.status().as_u16(), 401 | 404 | 405), "{path}: {}", answer.status());
    }
    assert_eq!(browser.send(Method::GET, "/api/v1/session", "*/*").await.status(), 404);
    // What is kept is neither the secret nor a session of the console.
    let cookies = browser.cookies.borrow().clone();
    let is_session = |name: &&String| name.starts_with("lotse-visitor-") && !name.contains("sign");
    let secret = &cookies[cookies.keys().find(is_session).unwrap()];
    let stage = &library.desk.stage;
    let plain = lotse_status::private::sum(secret);
    assert!(stage.store.session_find(&plain).await.unwrap().is_none());
    // Twelve hours, used or not.
    stage.clock.advance(SignedDuration::from_mins(12 * 60 - 1));
    assert_eq!(browser.open("/a/staff/en/").await.status(), 200);
    stage.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(browser.open("/a/staff/en/").await.status(), 303);
}

#[tokio::test]
async fn a_sign_in_leads_to_places_of_ours_only_and_belongs_to_the_browser_that_began_it() {
    let library = Library::new().await;
    library.next("anna", &json!(["staff"]));
    for bad in ["https://evil.example/", "//evil.example", "/\\evil.example", "/reader/sign-in"] {
        let browser = library.browser();
        let mut url = Url::parse(&format!("{}/reader/sign-in", library.base)).unwrap();
        url.query_pairs_mut().append_pair("to", bad);
        let answer = browser.open(url.as_str()).await;
        let provider = answer.headers()[LOCATION].to_str().unwrap().to_owned();
        let back = browser.open(&provider).await.headers()[LOCATION].to_str().unwrap().to_owned();
        let arrived = browser.open(&back).await;
        let to = arrived.headers()[LOCATION].to_str().unwrap();
        assert!(to == "/" || to == "/en/reader", "{bad}: {to}");
    }
    // The answer of the provider counts once, in one browser; the limit counts them all.
    let (ada, eve) = (library.browser(), library.browser());
    let provider = ada.open("/reader/sign-in").await.headers()[LOCATION].clone();
    let back = ada.open(provider.to_str().unwrap()).await.headers()[LOCATION].clone();
    let back = back.to_str().unwrap();
    let refused = eve.open(back).await;
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("has not begun a sign-in"));
    assert_eq!(ada.open(back).await.status(), 303);
    assert_eq!(ada.open(back).await.status(), 400);
    let many = library.browser().open("/reader/sign-in").await;
    assert_eq!(many.status(), 429);
    assert!(many.text().await.unwrap().contains("Too many"));
    // A provider that is away is told, and the page of everybody stays.
    library.desk.stage.clock.advance(SignedDuration::from_hours(2));
    let failed = ada.open(&format!("{CALLBACK}?error=access_denied&state=x")).await;
    assert_eq!(failed.status(), 400);
    assert_eq!(ada.open("/en/").await.status(), 200);
}

#[tokio::test]
async fn where_readers_must_sign_in_nobody_else_reads_anything() {
    let library = Library::open_to(true).await;
    let stage = &library.desk.stage;
    let body = json!({ "title": "Board", "link": true });
    let (_, made) = stage.ask(Method::PUT, "/api/v1/audiences/board", Some(&body)).await;
    let link = made["link"].as_str().unwrap().to_owned();
    let stranger = library.browser();
    let api = ["components", "incidents", "phases", "openapi.json"];
    let reads: Vec<_> = ["/", "/en/", "/de/history", "/feed.atom", "/calendar.ics", "/badge.svg"]
        .into_iter()
        .chain(["/api/v2/summary.json", "/sla/2026-11.csv", "/en/widget", "/nothing"])
        .map(str::to_owned)
        .chain(api.iter().map(|path| format!("/{path}")))
        .chain(api.iter().map(|path| format!("{}/{path}", library.api)))
        .collect();
    for path in &reads {
        assert_eq!(stranger.send(Method::GET, path, "*/*").await.status(), 401, "{path}");
        let status = stranger.open(path).await.status().as_u16();
        assert_eq!(status, if path.starts_with("http") { 401 } else { 303 }, "{path}");
    }
    assert_eq!(stranger.send(Method::POST, "/en/subscribe", "*/*").await.status(), 401);
    // What holds a secret, and what every page needs.
    for open in [link.as_str(), "/assets/status.css", "/reader/signed-out"] {
        assert_eq!(stranger.open(open).await.status(), 200, "{open}");
    }
    // Whoever the provider knows reads, with a session of this browser.
    let browser = library.signed_in("eve", json!([])).await;
    let answer = browser.send(Method::GET, "/feed.atom", "*/*").await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["cache-control"]),
        (200, &"private, no-cache".parse().unwrap())
    );
    let (status, _, text) = browser.walk("/en/").await;
    assert!(status == 200 && !text.contains("Hush"), "{text}");
    assert_eq!(browser.open("/a/staff/en/").await.status(), 404);
    let (_, at, text) = {
        let left = browser.send(Method::POST, "/reader/sign-out", "text/html").await;
        browser.walk(left.headers()[LOCATION].to_str().unwrap()).await
    };
    assert_eq!(at, "/reader/signed-out");
    assert!(text.contains("You are signed out"), "{text}");
    assert_eq!(browser.open("/en/").await.status(), 303);

    // Programs read with an API token; one that does not count lets nobody in.
    let token = crate::detection::token_with(&library.desk.stage, "status.report").await;
    for (token, wanted) in [(token.as_str(), 200), ("lotse_x", 401), ("x", 401)] {
        let url = format!("{}/components", library.api);
        let request = stranger.http.get(url).bearer_auth(token);
        assert_eq!(request.send().await.unwrap().status(), wanted);
    }
}
