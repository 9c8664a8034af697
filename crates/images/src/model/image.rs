//! Images as they are in the cloud.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::Visibility;
use crate::{IMPORT_STATE, MARKER};

/// An image as the Image API v2 shows it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(from = "Wire")]
pub struct Image {
    /// Its id.
    pub id: String,
    /// Its name; images may be nameless, then it is empty.
    pub name: String,
    /// What can be done with it.
    pub status: ImageStatus,
    /// Who sees it.
    pub visibility: Visibility,
    /// The project it belongs to.
    pub owner: Option<String>,
    /// Its tags.
    pub tags: BTreeSet<String>,
    /// Disk format of its data.
    pub disk_format: Option<String>,
    /// Smallest root disk, in GiB.
    pub min_disk: u64,
    /// Least memory, in MiB.
    pub min_ram: u64,
    /// Size of its data in bytes.
    pub size: Option<u64>,
    /// Size of the disk it holds, in bytes.
    pub virtual_size: Option<u64>,
    /// MD5 of its data.
    pub checksum: Option<String>,
    /// What [`Image::os_hash_value`] is computed with.
    pub os_hash_algo: Option<String>,
    /// Hash of its data.
    pub os_hash_value: Option<String>,
    /// Whether listings leave it out.
    pub os_hidden: bool,
    /// Whether Glance refuses to delete it.
    pub protected: bool,
    /// The stores that hold its content; none where the cloud does not say.
    pub stores: BTreeSet<String>,
    /// When it was created (ISO 8601).
    pub created_at: String,
    /// The properties, those that Glance itself sets (`os_glance_…`) included.
    pub properties: BTreeMap<String, String>,
}

/// What can be done with an image.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum ImageStatus {
    /// It has no data yet, and perhaps nobody is sending any.
    Queued,
    /// Data is being uploaded.
    Saving,
    /// Data is being uploaded to the staging area.
    Uploading,
    /// Data is being imported.
    Importing,
    /// It can be used.
    Active,
    /// It exists, but cannot be used.
    Deactivated,
    /// It is broken.
    Killed,
    /// It is gone.
    Deleted,
    /// It is about to be gone.
    PendingDelete,
    /// Something that this version of Lotse does not know.
    #[serde(other)]
    Unknown,
}

impl ImageStatus {
    /// Whether it holds complete data.
    pub const fn is_complete(self) -> bool {
        matches!(self, Self::Active | Self::Deactivated)
    }

    /// Whether it is gone, or as good as gone.
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::Killed | Self::Deleted | Self::PendingDelete)
    }

    /// As the Image API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Saving => "saving",
            Self::Uploading => "uploading",
            Self::Importing => "importing",
            Self::Active => "active",
            Self::Deactivated => "deactivated",
            Self::Killed => "killed",
            Self::Deleted => "deleted",
            Self::PendingDelete => "pending_delete",
            Self::Unknown => "unknown",
        }
    }
}

impl Image {
    /// A property.
    pub fn property(&self, key: &str) -> Option<&str> {
        self.properties.get(key).map(String::as_str)
    }

    /// Which version its content is, as it says itself.
    pub fn internal_version(&self) -> Option<&str> {
        self.property("internal_version")
    }

    /// The version by which it is known: the one it holds, or the day it was created where it does
    /// not say.
    pub fn label(&self) -> String {
        let known = self.internal_version().filter(|version| *version != crate::declare::LATEST);
        known.map_or_else(|| self.created_on(), str::to_owned)
    }

    /// Whether Lotse began to import it and has not finished.
    pub fn is_pending(&self) -> bool {
        self.property(MARKER).is_some() && self.property(IMPORT_STATE) == Some("pending")
    }

    /// The smallest root disk on which its data fits, in GiB; `None` while there is no data.
    pub fn needed_disk(&self) -> Option<u64> {
        let bytes = self.size.max(self.virtual_size)?;
        Some(bytes.div_ceil(1 << 30))
    }

    /// The day of its creation as `YYYYMMDD`.
    pub fn created_on(&self) -> String {
        self.created_at.chars().take_while(|c| *c != 'T').filter(char::is_ascii_digit).collect()
    }
}

/// The same with properties beside the fields.
#[derive(Deserialize)]
struct Wire {
    id: String,
    #[serde(default)]
    name: Option<String>,
    status: ImageStatus,
    visibility: Visibility,
    #[serde(default)]
    owner: Option<String>,
    #[serde(default)]
    tags: BTreeSet<String>,
    #[serde(default)]
    disk_format: Option<String>,
    #[serde(default)]
    min_disk: u64,
    #[serde(default)]
    min_ram: u64,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    virtual_size: Option<u64>,
    #[serde(default)]
    checksum: Option<String>,
    #[serde(default)]
    os_hash_algo: Option<String>,
    #[serde(default)]
    os_hash_value: Option<String>,
    #[serde(default)]
    os_hidden: bool,
    #[serde(default)]
    protected: bool,
    #[serde(default)]
    created_at: String,
    #[serde(default)]
    stores: Option<String>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// The stores, as Glance lists them: with commas.
fn listed(text: &str) -> BTreeSet<String> {
    text.split(',').map(str::trim).filter(|store| !store.is_empty()).map(str::to_owned).collect()
}

impl From<Wire> for Image {
    fn from(wire: Wire) -> Self {
        /// Fields that nothing here depends on.
        const FIELDS: [&str; 7] =
            ["container_format", "direct_url", "file", "locations", "schema", "self", "updated_at"];
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Null => None,
            other => Some(other.to_string()),
        };
        Self {
            id: wire.id,
            name: wire.name.unwrap_or_default(),
            status: wire.status,
            visibility: wire.visibility,
            owner: wire.owner,
            tags: wire.tags,
            disk_format: wire.disk_format,
            min_disk: wire.min_disk,
            min_ram: wire.min_ram,
            size: wire.size,
            virtual_size: wire.virtual_size,
            checksum: wire.checksum,
            os_hash_algo: wire.os_hash_algo,
            os_hash_value: wire.os_hash_value,
            os_hidden: wire.os_hidden,
            protected: wire.protected,
            stores: listed(wire.stores.as_deref().unwrap_or_default()),
            created_at: wire.created_at,
            properties: wire
                .rest
                .into_iter()
                .filter(|(key, _)| !FIELDS.contains(&key.as_str()))
                .filter_map(|(key, value)| Some((key, text(value)?)))
                .collect(),
        }
    }
}
