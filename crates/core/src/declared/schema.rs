//! Checks a tree against a JSON Schema and says what is wrong, all of it, at the places.
//!
//! The schemas are those that `schemars` derives, so the words it uses are understood: `type`,
//! `properties`, `required`, `additionalProperties`, `unevaluatedProperties`, `patternProperties`
//! (any name), `enum`, `const`, `items`, `prefixItems`, `$ref`, `anyOf`, `oneOf`, `allOf`, `minimum`,
//! `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `minLength`, `maxLength`, `minItems`,
//! `maxItems`, `uniqueItems` and the formats `date` and `date-time`. `pattern` is left to the types:
//! a regular expression is no help to the one who reads the complaint.

mod alternatives;
mod help;

use std::collections::HashSet;

use jiff::civil;
use schemars::JsonSchema;
use serde_json::{Map, Value as Json};

use super::diagnostic::{Diagnostic, is_secret};
use super::scalar::Scalar;
use super::tree::{Node, Value};
use super::{MAX_COMPLAINTS, SourceFile, Span};

/// The JSON Schema of a type.
pub fn of<T: JsonSchema>() -> Json {
    schemars::SchemaGenerator::default().into_root_schema_for::<T>().to_value()
}

/// Compares a tree with a schema. No complaint means that it fits.
pub fn check(file: &SourceFile, tree: &Node, schema: &Json) -> Vec<Diagnostic> {
    let mut check = Check { root: schema, out: Vec::new() };
    check.node(tree, schema, Context { place: tree.span, key: None, depth: 0 });
    check.out.sort_by_key(|complaint| complaint.span);
    let shown = check.out.into_iter().take(MAX_COMPLAINTS);
    shown
        .map(|Complaint { span, message, help }| Diagnostic {
            help,
            ..file.complain(span, message)
        })
        .collect()
}

/// Where in the file a check is.
#[derive(Clone, Copy)]
struct Context<'a> {
    /// The place to point at.
    place: Span,
    /// The key the value stands under.
    key: Option<&'a str>,
    /// How many schemas deep; schemas may be recursive without consuming the tree.
    depth: usize,
}

/// A schema that refers to itself without end is a defect of the schema, not of the file.
const MAX_SCHEMA_DEPTH: usize = 256;

struct Check<'a> {
    root: &'a Json,
    out: Vec<Complaint>,
}

/// A complaint whose line has not been looked up yet: most that alternatives cause are dropped.
struct Complaint {
    span: Span,
    message: String,
    help: Option<String>,
}

impl<'a> Check<'a> {
    fn complain(&mut self, span: Span, message: String, help: Option<String>) {
        self.out.push(Complaint { span, message, help });
    }

    /// Complaints about the node under this schema, collected apart.
    fn apart(&self, node: &Node, schema: &'a Json, at: Context<'_>) -> Vec<Complaint> {
        let mut check = Check { root: self.root, out: Vec::new() };
        check.node(node, schema, at);
        check.out
    }

