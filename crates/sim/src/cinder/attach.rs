//! What Nova wants of Cinder: volumes to boot from, to attach and to detach.
//!
//! All functions take the world and are called with no lock held. Nova passes the caller's project
//! (`None` for an administrator), so that foreign volumes are not found.

use std::collections::BTreeMap;

use lotse_core::time::Timestamp;

pub(crate) use super::make::Source;
use super::make::{self, Order};
use super::model::{Attachment, Change, Volume};
use super::notify;
use super::words::{AttachStatus, VolumeStatus};
use crate::events::Cause;
use crate::fault_body::Fault;
use crate::world::World;

/// A volume that is to be attached to a server.
#[derive(Clone, Debug)]
pub(crate) struct AttachRequest<'a> {
    /// Id of the volume.
    pub(crate) volume: &'a str,
    /// Id of the server.
    pub(crate) server: &'a str,
    /// Name of the compute host.
    pub(crate) host: &'a str,
    /// For example `/dev/vdb`.
    pub(crate) device: &'a str,
    /// Project of the caller; `None` for an administrator.
    pub(crate) project: Option<&'a str>,
    /// When the server has it; until then the volume is `reserved`, in use from then on.
    pub(crate) active_at: Timestamp,
    pub(crate) cause: Cause,
}

/// An attachment that was made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Attached {
    /// Id of the attachment.
    pub(crate) attachment: String,
    pub(crate) size_gb: u64,
    pub(crate) bootable: bool,
    pub(crate) encrypted: bool,
    pub(crate) multiattach: bool,
    /// What the volume remembers of its image.
    pub(crate) image_metadata: BTreeMap<String, String>,
}

/// Why a volume is not attached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum AttachError {
    /// There is no such volume, or the caller may not know of it (404).
    NotFound,
    /// It is not in a state for it; Cinder's own words (400).
    Invalid(String),
}

/// A volume to boot from.
#[derive(Clone, Debug)]
pub(crate) struct BootVolume {
    pub(crate) source: Source,
    /// GiB; `None`: that of the source.
    pub(crate) size_gb: Option<u64>,
    /// Id or name; `None`: that of the source, or the default one.
    pub(crate) volume_type: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) project: String,
    pub(crate) user: String,
    pub(crate) cause: Cause,
}

/// What Nova wants to know of a volume.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) status: VolumeStatus,
    pub(crate) size_gb: u64,
    pub(crate) bootable: bool,
    pub(crate) encrypted: bool,
    pub(crate) multiattach: bool,
    pub(crate) availability_zone: String,
    /// Servers that have it, and by which attachment.
    pub(crate) servers: Vec<(String, String)>,
    pub(crate) image_metadata: BTreeMap<String, String>,
}

fn sees(volume: &Volume, project: Option<&str>) -> bool {
    project.is_none_or(|project| volume.project_id == project)
}

/// What is known of a volume, if the project (`None`: an administrator) may know of it.
pub(crate) fn lookup(world: &World, volume: &str, project: Option<&str>) -> Option<Known> {
    let volumes = world.volume();
    let found = volumes.by_id.get(volume).filter(|found| sees(found, project))?;
    Some(Known {
        id: found.id.clone(),
        name: found.name.clone(),
        status: found.status,
        size_gb: found.size,
        bootable: found.bootable,
        encrypted: found.encrypted(),
        multiattach: found.multiattach,
        availability_zone: found.availability_zone.clone(),
        servers: found
            .attachments
            .iter()
            .filter_map(|one| Some((one.server.clone()?, one.id.clone())))
            .collect(),
        image_metadata: found.image.clone(),
    })
}

/// Reserves a volume for a server and attaches it at the instant named.
pub(crate) fn attach(world: &World, request: &AttachRequest<'_>) -> Result<Attached, AttachError> {
    let now = world.now();
    let mut volumes = world.volume();
    let found = volumes.by_id.get_mut(request.volume);
    let volume = found.filter(|volume| sees(volume, request.project));
    let volume = volume.ok_or(AttachError::NotFound)?;
    reserve(volume, Some(request.server)).map_err(AttachError::Invalid)?;
    volume.updated_at = Some(now);
    let attachment = Attachment {
        id: world.ids.uuid(),
        status: AttachStatus::Attaching,
        server: Some(request.server.to_owned()),
        host: Some(request.host.to_owned()),
        device: Some(request.device.to_owned()),
        mode: Some(if volume.readonly() { "ro" } else { "rw" }.to_owned()),
        ..Attachment::default()
    };
    let id = attachment.id.clone();
    volume.attachments.push(attachment);
    notify::volume(&world.events, volume, "attach.start", now, &request.cause);
    let attached = Attached {
        attachment: id.clone(),
        size_gb: volume.size,
        bootable: volume.bootable,
        encrypted: volume.encrypted(),
        multiattach: volume.multiattach,
        image_metadata: volume.image.clone(),
    };
    let change = Change::Attached { volume: request.volume.to_owned(), attachment: id };
    volumes.schedule(request.active_at, change, request.cause.clone());
    Ok(attached)
}

