//! What people and their programs read: pages, badges, feeds, the API of Statuspage.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{NOON, Stage, noon_and};

/// The status, content type and text of an answer.
async fn read(stage: &Stage, path: &str) -> (u16, String, String) {
    let answer = stage.send(Method::GET, path, None).await;
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (answer.status().as_u16(), kind, answer.text().await.unwrap())
}

async fn page(stage: &Stage, path: &str) -> String {
    let (status, kind, text) = read(stage, path).await;
    assert_eq!((status, kind.as_str()), (200, "text/html; charset=utf-8"), "{path}");
    assert!(!text.contains("<script") && !text.contains(" style="), "{path}");
    text
}

/// A page with a broken component, planned work, and something from last month.
async fn busy() -> (Stage, [String; 3]) {
    let (stage, [slow, compute, storage]) = Stage::furnished().await;
    for (name, value) in [("fine", 33), ("limited", 66), ("on fire", 100)] {
        stage.post("/severities", json!({ "displayName": name, "value": value })).await;
    }
    let trouble = json!({ "displayName": "Disks <b>vanish</b>", "beganAt": noon_and(-2),
        "description": "We look.\nMore soon.",
        "affects": [{ "reference": compute, "type": slow, "severity": 90 }] });
    let trouble = stage.make("/incidents", trouble).await;
    let update = json!({ "displayName": "Found it", "description": "A \"switch\" & a cable." });
    stage.post(&format!("/incidents/{trouble}/updates"), update).await;
    let planned = json!({ "displayName": "New switches", "beganAt": noon_and(24),
        "endedAt": noon_and(26), "affects": [{ "reference": storage, "severity": 0 }] });
    let planned = stage.make("/incidents", planned).await;
    let past = json!({ "displayName": "Old outage", "beganAt": "2026-10-30T10:00:00Z",
        "endedAt": "2026-10-30T11:30:00Z", "affects": [{ "reference": storage, "severity": 50 }] });
    let past = stage.make("/incidents", past).await;
    (stage, [trouble, planned, past])
}