    /// Follows `$ref`s within the document.
    fn resolved(&self, schema: &'a Json) -> &'a Json {
        let mut schema = schema;
        for _ in 0..MAX_SCHEMA_DEPTH {
            let target = schema.get("$ref").and_then(Json::as_str).and_then(|reference| {
                let pointer = reference.strip_prefix('#')?;
                self.root.pointer(pointer)
            });
            match target {
                // Keys beside `$ref` (a description, a default) do not constrain.
                Some(target) => schema = target,
                None => return schema,
            }
        }
        schema
    }

    fn node(&mut self, node: &Node, schema: &'a Json, at: Context<'_>) {
        if at.depth > MAX_SCHEMA_DEPTH || self.out.len() >= MAX_COMPLAINTS {
            return;
        }
        let at = Context { depth: at.depth + 1, ..at };
        let schema = match self.resolved(schema) {
            Json::Bool(true) => return,
            Json::Bool(false) => {
                return self.complain(at.place, "nothing may stand here".to_owned(), None);
            }
            schema => schema,
        };
        let Some(words) = schema.as_object() else { return };
        if let Some(allowed) = help::allowed_values(self, schema) {
            return self.one_of(node, &allowed, at);
        }
        if !self.kind(node, words, at) {
            return;
        }
        for part in list(words, "allOf") {
            self.node(node, part, at);
        }
        for word in ["anyOf", "oneOf"] {
            if words.contains_key(word) {
                self.alternatives(node, list(words, word), at);
            }
        }
        match &node.value {
            Value::Mapping(_) => self.mapping(node, words, at),
            Value::Sequence(items) => self.sequence(items, words, at),
            Value::Scalar(scalar) => self.scalar(node, scalar, words, at),
        }
    }

    /// Checks `type`; false ends the check of this node.
    fn kind(&mut self, node: &Node, words: &Map<String, Json>, at: Context<'_>) -> bool {
        let kinds: Vec<&str> = match words.get("type") {
            Some(Json::String(kind)) => vec![kind],
            Some(Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).collect(),
            _ => return true,
        };
        let format = words.get("format").and_then(Json::as_str);
        if kinds.iter().any(|kind| help::has_kind(node, kind, format)) {
            return true;
        }
        let (message, help) = help::wrong_kind(node, &kinds, format, at.key);
        self.complain(at.place, message, help);
        false
    }

    /// Checks `enum` and `const`.
    fn one_of(&mut self, node: &Node, allowed: &[&Json], at: Context<'_>) {
        if allowed.iter().any(|value| help::equals(node, value)) {
            return;
        }
        let (message, help) = help::wrong_value(node, allowed, at.key);
        self.complain(at.place, message, help);
    }

    fn mapping(&mut self, node: &Node, words: &'a Map<String, Json>, at: Context<'_>) {
        let properties = words.get("properties").and_then(Json::as_object);
        let others = words
            .get("additionalProperties")
            .or_else(|| words.get("patternProperties")?.as_object()?.values().next());
        let open = words.get("unevaluatedProperties") != Some(&Json::Bool(false));
        let mut known: Vec<&str> = Vec::new();
        if others == Some(&Json::Bool(false)) || !open {
            help::property_names(self, words, &mut known, 0);
        }
        for entry in node.entries() {
            let next = Context { place: entry.place(), key: Some(&entry.key), depth: at.depth };
            match properties.and_then(|all| all.get(&*entry.key)).or(others) {
                Some(Json::Bool(false)) => {
                    let taken = |name: &str| node.get(name).is_some();
                    let (message, help) = help::unknown_key(&entry.key, &known, taken);
                    self.complain(entry.key_span, message, help);
                }
                Some(schema) => self.node(&entry.value, schema, next),
                None if !open && !known.contains(&&*entry.key) => {
                    let (message, help) = help::unknown_key(&entry.key, &known, |_| false);
                    self.complain(entry.key_span, message, help);
                }
                None => {}
            }
        }
        let missing: Vec<&str> = list(words, "required")
            .filter_map(Json::as_str)
            .filter(|name| node.get(name).is_none())
            .collect();
        if !missing.is_empty() {
            let (message, help) = help::missing_keys(&missing, properties);
            self.complain(at.place, message, help);
        }
    }

    fn sequence(&mut self, items: &[Node], words: &'a Map<String, Json>, at: Context<'_>) {
        let first: Vec<&Json> = list(words, "prefixItems").collect();
        let unique = words.get("uniqueItems") == Some(&Json::Bool(true));
        let mut seen = HashSet::new();
        for (index, item) in items.iter().enumerate() {
            let next = Context { place: item.span, key: at.key, depth: at.depth };
            if let Some(schema) = first.get(index).copied().or_else(|| words.get("items")) {
                self.node(item, schema, next);
            }
            if unique && !seen.insert(item.to_json().to_string()) {
                let message = format!("{} is in the list twice", help::quoted(item, at.key));
                self.complain(item.span, message, None);
            }
        }
        let count = items.len() as u64;
        if let Some(least) = number(words, "minItems").filter(|least| count < *least) {
            let message = format!("the list needs at least {}", help::things(least, "item"));
            self.complain(at.place, message, None);
        }
        if let Some(most) = number(words, "maxItems").filter(|most| count > *most) {
            let message = format!("the list may have at most {}", help::things(most, "item"));
            self.complain(at.place, message, None);
        }
    }

    fn scalar(&mut self, node: &Node, scalar: &Scalar, words: &Map<String, Json>, at: Context<'_>) {
        match scalar {
            Scalar::Int(value) => self.range(*value, words, at),
            Scalar::Float(value) if !value.is_finite() => {
                self.complain(at.place, format!("`{}` is not a finite number", node.raw), None);
            }
            Scalar::Text => self.text(node, words, at),
            _ => {}
        }
    }

    fn range(&mut self, value: i128, words: &Map<String, Json>, at: Context<'_>) {
        let bound = |word: &str| words.get(word).and_then(help::integer);
        let least = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|bound| bound + 1));
        let most = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|bound| bound - 1));
        if let Some(least) = least.filter(|least| value < *least) {
            self.complain(at.place, format!("{value} is too small; the least is {least}"), None);
        }
        if let Some(most) = most.filter(|most| value > *most) {
            self.complain(at.place, format!("{value} is too large; the most is {most}"), None);
        }
    }

    fn text(&mut self, node: &Node, words: &Map<String, Json>, at: Context<'_>) {
        let length = node.raw.chars().count() as u64;
        if number(words, "minLength").is_some_and(|least| length < least) {
            let message =
                if length == 0 { "the text is empty" } else { "the text is too short" }.to_owned();
            self.complain(at.place, message, None);
        }
        if let Some(most) = number(words, "maxLength").filter(|most| length > *most) {
            self.complain(at.place, format!("the text is longer than {most} characters"), None);
        }
        let shown = help::quoted(node, at.key);
        match words.get("format").and_then(Json::as_str) {
            Some("date") if node.raw.parse::<civil::Date>().is_err() => {
                let help = Some("write it as YYYY-MM-DD".to_owned());
                self.complain(at.place, format!("{shown} is not a date"), help);
            }
            Some("date-time") if node.raw.parse::<jiff::Timestamp>().is_err() => {
                let help = Some("write it as YYYY-MM-DDThh:mm:ssZ".to_owned());
                self.complain(at.place, format!("{shown} is not a date with time"), help);
            }
            _ => {}
        }
    }
}

fn list<'a>(words: &'a Map<String, Json>, word: &str) -> impl Iterator<Item = &'a Json> + Clone {
    words.get(word).and_then(Json::as_array).into_iter().flatten()
}

fn number(words: &Map<String, Json>, word: &str) -> Option<u64> {
    words.get(word).and_then(Json::as_u64)
}

/// Whether complaints may repeat the value under this key.
fn may_show(key: Option<&str>) -> bool {
    !key.is_some_and(is_secret)
}
