//! Declared files that lie in a directory.

use std::path::{Path, PathBuf};

use super::DeclaredError;

/// How the names of such files end.
const ENDINGS: [&str; 2] = ["yml", "yaml"];

/// The declared files at a path, in the order of their names: the file itself, or those of a directory
/// whose names end in `.yml` or `.yaml`.
///
/// # Errors
/// [`DeclaredError::Unreadable`], and [`DeclaredError::Empty`] for a directory without such files.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, DeclaredError> {
    let unreadable = |source| DeclaredError::Unreadable { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if ending.is_some_and(|ending| ENDINGS.contains(&ending)) && path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        let wanted = "file whose name ends in .yml or .yaml";
        return Err(DeclaredError::Empty { path: path.to_owned(), wanted });
    }
    files.sort();
    Ok(files)
}
