//! Which image in the cloud is which version of which definition.
//!
//! The content of an image is judged by what the image itself records (`internal_version`), never by
//! its name: a name may be moved, and an image must not be given the label of a content it does not
//! have.

use std::collections::{HashMap, HashSet};

use crate::declare::Catalog;
use crate::model::{Definition, Image, ImageStatus};

/// The images of one definition.
#[derive(Debug, Default)]
pub(super) struct Family<'a> {
    /// All of them, those that hold a version included.
    pub(super) members: Vec<&'a Image>,
}

impl<'a> Family<'a> {
    /// The image that holds this version, and further ones that hold it, too.
    pub(super) fn holders(
        &self,
        definition: &Definition,
        version: &str,
    ) -> (Option<&'a Image>, Vec<&'a Image>) {
        let (name, working_name) =
            (definition.final_name(version), definition.working_name(version));
        let mut holders: Vec<&Image> = self
            .members
            .iter()
            .copied()
            .filter(|image| image.internal_version() == Some(version))
            .collect();
        // Finished before unfinished, ours before somebody else's, at its place before elsewhere,
        // the oldest first, so that every run chooses the same one.
        holders.sort_by_key(|image| {
            (
                image.is_pending() || !image.status.is_complete(),
                !image.is_pending(),
                image.name != name,
                image.name != working_name,
                image.created_at.clone(),
                image.id.clone(),
            )
        });
        let mut holders = holders.into_iter();
        (holders.next(), holders.collect())
    }

    /// The images that bear this name and hold complete data.
    pub(super) fn bearing(&self, name: &str) -> Vec<&'a Image> {
        let complete = |image: &&Image| image.name == name && image.status.is_complete();
        self.members.iter().copied().filter(complete).collect()
    }
}

/// The images of all definitions, and those of none.
#[derive(Debug)]
pub(super) struct Families<'a> {
    /// In the order of the definitions.
    pub(super) families: Vec<Family<'a>>,
    /// Images with our tag that belong to no definition.
    pub(super) strays: Vec<&'a Image>,
}

/// Gives every image to the definition it belongs to.
pub(super) fn families<'a>(catalog: &Catalog, images: &'a [Image]) -> Families<'a> {
    let mut families: Vec<Family<'a>> = Vec::new();
    families.resize_with(catalog.definitions.len(), Family::default);
    let mut by_name: HashMap<String, usize> = HashMap::new();
    let mut by_description: HashMap<&str, Option<usize>> = HashMap::new();
    for (index, definition) in catalog.definitions.iter().enumerate() {
        for version in &definition.versions {
            by_name.insert(definition.working_name(&version.version), index);
            by_name.insert(definition.final_name(&version.version), index);
        }
        // A description that several definitions share says nothing.
        by_description
            .entry(definition.description())
            .and_modify(|shared| *shared = None)
            .or_insert(Some(index));
    }
    let mut strays = Vec::new();
    for image in images.iter().filter(|image| !image.status.is_gone()) {
        let described = || {
            let description = image.property("image_description")?;
            by_description.get(description).copied().flatten()
        };
        let superseded = || {
            let position = catalog.definitions.iter().position(|one| is_version_of(one, image))?;
            Some(position)
        };
        match by_name.get(&image.name).copied().or_else(described).or_else(superseded) {
            Some(index) => families[index].members.push(image),
            None => strays.push(image),
        }
    }
    Families { families, strays }
}

/// Whether the image bears the name that this definition gives to the version it holds.
fn is_version_of(definition: &Definition, image: &Image) -> bool {
    image.internal_version().is_some_and(|version| definition.working_name(version) == image.name)
}

/// The name under which a superseded image goes on: the version it holds; the day it was created
/// where it does not say; and its id beside it where that name is taken.
pub(super) fn retired_name(
    definition: &Definition,
    image: &Image,
    taken: &HashSet<String>,
) -> (String, Option<String>) {
    let known = image.internal_version().filter(|version| *version != crate::declare::LATEST);
    let label = image.label();
    let name = definition.working_name(&label);
    let relabel = known.is_none().then_some(label);
    if !taken.contains(&name) {
        return (name, relabel);
    }
    let id: String = image.id.chars().take(8).collect();
    (format!("{name} {id}"), relabel)
}

/// Why an image cannot be worked on now, if it cannot.
pub(super) const fn busy(image: &Image) -> Option<&'static str> {
    match image.status {
        ImageStatus::Queued => Some("has no data yet"),
        ImageStatus::Saving | ImageStatus::Uploading | ImageStatus::Importing => {
            Some("is being filled with data by somebody else")
        }
        ImageStatus::Unknown => Some("has a status that this version of Lotse does not know"),
        _ => None,
    }
}
