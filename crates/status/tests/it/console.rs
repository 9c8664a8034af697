//! The pages of those who run the page, in a console over real HTTP: who may what, and what comes of
//! each form.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lotse_core::task::Board;
use lotse_core::time::{Clock as _, SignedDuration};
use lotse_status::console;
use lotse_store::session::SessionRecord;
use lotse_web::health::Readiness;
use lotse_web::metrics::Metrics;
use lotse_web::{About, AccessConfig, Shell, ShellParts};
use reqwest::header::{COOKIE, LOCATION};
use reqwest::redirect::Policy;
use serde_json::Value;
use sha2::Digest as _;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::stage::{NOON, Stage};

/// A console beside a furnished page.
struct Bridge {
    stage: Stage,
    base: String,
    port: u16,
    http: reqwest::Client,
    /// An impact type and two components.
    ids: [String; 3],
    _stop: DropGuard,
}

/// Status, where it leads, text.
type Answer = (u16, String, String);

impl Bridge {
    async fn new() -> Self {
        let (stage, ids) = Stage::furnished().await;
        let listener = lotse_web::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let board = Arc::<Board>::default();
        let parts = ShellParts {
            about: About {
                product: "lotse",
                version: "0.0.0",
                instance: "test".to_owned(),
                started: stage.clock.now(),
                mode: "serve",
            },
            metrics: Arc::new(Metrics::new(board.clone(), "0.0.0")),
            board,
            request_task: Arc::new(|_| false),
            clouds: Vec::new(),
            readiness: Arc::new(Readiness::of(Vec::new())),
            store: stage.store.clone(),
            clock: stage.clock.clone(),
            access: AccessConfig::default(),
            oidc_secret: None,
            address,
        };
        let (_, router) = Shell::assemble(parts, console::extension(&stage.desk)).unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(lotse_web::serve(listener, router, stopped, Duration::ZERO));
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        let (base, port) = (format!("http://{address}"), address.port());
        Self { stage, base, port, http, ids, _stop: stop.drop_guard() }
    }

    /// The cookie of somebody with this role.
    async fn session(&self, role: &str) -> String {
        let secret = sha2::Sha256::digest(role.as_bytes());
        let now = self.stage.clock.now();
        let record = SessionRecord {
            hash: hex::encode(sha2::Sha256::digest(secret)),
            subject: format!("user:{role}"),
            name: role.to_owned(),
            roles: vec![role.to_owned()],
            created: now,
            seen: now,
            until: now + SignedDuration::from_hours(24),
        };
        self.stage.store.session_begin(&record).await.unwrap();
        format!("lotse-session-{}={}", self.port, URL_SAFE_NO_PAD.encode(secret))
    }

