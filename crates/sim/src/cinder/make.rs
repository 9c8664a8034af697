//! Making a volume, for the API and for servers that boot from one.

use std::collections::BTreeMap;

use http::StatusCode;

use super::model::volume::{POOL, ZONE};
use super::model::{Change, Volume, Volumes};
use super::words::{BackupStatus, SnapshotStatus, VolumeStatus};
use super::{image, notify, quota};
use crate::events::Cause;
use crate::fault_body::Fault;
use crate::world::World;

/// What a new volume is filled from; all by id.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Source {
    #[default]
    Blank,
    Image(String),
    Snapshot(String),
    Volume(String),
    Backup(String),
}

/// A volume that somebody wants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    pub(crate) source: Source,
    /// GiB; without it that of the source.
    pub(crate) size: Option<u64>,
    /// Id or name of the type; without it that of the source, or the default one.
    pub(crate) volume_type: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) availability_zone: Option<String>,
    pub(crate) group_id: Option<String>,
    pub(crate) project: String,
    pub(crate) user: String,
    /// Whether who wants it sees the volumes of all projects.
    pub(crate) admin: bool,
}

/// What is taken over from the source.
#[derive(Debug, Default)]
struct Heritage {
    size: u64,
    volume_type: Option<String>,
    bootable: bool,
    image: BTreeMap<String, String>,
    snapshot: Option<String>,
    volume: Option<String>,
    /// What it must not be smaller than, and how that is refused.
    refuse_smaller: Option<fn(u64, u64) -> String>,
}

fn invalid(kind: &str, reason: &str) -> Fault {
    Fault::bad(format!("Invalid {kind}: {reason}"))
}

/// Makes the volume; it is `creating` and becomes `available` after the volume delay.
pub(crate) fn create(world: &World, order: Order, cause: Cause) -> Result<Volume, Fault> {
    let facts = match &order.source {
        Source::Image(id) => {
            let viewer = (!order.admin).then_some(order.project.as_str());
            Some(image::facts(world, id, viewer)?)
        }
        _ => None,
    };
    let now = world.now();
    let delay = super::delay(world);
    let mut volumes = world.volume();
    let heritage = heritage(&volumes, &order)?;
    let size = size(&order, &heritage)?;
    if let Some(facts) = &facts {
        facts.fits(size)?;
    }
    if order.availability_zone.as_deref().is_some_and(|zone| zone != ZONE) {
        let zone = order.availability_zone.unwrap_or_default();
        return Err(Fault::bad(format!("Availability zone '{zone}' is invalid.")));
    }
    let kind = match order.volume_type.as_ref().or(heritage.volume_type.as_ref()) {
        Some(wanted) => volumes
            .type_called(wanted)
            .filter(|known| order.admin || known.open_to(&order.project))
            .ok_or_else(|| super::refusal::no_type(wanted))?,
        None => volumes.default_type().ok_or_else(|| {
            Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "There is no default volume type.")
        })?,
    };
    volumes.within_limits(&order.project, &quota::of_volume(size, &kind.name))?;
    let encrypted = kind.encryption.is_some();
    let volume = Volume {
        id: world.ids.uuid(),
        project_id: order.project,
        user_id: order.user,
        name: order.name,
        description: order.description,
        size,
        status: VolumeStatus::Creating,
        bootable: heritage.bootable || facts.is_some(),
        multiattach: kind.multiattach(),
        encryption_key_id: encrypted.then(|| world.ids.uuid()),
        type_id: kind.id.clone(),
        availability_zone: ZONE.to_owned(),
        host: Some(POOL.to_owned()),
        snapshot_id: heritage.snapshot,
        source_volid: heritage.volume,
        group_id: order.group_id,
        metadata: order.metadata,
        image: facts.map_or(heritage.image, |facts| facts.remembered()),
        created_at: now,
        ..Volume::default()
    };
    notify::volume(&world.events, &volume, "create.start", now, &cause);
    volumes.by_id.insert(volume.id.clone(), volume.clone());
    let due = super::after(now, delay);
    volumes.schedule(due, Change::VolumeReady { volume: volume.id.clone() }, cause);
    Ok(volume)
}

fn heritage(volumes: &Volumes, order: &Order) -> Result<Heritage, Fault> {
    let sees = |project: &str| order.admin || project == order.project;
    match &order.source {
        Source::Blank | Source::Image(_) => Ok(Heritage::default()),
        Source::Snapshot(id) => {
            let found = volumes.snapshots.get(id).filter(|found| sees(&found.project_id));
            let found = found.ok_or_else(|| super::refusal::no_snapshot(id))?;
            if found.status != SnapshotStatus::Available {
                let text = "Originating snapshot status must be one of 'available' values";
                return Err(invalid("snapshot", text));
            }
            let parent = volumes.by_id.get(&found.volume_id);
            Ok(Heritage {
                size: found.volume_size,
                volume_type: Some(found.type_id.clone()),
                bootable: parent.is_some_and(|volume| volume.bootable),
                image: found.image.clone(),
                snapshot: Some(id.clone()),
                refuse_smaller: Some(|size, least| {
                    format!(
                        "Volume size '{size}'GB cannot be smaller than the snapshot size \
                         {least}GB. They must be >= original snapshot size."
                    )
                }),
                ..Heritage::default()
            })
        }
        Source::Volume(id) => {
            let found = volumes.by_id.get(id).filter(|found| sees(&found.project_id));
            let found = found.ok_or_else(|| super::refusal::no_volume(id))?;
            if !matches!(found.status, VolumeStatus::Available | VolumeStatus::InUse) {
                let text =
                    "Originating source volume status must be one of 'available, in-use' values";
                return Err(invalid("volume", text));
            }
            Ok(Heritage {
                size: found.size,
                volume_type: Some(found.type_id.clone()),
                bootable: found.bootable,
                image: found.image.clone(),
                volume: Some(id.clone()),
                refuse_smaller: Some(|size, least| {
                    format!(
                        "Volume size '{size}'GB cannot be smaller than original volume size  \
                         {least}GB. They must be >= original volume size."
                    )
                }),
                ..Heritage::default()
            })
        }
        Source::Backup(id) => {
            let found = volumes.backups.get(id).filter(|found| sees(&found.project_id));
            let found = found.ok_or_else(|| super::refusal::no_backup(id))?;
            if found.status != BackupStatus::Available {
                let text = "Originating backup status must be one of 'available' values";
                return Err(invalid("backup", text));
            }
            Ok(Heritage {
                size: found.size,
                bootable: found.bootable,
                image: found.image.clone(),
                refuse_smaller: Some(|size, least| {
                    format!(
                        "Volume size {size}GB cannot be smaller than the backup size {least}GB. It \
                         must be >= backup size."
                    )
                }),
                ..Heritage::default()
            })
        }
    }
}

fn size(order: &Order, heritage: &Heritage) -> Result<u64, Fault> {
    let input = |reason: String| Fault::bad(format!("Invalid input received: {reason}"));
    let size = order.size.unwrap_or(heritage.size);
    if size == 0 {
        let given = order.size.map_or_else(|| "None".to_owned(), |size| size.to_string());
        return Err(input(format!("Volume size '{given}' must be an integer and greater than 0")));
    }
    match heritage.refuse_smaller {
        Some(words) if size < heritage.size => Err(input(words(size, heritage.size))),
        _ => Ok(size),
    }
}
