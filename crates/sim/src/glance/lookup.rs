//! What other services want of Glance: facts of an image, and images of servers.
//!
//! These functions take the world and are called with no lock held.

use lotse_core::time::Timestamp;
use serde_json::{Map, Value};

use super::access;
use super::model::{Image, Status, Visibility};
use super::payload::Payload;
use crate::keystone::caller::Caller;
use crate::world::World;

/// What Nova wants to know of an image.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) active: bool,
    /// Bytes.
    pub(crate) size: u64,
    /// MiB.
    pub(crate) min_ram: u64,
    /// GiB.
    pub(crate) min_disk: u64,
    pub(crate) properties: Map<String, Value>,
}

/// What is known of an image, if the caller may know of it.
pub(crate) fn lookup(world: &World, id: &str, caller: &Caller) -> Option<Facts> {
    let images = world.images();
    let image = images.by_id.get(id).filter(|image| access::sees(image, caller))?;
    Some(Facts {
        active: image.status == Status::Active,
        size: image.size.unwrap_or(0),
        min_ram: image.min_ram,
        min_disk: image.min_disk,
        properties: image.properties.clone(),
    })
}

/// An image that is made of a server.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot<'a> {
    pub(crate) name: &'a str,
    /// Id of the project it belongs to.
    pub(crate) owner: &'a str,
    /// GiB that a server of it needs.
    pub(crate) min_disk: u64,
    pub(crate) properties: Map<String, Value>,
    /// Whether it has bytes of its own; otherwise it only points to snapshots of volumes.
    pub(crate) with_data: bool,
    pub(crate) now: Timestamp,
}

/// Makes an image of a server, active at once; its id.
pub(crate) fn snapshot(world: &World, wanted: &Snapshot<'_>) -> String {
    let id = world.ids.uuid();
    let mut image = Image {
        id: id.clone(),
        name: Some(wanted.name.to_owned()),
        status: Status::Queued,
        visibility: Visibility::Private,
        owner: Some(wanted.owner.to_owned()),
        disk_format: Some(if wanted.with_data { "raw" } else { "qcow2" }.to_owned()),
        container_format: Some("bare".to_owned()),
        size: None,
        virtual_size: None,
        checksum: None,
        os_hash_value: None,
        min_ram: 0,
        min_disk: wanted.min_disk,
        protected: false,
        os_hidden: false,
        created_at: wanted.now,
        updated_at: wanted.now,
        tags: Vec::new(),
        properties: wanted.properties.clone(),
        stores: Vec::new(),
        members: Vec::new(),
        import: None,
        staged: None,
        bytes: None,
    };
    // What a snapshot of a simulated server holds is its id: nobody boots from it for real.
    let data = if wanted.with_data { id.clone().into_bytes() } else { Vec::new() };
    let mut images = world.images();
    let store = images.default_store().to_owned();
    image.activate(Payload::of(&data, 1 << 10), &store, wanted.now);
    images.by_id.insert(id.clone(), image);
    id
}

/// Deletes the oldest backups of a kind until so many are left; `newest` is the one just made.
pub(crate) fn rotate(world: &World, (server, kind): (&str, &str), newest: &str, keep: usize) {
    let mut images = world.images();
    let is = |image: &Image, name: &str, value: &str| {
        image.properties.get(name).and_then(Value::as_str) == Some(value)
    };
    let mut backups: Vec<(bool, Timestamp, String)> = images
        .by_id
        .values()
        .filter(|image| is(image, "image_type", "backup") && is(image, "backup_type", kind))
        .filter(|image| is(image, "instance_uuid", server))
        .map(|image| (image.id == newest, image.created_at, image.id.clone()))
        .collect();
    backups.sort_unstable_by(|a, b| b.cmp(a));
    for (_, _, id) in backups.into_iter().skip(keep) {
        images.by_id.remove(&id);
    }
}

/// Deletes an image that was made for a server, if it is still there.
pub(crate) fn discard(world: &World, id: &str) {
    world.images().by_id.remove(id);
}
