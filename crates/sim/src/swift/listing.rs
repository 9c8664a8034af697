//! Lists of names, as accounts and containers give them: pages, prefixes, delimiters, three formats.

use axum::body::Body;
use axum::response::Response;
use http::header::{ACCEPT, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;

use super::refusal::Refused;
use crate::http::query::Query;

/// Entries on a page when nobody says how many, and at most.
const PAGE: usize = 10_000;

/// How a list is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    Plain,
    Json,
    Xml,
}

impl Format {
    /// The format that a request wants: by a parameter, or by what it accepts.
    pub(crate) fn of(query: &Query, headers: &HeaderMap) -> Result<Self, Refused> {
        if let Some(name) = query.get("format").filter(|name| !name.is_empty()) {
            return Ok(match name.to_ascii_lowercase().as_str() {
                "json" => Self::Json,
                "xml" => Self::Xml,
                _ => Self::Plain,
            });
        }
        let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
        let ranges = accept.split(',').filter_map(|range| range.split(';').next());
        for range in ranges.map(str::trim) {
            match range {
                "" | "*/*" | "text/*" | "text/plain" => return Ok(Self::Plain),
                "application/json" | "application/*" => return Ok(Self::Json),
                "application/xml" | "text/xml" => return Ok(Self::Xml),
                _ => {}
            }
        }
        Err(Refused::new(StatusCode::NOT_ACCEPTABLE))
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Plain => "text/plain; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
            Self::Xml => "application/xml; charset=utf-8",
        }
    }

    /// An answer with this body, named after the format.
    pub(crate) fn answer(self, query: &Query, body: String, empty: bool) -> Response {
        let mut answer = Response::new(Body::from(body));
        if empty {
            *answer.status_mut() = StatusCode::NO_CONTENT;
        }
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type()));
        if query.get("format").is_none_or(str::is_empty) {
            headers.insert(VARY, HeaderValue::from_static("Accept"));
        }
        answer
    }
}

/// An entry of a list: something of a name, or what several names begin with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Entry<T> {
    One(T),
    Common(String),
}

/// What a list is to show.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    limit: usize,
    marker: String,
    end: String,
    prefix: String,
    delimiter: String,
    /// Show what is directly below a path, without what is common.
    path: Option<String>,
    reverse: bool,
}

impl Wanted {
    pub(crate) fn of(query: &Query) -> Result<Self, Refused> {
        let limit = query.get("limit").and_then(|limit| limit.parse::<usize>().ok());
        if limit.is_some_and(|limit| limit > PAGE) {
            let text = format!("Maximum limit is {PAGE}");
            return Err(Refused::saying(StatusCode::PRECONDITION_FAILED, text));
        }
        let text = |name: &str| query.get(name).unwrap_or_default().to_owned();
        let reverse = text("reverse").to_ascii_lowercase();
        let mut wanted = Self {
            limit: limit.unwrap_or(PAGE),
            marker: text("marker"),
            end: text("end_marker"),
            prefix: text("prefix"),
            delimiter: text("delimiter"),
            path: None,
            reverse: ["true", "1", "yes", "on", "t", "y"].contains(&reverse.as_str()),
        };
        if let Some(path) = query.get("path") {
            let path = path.trim_end_matches('/');
            wanted.prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
            "/".clone_into(&mut wanted.delimiter);
            wanted.path = Some(path.to_owned());
        }
        Ok(wanted)
    }

    /// Whether an entry of this name lies between the markers.
    fn between(&self, name: &str) -> bool {
        let (after, before) =
            if self.reverse { (&self.end, &self.marker) } else { (&self.marker, &self.end) };
        (after.is_empty() || name > after.as_str()) && (before.is_empty() || name < before.as_str())
    }