#[tokio::test]
async fn the_first_page_says_in_words_what_is_going_on_planned_and_past() {
    let (stage, [trouble, ..]) = busy().await;
    let text = page(&stage, "/en/").await;
    for wanted in [
        "Some components are broken",
        "on fire",
        "Disks &#60;b&#62;vanish&#60;/b&#62;",
        "A &#34;switch&#34; &#38; a cable.",
        "Planned maintenance",
        "New switches",
        "<h3>west</h3>",
        "<h3>Other</h3>",
        "2026-11-21</a>: Broken, 120 min",
        "2026-10-30</a>: Limited, 90 min",
        "99.907 % available", // two hours of ninety days
        "99.930 % available", // an hour and a half
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(text.contains(&format!("/en/incident/{trouble}")));
    assert!(!text.contains("Old outage"), "three weeks ago is not the last 14 days");
    let german = page(&stage, "/de/").await;
    assert!(
        german.contains("Einige Komponenten sind ausgefallen") && german.contains("lang=\"de\"")
    );
}

#[tokio::test]
async fn the_page_follows_the_clock_without_any_write() {
    let (stage, [trouble, ..]) = busy().await;
    stage.patch(&format!("/incidents/{trouble}"), json!({ "endedAt": noon_and(1) })).await;
    assert!(page(&stage, "/en/").await.contains("Some components are broken"));
    stage.hours_later(2);
    assert!(page(&stage, "/en/").await.contains("All components are operational"));
    stage.hours_later(23);
    let text = page(&stage, "/en/").await;
    assert!(text.contains("Maintenance is going on"), "{text}");
    stage.hours_later(1);
    assert!(page(&stage, "/en/").await.contains("All components are operational"));
}

#[tokio::test]
async fn incidents_of_any_age_have_a_permalink_and_a_place_in_the_history() {
    let (stage, [trouble, _, past]) = busy().await;
    let text = page(&stage, &format!("/en/incident/{past}")).await;
    assert!(text.contains("2026-10-30 11:30 UTC") && text.contains("Old outage"));
    let text = page(&stage, &format!("/de/incident/{trouble}")).await;
    assert!(text.contains("dauert an") && text.contains("Investigating") && text.contains("Slow"));
    let text = page(&stage, "/en/history/2026-10").await;
    assert!(text.contains("Old outage") && !text.contains("vanish"));
    let text = page(&stage, "/en/history").await;
    assert!(text.contains("vanish") && text.contains("/en/history/2026-10"));
    assert!(page(&stage, "/en/history/2019-01").await.contains("Nothing happened in this month"));
    for missing in ["/en/history/2026-13", "/en/history/x", "/en/incident/x", "/fr/", "/en/nothing"]
    {
        let (status, _, text) = read(&stage, missing).await;
        assert_eq!(status, 404, "{missing}: {text}");
    }
    let bare = stage
        .http
        .get(format!("{}/incident/{past}", stage.base))
        .header("accept-language", "de")
        .send()
        .await
        .unwrap();
    assert_eq!(bare.url().path(), format!("/de/incident/{past}"));
}

#[tokio::test]
async fn everything_that_was_said_is_found() {
    let (stage, _) = busy().await;
    for (query, wanted) in
        [("CABLE switch", "vanish"), ("compute", "vanish"), ("outage", "Old outage")]
    {
        let query: String = query.replace(' ', "+");
        let text = page(&stage, &format!("/en/search?q={query}")).await;
        assert!(text.contains(wanted), "{query}");
        assert!(!text.contains("New switches"), "{query}");
    }
    let text = page(&stage, "/en/search?q=%22%3E%3Cscript").await;
    assert!(text.contains("Nothing was found") && text.contains("&#34;&#62;&#60;script"));
}

#[tokio::test]
async fn the_first_view_of_twenty_components_and_ninety_days_is_small() {
    let stage = Stage::new().await;
    let mut ids = Vec::new();
    for number in 0..20 {
        let body = json!({ "displayName": format!("Service {number}"),
            "labels": { "region": format!("region {}", number % 3) } });
        ids.push(stage.make("/components", body).await);
    }
    for number in 0..60_usize {
        let hours = -24 * i64::try_from(number).unwrap();
        let body = json!({ "displayName": format!("Trouble {number}"), "beganAt": noon_and(hours - 3),
            "endedAt": noon_and(hours), "description": "Some requests failed.",
            "affects": [{ "reference": ids[number % 20], "severity": 20 * (number % 5) + 10 }] });
        stage.make("/incidents", body).await;
    }
    let mut bytes = 0;
    for path in ["/en/", "/assets/status.css"] {
        let request = stage.http.get(format!("{}{path}", stage.base));
        let answer = request.header("accept-encoding", "br").send().await.unwrap();
        assert_eq!(answer.headers()["content-encoding"], "br");
        bytes += answer.bytes().await.unwrap().len();
    }
    assert!(bytes <= 40_000, "{bytes}");
}

#[tokio::test]
async fn feeds_have_stable_ids_and_say_when_something_changed() {
    let (stage, [trouble, planned, _]) = busy().await;
    let (_, kind, atom) = read(&stage, "/feed.atom").await;
    assert_eq!(kind, "application/atom+xml; charset=utf-8");
    let entry =
        format!("<id>urn:uuid:{trouble}</id><title>Disks &lt;b&gt;vanish&lt;/b&gt;</title>");
    assert!(atom.contains(&entry) && atom.contains("<updated>2026-11-21T12:00:00Z</updated>"));
    stage.hours_later(1);
    stage.post(&format!("/incidents/{trouble}/updates"), json!({ "displayName": "u" })).await;
    let (_, _, after) = read(&stage, "/feed.atom").await;
    assert!(after.contains(&entry) && after.contains("<updated>2026-11-21T13:00:00Z</updated>"));
    let (_, kind, rss) = read(&stage, "/feed.rss").await;
    assert_eq!(kind, "application/rss+xml; charset=utf-8");
    assert_eq!(rss.matches("<item>").count(), 3);
    let (_, kind, calendar) = read(&stage, "/calendar.ics").await;
    assert_eq!(kind, "text/calendar; charset=utf-8");
    assert_eq!(calendar.matches("BEGIN:VEVENT").count(), 1);
    assert!(calendar.contains(&format!("UID:{planned}@lotse\r\nSEQUENCE:0\r\n")));
    stage.patch(&format!("/incidents/{planned}"), json!({ "endedAt": noon_and(27) })).await;
    let (_, _, calendar) = read(&stage, "/calendar.ics").await;
    assert!(calendar.contains("SEQUENCE:1\r\n") && calendar.contains("DTEND:20261122T150000Z"));
}

#[tokio::test]
async fn components_and_their_groups_stand_in_the_declared_order() {
    let stage = Stage::new().await;
    for (name, region, order) in [
        ("Alpha", "east", ""),
        ("Beta", "west", "20"),
        ("Gamma", "west", "3"),
        ("Delta", "east", "first"),
        ("Alone", "", "1"),
        ("Epsilon", "north", "10"),
    ] {
        let labels = json!({ "region": region, "order": order });
        stage.make("/components", json!({ "displayName": name, "labels": labels })).await;
    }
    let wanted = ["Gamma", "Beta", "Epsilon", "Alpha", "Delta", "Alone"];
    let text = page(&stage, "/en/").await;
    let places = wanted.map(|name| text.find(&format!(">{name}<")).expect(name));
    assert!(places.is_sorted(), "{places:?} {text}");
    let (_, _, summary) = read(&stage, "/api/v2/summary.json").await;
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let names = summary["components"].as_array().unwrap().iter().map(|one| &one["name"]);
    let by_number = ["Alone", "Gamma", "Epsilon", "Beta", "Alpha", "Delta"];
    assert_eq!(names.collect::<Vec<_>>(), by_number);
}

#[tokio::test]
async fn links_in_feeds_lead_to_where_the_reader_asked_whoever_asked_before() {
    let (stage, [trouble, ..]) = busy().await;
    let ask = async |host: &str, path: &str| {
        let request = stage.http.get(format!("{}{path}", stage.base)).header("host", host);
        let answer = request.send().await.unwrap();
        let tag = answer.headers()["etag"].clone();
        (tag, answer.text().await.unwrap())
    };
    // More hosts than answers are kept of, twice.
    for round in 0..2 {
        for number in 0..40 {
            let host = format!("status{number}.example.org:8080");
            for path in ["/feed.atom", "/feed.rss", "/api/v2/incidents.json"] {
                let (_, text) = ask(&host, path).await;
                let link = format!("http://{host}/incident/{trouble}");
                assert!(text.contains(&link), "{round} {link} in {path}: {text}");
            }
        }
    }
    let (tag, _) = ask("one.example.org", "/feed.atom").await;
    let request = stage.http.get(format!("{}/feed.atom", stage.base));
    let request = request.header("host", "one.example.org").header("if-none-match", tag);
    assert_eq!(request.send().await.unwrap().status(), 304);
    let (_, text) = ask("\"><script>", "/feed.atom").await;
    assert!(text.contains("http://localhost/incident/") && !text.contains("script"), "{text}");
}

#[tokio::test]
async fn the_calendar_goes_on_with_the_days() {
    let (stage, [_, planned, _]) = busy().await;
    let calendar = async || read(&stage, "/calendar.ics").await.2;
    assert!(calendar().await.contains(&planned));
    stage.hours_later(24 * 400);
    assert!(!calendar().await.contains(&planned), "it is more than a year ago");
}

#[tokio::test]
async fn the_api_of_statuspage_tells_the_same() {
    let (stage, [trouble, planned, past]) = busy().await;
    let ask = async |name: &str| {
        let (status, kind, text) = read(&stage, &format!("/api/v2/{name}")).await;
        assert_eq!((status, kind.as_str()), (200, "application/json"), "{name}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let summary = ask("summary.json").await;
    assert_eq!(summary["status"]["indicator"], "critical");
    assert_eq!(summary["components"][0]["status"], "major_outage");
    assert_eq!(summary["components"][1]["status"], "operational");
    assert_eq!(summary["incidents"][0]["id"], trouble);
    assert_eq!(
        summary["incidents"][0]["incident_updates"][0]["body"],
        "Found it\nA \"switch\" & a cable."
    );
    assert_eq!(summary["scheduled_maintenances"][0]["status"], "scheduled");
    assert_eq!(ask("status.json").await["status"], summary["status"]);
    assert_eq!(ask("components.json").await["components"], summary["components"]);
    let incidents = ask("incidents.json").await;
    assert_eq!(incidents["incidents"][1]["id"], past);
    assert_eq!(incidents["incidents"][1]["resolved_at"], "2026-10-30T11:30:00Z");
    assert_eq!(ask("incidents/unresolved.json").await["incidents"].as_array().unwrap().len(), 1);
    let upcoming = ask("scheduled-maintenances/upcoming.json").await;
    assert_eq!(upcoming["scheduled_maintenances"][0]["id"], planned);
    let active = "scheduled-maintenances/active.json";
    assert_eq!(ask(active).await["scheduled_maintenances"], json!([]));
    stage.hours_later(25);
    assert_eq!(ask(active).await["scheduled_maintenances"][0]["status"], "in_progress");
    assert_eq!(
        ask("scheduled-maintenances.json").await["scheduled_maintenances"][0]["id"],
        planned
    );
    assert_eq!(stage.status_of(Method::GET, "/api/v2/users.json", None).await, 404);
}

#[tokio::test]
async fn badges_and_the_widget_say_the_state_in_words() {
    let (stage, _) = busy().await;
    let components = stage.get("/components").await;
    let (_, kind, badge) = read(&stage, "/badge.svg").await;
    assert_eq!(kind, "image/svg+xml");
    assert!(badge.contains("aria-label=\"Status: Broken\""), "{badge}");
    let storage = components[1]["id"].as_str().unwrap();
    let (_, _, badge) = read(&stage, &format!("/badge/{storage}.svg")).await;
    assert!(badge.contains("aria-label=\"Storage: Operational\""), "{badge}");
    let unknown = stage.send(Method::GET, "/badge/x.svg", None).await;
    assert_eq!(unknown.status(), 404);
    let widget = stage.send(Method::GET, "/en/widget", None).await;
    let policy = widget.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(!policy.contains("frame-ancestors"), "{policy}");
    assert!(widget.text().await.unwrap().contains("Some components are broken"));
    let front = stage.send(Method::GET, "/en/", None).await;
    let policy = front.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'"));
}

#[tokio::test]
async fn a_page_that_is_known_is_not_sent_again() {
    let (stage, _) = busy().await;
    let first = stage.send(Method::GET, "/en/", None).await;
    let tag = first.headers()["etag"].clone();
    let again = || stage.http.get(format!("{}/en/", stage.base)).header("if-none-match", &tag);
    assert_eq!(again().send().await.unwrap().status(), 304);
    stage.make("/incidents", json!({ "displayName": "new", "beganAt": NOON })).await;
    assert_eq!(again().send().await.unwrap().status(), 200);
}
