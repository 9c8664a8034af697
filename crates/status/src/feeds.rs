//! Feeds that other programs subscribe to: Atom (RFC 4287), RSS 2.0, iCalendar (RFC 5545).
//!
//! Ids come from the incident and never change; what was edited has a later time of update in Atom
//! and a higher sequence number in the calendar.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use lotse_core::time::{SignedDuration, Timestamp};

use crate::answer::Answer;
use crate::base::Base;
use crate::book::{Book, Case};
use crate::pages::Language;
use crate::site::Site;
use crate::snapshot::Snapshot;

/// So many incidents are in a feed.
const ENTRIES: usize = 50;

/// A year back and a year ahead are in the calendar.
const YEAR: SignedDuration = SignedDuration::from_hours(366 * 24);

pub(crate) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/feed.atom", get(atom))
        .route("/feed.rss", get(rss))
        .route("/calendar.ics", get(calendar))
}

async fn atom(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    atom_answer(&site, &Base::of(&site, &headers)).respond(&headers)
}

async fn rss(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    rss_answer(&site, &Base::of(&site, &headers)).respond(&headers)
}

async fn calendar(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    calendar_answer(&site, &Base::of(&site, &headers)).respond(&headers)
}

/// What changed last, as Atom; also for bundles.
pub(crate) fn atom_answer(site: &Site, base: &Base) -> Arc<Answer> {
    let (snapshot, now) = (site.snapshot(), site.desk().clock().now());
    snapshot.at_present(base.present("feed.atom", now), || {
        atom_of(snapshot.book(), site.look().title(), base.url())
    })
}

/// The same as RSS.
pub(crate) fn rss_answer(site: &Site, base: &Base) -> Arc<Answer> {
    let (snapshot, now) = (site.snapshot(), site.desk().clock().now());
    snapshot.at_present(base.present("feed.rss", now), || {
        rss_of(snapshot.book(), site.look().title(), base.url())
    })
}

/// Planned work as a calendar; also for bundles.
pub(crate) fn calendar_answer(site: &Site, base: &Base) -> Arc<Answer> {
    let (snapshot, now) = (site.snapshot(), site.desk().clock().now());
    snapshot.at_present(base.present("calendar.ics", now).until_next_day(), || {
        calendar_of(&snapshot, site.look().title(), base.url(), now)
    })
}

/// The cases that changed last, the newest first.
fn newest(book: &Book) -> Vec<&Arc<Case>> {
    let mut cases: Vec<_> = book.cases.values().collect();
    let newest = |case: &&Arc<Case>| Reverse((case.incident.changed, case.incident.id));
    if cases.len() > ENTRIES {
        cases.select_nth_unstable_by_key(ENTRIES, newest);
        cases.truncate(ENTRIES);
    }
    cases.sort_by_key(newest);
    cases
}

/// What is said of a case, as HTML.
fn content(book: &Book, case: &Case) -> String {
    let words = Language::English.words();
    let clock = |at: Option<Timestamp>, none| at.map_or(String::from(none), crate::pages::clock);
    let began = clock(case.incident.began, words.unknown);
    let mut html = format!("<p>{began} – {}</p>", clock(case.incident.ended, words.goes_on));
    // Writing to a string cannot fail.
    for impact in &case.incident.affects {
        if let Some(component) = book.components.get(&impact.component) {
            let level = crate::level::Level::of_impact(&case.incident, impact);
            let word = words.level(level);
            write!(html, "<p>{}: {word}</p>", escaped(&component.title())).ok();
        }
    }
    if let Some(text) = &case.incident.description {
        write!(html, "<p>{}</p>", in_lines(text)).ok();
    }
    if let Some(learned) = &case.incident.postmortem {
        write!(html, "<p><b>{}</b> {}</p>", words.postmortem, in_lines(&learned.text)).ok();
    }
    for update in case.updates.values().rev() {
        let at = update.created.map(crate::pages::clock).unwrap_or_default();
        let name = update.name.as_deref().unwrap_or_default();
        let text = update.description.as_deref().unwrap_or_default();
        let (name, text) = (escaped(name), in_lines(text));
        write!(html, "<p>{at} <b>{name}</b> {text}</p>").ok();
    }
    html
}

