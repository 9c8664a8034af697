//! Testcases that published scopes do not have yet: what drafts of standards add (scs-0103 version 1.3,
//! scs-0104-v2, scs-0125 to scs-0128), and those on
//! managers of domains (scs-0302), which the scopes leave to people. Upstream has no tool for most of them, so that both modes judge
//! alike.

use lotse_scs::image_names::{NODE_IMAGE_DESCRIPTION, Vendor};
use lotse_scs::standard_flavors::{REQUIRED, StandardFlavor};

use crate::snapshot::Sphere;
use crate::tempest::Component;
use crate::testcase::Need;

/// A testcase of a draft.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Draft {
    /// A flavor of the standard says how much it is wanted.
    Mark(&'static StandardFlavor),
    /// Flavors that are not of the standard do not say that they are.
    OtherMarks,
    /// Generic images of a distribution come from its vendor.
    VendorSource(Vendor),
    /// A version of Ubuntu with long-term support is there: the latest, or so many before it.
    Lts(i16),
    /// The stable version of Debian is there.
    DebianStable,
    /// Node images say what they are.
    NodeImages,
    /// Exactly one provider network is the standard one.
    StandardNetwork,
    /// Servers plugged into provider networks cannot pretend to be others.
    PortSecurity,
    /// Exactly one pool gives IPv6 prefixes by default.
    Ipv6Pool,
    /// If there are pools of IPv4 prefixes, exactly one gives them by default.
    Ipv4Pool,
    /// Servers have names in their networks.
    DnsIntegration,
    /// Where DNS is a service, ports have domains.
    DnsDomainPorts,
    /// Public addresses are encrypted as they should.
    Encryption(Encryption),
    /// No test of Tempest failed.
    Tempest(Component),
    /// Managers of domains do everything in their domain, and nothing elsewhere.
    Manager(Sphere),
}

/// What scs-0125 demands of public addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encryption {
    /// All of them are encrypted.
    Everywhere,
    /// TLS 1.2 and 1.3, and nothing older.
    Versions,
    /// The suites of the standard only.
    Suites,
    /// The groups of the standard only.
    Groups,
    /// Certificates that are good for a year at most.
    Certificates,
}

/// Ids without the `scs-` before them.
const IDS: [(&str, Draft); 27] = [
    ("0103-required-others", Draft::OtherMarks),
    ("0104-v2-source-debian", Draft::VendorSource(Vendor::Debian)),
    ("0104-v2-source-ubuntu", Draft::VendorSource(Vendor::Ubuntu)),
    ("0104-v2-ubuntu-latest", Draft::Lts(0)),
    ("0104-v2-ubuntu-previous", Draft::Lts(1)),
    ("0104-v2-debian-stable", Draft::DebianStable),
    ("0104-v2-capi", Draft::NodeImages),
    ("0125-encrypted", Draft::Encryption(Encryption::Everywhere)),
    ("0125-tls-versions", Draft::Encryption(Encryption::Versions)),
    ("0125-tls-ciphers", Draft::Encryption(Encryption::Suites)),
    ("0125-tls-curves", Draft::Encryption(Encryption::Groups)),
    ("0125-certificate-lifespan", Draft::Encryption(Encryption::Certificates)),
    ("0126-standard-network", Draft::StandardNetwork),
    ("0126-port-security", Draft::PortSecurity),
    ("0126-ipv6-pool", Draft::Ipv6Pool),
    ("0126-ipv4-pool", Draft::Ipv4Pool),
    ("0127-dns-integration", Draft::DnsIntegration),
    ("0127-dns-domain-ports", Draft::DnsDomainPorts),
    ("0128-tempest-compute", Draft::Tempest(Component::Compute)),
    ("0128-tempest-network", Draft::Tempest(Component::Network)),
    ("0128-tempest-volume", Draft::Tempest(Component::Volume)),
    ("0128-tempest-image", Draft::Tempest(Component::Image)),
    ("0128-tempest-identity", Draft::Tempest(Component::Identity)),
    ("0302-domain-manager-users", Draft::Manager(Sphere::Users)),
    ("0302-domain-manager-projects", Draft::Manager(Sphere::Projects)),
    ("0302-domain-manager-groups", Draft::Manager(Sphere::Groups)),
    ("0302-domain-manager-roles", Draft::Manager(Sphere::Roles)),
];

