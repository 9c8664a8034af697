//! The registry: which testcases Lotse can judge, by their ids in scope files.

use lotse_scs::image_names::StandardImage;
use lotse_scs::standard_flavors::StandardFlavor;

use crate::draft::Draft;
use crate::kaas::{Check, Part};

/// A testcase that Lotse judges itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Testcase {
    /// Names of flavors that begin with `SCS-` follow the grammar.
    FlavorSyntax,
    /// Names of flavors promise what the flavors are.
    FlavorSemantics,
    /// A new server has enough entropy.
    Entropy,
    /// The random numbers of a new server pass the tests of FIPS 140-2.
    RandomnessQuality,
    /// A flavor of the standard is there.
    Flavor(&'static StandardFlavor),
    /// A property of images has a value that means something.
    ImageProperty(Property),
    /// Images are as new as they promise.
    ImageRecency,
    /// Generic images can be told apart.
    ImageUniqueness,
    /// Images of the standard come from where they should.
    ImageSource(&'static StandardImage),
    /// An image of the standard is there.
    Image(&'static StandardImage),
    /// Aspects of volume types are written as the standard says.
    VolumeTypeSyntax,
    /// A volume type with this aspect is there.
    VolumeTypeAspect(Aspect),
    /// Security groups begin with rules that let nothing in and everything out.
    DefaultRules,
    /// There is a key manager.
    KeyManager,
    /// Members can use the key manager, if there is one.
    KeyManagerPermissions,
    /// Volumes can be backed up and restored.
    VolumeBackup,
    /// A service is in the catalogue.
    Service(&'static str),
    /// Block storage is in the catalogue, under one of its names.
    BlockStorage,
    /// The object storage speaks S3.
    SwiftS3,
    /// What a draft of a standard adds.
    Draft(Draft),
    /// A testcase on a cluster of Kubernetes.
    Kubernetes(Check),
}

/// What has to be observed of a cloud.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Need {
    /// The catalogue, which comes with the token.
    Catalogue,
    /// Flavors.
    Flavors,
    /// Images.
    Images,
    /// Volume types.
    VolumeTypes,
    /// The rules that security groups begin with.
    DefaultRules,
    /// The answer of the object storage to S3.
    S3,
    /// A secret in the key manager; changes the cloud for a moment.
    Secret,
    /// A backup of a volume; changes the cloud for a moment.
    Backup,
    /// The random numbers of a new server; changes the cloud for some minutes.
    Randomness,
    /// Provider networks, pools of prefixes, extensions of the network service.
    Networks,
    /// How the public addresses are encrypted.
    Encryption,
    /// What managers of two domains can do; changes their domains for a moment.
    DomainManager,
    /// Results of Tempest, which are given and not observed.
    Tempest,
    /// Something of a cluster of Kubernetes.
    Kubernetes(Part),
}

impl Need {
    /// Everything of a cloud of OpenStack.
    pub const ALL: [Self; 11] = [
        Self::Catalogue,
        Self::Flavors,
        Self::Images,
        Self::VolumeTypes,
        Self::DefaultRules,
        Self::S3,
        Self::Secret,
        Self::Backup,
        Self::Randomness,
        Self::Networks,
        Self::Encryption,
    ];

    /// Whether observing it may change the cloud for a moment.
    pub const fn may_change(&self) -> bool {
        matches!(
            self,
            Self::DefaultRules
                | Self::Secret
                | Self::Backup
                | Self::Randomness
                | Self::DomainManager
        )
    }
}

/// A property of images that a testcase is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Property {
    /// `architecture`
    Architecture,
    /// `os_hash_algo`
    HashAlgo,
    /// `min_disk`
    MinDisk,
    /// `min_ram`
    MinRam,
    /// `os_version`
    OsVersion,
    /// `os_distro`
    OsDistro,
    /// `os_purpose`
    OsPurpose,
    /// `hw_disk_bus`
    HwDiskBus,
    /// `hypervisor_type`
    HypervisorType,
    /// `hw_rng_model`
    HwRngModel,
    /// `image_build_date`
    ImageBuildDate,
    /// `image_original_user`
    ImageOriginalUser,
    /// `image_source`
    ImageSource,
    /// `image_description`
    ImageDescription,
    /// `replace_frequency`
    ReplaceFrequency,
    /// `provided_until`
    ProvidedUntil,
    /// `uuid_validity`
    UuidValidity,
    /// `hotfix_hours`
    HotfixHours,
}

impl Property {
    /// All properties that testcases are about.
    pub const ALL: [Self; 18] = [
        Self::Architecture,
        Self::HashAlgo,
        Self::MinDisk,
        Self::MinRam,
        Self::OsVersion,
        Self::OsDistro,
        Self::OsPurpose,
        Self::HwDiskBus,
        Self::HypervisorType,
        Self::HwRngModel,
        Self::ImageBuildDate,
        Self::ImageOriginalUser,
        Self::ImageSource,
        Self::ImageDescription,
        Self::ReplaceFrequency,
        Self::ProvidedUntil,
        Self::UuidValidity,
        Self::HotfixHours,
    ];

    /// What Glance calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Architecture => "architecture",
            Self::HashAlgo => "os_hash_algo",
            Self::MinDisk => "min_disk",
            Self::MinRam => "min_ram",
            Self::OsVersion => "os_version",
            Self::OsDistro => "os_distro",
            Self::OsPurpose => "os_purpose",
            Self::HwDiskBus => "hw_disk_bus",
            Self::HypervisorType => "hypervisor_type",
            Self::HwRngModel => "hw_rng_model",
            Self::ImageBuildDate => "image_build_date",
            Self::ImageOriginalUser => "image_original_user",
            Self::ImageSource => "image_source",
            Self::ImageDescription => "image_description",
            Self::ReplaceFrequency => "replace_frequency",
            Self::ProvidedUntil => "provided_until",
            Self::UuidValidity => "uuid_validity",
            Self::HotfixHours => "hotfix_hours",
        }
    }

    /// What testcases call it.
    const fn id(self) -> &'static str {
        match self {
            Self::HashAlgo => "hash_algo",
            other => other.name(),
        }
    }
}

