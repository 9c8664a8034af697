//! Sources: small declared rules that say where a distribution lists its builds.
//!
//! ```yaml
//! sources:
//!   - name: debian
//!     match:
//!       os_distro: [debian]
//!       url: '^(?<base>https?://.+/)(?:latest|\d{8}-\d+)/(?<stem>debian-…)\.qcow2$'
//!     find:
//!       listing:
//!         url: '{base}'
//!         entry: '^(?<dir>(?<version>\d{8})-\d+)/$'
//!     url: '{base}{dir}/{stem}-{dir}.qcow2'
//!     checksum:
//!       file: '{base}{dir}/SHA512SUMS'
//! ```
//!
//! `match.url` is held against the definition's `latest_url` and the URL of its newest version, so
//! that files that were written for other tools need no change. What it captures, and what the
//! definition says ([`BUILT_IN_NAMES`]), can be used as `{name}` in everything that follows; what
//! `entry` captures, in `version`, `url` and `checksum`. A name that nothing gives is complained
//! about when the file is read.

mod raw;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lotse_core::declared::{self, DeclaredError, Diagnostic, Loaded, SourceFile};
use lotse_transfer::Algorithm;
use regex::Regex;

use crate::model::Definition;
use crate::order::Order;
use crate::template::{Values, expand_pattern, names};

use raw::{RawChecksum, RawFile, RawFind, RawSource};

/// What a definition gives to patterns and texts, where it has it.
pub const BUILT_IN_NAMES: [&str; 7] = [
    "name",
    "shortname",
    "format",
    "os_version",
    "architecture",
    "latest_url",
    "latest_checksum_url",
];

/// The version that is the day on which the file was made.
const LAST_MODIFIED: &str = "last-modified";

const BUILT_IN: &str = include_str!("source/builtin.yaml");

/// All sources, in the order in which they are tried.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The sources.
    pub sources: Vec<Source>,
    /// Beginnings of URLs that are reached elsewhere: from, to.
    pub mirrors: Vec<(String, String)>,
}

/// A rule that says where builds are.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name.
    pub name: String,
    url_pattern: Regex,
    name_pattern: Option<Regex>,
    os_distro: Option<Vec<String>>,
    /// What the definition has to give so that the rule can be used.
    needs: BTreeSet<String>,
    pub(crate) find: Find,
    pub(crate) version: VersionOf,
    pub(crate) order: Order,
    pub(crate) url: String,
    pub(crate) checksum: Option<ChecksumOf>,
}

/// Where builds are found.
#[derive(Clone, Debug)]
pub(crate) enum Find {
    Listing { url: String, entry: String },
    Manifest { url: String, entry: String },
    Text { url: String, entry: String },
    Json { url: String, items: String, each: Option<String>, fields: BTreeMap<String, String> },
    Pointer,
}

/// What a build's version is.
#[derive(Clone, Debug)]
pub(crate) enum VersionOf {
    Template(String),
    LastModified,
}

/// Where a build's checksum is.
#[derive(Clone, Debug)]
pub(crate) enum ChecksumOf {
    File(String),
    Value(String),
    Computed(Algorithm),
}

impl Sources {
    /// The built-in sources.
    ///
    /// # Errors
    /// None in a program that was tested; the type is that of files.
    pub fn built_in() -> Result<Self, DeclaredError> {
        Self::from_source(&SourceFile::new("built-in sources", BUILT_IN), false)
    }

    /// The sources of a file, followed by the built-in ones unless the file says otherwise.
    ///
    /// # Errors
    /// [`DeclaredError`] with all complaints.
    pub fn load(path: &Path) -> Result<Self, DeclaredError> {
        Self::from_source(&SourceFile::read(path)?, true)
    }

