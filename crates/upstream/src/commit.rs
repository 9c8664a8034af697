//! The changed files as one Git commit, and nothing else in it.
//!
//! The `git` of the machine does the work, so that hooks, signatures and the identity of the one who
//! runs us count. What is staged for other files stays staged. Nothing is written before it is
//! certain that the files are as the last commit has them; when Git refuses the commit, files and
//! branch are as they were.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde::Serialize;
use tokio::process::Command;

use crate::error::Error;
use crate::write::Update;

/// A commit that was made.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Committed {
    /// Its id.
    pub id: String,
    /// The branch it is on; none when no branch is checked out.
    pub branch: Option<String>,
}

/// How Git is used.
#[derive(Clone, Debug)]
pub struct Git {
    /// The program.
    pub program: PathBuf,
    /// A new branch that the commit is made on, and that stays checked out.
    pub branch: Option<String>,
}

/// Writes the files and commits them.
///
/// # Errors
/// [`Error::Git`], [`Error::Dirty`], [`Error::Write`], [`Error::Changed`]; nothing is changed then.
pub async fn commit(updates: &[Update], git: &Git) -> Result<Committed, Error> {
    let first = updates.first().map_or(Path::new("."), |update| &update.path);
    let work = Work::find(first, git).await?;
    let mut files = Vec::new();
    for update in updates {
        let real = std::fs::canonicalize(&update.path)
            .map_err(|source| Error::Write { path: update.path.clone(), source })?;
        files.push(real);
    }
    work.clean(&files).await?;
    let before = match &git.branch {
        Some(branch) => Some(work.begin(branch).await?),
        None => None,
    };
    match work.write_and_commit(updates, &files).await {
        Ok(id) => Ok(Committed { id, branch: work.branch().await? }),
        Err(error) => {
            if let (Some(before), Some(branch)) = (before, &git.branch) {
                work.leave(&before, branch).await?;
            }
            Err(error)
        }
    }
}

/// What the commit says: each definition with its versions.
pub fn message(updates: &[Update]) -> String {
    const WIDTH: usize = 60;
    let changes = || updates.iter().flat_map(|update| &update.changes);
    let names: Vec<&str> = changes().map(|change| change.definition.as_str()).collect();
    let all = format!("Update {}", names.join(", "));
    let subject = match names.len() {
        _ if all.chars().count() <= WIDTH => all,
        count => format!("Update {count} images"),
    };
    let mut text = subject + "\n";
    for change in changes() {
        let (from, to) = (&change.from, &change.build.version);
        let line = format!("\n- {}: {from} -> {to}\n  {}", change.definition, change.build.url);
        text.push_str(&line);
    }
    text + "\n"
}

/// A working copy.
struct Work {
    program: PathBuf,
    top: PathBuf,
}

impl Work {
    async fn find(file: &Path, git: &Git) -> Result<Self, Error> {
        let directory = std::fs::canonicalize(file)
            .map_err(|source| Error::Write { path: file.to_owned(), source })?;
        let directory = directory.parent().unwrap_or_else(|| Path::new("/")).to_owned();
        let here = Self { program: git.program.clone(), top: directory };
        let top = here.run(["rev-parse", "--show-toplevel"]).await?;
        Ok(Self { top: PathBuf::from(top.trim_end_matches('\n')), ..here })
    }

    async fn output<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Output, Error> {
        let mut command = Command::new(&self.program);
        command.arg("-C").arg(&self.top).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        // Within a hook these would lead to another repository or another index.
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
            command.env_remove(name);
        }
        command.output().await.map_err(|source| Error::NoGit { source })
    }

    async fn run<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<String, Error> {
        let output = self.output(arguments).await?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = [output.stderr, output.stdout].concat();
        Err(Error::Git { said: String::from_utf8_lossy(&said).trim().to_owned() })
    }

    /// Refuses when one of the files is not as the last commit has it.
    async fn clean(&self, files: &[PathBuf]) -> Result<(), Error> {
        let fixed = ["status", "--porcelain=v1", "-z", "--ignored", "--untracked-files=all", "--"];
        let arguments =
            fixed.iter().map(OsStr::new).chain(files.iter().map(|file| file.as_os_str()));
        let status = self.run(arguments).await?;
        let dirty: BTreeSet<PathBuf> =
            status.split('\0').filter_map(|entry| entry.get(3..)).map(PathBuf::from).collect();
        if dirty.is_empty() {
            Ok(())
        } else {
            Err(Error::Dirty { files: dirty.into_iter().collect() })
        }
    }

    async fn branch(&self) -> Result<Option<String>, Error> {
        let name = self.run(["rev-parse", "--abbrev-ref", "HEAD"]).await?;
        let name = name.trim();
        Ok((name != "HEAD").then(|| name.to_owned()))
    }

    /// Makes a branch and checks it out. Returns what was checked out.
    async fn begin(&self, branch: &str) -> Result<String, Error> {
        let before = match self.branch().await? {
            Some(name) => name,
            None => self.run(["rev-parse", "HEAD"]).await?.trim().to_owned(),
        };
        self.run(["switch", "--quiet", "--create", branch]).await?;
        Ok(before)
    }

    async fn leave(&self, before: &str, branch: &str) -> Result<(), Error> {
        // A name or an id: `checkout` takes both.
        self.run(["checkout", "--quiet", before]).await?;
        self.run(["branch", "--quiet", "-D", branch]).await?;
        Ok(())
    }

    async fn write_and_commit(
        &self,
        updates: &[Update],
        files: &[PathBuf],
    ) -> Result<String, Error> {
        let mut written: Vec<&Update> = Vec::new();
        let mut result = Ok(());
        for update in updates {
            result = update.write();
            if result.is_err() {
                break;
            }
            written.push(update);
        }
        let committed = match result {
            Ok(()) => {
                let message = message(updates);
                // With paths, exactly these files are committed, whatever else is staged.
                let fixed = ["commit", "--quiet", "--only", "-m", &message, "--"];
                let files = files.iter().map(|file| file.as_os_str());
                self.run(fixed.iter().map(OsStr::new).chain(files)).await
            }
            Err(error) => Err(error),
        };
        match committed {
            Ok(_) => Ok(self.run(["rev-parse", "HEAD"]).await?.trim().to_owned()),
            Err(mut error) => {
                for update in written {
                    // A hook that refuses may have changed the file before.
                    let left = update.undo().is_err().then(|| update.path.display());
                    if let (Some(path), Error::Git { said }) = (left, &mut error) {
                        let left = format!("\n{path} was changed by that and is left as it is");
                        said.push_str(&left);
                    }
                }
                Err(error)
            }
        }
    }
}
