//! Many images at once.

use lotse_core::time::SignedDuration;

use super::model::{Image, Status, Visibility};
use crate::ids::mix;
use crate::world::World;

/// Makes `count` public images of the project `admin`, a minute apart.
pub(crate) fn populate(world: &World, count: u64) {
    if count == 0 {
        return;
    }
    let owner = world.identity().project_named("admin", "default").map(|found| found.id.clone());
    let now = world.now();
    let mut images = world.images();
    for number in 1..=count {
        let age = i64::try_from(count - number).unwrap_or(i64::MAX).saturating_mul(60);
        let at = now.saturating_sub(SignedDuration::from_secs(age)).unwrap_or(now);
        let digest = |words: u64| -> String {
            let bytes = (0..words).flat_map(|at| mix(mix(number) ^ at).to_be_bytes());
            hex::encode(bytes.collect::<Vec<u8>>())
        };
        let image = Image {
            id: world.ids.uuid(),
            name: Some(format!("image-{number:06}")),
            status: Status::Active,
            visibility: Visibility::Public,
            owner: owner.clone(),
            disk_format: Some("qcow2".to_owned()),
            container_format: Some("bare".to_owned()),
            size: Some((256 + number % 1024) << 20),
            virtual_size: Some(10 << 30),
            checksum: Some(digest(2)),
            os_hash_value: Some(digest(8)),
            min_ram: 512,
            min_disk: 10,
            protected: false,
            os_hidden: false,
            created_at: at,
            updated_at: at,
            tags: Vec::new(),
            properties: serde_json::Map::new(),
            stores: vec![images.default_store().to_owned()],
            members: Vec::new(),
            import: None,
            staged: None,
            bytes: None,
        };
        images.by_id.insert(image.id.clone(), image);
    }
}
