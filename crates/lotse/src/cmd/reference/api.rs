//! The JSON API as a chapter of the book, from the document that the daemon serves.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::prose;

const INTRODUCTION: &str = "\
Generated from the program by `cargo xtask docs`; do not edit.

What a daemon serves at `/api/v1/openapi.json` (OpenAPI 3.1), for reading. Generate clients from that document: it is \
the one of the version that runs. [Let people and scripts in](../guides/sign-in.md) shows how to get a token.

- Errors are problems (`application/problem+json`, RFC 9457): [Problem](#problem).
- Lists come in pages: the `next` of an answer is the `after` of the next request.
- Answers carry entity tags; with `If-None-Match` an answer that is known is 304.
- A write with an `Idempotency-Key` is done once, however often it is sent.
- Every operation can answer 429 (its `Retry-After` says when to ask again) and 500.
";

/// Statuses that every operation shares; the introduction names them.
const SHARED: [&str; 2] = ["429", "500"];

/// The chapter.
pub(super) fn page(document: &Value) -> String {
    let mut text = format!("# HTTP API reference\n\n{INTRODUCTION}");
    for (path, methods) in members(document, "/paths") {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            if operation.get("responses").is_some() {
                self::operation(&mut text, &method.to_uppercase(), path, operation);
            }
        }
    }
    text.push_str("\n## Documents\n");
    for (name, schema) in members(document, "/components/schemas") {
        // Writing to a string cannot fail.
        write!(text, "\n### {name}\n").ok();
        paragraph(&mut text, schema.get("description"));
        fields(&mut text, schema);
    }
    text
}

fn members<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
}

fn operation(text: &mut String, method: &str, path: &str, operation: &Value) {
    write!(text, "\n## {method} `{path}`\n").ok();
    paragraph(text, operation.get("summary"));
    paragraph(text, operation.get("description"));
    let parameters = operation.get("parameters").and_then(Value::as_array);
    if let Some(parameters) = parameters.filter(|all| !all.is_empty()) {
        text.push_str("\n| parameter | in | type | |\n| --- | --- | --- | --- |\n");
        for one in parameters {
            let word = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default();
            let kind = one.get("schema").map(kind).unwrap_or_default();
            let (name, place, about) = (word("name"), word("in"), cell(word("description")));
            writeln!(text, "| `{name}` | {place} | {kind} | {about} |").ok();
        }
    }
    if let Some(kind) = operation.get("requestBody").and_then(body) {
        write!(text, "\nTakes {kind} as JSON.\n").ok();
    }
    text.push_str("\n| status | answers | |\n| --- | --- | --- |\n");
    for (status, answer) in members(operation, "/responses") {
        if !SHARED.contains(&status.as_str()) {
            let kind = body(answer).unwrap_or_default();
            let about = answer.get("description").and_then(Value::as_str).unwrap_or_default();
            writeln!(text, "| {status} | {kind} | {} |", cell(about)).ok();
        }
    }
}

/// The type of what is sent or answered.
fn body(holder: &Value) -> Option<String> {
    let content: &Map<_, _> = holder.get("content")?.as_object()?;
    let schema = content.values().next()?.get("schema")?;
    Some(kind(schema))
}

fn fields(text: &mut String, schema: &Value) {
    let required = schema.get("required").and_then(Value::as_array);
    let properties: Vec<_> = members(schema, "/properties").collect();
    if properties.is_empty() {
        write!(text, "\n{}\n", kind(schema)).ok();
        return;
    }
    text.push_str("\n| field | type | |\n| --- | --- | --- |\n");
    for (name, property) in properties {
        let needed = required.is_some_and(|all| all.iter().any(|one| one == name));
        let optional = if needed { "" } else { ", optional" };
        let about = property.get("description").and_then(Value::as_str).unwrap_or_default();
        writeln!(text, "| `{name}` | {}{optional} | {} |", kind(property), cell(about)).ok();
    }
}

/// What a value is, with links to documents.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return format!("[{name}](#{})", name.to_lowercase());
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        if let Some(all) = schema.get(key).and_then(Value::as_array) {
            return either(all.iter().map(kind));
        }
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        // What may be left out is not a choice.
        let values = values.iter().filter_map(Value::as_str);
        return either(values.map(|value| format!("`{value}`")));
    }
    match schema.get("type") {
        Some(Value::Array(kinds)) => {
            either(kinds.iter().filter_map(Value::as_str).map(|one| single(one, schema)))
        }
        Some(Value::String(one)) => single(one, schema),
        _ => "any value".to_owned(),
    }
}

fn single(name: &str, schema: &Value) -> String {
    let inner = |key: &str| schema.get(key).filter(|inner| inner.is_object()).map(kind);
    match (name, schema.get("format").and_then(Value::as_str)) {
        ("array", _) => format!("list of {}", inner("items").unwrap_or_default()),
        ("object", _) => inner("additionalProperties")
            .map_or_else(|| "object".to_owned(), |values| format!("map to {values}")),
        ("string", Some("date-time")) => "time".to_owned(),
        _ => name.to_owned(),
    }
}

fn either(kinds: impl Iterator<Item = String>) -> String {
    kinds.filter(|kind| kind != "null").collect::<Vec<_>>().join(" or ")
}

fn paragraph(text: &mut String, words: Option<&Value>) {
    if let Some(words) = words.and_then(Value::as_str).filter(|words| !words.is_empty()) {
        write!(text, "\n{}\n", prose(words)).ok();
    }
}

/// Words that fit into one cell of a table.
fn cell(words: &str) -> String {
    prose(words).split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_named_and_documents_linked() {
        let linked = json!({ "$ref": "#/components/schemas/TaskView" });
        assert_eq!(kind(&linked), "[TaskView](#taskview)");
        assert_eq!(
            kind(&json!({ "oneOf": [{ "type": "null" }, linked] })),
            "[TaskView](#taskview)"
        );
        assert_eq!(
            kind(&json!({ "type": "array", "items": { "type": "string" } })),
            "list of string"
        );
        let time = json!({ "type": ["string", "null"], "format": "date-time" });
        assert_eq!(kind(&time), "time");
        assert_eq!(kind(&json!({ "type": "string", "enum": ["a", "b"] })), "`a` or `b`");
    }

    #[test]
    fn an_operation_tells_its_parameters_answers_and_who_may_call_it() {
        let document = json!({ "paths": { "/api/v1/x/{id}": { "get": {
            "summary": "Shows one.", "description": "Needs the permission `x.read`.",
            "parameters": [{ "name": "id", "in": "path", "description": "a | b",
                             "schema": { "type": "string" } }],
            "responses": {
                "200": { "description": "It.", "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/X" } } } },
                "429": { "description": "Slow down." } }
        } } }, "components": { "schemas": { "X": {
            "required": ["name"],
            "properties": { "name": { "type": "string" }, "size": { "type": "integer" } }
        } } } });
        let text = page(&document);
        for part in [
            "## GET `/api/v1/x/{id}`\n\nShows one.\n\nNeeds the permission `x.read`.\n",
            "| `id` | path | string | a \\| b |",
            "| 200 | [X](#x) | It. |",
            "### X\n\n| field",
            "| `name` | string |  |",
            "| `size` | integer, optional |  |",
        ] {
            assert!(text.contains(part), "{part} is missing:\n{text}");
        }
        assert!(!text.contains("| 429 |"), "{text}");
    }
}
