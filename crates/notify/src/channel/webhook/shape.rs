//! What webhooks say: one function per shape, from a parcel to JSON. Data to data.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::channel::Parcel;
use crate::model::{Item, Tone};
use crate::render::heading;

/// The largest event that is handed on whole, in bytes of JSON.
const MOST_DATA: usize = 64 * 1024;

/// The shape of what a webhook says.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Events for programs: `type`, `timestamp`, `data` (Standard Webhooks).
    #[default]
    Standard,
    /// An incoming webhook of Mattermost.
    Mattermost,
    /// An incoming webhook of Slack.
    Slack,
    /// A workflow webhook of Microsoft Teams.
    Teams,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standard => "webhook",
            Self::Mattermost => "Mattermost",
            Self::Slack => "Slack",
            Self::Teams => "Teams",
        })
    }
}

impl Shape {
    /// The body of the request.
    pub fn body(self, parcel: Parcel<'_>) -> Value {
        match self {
            Self::Standard => standard(parcel),
            Self::Mattermost => json!({ "text": lines(parcel, &MARKDOWN) }),
            Self::Slack => json!({ "text": lines(parcel, &MRKDWN) }),
            Self::Teams => teams(parcel),
        }
    }
}

/// One event as it is, or several as `lotse.digest`.
fn standard(parcel: Parcel<'_>) -> Value {
    let events: Vec<Value> = parcel.delivery.items.iter().map(event).collect();
    match <[Value; 1]>::try_from(events) {
        Ok([event]) if parcel.delivery.omitted == 0 => event,
        Ok([event]) => digest(parcel, &[event]),
        Err(events) => digest(parcel, &events),
    }
}

fn digest(parcel: Parcel<'_>, events: &[Value]) -> Value {
    json!({
        "type": "lotse.digest",
        "timestamp": parcel.now,
        "data": { "events": events, "omitted": parcel.delivery.omitted },
    })
}

fn event(item: &Item) -> Value {
    let Item { notice, event } = item;
    let body = if event.body.to_string().len() <= MOST_DATA { &event.body } else { &Value::Null };
    json!({
        "type": event.topic,
        "timestamp": event.at,
        "data": {
            "event": event.id,
            "subject": event.subject,
            "title": notice.title,
            "link": notice.link,
            "body": body,
        },
    })
}

/// How a chat writes.
struct Dialect {
    bold: &'static str,
    bullet: &'static str,
    escape: fn(&str) -> String,
    link: fn(&str) -> String,
}

/// Mattermost (`CommonMark`).
const MARKDOWN: Dialect =
    Dialect { bold: "**", bullet: "- ", escape: markdown, link: |url| format!("<{url}>") };

/// Slack's own, `mrkdwn`.
const MRKDWN: Dialect =
    Dialect { bold: "*", bullet: "• ", escape: mrkdwn, link: |url| format!("<{url}>") };

fn lines(parcel: Parcel<'_>, dialect: &Dialect) -> String {
    let Dialect { bold, bullet, escape, link } = dialect;
    let mut lines = Vec::new();
    for Item { notice, .. } in &parcel.delivery.items {
        lines.push(format!("{bold}{}{bold}", escape(&heading(notice))));
        lines.extend(notice.paragraphs.iter().map(|paragraph| escape(paragraph)));
        lines.extend(notice.list.iter().map(|line| format!("{bullet}{}", escape(line))));
        lines.extend(notice.link.iter().map(|url| link(url)));
    }
    if parcel.delivery.omitted > 0 {
        lines.push(format!("{} more are not shown.", parcel.delivery.omitted));
    }
    lines.join("\n")
}

/// Text that means itself in Markdown, mentions of people (`@all`) included.
fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\`*_{}[]<>#|~".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
        if c == '@' {
            // A space without width: nobody is woken by the name of an image.
            escaped.push('\u{200b}');
        }
    }
    escaped
}

/// Text that means itself in Slack's dialect, which has three special characters.
fn mrkdwn(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// An adaptive card, version 1.4.
fn teams(parcel: Parcel<'_>) -> Value {
    let mut blocks = Vec::new();
    let mut actions = Vec::new();
    for Item { notice, .. } in &parcel.delivery.items {
        let colour = match notice.tone {
            Tone::Information => "default",
            Tone::Request => "accent",
            Tone::Trouble => "attention",
            Tone::Relief => "good",
        };
        blocks.push(json!({
            "type": "TextBlock", "text": markdown(&heading(notice)), "weight": "bolder",
            "size": "medium", "color": colour, "wrap": true,
        }));
        let list = notice.list.iter().map(|line| format!("- {}", markdown(line)));
        for text in notice.paragraphs.iter().map(|text| markdown(text)).chain(list) {
            blocks.push(json!({ "type": "TextBlock", "text": text, "wrap": true }));
        }
        if let Some(url) = &notice.link {
            actions.push(json!({ "type": "Action.OpenUrl", "title": "Look at it", "url": url }));
        }
    }
    // A card has room for six.
    actions.truncate(6);
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": blocks,
                "actions": actions,
            },
        }],
    })
}