fn atom_of(book: &Book, title: &str, base: &str) -> Answer {
    let cases = newest(book);
    let updated = cases.first().map_or(Timestamp::UNIX_EPOCH, |case| case.incident.changed);
    let (title, url) = (escaped(title), escaped(base));
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\
         <title>{title}</title><id>{url}/</id><link href=\"{url}/\"/>\
         <link rel=\"self\" href=\"{url}/feed.atom\"/><updated>{updated}</updated>\
         <author><name>{title}</name></author>\n"
    );
    for case in cases {
        let incident = &case.incident;
        // Writing to a string cannot fail.
        writeln!(
            xml,
            "<entry><id>urn:uuid:{id}</id><title>{title}</title>\
             <link href=\"{url}/incident/{id}\"/><published>{published}</published>\
             <updated>{updated}</updated><content type=\"html\">{content}</content></entry>",
            id = incident.id,
            title = escaped(incident.title()),
            published = crate::pages::exact(incident.created),
            // As exact as it is known: readers compare it, and two changes may share a second.
            updated = incident.changed,
            content = escaped(&content(book, case)),
        )
        .ok();
    }
    xml.push_str("</feed>\n");
    Answer::new("application/atom+xml; charset=utf-8", xml)
}

fn rss_of(book: &Book, title: &str, base: &str) -> Answer {
    let (title, url) = (escaped(title), escaped(base));
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rss version=\"2.0\"><channel>\
         <title>{title}</title><link>{url}/</link><description>{title}</description>\n"
    );
    for case in newest(book) {
        let incident = &case.incident;
        // Writing to a string cannot fail.
        writeln!(
            xml,
            "<item><guid isPermaLink=\"false\">urn:uuid:{id}</guid><title>{title}</title>\
             <link>{url}/incident/{id}</link><pubDate>{date}</pubDate>\
             <description>{content}</description></item>",
            id = incident.id,
            title = escaped(incident.title()),
            date = incident.created.strftime("%a, %d %b %Y %H:%M:%S +0000"),
            content = escaped(&content(book, case)),
        )
        .ok();
    }
    xml.push_str("</channel></rss>\n");
    Answer::new("application/rss+xml; charset=utf-8", xml)
}

fn calendar_of(snapshot: &Snapshot, title: &str, base: &str, now: Timestamp) -> Answer {
    let from = now.saturating_sub(YEAR).unwrap_or(Timestamp::MIN);
    let to = now.saturating_add(YEAR).unwrap_or(Timestamp::MAX);
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Lotse//Status page//EN".to_owned(),
        format!("X-WR-CALNAME:{}", plain(title)),
    ];
    let planned = snapshot.overlapping(from, to);
    for case in planned.iter().filter(|case| case.incident.is_maintenance()) {
        let incident = &case.incident;
        let stamp = |at: Timestamp| at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let (Some(began), Some(ended)) = (incident.began, incident.ended) else { continue };
        let text = incident.description.as_deref().unwrap_or_default();
        lines.extend([
            "BEGIN:VEVENT".to_owned(),
            format!("UID:{}@lotse", incident.id),
            format!("SEQUENCE:{}", incident.sequence),
            format!("DTSTAMP:{}", stamp(incident.changed)),
            format!("DTSTART:{}", stamp(began)),
            format!("DTEND:{}", stamp(ended)),
            format!("SUMMARY:{}", plain(incident.title())),
            format!("DESCRIPTION:{}", plain(text)),
            format!("URL:{base}/incident/{}", incident.id),
            "END:VEVENT".to_owned(),
        ]);
    }
    lines.push("END:VCALENDAR".to_owned());
    let text: String = lines.iter().map(|line| folded(line)).collect();
    Answer::new("text/calendar; charset=utf-8", text)
}

/// Text in HTML whose lines stay lines.
fn in_lines(text: &str) -> String {
    escaped(text).replace('\n', "<br>")
}

/// Text in XML: what XML 1.0 cannot hold is replaced.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(sign),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Text as a value of iCalendar (RFC 5545, section 3.3.11).
fn plain(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '\\' | ';' | ',' => value.extend(['\\', sign]),
            '\n' => value.push_str("\\n"),
            other if other.is_control() => {}
            other => value.push(other),
        }
    }
    value
}

/// A line in pieces of at most 75 bytes (RFC 5545, section 3.1).
fn folded(line: &str) -> String {
    let mut folded = String::with_capacity(line.len() + 8);
    let mut length = 0;
    for sign in line.chars() {
        if length + sign.len_utf8() > 75 {
            folded.push_str("\r\n ");
            length = 1;
        }
        folded.push(sign);
        length += sign.len_utf8();
    }
    folded.push_str("\r\n");
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_calendars_are_folded_between_characters() {
        let line = format!("SUMMARY:{}", "ä".repeat(100));
        let text = folded(&line);
        assert!(text.split("\r\n").all(|piece| piece.len() <= 75));
        assert_eq!(text.replace("\r\n ", "").trim_end(), line);
        assert_eq!(plain("a;b,c\\d\ne\u{7}"), "a\\;b\\,c\\\\d\\ne");
    }

    #[test]
    fn nothing_in_a_text_ends_an_element() {
        assert_eq!(escaped("<b>&\"'\u{0}"), "&lt;b&gt;&amp;&quot;&#39;\u{fffd}");
    }
}
