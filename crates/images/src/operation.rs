//! What the steps of a plan do: data, specific enough that carrying it out needs no choices.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lotse_plan::StepId;
use serde::Serialize;
use serde_json::Value;

use crate::model::{BootNetwork, Checksum, Console, Visibility};

/// The work of one step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "operation", rename_all = "kebab-case")]
pub enum Operation {
    /// Create an image and bring its content to it.
    Import(Import),
    /// Go on with an import that an earlier run left unfinished.
    Resume {
        /// The image.
        id: String,
        /// What was, and is, to be done.
        import: Import,
    },
    /// Try out an image that nobody sees yet.
    BootTest(Boot),
    /// Change an image.
    Update(Update),
    /// Delete an image.
    Delete(Delete),
    /// Share an image with a project, or end that.
    Share(Share),
    /// Copy the content of an image to further stores.
    Copy(Copy),
}

/// An image of which a server is made, to see that it comes up.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Boot {
    /// Which image.
    pub target: Target,
    /// The tag it must still carry.
    pub tag: String,
    /// The id of the flavor.
    pub flavor: String,
    /// The root disk of the flavor in GiB; 0: the server boots from a volume.
    pub disk: u64,
    /// The memory of the flavor in MiB.
    pub ram: u64,
    /// Where the server is plugged in; a network by its id.
    pub network: BootNetwork,
    /// What the console must show.
    pub console: Console,
    /// How long that may take.
    pub timeout: Duration,
}

/// Content that is to be in further stores.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Copy {
    /// Which image.
    pub id: String,
    /// The tag it must still carry.
    pub tag: String,
    /// The stores in which it is missing.
    pub stores: Vec<String>,
}

/// One project that is, or is not, to use an image.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Share {
    /// Which image.
    pub id: String,
    /// The tag it must still carry.
    pub tag: String,
    /// The project.
    pub project: String,
    /// Whether it is to be a member that has accepted.
    pub member: bool,
}

/// An image to delete, unless somebody uses it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Delete {
    /// Which image.
    pub id: String,
    /// The tag it must still carry.
    pub tag: String,
    /// What is changed instead when servers were made from it: it is hidden.
    pub when_used: Vec<Patch>,
    /// What is changed instead when the cloud refuses: it is hidden, too, and says so.
    pub when_refused: Vec<Patch>,
}

/// An image to create, with its content.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Import {
    /// The id it shall have, if one is declared.
    pub id: Option<String>,
    /// The name under which it is created.
    pub name: String,
    /// Disk format of the content in the cloud.
    pub disk_format: String,
    /// Disk format of the content as it is published: another one is converted on the way.
    pub published_format: String,
    /// Smallest root disk, in GiB, as declared.
    pub min_disk: Option<u64>,
    /// Least memory, in MiB.
    pub min_ram: u64,
    /// All tags.
    pub tags: BTreeSet<String>,
    /// All properties but our own marks.
    pub properties: BTreeMap<String, String>,
    /// Where the content is published.
    pub source: String,
    /// The copy of it in our mirror that is read instead, if there is one.
    pub mirror: Option<String>,
    /// Another cloud that has the content, and from which it is copied.
    pub from: Option<Elsewhere>,
    /// How the content gets to Glance.
    pub delivery: Delivery,
    /// The stores it is written to; none where the cloud decides.
    pub stores: Vec<String>,
    /// Whether what is published is packed, and unpacked by us.
    pub packed: bool,
    /// What the content must be: as it is published, or unpacked.
    pub checksum: Option<Checksum>,
    /// How it is made visible; `None` when a later step does that.
    pub publish: Option<Publish>,
}

/// The content of an image of another cloud.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Elsewhere {
    /// The cloud.
    pub cloud: String,
    /// The image there.
    pub image: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-512, as that cloud knows it.
    pub sha512: String,
    /// Whether content of that SHA-512 is known to be what is declared; else the declared checksum is
    /// computed of it.
    pub proven: bool,
}

/// How content gets to Glance.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// Glance downloads it.
    WebDownload,
    /// We download it, verify and unpack it, and hand it to the import of Glance.
    GlanceDirect,
    /// We download it, verify and unpack it, and write it into the image ourselves.
    Upload,
}

impl Delivery {
    /// As plans say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WebDownload => "web-download",
            Self::GlanceDirect => "glance-direct",
            Self::Upload => "upload",
        }
    }

    /// Whether the content passes through us.
    pub const fn is_streamed(self) -> bool {
        matches!(self, Self::GlanceDirect | Self::Upload)
    }
}

/// How a complete image is made visible.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Publish {
    /// Its final name.
    pub name: String,
    /// Who sees it.
    pub visibility: Visibility,
    /// Whether listings leave it out.
    pub hidden: bool,
    /// Whether it is deactivated before anybody sees it.
    pub deactivate: bool,
}

/// Changes of an image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Update {
    /// Which image.
    pub target: Target,
    /// The tag it must still carry.
    pub tag: String,
    /// The changes, sent as one request.
    pub patch: Vec<Patch>,
    /// A change of its status.
    pub status: Option<StatusChange>,
}

impl Update {
    /// The name that the image gets, if it gets another one.
    pub fn new_name(&self) -> Option<&str> {
        self.patch.iter().find(|patch| patch.path == "/name").and_then(|patch| patch.value.as_str())
    }
}

/// Which image a step changes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The image with this id.
    Image(String),
    /// The image that this step of the same plan imported.
    ImportedBy(StepId),
}

/// One operation of a JSON patch (`application/openstack-images-v2.1-json-patch`).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Patch {
    /// `add` for a property that is not there yet, else `replace`.
    pub op: &'static str,
    /// JSON pointer.
    pub path: String,
    /// The value to come.
    pub value: Value,
}

impl Patch {
    /// Replaces a field of the image.
    pub fn replace(field: &str, value: impl Into<Value>) -> Self {
        Self { op: "replace", path: lotse_core::declared::pointer([field]), value: value.into() }
    }

    /// Sets a property, whether it is there or not (what `add` means in a JSON patch).
    pub fn set(property: &str, value: impl Into<Value>) -> Self {
        Self { op: "add", path: lotse_core::declared::pointer([property]), value: value.into() }
    }
}

/// A change of an image's status.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusChange {
    /// Its data can no longer be used.
    Deactivate,
    /// Its data can be used again.
    Reactivate,
}

impl StatusChange {
    /// The name of the action in the Image API.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Deactivate => "deactivate",
            Self::Reactivate => "reactivate",
        }
    }
}
