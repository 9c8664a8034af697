//! The book as readers get it: built by mdbook, every link in it followed.
//!
//! What the link check of the sources cannot see is seen here: anchors, included files, and what
//! mdbook itself makes of a link.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::child::Job;
use crate::environment::Environment;
use crate::error::Error;
use crate::tools;

/// Pages whose links mean something else: one shows where a page is not, one holds the whole book.
const SPECIAL: [&str; 2] = ["404.html", "print.html"];

/// Builds the book into this directory, and checks what was built.
pub(crate) fn build(env: &Environment, to: &Path) -> Result<(), Error> {
    let mdbook = tools::provide(env, &tools::MDBOOK)?;
    let to_text = to.display().to_string();
    let job = Job::new(env, mdbook.display().to_string()).args(&[
        "build",
        "docs",
        "--dest-dir",
        &to_text,
    ]);
    let mut said = Vec::new();
    let finished = job.run_lines(|line| said.push(line.to_owned()))?;
    let complaints: Vec<_> = said
        .into_iter()
        .filter(|line| ["WARN", "ERROR"].iter().any(|level| line.contains(level)))
        .collect();
    let pages = pages(to)?;
    let problems: Vec<_> = complaints.into_iter().chain(broken_links(&pages)).collect();
    for problem in &problems {
        anstream::println!("  error: {problem}");
    }
    if finished.status.success() && problems.is_empty() && !pages.is_empty() {
        Ok(())
    } else {
        Err(Error::ChecksFailed)
    }
}

/// What a page offers and wants.
#[derive(Debug, Default)]
struct Page {
    anchors: BTreeSet<String>,
    links: Vec<String>,
}

impl Page {
    fn of(html: &str) -> Self {
        Self {
            anchors: attribute(html, "id").map(str::to_owned).collect(),
            links: attribute(html, "href")
                .chain(attribute(html, "src"))
                .map(str::to_owned)
                .collect(),
        }
    }
}

/// The values of an attribute, as mdbook writes them: in double quotes.
fn attribute<'a>(html: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let begin = format!(" {name}=\"");
    let parts: Vec<_> = html.split(&*begin).skip(1).collect();
    parts.into_iter().filter_map(|rest| rest.split('"').next())
}

/// Every file below the directory; those that are not pages offer and want nothing.
fn pages(book: &Path) -> Result<BTreeMap<PathBuf, Page>, Error> {
    let mut found = BTreeMap::new();
    let mut todo = vec![book.to_path_buf()];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(&dir).map_err(Error::file("read", &dir))? {
            let path = entry.map_err(Error::file("read", &dir))?.path();
            if path.is_dir() {
                todo.push(path);
                continue;
            }
            let page = if path.extension().is_some_and(|extension| extension == "html") {
                Page::of(&std::fs::read_to_string(&path).map_err(Error::file("read", &path))?)
            } else {
                Page::default()
            };
            let name = path.strip_prefix(book).unwrap_or(&path).to_path_buf();
            found.insert(name, page);
        }
    }
    Ok(found)
}

fn broken_links(pages: &BTreeMap<PathBuf, Page>) -> BTreeSet<String> {
    let mut broken = BTreeSet::new();
    for (name, page) in pages {
        if SPECIAL.iter().any(|special| name == Path::new(special)) {
            continue;
        }
        let foreign = |link: &&String| link.is_empty() || link.contains(':') || link.contains("${");
        for link in page.links.iter().filter(|link| !foreign(link)) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { name.clone() } else { resolve(name, file) };
            match pages.get(&target) {
                None => broken.insert(format!("{} links to {link}: no such page", name.display())),
                Some(other) if !anchor.is_empty() && !other.anchors.contains(anchor) => {
                    broken.insert(format!("{} links to {link}: no such heading", name.display()))
                }
                Some(_) => false,
            };
        }
    }
    broken
}

/// The file that a relative link on a page means.
fn resolve(page: &Path, link: &str) -> PathBuf {
    let mut path = page.parent().unwrap_or(Path::new("")).to_path_buf();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(texts: &[(&str, &str)]) -> BTreeMap<PathBuf, Page> {
        texts.iter().map(|(name, html)| (PathBuf::from(name), Page::of(html))).collect()
    }

    #[test]
    fn links_lead_to_pages_and_headings_or_are_named() {
        let pages = pages(&[
            ("index.html", r#"<a href="a/b.html#there">x</a> <a href="https://x.example/">y</a>"#),
            (
                "a/b.html",
                r##"<h2 id="there">t</h2> <a href="../index.html">up</a> <a href="#here">"##,
            ),
            ("a/c.html", r#"<a href="b.html#not">x</a> <img src="../none.png">"#),
        ]);
        let broken: Vec<_> = broken_links(&pages).into_iter().collect();
        assert_eq!(
            broken,
            [
                "a/b.html links to #here: no such heading",
                "a/c.html links to ../none.png: no such page",
                "a/c.html links to b.html#not: no such heading",
            ]
        );
    }
}