/// Makes the volume `reserved`, if its state allows it; or says why not, in Cinder's words.
pub(crate) fn reserve(volume: &mut Volume, server: Option<&str>) -> Result<(), String> {
    let (id, status) = (&volume.id, volume.status);
    if status.is_error() {
        return Err(format!(
            "Invalid volume: Volume attachments can not be created if the volume is in an error \
             state. The Volume {id} currently has a status of: {} ",
            status.text()
        ));
    }
    let free = matches!(status, VolumeStatus::Available | VolumeStatus::Downloading)
        || volume.multiattach && status == VolumeStatus::InUse;
    // The same server again: it may be on its way to another host.
    let again = server.is_some()
        && matches!(status, VolumeStatus::InUse | VolumeStatus::Reserved)
        && volume.attachments.iter().any(|one| one.server.as_deref() == server);
    if free {
        volume.status = VolumeStatus::Reserved;
    } else if !again {
        let wanted = if volume.multiattach {
            "available, in-use or downloading"
        } else {
            "available or downloading"
        };
        return Err(format!(
            "Invalid volume: Volume {id} status must be {wanted} to reserve, but the current \
             status is {}.",
            status.text()
        ));
    }
    Ok(())
}

/// Takes a volume from a server; it is `detaching` and free after the volume delay. What is not
/// attached stays as it is; whether it was is returned.
pub(crate) fn detach(world: &World, volume: &str, server: &str, cause: Cause) -> bool {
    let now = world.now();
    let due = super::after(now, super::delay(world));
    let mut volumes = world.volume();
    let Some(found) = volumes.by_id.get_mut(volume) else { return false };
    let of_server = found.attachments.iter().find(|one| one.server.as_deref() == Some(server));
    let Some(attachment) = of_server.map(|one| one.id.clone()) else { return false };
    if found.status == VolumeStatus::InUse {
        found.become_(VolumeStatus::Detaching, now);
    }
    notify::volume(&world.events, found, "detach.start", now, &cause);
    // An attachment that is still to come must not come after the detachment.
    volumes.pending.retain(|pending| {
        !matches!(&pending.change, Change::Attached { attachment: known, .. } if *known == attachment)
    });
    volumes.schedule(due, Change::Detached { volume: volume.to_owned(), attachment }, cause);
    true
}

/// Makes a volume for a server to boot from; its id. It becomes `available` after the volume delay.
///
/// # Errors
///
/// Cinder's refusal: 404 of the source or type, 400 of size or state, 413 of the quota.
pub(crate) fn create_for_boot(world: &World, wanted: &BootVolume) -> Result<String, Fault> {
    let order = Order {
        source: wanted.source.clone(),
        size: wanted.size_gb,
        volume_type: wanted.volume_type.clone(),
        // Nova names them with an empty text.
        name: Some(wanted.name.clone().unwrap_or_default()),
        description: Some(String::new()),
        project: wanted.project.clone(),
        user: wanted.user.clone(),
        ..Order::default()
    };
    make::create(world, order, wanted.cause.clone()).map(|volume| volume.id)
}