    /// The same from a text in hand; with `built_in`, the built-in sources may follow.
    ///
    /// # Errors
    /// [`DeclaredError::Invalid`]
    pub fn from_source(file: &SourceFile, built_in: bool) -> Result<Self, DeclaredError> {
        let loaded = declared::load::<RawFile>(file)?;
        let mut wrong = Vec::new();
        let mut sources = Vec::new();
        for (index, raw) in loaded.value.sources.iter().enumerate() {
            let mut check = Check { file: &loaded, index, wrong: &mut wrong };
            sources.extend(check.source(raw));
        }
        let mut mirrors = Vec::new();
        for (index, mirror) in loaded.value.mirrors.iter().enumerate() {
            for (key, url) in [("from", &mirror.from), ("to", &mirror.to)] {
                if !url.ends_with('/') || url::Url::parse(url).is_err() {
                    let pointer = format!("/mirrors/{index}/{key}");
                    wrong.push(
                        loaded
                            .complain(&pointer, format!("\"{url}\" is no beginning of URLs"))
                            .with_help("write a URL that ends with /"),
                    );
                }
            }
            mirrors.push((mirror.from.clone(), mirror.to.clone()));
        }
        if !wrong.is_empty() {
            return Err(DeclaredError::Invalid { diagnostics: wrong });
        }
        if built_in && loaded.value.builtin {
            sources.extend(Self::built_in()?.sources);
        }
        Ok(Self { sources, mirrors })
    }

    /// The first source that fits a definition, with what it knows by then.
    pub(crate) fn of(&self, definition: &Definition) -> Option<(&Source, Values)> {
        self.sources.iter().find_map(|source| Some((source, source.values(definition)?)))
    }

    /// Where a URL is reached from here.
    pub fn reached<'a>(&self, url: &'a str) -> std::borrow::Cow<'a, str> {
        let mirror = self.mirrors.iter().find_map(|(from, to)| Some((url.strip_prefix(from)?, to)));
        match mirror {
            Some((rest, to)) => format!("{to}{rest}").into(),
            None => url.into(),
        }
    }
}

/// The JSON Schema of files of sources.
pub fn schema() -> serde_json::Value {
    declared::schema::of::<RawFile>()
}

impl Source {
    /// What names stand for in this rule for a definition; none when the rule is not for it.
    fn values(&self, definition: &Definition) -> Option<Values> {
        if let Some(allowed) = &self.os_distro {
            let distro = definition.meta.get("os_distro")?;
            allowed.contains(distro).then_some(())?;
        }
        if let Some(pattern) = &self.name_pattern {
            pattern.is_match(&definition.name).then_some(())?;
        }
        let mut values = given(definition);
        self.needs.iter().all(|name| values.contains_key(name)).then_some(())?;
        let newest = definition.newest().map(|version| version.url.as_str());
        let urls = [definition.latest_url.as_deref(), newest];
        let captured = urls.into_iter().flatten().find_map(|url| self.url_pattern.captures(url))?;
        values.extend(captures(&self.url_pattern, &captured));
        Some(values)
    }
}

/// What a definition gives.
fn given(definition: &Definition) -> Values {
    let meta = |key: &str| definition.meta.get(key).cloned();
    let all = [
        Some(definition.name.clone()),
        definition.shortname.clone(),
        Some(definition.format.clone()),
        meta("os_version"),
        meta("architecture"),
        definition.latest_url.clone(),
        definition.latest_checksum_url.clone(),
    ];
    let pairs = BUILT_IN_NAMES.into_iter().zip(all);
    pairs.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// What the named groups of a pattern captured.
pub(crate) fn captures(pattern: &Regex, captured: &regex::Captures<'_>) -> Values {
    let names = pattern.capture_names().flatten();
    let value = |name: &str| Some((name.to_owned(), captured.name(name)?.as_str().to_owned()));
    names.filter_map(value).collect()
}

/// Checks one source and collects complaints.
struct Check<'a> {
    file: &'a Loaded<RawFile>,
    index: usize,
    wrong: &'a mut Vec<Diagnostic>,
}

