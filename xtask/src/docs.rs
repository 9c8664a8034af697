//! `cargo xtask docs`: the book in `docs/`, and the links in every document of ours.
//!
//! The reference pages are written by the program itself; a test holds them to it. Links between our
//! own files are checked always, without any tool; `--book` builds the book with mdbook, which is
//! built once for that, and follows the links of the pages. No link leaves this machine.

mod book;

use std::path::{Path, PathBuf};

use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;

/// The parts of `lotse reference` and the pages they become.
const GENERATED: [(&str, &str); 4] = [
    ("commands", "commands.md"),
    ("configuration", "configuration.md"),
    ("images", "image-definitions.md"),
    ("api", "http-api.md"),
];

/// What to do with the documents.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Build the book, too, into `docs/book`.
    #[arg(long)]
    book: bool,
}

/// Writes the reference, checks the links, and builds the book if that is asked for.
pub(crate) fn run(args: &Args, env: &Environment) -> Result<(), Error> {
    for (part, page) in GENERATED {
        let arguments = ["run", "--quiet", "--package", "lotse", "--", "reference", part];
        let text = Job::new(env, "cargo").args(&arguments).output()?;
        let path = env.root.join("docs/src/reference").join(page);
        std::fs::write(&path, text).map_err(Error::file("write", &path))?;
    }
    check(env)?;
    if args.book { book::build(env, &env.root.join("docs/book")) } else { Ok(()) }
}

/// Builds the book where nobody reads it, and follows its links: for the gate.
pub(crate) fn check_book(env: &Environment) -> Result<(), Error> {
    book::build(env, &env.scratch()?.join("book"))
}

/// Checks that every relative link in our documents leads to a file, and every chapter is listed.
pub(crate) fn check(env: &Environment) -> Result<(), Error> {
    let mut problems = Vec::new();
    for file in documents(&env.root)? {
        let text = std::fs::read_to_string(&file).map_err(Error::file("read", &file))?;
        let dir = file.parent().unwrap_or(&env.root);
        for link in links(&text) {
            if !dir.join(&link).exists() {
                let name = file.strip_prefix(&env.root).unwrap_or(&file).display();
                problems.push(format!("{name} links to {link}, which is not there"));
            }
        }
    }
    problems.extend(unlisted(&env.root.join("docs/src"))?);
    for problem in &problems {
        anstream::println!("  error: {problem}");
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::ChecksFailed) }
}

/// The Markdown files at the top of the checkout and below `docs/src`, `examples` and so on.
fn documents(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    let mut todo = vec![(root.to_path_buf(), true)];
    while let Some((dir, top)) = todo.pop() {
        for entry in std::fs::read_dir(&dir).map_err(Error::file("read", &dir))? {
            let path = entry.map_err(Error::file("read", &dir))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                let ours = ["docs", "examples", "testbed", "bench", "fuzz", "crates", "xtask"];
                if (!top || ours.contains(&&*name)) && name != "target" && name != "book" {
                    todo.push((path, false));
                }
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Relative link targets of a Markdown text, without anchors; code is not read.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        // Every second part is inside `code`.
        for part in line.split('`').step_by(2) {
            for rest in part.split("](").skip(1) {
                let target = rest.split([')', '#', ' ']).next().unwrap_or_default();
                let foreign = target.is_empty() || target.contains(':') || target.starts_with('/');
                if !foreign {
                    found.push(target.to_owned());
                }
            }
        }
    }
    found
}

/// Chapters that the table of contents does not name, so that nobody would find them.
fn unlisted(src: &Path) -> Result<Vec<String>, Error> {
    let summary = src.join("SUMMARY.md");
    let Ok(text) = std::fs::read_to_string(&summary) else { return Ok(Vec::new()) };
    let listed: Vec<PathBuf> = links(&text).iter().map(|link| src.join(link)).collect();
    let chapters = documents(src)?;
    Ok(chapters
        .into_iter()
        .filter(|path| *path != summary && !listed.contains(path))
        .map(|path| format!("{} is not in docs/src/SUMMARY.md", path.display()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_are_found_and_others_are_left_alone() {
        let text = "[a](b.md#c) `[no](code.md)` [w](https://example.org) [h](#here)\n\
                    ```\n[x](y.md)\n```\n[z](d/e.md)";
        assert_eq!(links(text), ["b.md", "d/e.md"]);
    }

    #[test]
    fn a_chapter_that_is_not_listed_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("SUMMARY.md"), "- [A](a.md)\n").unwrap();
        std::fs::write(dir.path().join("a.md"), "").unwrap();
        assert_eq!(unlisted(dir.path()).unwrap(), Vec::<String>::new());
        std::fs::write(dir.path().join("b.md"), "").unwrap();
        assert_eq!(unlisted(dir.path()).unwrap().len(), 1);
    }
}
