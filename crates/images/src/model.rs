//! The words of the catalogue: definitions, versions, checksums.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use lotse_core::declared::Span;
use uuid::Uuid;

mod ability;
mod boot;
mod image;
mod natural;
mod signing;
mod source;
mod stores;
mod validity;

pub use lotse_transfer::{Algorithm, Checksum};

pub use ability::Abilities;
pub use boot::{BootNetwork, BootState, BootTest, Console, server_name};
pub use image::{Image, ImageStatus};
pub use natural::natural_order;
pub use signing::SignedList;
pub use source::{Scheme, SourceUrl, SourceUrlError};
pub use stores::Stores;
pub use validity::Validity;

/// Where something was declared.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Origin {
    /// The file.
    pub file: String,
    /// The place in it.
    pub span: Span,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.span.line)
    }
}

/// Who sees an image.
#[derive(
    Clone,
    Copy,
    Debug,
    Eq,
    PartialEq,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody, in the default listing.
    Public,
    /// The owning project.
    Private,
    /// Everybody who knows the id.
    Community,
    /// The owning project and its chosen members.
    Shared,
}

impl Visibility {
    /// As the Image API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Community => "community",
            Self::Shared => "shared",
        }
    }

    /// How many find it: the more, the greater.
    pub const fn openness(self) -> u8 {
        match self {
            Self::Private => 0,
            Self::Shared => 1,
            Self::Community => 2,
            Self::Public => 3,
        }
    }

    /// Whether people outside the owning project can boot from it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Public | Self::Community)
    }
}

/// Whether an image can be used.
#[derive(
    Clone, Copy, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum DeclaredStatus {
    /// It can be used.
    Active,
    /// It exists, but its data cannot be downloaded or booted from.
    Deactivated,
}

/// An image as it is declared, with all its versions.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Base name.
    pub name: String,
    /// Whether it is to be kept in the cloud at all.
    pub enabled: bool,
    /// Disk format in which it is published, for example `qcow2`.
    pub format: String,
    /// Whether it is converted to a plain disk on the way.
    pub to_raw: bool,
    /// In which stores of the cloud its content shall be.
    pub stores: Stores,
    /// The user that the image lets in.
    pub login: String,
    /// Smallest root disk, in GiB; `None` leaves it to the size of the image.
    pub min_disk: Option<u64>,
    /// Least memory, in MiB.
    pub min_ram: Option<u64>,
    /// Whether its images can be used.
    pub status: DeclaredStatus,
    /// Who sees its images, where a version says nothing else.
    pub visibility: Visibility,
    /// Whether the newest version bears the plain name and older ones give way.
    pub multi: bool,
    /// Whether images are never deleted.
    pub keep: bool,
    /// What stands between name and version.
    pub separator: String,
    /// Tags, besides those that Lotse adds.
    pub tags: Vec<String>,
    /// Properties, in the form in which they are sent.
    pub meta: BTreeMap<String, String>,
    /// Versions in natural order, the newest last. Never empty.
    pub versions: Vec<Version>,
    /// The version that bears the plain name instead of the newest one, since a rollback. Not
    /// declared: the images say it ([`crate::PINNED`]).
    pub pinned: Option<String>,
    /// Where it is declared.
    pub origin: Origin,
}

/// One version of a [`Definition`].
#[derive(Clone, Debug)]
pub struct Version {
    /// The version, for example `20240819`.
    pub version: String,
    /// Where upstream publishes it.
    pub url: SourceUrl,
    /// Where it is downloaded from instead.
    pub mirror_url: Option<SourceUrl>,
    /// What its content must be.
    pub checksum: Option<Checksum>,
    /// For the version `latest`: where upstream says what the present content is.
    pub latest: Option<UpstreamChecksum>,
    /// The signed list of checksums in which its content must stand.
    pub signed: Option<SignedList>,
    /// When upstream built it.
    pub build_date: Option<Date>,
    /// Version of the operating system, where it differs from the definition's.
    pub os_version: Option<String>,
    /// Who sees it, where it differs from the definition's.
    pub visibility: Option<Visibility>,
    /// Whether listings leave it out.
    pub hidden: Option<bool>,
    /// The id its image shall have.
    pub id: Option<Uuid>,
    /// Properties, in the form in which they are sent.
    pub meta: BTreeMap<String, String>,
    /// What upstream publishes as the checksum, for a version that follows it: the property
    /// `upstream_checksum`.
    pub upstream_checksum: Option<String>,
    /// Whether it is not declared, but an image that a rollback brought back: everything it says is
    /// what its image says.
    pub restored: bool,
    /// Where it is declared.
    pub origin: Origin,
}

