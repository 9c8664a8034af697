//! Templates, recurring maintenance, providers, post-mortems, and what only an audience sees.

use lotse_status::archive::Archive;
use lotse_status::bundle::Bundle;
use lotse_status::command::Command;
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{NOON, Stage, noon_and};

async fn text(stage: &Stage, path: &str) -> String {
    let answer = stage.send(Method::GET, path, None).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.text().await.unwrap()
}

async fn put(stage: &Stage, path: &str, body: Value) -> (u16, Value) {
    stage.ask(Method::PUT, path, Some(&body)).await
}

#[tokio::test]
async fn a_template_says_what_nobody_said() {
    let (stage, [slow, compute, storage]) = Stage::furnished().await;
    let body = json!({ "title": "{components} is slow", "text": "In {regions}, since {began}.",
        "components": [compute], "kind": slow, "severity": 66 });
    assert_eq!(put(&stage, "/api/v1/templates/slow", body).await.0, 204);
    let given = json!({ "template": "slow", "beganAt": NOON });
    let id = stage.make("/api/v1/incidents", given).await;
    let incident = stage.get(&format!("/incidents/{id}")).await;
    assert_eq!(incident["displayName"], "Compute is slow");
    assert_eq!(incident["description"], "In west, since 2026-11-21 12:00 UTC.");
    assert_eq!(
        incident["affects"],
        json!([{ "reference": compute, "type": slow, "severity": 66 }])
    );
    let given = json!({ "template": "slow", "displayName": "Other", "affects":
        [{ "reference": storage, "severity": 10 }] });
    let other = stage.make("/api/v1/incidents", given).await;
    let other = stage.get(&format!("/incidents/{other}")).await;
    assert_eq!(
        (&other["displayName"], &other["description"]),
        (&json!("Other"), &json!("In , since ."))
    );
    let updates = format!("/api/v1/incidents/{id}/updates");
    assert_eq!(stage.post(&updates, json!({ "template": "slow" })).await.1["order"], 0);
    let said = stage.get(&format!("/incidents/{id}/updates/0")).await;
    assert_eq!(said["displayName"], "Compute is slow");
    assert_eq!(stage.post(&updates, json!({ "template": "none" })).await.0, 409);
    assert_eq!(stage.delete(&format!("/components/{compute}")).await, 409);
    for (name, body, status) in [
        ("A b", json!({}), 400),
        ("x", json!({ "severity": 101 }), 400),
        ("x", json!({ "severity": 300 }), 400),
        ("x", json!({ "colour": "red" }), 400),
        ("x", json!([]), 400),
        ("x", json!({ "components": [slow] }), 409),
    ] {
        let path = format!("/api/v1/templates/{name}");
        assert_eq!(put(&stage, &path, body.clone()).await.0, status, "{name} {body}");
    }
    assert_eq!(stage.delete("/api/v1/templates/slow").await, 204);
    assert_eq!(stage.delete("/api/v1/templates/slow").await, 404);
}

#[tokio::test]
async fn a_post_mortem_is_read_on_the_page_of_its_incident_and_nowhere_before() {
    let (stage, _) = Stage::furnished().await;
    let id = stage.make("/incidents", json!({ "displayName": "Down", "beganAt": NOON })).await;
    let (path, page) = (format!("/api/v1/incidents/{id}/postmortem"), format!("/en/incident/{id}"));
    assert!(!text(&stage, &page).await.contains("What we learned"));
    assert_eq!(put(&stage, &path, json!({ "text": "" })).await.0, 400);
    assert_eq!(put(&stage, &path, json!({ "notify": false })).await.0, 400);
    assert_eq!(put(&stage, &path, json!({ "text": "A <cable> was loose." })).await.0, 204);
    let shown = text(&stage, &page).await;
    assert!(shown.contains("What we learned") && shown.contains("A &#60;cable&#62; was loose."));
    assert!(text(&stage, "/feed.atom").await.contains("cable"));
    let listed: Value =
        serde_json::from_str(&text(&stage, "/api/v2/incidents.json").await).unwrap();
    assert_eq!(listed["incidents"][0]["postmortem_body"], "A <cable> was loose.");
    assert!(text(&stage, "/en/search?q=loose").await.contains("Down"));
    // A correction is no new publication.
    stage.hours_later(1);
    put(&stage, &path, json!({ "text": "Two cables were loose." })).await;
    let shown = text(&stage, &page).await;
    assert!(shown.contains("Published <time datetime=\"2026-11-21T12:00:00Z\">"), "{shown}");
    assert_eq!(stage.delete(&path).await, 204);
    assert_eq!(stage.delete(&path).await, 404);
    assert!(!text(&stage, &page).await.contains("cables"));
}

