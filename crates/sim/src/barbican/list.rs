//! The list of a project's secrets: filters, order, pages.

use std::cmp::Ordering;

use axum::Json;
use axum::extract::State;
use lotse_core::time::Timestamp;
use regex::RegexBuilder;
use serde_json::Value;

use super::asked::{Asked, page};
use super::model::Secret;
use super::payload::time;
use super::policy::{Act, allow};
use super::refusal::Refused;
use super::secrets::view_with_types;
use crate::http::query::Query;
use crate::world::SharedWorld;

/// What secrets can be sorted by.
const KEYS: &[&str] = &[
    "algorithm",
    "bit_length",
    "created",
    "expiration",
    "mode",
    "name",
    "secret_type",
    "status",
    "updated",
];

pub(crate) async fn list(
    State(world): State<SharedWorld>,
    asked: Asked,
    query: Query,
) -> Result<Json<Value>, Refused> {
    allow(&asked, Act::List, "Secret(s) retrieval")?;
    let bad = || Refused::bad("URI provided invalid query string parameters.");
    let given = |name: &str| query.get(name).filter(|value| !value.is_empty());
    let mut spans = Vec::new();
    for name in ["created", "updated", "expiration"] {
        if let Some(text) = given(name) {
            spans.push((name, span(text).ok_or_else(bad)?));
        }
    }
    let sort = match given("sort") {
        Some(text) => order(text).ok_or_else(bad)?,
        None => Vec::new(),
    };
    let bits = given("bits").and_then(|text| text.parse::<i64>().ok()).filter(|bits| *bits > 0);
    let by_acl = given("acl_only").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let now = world.now();
    let secrets = world.key_manager();
    let fits = |secret: &&Secret| {
        let acl = secret.owner.acl.as_ref();
        let mine = if by_acl {
            acl.is_some_and(|acl| acl.users.iter().any(|user| user == asked.user()))
        } else {
            secret.owner.project_id == asked.project()
        };
        mine && !secret.is_over(now)
            && given("name").is_none_or(|text| like(text, secret.name.as_deref()))
            && given("alg").is_none_or(|text| like(text, secret.algorithm.as_deref()))
            && given("mode").is_none_or(|text| like(text, secret.mode.as_deref()))
            && bits.is_none_or(|bits| secret.bit_length == Some(bits))
            && given("secret_type").is_none_or(|kind| kind == secret.kind)
            && spans.iter().all(|(name, limits)| within(limits, time_of(secret, name)))
    };
    let mut found: Vec<&Secret> = secrets.by_id.values().filter(fits).collect();
    found.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    found.sort_by(|a, b| compare(&sort, a, b));
    let shown = page(&asked, &query, ("secrets", "secrets"), &found, |secret| {
        view_with_types(&asked, secret)
    });
    Ok(Json(shown))
}

fn time_of(secret: &Secret, name: &str) -> Option<Timestamp> {
    match name {
        "created" => Some(secret.created_at),
        "updated" => Some(secret.updated_at),
        _ => secret.expiration,
    }
}

/// A limit of a span of time.
type Limit = (fn(Ordering) -> bool, Timestamp);

fn within(limits: &[Limit], at: Option<Timestamp>) -> bool {
    at.is_some_and(|at| {
        // Times are kept in whole seconds.
        let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
        limits.iter().all(|(holds, limit)| holds(at.cmp(limit)))
    })
}

/// A span as `gt:TIME,lte:TIME`; two limits on one side, or next to an exact time, are no span.
fn span(text: &str) -> Option<Vec<Limit>> {
    let (mut below, mut above, mut exact) = (false, false, false);
    let mut limits: Vec<Limit> = Vec::new();
    for part in text.split(',') {
        let (kind, at) = match part.split_once(':') {
            Some((kind @ ("gt" | "gte" | "lt" | "lte"), at)) => (kind, at),
            _ => ("eq", part),
        };
        let taken = match kind {
            "gt" => above,
            "gte" => above || exact,
            "lt" => below,
            "lte" => below || exact,
            _ => exact || below || above,
        };
        if taken {
            return None;
        }
        let holds: fn(Ordering) -> bool = match kind {
            "gt" => Ordering::is_gt,
            "gte" => Ordering::is_ge,
            "lt" => Ordering::is_lt,
            "lte" => Ordering::is_le,
            _ => Ordering::is_eq,
        };
        match kind {
            "gt" | "gte" => above = true,
            "lt" | "lte" => below = true,
            _ => exact = true,
        }
        limits.push((holds, time(at)?));
    }
    Some(limits)
}

/// An order as `name,created:desc`: what to sort by, and whether it rises.
fn order(text: &str) -> Option<Vec<(&str, bool)>> {
    let mut keys: Vec<(&str, bool)> = Vec::new();
    for part in text.split(',') {
        let (key, direction) = part.split_once(':').unwrap_or((part, "asc"));
        let rises = match direction {
            "asc" => true,
            "desc" => false,
            _ => return None,
        };
        if !KEYS.contains(&key) || keys.iter().any(|(known, _)| *known == key) {
            return None;
        }
        keys.push((key, rises));
    }
    Some(keys)
}

fn compare(sort: &[(&str, bool)], a: &Secret, b: &Secret) -> Ordering {
    for (key, rises) in sort {
        let by = match *key {
            "algorithm" => a.algorithm.cmp(&b.algorithm),
            "bit_length" => a.bit_length.cmp(&b.bit_length),
            "created" => a.created_at.cmp(&b.created_at),
            "expiration" => a.expiration.cmp(&b.expiration),
            "mode" => a.mode.cmp(&b.mode),
            "name" => a.name.cmp(&b.name),
            "secret_type" => a.kind.cmp(&b.kind),
            "updated" => a.updated_at.cmp(&b.updated_at),
            _ => Ordering::Equal,
        };
        let by = if *rises { by } else { by.reverse() };
        if by.is_ne() {
            return by;
        }
    }
    Ordering::Equal
}

/// SQL's `LIKE`, as `MySQL` does it: `%` and `_` stand for others, and case makes no difference.
fn like(pattern: &str, text: Option<&str>) -> bool {
    let mut expression = String::from("^");
    for character in pattern.chars() {
        match character {
            '%' => expression.push_str(".*"),
            '_' => expression.push('.'),
            other => expression.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    expression.push('$');
    let built =
        RegexBuilder::new(&expression).case_insensitive(true).dot_matches_new_line(true).build();
    text.is_some_and(|text| built.is_ok_and(|built| built.is_match(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_matched_as_sql_does() {
        assert!(like("b%", Some("Beta")));
        assert!(like("bet_", Some("beta")));
        assert!(!like("bet", Some("beta")));
        assert!(!like("b.ta", Some("beta")));
        assert!(!like("%", None));
    }

    #[test]
    fn spans_have_one_limit_on_each_side() {
        assert_eq!(
            span("gt:2020-01-01T00:00:00,lt:2021-01-01T00:00:00").map(|it| it.len()),
            Some(2)
        );
        assert!(span("gt:2020-01-01T00:00:00,gte:2021-01-01T00:00:00").is_none());
        assert!(span("2020-01-01T00:00:00,lte:2021-01-01T00:00:00").is_none());
        assert!(span("gt:").is_none());
    }
}
