//! What Glance knows, as plain data, and the transitions that time brings.

use std::collections::{BTreeMap, BTreeSet};

use lotse_core::time::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::metadefs::Namespace;
use super::notify;
use super::payload::Payload;
use crate::events::{Cause, Happened};
use crate::seed::{Keyed, keyed};

/// Which import is under way on an image.
pub(crate) const IMPORT_TASK: &str = "os_glance_import_task";
/// To which stores it is still to be written.
pub(crate) const IMPORTING_TO: &str = "os_glance_importing_to_stores";
/// To which stores it could not be written.
pub(crate) const FAILED_IMPORT: &str = "os_glance_failed_import";

/// The state of an image.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    #[default]
    Queued,
    Saving,
    Uploading,
    Importing,
    Active,
    Deactivated,
}

impl Status {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Saving => "saving",
            Self::Uploading => "uploading",
            Self::Importing => "importing",
            Self::Active => "active",
            Self::Deactivated => "deactivated",
        }
    }
}

/// Who sees an image.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Visibility {
    Private,
    #[default]
    Shared,
    Community,
    Public,
}

impl Visibility {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Shared => "shared",
            Self::Community => "community",
            Self::Public => "public",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Private, Self::Shared, Self::Community, Self::Public]
            .into_iter()
            .find(|visibility| visibility.text() == text)
    }
}

/// A project that an image is shared with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Member {
    /// Id of the project.
    #[serde(rename = "member_id")]
    pub(crate) project: String,
    /// `pending`, `accepted` or `rejected`.
    pub(crate) status: String,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// An import that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) task: String,
    pub(crate) stores: Vec<String>,
    /// When the outcome takes effect.
    pub(crate) due: Timestamp,
    /// What comes of it; `None` while bytes are still being fetched.
    pub(crate) outcome: Option<Outcome>,
}

/// What comes of an import.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// The image gets this data.
    Data(Payload),
    /// The data is copied to further stores.
    Copied,
    /// It fails, with this message of the task.
    Failed(String),
}

/// An image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Image {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) status: Status,
    #[serde(default)]
    pub(crate) visibility: Visibility,
    #[serde(default)]
    pub(crate) owner: Option<String>,
    #[serde(default)]
    pub(crate) disk_format: Option<String>,
    #[serde(default)]
    pub(crate) container_format: Option<String>,
    #[serde(default)]
    pub(crate) size: Option<u64>,
    #[serde(default)]
    pub(crate) virtual_size: Option<u64>,
    /// MD5 in hexadecimal.
    #[serde(default)]
    pub(crate) checksum: Option<String>,
    /// SHA-512 in hexadecimal.
    #[serde(default)]
    pub(crate) os_hash_value: Option<String>,
    #[serde(default)]
    pub(crate) min_ram: u64,
    #[serde(default)]
    pub(crate) min_disk: u64,
    #[serde(default)]
    pub(crate) protected: bool,
    #[serde(default)]
    pub(crate) os_hidden: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    /// Free properties, in the order they were set.
    #[serde(default)]
    pub(crate) properties: Map<String, Value>,
    #[serde(default)]
    pub(crate) stores: Vec<String>,
    #[serde(default)]
    pub(crate) members: Vec<Member>,
    #[serde(skip)]
    pub(crate) import: Option<Import>,
    /// Data that was staged for an import.
    #[serde(skip)]
    pub(crate) staged: Option<Payload>,
    /// The bytes, where they are kept.
    #[serde(skip)]
    pub(crate) bytes: Option<bytes::Bytes>,
}

impl Keyed for Image {
    fn key(&self) -> &str {
        &self.id
    }
}

impl Image {
    /// Takes over the data and becomes active.
    pub(crate) fn activate(&mut self, payload: Payload, store: &str, now: Timestamp) {
        self.take_payload(payload);
        self.stores = vec![store.to_owned()];
        self.status = Status::Active;
        self.updated_at = now;
    }

    fn take_payload(&mut self, payload: Payload) {
        self.size = Some(payload.size);
        self.virtual_size = payload.virtual_size_as(self.disk_format.as_deref());
        self.checksum = Some(payload.md5);
        self.os_hash_value = Some(payload.sha512);
        self.bytes = payload.bytes;
    }

    /// Makes the transition of a due import; returns what its task became.
    fn settle(&mut self, now: Timestamp) -> Option<(String, Result<(), String>)> {
        let due = self.import.as_ref()?;
        if due.due > now || due.outcome.is_none() {
            return None;
        }
        let import = self.import.take()?;
        self.updated_at = import.due;
        self.properties.shift_remove(IMPORT_TASK);
        self.properties.insert(IMPORTING_TO.to_owned(), json!(""));
        let result = match import.outcome? {
            Outcome::Data(payload) => {
                self.take_payload(payload);
                self.staged = None;
                self.stores = import.stores;
                self.status = Status::Active;
                Ok(())
            }
            Outcome::Copied => {
                self.stores.extend(import.stores);
                Ok(())
            }
            Outcome::Failed(message) => {
                self.properties.insert(FAILED_IMPORT.to_owned(), json!(import.stores.join(",")));
                if self.status != Status::Active {
                    self.status = Status::Queued;
                }
                Err(message)
            }
        };
        Some((import.task, result))
    }

