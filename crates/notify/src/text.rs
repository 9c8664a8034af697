//! Events in words. Data to data.
//!
//! Topics that are known get sentences of their own; all others get their topic, their subject and
//! their time, because what else they hold may be meant for programs only. Whatever comes from
//! outside (names of images, errors of clouds) loses its control characters and is cut to a bounded
//! length here, once for all channels.

use std::fmt::Write as _;

use lotse_core::event::Event;
use serde_json::Value;

use crate::model::{Notice, Tone};

/// The longest title, in characters.
const TITLE: usize = 160;
/// The longest paragraph and the longest line of a list, in characters.
const LINE: usize = 600;
/// The longest list.
const LIST: usize = 20;

/// An event in words. Links begin with `base`, the address of the console without a slash at its end.
pub fn notice(event: &Event, base: Option<&str>) -> Notice {
    let body = Body(&event.body);
    let mut notice = match event.topic.as_str() {
        topic if topic.starts_with("change.") => change(topic, body),
        "task.failed" => task_failed(event, body),
        "task.recovered" => task_recovered(event, body),
        "notify.test" => test(),
        _ => None,
    }
    .unwrap_or_else(|| unknown(event));
    notice.link = base.map(|base| link(base, event, body));
    notice.title = clean(&notice.title, TITLE);
    for line in notice.paragraphs.iter_mut().chain(&mut notice.list) {
        *line = clean(line, LINE);
    }
    notice
}

fn link(base: &str, event: &Event, body: Body<'_>) -> String {
    let path = match event.topic.split('.').next() {
        Some("change") => match body.text("change") {
            Some(id) if id.chars().all(|c| c.is_ascii_hexdigit() || c == '-') => {
                format!("/changes/{id}")
            }
            _ => "/changes".to_owned(),
        },
        Some("task") => "/tasks".to_owned(),
        _ => "/".to_owned(),
    };
    format!("{base}{path}")
}

/// What an event holds.
#[derive(Clone, Copy)]
struct Body<'a>(&'a Value);

impl<'a> Body<'a> {
    fn text(self, key: &str) -> Option<&'a str> {
        self.0.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
    }

    fn number(self, key: &str) -> Option<u64> {
        self.0.get(key).and_then(Value::as_u64)
    }

    fn texts(self, key: &str) -> Vec<&'a str> {
        let list = self.0.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

/// What became of a change.
fn change(topic: &str, body: Body<'_>) -> Option<Notice> {
    let capability = body.text("capability")?;
    let cloud = body.text("cloud")?;
    let total = body.number("steps").unwrap_or_default();
    let steps = counted(total, "change");
    let what = format!("{steps} of {capability} on the cloud {cloud}");
    let actor = body.text("actor").unwrap_or("somebody");
    let note = body.text("note");
    let (tone, title, mut paragraphs) = match topic {
        "change.proposed" => {
            let title = format!("{cloud}: {steps} of {capability} to approve");
            let mut paragraphs = vec![proposal(capability, cloud, body)];
            if let Some(consent) = body.text("consent") {
                paragraphs.push(format!("It needs a person's consent: {consent}"));
            }
            paragraphs.push(who_must_approve(body, actor));
            (Tone::Request, title, paragraphs)
        }
        "change.approved" => {
            let title = format!("{cloud}: {steps} of {capability} approved");
            let text = format!("{actor} approved {what}. They are made now.");
            (Tone::Information, title, vec![text])
        }
        "change.rejected" => {
            let title = format!("{cloud}: {steps} of {capability} rejected");
            let text = format!("{actor} rejected {what}. They are not proposed again.");
            (Tone::Information, title, vec![text])
        }
        "change.applying" => {
            let title = format!("{cloud}: {steps} of {capability} being made");
            (Tone::Information, title, vec![format!("Lotse makes {what} now.")])
        }
        "change.failed" => {
            let title = format!("{cloud}: {steps} of {capability} failed");
            let text = format!(
                "Lotse could not make {what}. What was done stays done; the rest is tried again."
            );
            (Tone::Trouble, title, vec![text])
        }
        "change.applied" => {
            let title = format!("{cloud}: {steps} of {capability} made");
            (Tone::Relief, title, vec![format!("Lotse made {what}.")])
        }
        "change.superseded" => {
            let title = format!("{cloud}: {steps} of {capability} replaced");
            let text = format!("The proposal for {what} was put away: other ones are needed now.");
            (Tone::Information, title, vec![text])
        }
        "change.withdrawn" => {
            let title = format!("{cloud}: {steps} of {capability} no longer needed");
            let text = format!("The proposal for {what} was put away: the difference is gone.");
            (Tone::Information, title, vec![text])
        }
        _ => return None,
    };
    if let Some(note) = note.filter(|_| topic != "change.proposed") {
        paragraphs.push(match topic {
            "change.approved" | "change.rejected" => format!("{actor} wrote: {note}"),
            _ => format!("What came of it: {note}"),
        });
    }
    Some(Notice { tone, title, paragraphs, list: names(body, total), link: None })
}

