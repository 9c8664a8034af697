//! Lists: filters, sorting, pages, fields.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use crate::http::query::Query;

/// Parameters that are no filters.
const RESERVED: &[&str] =
    &["limit", "marker", "sort", "sort_key", "sort_dir", "fields", "page_reverse"];

/// Filters by tags.
const BY_TAGS: &[&str] = &["tags", "tags-any", "not-tags", "not-tags-any"];

/// As many are on a page at most.
const LIMIT: usize = 1_000;

/// A row of a list: what is shown of it, and what only filters see.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) shown: Value,
    pub(crate) hidden: Map<String, Value>,
}

impl Row {
    fn value(&self, name: &str) -> &Value {
        let name = match name {
            "enabled" if self.shown.get("enabled").is_none() => "admin_state_up",
            "load_balancer_id" => "loadbalancer_id",
            other => other,
        };
        self.hidden.get(name).or_else(|| self.shown.get(name)).unwrap_or(&Value::Null)
    }

    fn id(&self) -> &str {
        ["id", "name", "project_id"]
            .iter()
            .find_map(|key| self.shown.get(*key).and_then(Value::as_str))
            .unwrap_or_default()
    }
}

/// What a list is of.
#[derive(Clone, Copy)]
pub(crate) struct Of<'a> {
    /// Where it is: base, mount and path, without parameters.
    pub(crate) url: &'a str,
    /// Names of the list and of its links in the answer.
    pub(crate) names: (&'a str, &'a str),
    /// What can be filtered and sorted by.
    pub(crate) columns: &'a dyn Fn(&str) -> bool,
    /// What rows are sorted by last.
    pub(crate) keys: &'a [&'a str],
}

/// How a list is paged and sorted.
#[derive(Debug)]
struct Paging {
    /// `None`: the client asks for everything, which Octavia answers with an error.
    limit: Option<usize>,
    sorts: Vec<(String, bool)>,
    marker: Option<String>,
    reverse: bool,
}

impl Paging {
    fn of(query: &Query) -> Result<Self, Refusal> {
        let limit = match query.get("limit") {
            None => Some(LIMIT),
            Some("infinite") => None,
            Some(text) => {
                let number: i64 = text.trim().parse().map_err(|_| {
                    Refusal::early(format!("Supplied pagination limit '{text}' is not valid."))
                })?;
                usize::try_from(number).ok().filter(|number| *number > 0).map(|it| it.min(LIMIT))
            }
        };
        Ok(Self {
            limit,
            sorts: sorts(query)?,
            marker: query.get("marker").map(str::to_owned),
            reverse: query.get("page_reverse") == Some("True"),
        })
    }
}

/// Whether a direction is upwards.
fn rises(direction: &str) -> Result<bool, Refusal> {
    match direction.to_lowercase().as_str() {
        "asc" => Ok(true),
        "desc" => Ok(false),
        other => Err(Refusal::early(format!("Supplied sort direction '{other}' is not valid."))),
    }
}

fn sorts(query: &Query) -> Result<Vec<(String, bool)>, Refusal> {
    if let Some(sort) = query.get("sort").filter(|sort| !sort.is_empty()) {
        return sort
            .split(',')
            .map(|part| match part.split(':').collect::<Vec<_>>()[..] {
                [key] => Ok((key.to_owned(), true)),
                [key, direction] => Ok((key.to_owned(), rises(direction)?)),
                ref several => {
                    let quoted: Vec<String> = several.iter().map(|it| format!("'{it}'")).collect();
                    let text = format!("Supplied sort key '[{}]' is not valid.", quoted.join(", "));
                    Err(Refusal::early(text))
                }
            })
            .collect();
    }
    let Some(keys) = query.get("sort_key").filter(|keys| !keys.is_empty()) else {
        return Ok(Vec::new());
    };
    let mut directions = query.get("sort_dir").unwrap_or_default().split(',');
    keys.split(',')
        .map(|key| {
            let direction = directions.next().filter(|it| !it.is_empty()).unwrap_or("asc");
            Ok((key.to_owned(), rises(direction)?))
        })
        .collect()
}

