//! Deliveries as they are read. Data to data.

use std::fmt::Write as _;

use crate::model::{Delivery, Item, Notice, Tone};

/// What every message is signed with.
const SIGNATURE: &str = "Lotse wrote this by itself; nobody reads answers to it.";

/// A delivery as it is read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// One line.
    pub subject: String,
    /// Plain text with line feeds.
    pub text: String,
    /// A whole HTML document, without anything that is loaded from elsewhere.
    pub html: String,
    /// More fields for the header of a mail, for example `List-Unsubscribe`, in ASCII.
    pub fields: Vec<(&'static str, String)>,
}

/// A delivery as it is read.
pub fn message(delivery: &Delivery) -> Message {
    let subject = subject(delivery);
    let (text, html) = (text(&subject, delivery), html(&subject, delivery));
    Message { text, html, subject, fields: Vec::new() }
}

fn subject(delivery: &Delivery) -> String {
    let total = delivery.items.len() + delivery.omitted as usize;
    let title = delivery.items.first().map_or("nothing", |item| item.notice.title.as_str());
    match total {
        0 | 1 => format!("[Lotse] {title}"),
        n => format!("[Lotse] {n} messages: {title}, …"),
    }
}

/// Whether the title has to be said in the body: the subject says it if there is only one.
fn is_digest(delivery: &Delivery) -> bool {
    delivery.items.len() > 1
}

fn omitted(delivery: &Delivery) -> Option<String> {
    match delivery.omitted {
        0 => None,
        1 => Some("1 more message is not shown.".to_owned()),
        n => Some(format!("{n} more messages are not shown.")),
    }
}

fn text(subject: &str, delivery: &Delivery) -> String {
    let mut text = String::new();
    if is_digest(delivery) {
        text.push_str(subject);
        text.push_str("\n\n");
    }
    for item in &delivery.items {
        if is_digest(delivery) {
            // Writing to a string cannot fail.
            writeln!(text, "== {}\n", item.notice.title).ok();
        }
        text.push_str(&item_text(item));
    }
    if let Some(omitted) = omitted(delivery) {
        text.push_str(&omitted);
        text.push_str("\n\n");
    }
    text.push_str("-- \n");
    text.push_str(SIGNATURE);
    text.push('\n');
    text
}

fn item_text(Item { notice, event }: &Item) -> String {
    let mut text = String::new();
    for paragraph in &notice.paragraphs {
        text.push_str(paragraph);
        text.push_str("\n\n");
    }
    for line in &notice.list {
        text.push_str("- ");
        text.push_str(line);
        text.push('\n');
    }
    if !notice.list.is_empty() {
        text.push('\n');
    }
    // Writing to a string cannot fail.
    writeln!(text, "{} at {:.0}", event.topic, event.at).ok();
    if let Some(link) = &notice.link {
        writeln!(text, "{link}").ok();
    }
    text.push('\n');
    text
}

fn html(subject: &str, delivery: &Delivery) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"font-family: sans-serif; line-height: 1.5; max-width: 42em\">\n",
        escape(subject)
    );
    for item in &delivery.items {
        html.push_str(&item_html(item));
    }
    if let Some(omitted) = omitted(delivery) {
        // Writing to a string cannot fail.
        writeln!(html, "<p>{omitted}</p>").ok();
    }
    writeln!(html, "<hr>\n<p><small>{SIGNATURE}</small></p>\n</body>\n</html>").ok();
    html
}

fn item_html(Item { notice, event }: &Item) -> String {
    let mut html = format!("<h1 style=\"font-size: 1.25em\">{}</h1>\n", escape(&heading(notice)));
    for paragraph in &notice.paragraphs {
        // Writing to a string cannot fail.
        writeln!(html, "<p>{}</p>", escape(paragraph)).ok();
    }
    if !notice.list.is_empty() {
        html.push_str("<ul>\n");
        for line in &notice.list {
            writeln!(html, "<li>{}</li>", escape(line)).ok();
        }
        html.push_str("</ul>\n");
    }
    if let Some(link) = &notice.link {
        let link = escape(link);
        writeln!(html, "<p><a href=\"{link}\">{link}</a></p>").ok();
    }
    writeln!(html, "<p><small>{} at {:.0}</small></p>", escape(&event.topic), event.at).ok();
    html
}

/// The title with a sign that does not need colour.
pub(crate) fn heading(notice: &Notice) -> String {
    let sign = match notice.tone {
        Tone::Information => "i",
        Tone::Request => "?",
        Tone::Trouble => "!",
        Tone::Relief => "✓",
    };
    format!("{sign} {}", notice.title)
}

/// Text within HTML, also within attributes in double quotes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
