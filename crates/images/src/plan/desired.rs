//! What one version's image shall be.

use std::collections::{BTreeMap, BTreeSet};

use super::retention::Fate;
use crate::model::{DeclaredStatus, Definition, Version, Visibility};
use crate::operation::{Delivery, Import, Publish};
use crate::options::Options;

/// The image of one version, as it shall be in the end.
#[derive(Clone, Debug)]
pub(super) struct Desired<'a> {
    pub(super) definition: &'a Definition,
    pub(super) version: &'a Version,
    pub(super) name: String,
    pub(super) working_name: String,
    pub(super) properties: BTreeMap<String, String>,
    pub(super) tags: BTreeSet<String>,
    pub(super) visibility: Visibility,
    pub(super) status: DeclaredStatus,
    /// `None`: not declared, left as it is.
    pub(super) hidden: Option<bool>,
    /// How far visibility and status are held.
    pub(super) exposure: Exposure,
}

/// How far an image's visibility and status are held, once it is complete.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Exposure {
    /// As declared.
    Held,
    /// At most as declared: whoever made it less visible may have had a reason.
    Capped,
    /// Not at all. Superseded versions of a `multi` definition may have been hidden or deactivated
    /// by whoever retires images; making them visible again in every run would be a fight without
    /// end.
    Free,
}

impl<'a> Desired<'a> {
    /// The image of a version; `fate` is what becomes of it as a superseded one, if it is.
    pub(super) fn of(
        definition: &'a Definition,
        version: &'a Version,
        fate: Option<&Fate>,
        options: &Options,
    ) -> Self {
        let mut properties = definition.properties(version);
        let lead = definition.lead().filter(|lead| lead.version != version.version);
        let superseded = definition.multi && lead.is_some();
        if let Some(lead) = lead.filter(|_| definition.multi) {
            let successor = definition.properties(lead);
            let visible = lead.visibility.unwrap_or(definition.visibility).is_open()
                && lead.hidden != Some(true);
            if visible && is_same_generic(&properties, &successor) {
                properties.insert("os_purpose".to_owned(), "oldgeneric".to_owned());
            }
        }
        let mut tags: BTreeSet<String> = definition.tags.iter().cloned().collect();
        tags.insert(options.tag.clone());
        tags.extend(definition.meta.get("os_distro").map(|distro| format!("os:{distro}")));
        let mut desired = Self {
            definition,
            version,
            name: definition.final_name(&version.version),
            working_name: definition.working_name(&version.version),
            properties,
            tags,
            visibility: version.visibility.unwrap_or(definition.visibility),
            status: definition.status,
            hidden: version.hidden,
            exposure: if superseded { Exposure::Free } else { Exposure::Held },
        };
        desired.retire(fate, options);
        desired
    }

    /// What hiding and deactivating change about it. What a version says of itself counts more.
    fn retire(&mut self, fate: Option<&Fate>, options: &Options) {
        if self.version.visibility.is_some() {
            self.exposure = Exposure::Held;
        }
        let Some(fate) = fate else { return };
        if fate.hide && self.version.visibility.is_none() {
            self.visibility = options.retirement.hidden(self.visibility);
            self.exposure = Exposure::Capped;
        }
        if fate.hide && options.retirement.use_os_hidden {
            self.hidden = self.hidden.or(Some(true));
        }
        if fate.deactivate {
            self.status = DeclaredStatus::Deactivated;
        }
    }

    /// The import of it; published at once unless somebody has to give way first.
    pub(super) fn import(
        &self,
        delivery: Delivery,
        stores: Vec<String>,
        mirror: Option<String>,
        publish_at_once: bool,
    ) -> Import {
        Import {
            id: self.version.id.map(|id| id.to_string()),
            name: self.working_name.clone(),
            disk_format: self.definition.stored_format().to_owned(),
            published_format: self.definition.format.clone(),
            min_disk: self.definition.min_disk,
            min_ram: self.definition.min_ram.unwrap_or(0),
            tags: self.tags.clone(),
            properties: self.properties.clone(),
            source: self.version.source().as_str().to_owned(),
            mirror,
            from: None,
            delivery,
            stores,
            packed: self.version.source().compression().is_some(),
            checksum: self.version.checksum.clone(),
            publish: publish_at_once.then(|| Publish {
                name: self.name.clone(),
                visibility: self.visibility,
                hidden: self.hidden.unwrap_or(false),
                deactivate: self.status == DeclaredStatus::Deactivated,
            }),
        }
    }
}

/// Whether both are the generic image of one architecture, distribution and version: of such only
/// one may be found by users (SCS-0102).
pub(super) fn is_same_generic(
    one: &BTreeMap<String, String>,
    other: &BTreeMap<String, String>,
) -> bool {
    let generic = |image: &BTreeMap<String, String>| {
        image.get("os_purpose").is_some_and(|purpose| purpose == "generic")
    };
    generic(one)
        && generic(other)
        && ["architecture", "os_distro", "os_version"]
            .iter()
            .all(|key| one.get(*key) == other.get(*key))
}
