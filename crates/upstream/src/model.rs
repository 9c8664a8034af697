//! The words of the crate as types.

use std::collections::BTreeMap;

use jiff::civil::Date;
use lotse_core::declared::Span;
use lotse_core::time::Timestamp;
use lotse_transfer::{Algorithm, Checksum};
use serde::Serialize;

/// One image of a definition file, as far as freshness is concerned.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// Which file of the catalogue it stands in.
    pub file: usize,
    /// Which image of the file it is, from 0.
    pub index: usize,
    /// Where its name stands.
    pub span: Span,
    /// Whether the image is kept in clouds.
    pub enabled: bool,
    /// Disk format.
    pub format: String,
    /// Short name, part of the paths of mirrors.
    pub shortname: Option<String>,
    /// Where upstream publishes the newest build, as OSISM's tools are told.
    pub latest_url: Option<String>,
    /// Where upstream publishes the checksum of the newest build.
    pub latest_checksum_url: Option<String>,
    /// Properties, as text.
    pub meta: BTreeMap<String, String>,
    /// The versions, in the order of the file.
    pub versions: Vec<Version>,
}

/// One version of a definition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Version {
    /// Which entry of `versions` it is, from 0.
    pub index: usize,
    /// The version.
    pub version: String,
    /// Where the file is.
    pub url: String,
    /// Where the file is downloaded from instead.
    pub mirror_url: Option<String>,
    /// The declared checksum, as it is written.
    pub checksum: Option<String>,
    /// When upstream built it.
    pub build_date: Option<Date>,
}

impl Definition {
    /// The newest version, by natural order; none for a definition without versions.
    pub fn newest(&self) -> Option<&Version> {
        self.versions.iter().max_by(|a, b| crate::order::natural(&a.version, &b.version))
    }

    /// How many versions `uuid_validity: last-N` asks for.
    pub fn last(&self) -> Option<usize> {
        let text = self.meta.get("uuid_validity")?.strip_prefix("last-")?;
        text.parse().ok().filter(|count| *count > 0)
    }
}

impl Version {
    /// When it was built: `build_date`, else the date that the version begins with.
    pub fn date(&self) -> Option<Date> {
        self.build_date.or_else(|| date_in(&self.version))
    }
}

/// The date that a text begins with: `YYYYMMDD…` or `YYYY-MM-DD…`.
pub(crate) fn date_in(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| -> Option<i16> {
        let part = bytes.get(range)?;
        part.iter()
            .all(u8::is_ascii_digit)
            .then(|| part.iter().fold(0_i16, |sum, digit| sum * 10 + i16::from(digit - b'0')))
    };
    let dashed = bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-');
    let (month, day, end) = if dashed { (5..7, 8..10, 10) } else { (4..6, 6..8, 8) };
    if bytes.get(end).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let year = digits(0..4).filter(|year| (1990..=2999).contains(year))?;
    let month = i8::try_from(digits(month)?).ok()?;
    Date::new(year, month, i8::try_from(digits(day)?).ok()?).ok()
}

/// A build that upstream publishes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Build {
    /// The version, as it goes into the definition file.
    pub version: String,
    /// Where the file is.
    pub url: String,
    /// Its checksum, where upstream or the source tells one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// When it was built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_date: Option<Date>,
}

/// What came of looking for a definition's newest build.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// The name of the definition.
    pub definition: String,
    /// The source that was used, if one fits.
    pub source: Option<String>,
    /// What was found.
    pub outcome: Outcome,
}

/// What was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The newest version of the definition is the newest build.
    UpToDate {
        /// Its version.
        version: String,
        /// How that is known.
        why: &'static str,
    },
    /// There is a newer build.
    Newer {
        /// The newest version of the definition.
        from: String,
        /// The build.
        build: Build,
    },
    /// The version `latest` needs no new entry: the image itself follows.
    Follows,
    /// Nobody looked: no source fits, or the definition is disabled.
    Skipped {
        /// Why.
        why: String,
    },
    /// Upstream was asked, and what it publishes cannot be taken over.
    Unusable {
        /// Why.
        why: String,
    },
    /// Upstream could not be asked.
    Failed {
        /// Which address, and why.
        why: String,
    },
}

impl Outcome {
    /// Whether somebody has to look into it.
    pub const fn is_trouble(&self) -> bool {
        matches!(self, Self::Unusable { .. } | Self::Failed { .. })
    }

    /// Its name in JSON.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::UpToDate { .. } => "up-to-date",
            Self::Newer { .. } => "newer",
            Self::Follows => "follows",
            Self::Skipped { .. } => "skipped",
            Self::Unusable { .. } => "unusable",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Something to ask of upstream.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Request {
    /// The text at an address.
    Text(String),
    /// Whether there is a file, and when it was made.
    File(String),
    /// The checksum of a file, by downloading it.
    Hash(String, Algorithm),
}

impl Request {
    /// The address.
    pub fn url(&self) -> &str {
        match self {
            Self::Text(url) | Self::File(url) | Self::Hash(url, _) => url,
        }
    }
}

/// What upstream answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// To [`Request::Text`].
    Text(String),
    /// To [`Request::File`]: the `Last-Modified` that was sent.
    File(Option<Timestamp>),
    /// To [`Request::Hash`].
    Hash(Checksum),
}

/// Why upstream did not answer as hoped, for people.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FetchError {
    /// There is nothing at this address.
    #[error("{url}: upstream has nothing there ({status})")]
    NotFound {
        /// The address.
        url: String,
        /// 404 or 410.
        status: u16,
    },
    /// Everything else.
    #[error("{url}: {why}")]
    Failed {
        /// The address.
        url: String,
        /// What happened.
        why: String,
    },
}

/// The answers in hand.
pub type Answers = BTreeMap<Request, Result<Answer, FetchError>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_from_the_beginning_of_versions() {
        let date = |text| date_in(text).map(|date| date.to_string());
        assert_eq!(date("20261001").as_deref(), Some("2026-10-01"));
        assert_eq!(date("20261001.1").as_deref(), Some("2026-10-01"));
        assert_eq!(date("20261001-2618").as_deref(), Some("2026-10-01"));
        assert_eq!(date("2026-10-01T08:00:00Z").as_deref(), Some("2026-10-01"));
        for other in ["202610011", "20261301", "4230.2.4", "1.11.3", "", "２０２６", "2026-1-1"]
        {
            assert_eq!(date(other), None, "{other}");
        }
    }
}
