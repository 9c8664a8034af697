//! The builds that a list of upstream offers.

use std::collections::HashMap;

use jiff::civil::Date;
use lotse_transfer::{Checksum, manifest};
use regex::{Regex, RegexBuilder};
use serde_json::Value as Json;
use url::Url;

use super::{Halt, Search};
use crate::listing;
use crate::model::date_in;
use crate::source::{Find, captures};
use crate::template::{Values, expand_pattern};

/// What a regular expression may cost, in bytes of its program.
const MAX_PATTERN: usize = 1 << 20;

/// A build that a list offers.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// What names stand for.
    pub(super) values: Values,
    /// Its checksum, where the list has it.
    pub(super) checksum: Option<Checksum>,
}

impl Candidate {
    pub(super) fn get(&self, name: &str) -> &str {
        self.values.get(name).map(String::as_str).unwrap_or_default()
    }

    pub(super) fn version(&self) -> &str {
        self.get("version")
    }

    /// The date that was captured, else the one that the version begins with.
    pub(super) fn date(&self) -> Option<Date> {
        self.values.get("date").and_then(|text| date_in(text)).or_else(|| date_in(self.version()))
    }
}

impl Search<'_> {
    /// The builds, in the order of the list.
    pub(super) fn candidates(&self, values: &Values) -> Result<Vec<Candidate>, Halt> {
        match &self.source.find {
            Find::Pointer => Ok(vec![Candidate { values: values.clone(), checksum: None }]),
            Find::Listing { url, entry } => {
                let (url, page) = self.page(url, values)?;
                let unusable =
                    |why: &dyn std::fmt::Display| Halt::unusable(format!("{url}: {why}"));
                let base = Url::parse(&url).map_err(|error| unusable(&error))?;
                let names = listing::names(&base, &page).map_err(|error| unusable(&error))?;
                let named = names.into_iter().map(|name| (name, None));
                self.fitting(&url, entry, values, named.collect())
            }
            Find::Manifest { url, entry } => {
                let (url, text) = self.page(url, values)?;
                let entries = manifest::entries(&text);
                let named = entries.into_iter().filter_map(|entry| {
                    let name = entry.name?;
                    Some((name, Some(entry.checksum)))
                });
                self.fitting(&url, entry, values, named.collect())
            }
            Find::Text { url, entry } => {
                let (url, text) = self.page(url, values)?;
                let pattern = self.pattern(entry, values)?;
                let found = pattern.captures_iter(&text).map(|captured| Candidate {
                    values: joined(values, captures(&pattern, &captured)),
                    checksum: None,
                });
                some(found.collect(), &url)
            }
            Find::Json { url, items, each, fields } => {
                let (url, text) = self.page(url, values)?;
                let document: Json = serde_json::from_str(&text)
                    .map_err(|error| Halt::unusable(format!("{url}: this is no JSON: {error}")))?;
                let list = document.pointer(items).and_then(Json::as_array);
                let list =
                    list.ok_or_else(|| Halt::unusable(format!("{url}: it holds no list")))?;
                let mut patterns = Vec::new();
                for (field, pattern) in fields {
                    patterns.push((field.as_str(), self.pattern(pattern, values)?));
                }
                let found = objects(list, each.as_deref())
                    .filter_map(|object| object.values(&patterns))
                    .map(|more| Candidate { values: joined(values, more), checksum: None });
                some(found.collect(), &url)
            }
        }
    }

    fn page(&self, url: &str, values: &Values) -> Result<(String, String), Halt> {
        let url = self.fill(url, values)?;
        let text = self.text(&url)?;
        Ok((url, text))
    }

    fn pattern(&self, text: &str, values: &Values) -> Result<Regex, Halt> {
        let filled = expand_pattern(text, values).map_err(|name| {
            Halt::unusable(format!("the source \"{}\" found no {{{name}}}", self.source.name))
        })?;
        let built = RegexBuilder::new(&filled).size_limit(MAX_PATTERN).build();
        built.map_err(|error| {
            Halt::unusable(format!("the source \"{}\": {error}", self.source.name))
        })
    }

    fn fitting(
        &self,
        url: &str,
        entry: &str,
        values: &Values,
        names: Vec<(String, Option<Checksum>)>,
    ) -> Result<Vec<Candidate>, Halt> {
        let pattern = self.pattern(entry, values)?;
        let mut found: Vec<Candidate> = Vec::new();
        let mut places = HashMap::new();
        for (name, checksum) in names {
            let Some(captured) = pattern.captures(&name) else { continue };
            let mut more = captures(&pattern, &captured);
            let file = name.trim_end_matches('/').to_owned();
            // A file with checksums of several algorithms is one build; the strongest counts.
            let place = *places.entry(file.clone()).or_insert(found.len());
            if let Some(known) = found.get_mut(place) {
                let rank = |sum: &Option<Checksum>| sum.as_ref().map(Checksum::algorithm);
                if rank(&checksum) > rank(&known.checksum) {
                    known.checksum = checksum;
                }
                continue;
            }
            more.insert("file".to_owned(), file);
            found.push(Candidate { values: joined(values, more), checksum });
        }
        some(found, url)
    }
}

fn some(found: Vec<Candidate>, url: &str) -> Result<Vec<Candidate>, Halt> {
    if found.is_empty() {
        return Err(Halt::unusable(format!("{url} lists no build that fits")));
    }
    Ok(found)
}

fn joined(values: &Values, more: Values) -> Values {
    let mut all = values.clone();
    all.extend(more);
    all
}

/// An object of a list, and one of a list within it.
struct Object<'a> {
    outer: &'a Json,
    inner: Option<(&'a str, &'a Json)>,
}

fn objects<'a>(list: &'a [Json], each: Option<&'a str>) -> impl Iterator<Item = Object<'a>> {
    list.iter().flat_map(move |outer| match each {
        None => vec![Object { outer, inner: None }],
        Some(each) => {
            let members = outer.get(each).and_then(Json::as_array).into_iter().flatten();
            members.map(|member| Object { outer, inner: Some((each, member)) }).collect()
        }
    })
}

impl Object<'_> {
    fn field(&self, path: &str) -> Option<String> {
        let inner = self
            .inner
            .and_then(|(each, member)| Some((path.strip_prefix(each)?.strip_prefix('/')?, member)));
        let (path, object) = inner.unwrap_or((path, self.outer));
        let found = path.split('/').try_fold(object, |object, key| object.get(key))?;
        match found {
            Json::String(text) => Some(text.clone()),
            Json::Bool(_) | Json::Number(_) => Some(found.to_string()),
            Json::Null | Json::Array(_) | Json::Object(_) => None,
        }
    }

    /// What all patterns captured, if all fit.
    fn values(&self, patterns: &[(&str, Regex)]) -> Option<Values> {
        let mut values = Values::new();
        for (path, pattern) in patterns {
            let text = self.field(path)?;
            values.extend(captures(pattern, &pattern.captures(&text)?));
        }
        Some(values)
    }
}
