//! Lists: filters, sorting, pages, fields.

use std::cmp::Ordering;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::access::{Change, Request};
use super::attribute;
use super::model::{Network, Standard};
use super::refusal::Refusal;
use super::resource::{Resource, render, sees, value};
use crate::http::query::Query;
use crate::keystone::caller::Caller;
use crate::world::SharedWorld;

/// Parameters that are no filters.
const RESERVED: &[&str] = &["fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse"];

/// Filters that every resource with tags knows.
const TAGS: &[&str] = &["tags", "tags-any", "not-tags", "not-tags-any"];

/// What a list is asked for.
#[derive(Debug)]
struct Asked<'a> {
    filters: Vec<(&'a str, Vec<&'a str>)>,
    /// Attributes and whether they rise.
    sorts: Vec<(&'a str, bool)>,
    limit: Option<usize>,
    marker: Option<&'a str>,
    reverse: bool,
    fields: Vec<&'a str>,
}

impl<'a> Asked<'a> {
    fn of<R: Resource>(query: &'a Query) -> Result<Self, Refusal> {
        let limit = query.get("limit").unwrap_or("0");
        let limit: usize = limit.parse().map_err(|_| {
            let text = format!(
                "Bad limit request: Limit must be an integer 0 or greater and not '{limit}'."
            );
            Refusal::wrong("BadRequest", text)
        })?;
        let reverse = query.get("page_reverse");
        Ok(Self {
            filters: filters::<R>(query)?,
            sorts: sorts::<R>(query)?,
            limit: (limit > 0).then_some(limit),
            marker: query.get("marker").filter(|_| limit > 0),
            reverse: reverse.is_some_and(|it| it.eq_ignore_ascii_case("true")),
            fields: query.all("fields").filter(|field| !field.is_empty()).collect(),
        })
    }
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", names.join(", "))
}

fn filters<R: Resource>(query: &Query) -> Result<Vec<(&str, Vec<&str>)>, Refusal> {
    let mut filters: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut unknown: Vec<&str> = Vec::new();
    for (name, value) in &query.0 {
        let name = name.as_str();
        if RESERVED.contains(&name) {
            continue;
        }
        let known = attribute::find(R::ATTRIBUTES, name).is_some_and(|it| it.is('F'))
            && (name != "revision_number" || R::FIELDS.0.contains(&name));
        let tags = TAGS.contains(&name) && R::FIELDS.0.contains(&"tags");
        if !known && !tags {
            if !unknown.contains(&name) {
                unknown.push(name);
            }
            continue;
        }
        if value.is_empty() {
            continue;
        }
        match filters.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => filters.push((name, vec![value])),
        }
    }
    if !unknown.is_empty() {
        let text = format!("{} is invalid attribute for filtering", quoted(&unknown));
        return Err(Refusal::bad(text));
    }
    for (name, values) in &filters {
        let check = attribute::find(R::ATTRIBUTES, name).map(|it| it.check);
        for value in values {
            check.map_or(Ok(()), |check| check.convert(&mut json!(value)))?;
        }
    }
    let names = |wanted: &str| filters.iter().any(|(name, _)| *name == wanted);
    if names("tags") && names("tags-any") {
        // Neutron joins the same table twice under one name, and its database refuses.
        return Err(Refusal::internal());
    }
    Ok(filters)
}

fn sorts<R: Resource>(query: &Query) -> Result<Vec<(&str, bool)>, Refusal> {
    let keys: Vec<&str> = query.all("sort_key").filter(|it| !it.is_empty()).collect();
    let directions: Vec<&str> = query.all("sort_dir").filter(|it| !it.is_empty()).collect();
    if keys.len() != directions.len() {
        return Err(Refusal::bad("The number of sort_keys and sort_dirs must be same"));
    }
    let sortable =
        |name: &str| R::SORTED && attribute::find(R::ATTRIBUTES, name).is_some_and(|it| it.is('S'));
    let wrong: Vec<&str> = keys.iter().copied().filter(|key| !sortable(key)).collect();
    if !wrong.is_empty() {
        let text = format!("{} is invalid attribute for sort_keys", quoted(&wrong));
        return Err(Refusal::bad(text));
    }
    let wrong: Vec<&str> =
        directions.iter().copied().filter(|it| !["asc", "desc"].contains(it)).collect();
    if !wrong.is_empty() {
        return Err(Refusal::bad(format!(
            "{} is invalid value for sort_dirs, valid value is 'asc' and 'desc'",
            quoted(&wrong)
        )));
    }
    Ok(keys.into_iter().zip(directions.into_iter().map(|it| it == "asc")).collect())
}

/// Whether a resource has these tags.
fn tagged(standard: &Standard, name: &str, values: &[&str]) -> Option<bool> {
    let mut tags = values.iter().flat_map(|value| value.split(','));
    let has = |tag: &str| standard.tags.contains(tag);
    Some(match name {
        "tags" => tags.all(has),
        "tags-any" => tags.any(has),
        "not-tags" => !tags.all(has),
        "not-tags-any" => !tags.any(has),
        _ => return None,
    })
}

/// Whether an attribute has one of these values.
fn equals(shown: &Value, wanted: &[&str]) -> bool {
    wanted.iter().any(|wanted| match shown {
        Value::String(text) => text == wanted,
        Value::Bool(truth) => attribute::boolean(&json!(wanted)) == Some(*truth),
        Value::Null => wanted.is_empty() || *wanted == "None",
        Value::Array(list) => list.iter().any(|item| item == wanted),
        other => *other.to_string() == **wanted,
    })
}

