//! `lotse completion` and the generated reference.

mod api;

use std::fmt::Write as _;
use std::path::Path;

use clap::{Command, CommandFactory};
use lotse_core::error::ExitCode;
use serde_json::Value;

use crate::cli::Arguments;
use crate::cli::reference::{CompletionArguments, ReferenceArguments, ReferencePart};
use crate::failure::{CommandResult, Error};
use crate::output;
use crate::settings::Globals;

/// Prints the completion script of a shell.
pub(super) fn completion(arguments: &CompletionArguments, globals: &Globals) -> CommandResult {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "lotse", &mut script);
    output::data(globals, &String::from_utf8_lossy(&script))?;
    Ok(ExitCode::Success)
}

/// Prints one part of the reference.
pub(super) fn print(arguments: &ReferenceArguments, globals: &Globals) -> CommandResult {
    if let (ReferencePart::Manual, Some(directory)) = (arguments.part, &arguments.to) {
        manual_pages(directory)?;
        return Ok(ExitCode::Success);
    }
    let text = match arguments.part {
        ReferencePart::Commands => commands(),
        ReferencePart::Configuration => {
            fields("Configuration reference", &super::config::schema(), CONFIGURATION)
        }
        ReferencePart::Images => {
            fields("Image definition reference", &super::image::schema(), DEFINITIONS)
        }
        // What our own serialiser wrote can be read.
        ReferencePart::Api => {
            api::page(&serde_json::from_str(&super::demo::openapi()?).unwrap_or_default())
        }
        ReferencePart::Manual => {
            let mut manual = Vec::new();
            clap_mangen::Man::new(Arguments::command())
                .render(&mut manual)
                .map_err(Error::Output)?;
            String::from_utf8_lossy(&manual).into_owned()
        }
    };
    output::data(globals, &text)?;
    Ok(ExitCode::Success)
}

/// One page a command, named as `man` finds them: `lotse-image-plan.1`.
fn manual_pages(directory: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), directory))
        .map_err(|source| Error::File {
            action: "write",
            path: directory.display().to_string(),
            source,
        })
}

const CONFIGURATION: &str = "Every key of `lotse.yaml`. `lotse config check` checks a file, and \
    `lotse config schema` prints the JSON Schema that editors use.";
const DEFINITIONS: &str = "Every field of an image definition file. `lotse image check` checks files, \
    and `lotse image schema` prints the JSON Schema that editors use.";

fn commands() -> String {
    let mut text = String::from(
        "# Command reference\n\nGenerated from the program by `cargo xtask docs`; do not edit.\n",
    );
    let mut root = Arguments::command();
    root.build();
    command(&root, &mut text);
    text
}

fn command(command: &Command, text: &mut String) {
    let help = command.clone().color(clap::ColorChoice::Never).term_width(92).render_long_help();
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let help: Vec<_> = help.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    // Writing to a string cannot fail.
    write!(text, "\n## `{name}`\n\n```text\n{}\n```\n", help.join("\n").trim_end()).ok();
    for inner in command.get_subcommands() {
        if !inner.is_hide_set() && inner.get_name() != "help" {
            self::command(inner, text);
        }
    }
}

/// A JSON Schema as a list of its keys.
fn fields(title: &str, schema: &Value, introduction: &str) -> String {
    let mut text = format!(
        "# {title}\n\nGenerated from the program by `cargo xtask docs`; do not edit.\n\n{introduction}\n"
    );
    if let Some(description) = schema.get("description").and_then(Value::as_str) {
        write!(text, "\n{}\n", prose(description)).ok();
    }
    object(schema, schema, "", 0, &mut text);
    text
}

fn object(root: &Value, schema: &Value, path: &str, depth: usize, text: &mut String) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let required = schema.get("required").and_then(Value::as_array);
    for (name, property) in properties {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let needed = required.is_some_and(|all| all.iter().any(|one| one == name));
        let needed = if needed { "required" } else { "optional" };
        key(root, property, (&path, needed), depth, text);
    }
}

