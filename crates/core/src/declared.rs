//! Files people write: YAML with positions, checks against a schema, diagnostics.
//!
//! A declared file goes through three stations:
//!
//! 1. [`parse`] reads the text into a tree of [`Node`]s, each of which knows its place and how it was
//!    written. Scalars mean what they mean to PyYAML (YAML 1.1, see [`scalar`]), because that is what
//!    the files in the field were written for. Anchors, aliases and merge keys are resolved within
//!    limits, so that no file can make us use unbounded memory or time.
//! 2. [`check`](schema::check) compares the tree with a JSON Schema, the one that `schemars` derives
//!    from the serde type, and collects *all* complaints: each shows the line, marks the place and
//!    says what to write instead.
//! 3. The tree is deserialised into the type ([`load()`] does all three). The tree stays in
//!    [`Loaded`], so that later checks on meaning can point at places, too.
//!
//! ```
//! # use lotse_core::declared::{self, SourceFile};
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Greeting { text: String }
//!
//! let file = SourceFile::new("greeting.yaml", "texd: hello\n");
//! let error = declared::load::<Greeting>(&file).unwrap_err();
//! assert!(error.to_string().contains("greeting.yaml"));
//! ```
//!
//! Lines are shown in complaints, so values of keys that look secret are masked there (see
//! [`diagnostic`]).

use std::sync::Arc;

mod deserialize;
pub mod diagnostic;
mod directory;
mod error;
mod load;
pub mod scalar;
pub mod schema;
#[cfg(test)]
mod tests;
mod tree;
mod yaml;

pub use diagnostic::{Diagnostic, Place};
pub use directory::files;
pub use error::DeclaredError;
pub use load::{Loaded, load, load_parsed};
pub use scalar::Scalar;
pub use tree::{Entry, Node, Value, pointer};
pub use yaml::parse;

/// A declared file: its name as people know it, and its text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path as it was given.
    pub name: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
}

impl SourceFile {
    /// A file with this name and text.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Reads a file from the disk.
    ///
    /// # Errors
    /// [`DeclaredError::Unreadable`] when it cannot be read, [`DeclaredError::Invalid`] when it is
    /// larger than [`MAX_BYTES`] or not UTF-8.
    pub fn read(path: &std::path::Path) -> Result<Self, DeclaredError> {
        error::read(path)
    }

    /// A complaint about a place in this file.
    pub fn complain(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            file: self.name.to_string(),
            span,
            line_text: diagnostic::shown_line(&self.text, span.line),
            message: message.into(),
            help: None,
            also: Vec::new(),
        }
    }

    /// A place in this file that a complaint also refers to.
    pub fn place(&self, span: Span, note: impl Into<String>) -> Place {
        Place {
            file: self.name.to_string(),
            span,
            line_text: diagnostic::shown_line(&self.text, span.line),
            note: note.into(),
        }
    }
}

/// The largest file that is read, in bytes.
pub const MAX_BYTES: usize = 4 << 20;

/// After so many complaints about one file, no more are collected: nobody reads them, and each one
/// costs a look through the file.
pub const MAX_COMPLAINTS: usize = 100;

/// A stretch of text in a declared file.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Eq,
    PartialEq,
    Ord,
    PartialOrd,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Span {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Length in characters (at least 1), not reaching beyond the line.
    pub length: u32,
}
