//! What Cinder wants to know of images.

use std::collections::BTreeMap;

use super::refusal;
use crate::fault_body::Fault;
use crate::glance::model::{Status, Visibility};
use crate::world::World;

const GIB: u64 = 1 << 30;

/// What Cinder knows of an image.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    id: String,
    name: Option<String>,
    active: bool,
    size: u64,
    virtual_size: Option<u64>,
    min_disk: u64,
    min_ram: u64,
    checksum: Option<String>,
    disk_format: Option<String>,
    container_format: Option<String>,
    properties: BTreeMap<String, String>,
}

/// Asks Glance for an image, as a project sees it (`None`: as an administrator).
pub(crate) fn facts(world: &World, id: &str, project: Option<&str>) -> Result<Facts, Fault> {
    let images = world.images();
    let found = images.by_id.get(id).filter(|image| {
        project.is_none_or(|project| {
            image.owner.as_deref() == Some(project)
                || matches!(image.visibility, Visibility::Public | Visibility::Community)
                || image.visibility == Visibility::Shared
                    && image.members.iter().any(|member| member.project == project)
        })
    });
    let image = found.ok_or_else(|| refusal::no_image(id))?;
    let text =
        |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    // Glance's own notes on imports are not the image's.
    let own = image.properties.iter().filter(|(name, _)| !name.starts_with("os_glance"));
    Ok(Facts {
        id: image.id.clone(),
        name: image.name.clone(),
        active: image.status == Status::Active,
        size: image.size.unwrap_or(0),
        virtual_size: image.virtual_size,
        min_disk: image.min_disk,
        min_ram: image.min_ram,
        checksum: image.checksum.clone(),
        disk_format: image.disk_format.clone(),
        container_format: image.container_format.clone(),
        properties: own.map(|(name, value)| (name.clone(), text(value))).collect(),
    })
}

impl Facts {
    /// Refuses what does not fit into a volume of so many GiB.
    pub(crate) fn fits(&self, volume: u64) -> Result<(), Fault> {
        let input = |reason: String| Fault::bad(format!("Invalid input received: {reason}"));
        if !self.active {
            return Err(input(format!("Image {} is not active.", self.id)));
        }
        let size = self.size.div_ceil(GIB);
        if size > volume {
            return Err(input(format!(
                "Size of specified image {size}GB is larger than volume size {volume}GB."
            )));
        }
        if volume < self.min_disk {
            return Err(input(format!(
                "Volume size {volume}GB cannot be smaller than the image minDisk size {}GB.",
                self.min_disk
            )));
        }
        let whole = self.virtual_size.unwrap_or(0).div_ceil(GIB);
        if whole > volume {
            return Err(Fault::bad(format!(
                "Image {} is unacceptable: Image virtual size is {whole}GB and doesn't fit in a \
                 volume of size {volume}GB.",
                self.id
            )));
        }
        Ok(())
    }

    /// What a volume made from the image remembers of it.
    pub(crate) fn remembered(&self) -> BTreeMap<String, String> {
        let mut kept = self.properties.clone();
        let fields = [
            ("image_id", Some(self.id.clone())),
            ("image_name", self.name.clone()),
            ("checksum", self.checksum.clone()),
            ("container_format", self.container_format.clone()),
            ("disk_format", self.disk_format.clone()),
            ("min_disk", Some(self.min_disk.to_string())),
            ("min_ram", Some(self.min_ram.to_string())),
            ("size", Some(self.size.to_string())),
        ];
        kept.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        kept
    }
}
