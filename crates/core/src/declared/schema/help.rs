//! The words of the complaints.

use serde_json::{Map, Value as Json};

use super::super::scalar::Scalar;
use super::super::tree::{Node, Value};
use super::{Check, list, may_show};

/// Message and help.
type Words = (String, Option<String>);

/// A whole number out of a schema, where bounds may be written as `0.0`.
pub(super) fn integer(value: &Json) -> Option<i128> {
    if let Some(value) = value.as_i64() {
        return Some(i128::from(value));
    }
    if let Some(value) = value.as_u64() {
        return Some(i128::from(value));
    }
    let text = value.as_f64().filter(|value| value.fract() == 0.0)?;
    // Through text, because no cast from a float is exact for all values.
    format!("{text:.0}").parse().ok()
}

/// Whether a node has a JSON Schema type.
pub(super) fn has_kind(node: &Node, kind: &str, format: Option<&str>) -> bool {
    match (&node.value, kind) {
        (Value::Mapping(_), "object") | (Value::Sequence(_), "array") => true,
        (Value::Scalar(scalar), _) => match (scalar, kind) {
            (Scalar::Null, "null")
            | (Scalar::Bool(_), "boolean")
            | (Scalar::Int(_), "integer" | "number")
            | (Scalar::Float(_), "number")
            | (Scalar::Text, "string") => true,
            (Scalar::Date(_), "string") => format == Some("date"),
            (Scalar::DateTime(_), "string") => format == Some("date-time"),
            _ => false,
        },
        _ => false,
    }
}

/// Whether a node is this JSON value.
pub(super) fn equals(node: &Node, value: &Json) -> bool {
    match (&node.value, value) {
        (Value::Scalar(Scalar::Text), Json::String(text)) => *text == *node.raw,
        // A bare date never equals the same text: it is not text.
        (Value::Scalar(_), Json::String(_)) => false,
        _ => node.to_json() == *value,
    }
}

fn kind_name(kind: &str, format: Option<&str>) -> String {
    match (kind, format) {
        ("object", _) => "a mapping",
        ("array", _) => "a list",
        ("string", Some("date")) => "a date",
        ("string", Some("date-time")) => "a date with time",
        ("string", _) => "text",
        ("integer", _) => "an integer",
        ("number", _) => "a number",
        ("boolean", _) => "true or false",
        ("null", _) => "nothing",
        (other, _) => other,
    }
    .to_owned()
}

fn joined(parts: &[String], last: &str) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., end] => format!("{} {last} {end}", init.join(", ")),
    }
}

