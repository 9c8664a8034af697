//! Events in words, in the languages of the page. Data to data.

use lotse_core::event::Event;
use lotse_core::time::Timestamp;
use lotse_web::text::shown;
use serde_json::Value;

use super::filter::parts;
use crate::level::Level;
use crate::pages::{Language, clock};

/// The longest text of somebody that is told whole, in characters.
const LONGEST: usize = 4000;

/// How it is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Good to know.
    Information,
    /// Something does not work.
    Trouble,
    /// It works again.
    Relief,
}

/// An event in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// How it is meant.
    pub tone: Tone,
    /// One line.
    pub title: String,
    /// A paragraph each.
    pub paragraphs: Vec<String>,
    /// What is touched, a line each.
    pub list: Vec<String>,
    /// Where there is more, as a path of the page.
    pub path: String,
}

/// The words of a language.
struct Phrases {
    opened: &'static str,
    planned: &'static str,
    updated: &'static str,
    ended: &'static str,
    cancelled: &'static str,
    moved: &'static str,
    from: &'static str,
    until: &'static str,
    phase: &'static str,
}

const ENGLISH: Phrases = Phrases {
    opened: "Incident",
    planned: "Planned maintenance",
    updated: "Update",
    ended: "Resolved",
    cancelled: "Maintenance ended",
    moved: "Maintenance moved",
    from: "From",
    until: "Until",
    phase: "Phase",
};

const GERMAN: Phrases = Phrases {
    opened: "Störung",
    planned: "Geplante Wartung",
    updated: "Meldung",
    ended: "Behoben",
    cancelled: "Wartung beendet",
    moved: "Wartung verschoben",
    from: "Von",
    until: "Bis",
    phase: "Phase",
};

/// The event in the words of this language.
pub fn news(event: &Event, language: Language) -> News {
    let phrases = match language {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
    };
    let body = &event.body;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let (noun, verb) = parts(&event.topic).unwrap_or(("incident", "opened"));
    let is_planned = noun == "maintenance";
    let kind = match (verb, is_planned) {
        ("opened", false) => phrases.opened,
        ("opened", true) => phrases.planned,
        ("ended", false) => phrases.ended,
        ("ended", true) => phrases.cancelled,
        ("changed", _) => phrases.moved,
        _ => phrases.updated,
    };
    let tone = match (verb, is_planned) {
        ("opened", false) => Tone::Trouble,
        ("ended", _) => Tone::Relief,
        _ => Tone::Information,
    };
    let mut paragraphs = Vec::new();
    match verb {
        "updated" => {
            let update = body.get("update");
            paragraphs.push(text(update.and_then(|update| update.get("name"))));
            paragraphs.push(text(update.and_then(|update| update.get("description"))));
        }
        "opened" => paragraphs.push(text(body.get("description"))),
        _ => {}
    }
    if is_planned {
        let time = |field| Some(clock(body.get(field)?.as_str()?.parse::<Timestamp>().ok()?));
        let times = [(phrases.from, time("began")), (phrases.until, time("ended"))];
        let times = times.into_iter().filter_map(|(word, at)| Some(format!("{word}: {}", at?)));
        paragraphs.push(times.collect::<Vec<_>>().join(" · "));
    }
    let phase = text(body.get("phase"));
    if !phase.is_empty() && verb != "changed" {
        paragraphs.push(format!("{}: {phase}", phrases.phase));
    }
    paragraphs.retain(|paragraph| !paragraph.trim().is_empty());
    for paragraph in &mut paragraphs {
        *paragraph = told(paragraph);
    }
    News {
        tone,
        title: shown(&format!("{kind}: {}", text(body.get("name"))), 200),
        paragraphs,
        list: touched(body, is_planned, language),
        path: format!("/{}/incident/{}", language.code(), text(body.get("incident"))),
    }
}

/// Text of somebody over several lines, without what cannot be seen.
fn told(text: &str) -> String {
    let text: String = text.chars().take(LONGEST).collect();
    text.lines().map(|line| shown(line, LONGEST)).collect::<Vec<_>>().join("\n")
}

fn touched(body: &Value, is_planned: bool, language: Language) -> Vec<String> {
    let components = body.get("components").and_then(Value::as_array);
    let words = language.words();
    let line = |one: &Value| {
        let name = shown(one.get("name")?.as_str()?, 100);
        let severity = one.get("severity").and_then(Value::as_u64);
        let severity = severity.and_then(|severity| u8::try_from(severity).ok());
        let level = if is_planned { Level::Maintenance } else { Level::of(severity) };
        let region = one.get("labels").and_then(|labels| labels.get("region"));
        let region = region.and_then(Value::as_str).map(|region| shown(region, 60));
        let place = region.map_or_else(String::new, |region| format!(" ({region})"));
        Some(format!("{name}{place}: {}", words.level(level)))
    };
    components.into_iter().flatten().filter_map(line).take(50).collect()
}

#[cfg(test)]
mod tests {
    use lotse_core::id::EventId;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_update_is_told_in_both_languages() {
        let event = Event {
            id: EventId::generate(),
            topic: "status.incident.updated".to_owned(),
            subject: String::new(),
            at: Timestamp::UNIX_EPOCH,
            body: json!({
                "incident": "i", "name": "Disks", "phase": "Fixing",
                "update": { "name": "Found", "description": "A disk.\nIt is\u{202e} replaced." },
                "components": [{ "name": "Storage", "labels": { "region": "west" }, "severity": 66 }],
            }),
        };
        let english = news(&event, Language::English);
        assert_eq!(english.title, "Update: Disks");
        let paragraphs = ["Found", "A disk.\nIt is\u{fffd} replaced.", "Phase: Fixing"];
        assert_eq!(english.paragraphs, paragraphs);
        assert_eq!(english.list, ["Storage (west): Limited"]);
        let german = news(&event, Language::German);
        assert_eq!(
            (german.title.as_str(), german.path.as_str()),
            ("Meldung: Disks", "/de/incident/i")
        );
        assert_eq!(german.list, ["Storage (west): Eingeschränkt"]);
    }
}
