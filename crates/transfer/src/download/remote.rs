//! A file behind HTTP: one request, and what its answer means.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE,
    LAST_MODIFIED, LOCATION, RANGE, RETRY_AFTER,
};
use reqwest::{Client, Response, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use url::Url;

use crate::client::Clients;
use crate::error::Error;
use crate::follow::{Place, Way};
use crate::limits::Limits;
use crate::source::shown_url;

/// No server makes us wait longer than this.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// What tells one version of a file from another (RFC 9110, section 13.1.5).
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Validator {
    /// A strong entity tag.
    Etag(String),
    /// The date of the last change, as the server wrote it.
    Modified(String),
}

impl Validator {
    fn of(headers: &HeaderMap) -> Option<Self> {
        match text(headers, &ETAG) {
            // A weak one says "nearly the same", which bytes are not.
            Some(tag) if tag.starts_with('"') => Some(Self::Etag(tag.to_owned())),
            _ => text(headers, &LAST_MODIFIED).map(|date| Self::Modified(date.to_owned())),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Etag(text) | Self::Modified(text) => text,
        }
    }
}

/// What the headers of an answer say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Shape {
    /// Some bytes of a file whose size is known.
    Part { range: Range<u64>, total: u64, validator: Option<Validator> },
    /// All of it; the server does not know ranges, or the file is not the one we know.
    Whole { length: Option<u64>, validator: Option<Validator> },
    /// There is nothing in it.
    Empty,
}

/// A file behind HTTP.
#[derive(Debug)]
pub(crate) struct Remote {
    clients: Clients,
    url: Url,
    /// Where the redirects led: later requests go to the same mirror.
    resolved: Mutex<Option<Place>>,
    shown: String,
    redirects: usize,
    stall: Duration,
}

impl Remote {
    pub(crate) fn new(clients: Clients, url: Url, limits: &Limits) -> Self {
        let (shown, stall, redirects) = (shown_url(&url), limits.stall, limits.redirects);
        Self { clients, url, resolved: Mutex::new(None), shown, redirects, stall }
    }

    /// The address for people.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// The address as it is, which may hold secrets.
    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// Asks for a range, of the version that is known already if there is one.
    pub(crate) async fn ask(
        &self,
        asked: Range<u64>,
        known: Option<&Validator>,
    ) -> Result<(Shape, Body), Error> {
        let resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let redirected = resolved.is_some();
        let first = resolved.unwrap_or_else(|| Place::chosen(self.url.clone()));
        let (response, led) = self.follow(first, &asked, known).await?;
        let shape = self.judge(response.status(), response.headers(), &asked, known.is_some());
        let mut resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        match &shape {
            Ok(_) => {
                let place = || Place { url: response.url().clone(), led };
                *resolved = (*response.url() != self.url).then(place);
            }
            // Addresses that redirects lead to may end; the first one leads to a new one.
            Err(_) if redirected => *resolved = None,
            Err(_) => {}
        }
        drop(resolved);
        let shape = shape?;
        let (at, end) = match &shape {
            Shape::Part { range, .. } => (range.start, Some(range.end)),
            Shape::Whole { length, .. } => (0, *length),
            Shape::Empty => (0, Some(0)),
        };
        Ok((shape, Body { response, url: self.shown.clone(), at, end, stall: self.stall }))
    }

    /// Asks, and follows redirects; the last answer, and whether somebody on the internet led to it.
    async fn follow(
        &self,
        place: Place,
        asked: &Range<u64>,
        known: Option<&Validator>,
    ) -> Result<(Response, bool), Error> {
        let request = |client: &Client, url: Url| {
            // Compressed on the way, ranges would be of something else.
            let request = client.get(url).header(ACCEPT_ENCODING, "identity");
            let request = request.header(RANGE, range_of(asked));
            match known {
                Some(known) => request.header(IF_RANGE, known.as_str()),
                None => request,
            }
        };
        let way = Way { shown: &self.shown, redirects: self.redirects, stall: self.stall };
        self.clients.follow(place, way, request).await
    }

    fn judge(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        asked: &Range<u64>,
        conditional: bool,
    ) -> Result<Shape, Error> {
        let validator = Validator::of(headers);
        let length = text(headers, &CONTENT_LENGTH).and_then(|text| text.parse().ok());
        let content_range = text(headers, &CONTENT_RANGE).unwrap_or_default();
        match status {
            StatusCode::OK => Ok(Shape::Whole { length, validator }),
            StatusCode::PARTIAL_CONTENT => {
                let wrong = |what: String| self.wrong(asked, what);
                let (range, total) = content_range_of(content_range)
                    .ok_or_else(|| wrong(format!("it says \"{content_range}\"")))?;
                if range.start != asked.start || range.end > asked.end {
                    return Err(wrong(format!("it sends bytes {content_range}")));
                }
                if length.is_some_and(|length| length != range.end - range.start) {
                    return Err(wrong(format!(
                        "it says \"{content_range}\" and a length of {} bytes",
                        length.unwrap_or_default()
                    )));
                }
                Ok(Shape::Part { range, total, validator })
            }
            StatusCode::RANGE_NOT_SATISFIABLE if content_range == "bytes */0" && !conditional => {
                Ok(Shape::Empty)
            }
            // The file is shorter than the one we know.
            StatusCode::RANGE_NOT_SATISFIABLE if conditional => {
                Err(Error::Changed { url: self.shown.clone() })
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                Err(self.wrong(asked, format!("status 416, \"{content_range}\"")))
            }
            _ => {
                let location = text(headers, &LOCATION);
                let seconds = text(headers, &RETRY_AFTER).and_then(|text| text.parse().ok());
                Err(Error::Status {
                    url: self.shown.clone(),
                    status: status.as_u16(),
                    location: location.map(|to| to.split('?').next().unwrap_or(to).to_owned()),
                    after: seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT)),
                })
            }
        }
    }

    fn wrong(&self, asked: &Range<u64>, what: String) -> Error {
        let asked = range_of(asked);
        Error::Range { url: self.shown.clone(), asked, what }
    }
}