/// `1 item`, `2 items`.
pub(super) fn things(count: u64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// The value as it may be repeated in a complaint.
pub(super) fn quoted(node: &Node, key: Option<&str>) -> String {
    if !may_show(key) {
        return "the value".to_owned();
    }
    match &node.value {
        Value::Scalar(Scalar::Text) => format!("\"{}\"", short(&node.raw)),
        Value::Scalar(Scalar::Null) if node.raw.is_empty() => "nothing".to_owned(),
        Value::Scalar(_) => format!("`{}`", short(&node.raw)),
        _ => node.describe().to_owned(),
    }
}

fn short(text: &str) -> String {
    const MOST: usize = 60;
    let mut cut: String = text.chars().take(MOST).collect();
    if text.chars().nth(MOST).is_some() {
        cut.push('…');
    }
    cut
}

fn under(key: Option<&str>) -> String {
    key.map_or_else(|| "this".to_owned(), |key| format!("\"{key}\""))
}

/// The value has another type than wanted.
pub(super) fn wrong_kind(
    node: &Node,
    kinds: &[&str],
    format: Option<&str>,
    key: Option<&str>,
) -> Words {
    let mut wanted: Vec<String> = Vec::new();
    for kind in kinds.iter().filter(|kind| **kind != "null") {
        let name = kind_name(kind, format);
        if !wanted.contains(&name) {
            wanted.push(name);
        }
    }
    let wanted = joined(&wanted, "or");
    let Value::Scalar(scalar) = &node.value else {
        return (format!("{} must be {wanted}, not {}", under(key), node.describe()), None);
    };
    if matches!(scalar, Scalar::Null) && node.raw.is_empty() {
        return (
            format!("{} must be {wanted}, but nothing stands here", under(key)),
            Some("write a value, or remove the key".to_owned()),
        );
    }
    if node.explicit || matches!(scalar, Scalar::Text) {
        let message = format!("{} must be {wanted}, not {}", under(key), node.describe());
        return (message, unquote(node, kinds));
    }
    let wants_text = kinds.contains(&"string") && format.is_none();
    if !wants_text {
        return (format!("{} must be {wanted}, not {}", under(key), node.describe()), None);
    }
    if !may_show(key) {
        let message = format!("{} is read as {} (YAML 1.1)", under(key), node.describe());
        return (message, Some("put the value in quotes: text is meant".to_owned()));
    }
    let raw = short(&node.raw);
    let message = format!(
        "`{raw}` is read as {} (YAML 1.1), but {} must be {wanted}",
        node.describe(),
        under(key)
    );
    (message, Some(format!("write \"{raw}\" if the text is meant")))
}

/// A number or boolean in quotes where the bare one is wanted.
fn unquote(node: &Node, kinds: &[&str]) -> Option<String> {
    let bare = super::super::scalar::resolve(&node.raw).ok()?;
    let probe = Node { value: Value::Scalar(bare), explicit: false, ..node.clone() };
    let meant = !matches!(probe.value, Value::Scalar(Scalar::Null | Scalar::Text))
        && kinds.iter().any(|kind| has_kind(&probe, kind, None));
    if meant {
        return Some(format!("write {} without quotes", node.raw));
    }
    let exponent = kinds.contains(&"number") && node.raw.parse::<f64>().is_ok();
    exponent.then(|| format!("write {} with a point and a signed exponent (1.0e+3)", node.raw))
}

/// The values of an `enum`, a `const`, or alternatives that are all such.
pub(super) fn allowed_values<'a>(check: &Check<'a>, schema: &'a Json) -> Option<Vec<&'a Json>> {
    if let Some(constant) = schema.get("const") {
        return Some(vec![constant]);
    }
    if let Some(values) = schema.get("enum").and_then(Json::as_array) {
        return Some(values.iter().collect());
    }
    let alternatives = schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array()?;
    let mut all = Vec::new();
    for alternative in alternatives {
        let alternative = check.resolved(alternative);
        if alternative.get("type") == Some(&Json::String("null".to_owned())) {
            all.push(&Json::Null);
            continue;
        }
        all.extend(allowed_values(check, alternative)?);
    }
    Some(all)
}

/// The value is none of the allowed ones.
pub(super) fn wrong_value(node: &Node, allowed: &[&Json], key: Option<&str>) -> Words {
    let names: Vec<&str> = allowed.iter().filter_map(|value| value.as_str()).collect();
    let shown: Vec<String> = allowed
        .iter()
        .filter(|value| !value.is_null())
        .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        .collect();
    // `no` where the text "no" is allowed: YAML 1.1 took the text away.
    if let Value::Scalar(scalar) = &node.value
        && !matches!(scalar, Scalar::Text)
        && names.contains(&&*node.raw)
    {
        return (
            format!("`{}` is read as {} (YAML 1.1), not as text", node.raw, node.describe()),
            Some(format!("write \"{}\"", node.raw)),
        );
    }
    let message = match names.as_slice() {
        [] if shown.len() == 1 => format!("{} must be {}", under(key), joined(&shown, "or")),
        _ => format!("{} cannot be {}", under(key), quoted(node, key)),
    };
    let guess = closest(&node.raw, &names).filter(|_| !node.raw.is_empty());
    let help = match guess {
        Some(guess) => format!("did you mean \"{guess}\"?"),
        None => format!("write {}", joined(&shown, "or")),
    };
    (message, Some(help))
}

/// The key is not known here.
pub(super) fn unknown_key(key: &str, known: &[&str], taken: impl Fn(&str) -> bool) -> Words {
    let free: Vec<&str> = known.iter().copied().filter(|name| !taken(name)).collect();
    let help = match closest(key, &free) {
        Some(guess) => format!("did you mean \"{guess}\"?"),
        None if known.is_empty() => "no keys are known here".to_owned(),
        None => {
            let mut known: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
            known.sort_unstable();
            format!("known keys: {}", known.join(", "))
        }
    };
    (format!("unknown key \"{}\"", short(key)), Some(help))
}

/// The nearest of some words, if it is near enough to be meant.
fn closest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    if word.len() > 100 {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' ', '.'], "");
    let wanted = plain(word);
    candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &plain(candidate)), *candidate))
        .filter(|(distance, candidate)| {
            let length = candidate.len().max(wanted.len());
            *distance <= (length / 3).max(1) && *distance < length
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Required keys are not there.
pub(super) fn missing_keys(missing: &[&str], properties: Option<&Map<String, Json>>) -> Words {
    let names: Vec<String> = missing.iter().map(|name| format!("\"{name}\"")).collect();
    let message = match names.as_slice() {
        [one] => format!("the key {one} is missing"),
        many => format!("the keys {} are missing", joined(many, "and")),
    };
    let help = match missing {
        [one] => properties
            .and_then(|all| all.get(*one))
            .and_then(|schema| schema.get("description"))
            .and_then(Json::as_str)
            .and_then(|text| text.lines().next())
            .map(|text| format!("{one}: {text}")),
        _ => None,
    };
    (message, help)
}

/// All property names that a schema knows, those of its parts included.
pub(super) fn property_names<'a>(
    check: &Check<'a>,
    words: &'a Map<String, Json>,
    names: &mut Vec<&'a str>,
    depth: usize,
) {
    if depth > 16 {
        return;
    }
    if let Some(properties) = words.get("properties").and_then(Json::as_object) {
        names.extend(properties.keys().map(String::as_str));
    }
    for word in ["allOf", "anyOf", "oneOf"] {
        for part in list(words, word) {
            if let Some(part) = check.resolved(part).as_object() {
                property_names(check, part, names, depth + 1);
            }
        }
    }
}