/// An aspect that volume types advertise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Aspect {
    /// Data is encrypted.
    Encrypted,
    /// Data is kept several times.
    Replicated,
}

impl Aspect {
    /// The word in descriptions of volume types.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Replicated => "replicated",
        }
    }
}

/// The services that testcases look for.
const SERVICES: [&str; 7] =
    ["compute", "identity", "image", "network", "load-balancer", "placement", "s3"];

impl Testcase {
    /// The testcase with this id, if Lotse has it.
    pub fn find(id: &str) -> Option<Self> {
        if let Some(check) = Check::find(id) {
            return Some(Self::Kubernetes(check));
        }
        let rest = id.strip_prefix("scs-")?;
        let found = match rest {
            "0100-syntax-check" => Self::FlavorSyntax,
            "0100-semantics-check" => Self::FlavorSemantics,
            "0101-entropy-avail" => Self::Entropy,
            "0101-fips-test" => Self::RandomnessQuality,
            "0102-image-recency" => Self::ImageRecency,
            "0102-os_purpose-uniqueness" => Self::ImageUniqueness,
            "0114-syntax-check" => Self::VolumeTypeSyntax,
            "0114-encrypted-type" => Self::VolumeTypeAspect(Aspect::Encrypted),
            "0114-replicated-type" => Self::VolumeTypeAspect(Aspect::Replicated),
            "0115-default-rules" => Self::DefaultRules,
            "0116-presence" => Self::KeyManager,
            "0116-permissions" => Self::KeyManagerPermissions,
            "0117-test-backup" => Self::VolumeBackup,
            "0123-storage-apis" => Self::BlockStorage,
            "0123-swift-s3" => Self::SwiftS3,
            _ => return Self::find_in_family(rest),
        };
        Some(found)
    }

    fn find_in_family(rest: &str) -> Option<Self> {
        if let Some(draft) = Draft::find(rest) {
            return Some(Self::Draft(draft));
        }
        if let Some(name) = rest.strip_prefix("0102-prop-") {
            let found = Property::ALL.into_iter().find(|property| property.id() == name);
            return found.map(Self::ImageProperty);
        }
        if let Some(name) = rest.strip_prefix("0103-flavor-") {
            return StandardFlavor::by_testcase(name).map(Self::Flavor);
        }
        if let Some(name) = rest.strip_prefix("0104-source-") {
            return StandardImage::by_testcase(name).map(Self::ImageSource);
        }
        if let Some(name) = rest.strip_prefix("0104-image-") {
            return StandardImage::by_testcase(name).map(Self::Image);
        }
        let name = rest.strip_prefix("0123-service-")?;
        SERVICES.into_iter().find(|service| *service == name).map(Self::Service)
    }

