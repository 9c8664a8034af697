//! The workspace as cargo sees it (`cargo metadata`), reduced to what the checks need.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;

/// The answer of `cargo metadata`.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// All packages it named.
    pub(crate) packages: Vec<Package>,
    /// The resolved graph; absent with `--no-deps`.
    pub(crate) resolve: Option<Resolve>,
}

/// One package.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    /// Opaque, unique.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Its SPDX expression, if it gives one.
    pub(crate) license: Option<String>,
    /// The registry it comes from; none for our own.
    pub(crate) source: Option<String>,
    /// What it declares to need.
    pub(crate) dependencies: Vec<Dependency>,
    manifest_path: PathBuf,
}

/// A declared dependency.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    /// The package it names.
    pub(crate) name: String,
    /// `None` for a normal one, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    /// Set for our own crates.
    pub(crate) path: Option<PathBuf>,
}

/// The resolved graph.
#[derive(Debug, Deserialize)]
pub(crate) struct Resolve {
    /// The packages that are really used on this platform.
    pub(crate) nodes: Vec<Node>,
}

/// A node of the graph.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    /// The id of its package.
    pub(crate) id: String,
    /// What it needs on this platform.
    #[serde(default)]
    deps: Vec<Edge>,
}

/// An arrow of the graph.
#[derive(Debug, Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Debug, Deserialize)]
struct EdgeKind {
    /// `None` for a normal dependency, else `dev` or `build`.
    kind: Option<String>,
}

impl Node {
    /// The ids of the packages that end up in the program through this one: not those of tests and
    /// not those that only build it.
    pub(crate) fn linked(&self) -> impl Iterator<Item = &str> {
        let normal = |edge: &&Edge| edge.dep_kinds.iter().any(|kind| kind.kind.is_none());
        self.deps.iter().filter(normal).map(|edge| &*edge.pkg)
    }
}

impl Package {
    /// The directory of the package.
    pub(crate) fn dir(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }

    /// Its manifest.
    pub(crate) fn manifest(&self) -> &Path {
        &self.manifest_path
    }
}

/// Our own packages only.
pub(crate) fn members(env: &Environment) -> Result<Vec<Package>, Error> {
    Ok(metadata(env, &["--no-deps"])?.packages)
}

/// Everything in the lock file, with the graph for the platform the binary is built for.
pub(crate) fn everything(env: &Environment) -> Result<Metadata, Error> {
    metadata(env, &["--locked", "--filter-platform", "x86_64-unknown-linux-gnu"])
}

fn metadata(env: &Environment, more: &[&str]) -> Result<Metadata, Error> {
    let text = Job::cargo(env, &["metadata", "--format-version", "1"]).args(more).output()?;
    serde_json::from_str(&text).map_err(|error| Error::Answer {
        program: "cargo metadata".to_owned(),
        detail: error.to_string(),
    })
}

/// Every file below `dir` whose name ends in `.rs`, sorted.
pub(crate) fn rust_files(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(dir) = todo.pop() {
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::file("read", &dir)(error)),
        };
        for entry in entries {
            let path = entry.map_err(Error::file("read", &dir))?.path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