impl Version {
    /// Whether it follows what upstream publishes.
    pub const fn follows(&self) -> bool {
        self.latest.is_some()
    }

    /// Where the content is downloaded from.
    pub fn source(&self) -> &SourceUrl {
        self.mirror_url.as_ref().unwrap_or(&self.url)
    }
}

/// Where upstream says what the content behind `latest` is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum UpstreamChecksum {
    /// A list of checksums and file names.
    Manifest(SourceUrl),
    /// A bare checksum.
    Single(SourceUrl),
}

impl Definition {
    /// The newest version.
    pub fn newest(&self) -> Option<&Version> {
        self.versions.last()
    }

    /// The disk format that its images have in the cloud, unless Glance converts them.
    pub fn stored_format(&self) -> &str {
        if self.to_raw { "raw" } else { &self.format }
    }

    /// The version that bears the plain name, if the definition is `multi`: the newest one, unless
    /// a rollback put another one in its place.
    pub fn lead(&self) -> Option<&Version> {
        let pinned = self.pinned.as_deref();
        let pinned = self.versions.iter().find(|version| Some(version.version.as_str()) == pinned);
        pinned.or_else(|| self.newest())
    }

    /// The name under which a version is imported.
    pub fn working_name(&self, version: &str) -> String {
        let Self { name, separator, .. } = self;
        if self.multi {
            format!("{name}{separator}({version})")
        } else {
            format!("{name}{separator}{version}")
        }
    }

    /// The name a version has in the end.
    pub fn final_name(&self, version: &str) -> String {
        let lead = self.lead().filter(|lead| lead.version == version);
        match lead {
            Some(_) if self.multi => self.name.clone(),
            // Users of a name that follows upstream find the newest content under it.
            Some(lead) if lead.follows() => self.working_name(crate::declare::LATEST),
            _ => self.working_name(version),
        }
    }

    /// What the property `image_description` of its images says: images belong to the definition
    /// by it.
    pub fn description(&self) -> &str {
        self.meta.get("image_description").unwrap_or(&self.name)
    }

    /// The properties of a version's image, in the precedence of the format: meta, then what
    /// follows from the fields, then the version's meta, then source and build date.
    pub fn properties(&self, version: &Version) -> BTreeMap<String, String> {
        if version.restored {
            return version.meta.clone();
        }
        let mut properties = self.meta.clone();
        let mut default = |key: &str, value: &str| {
            properties.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        };
        default("image_description", &self.name);
        default("image_name", &self.name);
        let mut set = |key: &str, value: String| {
            properties.insert(key.to_owned(), value);
        };
        set("internal_version", version.version.clone());
        set("image_original_user", self.login.clone());
        if self.multi {
            if let Some(os_version) = &version.os_version {
                set("os_version", os_version.clone());
            }
        } else if !version.follows() {
            set("os_version", version.version.clone());
        }
        if let Some(checksum) = &version.upstream_checksum {
            set("upstream_checksum", checksum.clone());
        }
        properties.extend(version.meta.clone());
        let mut set = |key: &str, value: String| {
            properties.insert(key.to_owned(), value);
        };
        set("image_source", version.url.shown());
        if let Some(date) = version.build_date {
            set("image_build_date", date.to_string());
        }
        properties
    }
}
