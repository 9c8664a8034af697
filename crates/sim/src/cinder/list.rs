//! Lists: filters, order, pages and links, the same for volumes, snapshots, backups and types.

use std::cmp::Ordering;
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use lotse_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::asked::{Asked, input};
use crate::fault_body::Fault;
use crate::http::query::Query;
use crate::schema::oslo::{flag, truth};

/// The largest page (`osapi_max_limit`).
const MOST: usize = 1000;

/// Something that is listed.
pub(crate) trait Listed {
    fn id(&self) -> &str;
    fn created(&self) -> Timestamp;
    /// A field to filter and sort by; `None` when there is no such field.
    fn field(&self, name: &str) -> Option<Value>;
}

/// Whether a list is asked for with all details, at its own path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detail(pub(crate) bool);

impl Detail {
    /// What follows the kind in links.
    pub(crate) const fn place(self) -> &'static str {
        if self.0 { "/detail" } else { "" }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Detail {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.uri.path().ends_with("/detail")))
    }
}

/// What may be listed and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// For example `volumes`.
    pub(crate) kind: &'static str,
    /// For example `Volume`, for a marker that is not there.
    pub(crate) one: &'static str,
    /// What everybody may filter by.
    pub(crate) filters: &'static [&'static str],
    /// What one may sort by.
    pub(crate) sorts: &'static [&'static str],
}

/// What a client wants of a list.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    rules: Rules,
    asked: &'a Asked,
    query: &'a Query,
    /// What follows the kind in links: `detail` or nothing.
    place: &'static str,
    limit: usize,
    limited: bool,
    offset: usize,
    marker: Option<String>,
    sort: Vec<(String, bool)>,
    filters: Vec<(String, String)>,
    counted: bool,
    pub(crate) all_projects: bool,
}

/// What a page shows.
#[derive(Debug)]
pub(crate) struct Shown<'a, T> {
    pub(crate) items: Vec<&'a T>,
    total: usize,
}

fn whole(query: &Query, name: &str, words: [&str; 2]) -> Result<Option<usize>, Fault> {
    let Some(text) = query.get(name) else { return Ok(None) };
    let number: i64 = text.parse().map_err(|_| Fault::bad(words[0]))?;
    usize::try_from(number).map(Some).map_err(|_| Fault::bad(words[1]))
}

impl<'a> Wanted<'a> {
    pub(crate) fn parse(
        asked: &'a Asked,
        query: &'a Query,
        rules: Rules,
        place: &'static str,
    ) -> Result<Self, Fault> {
        let limit = whole(
            query,
            "limit",
            ["limit param must be an integer", "limit param must be positive"],
        )?;
        let offset = whole(query, "offset", ["offset must be an integer", "offset must be >= 0"])?;
        let mut wanted = Self {
            rules,
            asked,
            query,
            place,
            limit: limit.unwrap_or(MOST).min(MOST),
            limited: limit.is_some(),
            offset: offset.unwrap_or(0),
            marker: query.get("marker").map(str::to_owned),
            sort: sort(query, rules)?,
            filters: Vec::new(),
            counted: false,
            all_projects: false,
        };
        wanted.filter()?;
        Ok(wanted)
    }

    fn filter(&mut self) -> Result<(), Fault> {
        let paging = ["limit", "offset", "marker", "sort", "sort_key", "sort_dir"];
        let mut unknown = Vec::new();
        for (name, value) in &self.query.0 {
            match name.as_str() {
                name if paging.contains(&name) => {}
                "with_count" if self.asked.at_least(45) => {
                    self.counted = truth(&json!(value));
                }
                "all_tenants" => {
                    let yes = flag(value).ok_or_else(|| {
                        Fault::bad(format!("Value '{value}' for 'all_tenants' is not a boolean."))
                    })?;
                    self.all_projects = yes && self.asked.is_admin();
                }
                name if self.rules.filters.contains(&name) || self.asked.is_admin() => {
                    self.filters.push((name.to_owned(), value.clone()));
                }
                // Before 3.31 what is unknown is passed over.
                _ if !self.asked.at_least(31) => {}
                other => unknown.push(other.to_owned()),
            }
        }
        if !unknown.is_empty() {
            let text = format!("Invalid filters {} are found in query options.", unknown.join(","));
            return Err(Fault::bad(text));
        }
        for (name, value) in &self.filters {
            let flags = ["true", "false", "1", "0", "t", "f", "yes", "no", "on", "off"];
            let odd = !flags.contains(&value.to_ascii_lowercase().as_str());
            if name == "bootable" && odd && self.asked.at_least(2) {
                return Err(input(&format!("'bootable = {value}'")));
            }
            if name == "created_at" || name == "updated_at" {
                times(value)?;
            }
        }
        Ok(())
    }