impl Check<'_> {
    fn complain(&mut self, key: &str, message: String, help: Option<&str>) {
        let pointer = format!("/sources/{}/{key}", self.index);
        let complaint = self.file.complain(&pointer, message);
        self.wrong.push(match help {
            Some(help) => complaint.with_help(help),
            None => complaint,
        });
    }

    fn pattern(&mut self, key: &str, text: &str) -> Option<Regex> {
        match Regex::new(text) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                let first = error.to_string();
                let reason = first.lines().last().unwrap_or_default().trim();
                let reason = reason.strip_prefix("error: ").unwrap_or(reason).to_owned();
                self.complain(key, format!("this is no regular expression: {reason}"), None);
                None
            }
        }
    }

    /// A pattern with names in it: they must be known, and it must be one when they are filled in.
    fn filled(&mut self, key: &str, text: &str, known: &mut Known) -> Option<Regex> {
        self.known(key, text, known);
        let sample: Values = names(text).map(|name| (name.to_owned(), "x".to_owned())).collect();
        let filled = expand_pattern(text, &sample).ok()?;
        self.pattern(key, &filled)
    }

    /// Complains about names that nothing gives, and notes which of a definition are needed.
    fn known(&mut self, key: &str, text: &str, known: &mut Known) {
        for name in names(text) {
            if known.captured.contains(name) {
                continue;
            }
            if BUILT_IN_NAMES.contains(&name) {
                known.needs.insert(name.to_owned());
            } else {
                let mut all: Vec<_> = known.captured.iter().map(String::as_str).collect();
                all.extend(BUILT_IN_NAMES);
                let help = format!("names that can stand here: {}", all.join(", "));
                self.complain(key, format!("nothing gives {{{name}}}"), Some(&help));
            }
        }
    }

    fn source(&mut self, raw: &RawSource) -> Option<Source> {
        let before = self.wrong.len();
        let mut known = Known::default();
        let url_pattern = self.pattern("match/url", &raw.r#match.url);
        let name_pattern = raw.r#match.name.as_ref().map(|text| self.pattern("match/name", text));
        known.capture(url_pattern.as_ref());
        let find = self.find(&raw.find, &mut known);
        let version = match raw.version.as_deref() {
            Some(LAST_MODIFIED) => VersionOf::LastModified,
            Some(text) => {
                self.known("version", text, &mut known);
                VersionOf::Template(text.to_owned())
            }
            None => {
                if !known.captured.contains("version") {
                    let help = "capture it as (?<version>…), or write version: last-modified";
                    self.complain("find", "nothing gives the version".to_owned(), Some(help));
                }
                VersionOf::Template("{version}".to_owned())
            }
        };
        self.known("url", &raw.url, &mut known);
        known.captured.insert("url".to_owned());
        let checksum = raw.checksum.as_ref().map(|checksum| match checksum {
            RawChecksum::File(text) => {
                self.known("checksum/file", text, &mut known);
                ChecksumOf::File(text.clone())
            }
            RawChecksum::Value(text) => {
                self.known("checksum/value", text, &mut known);
                ChecksumOf::Value(text.clone())
            }
            RawChecksum::Computed(algorithm) => {
                if matches!(algorithm, Algorithm::Md5 | Algorithm::Sha1) {
                    let message = "checksums are computed with sha256 or sha512".to_owned();
                    self.complain("checksum/computed", message, None);
                }
                ChecksumOf::Computed(*algorithm)
            }
        });
        let url_pattern = url_pattern.filter(|_| self.wrong.len() == before)?;
        Some(Source {
            name: raw.name.clone(),
            url_pattern,
            name_pattern: name_pattern.flatten(),
            os_distro: raw.r#match.os_distro.clone(),
            needs: known.needs,
            find,
            version,
            order: raw.order,
            url: raw.url.clone(),
            checksum,
        })
    }

    fn find(&mut self, raw: &RawFind, known: &mut Known) -> Find {
        let kind = match raw {
            RawFind::Listing(_) => "listing",
            RawFind::Manifest(_) => "manifest",
            RawFind::Text(_) => "text",
            RawFind::Json(_) => "json",
            RawFind::Pointer => return Find::Pointer,
        };
        match raw {
            RawFind::Listing(raw) | RawFind::Manifest(raw) | RawFind::Text(raw) => {
                self.known(&format!("find/{kind}/url"), &raw.url, known);
                let pattern = self.filled(&format!("find/{kind}/entry"), &raw.entry, known);
                known.capture(pattern.as_ref());
                known.captured.insert("file".to_owned());
                let (url, entry) = (raw.url.clone(), raw.entry.clone());
                match kind {
                    "listing" => Find::Listing { url, entry },
                    "manifest" => Find::Manifest { url, entry },
                    _ => Find::Text { url, entry },
                }
            }
            RawFind::Json(raw) => {
                self.known("find/json/url", &raw.url, known);
                let mut patterns = Vec::new();
                for (field, text) in &raw.fields {
                    let field = field.replace('~', "~0").replace('/', "~1");
                    patterns.push(self.filled(&format!("find/json/fields/{field}"), text, known));
                }
                for pattern in &patterns {
                    known.capture(pattern.as_ref());
                }
                Find::Json {
                    url: raw.url.clone(),
                    items: raw.items.clone(),
                    each: raw.each.clone(),
                    fields: raw.fields.clone(),
                }
            }
            RawFind::Pointer => Find::Pointer,
        }
    }
}

