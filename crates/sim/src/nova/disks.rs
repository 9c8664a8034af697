//! The disks of a server that are volumes: read from a request, made, attached.

use serde_json::Value;

use super::asked::Asked;
use super::server::Disk;
use crate::cinder::attach::{self, AttachError, AttachRequest, BootVolume, Source};
use crate::events::Cause;
use crate::fault_body::Fault;
use crate::schema::oslo::{count, truth};
use crate::world::World;

/// A drive as a request describes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drive {
    pub(crate) source: From,
    pub(crate) to_volume: bool,
    pub(crate) boot_index: Option<i64>,
    /// GiB.
    pub(crate) size: Option<u64>,
    pub(crate) volume_type: Option<String>,
    pub(crate) device: Option<String>,
    pub(crate) delete_on_termination: bool,
    pub(crate) tag: Option<String>,
}

/// What a drive is made of.
#[derive(Clone, Debug, Default)]
pub(crate) enum From {
    #[default]
    Blank,
    Image(String),
    Snapshot(String),
    Volume(String),
}

impl Drive {
    /// Whether the server boots from it and it is a volume.
    pub(crate) fn is_root(&self) -> bool {
        self.to_volume && self.boot_index == Some(0)
    }
}

fn wrong(details: &str) -> Fault {
    Fault::bad(format!("Block Device Mapping is Invalid: {details}"))
}

/// The drives of a request in either of the two forms.
pub(crate) fn read(wanted: &Value) -> Result<Vec<Drive>, Fault> {
    let list = |name: &str| wanted[name].as_array().cloned().unwrap_or_default();
    let (old, new) = (list("block_device_mapping"), list("block_device_mapping_v2"));
    if !old.is_empty() && !new.is_empty() {
        let text =
            "Using different block_device_mapping syntaxes is not allowed in the same request.";
        return Err(Fault::bad(text));
    }
    let with_image = wanted["imageRef"].as_str().is_some();
    let drives: Vec<Drive> = if old.is_empty() {
        new.iter().map(|one| read_one(one, with_image)).collect::<Result<_, _>>()?
    } else {
        old.iter().map(read_old).collect::<Result<_, _>>()?
    };
    if drives.is_empty() {
        return Ok(drives);
    }
    let mut indexes: Vec<i64> =
        drives.iter().filter_map(|drive| drive.boot_index).filter(|index| *index >= 0).collect();
    let image = wanted["imageRef"].as_str().is_some_and(|image| !image.is_empty());
    if image && !indexes.contains(&0) {
        indexes.push(0);
    }
    indexes.sort_unstable();
    if indexes.is_empty() || indexes.iter().zip(0..).any(|(index, place)| *index != place) {
        return Err(wrong(
            "Boot sequence for the instance and image/block device mapping combination is not valid.",
        ));
    }
    Ok(drives)
}

fn size_of(one: &Value) -> Option<u64> {
    one.get("volume_size").and_then(count).and_then(|size| u64::try_from(size).ok())
}

fn read_old(one: &Value) -> Result<Drive, Fault> {
    let text = |name: &str| one[name].as_str().map(str::to_owned);
    let source = match (text("volume_id"), text("snapshot_id")) {
        (Some(volume), _) => From::Volume(volume),
        (None, Some(snapshot)) => From::Snapshot(snapshot),
        (None, None) => return Err(wrong("Unrecognized legacy format.")),
    };
    let root = text("device_name").is_some_and(|name| name.ends_with("vda") || name == "vda");
    Ok(Drive {
        source,
        to_volume: true,
        boot_index: Some(if root { 0 } else { -1 }),
        size: size_of(one),
        delete_on_termination: one.get("delete_on_termination").is_some_and(truth),
        device: text("device_name"),
        ..Drive::default()
    })
}

fn read_one(one: &Value, with_image: bool) -> Result<Drive, Fault> {
    let text = |name: &str| one[name].as_str().map(str::to_owned);
    let kind = text("source_type");
    let id = text("uuid");
    // Without a type and with the id of a volume, the volume is meant.
    let kind = kind.or_else(|| text("volume_id").map(|_| "volume".to_owned()));
    let id = id
        .or_else(|| text("volume_id"))
        .or_else(|| text("snapshot_id"))
        .or_else(|| text("image_id"));
    let Some(kind) = kind else { return Err(wrong("Invalid source_type field.")) };
    let source = match (kind.as_str(), id) {
        ("blank", Some(_)) => return Err(wrong("Invalid device UUID.")),
        ("blank", None) => From::Blank,
        (_, None) => return Err(wrong("Missing device UUID.")),
        ("image", Some(id)) => From::Image(id),
        ("snapshot", Some(id)) => From::Snapshot(id),
        (_, Some(id)) => From::Volume(id),
    };
    let index = one.get("boot_index").and_then(count);
    let destination = text("destination_type");
    let to_volume = match (&source, destination.as_deref()) {
        (From::Volume(_) | From::Snapshot(_), _) | (_, Some("volume")) => true,
        (From::Image(_) | From::Blank, _) => false,
    };
    if matches!(source, From::Image(_)) && !to_volume && !(with_image && index == Some(0)) {
        return Err(wrong("Mapping image to local is not supported."));
    }
    if text("volume_type").is_some() && !to_volume {
        return Err(wrong(
            "Specifying a volume_type with destination_type=local is not supported.",
        ));
    }
    if text("volume_type").is_some() && matches!(source, From::Volume(_)) {
        return Err(wrong("Specifying volume type to existing volume is not supported."));
    }
    let size = size_of(one);
    if to_volume && size.unwrap_or(0) == 0 {
        match source {
            From::Image(_) => {
                let text = "Images with destination_type 'volume' need to have a non-zero size \
                            specified";
                return Err(Fault::bad(text));
            }
            From::Blank => {
                let text =
                    "Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size";
                return Err(Fault::bad(text));
            }
            From::Snapshot(_) | From::Volume(_) => {}
        }
    }
    Ok(Drive {
        source,
        to_volume,
        boot_index: index,
        size,
        volume_type: text("volume_type"),
        device: text("device_name"),
        delete_on_termination: one.get("delete_on_termination").is_some_and(truth),
        tag: text("tag"),
    })
}