fn proposal(capability: &str, cloud: &str, body: Body<'_>) -> String {
    let mut text = format!(
        "What is declared for {capability} and what is there on the cloud {cloud} differ. Lotse \
         proposes to make it good"
    );
    let counts = body.0.get("counts").and_then(Value::as_object);
    let counts: Vec<String> = counts
        .into_iter()
        .flatten()
        .filter_map(|(action, number)| Some(format!("{} to {action}", number.as_u64()?)))
        .collect();
    if !counts.is_empty() {
        // Writing to a string cannot fail.
        write!(text, ": {}", counts.join(", ")).ok();
    }
    text.push('.');
    text
}

fn who_must_approve(body: Body<'_>, proposer: &str) -> String {
    let needed = body.number("approvals_needed").unwrap_or(1);
    match needed {
        1 => format!("One person must approve it; {proposer} proposed it."),
        n => format!("{n} persons must approve it; {proposer} proposed it."),
    }
}

fn names(body: Body<'_>, total: u64) -> Vec<String> {
    let mut names: Vec<String> =
        body.texts("names").into_iter().take(LIST).map(str::to_owned).collect();
    let more = total.saturating_sub(names.len() as u64);
    if more > 0 && !names.is_empty() {
        names.push(format!("and {more} more"));
    }
    names
}

fn task_failed(event: &Event, body: Body<'_>) -> Option<Notice> {
    let task = body.text("task").unwrap_or(&event.subject);
    let message = body.text("message")?;
    Some(Notice {
        tone: Tone::Trouble,
        title: format!("the task {task} fails"),
        paragraphs: vec![
            format!("The task {task} has begun to fail: {message}"),
            "It is tried again by itself. There is no message for every attempt, only one when it \
             works again."
                .to_owned(),
        ],
        list: body.texts("hints").into_iter().take(LIST).map(str::to_owned).collect(),
        link: None,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that all topics share")]
fn task_recovered(event: &Event, body: Body<'_>) -> Option<Notice> {
    let task = body.text("task").unwrap_or(&event.subject);
    let before = match body.text("last_success") {
        Some(time) => format!("The time before was {time}."),
        None => "It had never worked before.".to_owned(),
    };
    Some(Notice {
        tone: Tone::Relief,
        title: format!("the task {task} works again"),
        paragraphs: vec![format!("The task {task} works again. {before}")],
        list: Vec::new(),
        link: None,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that all topics share")]
fn test() -> Option<Notice> {
    Some(Notice {
        tone: Tone::Information,
        title: "a test message".to_owned(),
        paragraphs: vec![
            "Somebody asked Lotse for a test message on this channel. It works.".to_owned(),
        ],
        list: Vec::new(),
        link: None,
    })
}

fn unknown(event: &Event) -> Notice {
    Notice {
        tone: Tone::Information,
        title: format!("{}: {}", event.topic, event.subject),
        paragraphs: vec![format!("{} about {} at {}.", event.topic, event.subject, event.at)],
        list: Vec::new(),
        link: None,
    }
}

fn counted(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Text without control characters and without what turns the direction of reading, at most so many
/// characters long. All white space becomes single spaces.
pub fn clean(text: &str, most: usize) -> String {
    let mut cleaned = String::new();
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            cleaned.push(' ');
        }
        cleaned.extend(word.chars().filter(|c| !turns_direction(*c)));
        if cleaned.len() > most * 4 {
            break;
        }
    }
    if cleaned.chars().nth(most).is_some() {
        cleaned = cleaned.chars().take(most.saturating_sub(1)).collect();
        cleaned.push('…');
    }
    cleaned
}

/// Bidirectional controls (Unicode 16, UAX #9), which can make a text read as another one.
const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cleaned_text_is_one_line_of_bounded_length(text in ".{0,80}|\\PC{0,80}", most in 1_usize..40) {
            let cleaned = clean(&text, most);
            prop_assert!(cleaned.chars().count() <= most);
            let bad = |c: char| (c.is_control() || c.is_whitespace() || turns_direction(c)) && c != ' ';
            prop_assert!(!cleaned.contains(bad), "{:?}", cleaned);
        }
    }

    #[test]
    fn short_clean_text_stays_as_it_is() {
        assert_eq!(clean("Ubuntu 24.04 — für alle", 40), "Ubuntu 24.04 — für alle");
        assert_eq!(clean("a\r\nBcc: x@example.org", 40), "a Bcc: x@example.org");
        assert_eq!(clean(&"x".repeat(1_000_000), 5), "xxxx…");
    }
}
