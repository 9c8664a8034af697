//! What a service says when it refuses, whatever it wraps it in.
//!
//! Every OpenStack service has its own idea of an error body: Keystone `{"error": {"message"}}`, Nova
//! `{"badRequest": {"message"}}`, Neutron `{"NeutronError": {"message", "detail"}}`, Placement
//! `{"errors": [{"detail"}]}`, Octavia `{"faultstring"}`, Heat both, Ironic JSON within JSON, Glance
//! a page of HTML or plain text, and proxies in front of them pages of their own. Here they all
//! become one line.

use http::HeaderMap;
use serde_json::Value;

/// Longer messages are cut (characters).
const LONGEST: usize = 600;

/// Nesting deeper than this is not a message.
const DEEPEST: u8 = 6;

/// The message of an error body as one line; empty if there is none.
pub fn message(headers: &HeaderMap, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let found = match serde_json::from_str::<Value>(&text) {
        // Glance puts its HTML into JSON when it is asked for JSON.
        Ok(value) => match of_value(&value, 0) {
            Some(message) if message.contains("<br") => of_html(&message),
            Some(message) => message,
            None => text.into_owned(),
        },
        Err(_) if is_html(headers, &text) => of_html(&text),
        Err(_) => text.into_owned(),
    };
    one_line(without_status(found.trim()))
}

/// What a body is, if it is not the JSON that a service answers with.
pub(crate) fn nature(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    if serde_json::from_slice::<Value>(body).is_ok_and(|value| value.is_object()) {
        return None;
    }
    let text = String::from_utf8_lossy(body);
    if text.trim().is_empty() {
        return Some("an empty body".to_owned());
    }
    if is_html(headers, &text) {
        let title = between(&text, "<title>", "</title>").map(one_line).unwrap_or_default();
        return Some(if title.is_empty() {
            "a web page".to_owned()
        } else {
            format!("a web page (\"{title}\")")
        });
    }
    Some("something that is not JSON".to_owned())
}

fn is_html(headers: &HeaderMap, text: &str) -> bool {
    let declared = headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.contains("html"));
    let start = text.trim_start().get(..32).unwrap_or(text.trim_start()).to_ascii_lowercase();
    declared || start.starts_with("<!doctype html") || start.starts_with("<html")
}

/// The most telling text in a JSON error.
fn of_value(value: &Value, depth: u8) -> Option<String> {
    if depth > DEEPEST {
        return None;
    }
    match value {
        Value::String(text) => {
            // Ironic puts its JSON into a string.
            let inner = text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok());
            let inner: Option<Value> = inner.flatten();
            inner
                .and_then(|inner| of_value(&inner, depth + 1))
                .or_else(|| (!text.trim().is_empty()).then(|| text.clone()))
        }
        Value::Array(items) => {
            let parts: Vec<_> = items.iter().filter_map(|item| of_value(item, depth + 1)).collect();
            (!parts.is_empty()).then(|| parts.join("; "))
        }
        Value::Object(fields) => {
            const TELLING: [&str; 10] = [
                "message",
                "faultstring",
                "detail",
                "error_message",
                "description",
                "explanation",
                "error",
                "errors",
                "title",
                "NeutronError",
            ];
            TELLING
                .iter()
                .filter_map(|key| fields.get(*key))
                .find_map(|value| of_value(value, depth + 1))
                .or_else(|| {
                    // Nova and Cinder name the object after the failure: `badRequest`, `overLimit`.
                    let mut inner = fields.values().filter(|value| value.is_object());
                    inner.find_map(|value| of_value(value, depth + 1))
                })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// The text of a page; its title only if the page says nothing else.
fn of_html(page: &str) -> String {
    let body = between(page, "<body", "</body>")
        .map_or(page, |body| body.split_once('>').map_or(body, |(_, body)| body));
    let text = untagged(body);
    if text.trim().is_empty() {
        between(page, "<title>", "</title>").map(untagged).unwrap_or_default()
    } else {
        text
    }
}

/// What stands between two marks, which may be written in any case.
fn between<'a>(page: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let lower = page.to_ascii_lowercase();
    let start = lower.find(from)? + from.len();
    let end = lower.get(start..)?.find(to).map_or(page.len(), |length| start + length);
    page.get(start..end)
}

fn untagged(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    let mut rest = page;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        let lower = tag.get(..6).unwrap_or(tag).to_ascii_lowercase();
        let end = if lower.starts_with("script") {
            "</script>"
        } else if lower.starts_with("style") {
            "</style>"
        } else {
            ">"
        };
        rest = match tag.to_ascii_lowercase().find(end) {
            Some(at) => tag.get(at + end.len()..).unwrap_or_default(),
            None => "",
        };
    }
    text.push_str(rest);
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    text
}

/// Without a status line like `404 Not Found` at the beginning: the status is reported anyway.
fn without_status(text: &str) -> &str {
    let Some((code, rest)) = text.split_once(char::is_whitespace) else { return text };
    let Some(status) = code.parse().ok().and_then(|code| http::StatusCode::from_u16(code).ok())
    else {
        return text;
    };
    let rest = rest.trim_start();
    let reason = status.canonical_reason().unwrap_or_default();
    match rest.get(..reason.len()) {
        Some(start) if start.eq_ignore_ascii_case(reason) => {
            let message = rest.get(reason.len()..).unwrap_or_default();
            let message = message.trim_start_matches([' ', ':', '\r', '\n', '\t']);
            if message.is_empty() { text } else { message }
        }
        _ => text,
    }
}

fn one_line(text: &str) -> String {
    let words = text.split(|sign: char| sign.is_whitespace() || sign.is_control());
    let mut line = String::new();
    for word in words.filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        // Bytes are at least as many as characters; what is certainly enough is not read on.
        if line.len() > 4 * LONGEST + 4 {
            break;
        }
    }
    if let Some((at, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(at);
        line.push('…');
    }
    line
}
