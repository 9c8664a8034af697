//! From findings to files: what changes, shown as a difference, and written in one piece.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::declare::Catalogue;
use crate::edit::{History, edit};
use crate::error::Error;
use crate::model::{Build, Finding, Outcome};

/// A definition that follows upstream.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Change {
    /// The definition.
    pub definition: String,
    /// Its newest version so far.
    pub from: String,
    /// The build.
    pub build: Build,
}

/// A file that changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Update {
    /// The file.
    pub path: PathBuf,
    /// Its text as it was read.
    pub before: String,
    /// Its text as it shall be.
    pub after: String,
    /// What changes.
    pub changes: Vec<Change>,
}

/// The files that change. A finding that cannot be written becomes [`Outcome::Unusable`].
///
/// `findings` are pairs of a definition's place in the catalogue and what was found for it.
pub fn updates(
    catalogue: &Catalogue,
    findings: &mut [(usize, Finding)],
    history: History,
) -> Vec<Update> {
    let mut updates: Vec<Option<Update>> = catalogue.files.iter().map(|_| None).collect();
    for (place, finding) in findings {
        let Outcome::Newer { from, build } = &finding.outcome else { continue };
        let Some(definition) = catalogue.definitions.get(*place) else { continue };
        let Some(file) = catalogue.files.get(definition.file) else { continue };
        let Some(slot) = updates.get_mut(definition.file) else { continue };
        let before = file.source.text.to_string();
        let text = slot.as_ref().map_or(&before, |update| &update.after);
        match edit(text, definition, build, history) {
            Err(error) => {
                let why = format!("{} is newer, but {error}", build.version);
                finding.outcome = Outcome::Unusable { why };
            }
            Ok(after) => {
                let change = Change {
                    definition: definition.name.clone(),
                    from: from.clone(),
                    build: build.clone(),
                };
                let update = slot.get_or_insert_with(|| Update {
                    path: file.path.clone(),
                    after: before.clone(),
                    before,
                    changes: Vec::new(),
                });
                update.after = after;
                update.changes.push(change);
            }
        }
    }
    updates.into_iter().flatten().collect()
}

impl Update {
    /// The difference as a unified diff.
    pub fn diff(&self) -> String {
        let path = self.path.display().to_string();
        let path = path.trim_start_matches('/');
        similar::TextDiff::from_lines(&self.before, &self.after)
            .unified_diff()
            .header(&format!("a/{path}"), &format!("b/{path}"))
            .to_string()
    }

    /// Writes the file: either the whole new text is there afterwards, or the old one.
    ///
    /// # Errors
    /// [`Error::Changed`] when the file is not what was read, [`Error::Write`]
    pub fn write(&self) -> Result<(), Error> {
        replace(&self.path, &self.before, &self.after)
    }

    /// Puts the old text back, if the file is as [`Self::write`] left it.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn undo(&self) -> Result<(), Error> {
        replace(&self.path, &self.after, &self.before)
    }
}

fn replace(path: &Path, old: &str, new: &str) -> Result<(), Error> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    // A link stays a link; what it leads to is replaced.
    let target = std::fs::canonicalize(path).map_err(failed)?;
    let present = std::fs::read(&target).map_err(failed)?;
    if present != old.as_bytes() {
        return Err(Error::Changed { path: path.to_owned() });
    }
    let directory = target.parent().unwrap_or_else(|| Path::new("/"));
    let permissions = std::fs::metadata(&target).map_err(failed)?.permissions();
    let mut file =
        tempfile::Builder::new().prefix(".lotse-").tempfile_in(directory).map_err(failed)?;
    file.write_all(new.as_bytes()).map_err(failed)?;
    file.as_file().set_permissions(permissions).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}
