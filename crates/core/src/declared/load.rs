//! From the file to the type.

use std::ops::Deref;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{DeclaredError, Diagnostic, Node, SourceFile, Span, deserialize, parse, schema};

/// A declared file, read, checked and typed.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    /// The typed content.
    pub value: T,
    /// The tree it came from.
    pub tree: Node,
    /// The file.
    pub file: SourceFile,
}

impl<T> Loaded<T> {
    /// The place of what a JSON pointer (RFC 6901, for example `/images/0/name`) names, or of the
    /// last thing on the way to it that the file holds.
    pub fn span_of(&self, pointer: &str) -> Span {
        self.tree.span_of(pointer)
    }

    /// A complaint about what a JSON pointer names.
    pub fn complain(&self, pointer: &str, message: impl Into<String>) -> Diagnostic {
        self.file.complain(self.span_of(pointer), message)
    }
}

impl<T> Deref for Loaded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Reads, checks and deserialises a file. The check uses the JSON Schema of `T`.
///
/// # Errors
/// [`DeclaredError::Invalid`] with all complaints of the first station that has any: syntax, then
/// schema, then the type's own conversions.
pub fn load<T: DeserializeOwned + JsonSchema>(
    file: &SourceFile,
) -> Result<Loaded<T>, DeclaredError> {
    let invalid = |diagnostics| DeclaredError::Invalid { diagnostics };
    load_parsed(file, parse(file).map_err(invalid)?)
}

/// Checks and deserialises a tree that [`parse`] made of this file.
///
/// # Errors
/// As [`load`].
pub fn load_parsed<T: DeserializeOwned + JsonSchema>(
    file: &SourceFile,
    tree: Node,
) -> Result<Loaded<T>, DeclaredError> {
    let invalid = |diagnostics| DeclaredError::Invalid { diagnostics };
    let diagnostics = schema::check(file, &tree, &schema::of::<T>());
    if !diagnostics.is_empty() {
        return Err(invalid(diagnostics));
    }
    let value = deserialize::from_node(&tree).map_err(|error| {
        invalid(vec![file.complain(error.span.unwrap_or(tree.span), error.message)])
    })?;
    Ok(Loaded { value, tree, file: file.clone() })
}
