//! What Cinder wants to know of images.

use std::collections::BTreeMap;

use axum::response::Response;
use serde_json::json;

use super::actions::Deed;
use super::asked::answer;
use super::model::{Change, Volume};
use super::words::VolumeStatus;
use super::{shapes, view};
use crate::fault_body::Fault;
use crate::glance::model::{Image, Status, Visibility};
use crate::glance::payload::Payload;
use crate::schema::oslo::truth;
use crate::upstream::UpstreamFile;
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
    let image = found.ok_or_else(|| {
        Fault::bad("Invalid image identifier or unable to access requested image.")
    })?;
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
            ("signature_verified", Some("False".to_owned())),
        ];
        kept.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        kept
    }
}

/// `os-volume_upload_image`: the volume becomes an image.
pub(crate) fn upload(deed: &Deed<'_>) -> Result<Response, Fault> {
    deed.fits(
        "os-volume_upload_image",
        json!({
            "image_name": {"type": "string", "minLength": 1, "maxLength": 255},
            "force": shapes::boolean(),
            "disk_format": {"type": "string", "enum": FORMATS},
            "container_format": {"type": "string"},
            "visibility": {"type": "string", "enum": VISIBILITIES},
            "protected": shapes::boolean(),
        }),
        &["image_name"],
    )?;
    let field = |name: &str, otherwise: &str| {
        let given = deed.given.get(name).and_then(serde_json::Value::as_str);
        given.unwrap_or(otherwise).to_owned()
    };
    let visibility = field("visibility", "private");
    if visibility == "public" {
        deed.asked.admin_only("volume_extension:volume_actions:upload_public")?;
    }
    let (volume, kind) = begin_upload(deed)?;
    let now = deed.world.now();
    let container_format = field("container_format", "bare");
    let disk_format = field("disk_format", "raw");
    let protected = deed.given.get("protected").is_some_and(truth);
    let mut properties: serde_json::Map<String, serde_json::Value> = volume
        .image
        .iter()
        .filter(|(name, _)| !OF_THE_OLD_IMAGE.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    properties.sort_keys();
    let size = volume.size * GIB;
    let image = Image {
        id: deed.world.ids.uuid(),
        name: Some(field("image_name", "")),
        status: Status::Queued,
        visibility: Visibility::parse(&visibility).unwrap_or_default(),
        owner: deed.asked.caller.project().map(str::to_owned),
        disk_format: Some(disk_format.clone()),
        container_format: Some(container_format.clone()),
        size: None,
        virtual_size: None,
        checksum: None,
        os_hash_value: None,
        min_ram: 0,
        min_disk: 0,
        protected,
        os_hidden: false,
        created_at: now,
        updated_at: now,
        tags: Vec::new(),
        properties,
        stores: Vec::new(),
        members: Vec::new(),
        import: None,
        staged: None,
        bytes: None,
    };
    let shown = json!({"os-volume_upload_image": {
        "id": volume.id,
        "updated_at": volume.updated_at.map(view::time),
        "status": "uploading",
        "display_description": volume.description,
        "size": volume.size,
        "volume_type": kind,
        "image_id": image.id,
        "container_format": container_format,
        "disk_format": disk_format,
        "image_name": image.name,
        "visibility": visibility,
        "protected": protected,
    }});
    // Nobody has the bytes of a volume: the image is as large as the volume, with hashes made up.
    let file = UpstreamFile { virtual_size: Some(size), ..UpstreamFile::default().sized(size) };
    let mut images = deed.world.images();
    let store = images.default_store().to_owned();
    let mut image = image;
    let payload = Payload::declared(&format!("volume:{}", volume.id), &file);
    image.activate(payload, &store, now);
    images.by_id.insert(image.id.clone(), image);
    Ok(answer(http::StatusCode::ACCEPTED, shown))
}

/// What a volume knows of its image and an image made of it does not take over.
const OF_THE_OLD_IMAGE: &[&str] = &[
    "image_id",
    "image_name",
    "checksum",
    "container_format",
    "disk_format",
    "min_disk",
    "min_ram",
    "size",
];

const FORMATS: [&str; 7] = ["raw", "vmdk", "vdi", "qcow2", "vhd", "vhdx", "ploop"];
const VISIBILITIES: [&str; 4] = ["community", "public", "private", "shared"];

/// Makes the volume `uploading`; the volume, and its type as the answer shows it.
fn begin_upload(deed: &Deed<'_>) -> Result<(Volume, serde_json::Value), Fault> {
    let now = deed.world.now();
    let mut volumes = deed.world.volume();
    let volume = deed.asked.volume(&mut volumes, deed.id)?;
    deed.asked.member("volume_extension:volume_actions:upload_image")?;
    let force = deed.given.get("force").is_some_and(truth);
    let back_to = volume.status;
    if back_to != VolumeStatus::Available && !(force && back_to == VolumeStatus::InUse) {
        let text = format!(
            "Volume {} status must be available, but current status is: {}.",
            volume.id,
            back_to.text()
        );
        return Err(Fault::bad(format!("Invalid volume: {text}")));
    }
    volume.previous_status = Some(back_to);
    volume.become_(VolumeStatus::Uploading, now);
    let volume = volume.clone();
    let change = Change::VolumeFree { volume: volume.id.clone(), back_to };
    volumes.schedule(deed.due(), change, deed.asked.cause());
    let kind = volumes.types.get(&volume.type_id).map(|kind| {
        json!({
            "id": kind.id,
            "name": kind.name,
            "description": kind.description,
            "is_public": kind.is_public,
            "extra_specs": kind.extra_specs,
            "qos_specs_id": kind.qos_specs_id,
            "created_at": view::time(kind.created_at),
            "updated_at": null,
            "deleted": false,
            "deleted_at": null,
        })
    });
    Ok((volume, json!(kind)))
}