/// The times and titles of planned work of the next days, as the compatible API has them.
async fn planned(stage: &Stage, days: i64) -> Vec<(String, String)> {
    let end = noon_and(24 * days);
    let list = stage.get(&format!("/incidents?start={NOON}&end={end}")).await;
    let one = |incident: &Value| {
        let began = incident["beganAt"].as_str().unwrap().to_owned();
        (began, incident["displayName"].as_str().unwrap_or_default().to_owned())
    };
    list.as_array().unwrap().iter().map(one).collect()
}

fn uids(calendar: &str) -> Vec<&str> {
    calendar.lines().filter_map(|line| line.strip_prefix("UID:")).collect()
}

#[tokio::test]
async fn recurring_maintenance_comes_by_itself_with_ids_that_stay() {
    let (stage, [_, compute, _]) = Stage::furnished().await;
    let path = "/api/v1/schedules/patches";
    let body = json!({ "title": "Patches", "components": [compute],
        "start": "2026-11-24T20:00:00Z", "minutes": 90, "rule": "FREQ=WEEKLY" });
    assert_eq!(put(&stage, path, body.clone()).await.0, 204);
    let wanted = ["2026-11-24", "2026-12-01"];
    let wanted = wanted.map(|day| (format!("{day}T20:00:00Z"), "Patches".to_owned()));
    assert_eq!(planned(&stage, 14).await, wanted);
    let front = text(&stage, "/en/").await;
    for shown in ["Recurring maintenance", "every week, 20:00 UTC, 90 min", "2026-12-08 20:00 UTC"]
    {
        assert!(front.contains(shown), "{shown}");
    }
    assert!(!front.contains("Planned maintenance"), "occurrences are not told twice");
    let before = text(&stage, "/calendar.ics").await;
    assert_eq!(uids(&before).len(), 13, "ninety days of weeks");
    // Another title changes no id, and what is left out does not come back.
    let list = stage.get(&format!("/incidents?start={NOON}&end={}", noon_and(24 * 14))).await;
    let second = list[1]["id"].as_str().unwrap().to_owned();
    assert_eq!(stage.delete(&format!("/incidents/{second}")).await, 204);
    let mut renamed = stage.get("/api/v1/schedules").await[0].clone();
    renamed.as_object_mut().unwrap().remove("name");
    renamed["title"] = json!("Updates");
    assert_eq!(put(&stage, path, renamed).await.0, 204);
    assert_eq!(
        planned(&stage, 14).await,
        [("2026-11-24T20:00:00Z".to_owned(), "Updates".to_owned())]
    );
    let after = text(&stage, "/calendar.ics").await;
    let kept: Vec<_> = uids(&before).into_iter().filter(|uid| !uid.contains(&second)).collect();
    assert_eq!(uids(&after), kept);
    assert!(after.contains("SEQUENCE:1"));
    // The plan grows with the time, once a day, and is exported and imported as it is.
    let revision = stage.desk.snapshot().revision();
    stage.desk.occur().await.unwrap();
    assert_eq!(stage.desk.snapshot().revision(), revision);
    stage.hours_later(24 * 8);
    stage.desk.occur().await.unwrap();
    assert_eq!(uids(&text(&stage, "/calendar.ics").await).len(), 13);
    let archive = Archive::of(stage.desk.whole().book()).to_json();
    let other = Stage::new().await;
    let restore = Command::Restore(Box::new(Archive::read(archive.as_bytes()).unwrap()));
    other.desk.perform("test", &restore).await.unwrap();
    assert_eq!(Archive::of(other.desk.whole().book()).to_json(), archive);
    assert_eq!(Archive::of(other.neighbour().await.whole().book()).to_json(), archive);
    // What is still to come goes with the rule, what has been stays.
    assert_eq!(stage.delete(path).await, 204);
    let left = stage.get("/incidents?start=2026-11-01&end=2027-12-31").await;
    assert_eq!(left.as_array().unwrap().len(), 1, "the one of 24 November is over");
}

