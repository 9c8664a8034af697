//! The feeds of a page as programs of subscribers read them: feedparser and icalendar.

use std::collections::BTreeSet;

use lotse_core::time::Timestamp;
use serde_json::{Value, json};

use crate::page::{Page, hours, told};
use crate::process::variable;

/// Text with everything that the formats have to write in another way.
const HEADLINE: &str = "Störung <b>Süd</b> & \"Nord\"; Teil 1, ß \\ 💥";

/// The same over several lines, one of them long.
fn description() -> String {
    format!("Wir suchen.\n\n{} ;,\\ <script>alert(1)</script> & Schluß\n💥", "größer ".repeat(40))
}

fn read(page: &Page, tags: &Value) -> Value {
    let asked = json!({ "base": page.base, "tags": tags });
    told(&variable("LOTSE_FEED_PYTHON"), "feeds.py", &asked)
}

/// The entry of this incident in a feed; nothing was wrong with the feed.
#[track_caller]
fn entry<'a>(found: &'a Value, feed: &str, id: &str) -> &'a Value {
    let feed = &found[feed];
    assert!(feed["status"] == 200 && is_nothing(&feed["trouble"]), "{feed:#}");
    let name =
        if feed["name"].is_string() { format!("{id}@lotse") } else { format!("urn:uuid:{id}") };
    let entry = &feed["entries"][&name];
    assert!(entry.is_object(), "{name}: {feed:#}");
    entry
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || *value == json!([])
}

fn seconds(at: &str) -> i64 {
    at.parse::<Timestamp>().unwrap().as_second()
}

fn moment(at: &Value) -> Timestamp {
    at.as_str().unwrap().parse().unwrap()
}

/// The names of all entries of a feed.
fn ids(feed: &Value) -> BTreeSet<&String> {
    feed["entries"].as_object().unwrap().keys().collect()
}

/// So many hours from now, by a clock two hours ahead of UTC.
fn abroad(count: i64) -> String {
    hours(count + 2).replace('Z', "+02:00")
}

/// A page with an open incident and planned maintenance; their ids.
fn busy() -> (Page, String, String) {
    let page = Page::new();
    let component = page.component("Rechner & Platten <West>", "west");
    let open = json!({ "displayName": HEADLINE, "description": description(),
        "beganAt": hours(-2), "affects": [{ "reference": component, "severity": 90 }] });
    let planned = json!({ "displayName": HEADLINE, "description": description(),
        "beganAt": hours(24), "endedAt": hours(26),
        "affects": [{ "reference": component, "severity": 0 }] });
    let (incident, maintenance) =
        (page.make("/incidents", &open), page.make("/incidents", &planned));
    (page, incident, maintenance)
}

#[test]
#[ignore = "real: feedparser and icalendar"]
fn readers_of_feeds_find_every_word_and_every_time() {
    let (page, incident, maintenance) = busy();
    let said =
        json!({ "displayName": "Grund <gefunden>", "description": "Ein Kabel & ein Hai 🦈" });
    page.send("POST", &format!("/incidents/{incident}/updates"), &said);
    let stored =
        |id: &str| page.send("GET", &format!("/incidents/{id}"), &Value::Null)["data"].take();
    let found = read(&page, &json!({}));
    for (feed, version) in [("/feed.atom", "atom10"), ("/feed.rss", "rss20")] {
        assert_eq!(found[feed]["version"], version);
        let about = entry(&found, feed, &incident);
        assert_eq!(about["title"], HEADLINE, "{feed}");
        assert_eq!(about["link"], format!("{}/incident/{incident}", page.base));
        let text = about["text"].as_str().unwrap();
        for wanted in [
            "Rechner &amp; Platten &lt;West&gt;: Broken",
            "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Schluß",
            "<b>Grund &lt;gefunden&gt;</b>",
            "Ein Kabel &amp; ein Hai 🦈",
        ] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        assert!(text.contains("Wir suchen.<br"), "lines stay lines: {text}");
    }
    let calendar = &found["/calendar.ics"];
    assert!(calendar["longest"].as_u64().unwrap() <= 75, "{calendar:#}");
    assert_eq!(calendar["entries"].as_object().unwrap().len(), 1, "incidents are no appointments");
    let planned = entry(&found, "/calendar.ics", &maintenance);
    assert_eq!((&planned["title"], &planned["text"]), (&HEADLINE.into(), &description().into()));
    let stored = stored(&maintenance);
    for (field, name) in [("start", "beganAt"), ("end", "endedAt")] {
        let (in_calendar, on_page) = (planned[field].as_str(), stored[name].as_str());
        assert_eq!(seconds(in_calendar.unwrap()), seconds(on_page.unwrap()), "{name}");
    }
    page.end();
}

