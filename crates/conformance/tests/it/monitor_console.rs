//! The monitor in the console, as a browser without scripts sees it: approvals, and subjects that
//! people make themselves.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use lotse_conformance::monitor::console::extension;
use lotse_conformance::report::sshsig::{SigningKey, sign_report};
use lotse_core::task::Board;
use lotse_core::time::{Clock as _, SignedDuration};
use lotse_store::on_both;
use lotse_store::session::SessionRecord;
use lotse_web::health::Readiness;
use lotse_web::metrics::Metrics;
use lotse_web::{About, AccessConfig, Shell, ShellParts};
use reqwest::header::{CONTENT_TYPE, COOKIE, ORIGIN};
use reqwest::{Method, RequestBuilder};
use ring::digest::{SHA256, digest};
use ring::signature::Ed25519KeyPair;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::monitor_stage::{PARTS, SCOPE, Stage, key};

/// A console around the monitor of a stage.
struct Console {
    base: String,
    port: u16,
    http: reqwest::Client,
    _stop: DropGuard,
}

/// Somebody in front of it.
struct Person<'a> {
    console: &'a Console,
    cookie: String,
}

struct Answer {
    status: u16,
    text: String,
}

impl Console {
    async fn of(stage: &Stage) -> Self {
        let listener = lotse_web::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let board = Arc::<Board>::default();
        let parts = ShellParts {
            about: About {
                product: "lotse",
                version: "0.0.0",
                instance: "test".into(),
                started: stage.clock.now(),
                mode: "serve",
            },
            metrics: Arc::new(Metrics::new(board.clone(), "0.0.0")),
            board,
            request_task: Arc::new(|_| false),
            clouds: Vec::new(),
            readiness: Arc::<Readiness>::default(),
            store: stage.store.clone(),
            clock: stage.clock.clone(),
            access: AccessConfig::default(),
            oidc_secret: None,
            address,
        };
        let (_, router) = Shell::assemble(parts, extension(&stage.monitor)).unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(lotse_web::serve(listener, router, stopped, Duration::from_secs(1)));
        rustls::crypto::ring::default_provider().install_default().ok();
        let quiet = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().redirect(quiet).no_proxy().build().unwrap();
        let (base, port) = (format!("http://{address}"), address.port());
        Self { base, port, http, _stop: stop.drop_guard() }
    }

    /// Somebody who has signed in, straight through the state.
    async fn person(&self, stage: &Stage, name: &str, role: &str) -> Person<'_> {
        let secret = digest(&SHA256, name.as_bytes());
        let now = stage.clock.now();
        let record = SessionRecord {
            hash: hex::encode(digest(&SHA256, secret.as_ref())),
            subject: format!("user:{name}"),
            name: name.to_owned(),
            roles: vec![role.to_owned()],
            created: now,
            seen: now,
            until: now + SignedDuration::from_hours(12),
        };
        stage.store.session_begin(&record).await.unwrap();
        let secret = URL_SAFE_NO_PAD.encode(secret);
        Person { console: self, cookie: format!("lotse-session-{}={secret}", self.port) }
    }

    fn stranger(&self) -> Person<'_> {
        Person { console: self, cookie: String::new() }
    }
}

impl Person<'_> {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.console.http.request(method, format!("{}{path}", self.console.base));
        let request = request.header("accept", "text/html").header(ORIGIN, &self.console.base);
        if self.cookie.is_empty() { request } else { request.header(COOKIE, &self.cookie) }
    }

    async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.text
    }

    /// Sends a form as it is.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        answer(self.request(Method::POST, path).form(fields)).await
    }

    /// Sends a form of a page, with the token that stands in it.
    async fn submit(&self, path: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.page(path).await;
        let token = after(&page, "name=\"csrf\" value=\"");
        self.post(action, &[&[("csrf", token)], fields].concat()).await
    }

    /// Changes a subject.
    async fn change(&self, subject: &str, deed: &str, value: &str) -> Answer {
        let fields = [("subject", subject), ("deed", deed), ("value", value)];
        self.submit("/conformance/subjects", "/conformance/subjects/change", &fields).await
    }
}

async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    Answer { status, text: response.text().await.unwrap() }
}