#[tokio::test]
async fn recurring_maintenance_that_cannot_be_meant_is_refused() {
    let (stage, [slow, compute, _]) = Stage::furnished().await;
    let good = json!({ "title": "x", "components": [compute], "start": NOON, "minutes": 5,
        "rule": "FREQ=DAILY" });
    for (key, value, status) in [
        ("rule", json!("FREQ=SOMETIMES"), 400),
        ("rule", json!(7), 400),
        ("minutes", json!(0), 400),
        ("minutes", json!(-5), 400),
        ("minutes", json!(100_000), 400),
        ("start", json!("yesterday"), 400),
        ("zone", json!("Middle/Earth"), 400),
        ("components", json!([]), 400),
        ("components", json!([compute, compute]), 400),
        ("components", json!([slow]), 409),
        ("title", json!(" "), 400),
        ("more", json!(1), 400),
    ] {
        let mut body = good.clone();
        body[key] = value;
        let (got, said) = put(&stage, "/api/v1/schedules/x", body).await;
        assert_eq!(got, status, "{key}: {said}");
    }
    assert_eq!(put(&stage, "/api/v1/schedules/x", good).await.0, 204);
    assert_eq!(stage.delete(&format!("/components/{compute}")).await, 409);
}

#[tokio::test]
async fn what_providers_have_is_shown_and_never_counted() {
    let (stage, [_, compute, _]) = Stage::furnished().await;
    let body = json!({ "provider": "Carrier", "title": "Fibre <cut>", "began": NOON,
        "url": "https://status.example.net/1?a=1&b=2", "components": [compute] });
    let id = stage.make("/api/v1/upstream", body.clone()).await;
    let front = text(&stage, "/en/").await;
    for wanted in [
        "At our providers",
        "Carrier: Fibre &#60;cut&#62;",
        "a=1&#38;b=2",
        "All components are operational",
    ] {
        assert!(front.contains(wanted), "{wanted}: {front}");
    }
    assert_eq!(stage.get("/api/v1/upstream").await[0]["provider"], "Carrier");
    assert_eq!(stage.get(&format!("/incidents?start={NOON}&end={NOON}")).await, json!([]));
    assert_eq!(stage.get("/components").await[0]["activelyAffectedBy"], json!([]));
    let mut ended = body.clone();
    ended["ended"] = json!(noon_and(1));
    assert_eq!(put(&stage, &format!("/api/v1/upstream/{id}"), ended).await.0, 204);
    for (key, value, status) in [
        ("url", json!("javascript:alert(1)"), 400),
        ("ended", json!(noon_and(-1)), 400),
        ("provider", json!(""), 400),
        ("components", json!([id]), 409),
        ("id", json!(id), 400),
    ] {
        let mut body = body.clone();
        body[key] = value;
        assert_eq!(stage.post("/api/v1/upstream", body).await.0, status, "{key}");
    }
    let unknown = "/api/v1/upstream/01985a3c-0000-7000-8000-000000000000";
    assert_eq!(put(&stage, unknown, body).await.0, 404);
    assert_eq!(stage.delete(&format!("/api/v1/upstream/{id}")).await, 204);
    assert!(!text(&stage, "/en/").await.contains("Carrier"));
}

/// A page with a component that only partners see, with everything that could tell of it.
async fn with_a_secret() -> (Stage, [String; 3], String) {
    let (stage, [_, compute, storage]) = Stage::furnished().await;
    let (status, made) =
        put(&stage, "/api/v1/audiences/partners", json!({ "title": "Partners", "link": true }))
            .await;
    assert_eq!(status, 201);
    let link = made["link"].as_str().unwrap().trim_end_matches("en/").to_owned();
    let hidden = json!({ "displayName": "Hush", "labels": { "region": "hushland" } });
    let hidden = stage.make("/components", hidden).await;
    let path = format!("/api/v1/components/{hidden}/audiences");
    assert_eq!(put(&stage, &path, json!({ "audiences": ["nobody"] })).await.0, 409);
    assert_eq!(put(&stage, &path, json!({ "audiences": ["partners"] })).await.0, 204);
    let trouble = |name: &str, components: &[&String], severity: u8| {
        let affects: Vec<_> = components
            .iter()
            .map(|one| json!({ "reference": one, "severity": severity }))
            .collect();
        json!({ "displayName": name, "beganAt": noon_and(-1), "affects": affects })
    };
    let secret = stage.make("/incidents", trouble("Hush hush", &[&hidden], 100)).await;
    stage.post(&format!("/incidents/{secret}/updates"), json!({ "description": "hush" })).await;
    let mixed = stage.make("/incidents", trouble("Both", &[&hidden, &storage], 20)).await;
    stage.make("/incidents", trouble("Seen", &[&compute], 20)).await;
    let schedule = json!({ "title": "Hush patches", "components": [hidden],
        "start": noon_and(48), "minutes": 5, "rule": "FREQ=WEEKLY" });
    assert_eq!(put(&stage, "/api/v1/schedules/hush", schedule).await.0, 204);
    let upstream = json!({ "provider": "Hush Ltd", "title": "x", "began": NOON,
        "components": [hidden] });
    stage.make("/api/v1/upstream", upstream).await;
    (stage, [hidden, secret, mixed], link)
}