/// Deletes a volume after it was detached, as `delete_on_termination` wants it.
pub(crate) fn delete_detached(world: &World, volume: &str, cause: Cause) {
    let now = world.now();
    let due = super::after(now, super::delay(world));
    let mut volumes = world.volume();
    let Some(found) = volumes.by_id.get_mut(volume) else { return };
    found.become_(VolumeStatus::Deleting, now);
    notify::volume(&world.events, found, "delete.start", now, &cause);
    volumes.schedule(due, Change::VolumeGone { volume: volume.to_owned() }, cause);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use lotse_core::time::{ManualClock, SignedDuration};

    use super::*;
    use crate::options::{Delays, SimOptions};
    use crate::seed::State;

    const SERVER: &str = "5e0e1c9b-0000-4000-8000-000000000001";

    fn world() -> (World, Arc<ManualClock>) {
        let start = "2026-01-01T00:00:00Z".parse().expect("a time");
        let clock = Arc::new(ManualClock::starting_at(start));
        let options = SimOptions {
            clock: clock.clone(),
            delays: Delays { volume: Duration::from_secs(10), ..Delays::default() },
            ..SimOptions::default()
        };
        (World::new("http://sim".to_owned(), options, Vec::new(), State::default()), clock)
    }

    fn blank(size: u64) -> BootVolume {
        BootVolume {
            source: Source::Blank,
            size_gb: Some(size),
            volume_type: None,
            name: None,
            project: "p".to_owned(),
            user: "u".to_owned(),
            cause: Cause::default(),
        }
    }

    fn request<'a>(world: &World, volume: &'a str, server: &'a str) -> AttachRequest<'a> {
        AttachRequest {
            volume,
            server,
            host: "compute-1",
            device: "/dev/vdb",
            project: Some("p"),
            active_at: crate::cinder::after(world.now(), Duration::from_secs(5)),
            cause: Cause::default(),
        }
    }

    fn status(world: &World, volume: &str) -> Option<&'static str> {
        lookup(world, volume, None).map(|known| known.status.text())
    }

    #[test]
    fn a_volume_is_made_attached_detached_and_deleted_as_time_passes() {
        let (world, clock) = world();
        let volume = create_for_boot(&world, &blank(3)).expect("a volume");
        assert_eq!(status(&world, &volume), Some("creating"));
        let early = attach(&world, &request(&world, &volume, SERVER));
        assert!(matches!(early, Err(AttachError::Invalid(text)) if text.contains("creating")));
        clock.advance(SignedDuration::from_secs(10));
        assert_eq!(status(&world, &volume), Some("available"));
        let attached = attach(&world, &request(&world, &volume, SERVER)).expect("attached");
        assert_eq!((attached.size_gb, attached.bootable), (3, false));
        assert_eq!(status(&world, &volume), Some("reserved"));
        clock.advance(SignedDuration::from_secs(5));
        assert_eq!(status(&world, &volume), Some("in-use"));
        assert!(!detach(&world, &volume, "another", Cause::default()));
        assert!(detach(&world, &volume, SERVER, Cause::default()));
        assert_eq!(status(&world, &volume), Some("detaching"));
        clock.advance(SignedDuration::from_secs(10));
        assert_eq!(status(&world, &volume), Some("available"));
        delete_detached(&world, &volume, Cause::default());
        clock.advance(SignedDuration::from_secs(10));
        assert_eq!(status(&world, &volume), None);
        let events: Vec<String> =
            world.events.since(0).into_iter().map(|event| event.event_type).collect();
        let expected = [
            "create.start",
            "create.end",
            "attach.start",
            "attach.end",
            "detach.start",
            "detach.end",
            "delete.start",
            "delete.end",
        ];
        assert_eq!(events, expected.map(|what| format!("volume.{what}")));
    }

    #[test]
    fn of_many_that_attach_at_once_one_wins() {
        let (world, clock) = world();
        let volume = create_for_boot(&world, &blank(1)).expect("a volume");
        clock.advance(SignedDuration::from_secs(10));
        let won = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..8)
                .map(|number| {
                    let (world, volume) = (&world, &volume);
                    scope.spawn(move || {
                        let server = format!("server-{number}");
                        attach(world, &request(world, volume, &server)).is_ok()
                    })
                })
                .collect();
            tries.into_iter().map(|one| one.join().expect("no panic")).filter(|won| *won).count()
        });
        assert_eq!(won, 1);
        assert_eq!(lookup(&world, &volume, None).expect("there").servers.len(), 1);
    }

    #[test]
    fn foreign_projects_find_nothing() {
        let (world, _) = world();
        let volume = create_for_boot(&world, &blank(1)).expect("a volume");
        assert_eq!(lookup(&world, &volume, Some("other")), None);
        let request = AttachRequest { project: Some("other"), ..request(&world, &volume, SERVER) };
        assert_eq!(attach(&world, &request), Err(AttachError::NotFound));
    }

    #[test]
    fn a_volume_beyond_the_quota_is_refused_with_413() {
        let (world, _) = world();
        let refused = create_for_boot(&world, &blank(1001)).expect_err("1000 GiB at most");
        assert_eq!(refused.status.as_u16(), 413);
        for _ in 0..10 {
            create_for_boot(&world, &blank(1)).expect("within the quota");
        }
        let refused = create_for_boot(&world, &blank(1)).expect_err("ten at most");
        assert!(refused.message.contains("(10) exceeded for quota 'volumes'"), "{refused:?}");
    }
}