/// The content of an answer.
#[derive(Debug)]
pub(crate) struct Body {
    response: Response,
    url: String,
    /// The place in the file of the next byte.
    at: u64,
    /// Behind the last byte, if the server says it.
    end: Option<u64>,
    stall: Duration,
}

impl Body {
    /// The next bytes; `None` at the end. An end that comes early is an error.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if self.end == Some(self.at) {
            return Ok(None);
        }
        let chunk = timeout(self.stall, self.response.chunk()).await;
        let chunk = chunk
            .map_err(|_| Error::Stalled { url: self.url.clone(), limit: self.stall })?
            .map_err(|source| self.truncated(Some(source.without_url())))?;
        let Some(mut chunk) = chunk else {
            return if self.end.is_some() { Err(self.truncated(None)) } else { Ok(None) };
        };
        if let Some(end) = self.end {
            let room = usize::try_from(end - self.at).unwrap_or(usize::MAX);
            chunk.truncate(room);
        }
        self.at += chunk.len() as u64;
        Ok(Some(chunk))
    }

    fn truncated(&self, source: Option<reqwest::Error>) -> Error {
        Error::Truncated { url: self.url.clone(), got: self.at, expected: self.end, source }
    }
}

/// As a request says it (RFC 9110, section 14.2).
fn range_of(asked: &Range<u64>) -> String {
    match asked.end {
        u64::MAX => format!("bytes={}-", asked.start),
        end => format!("bytes={}-{}", asked.start, end.saturating_sub(1)),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// `bytes 0-99/1000` (RFC 9110, section 14.4).
fn content_range_of(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let total: u64 = total.parse().ok()?;
    (first <= last && last < total).then_some((first..last + 1, total))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn judge(status: u16, headers: &[(HeaderName, &str)], known: bool) -> Result<Shape, Error> {
        let remote = Remote::new(
            Clients::new(&crate::HttpOptions::default(), &Limits::default()).unwrap(),
            Url::parse("http://a/b").unwrap(),
            &Limits::default(),
        );
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect();
        remote.judge(StatusCode::from_u16(status).unwrap(), &headers, &(10..20), known)
    }

    #[test]
    fn a_part_is_what_was_asked_for_or_its_beginning() {
        for (range, expected) in [("bytes 10-19/30", 10..20), ("bytes 10-14/30", 10..15)] {
            let shape = judge(206, &[(CONTENT_RANGE, range)], false).unwrap();
            assert_eq!(shape, Shape::Part { range: expected, total: 30, validator: None });
        }
    }

    #[test]
    fn ranges_nobody_asked_for_are_refused() {
        for range in ["bytes 0-9/30", "bytes 10-29/30", "bytes 10-19/*", "bytes 19-10/30", "x", ""]
        {
            let error = judge(206, &[(CONTENT_RANGE, range)], false).unwrap_err();
            assert!(matches!(error, Error::Range { .. }), "{range}: {error}");
        }
        let lie = [(CONTENT_RANGE, "bytes 10-19/30"), (CONTENT_LENGTH, "30")];
        let error = judge(206, &lie, false).unwrap_err().to_string();
        assert!(error.contains("10-19") && error.contains("30 bytes"), "{error}");
    }

    #[test]
    fn nothing_to_satisfy_is_an_empty_file_or_a_change() {
        let none = [(CONTENT_RANGE, "bytes */0")];
        assert_eq!(judge(416, &none, false).unwrap(), Shape::Empty);
        assert!(matches!(judge(416, &none, true), Err(Error::Changed { .. })));
        assert!(matches!(judge(416, &[], false), Err(Error::Range { .. })));
    }

    #[test]
    fn a_weak_tag_gives_way_to_the_date() {
        let validator = |headers: &[(HeaderName, &str)]| match judge(200, headers, false).unwrap() {
            Shape::Whole { validator, .. } => validator,
            other => panic!("{other:?}"),
        };
        let date = "Sat, 01 Nov 2025 00:00:00 GMT";
        assert_eq!(
            validator(&[(ETAG, "\"a\""), (LAST_MODIFIED, date)]),
            Some(Validator::Etag("\"a\"".to_owned()))
        );
        assert_eq!(
            validator(&[(ETAG, "W/\"a\""), (LAST_MODIFIED, date)]),
            Some(Validator::Modified(date.to_owned()))
        );
        assert_eq!(validator(&[(ETAG, "W/\"a\"")]), None);
    }

    #[test]
    fn a_refusal_says_when_to_come_back_and_where_it_points_without_secrets() {
        let error = judge(302, &[(LOCATION, "http://b/c?signature=s")], false).unwrap_err();
        assert_eq!(
            error.to_string(),
            "http://a/b answers with status 302, a redirect to http://b/c that is not followed"
        );
        let Err(Error::Status { after, .. }) = judge(503, &[(RETRY_AFTER, "7")], false) else {
            panic!("a success")
        };
        assert_eq!(after, Some(Duration::from_secs(7)));
    }
}
