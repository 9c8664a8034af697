//! The console and the API of a daemon at work: changes are reviewed and made, every page is usable.

use std::process::Command;

use reqwest::header::{ACCEPT, AUTHORIZATION, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::process::{Place, Server, browse, variable};

/// Somebody who uses the console, or a stranger.
pub(crate) struct Person {
    pub(crate) base: String,
    pub(crate) cookie: Option<String>,
    http: reqwest::Client,
}

/// Status, where it leads, text.
type Answer = (u16, String, String);

impl Person {
    fn stranger(daemon: &Server) -> Self {
        let base = daemon.page();
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        Self { base, cookie: None, http: http.no_proxy().build().unwrap() }
    }

    /// Who opens the link that the daemon printed.
    pub(crate) async fn admin(daemon: &Server) -> Self {
        let mut person = Self::stranger(daemon);
        let link = daemon.hello["sign_in"].as_str().unwrap().to_owned();
        let (_, key) = link.split_once("key=").unwrap();
        let form = person.request(Method::POST, "/sign-in/link").form(&[("key", key)]);
        let answer = form.header(ORIGIN, &person.base).send().await.unwrap();
        let cookie = answer.headers()[SET_COOKIE].to_str().unwrap();
        person.cookie = Some(cookie.split(';').next().unwrap().to_owned());
        person
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.cookie {
            Some(cookie) => request.header(COOKIE, cookie),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let to = answer.headers().get(LOCATION).map_or("", |to| to.to_str().unwrap()).to_owned();
        (answer.status().as_u16(), to, answer.text().await.unwrap())
    }

    async fn open(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).header(ACCEPT, "text/html")).await
    }

    /// The page of this path, which must be there.
    #[track_caller]
    fn page(&self, path: &str) -> impl Future<Output = String> {
        let opened = self.open(path);
        async move {
            let (status, _, text) = opened.await;
            assert_eq!(status, 200, "{text}");
            text
        }
    }

    async fn json(&self, path: &str) -> Value {
        let (status, _, text) = self.send(self.request(Method::GET, path)).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Sends the form of a page.
    pub(crate) async fn submit(&self, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let text = self.page(page).await;
        let (_, rest) = text.split_once("name=\"csrf\" value=\"").unwrap();
        let csrf = rest.split_once('"').unwrap().0.to_owned();
        let mut all = vec![("csrf", &*csrf)];
        all.extend_from_slice(fields);
        let request = self.request(Method::POST, path).header(ACCEPT, "text/html");
        self.send(request.header(ORIGIN, &self.base).form(&all)).await
    }

    /// Asks until the document is as wished; the tests' runner has the deadline.
    pub(crate) async fn until(&self, path: &str, wished: impl Fn(&Value) -> bool) -> Value {
        loop {
            let found = self.json(path).await;
            if wished(&found) {
                return found;
            }
            tokio::task::yield_now().await;
        }
    }

    /// The newest change, once there is one in this state.
    async fn change(&self, state: &str) -> Value {
        let path = format!("/api/v1/changes?state={state}");
        let found = self.until(&path, |found| found["changes"][0].is_object()).await;
        let id = found["changes"][0]["id"].as_str().unwrap().to_owned();
        self.json(&format!("/api/v1/changes/{id}")).await
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field}: {value}"))
}

#[tokio::test]
async fn a_proposed_change_is_reviewed_approved_made_and_looked_at_afterwards() {
    let (place, _sim) = Place::harbour("propose", &[], "");
    let daemon = place.serve();
    let admin = Person::admin(&daemon).await;
    let change = admin.change("proposed").await;
    let (id, digest) = (text(&change, "id"), text(&change, "digest"));
    let (page, waiting) = (format!("/changes/{id}"), "waits for approval");

    assert!(admin.page("/").await.contains(waiting));
    let images = admin.page("/images/sim?standing=missing").await;
    assert!(images.contains("Debian"), "{images}");
    let review = admin.page(&page).await;
    assert!(review.contains("What would be done") && review.contains("disk_format"), "{review}");

    // Who only looks sees the same and can do nothing.
    let stranger = Person::stranger(&daemon);
    let seen = stranger.page(&page).await;
    assert!(seen.contains("What would be done") && !seen.contains("<form"), "{seen}");
    let fields = [("id", id), ("digest", digest), ("note", "looks right")];
    let request = stranger.request(Method::POST, "/changes/approve").form(&fields);
    assert_eq!(stranger.send(request.header(ORIGIN, &stranger.base)).await.0, 303, "to sign in");

    // Without having seen these steps, nobody agrees to them.
    let other = [("id", id), ("digest", "0"), ("note", "")];
    let (status, _, refusal) = admin.submit(&page, "/changes/approve", &other).await;
    assert_eq!(status, 409, "{refusal}");
    assert!(refusal.contains("does not have the steps that were looked at"), "{refusal}");

    let (status, to, refusal) = admin.submit(&page, "/changes/approve", &fields).await;
    assert_eq!((status, &*to), (303, &*page), "{refusal}");
    let made = admin.change("applied").await;
    assert_eq!(text(&made, "id"), id);
    assert!(!made["request_ids"].as_array().unwrap().is_empty(), "{made}");
    let after = admin.page(&page).await;
    assert!(after.contains("looks right") && after.contains("req-"), "{after}");

    // The images are there, and each tells which change made it.
    admin
        .until("/api/v1/images", |found| {
            let counts = &found["clouds"][0]["counts"];
            counts["converged"].is_u64() && counts["missing"].is_null()
        })
        .await;
    let images = admin.json("/api/v1/images/sim?limit=1").await;
    let name = text(&images["images"][0], "name").replace(' ', "%20");
    let image = admin.json(&format!("/api/v1/images/sim/{name}")).await;
    assert_eq!(text(&image["history"][0], "change"), id, "{image}");
    let shown = admin.page(&format!("/images/sim/{name}")).await;
    assert!(shown.contains(&page) && shown.contains("oldest first"), "{shown}");
    let measured = admin.page("/metrics").await;
    assert!(measured.contains("lotse_image_build_timestamp_seconds{cloud=\"sim\""), "{measured}");
    assert!(!admin.page("/").await.contains(waiting));
    let log = admin.page("/audit?action=change").await;
    assert!(log.contains("change.approve") && log.contains("change.appl"), "{log}");
    assert!(daemon.terminate().success());
}

#[tokio::test]
async fn what_was_done_on_the_command_line_stands_in_the_history_of_the_console() {
    let (place, _sim) = Place::harbour("observe", &[], "");
    let images = crate::process::example("images").display().to_string();
    let apply = ["image", "apply", "--config", "lotse.yaml", "--images", &images];
    place.run_on_sim(&[&apply[..], &["--import", "cloud", "--yes"]].concat()).with_code(0);
    let daemon = place.serve();
    let admin = Person::admin(&daemon).await;
    admin.until("/api/v1/images", |found| found["clouds"][0]["counts"]["converged"].is_u64()).await;
    let image = admin.json("/api/v1/images/sim/Debian%2013").await;
    assert!(image["history"][0]["change"].is_null(), "{image}");
    assert!(text(&image["history"][0], "by").ends_with(" (command line)"), "{image}");
    assert!(admin.page("/images/sim/Debian%2013").await.contains(" (command line)"));
    assert!(daemon.terminate().success());
}

#[tokio::test]
async fn a_rejected_change_stays_rejected_and_nothing_is_made() {
    let (place, _sim) = Place::harbour("propose", &[], "");
    let daemon = place.serve();
    let admin = Person::admin(&daemon).await;
    let change = admin.change("proposed").await;
    let (id, digest) = (text(&change, "id"), text(&change, "digest"));
    let fields = [("id", id), ("digest", digest), ("note", "not on a Friday")];
    let (status, ..) = admin.submit(&format!("/changes/{id}"), "/changes/reject", &fields).await;
    assert_eq!(status, 303);
    let looked = text(&admin.json("/api/v1/images").await["clouds"][0], "looked").to_owned();
    let (status, ..) = admin.submit("/images", "/images", &[("cloud", "sim")]).await;
    assert_eq!(status, 303);
    let images =
        admin.until("/api/v1/images", |found| found["clouds"][0]["looked"] != looked).await;
    assert!(images["clouds"][0]["counts"]["converged"].is_null(), "{images}");
    let changes = admin.json("/api/v1/changes").await;
    let states: Vec<_> = changes["changes"].as_array().unwrap().iter().collect();
    assert_eq!(states.len(), 1, "{changes}");
    assert_eq!(text(states[0], "state"), "rejected");
    assert_eq!(text(states[0], "outcome"), "not on a Friday");
    assert!(daemon.terminate().success());
}

#[tokio::test]
async fn one_person_counts_once_whichever_door_they_take() {
    let (place, _sim) = Place::harbour("propose", &[], "changes:\n  approvals: 2\n");
    let daemon = place.serve();
    let admin = Person::admin(&daemon).await;
    let change = admin.change("proposed").await;
    let (id, digest) = (text(&change, "id").to_owned(), text(&change, "digest").to_owned());
    let fields = [("id", &*id), ("digest", &*digest), ("note", "")];
    let page = format!("/changes/{id}");
    assert_eq!(admin.submit(&page, "/changes/approve", &fields).await.0, 303);
    assert!(admin.page(&page).await.contains("1 of 2"));

    let token = [("name", "script"), ("days", "1"), ("scope", "change.decide")];
    let (status, _, made) = admin.submit("/tokens", "/tokens", &token).await;
    assert_eq!(status, 201, "{made}");
    let (_, secret) = made.split_once("<code class=\"secret\">").unwrap();
    let secret = secret.split('<').next().unwrap();
    let stranger = Person::stranger(&daemon);
    let path = format!("/api/v1/changes/{id}/approvals");
    let decide = |key: &str| {
        let request = stranger.request(Method::POST, &path).json(&json!({ "digest": digest }));
        let request = request.header(AUTHORIZATION, format!("Bearer {secret}"));
        stranger.send(request.header("idempotency-key", key))
    };
    for key in ["one", "two"] {
        let (status, _, refusal) = decide(key).await;
        assert_eq!(status, 409, "{refusal}");
        assert!(refusal.contains("has approved change"), "{refusal}");
    }
    let change = admin.json(&format!("/api/v1/changes/{id}")).await;
    assert_eq!(
        (text(&change, "state"), change["approvals"].as_array().unwrap().len()),
        ("proposed", 1)
    );
    assert!(daemon.terminate().success());
}

/// Every page of the console, with something on it.
async fn pages(admin: &Person) -> Vec<String> {
    let change = admin.change("proposed").await;
    let images = admin.json("/api/v1/images/sim?limit=1").await;
    let name = text(&images["images"][0], "name").replace(' ', "%20");
    let mut pages: Vec<String> = ["/", "/tasks", "/audit", "/tokens", "/me", "/images", "/changes"]
        .map(str::to_owned)
        .to_vec();
    pages.push(format!("/changes/{}", text(&change, "id")));
    pages.push("/images/sim".to_owned());
    pages.push(format!("/images/sim/{name}"));
    pages.push("/sign-in".to_owned());
    pages.push("/nothing-here".to_owned());
    pages.extend(status_pages(admin).await);
    pages
}

/// When everything of the status page began.
const BEGAN: &str = "2026-01-01T00:00";

/// The pages of those who run the status page: something broken, something planned, something over.
pub(crate) async fn status_pages(admin: &Person) -> Vec<String> {
    let shape = [("do", "add-component"), ("name", "Compute"), ("region", "west")];
    let (status, ..) = admin.submit("/status/shape", "/status/shape", &shape).await;
    assert_eq!(status, 303);
    let form = admin.page("/status/new").await;
    let (_, rest) = form.split_once("name=\"affects.").unwrap();
    let component = format!("affects.{}", rest.split_once('"').unwrap().0);
    for fields in [
        [("do", "put-template"), ("name", "slow"), ("title", "Slow"), ("severity", "66")],
        [("do", "put-audience"), ("name", "staff"), ("title", "Staff"), ("groups", "admins")],
        [("do", "put-upstream"), ("provider", "Carrier"), ("title", "A cable"), ("began", BEGAN)],
    ] {
        let (status, _, text) = admin.submit("/status/extras", "/status/extras", &fields).await;
        assert_eq!(status, 303, "{text}");
    }
    let mut pages = [
        "/status",
        "/status/new",
        "/status/new?kind=maintenance",
        "/status/new?template=slow",
        "/status/shape",
        "/status/extras",
    ]
    .map(str::to_owned)
    .to_vec();
    for (kind, severity, ended) in [
        ("incident", "66", ""),
        ("incident", "33", "2026-01-02T00:00"),
        ("maintenance", "planned", "2099-01-02T00:00"),
    ] {
        let fields = [
            ("do", "add"),
            ("kind", kind),
            ("name", "Disks answer slowly"),
            ("text", "We look into it."),
            ("began", BEGAN),
            ("ended", ended),
            (&component, severity),
        ];
        let (status, page, text) = admin.submit("/status/new", "/status/report", &fields).await;
        assert_eq!(status, 303, "{text}");
        let id = page.rsplit('/').next().unwrap();
        let said = [("do", "say"), ("incident", id), ("name", "Found"), ("text", "A cable.")];
        assert_eq!(admin.submit("/status", "/status/report", &said).await.0, 303);
        pages.push(page);
    }
    pages.push("/status/proposals".to_owned());
    pages
}

#[tokio::test]
#[ignore = "real: axe in a browser"]
async fn axe_finds_nothing_on_any_page_in_light_dark_and_forced_colours_on_a_phone_and_a_desk() {
    let status = "status:\n  listen: 127.0.0.1:0\n  detection: {}\n";
    let (place, _sim) = Place::harbour("propose", &[], status);
    let daemon = place.serve();
    let admin = Person::admin(&daemon).await;
    let pages = pages(&admin).await;
    let asked = json!({
        "base": admin.base,
        "cookie": admin.cookie,
        "pages": pages,
        "pictures": place.path("pictures"),
    });
    let found: Value = serde_json::from_str(&browse(&place, "axe.cjs", &asked)).unwrap();
    assert_eq!(found["problems"], json!([]), "{found:#}");
    // Three ways to see, two widths.
    assert_eq!(found["looked"], pages.len() * 6);
    assert!(daemon.terminate().success());
}

#[tokio::test]
#[ignore = "real: playwright in a browser"]
async fn a_browser_signs_in_approves_and_sees_another_page_change_by_itself() {
    let (place, _sim) = Place::harbour("propose", &[], "");
    let daemon = place.serve();
    let stranger = Person::stranger(&daemon);
    let change = stranger.change("proposed").await;
    let asked = json!({
        "base": stranger.base,
        "link": daemon.hello["sign_in"],
        "change": format!("/changes/{}", text(&change, "id")),
    });
    browse(&place, "form.cjs", &asked);
    let approved = stranger.change("applied").await;
    assert_eq!(text(&approved["approvals"][0], "note"), "seen in a browser");
    assert!(daemon.terminate().success());
}

#[tokio::test]
#[ignore = "real: schemathesis"]
async fn schemathesis_finds_no_failure_of_the_api_with_all_its_checks() {
    let (place, _sim) = Place::harbour(
        "propose",
        &[],
        "access:\n  anonymous: none\n  requests_per_minute: 100000\n",
    );
    let daemon = place.serve();
    let admin = Person::admin(&daemon).await;
    admin.change("proposed").await;
    let scopes = ["task.read", "task.request", "audit.read", "change.read", "change.decide"];
    let more = ["image.read", "token.read", "token.write"];
    let mut token = vec![("name", "schemathesis"), ("days", "1")];
    token.extend(scopes.iter().chain(&more).map(|scope| ("scope", *scope)));
    let (_, _, made) = admin.submit("/tokens", "/tokens", &token).await;
    let (_, secret) = made.split_once("<code class=\"secret\">").unwrap();
    let secret = secret.split('<').next().unwrap();
    let output = Command::new(variable("LOTSE_SCHEMATHESIS"))
        .args(["run", &format!("{}/api/v1/openapi.json", admin.base)])
        .args(["--header", &format!("Authorization: Bearer {secret}")])
        .args(["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"])
        .args(["--max-examples", "40", "--seed", "1", "--no-color"])
        .current_dir(place.path(""))
        .env("HOME", place.path("home"))
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{found}");
    assert!(daemon.terminate().success());
}