/// Names that are given at a place of a rule.
#[derive(Default)]
struct Known {
    captured: BTreeSet<String>,
    needs: BTreeSet<String>,
}

impl Known {
    fn capture(&mut self, pattern: Option<&Regex>) {
        let names = pattern.into_iter().flat_map(Regex::capture_names);
        self.captured.extend(names.flatten().map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_sources_are_in_order() {
        let sources = Sources::built_in().map_err(|error| error.report()).unwrap();
        let names: Vec<_> = sources.sources.iter().map(|source| source.name.as_str()).collect();
        for wanted in [
            "almalinux",
            "rocky",
            "centos-stream",
            "debian",
            "ubuntu",
            "fedora",
            "opensuse",
            "flatcar",
            "talos",
            "gardenlinux",
            "opnsense",
        ] {
            assert!(names.contains(&wanted), "{wanted} is not among {names:?}");
        }
    }

    fn complaints(text: &str) -> String {
        Sources::from_source(&SourceFile::new("s.yaml", text), true).unwrap_err().report()
    }

    #[test]
    fn mistakes_in_a_source_are_told_with_line_and_column() {
        let text = "sources:\n  - name: x\n    match: {url: '^(?<base>.+)/'}\n    find:\n      listing:\n        \
            url: '{bsae}'\n        entry: '^(?<day>\\d+'\n    url: '{base}{day}'\n";
        let told = complaints(text);
        assert!(told.contains("s.yaml:6:14: nothing gives {bsae}"), "{told}");
        assert!(
            told.contains("s.yaml:7:16: this is no regular expression: unclosed group"),
            "{told}"
        );
        assert!(told.contains("nothing gives the version"), "{told}");
        let unknown = complaints("sources:\n  - nme: x\n");
        assert!(unknown.contains("s.yaml:2:5: unknown key \"nme\""), "{unknown}");
        let kind = complaints(
            "sources:\n  - name: x\n    match: {url: x}\n    find: {directory: {url: a}}\n    url: y\n",
        );
        assert!(kind.contains("s.yaml:4:"), "{kind}");
        let mirror = complaints("mirrors:\n  - {from: 'https://h/', to: 'http://m'}\n");
        assert!(mirror.contains("s.yaml:2:30: \"http://m\" is no beginning of URLs"), "{mirror}");
    }

    #[test]
    fn sources_of_a_file_come_before_the_built_in_ones() {
        let text = "sources:\n  - name: own\n    match: {url: '^(?<link>.+)$'}\n    find: pointer\n    \
            version: last-modified\n    url: '{link}'\n";
        let all = Sources::from_source(&SourceFile::new("s.yaml", text), true).unwrap();
        assert_eq!(all.sources[0].name, "own");
        assert!(all.sources.len() > 11);
        let alone = format!("builtin: false\n{text}");
        let alone = Sources::from_source(&SourceFile::new("s.yaml", alone), true).unwrap();
        assert_eq!(alone.sources.len(), 1);
    }
}
