//! The pure heart: what upstream published, as far as it was asked, to what a definition should say.
//!
//! [`search`] is called again and again with more answers until it is done. It asks for the list of
//! builds first, then, from the newest build on, for the checksum of one build after the other until
//! one can be taken over: a directory that upstream is still filling is passed over. The order of
//! things:
//!
//! 1. What has the same checksum as the newest version of the definition is that version.
//! 2. What is older than the newest version is of no interest: a definition never goes back.
//! 3. What has the same version and another checksum was built again; it gets the version with `.1`
//!    (`.2`, …) behind it, because a version that means two contents would hide the newer one.
//! 4. What is newer must be there: the file itself is asked for.

mod candidates;

use std::cmp::Ordering;

use jiff::tz::TimeZone;
use lotse_core::time::Timestamp;
use lotse_transfer::{Algorithm, Checksum, manifest};

use crate::declare::LATEST;
use crate::model::{
    Answer, Answers, Build, Definition, FetchError, Finding, Outcome, Request, Version, date_in,
};
use crate::order::{Order, natural, numeric};
use crate::source::{ChecksumOf, Source, Sources, VersionOf};
use crate::template::{Values, expand};

use candidates::Candidate;

/// So many builds are looked at, from the newest on.
const MOST_CANDIDATES: usize = 5;

/// What a search needs or found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// This must be asked.
    Ask(Request),
    /// It is over.
    Done(Finding),
}

/// Why a search cannot go on.
enum Halt {
    Ask(Request),
    Done(Outcome),
    /// This build cannot be taken over; an older one may.
    Next(String),
}

impl Halt {
    fn unusable(why: impl Into<String>) -> Self {
        Self::Done(Outcome::Unusable { why: why.into() })
    }
}

/// Looks for the newest build of a definition in the answers in hand.
pub fn search(definition: &Definition, sources: &Sources, answers: &Answers) -> Step {
    let done = |source: Option<&Source>, outcome| {
        let source = source.map(|source| source.name.clone());
        Step::Done(Finding { definition: definition.name.clone(), source, outcome })
    };
    let skipped = |why: &str| done(None, Outcome::Skipped { why: why.to_owned() });
    let Some(newest) = definition.newest() else {
        return skipped("the definition has no versions");
    };
    if definition.versions.iter().any(|version| version.version == LATEST) {
        return done(None, Outcome::Follows);
    }
    let Some((source, values)) = sources.of(definition) else {
        return skipped("no source fits its URLs");
    };
    let search = Search { newest, source, answers };
    match search.run(&values) {
        Ok(outcome) | Err(Halt::Done(outcome)) => done(Some(source), outcome),
        Err(Halt::Ask(request)) => Step::Ask(request),
        Err(Halt::Next(why)) => done(Some(source), Outcome::Unusable { why }),
    }
}

struct Search<'a> {
    newest: &'a Version,
    source: &'a Source,
    answers: &'a Answers,
}

