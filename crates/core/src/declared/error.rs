//! What can go wrong with a declared file.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::diagnostic::Diagnostic;
use super::{MAX_BYTES, SourceFile, Span};
use crate::error::{ErrorKind, Explain};

/// A declared file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeclaredError {
    /// The file or directory cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is nothing to read in the directory.
    #[error("{} holds no {wanted}", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
        /// What was looked for, for example `file ending in .yml or .yaml`.
        wanted: &'static str,
    },
    /// The content is wrong.
    #[error("{}", summary(diagnostics))]
    Invalid {
        /// All complaints; never empty.
        diagnostics: Vec<Diagnostic>,
    },
}

impl DeclaredError {
    /// The complaints in full, as people read them; for the other variants empty.
    pub fn report(&self) -> String {
        let mut text = String::new();
        for diagnostic in self.diagnostics() {
            text.push_str(&diagnostic.to_string());
            text.push('\n');
        }
        text
    }
}

fn summary(diagnostics: &[Diagnostic]) -> String {
    let Some(first) = diagnostics.first() else { return "the file is wrong".to_owned() };
    let place = format!("{}:{}:{}", first.file, first.span.line, first.span.column);
    match diagnostics.len() {
        1 => format!("{place}: {}", first.message),
        2 => format!("{place}: {} (and one more complaint)", first.message),
        n => format!("{place}: {} (and {} more complaints)", first.message, n - 1),
    }
}

impl Explain for DeclaredError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Declaration
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unreadable { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound => vec!["check the path".to_owned()],
                std::io::ErrorKind::PermissionDenied => {
                    vec!["give the user that runs Lotse the right to read it".to_owned()]
                }
                _ => Vec::new(),
            },
            Self::Empty { wanted, .. } => {
                vec![format!("put a {wanted} there, or name another path")]
            }
            // Each complaint carries its own help.
            Self::Invalid { .. } => Vec::new(),
        }
    }

    fn diagnostics(&self) -> &[Diagnostic] {
        if let Self::Invalid { diagnostics } = self { diagnostics } else { &[] }
    }
}

/// See [`SourceFile::read`].
pub(super) fn read(path: &Path) -> Result<SourceFile, DeclaredError> {
    let unreadable = |source| DeclaredError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file of exactly the limit from a larger one, and a device
    // or a pipe cannot fill the memory.
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    let name = path.display().to_string();
    let start = Span { line: 1, column: 1, length: 1 };
    if bytes.len() > MAX_BYTES {
        let diagnostic = SourceFile::new(name, "")
            .complain(start, format!("the file has more than the {MAX_BYTES} bytes allowed"));
        return Err(DeclaredError::Invalid { diagnostics: vec![diagnostic] });
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(SourceFile::new(name, text)),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let lossy = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let lines = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count();
            let span = Span { line: u32::try_from(lines + 1).unwrap_or(u32::MAX), ..start };
            let diagnostic = SourceFile::new(name, lossy)
                .complain(span, "the file is not UTF-8 text")
                .with_help("save the file as UTF-8");
            Err(DeclaredError::Invalid { diagnostics: vec![diagnostic] })
        }
    }
}
