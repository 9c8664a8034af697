//! The licences of all that is linked into the program, as their authors ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use crate::environment::Environment;
use crate::error::Error;
use crate::workspace::{self, Metadata};

/// Beginnings of the names of files that hold a licence or name its holders.
const NAMES: [&str; 4] = ["license", "licence", "copying", "notice"];

/// One text: each foreign crate with its licence, then every licence text with the crates that ship it.
pub(crate) fn collect(env: &Environment) -> Result<String, Error> {
    let metadata = workspace::everything(env)?;
    let mut text = String::from(
        "Lotse is under Apache-2.0. These crates are linked into it, each under its own licence.\n\n",
    );
    let mut texts = BTreeMap::<String, BTreeSet<String>>::new();
    for package in linked(&metadata) {
        let title = format!("{} {}", package.name, package.version);
        let licence = package.license.as_deref().unwrap_or("see its text below");
        // Writing to a string cannot fail.
        writeln!(text, "{title}: {licence}").ok();
        for found in licence_texts(package.dir())? {
            texts.entry(found).or_default().insert(title.clone());
        }
    }
    for (licence, crates) in texts {
        let crates = crates.into_iter().collect::<Vec<_>>().join(", ");
        write!(text, "\n{:=<80}\nShipped with {crates}:\n\n{}\n", "", licence.trim()).ok();
    }
    Ok(text)
}

/// The foreign crates that `lotse` is built from on this platform, without those of tests only.
fn linked(metadata: &Metadata) -> Vec<&workspace::Package> {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let edges: BTreeMap<&str, _> = nodes.map(|node| (&*node.id, node)).collect();
    let packages: BTreeMap<&str, _> = metadata.packages.iter().map(|one| (&*one.id, one)).collect();
    let mut seen = BTreeSet::new();
    let mut todo: Vec<&str> =
        metadata.packages.iter().filter(|one| one.name == "lotse").map(|one| &*one.id).collect();
    while let Some(id) = todo.pop() {
        if seen.insert(id) {
            todo.extend(edges.get(id).into_iter().flat_map(|node| node.linked()));
        }
    }
    let mut found: Vec<_> = seen.iter().filter_map(|id| packages.get(id).copied()).collect();
    found.retain(|package| package.source.is_some());
    found.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    found
}

fn licence_texts(directory: &Path) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(Error::file("read", directory))? {
        let path = entry.map_err(Error::file("read", directory))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if path.is_file() && NAMES.iter().any(|begin| name.starts_with(begin)) {
            // A licence that is not text would be of no use in a text.
            found.extend(std::fs::read_to_string(&path));
        }
    }
    found.sort();
    Ok(found)
}