#[test]
#[ignore = "real: feedparser and icalendar"]
fn readers_of_feeds_follow_what_changes_and_are_not_sent_what_they_know() {
    let (page, incident, maintenance) = busy();
    let before = read(&page, &json!({}));
    let tags = |found: &Value| {
        let tag = |feed: &str| (feed.to_owned(), found[feed]["tag"].clone());
        Value::Object(["/feed.atom", "/feed.rss", "/calendar.ics"].map(tag).into_iter().collect())
    };
    let known = read(&page, &tags(&before));
    for feed in ["/feed.atom", "/feed.rss", "/calendar.ics"] {
        assert_eq!(known[feed]["status"], 304, "{feed}: {known:#}");
    }
    // All of it may happen within a second: readers must see each of the changes all the same.
    let path = |id: &str| format!("/incidents/{id}");
    let updates = format!("/incidents/{incident}/updates");
    let told = json!({ "displayName": "Behoben", "description": "Ein neues Kabel." });
    let edits = [
        ("PATCH", path(&incident), json!({ "displayName": "Neuer Titel" }), &incident),
        ("POST", updates.clone(), told, &incident),
        ("PATCH", format!("{updates}/0"), json!({ "description": "Zwei Kabel." }), &incident),
        ("PATCH", path(&incident), json!({ "endedAt": hours(-1) }), &incident),
        ("PATCH", path(&maintenance), json!({ "displayName": "Neuer Termin" }), &maintenance),
    ];
    let mut last = before;
    for (method, path, body, id) in &edits {
        page.send(method, path, body);
        let found = read(&page, &tags(&last));
        let (was, is) = (entry(&last, "/feed.atom", id), entry(&found, "/feed.atom", id));
        assert!(moment(&was["updated"]) < moment(&is["updated"]), "{body}: {was:#} {is:#}");
        assert_eq!(found["/feed.atom"]["updated"], is["updated"], "the feed is as new as that");
        assert_eq!(was["published"], is["published"]);
        entry(&found, "/feed.rss", id);
        for feed in ["/feed.atom", "/feed.rss"] {
            assert_eq!(ids(&found[feed]), ids(&last[feed]), "{feed}");
        }
        let is_planned = *id == &maintenance;
        assert_eq!(found["/calendar.ics"]["status"], if is_planned { 200 } else { 304 }, "{body}");
        // What is known stays known.
        let calendar = if is_planned { &found } else { &last }["/calendar.ics"].clone();
        last = found;
        last["/calendar.ics"] = calendar;
    }
    let was = entry(&last, "/calendar.ics", &maintenance).clone();
    assert_eq!(was["title"], "Neuer Termin");
    // Moved by two days, said in the time of another zone.
    let (began, ended) = (abroad(72), abroad(74));
    page.send("PATCH", &path(&maintenance), &json!({ "beganAt": began, "endedAt": ended }));
    let found = read(&page, &tags(&last));
    let is = entry(&found, "/calendar.ics", &maintenance);
    assert_eq!(is["sequence"].as_i64().unwrap(), was["sequence"].as_i64().unwrap() + 1);
    assert!(is["stamp"].as_i64() >= was["stamp"].as_i64(), "{was:#} {is:#}");
    assert_eq!(seconds(is["start"].as_str().unwrap()), seconds(&began));
    assert_eq!(seconds(is["end"].as_str().unwrap()), seconds(&ended));
    page.end();
}