fn passes<R: Resource>(state: &Network, caller: &Caller, object: &R, asked: &Asked<'_>) -> bool {
    asked.filters.iter().all(|(name, values)| {
        if let Some(tagged) = tagged(object.standard(), name, values) {
            return tagged;
        }
        let special: Option<Vec<bool>> =
            values.iter().map(|value| object.matches(state, name, value)).collect();
        match special {
            // The parts of one address must fit together, whatever else is an alternative.
            Some(results) if *name == "fixed_ips" => results.into_iter().all(|it| it),
            Some(results) => results.into_iter().any(|it| it),
            None => equals(&value(state, caller, object, name), values),
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
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (a, b) => a.to_string().cmp(&b.to_string()),
    }
}

fn select<'a, R: Resource>(
    state: &'a Network,
    caller: &Caller,
    asked: &Asked<'_>,
) -> Result<Vec<&'a R>, Refusal> {
    let all = R::all(state);
    if let Some(marker) = asked.marker
        && !all.get(marker).is_some_and(|it| sees(state, caller, it))
    {
        return Err(R::missing(marker));
    }
    let fits = |object: &&R| sees(state, caller, *object) && passes(state, caller, *object, asked);
    let limit = asked.limit.unwrap_or(usize::MAX);
    if asked.sorts.is_empty() {
        let lower = asked.marker.map(str::to_owned);
        let mut found: Vec<&R> = match (lower, asked.reverse) {
            (None, false) => all.values().filter(fits).take(limit).collect(),
            (None, true) => all.values().rev().filter(fits).take(limit).collect(),
            (Some(marker), false) => {
                let from = (std::ops::Bound::Excluded(marker), std::ops::Bound::Unbounded);
                all.range::<String, _>(from).map(|it| it.1).filter(fits).take(limit).collect()
            }
            (Some(marker), true) => all
                .range::<String, _>(..marker)
                .rev()
                .map(|it| it.1)
                .filter(fits)
                .take(limit)
                .collect(),
        };
        if asked.reverse {
            found.reverse();
        }
        return Ok(found);
    }
    let key = |object: &R, name: &str| match value(state, caller, object, name) {
        // MariaDB's collation for these columns does not tell upper from lower case.
        Value::String(text) => Value::String(text.to_lowercase()),
        other => other,
    };
    let keys = |object: &R| -> Vec<Value> {
        asked.sorts.iter().map(|(name, _)| key(object, name)).collect()
    };
    let mut found: Vec<(Vec<Value>, &R)> =
        all.values().filter(fits).map(|it| (keys(it), it)).collect();
    found.sort_by(|(a, x), (b, y)| {
        let orders = asked
            .sorts
            .iter()
            .zip(a.iter().zip(b))
            .map(|((_, rises), (a, b))| if *rises { compare(a, b) } else { compare(b, a) });
        let order = orders.fold(Ordering::Equal, Ordering::then);
        order.then_with(|| x.standard().id.cmp(&y.standard().id))
    });
    let found: Vec<&R> = found.into_iter().map(|it| it.1).collect();
    let at = asked.marker.and_then(|id| found.iter().position(|it| it.standard().id == id));
    Ok(if asked.reverse {
        let end = at.unwrap_or(found.len());
        found.get(end.saturating_sub(limit)..end).unwrap_or_default().to_vec()
    } else {
        let start = at.map_or(0, |at| at + 1);
        found.into_iter().skip(start).take(limit).collect()
    })
}

/// The links to the neighbouring pages.
fn links(path: &str, query: &Query, asked: &Asked<'_>, ids: &[&str]) -> Vec<Value> {
    let Some(limit) = asked.limit else { return Vec::new() };
    let short = ids.len() < limit;
    let link = |rel: &str, marker: Option<&&str>, back: bool| {
        let kept = query.0.iter().filter(|(name, _)| name != "marker" && name != "page_reverse");
        let mut pairs: Vec<(&str, &str)> =
            kept.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        pairs.extend(marker.map(|marker| ("marker", *marker)));
        if back {
            pairs.push(("page_reverse", "True"));
        }
        json!({"rel": rel, "href": format!("{path}?{}", Query::encode(pairs.into_iter()))})
    };
    let mut links = Vec::new();
    if !short || asked.reverse {
        links.push(link("next", ids.last(), false));
    }
    if !short || !asked.reverse {
        links.push(link("previous", ids.first(), true));
    }
    links
}

pub(crate) async fn list<R: Resource>(
    State(world): State<SharedWorld>,
    request: Request,
    query: Query,
) -> Result<Response, Refusal> {
    let asked = Asked::of::<R>(&query)?;
    let mut state = world.network();
    R::before(&mut state, &Change::new(&world, &request));
    let caller = &request.caller;
    let found = select::<R>(&state, caller, &asked)?;
    let ids: Vec<&str> = found.iter().map(|it| it.standard().id.as_str()).collect();
    let path = format!("{}{}/v2.0/{}", world.base, super::MOUNT, R::PATH);
    let links = links(&path, &query, &asked, &ids);
    let shown: Vec<Value> =
        found.into_iter().map(|it| render(&state, caller, it, &asked.fields)).collect();
    let mut body = Map::from_iter([(R::KIND.many.to_owned(), Value::Array(shown))]);
    if !links.is_empty() {
        body.insert(format!("{}_links", R::KIND.many), Value::Array(links));
    }
    Ok(axum::Json(Value::Object(body)).into_response())
}
