//! Files people write: YAML with positions, checks, diagnostics.
//!
//! A declared file is read once into a tree whose every node knows its place, so that every later
//! complaint can show the line.

use std::sync::Arc;

/// A declared file: its name as people know it, and its text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path as it was given.
    pub name: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
}

/// A stretch of text in a declared file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub struct Span {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Length in characters (at least 1), not reaching beyond the line.
    pub length: u32,
}

/// One complaint about one place.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Diagnostic {
    /// The file.
    pub file: String,
    /// The place.
    pub span: Span,
    /// The whole line the place is in.
    pub line_text: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}