    /// The entries to show of all that there are, which come in the order of their names.
    pub(crate) fn select<'a, T>(
        &self,
        all: impl DoubleEndedIterator<Item = (&'a str, T)>,
    ) -> Vec<Entry<T>> {
        let mut found: Vec<Entry<T>> = Vec::new();
        let mut visit = |(name, one): (&'a str, T)| {
            if found.len() >= self.limit {
                return false;
            }
            let Some(rest) = name.strip_prefix(self.prefix.as_str()) else { return true };
            if !self.between(name) {
                return true;
            }
            let cut = if self.delimiter.is_empty() { None } else { rest.find(&self.delimiter) };
            match cut {
                None => {
                    if self.path.is_none() || !rest.is_empty() {
                        found.push(Entry::One(one));
                    }
                }
                Some(cut) if self.path.is_none() => {
                    let end = self.prefix.len() + cut + self.delimiter.len();
                    let common = name.get(..end).unwrap_or(name).to_owned();
                    let known =
                        matches!(found.last(), Some(Entry::Common(last)) if *last == common);
                    if !known && common != self.marker {
                        found.push(Entry::Common(common));
                    }
                }
                Some(_) => {}
            }
            true
        };
        if self.reverse {
            all.rev().all(&mut visit);
        } else {
            let mut all = all;
            all.all(&mut visit);
        }
        found
    }
}

/// A list of names in lines.
pub(crate) fn lines<T>(entries: &[Entry<T>], name: impl Fn(&T) -> &str) -> String {
    let mut out = String::new();
    for entry in entries {
        out.push_str(match entry {
            Entry::One(one) => name(one),
            Entry::Common(common) => common,
        });
        out.push('\n');
    }
    out
}

/// The same as JSON.
pub(crate) fn json<T>(entries: &[Entry<T>], show: impl Fn(&T) -> Value) -> String {
    let shown = entries.iter().map(|entry| match entry {
        Entry::One(one) => show(one),
        Entry::Common(common) => serde_json::json!({"subdir": common}),
    });
    Value::Array(shown.collect()).to_string()
}

/// Text within XML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A value of an attribute within XML.
pub(crate) fn quoted(text: &str) -> String {
    escaped(text).replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &["a", "a/1", "a/2", "b/x/1", "b/y", "c d"];

    fn shown(query: &str) -> Vec<String> {
        let wanted = Wanted::of(&Query::parse(Some(query))).expect("a query");
        let entries = wanted.select(NAMES.iter().map(|name| (*name, *name)));
        lines(&entries, |name| name).lines().map(str::to_owned).collect()
    }

    #[test]
    fn lists_are_cut_by_markers_prefixes_and_delimiters() {
        assert_eq!(shown("marker=a&end_marker=b/y"), ["a/1", "a/2", "b/x/1"]);
        assert_eq!(shown("prefix=a/"), ["a/1", "a/2"]);
        assert_eq!(shown("delimiter=/"), ["a", "a/", "b/", "c d"]);
        assert_eq!(shown("delimiter=/&prefix=b/"), ["b/x/", "b/y"]);
        assert_eq!(shown("delimiter=/&marker=a/"), ["b/", "c d"]);
        assert_eq!(shown("path=a"), ["a/1", "a/2"]);
        assert_eq!(shown("reverse=on&marker=b/y&limit=2"), ["b/x/1", "a/2"]);
    }

    #[test]
    fn pages_one_after_the_other_are_the_list() {
        let mut seen: Vec<String> = Vec::new();
        while let Some(last) = shown(&format!(
            "limit=1&marker={}",
            seen.last().cloned().unwrap_or_default().replace(' ', "%20")
        ))
        .pop()
        {
            seen.push(last);
        }
        assert_eq!(seen, NAMES);
    }

    #[test]
    fn the_format_follows_the_parameter_then_the_accept_header() {
        let headers = |accept: &'static str| {
            HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))])
        };
        let of = |query: &str, accept| Format::of(&Query::parse(Some(query)), &headers(accept));
        assert_eq!(of("format=json", "image/png"), Ok(Format::Json));
        assert_eq!(of("", "application/xml"), Ok(Format::Xml));
        assert_eq!(of("", "*/*"), Ok(Format::Plain));
        assert!(of("", "image/png").is_err());
    }
}
