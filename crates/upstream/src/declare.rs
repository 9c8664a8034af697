//! From definition files to [`Definition`]s.
//!
//! Only what freshness needs is read, from the tree of [`lotse_core::declared`]; `lotse image check`
//! checks the whole format. A file whose syntax is wrong, or whose needed parts have the wrong form,
//! stops everything: nothing is written beside a mistake.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lotse_core::declared::{self, DeclaredError, Diagnostic, Node, SourceFile, Span, Value};

use crate::model::{Definition, Version, date_in};

/// The version that follows upstream by itself.
pub(crate) const LATEST: &str = "latest";

/// A definition file: its text and its tree.
#[derive(Clone, Debug)]
pub struct DefinitionFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its text.
    pub source: SourceFile,
    /// Its tree.
    pub tree: Node,
}

/// All definitions of a directory or a file.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// The files.
    pub files: Vec<DefinitionFile>,
    /// The definitions, in the order of the files.
    pub definitions: Vec<Definition>,
}

impl Catalogue {
    /// Reads a file, or all files of a directory whose names end in `.yml` or `.yaml`, by name.
    ///
    /// # Errors
    /// [`DeclaredError`] with the complaints about all files.
    pub fn load(path: &Path) -> Result<Self, DeclaredError> {
        let mut sources = Vec::new();
        let mut wrong = Vec::new();
        for file in declared::files(path)? {
            match SourceFile::read(&file) {
                Ok(source) => sources.push((file, source)),
                Err(DeclaredError::Invalid { diagnostics }) => wrong.extend(diagnostics),
                Err(error) => return Err(error),
            }
        }
        Self::from_sources(sources, wrong)
    }

    /// The same from texts in hand; `wrong` is what was complained about already.
    ///
    /// # Errors
    /// [`DeclaredError::Invalid`]
    pub fn from_sources(
        sources: Vec<(PathBuf, SourceFile)>,
        mut wrong: Vec<Diagnostic>,
    ) -> Result<Self, DeclaredError> {
        let mut files = Vec::new();
        let mut definitions = Vec::new();
        for (path, source) in sources {
            match declared::parse(&source) {
                Ok(tree) => {
                    let mut reader = Reader { source: &source, wrong: &mut wrong };
                    definitions.extend(reader.definitions(&tree, files.len()));
                    files.push(DefinitionFile { path, source, tree });
                }
                Err(diagnostics) => wrong.extend(diagnostics),
            }
        }
        if wrong.is_empty() {
            Ok(Self { files, definitions })
        } else {
            Err(DeclaredError::Invalid { diagnostics: wrong })
        }
    }
}