impl Draft {
    /// The testcase with this id, without the `scs-` before it.
    pub(crate) fn find(rest: &str) -> Option<Self> {
        if let Some((_, found)) = IDS.iter().find(|(id, _)| *id == rest) {
            return Some(*found);
        }
        let name = rest.strip_prefix("0103-required-")?;
        StandardFlavor::by_testcase(name).map(Self::Mark)
    }

    /// What has to be observed to judge it.
    pub(crate) const fn need(&self) -> Need {
        match self {
            Self::Mark(_) | Self::OtherMarks => Need::Flavors,
            Self::VendorSource(_) | Self::Lts(_) | Self::DebianStable | Self::NodeImages => {
                Need::Images
            }
            Self::Encryption(_) => Need::Encryption,
            Self::Tempest(_) => Need::Tempest,
            Self::Manager(_) => Need::DomainManager,
            _ => Need::Networks,
        }
    }

    /// What the draft demands, in one sentence.
    pub(crate) fn rule(&self) -> String {
        match self {
            Self::Mark(flavor) => {
                let mark = flavor.demand.mark();
                format!("the flavor {} has the extra spec {REQUIRED}={mark}", flavor.name)
            }
            Self::OtherMarks => format!("flavors that are not of the standard have {REQUIRED}=optional, if they have it"),
            Self::VendorSource(vendor) => format!(
                "generic images with os_distro {} come from the places of their vendor",
                vendor.distro()
            ),
            Self::Lts(0) => "there is a generic image of the latest Ubuntu with long-term support, from April 30 on".to_owned(),
            Self::Lts(_) => "there is a generic image of the previous Ubuntu with long-term support".to_owned(),
            Self::DebianStable => "there is a generic image of the stable Debian".to_owned(),
            Self::NodeImages => format!("images ubuntu-capi-image have os_purpose k8snode, image_description {NODE_IMAGE_DESCRIPTION} and come from there"),
            Self::StandardNetwork => "exactly one provider network has is_default, and it is external".to_owned(),
            Self::PortSecurity => "provider networks into which servers are plugged have port security".to_owned(),
            Self::Ipv6Pool => "exactly one shared subnet pool of IPv6 has is_default, and gives at least /64".to_owned(),
            Self::Ipv4Pool => "if there is a shared subnet pool of IPv4, exactly one has is_default".to_owned(),
            Self::DnsIntegration => "the network service has the extension dns-integration".to_owned(),
            Self::Encryption(rule) => rule.rule().to_owned(),
            Self::Manager(Sphere::Roles) => "managers of domains cannot give the role admin".to_owned(),
            Self::Manager(sphere) => format!("managers of domains look after the {} of their domain, and touch those of no other", sphere.many()),
            Self::Tempest(component) => format!("no test of Tempest that the draft names fails in tempest.api.{}", component.word()),
            Self::DnsDomainPorts => "where the catalogue has dns, the network service has the extension dns-domain-ports".to_owned(),
        }
    }
}

impl Encryption {
    const fn rule(self) -> &'static str {
        match self {
            Self::Everywhere => "all public addresses are encrypted",
            Self::Versions => "public addresses take TLS 1.2 or 1.3, and nothing older",
            Self::Suites => {
                "public addresses take only the suites of Mozilla's intermediate configuration"
            }
            Self::Groups => "public addresses take only the groups X25519, P-256 and P-384",
            Self::Certificates => "certificates of public addresses are good for 366 days at most",
        }
    }
}