    /// What has to be observed to judge it.
    pub const fn need(&self) -> Need {
        match self {
            Self::FlavorSyntax | Self::FlavorSemantics | Self::Flavor(_) => Need::Flavors,
            Self::ImageProperty(_)
            | Self::ImageRecency
            | Self::ImageUniqueness
            | Self::ImageSource(_)
            | Self::Image(_) => Need::Images,
            Self::VolumeTypeSyntax | Self::VolumeTypeAspect(_) => Need::VolumeTypes,
            Self::DefaultRules => Need::DefaultRules,
            Self::KeyManagerPermissions => Need::Secret,
            Self::VolumeBackup => Need::Backup,
            Self::SwiftS3 => Need::S3,
            Self::Entropy | Self::RandomnessQuality => Need::Randomness,
            Self::KeyManager | Self::Service(_) | Self::BlockStorage => Need::Catalogue,
            Self::Draft(draft) => draft.need(),
            Self::Kubernetes(check) => Need::Kubernetes(check.part()),
        }
    }

    /// What the standard demands here, in one sentence.
    pub fn rule(&self) -> String {
        match self {
            Self::FlavorSyntax => {
                "names of flavors that begin with SCS- follow the grammar of names".to_owned()
            }
            Self::FlavorSemantics => {
                "a flavor has at least the CPUs, memory and disk that its name promises".to_owned()
            }
            Self::Entropy => "a new server has 256 bits of entropy".to_owned(),
            Self::RandomnessQuality => {
                "of 1000 blocks of random bits of a new server at most 5 fail FIPS 140-2".to_owned()
            }
            Self::Flavor(flavor) => {
                format!(
                    "there is a flavor {} with exactly this size and its extra specs",
                    flavor.name
                )
            }
            Self::ImageProperty(property) => property_rule(*property),
            Self::ImageRecency => {
                "images are replaced as often as replace_frequency promises".to_owned()
            }
            Self::ImageUniqueness => {
                "at most one generic image for each architecture, distribution and version"
                    .to_owned()
            }
            Self::ImageSource(image) => {
                format!("images \"{}\" come from the places of their vendor", image.name())
            }
            Self::Image(image) => format!("there is an image \"{}\"", image.name()),
            Self::VolumeTypeSyntax => {
                "aspects stand at the beginning of descriptions, sorted, as in \
                 [scs:encrypted, replicated]"
                    .to_owned()
            }
            Self::VolumeTypeAspect(aspect) => {
                format!("there is a volume type that says it is {}", aspect.word())
            }
            Self::DefaultRules => "security groups begin with rules that let nothing in but from \
                 the same group, and everything out over IPv4 and IPv6"
                .to_owned(),
            Self::KeyManager => "the catalogue has a key manager".to_owned(),
            Self::KeyManagerPermissions => {
                "members can keep secrets in the key manager, if there is one".to_owned()
            }
            Self::VolumeBackup => "a volume can be backed up and restored".to_owned(),
            Self::Service(name) => format!("the catalogue has a service of type {name}"),
            Self::BlockStorage => "the catalogue has volume, volumev3 or block-storage".to_owned(),
            Self::SwiftS3 => "the object storage speaks S3, too".to_owned(),
            Self::Draft(draft) => draft.rule(),
            Self::Kubernetes(check) => check.rule().to_owned(),
        }
    }
}

fn property_rule(property: Property) -> String {
    use lotse_scs::image;
    let one_of = |name: &str, words: &[&str]| format!("{name} is one of {}", words.join(", "));
    let name = property.name();
    match property {
        Property::Architecture => one_of(name, &image::ARCHITECTURES),
        Property::HashAlgo => one_of(name, &image::HASHES),
        Property::OsPurpose => one_of(name, &image::PURPOSES),
        Property::ReplaceFrequency => one_of(name, &image::FREQUENCIES),
        Property::HwDiskBus => one_of(name, &image::DISK_BUSES) + ", if it is there",
        Property::HypervisorType => one_of(name, &image::HYPERVISORS) + ", if it is there",
        Property::HwRngModel => one_of(name, &image::RNG_MODELS) + ", if it is there",
        Property::MinDisk => "min_disk is set, and not smaller than the image".to_owned(),
        Property::MinRam => "min_ram is set".to_owned(),
        Property::ImageSource => "image_source is an address, or private".to_owned(),
        Property::ImageBuildDate => {
            "image_build_date is a date, not after the image was created".to_owned()
        }
        Property::UuidValidity => {
            "uuid_validity is none, notice, forever, last-N or a date, if it is there".to_owned()
        }
        Property::HotfixHours => "hotfix_hours is a number, if it is there".to_owned(),
        other => format!("{} is not empty", other.name()),
    }
}
