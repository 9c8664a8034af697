//! The files as trees, and the places in them.

use lotse_core::declared::{self, Diagnostic, Node, SourceFile, Span, Value as NodeValue};
use serde_json::{Map, Value};

use super::{ConfigError, Sources};

/// The parsed files.
#[derive(Debug)]
pub(super) struct Files<'a> {
    clouds: Option<(&'a SourceFile, Node)>,
    secure: Option<(&'a SourceFile, Node)>,
    /// The `clouds:` section, secrets laid over it.
    pub(super) sections: Map<String, Value>,
}

impl<'a> Files<'a> {
    /// Parses what is there and lays `secure.yaml` over `clouds.yaml`.
    pub(super) fn parse(sources: &'a Sources) -> Result<Self, ConfigError> {
        let mut files = Self { clouds: None, secure: None, sections: Map::new() };
        if let Some(file) = &sources.clouds {
            let node = parse(file)?;
            files.sections = sections(file, &node)?;
            files.clouds = Some((file, node));
        }
        if let Some(file) = &sources.secure {
            let node = parse(file)?;
            lay_over(&mut files.sections, sections(file, &node)?);
            files.secure = Some((file, node));
        }
        Ok(files)
    }

    /// The names of the clouds, in their order.
    pub(super) fn cloud_names(&self) -> Vec<String> {
        self.sections.keys().cloned().collect()
    }

    /// The name of the main file.
    pub(super) fn main_name(&self) -> Option<String> {
        self.clouds.as_ref().or(self.secure.as_ref()).map(|(file, _)| file.name.to_string())
    }

    /// A complaint about this key of this cloud, wherever it stands; nothing if it stands in no file.
    pub(super) fn complain(&self, cloud: &str, key: &str, message: &str) -> Vec<Diagnostic> {
        for (file, node) in [&self.secure, &self.clouds].into_iter().flatten() {
            for path in [&["clouds", cloud, "auth", key][..], &["clouds", cloud, key][..]] {
                for spelling in [false, true] {
                    let pointer = declared::pointer(path.iter().map(|token| {
                        if spelling && *token == key {
                            token.replace('_', "-")
                        } else {
                            (*token).to_owned()
                        }
                    }));
                    if node.at(&pointer).is_some() {
                        return vec![file.complain(node.span_of(&pointer), message)];
                    }
                }
            }
        }
        Vec::new()
    }
}

/// The seam to the YAML reader: JSON is YAML enough for it.
fn parse(file: &SourceFile) -> Result<Node, ConfigError> {
    declared::parse(file)
        .map_err(|diagnostics| ConfigError::Invalid { file: file.name.to_string(), diagnostics })
}

/// The `clouds:` section, its shape checked as far as merging depends on it.
fn sections(file: &SourceFile, root: &Node) -> Result<Map<String, Value>, ConfigError> {
    let mut wrong = Vec::new();
    let mut sections = Map::new();
    match shape(root) {
        Shape::Nothing => {}
        Shape::Other => {
            wrong.push(file.complain(root.span, "here must be a mapping with the key \"clouds\""));
        }
        Shape::Mapping => {
            if let Some(clouds) = root.get("clouds") {
                let place = root.span_of("/clouds");
                match shape(clouds) {
                    Shape::Nothing => {}
                    Shape::Other => {
                        wrong.push(
                            file.complain(
                                place,
                                "\"clouds\" must be a mapping from names to clouds",
                            ),
                        );
                    }
                    Shape::Mapping => {
                        for entry in clouds.entries() {
                            wrong.extend(check_cloud(
                                file,
                                &entry.key,
                                entry.place(),
                                &entry.value,
                            ));
                            let cloud = entry.value.to_json();
                            let cloud =
                                if cloud.is_null() { Value::Object(Map::new()) } else { cloud };
                            sections.insert(entry.key.to_string(), cloud);
                        }
                    }
                }
            }
        }
    }
    if wrong.is_empty() {
        Ok(sections)
    } else {
        Err(ConfigError::Invalid { file: file.name.to_string(), diagnostics: wrong })
    }
}

fn check_cloud(file: &SourceFile, name: &str, place: Span, cloud: &Node) -> Option<Diagnostic> {
    match shape(cloud) {
        Shape::Nothing => None,
        Shape::Other => {
            Some(file.complain(place, format!("the cloud \"{name}\" must be a mapping")))
        }
        Shape::Mapping => {
            let auth = cloud.entry("auth")?;
            match shape(&auth.value) {
                Shape::Mapping => None,
                Shape::Nothing | Shape::Other => {
                    Some(file.complain(auth.place(), "\"auth\" must be a mapping"))
                }
            }
        }
    }
}

enum Shape {
    Nothing,
    Mapping,
    Other,
}

fn shape(node: &Node) -> Shape {
    match &node.value {
        NodeValue::Mapping(_) => Shape::Mapping,
        _ if node.to_json().is_null() => Shape::Nothing,
        _ => Shape::Other,
    }
}

/// Lays `over` over `under`, mappings key by key at every depth.
fn lay_over(under: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Object(under)), Value::Object(over)) => lay_over(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}