    async fn open(&self, cookie: &str, path: &str) -> (u16, String) {
        let request = self.http.get(format!("{}{path}", self.base)).header(COOKIE, cookie);
        let answer = request.header("accept", "text/html").send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn page(&self, cookie: &str, path: &str) -> String {
        let (status, text) = self.open(cookie, path).await;
        assert_eq!(status, 200, "{path}: {text}");
        text
    }

    async fn csrf(&self, cookie: &str) -> String {
        let text = self.page(cookie, "/status").await;
        let (_, rest) = text.split_once("name=\"csrf\" value=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }

    /// Sends a form with the CSRF token of this session.
    async fn submit(&self, cookie: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf(cookie).await;
        self.post(cookie, path, &[&[("csrf", &*csrf)], fields].concat()).await
    }

    async fn post(&self, cookie: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.http.post(format!("{}{path}", self.base)).header(COOKIE, cookie);
        let answer = request.header("accept", "text/html").form(fields).send().await.unwrap();
        let to = answer.headers().get(LOCATION).map_or("", |to| to.to_str().unwrap()).to_owned();
        (answer.status().as_u16(), to, answer.text().await.unwrap())
    }

    /// Opens an incident as this person; the path of its page, and its id.
    async fn incident(&self, cookie: &str, fields: &[(&str, &str)]) -> (String, String) {
        let (status, to, text) =
            self.submit(cookie, "/status/report", &[&[("do", "add")], fields].concat()).await;
        assert_eq!(status, 303, "{text}");
        let id = to.strip_prefix("/status/incidents/").unwrap().to_owned();
        (to, id)
    }

    /// Does something with an incident, which must succeed.
    async fn act(&self, cookie: &str, verb: &str, id: &str, fields: &[(&str, &str)]) {
        let fields = [&[("do", verb), ("incident", id)], fields].concat();
        let (status, _, text) = self.submit(cookie, "/status/report", &fields).await;
        assert_eq!(status, 303, "{verb}: {text}");
    }

    /// The newest deeds: who did what.
    async fn deeds(&self, most: u32) -> Vec<String> {
        let entries = self.stage.store.audit_list(None, most).await.unwrap();
        entries.iter().map(|one| format!("{} {}", one.deed.actor, one.deed.action)).collect()
    }
}

#[tokio::test]
async fn an_incident_is_opened_told_closed_opened_again_and_removed_with_forms() {
    let bridge = Bridge::new().await;
    let [slow, compute, storage] = &bridge.ids;
    let anna = bridge.session("reporter").await;
    let (affects, other) = (format!("affects.{compute}"), format!("affects.{storage}"));
    let fields = [
        ("name", "Disks <fail>"),
        ("text", "We look."),
        ("impact", &**slow),
        (&affects, "66"),
        (&other, ""),
        ("phase", "1.0"),
        ("kind", "incident"),
    ];
    let (page, id) = bridge.incident(&anna, &fields).await;
    let one = bridge.stage.get(&format!("/incidents/{id}")).await;
    assert_eq!((&one["displayName"], &one["beganAt"]), (&"Disks <fail>".into(), &NOON.into()));
    let touched = serde_json::json!([{ "reference": compute, "type": slow, "severity": 66 }]);
    assert_eq!(one["affects"], touched);

    bridge.act(&anna, "say", &id, &[("text", "A cable."), ("phase", "1.1")]).await;
    let text = bridge.page(&anna, &page).await;
    assert!(text.contains("Disks &#60;fail&#62;") && text.contains("A cable."), "{text}");
    assert!(text.contains("Fixing") && text.contains("Compute (west)"), "{text}");
    let list = bridge.page(&anna, "/status").await;
    assert!(list.contains(&page) && list.contains("updates: 1"), "{list}");

    bridge.stage.clock.advance(SignedDuration::from_mins(20));
    bridge.act(&anna, "close", &id, &[("phase", "1.2")]).await;
    let one = bridge.stage.get(&format!("/incidents/{id}")).await;
    assert_eq!(one["endedAt"], "2026-11-21T12:20:00Z");
    assert!(bridge.page(&anna, &page).await.contains("Open it again"));
    bridge.act(&anna, "reopen", &id, &[]).await;
    assert_eq!(bridge.stage.get(&format!("/incidents/{id}")).await["endedAt"], Value::Null);
    bridge.act(&anna, "remove-update", &id, &[("order", "0")]).await;
    assert!(!bridge.page(&anna, &page).await.contains("A cable."));
    bridge.act(&anna, "remove", &id, &[]).await;
    assert_eq!(bridge.open(&anna, &page).await.0, 404);
    assert_eq!(
        bridge.deeds(7).await,
        [
            "user:reporter status.incident.remove",
            "user:reporter status.update.remove",
            "user:reporter status.incident.change",
            "user:reporter status.incident.change",
            "user:reporter status.update.add",
            "user:reporter status.incident.change",
            "user:reporter status.incident.add",
        ]
    );
}

#[tokio::test]
async fn incidents_are_backdated_and_changed_without_losing_what_a_form_does_not_show() {
    let bridge = Bridge::new().await;
    let [slow, compute, _] = &bridge.ids;
    let anna = bridge.session("operator").await;
    let odd = serde_json::json!({ "displayName": "Old", "beganAt": "2026-11-20T07:08:09Z",
        "endedAt": "2026-11-20T08:09:10Z", "affects": [
            { "reference": compute, "type": slow, "severity": 40 },
            { "reference": compute, "severity": 70 }] });
    let id = bridge.stage.make("/incidents", odd).await;
    let path = format!("/incidents/{id}");
    let before = bridge.stage.get(&path).await;
    let affects = format!("affects.{compute}");
    let (began, ended) = ("2026-11-20T07:08", "2026-11-20T08:09");
    let shown = [("impact", &**slow), (&affects, "40"), ("began", began), ("ended", ended)];
    bridge.act(&anna, "change", &id, &[&[("name", "New")], &shown[..]].concat()).await;
    let mut after = bridge.stage.get(&path).await;
    assert_eq!(after["displayName"], "New");
    after["displayName"] = before["displayName"].clone();
    after["description"].take();
    let mut before = before;
    before["description"].take();
    assert_eq!(after, before, "only the name was changed");
    let moved = [("name", "New"), (&affects, "90"), ("began", "2026-11-19T07:00")];
    bridge.act(&anna, "change", &id, &moved).await;
    let after = bridge.stage.get(&path).await;
    let touched = serde_json::json!([{ "reference": compute, "severity": 90 }]);
    assert_eq!((&after["beganAt"], &after["affects"]), (&"2026-11-19T07:00:00Z".into(), &touched));
    assert_eq!(after["endedAt"], Value::Null);
}

#[tokio::test]
async fn maintenance_is_planned_and_needs_an_end() {
    let bridge = Bridge::new().await;
    let compute = format!("affects.{}", bridge.ids[1]);
    let anna = bridge.session("operator").await;
    let form = bridge.page(&anna, "/status/new?kind=maintenance").await;
    assert!(form.contains("type=\"checkbox\"") && form.contains("Ends (UTC)"), "{form}");
    let fields = [
        ("do", "add"),
        ("kind", "maintenance"),
        ("name", "New disks"),
        (&compute, "planned"),
        ("began", "2026-11-22T01:00"),
    ];
    let (status, _, text) = bridge.submit(&anna, "/status/report", &fields).await;
    assert!(status == 400 && text.contains("maintenance needs an end"), "{status}: {text}");
    let whole = [&fields[1..], &[("ended", "2026-11-22T03:00")]].concat();
    let (page, id) = bridge.incident(&anna, &whole).await;
    let one = bridge.stage.get(&format!("/incidents/{id}")).await;
    assert_eq!(one["affects"][0]["severity"], 0);
    assert_eq!(one["endedAt"], "2026-11-22T03:00:00Z");
    let list = bridge.page(&anna, "/status").await;
    let planned = list.split("id=\"planned\"").nth(1).unwrap();
    assert!(planned.split("id=\"past\"").next().unwrap().contains(&page), "{list}");
}

#[tokio::test]
async fn what_the_page_is_made_of_is_declared_changed_and_removed_with_forms() {
    let bridge = Bridge::new().await;
    let anna = bridge.session("operator").await;
    let shape = async |fields: &[(&str, &str)]| {
        let (status, to, text) = bridge.submit(&anna, "/status/shape", fields).await;
        assert_eq!((status, &*to), (303, "/status/shape"), "{fields:?}: {text}");
    };
    let labels = [("region", "east"), ("group", "Storage"), ("labels", "tier=gold\r\nzone=a")];
    shape(&[&[("do", "add-component"), ("name", "Buckets")], &labels[..]].concat()).await;
    let found = bridge.stage.get("/components").await;
    let mut all = found.as_array().unwrap().iter();
    let buckets = all.find(|one| one["displayName"] == "Buckets").unwrap();
    let wanted = serde_json::json!({ "region": "east", "group": "Storage", "tier": "gold",
        "zone": "a" });
    assert_eq!(buckets["labels"], wanted);
    let id = buckets["id"].as_str().unwrap();
    shape(&[("do", "change-component"), ("id", id), ("name", "Boxes"), ("region", "east")]).await;
    let changed = bridge.stage.get(&format!("/components/{id}")).await;
    assert_eq!(changed["displayName"], "Boxes");
    assert_eq!(changed["labels"], serde_json::json!({ "region": "east" }));
    shape(&[("do", "remove-component"), ("id", id)]).await;
    assert_eq!(
        bridge.stage.status_of(reqwest::Method::GET, &format!("/components/{id}"), None).await,
        404
    );

    shape(&[("do", "add-impact"), ("name", "Gone"), ("about", "It does not answer.")]).await;
    shape(&[("do", "remove-impact"), ("id", &bridge.ids[0])]).await;
    let impacts = bridge.stage.get("/impacttypes").await;
    assert_eq!(impacts.as_array().unwrap().len(), 1);
    assert_eq!(impacts[0]["description"], "It does not answer.");
    shape(&[("do", "add-severity"), ("name", "bad"), ("value", "100")]).await;
    assert_eq!(bridge.stage.get("/severities/bad").await["value"], 100);
    shape(&[("do", "remove-severity"), ("name", "bad")]).await;
    shape(&[("do", "add-phases"), ("phases", "Seen\r\n\r\nOver\r\n")]).await;
    let phases = serde_json::json!({ "generation": 2, "phases": ["Seen", "Over"] });
    assert_eq!(bridge.stage.get("/phases").await, phases);
    let page = bridge.page(&anna, "/status/shape").await;
    assert!(page.contains("Generation 2") && page.contains("It does not answer."), "{page}");
}

#[tokio::test]
async fn templates_recurrences_audiences_and_providers_are_written_and_removed_with_forms() {
    let bridge = Bridge::new().await;
    let [slow, compute, storage] = &bridge.ids;
    let anna = bridge.session("operator").await;
    let extra = async |fields: &[(&str, &str)]| {
        let (status, to, text) = bridge.submit(&anna, "/status/extras", fields).await;
        assert_eq!((status, &*to), (303, "/status/extras"), "{fields:?}: {text}");
    };
    let words = [("title", "{components} slow"), ("text", "We look into {regions}.")];
    let what = [("impact", &**slow), ("severity", "66"), ("component", compute)];
    let name = [("do", "put-template"), ("name", "slow")];
    extra(&[&name[..], &words, &what].concat()).await;
    let form = bridge.page(&anna, "/status/new?template=slow").await;
    assert!(
        form.contains("value=\"Compute slow\"") && form.contains("We look into west."),
        "{form}"
    );
    assert!(form.contains("<option value=\"66\" selected>"), "{form}");
    assert_eq!(bridge.open(&anna, "/status/new?template=none").await.0, 409);
    let affects = format!("affects.{compute}");
    let fields = [("name", "Disks"), (&*affects, "66"), ("kind", "incident")];
    let (page, id) = bridge.incident(&anna, &fields).await;
    bridge.act(&anna, "say", &id, &[("template", "slow"), ("name", "Still")]).await;
    let shown = bridge.page(&anna, &page).await;
    assert!(shown.contains("<h3>Still</h3>") && shown.contains("We look into west."), "{shown}");
    bridge.act(&anna, "learned", &id, &[("text", "Spare cables help.")]).await;
    let public = bridge.stage.http.get(format!("{}/en/incident/{id}", bridge.stage.base));
    let public = public.send().await.unwrap().text().await.unwrap();
    assert!(public.contains("Spare cables help."), "{public}");
    bridge.act(&anna, "learned", &id, &[("text", "")]).await;
    assert!(!bridge.page(&anna, &page).await.contains("Spare cables help."));

    let when = [("start", "2026-12-01T20:00"), ("minutes", "90"), ("rule", "FREQ=MONTHLY")];
    let name = [("do", "put-schedule"), ("name", "patches"), ("title", "Patches")];
    extra(&[&name[..], &when, &[("component", compute), ("component", storage)]].concat()).await;
    let name = [("do", "put-audience"), ("name", "staff"), ("title", "Staff")];
    extra(&[&name[..], &[("groups", "admins\r\n\r\nhelp desk"), ("component", storage)]].concat())
        .await;
    let seen = bridge.stage.get("/components").await;
    assert_eq!(seen.as_array().unwrap().len(), 1, "only its people see the other one");
    let book = bridge.stage.desk.whole();
    let staff = book.book().audiences["staff"].groups.clone();
    assert_eq!(staff.into_iter().collect::<Vec<_>>(), ["admins", "help desk"]);
    extra(&name).await;
    assert_eq!(bridge.stage.get("/components").await.as_array().unwrap().len(), 2);

    let carla = bridge.session("reporter").await;
    let upstream = [("provider", "Carrier"), ("title", "Fibre cut"), ("began", "2026-11-21T10:00")];
    let put = [&[("do", "put-upstream")], &upstream[..]].concat();
    assert_eq!(bridge.submit(&carla, "/status/extras", &put).await.0, 303);
    assert_eq!(bridge.submit(&carla, "/status/extras", &name).await.0, 403);
    let page = bridge.page(&carla, "/status/extras").await;
    assert!(page.contains("Fibre cut") && page.contains("FREQ=MONTHLY; 90 minutes"), "{page}");
    assert!(!page.contains("put-template") && page.contains("put-upstream"), "{page}");
    let id = bridge.stage.desk.whole().book().upstream.keys().next().unwrap().to_string();
    let over = [("name", &*id), ("ended", "2026-11-21T11:00")];
    extra(&[&put[..], &over].concat()).await;
    assert_eq!(bridge.stage.desk.whole().book().upstream.len(), 1);
    for (verb, name) in [
        ("remove-template", "slow"),
        ("remove-schedule", "patches"),
        ("remove-audience", "staff"),
        ("remove-upstream", &id),
    ] {
        extra(&[("do", verb), ("name", name)]).await;
    }
    for (field, wrong) in [("severity", "many"), ("name", "Not a name"), ("component", "x")] {
        let fields = [("do", "put-template"), (field, wrong), ("name", "fine")];
        let (status, _, text) = bridge.submit(&anna, "/status/extras", &fields).await;
        assert_eq!(status, 400, "{field}: {text}");
    }
    assert_eq!(bridge.submit(&anna, "/status/extras", &[("do", "")]).await.0, 400);
}

#[tokio::test]
async fn each_role_sees_and_does_what_is_theirs_and_forms_of_others_are_refused() {
    let bridge = Bridge::new().await;
    let compute = format!("affects.{}", bridge.ids[1]);
    let report = [("do", "add"), ("name", "Disks"), (&compute, "66"), ("kind", "incident")];
    let shape = [("do", "add-severity"), ("name", "bad"), ("value", "100")];
    for (role, may_report, may_shape) in [
        ("viewer", false, false),
        ("reporter", true, false),
        ("operator", true, true),
        ("admin", true, true),
    ] {
        let cookie = bridge.session(role).await;
        let expected = |may: bool| if may { 303 } else { 403 };
        for path in ["/status", "/status/shape"] {
            let page = bridge.page(&cookie, path).await;
            let main = page.split("<main").nth(1).unwrap();
            let offers = main.contains("method=\"post\"");
            assert_eq!(offers, may_shape && path == "/status/shape", "{role} {path}");
        }
        assert_eq!(bridge.open(&cookie, "/status/new").await.0, if may_report { 200 } else { 403 });
        let (status, to, text) = bridge.submit(&cookie, "/status/report", &report).await;
        assert_eq!(status, expected(may_report), "{role}: {text}");
        if may_report {
            assert!(bridge.page(&cookie, &to).await.contains("Say something"), "{role}");
            let forged = bridge.post(&cookie, "/status/report", &report).await;
            assert!(forged.0 == 403 && forged.2.contains("CSRF"), "{role}: {forged:?}");
        }
        let (status, _, text) = bridge.submit(&cookie, "/status/shape", &shape).await;
        assert_eq!(status, expected(may_shape), "{role}: {text}");
        if may_shape {
            let remove = [("do", "remove-severity"), ("name", "bad")];
            assert_eq!(bridge.submit(&cookie, "/status/shape", &remove).await.0, 303);
            let again = bridge.submit(&cookie, "/status/shape", &remove).await;
            assert_eq!(again.0, 404, "{role}: {}", again.2);
        }
    }
    assert_eq!(bridge.post("", "/status/report", &report).await.0, 303, "to the sign-in");
    let window = "/incidents?start=2026-11-01&end=2026-12-01";
    assert_eq!(bridge.stage.get(window).await.as_array().unwrap().len(), 3);
    // Somebody who may only look has no forms on the page of an incident.
    let id = bridge.stage.get(window).await[0]["id"].as_str().unwrap().to_owned();
    let viewer = bridge.session("viewer2").await;
    assert_eq!(bridge.open(&viewer, "/status").await.0, 403, "a role that nobody knows is none");
    let cookie = format!("lotse-session-{}={}", bridge.port, "x");
    let page = bridge.page(&cookie, &format!("/status/incidents/{id}")).await;
    assert!(!page.contains("Say something"), "who reaches loopback may look");
}