#[tokio::test]
async fn nothing_that_everybody_reads_tells_of_a_private_component() {
    let (stage, [hidden, secret, mixed], link) = with_a_secret().await;
    let window = format!("start={}&end={}", noon_and(-24), noon_and(24 * 30));
    let mut paths: Vec<String> = [
        "/",
        "/en/",
        "/de/",
        "/en/history",
        "/en/history/2026-11",
        "/en/history/2026-12",
        "/en/index",
        "/en/search?q=hush",
        "/en/widget",
        "/feed.atom",
        "/feed.rss",
        "/calendar.ics",
        "/badge.svg",
        "/components",
        "/components?at=2026-11-21T12:00:00Z",
        "/sla/2026-11.csv",
        "/sla/2026-11.json",
        "/api/v1/upstream",
        "/openapi.json",
        "/api/v2/summary.json",
        "/api/v2/status.json",
        "/api/v2/components.json",
        "/api/v2/incidents.json",
        "/api/v2/incidents/unresolved.json",
        "/api/v2/scheduled-maintenances.json",
        "/api/v2/scheduled-maintenances/active.json",
        "/api/v2/scheduled-maintenances/upcoming.json",
    ]
    .map(str::to_owned)
    .into();
    paths.push(format!("/incidents?{window}"));
    paths.push(format!("/incidents/{mixed}"));
    paths.push(format!("/en/incident/{mixed}"));
    let leaks = |text: &str, path: &str| {
        // The page of a search says what was searched for.
        let text = text.replace("value=\"hush\"", "").replace(">hush</h2>", "").to_lowercase();
        assert!(!text.contains("hush"), "{path}: {text}");
        assert!(!text.contains(&hidden) && !text.contains(&secret), "{path}: {text}");
    };
    for path in &paths {
        leaks(&text(&stage, path).await, path);
    }
    let front = text(&stage, "/en/").await;
    assert!(front.contains("Some components are slightly affected"), "its trouble is not theirs");
    for path in [
        format!("/components/{hidden}"),
        format!("/incidents/{secret}"),
        format!("/incidents/{secret}/updates"),
        format!("/incidents/{secret}/updates/0"),
        format!("/en/incident/{secret}"),
        format!("/en/component/{hidden}"),
        format!("/badge/{hidden}.svg"),
        "/p/00ff/en/".to_owned(),
    ] {
        let answer = stage.send(Method::GET, &path, None).await;
        assert_eq!(answer.status(), 404, "{path}");
        let text = answer.text().await.unwrap().replace(&path, "");
        assert!(!text.contains("Hush"), "{path}: {text}");
    }
    let bundle = Bundle::render(&stage.site, "http://localhost");
    assert!(bundle.files.len() > 20);
    for (address, file) in &bundle.files {
        assert!(!address.contains(&hidden) && !address.contains(&secret), "{address}");
        leaks(&String::from_utf8_lossy(&file.bytes), address);
    }
    assert!(link.starts_with("/p/"));
}