    /// The page of a list.
    pub(crate) fn page<'b, T: Listed>(
        &self,
        list: impl Iterator<Item = &'b T>,
    ) -> Result<Shown<'b, T>, Fault> {
        let mut found: Vec<&T> = list.filter(|item| self.takes(*item)).collect();
        found.sort_by(|a, b| self.order(*a, *b));
        let total = found.len();
        let begin = match &self.marker {
            None => 0,
            Some(marker) => {
                let place = found.iter().position(|item| item.id() == marker);
                place.map(|place| place + 1).ok_or_else(|| {
                    Fault::missing(format!("{} {marker} could not be found.", self.rules.one))
                })?
            }
        };
        let items = found.into_iter().skip(begin + self.offset).take(self.limit).collect();
        Ok(Shown { items, total })
    }

    fn takes<T: Listed>(&self, item: &T) -> bool {
        self.filters.iter().all(|(name, wanted)| match name.as_str() {
            "created_at" | "updated_at" => {
                let at = item.field(name).and_then(|at| at.as_str()?.parse::<Timestamp>().ok());
                times(wanted)
                    .unwrap_or_default()
                    .iter()
                    .all(|(operator, bound)| at.is_some_and(|at| holds(operator, at.cmp(bound))))
            }
            "metadata" | "extra_specs" => {
                let wanted: Option<Map<String, Value>> =
                    serde_json::from_str(&wanted.replace('\'', "\"")).ok();
                let found = item.field(name).unwrap_or_default();
                wanted.is_some_and(|wanted| {
                    wanted.iter().all(|(key, value)| found.get(key) == Some(value))
                })
            }
            _ => match item.field(name) {
                None => false,
                Some(Value::Bool(flag)) => flag == truth(&json!(wanted)),
                Some(Value::String(text)) => text == *wanted,
                Some(other) => wanted.parse().ok().as_ref() == Some(&other),
            },
        })
    }

    fn order<T: Listed>(&self, a: &T, b: &T) -> Ordering {
        for (key, ascending) in &self.sort {
            let by = compare(a.field(key).as_ref(), b.field(key).as_ref());
            let by = if *ascending { by } else { by.reverse() };
            if by != Ordering::Equal {
                return by;
            }
        }
        let ascending = self.sort.first().is_some_and(|(_, ascending)| *ascending);
        let by = a.created().cmp(&b.created()).then_with(|| a.id().cmp(b.id()));
        if ascending { by } else { by.reverse() }
    }

    /// The answer: the items under the kind, links to the next page, and the count if it was wanted.
    pub(crate) fn answer<T: Listed>(&self, shown: &Shown<'_, T>, items: Vec<Value>) -> Value {
        let mut body = Map::from_iter([(self.rules.kind.to_owned(), Value::Array(items))]);
        if let Some(links) = self.links(shown) {
            body.insert(format!("{}_links", self.rules.kind), links);
        }
        if self.counted {
            body.insert("count".to_owned(), json!(shown.total));
        }
        Value::Object(body)
    }

    /// The link to the page that follows: given whenever the page is full.
    pub(crate) fn links<T: Listed>(&self, shown: &Shown<'_, T>) -> Option<Value> {
        let last = shown.items.last()?.id();
        let known = if self.counted { shown.total } else { shown.items.len() };
        let most = if self.limited { self.limit } else { MOST };
        if most == 0 || most > known {
            return None;
        }
        let mut pairs: Vec<(&str, &str)> =
            self.query.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        match pairs.iter_mut().find(|(name, _)| *name == "marker") {
            Some(marker) => marker.1 = last,
            None => pairs.push(("marker", last)),
        }
        let query = Query::encode(pairs.into_iter());
        let kind = if self.rules.kind == "volume_types" { "types" } else { self.rules.kind };
        let href = format!("{}/{kind}{}?{query}", self.asked.here, self.place);
        Some(json!([{"rel": "next", "href": href}]))
    }
}

fn sort(query: &Query, rules: Rules) -> Result<Vec<(String, bool)>, Fault> {
    let mut keys = Vec::new();
    if let Some(text) = query.get("sort") {
        for part in text.split(',') {
            let (key, direction) = part.split_once(':').unwrap_or((part, "desc"));
            keys.push((key.trim().to_owned(), direction.trim().to_owned()));
        }
    } else if let Some(key) = query.get("sort_key") {
        let direction = query.get("sort_dir").unwrap_or("desc");
        keys.push((key.to_owned(), direction.to_owned()));
    }
    let mut sort = Vec::new();
    for (key, direction) in keys {
        let ascending = match direction.as_str() {
            "asc" => true,
            "desc" => false,
            _ => return Err(input("Unknown sort direction, must be 'desc' or 'asc'.")),
        };
        if !rules.sorts.contains(&key.as_str()) {
            return Err(input("Invalid sort key"));
        }
        sort.push((key, ascending));
    }
    Ok(sort)
}

/// Nothing comes first, as in the database.
fn compare(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a, b) {
        (Some(Value::String(a)), Some(Value::String(b))) => {
            // The database compares names as if all were upper case.
            a.to_uppercase().cmp(&b.to_uppercase())
        }
        (Some(Value::Number(a)), Some(Value::Number(b))) => a.as_i64().cmp(&b.as_i64()),
        (Some(Value::Bool(a)), Some(Value::Bool(b))) => a.cmp(b),
        (a, b) => a.is_some_and(|a| !a.is_null()).cmp(&b.is_some_and(|b| !b.is_null())),
    }
}

/// `gt:2020-01-01T00:00:00,lt:…` as operators and times.
fn times(text: &str) -> Result<Vec<(String, Timestamp)>, Fault> {
    let known = ["gt", "gte", "eq", "neq", "lt", "lte"];
    text.split(',')
        .map(|part| {
            let (operator, time) = part.split_once(':').unwrap_or((part, ""));
            if !known.contains(&operator) {
                return Err(Fault::bad(format!("Invalid {operator} operator")));
            }
            let with_zone = time.parse::<Timestamp>();
            let at = with_zone.or_else(|_| format!("{time}Z").parse::<Timestamp>());
            let at = at.map_err(|_| Fault::bad(format!("Invalid {time} value")))?;
            Ok((operator.to_owned(), at))
        })
        .collect()
}

fn holds(operator: &str, found: Ordering) -> bool {
    match operator {
        "gt" => found == Ordering::Greater,
        "gte" => found != Ordering::Less,
        "lt" => found == Ordering::Less,
        "lte" => found != Ordering::Greater,
        "neq" => found != Ordering::Equal,
        _ => found == Ordering::Equal,
    }
}