/// What stands behind this, up to the next quotation mark or tag.
#[track_caller]
fn after<'a>(page: &'a str, words: &str) -> &'a str {
    let (_, rest) = page.split_once(words).unwrap_or_else(|| panic!("no {words}: {page}"));
    rest.split(['"', '<']).next().unwrap()
}

async fn deeds(stage: &Stage) -> Vec<String> {
    let mut found = stage.store.audit_list(None, 1000).await.unwrap();
    found.reverse();
    let deed = |entry: lotse_store::audit::Entry| {
        let deed = entry.deed;
        format!("{} {} {}", deed.actor, deed.action, deed.object)
    };
    found.into_iter().map(deed).collect()
}

/// Sends a report with a password and a key of one's own.
async fn send(stage: &Stage, subject: &str, password: &str, key: &SigningKey) -> u16 {
    let report = stage.report(subject, &json!({"scs-0103-flavor-1v-2": 1}));
    let basic = STANDARD.encode(format!("{subject}:{password}"));
    let request = stage
        .request(Method::POST, "/reports")
        .header("authorization", format!("Basic {basic}"))
        .header(CONTENT_TYPE, "application/x-signed-json")
        .body(sign_report(key, &report.to_string()));
    request.send().await.unwrap().status().as_u16()
}

/// The password that a page shows.
fn password(page: &Answer) -> String {
    assert_eq!(page.status, 200, "{}", page.text);
    after(&page.text, "<code class=\"secret\">").to_owned()
}

const APPROVALS: &str = "/conformance/approvals";
const SUBJECTS: &str = "/conformance/subjects";