impl Search<'_> {
    fn run(&self, values: &Values) -> Result<Outcome, Halt> {
        let mut candidates = self.candidates(values)?;
        candidates.sort_by(|a, b| self.order(b, a));
        let mut passed_over = None;
        for candidate in candidates.iter().take(MOST_CANDIDATES) {
            match self.judge(candidate) {
                Err(Halt::Next(why)) => passed_over = passed_over.or(Some(why)),
                other => return other,
            }
        }
        let why = passed_over.unwrap_or_else(|| "upstream lists no build that fits".to_owned());
        Err(Halt::unusable(why))
    }

    fn order(&self, left: &Candidate, right: &Candidate) -> Ordering {
        let by_version = match self.source.order {
            Order::Natural => natural(left.version(), right.version()),
            Order::Numeric => numeric(left.version(), right.version()),
            Order::Date => left.date().cmp(&right.date()),
        };
        // Several builds of one version: the name of the directory or file tells.
        by_version.then_with(|| natural(left.get("file"), right.get("file")))
    }

    /// What one build means for the definition.
    fn judge(&self, candidate: &Candidate) -> Result<Outcome, Halt> {
        let mut values = candidate.values.clone();
        let url = self.fill(&self.source.url, &values)?;
        values.insert("url".to_owned(), url.clone());
        if let Some(why) = wrong_url(&url) {
            return Err(Halt::unusable(format!("upstream leads to \"{url}\": {why}")));
        }
        let given = match &self.source.version {
            VersionOf::Template(text) => {
                let version = self.fill(text, &values)?;
                if !is_version(&version) {
                    return Err(Halt::unusable(format!(
                        "\"{version}\" has not the form of a version"
                    )));
                }
                // Nothing more needs to be asked about what the definition has left behind.
                if self.compared(&version).is_lt() {
                    return Ok(self.up_to_date("upstream lists nothing newer"));
                }
                Some(version)
            }
            VersionOf::LastModified => None,
        };
        let checksum = self.checksum(candidate, &values, &url)?;
        if self.same(checksum.as_ref()) == Some(true) {
            return Ok(self.up_to_date("the checksum is the same"));
        }
        let (version, made) = if let Some(version) = given {
            (version, None)
        } else {
            let Some(made) = self.file(&url)? else {
                let why = format!("{url}: the server does not say when the file was made");
                return Err(Halt::unusable(why));
            };
            (day(made).strftime("%Y%m%d").to_string(), Some(made))
        };
        let version = match self.compared(&version) {
            Ordering::Less => {
                return Ok(self.up_to_date("the file upstream is older"));
            }
            Ordering::Equal if self.same(checksum.as_ref()).is_none() => {
                return Ok(self.up_to_date("the version is the same"));
            }
            Ordering::Equal => again(&version, &self.newest.version),
            Ordering::Greater => version,
        };
        let made = if made.is_some() { made } else { self.file(&url)? };
        let checksum = match (&self.source.checksum, checksum) {
            (Some(ChecksumOf::Computed(algorithm)), None) => Some(self.hash(&url, *algorithm)?),
            (_, checksum) => checksum,
        };
        if checksum.is_none() && self.newest.checksum.is_some() {
            return Err(Halt::unusable(
                "upstream publishes no checksum, and the definition has one",
            ));
        }
        let build_date = candidate.date().or_else(|| date_in(&version)).or_else(|| made.map(day));
        let build = Build { version, url, checksum, build_date };
        Ok(Outcome::Newer { from: self.newest.version.clone(), build })
    }

    /// How a version compares with the newest of the definition; a build that was published again
    /// (`20261001.1` for upstream's `20261001`) is the same.
    fn compared(&self, version: &str) -> Ordering {
        let newest = &self.newest.version;
        if repeated(version, newest).is_some() {
            return Ordering::Equal;
        }
        natural(version, newest)
    }

    /// Whether a checksum is that of the newest version; none where that cannot be said.
    fn same(&self, checksum: Option<&Checksum>) -> Option<bool> {
        let declared: Checksum = self.newest.checksum.as_ref()?.parse().ok()?;
        let checksum = checksum.filter(|one| one.algorithm() == declared.algorithm())?;
        Some(*checksum == declared)
    }

    fn up_to_date(&self, why: &'static str) -> Outcome {
        Outcome::UpToDate { version: self.newest.version.clone(), why }
    }

    fn fill(&self, text: &str, values: &Values) -> Result<String, Halt> {
        // An optional group of a pattern that captured nothing.
        expand(text, values).map_err(|name| {
            Halt::Next(format!("the source \"{}\" found no {{{name}}}", self.source.name))
        })
    }

    fn checksum(
        &self,
        candidate: &Candidate,
        values: &Values,
        url: &str,
    ) -> Result<Option<Checksum>, Halt> {
        match &self.source.checksum {
            None => Ok(candidate.checksum.clone()),
            Some(ChecksumOf::Computed(_)) => Ok(None),
            Some(ChecksumOf::Value(text)) => {
                let value = self.fill(text, values)?;
                let parsed = value.parse().map(Some);
                parsed.map_err(|error| Halt::Next(format!("\"{value}\": {error}")))
            }
            Some(ChecksumOf::File(text)) => {
                let place = self.fill(text, values)?;
                let entries = manifest::entries(&self.text(&place)?);
                let file = url.rsplit('/').next().unwrap_or_default();
                let of_one = place.rsplit('/').next().is_some_and(|name| name.starts_with(file));
                match manifest::find(&entries, file, of_one) {
                    Ok(checksum) => Ok(Some(checksum)),
                    Err(error) => Err(Halt::Next(format!("{place}: {error}"))),
                }
            }
        }
    }

    fn ask(&self, request: Request) -> Result<&Answer, Halt> {
        match self.answers.get(&request) {
            None => Err(Halt::Ask(request)),
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error @ FetchError::NotFound { .. })) => Err(Halt::Next(error.to_string())),
            Some(Err(error)) => Err(Halt::Done(Outcome::Failed { why: error.to_string() })),
        }
    }

    fn text(&self, url: &str) -> Result<String, Halt> {
        match self.ask(Request::Text(url.to_owned()))? {
            Answer::Text(text) => Ok(text.clone()),
            Answer::File(_) | Answer::Hash(_) => Err(Halt::unusable("no text was answered")),
        }
    }

    fn file(&self, url: &str) -> Result<Option<Timestamp>, Halt> {
        match self.ask(Request::File(url.to_owned()))? {
            Answer::File(made) => Ok(*made),
            Answer::Text(_) | Answer::Hash(_) => Err(Halt::unusable("no file was answered")),
        }
    }

    fn hash(&self, url: &str, algorithm: Algorithm) -> Result<Checksum, Halt> {
        match self.ask(Request::Hash(url.to_owned(), algorithm))? {
            Answer::Hash(checksum) => Ok(checksum.clone()),
            Answer::Text(_) | Answer::File(_) => Err(Halt::unusable("no checksum was answered")),
        }
    }
}

fn day(at: Timestamp) -> jiff::civil::Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// The number behind a version that was published again: 2 for `20261001` and `20261001.2`.
fn repeated(version: &str, newest: &str) -> Option<u32> {
    let number = newest.strip_prefix(version)?.strip_prefix('.')?;
    // Only dates get such numbers; `1.11` and `1.11.3` are two versions.
    date_in(version).filter(|_| version.len() == 8)?;
    number.parse().ok().filter(|number| *number < 1000)
}

/// The version of what was published again under a version that the definition has.
fn again(version: &str, newest: &str) -> String {
    format!("{version}.{}", repeated(version, newest).unwrap_or(0) + 1)
}

/// What may stand as a version: it becomes part of names, paths and YAML.
fn is_version(text: &str) -> bool {
    let first = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let rest = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+~-".contains(&byte));
    first && rest && text.len() <= 100 && text != LATEST
}

fn wrong_url(text: &str) -> Option<&'static str> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Some("a URL holds no blanks and control characters");
    }
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => None,
        Ok(_) => Some("images are downloaded by https:// or http://"),
        Err(_) => Some("this is not a URL"),
    }
}

#[cfg(test)]
mod tests;