    /// The image as every answer shows it.
    pub(crate) fn render(&self) -> Value {
        let own = format!("/v2/images/{}", self.id);
        let mut shown = self.properties.clone();
        let fields = [
            ("name", json!(self.name)),
            ("disk_format", json!(self.disk_format)),
            ("container_format", json!(self.container_format)),
            ("visibility", json!(self.visibility.text())),
            ("size", json!(self.size)),
            ("virtual_size", json!(self.virtual_size)),
            ("status", json!(self.status.text())),
            ("checksum", json!(self.checksum)),
            ("protected", json!(self.protected)),
            ("min_ram", json!(self.min_ram)),
            ("min_disk", json!(self.min_disk)),
            ("owner", json!(self.owner)),
            ("os_hidden", json!(self.os_hidden)),
            ("os_hash_algo", json!(self.os_hash_value.as_ref().map(|_| "sha512"))),
            ("os_hash_value", json!(self.os_hash_value)),
            ("id", json!(self.id)),
            ("created_at", json!(second(self.created_at))),
            ("updated_at", json!(second(self.updated_at))),
            ("tags", json!(self.tags)),
            ("self", json!(own)),
            ("file", json!(format!("{own}/file"))),
            ("schema", json!("/v2/schemas/image")),
        ];
        shown.extend(fields.map(|(name, value)| (name.to_owned(), value)));
        if !self.stores.is_empty() {
            shown.insert("stores".to_owned(), json!(self.stores.join(",")));
        }
        Value::Object(shown)
    }
}

/// A time as Glance writes it: whole seconds.
pub(crate) fn second(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// Work that Glance did in the background.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) id: String,
    /// `processing`, `success` or `failure`.
    pub(crate) status: String,
    pub(crate) owner: Option<String>,
    pub(crate) user_id: String,
    pub(crate) image_id: String,
    pub(crate) request_id: String,
    pub(crate) input: Value,
    #[serde(default)]
    pub(crate) result: Value,
    #[serde(default)]
    pub(crate) message: String,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl Keyed for Task {
    fn key(&self) -> &str {
        &self.id
    }
}

/// How long a finished task is kept (`[task] task_time_to_live`).
const KEPT: SignedDuration = SignedDuration::from_hours(48);

impl Task {
    /// When it is dropped, once it has ended.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        let ended = self.status == "success" || self.status == "failure";
        ended.then(|| self.updated_at.saturating_add(KEPT).unwrap_or(self.updated_at))
    }
}

fn default_stores() -> Vec<String> {
    vec!["fast".to_owned(), "slow".to_owned()]
}

/// Everything Glance knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Images {
    /// Names of the stores; the first is the default.
    #[serde(default = "default_stores")]
    pub(crate) stores: Vec<String>,
    #[serde(default, rename = "images", with = "keyed")]
    pub(crate) by_id: BTreeMap<String, Image>,
    #[serde(default, with = "keyed")]
    pub(crate) tasks: BTreeMap<String, Task>,
    /// Ids that were used and stay so.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) deleted: BTreeSet<String>,
    /// Namespaces of metadata definitions by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) namespaces: BTreeMap<String, Namespace>,
    /// Ids of the images with an import under way.
    #[serde(skip)]
    pub(crate) importing: BTreeSet<String>,
}

impl Default for Images {
    fn default() -> Self {
        Self {
            stores: default_stores(),
            by_id: BTreeMap::new(),
            tasks: BTreeMap::new(),
            deleted: BTreeSet::new(),
            namespaces: BTreeMap::new(),
            importing: BTreeSet::new(),
        }
    }
}

impl Images {
    /// Forgets tasks that ended so long ago that Glance would have dropped them.
    pub(crate) fn forget_old_tasks(&mut self, now: Timestamp) {
        self.tasks.retain(|_, task| task.expires_at().is_none_or(|end| end > now));
    }

    /// Makes all transitions that are due, and says what happened.
    pub(crate) fn settle(&mut self, now: Timestamp) -> Vec<Happened> {
        let mut happened = Vec::new();
        let (images, tasks) = (&mut self.by_id, &mut self.tasks);
        self.importing.retain(|id| {
            let Some(image) = images.get_mut(id) else { return false };
            let Some((task, result)) = image.settle(now) else { return image.import.is_some() };
            if let Some(task) = tasks.get_mut(&task) {
                task.updated_at = image.updated_at;
                match result {
                    Ok(()) => {
                        let cause = Cause {
                            project: task.owner.clone(),
                            user: Some(task.user_id.clone()),
                            request: Some(task.request_id.clone()),
                        };
                        let at = image.updated_at;
                        happened.push(notify::image("upload", image, at, cause.clone()));
                        happened.push(notify::image("activate", image, at, cause));
                        "success".clone_into(&mut task.status);
                        task.result = json!({"image_id": id});
                        task.message = format!("Copied {} MiB", image.size.unwrap_or(0) >> 20);
                    }
                    Err(message) => {
                        "failure".clone_into(&mut task.status);
                        task.message = message;
                    }
                }
            }
            false
        });
        happened
    }

    /// The default store.
    pub(crate) fn default_store(&self) -> &str {
        self.stores.first().map_or("fast", String::as_str)
    }
}
