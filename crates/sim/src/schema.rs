//! Checks of request bodies by a JSON Schema, with the words of Python's `jsonschema`.
//!
//! Nova and Placement refuse a body with the message of the first rule it breaks, and that message
//! shows the value as Python writes it. What clients see of it is part of the API in practice, so the
//! part of JSON Schema (draft 4) that the services use is checked here, rule by rule, in the order in
//! which a schema lists them. Source: the `jsonschema` 4.10 messages, as the testbed shows them.

pub(crate) mod format;
pub(crate) mod oslo;
pub(crate) mod python;
pub(crate) mod refused;

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use regex::Regex;
use serde_json::{Map, Value};

use self::python::repr;

/// The first rule that a body breaks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Complaint {
    /// Keys and positions from the body to the value.
    pub(crate) path: Vec<String>,
    pub(crate) value: Value,
    pub(crate) message: String,
    /// Whether the message says all that is to be said (a name in a wrong form).
    pub(crate) complete: bool,
}

type Checked = Result<(), Complaint>;

/// Checks a value by a schema.
pub(crate) fn check(schema: &Value, value: &Value) -> Checked {
    at(schema, value, &mut Vec::new())
}

fn refuse(path: &[String], value: &Value, message: String) -> Checked {
    Err(Complaint { path: path.to_vec(), value: value.clone(), message, complete: false })
}

fn at(schema: &Value, value: &Value, path: &mut Vec<String>) -> Checked {
    let Some(rules) = schema.as_object() else { return Ok(()) };
    for (rule, wanted) in rules {
        match rule.as_str() {
            "type" => types(wanted, value, path)?,
            "enum" => {
                let known = wanted.as_array().is_some_and(|all| all.contains(value));
                if !known {
                    let text = format!("{} is not one of {}", repr(value), repr(wanted));
                    refuse(path, value, text)?;
                }
            }
            "minLength" | "maxLength" | "pattern" | "format" => text(rule, wanted, value, path)?,
            "minimum" | "maximum" => number(rule, wanted, rules, value, path)?,
            "items" | "minItems" | "maxItems" | "uniqueItems" => list(rule, wanted, value, path)?,
            "properties"
            | "patternProperties"
            | "additionalProperties"
            | "required"
            | "minProperties"
            | "maxProperties" => object(rule, wanted, rules, value, path)?,
            "oneOf" | "anyOf" | "allOf" => combined(rule, wanted, value, path)?,
            _ => {}
        }
    }
    Ok(())
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => false,
    }
}