/// Whether a row has a value that a filter asks for.
fn equals(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Bool(truth) => {
            let on = ["1", "t", "true", "on", "y", "yes"];
            on.contains(&wanted.to_lowercase().as_str()) == *truth
        }
        // MariaDB's collation does not tell upper from lower case.
        Value::String(text) => text.eq_ignore_ascii_case(wanted),
        Value::Number(number) => number.to_string().as_str() == wanted,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn tagged(row: &Row, name: &str, wanted: &str) -> bool {
    let tags = row.value("tags").as_array();
    let has = |tag: &str| tags.is_some_and(|tags| tags.iter().any(|it| it == tag));
    let mut wanted = wanted.split(',');
    match name {
        "tags" => wanted.all(has),
        "tags-any" => wanted.any(has),
        "not-tags" => !wanted.all(has),
        _ => !wanted.any(has),
    }
}

fn passes(row: &Row, filters: &[(&str, &str)]) -> bool {
    filters.iter().all(|(name, wanted)| {
        if BY_TAGS.contains(name) {
            tagged(row, name, wanted)
        } else {
            equals(row.value(name), wanted)
        }
    })
}

/// The order of values as a database has it: nothing first.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Number(a), Value::Number(b)) => {
            a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Value::String(a), Value::String(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
        (a, b) => a.to_string().cmp(&b.to_string()),
    }
}

fn order(sorts: &[(String, bool)], a: &Row, b: &Row) -> Ordering {
    sorts.iter().fold(Ordering::Equal, |order, (name, rises)| {
        order.then_with(|| {
            let order = compare(a.value(name), b.value(name));
            if *rises { order } else { order.reverse() }
        })
    })
}

/// The part of an object that was asked for.
pub(crate) fn select(shown: Value, query: &Query) -> Value {
    let fields: Vec<&str> = query.all("fields").collect();
    match shown {
        Value::Object(all) if !fields.is_empty() => {
            all.into_iter().filter(|(name, _)| fields.contains(&name.as_str())).collect()
        }
        other => other,
    }
}

/// The answer to a list request, from all rows that the caller may see.
pub(crate) fn answer(
    of: &Of<'_>,
    query: &Query,
    rows: Vec<Row>,
    exists: impl Fn(&str) -> Option<Row>,
) -> Result<Value, Refusal> {
    let mut paging = Paging::of(query)?;
    let filters: Vec<(&str, &str)> = query
        .0
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| !RESERVED.contains(name))
        .collect();
    if filters.iter().any(|(name, _)| !BY_TAGS.contains(name) && !(of.columns)(name)) {
        return Err(Refusal::bad("One or more arguments are either duplicate or invalid"));
    }
    for key in of.keys {
        if !paging.sorts.iter().any(|(sort, _)| sort == key) {
            paging.sorts.push(((*key).to_owned(), true));
        }
    }
    if let Some((key, _)) = paging.sorts.iter().find(|(key, _)| !(of.columns)(key)) {
        return Err(Refusal::bad(format!("Supplied sort key '{key}' is not valid.")));
    }
    let mut rows: Vec<Row> = rows.into_iter().filter(|row| passes(row, &filters)).collect();
    rows.sort_by(|a, b| order(&paging.sorts, a, b));
    if let Some(marker) = &paging.marker {
        let marker = exists(marker).ok_or_else(|| {
            Refusal::bad(format!("Supplied pagination marker '{marker}' is not valid."))
        })?;
        let side = if paging.reverse { Ordering::Less } else { Ordering::Greater };
        rows.retain(|row| order(&paging.sorts, row, &marker) == side);
    }
    rows.truncate(paging.limit.unwrap_or(usize::MAX));
    let links = links(of, query, &paging, &rows)?;
    let rows = rows.into_iter().map(|row| select(row.shown, query));
    let (list, link) = of.names;
    Ok(json!({list: rows.collect::<Value>(), link: links}))
}

/// The links to the pages before and after.
fn links(of: &Of<'_>, query: &Query, paging: &Paging, rows: &[Row]) -> Result<Vec<Value>, Refusal> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(Vec::new()) };
    let Some(limit) = paging.limit else {
        // Octavia compares the length of the page with the limit that is not there.
        let text = "'>=' not supported between instances of 'int' and 'NoneType'";
        return Err(Refusal::server(text));
    };
    let mut attributes = vec![format!("limit={limit}")];
    for name in ["sort", "sort_key"] {
        attributes.extend(query.get(name).map(|value| format!("{name}={value}")));
    }
    let link = |rel: &str, more: &[String]| {
        let parameters = [&attributes[..], more].concat().join("&");
        json!({"rel": rel, "href": format!("{}?{parameters}", of.url)})
    };
    let mut links = Vec::new();
    if paging.marker.is_some() {
        let more = [format!("marker={}", first.id()), "page_reverse=True".to_owned()];
        links.push(link("previous", &more));
    }
    if rows.len() >= limit {
        links.push(link("next", &[format!("marker={}", last.id())]));
    }
    Ok(links)
}