/// Reads a tree and collects complaints.
struct Reader<'a> {
    source: &'a SourceFile,
    wrong: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn complain(&mut self, span: Span, message: String) {
        let complaint = self.source.complain(span, message);
        self.wrong.push(complaint.with_help("`lotse image check` checks the whole file"));
    }

    fn definitions(&mut self, tree: &Node, file: usize) -> Vec<Definition> {
        let Some(images) = tree.get("images").filter(|node| is_list(node)) else {
            self.complain(tree.span, "a definition file has a list under \"images\"".to_owned());
            return Vec::new();
        };
        let images = images.items().iter().enumerate();
        images.filter_map(|(index, image)| self.definition(image, file, index)).collect()
    }

    fn definition(&mut self, image: &Node, file: usize, index: usize) -> Option<Definition> {
        let name = self.needed(image, "name")?;
        let mut versions = Vec::new();
        match image.get("versions") {
            Some(list) if is_list(list) => {
                for (index, version) in list.items().iter().enumerate() {
                    versions.extend(self.version(version, index));
                }
            }
            Some(other) => {
                self.complain(other.span, format!("\"versions\" is {}", other.describe()));
            }
            None => {}
        }
        Some(Definition {
            name,
            file,
            index,
            span: image.get("name").map_or(image.span, |node| node.span),
            enabled: image.get("enable").is_none_or(|node| !is_false(node)),
            format: self.text(image, "format").unwrap_or_default(),
            shortname: self.text(image, "shortname"),
            latest_url: self.text(image, "latest_url"),
            latest_checksum_url: self.text(image, "latest_checksum_url"),
            meta: meta(image),
            versions,
        })
    }

    fn version(&mut self, node: &Node, index: usize) -> Option<Version> {
        let version = self.needed(node, "version")?;
        let url = self.needed(node, "url")?;
        let date = node.get("build_date").filter(|node| !node.raw.is_empty());
        Some(Version {
            index,
            version,
            url,
            mirror_url: self.text(node, "mirror_url"),
            checksum: self.text(node, "checksum"),
            build_date: date.and_then(|node| date_in(&node.raw)),
        })
    }

    fn needed(&mut self, node: &Node, key: &str) -> Option<String> {
        let text = self.text(node, key);
        if text.is_none() && node.get(key).is_none_or(|value| value.raw.is_empty()) {
            self.complain(node.span, format!("\"{key}\" is missing here"));
        }
        text
    }

    /// The text under a key. A number where text is needed is complained about: as text it may read
    /// otherwise than it was written.
    fn text(&mut self, node: &Node, key: &str) -> Option<String> {
        let value = node.get(key).filter(|value| !is_null(value))?;
        if value.as_text().is_none() {
            let message = format!("\"{key}\" is {}, not text", value.describe());
            let complaint = self.source.complain(value.span, message);
            self.wrong.push(complaint.with_help(format!("write {key}: \"{}\"", value.raw)));
        }
        value.as_text().map(str::to_owned)
    }
}

const fn is_list(node: &Node) -> bool {
    matches!(node.value, Value::Sequence(_))
}

fn is_null(node: &Node) -> bool {
    matches!(node.value, Value::Scalar(declared::Scalar::Null))
}

fn is_false(node: &Node) -> bool {
    matches!(node.value, Value::Scalar(declared::Scalar::Bool(false)))
}

fn meta(image: &Node) -> BTreeMap<String, String> {
    let entries = image.get("meta").map(Node::entries).unwrap_or_default();
    entries.iter().map(|entry| (entry.key.to_string(), entry.value.raw.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Catalogue, DeclaredError> {
        let source = SourceFile::new("a.yml", text);
        Catalogue::from_sources(vec![("a.yml".into(), source)], Vec::new())
    }

    #[test]
    fn what_freshness_needs_is_read() {
        let text = "images:\n  - name: A\n    enable: no\n    meta: {os_version: '13', uuid_validity: last-3}\n    \
            versions:\n      - version: '9'\n        url: https://h/9\n      - version: '10'\n        \
            url:\n          https://h/10\n        build_date: 2026-10-01\n";
        let catalogue = read(text).unwrap();
        let definition = &catalogue.definitions[0];
        assert!(!definition.enabled);
        assert_eq!(definition.last(), Some(3));
        let newest = definition.newest().unwrap();
        assert_eq!((newest.version.as_str(), newest.index), ("10", 1));
        assert_eq!(newest.date().unwrap().to_string(), "2026-10-01");
    }

    #[test]
    fn mistakes_are_told_with_their_places() {
        let report = |text| read(text).unwrap_err().report();
        let number = report(
            "images:\n  - name: A\n    versions:\n      - version: 20261001\n        url: u\n",
        );
        assert!(number.contains("a.yml:4:18: \"version\" is an integer, not text"), "{number}");
        assert!(number.contains("version: \"20261001\""), "{number}");
        let missing = report("images:\n  - enable: true\n    versions: []\n");
        assert!(missing.contains("a.yml:2:5: \"name\" is missing here"), "{missing}");
        assert!(report("images: 3\n").contains("list under \"images\""));
    }
}
