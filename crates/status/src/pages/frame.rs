//! What is around every page: language, title, navigation, time.

use axum::http::{HeaderMap, header};
use lotse_core::time::Timestamp;

use super::Mode;
use super::words::{ENGLISH, GERMAN, Words};

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
}

impl Language {
    /// All of them, the first one for those who prefer none of them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// Its code (BCP 47), which is also in addresses.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The language of this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The one of ours that a browser prefers (RFC 9110, section 12.5.4).
    pub fn preferred(headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let mut best = (Self::English, 0.0);
        for range in accepted.unwrap_or_default().split(',') {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            let weight = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
            if let (Some(language), Ok(weight)) = (Self::of_code(&primary), weight)
                && weight > best.1
            {
                best = (language, weight);
            }
        }
        best.0
    }

    /// Its words.
    pub const fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
        }
    }

    /// The other one.
    pub(super) const fn other(self) -> Self {
        match self {
            Self::English => Self::German,
            Self::German => Self::English,
        }
    }
}

/// What is around a page.
#[derive(Debug)]
pub struct Frame<'a> {
    /// What all addresses of pages begin with; empty for the page of everybody.
    pub(crate) root: &'a str,
    /// The language of the page.
    pub(crate) language: &'static str,
    /// The other language.
    pub(crate) other: &'static str,
    /// The address of the page without the language.
    pub(crate) path: &'a str,
    /// What the page is about; empty for the first one.
    pub(crate) title: &'a str,
    /// What the whole site is called.
    pub(crate) site: &'a str,
    /// Whether there is a logo.
    pub(crate) has_logo: bool,
    /// Its words.
    pub(crate) words: &'static Words,
    /// When it was made, for people.
    pub(crate) now: String,
    /// When it was made (RFC 3339).
    pub(crate) now_exact: String,
    /// Changes with the style sheet.
    pub(crate) style: &'a str,
    /// Whether there is somebody who can search.
    pub(crate) has_search: bool,
    /// Whether readers can subscribe; what the link to it is called.
    pub(crate) subscribe: Option<&'static str>,
    /// Whether readers can sign in; what the link to their pages is called.
    pub(crate) reader: Option<&'static str>,
}

impl<'a> Frame<'a> {
    /// The frame for this way of being shown.
    pub(crate) fn shown_in(self, mode: Mode) -> Self {
        let is_live = mode == Mode::Live;
        let only_live = |word: Option<&'static str>| word.filter(|_| is_live);
        let (subscribe, reader) = (only_live(self.subscribe), only_live(self.reader));
        Self { has_search: is_live, subscribe, reader, ..self }
    }

    pub(crate) fn new(language: Language, path: &'a str, title: &'a str, now: Timestamp) -> Self {
        Self {
            root: "",
            language: language.code(),
            other: language.other().code(),
            path,
            title,
            site: "Status",
            has_logo: false,
            words: language.words(),
            now: clock(now),
            now_exact: exact(now),
            style: "",
            has_search: true,
            subscribe: None,
            reader: None,
        }
    }
}

/// A moment for people, to the minute, in UTC.
pub(crate) fn clock(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A moment for programs, to the second.
pub(crate) fn exact(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_preferred_language_is_found_by_its_weight() {
        let of = |value: &'static str| {
            let value = HeaderValue::from_static(value);
            Language::preferred(&HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, value)]))
        };
        assert_eq!(of("de-AT,de;q=0.9,en;q=0.8"), Language::German);
        assert_eq!(of("fr, de;q=0.3, en-GB;q=0.5"), Language::English);
        assert_eq!(of("fr"), Language::English);
        assert_eq!(of("de;q=0"), Language::English);
        assert_eq!(Language::preferred(&HeaderMap::new()), Language::English);
    }
}