fn key(
    root: &Value,
    property: &Value,
    (path, needed): (&str, &str),
    depth: usize,
    text: &mut String,
) {
    const DEEPEST: usize = 6;
    let inner = resolve(root, property);
    // Writing to a string cannot fail.
    write!(text, "\n## `{path}`\n\n*{}, {needed}", kind(root, inner)).ok();
    if let Some(default) = property.get("default").filter(|value| !value.is_null()) {
        write!(text, ", default `{default}`").ok();
    }
    text.push_str("*\n");
    let description = property.get("description").or_else(|| inner.get("description"));
    if let Some(description) = description.and_then(Value::as_str) {
        write!(text, "\n{}\n", prose(description)).ok();
    }
    choices(root, inner, text);
    if depth < DEEPEST {
        inside(root, inner, path, depth + 1, text);
    }
}

/// The keys within a value: of the items of a list, of the values of a map with names of the
/// author's choice, of the one choice among several.
fn inside(root: &Value, schema: &Value, path: &str, depth: usize, text: &mut String) {
    if let Some(items) = schema.get("items") {
        return object(root, resolve(root, items), &format!("{path}[]"), depth, text);
    }
    object(root, schema, path, depth, text);
    if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
        inside(root, resolve(root, values), &format!("{path}.NAME"), depth, text);
    }
    for one in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        let one = resolve(root, one);
        let property = || one.get("properties")?.as_object()?.iter().next();
        let Some((name, property)) = property() else { continue };
        // A choice with keys of its own; where a secret is needs no more words than its list.
        if resolve(root, property).get("properties").is_some() {
            let path = format!("{path}.{name}");
            key(root, property, (&path, "one of several"), depth, text);
        }
    }
}

/// A description as Markdown: outside of `code`, what looks like HTML would not be shown.
fn prose(description: &str) -> String {
    let escape = |(place, part): (usize, &str)| match place % 2 {
        0 => part.replace('<', "&lt;"),
        _ => part.to_owned(),
    };
    description.split('`').enumerate().map(escape).collect::<Vec<_>>().join("`")
}

/// Follows references, and looks through "this or null".
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or(schema, |target| resolve(root, target));
    }
    let alternatives = schema.get("anyOf").and_then(Value::as_array);
    let is_null = |one: &&Value| one.get("type").is_some_and(|kind| kind == "null");
    match alternatives.map(Vec::as_slice) {
        Some([one, other]) if is_null(&other) => resolve(root, one),
        _ => schema,
    }
}

fn kind(root: &Value, schema: &Value) -> String {
    match schema.get("type") {
        Some(Value::String(kind)) if kind == "array" => {
            let items = schema.get("items").map(|items| kind_of_items(root, items));
            items.map_or_else(|| "list".to_owned(), |items| format!("list of {items}"))
        }
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => kinds
            .iter()
            .filter_map(Value::as_str)
            .filter(|kind| *kind != "null")
            .collect::<Vec<_>>()
            .join(" or "),
        _ if schema.get("oneOf").is_some() || schema.get("enum").is_some() => "choice".to_owned(),
        _ => "value".to_owned(),
    }
}

fn kind_of_items(root: &Value, items: &Value) -> String {
    kind(root, resolve(root, items))
}

fn choices(root: &Value, schema: &Value, text: &mut String) {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
        write!(text, "\nOne of {}.\n", values.join(", ")).ok();
    }
    for one in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        let one = resolve(root, one);
        let key = || one.get("properties")?.as_object()?.keys().next().cloned();
        let value = one.get("const").and_then(Value::as_str).map(str::to_owned).or_else(key);
        let description = one.get("description").and_then(Value::as_str).unwrap_or_default();
        if let Some(value) = value {
            write!(text, "\n- `{value}`: {}", prose(description)).ok();
        }
    }
    if schema.get("oneOf").is_some() {
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_html_is_shown_and_code_stays_as_it_is() {
        assert_eq!(prose("a <b> `<c>` <d>"), "a &lt;b> `<c>` &lt;d>");
    }
}