on_both! {
    PARTS;

    async fn who_may_approve_does_so_with_a_form_and_can_take_it_back(store) {
        let config = serde_json::from_value(json!({"publish": "approved"})).unwrap();
        let stage = Stage::with(store, config).await;
        let console = Console::of(&stage).await;
        let olga = console.person(&stage, "olga", "operator").await;
        assert!(olga.page(APPROVALS).await.contains("No result waits for approval."));
        stage.send("my-cloud", &stage.report("my-cloud", &Stage::all(1))).await;
        stage.clock.advance(SignedDuration::from_mins(1));
        let bad = stage.report("my-cloud", &json!({
            "scs-0103-flavor-1v-2": -1, "scs-0103-flavor-1v-4": 0, "scs-0103-flavor-2v-8": -1,
        }));
        stage.send("my-cloud", &bad).await;
        let public = async || stage.json("/status").await["my-cloud"][SCOPE]["result"].clone();
        assert_eq!(public().await, 1);

        assert!(olga.page("/conformance").await.contains("Approvals (3 waiting)"));
        let page = olga.page(APPROVALS).await;
        assert!(page.contains("scs-0103-flavor-1v-4 <span class=\"state open\">aborted"), "{page}");
        let report = bad["run"]["uuid"].as_str().unwrap();
        let (one, two) = (format!("{report}/scs-0103-flavor-1v-2"), format!("{report}/scs-0103-flavor-2v-8"));
        assert!(page.contains(&format!("value=\"{one}\"")), "{page}");
        let fields = [("result", one.as_str()), ("result", two.as_str()), ("approval", "true")];
        assert_eq!(olga.submit(APPROVALS, APPROVALS, &fields).await.status, 303);
        assert_eq!(public().await, -1);
        let page = olga.page(APPROVALS).await;
        let (waiting, approved) = page.split_once("Approved, and no passes").unwrap();
        assert!(waiting.contains("1v-4") && !waiting.contains("1v-2"), "{waiting}");
        assert!(approved.contains("1v-2") && approved.contains("2v-8"), "{approved}");

        let fields = [("result", one.as_str()), ("result", two.as_str()), ("approval", "false")];
        assert_eq!(olga.submit(APPROVALS, APPROVALS, &fields).await.status, 303);
        assert_eq!(public().await, 1);
        let object = |testcase: &str| format!("my-cloud/{report}/scs-0103-flavor-{testcase}");
        assert_eq!(deeds(&stage).await, [
            format!("user:olga conformance.approve {}", object("1v-2")),
            format!("user:olga conformance.approve {}", object("2v-8")),
            format!("user:olga conformance.disapprove {}", object("1v-2")),
            format!("user:olga conformance.disapprove {}", object("2v-8")),
        ]);
    }

    async fn approvals_of_nobody_without_the_token_or_of_nothing_change_nothing(store) {
        let config = serde_json::from_value(json!({"publish": "approved"})).unwrap();
        let stage = Stage::with(store, config).await;
        let console = Console::of(&stage).await;
        let bad = stage.report("my-cloud", &json!({"scs-0103-flavor-1v-2": -1}));
        stage.send("my-cloud", &bad).await;
        let one = format!("{}/scs-0103-flavor-1v-2", bad["run"]["uuid"].as_str().unwrap());
        let olga = console.person(&stage, "olga", "operator").await;
        for (name, role) in [("vera", "viewer"), ("rita", "reporter")] {
            let other = console.person(&stage, name, role).await;
            assert_eq!(other.get(APPROVALS).await.status, 403);
            let fields = [("result", one.as_str()), ("approval", "true")];
            // Even with a token of theirs, from a page that they may see.
            let refused = other.submit("/me", APPROVALS, &fields).await;
            assert_eq!(refused.status, 403, "{}", refused.text);
            assert!(!other.page("/conformance").await.contains("waiting"));
        }
        let stranger = console.stranger();
        assert_eq!(stranger.get(APPROVALS).await.status, 303, "they are asked to sign in");
        let fields = [("result", one.as_str()), ("approval", "true")];
        assert_ne!(stranger.post(APPROVALS, &fields).await.status / 100, 2);
        assert_eq!(olga.post(APPROVALS, &fields).await.status, 403, "no token of the session");
        for (fields, status) in [
            (vec![("approval", "true")], 422),
            (vec![("result", one.as_str())], 422),
            (vec![("result", one.as_str()), ("approval", "perhaps")], 422),
            (vec![("result", "x"), ("approval", "true")], 422),
            (vec![("result", "x/y"), ("approval", "true")], 404),
            // One of them is none: all or nothing.
            (vec![("result", one.as_str()), ("result", "x/y"), ("approval", "true")], 404),
        ] {
            let refused = olga.submit(APPROVALS, APPROVALS, &fields).await;
            assert_eq!(refused.status, status, "{fields:?}: {}", refused.text);
            assert!(refused.text.contains("<h1>"), "{}", refused.text);
        }
        assert!(deeds(&stage).await.is_empty());
        assert!(olga.page("/conformance").await.contains("Approvals (1 waiting)"));
    }

    async fn people_make_subjects_with_keys_and_passwords_and_report_about_them(store) {
        let stage = Stage::new(store).await;
        let console = Console::of(&stage).await;
        let ada = console.person(&stage, "ada", "reporter").await;
        let made = ada.submit(SUBJECTS, SUBJECTS, &[("subject", "adas-cloud")]).await;
        let first = password(&made);
        let basic = STANDARD.encode(format!("adas-cloud:{first}"));
        assert!(made.text.contains(&basic), "the token for upstream's runner: {}", made.text);
        assert!(!ada.page(SUBJECTS).await.contains(&first), "it is shown once");
        // Without a key nothing is signed by it.
        assert_eq!(send(&stage, "adas-cloud", &first, &key()).await, 401);
        let line = key().public_line();
        assert_eq!(ada.change("adas-cloud", "add-key", &line).await.status, 303);
        assert_eq!(send(&stage, "adas-cloud", &first, &key()).await, 200);
        assert_eq!(send(&stage, "adas-cloud", "wrong", &key()).await, 401);
        assert!(stage.json("/status").await["adas-cloud"][SCOPE].is_object());

        // The key changes: both count, then the new one.
        let new = SigningKey::from(Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap());
        assert_eq!(send(&stage, "adas-cloud", &first, &new).await, 401);
        assert_eq!(ada.change("adas-cloud", "add-key", &new.public_line()).await.status, 303);
        assert_eq!(send(&stage, "adas-cloud", &first, &new).await, 200);
        assert_eq!(send(&stage, "adas-cloud", &first, &key()).await, 200);
        let page = ada.page(SUBJECTS).await;
        let fingerprint = after(&page, "<li><code>").to_owned();
        assert_eq!(ada.change("adas-cloud", "remove-key", &fingerprint).await.status, 303);
        assert_eq!(send(&stage, "adas-cloud", &first, &key()).await, 401);
        assert_eq!(send(&stage, "adas-cloud", &first, &new).await, 200);

        // The password changes: the one before works on, the one before that no longer.
        let second = password(&ada.change("adas-cloud", "new-password", "").await);
        assert_eq!(send(&stage, "adas-cloud", &first, &new).await, 200);
        let third = password(&ada.change("adas-cloud", "new-password", "").await);
        assert_eq!(send(&stage, "adas-cloud", &first, &new).await, 401);
        for good in [&second, &third] {
            assert_eq!(send(&stage, "adas-cloud", good, &new).await, 200);
        }
        assert_eq!(ada.change("adas-cloud", "remove", "").await.status, 303);
        assert_eq!(send(&stage, "adas-cloud", &third, &new).await, 401);
        let deeds = deeds(&stage).await;
        let words = ["make", "add-key", "add-key", "remove-key", "new-password", "new-password", "remove"];
        let wanted = words.map(|word| format!("user:ada conformance.subject.{word} adas-cloud"));
        assert_eq!(deeds, wanted);
        let log = stage.store.audit_list(None, 1000).await.unwrap();
        let log = format!("{log:?}");
        assert!([first, second, third].iter().all(|secret| !log.contains(secret.as_str())));
    }

    async fn a_subject_is_its_owners_alone_and_names_are_given_once(store) {
        let stage = Stage::new(store).await;
        let console = Console::of(&stage).await;
        let ada = console.person(&stage, "ada", "reporter").await;
        let bob = console.person(&stage, "bob", "operator").await;
        password(&ada.submit(SUBJECTS, SUBJECTS, &[("subject", "adas-cloud")]).await);
        assert!(!bob.page(SUBJECTS).await.contains("adas-cloud"));
        for (deed, value) in [
            ("add-key", key().public_line()),
            ("add-delegate", "bob".to_owned()),
            ("new-password", String::new()),
            ("remove", String::new()),
        ] {
            assert_eq!(bob.change("adas-cloud", deed, &value).await.status, 404, "{deed}");
        }
        for (name, status) in
            [("adas-cloud", 409), ("my-cloud", 409), ("a b", 422), ("", 422), ("../x", 422)]
        {
            let refused = bob.submit(SUBJECTS, SUBJECTS, &[("subject", name)]).await;
            assert_eq!(refused.status, status, "{name:?}: {}", refused.text);
        }
        for (deed, value) in [("add-key", "ssh-ed25519 AAAA"), ("add-delegate", "a b"), ("dance", "")] {
            assert_eq!(ada.change("adas-cloud", deed, value).await.status, 422, "{deed}");
        }
        let fields = [("subject", "another")];
        assert_eq!(ada.post(SUBJECTS, &fields).await.status, 403, "no token of the session");
        let vera = console.person(&stage, "vera", "viewer").await;
        assert_eq!(vera.get(SUBJECTS).await.status, 403);
        assert_eq!(console.stranger().get(SUBJECTS).await.status, 303);
        assert_eq!(deeds(&stage).await, ["user:ada conformance.subject.make adas-cloud"]);
    }

    async fn an_account_reports_about_a_subject_whose_owner_has_named_it(store) {
        let stage = Stage::new(store).await;
        let console = Console::of(&stage).await;
        let ada = console.person(&stage, "ada", "reporter").await;
        password(&ada.submit(SUBJECTS, SUBJECTS, &[("subject", "adas-cloud")]).await);
        let report = |stage: &Stage| -> Value {
            stage.report("adas-cloud", &json!({"scs-0103-flavor-1v-2": 1}))
        };
        assert_eq!(stage.send("zuul", &report(&stage)).await, 401);
        assert_eq!(ada.change("adas-cloud", "add-delegate", "zuul").await.status, 303);
        assert_eq!(stage.send("zuul", &report(&stage)).await, 200);
        // The role is needed as well.
        assert_eq!(ada.change("adas-cloud", "add-delegate", "other").await.status, 303);
        assert_eq!(stage.send("other", &report(&stage)).await, 401);
        assert_eq!(ada.change("adas-cloud", "remove-delegate", "zuul").await.status, 303);
        assert_eq!(stage.send("zuul", &report(&stage)).await, 401);
    }
}