#[tokio::test]
async fn an_audience_reads_all_of_its_page_below_its_secret_link() {
    let (stage, [hidden, secret, _], link) = with_a_secret().await;
    let front = text(&stage, &format!("{link}en/")).await;
    for wanted in ["Hush hush", "hushland", "Hush patches", "Hush Ltd", "components are broken"] {
        assert!(front.contains(wanted), "{wanted}: {front}");
    }
    assert!(front.contains(&format!("href=\"{link}en/incident/{secret}\"")));
    for path in [
        format!("en/incident/{secret}"),
        format!("en/component/{hidden}"),
        "en/search?q=hush".to_owned(),
        "feed.atom".to_owned(),
        "calendar.ics".to_owned(),
        "api/v2/summary.json".to_owned(),
        format!("badge/{hidden}.svg"),
        "sla/2026-11.csv".to_owned(),
    ] {
        let shown = text(&stage, &format!("{link}{path}")).await;
        assert!(shown.contains("Hush"), "{path}: {shown}");
    }
    assert!(text(&stage, &link).await.contains("Hush hush"));
    let answer = stage.send(Method::GET, &format!("{link}en/"), None).await;
    for (name, value) in [
        ("cache-control", "private, no-cache"),
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex, nofollow"),
    ] {
        assert_eq!(answer.headers()[name], value);
    }
    // The links stay below the secret, in feeds, too; nothing is written there.
    assert!(text(&stage, &format!("{link}feed.atom")).await.contains(&format!("{link}incident/")));
    let write =
        stage.send(Method::POST, &format!("{link}components"), Some(&json!({ "x": 1 }))).await;
    assert!(matches!(write.status().as_u16(), 404 | 405));
    // A new link ends the old one; the audience stays as long as a component is for it.
    let again = json!({ "title": "Partners", "link": true });
    let (_, made) = put(&stage, "/api/v1/audiences/partners", again).await;
    assert_eq!(stage.send(Method::GET, &format!("{link}en/"), None).await.status(), 404);
    assert!(text(&stage, made["link"].as_str().unwrap()).await.contains("Hush hush"));
    assert_eq!(stage.delete("/api/v1/audiences/partners").await, 409);
    let path = format!("/api/v1/components/{hidden}/audiences");
    assert_eq!(put(&stage, &path, json!({ "audiences": [] })).await.0, 204);
    assert_eq!(stage.delete("/api/v1/audiences/partners").await, 204);
    assert!(text(&stage, "/en/").await.contains("Hush hush"));
}

#[tokio::test]
async fn the_secret_of_an_audience_that_sees_what_everybody_sees_stays_in_its_own_links() {
    let (stage, _) = Stage::furnished().await;
    let body = json!({ "title": "Partners", "link": true });
    let (_, made) = put(&stage, "/api/v1/audiences/partners", body).await;
    let link = made["link"].as_str().unwrap().trim_end_matches("/en/").to_owned();
    let paths = ["en/", "en/index", "en/history", "feed.atom", "feed.rss", "api/v2/summary.json"];
    for path in paths {
        let own = text(&stage, &format!("{link}/{path}")).await;
        let public = text(&stage, &format!("/{path}")).await;
        assert!(own.contains(&link) && !public.contains("/p/"), "{path}: {public}");
        assert!(text(&stage, &format!("{link}/{path}")).await.contains(&link), "{path}");
    }
}

#[tokio::test]
async fn events_of_private_trouble_are_told_apart() {
    let (stage, [hidden, ..], _) = with_a_secret().await;
    let reader =
        stage.store.outbox_reader("test", lotse_store::outbox::Begin::Oldest).await.unwrap();
    let events = reader.read(100).await.unwrap();
    let of = |name: &str| {
        let event = events.iter().find(|one| one.event.body["name"] == name).unwrap();
        (event.event.topic.clone(), event.event.body["components"].to_string())
    };
    assert_eq!(of("Hush hush").0, "status.private.opened");
    assert_eq!(of("Hush patches").0, "status.private.opened");
    let (topic, components) = of("Both");
    assert_eq!(topic, "status.incident.opened");
    assert!(!components.contains(&hidden) && components.contains("Storage"));
}

#[tokio::test]
async fn everything_is_found_by_month_and_by_component() {
    let (stage, [_, compute, _]) = Stage::furnished().await;
    let affects = json!([{ "reference": compute, "severity": 50 }]);
    let old = json!({ "displayName": "Long ago", "beganAt": "2019-03-01T10:00:00Z",
        "endedAt": "2019-03-01T11:00:00Z", "affects": affects });
    let old = stage.make("/incidents", old).await;
    let index = text(&stage, "/en/index").await;
    assert!(
        index.contains("/en/history/2019-03\">2019-03</a></th><td>1</td><td>0</td>"),
        "{index}"
    );
    assert!(index.contains(&format!("/en/component/{compute}\">Compute</a>")));
    assert!(text(&stage, "/en/history/2019-03").await.contains("Long ago"));
    assert!(text(&stage, &format!("/de/component/{compute}")).await.contains("Long ago"));
    assert!(text(&stage, &format!("/en/incident/{old}")).await.contains("Long ago"));
    let bundle = Bundle::render(&stage.site, "http://localhost");
    for address in [format!("/en/component/{compute}"), "/de/index".to_owned()] {
        assert!(bundle.files.contains_key(&address), "{address}");
    }
    assert_eq!(stage.send(Method::GET, "/en/component/x", None).await.status(), 404);
}
