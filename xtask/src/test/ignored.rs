//! The tests that do not run by default, read from the sources with their reasons.
//!
//! The test programs print reasons only while they run, and cargo-nextest not at all; the mark in the
//! source is the one place that always has it.

use std::fmt;

use crate::environment::Environment;
use crate::error::Error;
use crate::workspace::{self, rust_files};

/// A test with `#[ignore = "…"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marked {
    /// The package it belongs to.
    pub(super) package: String,
    /// The name of its function.
    pub(super) name: String,
    /// What the mark says.
    pub(super) reason: String,
}

impl fmt::Display for Marked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.package, self.name)
    }
}

/// All marked tests of the workspace, in the order of packages and files.
pub(super) fn scan(env: &Environment) -> Result<Vec<Marked>, Error> {
    let mut marked = Vec::new();
    for package in workspace::members(env)? {
        for part in ["src", "tests"] {
            for file in rust_files(&package.dir().join(part))? {
                let text = std::fs::read_to_string(&file).map_err(Error::file("read", &file))?;
                marked.extend(marks(&package.name, &text));
            }
        }
    }
    Ok(marked)
}

/// The marks of one file: the attribute, then the next function.
fn marks(package: &str, text: &str) -> Vec<Marked> {
    let mut found = Vec::new();
    let mut pending: Option<String> = None;
    for line in text.lines().map(str::trim) {
        if let Some(reason) = line
            .strip_prefix(concat!("#[", "ignore = \""))
            .and_then(|rest| rest.strip_suffix("\"]"))
        {
            pending = Some(reason.to_owned());
        } else if let Some(name) = function_name(line)
            && let Some(reason) = pending.take()
        {
            found.push(Marked { package: package.to_owned(), name: name.to_owned(), reason });
        }
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    before
        .split_whitespace()
        .all(|word| matches!(word, "async" | "pub" | "pub(crate)" | "pub(super)"))
        .then(|| after.split(['(', '<']).next())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_belongs_to_the_next_function() {
        let text = format!(
            "#[tokio::test]\n#[{} = \"real: needs PostgreSQL\"]\nasync fn rows_survive() {{\n}}\n\
             #[test]\nfn plain() {{}}\n",
            "ignore"
        );
        let found = marks("lotse-store", &text);
        assert_eq!(
            found,
            [Marked {
                package: "lotse-store".to_owned(),
                name: "rows_survive".to_owned(),
                reason: "real: needs PostgreSQL".to_owned(),
            }]
        );
    }

    #[test]
    fn words_that_only_look_like_functions_are_not() {
        assert_eq!(function_name("// a fn here"), None);
        assert_eq!(function_name("async fn here<T>(a: T)"), Some("here"));
    }
}