fn types(wanted: &Value, value: &Value, path: &[String]) -> Checked {
    let kinds: Vec<&str> = match wanted {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    if kinds.iter().any(|kind| is(kind, value)) {
        return Ok(());
    }
    let kinds: Vec<String> = kinds.iter().map(|kind| format!("'{kind}'")).collect();
    refuse(path, value, format!("{} is not of type {}", repr(value), kinds.join(", ")))
}

fn text(rule: &str, wanted: &Value, value: &Value, path: &[String]) -> Checked {
    let Some(found) = value.as_str() else { return Ok(()) };
    let length = found.chars().count() as u64;
    match rule {
        "minLength" if wanted.as_u64().is_some_and(|least| length < least) => {
            refuse(path, value, format!("{} is too short", repr(value)))
        }
        "maxLength" if wanted.as_u64().is_some_and(|most| length > most) => {
            refuse(path, value, format!("{} is too long", repr(value)))
        }
        "pattern" if wanted.as_str().is_some_and(|pattern| !matches(pattern, found)) => {
            refuse(path, value, format!("{} does not match {}", repr(value), repr(wanted)))
        }
        "format" => {
            let name = wanted.as_str().unwrap_or_default();
            match format::check(name, found) {
                Ok(()) => Ok(()),
                Err(None) => refuse(path, value, format!("{} is not a '{name}'", repr(value))),
                Err(Some(message)) => {
                    let (path, value) = (path.to_vec(), value.clone());
                    Err(Complaint { path, value, message, complete: true })
                }
            }
        }
        _ => Ok(()),
    }
}

/// Bounds also of numbers that are written as text.
fn number(
    rule: &str,
    wanted: &Value,
    rules: &Map<String, Value>,
    value: &Value,
    path: &[String],
) -> Checked {
    let found = match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    let (Some(found), Some(bound)) = (found, wanted.as_f64()) else { return Ok(()) };
    let shown = match value {
        Value::String(text) => text.trim().to_owned(),
        other => repr(other),
    };
    let strict = rules.get("exclusiveMinimum") == Some(&Value::Bool(true));
    if rule == "minimum" && strict && found <= bound {
        let text = format!("{shown} is less than or equal to the minimum of {}", repr(wanted));
        return refuse(path, value, text);
    }
    if rule == "minimum" && found < bound {
        let text = format!("{shown} is less than the minimum of {}", repr(wanted));
        return refuse(path, value, text);
    }
    if rule == "maximum" && found > bound {
        let text = format!("{shown} is greater than the maximum of {}", repr(wanted));
        return refuse(path, value, text);
    }
    Ok(())
}

fn list(rule: &str, wanted: &Value, value: &Value, path: &mut Vec<String>) -> Checked {
    let Some(found) = value.as_array() else { return Ok(()) };
    match rule {
        "items" => {
            for (place, item) in found.iter().enumerate() {
                // A list of schemas is one for each position.
                let schema = match wanted {
                    Value::Array(schemas) => schemas.get(place),
                    one => Some(one),
                };
                if let Some(schema) = schema {
                    path.push(place.to_string());
                    at(schema, item, path)?;
                    path.pop();
                }
            }
            Ok(())
        }
        "minItems" if wanted.as_u64().is_some_and(|least| (found.len() as u64) < least) => {
            refuse(path, value, format!("{} is too short", repr(value)))
        }
        "maxItems" if wanted.as_u64().is_some_and(|most| found.len() as u64 > most) => {
            refuse(path, value, format!("{} is too long", repr(value)))
        }
        "uniqueItems" if *wanted == Value::Bool(true) => {
            let twice = found.iter().enumerate().any(|(place, item)| found[..place].contains(item));
            if twice {
                return refuse(path, value, format!("{} has non-unique elements", repr(value)));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn object(
    rule: &str,
    wanted: &Value,
    rules: &Map<String, Value>,
    value: &Value,
    path: &mut Vec<String>,
) -> Checked {
    let Some(found) = value.as_object() else { return Ok(()) };
    match rule {
        "properties" => {
            for (name, schema) in wanted.as_object().into_iter().flatten() {
                if let Some(inner) = found.get(name) {
                    path.push(name.clone());
                    at(schema, inner, path)?;
                    path.pop();
                }
            }
            Ok(())
        }
        "patternProperties" => {
            for (pattern, schema) in wanted.as_object().into_iter().flatten() {
                for (name, inner) in found.iter().filter(|(name, _)| matches(pattern, name)) {
                    path.push(name.clone());
                    at(schema, inner, path)?;
                    path.pop();
                }
            }
            Ok(())
        }
        "additionalProperties" => additional(wanted, rules, value, found, path),
        "required" => {
            for name in wanted.as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !found.contains_key(name) {
                    return refuse(path, value, format!("'{name}' is a required property"));
                }
            }
            Ok(())
        }
        "minProperties" if wanted.as_u64().is_some_and(|least| (found.len() as u64) < least) => {
            refuse(path, value, format!("{} does not have enough properties", repr(value)))
        }
        "maxProperties" if wanted.as_u64().is_some_and(|most| found.len() as u64 > most) => {
            refuse(path, value, format!("{} has too many properties", repr(value)))
        }
        _ => Ok(()),
    }
}

fn additional(
    wanted: &Value,
    rules: &Map<String, Value>,
    value: &Value,
    found: &Map<String, Value>,
    path: &mut Vec<String>,
) -> Checked {
    let known = rules.get("properties").and_then(Value::as_object);
    let patterns: Vec<&String> = rules
        .get("patternProperties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
        .collect();
    let mut extra: Vec<(&String, &Value)> = found
        .iter()
        .filter(|(name, _)| !known.is_some_and(|known| known.contains_key(*name)))
        .filter(|(name, _)| !patterns.iter().any(|pattern| matches(pattern, name)))
        .collect();
    if extra.is_empty() || *wanted == Value::Bool(true) {
        return Ok(());
    }
    if wanted.is_object() {
        for (name, inner) in extra {
            path.push(name.clone());
            at(wanted, inner, path)?;
            path.pop();
        }
        return Ok(());
    }
    let one = extra.len() == 1;
    let names = |extra: &[(&String, &Value)]| {
        let names = extra.iter().map(|(name, _)| repr(&Value::String((*name).clone())));
        names.collect::<Vec<_>>().join(", ")
    };
    if patterns.is_empty() {
        let verb = if one { "was" } else { "were" };
        let text =
            format!("Additional properties are not allowed ({} {verb} unexpected)", names(&extra));
        return refuse(path, value, text);
    }
    extra.sort_by_key(|(name, _)| *name);
    let verb = if one { "does" } else { "do" };
    let patterns: Vec<String> =
        patterns.iter().map(|pattern| repr(&Value::String((*pattern).clone()))).collect();
    let text =
        format!("{} {verb} not match any of the regexes: {}", names(&extra), patterns.join(", "));
    refuse(path, value, text)
}

fn combined(rule: &str, wanted: &Value, value: &Value, path: &mut Vec<String>) -> Checked {
    let all: Vec<&Value> = wanted.as_array().into_iter().flatten().collect();
    if rule == "allOf" {
        return all.into_iter().try_for_each(|schema| at(schema, value, path));
    }
    let depth = path.len();
    let mut fitting = 0;
    for schema in &all {
        if at(schema, value, path).is_ok() {
            fitting += 1;
        }
        path.truncate(depth);
    }
    match fitting {
        0 => {
            let text = format!("{} is not valid under any of the given schemas", repr(value));
            refuse(path, value, text)
        }
        1 => Ok(()),
        _ if rule == "anyOf" => Ok(()),
        _ => {
            refuse(path, value, format!("{} is valid under each of the given schemas", repr(value)))
        }
    }
}

/// A flavor's id: no space at either end. The pattern looks around, which [`regex`] does not.
pub(crate) const FLAVOR_ID: &str = "^(?! )[a-zA-Z0-9. _-]+(?<! )$";

/// Whether the pattern occurs in the text.
fn matches(pattern: &str, text: &str) -> bool {
    static KNOWN: LazyLock<Mutex<HashMap<String, Option<Regex>>>> = LazyLock::new(Mutex::default);
    if pattern == FLAVOR_ID {
        let allowed = |c: char| c.is_ascii_alphanumeric() || ". _-".contains(c);
        return !text.is_empty()
            && !text.starts_with(' ')
            && !text.ends_with(' ')
            && text.chars().all(allowed);
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if !known.contains_key(pattern) {
        known.insert(pattern.to_owned(), Regex::new(pattern).ok());
    }
    // Patterns are ours; one that cannot be read would let everything pass.
    known.get(pattern).and_then(Option::as_ref).is_none_or(|regex| regex.is_match(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(schema: &Value, value: &Value) -> String {
        check(schema, value).expect_err("a complaint").message
    }

    #[test]
    fn complaints_are_worded_as_python_words_them() {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 3},
                "count": {"type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": 1},
                "kind": {"type": "string", "enum": ["a", "b"]},
            },
            "required": ["name"],
            "additionalProperties": false,
        });
        assert_eq!(check(&schema, &json!({"name": "x", "count": "7"})), Ok(()));
        for (value, expected) in [
            (json!([]), "[] is not of type 'object'"),
            (json!({}), "'name' is a required property"),
            (json!({"name": ""}), "'' is too short"),
            (json!({"name": "long"}), "'long' is too long"),
            (json!({"name": null}), "None is not of type 'string'"),
            (json!({"name": "x", "count": true}), "True is not of type 'integer', 'string'"),
            (json!({"name": "x", "count": "x"}), "'x' does not match '^[0-9]*$'"),
            (json!({"name": "x", "count": 0}), "0 is less than the minimum of 1"),
            (json!({"name": "x", "kind": "c"}), "'c' is not one of ['a', 'b']"),
            (
                json!({"name": "x", "b": 1, "a": 2}),
                "Additional properties are not allowed ('b', 'a' were unexpected)",
            ),
        ] {
            assert_eq!(message(&schema, &value), expected, "{value}");
        }
    }

    #[test]
    fn a_complaint_says_where_it_is() {
        let schema = json!({"properties": {"a": {"items": {"type": "string"}}}});
        let complaint = check(&schema, &json!({"a": ["x", 1]})).expect_err("a complaint");
        assert_eq!(complaint.path, ["a", "1"]);
        assert_eq!(complaint.value, json!(1));
    }

    #[test]
    fn one_of_several_schemas_must_fit_exactly() {
        let schema = json!({"oneOf": [{"type": "null"}, {"type": "string", "format": "uuid"}]});
        assert_eq!(check(&schema, &json!(null)), Ok(()));
        assert_eq!(
            message(&schema, &json!("x")),
            "'x' is not valid under any of the given schemas"
        );
    }

    #[test]
    fn keys_that_fit_no_pattern_are_named() {
        let schema = json!({
            "patternProperties": {"^[a-z]+$": {"type": "string"}},
            "additionalProperties": false,
        });
        assert_eq!(
            message(&schema, &json!({"A": "x"})),
            "'A' does not match any of the regexes: '^[a-z]+$'"
        );
    }
}