/// The volumes of a server, made or found.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    pub(crate) disks: Vec<Disk>,
    /// Whether some of them were made for it.
    pub(crate) made: bool,
}

/// The name of the device at this place.
pub(crate) fn device(place: usize) -> String {
    let letter = char::from(b'a' + u8::try_from(place).unwrap_or(0).min(25));
    format!("/dev/vd{letter}")
}

/// Makes the volumes that are to be made, and reserves those that are there.
pub(crate) fn prepare(
    world: &World,
    asked: &Asked,
    (server, host): (&str, &str),
    drives: &[Drive],
) -> Result<Prepared, Fault> {
    let mut prepared = Prepared::default();
    let has_local_root = !drives.iter().any(Drive::is_root);
    for drive in drives.iter().filter(|drive| drive.to_volume) {
        let place = prepared.disks.len() + usize::from(has_local_root);
        let device = drive.device.clone().unwrap_or_else(|| device(place));
        let project = (!asked.is_admin()).then(|| asked.project());
        let (volume, attachment) = match &drive.source {
            From::Volume(volume) => {
                let Some(known) = attach::lookup(world, volume, project) else {
                    return Err(Fault::bad(format!("Volume {volume} could not be found.")));
                };
                if drive.is_root() && !known.bootable {
                    return Err(Fault::bad(format!("Block Device {volume} is not bootable.")));
                }
                let who = (project, &asked.cause());
                let attached = connect(world, who, (server, host), (volume, &device));
                let attached = attached.map_err(|error| match error {
                    AttachError::NotFound => {
                        Fault::bad(format!("Volume {volume} could not be found."))
                    }
                    AttachError::Invalid(text) => Fault::bad(text),
                })?;
                (volume.clone(), attached)
            }
            other => {
                prepared.made = true;
                (make(world, asked, drive, other)?, String::new())
            }
        };
        let size = attach::lookup(world, &volume, None).map_or(0, |known| known.size_gb);
        prepared.disks.push(Disk {
            volume,
            attachment,
            mapping: world.ids.uuid(),
            device,
            delete_on_termination: drive.delete_on_termination,
            tag: drive.tag.clone(),
            root: drive.is_root(),
            size,
        });
    }
    Ok(prepared)
}

fn make(world: &World, asked: &Asked, drive: &Drive, source: &From) -> Result<String, Fault> {
    let source = match source {
        From::Image(id) => Source::Image(id.clone()),
        From::Snapshot(id) => Source::Snapshot(id.clone()),
        From::Blank | From::Volume(_) => Source::Blank,
    };
    let order = BootVolume {
        source: source.clone(),
        size_gb: drive.size,
        volume_type: drive.volume_type.clone(),
        name: None,
        project: asked.project().to_owned(),
        user: asked.user().to_owned(),
        cause: asked.cause(),
    };
    attach::create_for_boot(world, &order).map_err(|fault| match source {
        Source::Image(id) if fault.status == http::StatusCode::NOT_FOUND => {
            Fault::bad(format!("Block Device Mapping is Invalid: failed to get image {id}."))
        }
        Source::Snapshot(id) if fault.status == http::StatusCode::NOT_FOUND => {
            Fault::bad(format!("Block Device Mapping is Invalid: failed to get snapshot {id}."))
        }
        _ => Fault::bad(fault.message),
    })
}

/// Attaches a volume; the id of the attachment.
pub(crate) fn connect(
    world: &World,
    (project, cause): (Option<&str>, &Cause),
    (server, host): (&str, &str),
    (volume, device): (&str, &str),
) -> Result<String, AttachError> {
    let now = world.now();
    let delay = super::create::jiff_of(world.options.delays.volume);
    let request = AttachRequest {
        volume,
        server,
        host,
        device,
        project,
        active_at: now.saturating_add(delay).unwrap_or(now),
        cause: cause.clone(),
    };
    attach::attach(world, &request).map(|attached| attached.attachment)
}

/// Attaches the volumes that were made for a server, if they are there already; otherwise they are
/// attached when the server comes up (see [`super::transition`]).
pub(crate) fn attach_made(world: &World, server: &str) {
    let (host, cause, open) = {
        let compute = world.compute();
        let Some(found) = compute.servers.get(server) else { return };
        let open = found.disks.iter().filter(|disk| disk.attachment.is_empty());
        let open: Vec<(String, String)> =
            open.map(|disk| (disk.volume.clone(), disk.device.clone())).collect();
        let cause = found.cause.as_deref().cloned().unwrap_or_default();
        (found.host.as_deref().unwrap_or_default().to_owned(), cause, open)
    };
    for (volume, device) in open {
        let made = connect(world, (None, &cause), (server, &host), (&volume, &device));
        let Ok(attachment) = made else { continue };
        world.compute().servers.change(server, |server| {
            let disk = server.disks.iter_mut().find(|disk| disk.volume == volume);
            if let Some(disk) = disk {
                disk.attachment.clone_from(&attachment);
            }
        });
    }
}
